//! Where a migration stands: a pure fold over its journal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::{Entry, Event, Kind, Line, Outcome, Run};
use crate::host::{Said, Server};
use crate::runbook::{Node, Stage, StepId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    #[default]
    New,
    Adopted,
    Began,
    Done,
    Failed,
    UndoBegan,
    /// taken back: for the next apply as if it had never been
    Undone,
}

impl Status {
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
}

/// One run of replant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    pub kind: Kind,
    pub by: String,
    pub started: Timestamp,
    /// `None`: it is still going on, or it was killed
    pub ended: Option<(Timestamp, Outcome, Option<String>)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    steps: BTreeMap<StepId, Record>,
    /// a rollback went back over the change of servers, and left these
    abandoned: Option<BTreeSet<StepId>>,
    runs: Vec<RunRecord>,
    confirmed: BTreeSet<String>,
    said: BTreeMap<Server, bool>,
}

impl State {
    pub fn of(lines: &[Line]) -> State {
        let mut state = State::default();
        lines.iter().for_each(|line| state.tell(line));
        state
    }

    /// One line further.
    pub fn tell(&mut self, line: &Line) {
        match &line.entry {
            Entry::Step { id, event } => self.steps.entry(id.clone()).or_default().tell(line.at, event),
            Entry::Run(run) => self.tell_run(line.at, run),
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
                    self.steps.retain(|_, record| !record.found);
                }
            }
            Run::Abandoned { steps } => self.abandoned.get_or_insert_default().extend(steps.iter().cloned()),
            Run::Confirmed { prompt } => {
                self.confirmed.insert(prompt.clone());
            }
            Run::Said(Said { server, on }) => {
                self.said.insert(*server, *on);
            }
            Run::Waived { .. } | Run::Trouble { .. } => {}
        }
    }

    pub fn status(&self, step: &StepId) -> Status {
        self.steps.get(step).map_or(Status::New, |record| record.status)
    }

    /// Whether what is there now was made by this migration.
    pub fn ours(&self, step: &StepId) -> bool {
        self.status(step).ours()
    }

    /// Whether rollback takes it back.
    pub fn to_undo(&self, step: &StepId) -> bool {
        self.ours(step) && !self.found(step)
    }

    /// Whether it was there before this migration: then rollback leaves it, even where it got lost on the way (a reboot)
    /// and was made again.
    pub fn found(&self, step: &StepId) -> bool {
        self.steps.get(step).is_some_and(|record| record.found)
    }

    /// A rollback has gone back over the change of servers, or begun to: the steps that it left on new's disks.
    pub fn abandoned(&self) -> Option<&BTreeSet<StepId>> {
        self.abandoned.as_ref()
    }

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
    pub fn untouched(&self) -> bool {
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
        self.steps.get(step)?.failed.as_deref()
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
        self.status = match event {
            Event::Adopted => Status::Adopted,
            Event::Began => Status::Began,
            Event::Done => Status::Done,
            Event::Failed { .. } => Status::Failed,
            Event::UndoBegan => Status::UndoBegan,
            Event::Undone => Status::Undone,
        };
        self.failed = None;
        match event {
            Event::Adopted => self.found = true,
            Event::Began => (self.began, self.ended) = (Some(at), None),
            Event::Done => self.ended = Some(at),
            Event::Failed { what } => self.failed = Some(what.clone()),
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
