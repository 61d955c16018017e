use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Side};
use crate::step::{Compared, NO_ARCHIVE, Seen, Step, Touched, Undo, lvs};

/// Old reads a mirrored volume from its own disks only: raid1 would read from both, and believe what the network brings.
/// lvmraid(7); a mirror with a core log reads from its first leg anyway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteMostly {
    /// the volume group, as vgs(8) prints it
    pub vg: String,
    /// the volume's name within the group, as lvs(8) prints it
    pub lv: String,
    /// the disk that new offers
    pub device: String,
}

impl WriteMostly {
    fn acts(&self, how: &str) -> Vec<Act> {
        let (leg, name) = (format!("{}:{how}", self.device), format!("{}/{}", self.vg, self.lv));
        vec![Act::run(["lvchange", "--config", NO_ARCHIVE, "--writemostly", &leg, &name])]
    }
}

impl Step for WriteMostly {
    fn title(&self) -> String {
        format!("{}/{} is read from old's disks only", self.vg, self.lv)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let leg = format!("{}_rimage_1", self.lv);
        let all = lvs(on, side)?;
        let leg = all.iter().find(|lv| lv.vg == self.vg && lv.hidden && lv.name == leg);
        // lvs(8): the ninth letter of a leg's attributes is its health
        Ok(match leg.and_then(|leg| leg.attr.chars().nth(8)) {
            Some('w') => Seen::Present,
            _ => Seen::Absent,
        })
    }

    fn apply(&self) -> Vec<Act> {
        self.acts("y")
    }

    fn undo(&self) -> Undo {
        Undo::Acts(self.acts("n"))
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        Touched::volume(&self.vg, &self.lv).into()
    }
}
