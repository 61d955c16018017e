//! The runner in a server's memory that starts services again: what it knows is in files, and what it does is in the list that
//! was put there for it.

use super::world::{Watch, World};
use super::{Said, fail};
use crate::host::{Act, HostError, Server, Side, Trail};
use crate::step::quiet::{dead_man, dead_man_off};

impl World {
    fn there(&self, server: Server, dir: &str, name: &str) -> bool {
        self.exists(server, &format!("{dir}/{name}"))
    }

    /// `dead_man::STATE`
    pub(super) fn dead_man_state(&self, server: Server, dir: &str, unit: &str) -> &'static str {
        let runs = self.machine(server).run.units.get(unit) == Some(&true);
        match () {
            () if self.there(server, dir, "fired") => "fired\n",
            () if self.there(server, dir, "cut") => "cut\n",
            () if !self.there(server, dir, "armed") => "none\n",
            () if runs => "armed\n",
            () => "dead\n",
        }
    }

    /// Its scripts; `None`: it is none of them.
    pub(super) fn dead_man(&mut self, server: Server, script: &str, args: &[&str]) -> Option<Said> {
        Some(match (script, args) {
            (dead_man::ARM, [dir, unit, seconds]) => self.arm(server, dir, unit, seconds),
            (again, [dir, unit, seconds]) if again == dead_man_off::again() => match self.there(server, dir, "cut") {
                true => self.arm(server, dir, unit, seconds),
                false => Ok(String::new()),
            },
            (dead_man_off::HOLD, [dir]) => self.hold_dead_man(server, dir),
            (dead_man::END, [dir, unit]) => self.end_dead_man(server, dir, unit),
            _ => return None,
        })
    }

    fn arm(&mut self, server: Server, dir: &str, unit: &str, seconds: &str) -> Said {
        if self.read_file(server, &format!("{dir}/dead-man.sh")).as_deref() != Some(dead_man::WATCH) {
            return fail(1, format!("/bin/sh: 0: cannot open {dir}/dead-man.sh: No such file\n"));
        }
        if !self.there(server, dir, "mounts") {
            for (name, of) in [("swaps", "/proc/swaps"), ("mounts", "/proc/self/mountinfo")] {
                let text = self.read_file(server, of).unwrap_or_default();
                self.write_file(server, &format!("{dir}/{name}"), &text, 0o600)?;
            }
        }
        self.write_file(server, &format!("{dir}/armed"), "", 0o600)?;
        for name in ["cut", "fired"] {
            self.remove_file(server, &format!("{dir}/{name}"))?;
        }
        let after = seconds.parse().expect("a number of seconds");
        let run = &mut self.machine_mut(server).run;
        run.units.insert(unit.into(), true);
        run.watch = Some(Watch { dir: dir.into(), unit: unit.into(), after, unheard: 0 });
        Ok(String::new())
    }

    fn hold_dead_man(&mut self, server: Server, dir: &str) -> Said {
        if self.there(server, dir, "cut") {
            return Ok(String::new());
        }
        if !self.there(server, dir, "armed") {
            return fail(1, "services of old have come back by themselves\n");
        }
        self.remove_file(server, &format!("{dir}/armed"))?;
        self.end_watch(server);
        self.write_file(server, &format!("{dir}/cut"), "", 0o600).map(|()| String::new())
    }

    /// A unit of systemd's own is gone when it ends.
    fn end_watch(&mut self, server: Server) {
        let run = &mut self.machine_mut(server).run;
        if let Some(watch) = run.watch.take() {
            run.units.remove(&watch.unit);
        }
    }

    fn end_dead_man(&mut self, server: Server, dir: &str, unit: &str) -> Said {
        self.machine_mut(server).run.units.remove(unit);
        self.machine_mut(server).run.watch = None;
        for (path, _) in self.files_below(server, dir) {
            self.remove_file(server, &path)?;
        }
        Ok(String::new())
    }

    /// Something was asked of a server, or done.
    pub(super) fn heard(&mut self, server: Server) {
        if let Some(watch) = &mut self.machine_mut(server).run.watch {
            watch.unheard = 0;
        }
    }

    /// So many milliseconds go by in which nobody asks anything of the servers.
    pub(super) fn pass(&mut self, milliseconds: u64) {
        for server in [Server::Old, Server::New] {
            let Some(watch) = &mut self.machine_mut(server).run.watch else { continue };
            watch.unheard += milliseconds;
            if watch.unheard >= watch.after * 1000 {
                let dir = watch.dir.clone();
                self.fire(server, &dir);
            }
        }
    }

    /// `dead-man.sh DIR now`
    pub(super) fn fire_now(&mut self, server: Server, dir: &str) {
        if self.there(server, dir, "armed") || self.there(server, dir, "cut") {
            self.fire(server, dir);
        }
    }

    fn fire(&mut self, server: Server, dir: &str) {
        let run = self.read_file(server, crate::host::IN_MEMORY).unwrap_or_default();
        let run = run.lines().next().unwrap_or_default().to_string();
        self.end_watch(server);
        for name in ["armed", "cut"] {
            let _ = self.remove_file(server, &format!("{dir}/{name}"));
        }
        let _ = self.write_file(server, &format!("{dir}/fired"), &format!("{run}\n"), 0o600);
        let list = self.read_file(server, &format!("{dir}/back.sh")).unwrap_or_default();
        let words = shlex::split(&list).expect("a list that sh can read");
        for line in words.split(|word| word == ";").filter(|line| !line.is_empty()) {
            let line: Vec<&str> = line.iter().map(String::as_str).collect();
            let argv = match line[..] {
                ["always", ref argv @ ..] => argv,
                ["writable", target, ref argv @ ..] if self.was_writable(server, dir, target) => argv,
                ["swapped", device, ref argv @ ..] if self.was_swapped(server, dir, device) => argv,
                ["writable" | "swapped", ..] => continue,
                _ => panic!("dead-man.sh knows no {line:?}"),
            };
            // whatever becomes of it, the next is tried
            let _ = self.run(server, argv, None);
            self.settle(false);
        }
        self.serve();
        self.settle(false);
    }

    fn was_writable(&self, server: Server, dir: &str, target: &str) -> bool {
        let mounts = self.read_file(server, &format!("{dir}/mounts")).unwrap_or_default();
        let target = target.replace(' ', "\\040");
        let is = |line: &&str| line.split(' ').nth(4) == Some(&target);
        mounts.lines().rfind(is).is_some_and(|line| line.ends_with(" rw"))
    }

    fn was_swapped(&self, server: Server, dir: &str, device: &str) -> bool {
        let swaps = self.read_file(server, &format!("{dir}/swaps")).unwrap_or_default();
        let real = self.dev(server, device).map(|dev| dev.real());
        let mut paths = swaps.lines().filter_map(|line| line.split_whitespace().next());
        paths.any(|path| path == device || Some(path) == real.as_deref())
    }

    /// As `runner.sh` does before an act: a run that services have come back from does nothing more.
    pub(super) fn came_back(&self, on: Side, server: Server, trail: &Trail, act: &Act) -> Result<(), HostError> {
        let dirs = self.files_below(server, "/run/replant").into_iter();
        let mut fired = dirs.filter(|(path, _)| path.ends_with("/dead-man/fired"));
        let of_it = fired.any(|(_, file)| file.text.lines().next() == Some(trail.run().as_str()));
        match of_it && !matches!(act, Act::Power { .. }) {
            true => Err(HostError::came_back(on)),
            false => Ok(()),
        }
    }
}
