//! Plan and facts, joined: every name of the plan with what it is on the servers.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::facts::{Block, Facts, Interface, ServerFacts, lvm, md};
use crate::findings::{DISTURBING, Finding, Hit, arrays_on, find_disk, room_for_raid1, volumes, what_is_on};
use crate::plan::{CopyHow, Grow, IscsiServer, Plan, Size, Table};
use crate::step::{How, Partition};

const MIB: u64 = 1 << 20;

pub struct Layout {
    pub name: String,
    /// the name of the system that moves
    pub hostname: String,
    pub rescue_hostname: String,
    /// scripts and stamps on either server; a tmpfs, forgotten at a reboot
    pub run: String,
    /// what must survive a reboot of old
    pub keep: String,
    pub disks: Vec<Disk>,
    pub table: Table,
    /// what takes data: the arrays, then partitions that stand alone
    pub stores: Vec<Store>,
    pub boot: Option<Boot>,
    pub groups: Vec<Group>,
    /// everything that is mounted from what moves, in the order of mounting
    pub mounts: Vec<Mount>,
    pub swaps: Vec<String>,
    pub server: IscsiServer,
    pub old_address: String,
    pub portal_address: String,
    pub port: u16,
    pub chap_user: String,
    pub initiator: String,
    pub timeout: u64,
    pub resync_limit: u32,
    pub region: u32,
    pub parallel: usize,
    pub stop: Vec<String>,
    /// active timers of old whose work disturbs a copy
    pub timers: Vec<String>,
    pub packages: Vec<(String, String)>,
    /// (name on old, MAC on new)
    pub card: Option<(String, String)>,
    /// addresses of old with their prefix, on cards
    pub addresses: Vec<String>,
    pub kernels: Vec<String>,
    /// modules that the initramfs must have for new
    pub modules: Vec<String>,
    /// texts of old's files
    pub files: std::collections::BTreeMap<String, String>,
    pub new_lvmlocal: Option<String>,
}

pub struct Disk {
    pub name: String,
    pub by_id: String,
    pub serials: Vec<String>,
    /// bytes of a logical block
    pub sector: u64,
    /// for people
    pub label: String,
    /// `None`: it is blank
    pub has: Option<String>,
    pub parts_now: Vec<String>,
    pub arrays_now: Vec<String>,
    pub table_id: String,
    pub partitions: Vec<Partition>,
}

/// A block device of new: an array, or a partition of one disk.
pub struct Store {
    pub name: String,
    /// its lasting path
    pub path: String,
    /// bytes it will have, never too many
    pub capacity: u64,
    pub sector: u64,
    pub iqn: String,
    pub serial: String,
    /// the disk as old will see it
    pub lun: String,
    pub made: Made,
}

pub enum Made {
    Array(Array),
    /// the index of its disk
    Partition(usize),
}

pub struct Array {
    pub device: String,
    pub uuid: String,
    /// md's own name, after the host's
    pub md_name: String,
    pub level: String,
    pub metadata: String,
    pub members: Vec<String>,
    pub member_size: u64,
}

impl Layout {
    /// The arrays, each with the store that it is.
    pub fn arrays(&self) -> impl Iterator<Item = (&Store, &Array)> {
        self.stores.iter().filter_map(|store| match &store.made {
            Made::Array(array) => Some((store, array)),
            Made::Partition(_) => None,
        })
    }
}

impl Store {
    /// What people call it: `md0`, `partition data`
    pub fn label(&self) -> String {
        match self.made {
            Made::Array(_) => self.name.clone(),
            Made::Partition(_) => format!("partition {}", self.name),
        }
    }

    /// `array md0`, `partition data`
    fn in_a_sentence(&self) -> String {
        match self.made {
            Made::Array(_) => format!("array {}", self.name),
            Made::Partition(_) => self.label(),
        }
    }
}

pub struct Boot {
    /// mount point
    pub target: String,
    /// the block device on old, by its UUID
    pub device: String,
    pub size: u64,
    /// index of the store that takes it
    pub to: usize,
}

