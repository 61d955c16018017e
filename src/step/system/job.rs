use std::iter;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side, sha256};
use crate::step::{Mark, Seen, Step, Undo, answered};

/// Work that leaves nothing by which it could be recognised: a comparison, a check of a file system, a boot loader
/// written to a disk. Its script checks its own result and fails if it is not right; then a stamp is written that holds
/// the hash of script and arguments. A stamp under /run is forgotten with the boot in which the work was true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    pub title: String,
    /// it only checks something
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub check: bool,
    /// sh(1), safe to run again
    pub script: String,
    pub args: Vec<String>,
    /// where script and stamp go on the server
    pub dir: String,
    /// file name of script and stamp
    pub name: String,
    /// bytes that it sends over the link
    #[serde(default)]
    pub bytes: u64,
    /// files that it leaves, which go when it is taken back
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaves: Vec<String>,
}

impl Job {
    fn stamp(&self) -> String {
        format!("{}/{}.done", self.dir, self.name)
    }

    fn digest(&self) -> String {
        let whole: Vec<&str> = iter::once(&self.script).chain(&self.args).map(String::as_str).collect();
        sha256(whole.join("\0"))
    }
}

impl Step for Job {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn mark(&self) -> Mark {
        if self.check { Mark::Check } else { Mark::Change }
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let stamp = answered(on, side, Query::file(&self.stamp()))?;
        if stamp.file().is_some_and(|found| found.trim() == self.digest()) {
            return Ok(Seen::Present);
        }
        // The stamp is forgotten with the boot; what was left on a disk is not.
        for path in &self.leaves {
            if answered(on, side, Query::file(path))?.file().is_some() {
                return Ok(Seen::Partial(format!("{path} is there, but from an earlier boot or another run")));
            }
        }
        Ok(Seen::Absent)
    }

    fn apply(&self) -> Vec<Act> {
        let script = format!("{}/{}.sh", self.dir, self.name);
        let mut argv = vec!["sh".to_string(), script.clone()];
        argv.extend(self.args.iter().cloned());
        vec![
            Act::put(&script, &self.script, 0o700),
            Act::long(argv),
            Act::put(self.stamp(), self.digest() + "\n", 0o600),
        ]
    }

    fn undo(&self) -> Undo {
        let left = self.leaves.iter().cloned().chain([self.stamp()]);
        Undo::Acts(left.map(|path| Act::Remove { path }).collect())
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}
