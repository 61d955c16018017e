use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Seen, Step, Undo, pvs};

/// The physical volume reaches to the end of its array.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PvSize {
    /// `/dev/disk/by-id/md-uuid-…`
    pub device: String,
    /// LVM's UUID of the physical volume, as pvs(8) prints it
    pub uuid: String,
    /// bytes of an extent: less than that may stay over
    pub extent: u64,
}

impl Step for PvSize {
    fn title(&self) -> String {
        format!("physical volume fills {}", self.device.trim_start_matches("/dev/disk/by-id/"))
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let all = pvs(on, side)?;
        let size = on.ask(side, Query::run(["blockdev", "--getsize64", &self.device]))?;
        let Some(pv) = all.iter().find(|pv| pv.uuid == self.uuid) else {
            return Ok(Seen::Foreign(format!("there is no physical volume {}", self.uuid)));
        };
        let Ok(device) = size.stdout.trim().parse::<u64>() else {
            let cause = format!("{}{}", size.stdout, size.stderr);
            return Err(HostError::Unclear { side, command: "blockdev --getsize64".into(), cause });
        };
        // Metadata, alignment and a last part of an extent stay over: pvresize(8)
        Ok(if pv.size + 2 * self.extent + (2 << 20) >= device { Seen::Present } else { Seen::Absent })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::run(["pvresize", &self.device])]
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("new is switched off")
    }
}