pub struct Group {
    pub vg: String,
    /// the name of its half on new, while it travels
    pub travels: String,
    /// index of the store that takes it
    pub to: usize,
    pub pv_uuid: String,
    pub extent: u64,
    /// UUIDs of the physical volumes on old
    pub old_pvs: Vec<String>,
    /// bytes that must find room
    pub needs: u64,
    pub copied: Vec<Copied>,
    pub recreated: Vec<Recreated>,
    pub grown: Vec<Grown>,
}

impl Group {
    /// The disk on new as LVM on old is told of it, once it has its label. Not by its path: lvconvert(8) takes what
    /// follows a colon for a range of extents.
    pub fn pv(&self) -> String {
        format!("/dev/disk/by-id/lvm-pv-uuid-{}", self.pv_uuid)
    }

    /// The names of all its volumes on new, copied or made anew.
    pub fn volumes(&self) -> Vec<String> {
        let copied = self.copied.iter().map(|copied| copied.lv.clone());
        copied.chain(self.recreated.iter().map(|made| made.lv.clone())).collect()
    }
}

pub struct Copied {
    pub lv: String,
    /// the name of its leg on new, while it travels
    pub travels: String,
    pub how: How,
    pub size: u64,
    pub fstype: Option<String>,
}

pub struct Recreated {
    pub lv: String,
    pub size: u64,
    pub uuid: String,
}

pub struct Grown {
    pub lv: String,
    pub from: u64,
    pub to: Option<u64>,
    pub fstype: String,
    pub target: String,
}

pub struct Mount {
    pub target: String,
    /// on new: `/dev/mapper/vg0-root`, or the boot array
    pub source: String,
    pub fstype: String,
}

/// Identifiers that are the same each time the same plan is made for the same servers, and never the same for others.
pub struct Ids(Uuid);

impl Ids {
    pub fn uuid(&self, what: &str) -> Uuid {
        Uuid::new_v5(&self.0, what.as_bytes())
    }

    /// md's form: `11111111:22222222:33333333:44444401`
    fn md(&self, what: &str) -> String {
        let hex = self.uuid(what).simple().to_string();
        format!("{}:{}:{}:{}", &hex[..8], &hex[8..16], &hex[16..24], &hex[24..])
    }

    /// LVM's form: groups of 6-4-4-4-4-4-6 letters and digits
    fn lvm(&self, what: &str) -> String {
        let hex = self.uuid(what).simple().to_string();
        let cuts = [0, 6, 10, 14, 18, 22, 26, 32];
        cuts.windows(2).map(|cut| &hex[cut[0]..cut[1]]).collect::<Vec<_>>().join("-")
    }
}

/// The real card by which old is reached at its address: below a VLAN, or the only one in a bridge or a bond.
pub fn service_card<'a>(plan: &Plan, facts: &'a Facts) -> Option<&'a Interface> {
    card(&facts.old, &plan.old.address.to_string())
}

/// The real card by which new is reached.
pub fn new_card<'a>(plan: &Plan, facts: &'a Facts) -> Option<&'a Interface> {
    card(&facts.new, &plan.new.address.to_string())
}

fn card<'a>(server: &'a ServerFacts, address: &str) -> Option<&'a Interface> {
    let has = |with_prefix: &String| with_prefix.split('/').next() == Some(address);
    let card = server.interfaces.iter().find(|card| card.addresses.iter().any(has))?;
    below(server, card, 0)
}

fn below<'a>(server: &'a ServerFacts, card: &'a Interface, depth: u32) -> Option<&'a Interface> {
    // two ends of a veth name each other
    if card.physical || depth > 4 {
        return Some(card).filter(|card| card.physical);
    }
    let under =
        |other: &&Interface| other.master.as_ref() == Some(&card.name) || card.link.as_ref() == Some(&other.name);
    let mut real = server.interfaces.iter().filter(under).filter_map(|other| below(server, other, depth + 1));
    match (real.next(), real.next()) {
        (Some(card), None) => Some(card),
        _ => None,
    }
}

