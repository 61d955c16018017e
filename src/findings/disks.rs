//! Disks of new that are to be wiped, and what stands on arrays and disks of both servers.

use std::collections::{BTreeSet, HashMap};

use super::{Hit, Rule, Severity};
use crate::facts::{Array, Block, Facts, ServerFacts};
use crate::plan::{At, Disk, Plan, Size, Table};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1101",
        title: "a disk of the plan is not on new",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "disks are found by serial number or WWN, so that none is wiped by mistake.",
        remedy: "correct `serial` or `wwn`: `lsblk --nodeps --output NAME,SERIAL,WWN,SIZE` on new.",
        check: disk_missing,
    },
    Rule {
        code: "R1102",
        title: "a disk has no name that lasts",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "steps name disks by /dev/disk/by-id or by-path; /dev/sdX may be another disk after the next boot.",
        remedy: "start udev in the rescue system, `udevadm trigger`, and look into /dev/disk/by-id.",
        check: disk_unnamed,
    },
    Rule {
        code: "R1103",
        title: "a disk is read-only",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "nothing can be written to it.",
        remedy: "choose another disk; or is a write protection on (`blockdev --getro`, `hdparm -r`)?",
        check: disk_read_only,
    },
    Rule {
        code: "R1104",
        title: "a disk is mounted on new",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "it would be wiped while it is in use; it may be the disk that the rescue system runs from.",
        remedy: "unmount it, or choose another disk.",
        check: disk_mounted,
    },
    Rule {
        code: "R1105",
        title: "a volume on the disk is active on new",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "the kernel holds the disk, and a new partition table would not be seen.",
        remedy: "`vgchange --activate n` or `cryptsetup close` on new.",
        check: disk_active,
    },
    Rule {
        code: "R1106",
        title: "a disk belongs to an array with disks that the plan does not name",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "the array would be destroyed, and with it data on disks that the plan does not give away.",
        remedy: "`mdadm --stop` it on new if nobody needs it, or name all of its disks.",
        check: disk_of_other_array,
    },
    Rule {
        code: "R1107",
        title: "a disk holds data",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "it would be wiped, and the plan does not say that it may be.",
        remedy: "if all of it may be destroyed, say `wipe: true` for this disk.",
        check: disk_not_blank,
    },
    Rule {
        code: "R1108",
        title: "an array of old is degraded",
        severity: Severity::Warning,
        absolute: false,
        why: "the copy reads every block of it: a second failing disk would end the copy and old's service with it.",
        remedy: "repair it first if you can: `mdadm --detail ARRAY`, `mdadm ARRAY --add DISK`.",
        check: degraded,
    },
    Rule {
        code: "R1109",
        title: "an array of old is busy",
        severity: Severity::Warning,
        absolute: false,
        why: "the copy and the array's own work take the disks from each other.",
        remedy: "wait for it (`mdadm --wait ARRAY`); a check can be ended: `echo idle > /sys/block/mdX/md/sync_action`.",
        check: busy,
    },
    Rule {
        code: "R1110",
        title: "a disk is too large for a DOS partition table",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "such a table counts 2^32 blocks: 2 TiB on disks with blocks of 512 bytes.",
        remedy: "`table: gpt` (the small partition that GRUB needs there for BIOS boot is added), or partitions of fixed size.",
        check: too_large_for_dos,
    },
    Rule {
        code: "R1114",
        title: "a disk may not be there when new boots",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "disks on USB, removable ones and those of another machine come late or not at all; and the one \
              at hand may be what the rescue system was started from.",
        remedy: "choose another disk; waive it where the disk stays in its place.",
        check: disk_fleeting,
    },
];

/// A server's disks by serial number and by WWN: those of a plan are looked for, and there can be hundreds of either.
pub struct Disks<'a>(HashMap<&'a str, Vec<&'a Block>>);

