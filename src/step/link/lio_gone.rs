use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lio_export::{LIO_STATE, WITHDRAW};
use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Seen, Step, Undo, answered};

/// A target of the kernel's iSCSI server that is no more: the array belongs to new alone from here on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LioGone {
    /// name of the target, an IQN: RFC 7143, section 4.2.7
    pub iqn: String,
    /// name of the backstore in configfs
    pub name: String,
    /// where script and secret went on the server
    pub dir: String,
    /// what was offered: nothing of it may stay in a cache of this kernel
    pub device: String,
}

impl Step for LioGone {
    fn title(&self) -> String {
        format!("withdraw {}", self.iqn)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let state = answered(on, side, Query::run(["sh", "-c", LIO_STATE, "sh", &self.iqn, &self.name]))?;
        Ok(if state.stdout.trim().is_empty() { Seen::Present } else { Seen::Absent })
    }

    fn apply(&self) -> Vec<Act> {
        let script = format!("{}/lio-withdraw.sh", self.dir);
        vec![
            Act::put(&script, WITHDRAW, 0o700),
            Act::run(["sh", &script, &self.iqn, &self.name]),
            Act::run(["sync"]),
            Act::run(["blockdev", "--flushbufs", &self.device]),
        ]
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("new is switched off")
    }
}
