//! Where a migration stands: a pure fold over its journal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::line::{Entry, Event, Kind, Line, Outcome, Run};
use crate::host::{Said, Server};
use crate::runbook::{Node, Stage, StepId};

/// How far a step is, by the journal alone. What is seen on the servers is another matter ([`crate::step::Seen`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// nothing is written of it
    #[default]
    New,
    /// it was there before: not ours, and never undone
    Adopted,
    /// its acts may have been done, all or some of them or none
    Began,
    /// done, and seen to be so
    Done,
    /// begun, and ended by an error
    Failed,
    /// its undoing may have been done in part
    UndoBegan,
    /// taken back: for the next apply as if it had never been
    Undone,
}

/// What can never come after what the journal holds: a line of a damaged journal, or a mistake of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what its fields are")]
pub enum Impossible {
    /// an event of a step whose status does not allow it
    #[error("step `{step}`: `{event}` cannot come after `{status}`")]
    Step { step: StepId, event: String, status: String },
    /// the end of a run that is not going on
    #[error("a run ends that has not begun, or has ended already")]
    NoRun,
}

impl Status {
    /// The status after this event; `None` where it cannot come. What the engine records, by `engine/decide.rs`: a step is
    /// adopted once, begins from anywhere but its beginning, and what is ours ends, fails, and is taken back. The
    /// change of servers is taken back even where it was found.
    pub fn after(self, event: &Event) -> Option<Status> {
        use Status::{Adopted, Began, Done, Failed, New, UndoBegan, Undone};
        let may = match event {
            Event::Adopted => matches!(self, New | Undone),
            Event::Began => self != Began,
            Event::Done => matches!(self, Began | Failed | UndoBegan),
            Event::Failed { .. } => matches!(self, Began | Failed | UndoBegan),
            Event::UndoBegan => matches!(self, Adopted | Began | Done | Failed),
            Event::Undone => matches!(self, Began | Done | Failed | UndoBegan),
            Event::Refused { .. } => true,
        };
        may.then_some(match event {
            Event::Adopted => Adopted,
            Event::Began => Began,
            Event::Done => Done,
            Event::Failed { .. } => Failed,
            Event::UndoBegan => UndoBegan,
            Event::Undone => Undone,
            Event::Refused { .. } => self,
        })
    }

    /// Something was made, or may have been, and it was us.
    pub fn ours(self) -> bool {
        matches!(self, Status::Began | Status::Done | Status::Failed | Status::UndoBegan)
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Record {
    status: Status,
    /// it was there at first sight
    found: bool,
    began: Option<Timestamp>,
    ended: Option<Timestamp>,
    failed: Option<String>,
    /// it can never be made good
    refused: Option<String>,
}

/// One run of replant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// forward or backward
    pub kind: Kind,
    /// `user@host`, process
    pub by: String,
    /// by the clock of the machine on which replant ran
    pub started: Timestamp,
    /// `None`: it is still going on, or it was killed
    pub ended: Option<(Timestamp, Outcome, Option<String>)>,
}

/// All that a journal says, folded. Two journals with the same lines have the same state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    steps: BTreeMap<StepId, Record>,
    /// a rollback left these on new: it went back over the change of servers, or new was given up
    abandoned: Option<BTreeSet<StepId>>,
    /// new was given up while old was on
    gone: bool,
    runs: Vec<RunRecord>,
    confirmed: BTreeSet<String>,
    host_keys: BTreeMap<Server, String>,
    said: BTreeMap<Server, bool>,
    rehearsing: bool,
}

impl State {
    /// # Errors
    /// The index of the first line that cannot come after those before it, and why.
    pub fn of(lines: &[Line]) -> Result<State, (usize, Impossible)> {
        let mut state = State::default();
        lines.iter().enumerate().try_for_each(|(at, line)| state.tell(line).map_err(|why| (at, why)))?;
        Ok(state)
    }

