//! New's disks with their partitions, and what takes data on them.

use std::collections::HashMap;

use super::identify::{arrays_on, what_is_on};
use super::ids::Ids;
use super::loader::Loader;
use super::model::{Array, Disk, Made, Store};
use super::sizes::MIB;
use crate::facts::{Block, Facts, md};
use crate::plan::{Plan, Size, Table};
use crate::step::Partition;

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
    let reserved = loader.partitions();
    let boot_partition =
        plan.boot.as_ref().map(|boot| match plan.arrays.iter().find(|array| array.name == boot.to) {
            Some(array) => array.partitions.as_str(),
            None => boot.to.as_str(),
        });
    let kind = |part: &crate::plan::Partition| {
        let [gpt, dos] = if plan.arrays.iter().any(|array| array.partitions == part.name) {
            RAID
        } else if boot_partition == Some(part.name.as_str()) {
            LINUX
        } else {
            LVM
        };
        if plan.table == Table::Gpt { gpt.to_string() } else { dos.to_string() }
    };
    // The first MiB stays free, as everywhere; on GPT the last one too, for the second copy of the table.
    let first = MIB + reserved.iter().map(|part| part.size).sum::<u64>();
    let fixed = |part: &crate::plan::Partition| match *part.size {
        Size::Bytes(bytes) => bytes.div_ceil(MIB) * MIB,
        Size::Rest => 0,
    };
    // what `rest` is: the same on every disk that has the partition, and so what the smallest of them has left
    let mut rest: HashMap<&str, u64> = HashMap::new();
    for (said, block) in plan.disks.iter().zip(blocks) {
        let taken: u64 = plan.partitions_of(said).map(fixed).sum();
        let left = (block.size / MIB * MIB).saturating_sub(MIB + first + taken);
        for part in plan.partitions_of(said) {
            let least = rest.entry(&part.name).or_insert(left);
            *least = left.min(*least);
        }
    }
    let one = |(said, block): (&crate::plan::Disk, &&Block)| {
        let name = said.name.to_string();
        let sector = block.log_sec.max(512);
        let id = ids.uuid(&format!("table {name}"));
        let id_hex = format!("{:08x}", id.as_fields().0);
        let mut partitions = Vec::new();
        let mine: Vec<&crate::plan::Partition> = plan.partitions_of(said).collect();
        let uuid = |what: &str| {
            (plan.table == Table::Gpt)
                .then(|| ids.uuid(&format!("partition {name} {what}")).to_string().to_uppercase())
        };
        let mut before = MIB;
        for (number, part) in (mine.len() as u32 + 1..).zip(&reserved) {
            partitions.push(Partition {
                name: part.name.into(),
                number,
                start: before / sector,
                size: part.size / sector,
                kind: part.kind.into(),
                uuid: uuid(part.name),
                bootable: false,
            });
            before += part.size;
        }
        let mut at = first;
        for (index, part) in mine.iter().enumerate() {
            let size = if *part.size == Size::Rest { rest[part.name.as_str()] } else { fixed(part) };
            partitions.push(Partition {
                name: part.name.to_string(),
                number: index as u32 + 1,
                start: at / sector,
                size: size / sector,
                kind: kind(part),
                uuid: uuid(&part.name),
                bootable: plan.table == Table::Dos && boot_partition == Some(part.name.as_str()),
            });
            at += size;
        }
        let by_id = identity(block, facts);
        let numbers =
            facts.new.blocks.iter().filter(|part| part.kind == "part" && part.ancestors.contains(&block.path));
        let mut parts_now: Vec<String> = numbers
            .map(|part| {
                format!("{by_id}-part{}", part.path.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or("1"))
            })
            .collect();
        parts_now.reverse();
        Disk {
            label: format!(
                "{name}  {}  {:.1} GiB",
                said.serial.as_ref().or(said.wwn.as_ref()).map_or("", |id| id.as_str()),
                block.size as f64 / (1u64 << 30) as f64
            ),
            serials: block.serial.iter().cloned().collect(),
            has: what_is_on(&facts.new, block),
            arrays_now: arrays_on(&facts.new, block).map(|array| array.path.clone()).collect(),
            table_id: match plan.table {
                Table::Gpt => id.to_string().to_uppercase(),
                Table::Dos => format!("0x{id_hex}"),
            },
            parts_now,
            sector,
            by_id,
            partitions,
            name,
        }
    };
    plan.disks.iter().zip(blocks).map(one).collect()
}

pub(super) fn stores(plan: &Plan, disks: &[Disk], ids: &Ids) -> Vec<Store> {
    let store = |name: String, path: String, capacity: u64, sector: u64, made: Made| Store {
        name,
        path,
        capacity,
        sector,
        made,
    };
    let array = |said: &crate::plan::Array| {
        let name = said.name.to_string();
        let number =
            name.strip_prefix("md").filter(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
        let mut members = Vec::new();
        let mut member_size = u64::MAX;
        let mut sector = 512;
        for disk in disks {
            if said.disks.as_ref().is_some_and(|only| !only.iter().any(|only| **only == disk.name)) {
                continue;
            }
            let Some(part) = disk.partitions.iter().find(|part| part.name == **said.partitions) else { continue };
            members.push(disk.path_of(part));
            member_size = member_size.min(part.size * disk.sector);
            sector = sector.max(disk.sector);
        }
        let array = Array {
            device: if number.is_some() { format!("/dev/{name}") } else { format!("/dev/md/{name}") },
            md_name: number.map_or(name.clone(), str::to_string),
            uuid: ids.md(&format!("array {name}")),
            level: said.level.name().into(),
            metadata: match *said.metadata {
                crate::plan::Metadata::V1_2 => "1.2".into(),
                crate::plan::Metadata::V1_0 => "1.0".into(),
            },
            members,
            member_size,
        };
        let path = format!("/dev/disk/by-id/md-uuid-{}", array.uuid);
        let capacity = md::array_size(&array.level, array.members.len() as u64, array.member_size, &array.metadata);
        store(name, path, capacity, sector, Made::Array(array))
    };
    let partition = |name: &str| {
        let (index, disk, part) = disks.iter().enumerate().find_map(|(index, disk)| {
            disk.partitions.iter().find(|part| part.name == name).map(|part| (index, disk, part))
        })?;
        let capacity = part.size * disk.sector;
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
