//! Names of block devices, resolved in one place: whatever a mount, /etc/fstab, a swap, a boot loader or a filter calls a
//! device becomes the blocks that it means on its server, or nothing. Nobody compares names of devices as text.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Block, Mount, ServerFacts, Swap, lvm};

/// What kind of name it was: that decides whether it means the same on another machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameKind {
    /// `UUID=`: written in the file system or swap itself, and copied with it
    Uuid,
    /// `LABEL=`: likewise
    Label,
    /// `/dev/vg0/root`, `/dev/mapper/vg0-root`, `dm-name-vg0-root`: made of the names of a group and a volume
    Volume,
    /// `/dev/md0`, `/dev/md/0`: the name of an array
    Array,
    /// made of the hardware, of a partition table, of UUIDs of LVM or md, or of the order in which the kernel found it:
    /// means nothing on another machine, or something else
    Passing,
}

/// A name, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Meaning<'a> {
    /// how the device was named
    pub kind: NameKind,
    /// empty: nothing there goes by this name. More than one: several devices tell the same UUID or label
    pub blocks: Vec<&'a Block>,
}

/// The devices of a server by everything that they can be called. Made once for many names.
pub struct Names<'a> {
    /// those of lsblk(8), then volumes of LVM that it does not list: they are not active
    blocks: Vec<Cow<'a, Block>>,
    /// by UUID, in small letters
    uuids: HashMap<String, Vec<usize>>,
    labels: HashMap<String, Vec<usize>>,
    partuuids: HashMap<String, Vec<usize>>,
    partlabels: HashMap<String, Vec<usize>>,
    /// by full path: links, what lsblk(8) calls it, the kernel's name, LVM's and md's names
    paths: HashMap<String, usize>,
    /// by mount point
    mounted: HashMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    /// The names of this server's devices.
    pub fn of(server: &'a ServerFacts) -> Names<'a> {
        let mut names = Names {
            blocks: server.blocks.iter().map(Cow::Borrowed).collect(),
            uuids: HashMap::with_capacity(server.blocks.len()),
            labels: HashMap::new(),
            partuuids: HashMap::new(),
            partlabels: HashMap::new(),
            paths: HashMap::with_capacity(4 * server.blocks.len()),
            mounted: HashMap::new(),
        };
        for (at, block) in server.blocks.iter().enumerate() {
            names.add(at, block);
            for target in &block.mountpoints {
                names.mounted.entry(target).or_insert(at);
            }
        }
        for lv in &server.lvs {
            let path = lvm::mapper_path(&lv.vg, &lv.name);
            let at = match names.paths.get(&path) {
                Some(at) => *at,
                None => {
                    let block = Block {
                        path,
                        kind: "lvm".into(),
                        size: lv.size,
                        fstype: lv.fstype.clone(),
                        uuid: lv.fs_uuid.clone(),
                        ..Block::default()
                    };
                    names.add(names.blocks.len(), &block);
                    names.blocks.push(Cow::Owned(block));
                    names.blocks.len() - 1
                }
            };
            names.paths.entry(format!("/dev/{}/{}", lv.vg, lv.name)).or_insert(at);
        }
        for array in &server.arrays {
            let Some(at) = names.paths.get(&array.path).copied() else { continue };
            // `srv1:0` is /dev/md/0 at home, and /dev/md/srv1:0 elsewhere
            let short = array.name.rsplit(':').next().unwrap_or_default();
            let number = array.path.strip_prefix("/dev/md").unwrap_or_default();
            for name in [short, &array.name, number].into_iter().filter(|name| !name.is_empty()) {
                names.paths.entry(format!("/dev/md/{name}")).or_insert(at);
            }
        }
        names
    }

    fn add(&mut self, at: usize, block: &Block) {
        let lower = |uuid: &Option<String>| uuid.as_ref().map(|uuid| uuid.to_ascii_lowercase());
        let lists = [
            (&mut self.uuids, lower(&block.uuid)),
            (&mut self.labels, block.label.clone()),
            (&mut self.partuuids, lower(&block.partuuid)),
            (&mut self.partlabels, block.partlabel.clone()),
        ];
        for (list, name) in lists {
            if let Some(name) = name {
                list.entry(name).or_default().push(at);
            }
        }
        let kernel = Some(format!("/dev/{}", block.kname)).filter(|_| !block.kname.is_empty());
        let links = block.by_id.iter().chain(&block.by_path).chain(&block.links).cloned();
        for path in [block.path.clone()].into_iter().chain(kernel).chain(links) {
            self.paths.entry(path).or_insert(at);
        }
    }

    /// What a name means; `None`: it is not the name of a device (`tmpfs`, `server:/export`).
    pub fn meaning(&self, name: &str) -> Option<Meaning<'_>> {
        let name = plain(name);
        let name = match name.strip_prefix("ID=") {
            Some(id) => format!("/dev/disk/by-id/{id}"),
            None => name,
        };
        let found = |kind, all: Option<&Vec<usize>>| {
            let blocks = all.into_iter().flatten().map(|at| &*self.blocks[*at]).collect();
            Some(Meaning { kind, blocks })
        };
        // a tag, or the link that udev(7) makes of it
        let by = |tag: &str, place: &str| {
            let link = || Some(unhexed(name.strip_prefix("/dev/disk/")?.strip_prefix(place)?));
            name.strip_prefix(tag).map(str::to_string).or_else(link)
        };
        if let Some(uuid) = by("UUID=", "by-uuid/") {
            return found(NameKind::Uuid, self.uuids.get(&uuid.to_ascii_lowercase()));
        }
        if let Some(label) = by("LABEL=", "by-label/") {
            return found(NameKind::Label, self.labels.get(&label));
        }
        if let Some(uuid) = by("PARTUUID=", "by-partuuid/") {
            return found(NameKind::Passing, self.partuuids.get(&uuid.to_ascii_lowercase()));
        }
        if let Some(label) = by("PARTLABEL=", "by-partlabel/") {
            return found(NameKind::Passing, self.partlabels.get(&label));
        }
        let inside = name.strip_prefix("/dev/")?;
        let block = self.paths.get(&name).map(|at| &*self.blocks[*at]);
        let kind = match inside {
            _ if inside.starts_with("disk/by-id/dm-name-") => NameKind::Volume,
            _ if inside.starts_with("disk/") || inside.starts_with("dm-") => NameKind::Passing,
            _ if inside.starts_with("md") => NameKind::Array,
            _ => NameKind::Volume,
        };
        // only LVM's names are kept by the migration: not those of partitions, of multipath or of encryption
        let kept = kind != NameKind::Volume || block.is_some_and(|block| block.kind == "lvm");
        Some(Meaning { kind: if kept { kind } else { NameKind::Passing }, blocks: block.into_iter().collect() })
    }

    /// A volume's block.
    pub fn volume(&self, vg: &str, lv: &str) -> Option<&Block> {
        self.paths.get(&lvm::mapper_path(vg, lv)).map(|at| &*self.blocks[*at])
    }

    /// The one block that a name means; `None` where it is unknown, or may be any of several.
    pub fn block(&self, name: &str) -> Option<&Block> {
        match self.meaning(name)?.blocks.as_slice() {
            [block] => Some(block),
            _ => None,
        }
    }

    /// The blocks that a mounted file system is on: those that its source names, without a subvolume or a directory behind
    /// it; where that tells nothing (`/dev/root`), who has its UUID, or what lsblk(8) says is mounted there. A btrfs may be
    /// on several devices, of which findmnt(8) tells one.
    pub fn mount(&self, mount: &Mount) -> Vec<&Block> {
        let device = device(&mount.source);
        let by_uuid = || mount.uuid.as_ref().and_then(|uuid| self.uuids.get(&uuid.to_ascii_lowercase()));
        let same = || by_uuid().into_iter().flatten().map(|at| &*self.blocks[*at]);
        let mut blocks = self.meaning(device).map(|it| it.blocks).unwrap_or_default();
        if mount.fstype == "btrfs" {
            blocks.extend(same());
        }
        // ZFS, NFS and what is in memory are on no block
        if blocks.is_empty() && device.starts_with("/dev/") {
            blocks.extend(same());
        }
        if blocks.is_empty() && device.starts_with("/dev/") {
            blocks.extend(self.mounted.get(mount.target.as_str()).map(|at| &*self.blocks[*at]));
        }
        let mut once: Vec<&Block> = Vec::new();
        for block in blocks {
            if !once.iter().any(|known| known.path == block.path) {
                once.push(block);
            }
        }
        once
    }

    /// The block of a swap; a swap file is none.
    pub fn swap(&self, swap: &Swap) -> Option<&Block> {
        if swap.kind == "file" { None } else { self.block(&swap.path) }
    }
}

