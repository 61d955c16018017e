//! What can write to a server's volumes at this moment, and what keeps a file system from becoming read-only: superblocks
//! in every mount namespace, swaps, loop devices, devices that stand on a volume, open files and open devices.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Failed};
pub use super::holder::Holder;
use super::lvm;
use super::mounts::{self, MountPoint, unescaped};
use super::parse::{ParseError, number};
use crate::host::{Query, Side};

pub(super) const FACTS: &[Fact] = &[Fact {
    name: "writers",
    // of new, which is in rescue, nobody asks
    query: |side| (side == Side::Old).then(query),
    failed: Failed::Nothing,
    // of the file systems that findmnt has found
    put: |text, server| {
        let targets: Vec<String> = server.mounts.iter().map(|mount| mount.target.clone()).collect();
        server.holders = parse(text)?.holders(&targets);
        Ok(())
    },
}];

/// Shell functions: `mounts`, and `holders` that goes by it.
pub(crate) const HOLDERS: &str = include_str!("holders.sh");

/// A handful of processes, however many there are on the server.
const ASK: &str = r#"
echo @maps
dmsetup info -c --noheadings --separator ' ' -o name,major,minor,open || echo cut
echo @above
for h in /sys/block/dm-*/holders/*; do
  [ -e "$h" ] && read -r n <"$h/dev" && h=${h#/sys/block/} && echo "${h%%/*} $n ${h##*/}"
done
echo @swaps
cat /proc/swaps
echo @loops
! command -v losetup >/dev/null || losetup --list --noheadings --raw --output NAME,RO,BACK-MAJ:MIN,BACK-FILE
echo @holders
holders
echo @end"#;

/// Answers [`parse`].
pub fn query() -> Query {
    Query::run(["sh", "-c", &format!("{HOLDERS}{ASK}")])
}

/// The mount namespace of a login, which is that of the first process.
const OWN: u32 = 1;

/// All of it, as it is at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Live {
    /// device-mapper's devices
    pub maps: Vec<Map>,
    /// (number of the device below, number and name of the one that stands on it)
    pub above: Vec<(String, String, String)>,
    /// as /proc/swaps has them
    pub swaps: Vec<String>,
    /// loop devices: losetup(8)
    pub loops: Vec<Loop>,
    /// the first process of a mount namespace, and a mount point there
    pub mounts: Vec<(u32, MountPoint)>,
    /// processes that keep a file system or a device
    pub users: Vec<User>,
    /// something could not be found out in bounded time
    pub cut: bool,
}

/// A device of device-mapper: dmsetup(8) `info`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Map {
    /// `vg0-root`
    pub name: String,
    /// `254:0`
    pub number: String,
    /// how often it is open, in the kernel or by a program
    pub open: u64,
}

/// A loop device.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Loop {
    /// `/dev/loop0`
    pub path: String,
    /// it takes no writes
    pub read_only: bool,
    /// the device number of the file system that its file is on
    pub number: String,
    /// what it is made of
    pub file: String,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Does {
    /// it has a file open for writing
    Writes,
    /// it uses a file that has been deleted, or replaced by an upgrade
    Deleted,
    /// it has the device itself open
    Raw,
    /// and may write to it
    RawWrite,
}

/// A process that keeps something from falling silent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct User {
    /// how
    pub does: Does,
    /// its process id
    pub pid: u32,
    /// a device number, or the node by which a device is open, or `path`
    pub on: String,
    /// its name
    pub process: String,
    /// the outermost unit; empty where it belongs to none
    pub unit: String,
    /// of what is deleted
    pub path: String,
}

