//! What holds a disk of new: whatever stands on it and is no plain partition. Nothing can be written to such a disk, or
//! somebody else writes to it.

use std::collections::HashMap;

use super::{Check, Hit, Rule, Severity};
use crate::facts::resolve::Names;
use crate::facts::{Block, Facts, ServerFacts};
use crate::layout::{arrays_on, claimed, found};
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1116",
        title: "something on new holds a disk of the plan",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "a disk that device-mapper, multipath, a firmware RAID, bcache, ZFS or anything else has taken for itself is busy: it \
              cannot be wiped or partitioned, or its holder writes to it afterwards.",
        remedy: "release it on new: `multipath -f MAP` and `systemctl stop multipathd.socket multipathd.service`, `dmsetup remove`, \
                 `dmraid -an`, `zpool export`, `echo 1 > /sys/block/bcacheN/bcache/stop`. `lsblk` shows what stands on a disk.",
        check: Check::Facts(held),
    },
    Rule {
        code: "R1117",
        title: "two disks of new identify themselves alike",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "the links below /dev/disk/by-id are made from what disks say of themselves. If two say the same, a \
              link leads to one of them today and to the other tomorrow: the wrong one would be wiped.",
        remedy: "take one of the two out; if one disk is seen twice, leave one path to it. The host of a cloned \
              virtual disk can give it another serial number. If this is waived, replant names each disk by what only \
              it has, or by the place where it is plugged in.",
        check: Check::Facts(alike_new),
    },
    Rule {
        code: "R1118",
        title: "disks with the same WWN or serial number",
        severity: Severity::Warning,
        absolute: false,
        why: "their links below /dev/disk/by-id may lead to either of them.",
        remedy: "see which disk is which before anything else is done with them: `ls -l /dev/disk/by-path`.",
        check: Check::Facts(alike),
    },
];

/// How it is released.
fn release(kind: &str, path: &str) -> String {
    match kind {
        "mpath" | "mpath_member" => {
            let map = if kind == "mpath" { path.trim_start_matches("/dev/mapper/") } else { "MAP" };
            format!("on new: `systemctl stop multipathd.socket multipathd.service`, then `multipath -f {map}`")
        }
        "dmraid" | "isw_raid_member" | "ddf_raid_member" => {
            "on new: `dmraid -an` or `mdadm --stop` its arrays, and take it out of the firmware's RAID".into()
        }
        "zfs_member" => {
            "on new: `zpool export POOL` (`zpool list -v` says which), then waive this if it is not imported".into()
        }
        "bcache" => "on new: `echo 1 > /sys/block/bcacheN/bcache/stop`, `echo 1 > /sys/fs/bcache/SET/stop`".into(),
        "crypt" => format!("on new: `cryptsetup close {path}`"),
        "lvm" | "LVM2_member" => "on new: `vgchange --activate n`".into(),
        _ => format!("release it on new (`lsblk {path}`, `dmsetup ls --tree`), or choose another disk"),
    }
}

fn held(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let new = &facts.new;
    let names = Names::of(new);
    let mounted: Vec<(&Block, &str)> = new
        .mounts
        .iter()
        .flat_map(|mount| names.mount(mount).into_iter().map(|block| (block, mount.target.as_str())))
        .collect();
    let mut hits = Vec::new();
    for (disk, block) in found(plan, facts) {
        let below = |other: &Block| other.path == block.path || other.ancestors.contains(&block.path);
        let name = format!("disk `{}` ({})", *disk.name, block.path);
        let mut say = |what: String, help: String| {
            hits.push(Hit::new(format!("{name} is held on new: {what}"), help).at(disk.name.span()));
        };
        let arrays: Vec<&str> = arrays_on(new, block).map(|array| array.path.as_str()).collect();
        // R1105 speaks of the first volume, R1104 of what lsblk(8) knows to be mounted; replant stops md's arrays itself
        let spoken =
            |other: &Block| matches!(other.kind.as_str(), "lvm" | "crypt") || arrays.contains(&other.path.as_str());
        let holder = new
            .blocks
            .iter()
            .find(|other| other.path != block.path && below(other) && other.kind != "part" && !spoken(other));
        if let Some(holder) = holder {
            say(format!("{} ({}) stands on it", holder.path, holder.kind), release(&holder.kind, &holder.path));
        } else if let Some((part, fstype)) =
            new.blocks.iter().filter(|other| below(other)).find_map(|other| Some((other, claimed(other)?)))
        {
            say(format!("{} is a {fstype}", part.path), release(fstype, &part.path));
        }
        // a btrfs on several disks, of which lsblk(8) shows one as mounted; or a swap
        let hidden = |other: &Block| below(other) && other.mountpoints.is_empty();
        if let Some((part, target)) = mounted.iter().find(|(other, _)| hidden(other)) {
            say(format!("{} belongs to what is mounted on {target}", part.path), format!("`umount {target}` on new"));
        }
        for swap in &new.swaps {
            if let Some(part) = names.swap(swap).filter(|other| hidden(other)) {
                say(format!("{} is swapped to", part.path), format!("`swapoff {}` on new", part.path));
            }
        }
    }
    hits
}

