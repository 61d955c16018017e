//! Plans of any size, and facts for any plan: the recorded pair of the lab, with the disks, groups and volumes that the plan
//! speaks of. For tests and for `benches/scale.rs`.

use std::fmt::Write;

use replant::facts::{Block, Facts, Lv, Mount, ServerFacts, lvm};
use replant::plan::{self, CopyHow, Loaded, Plan};

const GIB: u64 = 1 << 30;

/// A plan of so many disks and volumes. The volumes are in one group, on an array of all disks.
#[allow(dead_code)] // not every user of this file wants it
pub fn plan(disks: usize, volumes: usize) -> Loaded {
    plan::parse("made.yaml", &text(disks, volumes)).unwrap_or_else(|bad| panic!("{bad}"))
}

/// Its text.
#[allow(dead_code)]
pub fn text(disks: usize, volumes: usize) -> String {
    let mut text =
        "version: 1\nname: made\nold: { address: 192.0.2.10 }\nnew: { address: 192.0.2.20 }\ndisks:\n".to_string();
    for disk in 0..disks {
        writeln!(text, "  - {{ name: disk{disk}, serial: SERIAL{disk:05} }}").unwrap();
    }
    text += "partitions:\n  - { name: boot, size: 1GiB }\n  - { name: data, size: rest }\narrays:\n";
    text += "  - { name: md0, level: raid1, partitions: boot }\n  - { name: md1, level: raid10, partitions: data }\n";
    text += "boot: { to: md0 }\nvolume_groups:\n  - name: vg0\n    to: md1\n    volumes:\n";
    text += "      - { name: root }\n      - { name: swap, copy: recreate }\n";
    for volume in 2..volumes {
        let grow = if volume % 10 == 0 { ", grow: +1GiB" } else { "" };
        writeln!(text, "      - {{ name: data{volume:05}{grow} }}").unwrap();
    }
    text
}

/// The recorded pair, made to fit a plan.
pub fn facts(plan: &Plan) -> Facts {
    let recorded = include_str!("../facts/lab-full.json")
        .replace("10.77.0.21", &plan.old.address.to_string())
        .replace("10.77.0.22", &plan.new.address.to_string());
    let mut facts: Facts = serde_json::from_str(&recorded).expect("the recorded facts are facts");
    for server in [&mut facts.old, &mut facts.new] {
        let modules =
            ["raid0", "raid1", "raid10", "raid456", "target_core_mod", "target_core_iblock", "iscsi_target_mod"];
        server.modules.extend(modules.map(str::to_string));
    }
    facts.old.services.extend(plan.cutover.units());
    new_portal(plan, &mut facts);
    new_disks(plan, &mut facts);
    old_groups(plan, &mut facts);
    facts
}

/// New's card has the address at which its disks are to be offered, too.
fn new_portal(plan: &Plan, facts: &mut Facts) {
    let Some(portal) = &plan.transfer.iscsi.address else { return };
    let card = facts.new.interfaces.iter_mut().find(|card| card.physical).unwrap();
    card.addresses.push(format!("{}/24", **portal));
}

fn new_disks(plan: &Plan, facts: &mut Facts) {
    let like = facts.new.blocks.iter().find(|block| block.serial.as_deref() == Some("NEW0")).unwrap().clone();
    facts.new.blocks.retain(|block| !block.serial.as_ref().is_some_and(|serial| serial.starts_with("NEW")));
    for (at, disk) in plan.disks.iter().enumerate() {
        let wwn = disk.wwn.as_ref().map_or_else(|| format!("0x5000c500{at:08x}"), |wwn| wwn.to_string());
        let nvme = wwn.starts_with("eui.");
        let kname = if nvme { format!("nvme{at}n1") } else { format!("sd{}", letters(at)) };
        facts.new.blocks.push(Block {
            path: format!("/dev/{kname}"),
            kname,
            serial: Some(disk.serial.as_ref().map_or_else(|| format!("NEW{at}"), |serial| serial.to_string())),
            by_id: vec![format!("/dev/disk/by-id/{}-{wwn}", if nvme { "nvme" } else { "wwn" })],
            by_path: vec![format!("/dev/disk/by-path/pci-0000:00:06.0-{at}")],
            drivers: if nvme { vec!["nvme".to_string()] } else { like.drivers.clone() },
            wwn: Some(wwn),
            size: 8192 * GIB,
            ..like.clone()
        });
    }
}

/// `sda` to `sdz`, then `sdaa`.
fn letters(at: usize) -> String {
    let last = char::from(b'a' + (at % 26) as u8);
    if at < 26 { last.to_string() } else { format!("{}{last}", letters(at / 26 - 1)) }
}

/// What volumes and groups of old are like, but for their names.
struct Like {
    root: Lv,
    swap: Lv,
    data: Lv,
    array: Block,
    volume: Block,
    pv: replant::facts::Pv,
    vg: replant::facts::Vg,
}