/// Reads what the question prints.
///
/// # Errors
/// A line that is not understood.
pub fn parse(text: &str) -> Result<Live, ParseError> {
    let mut live = Live::default();
    let mut part = "";
    let mut space = 0;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('@') {
            part = name;
            continue;
        }
        if line == "cut" {
            live.cut = true;
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        match (part, words.as_slice()) {
            ("maps", [name, major, minor, open]) => live.maps.push(Map {
                name: name.to_string(),
                number: format!("{major}:{minor}"),
                open: number("how often a device is open", open)?,
            }),
            // dmsetup says in words that there are none
            ("maps", _) => {}
            ("above", [below, above, name]) => {
                let minor = below.strip_prefix("dm-").unwrap_or(below);
                live.above.push((minor.to_string(), above.to_string(), name.to_string()));
            }
            ("swaps", [path, _, _, _, _]) if *path != "Filename" => live.swaps.push(unescaped(path)),
            ("loops", [path, read_only, number, file @ ..]) => live.loops.push(Loop {
                path: path.to_string(),
                read_only: *read_only == "1",
                number: number.to_string(),
                file: file.join(" ").replace("\\x20", " "),
            }),
            ("holders", ["namespace", "own"]) => space = OWN,
            ("holders", ["namespace", process]) => {
                space = number("a process", process.trim_start_matches("/proc/"))?;
            }
            ("holders", _) if line.contains('\t') => live.users.push(user(line)?),
            ("holders", _) => match mounts::mount_point(line) {
                Some(mount) => live.mounts.push((space, mount)),
                None => return Err(ParseError(format!("not a line of mountinfo: `{line}`"))),
            },
            _ => {}
        }
    }
    if part != "end" {
        return Err(ParseError::new("it does not end in `@end`"));
    }
    // the kernel names it dm-N, and N is its minor number
    for above in &mut live.above {
        if let Some(map) = live.maps.iter().find(|map| map.number.split(':').nth(1) == Some(&above.0)) {
            above.0.clone_from(&map.number);
        }
    }
    Ok(live)
}

fn user(line: &str) -> Result<User, ParseError> {
    let parts: Vec<&str> = line.splitn(6, '\t').collect();
    let [kind, pid, on, process, group, path] = parts[..] else {
        return Err(ParseError(format!("not what a process does: `{line}`")));
    };
    let does = match kind {
        "writes" => Does::Writes,
        "deleted" => Does::Deleted,
        "raw" => Does::Raw,
        "raw-write" => Does::RawWrite,
        other => return Err(ParseError(format!("a process does what nobody knows: `{other}`"))),
    };
    let unit = group.split('/').find(|part| part.ends_with(".service") || part.ends_with(".scope"));
    Ok(User {
        does,
        pid: number("a process", pid)?,
        on: on.to_string(),
        process: process.to_string(),
        unit: unit.unwrap_or_default().to_string(),
        path: path.trim_end_matches(" (deleted)").to_string(),
    })
}

/// One thing that can write to what must fall silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// by what it writes
    pub way: Writable,
    /// `vg0/data is mounted for writing on /mnt`
    pub what: String,
    /// what to type
    pub help: String,
}

/// By what something can be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writable {
    /// a superblock takes writes; its device number
    Mounted(String),
    /// a path
    Swap(String),
    /// the path of the loop device
    Loop(String),
    /// a process has the device itself open for writing; the volume
    Raw(String),
    /// somebody has it open, and it is not known who; the volume
    Open(String),
}

impl Live {
    /// Device-mapper's device for a volume; `None` where it is not active, so that nothing reaches it.
    fn map(&self, volume: &str) -> Option<&Map> {
        let (vg, lv) = volume.split_once('/')?;
        let path = lvm::mapper_path(vg, lv);
        self.maps.iter().find(|map| path.strip_prefix("/dev/mapper/") == Some(&map.name))
    }

    /// The numbers of a volume's device and of all that stands on it.
    fn stack(&self, volume: &str) -> BTreeSet<String> {
        let mut all: BTreeSet<String> = self.map(volume).map(|map| map.number.clone()).into_iter().collect();
        loop {
            let more: Vec<String> = self
                .above
                .iter()
                .filter(|(below, above, _)| all.contains(below) && !all.contains(above))
                .map(|(_, above, _)| above.clone())
                .collect();
            if more.is_empty() {
                return all;
            }
            all.extend(more);
        }
    }

