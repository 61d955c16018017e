//! A step is the smallest reversible change to one server: observe, apply, undo.

use std::time::Duration;

use crate::host::{Act, HostError, Look, Side};

/// What `observe` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// nothing of it is there
    Absent,
    /// begun and not ended: applying again goes on from there
    Partial(String),
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
    Acts(Vec<Act>),
    /// there is nothing to take back, and why
    Nothing(&'static str),
}

/// How a step is marked in a runbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// `+` something new comes to be
    Create,
    /// `~` something changes
    Change,
    /// `!` data is destroyed
    Destroy,
    /// `?` something is made sure of, nothing changes
    Check,
}

pub trait Step {
    /// One line for people: what will be, not how.
    fn title(&self) -> String;

    fn mark(&self) -> Mark {
        Mark::Change
    }

    /// Looks whether it is so. Asked before apply, after apply and after undo. It lists and searches: a failing exit
    /// code is never taken for absence.
    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError>;

    /// What to do so that `observe` sees [`Seen::Present`]; safe to do again after an interruption. Pure.
    fn apply(&self) -> Vec<Act>;

    /// What to do so that `observe` sees [`Seen::Absent`]; safe to do again after an interruption. Pure.
    fn undo(&self) -> Undo;

    /// For how long observing may disagree, without any progress, before it is a failure.
    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }

    /// How many times in a row `observe` must see [`Seen::Present`].
    fn confirmations(&self) -> u32 {
        1
    }

    /// Bytes that will be copied over the link.
    fn bytes(&self) -> u64 {
        0
    }
}

/// Makes the closed set of steps: for each the module, the variant, the conversion and the dispatch. The whole
/// vocabulary of a runbook stands in this one list.
macro_rules! steps {
    ($($(#[$doc:meta])* $module:ident :: $Type:ident),* $(,)?) => {
        $(mod $module; pub use $module::$Type;)*

        /// One step of a runbook, as data.
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum StepKind { $($(#[$doc])* $Type($Type)),* }

        impl StepKind {
            pub fn as_step(&self) -> &dyn Step {
                match self { $(StepKind::$Type(step) => step),* }
            }
        }

        $(impl From<$Type> for StepKind {
            fn from(step: $Type) -> StepKind { StepKind::$Type(step) }
        })*
    };
}

steps! {
    /// a whole text file
    file::File,
}
