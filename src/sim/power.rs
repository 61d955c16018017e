//! Power, and what a boot finds: GRUB, the initramfs, arrays, groups, fstab, the network card's name. Whatever is wrong
//! with any of these keeps a server from coming up, as it does in life.

use std::collections::BTreeMap;

use super::files::KERNEL;
use super::lvm::View;
use super::mdadm::Known;
use super::system::file_name;
use super::world::{Backing, Mounted, Run, System, World};
use super::written::Written;
use crate::host::{PowerTo, Server, Side};

type Up = Result<(), String>;

/// How far a boot from its own disks comes.
enum Boots {
    Through,
    /// it waits in its initramfs
    Waits,
}

/// What the hook in old's initramfs must say of a group to bring it up without new.
fn gives_up(hook: &str, group: &str) -> bool {
    hook.contains(&format!("vgreduce --removemissing --mirrorsonly --force {group}\n"))
        || hook.contains(&format!("vgreduce --removemissing --mirrorsonly --force {group} "))
}

/// The device of a line of fstab, where a boot mounts it. `None`: of the network, of the kernel, a directory, a file, or
/// nothing that a boot mounts.
fn mounted_at_boot(source: &str, kind: &str, options: &[&str]) -> Option<String> {
    let aside = ["noauto", "bind", "rbind", "loop", "_netdev"];
    if options.iter().any(|one| aside.contains(one)) || matches!(kind, "tmpfs" | "proc" | "sysfs" | "none") {
        return None;
    }
    let tags =
        [("UUID=", "by-uuid"), ("LABEL=", "by-label"), ("PARTUUID=", "by-partuuid"), ("PARTLABEL=", "by-partlabel")];
    let tagged = tags
        .iter()
        .find_map(|(tag, dir)| Some(format!("/dev/disk/{dir}/{}", source.strip_prefix(tag)?.trim_matches('"'))));
    Some(tagged.unwrap_or_else(|| source.to_string())).filter(|device| device.starts_with("/dev/"))
}

impl World {
    /// The machine that answers at the address of this side. Old's address is the migrated system's too, and so is its
    /// host key: who has it answers.
    pub fn answers(&self, side: Side) -> Option<Server> {
        let up = |server: Server, system: &System| {
            let machine = self.machine(server);
            machine.on && machine.system == *system
        };
        match side {
            Side::New => {
                [System::Rescue, System::Hold].iter().any(|system| up(Server::New, system)).then_some(Server::New)
            }
            Side::Old | Side::Migrated => {
                [self.louder, self.louder.other()].into_iter().find(|server| up(*server, &System::Own))
            }
        }
    }

    /// Takes a server's power, or gives it. What a file system had in memory only is lost with it.
    pub fn power(&mut self, server: Server, to: PowerTo) {
        match to {
            PowerTo::Off => {
                let unsynced = self.machine(server).run.unsynced.clone();
                self.lost.extend(unsynced);
                self.off(server);
            }
            PowerTo::On if self.machine(server).on => {}
            PowerTo::On => {
                let rescue = server == Server::New && !self.machine(server).own_disks;
                self.up(server, rescue);
            }
            PowerTo::OwnDisks => {
                self.off(server);
                self.machine_mut(server).own_disks = true;
                self.up(server, false);
            }
        }
        self.links_live();
    }

    fn off(&mut self, server: Server) {
        let machine = self.machine_mut(server);
        machine.on = false;
        machine.firmware = None;
        machine.system = System::None("it is off".into());
        machine.run = Run::default();
        // a boot takes longer than any command
        self.moment += 60;
        self.links_live();
        self.mirrors(Server::Old, false);
    }

    /// The power goes and comes back, or somebody types `reboot`.
    pub fn reboot(&mut self, server: Server) {
        if !self.machine(server).on {
            return;
        }
        let rescue = server == Server::New && !self.machine(server).own_disks;
        self.off(server);
        self.up(server, rescue);
        self.links_live();
        self.mirrors(Server::Old, false);
    }

