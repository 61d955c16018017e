use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::Mark;
use crate::step::stamped::{ByStamp, Stamped};
use crate::step::system::job::Job;

/// The boot file system arrived byte for byte: its hash is the one that travelled with the volumes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BootProof {
    /// where it is mounted
    pub target: String,
    /// the block device that is read, as it is named on new
    pub device: String,
    /// where the hash is, on the server
    pub hash_file: String,
    /// sh(1), safe to run again
    pub script: String,
    /// where script and stamp go on the server
    pub dir: String,
    /// file name of script and stamp
    pub name: String,
}

impl BootProof {
    /// As it was saved before it was a step of its own.
    pub(crate) fn of_job(job: &Job) -> Option<BootProof> {
        let [device, hash_file] = job.args.clone().try_into().ok()?;
        let target = job.title.strip_suffix(" arrived byte for byte")?.to_string();
        let Job { script, dir, name, .. } = job.clone();
        Some(BootProof { target, device, hash_file, script, dir, name })
    }
}

impl ByStamp for BootProof {
    fn title(&self) -> String {
        format!("{} arrived byte for byte", self.target)
    }

    fn mark(&self) -> Mark {
        Mark::Check
    }

    fn stamped(&self) -> Stamped<'_> {
        Stamped { script: &self.script, args: vec![&self.device, &self.hash_file], dir: &self.dir, name: &self.name }
    }
}
