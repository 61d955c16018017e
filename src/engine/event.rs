//! What the engine tells while it works. It never prints: whoever shows this decides how.

use std::time::Duration;

use crate::host::{Act, Side};
use crate::journal::Kind;
use crate::runbook::StepId;
use crate::step::{Progress, Seen};

#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// `steps`: how many are to be gone through
    RunStarted {
        kind: Kind,
        steps: usize,
    },
    StepStarted {
        step: StepId,
        kind: Kind,
    },
    /// not looked at: what takes its place has begun
    Over {
        step: StepId,
    },
    Observed {
        step: StepId,
        seen: Seen,
    },
    /// act `index` (from 0) of `of`
    Acting {
        step: StepId,
        side: Side,
        index: usize,
        of: usize,
        act: Act,
    },
    /// it does not agree yet
    Waiting {
        step: StepId,
        seen: Seen,
    },
    /// long work, as [`Event::Waiting`], with how far it is
    Progress {
        step: StepId,
        progress: Progress,
    },
    Adopted {
        step: StepId,
    },
    AlreadySo {
        step: StepId,
    },
    Done {
        step: StepId,
        took: Duration,
    },
    Undone {
        step: StepId,
        took: Duration,
    },
    /// there was nothing to take back, and why
    NothingToUndo {
        step: StepId,
        why: String,
    },
    Failed {
        step: StepId,
        side: Side,
        what: String,
    },
    /// the person stopped us: it stays as it is, nothing on a server is killed
    Left {
        step: StepId,
    },
    LinkLost {
        step: StepId,
        side: Side,
        cause: String,
    },
    /// `away`: since the link was noticed to be lost
    LinkBack {
        step: StepId,
        side: Side,
        away: Duration,
    },
    RunEnded {
        kind: Kind,
    },
}

/// Told from several threads; must not block for long.
pub type Observer<'a> = &'a (dyn Fn(Notice) + Sync);
