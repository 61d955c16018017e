//! What a rollback does with each step, decided from the journal alone: the preview and the rollback itself ask the same
//! function. And a look at where the servers stand.

use std::collections::BTreeMap;

use crate::host::{Act, HostError, Hosts, Server, Side};
use crate::journal::{State, Status};
use crate::runbook::{Node, StepId};
use crate::step::{Seen, Undo};

/// What happens to a step when a migration is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// it is ours: looked at, and taken back by these acts unless it is gone
    Undo(Vec<Act>),
    /// it is ours and there is nothing to take back, and why
    Nothing(&'static str),
    /// it was there before: it stays
    Found,
    /// servers change, or new is given up: it is left as it is on new's disks
    Abandoned,
    /// it has not been begun, or is taken back already
    NotBegun,
}

/// A step and what a rollback does with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Back<'a> {
    /// the step with its place
    pub node: &'a Node,
    /// what a rollback does with it
    pub way: Way,
}

/// What a rollback would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview<'a> {
    /// in the order in which they are taken back, without those that were never begun
    pub steps: Vec<Back<'a>>,
    /// the change of servers has begun: going back means new off and old on
    pub fenced: bool,
    /// new is given up while old is on: nothing on new is looked at
    pub gone: bool,
}

/// What a rollback would do, by the journal alone: no server is asked.
pub fn rollback_preview<'a>(nodes: &'a [Node], state: &State) -> Preview<'a> {
    preview(nodes, state, state.new_is_gone())
}

/// What a rollback would do if new were given up. After the change of servers nothing on new is taken back anyway.
pub(crate) fn preview_without_new<'a>(nodes: &'a [Node], state: &State) -> Preview<'a> {
    preview(nodes, state, !fenced(nodes, state))
}

fn preview<'a>(nodes: &'a [Node], state: &State, gone: bool) -> Preview<'a> {
    let fenced = fenced(nodes, state);
    let steps = nodes.iter().rev().map(|node| Back { node, way: way(node, state, fenced || gone) });
    Preview { steps: steps.filter(|back| back.way != Way::NotBegun).collect(), fenced, gone }
}

/// Whether the change of servers has begun. An earlier rollback that knew so is always believed: it may have taken the
/// fence back already, and been stopped after that.
pub(super) fn fenced(nodes: &[Node], state: &State) -> bool {
    let begun = |node: &Node| !matches!(state.status(&node.id), Status::New | Status::Undone);
    let known = state.abandoned().is_some() && !state.new_is_gone();
    known || nodes.iter().any(|node| node.fence && begun(node))
}

/// `only_old`: what is on new is left as it is.
pub(super) fn way(node: &Node, state: &State, only_old: bool) -> Way {
    let status = state.status(&node.id);
    if matches!(status, Status::New | Status::Undone) {
        Way::NotBegun
    } else if !state.to_undo(&node.id) && !node.fence {
        Way::Found
    } else if only_old && node.on != Side::Old && !node.fence {
        Way::Abandoned
    } else {
        // Also a fence that was found: whoever switched old off, going back means that it is on.
        match node.step.as_step().undo() {
            Undo::Acts(acts) => Way::Undo(acts),
            Undo::Nothing(why) => Way::Nothing(why),
        }
    }
}

/// What is seen of a step.
#[derive(Debug, Clone)]
pub enum Sight {
    /// the system answered
    Seen(Seen),
    /// another step has taken its place, or it was left on new's disks: not looked at
    Over,
    /// the system could not be asked
    Error(HostError),
}

/// Looks at every step that has been begun or was found there, and changes nothing. A system that does not answer is
/// asked once, not once for each step.
pub fn survey(nodes: &[Node], state: &State, hosts: &dyn Hosts) -> Vec<(StepId, Sight)> {
    hosts.recall(&state.said());
    let one = |server: Server| {
        let mut gone: BTreeMap<Side, HostError> = BTreeMap::new();
        let mut sights: Vec<(usize, Sight)> = Vec::new();
        for (at, node) in nodes.iter().enumerate() {
            let status = state.status(&node.id);
            if node.on.server() != server || matches!(status, Status::New | Status::Undone) {
                continue;
            }
            let sight = if state.over(node) || state.abandoned().is_some_and(|left| left.contains(&node.id)) {
                Sight::Over
            } else if let Some(error) = gone.get(&node.on) {
                Sight::Error(error.clone())
            } else {
                match node.step.as_step().observe(hosts, node.on) {
                    Ok(seen) => Sight::Seen(seen),
                    Err(error) => {
                        if matches!(
                            error,
                            HostError::Unreachable { .. } | HostError::Refused { .. } | HostError::Another { .. }
                        ) {
                            gone.insert(node.on, error.clone());
                        }
                        Sight::Error(error)
                    }
                }
            };
            sights.push((at, sight));
        }
        sights
    };
    let mut all = std::thread::scope(|scope| {
        let new = scope.spawn(|| one(Server::New));
        let mut all = one(Server::Old);
        all.extend(new.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        all
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(at, sight)| (nodes[at].id.clone(), sight)).collect()
}
