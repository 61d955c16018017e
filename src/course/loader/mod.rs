//! How new comes to start its system. Each loader answers the same questions, and each chapter asks the ones that are its
//! own; what it needs on the disks, `layout` says. The set is closed: a new one is a variant of [`Loader`], a file here, and
//! an answer wherever the compiler then asks for one.

mod bios;

use super::book::{Book, Handle};
use crate::host::Side;
use crate::layout::{Disk, Layout, Loader, OwnPlace};

/// boot: what the loader's own tools must find in the migrated system's root besides its own file systems, of the rescue
/// system.
pub(super) fn bound(layout: &Layout) -> &'static [&'static str] {
    match layout.loader {
        Loader::Bios(_) => &bios::BOUND,
    }
}

/// boot: installs it on one disk, from where the migrated system is mounted on new. Grow: from that system itself, which is
/// mounted on `/`.
pub(super) fn install(book: &mut Book, layout: &Layout, from: (Side, &str), disk: &Disk, after: &Handle) -> Handle {
    match layout.loader {
        Loader::Bios(_) => bios::install(book, layout, from, disk, after),
    }
}

/// prepare: its menu on a place of the hold's own: the file's name there, and its text. `kernel` and `image` are names there.
pub(super) fn menu(layout: &Layout, place: &OwnPlace, kernel: &str, image: &str) -> (&'static str, String) {
    match layout.loader {
        Loader::Bios(_) => bios::menu(layout, place, kernel, image),
    }
}

/// prepare: installs it on all disks, from new's rescue system and by the tools of old, which lie as `tools` where new first
/// boots from.
pub(super) fn install_by_tools(book: &mut Book, layout: &Layout, tools: &str, after: &Handle) -> Handle {
    match layout.loader {
        Loader::Bios(_) => bios::install_by_tools(book, layout, tools, after),
    }
}

/// grow: the boot files as the system's own tools make them, who also learn on which disks its loader is.
pub(super) fn settle(book: &mut Book, layout: &Layout, after: &Handle) -> Handle {
    match layout.loader {
        Loader::Bios(_) => bios::settle(book, layout, after),
    }
}
