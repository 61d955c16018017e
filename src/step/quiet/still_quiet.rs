use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::nothing_writes;
use super::writes_counted;
use crate::facts::writers::Writable;
use crate::host::{Act, HostError, Look, Query, Server, Side};
use crate::step::{LOST, Mark, Seen, Step, Undo, answered, lost, power};

/// Nothing has been written on old since the mirrors were cut: it has not been booted, nobody has started a service or
/// made a file system writable again. What old wrote after the cut would be lost with the change of servers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StillQuiet {
    /// a file in memory that was written when everything was quiet; a boot forgets it
    pub mark: String,
    /// units that were stopped, and must be so still
    pub units: Vec<String>,
    /// mount points
    pub read_only: Vec<String>,
    /// `vg0/root`
    #[serde(default)]
    pub volumes: Vec<String>,
    /// the file with the count of writes as it was before the cut
    #[serde(default)]
    pub counted: String,
}

impl Step for StillQuiet {
    fn title(&self) -> String {
        "old has written nothing since the cut".into()
    }

    fn mark(&self) -> Mark {
        Mark::Check
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        // it was quiet when it was switched off, and who is off writes nothing
        if power(on, Server::Old)?.0 == "off" {
            return Ok(Seen::Present);
        }
        let written = |what: String| Ok(Seen::Foreign(format!("{what} since the mirrors were cut: {LOST}")));
        if answered(on, side, Query::file(&self.mark))?.file().is_none() {
            return written("old has been booted".into());
        }
        let mut argv = vec!["systemctl".to_string(), "is-active".into()];
        argv.extend(self.units.iter().cloned());
        let states = on.ask(side, Query::run(argv))?;
        // without its word nobody knows of a unit that it is quiet
        let words = states.stdout.lines().count();
        if words < self.units.len() {
            let cause = format!("{} units, {words} answers: {}", self.units.len(), states.stderr.trim());
            return Err(HostError::Unclear { side, command: "systemctl is-active".into(), cause });
        }
        for (unit, state) in self.units.iter().zip(states.stdout.lines()) {
            if matches!(state, "active" | "activating" | "reloading") {
                return written(format!("{unit} has been started"));
            }
        }
        if !self.counted.is_empty()
            && let [volume, ..] = writes_counted::written(on, side, &self.counted, &self.volumes)?.as_slice()
        {
            return written(format!("{volume} has been written to"));
        }
        let live = nothing_writes::live(on, side)?;
        for writer in live.writers(&self.volumes, &self.read_only) {
            // who only looks at a volume may have it open
            if !matches!(writer.way, Writable::Open(_)) {
                return written(writer.what);
            }
        }
        Ok(Seen::Present)
    }

    fn for_good(&self, seen: &Seen) -> bool {
        lost(seen)
    }

    fn apply(&self) -> Vec<Act> {
        Vec::new()
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("it only looked")
    }
}
