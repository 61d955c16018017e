//! Carries a runbook out, and takes it back: one loop, two directions. It knows no kind of step.
//!
//! Resuming is applying again: what is so is seen to be so. Nothing is done on a server before the journal has it on the
//! disk that it begins; what the journal does not call ours is never changed and never taken back.

mod clock;
mod decide;
mod event;
mod preview;
mod schedule;
mod stopped;
mod turn;

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use clock::{Clock, Real};
pub use event::{Event, Observer};
pub use preview::{Back, Preview, Sight, Way, rollback_preview, survey};
pub use stopped::{Reason, Stopped, Summary};

use crate::host::Hosts;
use crate::journal::{self, Journal, Kind, Outcome, Run, State, Who};
use crate::runbook::{Node, Stage, StepId, lint};
use crate::step::Seen;
use schedule::Turned;
use turn::Turn;

/// How a run goes. None of it changes what a step does.
pub struct Options<'a> {
    /// steps at a time; 1: exactly in the order of the list
    pub parallelism: usize,
    /// steps at a time on one server
    pub per_server: usize,
    /// apply only: no step of a later stage
    pub until: Option<Stage>,
    /// for how long a server that does not answer is waited for
    pub link_patience: Duration,
    /// between two looks
    pub poll: Duration,
    /// What the person wants, at any time. 0: go on. 1: start nothing new; an act that is running ends, a step that only
    /// waits is left as it is. 2: stop waiting for acts too, which is for [`Hosts`] to hear: the same flag is given to it,
    /// and it answers [`HostError::Interrupted`](crate::host::HostError::Interrupted).
    pub stop: &'a AtomicU8,
    pub clock: &'a dyn Clock,
    /// who does this, for the journal
    pub by: String,
}

impl<'a> Options<'a> {
    pub fn new(stop: &'a AtomicU8) -> Options<'a> {
        Options {
            parallelism: 4,
            per_server: 2,
            until: None,
            link_patience: Duration::from_secs(120),
            poll: Duration::from_secs(2),
            stop,
            clock: &Real,
            by: Who::me().to_string(),
        }
    }
}

/// Makes it so. What is so already is left alone; an interrupted migration is gone on with.
pub fn apply(
    nodes: &[Node],
    journal: &mut Journal,
    hosts: &dyn Hosts,
    options: &Options<'_>,
    events: Observer<'_>,
) -> Result<Summary, Box<Stopped>> {
    if let Some(left) = journal.state().abandoned() {
        return Err(Box::new(Stopped::run(Reason::Abandoned(left.iter().cloned().collect()))));
    }
    Work::new(nodes, Kind::Apply, journal, hosts, options, events, false)?.go()
}

/// Takes back what is ours, last first. What was there before stays; once servers have changed, what is on new's disks
/// stays as it is too, and is told as [`Summary::abandoned`].
pub fn rollback(
    nodes: &[Node],
    journal: &mut Journal,
    hosts: &dyn Hosts,
    options: &Options<'_>,
    events: Observer<'_>,
) -> Result<Summary, Box<Stopped>> {
    let fenced = preview::fenced(nodes, journal.state());
    Work::new(nodes, Kind::Rollback, journal, hosts, options, events, fenced)?.go()
}

/// One run.
struct Work<'a> {
    nodes: &'a [Node],
    kind: Kind,
    /// rollback: servers have changed
    fenced: bool,
    hosts: &'a dyn Hosts,
    options: &'a Options<'a>,
    events: Observer<'a>,
    journal: Mutex<&'a mut Journal>,
    /// something went wrong: 1: start nothing new; 2: the journal cannot be written, leave everything
    halt: AtomicU8,
    changed: AtomicUsize,
    summary: Mutex<Summary>,
    troubles: Mutex<Vec<Stopped>>,
}

