use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::{Block, identity, lsblk};
use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Compared, Progress, Seen, Step, Touched, Undo};

/// A session with one target, and the disk that it brings: known by its path, and proven by its serial number before
/// anything is ever written to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// name of the target, an IQN: RFC 7143, section 4.2.7
    pub iqn: String,
    /// `10.77.0.22:3260`
    pub portal: String,
    /// `/dev/disk/by-path/ip-…-iscsi-…-lun-1`
    pub device: String,
    /// the SCSI serial number that it must have
    pub serial: String,
    /// bytes it must have at least
    pub at_least: u64,
    /// bytes of a logical block: must be that of the volumes it will hold
    pub sector: u64,
}

/// Prints `TARGETNAME STATE` of each session; nothing where there is none.
pub(crate) const SESSIONS: &str = r#"for s in /sys/class/iscsi_session/session*; do [ -e "$s/targetname" ] || continue
echo "$(cat "$s/targetname") $(cat "$s/state")"; done"#;

/// `IQN PORTAL DEVICE`. A disk that did not answer when udev asked it has no serial number there, and nobody asks it again when
/// its session is back.
pub(crate) const LOGIN: &str = r#"for s in /sys/class/iscsi_session/session*; do
  [ -e "$s/targetname" ] && [ "$(cat "$s/targetname")" = "$1" ] || continue
  [ ! -e "$3" ] || exec udevadm trigger --settle --action=change "$3"
  exit 0
done
exec iscsiadm -m node -T "$1" -p "$2" --login
"#;

/// What udev knows of the disk is of a time when it did not answer.
const UNTOLD: &str = "udev knows no serial number of the disk";

/// The state of the session with `iqn`, if there is one.
pub(crate) fn session(sessions: &str, iqn: &str) -> Option<String> {
    sessions.lines().find_map(|line| line.strip_prefix(iqn)?.strip_prefix(' ').map(|state| state.trim().to_string()))
}

pub(crate) fn sessions() -> Query {
    Query::run(["sh", "-c", SESSIONS])
}

impl Step for Login {
    fn title(&self) -> String {
        format!("log in to {}", self.iqn)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let link = Query::run(["readlink", "-f", &self.device]);
        let answers = on.look(side, &[sessions(), lsblk::query(), link])?;
        let [sessions, blocks, link] = answers.as_slice() else { return Ok(Seen::Absent) };
        let waiting = |what: &str| Ok(Seen::Underway(Progress { what: what.into(), bytes: None }));
        match session(&sessions.stdout, &self.iqn).as_deref() {
            None => return Ok(Seen::Absent),
            Some("LOGGED_IN") => {}
            Some(state) => return waiting(&format!("the session is {state}")),
        }
        let blocks = lsblk::parse(&blocks.stdout).map_err(|cause| HostError::Unclear {
            side,
            command: "lsblk".into(),
            cause: cause.to_string(),
        })?;
        // Of all disks it is the one with our serial number, and there may be only one.
        let ours: Vec<_> = blocks.iter().filter(|block| block.serial.as_deref() == Some(&self.serial)).collect();
        // where there is no such link, readlink(1) gives back what it was asked for
        let named = Some(link.stdout.trim()).filter(|path| link.success() && *path != self.device);
        let untold = |block: &Block| block.serial.is_none() && Some(block.path.as_str()) == named;
        let [disk] = ours.as_slice() else {
            return if blocks.iter().any(untold) {
                Ok(Seen::Partial(UNTOLD.into()))
            } else if ours.is_empty() {
                waiting("waiting for the disk to appear")
            } else {
                Ok(Seen::Foreign(format!("{} disks have the serial number {}", ours.len(), self.serial)))
            };
        };
        let Some(named) = named else { return waiting("waiting for udev to name the disk") };
        Ok(if named != disk.path {
            Seen::Foreign(format!("{} is {named}, but the serial number is on {}", self.device, disk.path))
        } else if disk.tran.as_deref() != Some("iscsi") {
            Seen::Foreign(format!("{} is not an iSCSI disk", disk.path))
        } else if disk.size < self.at_least {
            Seen::Foreign(format!("{} has {} bytes, {} are needed", disk.path, disk.size, self.at_least))
        } else if disk.log_sec != self.sector {
            Seen::Foreign(format!("{} has logical blocks of {} bytes, not {}", disk.path, disk.log_sec, self.sector))
        } else {
            Seen::Present
        })
    }

    fn apply(&self) -> Vec<Act> {
        vec![
            Act::run(["sh", "-c", LOGIN, "sh", &self.iqn, &self.portal, &self.device]),
            Act::run(["udevadm", "settle"]),
        ]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["iscsiadm", "-m", "node", "-T", &self.iqn, "-p", &self.portal, "--logout"])])
    }

    fn goes_on_by_its_acts(&self, seen: &Seen) -> bool {
        matches!(seen, Seen::Partial(what) if what == UNTOLD)
    }

    fn touches(&self, of: &Compared) -> Vec<Touched> {
        // a disk that does not answer has no serial number for whoever asks anew: its path stays
        let is_ours = |block: &&Block| {
            block.serial.as_deref() == Some(self.serial.as_str()) || block.by_path.contains(&self.device)
        };
        let ours = of.now.blocks.iter().filter(is_ours);
        let disks = ours.map(|disk| Touched::one("disk", identity(disk)));
        disks.chain([Touched::one("iSCSI session", &self.iqn)]).collect()
    }
}
