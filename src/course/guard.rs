//! While services are down, a runner in old's memory would start them again: armed before the first of them stops, held
//! before the cut. What it does is what a rollback of the same steps would do.

use super::book::{Book, Handle};
use crate::host::Act;
use crate::host::Side::Old;
use crate::layout::Layout;
use crate::step::{DeadMan, DeadManOff, Restored, StepKind, Undo, WasSo};

/// The runner; nothing where the plan wants none.
pub(super) struct Guard(Option<Armed>);

struct Armed {
    step: Handle,
    seconds: u64,
}

/// Where the runner keeps what it knows.
pub(super) fn dir(layout: &Layout) -> String {
    format!("/run/replant/{}/dead-man", layout.name)
}

fn unit(layout: &Layout) -> String {
    format!("replant-dead-man-{}.service", layout.name)
}

fn runner(layout: &Layout, seconds: u64, back: Vec<Restored>) -> DeadMan {
    DeadMan { dir: dir(layout), unit: unit(layout), seconds, back }
}

impl Guard {
    /// What comes next waits for it. What it takes back is not written yet: [`Guard::complete`].
    pub(super) fn arm(book: &mut Book, layout: &Layout, last: &mut Handle) -> Guard {
        Guard(layout.dead_man.map(|seconds| {
            let step = book.step(
                "dead-man",
                Old,
                runner(layout, seconds, Vec::new()),
                &[last],
                "the machine that replant runs on may be lost with services down: they must not wait for it",
            );
            *last = step.clone();
            Armed { step, seconds }
        }))
    }

    /// It takes back all of the silence, the last first.
    pub(super) fn complete(&self, book: &mut Book, layout: &Layout, silence: &[Handle]) {
        let Some(Armed { step, seconds }) = &self.0 else { return };
        let back = silence.iter().rev().flat_map(|handle| back(book.kind(handle))).collect();
        book.amend(step, runner(layout, *seconds, back));
    }

    /// Right before what cannot be taken back by whoever starts services: that waits for it too. What is over with the cut.
    pub(super) fn hold(&self, book: &mut Book, layout: &Layout, last: &mut Vec<Handle>) -> Vec<Handle> {
        let Some(Armed { step, seconds }) = &self.0 else { return Vec::new() };
        let held = book.step(
            "dead-man-off",
            Old,
            DeadManOff { dir: dir(layout), unit: unit(layout), seconds: *seconds },
            &last.iter().collect::<Vec<_>>(),
            "what old writes after the cut would be lost: services come back by themselves before it, or not at all",
        );
        last.push(held.clone());
        vec![step.clone(), held]
    }
}

fn back(kind: &StepKind) -> Vec<Restored> {
    let only = match kind {
        StepKind::Remount(remount) => Some(WasSo::Writable(remount.target.clone())),
        StepKind::SwapOff(swap) => Some(WasSo::Swapped(swap.device.clone())),
        _ => None,
    };
    let argv = |act: Act| match act {
        Act::Run { argv, stdin: None, .. } => argv,
        Act::Remove { path } => ["rm", "-f", "--", &path].map(str::to_string).to_vec(),
        act => panic!("the runner cannot do this: {act:?}"),
    };
    match kind.as_step().undo() {
        Undo::Nothing(_) => Vec::new(),
        Undo::Acts(acts) => acts.into_iter().map(|act| Restored { only: only.clone(), argv: argv(act) }).collect(),
    }
}
