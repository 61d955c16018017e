//! Plan and facts, joined: every name of the plan with what it is on the servers.

mod disks;
mod groups;
mod offers;
mod room;
mod silence;

use uuid::Uuid;

use crate::facts::resolve::Names;
use crate::facts::{Block, Facts};
use crate::findings::{
    DISTURBING, Disks, Finding, Hit, lasting_addresses, lasting_hostname, lasting_mount, lasting_unit, named_by_rule,
    new_card, reads_links, runs_cloud_init, service_card, transfer_addresses,
};
use crate::plan::{IscsiServer, Plan, Table};
use crate::step::{How, Partition, Yet};

pub use offers::{Offer, offers};
pub use room::{boot_room, group_room, growth_room};
pub use silence::unsilenced;

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
    pub portal_address: String,
    /// by which old comes to the portal
    pub initiator_address: String,
    pub port: u16,
    pub chap_user: String,
    pub initiator: String,
    /// where old's initiator keeps its records of targets
    pub iscsi_nodes: String,
    pub timeout: u64,
    pub resync_limit: u32,
    pub region: u32,
    pub parallel: usize,
    pub stop: Vec<String>,
    /// what could write to what travels when the plan was made, and what the cutover ends
    pub yet: Yet,
    /// active timers of old whose work disturbs a copy
    pub timers: Vec<String>,
    pub packages: Vec<(String, String)>,
    pub card: Option<Card>,
    /// cloud-init runs on old, and is not to run on new
    pub cloud_init: bool,
    /// what the files of old make of the system when it boots, and new must show when it serves
    pub lasting: Lasting,
    pub kernels: Vec<String>,
    /// modules that the initramfs must have for new
    pub modules: Vec<String>,
    /// texts of old's files
    pub files: std::collections::BTreeMap<String, String>,
    pub new_lvmlocal: Option<String>,
    /// an ARRAY line of mdadm.conf(5) for each array that runs on old
    pub old_arrays: Vec<String>,
}

/// The network card that takes the place of old's.
pub struct Card {
    /// on old
    pub name: String,
    /// MAC address of new's
    pub mac: String,
    /// udev on old reads .link files
    pub links: bool,
    /// on old it has its name from 70-persistent-net.rules
    pub by_rule: bool,
}

/// What stands in old's files, as opposed to what somebody or something did since it booted.
pub struct Lasting {
    /// `None`: the name comes from elsewhere
    pub hostname: Option<String>,
    /// with their prefixes
    pub addresses: Vec<String>,
    /// mount points with their file system type
    pub mounts: Vec<(String, String)>,
    /// of the units that are stopped
    pub units: Vec<String>,
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
    /// its block device on old: `/dev/mapper/vg0-root`
    pub on_old: String,
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

/// What new has to take data, and what goes there: enough to see whether there is room.
struct Places<'a> {
    /// of the plan's disks
    blocks: Vec<&'a Block>,
    disks: Vec<Disk>,
    stores: Vec<Store>,
    boot: Option<Boot>,
    groups: Vec<Group>,
}

