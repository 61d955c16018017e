use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Seen, Step, Undo};
use crate::host::{Act, HostError, Look, Query, Side};

/// systemd units that run, or that are stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// in the order in which they are stopped; started the other way round
    pub units: Vec<String>,
    pub run: bool,
}

impl Step for Service {
    fn title(&self) -> String {
        format!("{} {}", if self.run { "start" } else { "stop" }, self.units.join(", "))
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let mut argv = vec!["systemctl".to_string(), "is-active".into()];
        argv.extend(self.units.iter().cloned());
        // one word a unit on standard output; the exit code only says whether all are active: systemctl(1)
        let answer = on.ask(side, Query::run(argv))?;
        let words: Vec<&str> = answer.stdout.lines().collect();
        if words.len() != self.units.len() {
            let cause = format!("{} units, {} answers: {}", self.units.len(), words.len(), answer.stderr.trim());
            return Err(HostError::Unclear { side, command: "systemctl is-active".into(), cause });
        }
        let running = words.iter().filter(|word| **word == "active").count();
        let moving = words.iter().any(|word| matches!(*word, "activating" | "deactivating" | "reloading"));
        let good = if self.run { running } else { words.len() - running };
        Ok(match good {
            _ if moving => Seen::Partial(words.join(", ")),
            good if good == words.len() => Seen::Present,
            0 => Seen::Absent,
            _ => Seen::Partial(words.join(", ")),
        })
    }

    fn apply(&self) -> Vec<Act> {
        vec![if self.run { self.start() } else { self.stop() }]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![if self.run { self.stop() } else { self.start() }])
    }

    fn patience(&self) -> std::time::Duration {
        std::time::Duration::from_secs(180)
    }
}

impl Service {
    fn start(&self) -> Act {
        let mut argv = vec!["systemctl".to_string(), "start".into()];
        argv.extend(self.units.iter().rev().cloned());
        Act::Run { argv, stdin: None, long: true }
    }

    fn stop(&self) -> Act {
        let mut argv = vec!["systemctl".to_string(), "stop".into()];
        argv.extend(self.units.iter().cloned());
        Act::Run { argv, stdin: None, long: true }
    }
}
