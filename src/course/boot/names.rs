//! The groups and volumes by the names that they had on old, and new ones in the place of swaps.

use crate::course::book::{Book, Handle};
use crate::course::method;
use crate::facts::lvm::mapper_path;
use crate::host::Side::New;
use crate::layout::{Group, Layout};
use crate::step::{Active, SwapSpace, Volume};

pub(super) struct Named {
    pub last: Handle,
    /// what holds until the groups are closed again
    pub volumes: Vec<Handle>,
}

pub(super) fn write(book: &mut Book, layout: &Layout, after: &Handle) -> Named {
    let mut last = after.clone();
    let mut volumes = Vec::new();
    for group in &layout.groups {
        last = method::adopt(book, group, &mut volumes, &last);
        for write in [make_volumes, activate, make_swaps] {
            for step in write(book, group, &last) {
                last = step.clone();
                volumes.push(step);
            }
        }
    }
    Named { last, volumes }
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
        "to check and mount what is on it",
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
