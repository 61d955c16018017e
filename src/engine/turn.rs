//! One step's turn: look, decide, record, act, look until it agrees.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::decide::{self, Next};
use super::work::{Work, held};
use super::{Notice, Reason, Silent, Stopped, Summary, Way, preview};
use crate::host::{Act, HostError, Query, Server};
use crate::journal::{self, Kind, Status};
use crate::runbook::{Node, StepId};
use crate::step::{Seen, Step, Undo};

/// How many times a step is acted on again because the link broke.
const AGAIN: usize = 3;

/// Into so many parts the time between looks is divided at first.
const SOONER: [u32; 3] = [8, 4, 2];

/// The flag of the person is looked at this often while waiting.
const NAP: Duration = Duration::from_millis(100);

type Ended<T> = Result<T, Box<Stopped>>;

pub(super) struct Turn<'t, 'w> {
    work: &'t Work<'w>,
    node: &'t Node,
    /// forward or backward: a run forward takes back what a rollback has begun to
    kind: Kind,
    pub(super) step: &'t dyn Step,
}

/// How the acts of a step ended.
enum Acted {
    All,
    /// the link broke: nobody knows how far it came
    Cut(HostError),
    Failed(HostError),
}

enum Settled {
    Yes,
    /// the link was away meanwhile, and what is there now will not become so by itself
    Again(Seen),
}

impl<'t, 'w> Turn<'t, 'w> {
    pub(super) fn new(work: &'t Work<'w>, node: &'t Node) -> Turn<'t, 'w> {
        Turn { work, node, kind: work.kind, step: node.step.as_step() }
    }

    pub(super) fn apply(&self) -> Ended<()> {
        let step = self.id();
        if self.work.state(|state| state.over(self.node)) {
            self.work.tell(Notice::Over { step });
            self.count(|summary| &mut summary.over);
            return Ok(());
        }
        if let Some(what) = self.work.state(|state| state.refused(&self.node.id).map(str::to_owned)) {
            return Err(self.stop(Reason::Refused(what.clone()), Some(Seen::Foreign(what))));
        }
        self.reach(&self.step.apply())
    }

    pub(super) fn rollback(&self) -> Ended<()> {
        let step = self.id();
        match self.work.state(|state| preview::way(self.node, state, self.work.only_old)) {
            Way::NotBegun | Way::Found | Way::Abandoned => Ok(()),
            Way::Nothing(why) => {
                self.record(journal::Event::Undone)?;
                self.work.tell(Notice::NothingToUndo { step, why: why.to_owned() });
                self.count(|summary| &mut summary.undone);
                Ok(())
            }
            Way::Undo(acts) => self.reach(&acts),
        }
    }

    /// Takes back what the rollback before this run had begun to take back; where all of it is still there, it stays.
    pub(crate) fn finish_undo(&self) -> Ended<()> {
        self.await_others()?;
        match self.observe(None)?.0 {
            Seen::Present => Ok(()),
            _ => self.take_back(),
        }
    }

    /// Takes it back on the way forward, because what it has ended is needed once more.
    pub(crate) fn take_back(&self) -> Ended<()> {
        Turn { kind: Kind::Rollback, ..*self }.rollback()
    }

    /// It was done, and nothing of it is there. Whoever does not answer now is asked again when the step has its turn.
    pub(crate) fn is_gone(&self) -> bool {
        let done = self.work.state(|state| state.status(&self.node.id)) == Status::Done;
        done && matches!(self.step.observe(self.work.hosts, self.node.on), Ok(Seen::Absent))
    }

    /// The loop, in both directions.
    fn reach(&self, acts: &[Act]) -> Ended<()> {
        let start = self.work.options.clock.now();
        self.work.tell(Notice::StepStarted { step: self.id(), kind: self.kind });
        self.await_others()?;
        let mut cut: Option<HostError> = None;
        let mut cuts = 0;
        let mut fresh: Option<Seen> = None;
        loop {
            let seen = match fresh.take() {
                Some(seen) => seen,
                None => self.observe(cut.as_ref())?.0,
            };
            let status = self.work.state(|state| state.status(&self.node.id));
            let next = match self.kind {
                Kind::Apply => decide::apply(&seen, status, acts.is_empty()),
                Kind::Rollback => decide::undo(&seen, status, self.node.fence, acts.len() > 1),
            };
            let settled = match next {
                Next::Refuse(what) => return Err(self.stop(Reason::Refused(what), Some(seen))),
                Next::Adopt | Next::Already => match self.confirm()? {
                    Some(other) => {
                        fresh = Some(other);
                        continue;
                    }
                    None if next == Next::Adopt => return self.adopted(),
                    None => return self.already(),
                },
                Next::Settle(first) => {
                    first.map_or(Ok(()), |event| self.record(event))?;
                    self.settle(Some(seen))?
                }
                Next::Act(first) => {
                    if let Some(error) = cut.take_if(|_| cuts > AGAIN) {
                        return Err(self.no_link(error, Some(seen)));
                    }
                    self.may_act(Some(&seen))?;
                    if self.kind == Kind::Apply {
                        self.may_step(&seen)?;
                    }
                    first.map_or(Ok(()), |event| self.record(event))?;
                    match self.act(acts)? {
                        Acted::All => self.settle(None)?,
                        Acted::Cut(error) => {
                            cuts += 1;
                            cut = Some(error);
                            continue;
                        }
                        Acted::Failed(error) => self.failed(error)?,
                    }
                }
            };
            match settled {
                Settled::Yes => return self.done(start),
                Settled::Again(seen) => {
                    fresh = Some(seen);
                    cuts += 1;
                    let cause = "the link broke again and again while waiting".to_owned();
                    cut = Some(HostError::Unreachable { side: self.node.on, cause });
                }
            }
        }
    }

