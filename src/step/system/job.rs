use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::stamped::Stamped;
use crate::step::{Mark, Seen, Step, Undo, answered};

/// A script that does its work once. It checks its own result and fails if it is not right; what it leaves is a stamp.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// what it does, for people
    pub title: String,
    /// it only checks something: of runbooks that were saved before there was a step for the proof of /boot
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub check: bool,
    /// sh(1), safe to run again
    pub script: String,
    /// given to the script, in this order
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
    fn stamped(&self) -> Stamped<'_> {
        let args = self.args.iter().map(String::as_str).collect();
        Stamped { script: &self.script, args, dir: &self.dir, name: &self.name }
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
        let seen = self.stamped().observe(on, side)?;
        if seen == Seen::Present {
            return Ok(seen);
        }
        // The stamp is forgotten with the boot; what was left on a disk is not.
        for path in &self.leaves {
            if answered(on, side, Query::file(path))?.file().is_some() {
                return Ok(Seen::Partial(format!("{path} is there, but from an earlier boot or another run")));
            }
        }
        Ok(seen)
    }

    fn apply(&self) -> Vec<Act> {
        self.stamped().acts()
    }

    fn undo(&self) -> Undo {
        // the stamp first: it must not say that there is what is not there any more
        let left = self.leaves.iter().map(|path| Act::Remove { path: path.clone() });
        Undo::Acts(self.stamped().forget().into_iter().chain(left).collect())
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}