    pub(super) fn up(&mut self, server: Server, rescue: bool) {
        let machine = self.machine_mut(server);
        machine.on = true;
        machine.boots += 1;
        if rescue {
            self.boot_rescue(server);
            return;
        }
        match self.boot_own(server) {
            Err(why) => {
                self.machine_mut(server).system = System::None(why);
                return;
            }
            Ok(Boots::Waits) => return self.begin_hold(server),
            Ok(Boots::Through) => self.machine_mut(server).system = System::Own,
        }
        if server == Server::New {
            for (uuid, record) in &self.acknowledged {
                // mounted or not
                let has = self.devices(server).into_iter().find_map(|dev| match self.places.get(&dev.loc) {
                    Some(Written::Fs(fs)) if fs.uuid == *uuid => Some(fs.records),
                    _ => None,
                });
                assert!(
                    has.is_some_and(|has| has >= *record),
                    "new has record {has:?} of file system {uuid}, but {record} was acknowledged: records are lost"
                );
            }
        }
    }

    fn boot_rescue(&mut self, server: Server) {
        let booted = self.moment;
        let machine = self.machine_mut(server);
        machine.run = Run {
            booted,
            hostname: machine.rescue_hostname.clone(),
            card: machine.card.in_rescue.clone(),
            addresses: machine.rescue_addresses.clone(),
            mounts: pseudo(vec![ram("rootfs", "/", "rootfs")]),
            sysctls: sysctls(),
            units: ["dbus.service", "ssh.service"].map(|unit| (unit.to_string(), true)).into(),
            ..Run::default()
        };
        machine.run.ram.insert("rootfs".into(), machine.rescue.clone());
        machine.system = System::Rescue;
        if self.rescue_assembles {
            self.assemble_all(server, "");
            for view in self.groups(server) {
                if !view.partial() {
                    let _ = self.activate(server, &view);
                }
            }
        }
    }

    /// Every array that has all its members here; named as this configuration says, or by a number that is free.
    fn assemble_all(&mut self, server: Server, mdadm_conf: &str) {
        let own: Vec<String> = self.machine(server).disks.iter().map(|disk| disk.serial.clone()).collect();
        let mut free = 127;
        for (uuid, _, members) in self.bodies() {
            let here = |loc: &String| {
                let disk = loc.split('@').next().unwrap_or_default();
                own.iter().any(|serial| serial == disk) && self.reachable(loc)
            };
            let Some(Written::Member(head)) = members.first().and_then(|loc| self.places.get(loc)) else { continue };
            if !members.iter().all(here) || members.len() < head.devices {
                continue;
            }
            let level = head.level.clone();
            let name = match self.known(server, mdadm_conf, head, &members) {
                Known::Refused => continue,
                Known::As(name) => format!("md{}", name.trim_start_matches("md")),
                Known::Not => {
                    free -= 1;
                    format!("md{}", free + 1)
                }
            };
            self.run_array(server, &name, &uuid, &level, members, false);
        }
    }

    /// A table leads to this place.
    fn reachable(&self, loc: &str) -> bool {
        let Some((disk, start)) = loc.split_once('@') else { return true };
        matches!(self.places.get(disk), Some(Written::Table(table))
            if table.parts.iter().any(|part| part.start.to_string() == start))
    }

