//! GRUB on each disk, started by a BIOS: grub-install(8), `i386-pc`.

use minijinja::context;

use crate::course::book::{Book, Handle};
use crate::course::text::{self, job, render};
use crate::host::Side::{self, Migrated, New};
use crate::layout::{Disk, Layout, OwnPlace};
use crate::step::BootLoader;

pub(crate) const BOUND: [&str; 4] = ["/dev", "/proc", "/sys", "/run"];

pub(super) fn install(
    book: &mut Book,
    layout: &Layout,
    (on, root): (Side, &str),
    disk: &Disk,
    after: &Handle,
) -> Handle {
    book.step(
        format!("grub-{}", disk.name),
        on,
        BootLoader {
            disk: disk.by_id.clone(),
            label: disk.label.clone(),
            root: root.to_string(),
            script: layout.family.scripts().loader.into(),
            dir: layout.run.clone(),
            name: format!("grub-{}", disk.name),
        },
        &[after],
        "new must boot whichever of its disks is missing",
    )
}

pub(super) fn install_by_tools(book: &mut Book, layout: &Layout, tools: &str, after: &Handle) -> Handle {
    let boot = layout.boots_from().map(|(store, _)| store.path.clone()).unwrap_or_default();
    let dir = format!("/run/replant/{}/tools", layout.name);
    let disks = layout.disks.iter().map(|disk| disk.by_id.clone());
    let args = [boot, dir, tools.to_string()].into_iter().chain(disks).collect();
    let script = layout.family.scripts().loader_from_tools;
    book.step(
        "boot-loader",
        New,
        job(layout, "boot loader on each disk, by old's own tools", "boot-loader", script, args),
        &[after],
        "new must boot whichever of its disks is missing",
    )
}

/// The name of its menu on the hold's place, and what is in it. `kernel` and `image` are names there.
pub(super) fn menu(layout: &Layout, place: &OwnPlace, kernel: &str, image: &str) -> (&'static str, String) {
    let (name, uuid, line) = (&layout.name, &place.uuid, &place.line);
    ("grub/grub.cfg", render(text::HOLD_GRUB, context! { name, uuid, line, kernel, image }))
}

pub(super) fn settle(book: &mut Book, layout: &Layout, after: &Handle) -> Handle {
    book.step(
        "finish-boot",
        Migrated,
        job(
            layout,
            "initramfs and boot menu by the system's own tools",
            "finish-boot",
            layout.family.scripts().finish_boot,
            layout.disks.iter().map(|disk| disk.by_id.clone()).collect(),
        ),
        &[after],
        "without old's arrays and the boot hook; nobody waits for it any more",
    )
}
