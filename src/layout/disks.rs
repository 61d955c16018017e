//! New's disks with their partitions, and what takes data on them.

use std::collections::HashMap;

use super::identify::{arrays_on, what_is_on};
use super::ids::Ids;
use super::loader::{Loader, Reserved};
use super::model::{Array, Disk, Made, Store};
use crate::facts::{Block, Facts, md};
use crate::plan::{self, Plan, Size, Table};
use crate::step::Partition;
use crate::units::{Bytes, MIB, SectorSize};

/// The link that says most about the disk itself. One that is made of what another disk tells as well may lead to that one
/// tomorrow.
fn identity(block: &Block, facts: &Facts) -> String {
    let shared = |told: fn(&Block) -> Option<&String>| {
        let mut others = facts.new.blocks.iter().filter(|other| other.kind == "disk" && other.path != block.path);
        let mine = told(block)?;
        others.any(|other| told(other) == Some(mine)).then(|| mine.trim().trim_start_matches("0x"))
    };
    let shared = [shared(|block| block.wwn.as_ref()), shared(|block| block.serial.as_ref())];
    let own = |link: &&String| !shared.iter().flatten().any(|told| link.contains(told));
    let rank = |link: &&String| {
        let name = link.rsplit('/').next().unwrap_or_default();
        match name {
            name if name.starts_with("wwn-") || name.starts_with("nvme-eui.") => 0,
            name if name.starts_with("nvme-") || name.starts_with("ata-") || name.starts_with("scsi-") => 1,
            _ => 2,
        }
    };
    block
        .by_id
        .iter()
        .chain(&block.by_path)
        .filter(own)
        .min_by_key(rank)
        .cloned()
        .unwrap_or_else(|| block.path.clone())
}

// types of partitions, on GPT and in a dos table
const RAID: [&str; 2] = ["A19D880F-05FC-4D3B-A006-743F0F84911E", "fd"];
const LVM: [&str; 2] = ["E6D6D379-F507-44C2-A23C-238F2A3DF928", "8e"];
const LINUX: [&str; 2] = ["0FC63DAF-8483-4772-8E79-3D69D8477DE4", "83"];

pub(super) fn disks(plan: &Plan, facts: &Facts, blocks: &[&Block], loader: &Loader, ids: &Ids) -> Vec<Disk> {
    let shares = Shares::of(plan, blocks, loader.partitions());
    let one = |(said, block): (&plan::Disk, &&Block)| disk(&shares, facts, said, block, ids);
    plan.disks.iter().zip(blocks).map(one).collect()
}

fn disk(shares: &Shares, facts: &Facts, said: &plan::Disk, block: &Block, ids: &Ids) -> Disk {
    let name = said.name.to_string();
    let sector = SectorSize::of(block.log_sec);
    let by_id = identity(block, facts);
    let table = ids.uuid(&format!("table {name}"));
    Disk {
        label: format!(
            "{name}  {}  {:.1} GiB",
            said.serial.as_ref().or(said.wwn.as_ref()).map_or("", |id| id.as_str()),
            Bytes(block.size).gib()
        ),
        serials: block.serial.iter().cloned().collect(),
        has: what_is_on(&facts.new, block),
        arrays_now: arrays_on(&facts.new, block).map(|array| array.path.clone()).collect(),
        table_id: match shares.plan.table {
            Table::Gpt => table.to_string().to_uppercase(),
            Table::Dos => format!("0x{:08x}", table.as_fields().0),
        },
        parts_now: partitions_now(facts, block, &by_id),
        sector,
        by_id,
        partitions: shares.partitions(said, sector, ids),
        name,
    }
}

/// Paths of the partitions that a disk has, the last first.
fn partitions_now(facts: &Facts, block: &Block, by_id: &str) -> Vec<String> {
    let parts = facts.new.blocks.iter().filter(|part| part.kind == "part" && part.ancestors.contains(&block.path));
    let number = |part: &Block| {
        let digits = part.path.rsplit(|c: char| !c.is_ascii_digit()).next();
        digits.unwrap_or("1").to_string()
    };
    let mut paths: Vec<String> = parts.map(|part| format!("{by_id}-part{}", number(part))).collect();
    paths.reverse();
    paths
}

/// How the plan's partitions share new's disks.
struct Shares<'p> {
    plan: &'p Plan,
    /// partitions of the boot loader: at the beginning of each disk
    reserved: Vec<Reserved>,
    /// what `rest` is: the same on every disk that has the partition, and so what the smallest of them has left
    rest: HashMap<&'p str, Bytes>,
}

