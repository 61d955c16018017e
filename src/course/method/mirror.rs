//! The mirror: each volume of old gets a second leg on a disk of new, and every write of old goes to both. At the cutover
//! both halves are cut apart while they are connected, and the half on new becomes a group of its own: lvconvert(8),
//! vgsplit(8). It boots from old and from new alike, and nothing of it waits for new.

use minijinja::context;

use super::cut::Cut;
use super::made;
use super::pair::{self, Pair};
use crate::course::book::{Book, Handle};
use crate::course::paths::LVMLOCAL;
use crate::course::text::{self, render};
use crate::family::Hook;
use crate::host::Side::{Migrated, New, Old};
use crate::layout::{Group, Grown, Layout, Leg, Mirrored};
use crate::step::{
    File, FreshCopies, GroupMember, GroupName, GroupSplit, How, InSync, Inactive, Mirror, NoFile, PhysicalVolume,
    PvSize, Split, StepKind, VolumeName, VolumeSize, WriteMostly, dm_name,
};

/// A group with what is chosen for it.
type Chosen<'a> = (&'a Group, &'a Mirrored);

/// Of the file that says that these copies differ.
pub(super) const MARK: &str = "mirrors";

pub(super) struct Copied {
    /// looked at until the cut
    fresh: Handle,
    groups: Vec<CopiedGroup>,
}

struct CopiedGroup {
    vg: String,
    pv: Handle,
    member: Handle,
    /// in the order of the group's copied volumes
    mirrors: Vec<Handle>,
    /// of those that would be read from both legs
    reads: Vec<Option<Handle>>,
    /// what they are, for the last look before the cut
    steps: Vec<Mirror>,
}

/// Files that are of no use on new, with the ids of the steps that remove them.
pub(super) fn left(layout: &Layout) -> Vec<(String, &'static str)> {
    layout.builder.hooks.iter().map(|hook| (format!("no-{}", hook.id), hook.path)).collect()
}

pub(super) fn fit(book: &mut Book, layout: &Layout, groups: &[Chosen]) -> Vec<(Handle, String)> {
    let builder = layout.builder;
    let write = |hook: &Hook| {
        let file = File::new(hook.path, boot_hook(layout, groups, hook.place)).mode(0o755);
        (book.step(hook.id, Old, file, &[], hook.why), builder.inside(hook.path).to_string())
    };
    builder.hooks.iter().map(write).collect()
}

fn boot_hook(layout: &Layout, groups: &[Chosen], place: &str) -> String {
    let one = |(group, mirrored): &Chosen| {
        let raid1 = volumes(group, mirrored).filter(|(_, leg)| leg.how == How::Raid1);
        let raid1: Vec<String> = raid1.map(|(lv, _)| lv.to_string()).collect();
        context! { vg => &group.vg, pvs => &group.old_pvs, raid1 => raid1 }
    };
    let groups: Vec<_> = groups.iter().map(one).collect();
    render(layout.builder.scripts().hook, context! { name => &layout.name, place => place, groups => groups })
}

/// The copied volumes of a group, each with its leg.
fn volumes<'a>(group: &'a Group, mirrored: &'a Mirrored) -> impl Iterator<Item = (&'a str, &'a Leg)> {
    group.copied.iter().map(|copied| copied.lv.as_str()).zip(&mirrored.legs)
}

/// LVM's settings on old while volumes are mirrored; `None` where none is.
fn lvm_backups(layout: &Layout, groups: &[Chosen]) -> Option<String> {
    let mut legs = groups.iter().flat_map(|(_, mirrored)| &mirrored.legs);
    let ours = render(text::LVM_BACKUPS, context! { name => &layout.name, run => &layout.run });
    let was = layout.files.get(LVMLOCAL).map(|was| format!("{}\n\n", was.trim_end())).unwrap_or_default();
    legs.next().map(|_| was + &ours)
}

/// Before the first mirror: dmeventd, which is started with it, reads it.
pub(super) fn begin(book: &mut Book, layout: &Layout, groups: &[Chosen], after: &Handle) -> Option<Handle> {
    let text = lvm_backups(layout, groups)?;
    Some(book.step(
        "lvm-backups",
        Old,
        File::instead(LVMLOCAL, layout.files.get(LVMLOCAL), text),
        &[after],
        "if new is lost, old's own repair must not wait for a file system that waits for the repair",
    ))
}

/// Whoever was begun is taken back on the migrated system, which has old's files.
pub(super) fn end(book: &mut Book, layout: &Layout, groups: &[Chosen], after: &Handle) -> Option<Handle> {
    let travelled = lvm_backups(layout, groups)?;
    let step = match layout.files.get(LVMLOCAL) {
        Some(was) => StepKind::from(File::instead(LVMLOCAL, Some(&travelled), was)),
        None => StepKind::from(NoFile { path: LVMLOCAL.into() }),
    };
    Some(book.step("lvm-backups-as-before", Migrated, step, &[after], "nothing is mirrored any more"))
}

