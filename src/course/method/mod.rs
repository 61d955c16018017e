//! How a group gets to new. Each way answers the same questions, and each chapter asks the ones that are its own; what new
//! must offer for it, `layout` says. The set of ways is closed: a new one is a variant of [`Moves`], a file here, and an
//! answer wherever the compiler then asks for one.

mod below;
mod cut;
mod made;
mod mirror;
mod pair;

use super::book::{Book, Handle};
use crate::layout::{Below, Group, Grown, Layout, Mirrored, Moves};
pub(super) use cut::Cut;
pub(super) use pair::{Pair, mark};

/// What was written of the copies, for later chapters: each way's own.
pub(super) struct Copied {
    /// `None`: no group is mirrored
    mirrors: Option<mirror::Copied>,
    /// `None`: no group is copied from below
    below: Option<below::Copied>,
}

/// The groups that are mirrored.
fn mirrored(layout: &Layout) -> Vec<(&Group, &Mirrored)> {
    let all = layout.groups.iter().filter_map(|group| match &group.moves {
        Moves::Mirror(mirrored) => Some((group, mirrored)),
        Moves::Below(_) => None,
    });
    all.collect()
}

/// The groups that are copied from below.
fn below(layout: &Layout) -> Vec<(&Group, &Below)> {
    let all = layout.groups.iter().filter_map(|group| match &group.moves {
        Moves::Below(below) => Some((group, below)),
        Moves::Mirror(_) => None,
    });
    all.collect()
}

/// Whether LVM on new must not see the group's disk before old has let go of it.
pub(super) fn shared(group: &Group) -> bool {
    matches!(group.moves, Moves::Mirror(_))
}

/// prepare: what the group needs on new before it is offered. In `made`: what holds until the group is closed again.
pub(super) fn own(
    book: &mut Book,
    layout: &Layout,
    group: &Group,
    made: &mut Vec<Handle>,
    after: &[&Handle],
) -> Option<Handle> {
    match &group.moves {
        Moves::Mirror(_) => None,
        Moves::Below(_) => Some(below::own(book, layout, group, made, after)),
    }
}

/// prepare: files on old that make it fit for what is coming, each with the path that its initramfs must have it under.
pub(super) fn fit(book: &mut Book, layout: &Layout) -> Vec<(Handle, String)> {
    match mirrored(layout)[..] {
        [] => Vec::new(),
        ref groups => mirror::fit(book, layout, groups),
    }
}

/// copy: what must stand before the first copy begins.
pub(super) fn begin(book: &mut Book, layout: &Layout, after: &Handle) -> Vec<Handle> {
    let mut begun: Vec<Handle> = mirror::begin(book, layout, &mirrored(layout), after).into_iter().collect();
    begun.extend(below::begin(book, layout, &below(layout), after));
    begun
}

/// copy: copies all groups. `logins`: in the order of the layout's LUNs; `after`: what must hold before that.
pub(super) fn copy(book: &mut Book, layout: &Layout, logins: &[Handle], after: &[&Handle]) -> Copied {
    let (mirrored, below) = (mirrored(layout), below(layout));
    Copied {
        mirrors: (!mirrored.is_empty()).then(|| mirror::copy(book, layout, &mirrored, logins, after)),
        below: (!below.is_empty()).then(|| below::copy(book, layout, &below, logins, after)),
    }
}

/// What is begun when all is copied.
pub(super) fn done(copied: &Copied) -> Vec<&Handle> {
    let mirrors = copied.mirrors.iter().flat_map(mirror::done);
    mirrors.chain(copied.below.iter().flat_map(below::done)).collect()
}

/// cutover, twice: nothing that old has written is missing on new.
pub(super) fn in_sync(book: &mut Book, copied: &Copied, id: &str, after: &[&Handle], why: &str) -> Handle {
    let mirrors = copied.mirrors.as_ref().map(|mirrors| mirror::in_sync(book, mirrors, id, after, why));
    let mut after = after.to_vec();
    after.extend(&mirrors);
    let below = copied.below.as_ref().map(|below| below::in_step(book, below, id, &after, why));
    below.or(mirrors.clone()).expect("a plan has a group")
}

/// cutover: each volume with its copy, as they are read to be compared.
pub(super) fn pairs(layout: &Layout, copied: &Copied) -> Vec<Pair> {
    let mirrors = copied.mirrors.iter().flat_map(|mirrors| mirror::pairs(&mirrored(layout), mirrors));
    mirrors.chain(copied.below.iter().flat_map(|copies| below::pairs(&below(layout), copies))).collect()
}

/// Of the files that say that copies differ: each way's own.
pub(super) fn marks(copied: &Copied) -> Vec<&'static str> {
    let mirrors = copied.mirrors.iter().map(|_| mirror::MARK);
    mirrors.chain(copied.below.iter().map(|_| below::MARK)).collect()
}

/// cutover: cuts each volume of old off from its copy.
pub(super) fn cut(book: &mut Book, layout: &Layout, copied: &Copied, after: &[Handle]) -> Cut {
    let mut cut = Cut { first: None, last: after.to_vec(), groups: Vec::new() };
    if let Some(mirrors) = &copied.mirrors {
        mirror::cut(book, &mirrored(layout), mirrors, &mut cut);
    }
    if let Some(below) = &copied.below {
        below::cut(book, below, &mut cut);
    }
    cut
}

/// cutover: gives to new what the group has there.
pub(super) fn part(book: &mut Book, group: &Group, copied: &Copied, cut: &Cut, after: &[&Handle]) -> Option<Handle> {
    match (&group.moves, &copied.mirrors) {
        (Moves::Mirror(mirrored), Some(mirrors)) => Some(mirror::part(book, (group, mirrored), mirrors, cut, after)),
        _ => None,
    }
}

/// boot: the group and its volumes, as they have arrived, by the names that they had on old. In `made`: what holds until
/// the group is closed again.
pub(crate) fn adopt(book: &mut Book, group: &Group, made: &mut Vec<Handle>, after: &[&Handle]) -> Option<Handle> {
    match &group.moves {
        Moves::Mirror(mirrored) => Some(mirror::adopt(book, (group, mirrored), made, after)),
        Moves::Below(_) => None,
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
        Moves::Below(_) => after.clone(),
    }
}

/// grow: the volume as large as the plan says.
pub(super) fn enlarge(book: &mut Book, group: &Group, grown: &Grown, after: &Handle) -> Handle {
    match &group.moves {
        Moves::Mirror(_) => mirror::enlarge(book, group, grown, after),
        Moves::Below(_) => after.clone(),
    }
}

/// grow: files that travelled along and are of no use any more, each with the id of the step that removes it.
pub(super) fn left(layout: &Layout) -> Vec<(String, &'static str)> {
    if mirrored(layout).is_empty() { Vec::new() } else { mirror::left(layout) }
}
