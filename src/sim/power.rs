//! Power, and what a boot finds: GRUB, the initramfs, arrays, groups, fstab, the network card's name. Whatever is wrong
//! with any of these keeps a server from coming up, as it does in life.

use super::files::KERNEL;
use super::lvm::View;
use super::mdadm::Known;
use super::system::file_name;
use super::world::{Backing, Mounted, Run, System, World, Written};
use crate::host::{PowerTo, Server, Side};

type Up = Result<(), String>;

/// What the hook in old's initramfs must say of a group to bring it up without new.
fn gives_up(hook: &str, group: &str) -> bool {
    hook.contains(&format!("vgreduce --removemissing --mirrorsonly --force {group}\n"))
        || hook.contains(&format!("vgreduce --removemissing --mirrorsonly --force {group} "))
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
            Side::New => up(Server::New, &System::Rescue).then_some(Server::New),
            Side::Old | Side::Migrated => {
                [self.louder, self.louder.other()].into_iter().find(|server| up(*server, &System::Own))
            }
        }
    }

    pub fn power(&mut self, server: Server, to: PowerTo) {
        match to {
            PowerTo::Off => self.off(server),
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
        if let Err(why) = self.boot_own(server) {
            self.machine_mut(server).system = System::None(why);
            return;
        }
        self.machine_mut(server).system = System::Own;
        if server == Server::New {
            for (uuid, generation) in &self.acknowledged {
                let has = self.machine(server).run.mounts.iter().find_map(|mount| match &mount.backing {
                    Backing::Disk(loc) => match self.places.get(loc) {
                        Some(Written::Fs(fs)) if fs.uuid == *uuid => Some(fs.generation),
                        _ => None,
                    },
                    _ => None,
                });
                assert!(
                    has.is_some_and(|has| has >= *generation),
                    "new has {has:?} of file system {uuid}, but {generation} was acknowledged: records are lost"
                );
            }
        }
    }

    fn boot_rescue(&mut self, server: Server) {
        let machine = self.machine_mut(server);
        machine.run = Run {
            hostname: machine.rescue_hostname.clone(),
            card: "eth0".into(),
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

    fn boot_own(&mut self, server: Server) -> Up {
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
        self.machine_mut(server).run = Run::default();
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
        for view in self.groups(server) {
            self.bring_up(server, view, list, texts);
        }
        self.mount_device(server, &root, "/", false).map_err(|error| format!("no root: {}", error.err))?;
        self.start(server)
    }

    /// What udev's rule does with a whole group and the boot hook with one that misses the other server's disk.
    fn bring_up(&mut self, server: Server, mut view: View, list: &str, texts: &str) {
        let name = view.group.name.clone();
        if view.partial() {
            let hook = list.lines().any(|line| line == "scripts/local-block/replant") && gives_up(texts, &name);
            if !hook {
                return;
            }
            self.give_up(server, &view);
            let Ok(again) = self.group(server, &name) else { return };
            view = again;
        }
        // one after the other: what cannot be activated does not hinder the rest
        for lv in view.group.lvs.clone() {
            let mut one = view.clone();
            one.group.lvs = vec![lv];
            let _ = self.activate(server, &one);
        }
    }

    /// From the mounted root on: fstab, name, network, units.
    fn start(&mut self, server: Server) -> Up {
        let fstab = self.read_file(server, "/etc/fstab").unwrap_or_default();
        for line in fstab.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let [source, target, kind, options, ..] = line.split_whitespace().collect::<Vec<_>>()[..] else {
                continue;
            };
            // of the network, of the kernel, a directory, a file, or nothing that a boot mounts
            let aside = ["noauto", "bind", "rbind", "loop", "_netdev"];
            if options.split(',').any(|one| aside.contains(&one))
                || matches!(kind, "tmpfs" | "proc" | "sysfs" | "none")
            {
                continue;
            }
            let tags = [
                ("UUID=", "by-uuid"),
                ("LABEL=", "by-label"),
                ("PARTUUID=", "by-partuuid"),
                ("PARTLABEL=", "by-partlabel"),
            ];
            let tagged = tags.iter().find_map(|(tag, dir)| {
                Some(format!("/dev/disk/{dir}/{}", source.strip_prefix(tag)?.trim_matches('"')))
            });
            let device = tagged.unwrap_or_else(|| source.to_string());
            if !device.starts_with("/dev/") {
                continue;
            }
            if kind == "swap" {
                // a swap that is not there makes nobody wait for ever
                let _ = self.swapon(server, &device);
            } else if target != "/"
                && let Err(error) =
                    self.mount_device(server, &device, target, options.split(',').any(|one| one == "ro"))
                && !options.contains("nofail")
            {
                return Err(format!("emergency mode: {}", error.err));
            }
        }
        let card = self.card_name(server);
        let interfaces = self.read_file(server, "/etc/network/interfaces").unwrap_or_default();
        let mut addresses = Vec::new();
        let mut on = false;
        for line in interfaces.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["iface", name, ..] => on = *name == card,
                ["address", address] if on => addresses.push(address.to_string()),
                _ => {}
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
        let mut units: std::collections::BTreeMap<String, bool> =
            self.old.units.iter().map(|unit| (unit.name.clone(), !unit.disabled)).collect();
        if self.installed(server, "open-iscsi") {
            units.extend([("iscsid.service".to_string(), false), ("iscsid.socket".into(), true)]);
            units.insert("open-iscsi.service".into(), false);
        }
        let hostname = self.read_file(server, "/etc/hostname").unwrap_or_default().trim().to_string();
        let machine = self.machine_mut(server);
        let run = &mut machine.run;
        (run.card, run.addresses, run.units, run.hostname) = (card, addresses, units, hostname);
        run.sysctls = sysctls();
        Ok(())
    }

    /// systemd.link(5) first, then the rules of old systems, then the card's own.
    fn card_name(&self, server: Server) -> String {
        let machine = self.machine(server);
        let mac = machine.card.mac.to_lowercase();
        for (path, file) in self.files_below(server, "/etc/systemd/network") {
            let value = |key: &str| file.text.lines().find_map(|line| line.strip_prefix(key));
            let ours = value("MACAddress=").is_some_and(|found| found.to_lowercase() == mac);
            if let (true, true, Some(name)) = (path.ends_with(".link"), ours, value("Name=")) {
                return name.to_string();
            }
        }
        let rules = self.read_file(server, "/etc/udev/rules.d/70-persistent-net.rules").unwrap_or_default();
        let line = rules.lines().find(|line| line.to_lowercase().contains(&mac));
        let named = line.and_then(|line| line.split("NAME=\"").nth(1)).and_then(|rest| rest.split('"').next());
        named.map_or(machine.card.name.clone(), str::to_string)
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
                    let mount = machine.run.mounts.iter().filter(|mount| {
                        let target = mount.target.trim_end_matches('/');
                        path.strip_prefix(target).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                    });
                    let Some(mount) = mount.max_by_key(|mount| mount.target.len()) else { continue };
                    if let (Backing::Disk(loc), false) = (&mount.backing, mount.read_only) {
                        written.push((loc.clone(), unit.acknowledges && server == Server::Old));
                    }
                }
            }
            for (loc, acknowledged) in written {
                let Some(Written::Fs(fs)) = self.places.get_mut(&loc) else { continue };
                fs.generation += 1;
                if acknowledged {
                    self.acknowledged.insert(fs.uuid.clone(), fs.generation);
                }
            }
        }
    }
}

fn sysctls() -> std::collections::BTreeMap<String, String> {
    let all = [("/proc/sys/dev/raid/speed_limit_max", "200000"), ("/proc/sys/dev/raid/speed_limit_min", "1000")];
    all.map(|(path, value)| (path.to_string(), value.to_string())).into()
}

fn ram(name: &str, target: &str, fstype: &str) -> Mounted {
    Mounted {
        source: fstype.to_string(),
        target: target.to_string(),
        fstype: fstype.to_string(),
        read_only: false,
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
