//! All is closed again, as for a shutdown: so the migrated system finds its disks.

use crate::course::book::{Book, Handle};
use crate::host::Side::New;
use crate::layout::Layout;
use crate::step::{ArrayStopped, Inactive, Unmounted};

/// `inside`: what is mounted or edited there, and need hold no longer.
pub(super) fn unmount<'a>(
    book: &mut Book,
    root: &str,
    inside: impl Iterator<Item = &'a Handle>,
    after: &Handle,
) -> Handle {
    let unmounted = book.step(
        "unmount",
        New,
        Unmounted { target: root.to_string() },
        &[after],
        "flushed and clean, as after a proper shutdown",
    );
    for handle in inside {
        book.until(handle, &unmounted);
    }
    unmounted
}

/// The groups; `volumes` need hold no longer from the first on.
pub(super) fn close(book: &mut Book, layout: &Layout, volumes: &[Handle], after: &Handle) -> Handle {
    let mut closed = after.clone();
    let mut first = None;
    for group in &layout.groups {
        closed = book.step(
            format!("close-{}", group.vg),
            New,
            Inactive { vg: group.vg.clone(), lvs: group.volumes() },
            &[&closed],
            "nothing may hold the arrays",
        );
        first.get_or_insert(closed.clone());
    }
    if let Some(first) = first {
        for volume in volumes {
            book.until(volume, &first);
        }
    }
    closed
}

pub(in crate::course) fn stop_arrays(
    book: &mut Book,
    layout: &Layout,
    stores: &[Handle],
    after: &Handle,
) -> Vec<Handle> {
    let mut stopped: Vec<Handle> = Vec::new();
    for ((store, array), assembled) in layout.arrays().zip(stores) {
        let stop = book.step(
            format!("stop-{}", store.name),
            New,
            ArrayStopped { device: array.device.clone(), uuid: array.uuid.clone() },
            &[stopped.last().unwrap_or(after)],
            "stopped cleanly, its members agree at the next boot",
        );
        book.until(assembled, &stop);
        stopped.push(stop);
    }
    stopped
}
