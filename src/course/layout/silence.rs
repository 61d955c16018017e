//! Nothing is cut while somebody can write to it: the rule R1240, which asks this floor because what falls silent is what
//! the laid-out course silences.

use std::collections::{HashMap, HashSet};

use super::{Group, Mount, Places, groups, places};
use crate::facts::resolve::{Names, inside};
use crate::facts::{Block, Facts, lvm};
use crate::findings::{Hit, claimed};
use crate::plan::Plan;

/// Volumes that move and are in use, and by what no step of the course silences.
pub fn unsilenced(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let Ok(Places { stores, boot, groups, .. }) = places(plan, "", facts) else { return Vec::new() };
    let names = Names::of(&facts.old);
    let mounts = groups::mounts(facts, &names, &boot, &groups, &stores);
    let swaps = groups::swaps(facts, &names, &groups, &mounts);
    in_use(facts, &names, &groups, &Silenced { mounts: &mounts, swaps: &swaps, units: &plan.cutover.units() })
}

/// What the cutover silences.
pub(super) struct Silenced<'a> {
    pub mounts: &'a [Mount],
    pub swaps: &'a [String],
    pub units: &'a [String],
}

/// The same of what is laid out already.
pub(super) fn in_use(facts: &Facts, names: &Names, groups: &[Group], silenced: &Silenced) -> Vec<Hit> {
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
    let mut hits = Vec::new();
    let mut say = |block: &str, how: String, help: String| {
        let message = format!("{} moves and {how}: it could be written to while its mirror is cut", moving[block]);
        hits.push(Hit::new(message, help).of(format!("old: {block}")));
    };

    // those of which it is known what uses them
    let mut used: HashSet<String> = HashSet::new();
    for mount in &old.mounts {
        for block in names.mount(mount).into_iter().filter(|block| moves(block)) {
            used.insert(block.path.clone());
            if silent(block, &mount.target, Some(&mount.fstype)) {
                continue;
            }
            let (how, help) = match inside(&mount.source).filter(|_| mount.fstype == "btrfs") {
                Some(subvolume) => (
                    format!("its btrfs subvolume {subvolume} is mounted on {}", mount.target),
                    "mounted subvolumes of btrfs cannot be migrated yet: leave the volume out with `copy: skip` and move its \
                     files with `btrfs send`, or make it ext4 or xfs first"
                        .to_string(),
                ),
                None => (
                    format!("is mounted on {} in a way that no step makes read-only", mount.target),
                    format!("`umount {}` on old; or mount all of it, from one device, on top", mount.target),
                ),
            };
            say(&block.path, how, help);
        }
    }
    let told: HashSet<&str> = old.mounts.iter().map(|mount| mount.target.as_str()).collect();
    let mut under = HashSet::new();
    for block in &old.blocks {
        for target in block.mountpoints.iter().filter(|_| moves(block)) {
            let known = !target.starts_with('/') || told.contains(target.as_str());
            if !known && !silent(block, target, block.fstype.as_deref()) {
                say(&block.path, format!("is mounted on {target}"), format!("`umount {target}` on old"));
            }
        }
        for below in block.ancestors.iter().filter(|below| moving.contains_key(below.as_str())) {
            if under.insert(below) {
                used.insert(below.clone());
                let help = format!(
                    "close {} on old (`vgchange --activate n`, `cryptsetup close`, `kpartx -d`, `mdadm --stop`), or leave \
                     the volume out with `copy: skip`",
                    block.path
                );
                say(below, format!("carries {} ({})", block.path, block.kind), help);
            }
        }
    }
    for swap in &old.swaps {
        let Some(block) = names.swap(swap).filter(|block| moves(block)) else { continue };
        used.insert(block.path.clone());
        if !silenced.swaps.contains(&block.path) {
            say(&block.path, "is swapped to".into(), format!("`swapoff {}` on old", swap.path));
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
            let help =
                "`zpool export` it, or whatever else has it, on old; or leave the volume out with `copy: skip`";
            say(&block.path, format!("is in use as a {fstype}"), help.into());
        } else if silenced.units.is_empty() && !used.contains(&block.path) {
            // where something is stopped it may be that: R1222
            let help =
                format!("find out by whom (`fuser -v {}`), and name its unit under `cutover.stop`", block.path);
            say(&block.path, "is open, and the plan stops nothing that could write to it".into(), help);
        }
    }
    hits
}
