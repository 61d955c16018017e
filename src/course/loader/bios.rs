//! GRUB on each disk, started by a BIOS: grub-install(8), `i386-pc`.

use crate::course::book::{Book, Handle};
use crate::course::text::job;
use crate::host::Side::{Migrated, New};
use crate::layout::{Disk, Layout};

pub const BOUND: [&str; 4] = ["/dev", "/proc", "/sys", "/run"];

pub fn install(book: &mut Book, layout: &Layout, root: &str, disk: &Disk, after: &Handle) -> Handle {
    book.step(
        format!("grub-{}", disk.name),
        New,
        job(
            layout,
            format!("boot loader on disk {}", disk.label),
            format!("grub-{}", disk.name),
            layout.family.scripts().loader,
            vec![root.to_string(), disk.by_id.clone()],
        ),
        &[after],
        "new must boot whichever of its disks is missing",
    )
}

pub fn settle(book: &mut Book, layout: &Layout, after: &Handle) -> Handle {
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
