//! grow: the volumes grow into the larger disks, and what was put there for the migration goes.

use super::book::{Book, Handle};
use super::boot::{self, Booted};
use super::connect::record_path;
use super::loader;
use super::method;
use super::text::{self, job};
use crate::facts::lvm::mapper_path;
use crate::host::Side::Migrated;
use crate::layout::Layout;
use crate::runbook::Stage;
use crate::step::{FsSize, NoFile, Purged, VolumeSize};

pub fn write(book: &mut Book, layout: &Layout, booted: &Booted) {
    book.stage(Stage::Grow);
    let mut done = booted.same.clone();
    done = method::end(book, layout, &done);
    for group in &layout.groups {
        done = method::grow(book, layout, group, &done);
        for grown in &group.grown {
            done = book.step(
                format!("grow-{}-{}", group.vg, grown.lv),
                Migrated,
                VolumeSize { vg: group.vg.clone(), lv: grown.lv.clone(), to: grown.to },
                &[&done],
                "the plan asks for it",
            );
            if !grown.target.is_empty() {
                done = book.step(
                    format!("grow-fs-{}-{}", group.vg, grown.lv),
                    Migrated,
                    FsSize {
                        device: mapper_path(&group.vg, &grown.lv),
                        target: grown.target.clone(),
                        fstype: grown.fstype.clone(),
                    },
                    &[&done],
                    "while it is mounted and in use; an xfs cannot be made smaller again",
                );
            }
        }
    }

    let mut tidy = done;
    let mut remove = |book: &mut Book, id: String, path: String, why: &str| {
        tidy = book.step(id, Migrated, NoFile { path }, &[&tidy], why);
    };
    for (id, path) in method::left(layout) {
        remove(book, id, path.into(), "nothing is mirrored any more");
    }
    for lun in &layout.luns {
        remove(
            book,
            format!("no-node-{}", lun.name),
            record_path(layout, lun),
            "there is no such target any more, and the record holds a secret",
        );
    }
    if !layout.packages.is_empty() {
        tidy = book.step(
            "remove-initiator",
            Migrated,
            Purged {
                packages: layout.packages.iter().map(|(name, _)| name.clone()).collect(),
                dir: layout.run.clone(),
                family: layout.family,
            },
            &[&tidy],
            "it was installed for the migration",
        );
    }
    let mut dirs = vec![layout.keep.clone()];
    dirs.extend(layout.luns.iter().map(|lun| format!("{}/{}", layout.iscsi_nodes, lun.iqn)));
    let tidied: Handle = book.step(
        "tidy",
        Migrated,
        job(layout, "remove what was kept for the migration", "tidy", text::TIDY, dirs),
        &[&tidy],
        "it travelled along with old's file systems",
    );
    let finished = loader::settle(book, layout, &tidied);
    let serves = book.step("serves", Migrated, boot::identity(layout), &[&finished], "the last look");
    // their stamps are forgotten with the next boot, and must not be asked for then
    book.until(&tidied, &serves);
    book.until(&finished, &serves);
}
