use std::collections::HashSet;
use std::iter;

use crate::host::Side;
use crate::runbook::{Node, Stage, StepId};
use crate::step::StepKind;

/// A step that stands in the book. Only such a one can be waited for, so a circle cannot be written, and the order of
/// the list is an order in which it can be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Handle {
    id: StepId,
    /// its place in the book
    at: usize,
}

/// A runbook while it is written.
pub(super) struct Book {
    nodes: Vec<Node>,
    ids: HashSet<String>,
    stage: Stage,
}

impl Book {
    pub(super) fn new() -> Book {
        Book { nodes: Vec::new(), ids: HashSet::new(), stage: Stage::Prepare }
    }

    /// Turns to the next stage: every step from here on belongs to it.
    pub(super) fn stage(&mut self, stage: Stage) {
        self.stage = stage;
    }

    pub(super) fn step(
        &mut self,
        id: impl Into<String>,
        on: Side,
        step: impl Into<StepKind>,
        after: &[&Handle],
        why: impl Into<String>,
    ) -> Handle {
        let id = StepId(self.unique(id.into()));
        let mut seen = HashSet::new();
        let after = after.iter().filter(|handle| seen.insert(handle.at)).map(|handle| handle.id.clone()).collect();
        self.nodes.push(Node {
            id: id.clone(),
            stage: self.stage,
            on,
            after,
            until: None,
            fence: false,
            why: why.into(),
            step: step.into(),
        });
        Handle { id, at: self.nodes.len() - 1 }
    }

    /// Two names can make one id: mounts on `/srv/a-b` and on `/srv/a/b`.
    fn unique(&mut self, id: String) -> String {
        let numbered = (2..).map(|number| format!("{id}-{number}"));
        let mut all = iter::once(id.clone()).chain(numbered);
        all.find(|id| self.ids.insert(id.clone())).expect("numbers do not end")
    }

    /// `step` need hold only until `end` begins.
    pub(super) fn until(&mut self, step: &Handle, end: &Handle) {
        self.node(step).until = Some(end.id.clone());
    }

    /// Going back over `step` means changing servers.
    pub(super) fn fence(&mut self, step: &Handle) {
        self.node(step).fence = true;
    }

    /// What a step is.
    pub(super) fn kind(&self, step: &Handle) -> &StepKind {
        &self.nodes[step.at].step
    }

    /// Another step of the same kind in its place: what it needs of later ones is known by now.
    pub(super) fn amend(&mut self, step: &Handle, kind: impl Into<StepKind>) {
        self.node(step).step = kind.into();
    }

    fn node(&mut self, step: &Handle) -> &mut Node {
        &mut self.nodes[step.at]
    }

    /// The list, with what goes without saying: nothing on old need hold once it is switched off, and nothing in the
    /// rescue system once new boots from its own disks.
    pub(crate) fn close(mut self, old_off: &Handle, own_boot: &Handle) -> Vec<Node> {
        let mut gone: Vec<Side> = Vec::new();
        for node in &mut self.nodes {
            let end = match node.on {
                Side::Old => old_off,
                Side::New => own_boot,
                Side::Migrated => continue,
            };
            if node.id == end.id {
                gone.push(node.on);
            } else if node.until.is_none() && !gone.contains(&node.on) {
                node.until = Some(end.id.clone());
            }
        }
        self.nodes
    }
}
