//! Nothing is cut while somebody can write to it: what falls silent is what the laid-out migration silences.

use std::collections::{HashMap, HashSet};

use super::groups;
use super::identify::claimed;
use super::model::{Group, MovedMount};
use super::places::{Places, places};
use crate::facts::resolve::{Names, inside};
use crate::facts::{Block, Facts, lvm};
use crate::plan::Plan;

/// A volume that moves and is in use by what no step of the course silences.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct InUse {
    /// `/dev/mapper/vg0-root`
    pub block: String,
    /// `vg0/root`
    pub volume: String,
    /// what uses it
    pub by: Use,
}

/// How a volume is used.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Use {
    /// a subvolume of btrfs is mounted
    Subvolume { subvolume: String, target: String },
    /// mounted in a way that no step makes read-only
    Mounted { target: String },
    /// mounted where only lsblk(8) sees it
    Elsewhere { target: String },
    /// something stands on it
    Carries { block: String, kind: String },
    /// a swap
    Swap { path: String },
    /// it belongs to something which shows no block device of its own
    Claimed { fstype: String },
    /// open, and the plan stops nothing that could be it
    Open,
}

/// Volumes that move and are in use by what no step of the course silences.
pub(crate) fn unsilenced(plan: &Plan, facts: &Facts) -> Vec<InUse> {
    let Ok(Places { stores, boot, groups, .. }) = places(plan, "", facts) else { return Vec::new() };
    let names = Names::of(&facts.old);
    let mounts = groups::mounts(facts, &names, &boot, &groups, &stores);
    let swaps = groups::swaps(facts, &names, &groups, &mounts);
    in_use(facts, &names, &groups, &Silenced { mounts: &mounts, swaps: &swaps, units: &plan.cutover.units() })
}

/// What the cutover silences.
pub(super) struct Silenced<'a> {
    pub mounts: &'a [MovedMount],
    pub swaps: &'a [String],
    pub units: &'a [String],
}

/// The same of what is laid out already.
pub(super) fn in_use(facts: &Facts, names: &Names, groups: &[Group], silenced: &Silenced) -> Vec<InUse> {
    let old = &facts.old;
    let volumes = groups.iter().flat_map(|group| group.volumes().into_iter().map(|lv| (group.vg.as_str(), lv)));
    // `vg0/root` by the path of its block; what is not active is in nobody's use
    let moving: HashMap<&str, String> =
        volumes.filter_map(|(vg, lv)| Some((names.volume(vg, &lv)?.path.as_str(), format!("{vg}/{lv}")))).collect();
    let moves = |block: &Block| moving.contains_key(block.path.as_str());
    let mut through: HashMap<&str, Vec<&str>> = HashMap::new();
    for mount in silenced.mounts {
        through.entry(&mount.on_old).or_default().push(&mount.target);
    }
    // a remount makes the whole file system read-only, through whichever mount point; of btrfs that subvolume may be all
    let silent = |block: &Block, target: &str, fstype: Option<&str>| {
        let through = through.get(block.path.as_str());
        through.is_some_and(|targets| fstype != Some("btrfs") || targets.contains(&target))
    };
    let mut found = Vec::new();
    let mut say = |block: &str, by: Use| {
        found.push(InUse { block: block.to_string(), volume: moving[block].clone(), by });
    };

    // those of which it is known what uses them
    let mut used: HashSet<String> = HashSet::new();
    for mount in &old.mounts {
        for block in names.mount(mount).into_iter().filter(|block| moves(block)) {
            used.insert(block.path.clone());
            if silent(block, &mount.target, Some(&mount.fstype)) {
                continue;
            }
            let target = mount.target.clone();
            let by = match inside(&mount.source).filter(|_| mount.fstype == "btrfs") {
                Some(subvolume) => Use::Subvolume { subvolume: subvolume.to_string(), target },
                None => Use::Mounted { target },
            };
            say(&block.path, by);
        }
    }
    let told: HashSet<&str> = old.mounts.iter().map(|mount| mount.target.as_str()).collect();
    let mut under = HashSet::new();
    for block in &old.blocks {
        for target in block.mountpoints.iter().filter(|_| moves(block)) {
            let known = !target.starts_with('/') || told.contains(target.as_str());
            if !known && !silent(block, target, block.fstype.as_deref()) {
                say(&block.path, Use::Elsewhere { target: target.clone() });
            }
        }
        for below in block.ancestors.iter().filter(|below| moving.contains_key(below.as_str())) {
            if under.insert(below) {
                used.insert(below.clone());
                say(below, Use::Carries { block: block.path.clone(), kind: block.kind.clone() });
            }
        }
    }
    for swap in &old.swaps {
        let Some(block) = names.swap(swap).filter(|block| moves(block)) else { continue };
        used.insert(block.path.clone());
        if !silenced.swaps.contains(&block.path) {
            say(&block.path, Use::Swap { path: swap.path.clone() });
        }
    }
    // a pool of ZFS and its like are mounted by names of their own. The sixth letter: lvs(8), lv_attr
    let open: HashSet<String> = old
        .lvs
        .iter()
        .filter(|lv| lv.attr.chars().nth(5) == Some('o'))
        .map(|lv| lvm::mapper_path(&lv.vg, &lv.name))
        .collect();
    for block in old.blocks.iter().filter(|block| moves(block) && open.contains(&block.path)) {
        if let Some(fstype) = claimed(block) {
            say(&block.path, Use::Claimed { fstype: fstype.to_string() });
        } else if silenced.units.is_empty() && !used.contains(&block.path) {
            // where something is stopped it may be that: R1222
            say(&block.path, Use::Open);
        }
    }
    found
}