    fn boot_own(&mut self, server: Server) -> Result<Boots, String> {
        let machine = self.machine(server);
        let own: Vec<String> = machine.disks.iter().map(|disk| disk.serial.clone()).collect();
        let grub = own.iter().find_map(|serial| {
            matches!(self.places.get(serial), Some(Written::Table(_)))
                .then(|| self.grub.get(serial).cloned())
                .flatten()
        });
        let boot_uuid = grub.ok_or("no disk has a boot loader")?;

        // GRUB reads arrays and volumes by itself
        self.assemble_all(server, "");
        let views = self.groups(server);
        let mut locs: Vec<(String, &str)> = self.bare_devices(server).into_iter().map(|dev| (dev.loc, "")).collect();
        for view in &views {
            locs.extend(view.group.lvs.iter().filter_map(|lv| Some((view.leg_loc(&lv.legs[0])?, "/boot"))));
        }
        let files = locs.iter().find_map(|(loc, _)| match self.places.get(loc) {
            Some(Written::Fs(fs)) if fs.uuid == boot_uuid => Some(fs.files.clone()),
            _ => None,
        });
        let files = files.ok_or("GRUB does not find its file system")?;
        let read =
            |path: &str| files.get(path).or_else(|| files.get(&format!("/boot{path}"))).map(|file| file.text.clone());
        let config = read("/grub/grub.cfg").ok_or("there is no grub.cfg")?;
        let root = config.split("root=").nth(1).and_then(|rest| rest.split_whitespace().next());
        let root = root.ok_or("grub.cfg names no root")?.to_string();
        read(&format!("/vmlinuz-{KERNEL}")).ok_or("there is no kernel")?;
        let initramfs = read(&format!("/initrd.img-{KERNEL}")).ok_or("there is no initramfs")?;
        let (list, texts) = initramfs.split_once("\n--\n").ok_or("the initramfs is damaged")?;

        // the initramfs
        let has = |module: &str| list.contains(&format!("/{}.ko", file_name(module)));
        let machine = self.machine(server);
        // a disk without a boot loader is none of the system's: a stick, the rescue system's own
        let booted = machine.disks.iter().filter(|disk| self.grub.contains_key(&disk.serial));
        for module in booted.flat_map(|disk| &disk.drivers).chain([&"dm_mod".to_string()]) {
            if !has(module) {
                return Err(format!("the initramfs lacks {module}: no root device"));
            }
        }
        self.machine_mut(server).run = Run { booted: self.moment, ..Run::default() };
        self.assemble_all(server, texts);
        let levels: Vec<String> = self
            .bare_devices(server)
            .into_iter()
            .filter(|dev| dev.kind.starts_with("raid"))
            .map(|dev| dev.kind)
            .collect();
        let module = |level: &str| if matches!(level, "raid5" | "raid6") { "raid456" } else { level }.to_string();
        if let Some(level) = levels.iter().find(|level| !has(&module(level))) {
            return Err(format!("the initramfs lacks {level}: arrays do not run"));
        }
        self.machine_mut(server).run.mounts = pseudo(Vec::new());
        // udev's rule activates what is whole
        for view in self.groups(server).into_iter().filter(|view| !view.partial()) {
            self.bring_up(server, &view);
        }
        if self.waits(server, texts) {
            if let Some(why) = &self.stuck {
                return Err(why.clone());
            }
            let lacking = self.machine(server).card.drivers.iter().find(|module| !has(module));
            return match lacking {
                Some(module) => Err(format!("it waits, and its initramfs lacks {module}: nobody can reach it")),
                None => Ok(Boots::Waits),
            };
        }
        // initramfs-tools(7): local-block runs while the root device is missing, and only then
        let script = |place: &str| {
            let listed = list.lines().any(|line| line == format!("scripts/{place}/replant"));
            let (_, text) = texts.split_once(&format!("-- /etc/initramfs-tools/scripts/{place}/replant\n"))?;
            listed.then(|| text.split("\n-- /etc/").next().unwrap_or_default())
        };
        if let Some(hook) = script("local-block").filter(|_| self.dev(server, &root).is_none()) {
            self.boot_hook(server, hook);
        }
        self.mount_device(server, &root, "/", false).map_err(|error| format!("no root: {}", error.err))?;
        if let Some(hook) = script("local-bottom") {
            self.boot_hook(server, hook);
        }
        self.start(server).map(|()| Boots::Through)
    }

    /// boot-hook.sh: groups that miss the other server's disk go on without it.
    fn boot_hook(&mut self, server: Server, hook: &str) {
        for view in self.groups(server).into_iter().filter(View::partial) {
            let name = view.group.name.clone();
            if gives_up(hook, &name) {
                self.give_up(server, &view);
                if let Ok(again) = self.group(server, &name) {
                    self.bring_up(server, &again);
                }
            }
        }
    }

    /// One after the other: what cannot be activated does not hinder the rest.
    fn bring_up(&mut self, server: Server, view: &View) {
        for lv in view.group.lvs.clone() {
            let mut one = view.clone();
            one.group.lvs = vec![lv];
            let _ = self.activate(server, &one);
        }
    }

