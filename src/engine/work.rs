//! One run, as all its turns share it.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::event::{Notice, Observer};
use super::options::Options;
use super::stopped::{Reason, Stopped, Summary};
use crate::host::Hosts;
use crate::journal::{self, Journal, Kind, Run, State};
use crate::runbook::{Node, lint};
use crate::step::Seen;

/// One run.
pub(super) struct Work<'a> {
    pub(super) nodes: &'a [Node],
    pub(super) kind: Kind,
    /// rollback: servers have changed, or new is given up
    pub(super) only_old: bool,
    pub(super) hosts: &'a dyn Hosts,
    pub(super) options: &'a Options<'a>,
    pub(super) events: Observer<'a>,
    pub(super) journal: Mutex<&'a mut Journal>,
    /// something went wrong: 1: start nothing new; 2: the journal cannot be written, leave everything
    pub(super) halt: AtomicU8,
    pub(super) changed: AtomicUsize,
    pub(super) summary: Mutex<Summary>,
    pub(super) troubles: Mutex<Vec<Stopped>>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
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
            return Err(Box::new(Stopped::of(Reason::Damaged(damage))));
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

    pub(super) fn in_scope(&self, node: &Node) -> bool {
        self.kind == Kind::Rollback || self.options.until.is_none_or(|until| node.stage <= until)
    }

    pub(super) fn goes_on(&self) -> bool {
        self.stop() == 0 && self.halt.load(Ordering::SeqCst) == 0
    }

    pub(super) fn stop(&self) -> u8 {
        self.options.stop.load(Ordering::SeqCst)
    }

    pub(super) fn tell(&self, event: Notice) {
        (self.events)(event);
    }

    pub(super) fn state<T>(&self, ask: impl FnOnce(&State) -> T) -> T {
        ask(held(&self.journal).state())
    }

    /// Records why a step could not go on, and lets nothing new start.
    pub(super) fn stopped(&self, node: &Node, stopped: Stopped) {
        let step = node.id.clone();
        let what = stopped.to_string();
        let recorded = match &stopped.reason {
            Reason::Interrupted => return self.tell(Notice::Left { step }),
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
        self.tell(Notice::Failed { step, side: node.on, what });
        let mut troubles = held(&self.troubles);
        troubles.push(stopped);
        if let Err(error) = recorded {
            self.halt.store(2, Ordering::SeqCst);
            troubles.push(Stopped::of(Reason::Journal(error)));
        }
    }
}

/// A panic of another thread ends the run anyway; until then its half is as good as ours.
pub(super) fn held<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
