//! A rehearsal: new boots what was copied, on snapshots, cut off from the network, and is reset. It stands beside the runbook
//! and is made of its steps, so that it means the same copies, disks and groups, whoever made the runbook and when.

use super::Runbook;
use crate::host::{Server, Side};
use crate::plan::Power;
use crate::runbook::{Node, Stage, StepId};
use crate::step::{AtRest, Beneath, HeldAgain, InStep, Logout, Rehearsal, Release, StepKind, Unwritten};

/// What new has for it, while it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// MiB that the writes to one volume may take
    pub mib: u64,
}

/// Seconds after which new resets itself.
const LIMIT: u64 = 1800;

/// The steps of a rehearsal: each list in the order in which it is done.
#[derive(Debug, Clone)]
pub struct Course {
    /// from copies in sync to a system that is up
    pub begin: Vec<Node>,
    /// what lets the copies go on from where they were let go
    pub prove: Vec<Node>,
    /// to the hold again
    pub end: Vec<Node>,
    /// the same where the system does not answer any more, and new is switched by a program
    pub by_power: Option<Vec<Node>>,
}

/// Why a runbook has no rehearsal.
pub(super) const NEEDS: &str = "a rehearsal needs `new: {boot: held}` and `copy: {method: below}`";

/// Makes the rehearsal of what this runbook copies.
///
/// # Errors
/// It does not copy as a rehearsal needs it.
pub fn rehearsal(runbook: &Runbook, room: Room) -> Result<Course, &'static str> {
    let release = release(&runbook.nodes).ok_or(NEEDS)?;
    let copies = copies(&runbook.nodes);
    let dir = copies.first().ok_or(NEEDS)?.dir.clone();
    let mirrors = runbook.nodes.iter().any(|node| matches!(node.step, StepKind::Mirror(_)));
    if mirrors {
        return Err(NEEDS);
    }
    let mut list = List::default();
    list.step(
        "rehearse-in-sync",
        Side::Old,
        InStep { copies: copies.clone() },
        "what is rehearsed is what would take over",
    );
    list.step("rehearse-rest", Side::Old, AtRest { copies: copies.clone() }, "new's volumes must stand still");
    for (id, logout) in logouts(&runbook.nodes) {
        list.step(format!("rehearse-{id}"), Side::Old, logout, "what rehearses must not be old's disk");
    }
    for (id, withdrawn) in withdrawn(&runbook.nodes) {
        list.step(format!("rehearse-{id}"), Side::New, withdrawn, "nobody may write to what snapshots stand on");
    }
    list.step(
        "rehearse-begin",
        Side::New,
        Rehearsal { mib: room.mib, limit: LIMIT, tag: release.tag, groups: release.groups, dir },
        "drivers, file systems, units and ports are seen before anybody depends on them",
    );
    let prove = List::one("rehearse-proof", Side::Old, Unwritten { copies }, "only what has changed is sent again");
    let end = |by_power| List::one("rehearse-end", Side::New, HeldAgain { by_power }, "nothing of it stays");
    let by_hand = matches!(runbook.plan.new.power, Power::Manual { .. });
    Ok(Course { begin: list.0, prove, end: end(false), by_power: (!by_hand).then(|| end(true)) })
}

/// Each waits for the one before it.
#[derive(Default)]
struct List(Vec<Node>);

impl List {
    fn step(&mut self, id: impl Into<String>, on: Side, step: impl Into<StepKind>, why: &str) {
        let after = self.0.last().map(|last| last.id.clone()).into_iter().collect();
        let (id, step) = (StepId(id.into()), step.into());
        self.0.push(Node { id, stage: Stage::Copy, on, after, until: None, fence: false, why: why.into(), step });
    }

    fn one(id: &str, on: Side, step: impl Into<StepKind>, why: &str) -> Vec<Node> {
        let mut list = List::default();
        list.step(id, on, step, why);
        list.0
    }
}

fn release(nodes: &[Node]) -> Option<Release> {
    nodes.iter().find_map(|node| match &node.step {
        StepKind::OwnBoot(boot) => boot.held.clone(),
        _ => None,
    })
}

fn copies(nodes: &[Node]) -> Vec<Beneath> {
    let of = |node: &Node| match &node.step {
        StepKind::Beneath(copy) => Some(copy.clone()),
        _ => None,
    };
    nodes.iter().filter_map(of).collect()
}

/// Of the disks that are copied to. The boot file system's was given back before new booted.
fn logouts(nodes: &[Node]) -> Vec<(String, Logout)> {
    let of = |node: &Node| match &node.step {
        StepKind::Login(login) if node.stage == Stage::Connect => {
            let logout =
                Logout { iqn: login.iqn.clone(), portal: login.portal.clone(), device: login.device.clone() };
            Some((node.id.0.replacen("login", "logout", 1), logout))
        }
        _ => None,
    };
    nodes.iter().filter_map(of).collect()
}

fn withdrawn(nodes: &[Node]) -> Vec<(String, StepKind)> {
    let gone = |node: &&Node| matches!(node.step, StepKind::LioGone(_) | StepKind::TgtGone(_));
    let boots = nodes.iter().filter(|node| node.stage == Stage::Boot && node.on.server() == Server::New);
    boots.filter(gone).map(|node| (node.id.0.clone(), node.step.clone())).collect()
}
