//! What the engine tells while it works. It never prints: whoever shows this decides how.

use std::time::Duration;

use crate::host::{Act, Side};
use crate::journal::Kind;
use crate::runbook::StepId;
use crate::step::{Progress, Seen};

/// `step` is the step that it happens to, `side` the system that is spoken of.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "what the fields of most are is said once, above")]
pub enum Notice {
    /// `steps`: how many are to be gone through
    RunStarted { kind: Kind, steps: usize },
    /// it is looked at next
    StepStarted { step: StepId, kind: Kind },
    /// not looked at: what takes its place has begun
    Over { step: StepId },
    /// what was seen of it
    Observed { step: StepId, seen: Seen },
    /// act `index` (from 0) of `of`
    Acting { step: StepId, side: Side, index: usize, of: usize, act: Act },
    /// it does not agree yet
    Waiting { step: StepId, seen: Seen },
    /// long work, as [`Notice::Waiting`], with how far it is
    Progress { step: StepId, progress: Progress },
    /// it was there before: recorded once, never undone
    Adopted { step: StepId },
    /// it was done by an earlier run
    AlreadySo { step: StepId },
    /// it was seen to be so; `took`: since it was begun
    Done { step: StepId, took: Duration },
    /// it was seen to be gone; `took`: since the undoing was begun
    Undone { step: StepId, took: Duration },
    /// there was nothing to take back, and why
    NothingToUndo { step: StepId, why: String },
    /// it cannot go on; `what`: why, in words
    Failed { step: StepId, side: Side, what: String },
    /// the person stopped us: it stays as it is, nothing on a server is killed
    Left { step: StepId },
    /// the system does not answer any more; it is waited for
    LinkLost { step: StepId, side: Side, cause: String },
    /// `away`: since the link was noticed to be lost
    LinkBack { step: StepId, side: Side, away: Duration },
    /// the last notice of a run
    RunEnded { kind: Kind },
}

/// Told from several threads; must not block for long.
pub type Observer<'a> = &'a (dyn Fn(Notice) + Sync);
