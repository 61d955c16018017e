//! The pair that facts describe: disks, partitions, arrays, groups, volumes, file systems, mounts, services and addresses as
//! they were read, so that people can rehearse their own migration. What facts do not tell is made up: where partitions
//! begin, what is in files that are not read, GRUB's menu and the kernel's version.

use std::collections::BTreeMap;

use super::Sim;
use super::control::{consoles, controls};
use super::files::KERNEL;
use super::stock::{file, spread, uuid, writers};
use super::switch::Person;
use super::world::{Card, Disk, Machine, Run, System, Unit, World, body_loc, lvm_uuid};
use super::written::{
    Extents, Files, Fs, Group, GroupPv, Leg, Loc, Member, Part, PvLabel, Segtype, Table, Volume, Written,
};
use crate::facts::queries::tools;
use crate::facts::{Block, Facts, Interface, ServerFacts};
use crate::host::{PowerTo, Server};
use crate::layout::{new_card, service_card};
use crate::plan::Plan;

/// Why facts do not make a pair that can be simulated.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what its fields are")]
pub enum NoPair {
    #[error("these facts tell nothing of {0}: it cannot be simulated")]
    Missing(String),
    #[error("the old server of these facts does not boot in the simulation: {0}")]
    NoBoot(String),
}

impl Sim {
    /// The two servers of the facts. What a plan says of them beyond that is which address they are reached at.
    ///
    /// # Errors
    /// Where something that a boot needs is not told, or is of a kind that the simulation does not know.
    pub fn from_facts(plan: &Plan, facts: &Facts) -> Result<Sim, NoPair> {
        let missing = |what: &str| NoPair::Missing(what.to_string());
        let mut places = BTreeMap::new();
        let old_disks = Medium { facts: &facts.old, places: &mut places }.write()?;
        let new_disks = Medium { facts: &facts.new, places: &mut places }.write()?;
        let root =
            facts.old.mounts.iter().find(|mount| mount.target == "/").ok_or(missing("old's root file system"))?;
        let card = service_card(plan, facts).or(facts.old.interfaces.iter().find(|card| card.physical));
        let card = card.ok_or(missing("a network card of old"))?;
        let rescue_card = new_card(plan, facts).or(facts.new.interfaces.iter().find(|card| card.physical));
        let rescue_card = rescue_card.ok_or(missing("a network card of new"))?;

        let mut world = World {
            moment: 0,
            old: machine(Server::Old, &facts.old, old_disks, card),
            new: Machine { units: Vec::new(), ..machine(Server::New, &facts.new, new_disks, rescue_card) },
            places,
            grub: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            counter: 0,
            pace: 34,
            link_up: true,
            lost: Vec::new(),
            rescue_assembles: !facts.new.arrays.is_empty(),
            modern: false,
            announced: None,
            controls: controls(plan),
            person: Person::Truthful,
            louder: Server::Old,
            given_addresses: Some((card.name.clone(), lasting_addresses(&facts.old))),
            stuck: None,
            rescue_first: false,
            consoles: consoles(plan),
            console_fails: false,
            leaks: false,
        };
        world.old.units = units(plan, &facts.old);
        furnish(&mut world, &facts.old, &root.source);
        world.new.rescue = told(&facts.new, "rescue");
        world.power(Server::New, PowerTo::On);
        world.power(Server::Old, PowerTo::On);
        if let System::None(why) = &world.old.system {
            return Err(NoPair::NoBoot(why.clone()));
        }
        let made = world.mkinitramfs(Server::Old, KERNEL);
        // a /boot that is read-only keeps the image that it has
        let _ = world.write_file(Server::Old, &format!("/boot/initrd.img-{KERNEL}"), &made, 0o644);
        Ok(Sim::new(world))
    }
}

fn machine(server: Server, facts: &ServerFacts, disks: Vec<Disk>, card: &Interface) -> Machine {
    let mut modules: Vec<String> = facts.modules.iter().cloned().collect();
    modules.extend(disks.iter().flat_map(|disk| disk.drivers.clone()));
    modules.extend(card.drivers.iter().cloned());
    modules.extend(["dm_mod", "ext4"].map(str::to_string));
    modules.sort();
    modules.dedup();
    Machine {
        server,
        on: false,
        firmware: None,
        system: System::None("it is off".into()),
        boots: 1,
        own_disks: server == Server::Old,
        uuid: facts.machine.clone().unwrap_or_else(|| uuid(&format!("replant simulated {server} machine"))),
        disks,
        card: Card {
            mac: card.mac.clone(),
            name: card.name.clone(),
            in_rescue: card.name.clone(),
            drivers: card.drivers.clone(),
        },
        memory: facts.memory,
        uefi: facts.uefi,
        rescue: Files::new(),
        rescue_hostname: facts.hostname.clone(),
        rescue_addresses: lasting_addresses(facts),
        lacks: tools().into_iter().filter(|tool| !facts.tools.contains(*tool)).map(str::to_string).collect(),
        modules,
        units: Vec::new(),
        apt: facts
            .iscsi_packages
            .iter()
            .flatten()
            .map(|package| (package.name.clone(), package.version.clone()))
            .collect(),
        run: Run::default(),
    }
}

