//! Which step may be started: those before it are finished, and there is room.

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::host::Server;
use crate::journal::Kind;
use crate::runbook::Node;

/// An edge leads from a step to one that comes after it: because it waits for it, or because it takes its place.
fn graph(nodes: &[Node]) -> DiGraph<(), ()> {
    let mut graph = DiGraph::with_capacity(nodes.len(), nodes.len() * 2);
    for _ in nodes {
        graph.add_node(());
    }
    let place = |id| nodes.iter().position(|node| &node.id == id).map(NodeIndex::new);
    for (at, node) in nodes.iter().enumerate() {
        let at = NodeIndex::new(at);
        for before in node.after.iter().filter_map(place) {
            graph.update_edge(before, at, ());
        }
        if let Some(later) = node.until.as_ref().and_then(place) {
            graph.update_edge(at, later, ());
        }
    }
    graph
}

/// How a step's turn ended.
pub(super) enum Turned {
    /// those that come after it may start
    Finished,
    /// nothing after it may start, all else goes on
    Halted,
}

/// Goes through all nodes, forward or backward, and gives each its turn. Where several could start, it is the first of
/// the list (backward: the last); with a parallelism of 1 that is exactly the order of the list. No turn is begun once
/// `open` says no. A panic of a turn is a panic here, after the others have ended.
pub(super) fn run(
    nodes: &[Node],
    kind: Kind,
    (parallelism, per_server): (usize, usize),
    open: &(dyn Fn() -> bool + Sync),
    turn: &(dyn Fn(usize) -> Turned + Sync),
) {
    let graph = graph(nodes);
    let (back, forth) = match kind {
        Kind::Apply => (Direction::Incoming, Direction::Outgoing),
        Kind::Rollback => (Direction::Outgoing, Direction::Incoming),
    };
    let mut waits: Vec<usize> = graph.node_indices().map(|at| graph.neighbors_directed(at, back).count()).collect();
    let mut ready: BTreeSet<usize> = (0..nodes.len()).filter(|at| waits[*at] == 0).collect();
    let mut running: Vec<usize> = Vec::new();
    let mut panicked: Option<Box<dyn Any + Send>> = None;
    let (ended, ends) = mpsc::channel();

    std::thread::scope(|scope| {
        loop {
            let busy = |server: Server| running.iter().filter(|at| nodes[**at].on.server() == server).count();
            let room =
                |at: &&usize| running.len() < parallelism.max(1) && busy(nodes[**at].on.server()) < per_server.max(1);
            let next = match kind {
                Kind::Apply => ready.iter().find(room).copied(),
                Kind::Rollback => ready.iter().rev().find(room).copied(),
            };
            if let Some(at) = next
                && panicked.is_none()
                && open()
            {
                ready.remove(&at);
                running.push(at);
                let ended = ended.clone();
                let work = move || {
                    let result = catch_unwind(AssertUnwindSafe(|| turn(at)));
                    // The other end is there as long as this runs: the scope outlives it.
                    let _ = ended.send((at, result));
                };
                // One at a time needs no threads: a sweep makes many thousand of such turns.
                if parallelism <= 1 {
                    work();
                } else {
                    scope.spawn(work);
                }
                continue;
            }
            if running.is_empty() {
                break;
            }
            let (at, result) = ends.recv().expect("this function holds a sender too");
            running.retain(|other| *other != at);
            match result {
                Ok(Turned::Finished) => {
                    for next in graph.neighbors_directed(NodeIndex::new(at), forth) {
                        waits[next.index()] -= 1;
                        if waits[next.index()] == 0 {
                            ready.insert(next.index());
                        }
                    }
                }
                Ok(Turned::Halted) => {}
                Err(panic) => panicked = Some(panic),
            }
        }
    });
    if let Some(panic) = panicked {
        resume_unwind(panic);
    }
}
