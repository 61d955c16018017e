//! copy: everything comes to be on new, too, while old keeps serving. How a group is copied, its method says.

use super::book::{Book, Handle};
use super::connect::Connected;
use super::method;
use super::ready::Ready;
use super::text;
use crate::host::Side::Old;
use crate::layout::{Boot, Layout};
use crate::runbook::Stage;
use crate::step::{Job, Remount, Service};

pub(super) struct Copied {
    pub boot: Option<Handle>,
    pub groups: method::Copied,
}

/// Where old leaves the hash of its boot file system; it travels to new with the volumes.
pub(super) fn hash_file(layout: &Layout) -> String {
    format!("{}/boot.sha256", layout.keep)
}

pub(super) fn write(book: &mut Book, layout: &Layout, ready: &Ready, link: &Connected) -> Copied {
    book.stage(Stage::Copy);
    let held = ready.timers.clone().or_else(|| hold_timers(book, layout, &ready.portable));
    let begun = method::begin(book, layout, &ready.portable);
    let boot = ready.boot.clone().or_else(|| {
        let boot = layout.boot.as_ref()?;
        let after: Vec<&Handle> = [&link.logins[boot.lun], &ready.portable].into_iter().chain(&held).collect();
        Some(copy_boot(book, layout, boot, &after))
    });
    let mut after = vec![&ready.portable];
    after.extend(&boot);
    after.extend(&held);
    after.extend(&begun);
    let groups = method::copy(book, layout, &link.logins, &after);
    Copied { boot, groups }
}

/// Not masked: a boot starts them again, old's as new's, and there is nothing to be forgotten on new.
pub(super) fn hold_timers(book: &mut Book, layout: &Layout, after: &Handle) -> Option<Handle> {
    let units = layout.timers.clone();
    (!units.is_empty()).then(|| {
        book.step(
            "hold-timers",
            Old,
            Service { units, run: false, in_order: false, record: layout.ran("hold-timers") },
            &[after],
            "no upgrade writes to /boot, and no snapshot, discard or check gets in the way of the copy",
        )
    })
}

/// The boot file system, where it is one of its own.
pub(super) fn copy_boot(book: &mut Book, layout: &Layout, boot: &Boot, after: &[&Handle]) -> Handle {
    let readonly = book.step(
        "boot-read-only",
        Old,
        Remount { target: boot.target.clone(), last_resort: String::new() },
        after,
        "it stays so until the cutover: what is copied once stays equal",
    );
    book.step(
        "copy-boot",
        Old,
        Job {
            title: format!("copy {} and prove it equal  {} MiB", boot.target, boot.size.mib()),
            check: false,
            script: text::BOOT_COPY.into(),
            args: vec![boot.device.clone(), layout.luns[boot.lun].on_old.clone(), hash_file(layout)],
            dir: layout.run.clone(),
            name: "boot-copy".into(),
            bytes: boot.size.0,
            leaves: vec![hash_file(layout)],
        },
        &[&readonly],
        "as a block device, so that it keeps its UUID",
    )
}
