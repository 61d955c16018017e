//! What happened: an append-only log of one migration. Its state is a fold over the log, and nothing else.
//!
//! One JSON object a line. A line is on the disk (one write, one `fdatasync(2)`) before the caller goes on, so nothing is
//! ever done on a server that the journal does not know of. A crash can tear the last line only, and what a torn line
//! was about to allow has not been done: it is cut off.

mod help;
mod lock;
mod migration;
mod state;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use lock::{Lock, Who};
pub use migration::{Migration, write_whole};
pub use state::{Impossible, RunRecord, State, Status};

use crate::host::{Said, Server, Trail};
use crate::runbook::StepId;

/// The format that is written. Older ones are read for ever, and never edited.
pub const FORMAT: u32 = 1;

/// The first line: which migration, and which runbook exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub format: u32,
    pub migration: String,
    /// sha256 of the runbook's file, in hexadecimal
    pub runbook: String,
    pub made_at: Timestamp,
    /// at random: no two migrations share it, but a copy has that of its original
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
}

impl Header {
    pub fn new(migration: impl Into<String>, runbook: impl Into<String>) -> Header {
        let id = uuid::Uuid::new_v4().simple().to_string();
        Header { format: FORMAT, migration: migration.into(), runbook: runbook.into(), made_at: now(), id }
    }

