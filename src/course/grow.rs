//! grow: the volumes grow into the larger disks, and what was put there for the migration goes.

use super::book::{Book, Handle};
use super::boot::{self, Booted};
use super::connect::{offered, record_path};
use super::copy;
use super::prepare::{HOOK, LATE_HOOK, LVMLOCAL};
use super::text;
use crate::facts::lvm::mapper_path;
use crate::host::Side::Migrated;
use crate::layout::Layout;
use crate::runbook::Stage;
use crate::step::{File, FsSize, Job, NoFile, Purged, PvSize, StepKind, VolumeSize};

pub fn write(book: &mut Book, layout: &Layout, booted: &Booted) {
    book.stage(Stage::Grow);
    let mut done = booted.same.clone();
    if let Some(travelled) = copy::lvm_backups(layout) {
        done = book.step(
            "lvm-backups-as-before",
            Migrated,
            match layout.files.get(LVMLOCAL) {
                Some(was) => StepKind::from(File::instead(LVMLOCAL, Some(&travelled), was)),
                None => StepKind::from(NoFile { path: LVMLOCAL.into() }),
            },
            &[&done],
            "nothing is mirrored any more",
        );
    }
    for group in &layout.groups {
        let store = &layout.stores[group.to];
        done = book.step(
            format!("pv-size-{}", group.vg),
            Migrated,
            PvSize { device: store.path.clone(), uuid: group.pv_uuid.clone(), extent: group.extent },
            &[&done],
            "what was seen over iSCSI may have been a little smaller",
        );
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
    remove(book, "no-boot-hook".into(), HOOK.into(), "nothing is mirrored any more");
    remove(book, "no-late-boot-hook".into(), LATE_HOOK.into(), "nothing is mirrored any more");
    for index in offered(layout) {
        let store = &layout.stores[index];
        remove(
            book,
            format!("no-node-{}", store.name),
            record_path(layout, store),
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
            },
            &[&tidy],
            "it was installed for the migration",
        );
    }
    let job = |title: &str, name: &str, script: &str, args: Vec<String>| Job {
        title: title.into(),
        check: false,
        script: script.into(),
        args,
        dir: layout.run.clone(),
        name: name.into(),
        bytes: 0,
        leaves: Vec::new(),
    };
    let mut dirs = vec![layout.keep.clone()];
    dirs.extend(
        offered(layout).into_iter().map(|index| format!("{}/{}", layout.iscsi_nodes, layout.stores[index].iqn)),
    );
    let tidied: Handle = book.step(
        "tidy",
        Migrated,
        job("remove what was kept for the migration", "tidy", text::TIDY, dirs),
        &[&tidy],
        "it travelled along with old's file systems",
    );
    let finished = book.step(
        "finish-boot",
        Migrated,
        job(
            "initramfs and boot menu by the system's own tools",
            "finish-boot",
            text::FINISH_BOOT,
            layout.disks.iter().map(|disk| disk.by_id.clone()).collect(),
        ),
        &[&tidied],
        "without old's arrays and the boot hook; nobody waits for it any more",
    );
    let serves = book.step("serves", Migrated, boot::identity(layout), &[&finished], "the last look");
    // their stamps are forgotten with the next boot, and must not be asked for then
    book.until(&tidied, &serves);
    book.until(&finished, &serves);
}
