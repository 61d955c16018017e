use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::login::{session, sessions};
use crate::host::{Act, HostError, Look, Side};
use crate::step::{Seen, Step, Undo, answered};

/// No session with a target any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logout {
    /// name of the target, an IQN: RFC 7143, section 4.2.7
    pub iqn: String,
    /// `10.77.0.22:3260`
    pub portal: String,
    /// the disk that goes: `/dev/disk/by-path/ip-…-iscsi-…-lun-1`
    pub device: String,
}

impl Step for Logout {
    fn title(&self) -> String {
        format!("log out from {}", self.iqn)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let all = answered(on, side, sessions())?;
        Ok(if session(&all.stdout, &self.iqn).is_none() { Seen::Present } else { Seen::Absent })
    }

    fn apply(&self) -> Vec<Act> {
        vec![
            // sync(1) of a device has new empty the caches of its disks; blockdev(8) only empties old's
            Act::run(["sync", &self.device]),
            Act::run(["blockdev", "--flushbufs", &self.device]),
            Act::run(["iscsiadm", "-m", "node", "-T", &self.iqn, "-p", &self.portal, "--logout"]),
        ]
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("old is whole without it")
    }
}
