//! A journal that is written, and what is read from one.

use std::path::Path;

use serde::Deserialize;

use super::error::Error;
use super::line::{Entry, Event, FORMAT, Header, Line, Run, json, now};
use super::state::State;
use crate::host::Trail;
use crate::runbook::StepId;

/// Where lines go. A line is kept for good when `append` returns, or it is an error.
pub trait Ledger: Send {
    /// Adds one line, which ends with its line break.
    ///
    /// # Errors
    /// It is uncertain whether the line is kept. Whoever gets this writes nothing more.
    fn append(&mut self, line: &[u8]) -> std::io::Result<()>;
}

/// A store that keeps nothing: for a simulation.
struct Nowhere;

impl Ledger for Nowhere {
    fn append(&mut self, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
}

/// A journal that can be written.
pub struct Journal {
    header: Header,
    state: State,
    trail: Trail,
    store: Box<dyn Ledger>,
    /// a write has failed: what is on the disk is uncertain, so nothing more may be written, or done
    broken: bool,
    /// of steps that stand beside the runbook: servers are told of the lines of the journal that is kept, and of no others
    beside: bool,
}

/// What was read from a journal.
#[derive(Debug, Clone)]
pub struct Story {
    /// its first line
    pub header: Header,
    /// all others, in the order in which they were written
    pub lines: Vec<Line>,
    /// where the migration stands after them
    pub state: State,
    /// its lines, as servers know them
    pub trail: Trail,
    /// a crash tore the last line: that many bytes are no part of the journal
    pub torn: Option<usize>,
}

impl Journal {
    /// A journal that is not kept: for a simulation.
    pub fn nowhere(header: Header) -> Journal {
        Journal::with(header, State::default(), Box::new(Nowhere))
    }

    /// A journal on any store, at a state.
    pub fn with(header: Header, state: State, store: Box<dyn Ledger>) -> Journal {
        let trail = header.trail();
        Journal { header, state, trail, store, broken: false, beside: false }
    }

    /// For steps that stand beside the runbook, and whose state is seen on the servers: it is not kept. To the servers it is
    /// the same journal, at the same line.
    pub fn beside(&self) -> Journal {
        let (header, trail) = (self.header.clone(), self.trail.clone());
        Journal {
            header,
            state: State::default(),
            trail,
            store: Box::new(Nowhere),
            broken: self.broken,
            beside: true,
        }
    }

    /// A journal on any store, at what was read from it before.
    pub fn resumed(story: Story, store: Box<dyn Ledger>) -> Journal {
        let Story { header, state, trail, .. } = story;
        Journal { header, state, trail, store, broken: false, beside: false }
    }

    /// Its lines, for those who act by it.
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Which migration this is, and of which runbook.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Where the migration stands.
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
        if !self.beside {
            self.trail.push(&bytes);
        }
        self.state.tell(&line).map_err(Error::Refused)
    }
}

impl Story {
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