fn old_groups(plan: &Plan, facts: &mut Facts) {
    let old = &mut facts.old;
    let lv = |name: &str| old.lvs.iter().find(|lv| lv.name == name).unwrap().clone();
    let (root, swap, data) = (lv("root"), lv("swap_1"), lv("var"));
    let block = |path: &str| old.blocks.iter().find(|block| block.path == path).unwrap().clone();
    let (array, volume) = (block("/dev/md1"), block("/dev/mapper/vg0-var"));
    let like = Like { root, swap, data, array, volume, pv: old.pvs.remove(0), vg: old.vgs.remove(0) };
    old.lvs.clear();
    old.swaps.clear();
    old.blocks.retain(|block| block.kind != "lvm" && block.path != "/dev/md1");
    old.mounts.retain(|mount| plan.boot.as_ref().is_some_and(|boot| *boot.from == mount.target));
    if plan.boot.is_none() {
        old.blocks.iter_mut().for_each(|block| block.mountpoints.clear());
    }
    let mut fstab = old.mounts.iter().map(line).collect::<String>();
    for (at, said) in plan.volume_groups.iter().enumerate() {
        let group = said.name.to_string();
        let names: Vec<(String, bool)> = match &said.volumes {
            Some(all) => all.iter().map(|one| (one.name.to_string(), *one.copy == CopyHow::Recreate)).collect(),
            None => vec![("root".into(), false), ("swap_1".into(), true), ("var".into(), false)],
        };
        for (name, is_swap) in &names {
            fstab += &old_volume(old, &like, at, &group, name, *is_swap);
        }
        old_group(old, &like, at, &group, names.len() as u64);
    }
    old.files.insert("/etc/fstab".into(), fstab);
    if let Some(first) = plan.volume_groups.first() {
        // the kernel's command line and GRUB's menu name the root by its group
        let root = lvm::mapper_path(&first.name, "root");
        old.files.values_mut().for_each(|text| *text = text.replace("/dev/mapper/vg0-root", &root));
    }
}

/// Returns its line of fstab.
fn old_volume(old: &mut ServerFacts, like: &Like, at: usize, group: &str, name: &str, is_swap: bool) -> String {
    let number = old.lvs.len();
    let device = format!("/dev/md{}", at + 1);
    let lv = match (is_swap, at == 0 && name == "root") {
        (true, _) => &like.swap,
        (false, true) => &like.root,
        (false, false) => &like.data,
    };
    let path = lvm::mapper_path(group, name);
    let uuid = format!("bbbbbbbb-0000-4000-8000-{number:012x}");
    let target = match (name, at) {
        _ if is_swap => "[SWAP]".to_string(),
        ("root", 0) => "/".to_string(),
        ("var", 0) => "/var".to_string(),
        _ => format!("/srv/{group}/{name}"),
    };
    old.blocks.push(Block {
        path: path.clone(),
        kname: format!("dm-{number}"),
        size: GIB,
        fstype: lv.fstype.clone(),
        uuid: Some(uuid.clone()),
        mountpoints: vec![target.clone()],
        by_id: vec![format!("/dev/disk/by-id/dm-name-{group}-{name}")],
        ancestors: [vec![device.clone()], like.array.ancestors.clone()].concat(),
        ..like.volume.clone()
    });
    old.lvs.push(Lv {
        name: name.to_string(),
        vg: group.to_string(),
        uuid: format!("lv-{number}"),
        size: GIB,
        devices: vec![device],
        fs_uuid: Some(uuid.clone()),
        ..lv.clone()
    });
    if is_swap {
        let path_now = format!("/dev/dm-{number}");
        let kind = "partition".into();
        old.swaps.push(replant::facts::Swap { path: path_now, kind, size: GIB, ..Default::default() });
        return format!("{path} none swap sw 0 0\n");
    }
    let mount = Mount {
        target,
        source: path,
        fstype: lv.fstype.clone().unwrap_or_default(),
        options: vec!["rw".into()],
        size: GIB,
        used: GIB / 2,
        avail: GIB / 2,
        uuid: Some(uuid),
    };
    let line = line(&mount);
    old.mounts.push(mount);
    line
}

/// A group on an array of its own, which its volumes fill.
fn old_group(old: &mut ServerFacts, like: &Like, at: usize, group: &str, volumes: u64) {
    let Like { array, pv, vg, .. } = like;
    let device = format!("/dev/md{}", at + 1);
    let extents = volumes * GIB / vg.extent_size;
    let size = extents * vg.extent_size;
    let kname = format!("md{}", at + 1);
    old.blocks.push(Block { path: device.clone(), kname, size: size + (4 << 20), ..array.clone() });
    old.pvs.push(replant::facts::Pv {
        path: device,
        uuid: format!("{}{}", &pv.uuid[..pv.uuid.len() - 1], at),
        vg: group.to_string(),
        size,
        pe_count: extents,
        pe_alloc_count: extents,
        ..pv.clone()
    });
    old.vgs.push(replant::facts::Vg {
        name: group.to_string(),
        uuid: format!("{}{}", &vg.uuid[..vg.uuid.len() - 1], at),
        size,
        extent_count: extents,
        lv_count: volumes,
        ..vg.clone()
    });
}

fn line(mount: &Mount) -> String {
    let uuid = mount.uuid.as_deref().unwrap_or_default();
    format!("UUID={uuid} {} {} defaults 0 2\n", mount.target, mount.fstype)
}
