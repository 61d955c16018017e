//! How new comes to start the system that moves. Each way answers the same questions, and each chapter asks the ones that are
//! its own; what is chosen, `layout` says. The set is closed: a new one is a variant of [`Start`], a file here, and an answer
//! wherever the compiler then asks for one.

mod held;

use super::book::{Book, Handle};
use super::boot::Booted;
use super::connect::Connected;
use super::cutover::Off;
use super::ready::{Ready, Rescued};
use super::{boot, prepare};
use crate::layout::{Layout, Start};
pub(crate) use held::{CLIENT, HOST_KEY};

/// prepare: old is made fit for what is coming, and new for being copied to.
pub(super) fn prepare(book: &mut Book, layout: &Layout, made: Rescued) -> Ready {
    match &layout.start {
        Start::Rescue => prepare::on_old(book, layout, made),
        Start::Held(hold) => held::prepare(book, layout, hold, made),
    }
}

/// boot: new comes up with old's name and addresses.
pub(super) fn boot(book: &mut Book, layout: &Layout, ready: &Ready, link: &Connected, old: &Off) -> Booted {
    match &layout.start {
        Start::Rescue => boot::from_rescue(book, layout, ready, link, old),
        Start::Held(_) => held::go_on(book, layout, link, old),
    }
}

/// grow: what was not made fit before new booted.
pub(super) fn settle(book: &mut Book, layout: &Layout, after: &Handle) -> Handle {
    match &layout.start {
        Start::Rescue => after.clone(),
        Start::Held(_) => held::settle(book, layout, after),
    }
}

/// grow: what takes the place of what new first booted from, when the system's own boot files are `finished`. The last of these
/// steps is the last of the chapter.
pub(super) fn take_over(book: &mut Book, layout: &Layout, finished: &Handle) -> Vec<Handle> {
    match &layout.start {
        Start::Rescue => Vec::new(),
        Start::Held(hold) => held::take_over(book, layout, hold, finished),
    }
}
