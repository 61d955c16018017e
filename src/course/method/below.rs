//! From below: new has a group of its own, with its volumes at their final sizes, and offers each of them. Beneath each live
//! volume of old a raid1 is put, whose second leg is that disk; what md keeps of it is in old's memory. LVM on old knows
//! nothing of all this, and a boot of old forgets it: md(4), dmsetup(8).

use minijinja::context;

use super::cut::Cut;
use super::made;
use super::pair::{self, Pair};
use crate::course::book::{Book, Handle};
use crate::course::text::{self, render};
use crate::host::Side::{New, Old};
use crate::layout::{Below, Group, Grown, Layout, Under};
use crate::step::{Beneath, Chunks, File, FreshLegs, InStep, OwnGroup, RamDisk, TableBack, Volume, VolumeSize};

/// A group with what is chosen for it.
type Chosen<'a> = (&'a Group, &'a Below);

pub(super) struct Copied {
    /// looked at until the cut
    fresh: Handle,
    /// in the order of groups and volumes
    copies: Vec<Handle>,
    /// what they are
    steps: Vec<Beneath>,
}

/// Of the file that says that these copies differ.
pub(super) const MARK: &str = "below";

/// New's own group, all its volumes at their final sizes, and its swaps.
pub(super) fn own(
    book: &mut Book,
    layout: &Layout,
    group: &Group,
    all: &mut Vec<Handle>,
    after: &[&Handle],
) -> Handle {
    let mut last = book.step(
        format!("group-{}", group.vg),
        New,
        OwnGroup {
            vg: group.vg.clone(),
            device: layout.stores[group.to].path.clone(),
            pv_uuid: group.pv_uuid.clone(),
            extent: group.extent.0,
        },
        after,
        "a group of new's own: old's is not changed, and is never seen here",
    );
    all.push(last.clone());
    let grown = |lv: &str| group.grown.iter().find(|grown| grown.lv == lv);
    for copied in &group.copied {
        let to = grown(&copied.lv).and_then(|grown| grown.to).unwrap_or(copied.size);
        last = book.step(
            format!("make-{}-{}", group.vg, copied.lv),
            New,
            Volume { vg: group.vg.clone(), lv: copied.lv.clone(), size: to.0 },
            &[&last],
            "as large as it will be in the end: what is copied stands at its beginning",
        );
        all.push(last.clone());
    }
    last = made::fill(book, group, all, &last);
    for grown in group.grown.iter().filter(|grown| grown.to.is_none()) {
        last = rest(book, group, grown, &last);
        all.push(last.clone());
    }
    last
}

/// When all others have what they need.
fn rest(book: &mut Book, group: &Group, grown: &Grown, after: &Handle) -> Handle {
    book.step(
        format!("grow-{}-{}", group.vg, grown.lv),
        New,
        VolumeSize { vg: group.vg.clone(), lv: grown.lv.clone(), to: None },
        &[after],
        "the plan asks for it",
    )
}

/// The RAM disk, and what udev must know before the first array is made.
pub(super) fn begin(book: &mut Book, layout: &Layout, groups: &[Chosen], after: &Handle) -> Vec<Handle> {
    let Some(size) = layout.ram_disk else { return Vec::new() };
    let numbers = groups.iter().flat_map(|(_, below)| &below.arrays).map(|under| under.number);
    let numbers: Vec<u32> = numbers.collect();
    let reload = || ["udevadm", "control", "--reload"].map(str::to_string).to_vec();
    let mut rule = |id: &str, path: &str, template: &str, why: &str| {
        let text = render(template, context! { name => &layout.name, numbers => &numbers });
        book.step(id, Old, File { then: reload(), ..File::new(path, text) }, &[after], why)
    };
    let hidden = rule(
        "hide-legs",
        "/run/udev/rules.d/59-replant.rules",
        text::UDEV_LEGS,
        "the legs of the copies are nothing to anybody else on old: nobody probes, assembles or mounts them",
    );
    let shy = rule(
        "quiet-arrays",
        "/run/udev/rules.d/99-replant-arrays.rules",
        text::UDEV_ARRAYS,
        "an array has the same content as its volume: links by UUID must go on meaning the volume",
    );
    let ram = book.step(
        "ram-disk",
        Old,
        RamDisk { size: size.0 >> 10 },
        &[&hidden, &shy],
        "superblocks and bitmaps of the arrays: nothing of them is written to a disk, and a boot of old forgets them",
    );
    vec![hidden, shy, ram]
}

