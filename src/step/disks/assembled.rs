use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wiped::STOP_ARRAY;
use crate::facts::md;
use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Compared, Progress, Seen, Step, Touched, Undo, answered, md_uuid};

/// An array that runs. Creating starts it; after a reboot of the rescue system it must be assembled again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assembled {
    /// `/dev/md0`
    pub device: String,
    /// md's form: four groups of eight hexadecimal digits
    pub uuid: String,
    /// `/dev/disk/by-partuuid/…`
    pub members: Vec<String>,
}

impl Assembled {
    fn by_id(&self) -> String {
        format!("/dev/disk/by-id/md-uuid-{}", self.uuid)
    }
}

/// Whether an array with this UUID runs.
pub(crate) fn runs(on: &dyn Look, side: Side, uuid: &str) -> Result<bool, HostError> {
    let all = answered(on, side, md::exports_query())?;
    Ok(all.stdout.lines().any(|line| line.strip_prefix("MD_UUID=") == Some(uuid)))
}

impl Step for Assembled {
    fn title(&self) -> String {
        format!("assemble {}", self.device.trim_start_matches("/dev/"))
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        if !runs(on, side, &self.uuid)? {
            return Ok(Seen::Absent);
        }
        let link = on.ask(side, Query::run(["mdadm", "--detail", "--export", &self.by_id()]))?;
        Ok(if md_uuid(&link.stdout) == Some(self.uuid.as_str()) {
            Seen::Present
        } else {
            Seen::Underway(Progress { what: "waiting for udev to name the array".into(), bytes: None })
        })
    }

    fn apply(&self) -> Vec<Act> {
        let mut argv = vec!["mdadm".to_string(), "--assemble".into(), "--run".into(), self.device.clone()];
        argv.push(format!("--uuid={}", self.uuid));
        argv.extend(self.members.iter().cloned());
        vec![Act::run(argv), Act::run(["udevadm", "settle"])]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["sh", "-c", STOP_ARRAY, "sh", &self.by_id()])])
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        vec![Touched::any("array"), Touched::any("device")]
    }
}