pub(super) fn copy(
    book: &mut Book,
    layout: &Layout,
    groups: &[Chosen],
    logins: &[Handle],
    before: &[&Handle],
) -> Copied {
    let steps: Vec<Vec<Mirror>> = groups.iter().map(|(group, how)| mirrors(layout, group, how)).collect();
    let mut in_order: Vec<_> = layout.luns.iter().zip(logins).collect();
    in_order.sort_by_key(|(lun, _)| lun.store);
    let fresh = book.step(
        "fresh-copies",
        Old,
        FreshCopies { mirrors: steps.concat(), differs: pair::mark(layout, MARK) },
        &in_order.into_iter().map(|(_, login)| login).collect::<Vec<_>>(),
        "what new had not written to its disks when it lost its power is missing from a copy that says that it is whole",
    );
    let mut copied = Vec::new();
    let mut running: Vec<Handle> = Vec::new();
    for ((group, how), steps) in groups.iter().zip(steps) {
        let lun = &layout.luns[how.lun];
        let label = format!("{} on new", layout.stores[lun.store].label());
        let mut after = vec![&logins[how.lun]];
        after.extend(before);
        after.push(&fresh);
        let pv = book.step(
            format!("pv-{}", group.vg),
            Old,
            PhysicalVolume {
                device: lun.on_old.clone(),
                uuid: group.pv_uuid.clone(),
                label: label.clone(),
                travels: how.travels.clone(),
            },
            &after,
            "its UUID was decided with this runbook: it is known by it wherever it appears",
        );
        let member = book.step(
            format!("extend-{}", group.vg),
            Old,
            GroupMember {
                vg: group.vg.clone(),
                device: group.pv(),
                uuid: group.pv_uuid.clone(),
                label,
                travels: how.travels.clone(),
            },
            &[&pv],
            "from here on the group is complete only while new is there; the boot hook stands ready",
        );
        let mut mirrors = Vec::new();
        let mut reads = Vec::new();
        for step in &steps {
            // so many at a time, one after the other
            let before = running.len().checked_sub(layout.parallel).map(|at| &running[at]);
            let mut after = Vec::from_iter(before);
            // one of the same group has waited for it already
            if mirrors.len() < layout.parallel {
                after.insert(0, &member);
            }
            let handle = book.step(
                format!("mirror-{}-{}", group.vg, step.lv),
                Old,
                step.clone(),
                &after,
                "every write goes to both from now on, and the kernel copies the rest while the volume is in use",
            );
            running.push(handle.clone());
            reads.push((step.how == How::Raid1).then(|| {
                book.step(
                    format!("read-old-{}-{}", group.vg, step.lv),
                    Old,
                    WriteMostly { vg: step.vg.clone(), lv: step.lv.clone(), device: step.device.clone() },
                    &[&handle],
                    "what comes over the network must not be read for what old wrote; possible only in sync",
                )
            }));
            mirrors.push(handle);
        }
        copied.push(CopiedGroup { vg: group.vg.clone(), pv, member, mirrors, reads, steps });
    }
    Copied { fresh, groups: copied }
}

/// The mirrors of one group, in the order in which they are made.
fn mirrors(layout: &Layout, group: &Group, mirrored: &Mirrored) -> Vec<Mirror> {
    let mirror = |(copied, leg): (&crate::layout::CopiedVolume, &Leg)| Mirror {
        vg: group.vg.clone(),
        lv: copied.lv.clone(),
        how: leg.how,
        device: group.pv(),
        pv_uuid: group.pv_uuid.clone(),
        size: copied.size.0,
        region: layout.region,
        // in memory: a boot forgets it, and with it the mirror
        since: format!("{}/copy-{}", layout.run, dm_name(&group.vg, &copied.lv)),
    };
    group.copied.iter().zip(&mirrored.legs).map(mirror).collect()
}

/// All mirrors, and then those that are read from old alone.
pub(super) fn done(copied: &Copied) -> Vec<&Handle> {
    let mirrors = copied.groups.iter().flat_map(|group| &group.mirrors);
    mirrors.chain(copied.groups.iter().flat_map(|group| group.reads.iter().flatten())).collect()
}