    /// Whether a path is the device with this number.
    fn names(&self, number: &str, path: &str) -> bool {
        let map = self.maps.iter().find(|map| map.number == number);
        let minor = number.split(':').nth(1).unwrap_or_default();
        let above = self.above.iter().find(|(_, above, _)| above == number).map(|(.., name)| format!("/dev/{name}"));
        map.is_some_and(|map| {
            let plain = lvm_path(&map.name);
            path == format!("/dev/mapper/{}", map.name)
                || path == format!("/dev/dm-{minor}")
                || plain.as_deref() == Some(path)
        }) || above.as_deref() == Some(path)
    }

    /// Whether two paths are one and the same device.
    pub fn same(&self, one: &str, other: &str) -> bool {
        let both = |map: &Map| self.names(&map.number, one) && self.names(&map.number, other);
        one == other || self.maps.iter().any(both)
    }

    /// The mount points of a device; btrfs has a number of its own, and is known by its source.
    fn on<'a>(&'a self, number: &'a str) -> impl Iterator<Item = &'a (u32, MountPoint)> {
        self.mounts.iter().filter(move |(_, mount)| mount.number == number || self.names(number, &mount.source))
    }

    /// The mount points that a login sees.
    fn own(&self) -> impl Iterator<Item = &MountPoint> {
        self.mounts.iter().filter(|(space, _)| *space == OWN).map(|(_, mount)| mount)
    }

    /// The number of what is mounted on a directory.
    fn mounted(&self, target: &str) -> Option<&str> {
        self.own().filter(|mount| mount.target == target).last().map(|mount| mount.number.as_str())
    }

    /// The number of the file system that a path of the server's own namespace lies on.
    fn under(&self, path: &str) -> Option<&str> {
        let above = |mount: &&MountPoint| std::path::Path::new(path).starts_with(&mount.target);
        let nearest = self.own().filter(above).max_by_key(|mount| mount.target.len())?;
        Some(&nearest.number)
    }

    /// Everything that can write to these volumes, or to what is mounted on these directories.
    pub fn writers(&self, volumes: &[String], targets: &[String]) -> Vec<Writer> {
        let mut found = Vec::new();
        // of each device what it is called, and whether its count of openings is known
        let mut devices: BTreeMap<String, (String, bool)> = BTreeMap::new();
        for target in targets {
            if let Some(number) = self.mounted(target) {
                devices.insert(number.to_string(), (target.clone(), false));
            }
        }
        for volume in volumes {
            for number in self.stack(volume) {
                devices.insert(number, (volume.clone(), true));
            }
        }
        let mut superblocks = BTreeSet::new();
        let mut files = BTreeSet::new();
        for (number, (name, counted)) in &devices {
            let mut known = 0;
            let mut here = BTreeSet::new();
            for (space, mount) in self.on(number) {
                here.insert(&mount.number);
                files.insert(mount.number.clone());
                if !mount.sealed() && superblocks.insert(mount.number.clone()) {
                    found.push(writable(name, *space, mount));
                }
            }
            known += here.len() as u64;
            for path in self.swaps.iter().filter(|path| self.names(number, path)) {
                known += 1;
                found.push(Writer {
                    way: Writable::Swap(path.clone()),
                    what: format!("{name} is in use as swap ({path})"),
                    help: format!("swapoff {path}"),
                });
            }
            for lo in self.loops.iter().filter(|lo| self.names(number, &lo.file)) {
                known += 1;
                found.extend((!lo.read_only).then(|| looped(name, lo)));
            }
            known += self.above.iter().filter(|(below, ..)| below == number).count() as u64;
            for user in self.users.iter().filter(|user| self.names(number, &user.on)) {
                known += 1;
                if user.does == Does::RawWrite {
                    found.push(Writer {
                        way: Writable::Raw(name.clone()),
                        what: format!("{} has {name} itself open for writing", user.name()),
                        help: user.end(),
                    });
                }
            }
            let open = self.maps.iter().find(|map| map.number == *number).map_or(0, |map| map.open);
            if *counted && open > known {
                found.push(Writer {
                    way: Writable::Open(name.clone()),
                    what: format!("{name} is open {open} times, and of {known} it is known by whom"),
                    help: format!("fuser -v /dev/{name}"),
                });
            }
        }
        let on_them = |number: &str, path: &str| {
            files.contains(number) || self.under(path).is_some_and(|under| files.contains(under))
        };
        for lo in self.loops.iter().filter(|lo| !lo.read_only && on_them(&lo.number, &lo.file)) {
            let name = self.under(&lo.file).unwrap_or(&lo.number).to_string();
            let name = self.own().find(|mount| mount.number == name).map_or(name, |mount| mount.target.clone());
            found.push(looped(&name, lo));
        }
        for path in self.swaps.iter().filter(|path| !path.starts_with("/dev/")) {
            if self.under(path).is_some_and(|number| files.contains(number)) {
                found.push(Writer {
                    way: Writable::Swap(path.clone()),
                    what: format!("the file {path} is in use as swap"),
                    help: format!("swapoff {path}"),
                });
            }
        }
        found
    }