    fn trail(&self) -> Trail {
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
    Done,
    Failed {
        what: String,
    },
    /// it was looked at and can never be made good, whatever is seen later; how it stands is not changed
    Refused {
        what: String,
    },
    UndoBegan,
    Undone,
}

/// Which way a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Apply,
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
pub enum Run {
    Started {
        kind: Kind,
        /// `user@host`, process
        by: String,
        /// of replant
        version: String,
    },
    Ended {
        outcome: Outcome,
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
    /// these are not taken back: they are left as they are on new's disks, because servers have changed, or because
    /// new is `gone`: given up by the operator's word while old was still on
    Abandoned {
        steps: Vec<StepId>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        gone: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    Step { id: StepId, event: Event },
    Run(Run),
}

/// One line after the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Line {
    pub at: Timestamp,
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

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {doing} `{}`", path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("cannot write the journal: nothing more is done until it can be written")]
    Write(#[source] std::io::Error),
    #[error("line {line} of `{}` is not a line of a journal", path.display())]
    Garbage {
        path: PathBuf,
        /// counted from 1, the header
        line: usize,
        #[source]
        cause: serde_json::Error,
    },
    #[error("line {line} of `{}` cannot come after the lines before it", path.display())]
    OutOfOrder {
        path: PathBuf,
        /// counted from 1, the header
        line: usize,
        #[source]
        cause: Impossible,
    },
    /// A mistake of this program, noticed before anything was done.
    #[error("the journal refuses a line: nothing more is done")]
    Refused(#[source] Impossible),
    #[error("`{}` has no header: it is not a journal", path.display())]
    NoHeader { path: PathBuf },
    #[error("`{}` has format {format}; this replant knows up to {FORMAT}: use a newer one", path.display())]
    Newer { path: PathBuf, format: u32 },
    #[error("migration `{name}` is being worked on by {holder}")]
    Held { name: String, holder: String },
    #[error("migration `{name}` exists already in `{}`", path.display())]
    Exists { name: String, path: PathBuf },
    #[error("the journal of migration `{name}` is missing in `{}`", path.display())]
    NoJournal { name: String, path: PathBuf },
    #[error("there is no migration `{name}` in `{}`", path.display())]
    Unknown { name: String, path: PathBuf },
    #[error("`{name}` cannot name a migration: only letters, digits, `-`, `_` and `.` (not first), at most 64")]
    Name { name: String },
    #[error("`{}` is not the runbook that this journal was made for: it was changed since", path.display())]
    OtherRunbook { path: PathBuf },
}

impl Error {
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error + use<> {
        let path = path.to_owned();
        move |cause| Error::Io { doing, path, cause }
    }
}

/// Where lines go. A line is kept for good when `append` returns, or it is an error.
pub trait Store: Send {
    fn append(&mut self, line: &[u8]) -> std::io::Result<()>;
}

/// A store that keeps nothing: for a simulation.
struct Nowhere;

impl Store for Nowhere {
    fn append(&mut self, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
}

struct OnDisk {
    file: std::fs::File,
    /// bytes that are known to be good
    good: u64,
}

impl Store for OnDisk {
    fn append(&mut self, line: &[u8]) -> std::io::Result<()> {
        let written = self.file.write_all(line).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.good += line.len() as u64,
            // Half a line must not stay: the next one would follow it and make garbage of both. If this fails too,
            // it is a torn last line, which the next opening cuts off, because nothing more is written from here on.
            Err(_) => drop(self.file.set_len(self.good)),
        }
        written
    }
}

/// A journal that can be written.
pub struct Journal {
    header: Header,
    state: State,
    trail: Trail,
    store: Box<dyn Store>,
    /// a write has failed: what is on the disk is uncertain, so nothing more may be written, or done
    broken: bool,
}

/// What was read from a journal.
#[derive(Debug, Clone)]
pub struct Story {
    pub header: Header,
    pub lines: Vec<Line>,
    pub state: State,
    /// its lines, as servers know them
    pub trail: Trail,
    /// a crash tore the last line: that many bytes are no part of the journal
    pub torn: Option<usize>,
}

impl Journal {
    /// Makes a new journal file.
    pub fn create(path: &Path, header: Header) -> Result<Journal, Error> {
        use std::os::unix::fs::OpenOptionsExt;
        let file = std::fs::OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(Error::io("make the journal", path))?;
        let mut store = OnDisk { file, good: 0 };
        store.append(&json(&header)).map_err(Error::Write)?;
        migration::sync_parent(path)?;
        Ok(Journal::with(header, State::default(), Box::new(store)))
    }

    /// Opens a journal to go on writing; a torn last line is cut off, and told in the second part of the answer.
    /// Whoever calls this must hold the migration's lock.
    pub fn open(path: &Path) -> Result<(Journal, Option<usize>), Error> {
        let story = Story::read(path)?;
        let file =
            std::fs::OpenOptions::new().append(true).open(path).map_err(Error::io("open the journal", path))?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        let good = length - story.torn.unwrap_or(0) as u64;
        if story.torn.is_some() {
            file.set_len(good).and_then(|()| file.sync_data()).map_err(Error::io("cut the torn end of", path))?;
        }
        let torn = story.torn;
        let journal = Journal::resumed(story, Box::new(OnDisk { file, good }));
        journal.trail.is_in(path.parent().unwrap_or(path));
        Ok((journal, torn))
    }

    /// A journal that is not kept: for a simulation.
    pub fn nowhere(header: Header) -> Journal {
        Journal::with(header, State::default(), Box::new(Nowhere))
    }

    /// A journal on any store, at a state.
    pub fn with(header: Header, state: State, store: Box<dyn Store>) -> Journal {
        let trail = header.trail();
        Journal { header, state, trail, store, broken: false }
    }

    /// A journal on any store, at what was read from it before.
    pub fn resumed(story: Story, store: Box<dyn Store>) -> Journal {
        let Story { header, state, trail, .. } = story;
        Journal { header, state, trail, store, broken: false }
    }

    /// Its lines, for those who act by it.
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// Records what happened to a step.
    pub fn step(&mut self, id: &StepId, event: Event) -> Result<(), Error> {
        self.append(Entry::Step { id: id.clone(), event })
    }

    /// Records what happened to the run.
    pub fn run(&mut self, run: Run) -> Result<(), Error> {
        self.append(Entry::Run(run))
    }

    fn append(&mut self, entry: Entry) -> Result<(), Error> {
        if self.broken {
            return Err(Error::Write(std::io::Error::other("an earlier write failed")));
        }
        if let Err(impossible) = self.state.allows(&entry) {
            self.broken = true;
            return Err(Error::Refused(impossible));
        }
        let line = Line { at: now(), entry };
        let bytes = json(&line);
        if let Err(cause) = self.store.append(&bytes) {
            self.broken = true;
            return Err(Error::Write(cause));
        }
        self.trail.push(&bytes);
        self.state.tell(&line).map_err(Error::Refused)
    }
}

impl Story {
    /// Reads a journal and changes nothing.
    pub fn read(path: &Path) -> Result<Story, Error> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map_err(Error::io("read the journal", path))?;
        Story::parse(&bytes, path)
    }

    /// `path` is for the errors.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Story, Error> {
        // Without its line break a line was never acknowledged.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut torn = bytes.len() - whole;
        let mut texts: Vec<&[u8]> = bytes[..whole].split_inclusive(|byte| *byte == b'\n').collect();
        // After a loss of power the end of a line may be on the disk and its beginning not: that reads as zeros.
        if torn == 0 && texts.last().is_some_and(|last| last.contains(&0)) {
            torn = texts.pop().map_or(0, <[u8]>::len);
        }
        let garbage = |line: usize| move |cause| Error::Garbage { path: path.to_owned(), line, cause };
        let Some((first, rest)) = texts.split_first() else {
            return Err(Error::NoHeader { path: path.to_owned() });
        };
        // The number first: a newer header may have fields that are not known here.
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let Format { format } = serde_json::from_slice(first).map_err(garbage(1))?;
        if format > FORMAT {
            return Err(Error::Newer { path: path.to_owned(), format });
        }
        let header: Header = serde_json::from_slice(first).map_err(garbage(1))?;
        let trail = Trail::new(&header.migration, &header.id, header.made_at, first);
        rest.iter().for_each(|line| trail.push(line));
        let lines = rest
            .iter()
            .enumerate()
            .map(|(at, text)| serde_json::from_slice(text).map_err(garbage(at + 2)))
            .collect::<Result<Vec<Line>, Error>>()?;
        let out_of_order = |(at, cause)| Error::OutOfOrder { path: path.to_owned(), line: at + 2, cause };
        let state = State::of(&lines).map_err(out_of_order)?;
        Ok(Story { header, lines, state, trail, torn: (torn > 0).then_some(torn) })
    }
}

fn json(line: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(line).expect("a line has only strings and numbers");
    text.push(b'\n');
    text
}

/// Now, to the millisecond: finer is noise in a journal.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

#[cfg(test)]
mod tests;
