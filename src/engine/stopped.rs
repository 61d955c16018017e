//! Why a run did not end as it should, and what that leaves.

use std::time::Duration;

use crate::host::{HostError, Server, Side};
use crate::journal::{self, Kind};
use crate::runbook::{Lint, StepId};
use crate::step::Seen;

/// A run that was stopped.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Stopped {
    /// what ended it
    pub reason: Reason,
    /// where; `None`: the run as a whole
    pub step: Option<StepId>,
    /// on which system; `None`: the run as a whole
    pub side: Option<Side>,
    /// the state that this leaves, where it could still be looked at
    pub seen: Option<Seen>,
    /// a machine that was waited for in vain
    pub silent: Option<Silent>,
    /// by the person
    pub interrupted: bool,
    /// other steps that were running and stopped too
    pub others: Vec<Stopped>,
    /// what was done until then
    pub summary: Summary,
}

impl Stopped {
    /// The error of the server, where there is one.
    pub fn error(&self) -> Option<&HostError> {
        match &self.reason {
            Reason::Failed(error) | Reason::Link(error) | Reason::Host(error) => Some(error),
            _ => None,
        }
    }

    /// Whether going on at once may mend it: what failed may have failed because a server or a link was away, and what
    /// was done before may have to be done again. A machine that does not come up is for a person to look at.
    pub fn may_mend(&self) -> bool {
        let failed = matches!(self.reason, Reason::Failed(_) | Reason::Patience { .. });
        !self.interrupted
            && self.silent.is_none()
            && (matches!(self.reason, Reason::Gone(_)) || failed && self.summary.link_lost)
    }

    /// Of a run as a whole.
    pub(crate) fn of(reason: Reason) -> Stopped {
        let interrupted = matches!(reason, Reason::Interrupted);
        let summary = Summary::default();
        Stopped { reason, step: None, side: None, seen: None, silent: None, interrupted, others: Vec::new(), summary }
    }
}

/// A machine that did not come up, or does not answer any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    /// which of the two
    pub server: Server,
    /// the last lines that its console has shown; or why they cannot be read. `None`: nothing tells how they are read, or
    /// there are none
    pub console: Option<Result<String, String>>,
}

/// What ends a run, or one of its steps, before its goal.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what its fields are")]
pub enum Reason {
    /// Something is there that this migration did not make, or made otherwise. It was not touched.
    #[error("{0}")]
    Refused(String),
    /// A command failed, and what it should have brought about is not so.
    #[error(transparent)]
    Failed(HostError),
    /// It was done, but for so long there was no sign that it became so.
    #[error("for {} s nothing has changed: {what}", waited.as_secs())]
    Patience { waited: Duration, what: String },
    /// It came about, or was on its way, and then it was not there any more.
    #[error("{0}")]
    Gone(String),
    /// No link, longer than one is waited for. What was going on there goes on.
    #[error(transparent)]
    Link(HostError),
    /// Trying again would not help.
    #[error(transparent)]
    Host(HostError),
    /// A line could not be written or read. Nothing is done that is not written down first.
    #[error(transparent)]
    Journal(journal::Error),
    /// The person wants it to stop.
    #[error("interrupted")]
    Interrupted,
    /// The graph of the runbook contradicts itself. Nothing was done.
    #[error("the runbook is damaged: {}", .0.iter().map(Lint::to_string).collect::<Vec<_>>().join("; "))]
    Damaged(Vec<Lint>),
    /// Servers were changed back, or new was given up: what was left on new's disks is between two states.
    #[error(
        "this migration is being taken back, or was, and {} steps on new were left as they were: \
         it cannot be resumed; boot new into rescue and make a new migration",
        .0.len()
    )]
    Abandoned(Vec<StepId>),
    /// New runs what it is to take over, on snapshots, or was left so. Nothing else is done before it holds again.
    #[error("a rehearsal is on, or was not brought to its end: new must hold again before anything else is done")]
    Rehearsal,
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// forward or backward; `None`: it ended before it began
    pub kind: Option<Kind>,
    /// acts done on servers; 0: nothing was changed
    pub changed: usize,
    /// steps that became so
    pub done: Vec<StepId>,
    /// steps found as they should be, made before this migration
    pub adopted: Vec<StepId>,
    /// steps found as they should be
    pub already: Vec<StepId>,
    /// steps not looked at, because another has taken their place
    pub over: Vec<StepId>,
    /// steps taken back
    pub undone: Vec<StepId>,
    /// steps on new's disks that a rollback left
    pub abandoned: Vec<StepId>,
    /// steps that were not come to, or not ended
    pub left: Vec<StepId>,
    /// from its first line in the journal to its last
    pub took: Duration,
    /// a server was away for a while
    pub link_lost: bool,
}
