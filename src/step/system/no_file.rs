use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file::written;
use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Compared, Seen, Step, Touched, Undo, answered};

/// A file that is no longer there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoFile {
    /// absolute, on the side of the step
    pub path: String,
}

impl Step for NoFile {
    fn title(&self) -> String {
        format!("remove {}", self.path)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let there = answered(on, side, Query::file(&self.path))?;
        Ok(if there.file().is_none() { Seen::Present } else { Seen::Absent })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::Remove { path: self.path.clone() }]
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("new is switched off")
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        written(&self.path)
    }
}