    /// From the mounted root on: fstab, network, units, name.
    fn start(&mut self, server: Server) -> Up {
        self.mount_by_fstab(server)?;
        let card = self.card_name(server);
        let (addresses, vlan) = self.addresses_at_boot(server, &card)?;
        let units = self.units_at_boot(server);
        let cloud =
            units.contains_key("cloud-init.service") && !self.exists(server, "/etc/cloud/cloud-init.disabled");
        if cloud && server == Server::New {
            return Err("cloud-init took it for a new server: other host keys, and no address".into());
        }
        let hostname = self.read_file(server, "/etc/hostname").unwrap_or_default().trim().to_string();
        let announced = self.announced.clone();
        let machine = self.machine_mut(server);
        let run = &mut machine.run;
        if let Some(prefix) = announced {
            run.made = Some(format!("{prefix}{}/64", interface_id(&machine.card.mac)));
        }
        (run.card, run.vlan, run.addresses, run.units, run.hostname) = (card, vlan, addresses, units, hostname);
        run.sysctls = sysctls();
        Ok(())
    }

    fn mount_by_fstab(&mut self, server: Server) -> Up {
        let fstab = self.read_file(server, "/etc/fstab").unwrap_or_default();
        for line in fstab.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let [source, target, kind, options, ..] = line.split_whitespace().collect::<Vec<_>>()[..] else {
                continue;
            };
            let options: Vec<&str> = options.split(',').collect();
            let Some(device) = mounted_at_boot(source, kind, &options) else { continue };
            if kind == "swap" {
                // a swap that is not there makes nobody wait for ever
                let _ = self.swapon(server, &device);
            } else if target != "/"
                && let Err(error) = self.mount_device(server, &device, target, options.contains(&"ro"))
                && !options.iter().any(|option| option.contains("nofail"))
            {
                return Err(format!("emergency mode: {}", error.err));
            }
        }
        Ok(())
    }

    /// Its addresses, and the VLAN that has them, if it is one.
    fn addresses_at_boot(&self, server: Server, card: &str) -> Result<(Vec<String>, Option<String>), String> {
        let interfaces = self.read_file(server, "/etc/network/interfaces").unwrap_or_default();
        let mut addresses = Vec::new();
        // what stands on the card has a stanza of its own, which names the card
        let stanzas =
            interfaces.split("iface ").map(|text| (text.split_whitespace().next().unwrap_or_default(), text));
        let mut vlan = None;
        for (name, text) in stanzas {
            let stands_on = text.lines().any(|line| line.trim().strip_prefix("vlan-raw-device ") == Some(card));
            if stands_on {
                // it goes by the card's address: whatever names that, names it, too
                let mac = self.machine(server).card.mac.to_lowercase();
                if let Some(other) = self.link_name(server, &mac, false).filter(|other| other != name) {
                    return Err(format!("{name} is to be called {other}: it stays without an address"));
                }
                vlan = Some(name.to_string());
            }
            if stands_on || name == card {
                let of = |line: &str| line.trim().strip_prefix("address ").map(str::to_string);
                addresses.extend(text.lines().filter_map(of));
            }
        }
        if let Some((_, given)) =
            self.given_addresses.as_ref().filter(|(name, _)| *name == card && addresses.is_empty())
        {
            addresses.clone_from(given);
        }
        if addresses.is_empty() {
            return Err(format!("{card} has no address"));
        }
        Ok((addresses, vlan))
    }

    /// Its units, and whether they run.
    fn units_at_boot(&self, server: Server) -> BTreeMap<String, bool> {
        let mut units: BTreeMap<String, bool> =
            self.old.units.iter().map(|unit| (unit.name.clone(), !unit.disabled)).collect();
        if self.installed(server, "open-iscsi") {
            units.extend([("iscsid.service".to_string(), false), ("iscsid.socket".into(), true)]);
            units.insert("open-iscsi.service".into(), false);
        }
        units
    }

    /// A rule that gives a name counts first; then systemd.link(5), where a rule looks at it; then the card's own.
    fn card_name(&self, server: Server) -> String {
        let machine = self.machine(server);
        let mac = machine.card.mac.to_lowercase();
        for (_, file) in self.files_below(server, "/etc/udev/rules.d") {
            let line = file.text.lines().find(|line| line.to_lowercase().contains(&mac));
            let named = line.and_then(|line| line.split("NAME=\"").nth(1)).and_then(|rest| rest.split('"').next());
            if let Some(name) = named {
                return name.to_string();
            }
        }
        self.link_name(server, &mac, true).unwrap_or(machine.card.name.clone())
    }

    /// The name that the first .link file gives what goes by this address: a card, or (not `real`) what stands on one.
    fn link_name(&self, server: Server, mac: &str, real: bool) -> Option<String> {
        let rule = self.read_file(server, "/etc/udev/rules.d/80-net-setup-link.rules");
        if rule.is_some_and(|rule| !rule.contains("net_setup_link")) {
            return None;
        }
        let links = self.files_below(server, "/etc/systemd/network").into_iter();
        let mut links = links.filter(|(path, _)| path.ends_with(".link"));
        let (_, file) = links.find(|(_, file)| {
            let text = &file.text;
            let before = text.split("[Link]").next().unwrap_or_default();
            let mut asked = before.lines().filter_map(|line| line.split_once('='));
            asked.all(|(key, value)| match key {
                "MACAddress" => value.to_lowercase().contains(mac),
                "PermanentMACAddress" => real && value.to_lowercase().contains(mac),
                "Type" => value == if real { "ether" } else { "vlan" },
                _ => true,
            })
        })?;
        file.text.lines().find_map(|line| line.strip_prefix("Name=")).map(str::to_string)
    }

    /// Services that run write, wherever they may.
    pub(super) fn serve(&mut self) {
        for server in [Server::Old, Server::New] {
            let machine = self.machine(server);
            if !machine.on || machine.system != System::Own {
                continue;
            }
            let mut written: Vec<(String, bool)> = Vec::new();
            for unit in &self.old.units {
                if !machine.run.units.get(&unit.name).copied().unwrap_or(false) {
                    continue;
                }
                for path in &unit.writes {
                    let mount = machine.run.mounts.iter().filter(|mount| mount.namespace == 0).filter(|mount| {
                        let target = mount.target.trim_end_matches('/');
                        path.strip_prefix(target).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                    });
                    let Some(mount) = mount.max_by_key(|mount| mount.target.len()) else { continue };
                    if let (Backing::Disk(loc), false) = (&mount.backing, mount.read_only || mount.point_ro) {
                        written.push((loc.clone(), unit.acknowledges && server == Server::Old));
                    }
                }
            }
            let told = |(loc, told): (String, bool)| (loc, told && server == Server::Old);
            written.extend(self.written_by_others(server).into_iter().map(told));
            for (loc, acknowledged) in written {
                let Some(Written::Fs(fs)) = self.places.get_mut(&loc) else { continue };
                fs.generation += 1;
                if acknowledged {
                    fs.records += 1;
                    self.acknowledged.insert(fs.uuid.clone(), fs.records);
                }
            }
        }
    }
}