impl<'a> Work<'a> {
    fn new(
        nodes: &'a [Node],
        kind: Kind,
        journal: &'a mut Journal,
        hosts: &'a dyn Hosts,
        options: &'a Options<'a>,
        events: Observer<'a>,
        fenced: bool,
    ) -> Result<Work<'a>, Box<Stopped>> {
        let damage = lint(nodes);
        if !damage.is_empty() {
            return Err(Box::new(Stopped::run(Reason::Damaged(damage))));
        }
        Ok(Work {
            nodes,
            kind,
            fenced,
            hosts,
            options,
            events,
            journal: Mutex::new(journal),
            halt: AtomicU8::new(0),
            changed: AtomicUsize::new(0),
            summary: Mutex::default(),
            troubles: Mutex::default(),
        })
    }

    fn go(self) -> Result<Summary, Box<Stopped>> {
        let start = self.options.clock.now();
        if let Err(error) = self.open() {
            return Err(Box::new(Stopped::run(Reason::Journal(error))));
        }
        self.hosts.recall(&self.state(State::said));
        let steps = self.nodes.iter().filter(|node| self.in_scope(node)).count();
        self.tell(Event::RunStarted { kind: self.kind, steps });
        let room = (self.options.parallelism, self.options.per_server);
        schedule::run(self.nodes, self.kind, room, &|| self.goes_on(), &|at| self.turn(&self.nodes[at]));
        let (outcome, what) = self.outcome();
        let closed = held(&self.journal).run(Run::Ended { outcome, what });
        if let Err(error) = closed
            && held(&self.troubles).is_empty()
        {
            held(&self.troubles).push(Stopped::run(Reason::Journal(error)));
        }
        self.tell(Event::RunEnded { kind: self.kind });

        let left = self.left();
        let mut summary = std::mem::take(&mut *held(&self.summary));
        summary.kind = Some(self.kind);
        summary.changed = self.changed.load(Ordering::SeqCst);
        summary.took = self.options.clock.now().saturating_sub(start);
        let interrupted = !left.is_empty() && self.stop() > 0;
        summary.left = left;
        let mut troubles = std::mem::take(&mut *held(&self.troubles));
        if troubles.is_empty() && summary.left.is_empty() {
            return Ok(summary);
        }
        let mut first = match troubles.is_empty() {
            true => Stopped::run(Reason::Interrupted),
            false => troubles.remove(0),
        };
        first.interrupted = interrupted;
        first.others = troubles;
        first.summary = summary;
        Err(Box::new(first))
    }

    /// The lines that must be there before anything is done.
    fn open(&self) -> Result<(), journal::Error> {
        let mut journal = held(&self.journal);
        let version = env!("CARGO_PKG_VERSION").to_owned();
        journal.run(Run::Started { kind: self.kind, by: self.options.by.clone(), version })?;
        if self.fenced {
            let ways = rollback_preview(self.nodes, journal.state()).steps;
            let steps: Vec<StepId> =
                ways.into_iter().filter(|back| back.way == Way::Abandoned).map(|back| back.node.id.clone()).collect();
            // Once is enough, but that once is before the fence is taken back.
            if journal.state().abandoned().is_none() {
                journal.run(Run::Abandoned { steps: steps.clone() })?;
            }
            held(&self.summary).abandoned = steps;
        }
        Ok(())
    }

    fn outcome(&self) -> (Outcome, Option<String>) {
        if let Some(first) = held(&self.troubles).first() {
            return (Outcome::Stopped, Some(first.to_string()));
        }
        if !self.left().is_empty() {
            return (Outcome::Interrupted, None);
        }
        match self.nodes.iter().all(|node| self.in_scope(node)) {
            true => (Outcome::Complete, None),
            false => (Outcome::Partly, None),
        }
    }

    fn in_scope(&self, node: &Node) -> bool {
        self.kind == Kind::Rollback || self.options.until.is_none_or(|until| node.stage <= until)
    }

    /// Steps that should have been gone through and were not.
    fn left(&self) -> Vec<StepId> {
        let summary = held(&self.summary);
        let ended = |id| {
            [&summary.done, &summary.adopted, &summary.already, &summary.over, &summary.undone]
                .iter()
                .any(|steps| steps.contains(id))
        };
        let journal = held(&self.journal);
        let wanted = |node: &&Node| match self.kind {
            Kind::Apply => self.in_scope(node),
            Kind::Rollback => {
                matches!(preview::way(node, journal.state(), self.fenced), Way::Undo(_) | Way::Nothing(_))
            }
        };
        self.nodes.iter().filter(wanted).map(|node| &node.id).filter(|id| !ended(id)).cloned().collect()
    }

    fn goes_on(&self) -> bool {
        self.stop() == 0 && self.halt.load(Ordering::SeqCst) == 0
    }

    fn stop(&self) -> u8 {
        self.options.stop.load(Ordering::SeqCst)
    }

    fn tell(&self, event: Event) {
        (self.events)(event);
    }

    fn state<T>(&self, ask: impl FnOnce(&State) -> T) -> T {
        ask(held(&self.journal).state())
    }

    fn turn(&self, node: &Node) -> Turned {
        if !self.in_scope(node) {
            return Turned::Halted;
        }
        self.take(node, Turn::new(self, node))
    }

    fn take(&self, node: &Node, turn: Turn<'_, '_>) -> Turned {
        let ended = match self.kind {
            Kind::Apply => turn.apply(),
            Kind::Rollback => turn.rollback(),
        };
        match ended {
            Ok(()) => Turned::Finished,
            Err(stopped) => {
                self.stopped(node, *stopped);
                Turned::Halted
            }
        }
    }

    /// Records why a step could not go on, and lets nothing new start.
    fn stopped(&self, node: &Node, stopped: Stopped) {
        let step = node.id.clone();
        let what = stopped.to_string();
        let recorded = match &stopped.reason {
            Reason::Interrupted => return self.tell(Event::Left { step }),
            Reason::Journal(_) => {
                self.halt.store(2, Ordering::SeqCst);
                Ok(())
            }
            // An act was done and what it should bring about is not so: this is known, and it is how the step stands.
            Reason::Failed(_) | Reason::Patience { .. } | Reason::Gone(_) => {
                held(&self.journal).step(&step, journal::Event::Failed { what: what.clone() })
            }
            // It cannot be made good, and must be known later, when it is not to be seen any more.
            Reason::Refused(_) if node.step.as_step().for_good(&Seen::Foreign(what.clone())) => {
                held(&self.journal).step(&step, journal::Event::Failed { what: what.clone() })
            }
            // Nothing is known, or nothing was done: the step stands as it stood.
            _ => held(&self.journal).run(Run::Trouble { step: step.clone(), what: what.clone() }),
        };
        self.halt.fetch_max(1, Ordering::SeqCst);
        self.tell(Event::Failed { step, side: node.on, what });
        let mut troubles = held(&self.troubles);
        troubles.push(stopped);
        if let Err(error) = recorded {
            self.halt.store(2, Ordering::SeqCst);
            troubles.push(Stopped::run(Reason::Journal(error)));
        }
    }
}

/// A panic of another thread ends the run anyway; until then its half is as good as ours.
fn held<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
