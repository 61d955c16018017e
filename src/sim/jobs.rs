//! The scripts of the course, by their effects.

use super::files::KERNEL;
use super::world::{Backing, World};
use super::written::Written;
use super::{Fail, Said, fail};
use crate::course::text;
use crate::family::Family;
use crate::host::{Server, sha256};

impl World {
    pub(super) fn job(&mut self, server: Server, script: &str, args: &[&str]) -> Said {
        // A runbook that was saved holds the scripts of its day: they are known by their names.
        let is = |current: &str| script == current || title(script).is_some_and(|name| title(current) == Some(name));
        match script {
            _ if is(text::BOOT_COPY) => self.boot_copy(server, args),
            _ if is(text::BOOT_PROOF) => self.boot_proof(server, args),
            _ if is(text::FSCK) => self.fsck(server, args),
            _ if is(Family::Debian.scripts().loader) => self.grub_install(server, args),
            _ if is(Family::Debian.scripts().finish_boot) => self.finish_boot(server, args),
            _ if is(text::BOOT_PUT) => self.boot_put(server, args),
            _ if is(Family::Debian.scripts().loader_tools) => self.loader_tools(server, args),
            _ if is(Family::Debian.scripts().loader_from_tools) => self.loader_from_tools(server, args),
            _ if is(text::HOLD_PLACE) => self.hold_place(server, args),
            _ if is(text::HOLD_EMPTY) => self.hold_empty(server, args),
            _ if is(text::ARRAY_REPAIR) => self.array_repair(server, args),
            _ if is(text::TIDY) => self.tidy(server, args),
            // for tests of a job in itself
            "exit 0\n" => Ok(String::new()),
            "exit 1\n" => fail(1, "it says no\n"),
            _ => panic!("the simulated servers do not know this script, run with {args:?}:\n{script}"),
        }
    }

    pub(super) fn hash(&self, loc: &str) -> String {
        sha256(format!("{:?}", self.places.get(loc)))
    }

    /// `same_boot::COMPARE`
    pub(super) fn compare_boot(&self, server: Server, device: &str, hash_file: &str) -> Said {
        let Some(was) = self.read_file(server, hash_file) else { return Ok("none\n".into()) };
        let dev = self.must(server, "blockdev", device)?;
        let equal = was.split_whitespace().next() == Some(&self.hash(&dev.loc));
        Ok(if equal { "equal\n" } else { "differs\n" }.into())
    }

    fn boot_copy(&mut self, server: Server, args: &[&str]) -> Said {
        let [from, to, hash_file] = args else { panic!("boot-copy.sh {args:?}") };
        let (Some(from), Some(to)) = (self.dev(server, from), self.dev(server, to)) else {
            return fail(1, "blockdev: cannot open it: No such file or directory\n");
        };
        if !to.live {
            return fail(1, "dd: error writing: Input/output error\n");
        }
        if to.size < from.size {
            return fail(1, format!("{} has {} bytes, {} has {}\n", to.path, to.size, from.path, from.size));
        }
        let run = &self.machine(server).run;
        let writable = run.mounts.iter().any(|m| m.backing == Backing::Disk(from.loc.clone()) && !m.read_only);
        if writable {
            return fail(1, "the copy differs: something writes to it\n");
        }
        match self.places.get(&from.loc).cloned() {
            Some(written) => drop(self.places.insert(to.loc, written)),
            None => drop(self.places.remove(&to.loc)),
        }
        let line = format!("{} {}\n", self.hash(&from.loc), from.size);
        self.write_file(server, hash_file, &line, 0o644)?;
        Ok(String::new())
    }

    fn boot_proof(&mut self, server: Server, args: &[&str]) -> Said {
        let [array, hash_file] = args else { panic!("boot-proof.sh {args:?}") };
        let Some(had) = self.read_file(server, hash_file) else {
            return fail(2, format!("{hash_file}: No such file or directory\n"));
        };
        let Some(dev) = self.dev(server, array) else {
            return fail(1, format!("dd: failed to open '{array}': No such file or directory\n"));
        };
        let found = self.hash(&dev.loc);
        if had.split_whitespace().next() != Some(&found) {
            return fail(1, format!("{array} holds {found}, old had {had}\n"));
        }
        Ok(String::new())
    }

