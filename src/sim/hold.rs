//! New in its own initramfs: how such an image is made, how it comes onto new, and what it does when new boots with it.

use super::system::file_name;
use super::world::{Rehearsing, System, World};
use super::written::{File, Fs, Written};
use super::{Said, fail};
use crate::host::Server;

/// The pipe that such a system waits at.
pub(super) const PIPE: &str = "/run/replant/go";

/// What the image is told apart by, among the texts in it.
const WAITS: &str = "-- /etc/initramfs-tools/scripts/local-top/replant\n";

impl World {
    /// hold-build.sh
    pub(super) fn hold_build(&mut self, server: Server, args: &[&str]) -> Said {
        let [kernel, from, _work, file, host_key, keys, must @ ..] = args else { panic!("hold-build.sh {args:?}") };
        for needed in [host_key, keys] {
            if self.file(server, needed).is_none() {
                return fail(1, format!("cp: cannot stat '{needed}': No such file or directory\n"));
            }
        }
        let read = |name: &str| self.read_file(server, &format!("{from}/{name}")).unwrap_or_default();
        let listed = read("modules");
        let known = |module: &&str| self.machine(server).modules.iter().any(|one| one == module);
        let mut list = String::new();
        for module in listed.lines().filter(known).chain(["dm_mod", "target_core_iblock", "iscsi_target_mod"]) {
            list += &format!("usr/lib/modules/{kernel}/kernel/drivers/{}.ko\n", file_name(module));
        }
        list += "scripts/local-top/replant\nusr/sbin/mdadm\nusr/sbin/lvm\nusr/sbin/sshd\n";
        let plain = list.replace('_', "-");
        if let Some(lacks) = must.iter().find(|must| !plain.contains(&must.replace('_', "-"))) {
            return fail(1, format!("the initramfs for the new server lacks: {lacks}\n"));
        }
        let image = format!("{list}--\n{}{WAITS}{}", read("arrays.conf"), read("local-top.sh"));
        self.write_file(server, file, &image, 0o600).map(|()| String::new())
    }

    fn file_system(&mut self, server: Server, device: &str) -> Option<&mut Fs> {
        let dev = self.dev(server, device).filter(|dev| dev.live)?;
        match self.places.get_mut(&dev.loc) {
            Some(Written::Fs(fs)) => Some(fs),
            _ => None,
        }
    }

    /// boot-put.sh
    pub(super) fn boot_put(&mut self, server: Server, args: &[&str]) -> Said {
        let [device, _dir, name, file] = args else { panic!("boot-put.sh {args:?}") };
        let Some(text) = self.read_file(server, file) else {
            return fail(1, format!("sha256sum: {file}: No such file or directory\n"));
        };
        let Some(fs) = self.file_system(server, device) else {
            return fail(32, format!("mount: can't read superblock on {device}.\n"));
        };
        fs.files.insert(format!("/{name}"), File { text, mode: 0o600 });
        Ok(String::new())
    }

    /// hold-place.sh
    pub(super) fn hold_place(&mut self, server: Server, args: &[&str]) -> Said {
        let [device, uuid] = args else { panic!("hold-place.sh {args:?}") };
        let Some(dev) = self.dev(server, device).filter(|dev| dev.live) else {
            return fail(1, format!("The file {device} does not exist and no size was specified.\n"));
        };
        if self.busy(server, &dev) {
            return fail(1, format!("{device} is mounted; will not make a filesystem here!\n"));
        }
        let (kind, files) = ("ext3".to_string(), Default::default());
        let fs = Fs { kind, uuid: uuid.to_string(), size: dev.size, generation: 1, records: 0, dirty: false, files };
        self.places.insert(dev.loc, Written::Fs(fs));
        Ok(String::new())
    }

    /// hold-empty.sh
    pub(super) fn hold_empty(&mut self, server: Server, args: &[&str]) -> Said {
        let [device, uuid, _dir] = args else { panic!("hold-empty.sh {args:?}") };
        match self.file_system(server, device) {
            Some(fs) if fs.uuid == *uuid => {
                fs.files.clear();
                Ok(String::new())
            }
            _ => fail(1, format!("{device} has no file system {uuid} any more\n")),
        }
    }

    /// loader-tools.sh
    pub(super) fn loader_tools(&mut self, server: Server, args: &[&str]) -> Said {
        let [file] = args else { panic!("loader-tools.sh {args:?}") };
        self.write_file(server, file, "grub-install and what it needs", 0o600).map(|()| String::new())
    }

