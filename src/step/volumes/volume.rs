use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Side};
use crate::step::{Mark, Seen, Step, Undo, lvs};

/// A new, empty logical volume: in place of one that needs no copying.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// the volume group, as vgs(8) prints it
    pub vg: String,
    /// the volume's name within the group, as lvs(8) prints it
    pub lv: String,
    /// bytes
    pub size: u64,
}

impl Step for Volume {
    fn title(&self) -> String {
        format!("volume {}/{}  {} MiB", self.vg, self.lv, self.size >> 20)
    }

    fn mark(&self) -> Mark {
        Mark::Create
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let all = lvs(on, side)?;
        Ok(match all.iter().find(|lv| lv.vg == self.vg && lv.name == self.lv) {
            None => Seen::Absent,
            Some(lv) if lv.size >= self.size => Seen::Present,
            Some(lv) => Seen::Foreign(format!("{}/{} has {} bytes, not {}", self.vg, self.lv, lv.size, self.size)),
        })
    }

    fn apply(&self) -> Vec<Act> {
        let size = format!("{}b", self.size);
        vec![Act::run(["lvcreate", "--yes", "--wipesignatures", "y", "--size", &size, "--name", &self.lv, &self.vg])]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["lvremove", "--yes", &format!("{}/{}", self.vg, self.lv)])])
    }
}