/// Where on new's disk a volume's leg lies, LVM on old alone knows: it reads both.
pub(super) fn pairs(groups: &[Chosen], copied: &Copied) -> Vec<Pair> {
    let volumes = groups.iter().flat_map(|(group, _)| &group.copied);
    let pair = |(volume, step): (&crate::layout::CopiedVolume, &Mirror)| {
        let image = match step.how {
            How::Raid1 => "rimage",
            How::CoreLog => "mimage",
        };
        let leg = |number| format!("/dev/mapper/{}", dm_name(&step.vg, &format!("{}_{image}_{number}", step.lv)));
        Pair {
            of: format!("{}/{}", step.vg, step.lv),
            fstype: volume.fstype.clone(),
            size: step.size,
            volume: dm_name(&step.vg, &step.lv),
            original: leg(0),
            copy: leg(1),
            read_on: Old,
            only: None,
            uses: step.size,
            since: step.since.clone(),
        }
    };
    volumes.zip(copied.groups.iter().flat_map(|group| &group.steps)).map(pair).collect()
}

pub(super) fn in_sync(book: &mut Book, copied: &Copied, id: &str, after: &[&Handle], why: &str) -> Handle {
    let mirrors = copied.groups.iter().flat_map(|group| group.steps.iter().cloned()).collect();
    book.step(id, Old, InSync { mirrors }, after, why)
}

pub(super) fn cut(book: &mut Book, groups: &[Chosen], copied: &Copied, cut: &mut Cut) {
    for ((group, mirrored), copy) in groups.iter().zip(&copied.groups) {
        let mut legs = Vec::new();
        for (at, ((lv, leg), step)) in volumes(group, mirrored).zip(&copy.steps).enumerate() {
            let split = book.step(
                format!("split-{}-{lv}", group.vg),
                Old,
                Split {
                    vg: group.vg.clone(),
                    lv: lv.to_string(),
                    leg: leg.travels.clone(),
                    device: group.pv(),
                    mirror: Some(step.clone()),
                },
                &cut.after(),
                "cut while both halves are connected: old's volume is whole and plain at once",
            );
            for ends in [Some(&copy.mirrors[at]), copy.reads[at].as_ref()].into_iter().flatten() {
                book.until(ends, &split);
            }
            cut.last = vec![split.clone()];
            legs.push(split);
        }
        cut.groups.push(legs);
    }
    cut.first = cut.groups.iter().flatten().next().cloned();
    if let Some(first) = &cut.first {
        book.until(&copied.fresh, first);
    }
}

/// The half on new becomes a group of its own.
pub(super) fn part(
    book: &mut Book,
    (group, mirrored): Chosen,
    copied: &Copied,
    cut: &Cut,
    after: &[&Handle],
) -> Handle {
    let inactive = book.step(
        format!("deactivate-{}", mirrored.travels),
        Old,
        Inactive { vg: group.vg.clone(), lvs: mirrored.legs.iter().map(|leg| leg.travels.clone()).collect() },
        after,
        "vgsplit(8) asks for it",
    );
    let split = book.step(
        format!("split-{}", group.vg),
        Old,
        GroupSplit {
            vg: group.vg.clone(),
            into: mirrored.travels.clone(),
            device: group.pv(),
            pv_uuid: group.pv_uuid.clone(),
        },
        &[&inactive],
        "from here on either server is whole without the other",
    );
    let mut all = copied.groups.iter().zip(&cut.groups);
    let (copy, legs) = all.find(|(copy, _)| copy.vg == group.vg).expect("what is cut was copied");
    for before in legs.iter().chain([&inactive, &copy.pv, &copy.member]) {
        book.until(before, &split);
    }
    split
}

pub(crate) fn adopt(book: &mut Book, (group, mirrored): Chosen, made: &mut Vec<Handle>, after: &[&Handle]) -> Handle {
    let mut named = book.step(
        format!("name-{}", group.vg),
        New,
        GroupName { from: mirrored.travels.clone(), to: group.vg.clone() },
        after,
        "fstab and the kernel's command line know it by this name",
    );
    made.push(named.clone());
    for (lv, leg) in volumes(group, mirrored) {
        named = book.step(
            format!("name-{}-{lv}", group.vg),
            New,
            VolumeName { vg: group.vg.clone(), from: leg.travels.clone(), to: lv.to_string() },
            &[&named],
            "fstab knows it by this name",
        );
        made.push(named.clone());
    }
    made::fill(book, group, made, &named)
}

pub(super) fn enlarge(book: &mut Book, group: &Group, grown: &Grown, after: &Handle) -> Handle {
    book.step(
        format!("grow-{}-{}", group.vg, grown.lv),
        Migrated,
        VolumeSize { vg: group.vg.clone(), lv: grown.lv.clone(), to: grown.to.map(|to| to.0) },
        &[after],
        "the plan asks for it",
    )
}

pub(super) fn grow(book: &mut Book, layout: &Layout, group: &Group, after: &Handle) -> Handle {
    let store = &layout.stores[group.to];
    book.step(
        format!("pv-size-{}", group.vg),
        Migrated,
        PvSize { device: store.path.clone(), uuid: group.pv_uuid.clone(), extent: group.extent.0 },
        &[after],
        "what was seen over iSCSI may have been a little smaller",
    )
}
