//! What new will have to take data, and what goes there: enough to see whether there is room.

use super::identify::Disks;
use super::ids::Ids;
use super::loader::Loader;
use super::lun::{Lun, server};
use super::model::{Boot, Disk, Group, Store};
use super::moves::Moves;
use super::start::OwnPlace;
use super::{disks, groups, ways};
use crate::facts::lvm::mapper_path;
use crate::facts::{Block, Facts};
use crate::plan::{IscsiServer, Method, NewBoot, Plan};
use crate::units::Bytes;

/// What new has to take data, and what goes there: enough to see whether there is room.
pub(crate) struct Places<'a> {
    /// of the plan's disks
    pub blocks: Vec<&'a Block>,
    /// what starts the system on new
    pub loader: Loader,
    /// in the order of `blocks`
    pub disks: Vec<Disk>,
    /// what takes data: the arrays, then partitions that stand alone
    pub stores: Vec<Store>,
    /// what new offers to old: /boot's or the hold's first, where there is one
    pub luns: Vec<Lun>,
    /// `None`: the plan names none, or it is no file system of its own on one block device of old
    pub boot: Option<Boot>,
    /// `None`: there is no hold, or it boots from the copy of /boot
    pub place: Option<OwnPlace>,
    /// in the order of the plan
    pub groups: Vec<Group>,
}

/// What the plan names and the servers do not have: by its place in the plan's lists.
#[derive(Debug, Default)]
pub(crate) struct Missing {
    /// disks that new has not, or has more than once
    pub disks: Vec<usize>,
    /// volume groups that old has not
    pub groups: Vec<usize>,
}

/// Joins plan and facts up to there. From `digest`, that of the plan, all UUIDs are made: the same plan gets the same ones.
///
/// # Errors
/// What is missing: where it would go, or what it is, cannot be said then.
pub(crate) fn places<'a>(plan: &Plan, digest: &str, facts: &'a Facts) -> Result<Places<'a>, Missing> {
    let mut missing = Missing::default();
    let mut blocks = Vec::new();
    let known = Disks::of(&facts.new);
    for (at, disk) in plan.disks.iter().enumerate() {
        match known.find(disk) {
            Some(block) => blocks.push(block),
            None => missing.disks.push(at),
        }
    }
    for (at, group) in plan.volume_groups.iter().enumerate() {
        if !facts.old.vgs.iter().any(|vg| vg.name == **group.name) {
            missing.groups.push(at);
        }
    }
    if !missing.disks.is_empty() || !missing.groups.is_empty() {
        return Err(missing);
    }

    let seed: Vec<String> = blocks.iter().map(|block| format!("{:?}{:?}", block.serial, block.wwn)).collect();
    let seed = format!("replant {} {digest} {}", *plan.name, seed.join(" "));
    let ids = Ids::of(&seed);
    let loader = Loader::of(plan, facts);
    let disks = disks::disks(plan, facts, &blocks, &loader, &ids);
    let stores = disks::stores(plan, &disks, &ids, super::method(plan, facts) == Method::Below);
    let boot = groups::boot(plan, facts, &stores);
    let place = own_place(plan, facts, &stores, &ids);
    let small = boot.as_ref().map(|boot| (boot.to, boot.size)).or(place.as_ref().map(|place| (place.to, LEAST)));
    let groups = groups::groups(plan, facts, &stores, usize::from(small.is_some()), &ids);
    let luns = luns(plan, facts, &stores, small, &groups, &ids);
    Ok(Places { blocks, loader, disks, stores, luns, boot, place, groups })
}

/// Bytes that old must see at the least of the hold's place: whether it has enough, mkfs(8) and the files themselves show.
const LEAST: Bytes = Bytes(8 << 20);

/// The place that the plan gives the hold, where there will be one.
fn own_place(plan: &Plan, facts: &Facts, stores: &[Store], ids: &Ids) -> Option<OwnPlace> {
    let said = ways::place::wanted(plan).filter(|_| super::boot(plan, facts) == NewBoot::Held)?;
    Some(OwnPlace {
        to: stores.iter().position(|store| store.name == **said.to)?,
        // the first of all, as that of /boot is
        lun: 0,
        uuid: ids.uuid("the hold's place").to_string(),
        kernel: facts.old.kernel.clone(),
        line: ways::place::line(facts).collect::<Vec<_>>().join(" "),
    })
}

/// What is to be offered, before it has its names on the network.
struct Offered {
    name: String,
    store: usize,
    group: Option<usize>,
    on_new: String,
    needs: Bytes,
}

/// What new offers: `small`, the store of /boot or of the hold, with the bytes that it needs, is the first, where there is one;
/// then those of the groups.
fn luns(
    plan: &Plan,
    facts: &Facts,
    stores: &[Store],
    small: Option<(usize, Bytes)>,
    groups: &[Group],
    ids: &Ids,
) -> Vec<Lun> {
    let whole = |store: usize, needs: Bytes| Offered {
        name: stores[store].name.clone(),
        store,
        group: None,
        on_new: stores[store].path.clone(),
        needs,
    };
    let mut all: Vec<Offered> = small.into_iter().map(|(to, needs)| whole(to, needs)).collect();
    for (at, group) in groups.iter().enumerate() {
        match &group.moves {
            Moves::Mirror(_) => all.push(whole(group.to, group.needs)),
            Moves::Below(_) => all.extend(group.copied.iter().map(|copied| Offered {
                name: in_iqn(&format!("{}-{}", group.vg, copied.lv)),
                store: group.to,
                group: Some(at),
                on_new: mapper_path(&group.vg, &copied.lv),
                needs: copied.size,
            })),
        }
    }
    number_doubles(&mut all);
    let (portal, port) = (**plan.portal(), *plan.transfer.iscsi.port);
    let held = super::boot(plan, facts) == NewBoot::Held;
    let lun = |Offered { name, store, group, on_new, needs }: Offered| {
        // an initramfs has the kernel's own target and no other
        let server = if held && group.is_some() { IscsiServer::Lio } else { server(plan, facts) };
        let number = if server == IscsiServer::Lio { 0 } else { 1 };
        let iqn = format!("iqn.2026-11.net.replant:{}.{name}", *plan.name);
        Lun {
            on_old: format!("/dev/disk/by-path/ip-{portal}:{port}-iscsi-{iqn}-lun-{number}"),
            serial: ids.uuid(&format!("lun {name}")).simple().to_string(),
            sector: stores[store].sector,
            name,
            store,
            group,
            on_new,
            needs,
            iqn,
            server,
        }
    };
    all.into_iter().map(lun).collect()
}

/// Of what LVM allows in a name, an IQN has less: RFC 3722.
fn in_iqn(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    name.to_ascii_lowercase().chars().map(|c| if allowed(c) { c } else { '-' }).collect()
}

fn number_doubles(all: &mut [Offered]) {
    for at in 1..all.len() {
        let (before, rest) = all.split_at_mut(at);
        let name = rest[0].name.clone();
        let taken = |name: &String| before.iter().any(|one| one.name == *name);
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken(name));
        rest[0].name = free.expect("numbers do not end");
    }
}
