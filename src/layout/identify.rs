//! Which block devices of new the plan's disks are, and what is on them.

use std::collections::{BTreeSet, HashMap};

use crate::facts::{Array, Block, Facts, ServerFacts};
use crate::plan::{At, Disk, Plan};

/// A server's disks by serial number and by WWN: those of a plan are looked for, and there can be hundreds of either.
pub struct Disks<'a>(HashMap<&'a str, Vec<&'a Block>>);

impl<'a> Disks<'a> {
    /// Reads them from what lsblk(8) said of the server. A number that two disks share names both.
    pub fn of(server: &'a ServerFacts) -> Disks<'a> {
        let mut disks: HashMap<&str, Vec<&Block>> = HashMap::new();
        for block in server.blocks.iter().filter(|block| block.kind == "disk") {
            let ids: BTreeSet<&str> = [&block.serial, &block.wwn].into_iter().flatten().map(|id| id.trim()).collect();
            ids.into_iter().for_each(|id| disks.entry(id).or_default().push(block));
        }
        Disks(disks)
    }

    /// The block devices that a disk of the plan names.
    pub(crate) fn named(&self, disk: &Disk) -> impl Iterator<Item = &'a Block> {
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
pub(crate) fn found<'a>(plan: &'a Plan, facts: &'a Facts) -> impl Iterator<Item = (&'a Disk, &'a Block)> {
    let disks = Disks::of(&facts.new);
    plan.disks.iter().filter_map(move |disk| Some((disk, disks.find(disk)?)))
}

/// Everything that stands on a block device.
pub(crate) fn standing_on<'a>(server: &'a ServerFacts, path: &'a str) -> impl Iterator<Item = &'a Block> {
    server.blocks.iter().filter(move |block| block.ancestors.iter().any(|ancestor| ancestor == path))
}

/// What a disk holds, for people; `None` where it is blank.
pub(crate) fn what_is_on(server: &ServerFacts, block: &Block) -> Option<String> {
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

/// Why a disk may not be there when its server boots, if so.
pub(crate) fn fleeting(block: &Block) -> Option<String> {
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

/// A member of an array is this disk, or a partition of it.
pub(crate) fn is_on(server: &ServerFacts, member: &str, disk: &Block) -> bool {
    member == disk.path || standing_on(server, &disk.path).any(|part| part.path == member)
}

/// Running arrays that have a member on a disk.
pub(crate) fn arrays_on<'a>(server: &'a ServerFacts, disk: &'a Block) -> impl Iterator<Item = &'a Array> {
    server.arrays.iter().filter(|array| array.members.iter().any(|member| is_on(server, member, disk)))
}

/// The arrays that must be stopped before the disks of the plan are wiped.
pub(crate) fn arrays_to_stop<'a>(plan: &'a Plan, facts: &'a Facts) -> impl Iterator<Item = &'a Array> {
    found(plan, facts).flat_map(|(_, block)| arrays_on(&facts.new, block))
}

/// What a file system type says that belongs to something which shows no block device of its own: a pool of ZFS, a path of
/// multipath, a disk of a firmware RAID. Members of md and LVM are told by their arrays and groups.
pub(crate) fn claimed(block: &Block) -> Option<&str> {
    let fstype = block.fstype.as_deref()?;
    let known = matches!(fstype, "linux_raid_member" | "LVM2_member" | "LVM1_member");
    let other = fstype.ends_with("_member") || matches!(fstype, "bcache" | "drbd" | "ceph_bluestore" | "bcachefs");
    (other && !known).then_some(fstype)
}
