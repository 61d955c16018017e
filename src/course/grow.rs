//! grow: the volumes grow into the larger disks, and what was put there for the migration goes.

use super::book::{Book, Handle};
use super::boot::{self, Booted};
use super::connect::record_path;
use super::loader;
use super::method;
use super::start;
use super::text::{self, job};
use crate::facts::lvm::mapper_path;
use crate::host::Side::Migrated;
use crate::layout::{Group, Grown, Layout};
use crate::runbook::Stage;
use crate::step::{FsSize, NoFile, Purged};

pub(super) fn write(book: &mut Book, layout: &Layout, booted: &Booted) {
    book.stage(Stage::Grow);
    let plain = method::end(book, layout, &booted.same);
    let fit = start::settle(book, layout, &plain);
    let grown = grow(book, layout, &fit);
    let left = remove_left(book, layout, &grown);
    let alike = make_alike(book, layout, &left);
    let purged = purge_initiator(book, layout, alike.as_ref().unwrap_or(&left));
    let tidied = tidy(book, layout, &purged);
    let finished = loader::settle(book, layout, &tidied);
    let taken_over = start::take_over(book, layout, &finished);
    let last = taken_over.last().unwrap_or(&finished);
    let serves = book.step("serves", Migrated, boot::identity(layout), &[last], "the last look");
    // their stamps are forgotten with the next boot, and must not be asked for then
    for stamped in [&tidied, &finished].into_iter().chain(&alike).chain(&taken_over) {
        book.until(stamped, &serves);
    }
}

fn grow(book: &mut Book, layout: &Layout, after: &Handle) -> Handle {
    let mut done = after.clone();
    for group in &layout.groups {
        done = method::grow(book, layout, group, &done);
        for grown in &group.grown {
            done = grow_volume(book, group, grown, &done);
        }
    }
    done
}

fn grow_volume(book: &mut Book, group: &Group, grown: &Grown, after: &Handle) -> Handle {
    let larger = method::enlarge(book, group, grown, after);
    if grown.target.is_empty() {
        return larger;
    }
    book.step(
        format!("grow-fs-{}-{}", group.vg, grown.lv),
        Migrated,
        FsSize {
            device: mapper_path(&group.vg, &grown.lv),
            target: grown.target.clone(),
            fstype: grown.fstype.clone(),
        },
        &[&larger],
        "while it is mounted and in use; an xfs cannot be made smaller again",
    )
}

/// Files that travelled along.
fn remove_left(book: &mut Book, layout: &Layout, after: &Handle) -> Handle {
    let mut last = after.clone();
    let mut remove = |id: String, path: String, why: &str| {
        last = book.step(id, Migrated, NoFile { path }, &[&last], why);
    };
    for (id, path) in method::left(layout) {
        remove(id, path.into(), "nothing is mirrored any more");
    }
    for lun in &layout.luns {
        let why = "there is no such target any more, and the record holds a secret";
        remove(format!("no-node-{}", lun.name), record_path(layout, lun), why);
    }
    last
}

/// The arrays that were taken to be alike: what was never written may differ.
fn make_alike(book: &mut Book, layout: &Layout, after: &Handle) -> Option<Handle> {
    let arrays = layout.arrays().filter(|(_, array)| array.assume_clean).map(|(store, _)| store.path.clone());
    let arrays: Vec<String> = arrays.collect();
    if arrays.is_empty() {
        return None;
    }
    Some(book.step(
        "repair-arrays",
        Migrated,
        job(layout, "make the halves of new's arrays alike, in the background", "repair-arrays", text::ARRAY_REPAIR, arrays),
        &[after],
        "they were not before the copy, which was faster for it; a check of the arrays would find what was never written",
    ))
}

fn purge_initiator(book: &mut Book, layout: &Layout, after: &Handle) -> Handle {
    if layout.packages.is_empty() {
        return after.clone();
    }
    book.step(
        "remove-initiator",
        Migrated,
        Purged {
            packages: layout.packages.iter().map(|(name, _)| name.clone()).collect(),
            dir: layout.run.clone(),
            family: layout.family,
        },
        &[after],
        "it was installed for the migration",
    )
}

fn tidy(book: &mut Book, layout: &Layout, after: &Handle) -> Handle {
    let mut dirs = vec![layout.keep.clone()];
    dirs.extend(layout.luns.iter().map(|lun| format!("{}/{}", layout.iscsi_nodes, lun.iqn)));
    book.step(
        "tidy",
        Migrated,
        job(layout, "remove what was kept for the migration", "tidy", text::TIDY, dirs),
        &[after],
        "it travelled along with old's file systems",
    )
}