    /// A command failed. If what it should bring about is so all the same, it had been done before and the answer was
    /// lost.
    fn failed(&self, error: HostError) -> Ended<Settled> {
        match self.observe(None) {
            Ok((seen, _)) if seen == self.goal() => self.settle(Some(seen)),
            Ok((seen, _)) => Err(self.stop(Reason::Failed(error), Some(seen))),
            Err(mut blind) => {
                // The failure is the news; that it could not be looked at afterwards is not.
                blind.reason = Reason::Failed(error);
                Err(blind)
            }
        }
    }

    fn act(&self, acts: &[Act]) -> Ended<Acted> {
        let direction = match self.kind {
            Kind::Apply => "apply",
            Kind::Rollback => "undo",
        };
        for (index, act) in acts.iter().enumerate() {
            self.may_act(None)?;
            let (step, side, of) = (self.id(), self.node.on, acts.len());
            self.work.tell(Notice::Acting { step, side, index, of, act: act.clone() });
            self.work.changed.fetch_add(1, Ordering::SeqCst);
            let done = self.work.hosts.act(side, &format!("{}.{direction}.{index}", self.node.id), act);
            self.heard()?;
            match done {
                Ok(()) => {}
                Err(error @ HostError::Unreachable { .. }) => return Ok(Acted::Cut(error)),
                Err(error @ HostError::Failed { .. }) => return Ok(Acted::Failed(error)),
                Err(HostError::Interrupted) => return Err(self.stop(Reason::Interrupted, None)),
                Err(error) => {
                    let seen = self.step.observe(self.work.hosts, side).ok();
                    return Err(self.stop(Reason::Host(error), seen));
                }
            }
        }
        Ok(Acted::All)
    }

    /// No act is begun once the person has said stop, or the journal cannot be written.
    fn may_act(&self, seen: Option<&Seen>) -> Ended<()> {
        match self.work.stop() == 0 && self.work.halt.load(Ordering::SeqCst) < 2 {
            true => Ok(()),
            false => Err(self.stop(Reason::Interrupted, seen.cloned())),
        }
    }

    /// What is so at first sight is confirmed as what was done is, or it is said what was seen instead.
    fn confirm(&self) -> Ended<Option<Seen>> {
        for _ in 1..self.step.confirmations() {
            if !self.pause() {
                return Err(self.stop(Reason::Interrupted, Some(Seen::Present)));
            }
            let (seen, _) = self.observe(None)?;
            if seen != Seen::Present {
                return Ok(Some(seen));
            }
        }
        Ok(None)
    }

