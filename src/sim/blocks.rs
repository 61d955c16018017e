//! Tools for disks, partitions, swaps and file systems.

use serde_json::{Value, json};

use super::devices::Dev;
use super::world::{Backing, World};
use super::written::{Part, Table, Written};
use super::{Args, Fail, Said, fail};
use crate::host::Server;

pub(super) const BUSY: &str = "Device or resource busy";

impl World {
    pub(super) fn must(&self, server: Server, tool: &str, path: &str) -> Result<Dev, Fail> {
        let gone = || Fail::new(1, format!("{tool}: cannot open {path}: No such file or directory\n"));
        let dev = self.dev(server, path).ok_or_else(gone)?;
        if dev.live { Ok(dev) } else { fail(1, format!("{tool}: {path}: Input/output error\n")) }
    }

    pub(super) fn lsblk(&self, server: Server) -> String {
        let devs = self.devices(server);
        let roots: Vec<Value> =
            devs.iter().filter(|dev| dev.parents.is_empty()).map(|dev| self.lsblk_node(server, dev, &devs)).collect();
        serde_json::to_string_pretty(&json!({ "blockdevices": roots })).unwrap_or_default() + "\n"
    }

    pub(super) fn lsblk_node(&self, server: Server, dev: &Dev, devs: &[Dev]) -> Value {
        let run = &self.machine(server).run;
        let (fstype, uuid) = if dev.live && !dev.image() { self.blkid(&dev.loc) } else { (None, None) };
        let mut mounted: Vec<Value> = Vec::new();
        if !dev.image() {
            let here = run.mounts.iter().filter(|m| !m.bind && m.backing == Backing::Disk(dev.loc.clone()));
            mounted.extend(here.map(|mount| mount.target.clone().into()));
            if run.swaps.contains(&dev.loc) {
                mounted.push("[SWAP]".into());
            }
        }
        if mounted.is_empty() {
            mounted.push(Value::Null);
        }
        let mut node = json!({
            "name": dev.name, "kname": dev.kname, "path": dev.path, "type": dev.kind, "size": dev.size,
            "serial": dev.serial, "wwn": dev.wwn, "model": dev.model, "tran": dev.tran, "fstype": fstype,
            "label": null, "uuid": uuid, "partuuid": dev.partuuid, "partlabel": dev.partlabel, "pttype": dev.pttype,
            "parttype": dev.parttype, "log-sec": dev.sector, "phy-sec": dev.sector, "pkname": dev.parents.first(), "rota": true, "rm": false, "ro": false,
            "mountpoints": mounted,
        });
        let children: Vec<Value> = devs
            .iter()
            .filter(|other| other.parents.contains(&dev.kname))
            .map(|other| self.lsblk_node(server, other, devs))
            .collect();
        if !children.is_empty() {
            node["children"] = children.into();
        }
        node
    }

    /// Type and UUID of what stands in a place, as blkid(8) names them.
    pub(super) fn blkid(&self, loc: &str) -> (Option<String>, Option<String>) {
        match self.places.get(loc) {
            Some(Written::Member(member)) => (Some("linux_raid_member".into()), Some(dashed(&member.uuid))),
            Some(Written::Pv(label)) => (Some("LVM2_member".into()), Some(label.uuid.clone())),
            Some(Written::Fs(fs)) => (Some(fs.kind.clone()), Some(fs.uuid.clone())),
            Some(Written::Swap { uuid, .. }) => (Some("swap".into()), Some(uuid.clone())),
            Some(Written::Table(_) | Written::Torn) | None => (None, None),
        }
    }

    /// Names of links and devices: `find /dev/disk/by-id /dev/disk/by-path -type l -printf '%p %l\n'`
    pub(super) fn links(&self, server: Server) -> String {
        let mut lines: Vec<String> = Vec::new();
        for dev in self.devices(server) {
            let listed =
                |link: &&String| link.starts_with("/dev/disk/by-id/") || link.starts_with("/dev/disk/by-path/");
            let shown = dev.links.iter().filter(listed);
            lines.extend(shown.map(|link| format!("{link} ../../{}\n", dev.kname)));
        }
        lines.sort();
        lines.concat()
    }

    pub(super) fn wipefs(&mut self, server: Server, args: &Args) -> Said {
        let path = args.last();
        let probing = |cause: &str| format!("wipefs: error: {path}: probing initialization failed: {cause}\n");
        let Some(dev) = self.dev(server, path) else { return fail(1, probing("No such file or directory")) };
        if !dev.live {
            return fail(1, probing("Input/output error"));
        }
        if args.has("--json") {
            let kind = match self.places.get(&dev.loc) {
                None | Some(Written::Torn) => return Ok(String::new()),
                Some(Written::Table(table)) => (table.kind.clone(), None),
                Some(_) => {
                    let (kind, uuid) = self.blkid(&dev.loc);
                    (kind.unwrap_or_default(), uuid)
                }
            };
            let signature = json!({
                "device": dev.kname, "offset": "0x1000", "type": kind.0, "uuid": kind.1, "label": null,
            });
            let all = json!({ "signatures": [signature] });
            return Ok(serde_json::to_string_pretty(&all).unwrap_or_default() + "\n");
        }
        assert!(args.has("--all"), "wipefs {args:?}");
        if self.busy(server, &dev) {
            return fail(1, probing(BUSY));
        }
        self.places.remove(&dev.loc);
        Ok(String::new())
    }