    /// Whether what takes writes is mounted on one of these directories, where it will be made read-only.
    pub fn is_on(&self, number: &str, targets: &[String]) -> bool {
        targets.iter().any(|target| self.mounted(target) == Some(number))
    }

    /// The processes that keep these from becoming read-only.
    pub fn holders(&self, targets: &[String]) -> Vec<Holder> {
        let numbers: BTreeMap<&str, &String> =
            targets.iter().rev().filter_map(|target| Some((self.mounted(target)?, target))).collect();
        let mut found = BTreeSet::new();
        for user in self.users.iter().filter(|user| matches!(user.does, Does::Writes | Does::Deleted)) {
            let number = if user.on == "path" { self.under(&user.path) } else { Some(user.on.as_str()) };
            let Some(target) = number.and_then(|number| numbers.get(number)) else { continue };
            found.insert(Holder {
                unit: user.unit.clone(),
                process: user.process.clone(),
                target: target.to_string(),
                deleted: if user.does == Does::Deleted { user.path.clone() } else { String::new() },
            });
        }
        found.into_iter().collect()
    }
}

/// `/dev/vg0/root` of `vg0-root`; a hyphen within a name is written twice.
fn lvm_path(name: &str) -> Option<String> {
    let at = name
        .char_indices()
        .find(|(at, char)| *char == '-' && !name[at + 1..].starts_with('-') && !name[..*at].ends_with('-'))?;
    let plain = |part: &str| part.replace("--", "-");
    Some(format!("/dev/{}/{}", plain(&name[..at.0]), plain(&name[at.0 + 1..])))
}

fn writable(name: &str, space: u32, mount: &MountPoint) -> Writer {
    let place = if space == OWN { String::new() } else { format!(" in the mount namespace of process {space}") };
    let mut what = format!("{name} is mounted for writing on {}{place}", mount.target);
    if mount.read_only {
        what += ": only this mount point is read-only, not the file system";
    }
    let help = match space {
        OWN => format!("umount {}", mount.target),
        _ => format!("nsenter --target {space} --mount umount {}", mount.target),
    };
    Writer { way: Writable::Mounted(mount.number.clone()), what, help }
}

fn looped(name: &str, lo: &Loop) -> Writer {
    Writer {
        way: Writable::Loop(lo.path.clone()),
        what: format!("{} writes to {} on {name}", lo.path, lo.file),
        help: format!("unmount what is on {0}, then `losetup --detach {0}`", lo.path),
    }
}

impl User {
    fn name(&self) -> String {
        match self.unit.as_str() {
            "" => format!("process {} ({})", self.pid, self.process),
            unit => format!("process {} ({}) of {unit}", self.pid, self.process),
        }
    }

    fn end(&self) -> String {
        match self.unit.as_str() {
            unit if unit.ends_with(".service") => format!("systemctl stop {unit}"),
            _ => format!("kill {}", self.pid),
        }
    }
}
