//! How a group gets to new. Each way answers the same questions, and each chapter asks the ones that are its own; what new
//! must offer for it, `layout` says. The set of ways is closed: a new one is a variant of [`Moves`], a file here, and an
//! answer wherever the compiler then asks for one.

mod cut;
mod mirror;

use super::book::{Book, Handle};
use crate::layout::{Group, Layout, Mirrored, Moves};
pub(super) use cut::Cut;

/// What was written of the copies, for later chapters: each way's own.
pub(super) struct Copied {
    mirrors: mirror::Copied,
}

/// The groups that are mirrored.
fn mirrored(layout: &Layout) -> Vec<(&Group, &Mirrored)> {
    let all = layout.groups.iter().map(|group| match &group.moves {
        Moves::Mirror(mirrored) => (group, mirrored),
    });
    all.collect()
}

/// prepare: files on old that make it fit for what is coming, each with the path that its initramfs must have it under.
pub(super) fn fit(book: &mut Book, layout: &Layout) -> Vec<(Handle, String)> {
    mirror::fit(book, layout, &mirrored(layout))
}

/// copy: what must stand before the first copy begins.
pub(super) fn begin(book: &mut Book, layout: &Layout, after: &Handle) -> Vec<Handle> {
    mirror::begin(book, layout, &mirrored(layout), after).into_iter().collect()
}

/// copy: copies all groups. `logins`: in the order of the layout's LUNs; `after`: what must hold before that.
pub(super) fn copy(book: &mut Book, layout: &Layout, logins: &[Handle], after: &[&Handle]) -> Copied {
    Copied { mirrors: mirror::copy(book, layout, &mirrored(layout), logins, after) }
}

/// What is begun when all is copied.
pub(super) fn done(copied: &Copied) -> Vec<&Handle> {
    mirror::done(&copied.mirrors)
}

/// cutover, twice: nothing that old has written is missing on new.
pub(super) fn in_sync(book: &mut Book, copied: &Copied, id: &str, after: &[&Handle], why: &str) -> Handle {
    mirror::in_sync(book, &copied.mirrors, id, after, why)
}

/// cutover: cuts each volume of old off from its copy.
pub(super) fn cut(book: &mut Book, layout: &Layout, copied: &Copied, after: &Handle) -> Cut {
    mirror::cut(book, &mirrored(layout), &copied.mirrors, after)
}

/// cutover: gives to new what the group has there.
pub(super) fn part(book: &mut Book, group: &Group, copied: &Copied, cut: &Cut, after: &Handle) -> Handle {
    match &group.moves {
        Moves::Mirror(mirrored) => mirror::part(book, (group, mirrored), &copied.mirrors, cut, after),
    }
}

/// boot: the group and its volumes, as they have arrived, by the names that they had on old. In `made`: what holds until
/// the group is closed again.
pub(crate) fn adopt(book: &mut Book, group: &Group, made: &mut Vec<Handle>, after: &Handle) -> Handle {
    match &group.moves {
        Moves::Mirror(mirrored) => mirror::adopt(book, (group, mirrored), made, after),
    }
}

/// grow: takes back what [`begin`] has set.
pub(super) fn end(book: &mut Book, layout: &Layout, after: &Handle) -> Handle {
    mirror::end(book, layout, &mirrored(layout), after).unwrap_or_else(|| after.clone())
}

/// grow: all that the group's disk has.
pub(super) fn grow(book: &mut Book, layout: &Layout, group: &Group, after: &Handle) -> Handle {
    match &group.moves {
        Moves::Mirror(_) => mirror::grow(book, layout, group, after),
    }
}

/// grow: files that travelled along and are of no use any more, each with the id of the step that removes it.
pub(super) fn left(layout: &Layout) -> Vec<(String, &'static str)> {
    mirror::left(layout)
}