pub(super) fn sysctls() -> std::collections::BTreeMap<String, String> {
    let all = [("/proc/sys/dev/raid/speed_limit_max", "200000"), ("/proc/sys/dev/raid/speed_limit_min", "1000")];
    all.map(|(path, value)| (path.to_string(), value.to_string())).into()
}

pub(super) fn ram(name: &str, target: &str, fstype: &str) -> Mounted {
    Mounted {
        source: fstype.to_string(),
        target: target.to_string(),
        fstype: fstype.to_string(),
        read_only: false,
        point_ro: false,
        namespace: 0,
        options: "relatime".into(),
        backing: Backing::Ram(name.to_string()),
        root: String::new(),
        bind: false,
    }
}

fn kernel(fstype: &str, target: &str) -> Mounted {
    Mounted { backing: Backing::Kernel, root: target.to_string(), ..ram("", target, fstype) }
}

/// The mounts that every system has.
fn pseudo(mut first: Vec<Mounted>) -> Vec<Mounted> {
    first.extend([
        kernel("sysfs", "/sys"),
        kernel("proc", "/proc"),
        kernel("devtmpfs", "/dev"),
        ram("run", "/run", "tmpfs"),
    ]);
    first
}

/// The part of an address that a server makes of its card's MAC address: RFC 4291, appendix A.
fn interface_id(mac: &str) -> String {
    let bytes: Vec<u8> = mac.split(':').filter_map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    let [a, b, c, d, e, f] = bytes[..] else { panic!("not a MAC address: {mac}") };
    format!(
        "{:x}:{:x}:{:x}:{:x}",
        u16::from_be_bytes([a ^ 2, b]),
        u16::from_be_bytes([c, 0xff]),
        u16::from_be_bytes([0xfe, d]),
        u16::from_be_bytes([e, f])
    )
}