impl<'a> Disks<'a> {
    pub fn of(server: &'a ServerFacts) -> Disks<'a> {
        let mut disks: HashMap<&str, Vec<&Block>> = HashMap::new();
        for block in server.blocks.iter().filter(|block| block.kind == "disk") {
            let ids: BTreeSet<&str> = [&block.serial, &block.wwn].into_iter().flatten().map(|id| id.trim()).collect();
            ids.into_iter().for_each(|id| disks.entry(id).or_default().push(block));
        }
        Disks(disks)
    }

    /// The block devices that a disk of the plan names.
    fn named(&self, disk: &Disk) -> impl Iterator<Item = &'a Block> {
        let same = |have: &Option<String>, want: &Option<At<String>>| match want {
            Some(want) => have.as_deref().is_some_and(|have| have.trim() == want.as_str()),
            None => true,
        };
        let id = disk.serial.as_ref().or(disk.wwn.as_ref());
        let all = id.and_then(|id| self.0.get(id.as_str())).into_iter().flatten().copied();
        all.filter(move |block| same(&block.serial, &disk.serial) && same(&block.wwn, &disk.wwn))
    }

    /// The block device that a disk of the plan names, where there is exactly one.
    pub fn find(&self, disk: &Disk) -> Option<&'a Block> {
        let mut all = self.named(disk);
        match (all.next(), all.next()) {
            (Some(block), None) => Some(block),
            _ => None,
        }
    }
}

/// The disks of the plan that are there.
pub(super) fn found<'a>(plan: &'a Plan, facts: &'a Facts) -> impl Iterator<Item = (&'a Disk, &'a Block)> {
    let disks = Disks::of(&facts.new);
    plan.disks.iter().filter_map(move |disk| Some((disk, disks.find(disk)?)))
}

/// Everything that stands on a block device.
fn standing_on<'a>(server: &'a ServerFacts, path: &'a str) -> impl Iterator<Item = &'a Block> {
    server.blocks.iter().filter(move |block| block.ancestors.iter().any(|ancestor| ancestor == path))
}

/// What a disk holds, for people; `None` where it is blank.
pub fn what_is_on(server: &ServerFacts, block: &Block) -> Option<String> {
    let parts: Vec<_> = standing_on(server, &block.path).filter(|part| part.kind == "part").collect();
    let mut what = Vec::new();
    if let Some(table) = &block.pttype {
        let plural = if parts.len() == 1 { "" } else { "s" };
        what.push(format!("{table} table with {} partition{plural}", parts.len()));
    }
    if let Some(fstype) = &block.fstype {
        what.push(fstype.clone());
    }
    let mut kinds: Vec<&str> = parts.iter().filter_map(|part| part.fstype.as_deref()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    what.extend(kinds.iter().map(|kind| kind.to_string()));
    (!what.is_empty()).then(|| what.join(", "))
}

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

/// Why a disk may not be there when its server boots, if so.
pub fn fleeting(block: &Block) -> Option<String> {
    match block.tran.as_deref() {
        // a disk in a bay that can be changed while the server runs may call itself removable: SATA does
        Some("sata" | "sas" | "ata" | "nvme") => None,
        _ if block.removable => Some("removable".into()),
        Some(tran @ ("usb" | "iscsi" | "nbd")) => {
            Some(format!("attached by {tran}, and may not be there when new boots"))
        }
        _ => None,
    }
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

/// A member of an array is this disk, or a partition of it.
fn is_on(server: &ServerFacts, member: &str, disk: &Block) -> bool {
    member == disk.path || standing_on(server, &disk.path).any(|part| part.path == member)
}

/// Running arrays that have a member on a disk.
pub fn arrays_on<'a>(server: &'a ServerFacts, disk: &'a Block) -> impl Iterator<Item = &'a Array> {
    server.arrays.iter().filter(|array| array.members.iter().any(|member| is_on(server, member, disk)))
}

/// The arrays that must be stopped before the disks of the plan are wiped.
pub(super) fn arrays_to_stop<'a>(plan: &'a Plan, facts: &'a Facts) -> impl Iterator<Item = &'a Array> {
    found(plan, facts).flat_map(|(_, block)| arrays_on(&facts.new, block))
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
