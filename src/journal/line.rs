//! The lines of a journal, as they are written.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::host::{Said, Server, Trail};
use crate::runbook::StepId;

/// The format that is written. Older ones stay readable, and are never edited.
pub const FORMAT: u32 = 1;

/// The first line: which migration, and which runbook exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`FORMAT`] when it was written
    pub format: u32,
    /// its name
    pub migration: String,
    /// sha256 of the runbook's file, in hexadecimal
    pub runbook: String,
    /// when the migration was made
    pub made_at: Timestamp,
    /// at random: no two migrations share it, but a copy has that of its original
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
}

impl Header {
    /// The header of a new migration. `runbook`: sha256 of its file, in hexadecimal.
    pub fn new(migration: impl Into<String>, runbook: impl Into<String>) -> Header {
        let id = uuid::Uuid::new_v4().simple().to_string();
        Header { format: FORMAT, migration: migration.into(), runbook: runbook.into(), made_at: now(), id }
    }

    pub(super) fn trail(&self) -> Trail {
        Trail::new(&self.migration, &self.id, self.made_at, &json(self))
    }
}

/// What happened to one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// it was so at first sight: not ours, never undone
    Adopted,
    /// it was seen to be absent and is about to be done: ours from here on
    Began,
    /// it was seen to be so
    Done,
    /// an act failed, or what it should have brought about did not come
    Failed {
        /// the error, in words
        what: String,
    },
    /// it was looked at and can never be made good, whatever is seen later; how it stands is not changed
    Refused {
        /// what was seen, in words
        what: String,
    },
    /// it is about to be taken back
    UndoBegan,
    /// it was seen to be gone
    Undone,
}

/// Which way a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// forward: steps are done
    Apply,
    /// backward: steps are taken back
    Rollback,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// all of it is so, or all of it is taken back
    Complete,
    /// as far as it was asked to go
    Partly,
    /// by the person
    Interrupted,
    /// by an error
    Stopped,
}

/// What happened to a run as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs, reason = "what is said of a variant is said of its fields")]
pub enum Run {
    /// the first line of a run
    Started {
        /// forward or backward
        kind: Kind,
        /// `user@host`, process
        by: String,
        /// of replant
        version: String,
    },
    /// the last line of a run; a run that was killed has none
    Ended {
        /// how
        outcome: Outcome,
        /// the error, in words, where there was one
        #[serde(default, skip_serializing_if = "Option::is_none")]
        what: Option<String>,
    },
    /// a person said yes to this
    Confirmed { prompt: String },
    /// a person said that a server is off, or on; of use to later runs where no power control can be asked
    Said(Said),
    /// a finding was waived in the plan
    Waived { code: String, reason: String },
    /// a step could not go on; it stays as it was
    Trouble { step: StepId, what: String },
    /// the operator's word: the system on this server shows this key now
    HostKey { server: Server, key: String },
    /// the copies on new are about to rest, and new to boot what it has, cut off from the network
    RehearsalBegan,
    /// new holds again
    RehearsalEnded,
    /// these are not taken back: they are left as they are on new's disks, because servers have changed, or because
    /// new is `gone`: given up by the operator's word while old was still on
    Abandoned {
        /// they stay on new
        steps: Vec<StepId>,
        /// new was given up
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        gone: bool,
    },
}

/// What a line is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "what is said of a variant is said of its fields")]
pub enum Entry {
    /// one step
    Step { id: StepId, event: Event },
    /// the run as a whole
    Run(Run),
}

/// One line after the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Line {
    /// by the clock of the machine on which replant runs
    pub at: Timestamp,
    /// what happened
    pub entry: Entry,
}

/// A line as it is written: `step` and `event`, or `run`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<StepId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<Event>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<Run>,
}

impl From<Line> for Raw {
    fn from(line: Line) -> Raw {
        let at = line.at;
        match line.entry {
            Entry::Step { id, event } => Raw { at, step: Some(id), event: Some(event), run: None },
            Entry::Run(run) => Raw { at, step: None, event: None, run: Some(run) },
        }
    }
}

impl TryFrom<Raw> for Line {
    type Error = &'static str;

    fn try_from(raw: Raw) -> Result<Line, &'static str> {
        let entry = match (raw.step, raw.event, raw.run) {
            (Some(id), Some(event), None) => Entry::Step { id, event },
            (None, None, Some(run)) => Entry::Run(run),
            _ => return Err("neither an event of a step nor of a run"),
        };
        Ok(Line { at: raw.at, entry })
    }
}

pub(super) fn json(line: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(line).expect("a line has only strings and numbers");
    text.push(b'\n');
    text
}

/// Now, to the millisecond: finer is noise in a journal.
pub(super) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
