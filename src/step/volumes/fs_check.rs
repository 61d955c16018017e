use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::stamped::{ByStamp, Stamped};
use crate::step::system::job::Job;

/// The file system on a volume is clean, or was made so: fsck(8).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FsCheck {
    /// `vg0/root`
    pub volume: String,
    /// `xfs`, or one of ext2, ext3, ext4
    pub fstype: String,
    /// `/dev/mapper/vg0-root`
    pub device: String,
    /// sh(1), safe to run again
    pub script: String,
    /// where script and stamp go on the server
    pub dir: String,
    /// file name of script and stamp
    pub name: String,
}

impl FsCheck {
    /// As it was saved before it was a step of its own.
    pub(crate) fn of_job(job: &Job) -> Option<FsCheck> {
        let [fstype, device] = job.args.clone().try_into().ok()?;
        let volume = job.title.strip_prefix("check ")?.strip_suffix(&format!(" ({fstype})"))?.to_string();
        let Job { script, dir, name, .. } = job.clone();
        Some(FsCheck { volume, fstype, device, script, dir, name })
    }
}

impl ByStamp for FsCheck {
    fn title(&self) -> String {
        format!("check {} ({})", self.volume, self.fstype)
    }

    fn stamped(&self) -> Stamped<'_> {
        Stamped { script: &self.script, args: vec![&self.fstype, &self.device], dir: &self.dir, name: &self.name }
    }
}
