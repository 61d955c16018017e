//! What uses the file systems and volumes of a running system: processes, loop devices, stale files; and what ends them.

use super::world::{Backing, Mounted, Process, World};
use super::written::{Loc, Written};
use super::{Said, fail};
use crate::host::Server;
use crate::step::quiet::let_go;

/// Of systemd itself.
const INIT: &str = "init.scope";

impl World {
    fn runs(&self, server: Server, unit: &str) -> bool {
        unit == INIT || self.machine(server).run.units.get(unit) == Some(&true)
    }

    /// The file system that a path leads to in a mount namespace.
    fn mount_in(&self, server: Server, namespace: u32, path: &str) -> Option<&Mounted> {
        if namespace == 0 {
            return self.mount_at(server, path);
        }
        let below = |mount: &&Mounted| {
            let target = mount.target.trim_end_matches('/');
            mount.namespace == namespace
                && path.strip_prefix(target).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let all = self.machine(server).run.mounts.iter().filter(below);
        all.max_by_key(|mount| mount.target.len()).or_else(|| self.mount_at(server, path))
    }

    fn is_on(&self, server: Server, namespace: u32, path: &str, loc: &Loc) -> bool {
        self.mount_in(server, namespace, path).is_some_and(|mount| mount.backing == Backing::Disk(loc.clone()))
    }

    /// Who keeps a file system from being unmounted or made read-only: `EBUSY`.
    pub(super) fn holds(&self, server: Server, loc: &Loc) -> bool {
        let machine = self.machine(server);
        let units = machine.units.iter().filter(|unit| self.runs(server, &unit.name));
        let stale = machine.run.stale.iter().filter(|(unit, _)| self.runs(server, unit));
        let on = |namespace: u32, path: &String| self.is_on(server, namespace, path, loc);
        units.flat_map(|unit| &unit.writes).any(|path| on(0, path))
            || stale.flat_map(|(_, paths)| paths).any(|path| on(0, path))
            || machine
                .run
                .processes
                .iter()
                .any(|process| process.writes.iter().chain(&process.deleted).any(|path| on(process.namespace, path)))
            || machine.run.loops.iter().any(|lo| !lo.read_only && on(0, &lo.file))
    }

    /// What programs outside of units write, and loop devices: the places, and whether somebody outside was told.
    pub(super) fn written_by_others(&self, server: Server) -> Vec<(Loc, bool)> {
        let run = &self.machine(server).run;
        let mut all = Vec::new();
        let mut file = |mount: Option<&Mounted>, told: bool| {
            if let Some(mount) = mount
                && let (Backing::Disk(loc), false) = (&mount.backing, mount.read_only || mount.point_ro)
            {
                all.push((loc.clone(), told));
            }
        };
        for process in &run.processes {
            for path in &process.writes {
                file(self.mount_in(server, process.namespace, path), process.acknowledges);
            }
        }
        for lo in run.loops.iter().filter(|lo| !lo.read_only) {
            file(self.mount_at(server, &lo.file), true);
        }
        all.extend(run.lazy.iter().map(|loc| (loc.clone(), true)));
        for process in &run.processes {
            let devices = process.raw.iter().filter_map(|path| self.dev(server, path));
            all.extend(devices.map(|dev| (dev.loc, process.acknowledges)));
        }
        all
    }

    /// The number of the device that a mount is of; btrfs and what has no device have one that stands for none.
    fn number(&self, server: Server, mount: &Mounted) -> String {
        let devs = self.devices(server);
        let at = match &mount.backing {
            Backing::Disk(loc) => devs.iter().position(|dev| dev.loc == *loc && !dev.image()),
            _ => None,
        };
        let Some(at) = at else { return "0:20".into() };
        match devs[at].kname.strip_prefix("dm-") {
            _ if mount.fstype == "btrfs" => format!("0:{}", 50 + at),
            Some(minor) => format!("254:{minor}"),
            None => format!("8:{at}"),
        }
    }

    pub(super) fn mountinfo(&self, server: Server, namespace: u32) -> String {
        let mounts = self.machine(server).run.mounts.iter().enumerate();
        let line = |(at, mount): (usize, &Mounted)| {
            let target = mount.target.replace(' ', "\\040");
            let number = self.number(server, mount);
            let root = if mount.root.is_empty() { "/" } else { &mount.root };
            let point = if mount.read_only || mount.point_ro { "ro" } else { "rw" };
            let whole = if mount.read_only { "ro" } else { "rw" };
            format!(
                "{} 1 {number} {root} {target} {point},relatime - {} {} {whole}\n",
                20 + at,
                mount.fstype,
                mount.source
            )
        };
        mounts.filter(|(_, mount)| mount.namespace == namespace).map(line).collect()
    }

    /// `writers::query`
    pub(super) fn writers_answer(&self, server: Server) -> String {
        let run = &self.machine(server).run;
        let devs = self.devices(server);
        let mut text = "@maps\n".to_string();
        for dev in devs.iter().filter(|dev| dev.kname.starts_with("dm-")) {
            let above = devs.iter().filter(|other| other.parents.contains(&dev.kname)).count();
            let backing = Backing::Disk(dev.loc.clone());
            let mounted = !dev.image() && run.mounts.iter().any(|mount| mount.backing == backing);
            let swap = !dev.image() && run.swaps.contains(&dev.loc);
            let is = |path: &String| dev.path == *path || dev.links.contains(path);
            let raw = run.processes.iter().flat_map(|process| &process.raw).filter(|path| is(path)).count();
            let lazy = run.lazy.iter().filter(|loc| **loc == dev.loc && !dev.image()).count();
            let open = above + usize::from(mounted) + usize::from(swap) + raw + lazy;
            text += &format!("{} 254 {} {open}\n", dev.name, &dev.kname[3..]);
        }
        text += "@above\n";
        for dev in devs.iter().filter(|dev| dev.kname.starts_with("dm-")) {
            for other in devs.iter().filter(|other| other.parents.contains(&dev.kname)) {
                let number = other.kname.trim_start_matches("dm-");
                text += &format!("{} 254:{number} {}\n", dev.kname, other.kname);
            }
        }
        text += "@swaps\n";
        text += &self.read_file(server, "/proc/swaps").unwrap_or_default();
        text += "@loops\n";
        for lo in &run.loops {
            let number = self.mount_at(server, &lo.file).map_or("0:6".into(), |mount| self.number(server, mount));
            text += &format!("{} {} {number} {}\n", lo.path, u8::from(lo.read_only), lo.file.replace(' ', "\\x20"));
        }
        text += "@holders\n";
        let spaces = run.mounts.iter().map(|mount| mount.namespace).collect::<std::collections::BTreeSet<_>>();
        for space in spaces {
            text += &if space == 0 { "namespace own\n".into() } else { format!("namespace /proc/{}\n", 900 + space) };
            let all = self.mountinfo(server, space);
            text += &all
                .lines()
                .filter(|line| line.contains(" /dev/"))
                .map(|line| format!("{line}\n"))
                .collect::<String>();
        }
        for (pid, name, unit, does, path, namespace) in self.users(server) {
            let group = match unit.as_str() {
                "" => "-".to_string(),
                INIT => "/init.scope".into(),
                unit => format!("/system.slice/{unit}"),
            };
            let on = match does {
                "raw-write" => self.dev(server, &path).map(|dev| dev.real()).unwrap_or_default(),
                _ => match self.mount_in(server, namespace, &path) {
                    Some(mount) => self.number(server, mount),
                    None => continue,
                },
            };
            let path = if does == "deleted" { format!("{path} (deleted)") } else { "-".into() };
            text += &format!("{does}\t{pid}\t{on}\t{name}\t{group}\t{path}\n");
        }
        text + "@end\n"
    }

    /// Process, name, unit, what it does, path, mount namespace.
    fn users(&self, server: Server) -> Vec<(usize, String, String, &'static str, String, u32)> {
        let machine = self.machine(server);
        let name = |unit: &str| unit.split('.').next().unwrap_or_default().to_string();
        let mut all = Vec::new();
        for (at, unit) in machine.units.iter().enumerate().filter(|(_, unit)| self.runs(server, &unit.name)) {
            let one = |path: &String| (300 + at, name(&unit.name), unit.name.clone(), "writes", path.clone(), 0);
            all.extend(unit.writes.iter().map(one));
        }
        for (unit, paths) in machine.run.stale.iter().filter(|(unit, _)| self.runs(server, unit)) {
            let pid = if unit == INIT { 1 } else { 600 };
            all.extend(paths.iter().map(|path| (pid, name(unit), unit.clone(), "deleted", path.clone(), 0)));
        }
        for process in &machine.run.processes {
            let Process { pid, name, unit, namespace, .. } = process;
            for (does, paths) in
                [("writes", &process.writes), ("deleted", &process.deleted), ("raw-write", &process.raw)]
            {
                let one = |path: &String| (*pid as usize, name.clone(), unit.clone(), does, path.clone(), *namespace);
                all.extend(paths.iter().map(one));
            }
        }
        all
    }

    /// `writes_counted::COUNT`
    pub(super) fn write_counts(&self, server: Server) -> String {
        let devs = self.devices(server);
        let count = |loc: &Loc| match self.places.get(loc) {
            Some(Written::Fs(fs)) => fs.generation,
            _ => 0,
        };
        let dm = devs.iter().filter(|dev| dev.kname.starts_with("dm-"));
        dm.map(|dev| format!("{} {}\n", dev.name, count(&dev.loc))).collect()
    }

    /// `let_go::script`
    pub(super) fn let_go(&mut self, server: Server, args: &[&str]) -> Said {
        let [record, spare, restart, targets @ ..] = args else { panic!("let-go.sh {args:?}") };
        let begins = |unit: &str, list: &str| list.split(' ').any(|one| unit.starts_with(one));
        let mut stopped = String::new();
        for target in targets {
            let Some(Backing::Disk(loc)) = self.mount_at(server, target).map(|mount| mount.backing.clone()) else {
                continue;
            };
            for (_, _, unit, does, path, namespace) in self.users(server) {
                if does == "raw-write" || !self.is_on(server, namespace, &path, &loc) {
                    continue;
                }
                if unit == INIT || begins(&unit, restart) || unit == "ssh.service" {
                    self.machine_mut(server).run.stale.remove(&unit);
                } else if unit.ends_with(".service") && !begins(&unit, spare) {
                    self.switch(server, &[&unit], false)?;
                    stopped += &format!("{unit}\n");
                }
            }
            let ended: Vec<u32> = self
                .machine(server)
                .run
                .processes
                .iter()
                .filter(|process| {
                    let all = process.writes.iter().chain(&process.deleted);
                    let holds = all.into_iter().any(|path| self.is_on(server, process.namespace, path, &loc));
                    holds && !process.stubborn && !process.unit.ends_with(".service")
                })
                .map(|process| process.pid)
                .collect();
            self.machine_mut(server).run.processes.retain(|process| !ended.contains(&process.pid));
        }
        self.write_file(server, record, &stopped, 0o644)?;
        Ok(String::new())
    }

    /// `service::START_ALL`
    pub(super) fn start_all(&mut self, server: Server, record: &str) -> Said {
        let Some(text) = self.read_file(server, record) else { return Ok(String::new()) };
        for unit in text.lines() {
            self.switch(server, &[unit], true)?;
        }
        self.remove_file(server, record).map(|()| String::new())
    }

    /// `remount::seal`
    pub(super) fn seal(&mut self, server: Server, target: &str, was: &str) -> Said {
        if self.remount(server, target, true).is_ok() {
            return Ok(String::new());
        }
        if self.file(server, was).is_none() {
            let run = &self.machine(server).run;
            let open = run.mounts.iter().filter(|mount| {
                mount.namespace == 0 && !mount.read_only && !mount.point_ro && mount.source.starts_with("/dev/")
            });
            let text: String = open.map(|mount| format!("{}\n", mount.target.replace(' ', "\\040"))).collect();
            self.write_file(server, was, &text, 0o644)?;
        }
        // sysrq-u
        for mount in &mut self.machine_mut(server).run.mounts {
            mount.read_only |= matches!(mount.backing, Backing::Disk(_));
        }
        self.settle_dirt(server);
        Ok(String::new())
    }

    /// `remount::open`
    pub(super) fn open_again(&mut self, server: Server, target: &str, was: &str) -> Said {
        let text = self.read_file(server, was).unwrap_or_default();
        for one in text.lines() {
            let _ = self.remount(server, &one.replace("\\040", " "), false);
        }
        self.remount(server, target, false)?;
        self.remove_file(server, was).map(|()| String::new())
    }

    /// A file system is clean where it takes no writes.
    fn settle_dirt(&mut self, server: Server) {
        let all: Vec<(Loc, bool)> = self
            .machine(server)
            .run
            .mounts
            .iter()
            .filter_map(|mount| match &mount.backing {
                Backing::Disk(loc) => Some((loc.clone(), mount.read_only)),
                _ => None,
            })
            .collect();
        for (loc, read_only) in all {
            if let Some(Written::Fs(fs)) = self.places.get_mut(&loc) {
                fs.dirty = !read_only;
            }
        }
    }

    /// `mount -o remount,ro` and `rw`: of the file system as a whole, by whichever of its mount points.
    pub(super) fn remount(&mut self, server: Server, target: &str, read_only: bool) -> Said {
        let own = |mount: &&Mounted| mount.target == target && mount.namespace == 0;
        let Some(mount) = self.machine(server).run.mounts.iter().rfind(own) else {
            return fail(32, format!("mount: {target}: mount point not mounted or bad option.\n"));
        };
        let backing = mount.backing.clone();
        if let Backing::Disk(loc) = &backing
            && read_only
            && self.holds(server, loc)
        {
            return fail(32, format!("mount: {target}: mount point is busy.\n"));
        }
        for mount in self.machine_mut(server).run.mounts.iter_mut().filter(|mount| mount.backing == backing) {
            mount.read_only = read_only;
            mount.point_ro &= read_only;
        }
        self.settle_dirt(server);
        Ok(String::new())
    }

    /// Whether a script is `let_go::script`.
    pub(super) fn lets_go(script: &str) -> bool {
        script == let_go::script()
    }
}
