use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Side};
use crate::step::{Compared, Mark, Seen, Step, Touched, Undo, mounts};

/// A mounted file system, or a directory of the rescue system bound into the migrated one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// a block device; a directory where `bind`
    pub source: String,
    /// mount point
    pub target: String,
    /// A directory, without what is mounted below it (mount(8) `--bind`): with all of it, /run would hold the very tree
    /// that it is bound into, and other mount namespaces would never let go of that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bind: bool,
}

impl Step for Mount {
    fn title(&self) -> String {
        format!("mount {} on {}", self.source, self.target)
    }

    fn mark(&self) -> Mark {
        Mark::Create
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let all = mounts(on, side)?;
        Ok(if all.iter().any(|mount| mount.target == self.target) { Seen::Present } else { Seen::Absent })
    }

    fn apply(&self) -> Vec<Act> {
        let mut acts = vec![Act::run(["mkdir", "-p", &self.target])];
        if self.bind {
            acts.push(Act::run(["mount", "--bind", &self.source, &self.target]));
        } else {
            acts.push(Act::run(["mount", &self.source, &self.target]));
        }
        acts
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["umount", "--recursive", &self.target])])
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        vec![Touched::any("mount")]
    }
}
