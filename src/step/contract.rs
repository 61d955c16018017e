//! What every step answers: observe, apply, undo.

use std::time::Duration;

use super::touched::{Compared, Touched};
use crate::host::{Act, HostError, Look, Server, Side};

/// What `observe` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// nothing of it is there
    Absent,
    /// begun and not ended: applying again goes on from there
    Partial(String),
    /// some of it is there and the rest is blank, nothing of it is somebody else's. Ours can be taken back, and made
    /// again as long as it never was whole or is being taken back; what was whole once may hold data, so a person must
    /// look
    Remains(String),
    /// on its way by itself: there is nothing to do but to wait
    Underway(Progress),
    /// as described
    Present,
    /// something else is there, not made by us: nobody touches it
    Foreign(String),
}

/// How far long work is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// what is going on, for people
    pub what: String,
    /// bytes done and bytes in all, where they are known
    pub bytes: Option<(u64, u64)>,
}

/// How a step is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// in this order; done again whole after an interruption
    Acts(Vec<Act>),
    /// there is nothing to take back, and why
    Nothing(&'static str),
}

/// How a step is marked in a runbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// `+` something new comes to be
    Create,
    /// `~` something changes
    Change,
    /// `!` data is destroyed
    Destroy,
    /// `?` something is checked, nothing changes
    Check,
}

/// What a kind of step answers of itself. Everything but `observe` and `forbids` is pure, and the same each time.
pub trait Step {
    /// One line for people: what will be, not how.
    fn title(&self) -> String;

    /// What it does to what is there, for people.
    fn mark(&self) -> Mark {
        Mark::Change
    }

    /// Looks whether it is so. Asked before apply, after apply and after undo. It lists and searches: a failing exit
    /// code is never taken for absence.
    ///
    /// # Errors
    /// A server that gives no answer, or one that is not understood: nothing is known then.
    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError>;

    /// What forbids the acts at this very moment, when going forward: asked after `observe` and right before them, so that
    /// what was true a stage ago is not taken for true now. Going back never asks.
    ///
    /// # Errors
    /// As those of `observe`.
    fn forbids(&self, _on: &dyn Look, _side: Side) -> Result<Option<String>, HostError> {
        Ok(None)
    }

    /// What to do so that `observe` sees [`Seen::Present`]; safe to do again after an interruption. Pure.
    fn apply(&self) -> Vec<Act>;

    /// What to do so that `observe` sees [`Seen::Absent`]; safe to do again after an interruption. Pure.
    fn undo(&self) -> Undo;

    /// How long `observe` may disagree without any progress before the step fails. Any progress resets it.
    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }

    /// Whether the work is under way when its acts return. If `observe` then sees [`Seen::Absent`], the work was lost: the
    /// step fails at once and does not wait.
    fn begun_by_its_acts(&self) -> bool {
        false
    }

    /// Whether what was seen while its work was waited for is made good by doing its acts again: something broke it off, and
    /// has passed.
    fn goes_on_by_its_acts(&self, _seen: &Seen) -> bool {
        false
    }

    /// Whether what was seen decides permanently, whatever is seen later: it cannot be repaired, and only going back is left.
    fn for_good(&self, _seen: &Seen) -> bool {
        false
    }

    /// The machine whose boot is waited for, forward or backward. Where it does not come up, its console is asked why, and a
    /// person decides what comes next.
    fn boots(&self) -> Option<Server> {
        None
    }

    /// What is said where its work was on its way and then nothing of it is there.
    fn gone(&self, work: &str) -> String {
        format!("it is gone again: {work}")
    }

    /// How many times in a row `observe` must see [`Seen::Present`].
    fn confirmations(&self) -> u32 {
        1
    }

    /// While it holds, what old writes also goes to new: old can be taken for new's copy then, and not before or after.
    fn couples(&self) -> bool {
        false
    }

    /// What it changes, once begun, of that by which servers are compared with what was found on them. Nothing: services,
    /// kernel settings, power, whatever is no fact.
    fn touches(&self, _of: &Compared) -> Vec<Touched> {
        Vec::new()
    }

    /// Bytes that will be copied over the link.
    fn bytes(&self) -> u64 {
        0
    }
}