fn places<'a>(plan: &Plan, digest: &str, facts: &'a Facts) -> Result<Places<'a>, Vec<Finding>> {
    let mut found = Vec::new();
    let mut blocks = Vec::new();
    let known = Disks::of(&facts.new);
    for disk in &plan.disks {
        match known.find(disk) {
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
    let disks = disks::disks(plan, facts, &blocks, &ids);
    let stores = disks::stores(plan, facts, &disks, &ids);
    let boot = groups::boot(plan, facts, &stores);
    let groups = groups::groups(plan, facts, &stores, &ids);
    Ok(Places { blocks, disks, stores, boot, groups })
}

pub fn resolve(plan: &Plan, digest: &str, facts: &Facts) -> Result<Layout, Vec<Finding>> {
    let Places { blocks, disks, stores, boot, groups } = places(plan, digest, facts)?;
    let names = Names::of(&facts.old);
    let mounts = groups::mounts(facts, &names, &boot, &groups, &stores);
    let swaps = groups::swaps(facts, &names, &groups, &mounts);
    // no waiver, and no mistake of a rule, may lead to a mirror that is cut under a live file system
    let stop = plan.cutover.units();
    let silenced = silence::Silenced { mounts: &mounts, swaps: &swaps, units: &stop };
    let unsilenced = silence::in_use(facts, &names, &groups, &silenced);
    if !unsilenced.is_empty() {
        return Err(unsilenced.into_iter().map(|hit| Finding::new("R1240", hit)).collect());
    }
    if let Some(said) = plan.boot.as_ref().filter(|_| boot.is_none()) {
        let hit = Hit::new(
            format!("{} is not a file system of its own, on one block device of old", *said.from),
            "leave `boot:` out where it travels with the volume that it is on",
        );
        return Err(vec![Finding::new("R1304", hit.at(said.from.span().or(said.to.span())))]);
    }
    let (initiator, portal) = transfer_addresses(plan, facts);
    let hostname = plan.new.hostname.as_ref().map_or(facts.old.hostname.clone(), |name| name.to_string());
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

    let card = service_card(plan, facts).zip(new_card(plan, facts)).map(|(old, new)| Card {
        name: old.name.clone(),
        mac: new.own_mac().to_string(),
        links: reads_links(facts),
        by_rule: named_by_rule(facts, old),
    });
    let stop = plan.cutover.units();
    let lasting = Lasting {
        hostname: lasting_hostname(facts),
        addresses: lasting_addresses(plan, facts),
        mounts: mounts
            .iter()
            .filter(|mount| lasting_mount(facts, &mount.target))
            .map(|mount| (mount.target.clone(), mount.fstype.clone()))
            .collect(),
        units: stop.iter().filter(|unit| lasting_unit(facts, unit)).cloned().collect(),
    };

    Ok(Layout {
        name: plan.name.to_string(),
        rescue_hostname: facts.new.hostname.clone(),
        run: format!("/run/replant/{}/steps", *plan.name),
        keep: format!("/var/lib/replant/{}", *plan.name),
        table: plan.table,
        server: server(plan, facts),
        portal_address: portal.to_string(),
        initiator_address: initiator.to_string(),
        port: *plan.transfer.iscsi.port,
        chap_user: plan.transfer.iscsi.chap.user.to_string(),
        initiator: format!("iqn.2026-11.net.replant:{}.old", *plan.name),
        iscsi_nodes: facts.old.iscsi_nodes(),
        timeout: plan.transfer.iscsi.replacement_timeout.as_secs(),
        resync_limit: *plan.transfer.resync_limit_kib,
        region: (plan.transfer.region_size.0 / MIB).max(1) as u32,
        parallel: usize::from(*plan.transfer.parallel),
        stop,
        yet: groups::yet(plan, facts, &names, &groups, &mounts, &swaps),
        timers: facts.old.services.iter().filter(|unit| DISTURBING.contains(&unit.as_str())).cloned().collect(),
        packages: facts
            .old
            .iscsi_packages
            .iter()
            .flatten()
            .map(|package| (package.name.clone(), package.version.clone()))
            .collect(),
        card,
        lasting,
        cloud_init: runs_cloud_init(facts),
        kernels: facts.old.initrds.clone(),
        modules,
        files: facts.old.files.clone(),
        old_arrays: old_arrays(facts),
        new_lvmlocal: facts.new.files.get("/etc/lvm/lvmlocal.conf").cloned(),
        swaps,
        hostname,
        disks,
        stores,
        boot,
        groups,
        mounts,
    })
}

fn old_arrays(facts: &Facts) -> Vec<String> {
    let known = facts.old.arrays.iter().filter(|array| !array.uuid.is_empty());
    known.map(|array| format!("ARRAY {} metadata={} UUID={}", array.path, array.metadata, array.uuid)).collect()
}

/// What serves new's disks, chosen where the plan leaves it open.
fn server(plan: &Plan, facts: &Facts) -> IscsiServer {
    let has = |module: &str| facts.new.modules.contains(module);
    match *plan.transfer.iscsi.server {
        IscsiServer::Auto if has("iscsi_target_mod") && has("target_core_iblock") => IscsiServer::Lio,
        IscsiServer::Auto => IscsiServer::Tgt,
        chosen => chosen,
    }
}