/// The first mount of each device, by its path.
pub fn mounted<'a>(server: &'a ServerFacts, names: &Names) -> HashMap<String, &'a Mount> {
    let on = |mount: &'a Mount| names.mount(mount).into_iter().map(|block| block.path.clone()).collect::<Vec<_>>();
    let all = server.mounts.iter().rev();
    all.flat_map(|mount| on(mount).into_iter().map(move |path| (path, mount))).collect()
}

/// The source of a mount without what findmnt(8) puts behind it for a subvolume or a bind: `/dev/mapper/vg0-root[/@]`.
pub fn device(source: &str) -> &str {
    source.strip_suffix(']').and_then(|rest| rest.split_once('[')).map_or(source, |(device, _)| device)
}

/// The directory within the file system that is mounted, where it is not all of it: `/@`.
pub fn inside(source: &str) -> Option<&str> {
    source.strip_suffix(']')?.split_once('[').map(|(_, inside)| inside).filter(|inside| *inside != "/")
}

/// A name without quotes, and with fstab(5)'s octal escapes (`\040`) made plain.
pub fn plain(name: &str) -> String {
    let bare = name.replace(['"', '\''], "");
    unescaped(&bare, |rest| {
        let octal = rest.get(..3).filter(|digits| digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte)))?;
        Some((u8::from_str_radix(octal, 8).ok()?, 3))
    })
}

