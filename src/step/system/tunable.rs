use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side, Text};
use crate::step::{Seen, Step, Undo, answered};

/// A kernel setting under /proc/sys. It is forgotten at the next boot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tunable {
    /// `/proc/sys/…`: proc_sys(5)
    pub path: String,
    /// what is written there, in the setting's own unit
    pub value: String,
    /// what it was when the facts were read
    pub was: String,
}

impl Step for Tunable {
    fn title(&self) -> String {
        format!("set {} to {} (was {})", self.path, self.value, self.was)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let found = answered(on, side, Query::file(&self.path))?;
        Ok(match found.file().map(str::trim) {
            Some(value) if value == self.value => Seen::Present,
            // whatever else it is, it is a number that a boot or a person put there
            _ => Seen::Absent,
        })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::feed(["tee", &self.path], Text::new(&self.value))]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::feed(["tee", &self.path], Text::new(&self.was))])
    }
}
