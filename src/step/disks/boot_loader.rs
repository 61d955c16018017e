use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::stamped::{ByStamp, Stamped};
use crate::step::system::job::Job;

/// The boot loader of the migrated system on one disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BootLoader {
    /// by a lasting path
    pub disk: String,
    /// how people know the disk
    pub label: String,
    /// where the migrated system is mounted
    pub root: String,
    /// sh(1), safe to run again
    pub script: String,
    /// where script and stamp go on the server
    pub dir: String,
    /// file name of script and stamp
    pub name: String,
}

impl BootLoader {
    /// As it was saved before it was a step of its own.
    pub(crate) fn of_job(job: &Job) -> Option<BootLoader> {
        let [root, disk] = job.args.clone().try_into().ok()?;
        let label = job.title.strip_prefix("boot loader on disk ")?.to_string();
        let Job { script, dir, name, .. } = job.clone();
        Some(BootLoader { disk, label, root, script, dir, name })
    }
}

impl ByStamp for BootLoader {
    fn title(&self) -> String {
        format!("boot loader on disk {}", self.label)
    }

    fn stamped(&self) -> Stamped<'_> {
        Stamped { script: &self.script, args: vec![&self.root, &self.disk], dir: &self.dir, name: &self.name }
    }
}
