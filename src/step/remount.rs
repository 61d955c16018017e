use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Seen, Step, Undo, mounts};
use crate::host::{Act, HostError, Look, Side};

/// A mounted file system made read-only: flushed and clean on disk, with nobody writing to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remount {
    pub target: String,
}

impl Step for Remount {
    fn title(&self) -> String {
        format!("{} read-only", self.target)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let all = mounts(on, side)?;
        // the last line of a mount point is the one on top
        Ok(match all.iter().rfind(|mount| mount.target == self.target) {
            None => Seen::Foreign(format!("{} is not mounted", self.target)),
            Some(mount) if mount.options.iter().any(|option| option == "ro") => Seen::Present,
            Some(_) => Seen::Absent,
        })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::run(["mount", "-o", "remount,ro", &self.target])]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["mount", "-o", "remount,rw", &self.target])])
    }
}
