use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::assembled;
use super::wiped::STOP_ARRAY;
use crate::host::{Act, HostError, Look, Side};
use crate::step::{Compared, Seen, Step, Touched, Undo};

/// An array that has been stopped cleanly, so that its members agree at the next boot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArrayStopped {
    /// `/dev/md0`
    pub device: String,
    /// md's form: four groups of eight hexadecimal digits
    pub uuid: String,
}

impl Step for ArrayStopped {
    fn title(&self) -> String {
        format!("stop {}", self.device.trim_start_matches("/dev/"))
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        Ok(if assembled::runs(on, side, &self.uuid)? { Seen::Absent } else { Seen::Present })
    }

    fn apply(&self) -> Vec<Act> {
        let by_id = format!("/dev/disk/by-id/md-uuid-{}", self.uuid);
        vec![Act::run(["sh", "-c", STOP_ARRAY, "sh", &by_id])]
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("new is switched off")
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        vec![Touched::any("array"), Touched::any("device")]
    }
}
