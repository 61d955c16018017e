use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Seen, Step, Undo};
use crate::host::{Act, HostError, Look, Query, Side};

/// systemd units that run, or that are stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// as they are stopped; started the other way round
    pub units: Vec<String>,
    pub run: bool,
    /// one after the other; otherwise systemd is told of all at once, and has an order of its own
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_order: bool,
}

/// Each is down before the next is told. What a socket has woken meanwhile is stopped with its socket at the end.
pub const STOP: &str =
    r#"for unit do systemctl stop "$unit" || exit; done; exec systemctl stop "$@""#;

/// One that does not start keeps no other from it.
pub const START: &str = r#"code=0; for unit do systemctl start "$unit" || code=$?; done; exit $code"#;

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
        let units = self.units.iter().rev().cloned();
        self.tell("start", START, units.collect())
    }

    fn stop(&self) -> Act {
        self.tell("stop", STOP, self.units.clone())
    }

    /// In either case one act: between two there would be a way to the server and back, while services are down.
    fn tell(&self, verb: &str, script: &str, units: Vec<String>) -> Act {
        let words: &[&str] =
            if self.in_order && units.len() > 1 { &["sh", "-c", script, "sh"] } else { &["systemctl", verb] };
        let argv = words.iter().map(|word| word.to_string()).chain(units).collect();
        Act::Run { argv, stdin: None, long: true }
    }
}