/// Groups that have no room where they go: the rule R1216.
pub fn group_room(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let help = "use larger disks or another RAID level, or leave volumes out with `copy: skip`";
    room(plan, facts, help, |group| Some((format!("`{}` needs", group.vg), group.needs)))
}

/// Groups whose volumes cannot all grow as the plan says: the rule R1218.
pub fn growth_room(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    room(plan, facts, "let them grow less, or one of them with `grow: rest`", |group| {
        let more: u64 = group.grown.iter().filter_map(|grown| Some(grown.to?.saturating_sub(grown.from))).sum();
        // the metadata of raid1 is gone by then
        let data: u64 = group.copied.iter().map(|copied| copied.size).sum();
        let data = data + group.recreated.iter().map(|made| made.size).sum::<u64>();
        (more > 0).then(|| (format!("the volumes of `{}` are to grow to", group.vg), data + more))
    })
}

/// Groups that want more bytes than there are where they go; `wants` says so in words, too.
fn room(plan: &Plan, facts: &Facts, help: &str, wants: impl Fn(&Group) -> Option<(String, u64)>) -> Vec<Hit> {
    let Ok(layout) = resolve(plan, "", facts) else { return Vec::new() };
    let short = |group: &Group| {
        let (words, bytes) = wants(group)?;
        let (store, extent) = (&layout.stores[group.to], group.extent);
        let (wanted, has) = (bytes / extent, store.extents(extent));
        let said = plan.volume_groups.iter().find(|said| *said.name == group.vg)?;
        let size = |extents: u64| mib(extents * extent);
        (has < wanted).then(|| {
            let (wanted_size, has_size, store) = (size(wanted), size(has), store.in_a_sentence());
            let message =
                format!("{words} {wanted} extents ({wanted_size}), {store} has room for {has} ({has_size})");
            Hit::new(message, help).at(said.to.span())
        })
    };
    layout.groups.iter().filter(|group| group.extent > 0).filter_map(short).collect()
}

/// A boot file system that its array is too small for: the rule R1217.
pub fn boot_room(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let Ok(layout) = resolve(plan, "", facts) else { return Vec::new() };
    let (Some(boot), Some(said)) = (&layout.boot, &plan.boot) else { return Vec::new() };
    let store = &layout.stores[boot.to];
    if store.capacity >= boot.size {
        return Vec::new();
    }
    let hit = Hit::new(
        format!(
            "{} of old has {}, {} has {}: it is copied as a block device",
            boot.target,
            mib(boot.size),
            store.in_a_sentence(),
            mib(store.capacity)
        ),
        "make its partition larger",
    );
    vec![hit.at(said.to.span())]
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes / MIB)
}

impl Store {
    /// Extents of a group that it holds. Before the first of them are LVM's label and metadata, 1 MiB or a whole stripe
    /// (pvcreate(8), --dataalignment); a MiB more may be lost where it is seen over iSCSI.
    fn extents(&self, extent: u64) -> u64 {
        let members = match &self.made {
            Made::Array(array) => array.members.len() as u64,
            Made::Partition(_) => 1,
        };
        self.capacity.saturating_sub((members * MIB / 2).max(MIB) + MIB) / extent
    }
}

