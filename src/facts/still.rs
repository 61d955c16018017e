//! What was found, without what changes by itself.

use std::collections::{BTreeMap, BTreeSet};

use super::{Interface, Mount, ServerFacts, identity};

/// A server without what changes by itself (clock, boot, memory, use of file systems and swap, progress of a
/// synchronisation, services, health of disks, sizes of boot files, rates, carriers, what containers and snaps mount, how far migrations have come),
/// and without what other fields tell too. Devices have names that stay when it boots again, and lists that have no order
/// are sorted.
pub(super) fn still(found: &ServerFacts) -> ServerFacts {
    let names = Names(names(found));
    let mut server = found.clone();
    forget(&mut server);
    name_blocks(&mut server, &names);
    name_volumes(&mut server, &names);
    name_mounts(&mut server, &names);
    keep_cards(&mut server);
    sort(&mut server);
    server
}

/// Of devices, by each of their paths: what stays when the kernel numbers them again.
struct Names(BTreeMap<String, String>);

impl Names {
    fn of(&self, path: &str) -> String {
        self.0.get(path).cloned().unwrap_or(path.to_string())
    }

    fn sorted(&self, paths: &[String]) -> Vec<String> {
        let mut named: Vec<String> = paths.iter().map(|path| self.of(path)).collect();
        named.sort();
        named
    }
}

fn forget(server: &mut ServerFacts) {
    server.clock = 0;
    server.boot_id.clear();
    (server.memory, server.memory_available) = (0, 0);
    server.services.clear();
    server.holders.clear();
    // they come and go with packages; what is made of them is in the runbook
    server.disabled.clear();
    server.mount_units.clear();
    // follows from the versions of packages
    server.unable.clear();
    // one that is made again has another UUID; and each copy of a mirror is told
    server.fs_features.clear();
    server.initrd_sizes.clear();
    // a line of a file
    server.initiator = None;
    // each act of a migration carries it on
    server.under_way.clear();
    // follows from the package
    server.iscsi_database = None;
}

fn is_snap(fstype: Option<&str>) -> bool {
    fstype == Some("squashfs")
}

fn name_blocks(server: &mut ServerFacts, names: &Names) {
    // volumes are told by LVM. Snaps are loop devices that come and go, as containers' of device-mapper do; a disc in its
    // drive is of no matter
    server.blocks.retain(|block| match block.kind.as_str() {
        "lvm" | "dm" | "rom" => false,
        "loop" => !is_snap(block.fstype.as_deref()),
        _ => true,
    });
    for block in &mut server.blocks {
        block.path = names.of(&block.path);
        block.kname.clear();
        block.mountpoints.clear();
        block.health = None;
        block.ancestors = names.sorted(&block.ancestors);
        block.by_id.sort();
        block.by_path.sort();
        // made of what other fields tell, or by rules of udev
        block.links.clear();
    }
    for array in &mut server.arrays {
        array.path = names.of(&array.path);
        array.action = None;
        array.members = names.sorted(&array.members);
    }
}

fn name_volumes(server: &mut ServerFacts, names: &Names) {
    for pv in &mut server.pvs {
        pv.path = names.of(&pv.path);
        // what is free follows from the volumes
        (pv.free, pv.pe_alloc_count) = (0, 0);
    }
    for vg in &mut server.vgs {
        (vg.free, vg.free_count, vg.lv_count) = (0, 0, 0);
    }
    for lv in &mut server.lvs {
        (lv.sync_percent, lv.sync_action) = (None, None);
        lv.write_rate = 0;
        // some of its letters tell of sync and of being open (lvs(8)); what else it tells is in other fields
        lv.attr.clear();
        lv.devices = names.sorted(&lv.devices);
    }
}

fn name_mounts(server: &mut ServerFacts, names: &Names) {
    server.mounts.retain(|mount| on_a_device(mount) && !is_snap(Some(&mount.fstype)));
    for mount in &mut server.mounts {
        mount.source = names.of(&mount.source);
        (mount.used, mount.avail) = (0, 0);
    }
    for swap in &mut server.swaps {
        swap.path = names.of(&swap.path);
        swap.used = 0;
    }
}

fn keep_cards(server: &mut ServerFacts) {
    let cards = cards(&server.interfaces);
    let configured = &server.configured;
    server.interfaces.retain(|interface| cards.contains(&interface.name));
    for card in &mut server.interfaces {
        card.speed = None;
        card.up = false;
        if !card.physical {
            // a bridge takes it from whatever is plugged into it
            card.mac.clear();
        }
        // one that floats between servers is here today and there tomorrow: a whole address, and in no file
        let floats = |address: &str| match address.split_once('/') {
            Some((address, "32" | "128")) => !configured.contains(address),
            _ => false,
        };
        card.addresses.retain(|address| card.dynamic.contains(address) || !floats(address));
        card.addresses.sort();
        card.dynamic.sort();
        card.altnames.sort();
    }
}

/// Lists that have no order.
fn sort(server: &mut ServerFacts) {
    server.host_keys.sort();
    server.initrds.sort();
    server.link_files.sort();
    server.iscsi_sessions.sort();
    server.macs.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    if let Some(packages) = &mut server.iscsi_packages {
        packages.sort_by(|a, b| a.name.cmp(&b.name));
    }
    server.blocks.sort_by(|a, b| a.path.cmp(&b.path));
    server.arrays.sort_by(|a, b| a.path.cmp(&b.path));
    server.pvs.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    server.vgs.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    server.lvs.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    server.mounts.sort_by(|a, b| a.target.cmp(&b.target));
    server.swaps.sort_by(|a, b| a.path.cmp(&b.path));
    server.interfaces.sort_by(|a, b| a.name.cmp(&b.name));
}

/// By each path of a device: what stays when the kernel numbers them again.
fn names(server: &ServerFacts) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for block in &server.blocks {
        let array = server.arrays.iter().find(|array| array.path == block.path && !array.uuid.is_empty());
        let name = match block.kind.as_str() {
            "disk" => identity(block),
            "part" => block.partuuid.as_ref().or(block.by_id.first()).unwrap_or(&block.path).clone(),
            "loop" => block.uuid.as_ref().unwrap_or(&block.path).clone(),
            _ => array.map_or(&block.path, |array| &array.uuid).clone(),
        };
        names.insert(block.path.clone(), name.clone());
        // a volume's other name, by which /proc/swaps knows it
        names.insert(format!("/dev/{}", block.kname), name);
    }
    for array in server.arrays.iter().filter(|array| !array.uuid.is_empty()) {
        names.insert(array.path.clone(), array.uuid.clone());
    }
    names
}

/// Not of the network or of a program, and no second place of what is mounted elsewhere: containers have many.
fn on_a_device(mount: &Mount) -> bool {
    mount.source.starts_with("/dev/") && (mount.fstype == "btrfs" || !mount.source.contains('['))
}

/// Real cards and what stands on them. Containers' and tunnels' come and go.
fn cards(interfaces: &[Interface]) -> BTreeSet<String> {
    let mut cards: BTreeSet<String> =
        interfaces.iter().filter(|card| card.physical).map(|card| card.name.clone()).collect();
    loop {
        let masters =
            interfaces.iter().filter(|card| cards.contains(&card.name)).filter_map(|card| card.master.clone());
        let above = interfaces.iter().filter(|card| card.link.as_ref().is_some_and(|link| cards.contains(link)));
        let more: Vec<String> = masters.chain(above.map(|card| card.name.clone())).collect();
        let before = cards.len();
        cards.extend(more);
        if cards.len() == before {
            return cards;
        }
    }
}
