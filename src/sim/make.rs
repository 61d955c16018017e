//! A believable pair for a plan: an old server of two small disks that boots, serves and has what the plan wants moved;
//! and a new one in rescue with the plan's disks.

use std::collections::BTreeMap;

use super::control::{consoles, controls};
use super::files::KERNEL;
use super::stock::{MIB, file, modules, rescue_files, spread, uuid, virtio};
use super::switch::Person;
use super::world::{Card, Disk, Machine, Run, System, World, body_loc, lvm_uuid};
use super::written::{
    Extents, Files, Fs, Group, GroupPv, Leg, Member, Part, PvLabel, Segtype, Table, Volume, Written,
};
use super::{Fail, Sim};
use crate::facts::Facts;
use crate::facts::lvm::mapper_path;
use crate::host::Server;
use crate::plan::{CopyHow, IscsiServer, Plan, Size};

const EXTENT: u64 = 4 * MIB;

/// How the pair differs from the usual one.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// extents that no volume of old has
    pub free_extents: u64,
    /// the kernel's own iSCSI server is there; `None`: as the plan wants it
    pub lio: Option<bool>,
    /// the rescue system runs, at boot, what arrays it finds
    pub rescue_assembles: bool,
    /// old can install an initiator; otherwise it has one
    pub initiator_installed: bool,
    /// old's address is on a VLAN of its card
    pub vlan: bool,
    /// a router announces a network, and both servers make themselves addresses in it
    pub announced: Option<String>,
    /// old's ext4 file systems have a feature that the rescue system's e2fsck does not know
    pub modern: bool,
    /// old is a cloud image
    pub cloud_init: bool,
    /// names of old's units that nothing starts at boot
    pub disabled: Vec<String>,
}

/// A volume of old, to be.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) kind: String,
    pub(super) uuid: String,
    pub(super) target: String,
}

impl Sim {
    /// The pair that a plan speaks of. With facts: as large and as named as those servers are.
    pub fn from_plan(plan: &Plan, facts: Option<&Facts>) -> Sim {
        let raid1 = |group: &crate::plan::VolumeGroup| {
            group.volumes.iter().flatten().any(|volume| *volume.copy == CopyHow::Raid1)
        };
        let free = if plan.volume_groups.iter().any(raid1) { 64 } else { 0 };
        Sim::shaped(plan, facts, Shape { free_extents: free, ..Shape::default() })
    }

    /// As [`Sim::from_plan`], with what neither plan nor facts say given by `shape`.
    pub fn shaped(plan: &Plan, facts: Option<&Facts>, shape: Shape) -> Sim {
        Sim::new(Maker { plan, facts, shape, places: BTreeMap::new(), old_disks: Vec::new() }.make())
    }
}

/// A group of old by its name, and what volumes it has.
type NamedGroup = (String, Vec<Wanted>);

/// Old's arrays: mdadm.conf, and of each where what is on it stands, and its bytes.
struct Arrays {
    conf: String,
    bodies: Vec<(String, u64)>,
}

pub(super) struct Maker<'p> {
    pub(super) plan: &'p Plan,
    pub(super) facts: Option<&'p Facts>,
    pub(super) shape: Shape,
    pub(super) places: BTreeMap<String, Written>,
    pub(super) old_disks: Vec<Disk>,
}

fn md_uuid(of: &str) -> String {
    let hex = uuid(of).replace('-', "");
    format!("{}:{}:{}:{}", &hex[..8], &hex[8..16], &hex[16..24], &hex[24..])
}

/// In sectors of 512 bytes, whole MiB.
fn sectors(bytes: u64) -> u64 {
    bytes.div_ceil(MIB) * 2048
}

/// Where partitions of these sizes begin, in sectors: one after the other.
fn starts(sizes: &[u64]) -> impl Iterator<Item = u64> {
    sizes.iter().scan(2048, |next, size| {
        let start = *next;
        *next += sectors(*size);
        Some(start)
    })
}