    /// loader-from-tools.sh
    pub(super) fn loader_from_tools(&mut self, server: Server, args: &[&str]) -> Said {
        let [device, _dir, name, disks @ ..] = args else { panic!("loader-from-tools.sh {args:?}") };
        const CORE: &str = "/grub/i386-pc/core.img";
        let tools = format!("/{name}");
        let Some(fs) = self.file_system(server, device) else {
            return fail(32, format!("mount: can't read superblock on {device}.\n"));
        };
        let (uuid, has, made) = (fs.uuid.clone(), fs.files.contains_key(&tools), fs.files.contains_key(CORE));
        if !has && !made {
            return fail(1, format!("{device} has neither {name} nor a boot loader\n"));
        }
        for disk in disks {
            let Some(dev) = self.dev(server, disk).filter(|dev| dev.kind == "disk") else {
                return fail(1, format!("grub-install: error: cannot find a device for {disk}.\n"));
            };
            if !has && !self.grub.contains_key(&dev.loc) {
                return fail(1, format!("{device} has no {name}, and {disk} no GRUB in its first sector\n"));
            }
            self.grub.insert(dev.loc, uuid.clone());
        }
        if let Some(fs) = self.file_system(server, device) {
            fs.files.remove(&tools);
            fs.files.insert(CORE.into(), File { text: "core".into(), mode: 0o644 });
        }
        Ok(String::new())
    }

    /// Whether an image waits on this server, and it is not told to go on.
    pub(super) fn waits(&self, server: Server, texts: &str) -> bool {
        let Some((_, script)) = texts.split_once(WAITS) else { return false };
        if server == Server::Old {
            return false; // it is known by its hardware, and leaves at once
        }
        let line = script.lines().find_map(|line| line.strip_prefix("groups=\"")).unwrap_or_default();
        let groups: Vec<&str> = line.trim_end_matches('"').split_whitespace().collect();
        assert!(!groups.is_empty(), "a hold without groups lets everything boot");
        !groups.iter().all(|name| {
            let tags = self.group(server, name).map(|view| view.group.tags).unwrap_or_default();
            tags.iter().any(|tag| script.contains(&format!("*,{tag},*)")))
        })
    }

    /// It waits, with arrays and groups as the boot has found them.
    pub(super) fn begin_hold(&mut self, server: Server) {
        let machine = self.machine_mut(server);
        machine.system = System::Hold;
        let run = &mut machine.run;
        run.addresses.clone_from(&machine.rescue_addresses);
        run.hostname = "(none)".into();
        let root = super::power::ram("rootfs", "/", "rootfs");
        run.mounts.insert(0, root);
        run.ram.insert("rootfs".into(), Default::default());
        run.sysctls = super::power::sysctls();
        let pipe = File { text: String::new(), mode: 0o600 };
        run.ram.entry("run".into()).or_default().insert(PIPE.trim_start_matches("/run").into(), pipe);
        for view in self.groups(server) {
            let _ = self.activate(server, &view);
        }
    }

    /// `release::GO`
    pub(super) fn hold_go(&mut self, server: Server, args: &[&str]) -> Said {
        let [tag, groups @ ..] = args else { panic!("hold-go.sh {args:?}") };
        if self.machine(server).run.rehearsal.is_some() {
            return fail(1, "a rehearsal is on: it ends by a reset\n");
        }
        if let Some(target) = self.machine(server).run.lio.first() {
            return fail(1, format!("{} is still exported\n", target.iqn));
        }
        for name in groups {
            let mut view = self.group(server, name)?;
            if !view.group.tags.iter().any(|one| one == tag) {
                view.group.tags.push(tag.to_string());
            }
            self.write_group(server, view);
        }
        if self.machine(server).system == System::Hold {
            // initramfs-tools(7) moves /run to the system that it starts
            let run = self.machine(server).run.ram.get("run").cloned().unwrap_or_default();
            self.up(server, false);
            self.machine_mut(server).run.ram.entry("run".into()).or_default().extend(run);
            let _ = self.remove_file(server, PIPE);
            self.links_live();
        }
        Ok(String::new())
    }

