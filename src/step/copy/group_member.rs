use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Side};
use crate::step::{Compared, Seen, Step, Touched, Undo, pvs};

/// The new physical volume as a member of the volume group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupMember {
    /// the group of old that grows by it
    pub vg: String,
    /// the disk that new offers, by its UUID: `/dev/disk/by-id/lvm-pv-uuid-…`
    pub device: String,
    /// LVM's UUID of the physical volume, as pvs(8) prints it
    pub uuid: String,
    /// for people: what it is on new
    pub label: String,
    /// the group that new's half becomes at the cut: see the step before, which makes an end of it
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub travels: String,
}

impl Step for GroupMember {
    fn title(&self) -> String {
        format!("volume group {} + {}", self.vg, self.label)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let all = pvs(on, side)?;
        Ok(match all.iter().find(|pv| pv.uuid == self.uuid) {
            Some(pv) if pv.vg == self.vg && !pv.missing => Seen::Present,
            Some(pv) if pv.vg == self.vg => Seen::Partial(format!("{} misses it", self.vg)),
            Some(pv) if !self.travels.is_empty() && pv.vg == self.travels => Seen::Absent,
            // given up by the group while it was away, it belongs to none: its label is made again by the step before
            found => match found.and_then(|pv| pv.group()) {
                Some(other) => Seen::Foreign(format!("it belongs to the group {other}")),
                None => Seen::Absent,
            },
        })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::run(["sh", "-c", JOIN, "sh", &self.vg, &self.device, &self.uuid])]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["sh", "-c", LEAVE, "sh", &self.vg, &self.device, &self.uuid])])
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        vec![Touched::one("volume group", &self.vg), Touched::one("physical volume", &self.uuid)]
    }
}

/// Takes the disk into the group; or back in, where the group went on without it while the link was dead.
pub(crate) const JOIN: &str = r#"if pvs --noheadings -o pv_uuid,pv_missing,vg_name 2>/dev/null | grep "$3" | grep -q "missing *$1 *\$"
then vgck --updatemetadata "$1"; vgextend --restoremissing "$1" "$2"; else vgextend "$1" "$2"; fi"#;

/// Takes the disk out of the group: by name, or as a missing one where the link is gone, or was gone for a while. All
/// volumes have left it before, and vgreduce(8) refuses otherwise (there is no `--force` here).
pub(crate) const LEAVE: &str = r#"if pvs --noheadings -o pv_uuid,pv_missing,vg_name 2>/dev/null | grep "$3" | grep -v missing | grep -q " $1 *\$"
then vgreduce "$1" "$2"; else vgreduce --removemissing "$1"; fi"#;
