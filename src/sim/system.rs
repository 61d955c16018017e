//! The system around the disks: units, packages, the initramfs, the network, and the questions that the facts ask.

use std::collections::BTreeMap;

use super::files::KERNEL;
use super::world::World;
use super::written::{File, Written};
use super::{Args, Fail, Said, fail};
use crate::facts::queries::{MODULES, PRESENCE, files, parts_of, tools};
use crate::host::{Server, sha256};

const DPKG: &str = "/var/lib/dpkg/status";
pub(crate) const MODULES_FILE: &str = "/etc/initramfs-tools/modules";

impl World {
    // ---- units --------------------------------------------------------------------------------------------------

    pub(super) fn systemctl(&mut self, server: Server, argv: &[&str]) -> Said {
        match argv {
            ["is-active", units @ ..] => {
                let known = &self.machine(server).run.units;
                let state = |unit: &&str| known.get(*unit).copied().unwrap_or(false);
                let lines: String =
                    units.iter().map(|unit| if state(unit) { "active\n" } else { "inactive\n" }).collect();
                match units.iter().any(state) {
                    true => Ok(lines),
                    false => Err(Fail { code: 3, out: lines, err: String::new() }),
                }
            }
            ["start", units @ ..] => self.switch(server, units, true),
            ["stop", units @ ..] => self.switch(server, units, false),
            ["list-unit-files", ..] => {
                let state = |disabled: bool| if disabled { "disabled enabled" } else { "enabled enabled" };
                let units = self.machine(server).units.iter();
                Ok(units.map(|unit| format!("{} {}\n", unit.name, state(unit.disabled))).collect())
            }
            ["list-units", ..] => {
                let listed = |name: &str| name.ends_with(".service") || name.ends_with(".timer");
                let active = self.machine(server).run.units.iter().filter(|(name, on)| **on && listed(name));
                Ok(active.map(|(name, _)| format!("{name} loaded active running {name}\n")).collect())
            }
            _ => panic!("the simulated server knows no systemctl {argv:?}"),
        }
    }

    pub(super) fn switch(&mut self, server: Server, units: &[&str], on: bool) -> Said {
        let verb = if on { "start" } else { "stop" };
        for unit in units {
            match self.machine_mut(server).run.units.get_mut(*unit) {
                Some(active) => {
                    *active = on;
                    // started again, it uses the files of today
                    if !on {
                        self.machine_mut(server).run.stale.remove(*unit);
                    }
                }
                None => return fail(5, format!("Failed to {verb} {unit}: Unit {unit} not loaded.\n")),
            }
        }
        if !on {
            // what an active socket wakes does not stay stopped
            let machine = self.machine(server);
            let woken: Vec<String> = machine
                .units
                .iter()
                .filter(|unit| {
                    unit.woken_by.iter().any(|socket| machine.run.units.get(socket).copied().unwrap_or(false))
                        && units.contains(&unit.name.as_str())
                })
                .map(|unit| unit.name.clone())
                .collect();
            for unit in woken {
                self.machine_mut(server).run.units.insert(unit, true);
            }
        }
        Ok(String::new())
    }

    /// `service::stop_script`: what runs is written down, and stopped.
    pub(super) fn stop_units(&mut self, server: Server, record: &str, in_order: bool, units: &[&str]) -> Said {
        let runs = |world: &World, unit: &&str| world.machine(server).run.units.get(*unit) == Some(&true);
        let mut text = self.read_file(server, record).unwrap_or_default();
        for unit in units.iter().filter(|unit| runs(self, unit)) {
            if !text.lines().any(|line| line == *unit) {
                text += &format!("{unit}\n");
            }
        }
        self.write_file(server, record, &text, 0o644)?;
        if in_order {
            for unit in units {
                if runs(self, unit) {
                    self.switch(server, &[unit], false)?;
                }
            }
        }
        let left: Vec<&str> = units.iter().copied().filter(|unit| runs(self, unit)).collect();
        self.switch(server, &left, false)
    }

    /// `service::start_script`: the last failure is the answer, and keeps no other from starting.
    pub(super) fn start_units(&mut self, server: Server, record: &str, units: &[&str]) -> Said {
        let Some(text) = self.read_file(server, record) else { return Ok(String::new()) };
        let ran = units.iter().filter(|unit| text.lines().any(|line| line == **unit));
        let all: Vec<Said> = ran.map(|unit| self.switch(server, &[unit], true)).collect();
        match all.into_iter().rfind(Result::is_err) {
            Some(failed) => failed,
            None => self.remove_file(server, record).map(|()| String::new()),
        }
    }