/// Addresses that a boot brings back. Those of the link (fe80::/10) every card makes itself.
fn lasting(card: &Interface) -> Vec<String> {
    card.addresses.iter().filter(|address| !address.starts_with("fe80:")).cloned().collect()
}

fn lasting_addresses(facts: &ServerFacts) -> Vec<String> {
    facts.interfaces.iter().filter(|card| card.name != "lo").flat_map(lasting).collect()
}

/// The units that were active, and those that the plan stops, which write.
fn units(plan: &Plan, facts: &ServerFacts) -> Vec<Unit> {
    let var = facts.mounts.iter().any(|mount| mount.target == "/var");
    let mut units = writers(plan, if var { "/var/lib" } else { "/srv/data" });
    for name in &facts.services {
        if !units.iter().any(|unit| unit.name == *name) {
            units.push(Unit { name: name.clone(), ..Unit::default() });
        }
    }
    units
}

/// What is written on one server's disks.
struct Medium<'a> {
    facts: &'a ServerFacts,
    places: &'a mut BTreeMap<Loc, Written>,
}

impl Medium<'_> {
    fn write(mut self) -> Result<Vec<Disk>, NoPair> {
        // a floppy drive and a card reader hold nothing of the server
        let own = |block: &&Block| {
            block.kind == "disk" && block.size > 0 && !block.removable && block.tran.as_deref() != Some("iscsi")
        };
        let facts = self.facts;
        // by path: the place of a block that has one
        let mut locs: BTreeMap<String, Loc> = BTreeMap::new();
        let mut disks = Vec::new();
        for block in facts.blocks.iter().filter(own) {
            let serial = block.serial.clone().unwrap_or_else(|| format!("no-serial-{}", block.kname));
            locs.insert(block.path.clone(), serial.clone());
            self.table(block, &serial, &mut locs);
            disks.push(disk(block, serial));
        }
        self.arrays(&mut locs);
        for block in &facts.blocks {
            if let Some(loc) = locs.get(&block.path).cloned() {
                self.content(block, loc);
            }
        }
        self.groups(&locs);
        Ok(disks)
    }

    /// A disk's partitions, one after the other from the first MiB on: lsblk(8) does not tell where they begin.
    fn table(&mut self, disk: &Block, loc: &str, locs: &mut BTreeMap<String, Loc>) {
        let on_it = |block: &&Block| block.kind == "part" && block.ancestors.first() == Some(&disk.path);
        let mut children: Vec<&Block> = self.facts.blocks.iter().filter(on_it).collect();
        let Some(kind) = disk.pttype.clone().or_else(|| (!children.is_empty()).then(|| "dos".into())) else { return };
        let number = |block: &Block| -> u32 {
            let digits = block.kname.trim_start_matches(disk.kname.as_str()).trim_start_matches('p');
            digits.parse().unwrap_or(1)
        };
        children.sort_by_key(|block| number(block));
        let sector = disk.log_sec.max(512);
        let mut start = (1 << 20) / sector;
        let mut parts = Vec::new();
        let mut id = None;
        for block in children {
            let size = block.size / sector;
            let known = block.partuuid.clone();
            if kind == "dos" {
                id = id.or(known.as_deref().and_then(|uuid| uuid.split('-').next()).map(|id| format!("0x{id}")));
            }
            locs.insert(block.path.clone(), format!("{loc}@{start}"));
            parts.push(Part {
                number: number(block),
                start,
                size,
                kind: block.parttype.as_deref().unwrap_or("83").trim_start_matches("0x").to_string(),
                uuid: known.filter(|_| kind == "gpt"),
                name: block.partlabel.clone().unwrap_or_default(),
                bootable: false,
            });
            start += size.max(1);
        }
        let id =
            id.unwrap_or_else(|| if kind == "gpt" { uuid(&format!("table of {loc}")) } else { "0x5eed5eed".into() });
        self.places.insert(loc.to_string(), Written::Table(Table { kind, id, parts }));
    }

    fn arrays(&mut self, locs: &mut BTreeMap<String, Loc>) {
        for array in &self.facts.arrays {
            let members: Vec<Loc> = array.members.iter().filter_map(|path| locs.get(path).cloned()).collect();
            if members.is_empty() || members.len() != array.members.len() {
                continue;
            }
            for (slot, loc) in members.iter().enumerate() {
                let member = Member {
                    uuid: array.uuid.clone(),
                    name: array.name.clone(),
                    level: array.level.clone(),
                    devices: members.len(),
                    slot,
                    metadata: array.metadata.clone(),
                    bitmap: false,
                    unlike: false,
                };
                self.places.insert(loc.clone(), Written::Member(member));
            }
            locs.insert(array.path.clone(), body_loc(&array.level, &members));
        }
    }

    /// A file system or a swap, outside of groups.
    fn content(&mut self, block: &Block, loc: Loc) {
        if self.places.contains_key(&loc) {
            return; // a table, or a member of an array
        }
        if let Some(written) = written(block.fstype.as_deref(), block.uuid.clone(), block.size, &loc) {
            self.places.insert(loc, written);
        }
    }

    fn groups(&mut self, locs: &BTreeMap<String, Loc>) {
        for pv in &self.facts.pvs {
            let Some(loc) = locs.get(&pv.path) else { continue };
            let label = PvLabel { uuid: pv.uuid.clone(), ignored: false, size: pv.size, group: self.group(&pv.vg) };
            self.places.insert(loc.clone(), Written::Pv(label));
        }
        // what is on volumes, by the place of their first extent
        for vg in &self.facts.vgs {
            let Some(group) = self.group(&vg.name) else { continue };
            for lv in &group.lvs {
                let Some(first) = lv.legs[0].extents.first() else { continue };
                let pv = self.facts.pvs.iter().find(|pv| pv.uuid == first.pv);
                let known = self.facts.lvs.iter().find(|known| known.vg == vg.name && known.name == lv.name);
                let (Some(loc), Some(known)) = (pv.and_then(|pv| locs.get(&pv.path)), known) else { continue };
                let loc = format!("{loc}#{}", first.start);
                if let Some(written) = written(known.fstype.as_deref(), known.fs_uuid.clone(), known.size, &loc) {
                    self.places.insert(loc, written);
                }
            }
        }
    }

    /// A group's metadata. Volumes on one disk are laid out first, those on several take what is left of each.
    fn group(&self, name: &str) -> Option<Group> {
        let vg = self.facts.vgs.iter().find(|vg| vg.name == name)?;
        let members = || self.facts.pvs.iter().filter(|pv| pv.vg == name);
        let extent = vg.extent_size.max(1);
        let mut used: BTreeMap<&str, u64> = members().map(|pv| (pv.uuid.as_str(), 0)).collect();
        let mut volumes: Vec<_> = self.facts.lvs.iter().filter(|lv| lv.vg == name && !lv.hidden).collect();
        volumes.sort_by_key(|lv| lv.devices.len());
        let mut lvs = Vec::new();
        for lv in volumes {
            let on: Vec<_> = members().filter(|pv| lv.devices.contains(&pv.path)).collect();
            // of a kind whose parts are hidden volumes: wherever there is room
            let on = if on.is_empty() { members().collect() } else { on };
            let mut left = lv.size.div_ceil(extent);
            let mut extents = Vec::new();
            for (at, pv) in on.iter().enumerate() {
                let start = used.get(pv.uuid.as_str()).copied().unwrap_or(0);
                let room = pv.pe_count.saturating_sub(start);
                // each of several disks holds a part of it
                let others = (on.len() - at - 1) as u64;
                let count = if others == 0 { left } else { room.min(left.saturating_sub(others).max(1)) }.min(room);
                if count > 0 {
                    extents.push(Extents { pv: pv.uuid.clone(), start, count });
                    used.insert(&pv.uuid, start + count);
                    left -= count;
                }
            }
            if extents.is_empty() {
                continue;
            }
            lvs.push(Volume {
                uuid: lv.uuid.clone(),
                name: lv.name.clone(),
                segtype: Segtype::Linear,
                legs: vec![Leg {
                    uuid: lvm_uuid(&format!("{name} {} leg", lv.name)),
                    extents,
                    meta: None,
                    write_mostly: false,
                }],
            });
        }
        // as LVM lists them
        lvs.sort_by_key(|lv| self.facts.lvs.iter().position(|known| known.vg == name && known.name == lv.name));
        let pvs =
            members().map(|pv| GroupPv { uuid: pv.uuid.clone(), count: pv.pe_count, missing: pv.missing }).collect();
        Some(Group { uuid: vg.uuid.clone(), name: name.into(), seqno: 4, extent, pvs, lvs, tags: Vec::new() })
    }
}