/// The disks of a server that tell the same, by what they tell.
fn same(server: &ServerFacts, what: fn(&Block) -> Option<&String>) -> HashMap<&str, Vec<&Block>> {
    let mut all: HashMap<&str, Vec<&Block>> = HashMap::new();
    for block in server.blocks.iter().filter(|block| block.kind == "disk") {
        if let Some(told) = what(block).map(|told| told.trim()).filter(|told| !told.is_empty()) {
            all.entry(told).or_default().push(block);
        }
    }
    all.retain(|_, blocks| blocks.len() > 1);
    all
}

fn wwn(block: &Block) -> Option<&String> {
    block.wwn.as_ref()
}

/// Controllers that show volumes as disks give them all their own serial number, and each a WWN: where there is one, that
/// counts.
fn serial(block: &Block) -> Option<&String> {
    block.serial.as_ref().filter(|_| block.wwn.is_none())
}

fn paths(blocks: &[&Block]) -> String {
    blocks.iter().map(|block| block.path.as_str()).collect::<Vec<_>>().join(", ")
}

fn alike_new(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let lists = [("WWN", same(&facts.new, wwn)), ("serial number", same(&facts.new, serial))];
    let mut hits = Vec::new();
    for disk in &plan.disks {
        let named = |block: &Block| {
            let is = |have: &Option<String>, want: Option<&str>| {
                want.is_none_or(|want| have.as_deref().map(str::trim) == Some(want))
            };
            let told = (disk.serial.as_ref().map(|it| it.as_str()), disk.wwn.as_ref().map(|it| it.as_str()));
            is(&block.serial, told.0) && is(&block.wwn, told.1)
        };
        for (what, all) in &lists {
            let mut all = all.iter().filter(|(_, blocks)| blocks.iter().any(|block| named(block)));
            if let Some((told, blocks)) = all.next() {
                let hit = Hit::new(
                    format!(
                        "disk `{}` tells the same {what} of itself as another: {told} is {}",
                        *disk.name,
                        paths(blocks)
                    ),
                    "take one of them out of new, or give it an identity of its own: which one would be wiped cannot be told",
                );
                hits.push(hit.at(disk.name.span()));
            }
        }
    }
    hits
}

fn alike(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (name, server) in [("old", &facts.old), ("new", &facts.new)] {
        for (what, all) in
            [("WWN", same(server, wwn)), ("serial number", same(server, |block| block.serial.as_ref()))]
        {
            let mut all: Vec<_> = all.into_iter().collect();
            all.sort_unstable_by_key(|(told, _)| *told);
            for (told, blocks) in all {
                // R1117 speaks of those of the plan
                let ours =
                    |block: &&Block| name == "new" && found(plan, facts).any(|(_, one)| one.path == block.path);
                if blocks.iter().any(ours) && (what == "WWN" || blocks.iter().all(|block| block.wwn.is_none())) {
                    continue;
                }
                let hit = Hit::new(
                    format!("disks of {name} tell the same {what}: {} are {told}", paths(&blocks)),
                    format!("`ls -l /dev/disk/by-path` on {name} tells them apart"),
                );
                hits.push(hit.of(format!("{name}: {}", blocks[0].path)));
            }
        }
    }
    hits
}
