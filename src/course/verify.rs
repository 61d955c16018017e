//! The copies are compared with the originals, where the plan wants it: while nothing writes, after the last look at what the
//! kernel says of them, before the cut. What is read is decided here.

use super::book::{Book, Handle};
use super::copy::Copied;
use super::guard;
use super::method::{self, Pair};
use crate::host::Server;
use crate::host::Side::{self, New, Old};
use crate::layout::Layout;
use crate::plan::Verify;
use crate::step::{Half, Hashed, SameCopies};

const MIB: u64 = 1 << 20;

/// So many pieces of one MiB of each volume: a copy of something else, or of another place, has other ones; and on disks that
/// turn they take a second.
const PIECES: u64 = 64;

/// In place of a list of pieces.
const ALL: &str = "all";

/// What was written of it.
pub(super) struct Compared {
    /// what somebody reads, and what is made of it
    pub steps: Vec<Handle>,
    /// that they are the same
    pub same: Handle,
}

/// After all that says that nothing writes.
pub(super) fn compare(book: &mut Book, layout: &Layout, copied: &Copied, after: &[Handle]) -> Option<Compared> {
    if layout.verify == Verify::Off {
        return None;
    }
    // pages of a swap may change while they are written, and nobody reads them again after a boot
    let mut pairs = method::pairs(layout, &copied.groups);
    pairs.retain(|pair| pair.fstype.as_deref() != Some("swap"));
    if pairs.is_empty() {
        return None;
    }
    let marks: Vec<String> =
        method::marks(&copied.groups).into_iter().filter_map(|which| method::mark(layout, which)).collect();
    let after: Vec<&Handle> = after.iter().collect();
    let mut steps = Vec::new();
    let dir = format!("{}/hashed", layout.run);
    for (id, on) in [("hash-old", Old), ("hash-new", New)] {
        let halves: Vec<Half> = pairs.iter().flat_map(|pair| halves(layout.verify, pair, on)).collect();
        if halves.is_empty() {
            continue;
        }
        let marks = if on == Old { marks.clone() } else { Vec::new() };
        steps.push(book.step(
            id,
            on,
            Hashed { dir: dir.clone(), scripts: layout.run.clone(), halves, marks },
            &after,
            "read past memory: what is on the disks is what would be booted",
        ));
    }
    let on_new = pairs.iter().any(|pair| pair.read_on == New).then(|| dir.clone());
    let same = book.step(
        "same-copies",
        Old,
        SameCopies {
            of: pairs.into_iter().map(|pair| pair.of).collect(),
            on_old: dir,
            on_new,
            marks,
            dead_man: guard::dir(layout),
        },
        &steps.iter().collect::<Vec<_>>(),
        "whatever the kernel believes of them, nothing is cut that is not the same",
    );
    Some(Compared { steps, same })
}

/// What this server reads of a volume and its copy.
fn halves(verify: Verify, pair: &Pair, on: Side) -> Vec<Half> {
    let what = what(verify, pair.size);
    let half = |lies: Server| Half {
        of: pair.of.clone(),
        lies,
        device: if lies == Server::Old { &pair.original } else { &pair.copy }.clone(),
        volume: pair.volume.clone(),
        size: pair.size,
        reads: if what == ALL { pair.uses } else { pair.uses.min(PIECES * MIB) },
        what: what.clone(),
        only: pair.only.clone(),
        since: (on == Old).then(|| pair.since.clone()),
    };
    let mut halves = Vec::new();
    if on == Old {
        halves.push(half(Server::Old));
    }
    if on == pair.read_on {
        halves.push(half(Server::New));
    }
    halves
}

/// The first, the last, and those between them in equal distances.
fn what(verify: Verify, size: u64) -> String {
    let all = size.div_ceil(MIB);
    if verify == Verify::Whole || all <= PIECES {
        return ALL.into();
    }
    let at: Vec<String> = (0..PIECES).map(|piece| (piece * (all - 1) / (PIECES - 1)).to_string()).collect();
    at.join(",")
}