    /// One line further.
    ///
    /// # Errors
    /// It cannot come here; then nothing has changed.
    pub fn tell(&mut self, line: &Line) -> Result<(), Impossible> {
        self.allows(&line.entry)?;
        match &line.entry {
            Entry::Step { id, event } => self.steps.entry(id.clone()).or_default().tell(line.at, event),
            Entry::Run(run) => self.tell_run(line.at, run),
        }
        Ok(())
    }

    /// Whether this can come next.
    pub(super) fn allows(&self, entry: &Entry) -> Result<(), Impossible> {
        match entry {
            Entry::Step { id, event } => {
                let status = self.status(id);
                status.after(event).map(drop).ok_or_else(|| Impossible::Step {
                    step: id.clone(),
                    event: format!("{event:?}").split(' ').next().unwrap_or_default().to_lowercase(),
                    status: format!("{status:?}").to_lowercase(),
                })
            }
            Entry::Run(Run::Ended { .. }) if self.runs.last().is_none_or(|run| run.ended.is_some()) => {
                Err(Impossible::NoRun)
            }
            Entry::Run(_) => Ok(()),
        }
    }

    fn tell_run(&mut self, at: Timestamp, run: &Run) {
        match run {
            Run::Started { kind, by, .. } => {
                self.runs.push(RunRecord { kind: *kind, by: by.clone(), started: at, ended: None });
            }
            Run::Ended { outcome, what } => {
                let Some(last) = self.runs.last_mut() else { return };
                last.ended = Some((at, *outcome, what.clone()));
                // What was found there is looked at afresh by the next apply, as everything else is.
                if last.kind == Kind::Rollback && *outcome == Outcome::Complete {
                    self.steps.retain(|_, record| !record.found && record.status != Status::New);
                }
            }
            Run::Abandoned { steps, gone } => {
                self.abandoned.get_or_insert_default().extend(steps.iter().cloned());
                self.gone |= gone;
            }
            Run::Confirmed { prompt } => {
                self.confirmed.insert(prompt.clone());
            }
            Run::HostKey { server, key } => _ = self.host_keys.insert(*server, key.clone()),
            Run::Said(Said { server, on }) => {
                self.said.insert(*server, *on);
            }
            Run::RehearsalBegan => self.rehearsing = true,
            Run::RehearsalEnded => self.rehearsing = false,
            Run::Waived { .. } | Run::Trouble { .. } => {}
        }
    }

    /// How far this step is. A step that the journal does not know is [`Status::New`].
    pub fn status(&self, step: &StepId) -> Status {
        self.steps.get(step).map_or(Status::New, |record| record.status)
    }

    /// Whether what is there now was made by this migration.
    pub fn ours(&self, step: &StepId) -> bool {
        self.status(step).ours()
    }

    /// Whether rollback takes it back.
    pub(crate) fn to_undo(&self, step: &StepId) -> bool {
        self.ours(step) && !self.found(step)
    }

    /// Whether it was there before this migration: then rollback leaves it, even where it got lost on the way (a reboot)
    /// and was made again.
    pub fn found(&self, step: &StepId) -> bool {
        self.steps.get(step).is_some_and(|record| record.found)
    }

    /// A rollback has gone back over the change of servers, or without new, or begun to: the steps that it left on new's
    /// disks.
    pub fn abandoned(&self) -> Option<&BTreeSet<StepId>> {
        self.abandoned.as_ref()
    }

    /// New was given up by the operator's word, before servers changed: nothing on it is looked at any more.
    pub(crate) fn new_is_gone(&self) -> bool {
        self.gone
    }

    /// The host key that a server shows by the operator's last word; what was read from it before is older.
    pub fn host_key(&self, server: Server) -> Option<&str> {
        self.host_keys.get(&server).map(String::as_str)
    }

    /// A rehearsal has begun, and nobody has seen new hold again since.
    pub fn rehearsing(&self) -> bool {
        self.rehearsing
    }

    /// All runs, oldest first.
    pub fn runs(&self) -> &[RunRecord] {
        &self.runs
    }

    /// A person said yes to this, word for word.
    pub fn confirmed(&self, prompt: &str) -> bool {
        self.confirmed.contains(prompt)
    }

