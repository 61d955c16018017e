//! copy: everything is mirrored onto new while old keeps serving. How a volume is copied is this chapter's alone: another
//! way would be another chapter beside it.

use minijinja::context;

use super::book::{Book, Handle};
use super::connect::Link;
use super::cutover;
use super::prepare::{LVMLOCAL, Ready};
use super::text::{self, render};
use crate::host::Side::Old;
use crate::layout::{Copied as CopiedVolume, Group, Layout};
use crate::runbook::Stage;
use crate::step::{
    File, FreshCopies, GroupMember, How, Job, Mirror, PhysicalVolume, Remount, Service, WriteMostly, dm_name,
};

pub struct Copied {
    pub boot: Option<Handle>,
    /// looked at until the cut
    pub fresh: Handle,
    pub groups: Vec<CopiedGroup>,
}

pub struct CopiedGroup {
    pub pv: Handle,
    pub member: Handle,
    /// in the order of the group's copied volumes
    pub mirrors: Vec<Handle>,
    /// of those that would be read from both legs
    pub reads: Vec<Option<Handle>>,
    /// what they are, for the last look before the cut
    pub steps: Vec<Mirror>,
}

/// Where old leaves the hash of its boot file system; it travels to new with the volumes.
pub fn hash_file(layout: &Layout) -> String {
    format!("{}/boot.sha256", layout.keep)
}

/// LVM's settings on old while volumes are mirrored with a core log; `None` where none is.
pub fn lvm_backups(layout: &Layout) -> Option<String> {
    let mut copied = layout.groups.iter().flat_map(|group| &group.copied);
    let ours = render(text::LVM_BACKUPS, context! { name => &layout.name, run => &layout.run });
    let was = layout.files.get(LVMLOCAL).map(|was| format!("{}\n\n", was.trim_end())).unwrap_or_default();
    copied.any(|copied| copied.how == How::CoreLog).then(|| was + &ours)
}

pub fn write(book: &mut Book, layout: &Layout, ready: &Ready, link: &Link) -> Copied {
    book.stage(Stage::Copy);
    // Not masked: a boot starts them again, old's as new's, and there is nothing to be forgotten on new.
    let mut held = Vec::new();
    if !layout.timers.is_empty() {
        held.push(book.step(
            "hold-timers",
            Old,
            Service {
                units: layout.timers.clone(),
                run: false,
                in_order: false,
                record: cutover::ran(layout, "hold-timers"),
            },
            &[&ready.portable],
            "no upgrade writes to /boot, and no snapshot, discard or check gets in the way of the copy",
        ));
    }
    // before the first mirror: dmeventd, which is started with it, reads it
    let backups = lvm_backups(layout).map(|text| {
        book.step(
            "lvm-backups",
            Old,
            File::instead(LVMLOCAL, layout.files.get(LVMLOCAL), text),
            &[&ready.portable],
            "if new is lost, old's own repair must not wait for a file system that waits for the repair",
        )
    });
    let mut boot_copied = None;
    if let Some(boot) = &layout.boot {
        let login = link.logins[boot.to].as_ref().expect("what takes /boot is offered");
        let readonly = book.step(
            "boot-read-only",
            Old,
            Remount { target: boot.target.clone(), last_resort: String::new() },
            &[login, &ready.portable].into_iter().chain(&held).collect::<Vec<_>>(),
            "it stays so until the cutover: what is copied once stays equal",
        );
        boot_copied = Some(book.step(
            "copy-boot",
            Old,
            Job {
                title: format!("copy {} and prove it equal  {} MiB", boot.target, boot.size >> 20),
                check: false,
                script: text::BOOT_COPY.into(),
                args: vec![boot.device.clone(), layout.stores[boot.to].lun.clone(), hash_file(layout)],
                dir: layout.run.clone(),
                name: "boot-copy".into(),
                bytes: boot.size,
                leaves: vec![hash_file(layout)],
            },
            &[&readonly],
            "as a block device, so that it keeps its UUID",
        ));
    }

    let groups: Vec<_> = layout.groups.iter().map(|group| (group, mirrors(layout, group))).collect();
    let logins: Vec<&Handle> = link.logins.iter().flatten().collect();
    let fresh = book.step(
        "fresh-copies",
        Old,
        FreshCopies { mirrors: groups.iter().flat_map(|(_, mirrors)| mirrors.clone()).collect() },
        &logins,
        "what new had not written to its disks when it lost its power is missing from a copy that says that it is whole",
    );
    let mut copied_groups = Vec::new();
    let mut running: Vec<Handle> = Vec::new();
    for (group, steps) in groups {
        let store = &layout.stores[group.to];
        let login = link.logins[group.to].as_ref().expect("what takes a group is offered");
        let label = format!("{} on new", store.label());
        let mut after = vec![login, &ready.portable];
        after.extend(boot_copied.as_ref());
        after.extend(&held);
        after.extend(&backups);
        after.push(&fresh);
        let pv = book.step(
            format!("pv-{}", group.vg),
            Old,
            PhysicalVolume {
                device: store.lun.clone(),
                uuid: group.pv_uuid.clone(),
                label: label.clone(),
                travels: group.travels.clone(),
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
                travels: group.travels.clone(),
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
        copied_groups.push(CopiedGroup { pv, member, mirrors, reads, steps });
    }
    Copied { boot: boot_copied, fresh, groups: copied_groups }
}

/// The mirrors of one group, in the order in which they are made.
fn mirrors(layout: &Layout, group: &Group) -> Vec<Mirror> {
    let mirror = |copied: &CopiedVolume| Mirror {
        vg: group.vg.clone(),
        lv: copied.lv.clone(),
        how: copied.how,
        device: group.pv(),
        pv_uuid: group.pv_uuid.clone(),
        size: copied.size,
        region: layout.region,
        // in memory: a boot forgets it, and with it the mirror
        since: format!("{}/copy-{}", layout.run, dm_name(&group.vg, &copied.lv)),
    };
    group.copied.iter().map(mirror).collect()
}