    pub(super) fn sfdisk(&mut self, server: Server, args: &Args, stdin: Option<&str>) -> Said {
        let path = args.last();
        let dev = self.must(server, "sfdisk", path)?;
        let Some(script) = stdin else {
            assert!(args.has("--json"), "sfdisk {args:?}");
            let Some(Written::Table(table)) = self.places.get(&dev.loc) else {
                return fail(1, format!("sfdisk: {path}: does not contain a recognized partition table\n"));
            };
            let part = |part: &Part| {
                let digit = dev.path.ends_with(|last: char| last.is_ascii_digit());
                let node = format!("{}{}{}", dev.path, if digit { "p" } else { "" }, part.number);
                let mut value = json!({ "node": node, "start": part.start, "size": part.size, "type": part.kind });
                if let Some(uuid) = &part.uuid {
                    value["uuid"] = uuid.to_uppercase().into();
                    value["name"] = part.name.clone().into();
                }
                if part.bootable {
                    value["bootable"] = true.into();
                }
                value
            };
            let mut parts: Vec<&Part> = table.parts.iter().collect();
            parts.sort_by_key(|part| part.number);
            let parts: Vec<Value> = parts.into_iter().map(part).collect();
            let id = if table.kind == "gpt" { table.id.to_uppercase() } else { table.id.clone() };
            let dump = json!({ "partitiontable": {
                "label": table.kind, "id": id, "device": dev.path, "unit": "sectors",
                "sectorsize": dev.sector, "partitions": parts,
            }});
            return Ok(serde_json::to_string_pretty(&dump).unwrap_or_default() + "\n");
        };
        if self.busy(server, &dev) {
            return fail(
                1,
                "This disk is currently in use - repartitioning is probably a bad idea.\nUmount all file systems, and swapoff all swap partitions on this disk.\nUse the --no-reread flag to suppress this check.\nsfdisk: Use the --force flag to overrule all checks.\n",
            );
        }
        let table = parse_script(script);
        let last = dev.size / dev.sector - if table.kind == "gpt" { 34 } else { 1 };
        let mut until = 0;
        let mut by_start: Vec<&Part> = table.parts.iter().collect();
        by_start.sort_by_key(|part| part.start);
        for part in by_start {
            if part.start < until.max(34) || part.start + part.size - 1 > last {
                return fail(
                    1,
                    format!("Failed to add #{} partition: Numerical result out of range\nLeaving.\n", part.number),
                );
            }
            until = part.start + part.size;
        }
        for part in &table.parts {
            // --wipe-partitions always
            self.places.remove(&format!("{}@{}", dev.loc, part.start));
        }
        self.grub.remove(&dev.loc);
        self.places.insert(dev.loc, Written::Table(table));
        Ok(String::new())
    }

    pub(super) fn blockdev(&mut self, server: Server, args: &Args) -> Said {
        let dev = self.must(server, "blockdev", args.last())?;
        if args.has("--getsize64") {
            return Ok(format!("{}\n", dev.size));
        }
        if args.has("--getss") {
            return Ok(format!("{}\n", dev.sector));
        }
        if args.has("--rereadpt") && self.busy(server, &dev) {
            return fail(1, format!("blockdev: ioctl error on BLKRRPART: {BUSY}\n"));
        }
        assert!(args.has("--rereadpt") || args.has("--flushbufs"), "blockdev {args:?}");
        Ok(String::new())
    }

    pub(super) fn mkswap(&mut self, server: Server, args: &Args) -> Said {
        let dev = self.must(server, "mkswap", args.last())?;
        if self.busy(server, &dev) {
            return fail(1, format!("mkswap: error: {} is mounted; will not make swapspace\n", args.last()));
        }
        let uuid = args.value("--uuid").unwrap_or_default();
        let label = args.value("--label").unwrap_or_default();
        self.places.insert(dev.loc, Written::Swap { uuid, label });
        Ok(String::new())
    }

    pub(super) fn swapoff(&mut self, server: Server, path: &str) -> Said {
        let dev = self.dev(server, path);
        let on = dev.as_ref().is_some_and(|dev| self.machine(server).run.swaps.contains(&dev.loc));
        match dev {
            Some(dev) if on => {
                self.machine_mut(server).run.swaps.retain(|loc| *loc != dev.loc);
                Ok(String::new())
            }
            Some(_) => fail(4, format!("swapoff: {path}: swapoff failed: Invalid argument\n")),
            None => fail(4, format!("swapoff: {path}: swapoff failed: No such file or directory\n")),
        }
    }

