use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Compared, Mark, NO_ARCHIVE, Seen, Step, Touched, Undo, gone, pvs, signature_list};

/// An LVM label on the disk that new offers, with a UUID decided beforehand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhysicalVolume {
    /// `/dev/disk/by-path/…`
    pub device: String,
    /// LVM's UUID of the physical volume, as pvs(8) prints it
    pub uuid: String,
    /// for people: what it is on new
    pub label: String,
    /// the group that new's half becomes at the cut. A way back that was ended behind the cut leaves it on the disk, for old
    /// had let go of that before; what was cut off was never booted, and is copied again
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub travels: String,
}

/// What udev(7) calls a disk with this label (lvm2's 69-dm-lvm.rules), wherever it appears.
pub(crate) fn by_label(uuid: &str) -> String {
    format!("/dev/disk/by-id/lvm-pv-uuid-{uuid}")
}

/// Wipes the disk. What is on a half that was cut off may be active, and hold it: vgremove(8) ends that.
pub(crate) const WIPE: &str = r#"if [ "$3" ] && pvs --noheadings -o pv_uuid,vg_name 2>/dev/null | grep "$2" | grep -q " $3 *\$"
then vgremove --yes -ff --config "$4" "$3" || exit; fi
wipefs --all --quiet "$1""#;

impl Step for PhysicalVolume {
    fn title(&self) -> String {
        format!("physical volume on {}", self.label)
    }

    fn mark(&self) -> Mark {
        Mark::Create
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        // also where its group misses it, after a link that was dead for long: that is the next step's matter
        match pvs(on, side)?.iter().find(|pv| pv.uuid == self.uuid) {
            // the boot hook, or dmeventd: vgextend(8) takes no disk whose label says that it is in use
            Some(pv) if pv.given_up() => return Ok(Seen::Partial("its group went on without it".into())),
            Some(pv) if !self.travels.is_empty() && pv.vg == self.travels => return Ok(Seen::Absent),
            Some(pv) if pv.group().is_some() => return Ok(Seen::Present),
            // The next steps call it by its label. udevd(8) hears of a label when pvcreate(8) closes the disk, and `udevadm
            // settle` does not wait for what udevd has not heard of yet.
            Some(_) if gone(on, side, &by_label(&self.uuid))? => {
                return Ok(Seen::Partial("udev has no name for it yet".into()));
            }
            Some(_) => return Ok(Seen::Present),
            None => {}
        }
        if gone(on, side, &self.device)? {
            return Ok(Seen::Absent);
        }
        // A disk whose link is dead cannot be read, and nothing on it is there for old. Writing would say so, too.
        let probe = on.ask(side, Query::run(["wipefs", "--json", &self.device]))?;
        if !probe.success() {
            return Ok(Seen::Absent);
        }
        let found = signature_list(&probe.stdout);
        Ok(if found.is_empty() {
            Seen::Absent
        } else if found.iter().all(|kind| kind == "LVM2_member") {
            // half-written by us, or left behind when the group gave it up
            Seen::Partial("it has a label that LVM does not list".into())
        } else {
            Seen::Foreign(format!("{} holds {}", self.device, found.join(", ")))
        })
    }

    fn apply(&self) -> Vec<Act> {
        // What may stand there is ours, from a copy that was given up: this disk has the serial number of this migration.
        // wipefs(8) refuses a device that anything holds.
        vec![
            Act::run(["sh", "-c", WIPE, "sh", &self.device, &self.uuid, &self.travels, NO_ARCHIVE]),
            // Its copy of the group's metadata is not used before vgsplit(8), which needs it: what an earlier attempt has
            // left on new must never be newer than what old knows. pvcreate(8)
            Act::run([
                "pvcreate",
                "--yes",
                "-ff",
                "--metadataignore",
                "y",
                "--uuid",
                &self.uuid,
                "--norestorefile",
                &self.device,
            ]),
            // the event is made and waited for: udevadm(8)
            Act::run(["udevadm", "trigger", "--settle", "--action=change", &self.device]),
        ]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["pvremove", "--yes", "-ff", &self.device])])
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        vec![Touched::one("physical volume", &self.uuid)]
    }
}
