//! Disks of new that are to be wiped, and what stands on arrays and disks of both servers.

use std::collections::BTreeSet;

use super::{Check, Hit, Rule, Severity};
use crate::facts::{Block, Facts};
use crate::layout::{Disks, arrays_on, fleeting, found, is_on, standing_on, what_is_on};
use crate::plan::{Disk, Plan, Size, Table};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1101",
        title: "a disk of the plan is not on new",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "disks are found by serial number or WWN, so that none is wiped by mistake.",
        remedy: "correct `serial` or `wwn`: `lsblk --nodeps --output NAME,SERIAL,WWN,SIZE` on new.",
        check: Check::Facts(disk_missing),
    },
    Rule {
        code: "R1102",
        title: "a disk has no name that lasts",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "steps name disks by /dev/disk/by-id or by-path; /dev/sdX may be another disk after the next boot.",
        remedy: "start udev in the rescue system, `udevadm trigger`, and look into /dev/disk/by-id.",
        check: Check::Facts(disk_unnamed),
    },
    Rule {
        code: "R1103",
        title: "a disk is read-only",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "nothing can be written to it.",
        remedy: "choose another disk; or is a write protection on (`blockdev --getro`, `hdparm -r`)?",
        check: Check::Facts(disk_read_only),
    },
    Rule {
        code: "R1104",
        title: "a disk is mounted on new",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "it would be wiped while it is in use; it may be the disk that the rescue system runs from.",
        remedy: "unmount it, or choose another disk.",
        check: Check::Facts(disk_mounted),
    },
    Rule {
        code: "R1105",
        title: "a volume on the disk is active on new",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "the kernel holds the disk, and a new partition table would not be seen.",
        remedy: "`vgchange --activate n` or `cryptsetup close` on new.",
        check: Check::Facts(disk_active),
    },
    Rule {
        code: "R1106",
        title: "a disk belongs to an array with disks that the plan does not name",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "the array would be destroyed, and with it data on disks that the plan does not name.",
        remedy: "`mdadm --stop` it on new if nobody needs it, or name all of its disks.",
        check: Check::Facts(disk_of_other_array),
    },
    Rule {
        code: "R1107",
        title: "a disk holds data",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "it would be wiped, and the plan does not say that it may be.",
        remedy: "if all of it may be destroyed, say `wipe: true` for this disk.",
        check: Check::Facts(disk_not_blank),
    },
    Rule {
        code: "R1108",
        title: "an array of old is degraded",
        severity: Severity::Warning,
        absolute: false,
        why: "the copy reads every block of it: a second failing disk would end the copy and old's service with it.",
        remedy: "repair it first if you can: `mdadm --detail ARRAY`, `mdadm ARRAY --add DISK`.",
        check: Check::Facts(degraded),
    },
    Rule {
        code: "R1109",
        title: "an array of old is busy",
        severity: Severity::Warning,
        absolute: false,
        why: "the copy and the array's own work compete for the disks.",
        remedy: "wait for it (`mdadm --wait ARRAY`); a check can be ended: `echo idle > /sys/block/mdX/md/sync_action`.",
        check: Check::Facts(busy),
    },
    Rule {
        code: "R1110",
        title: "a disk is too large for a DOS partition table",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "such a table counts 2^32 blocks: 2 TiB on disks with blocks of 512 bytes.",
        remedy: "`table: gpt` (the small partition that GRUB needs there for BIOS boot is added), or partitions of fixed size.",
        check: Check::Facts(too_large_for_dos),
    },
    Rule {
        code: "R1114",
        title: "a disk may not be there when new boots",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "USB disks, removable disks and disks of another machine appear late or not at all; and this one may \
              be what the rescue system was started from.",
        remedy: "choose another disk; if the disk stays in its place, waive this.",
        check: Check::Facts(disk_fleeting),
    },
];

fn disk_missing(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let disks = facts.new.blocks.iter().filter(|block| block.kind == "disk");
    let there: BTreeSet<String> = disks
        .filter_map(|block| {
            let id = block.serial.as_ref().or(block.wwn.as_ref())?;
            Some(format!("{id} ({} GiB)", block.size >> 30))
        })
        .collect();
    let there: Vec<String> = there.into_iter().collect();
    let known = Disks::of(&facts.new);
    let mut hits = Vec::new();
    for disk in &plan.disks {
        let paths: Vec<&str> = known.named(disk).map(|block| block.path.as_str()).collect();
        let hit = match paths.len() {
            1 => continue,
            0 if there.is_empty() => Hit::new(
                format!("disk `{}` is not on new", *disk.name),
                "no disk of new tells a serial number or a WWN: does a RAID controller hide them? `lsblk --nodeps` on new",
            ),
            0 => Hit::new(
                format!("disk `{}` is not on new", *disk.name),
                format!("new's disks by serial number or WWN: {}", there.join(", ")),
            ),
            _ => Hit::new(
                format!(
                    "disk `{}` may be any of {} on new: they tell the same of themselves",
                    *disk.name,
                    paths.join(", ")
                ),
                "give both `serial` and `wwn`; one disk on several paths (multipath) cannot be used: leave it one path",
            ),
        };
        let id = disk.serial.as_ref().or(disk.wwn.as_ref());
        hits.push(hit.at(id.and_then(|id| id.span())));
    }
    hits
}

