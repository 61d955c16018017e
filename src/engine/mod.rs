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
pub use preview::{Back, Preview, Sight, Way, preview_without_new, rollback_preview, survey};
pub use stopped::{Reason, Stopped, Summary};

use crate::host::{HostError, Hosts, Side};
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
    let only_old = preview::fenced(nodes, journal.state()) || journal.state().new_is_gone();
    Work::new(nodes, Kind::Rollback, journal, hosts, options, events, only_old)?.go()
}

/// Gives new up, by the operator's word: from here on a rollback takes back what is on old and looks at nothing on new,
/// and an apply is refused. After the change of servers there is nothing to say: a rollback leaves new as it is anyway.
///
/// # Errors
/// The journal cannot be written.
pub fn give_up_new(nodes: &[Node], journal: &mut Journal) -> Result<(), journal::Error> {
    let preview = preview_without_new(nodes, journal.state());
    if preview.fenced || journal.state().new_is_gone() {
        return Ok(());
    }
    let left = preview.steps.iter().filter(|back| back.way == Way::Abandoned);
    let steps = left.map(|back| back.node.id.clone()).collect();
    journal.run(Run::Abandoned { steps, gone: true })
}

/// One run.
struct Work<'a> {
    nodes: &'a [Node],
    kind: Kind,
    /// rollback: servers have changed, or new is given up
    only_old: bool,
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
        only_old: bool,
    ) -> Result<Work<'a>, Box<Stopped>> {
        let damage = lint(nodes);
        if !damage.is_empty() {
            return Err(Box::new(Stopped::run(Reason::Damaged(damage))));
        }
        Ok(Work {
            nodes,
            kind,
            only_old,
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
        if let Err(error) = self.meet() {
            let stopped = match error {
                HostError::Interrupted => Stopped::run(Reason::Interrupted),
                error => Stopped::run(Reason::Host(error)),
            };
            let (outcome, what) = (Outcome::Stopped, Some(stopped.to_string()));
            let closed = held(&self.journal).run(Run::Ended { outcome, what });
            return Err(Box::new(closed.err().map_or(stopped, |error| Stopped::run(Reason::Journal(error)))));
        }
        self.hosts.recall(&self.state(State::said));
        let steps = self.nodes.iter().filter(|node| self.in_scope(node)).count();
        self.tell(Event::RunStarted { kind: self.kind, steps });
        let room = (self.options.parallelism, self.options.per_server);
        schedule::run(self.nodes, self.kind, room, &|| self.goes_on(), &|at| self.turn(&self.nodes[at]));
        let (outcome, what) = self.outcome();
        let closed = held(&self.journal).run(Run::Ended { outcome, what });
        if outcome == Outcome::Complete && closed.is_ok() {
            self.part();
        }
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
        if self.only_old {
            let ways = rollback_preview(self.nodes, journal.state()).steps;
            let steps: Vec<StepId> =
                ways.into_iter().filter(|back| back.way == Way::Abandoned).map(|back| back.node.id.clone()).collect();
            // Once is enough, but that once is before the fence is taken back.
            if journal.state().abandoned().is_none() {
                journal.run(Run::Abandoned { steps: steps.clone(), gone: false })?;
            }
            held(&self.summary).abandoned = steps;
        }
        Ok(())
    }

    /// Tells the servers of this run, before anything is done. One that has seen a later journal stops it; one that does not
    /// answer is told when it is acted on. After the change of servers old's address is the migrated system's.
    fn meet(&self) -> Result<(), HostError> {
        let fenced = self.state(|state| preview::fenced(self.nodes, state));
        let sides: &[Side] = match (self.kind, fenced) {
            (Kind::Rollback, false) if self.only_old => &[Side::Old],
            (_, false) => &[Side::Old, Side::New],
            (_, true) => &[Side::New, Side::Migrated],
        };
        let trail = held(&self.journal).trail().clone();
        trail.is_of(&self.options.by);
        self.hosts.follow(&trail);
        let needed = |side: Side| {
            let over = |node: &Node| self.state(|state| state.over(node));
            self.nodes.iter().any(|node| node.on == side && self.in_scope(node) && !over(node))
        };
        let mut met = Vec::new();
        for side in sides.iter().copied().filter(|side| needed(*side)) {
            let (side, compared) = match self.hosts.compare(side) {
                // who has taken its place can say since when
                Err(HostError::Another { side: Side::Old, .. }) => {
                    (Side::Migrated, self.hosts.compare(Side::Migrated))
                }
                compared => (side, compared),
            };
            match compared {
                Ok(()) => met.push(side),
                Err(error @ (HostError::Older { .. } | HostError::Interrupted)) => return Err(error),
                Err(_) => {}
            }
        }
        // Only where none refuses: a journal that is older for the one must leave no mark on the other.
        for side in met {
            let _ = self.hosts.introduce(side);
        }
        Ok(())
    }

    /// It is complete: what servers keep of it says so, or goes. A server that does not answer now has a mark too many,
    /// which a person can remove.
    fn part(&self) {
        let sides: &[Side] = match self.kind {
            Kind::Apply => &[Side::Migrated],
            Kind::Rollback if self.only_old => &[Side::Old],
            Kind::Rollback => &[Side::Old, Side::New],
        };
        for side in sides.iter().filter(|side| self.nodes.iter().any(|node| node.on == **side)) {
            let _ = self.hosts.part(*side, self.kind == Kind::Rollback);
        }
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
                matches!(preview::way(node, journal.state(), self.only_old), Way::Undo(_) | Way::Nothing(_))
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
                held(&self.journal).step(&step, journal::Event::Refused { what: what.clone() })
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