fn card(mac: &str, name: &str) -> Card {
    Card { mac: mac.into(), name: name.into(), in_rescue: "eth0".into(), drivers: virtio("virtio_net") }
}

fn fstab(groups: &[NamedGroup], boot: Option<&str>) -> String {
    let mut text = boot.map(|uuid| format!("UUID={uuid} /boot ext4 defaults 0 2\n")).unwrap_or_default();
    for (group, volumes) in groups {
        for volume in volumes {
            let path = mapper_path(group, &volume.name);
            text += &match volume.kind.as_str() {
                "swap" => format!("{path} none swap sw 0 0\n"),
                kind => format!("{path} {} {kind} defaults 0 2\n", volume.target),
            };
        }
    }
    text
}

/// New in rescue, then old; its initramfs is made by its own tools, as it stands.
fn switch_on(world: &mut World, initiator: bool) {
    world.power(Server::New, crate::host::PowerTo::On);
    world.power(Server::Old, crate::host::PowerTo::On);
    assert_eq!(world.machine(Server::Old).system, System::Own, "the simulated old server boots");
    let made = world.mkinitramfs(Server::Old, KERNEL);
    let image = format!("/boot/initrd.img-{KERNEL}");
    let _: Result<(), Fail> = world.write_file(Server::Old, &image, &made, 0o644);
    if initiator {
        let _ = world.packages_install(Server::Old, &[]);
    }
}

