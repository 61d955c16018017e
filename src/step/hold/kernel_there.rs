use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::ask::GONE;
use crate::step::{Mark, Seen, Step, Undo, answered};

/// Old still has the modules of the kernel with which new waits, and which the system that is copied gets on new.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KernelThere {
    /// its version, as uname(1) `-r` prints it
    pub kernel: String,
}

impl Step for KernelThere {
    fn title(&self) -> String {
        format!("old still has the modules of kernel {}", self.kernel)
    }

    fn mark(&self) -> Mark {
        Mark::Check
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        // depmod(8) makes it, and it goes with the package
        let list = format!("/lib/modules/{}/modules.dep", self.kernel);
        let asked = answered(on, side, Query::run(["sh", "-c", GONE, "sh", &list]))?;
        if !asked.stdout.is_empty() {
            return Ok(Seen::Foreign(format!(
                "new waits with kernel {}, and old has no modules of it any more: the system would come up on new without \
                 most of its drivers. Install that kernel's package again, then go on",
                self.kernel
            )));
        }
        Ok(Seen::Present)
    }

    fn apply(&self) -> Vec<Act> {
        Vec::new()
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("it only looked")
    }
}
