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

/// For each node, the places of all that come before it because it waits for them, near and far.
pub(super) fn before(nodes: &[Node]) -> Vec<BTreeSet<usize>> {
    let place = |id| nodes.iter().position(|node| &node.id == id);
    let mut before: Vec<BTreeSet<usize>> = Vec::with_capacity(nodes.len());
    // what a node waits for stands before it in the list
    for node in nodes {
        let near: Vec<usize> = node.after.iter().filter_map(place).filter(|at| *at < before.len()).collect();
        let far = near.iter().flat_map(|at| before[*at].iter().copied());
        let all = far.chain(near.iter().copied()).collect();
        before.push(all);
    }
    before
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::host::Side;
    use crate::runbook::{Stage, StepId};
    use crate::step::File;

    fn node(name: &str, on: Side, after: &[&str]) -> Node {
        Node {
            id: StepId(name.into()),
            stage: Stage::Copy,
            on,
            after: after.iter().map(|name| StepId(name.to_string())).collect(),
            until: None,
            fence: false,
            why: String::new(),
            step: File::new("/x", "x").into(),
        }
    }

    #[test]
    fn there_is_room_for_so_many_in_all_and_on_each_server() {
        let sides = [Side::Old, Side::Old, Side::Old, Side::New, Side::Migrated, Side::New];
        let nodes: Vec<Node> = (0..12).map(|at| node(&format!("n{at}"), sides[at % 6], &[])).collect();
        let (old, new, most) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new((0, 0, 0)));
        run(&nodes, Kind::Apply, (3, 2), &|| true, &|at| {
            let here = if nodes[at].on == Side::Old { &old } else { &new };
            here.fetch_add(1, Ordering::SeqCst);
            let (o, n) = (old.load(Ordering::SeqCst), new.load(Ordering::SeqCst));
            let mut most = most.lock().unwrap();
            *most = (most.0.max(o), most.1.max(n), most.2.max(o + n));
            drop(most);
            std::thread::sleep(Duration::from_millis(5));
            here.fetch_sub(1, Ordering::SeqCst);
            Turned::Finished
        });
        let (o, n, all) = *most.lock().unwrap();
        assert!(o <= 2 && n <= 2 && all <= 3, "{o} {n} {all}");
    }

    #[test]
    fn a_step_waits_for_those_before_it_and_for_what_it_takes_the_place_of() {
        let mut nodes =
            vec![node("login", Side::Old, &[]), node("copy", Side::Old, &["login"]), node("logout", Side::Old, &[])];
        nodes[0].until = Some(StepId("logout".into()));
        for (kind, parallelism) in [(Kind::Apply, 4), (Kind::Rollback, 4), (Kind::Apply, 1), (Kind::Rollback, 1)] {
            let order = Mutex::new(Vec::new());
            run(&nodes, kind, (parallelism, 4), &|| true, &|at| {
                order.lock().unwrap().push(at);
                Turned::Finished
            });
            let order = order.into_inner().unwrap();
            let place = |at: usize| order.iter().position(|other| *other == at).unwrap();
            let first = |a, b| if kind == Kind::Apply { place(a) < place(b) } else { place(a) > place(b) };
            assert!(first(0, 1) && first(0, 2), "{kind:?} {order:?}");
        }
    }

    #[test]
    fn nothing_comes_after_what_was_halted_and_a_panic_is_a_panic() {
        let nodes = vec![node("a", Side::Old, &[]), node("b", Side::Old, &["a"]), node("c", Side::New, &[])];
        let ran = Mutex::new(Vec::new());
        run(&nodes, Kind::Apply, (4, 2), &|| true, &|at| {
            ran.lock().unwrap().push(at);
            if at == 0 { Turned::Halted } else { Turned::Finished }
        });
        let mut ran = ran.into_inner().unwrap();
        ran.sort();
        assert_eq!(ran, [0, 2]);
        for parallelism in [1, 4] {
            let panicking = || run(&nodes, Kind::Apply, (parallelism, 2), &|| true, &|_| panic!("unknown command"));
            assert!(catch_unwind(panicking).is_err());
        }
    }
}