fn disk_fleeting(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    found(plan, facts)
        .filter_map(|(disk, block)| Some((disk, block, fleeting(block)?)))
        .map(|(disk, block, why)| {
            Hit::new(format!("disk `{}` ({}) is {why}", *disk.name, block.path), "choose another disk")
                .at(disk.name.span())
        })
        .collect()
}

fn disk_unnamed(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    found(plan, facts)
        .filter(|(_, block)| block.by_id.is_empty() && block.by_path.is_empty())
        .map(|(disk, block)| {
            Hit::new(
                format!("disk `{}` ({}) has no link under /dev/disk/by-id or by-path", *disk.name, block.path),
                "is udev running in the rescue system? Try `udevadm trigger` there",
            )
            .at(disk.name.span())
        })
        .collect()
}

fn disk_read_only(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    found(plan, facts)
        .filter(|(_, block)| block.read_only)
        .map(|(disk, _)| {
            Hit::new(format!("disk `{}` is read-only", *disk.name), "choose another disk").at(disk.name.span())
        })
        .collect()
}

/// The first thing on a disk, or the disk itself, that is mounted.
fn mounted<'a>(facts: &'a Facts, block: &'a Block) -> Option<&'a Block> {
    std::iter::once(block).chain(standing_on(&facts.new, &block.path)).find(|block| !block.mountpoints.is_empty())
}

fn disk_mounted(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    found(plan, facts)
        .filter_map(|(disk, block)| Some((disk, mounted(facts, block)?)))
        .map(|(disk, used)| {
            let on = used.mountpoints.join(", ");
            Hit::new(
                format!("disk `{}` is in use on new: {} is mounted on {on}", *disk.name, used.path),
                "is this the disk that the rescue system runs from? Unmount it, or choose another",
            )
            .at(disk.name.span())
        })
        .collect()
}

fn disk_active(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    found(plan, facts)
        .filter(|(_, block)| mounted(facts, block).is_none())
        .filter_map(|(disk, block)| {
            let mut above = standing_on(&facts.new, &block.path);
            Some((disk, above.find(|block| block.kind == "lvm" || block.kind == "crypt")?))
        })
        .map(|(disk, volume)| {
            let close = if volume.kind == "crypt" { "cryptsetup close" } else { "vgchange --activate n" };
            Hit::new(
                format!("disk `{}` is in use on new: {} is active on it", *disk.name, volume.path),
                format!("deactivate it on new, e.g. `{close}`"),
            )
            .at(disk.name.span())
        })
        .collect()
}

fn disk_of_other_array(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let ours = |member: &String| found(plan, facts).any(|(_, block)| is_on(&facts.new, member, block));
    let mut hits = Vec::new();
    for (disk, block) in found(plan, facts).filter(|(_, block)| mounted(facts, block).is_none()) {
        for array in arrays_on(&facts.new, block).filter(|array| !array.members.iter().all(ours)) {
            let hit = Hit::new(
                format!("disk `{}` belongs to {} with disks that the plan does not name", *disk.name, array.path),
                format!("stop it on new: `mdadm --stop {}`, and make sure that nobody needs it", array.path),
            );
            hits.push(hit.at(disk.name.span()));
        }
    }
    hits
}

fn disk_not_blank(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    found(plan, facts)
        .filter(|(disk, _)| !*disk.wipe)
        .filter_map(|(disk, block)| Some((disk, block, what_is_on(&facts.new, block)?)))
        .map(|(disk, block, what)| {
            Hit::new(
                format!("disk `{}` ({}) holds data: {what}", *disk.name, block.path),
                "if all of it may be destroyed, say so in the plan: `wipe: true` for this disk",
            )
            .at(disk.name.span())
        })
        .collect()
}

fn degraded(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let arrays = facts.old.arrays.iter().filter(|array| array.degraded);
    arrays
        .map(|array| {
            Hit::new(
                format!("{} on old is degraded", array.path),
                format!(
                    "a second failing disk would stop the copy. Repair it first if you can: `mdadm --detail {}`",
                    array.path
                ),
            )
            .of(format!("old: {}", array.path))
        })
        .collect()
}

fn busy(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let busy = facts.old.arrays.iter().filter_map(|array| Some((array, array.action.as_ref()?)));
    busy.map(|(array, action)| {
        Hit::new(
            format!("{} on old is busy: {action}", array.path),
            format!("the copy will be slow until it has ended: `mdadm --wait {}`", array.path),
        )
        .of(format!("old: {}", array.path))
    })
    .collect()
}

fn too_large_for_dos(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    // only `rest` depends on the disk; sizes that are written down were looked at with the plan
    let to_the_end = |disk: &Disk| {
        plan.partitions.iter().any(|part| {
            let on = part.disks.as_ref().is_none_or(|only| only.iter().any(|name| **name == *disk.name));
            on && *part.size == Size::Rest
        })
    };
    let dos = plan.table == Table::Dos;
    found(plan, facts)
        .filter(|(disk, block)| dos && to_the_end(disk) && block.size / block.log_sec.max(512) > u64::from(u32::MAX))
        .map(|(disk, block)| {
            Hit::new(
                format!(
                    "disk `{}` has {} GiB, more than a DOS partition table can name",
                    *disk.name,
                    block.size >> 30
                ),
                "`table: gpt`",
            )
            .at(disk.name.span())
        })
        .collect()
}