    /// Looks until it agrees. `patience` limits the time without progress: any change resets it, and time without a link
    /// does not count.
    fn settle(&self, mut first: Option<Seen>) -> Ended<Settled> {
        let goal = self.goal();
        let wanted = match self.kind {
            Kind::Apply => self.step.confirmations().max(1),
            Kind::Rollback => 1,
        };
        let clock = self.work.options.clock;
        let mut since = clock.now();
        let mut last: Option<Seen> = None;
        let acted = first.is_none() && self.kind == Kind::Apply;
        let mut on_its_way = (acted && self.step.begun_by_its_acts()).then(|| self.step.title());
        let mut agreed = 0;
        let mut looks = 0;
        loop {
            let (seen, away) = match first.take() {
                Some(seen) => (seen, false),
                None => self.observe(None)?,
            };
            if away {
                since = clock.now();
            }
            if let Seen::Underway(progress) = &seen {
                on_its_way = Some(progress.what.clone());
            }
            if seen == goal {
                agreed += 1;
                if agreed >= wanted {
                    return Ok(Settled::Yes);
                }
            } else if let Seen::Foreign(what) = &seen {
                return Err(self.stop(Reason::Refused(what.clone()), Some(seen)));
            } else if away && !matches!(seen, Seen::Underway(_))
                || self.kind == Kind::Apply && self.step.goes_on_by_its_acts(&seen)
            {
                return Ok(Settled::Again(seen));
            } else if seen == Seen::Absent
                && let Some(what) = on_its_way.take()
            {
                return Err(self.given_up(Reason::Gone(self.step.gone(&what)), seen));
            } else {
                agreed = 0;
                let waited = clock.now().saturating_sub(since);
                if last.as_ref() != Some(&seen) {
                    since = clock.now();
                    self.waiting(&seen);
                    last = Some(seen.clone());
                } else if waited >= self.step.patience() {
                    let what = standing(&seen);
                    return Err(self.given_up(Reason::Patience { waited, what }, seen));
                }
            }
            // what takes no long time is not waited for long; a second look that confirms is one at another time
            let sooner = if agreed == 0 { SOONER.get(looks).copied().unwrap_or(1) } else { 1 };
            looks += 1;
            if !self.pause_for(self.work.options.poll / sooner) {
                return Err(self.stop(Reason::Interrupted, Some(seen)));
            }
        }
    }

    /// Looks once; where there is no link, for as long as one is waited for. The second part: the link was away.
    fn observe(&self, cut: Option<&HostError>) -> Ended<(Seen, bool)> {
        let (seen, away) = self.ask(cut, || self.step.observe(self.work.hosts, self.node.on))?;
        self.work.tell(Notice::Observed { step: self.id(), seen: seen.clone() });
        Ok((seen, away))
    }

    /// What an earlier run left running in the other direction ends first: it would finish behind our back.
    fn await_others(&self) -> Ended<()> {
        let status = self.work.state(|state| state.status(&self.node.id));
        let other = match (self.kind, status) {
            (Kind::Apply, Status::UndoBegan | Status::Failed) => "undo",
            (Kind::Rollback, Status::Began | Status::Failed) => "apply",
            _ => return Ok(()),
        };
        let acts = match (other, self.step.undo()) {
            ("apply", _) => self.step.apply(),
            (_, Undo::Acts(acts)) => acts,
            (_, Undo::Nothing(_)) => Vec::new(),
        };
        // power is switched from here, and ends with us
        if acts.iter().all(|act| matches!(act, Act::Power { .. })) {
            return Ok(());
        }
        self.ask(None, || self.work.hosts.await_end(self.node.on, &self.node.id.0, other)).map(drop)
    }

    /// Whether something forbids the acts right now.
    fn may_step(&self, seen: &Seen) -> Ended<()> {
        match self.ask(None, || self.step.forbids(self.work.hosts, self.node.on))?.0 {
            Some(what) => Err(self.stop(Reason::Refused(what), Some(seen.clone()))),
            None => Ok(()),
        }
    }

    /// Asks until there is an answer, or no link for too long. The second part: the link was away.
    fn ask<T>(&self, cut: Option<&HostError>, look: impl Fn() -> Result<T, HostError>) -> Ended<(T, bool)> {
        let clock = self.work.options.clock;
        let mut lost = cut.map(|error| self.link_lost(error));
        let mut unclear = 0;
        loop {
            let looked = look();
            self.heard()?;
            match looked {
                Ok(answer) => {
                    if let Some(since) = lost {
                        let away = clock.now().saturating_sub(since);
                        self.work.tell(Notice::LinkBack { step: self.id(), side: self.node.on, away });
                    }
                    return Ok((answer, lost.is_some()));
                }
                Err(error @ HostError::Unreachable { .. }) => {
                    let since = *lost.get_or_insert_with(|| self.link_lost(&error));
                    if clock.now().saturating_sub(since) >= self.work.options.link_patience {
                        return Err(self.no_link(error, None));
                    }
                }
                Err(HostError::Interrupted) => return Err(self.stop(Reason::Interrupted, None)),
                // In hours of looking a tool may once be looked at in the middle of a change.
                Err(HostError::Unclear { .. }) if unclear < AGAIN => unclear += 1,
                Err(error) => return Err(self.stop(Reason::Host(error), None)),
            }
            if !self.pause() {
                return Err(self.stop(Reason::Interrupted, None));
            }
        }
    }

    fn link_lost(&self, error: &HostError) -> Duration {
        held(&self.work.summary).link_lost = true;
        let (step, side, cause) = (self.id(), self.node.on, error.to_string());
        self.work.tell(Notice::LinkLost { step, side, cause });
        self.work.options.clock.now()
    }