/// udev(7) writes what it does not like in a link as `\x20`.
fn unhexed(name: &str) -> String {
    unescaped(name, |rest| {
        let hex = rest.strip_prefix('x')?.get(..2)?;
        Some((u8::from_str_radix(hex, 16).ok()?, 3))
    })
}

/// With what follows a backslash read by `one`: the byte that is meant, and how many letters told it.
fn unescaped(text: &str, one: impl Fn(&str) -> Option<(u8, usize)>) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        rest = match one(after) {
            Some((byte, letters)) => {
                bytes.push(byte);
                &after[letters..]
            }
            None => {
                bytes.push(b'\\');
                after
            }
        };
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Array, Lv};

    fn server() -> ServerFacts {
        let block = |path: &str, kname: &str, kind: &str| Block {
            path: path.into(),
            kname: kname.into(),
            kind: kind.into(),
            ..Block::default()
        };
        let id = |name: &str| format!("/dev/disk/by-id/{name}");
        let root = Block {
            uuid: Some("AAAA-01".into()),
            label: Some("my root".into()),
            by_id: vec![id("dm-name-vg--a-lv--b"), id("dm-uuid-LVM-xyz")],
            mountpoints: vec!["/".into()],
            ..block("/dev/mapper/vg--a-lv--b", "dm-0", "lvm")
        };
        let part = Block {
            partuuid: Some("AB-01".into()),
            partlabel: Some("EFI system".into()),
            by_id: vec![id("wwn-0x5-part1"), id("lvm-pv-uuid-q")],
            by_path: vec!["/dev/disk/by-path/pci-0-part1".into()],
            links: vec!["/dev/disk/by-dname/sda-part1".into()],
            ..block("/dev/sda1", "sda1", "part")
        };
        ServerFacts {
            blocks: vec![
                part,
                block("/dev/md127", "md127", "raid1"),
                root,
                block("/dev/mapper/crypt", "dm-1", "crypt"),
            ],
            lvs: ["lv-b", "idle"].map(|name| Lv { vg: "vg-a".into(), name: name.into(), ..Lv::default() }).into(),
            arrays: vec![Array { path: "/dev/md127".into(), name: "srv:data".into(), ..Array::default() }],
            ..ServerFacts::default()
        }
    }

    #[test]
    fn every_spelling_means_its_block() {
        let server = server();
        let names = Names::of(&server);
        let says = |name: &str, path: &str, kind: NameKind| {
            let meaning = names.meaning(name).unwrap_or_else(|| panic!("{name} names nothing"));
            let paths: Vec<&str> = meaning.blocks.iter().map(|block| block.path.as_str()).collect();
            assert_eq!((paths.as_slice(), meaning.kind), (&[path][..], kind), "{name}");
        };
        let root = "/dev/mapper/vg--a-lv--b";
        for name in [root, "/dev/vg-a/lv-b", "/dev/disk/by-id/dm-name-vg--a-lv--b", "ID=dm-name-vg--a-lv--b"] {
            says(name, root, NameKind::Volume);
        }
        for name in ["/dev/dm-0", "/dev/disk/by-id/dm-uuid-LVM-xyz", "ID=dm-uuid-LVM-xyz"] {
            says(name, root, NameKind::Passing);
        }
        for name in ["UUID=aaaa-01", "UUID=\"AAAA-01\"", "/dev/disk/by-uuid/AAAA-01"] {
            says(name, root, NameKind::Uuid);
        }
        for name in ["LABEL=my\\040root", "LABEL=\"my root\"", "/dev/disk/by-label/my\\x20root"] {
            says(name, root, NameKind::Label);
        }
        for name in [
            "/dev/sda1",
            "PARTUUID=ab-01",
            "/dev/disk/by-partuuid/AB-01",
            "PARTLABEL=EFI\\040system",
            "/dev/disk/by-partlabel/EFI\\x20system",
            "/dev/disk/by-path/pci-0-part1",
            "/dev/disk/by-id/lvm-pv-uuid-q",
            "/dev/disk/by-dname/sda-part1",
            "ID=wwn-0x5-part1",
        ] {
            says(name, "/dev/sda1", NameKind::Passing);
        }
        for name in ["/dev/md127", "/dev/md/127", "/dev/md/data", "/dev/md/srv:data"] {
            says(name, "/dev/md127", NameKind::Array);
        }
        // not active: lsblk(8) does not know it
        says("/dev/vg-a/idle", "/dev/mapper/vg--a-idle", NameKind::Volume);
        says("/dev/mapper/crypt", "/dev/mapper/crypt", NameKind::Passing);
        for name in ["tmpfs", "nas:/export", "tank/data", "//nas/share"] {
            assert_eq!(names.meaning(name), None, "{name}");
        }
        assert_eq!(names.meaning("/dev/vg-a/other").unwrap().blocks, Vec::<&Block>::new());
    }

    #[test]
    fn a_mount_is_on_its_block_however_its_source_is_written() {
        let server = server();
        let names = Names::of(&server);
        let on = |source: &str, target: &str, uuid: Option<&str>| -> Vec<String> {
            let mount = Mount {
                source: source.into(),
                target: target.into(),
                uuid: uuid.map(str::to_string),
                ..Mount::default()
            };
            names.mount(&mount).iter().map(|block| block.kname.clone()).collect()
        };
        assert_eq!(on("/dev/mapper/vg--a-lv--b[/@]", "/", None), ["dm-0"]);
        assert_eq!(on("/dev/dm-0[/srv/www]", "/srv", None), ["dm-0"]);
        assert_eq!(on("/dev/root", "/", None), ["dm-0"]);
        assert_eq!(on("/dev/root", "/mnt", Some("aaaa-01")), ["dm-0"]);
        assert_eq!(on("/dev/sdz9", "/mnt", None), [""; 0]);
        assert_eq!(on("tank/data", "/", None), [""; 0]);
    }

    #[test]
    fn what_stands_behind_a_source_is_told_apart() {
        assert_eq!((device("/dev/sda1[/@]"), inside("/dev/sda1[/@]")), ("/dev/sda1", Some("/@")));
        assert_eq!((device("/dev/sda1"), inside("/dev/sda1")), ("/dev/sda1", None));
        assert_eq!((device("/dev/sda1[/]"), inside("/dev/sda1[/]")), ("/dev/sda1", None));
        assert_eq!(plain("a\\134b\\011c\\9"), "a\\b\tc\\9");
    }
}
