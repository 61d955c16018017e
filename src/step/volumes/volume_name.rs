use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Side};
use crate::step::{Seen, Step, Undo, lvs};

/// A logical volume under the name that the migrated system knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeName {
    /// the volume group, as vgs(8) prints it
    pub vg: String,
    /// the name of the leg, under which it travelled
    pub from: String,
    /// the name that old's volume has
    pub to: String,
}

impl Step for VolumeName {
    fn title(&self) -> String {
        format!("rename {}/{} to {}", self.vg, self.from, self.to)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let all = lvs(on, side)?;
        let there = |name: &str| all.iter().any(|lv| lv.vg == self.vg && lv.name == name);
        Ok(match (there(&self.from), there(&self.to)) {
            (false, true) => Seen::Present,
            (true, false) => Seen::Absent,
            (true, true) => Seen::Foreign(format!("there is a {}/{} already", self.vg, self.to)),
            (false, false) => Seen::Foreign(format!("there is no {}/{}", self.vg, self.from)),
        })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::run(["lvrename", &self.vg, &self.from, &self.to])]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["lvrename", &self.vg, &self.to, &self.from])])
    }
}
