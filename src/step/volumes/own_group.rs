use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Side};
use crate::step::{Mark, Seen, Step, Undo, pvs, vgs};

/// A volume group of new's own, by the name that old's has: its volumes are filled from below.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnGroup {
    /// as vgs(8) prints it
    pub vg: String,
    /// the array or the partition that it is on
    pub device: String,
    /// LVM's UUID of its physical volume, decided beforehand
    pub pv_uuid: String,
    /// bytes of one extent: as on old
    pub extent: u64,
}

/// Removes the group, where it is there, and then the label: `GROUP DEVICE`
pub(crate) const REMOVE: &str = r#"if vgs --noheadings -o vg_name | grep -q "^ *$1 *\$"; then vgremove --yes -ff "$1" || exit; fi
pvremove --yes -ff "$2""#;

impl Step for OwnGroup {
    fn title(&self) -> String {
        format!("volume group {} on {}", self.vg, self.device.trim_start_matches("/dev/disk/by-id/"))
    }

    fn mark(&self) -> Mark {
        Mark::Create
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let (groups, disks) = (vgs(on, side)?, pvs(on, side)?);
        let ours = disks.iter().find(|pv| pv.uuid == self.pv_uuid);
        let there = groups.iter().any(|vg| vg.name == self.vg);
        Ok(match ours {
            Some(pv) if pv.vg == self.vg && !pv.missing => Seen::Present,
            Some(pv) if pv.group().is_none() && !there => Seen::Partial("the disk is in no group yet".into()),
            Some(pv) => Seen::Foreign(format!("the disk belongs to the group {}", pv.vg)),
            None if there => Seen::Foreign(format!("there is another group {}", self.vg)),
            None => Seen::Absent,
        })
    }

    fn apply(&self) -> Vec<Act> {
        let extent = format!("{}b", self.extent);
        vec![
            Act::run(["pvcreate", "--yes", "-ff", "--uuid", &self.pv_uuid, "--norestorefile", &self.device]),
            Act::run(["vgcreate", "--yes", "--physicalextentsize", &extent, &self.vg, &self.device]),
        ]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["sh", "-c", REMOVE, "sh", &self.vg, &self.device])])
    }
}