    /// What persons said last of each server's power.
    pub fn said(&self) -> Vec<Said> {
        self.said.iter().map(|(server, on)| Said { server: *server, on: *on }).collect()
    }

    /// Nothing has been begun, or all of it was taken back.
    pub(crate) fn untouched(&self) -> bool {
        self.abandoned.is_none() && self.steps.values().all(|record| record.found || !record.status.ours())
    }

    /// The last run took everything back.
    pub fn rolled_back(&self) -> bool {
        self.runs
            .last()
            .is_some_and(|run| run.kind == Kind::Rollback && matches!(run.ended, Some((_, Outcome::Complete, _))))
    }

    /// Whether what this node made need not hold any more: the step that takes its place has begun.
    pub fn over(&self, node: &Node) -> bool {
        node.until.as_ref().is_some_and(|until| !matches!(self.status(until), Status::New | Status::Undone))
    }

    /// What went wrong with it, if that is how it stands.
    pub fn failure(&self, step: &StepId) -> Option<&str> {
        let record = self.steps.get(step)?;
        record.refused.as_deref().or(record.failed.as_deref())
    }

    /// Why it can never be made good: true even where nothing of it is to be seen any more.
    pub fn refused(&self, step: &StepId) -> Option<&str> {
        self.steps.get(step)?.refused.as_deref()
    }

    /// From begun to done, pauses between runs included.
    pub fn took(&self, step: &StepId) -> Option<Duration> {
        let record = self.steps.get(step)?;
        between(record.began?, record.ended?)
    }

    /// From the beginning of one step to the end of another.
    pub fn between(&self, first: &StepId, last: &StepId) -> Option<Duration> {
        between(self.steps.get(first)?.began?, self.steps.get(last)?.ended?)
    }

    /// For each stage the time in which a step of it was under way; pauses between runs do not count.
    pub fn stages(&self, nodes: &[Node]) -> BTreeMap<Stage, Duration> {
        let mut spans: BTreeMap<Stage, Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
        for node in nodes {
            let record = self.steps.get(&node.id);
            if let Some((began, ended)) = record.and_then(|record| record.began.zip(record.ended)) {
                spans.entry(node.stage).or_default().push((began, ended));
            }
        }
        spans.into_iter().filter_map(|(stage, spans)| Some((stage, covered(spans)?))).collect()
    }
}

/// The time that spans cover; what several of them cover counts once.
fn covered(mut spans: Vec<(Timestamp, Timestamp)>) -> Option<Duration> {
    spans.sort();
    let mut all = Duration::ZERO;
    let mut until = Timestamp::MIN;
    for (began, ended) in spans {
        all += between(began.max(until), ended.max(until))?;
        until = until.max(ended);
    }
    Some(all)
}

fn between(from: Timestamp, to: Timestamp) -> Option<Duration> {
    // `None` where the clock of this machine was set back meanwhile: better no number than a wrong one
    Duration::try_from(to.duration_since(from)).ok()
}

impl Record {
    fn tell(&mut self, at: Timestamp, event: &Event) {
        self.status = self.status.after(event).unwrap_or(self.status);
        self.failed = None;
        match event {
            Event::Adopted => self.found = true,
            Event::Began => (self.began, self.ended) = (Some(at), None),
            Event::Done => self.ended = Some(at),
            Event::Failed { what } => self.failed = Some(what.clone()),
            Event::Refused { what } => self.refused = Some(what.clone()),
            Event::UndoBegan => {}
            Event::Undone => *self = Record { status: Status::Undone, ..Record::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_do_not_count_and_what_runs_side_by_side_counts_once() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let covered = |spans: &[(i64, i64)]| {
            covered(spans.iter().map(|(from, to)| (at(*from), at(*to))).collect()).map(|all| all.as_secs())
        };
        assert_eq!(covered(&[(10, 20), (12, 15), (18, 25)]), Some(15));
        assert_eq!(covered(&[(1000, 1007), (10, 20)]), Some(17));
        assert_eq!(covered(&[(10, 5)]), None, "the clock was set back");
    }
}
