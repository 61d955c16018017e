use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Side};
use crate::step::{Compared, Seen, Step, Touched, Undo, mounts};

/// Nothing mounted at or below a directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unmounted {
    /// the directory
    pub target: String,
}

impl Step for Unmounted {
    fn title(&self) -> String {
        format!("unmount {} and all below", self.target)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let below = format!("{}/", self.target);
        let all = mounts(on, side)?;
        let left = all.iter().any(|mount| mount.target == self.target || mount.target.starts_with(&below));
        Ok(if left { Seen::Absent } else { Seen::Present })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::run(["sync"]), Act::run(["umount", "--recursive", &self.target])]
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("new is switched off")
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        vec![Touched::any("mount")]
    }
}
