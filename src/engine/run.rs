//! A run from its first line in the journal to its last.

use std::sync::atomic::Ordering;

use super::event::Notice;
use super::preview::{self, Way, rollback_preview};
use super::schedule::{self, Turned};
use super::stopped::{Reason, Stopped, Summary};
use super::turn::Turn;
use super::work::{Work, held};
use crate::host::{HostError, Side};
use crate::journal::{self, Kind, Outcome, Run, State, Status};
use crate::runbook::{Node, Stage, StepId};

impl Work<'_> {
    pub(super) fn go(self) -> Result<Summary, Box<Stopped>> {
        let start = self.options.clock.now();
        if let Err(error) = self.open() {
            return Err(Box::new(Stopped::of(Reason::Journal(error))));
        }
        if let Err(error) = self.meet() {
            let stopped = match error {
                HostError::Interrupted => Stopped::of(Reason::Interrupted),
                error => Stopped::of(Reason::Host(error)),
            };
            let (outcome, what) = (Outcome::Stopped, Some(stopped.to_string()));
            let closed = held(&self.journal).run(Run::Ended { outcome, what });
            return Err(Box::new(closed.err().map_or(stopped, |error| Stopped::of(Reason::Journal(error)))));
        }
        self.hosts.recall(&self.state(State::said));
        let steps = self.nodes.iter().filter(|node| self.in_scope(node)).count();
        self.tell(Notice::RunStarted { kind: self.kind, steps });
        if self.kind == Kind::Apply {
            self.finish_undos();
            self.stand_again();
        }
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
            held(&self.troubles).push(Stopped::of(Reason::Journal(error)));
        }
        self.tell(Notice::RunEnded { kind: self.kind });

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
            true => Stopped::of(Reason::Interrupted),
            false => troubles.remove(0),
        };
        first.interrupted = interrupted;
        first.others = troubles;
        first.summary = summary;
        Err(Box::new(first))
    }

    /// The lines that must be there before anything is done.
    pub(super) fn open(&self) -> Result<(), journal::Error> {
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
    pub(super) fn meet(&self) -> Result<(), HostError> {
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
    pub(super) fn part(&self) {
        let sides: &[Side] = match self.kind {
            Kind::Apply => &[Side::Migrated],
            Kind::Rollback if self.only_old => &[Side::Old],
            Kind::Rollback => &[Side::Old, Side::New],
        };
        for side in sides.iter().filter(|side| self.nodes.iter().any(|node| node.on == **side)) {
            let _ = self.hosts.part(*side, self.kind == Kind::Rollback);
        }
    }

    pub(super) fn outcome(&self) -> (Outcome, Option<String>) {
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

    /// Steps that should have been gone through and were not.
    pub(super) fn left(&self) -> Vec<StepId> {
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

    pub(super) fn turn(&self, node: &Node) -> Turned {
        if !self.in_scope(node) {
            return Turned::Halted;
        }
        self.take(node, Turn::new(self, node))
    }

    /// A rollback was ended while it took back what had taken another's place. What holds again where that is gone (a
    /// mirror, when its split is taken back) would not be made again as long as its end has begun: so the undo ends first.
    fn finish_undos(&self) {
        let takes_place = |node: &Node| self.nodes.iter().any(|other| other.until.as_ref() == Some(&node.id));
        let begun = |node: &Node| self.state(|state| state.status(&node.id)) == Status::UndoBegan;
        for node in self.nodes.iter().rev().filter(|node| begun(node) && takes_place(node)) {
            if self.goes_on() {
                self.ended(node, Turn::new(self, node).finish_undo());
            }
        }
    }

    /// A rollback has taken back what had taken the place of others, and was left: then they must hold again. What of them is
    /// gone (a boot has forgotten it) stood on things of which some were ended after it: a login by its logout, an array by its
    /// stop. Those ends are taken back as well, the last one first. Only where nothing is copied yet.
    fn stand_again(&self) {
        let before = schedule::before(self.nodes);
        let prepares = |node: &Node| self.in_scope(node) && node.stage <= Stage::Prepare;
        let ours = |node: &Node| self.state(|state| state.ours(&node.id) && !state.over(node));
        let turned = |node: &Node| {
            let undone = |id: &StepId| self.state(|state| state.status(id)) == Status::Undone;
            node.until.as_ref().is_some_and(undone)
        };
        for (at, node) in self.nodes.iter().enumerate().filter(|(_, node)| prepares(node)) {
            if !turned(node) || !ours(node) {
                continue;
            }
            let ends = |(place, end): &(usize, &Node)| {
                let stood =
                    |(on, one): (usize, &Node)| before[at].contains(&on) && one.until.as_ref() == Some(&end.id);
                (*place == at || before[*place].contains(&at)) && self.nodes.iter().enumerate().any(stood)
            };
            let ended: Vec<&Node> = self
                .nodes
                .iter()
                .enumerate()
                .filter(|(_, end)| prepares(end) && ours(end))
                .filter(ends)
                .map(|(_, end)| end)
                .collect();
            if ended.is_empty() || !self.goes_on() || !Turn::new(self, node).is_gone() {
                continue;
            }
            for end in ended.into_iter().rev() {
                self.ended(end, Turn::new(self, end).take_back());
            }
        }
    }

    pub(super) fn take(&self, node: &Node, turn: Turn<'_, '_>) -> Turned {
        self.ended(
            node,
            match self.kind {
                Kind::Apply => turn.apply(),
                Kind::Rollback => turn.rollback(),
            },
        )
    }

    fn ended(&self, node: &Node, ended: Result<(), Box<Stopped>>) -> Turned {
        match ended {
            Ok(()) => Turned::Finished,
            Err(stopped) => {
                self.stopped(node, *stopped);
                Turned::Halted
            }
        }
    }
}