    /// Waits for the next look; `false` where nothing is to be waited for any more.
    fn pause(&self) -> bool {
        self.pause_for(self.work.options.poll)
    }

    fn pause_for(&self, time: Duration) -> bool {
        let clock = self.work.options.clock;
        let until = clock.now() + time;
        loop {
            if self.work.stop() > 0 || self.work.halt.load(Ordering::SeqCst) > 1 {
                return false;
            }
            let left = until.saturating_sub(clock.now());
            if left.is_zero() {
                return true;
            }
            clock.sleep(left.min(NAP));
        }
    }

    fn waiting(&self, seen: &Seen) {
        let step = self.id();
        self.work.tell(match seen {
            Seen::Underway(progress) => Notice::Progress { step, progress: progress.clone() },
            _ => Notice::Waiting { step, seen: seen.clone() },
        });
    }

    fn adopted(&self) -> Ended<()> {
        self.record(journal::Event::Adopted)?;
        self.work.tell(Notice::Adopted { step: self.id() });
        self.count(|summary| &mut summary.adopted);
        Ok(())
    }

    fn already(&self) -> Ended<()> {
        self.work.tell(Notice::AlreadySo { step: self.id() });
        self.count(|summary| &mut summary.already);
        Ok(())
    }

    fn done(&self, start: Duration) -> Ended<()> {
        let took = self.work.options.clock.now().saturating_sub(start);
        let step = self.id();
        match self.kind {
            Kind::Apply => {
                self.record(journal::Event::Done)?;
                self.work.tell(Notice::Done { step, took });
                self.count(|summary| &mut summary.done);
            }
            Kind::Rollback => {
                self.record(journal::Event::Undone)?;
                self.work.tell(Notice::Undone { step, took });
                self.count(|summary| &mut summary.undone);
            }
        }
        Ok(())
    }

    fn goal(&self) -> Seen {
        match self.kind {
            Kind::Apply => Seen::Present,
            Kind::Rollback => Seen::Absent,
        }
    }

    fn id(&self) -> StepId {
        self.node.id.clone()
    }

    fn record(&self, event: journal::Event) -> Ended<()> {
        let written = held(&self.work.journal).step(&self.node.id, event);
        written.map_err(|error| self.stop(Reason::Journal(error), None))
    }

    /// What a person has said goes into the journal before anything is made of it.
    fn heard(&self) -> Ended<()> {
        for said in self.work.hosts.heard() {
            let written = held(&self.work.journal).run(journal::Run::Said(said));
            written.map_err(|error| self.stop(Reason::Journal(error), None))?;
        }
        Ok(())
    }

    fn count(&self, list: impl FnOnce(&mut Summary) -> &mut Vec<StepId>) {
        // what is taken back on the way forward gets another turn in this run, and that one counts
        if self.kind != self.work.kind {
            return;
        }
        list(&mut held(&self.work.summary)).push(self.node.id.clone());
    }

    /// What was waited for did not come about.
    fn given_up(&self, reason: Reason, seen: Seen) -> Box<Stopped> {
        let silent = self.step.boots().map(|server| self.silent(server));
        Box::new(Stopped { silent, ..*self.stop(reason, Some(seen)) })
    }

    /// There is no link any more. The machine may have stopped, and its console may tell.
    fn no_link(&self, error: HostError, seen: Option<Seen>) -> Box<Stopped> {
        let silent = match &error {
            HostError::Unreachable { side, .. } => Some(self.silent(side.server())),
            _ => None,
        };
        Box::new(Stopped { silent, ..*self.stop(Reason::Link(error), seen) })
    }

    fn silent(&self, server: Server) -> Silent {
        let console = match self.work.hosts.ask(self.node.on, Query::Console(server)) {
            Ok(answer) if answer.success() => Ok(answer.stdout),
            Ok(answer) => Err(answer.stderr),
            Err(error) => Err(error.to_string()),
        };
        let console =
            Some(console).filter(|said| said.as_ref().is_err() || said.as_ref().is_ok_and(|said| !said.is_empty()));
        Silent { server, console }
    }

    fn stop(&self, reason: Reason, seen: Option<Seen>) -> Box<Stopped> {
        Box::new(Stopped { step: Some(self.id()), side: Some(self.node.on), seen, ..Stopped::of(reason) })
    }
}

/// How it stands, for people.
fn standing(seen: &Seen) -> String {
    match seen {
        Seen::Absent => "it is not there".into(),
        Seen::Present => "it is still there".into(),
        Seen::Partial(what) | Seen::Remains(what) | Seen::Foreign(what) => what.clone(),
        Seen::Underway(progress) => progress.what.clone(),
    }
}
