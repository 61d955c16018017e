use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Side};
use crate::step::{Seen, Step, Undo, lvs, vgs};

/// A volume grown, to a size or into all that is free.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeSize {
    /// the volume group, as vgs(8) prints it
    pub vg: String,
    /// the volume's name within the group, as lvs(8) prints it
    pub lv: String,
    /// bytes; `None`: all that is free in the group
    pub to: Option<u64>,
}

impl Step for VolumeSize {
    fn title(&self) -> String {
        match self.to {
            Some(bytes) => format!("grow {}/{} to {} MiB", self.vg, self.lv, bytes >> 20),
            None => format!("grow {}/{} into all that is free", self.vg, self.lv),
        }
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let groups = vgs(on, side)?;
        let volumes = lvs(on, side)?;
        let Some(vg) = groups.iter().find(|vg| vg.name == self.vg) else {
            return Ok(Seen::Foreign(format!("there is no group {}", self.vg)));
        };
        let Some(lv) = volumes.iter().find(|lv| lv.vg == self.vg && lv.name == self.lv) else {
            return Ok(Seen::Foreign(format!("there is no volume {}/{}", self.vg, self.lv)));
        };
        let there = match self.to {
            Some(bytes) => lv.size >= bytes,
            None => vg.free_count == 0,
        };
        Ok(if there { Seen::Present } else { Seen::Absent })
    }

    fn apply(&self) -> Vec<Act> {
        let name = format!("{}/{}", self.vg, self.lv);
        vec![match self.to {
            Some(bytes) => Act::run(["lvextend", "--size", &format!("{bytes}b"), &name]),
            None => Act::run(["lvextend", "--extents", "+100%FREE", &name]),
        }]
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("new is switched off")
    }
}
