//! What new's group has besides what is copied: volumes that come to be empty, and devices for all of them.

use crate::course::book::{Book, Handle};
use crate::facts::lvm::mapper_path;
use crate::host::Side::New;
use crate::layout::Group;
use crate::step::{Active, SwapSpace, Volume};

/// Empty volumes in the place of swaps, the group's volumes as devices, and swaps on the empty ones: one after the other.
pub(super) fn fill(book: &mut Book, group: &Group, made: &mut Vec<Handle>, after: &Handle) -> Handle {
    let mut last = after.clone();
    for write in [make_volumes, activate, make_swaps] {
        for step in write(book, group, &last) {
            last = step.clone();
            made.push(step);
        }
    }
    last
}

fn make_volumes(book: &mut Book, group: &Group, after: &Handle) -> Vec<Handle> {
    let mut made: Vec<Handle> = Vec::new();
    for volume in &group.recreated {
        made.push(book.step(
            format!("make-{}-{}", group.vg, volume.lv),
            New,
            Volume { vg: group.vg.clone(), lv: volume.lv.clone(), size: volume.size.0 },
            &[made.last().unwrap_or(after)],
            "a swap needs no copying",
        ));
    }
    made
}

fn activate(book: &mut Book, group: &Group, after: &Handle) -> Vec<Handle> {
    vec![book.step(
        format!("activate-{}", group.vg),
        New,
        Active { vg: group.vg.clone(), lvs: group.volumes() },
        &[after],
        "as devices: to be written to, checked and mounted",
    )]
}

fn make_swaps(book: &mut Book, group: &Group, after: &Handle) -> Vec<Handle> {
    let mut made: Vec<Handle> = Vec::new();
    for volume in &group.recreated {
        made.push(book.step(
            format!("mkswap-{}-{}", group.vg, volume.lv),
            New,
            SwapSpace { device: mapper_path(&group.vg, &volume.lv), uuid: volume.uuid.clone() },
            &[made.last().unwrap_or(after)],
            "with its old UUID, by which fstab or the initramfs may know it",
        ));
    }
    made
}