    // ---- packages -----------------------------------------------------------------------------------------------

    fn packages(&self, server: Server) -> BTreeMap<String, String> {
        let text = self.read_file(server, DPKG).unwrap_or_default();
        let line = |line: &str| line.split_once(' ').map(|(name, version)| (name.to_string(), version.to_string()));
        text.lines().filter_map(line).collect()
    }

    pub(super) fn installed(&self, server: Server, package: &str) -> bool {
        self.packages(server).contains_key(package)
    }

    /// As the installed version of open-iscsi has it compiled in.
    pub(super) fn iscsi_database(&self, server: Server) -> &'static str {
        let packages = self.packages(server);
        let version = packages.get("open-iscsi").map_or("", String::as_str);
        if version.starts_with("2.1.1") { "/var/lib/iscsi" } else { "/etc/iscsi" }
    }

    pub(super) fn dpkg_query(&self, server: Server) -> Said {
        Ok(self.packages(server).iter().map(|(name, version)| format!("{name} {version} ii \n")).collect())
    }

    fn write_packages(&mut self, server: Server, packages: &BTreeMap<String, String>) -> Result<(), Fail> {
        let text: String = packages.iter().map(|(name, version)| format!("{name} {version}\n")).collect();
        self.write_file(server, DPKG, &text, 0o644).map_err(|error| Fail { code: 100, ..error })
    }

    pub(super) fn packages_install(&mut self, server: Server, wanted: &[&str]) -> Said {
        let mut packages = self.packages(server);
        for one in wanted {
            let Some((name, version)) = one.split_once('=') else { panic!("packages.sh install {wanted:?}") };
            let there = packages.get(name).is_some_and(|has| has == version);
            let offered = self.machine(server).apt.iter().any(|(a, b)| a == name && b == version);
            if !there && !offered {
                return fail(100, format!("E: Version '{version}' for '{name}' was not found\n"));
            }
            packages.insert(name.to_string(), version.to_string());
        }
        self.write_packages(server, &packages)?;
        if packages.contains_key("open-iscsi") {
            for (path, text, mode) in ISCSI_FILES {
                if self.file(server, path).is_none() {
                    self.write_file(server, path, text, *mode)?;
                }
            }
            let units = &mut self.machine_mut(server).run.units;
            for unit in ISCSI_UNITS {
                units.entry((*unit).to_string()).or_insert(*unit == "iscsid.socket");
            }
        }
        Ok(String::new())
    }

    pub(super) fn packages_purge(&mut self, server: Server, names: &[&str]) -> Said {
        let mut packages = self.packages(server);
        for name in names {
            packages.remove(*name);
        }
        self.write_packages(server, &packages)?;
        if names.contains(&"open-iscsi") {
            for (path, _) in self.files_below(server, "/etc/iscsi") {
                self.remove_file(server, &path)?;
            }
            self.machine_mut(server).run.units.retain(|unit, _| !ISCSI_UNITS.contains(&unit.as_str()));
        }
        Ok(String::new())
    }

    /// `apt-get -s install open-iscsi`, where it is missing.
    pub(super) fn apt_simulate(&self, server: Server) -> Said {
        if self.installed(server, "open-iscsi") {
            return Ok(String::new());
        }
        let apt = &self.machine(server).apt;
        if apt.is_empty() {
            return fail(100, "E: Unable to locate package open-iscsi\n");
        }
        Ok(apt.iter().map(|(name, version)| format!("Inst {name} ({version} Debian:12/stable [amd64])\n")).collect())
    }

    // ---- initramfs ----------------------------------------------------------------------------------------------

    fn lists_modules(&self, server: Server) -> Vec<String> {
        let machine = self.machine(server);
        let conf = self.read_file(server, "/etc/initramfs-tools/initramfs.conf").unwrap_or_default();
        if conf.lines().any(|line| line.trim() == "MODULES=most") {
            return machine.modules.clone();
        }
        let listed = self.read_file(server, MODULES_FILE).unwrap_or_default();
        // what this very machine needs: initramfs.conf(5)
        let mut own: Vec<String> = Vec::new();
        if conf.lines().any(|line| line.trim() == "MODULES=dep") {
            own.extend(machine.disks.iter().flat_map(|disk| disk.drivers.clone()));
            own.extend(
                self.bare_devices(server).into_iter().map(|dev| dev.kind).filter(|kind| kind.starts_with("raid")),
            );
            own.extend(["dm_mod", "ext4"].map(str::to_string));
        }
        let names = listed.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        names.map(str::to_string).filter(|name| machine.modules.contains(name)).chain(own).collect()
    }

    /// What mkinitramfs(8) would make of the configuration as it stands: paths, then the texts of some.
    pub(super) fn mkinitramfs(&self, server: Server, kernel: &str) -> String {
        let mut text = String::new();
        for module in self.lists_modules(server) {
            text += &format!("usr/lib/modules/{kernel}/kernel/drivers/{}.ko\n", file_name(&module));
        }
        let scripts = self.files_below(server, "/etc/initramfs-tools/scripts");
        for (path, file) in &scripts {
            if file.mode & 0o111 != 0 {
                text += &format!("{}\n", path.trim_start_matches("/etc/initramfs-tools/"));
            }
        }
        for path in ["etc/mdadm/mdadm.conf", "usr/sbin/mdadm", "usr/sbin/lvm"] {
            text += &format!("{path}\n");
        }
        text += "--\n";
        text += &self.read_file(server, "/etc/mdadm/mdadm.conf").unwrap_or_default();
        for (path, file) in &scripts {
            text += &format!("-- {path}\n{}", file.text);
        }
        text
    }

    /// `initramfs-state.sh`
    pub(super) fn initramfs_state(&self, server: Server, kernel: &str, keep: &str) -> &'static str {
        let Some(hash) = self.read_file(server, &format!("{keep}/initrd-{kernel}.sha256")) else {
            let begun = self.file(server, &format!("{keep}/initrd-{kernel}.before")).is_some();
            return if begun { "begun\n" } else { "clean\n" };
        };
        let image = self.read_file(server, &format!("/boot/initrd.img-{kernel}")).unwrap_or_default();
        if sha256(&image) == hash.trim() { "ours\n" } else { "other\n" }
    }

    pub(super) fn initramfs_build(&mut self, server: Server, args: &[&str]) -> Said {
        let [kernel, keep, must @ ..] = args else { panic!("initramfs-build.sh {args:?}") };
        let image = format!("/boot/initrd.img-{kernel}");
        let before = format!("{keep}/initrd-{kernel}.before");
        let Some(now) = self.file(server, &image) else {
            return fail(1, format!("cp: cannot stat '{image}': No such file or directory\n"));
        };
        if self.file(server, &before).is_none() {
            self.write_file(server, &before, &now.text, now.mode)?;
        }
        let made = self.mkinitramfs(server, kernel);
        let list = made.split("\n--\n").next().unwrap_or_default().replace('_', "-");
        if let Some(lacks) = must.iter().find(|must| !list.contains(&must.replace('_', "-"))) {
            return fail(1, format!("the new initramfs lacks {lacks}\n"));
        }
        if self.read_only(server, &image) {
            return fail(1, format!("cp: cannot create regular file '{image}.replant': Read-only file system\n"));
        }
        self.write_file(server, &format!("{keep}/initrd-{kernel}.sha256"), &(sha256(&made) + "\n"), 0o644)?;
        self.write_file(server, &image, &made, 0o644)?;
        Ok(String::new())
    }

    pub(super) fn initramfs_restore(&mut self, server: Server, args: &[&str]) -> Said {
        let [kernel, keep] = args else { panic!("initramfs-restore.sh {args:?}") };
        let before = format!("{keep}/initrd-{kernel}.before");
        if let Some(File { text, mode }) = self.file(server, &before) {
            self.write_file(server, &format!("/boot/initrd.img-{kernel}"), &text, mode)?;
        }
        for end in ["sha256", "made", "part", "before"] {
            self.remove_file(server, &format!("{keep}/initrd-{kernel}.{end}"))?;
        }
        Ok(String::new())
    }

    // ---- network ------------------------------------------------------------------------------------------------

    pub(super) fn ip_oneline(&self, server: Server) -> Said {
        let run = &self.machine(server).run;
        let line = |card: &String, address: &String| {
            let family = if address.contains(':') { "inet6" } else { "inet" };
            format!("2: {card}    {family} {address} scope global {card}\\       valid_lft forever\n")
        };
        let service = run.vlan.as_ref().unwrap_or(&run.card);
        let lines = run.addresses.iter().map(|address| line(service, address));
        Ok(lines.chain(run.made.iter().map(|address| line(&run.card, address))).collect())
    }

    pub(super) fn ip_json(&self, server: Server) -> Said {
        let machine = self.machine(server);
        let run = &machine.run;
        let info = |address: &String, card: &String| {
            let (local, prefix) = address.split_once('/').unwrap_or((address, "24"));
            serde_json::json!({
                "family": if local.contains(':') { "inet6" } else { "inet" }, "local": local,
                "prefixlen": prefix.parse::<u8>().unwrap_or(24), "scope": "global", "label": card,
            })
        };
        let flags = ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"];
        let service = run.vlan.as_ref().unwrap_or(&run.card);
        let given: Vec<_> = run.addresses.iter().map(|address| info(address, service)).collect();
        let mut of_card: Vec<_> = run.made.iter().map(|address| info(address, &run.card)).collect();
        for made in &mut of_card {
            made["dynamic"] = true.into();
            made["mngtmpaddr"] = true.into();
        }
        let mut above = Vec::new();
        match &run.vlan {
            None => of_card.splice(0..0, given).for_each(drop),
            Some(vlan) => above.push(serde_json::json!({
                "ifindex": 3, "link": run.card, "ifname": vlan, "flags": flags, "address": machine.card.mac,
                "linkinfo": { "info_kind": "vlan" }, "addr_info": given,
            })),
        }
        let mut all = vec![
            serde_json::json!({ "ifindex": 1, "ifname": "lo", "flags": ["LOOPBACK", "UP", "LOWER_UP"],
              "address": "00:00:00:00:00:00",
              "addr_info": [{ "family": "inet", "local": "127.0.0.1", "prefixlen": 8, "scope": "host" }] }),
            serde_json::json!({ "ifindex": 2, "ifname": run.card, "flags": flags, "address": machine.card.mac,
              "addr_info": of_card }),
        ];
        all.extend(above);
        Ok(format!("{}\n", serde_json::Value::from(all)))
    }

    // ---- facts --------------------------------------------------------------------------------------------------

    fn tools(&self, server: Server) -> Vec<&'static str> {
        let initiator = self.installed(server, "open-iscsi");
        let lacks = &self.machine(server).lacks;
        let there = tools().into_iter().filter(|tool| match *tool {
            "iscsiadm" | "iscsid" => initiator,
            tool => !lacks.iter().any(|lack| lack == tool),
        });
        there.collect()
    }

    /// `parts::PARTS`
    pub(super) fn parts(&self, server: Server) -> String {
        let machine = self.machine(server);
        let mut text = "arch x86_64\nuid 0\nclock 1795332863\n".to_string();
        if machine.uefi {
            text += "uefi\n";
        }
        for path in PRESENCE.iter().filter(|path| self.exists(server, path)) {
            text += &format!("present {path}\n");
        }
        for tool in self.tools(server) {
            text += &format!("tool {tool}\n");
        }
        if self.installed(server, "open-iscsi") {
            text += &format!("iscsi {}\n", self.iscsi_database(server));
        }
        text += "module dm_mod\nmodule ext4\n";
        if server == Server::Old {
            text += "package ii  grub-pc\npackage ii  initramfs-tools\npackage rc  dracut\n";
        }
        if let Some(image) = self.read_file(server, &format!("/boot/initrd.img-{KERNEL}")) {
            text += &format!("initrd {KERNEL}\nimage {} {KERNEL}\n", image.len());
        }
        for (path, file) in self.files_below(server, "/etc/systemd/network") {
            text += &format!("link {path}\n");
            for (at, line) in file
                .text
                .lines()
                .enumerate()
                .filter(|(_, line)| line.starts_with("MACAddress=") || line.starts_with("PermanentMACAddress="))
            {
                text += &format!("mac {path}:{}:{line}\n", at + 1);
            }
        }
        for dev in self.devices(server).iter().filter(|dev| dev.kind == "disk") {
            text += &format!("driver /sys/block/{} {}\n", dev.kname, dev.drivers.join(" "));
        }
        text += &format!("driver /sys/class/net/{} {}\n", machine.run.card, machine.card.drivers.join(" "));
        for module in MODULES.iter().filter(|module| machine.modules.iter().any(|one| one == *module)) {
            text += &format!("insmod /lib/modules/{KERNEL}/kernel/drivers/{}.ko \n", file_name(module));
        }
        text
    }

    /// `filesystems::FILE_SYSTEMS`
    pub(super) fn file_systems(&self, server: Server, devices: bool) -> String {
        let e2fsck =
            if self.modern && server == Server::New { "1.46.2 (28-Feb-2021)" } else { "1.47.0 (5-Feb-2023)" };
        let mut text = format!("tool e2fsck e2fsck {e2fsck}\ntool xfs_repair xfs_repair version 6.1.0\n");
        for dev in self.devices(server).iter().filter(|_| devices) {
            let Some(Written::Fs(fs)) = self.places.get(&dev.loc) else { continue };
            let path = if dev.kind == "lvm" { format!("/dev/mapper/{}", dev.name) } else { dev.path.clone() };
            let more = if self.modern { " orphan_file" } else { "" };
            text += &match fs.kind.as_str() {
                "xfs" => format!(
                    "@ {path}\n         =                       reflink=1    bigtime=1 inobtcount=1 nrext64=0\n"
                ),
                _ => format!("@ {path}\nFilesystem features:      has_journal extent 64bit metadata_csum{more}\n"),
            };
        }
        text
    }

    /// `health::HEALTH`: every disk is well.
    pub(super) fn health(&self, server: Server) -> String {
        let disks = self.devices(server).into_iter().filter(|dev| dev.kind == "disk");
        disks.map(|dev| format!("== {}\n{{\"smart_status\":{{\"passed\":true}}}}\n", dev.kname)).collect()
    }

    /// `texts::TEXTS`, of these files and of what its patterns find.
    pub(super) fn texts(&self, server: Server, paths: &[&str]) -> String {
        let mut sizes = "@sizes\n".to_string();
        let mut lines = "@lines\n".to_string();
        let mut line = |path: &str, text: &str| {
            for one in text.lines() {
                lines += &format!("{path}:{one}\n");
            }
        };
        for path in paths {
            let Some(text) = self.read_file(server, path) else { continue };
            sizes += &format!("{:>7} {path}\n", text.len());
            line(path, &text);
        }
        for (dir, end) in parts_of().iter().copied() {
            for (path, file) in self.files_below(server, dir.trim_end_matches('/')) {
                if path.ends_with(end) && !paths.contains(&path.as_str()) {
                    sizes += &format!("{:>7} {path}\n", file.text.len());
                    line(&path, &file.text);
                }
            }
        }
        for at in 1..=self.machine(server).run.sessions.len() {
            let path = format!("/sys/class/iscsi_session/session{at}/targetname");
            line(&path, &self.read_file(server, &path).unwrap_or_default());
        }
        for (path, file) in self.files_below(server, "/etc/ssh") {
            if path.ends_with("_key.pub") {
                line(&path, &file.text);
            }
        }
        debug_assert!(paths.iter().any(|path| files().contains(path)));
        sizes + &lines
    }

    /// `lvmconfig --typeconfig full …`
    pub(super) fn lvmconfig(&self, server: Server, _args: &Args) -> Said {
        let local = self.read_file(server, "/etc/lvm/lvmlocal.conf").unwrap_or_default();
        let filter = if local.contains("global_filter") { "[\"r|.*|\"]" } else { "[\"a|.*|\"]" };
        Ok(format!(
            "monitoring=1\nraid_fault_policy=\"warn\"\nmirror_image_fault_policy=\"remove\"\nuse_devicesfile=0\nglobal_filter={filter}\nfilter=[\"a|.*|\"]\n"
        ))
    }
}

/// The kernel writes `dm_mod` of a module whose file is `dm-mod.ko`.
pub(crate) fn file_name(module: &str) -> String {
    if module.starts_with("dm_") { module.replace('_', "-") } else { module.to_string() }
}

const ISCSI_UNITS: &[&str] = &["iscsid.service", "iscsid.socket", "open-iscsi.service"];

const ISCSI_FILES: &[(&str, &str, u32)] = &[
    ("/etc/iscsi/iscsid.conf", "node.startup = manual\n", 0o600),
    ("/etc/iscsi/initiatorname.iscsi", "InitiatorName=iqn.1993-08.org.debian:01:b577bb2c54c7\n", 0o600),
];