impl Maker<'_> {
    pub(super) fn hostname(&self) -> String {
        match (self.facts, &self.plan.new.hostname) {
            (Some(facts), _) => facts.old.hostname.clone(),
            (None, Some(name)) => name.to_string(),
            (None, None) => self.plan.name.to_string(),
        }
    }

    /// With its prefix.
    pub(super) fn old_address(&self) -> String {
        with_prefix(*self.plan.old.address)
    }

    fn make(mut self) -> World {
        let groups: Vec<NamedGroup> = (0..self.plan.volume_groups.len()).map(|at| self.wanted(at)).collect();
        let sizes = self.partition_sizes(&groups);
        self.partition_old(&sizes);
        let arrays = self.mirror_old(&sizes);
        let boots_from = self.fill_old(&groups, arrays);
        let grub = self.old_serials().into_iter().map(|serial| (serial, boots_from.clone())).collect();
        let old = self.old_machine(&groups);
        let new = self.new_machine(&groups, &old);
        let initiator = self.shape.initiator_installed;
        let mut world = self.world(old, new, grub);
        switch_on(&mut world, initiator);
        world
    }

    /// Bytes of old's partitions: /boot, where it is one of its own, then one for each group.
    fn partition_sizes(&self, groups: &[NamedGroup]) -> Vec<u64> {
        let group = |(_, volumes): &NamedGroup| {
            let data: u64 = volumes.iter().map(|volume| volume.size).sum();
            data + self.shape.free_extents * EXTENT + 8 * MIB + 128 * MIB
        };
        self.boot_size().into_iter().chain(groups.iter().map(group)).collect()
    }

    /// Old's disks, all with the same partitions.
    fn partition_old(&mut self, sizes: &[u64]) {
        let disk_size = sizes.iter().sum::<u64>().div_ceil(MIB) * MIB + 4 * MIB;
        for (at, serial) in self.old_serials().into_iter().enumerate() {
            let part = |((number, size), start): ((usize, &u64), u64)| Part {
                number: number as u32 + 1,
                start,
                size: sectors(*size),
                kind: "fd".into(),
                bootable: number == 0,
                ..Part::default()
            };
            let parts = sizes.iter().enumerate().zip(starts(sizes)).map(part).collect();
            let table = Table { kind: "dos".into(), id: format!("0x32c962f{at}"), parts };
            self.places.insert(serial.clone(), Written::Table(table));
            self.old_disks.push(Disk {
                serial,
                wwn: None,
                model: "LABSATA".into(),
                tran: Some("sata".into()),
                size: disk_size,
                sector: 512,
                drivers: vec!["sd_mod".into(), "ahci".into()],
                by_path: format!("pci-0000:00:05.0-ata-{}", at + 1),
            });
        }
    }

    /// Each partition is mirrored over both disks.
    fn mirror_old(&mut self, sizes: &[u64]) -> Arrays {
        let hostname = self.hostname();
        let serials = self.old_serials();
        let mut arrays = Arrays { conf: "HOMEHOST <system>\nMAILADDR root\n".into(), bodies: Vec::new() };
        for (number, (size, start)) in sizes.iter().zip(starts(sizes)).enumerate() {
            let array = md_uuid(&format!("{hostname} old array {number}"));
            let locs: Vec<String> = serials.iter().map(|serial| format!("{serial}@{start}")).collect();
            for (slot, loc) in locs.iter().enumerate() {
                let member = Member {
                    uuid: array.clone(),
                    name: format!("{hostname}:{number}"),
                    level: "raid1".into(),
                    devices: locs.len(),
                    slot,
                    metadata: "1.2".into(),
                    bitmap: number > 0,
                    unlike: false,
                };
                self.places.insert(loc.clone(), Written::Member(member));
            }
            arrays.conf += &format!("ARRAY /dev/md/{number} metadata=1.2 UUID={array} name={hostname}:{number}\n");
            let size = super::array_size("raid1", 2, sectors(*size) * 512, "1.2");
            arrays.bodies.push((body_loc("raid1", &locs), size));
        }
        arrays
    }

    /// Writes old's system onto its arrays. Returns the UUID of the file system that it boots from.
    fn fill_old(&mut self, groups: &[NamedGroup], arrays: Arrays) -> String {
        let mut bodies = arrays.bodies.into_iter();
        let boot_uuid = uuid(&format!("{} boot", self.hostname()));
        let boot = self.boot_size().and_then(|_| bodies.next());
        let root = groups[0].1.iter().find(|volume| volume.target == "/").expect("a root");
        let root_path = mapper_path(&groups[0].0, &root.name);
        let boots_from = if boot.is_some() { boot_uuid.clone() } else { root.uuid.clone() };

        let mut files: BTreeMap<String, Files> = BTreeMap::new();
        self.files(&mut files, &arrays.conf, &root_path, &boots_from);
        let fstab = fstab(groups, boot.is_some().then_some(boot_uuid.as_str()));
        files.entry("/".into()).or_default().insert("/etc/fstab".into(), file(fstab));
        // a file lies in the file system that is mounted nearest above it
        let volumes = groups.iter().flat_map(|(_, all)| all.iter().map(|one| one.target.clone()));
        let targets: Vec<String> = volumes.chain(boot.is_some().then(|| "/boot".into())).collect();
        let mut split = spread(files, &targets);
        if let Some((loc, size)) = boot {
            let files = split.remove("/boot").unwrap_or_default();
            let kind = "ext4".into();
            let fs = Fs { kind, uuid: boot_uuid, size, generation: 1, records: 0, dirty: false, files };
            self.places.insert(loc, Written::Fs(fs));
        }
        for ((name, volumes), (loc, size)) in groups.iter().zip(bodies) {
            self.group(name, volumes, &loc, size, &mut split);
        }
        boots_from
    }

    fn old_machine(&self, groups: &[NamedGroup]) -> Machine {
        let packages = [("libisns0", "0.101-0.2+b1"), ("libopeniscsiusr", "2.1.8-1"), ("open-iscsi", "2.1.8-1")];
        let packages = packages.map(|(name, version)| (name.to_string(), version.to_string())).to_vec();
        Machine {
            server: Server::Old,
            on: false,
            firmware: None,
            system: System::None("it is off".into()),
            boots: 1,
            own_disks: true,
            uuid: uuid("replant simulated old machine"),
            disks: self.old_disks.clone(),
            card: card("52:54:00:77:00:21", "ens3"),
            memory: 1 << 30,
            uefi: false,
            rescue: Files::new(),
            rescue_hostname: String::new(),
            rescue_addresses: Vec::new(),
            lacks: ["tgtd", "tgtadm", "tgt-admin", "dracut"].map(str::to_string).to_vec(),
            modules: modules(&["target_core_mod", "target_core_iblock", "iscsi_target_mod"]),
            units: self.units(groups),
            apt: if self.shape.initiator_installed { Vec::new() } else { packages },
            run: Run::default(),
        }
    }

    fn new_machine(&mut self, groups: &[NamedGroup], old: &Machine) -> Machine {
        let needs: u64 = groups.iter().flat_map(|(_, all)| all.iter().map(|one| one.size)).sum();
        let wanted = *self.plan.transfer.iscsi.server;
        let lio = self.shape.lio.unwrap_or(wanted != IscsiServer::Tgt);
        let target = ["iscsi_target_mod", "target_core_mod", "target_core_iblock"];
        let lacks: &[&str] =
            if lio && wanted == IscsiServer::Lio { &["tgtd", "tgtadm", "tgt-admin", "dracut"] } else { &["dracut"] };
        // the second may be on a network for the copy; old comes to it by a router
        let mut rescue_addresses = vec![with_prefix(*self.plan.new.address), with_prefix(**self.plan.portal())];
        rescue_addresses.dedup();
        Machine {
            server: Server::New,
            own_disks: false,
            uuid: uuid("replant simulated new machine"),
            disks: self.new_disks(needs),
            card: card("52:54:00:77:00:22", "ens9"),
            rescue: rescue_files(),
            rescue_hostname: "rescue".into(),
            rescue_addresses,
            lacks: lacks.iter().map(|tool| tool.to_string()).collect(),
            modules: modules(if lio { &target } else { &[] }),
            units: Vec::new(),
            apt: Vec::new(),
            ..old.clone()
        }
    }

    /// Both machines, switched off. `grub`: by disk, the file system that its boot loader looks for.
    fn world(self, old: Machine, new: Machine, grub: BTreeMap<String, String>) -> World {
        World {
            old,
            new,
            places: self.places,
            grub,
            acknowledged: BTreeMap::new(),
            moment: 0,
            counter: 0,
            pace: 34,
            link_up: true,
            lost: Vec::new(),
            rescue_assembles: self.shape.rescue_assembles,
            modern: self.shape.modern,
            announced: self.shape.announced,
            controls: controls(self.plan),
            person: Person::Truthful,
            louder: Server::Old,
            given_addresses: None,
            stuck: None,
            rescue_first: false,
            consoles: consoles(self.plan),
            console_fails: false,
            leaks: false,
        }
    }

    fn old_serials(&self) -> Vec<String> {
        vec!["OLD0".into(), "OLD1".into()]
    }

    /// Bytes of the partitions that /boot is on, where it is a file system of its own.
    fn boot_size(&self) -> Option<u64> {
        let to = &self.plan.boot.as_ref()?.to;
        let array = self.plan.arrays.iter().find(|array| array.name == *to);
        let name = array.map_or(to, |array| &array.partitions);
        let part = self.plan.partitions.iter().find(|part| part.name == *name)?;
        Some(match *part.size {
            Size::Bytes(bytes) => (bytes * 3 / 4).max(64 * MIB),
            Size::Rest => 256 * MIB,
        })
    }

    /// The volumes of a group: those of the facts, those that the plan names, or what a Debian server has.
    fn wanted(&self, at: usize) -> (String, Vec<Wanted>) {
        let said = &self.plan.volume_groups[at];
        let group = said.name.to_string();
        let mut names: Vec<(String, bool)> = match &said.volumes {
            Some(volumes) => {
                volumes.iter().map(|volume| (volume.name.to_string(), *volume.copy == CopyHow::Recreate)).collect()
            }
            None if at == 0 => ["root", "swap_1", "var"].map(|name| (name.to_string(), name == "swap_1")).to_vec(),
            None => vec![("data".to_string(), false)],
        };
        if let Some(facts) = self.facts {
            for lv in facts.old.lvs.iter().filter(|lv| lv.vg == group && !lv.hidden) {
                if !names.iter().any(|(name, _)| *name == lv.name) {
                    names.push((lv.name.clone(), lv.fstype.as_deref() == Some("swap")));
                }
            }
        }
        if at == 0 && !names.iter().any(|(name, _)| name == "root" || name == "slash") {
            match names.iter_mut().find(|(_, swap)| !swap) {
                Some(_) => {}
                None => names.insert(0, ("root".into(), false)),
            }
        }
        let root =
            names.iter().position(|(name, _)| name == "root").or_else(|| names.iter().position(|(_, swap)| !swap));
        let wanted = |(index, (name, swap)): (usize, &(String, bool))| {
            let known = self.facts.and_then(|facts| {
                let lv = facts.old.lvs.iter().find(|lv| lv.vg == group && lv.name == *name)?;
                let path = crate::facts::lvm::mapper_path(&group, name);
                let mount = facts.old.mounts.iter().find(|mount| mount.source == path);
                Some((lv, mount.map(|mount| mount.target.clone())))
            });
            let is_root = at == 0 && Some(index) == root;
            let target = match name.as_str() {
                _ if is_root => "/".to_string(),
                "var" | "home" | "srv" | "opt" | "usr" if at == 0 => format!("/{name}"),
                _ => format!("/srv/{group}-{name}"),
            };
            let (size, kind) = match name.as_str() {
                _ if *swap => (128 * MIB, "swap"),
                _ if is_root => (1640 * MIB, "ext4"),
                _ => (1040 * MIB, "xfs"),
            };
            let mut wanted = Wanted {
                name: name.clone(),
                size,
                kind: kind.into(),
                uuid: uuid(&format!("{group} {name}")),
                target: if *swap { String::new() } else { target },
            };
            if let Some((lv, mounted)) = known {
                wanted.size = lv.size.max(EXTENT) / EXTENT * EXTENT;
                wanted.kind = lv.fstype.clone().unwrap_or(wanted.kind);
                wanted.uuid = lv.fs_uuid.clone().unwrap_or(wanted.uuid);
                wanted.target = mounted.unwrap_or(wanted.target);
            }
            wanted
        };
        (group.clone(), names.iter().enumerate().map(wanted).collect())
    }

    fn group(&mut self, name: &str, volumes: &[Wanted], loc: &str, size: u64, files: &mut BTreeMap<String, Files>) {
        let pv = lvm_uuid(&format!("{name} old pv"));
        let mut start = 0;
        let mut lvs = Vec::new();
        for volume in volumes {
            let count = volume.size / EXTENT;
            let extents = vec![Extents { pv: pv.clone(), start, count }];
            let leg = Leg {
                uuid: lvm_uuid(&format!("{name} {} leg", volume.name)),
                extents,
                meta: None,
                write_mostly: false,
            };
            lvs.push(Volume {
                uuid: lvm_uuid(&format!("{name} {}", volume.name)),
                name: volume.name.clone(),
                segtype: Segtype::Linear,
                legs: vec![leg],
            });
            let written = match volume.kind.as_str() {
                "swap" => Written::Swap { uuid: volume.uuid.clone(), label: String::new() },
                kind => Written::Fs(Fs {
                    kind: kind.into(),
                    uuid: volume.uuid.clone(),
                    size: volume.size,
                    generation: 1,
                    records: 0,
                    dirty: false,
                    files: files.remove(&volume.target).unwrap_or_default(),
                }),
            };
            self.places.insert(format!("{loc}#{start}"), written);
            start += count;
        }
        let count = start + self.shape.free_extents;
        let pvs = vec![GroupPv { uuid: pv.clone(), count, missing: false }];
        let uuid = lvm_uuid(&format!("{name} group"));
        let group = Group { uuid, name: name.into(), seqno: 4, extent: EXTENT, pvs, lvs, tags: Vec::new() };
        self.places.insert(loc.into(), Written::Pv(PvLabel { uuid: pv, ignored: false, size, group: Some(group) }));
    }
}

fn with_prefix(address: std::net::IpAddr) -> String {
    format!("{address}/{}", if address.is_ipv4() { 24 } else { 64 })
}