pub fn resolve(plan: &Plan, digest: &str, facts: &Facts) -> Result<Layout, Vec<Finding>> {
    let mut found = Vec::new();
    let mut blocks = Vec::new();
    for disk in &plan.disks {
        match find_disk(&facts.new, disk) {
            Some(block) => blocks.push(block),
            None => {
                let hit = Hit::new(format!("disk `{}` is not on new", *disk.name), "correct its serial number");
                found.push(Finding::new("R1101", hit.at(disk.name.span())));
            }
        }
    }
    for group in &plan.volume_groups {
        if !facts.old.vgs.iter().any(|vg| vg.name == **group.name) {
            let hit = Hit::new(format!("there is no volume group `{}` on old", *group.name), "correct its name");
            found.push(Finding::new("R1201", hit.at(group.name.span())));
        }
    }
    if !found.is_empty() {
        return Err(found);
    }

    let seed: Vec<String> = blocks.iter().map(|block| format!("{:?}{:?}", block.serial, block.wwn)).collect();
    let seed = format!("replant {} {digest} {}", *plan.name, seed.join(" "));
    let ids = Ids(Uuid::new_v5(&Uuid::NAMESPACE_URL, seed.as_bytes()));
    let hostname = plan.new.hostname.as_ref().map_or(facts.old.hostname.clone(), |name| name.to_string());
    let portal_address = plan.transfer.iscsi.address.as_ref().unwrap_or(&plan.new.address).to_string();
    let server = match *plan.transfer.iscsi.server {
        IscsiServer::Auto
            if facts.new.modules.contains("iscsi_target_mod") && facts.new.modules.contains("target_core_iblock") =>
        {
            IscsiServer::Lio
        }
        IscsiServer::Auto => IscsiServer::Tgt,
        chosen => chosen,
    };

    let disks = disks(plan, facts, &blocks, &ids);
    let stores = stores(plan, &disks, &ids, &portal_address, server);
    let boot = boot(plan, facts, &stores);
    let groups = groups(plan, facts, &stores, &ids);
    let mounts = mounts(facts, &boot, &groups, &stores);

    let mut modules: Vec<String> = blocks.iter().flat_map(|block| block.drivers.iter().cloned()).collect();
    modules.push("sd_mod".into());
    for array in &plan.arrays {
        modules.push(match array.level.name() {
            "raid5" | "raid6" => "raid456".into(),
            level => level.to_string(),
        });
    }
    modules.extend(["dm_mod".to_string(), "dm_mirror".into(), "dm_raid".into()]);
    let mut seen = std::collections::BTreeSet::new();
    modules.retain(|module| seen.insert(module.clone()));

    let card =
        service_card(plan, facts).zip(new_card(plan, facts)).map(|(old, new)| (old.name.clone(), new.mac.clone()));
    let addresses = facts
        .old
        .interfaces
        .iter()
        .filter(|card| card.name != "lo")
        .flat_map(|card| card.addresses.iter())
        .filter(|address| !address.starts_with("fe80:"))
        .cloned()
        .collect();

    Ok(Layout {
        name: plan.name.to_string(),
        rescue_hostname: facts.new.hostname.clone(),
        run: format!("/run/replant/{}/steps", *plan.name),
        keep: format!("/var/lib/replant/{}", *plan.name),
        table: plan.table,
        server,
        old_address: plan.old.address.to_string(),
        portal_address,
        port: *plan.transfer.iscsi.port,
        chap_user: plan.transfer.iscsi.chap.user.to_string(),
        initiator: format!("iqn.2026-11.net.replant:{}.old", *plan.name),
        timeout: plan.transfer.iscsi.replacement_timeout.as_secs(),
        resync_limit: *plan.transfer.resync_limit_kib,
        region: (plan.transfer.region_size.0 / MIB).max(1) as u32,
        parallel: usize::from(*plan.transfer.parallel),
        stop: plan.cutover.units(),
        timers: facts.old.services.iter().filter(|unit| DISTURBING.contains(&unit.as_str())).cloned().collect(),
        packages: facts
            .old
            .iscsi_packages
            .iter()
            .flatten()
            .map(|package| (package.name.clone(), package.version.clone()))
            .collect(),
        card,
        addresses,
        kernels: facts.old.initrds.clone(),
        modules,
        files: facts.old.files.clone(),
        new_lvmlocal: facts.new.files.get("/etc/lvm/lvmlocal.conf").cloned(),
        swaps: swaps(facts, &groups, &mounts),
        hostname,
        disks,
        stores,
        boot,
        groups,
        mounts,
    })
}

/// The link that says most about the disk itself.
fn identity(block: &Block) -> String {
    let rank = |link: &&String| {
        let name = link.rsplit('/').next().unwrap_or_default();
        match name {
            name if name.starts_with("wwn-") || name.starts_with("nvme-eui.") => 0,
            name if name.starts_with("nvme-") || name.starts_with("ata-") || name.starts_with("scsi-") => 1,
            _ => 2,
        }
    };
    block.by_id.iter().chain(&block.by_path).min_by_key(rank).cloned().unwrap_or_else(|| block.path.clone())
}

