//! Files, by the mounts they are under, and the kernel's own files, which are made when they are read.

use serde_json::{Value, json};

use super::world::{Backing, Mounted, World};
use super::written::{File, Files, Written};
use super::{Fail, Said, fail};
use crate::host::Server;

pub(super) const KERNEL: &str = "6.1.0-50-amd64";

impl World {
    pub(super) fn mount_at(&self, server: Server, path: &str) -> Option<&Mounted> {
        let below = |mount: &&Mounted| {
            let target = mount.target.trim_end_matches('/');
            mount.namespace == 0
                && path.strip_prefix(target).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mounts = self.machine(server).run.mounts.iter().enumerate();
        let found = mounts
            .filter(|(_, mount)| below(mount))
            .max_by_key(|(at, mount)| (mount.target.trim_end_matches('/').len(), *at));
        found.map(|(_, mount)| mount)
    }

    /// The path within the file system, or within the kernel's.
    fn inner(mount: &Mounted, path: &str) -> String {
        let rest = &path[mount.target.trim_end_matches('/').len()..];
        format!("{}{rest}", mount.root)
    }

    fn files_of(&self, server: Server, backing: &Backing) -> Option<&Files> {
        match backing {
            Backing::Disk(loc) => match self.places.get(loc) {
                Some(Written::Fs(fs)) => Some(&fs.files),
                _ => None,
            },
            Backing::Ram(name) => self.machine(server).run.ram.get(name),
            Backing::Kernel => None,
        }
    }

    pub(super) fn file(&self, server: Server, path: &str) -> Option<File> {
        let mount = self.mount_at(server, path)?;
        let inner = World::inner(mount, path);
        if mount.backing == Backing::Kernel {
            return self.kernel_file(server, &inner).map(|text| File { text, mode: 0o444 });
        }
        self.files_of(server, &mount.backing)?.get(&inner).cloned()
    }

    /// A file's text as the running system sees it through its mounts; none where there is no such file.
    pub fn read_file(&self, server: Server, path: &str) -> Option<String> {
        self.file(server, path).map(|file| file.text)
    }

    /// Every file below a directory, by its full path.
    pub(crate) fn files_below(&self, server: Server, directory: &str) -> Vec<(String, File)> {
        let Some(mount) = self.mount_at(server, directory) else { return Vec::new() };
        let inner = format!("{}/", World::inner(mount, directory).trim_end_matches('/'));
        let Some(files) = self.files_of(server, &mount.backing) else { return Vec::new() };
        let below = files.iter().filter(|(path, _)| path.starts_with(&inner));
        let full = |path: &String| format!("{}/{}", directory.trim_end_matches('/'), &path[inner.len()..]);
        below.map(|(path, file)| (full(path), file.clone())).collect()
    }

    pub(super) fn read_only(&self, server: Server, path: &str) -> bool {
        self.mount_at(server, path).is_some_and(|mount| mount.read_only || mount.point_ro)
    }

    fn change(&mut self, server: Server, path: &str, to: Option<File>) -> Result<(), Fail> {
        let Some(mount) = self.mount_at(server, path).cloned() else {
            return fail(1, format!("{path}: No such file or directory\n"));
        };
        let inner = World::inner(&mount, path);
        if mount.backing == Backing::Kernel {
            if to.is_none() {
                return Ok(());
            }
            if inner.starts_with("/proc/sys/") {
                let text = to.map(|file| file.text.trim().to_string()).unwrap_or_default();
                self.machine_mut(server).run.sysctls.insert(inner, text);
                return Ok(());
            }
            return fail(1, format!("{path}: Permission denied\n"));
        }
        let there = self.files_of(server, &mount.backing).is_some_and(|files| files.contains_key(&inner));
        if (mount.read_only || mount.point_ro) && (to.is_some() || there) {
            return fail(1, format!("{path}: Read-only file system\n"));
        }
        let files = match &mount.backing {
            Backing::Disk(loc) => match self.places.get_mut(loc) {
                Some(Written::Fs(fs)) => {
                    fs.generation += 1;
                    &mut fs.files
                }
                _ => return fail(1, format!("{path}: Input/output error\n")),
            },
            Backing::Ram(name) => self.machine_mut(server).run.ram.entry(name.clone()).or_default(),
            Backing::Kernel => return Ok(()),
        };
        match to {
            Some(file) => drop(files.insert(inner, file)),
            None => drop(files.remove(&inner)),
        }
        Ok(())
    }

    /// Writes a file through the mounts of the running system.
    ///
    /// # Errors
    /// Where nothing is mounted that it could go to, or what is mounted cannot be written to.
    pub fn write_file(&mut self, server: Server, path: &str, text: &str, mode: u32) -> Result<(), Fail> {
        self.change(server, path, Some(File { text: text.to_string(), mode }))
    }

    /// Removes a file; that there is none is no error, as for `rm -f`.
    ///
    /// # Errors
    /// Where it is on something that cannot be written to.
    pub fn remove_file(&mut self, server: Server, path: &str) -> Result<(), Fail> {
        self.change(server, path, None)
    }

    /// `[ -e PATH ]`, of files, devices and directories that hold something.
    pub fn exists(&self, server: Server, path: &str) -> bool {
        self.file(server, path).is_some()
            || path.starts_with("/dev/") && self.dev(server, path).is_some()
            || !self.files_below(server, path).is_empty()
    }

    fn kernel_file(&self, server: Server, path: &str) -> Option<String> {
        let machine = self.machine(server);
        let run = &machine.run;
        Some(match path {
            "/proc/sys/kernel/hostname" => format!("{}\n", run.hostname),
            "/proc/sys/kernel/osrelease" => format!("{KERNEL}\n"),
            "/proc/sys/kernel/random/boot_id" => {
                let of = if server == Server::Old { 1 } else { 2 };
                format!("5d1c6a44-6a0e-4b53-9d4b-0000000{of}{:04}\n", machine.boots)
            }
            "/sys/class/dmi/id/product_uuid" => format!("{}\n", machine.uuid),
            "/proc/meminfo" => {
                let kib = machine.memory / 1024;
                format!("MemTotal:       {kib} kB\nMemFree:        100000 kB\nMemAvailable:   {} kB\n", kib / 2)
            }
            "/proc/cmdline" => format!("BOOT_IMAGE=/vmlinuz-{KERNEL} root={} ro quiet\n", self.root_source(server)),
            "/proc/self/mounts" => run.mounts.iter().filter(|mount| mount.namespace == 0).map(mounts_line).collect(),
            "/proc/self/mountinfo" => self.mountinfo(server, 0),
            "/proc/swaps" => {
                let mut text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n".to_string();
                let devs = self.devices(server);
                for loc in &run.swaps {
                    let Some(dev) = devs.iter().find(|dev| dev.loc == *loc && !dev.image()) else { continue };
                    text += &format!("{:<40}partition\t{}\t\t0\t\t-2\n", dev.real(), dev.size / 1024 - 4);
                }
                text
            }
            "/proc/mdstat" if run.arrays.is_empty() => return None,
            "/proc/mdstat" => self.mdstat(server),
            _ => match run.sysctls.get(path) {
                Some(value) => format!("{value}\n"),
                None => {
                    let name = path.strip_prefix("/sys/class/iscsi_session/session")?.strip_suffix("/targetname")?;
                    let at: usize = name.parse().ok()?;
                    format!("{}\n", run.sessions.get(at.checked_sub(1)?)?.iqn)
                }
            },
        })
    }

    fn root_source(&self, server: Server) -> String {
        let root = self.machine(server).run.mounts.iter().find(|mount| mount.target == "/");
        root.map(|mount| mount.source.clone()).unwrap_or_default()
    }

    fn mdstat(&self, server: Server) -> String {
        let devs = self.devices(server);
        let mut text = "Personalities : [raid1] [raid10] \n".to_string();
        for array in &self.machine(server).run.arrays {
            let Some(dev) = devs.iter().find(|dev| dev.kname == array.name) else { continue };
            let member = |(at, loc): (usize, &String)| {
                let name = devs.iter().find(|dev| dev.loc == *loc).map_or("?", |dev| dev.kname.as_str());
                format!("{name}[{at}]{}", if array.failed.contains(loc) { "(F)" } else { "" })
            };
            let members: Vec<String> = array.members.iter().enumerate().rev().map(member).collect();
            text += &format!("{} : active {} {}\n", array.name, dev.kind, members.join(" "));
            let letter = |loc: &String| if array.failed.contains(loc) { '_' } else { 'U' };
            let health: String = array.members.iter().map(letter).collect();
            let (all, working) = (array.members.len(), array.members.len() - array.failed.len());
            let blocks = dev.size / 1024;
            text += &format!("      {blocks} blocks super 1.2 [{all}/{working}] [{health}]\n");
            if array.resync {
                let done = blocks / 6;
                text += &format!(
                    "      [===>.................]  resync = 16.6% ({done}/{blocks}) finish=51.9min speed=2082K/sec\n"
                );
            }
            text += "      \n";
        }
        text + "unused devices: <none>\n"
    }

    /// `findmnt -J --real`
    pub(super) fn findmnt(&self, server: Server) -> Said {
        let real: Vec<&Mounted> = self
            .machine(server)
            .run
            .mounts
            .iter()
            .filter(|mount| matches!(mount.backing, Backing::Disk(_)) && mount.namespace == 0)
            .collect();
        if real.is_empty() {
            return Err(Fail { code: 1, err: String::new(), out: String::new() });
        }
        let parent = |mount: &Mounted| {
            let above = real.iter().filter(|other| {
                other.target != mount.target
                    && (other.target == "/" || mount.target.starts_with(&format!("{}/", other.target)))
            });
            above.max_by_key(|other| other.target.len()).map(|other| other.target.clone())
        };
        fn node(
            world: &World,
            mount: &Mounted,
            real: &[&Mounted],
            parent: &dyn Fn(&Mounted) -> Option<String>,
        ) -> Value {
            let (size, uuid) = match &mount.backing {
                Backing::Disk(loc) => match world.places.get(loc) {
                    Some(Written::Fs(fs)) => (fs.size, fs.uuid.clone()),
                    _ => (0, String::new()),
                },
                _ => (0, String::new()),
            };
            let children: Vec<Value> = real
                .iter()
                .filter(|other| parent(other).as_deref() == Some(&mount.target))
                .map(|other| node(world, other, real, parent))
                .collect();
            let mut value = json!({
                "target": mount.target, "source": mount.source, "fstype": mount.fstype, "options": options(mount),
                "size": size, "used": size / 3, "avail": size / 2, "uuid": uuid,
            });
            if !children.is_empty() {
                value["children"] = children.into();
            }
            value
        }
        let roots: Vec<Value> = real
            .iter()
            .filter(|mount| parent(mount).is_none())
            .map(|mount| node(self, mount, &real, &parent))
            .collect();
        Ok(serde_json::to_string_pretty(&json!({ "filesystems": roots })).unwrap_or_default() + "\n")
    }

    pub(super) fn mount(&mut self, server: Server, argv: &[&str]) -> Said {
        match argv {
            ["-o", options, target] if options.starts_with("remount,") => {
                self.remount(server, target, *options == "remount,ro")
            }
            ["--bind", source, target] => self.bind(server, source, target),
            [source, target] => self.mount_device(server, source, target, false),
            other => panic!("the simulated server knows no `mount {}`", other.join(" ")),
        }
    }

    pub(super) fn mount_device(&mut self, server: Server, source: &str, target: &str, read_only: bool) -> Said {
        let Some(dev) = self.dev(server, source) else {
            return fail(32, format!("mount: {target}: special device {source} does not exist.\n"));
        };
        let run = &self.machine(server).run;
        if run.mounts.iter().any(|m| m.target == target && m.backing == Backing::Disk(dev.loc.clone())) {
            return fail(32, format!("mount: {target}: {source} already mounted on {target}.\n"));
        }
        let (Some(Written::Fs(fs)), true) = (self.places.get(&dev.loc), dev.live) else {
            return fail(
                32,
                format!(
                    "mount: {target}: wrong fs type, bad option, bad superblock on {source}, missing codepage or helper program, or other error.\n"
                ),
            );
        };
        for other in [Server::Old, Server::New].into_iter().filter(|other| *other != server) {
            let run = &self.machine(other).run;
            let twice = run.mounts.iter().any(|m| m.backing == Backing::Disk(dev.loc.clone()) && !m.read_only);
            assert!(!twice, "{source} is mounted on both servers");
        }
        let shown = if dev.kind == "lvm" { format!("/dev/mapper/{}", dev.name) } else { dev.path.clone() };
        let mounted = Mounted {
            source: shown,
            target: target.to_string(),
            fstype: fs.kind.clone(),
            read_only,
            point_ro: false,
            namespace: 0,
            options: "relatime".into(),
            backing: Backing::Disk(dev.loc.clone()),
            root: String::new(),
            bind: false,
        };
        if let Some(Written::Fs(fs)) = self.places.get_mut(&dev.loc) {
            fs.dirty = !read_only;
        }
        self.machine_mut(server).run.mounts.push(mounted);
        Ok(String::new())
    }

    /// A directory that something is mounted on; of others nobody binds any.
    fn bind(&mut self, server: Server, source: &str, target: &str) -> Said {
        let Some(mount) = self.machine(server).run.mounts.iter().rfind(|mount| mount.target == source) else {
            return fail(32, format!("mount: {target}: special device {source} does not exist.\n"));
        };
        let mount = Mounted { target: target.to_string(), bind: true, ..mount.clone() };
        self.machine_mut(server).run.mounts.push(mount);
        Ok(String::new())
    }

    /// `activity::query`: what acknowledges to the outside listens, too.
    pub(super) fn activity(&self, server: Server) -> String {
        let machine = self.machine(server);
        let runs = |name: &String| machine.run.units.get(name).copied().unwrap_or(false);
        let [mut listening, mut writing, mut groups, mut wakers] = [const { String::new() }; 4];
        for (at, unit) in machine.units.iter().enumerate().filter(|(_, unit)| runs(&unit.name)) {
            let (pid, name) = (300 + at, unit.name.trim_end_matches(".service"));
            groups += &format!("/proc/{pid}/cgroup:0::/system.slice/{}\n", unit.name);
            if unit.acknowledges {
                let users = format!("users:((\"{name}\",pid={pid},fd=3))");
                listening += &format!("tcp LISTEN 0 128 0.0.0.0:{} 0.0.0.0:* {users}\n", 7000 + at);
            }
            for mount in unit.writes.iter().filter_map(|path| self.mount_at(server, path)) {
                writing += &format!("{pid} {} {name}\n", mount.source);
            }
            for waker in unit.woken_by.iter().filter(|name| runs(name)) {
                wakers += &format!("Id={waker}\nActiveState=active\nTriggers={}\n\n", unit.name);
            }
        }
        format!("@listening\n{listening}@writing\n{writing}@groups\n{groups}@wakers\n{wakers}@end\n")
    }

    pub(super) fn umount(&mut self, server: Server, argv: &[&str]) -> Said {
        let ["--recursive", target] = argv else { panic!("the simulated server knows no `umount {argv:?}`") };
        let below = format!("{target}/");
        let inside = |mount: &Mounted| mount.target == *target || mount.target.starts_with(&below);
        if !self.machine(server).run.mounts.iter().any(|mount| mount.target == *target) {
            return fail(1, format!("umount: {target}: not mounted\n"));
        }
        if *target == "/"
            || self.machine(server).run.mounts.iter().filter(|mount| inside(mount)).any(|mount| {
                match &mount.backing {
                    Backing::Disk(loc) => self.holds(server, loc),
                    _ => false,
                }
            })
        {
            return fail(32, format!("umount: {target}: target is busy.\n"));
        }
        let gone: Vec<Mounted> = self.machine(server).run.mounts.iter().filter(|m| inside(m)).cloned().collect();
        self.machine_mut(server).run.mounts.retain(|mount| !inside(mount));
        for mount in gone.iter().filter(|mount| !mount.bind) {
            if let Backing::Disk(loc) = &mount.backing
                && let Some(Written::Fs(fs)) = self.places.get_mut(loc)
            {
                fs.dirty = false;
            }
        }
        Ok(String::new())
    }
}

pub(super) fn options(mount: &Mounted) -> String {
    format!("{},{}", if mount.read_only || mount.point_ro { "ro" } else { "rw" }, mount.options)
}

/// As /proc/self/mounts has it.
pub(super) fn mounts_line(mount: &Mounted) -> String {
    let target = mount.target.replace(' ', "\\040");
    format!("{} {target} {} {} 0 0\n", mount.source, mount.fstype, options(mount))
}
