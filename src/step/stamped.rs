//! Work that leaves nothing by which it could be recognised. Its script checks its own result and fails if it is not
//! right; then a stamp is written that holds the hash of script and arguments. A stamp under /run is forgotten with the
//! boot in which the work was true.

use std::iter;

use super::ask::answered;
use super::contract::{Mark, Seen, Step, Undo};
use crate::host::{Act, HostError, Look, Query, Side, sha256};

/// A script that is put on a server and run there, with the stamp that it was.
pub(super) struct Stamped<'a> {
    pub script: &'a str,
    pub args: Vec<&'a str>,
    /// where script and stamp go
    pub dir: &'a str,
    /// file name of script and stamp
    pub name: &'a str,
}

impl Stamped<'_> {
    pub(super) fn stamp(&self) -> String {
        format!("{}/{}.done", self.dir, self.name)
    }

    fn digest(&self) -> String {
        let whole: Vec<&str> = iter::once(self.script).chain(self.args.iter().copied()).collect();
        sha256(whole.join("\0"))
    }

    pub(super) fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let stamp = answered(on, side, Query::file(&self.stamp()))?;
        let done = stamp.file().is_some_and(|found| found.trim() == self.digest());
        Ok(if done { Seen::Present } else { Seen::Absent })
    }

    pub(super) fn acts(&self) -> Vec<Act> {
        let script = format!("{}/{}.sh", self.dir, self.name);
        let argv = ["sh", &script].into_iter().chain(self.args.iter().copied());
        vec![
            Act::put(&script, self.script, 0o700),
            Act::long(argv),
            Act::put(self.stamp(), self.digest() + "\n", 0o600),
        ]
    }

    pub(super) fn forget(&self) -> Vec<Act> {
        vec![Act::Remove { path: self.stamp() }]
    }
}

/// A step that is such work and nothing more: all it has of its own is what it is called, and what its script is given.
pub(super) trait ByStamp {
    fn title(&self) -> String;

    fn mark(&self) -> Mark {
        Mark::Change
    }

    fn stamped(&self) -> Stamped<'_>;
}

impl<S: ByStamp> Step for S {
    fn title(&self) -> String {
        ByStamp::title(self)
    }

    fn mark(&self) -> Mark {
        ByStamp::mark(self)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        self.stamped().observe(on, side)
    }

    fn apply(&self) -> Vec<Act> {
        self.stamped().acts()
    }

    fn undo(&self) -> Undo {
        Undo::Acts(self.stamped().forget())
    }
}