pub(super) fn copy(
    book: &mut Book,
    layout: &Layout,
    groups: &[Chosen],
    logins: &[Handle],
    before: &[&Handle],
) -> Copied {
    let all = || {
        groups.iter().flat_map(|(group, below)| {
            group.copied.iter().zip(&below.arrays).map(move |(copied, under)| (*group, copied, under))
        })
    };
    let steps: Vec<Beneath> = all().map(|(group, copied, under)| beneath(layout, group, copied, under)).collect();
    let logins: Vec<&Handle> = all().map(|(_, _, under)| &logins[under.lun]).collect();
    let mut after: Vec<&Handle> = logins.clone();
    after.extend(before);
    let fresh = book.step(
        "fresh-copies",
        Old,
        FreshLegs { copies: steps.clone(), differs: pair::mark(layout, MARK) },
        &after,
        "what new had not written to its disks when it lost its power is missing from a copy that says that it is whole",
    );
    let mut copies: Vec<Handle> = Vec::new();
    for step in &steps {
        // so many at a time, one after the other
        let earlier = copies.len().checked_sub(layout.parallel).map(|at| &copies[at]);
        let why = match step.used {
            None => "every write goes to both from now on, and the kernel copies the rest while the volume is in use",
            Some(_) => {
                "every write goes to both from now on, and the kernel copies what else the file system does not call free"
            }
        };
        let copy =
            book.step(format!("copy-{}-{}", step.vg, step.lv), Old, step.clone(), &[earlier.unwrap_or(&fresh)], why);
        copies.push(copy);
    }
    Copied { fresh, copies, steps }
}

fn beneath(layout: &Layout, group: &Group, copied: &crate::layout::CopiedVolume, under: &Under) -> Beneath {
    Beneath {
        vg: group.vg.clone(),
        lv: copied.lv.clone(),
        size: copied.size.0,
        number: under.number,
        uuid: under.uuid.clone(),
        leg: layout.luns[under.lun].on_old.clone(),
        at: under.at.mib(),
        chunk: under.chunk.0 >> 10,
        conf: layout.family.md.file.into(),
        // in memory: a boot forgets it, and with it the copy
        since: format!("{}/copy-{}", layout.run, crate::step::dm_name(&group.vg, &copied.lv)),
        dir: layout.run.clone(),
        used: under.used.map(|used| used.0),
        rate: layout.rate.map(|rate| rate.0 >> 10),
    }
}

pub(super) fn done(copied: &Copied) -> &[Handle] {
    &copied.copies
}

/// New reads its volumes itself. Where not all was copied, old knows what was, and reads it over the link.
pub(super) fn pairs(groups: &[Chosen], copied: &Copied) -> Vec<Pair> {
    let volumes = groups.iter().flat_map(|(group, _)| &group.copied);
    let pair = |(volume, step): (&crate::layout::CopiedVolume, &Beneath)| Pair {
        of: format!("{}/{}", step.vg, step.lv),
        fstype: volume.fstype.clone(),
        size: step.size,
        volume: step.volume(),
        original: format!("/dev/mapper/replant-{}-old", step.number),
        copy: match step.used {
            None => format!("/dev/mapper/{}", step.volume()),
            Some(_) => format!("/dev/mapper/replant-{}-new", step.number),
        },
        read_on: if step.used.is_some() { Old } else { New },
        only: step.used.map(|_| Chunks { list: step.bits(), size: step.chunk }),
        uses: step.used.unwrap_or(step.size),
        since: step.since.clone(),
    };
    volumes.zip(&copied.steps).map(pair).collect()
}

pub(super) fn in_step(book: &mut Book, copied: &Copied, id: &str, after: &[&Handle], why: &str) -> Handle {
    book.step(id, Old, InStep { copies: copied.steps.clone() }, after, why)
}

pub(super) fn cut(book: &mut Book, copied: &Copied, cut: &mut Cut) {
    for (step, copy) in copied.steps.iter().zip(&copied.copies) {
        let back = book.step(
            format!("back-{}-{}", step.vg, step.lv),
            Old,
            TableBack { copy: step.clone() },
            &cut.after(),
            "nothing writes any more: old is as it was before the copy, and new has it all",
        );
        book.until(copy, &back);
        cut.first.get_or_insert_with(|| back.clone());
        cut.last = vec![back];
    }
    if let Some(first) = &cut.first {
        book.until(&copied.fresh, first);
    }
}