// types of partitions, on GPT and in a dos table
const RAID: [&str; 2] = ["A19D880F-05FC-4D3B-A006-743F0F84911E", "fd"];
const LVM: [&str; 2] = ["E6D6D379-F507-44C2-A23C-238F2A3DF928", "8e"];
const LINUX: [&str; 2] = ["0FC63DAF-8483-4772-8E79-3D69D8477DE4", "83"];
const GPT_BIOS_BOOT: &str = "21686148-6449-6E6F-744E-656564454649";

fn disks(plan: &Plan, facts: &Facts, blocks: &[&Block], ids: &Ids) -> Vec<Disk> {
    let bios_boot = plan.table == Table::Gpt && !facts.new.uefi;
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
    let first = if bios_boot { 2 * MIB } else { MIB };
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
        if bios_boot {
            partitions.push(Partition {
                name: "grub".into(),
                number: mine.len() as u32 + 1,
                start: MIB / sector,
                size: MIB / sector,
                kind: GPT_BIOS_BOOT.into(),
                uuid: uuid("grub"),
                bootable: false,
            });
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
        let by_id = identity(block);
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

fn stores(plan: &Plan, disks: &[Disk], ids: &Ids, portal: &str, server: IscsiServer) -> Vec<Store> {
    let store = |name: String, path: String, capacity: u64, sector: u64, made: Made| {
        let iqn = format!("iqn.2026-11.net.replant:{}.{name}", *plan.name);
        let lun = if server == IscsiServer::Lio { 0 } else { 1 };
        Store {
            serial: ids.uuid(&format!("lun {name}")).simple().to_string(),
            lun: format!("/dev/disk/by-path/ip-{portal}:{}-iscsi-{iqn}-lun-{lun}", *plan.transfer.iscsi.port),
            name,
            path,
            capacity,
            sector,
            iqn,
            made,
        }
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

fn boot(plan: &Plan, facts: &Facts, stores: &[Store]) -> Option<Boot> {
    let said = plan.boot.as_ref()?;
    let mount = facts.old.mounts.iter().find(|mount| mount.target == **said.from)?;
    let block = facts.old.blocks.iter().find(|block| block.path == mount.source)?;
    // by an identity that does not change with the next boot: the array's, or the partition's
    let stable = |link: &&String| link.contains("/md-uuid-") || link.contains("/wwn-") || link.contains("/ata-");
    let device = block.by_id.iter().find(stable).or(block.by_id.first()).cloned().unwrap_or(mount.source.clone());
    Some(Boot {
        target: mount.target.clone(),
        device,
        size: block.size,
        to: stores.iter().position(|store| store.name == **said.to)?,
    })
}

fn groups(plan: &Plan, facts: &Facts, stores: &[Store], ids: &Ids) -> Vec<Group> {
    // the first mount of each device
    let mounted: HashMap<&str, &str> =
        facts.old.mounts.iter().rev().map(|mount| (mount.source.as_str(), mount.target.as_str())).collect();
    let one = |said: &crate::plan::VolumeGroup| {
        let vg = facts.old.vgs.iter().find(|vg| vg.name == **said.name)?;
        let mut group = Group {
            vg: vg.name.clone(),
            travels: format!("{}_new", vg.name),
            to: stores.iter().position(|store| store.name == **said.to)?,
            pv_uuid: ids.lvm(&format!("pv {}", vg.name)),
            extent: vg.extent_size,
            old_pvs: facts.old.pvs.iter().filter(|pv| pv.vg == vg.name).map(|pv| pv.uuid.clone()).collect(),
            needs: 0,
            copied: Vec::new(),
            recreated: Vec::new(),
            grown: Vec::new(),
        };
        let mine: Vec<_> = volumes(plan, facts).filter(|(lv, ..)| lv.vg == vg.name).collect();
        let roomy = room_for_raid1(plan, facts, vg);
        for (lv, how, said) in mine {
            let how = match how {
                CopyHow::Skip => continue,
                CopyHow::Recreate => {
                    group.needs += lv.size;
                    group.recreated.push(Recreated {
                        lv: lv.name.clone(),
                        size: lv.size,
                        uuid: lv
                            .fs_uuid
                            .clone()
                            .unwrap_or_else(|| ids.uuid(&format!("swap {}", lv.name)).to_string()),
                    });
                    continue;
                }
                CopyHow::Raid1 => How::Raid1,
                CopyHow::Mirror => How::CoreLog,
                CopyHow::Auto if roomy => How::Raid1,
                CopyHow::Auto => How::CoreLog,
            };
            group.needs += lv.size + if how == How::Raid1 { vg.extent_size } else { 0 };
            group.copied.push(Copied {
                travels: format!("{}_new", lv.name),
                lv: lv.name.clone(),
                how,
                size: lv.size,
                fstype: lv.fstype.clone(),
            });
            if let Some(grow) = said.and_then(|said| said.grow.as_ref()) {
                let to = match **grow {
                    Grow::Rest => None,
                    Grow::By(bytes) => Some(lv.size + bytes),
                    Grow::To(bytes) => Some(bytes),
                };
                let to = to.map(|bytes| bytes.div_ceil(vg.extent_size) * vg.extent_size);
                group.grown.push(Grown {
                    lv: lv.name.clone(),
                    from: lv.size,
                    to,
                    fstype: lv.fstype.clone().unwrap_or_default(),
                    target: mounted
                        .get(&lvm::mapper_path(&lv.vg, &lv.name)[..])
                        .map_or_else(String::new, |on| on.to_string()),
                });
            }
        }
        // small ones first: what can go wrong shows early. `rest` grows last.
        group.copied.sort_by_key(|copied| copied.size);
        group.grown.sort_by_key(|grown| grown.to.is_none());
        Some(group)
    };
    plan.volume_groups.iter().filter_map(one).collect()
}

fn mounts(facts: &Facts, boot: &Option<Boot>, groups: &[Group], stores: &[Store]) -> Vec<Mount> {
    let copied: HashSet<String> = groups
        .iter()
        .flat_map(|group| group.copied.iter().map(|copied| lvm::mapper_path(&group.vg, &copied.lv)))
        .collect();
    let mut mounts: Vec<Mount> = Vec::new();
    for mount in &facts.old.mounts {
        let source = if copied.contains(&mount.source) {
            mount.source.clone()
        } else if let Some(boot) = boot.as_ref().filter(|boot| boot.target == mount.target) {
            stores[boot.to].path.clone()
        } else {
            continue;
        };
        mounts.push(Mount { target: mount.target.clone(), source, fstype: mount.fstype.clone() });
    }
    mounts.sort_by(|a, b| a.target.cmp(&b.target));
    mounts
}

/// Swaps in use on old that are on volumes of the groups, by their lasting names, and files on what moves: a file system
/// with a swap in it does not become read-only.
fn swaps(facts: &Facts, groups: &[Group], mounts: &[Mount]) -> Vec<String> {
    let mut all = Vec::new();
    for group in groups {
        for recreated in &group.recreated {
            let path = lvm::mapper_path(&group.vg, &recreated.lv);
            let kname =
                facts.old.blocks.iter().find(|block| block.path == path).map(|block| format!("/dev/{}", block.kname));
            if facts.old.swaps.iter().any(|swap| swap.path == path || Some(&swap.path) == kname.as_ref()) {
                all.push(path);
            }
        }
    }
    for swap in facts.old.swaps.iter().filter(|swap| swap.kind == "file") {
        let on = mount_of(facts, &swap.path);
        if on.is_some_and(|on| mounts.iter().any(|mount| mount.target == on.target)) {
            all.push(swap.path.clone());
        }
    }
    all
}

/// The file system of old that a file is on.
fn mount_of<'a>(facts: &'a Facts, path: &str) -> Option<&'a crate::facts::Mount> {
    facts
        .old
        .mounts
        .iter()
        .filter(|mount| std::path::Path::new(path).starts_with(&mount.target))
        .max_by_key(|mount| mount.target.len())
}
