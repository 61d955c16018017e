use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Side};
use crate::step::{Compared, NO_ARCHIVE, Seen, Step, Touched, Undo, pvs, vgs};

/// The disk on new with all that is on it leaves the group as a group of its own. From here on either server is whole
/// without the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupSplit {
    /// the group of old that it leaves
    pub vg: String,
    /// the name of the group on new, until it is there
    pub into: String,
    /// the disk that new offers, by its UUID: `/dev/disk/by-id/lvm-pv-uuid-…`
    pub device: String,
    /// LVM's UUID of that disk, as pvs(8) prints it
    pub pv_uuid: String,
}

impl Step for GroupSplit {
    fn title(&self) -> String {
        format!("split group {}: new's half becomes {}", self.vg, self.into)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let groups = vgs(on, side)?;
        let members = pvs(on, side)?;
        let home = members.iter().find(|pv| pv.uuid == self.pv_uuid).map(|pv| pv.vg.as_str());
        let old = groups.iter().find(|vg| vg.name == self.vg);
        Ok(match (old, home) {
            (None, _) => Seen::Foreign(format!("there is no group {}", self.vg)),
            // It is in the group still, be it that its link is dead: then splitting fails, and there is nothing to undo.
            (Some(_), Some(home)) if home == self.vg => Seen::Absent,
            (Some(vg), _) if vg.missing_pv_count > 0 => {
                Seen::Foreign(format!("{} physical volumes of {} are missing", vg.missing_pv_count, self.vg))
            }
            (Some(_), Some(home)) if home == self.into => Seen::Present,
            _ => Seen::Absent,
        })
    }

    fn apply(&self) -> Vec<Act> {
        vec![
            Act::run(["vgsplit", "--config", NO_ARCHIVE, &self.vg, &self.into, &self.device]),
            Act::run(["udevadm", "settle"]),
        ]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["vgremove", "--yes", "-ff", "--config", NO_ARCHIVE, &self.into])])
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        let groups = [&self.vg, &self.into].map(|vg| Touched::one("volume group", vg));
        let legs = Touched::beginning("logical volume", format!("{}/", self.into));
        groups.into_iter().chain([legs, Touched::one("physical volume", &self.pv_uuid)]).collect()
    }
}