    /// rehearse.sh
    pub(super) fn rehearse(&mut self, server: Server, args: &[&str]) -> Said {
        let [_mib, _limit, tag, groups @ ..] = args else { panic!("rehearse.sh {args:?}") };
        if self.machine(server).run.rehearsal.is_some() {
            return fail(1, "a rehearsal has been begun here: it ends by a reset\n");
        }
        if self.machine(server).system != System::Hold || !self.exists(server, PIPE) {
            return fail(1, format!("nobody holds here: there is no pipe {PIPE}\n"));
        }
        if let Some(target) = self.machine(server).run.lio.first() {
            return fail(1, format!("{} is still exported\n", target.iqn));
        }
        for name in groups {
            if self.group(server, name)?.group.tags.iter().any(|one| one == tag) {
                return fail(1, format!("{name} bears the tag {tag}: new is let go on already\n"));
            }
        }
        // what it sees: the same disks, of which it changes nothing but its own snapshots
        let mut seen = self.clone();
        seen.acknowledged.clear();
        for name in groups {
            let mut view = seen.group(server, name)?;
            view.group.tags.push(tag.to_string());
            seen.write_group(server, view);
        }
        seen.up(server, false);
        let written = if self.leaks { self.leak(server, groups)? } else { 0 };
        self.machine_mut(server).run.rehearsal = Some(Rehearsing { world: Box::new(seen), looks: 0, written });
        self.remove_file(server, PIPE).map(|()| String::new())
    }

    /// What it writes reaches the volumes: none of them is what old has, and no array on old knows.
    fn leak(&mut self, server: Server, groups: &[&str]) -> Result<u64, super::Fail> {
        for name in groups {
            let view = self.group(server, name)?;
            let all: Vec<_> = view.group.lvs.iter().filter_map(|lv| view.leg_loc(&lv.legs[0])).collect();
            for loc in all {
                if matches!(self.places.get(&loc), Some(Written::Fs(_))) {
                    self.places.insert(loc, Written::Torn);
                }
            }
        }
        for under in &mut self.old.run.below {
            under.lost |= under.known;
        }
        Ok(8)
    }

    /// `doing::DOING`
    pub(super) fn hold_stage(&mut self, server: Server) -> String {
        let machine = self.machine_mut(server);
        let holds = machine.system == System::Hold;
        let Some(rehearsal) = &mut machine.run.rehearsal else {
            let pipe = holds && self.exists(server, PIPE);
            return if pipe { "holds\n".into() } else { String::new() };
        };
        rehearsal.looks += 1;
        let system = match (&rehearsal.world.machine(server).system, rehearsal.looks) {
            (_, 1) => "starting",
            (System::Own, _) => "running",
            _ => "maintenance",
        };
        format!("rehearsal went 300.00\nwritten md1 {}\nsystem {system}\n", rehearsal.written)
    }

    /// `held_again::RESET`
    pub(super) fn hold_reset(&mut self, server: Server) -> Said {
        if self.machine(server).run.rehearsal.is_none() {
            return fail(1, "no rehearsal is on\n");
        }
        self.reboot(server);
        Ok(String::new())
    }

    /// `look::ROOM`
    pub(super) fn rehearsal_room(&self, server: Server, groups: &[&str]) -> String {
        let volumes = groups.iter().filter_map(|name| self.group(server, name).ok()).map(|view| view.group.lvs.len());
        let mut text = format!("memory {}\nvolumes {}\n", self.machine(server).memory >> 10, volumes.sum::<usize>());
        for module in ["dm_snapshot", "brd", "veth"] {
            if self.machine(server).lacks.iter().any(|lacks| lacks == module) {
                text += &format!("lacks {module}\n");
            }
        }
        text
    }

    /// `look::REPORT`
    pub(super) fn rehearsal_report(&self, server: Server, units: &[&str]) -> String {
        let Some(rehearsal) = &self.machine(server).run.rehearsal else { return String::new() };
        let there = rehearsal.world.machine(server);
        let mut text = "went 300.00\nnow 331.00\n".to_string();
        if there.system != System::Own {
            return text + "system maintenance\nfinished 0\n";
        }
        text += "system running\nfinished 330000000\n";
        for unit in units {
            let runs = there.run.units.get(*unit).copied().unwrap_or_default();
            text += &format!("unit {unit} {}\n", if runs { "active 328000000" } else { "inactive 0" });
        }
        let mounts = there.run.mounts.iter().map(|mount| format!("mount {}\n", mount.target));
        text + &mounts.collect::<String>() + &self.listens()
    }

    /// `look::LISTENS`
    pub(super) fn listens(&self) -> String {
        "listen tcp 0.0.0.0:22\nlisten tcp [::]:22\n".into()
    }

    /// Whether it stands on a file system in memory.
    pub fn in_hold(&self) -> bool {
        self.new.system == System::Hold
    }

    /// Somebody boots new's rescue system again.
    pub fn into_rescue(&mut self) {
        self.new.own_disks = false;
        self.reboot(Server::New);
    }
}