    fn fsck(&mut self, server: Server, args: &[&str]) -> Said {
        let [kind, path] = args else { panic!("fsck.sh {args:?}") };
        let Some(dev) = self.dev(server, path) else {
            return fail(8, format!("{path}: No such file or directory\n"));
        };
        if self.busy(server, &dev) {
            return fail(8, format!("{path} is mounted.\n"));
        }
        if self.modern && server == Server::New && kind.starts_with("ext") {
            return fail(
                8,
                format!("{path} has unsupported feature(s): FEATURE_C12\ne2fsck: Get a newer version of e2fsck!\n"),
            );
        }
        match self.places.get_mut(&dev.loc) {
            // replayed or repaired
            Some(Written::Fs(fs)) if fs.kind == *kind => {
                fs.dirty = false;
                Ok(String::new())
            }
            _ => fail(8, format!("{path}: bad superblock\n")),
        }
    }

    /// The file system that holds /boot below a root, by its UUID.
    fn boot_of(&self, server: Server, root: &str) -> Option<String> {
        let mounts = &self.machine(server).run.mounts;
        let at = |target: String| mounts.iter().rfind(|mount| mount.target == target);
        let top = if root.is_empty() { "/" } else { root };
        let mount = at(format!("{root}/boot")).or_else(|| at(top.to_string()))?;
        match &mount.backing {
            Backing::Disk(loc) => match self.places.get(loc) {
                Some(Written::Fs(fs)) => Some(fs.uuid.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    fn grub_install(&mut self, server: Server, args: &[&str]) -> Said {
        let [root, disk] = args else { panic!("grub.sh {args:?}") };
        let root = &root.trim_end_matches('/');
        for dir in ["/dev", "/proc", "/sys"] {
            let there = self.machine(server).run.mounts.iter().any(|mount| mount.target == format!("{root}{dir}"));
            if !there {
                return fail(1, "grub-install: error: failed to get canonical path of `/boot/grub'.\n");
            }
        }
        let Some(dev) = self.dev(server, disk).filter(|dev| dev.kind == "disk") else {
            return fail(1, format!("grub-install: error: cannot find a device for {disk}.\n"));
        };
        let Some(Written::Table(table)) = self.places.get(&dev.loc) else {
            return fail(
                1,
                "grub-install: error: unable to identify a filesystem in the disk; safety check can't be performed.\n",
            );
        };
        let bios_boot =
            |part: &super::written::Part| part.kind.eq_ignore_ascii_case("21686148-6449-6E6F-744E-656564454649");
        if table.kind == "gpt" && !table.parts.iter().any(bios_boot) {
            return fail(
                1,
                "grub-install: warning: this GPT partition label contains no BIOS Boot Partition; embedding won't be possible.\ngrub-install: error: will not proceed with blocklists.\n",
            );
        }
        let Some(boot) = self.boot_of(server, root) else {
            return fail(1, "chroot: failed to run command 'grub-install': No such file or directory\n");
        };
        self.write_file(server, &format!("{root}/boot/grub/i386-pc/core.img"), "core", 0o644)?;
        self.grub.insert(dev.loc, boot);
        Ok(String::new())
    }

    fn finish_boot(&mut self, server: Server, disks: &[&str]) -> Said {
        let said = format!("grub-pc/install_devices: {}\n", disks.join(", "));
        self.write_file(server, "/var/cache/debconf/config.dat", &said, 0o600)?;
        let made = self.mkinitramfs(server, KERNEL);
        self.write_file(server, &format!("/boot/initrd.img-{KERNEL}"), &made, 0o644)?;
        Ok(String::new())
    }

    fn tidy(&mut self, server: Server, args: &[&str]) -> Said {
        for dir in args {
            let ours = ["/var/lib/replant/", "/etc/iscsi/nodes/iqn.2026-11.net.replant:"]
                .into_iter()
                .chain(["/var/lib/iscsi/nodes/iqn.2026-11.net.replant:"])
                .any(|ours| dir.starts_with(ours));
            if !ours {
                return Err(Fail::new(1, format!("not ours: {dir}\n")));
            }
            for (path, _) in self.files_below(server, dir) {
                self.remove_file(server, &path)?;
            }
        }
        Ok(String::new())
    }
}

/// `boot-copy.sh` of a script that says so in its second line.
fn title(script: &str) -> Option<&str> {
    let name = script.lines().nth(1)?.strip_prefix("# ")?.split([' ', ':']).next()?;
    name.ends_with(".sh").then_some(name)
}
