use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Side};
use crate::step::{Seen, Step, Undo, lvs};

/// The volumes of a group as devices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Active {
    /// the volume group, as vgs(8) prints it
    pub vg: String,
    /// names within the group, as lvs(8) prints them
    pub lvs: Vec<String>,
}

impl Step for Active {
    fn title(&self) -> String {
        format!("activate {}", self.vg)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let all = lvs(on, side)?;
        for name in &self.lvs {
            match all.iter().find(|lv| lv.vg == self.vg && lv.name == *name) {
                None => return Ok(Seen::Foreign(format!("there is no volume {}/{name}", self.vg))),
                Some(lv) if !lv.active => return Ok(Seen::Absent),
                Some(_) => {}
            }
        }
        Ok(Seen::Present)
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::run(["vgchange", "--activate", "y", &self.vg]), Act::run(["udevadm", "settle"])]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["vgchange", "--activate", "n", &self.vg])])
    }
}