    pub(super) fn swapon(&mut self, server: Server, path: &str) -> Said {
        let Some(dev) = self.dev(server, path) else {
            return fail(255, format!("swapon: cannot open {path}: No such file or directory\n"));
        };
        match self.places.get(&dev.loc) {
            Some(Written::Swap { .. }) if self.busy(server, &dev) => {
                fail(255, format!("swapon: {path}: swapon failed: {BUSY}\n"))
            }
            Some(Written::Swap { .. }) => {
                self.machine_mut(server).run.swaps.push(dev.loc);
                Ok(String::new())
            }
            _ => fail(255, format!("swapon: {path}: read swap header failed\n")),
        }
    }

    pub(super) fn mounted(&self, server: Server, target: &str, kind: &str) -> Option<Dev> {
        let mount = self.machine(server).run.mounts.iter().rfind(|m| m.target == target && m.fstype == kind)?;
        self.dev(server, &mount.source)
    }

    pub(super) fn xfs_info(&self, server: Server, target: &str) -> Said {
        let dev = self.mounted(server, target, "xfs");
        let fs = dev.and_then(|dev| match self.places.get(&dev.loc) {
            Some(Written::Fs(fs)) => Some(fs.size),
            _ => None,
        });
        let Some(size) = fs else { return fail(1, format!("{target}: Not a XFS filesystem\n")) };
        let blocks = size / 4096;
        Ok(format!(
            "meta-data=x isize=512    agcount=4, agsize={} blks\ndata     =                       bsize=4096   blocks={blocks}, imaxpct=25\n         =                       sunit=0      swidth=0 blks\n",
            blocks / 4
        ))
    }

    pub(super) fn dumpe2fs(&self, server: Server, path: &str) -> Said {
        let dev = self.must(server, "dumpe2fs", path)?;
        match self.places.get(&dev.loc) {
            Some(Written::Fs(fs)) if fs.kind.starts_with("ext") => {
                Ok(format!("Block count:              {}\nBlock size:               4096\n", fs.size / 4096))
            }
            _ => fail(1, format!("dumpe2fs: Bad magic number in super-block while trying to open {path}\n")),
        }
    }

    pub(super) fn xfs_growfs(&mut self, server: Server, target: &str) -> Said {
        let Some(dev) = self.mounted(server, target, "xfs") else {
            return fail(1, format!("xfs_growfs: {target} is not a mounted XFS filesystem\n"));
        };
        if let Some(Written::Fs(fs)) = self.places.get_mut(&dev.loc) {
            fs.size = dev.size;
        }
        Ok(String::new())
    }

    pub(super) fn resize2fs(&mut self, server: Server, path: &str) -> Said {
        let dev = self.must(server, "resize2fs", path)?;
        match self.places.get_mut(&dev.loc) {
            Some(Written::Fs(fs)) if fs.kind.starts_with("ext") => {
                fs.size = dev.size;
                Ok(String::new())
            }
            _ => fail(1, format!("resize2fs: Bad magic number in super-block while trying to open {path}\n")),
        }
    }
}

/// md's four groups as blkid(8) writes a UUID.
pub(super) fn dashed(md: &str) -> String {
    let hex: String = md.chars().filter(|c| *c != ':').collect();
    match hex.len() {
        32 => format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]),
        _ => hex,
    }
}

/// sfdisk(8)'s own form.
fn parse_script(script: &str) -> Table {
    let mut table = Table { kind: "dos".into(), id: String::new(), parts: Vec::new() };
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Some((head, rest)) = line.split_once(':') else { panic!("sfdisk cannot read `{line}`") };
        match head.trim() {
            "label" => table.kind = rest.trim().to_string(),
            "label-id" => table.id = rest.trim().to_string(),
            "unit" => {}
            number => {
                let mut part =
                    Part { number: number.parse().unwrap_or_else(|_| panic!("`{line}`")), ..Part::default() };
                for field in rest.split(',').map(str::trim) {
                    match field.split_once('=') {
                        Some(("start", value)) => part.start = value.trim().parse().expect(field),
                        Some(("size", value)) => part.size = value.trim().parse().expect(field),
                        Some(("type", value)) => part.kind = value.trim().to_string(),
                        Some(("uuid", value)) => part.uuid = Some(value.trim().to_string()),
                        Some(("name", value)) => part.name = value.trim_matches('"').to_string(),
                        None if field == "bootable" => part.bootable = true,
                        _ => panic!("sfdisk cannot read `{field}`"),
                    }
                }
                table.parts.push(part);
            }
        }
    }
    table
}