fn written(fstype: Option<&str>, id: Option<String>, size: u64, loc: &str) -> Option<Written> {
    let id = id.unwrap_or_else(|| uuid(loc));
    Some(match fstype? {
        "LVM2_member" | "linux_raid_member" => return None,
        "swap" => Written::Swap { uuid: id, label: String::new() },
        kind => Written::Fs(Fs {
            kind: kind.into(),
            uuid: id,
            size,
            generation: 1,
            records: 0,
            dirty: false,
            files: Files::new(),
        }),
    })
}

fn disk(block: &Block, serial: String) -> Disk {
    let by_path = block.by_path.first().map(|path| path.trim_start_matches("/dev/disk/by-path/").to_string());
    Disk {
        by_path: by_path.unwrap_or_else(|| format!("simulated-{}", block.kname)),
        serial,
        wwn: block.wwn.clone(),
        model: block.model.clone().unwrap_or_else(|| "DISK".into()),
        tran: block.tran.clone(),
        size: block.size,
        sector: block.log_sec.max(512),
        drivers: block.drivers.clone(),
    }
}

/// Files that were read, and those without which nothing boots, each on the file system that it was read from.
fn furnish(world: &mut World, facts: &ServerFacts, root: &str) {
    let mut all: BTreeMap<String, Files> = BTreeMap::new();
    let files = all.entry("/".into()).or_insert(told(facts, "old"));
    let mut put = |path: &str, text: String| drop(files.insert(path.to_string(), file(text)));
    put("/etc/hostname", format!("{}\n", facts.hostname));
    let mut packages = "lvm2 2.03.16-2\nmdadm 4.2-5\n".to_string();
    if facts.tools.contains("iscsiadm") {
        packages += "open-iscsi 2.1.8-1\n";
    }
    put("/var/lib/dpkg/status", packages);
    let boot = facts.file_system("/boot").and_then(|mount| mount.uuid.clone()).unwrap_or_default();
    put(
        "/boot/grub/grub.cfg",
        format!(
            "search --no-floppy --fs-uuid --set=root {boot}\nlinux /vmlinuz-{KERNEL} root={root} ro quiet\ninitrd /initrd.img-{KERNEL}\n"
        ),
    );
    put(&format!("/boot/vmlinuz-{KERNEL}"), "a kernel\n".into());
    put(&format!("/lib/modules/{KERNEL}/modules.dep"), "a list\n".into());
    let list: String = world
        .old
        .modules
        .iter()
        .map(|module| format!("usr/lib/modules/{KERNEL}/kernel/drivers/{}.ko\n", super::system::file_name(module)))
        .collect();
    let mdadm = facts.files.get("/etc/mdadm/mdadm.conf").cloned().unwrap_or_default();
    put(&format!("/boot/initrd.img-{KERNEL}"), format!("{list}\n--\n{mdadm}"));

    let targets: Vec<String> = facts.mounts.iter().map(|mount| mount.target.clone()).collect();
    let spread = spread(all, &targets);
    for mount in &facts.mounts {
        let Some(files) = spread.get(&mount.target) else { continue };
        let on_it =
            |written: &&mut Written| matches!(written, Written::Fs(fs) if Some(&fs.uuid) == mount.uuid.as_ref());
        if let Some(Written::Fs(fs)) = world.places.values_mut().find(on_it) {
            fs.files.extend(files.clone());
        }
    }
    // GRUB is taken to be on every disk that the system stands on
    let sources: Vec<&str> =
        ["/", "/boot"].iter().filter_map(|path| Some(facts.file_system(path)?.source.as_str())).collect();
    let under =
        facts.blocks.iter().filter(|block| sources.contains(&block.path.as_str())).flat_map(|block| &block.ancestors);
    let under: Vec<&String> = under.collect();
    for disk in facts.blocks.iter().filter(|block| block.kind == "disk" && under.contains(&&block.path)) {
        if let Some(serial) = &disk.serial {
            world.grub.insert(serial.clone(), boot.clone());
        }
    }
}

/// The files that the facts tell of; where they tell only that one is there, it has another text.
fn told(facts: &ServerFacts, host: &str) -> Files {
    let mut files = Files::new();
    for (path, text) in facts.files.iter().filter(|(path, _)| !path.starts_with("/proc/")) {
        files.insert(path.clone(), file(text.clone()));
    }
    files.insert("/etc/os-release".into(), file(os_release(facts)));
    for path in &facts.present {
        files.insert(path.clone(), file("its text is not read\n"));
    }
    for key in &facts.host_keys {
        let kind = key.trim_start_matches("ssh-").split([' ', '-']).next().unwrap_or("rsa");
        files.insert(format!("/etc/ssh/ssh_host_{kind}_key.pub"), file(format!("{key} root@{host}\n")));
    }
    files
}

fn os_release(facts: &ServerFacts) -> String {
    let os = &facts.os;
    format!(
        "PRETTY_NAME=\"{}\"\nVERSION_ID=\"{}\"\nID={}\nID_LIKE=\"{}\"\n",
        os.pretty_name,
        os.version_id,
        os.id,
        os.id_like.join(" ")
    )
}