impl<'p> Shares<'p> {
    fn of(plan: &'p Plan, blocks: &[&Block], reserved: Vec<Reserved>) -> Shares<'p> {
        let mut shares = Shares { plan, reserved, rest: HashMap::new() };
        for (said, block) in plan.disks.iter().zip(blocks) {
            let taken: Bytes = plan.partitions_of(said).map(fixed).sum();
            let left = Bytes(block.size).down_to(MIB).less(MIB + shares.first() + taken);
            for part in plan.partitions_of(said) {
                let least = shares.rest.entry(&part.name).or_insert(left);
                *least = left.min(*least);
            }
        }
        shares
    }

    /// Where the plan's first partition begins. The first MiB stays free, as everywhere; on GPT the last one too,
    /// for the second copy of the table.
    fn first(&self) -> Bytes {
        MIB + self.reserved.iter().map(|part| part.size).sum::<Bytes>()
    }

    fn size(&self, part: &plan::Partition) -> Bytes {
        if *part.size == Size::Rest { self.rest[part.name.as_str()] } else { fixed(part) }
    }

    /// The name of the partition that new first boots from, or that the array is made of that it does so from.
    fn boot(&self) -> Option<&str> {
        Some(self.plan.partition_under(self.plan.boots_from()?)?.name.as_str())
    }

    /// The type in the table.
    fn kind(&self, part: &plan::Partition) -> String {
        let [gpt, dos] = if self.plan.arrays.iter().any(|array| array.partitions == part.name) {
            RAID
        } else if self.boot() == Some(part.name.as_str()) {
            LINUX
        } else {
            LVM
        };
        if self.plan.table == Table::Gpt { gpt.to_string() } else { dos.to_string() }
    }

    /// The boot loader's come first on the disk, and have the last numbers.
    fn partitions(&self, said: &plan::Disk, sector: SectorSize, ids: &Ids) -> Vec<Partition> {
        let uuid = |what: &str| {
            let of = format!("partition {} {what}", *said.name);
            (self.plan.table == Table::Gpt).then(|| ids.uuid(&of).to_string().to_uppercase())
        };
        let mine: Vec<&plan::Partition> = self.plan.partitions_of(said).collect();
        let mut partitions = Vec::new();
        let mut at = MIB;
        for (number, part) in (mine.len() as u32 + 1..).zip(&self.reserved) {
            partitions.push(Partition {
                name: part.name.into(),
                number,
                start: at.sectors(sector),
                size: part.size.sectors(sector),
                kind: part.kind.into(),
                uuid: uuid(part.name),
                bootable: false,
            });
            at += part.size;
        }
        for (number, part) in (1..).zip(mine) {
            let size = self.size(part);
            partitions.push(Partition {
                name: part.name.to_string(),
                number,
                start: at.sectors(sector),
                size: size.sectors(sector),
                kind: self.kind(part),
                uuid: uuid(&part.name),
                bootable: self.plan.table == Table::Dos && self.boot() == Some(part.name.as_str()),
            });
            at += size;
        }
        partitions
    }
}

/// The size of a partition where the plan says it, in whole MiB.
fn fixed(part: &plan::Partition) -> Bytes {
    match *part.size {
        Size::Bytes(bytes) => Bytes(bytes).up_to(MIB),
        Size::Rest => Bytes(0),
    }
}

/// `below`: groups are copied from below, into volumes that nobody has read before.
pub(super) fn stores(plan: &Plan, disks: &[Disk], ids: &Ids, below: bool) -> Vec<Store> {
    let store = |name: String, path: String, capacity: Bytes, sector: SectorSize, made: Made| Store {
        name,
        path,
        capacity,
        sector,
        made,
    };
    let array = |said: &plan::Array| {
        let name = said.name.to_string();
        let number =
            name.strip_prefix("md").filter(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
        let mut members = Vec::new();
        let mut member_size = Bytes(u64::MAX);
        let mut sector = SectorSize::LEAST;
        for disk in disks {
            if said.disks.as_ref().is_some_and(|only| !only.iter().any(|only| **only == disk.name)) {
                continue;
            }
            let Some(part) = disk.partitions.iter().find(|part| part.name == **said.partitions) else { continue };
            members.push(disk.path_of(part));
            member_size = member_size.min(part.size.bytes(disk.sector));
            sector = sector.max(disk.sector);
        }
        let array = Array {
            device: if number.is_some() { format!("/dev/{name}") } else { format!("/dev/md/{name}") },
            md_name: number.map_or(name.clone(), str::to_string),
            uuid: ids.md(&format!("array {name}")),
            level: said.level.name().into(),
            assume_clean: below && ["raid1", "raid10"].contains(&said.level.name()),
            metadata: match *said.metadata {
                plan::Metadata::V1_2 => "1.2".into(),
                plan::Metadata::V1_0 => "1.0".into(),
            },
            members,
            member_size,
        };
        let path = format!("/dev/disk/by-id/md-uuid-{}", array.uuid);
        let members = array.members.len() as u64;
        let capacity = Bytes(md::array_size(&array.level, members, array.member_size.0, &array.metadata));
        store(name, path, capacity, sector, Made::Array(array))
    };
    let partition = |name: &str| {
        let (index, disk, part) = disks.iter().enumerate().find_map(|(index, disk)| {
            disk.partitions.iter().find(|part| part.name == name).map(|part| (index, disk, part))
        })?;
        let capacity = part.size.bytes(disk.sector);
        Some(store(name.to_string(), disk.path_of(part), capacity, disk.sector, Made::Partition(index)))
    };
    let alone = plan.stores().filter(|to| !plan.arrays.iter().any(|array| array.name == **to));
    plan.arrays.iter().map(array).chain(alone.filter_map(|to| partition(to))).collect()
}

impl Disk {
    /// A partition's lasting path.
    fn path_of(&self, part: &Partition) -> String {
        match &part.uuid {
            Some(uuid) => format!("/dev/disk/by-partuuid/{}", uuid.to_lowercase()),
            None => format!("/dev/disk/by-partuuid/{}-{:02}", self.table_id.trim_start_matches("0x"), part.number),
        }
    }
}
