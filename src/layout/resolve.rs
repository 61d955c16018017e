//! The whole layout of a migration.

use std::collections::BTreeSet;

use super::cards::{new_card, service_card, transfer_addresses};
use super::firstboot::runs_cloud_init;
use super::groups;
use super::lasting::{lasting_addresses, lasting_hostname, lasting_mount, lasting_unit};
use super::model::{Card, Group, Lasting, Layout, MovedMount};
use super::moves::{Moves, Under};
use super::naming::{named_by_rule, reads_links};
use super::places::{Missing, Places, places};
use super::silence::{InUse, Silenced, in_use};
use super::start::Start;
use super::units::disturbing;
use crate::facts::resolve::Names;
use crate::facts::{Block, Facts, lvm};
use crate::plan::{self, Plan, Power};
use crate::units::{Bytes, MIB};

/// Why a plan cannot be laid out on these servers.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// the servers have not all that it names
    Missing(Missing),
    /// volumes that move, and that no step would silence
    InUse(Vec<InUse>),
    /// what `boot:` names is no file system of its own on one block device of old
    NoBoot,
}

/// Lays the plan out.
///
/// # Errors
/// What plan and facts do not allow, for a plan whose inhibitors were not looked at before or were waived.
pub(crate) fn resolve(plan: &Plan, digest: &str, facts: &Facts) -> Result<Layout, Unfit> {
    let Places { blocks, loader, disks, stores, luns, boot, place, groups } =
        places(plan, digest, facts).map_err(Unfit::Missing)?;
    let names = Names::of(&facts.old);
    let mounts = groups::mounts(facts, &names, &boot, &groups, &stores);
    let swaps = groups::swaps(facts, &names, &groups, &mounts);
    // no waiver, and no mistake of a rule, may lead to a mirror that is cut under a live file system
    let stop = plan.cutover.units();
    let silenced = Silenced { mounts: &mounts, swaps: &swaps, units: &stop };
    let unsilenced = in_use(facts, &names, &groups, &silenced);
    if !unsilenced.is_empty() {
        return Err(Unfit::InUse(unsilenced));
    }
    if plan.boot.is_some() && boot.is_none() {
        return Err(Unfit::NoBoot);
    }
    let (initiator, portal) = transfer_addresses(plan, facts);
    let hostname = plan.new.hostname.as_ref().map_or(facts.old.hostname.clone(), |name| name.to_string());
    let modules = modules(plan, &blocks);
    let card = service_card(plan, facts).zip(new_card(plan, facts)).map(|(old, new)| Card {
        name: old.name.clone(),
        mac: new.own_mac().to_string(),
        links: reads_links(facts),
        by_rule: named_by_rule(facts, old),
    });
    let lasting = lasting(plan, facts, &mounts, &stop);

    Ok(Layout {
        name: plan.name.to_string(),
        family: facts.old.family(),
        builder: facts.old.builder(),
        rescue_hostname: facts.new.hostname.clone(),
        run: format!("/run/replant/{}/steps", *plan.name),
        keep: format!("/var/lib/replant/{}", *plan.name),
        table: plan.table,
        portal_address: portal.to_string(),
        initiator_address: initiator.to_string(),
        port: *plan.transfer.iscsi.port,
        chap_user: plan.transfer.iscsi.chap.user.to_string(),
        initiator: format!("iqn.2026-11.net.replant:{}.old", *plan.name),
        iscsi_nodes: facts.old.iscsi_nodes(),
        timeout: plan.transfer.iscsi.replacement_timeout.as_ref().map(|timeout| timeout.as_secs()),
        resync_limit: *plan.transfer.resync_limit_kib,
        region: Bytes(plan.transfer.region_size.0).mib().max(1) as u32,
        ram_disk: ram_disk(&groups),
        parallel: usize::from(*plan.transfer.parallel),
        power_cuts: power_cuts(plan, &groups),
        dead_man: plan.cutover.dead_man.seconds(),
        verify: *plan.copy.verify,
        rate: plan.copy.rate.as_ref().map(|rate| Bytes(rate.0)),
        stop,
        yet: groups::yet(plan, facts, &names, &groups, &mounts, &swaps),
        timers: facts.old.services.iter().filter(|unit| disturbing(facts, unit)).cloned().collect(),
        packages: facts
            .old
            .iscsi_packages
            .iter()
            .flatten()
            .map(|package| (package.name.clone(), package.version.clone()))
            .collect(),
        card,
        lasting,
        cloud_init: runs_cloud_init(facts),
        kernels: facts.old.initrds.clone(),
        modules,
        files: facts.old.files.clone(),
        old_arrays: old_arrays(facts),
        new_lvmlocal: facts.new.files.get(lvm::LVMLOCAL).cloned(),
        swaps,
        hostname,
        loader,
        start: Start::of(plan, facts, place),
        disks,
        stores,
        luns,
        boot,
        groups,
        mounts,
    })
}

/// A person may need hours to switch old off: it then waits with its volumes as they were before the copy.
fn power_cuts(plan: &Plan, groups: &[Group]) -> bool {
    let below = |group: &Group| matches!(group.moves, Moves::Below(_));
    !matches!(plan.old.power, Power::Manual { .. }) && groups.iter().all(below)
}

/// The last MiB stays empty: a superblock at the end of the whole would make LVM and udev take it for a member.
fn ram_disk(groups: &[Group]) -> Option<Bytes> {
    let below = groups.iter().filter_map(|group| match &group.moves {
        Moves::Below(below) => below.arrays.last(),
        Moves::Mirror(_) => None,
    });
    below.map(|under| under.at + Under::ROOM + MIB).max()
}

/// Kernel modules, each once: of new's disks, of its arrays, and what the mirrors need.
fn modules(plan: &Plan, disks: &[&Block]) -> Vec<String> {
    let level = |array: &plan::Array| match array.level.name() {
        "raid5" | "raid6" => "raid456".to_string(),
        level => level.to_string(),
    };
    let mut modules: Vec<String> = disks.iter().flat_map(|disk| disk.drivers.iter().cloned()).collect();
    modules.push("sd_mod".into());
    modules.extend(plan.arrays.iter().map(level));
    modules.extend(["dm_mod", "dm_mirror", "dm_raid"].map(str::to_string));
    let mut seen = BTreeSet::new();
    modules.retain(|module| seen.insert(module.clone()));
    modules
}

/// What must hold of the migrated system as it holds of old.
fn lasting(plan: &Plan, facts: &Facts, mounts: &[MovedMount], stop: &[String]) -> Lasting {
    let mounts = mounts.iter().filter(|mount| lasting_mount(facts, &mount.target));
    Lasting {
        hostname: lasting_hostname(facts),
        addresses: lasting_addresses(plan, facts),
        mounts: mounts.map(|mount| (mount.target.clone(), mount.fstype.clone())).collect(),
        units: stop.iter().filter(|unit| lasting_unit(facts, unit)).cloned().collect(),
    }
}

fn old_arrays(facts: &Facts) -> Vec<String> {
    let known = facts.old.arrays.iter().filter(|array| !array.uuid.is_empty());
    known.map(|array| format!("ARRAY {} metadata={} UUID={}", array.path, array.metadata, array.uuid)).collect()
}
