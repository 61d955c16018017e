//! What moves: /boot, the groups with their volumes, what is mounted from them, and the swaps on them.

use std::collections::{HashMap, HashSet};

use super::{Boot, Copied, Group, Grown, Ids, Mount, Recreated, Store};
use crate::facts::{Facts, lvm};
use crate::findings::{room_for_raid1, volumes};
use crate::plan::{CopyHow, Grow, Plan};
use crate::step::{How, Yet};

pub(super) fn boot(plan: &Plan, facts: &Facts, stores: &[Store]) -> Option<Boot> {
    let said = plan.boot.as_ref()?;
    let mount = facts.old.mounts.iter().find(|mount| mount.target == **said.from)?;
    let block = facts.old.blocks.iter().find(|block| block.path == mount.source)?;
    // by an identity that does not change with the next boot: the array's, or the partition's
    let stable = |link: &&String| link.contains("/md-uuid-") || link.contains("/wwn-") || link.contains("/ata-");
    let device = block.by_id.iter().find(stable).or(block.by_id.first()).cloned().unwrap_or(mount.source.clone());
    Some(Boot {
        target: mount.target.clone(),
        device,
        size: block.size,
        to: stores.iter().position(|store| store.name == **said.to)?,
    })
}

pub(super) fn groups(plan: &Plan, facts: &Facts, stores: &[Store], ids: &Ids) -> Vec<Group> {
    // the first mount of each device
    let mounted: HashMap<&str, &str> =
        facts.old.mounts.iter().rev().map(|mount| (mount.source.as_str(), mount.target.as_str())).collect();
    let one = |said: &crate::plan::VolumeGroup| {
        let vg = facts.old.vgs.iter().find(|vg| vg.name == **said.name)?;
        let mut group = Group {
            vg: vg.name.clone(),
            travels: format!("{}_new", vg.name),
            to: stores.iter().position(|store| store.name == **said.to)?,
            pv_uuid: ids.lvm(&format!("pv {}", vg.name)),
            extent: vg.extent_size,
            old_pvs: facts.old.pvs.iter().filter(|pv| pv.vg == vg.name).map(|pv| pv.uuid.clone()).collect(),
            needs: 0,
            copied: Vec::new(),
            recreated: Vec::new(),
            grown: Vec::new(),
        };
        let mine: Vec<_> = volumes(plan, facts).filter(|(lv, ..)| lv.vg == vg.name).collect();
        let roomy = room_for_raid1(plan, facts, vg);
        for (lv, how, said) in mine {
            let how = match how {
                CopyHow::Skip => continue,
                CopyHow::Recreate => {
                    group.needs += lv.size;
                    group.recreated.push(Recreated {
                        lv: lv.name.clone(),
                        size: lv.size,
                        uuid: lv
                            .fs_uuid
                            .clone()
                            .unwrap_or_else(|| ids.uuid(&format!("swap {}", lv.name)).to_string()),
                    });
                    continue;
                }
                CopyHow::Raid1 => How::Raid1,
                CopyHow::Mirror => How::CoreLog,
                CopyHow::Auto if roomy => How::Raid1,
                CopyHow::Auto => How::CoreLog,
            };
            group.needs += lv.size + if how == How::Raid1 { vg.extent_size } else { 0 };
            group.copied.push(Copied {
                travels: format!("{}_new", lv.name),
                lv: lv.name.clone(),
                how,
                size: lv.size,
                fstype: lv.fstype.clone(),
            });
            if let Some(grow) = said.and_then(|said| said.grow.as_ref()) {
                let to = match **grow {
                    Grow::Rest => None,
                    Grow::By(bytes) => Some(lv.size + bytes),
                    Grow::To(bytes) => Some(bytes),
                };
                let to = to.map(|bytes| bytes.div_ceil(vg.extent_size) * vg.extent_size);
                group.grown.push(Grown {
                    lv: lv.name.clone(),
                    from: lv.size,
                    to,
                    fstype: lv.fstype.clone().unwrap_or_default(),
                    target: mounted
                        .get(&lvm::mapper_path(&lv.vg, &lv.name)[..])
                        .map_or_else(String::new, |on| on.to_string()),
                });
            }
        }
        // small ones first: what can go wrong shows early. `rest` grows last.
        group.copied.sort_by_key(|copied| copied.size);
        group.grown.sort_by_key(|grown| grown.to.is_none());
        Some(group)
    };
    plan.volume_groups.iter().filter_map(one).collect()
}

pub(super) fn mounts(facts: &Facts, boot: &Option<Boot>, groups: &[Group], stores: &[Store]) -> Vec<Mount> {
    let copied: HashSet<String> = groups
        .iter()
        .flat_map(|group| group.copied.iter().map(|copied| lvm::mapper_path(&group.vg, &copied.lv)))
        .collect();
    let mut mounts: Vec<Mount> = Vec::new();
    for mount in &facts.old.mounts {
        let source = if copied.contains(&mount.source) {
            mount.source.clone()
        } else if let Some(boot) = boot.as_ref().filter(|boot| boot.target == mount.target) {
            stores[boot.to].path.clone()
        } else {
            continue;
        };
        mounts.push(Mount { target: mount.target.clone(), source, fstype: mount.fstype.clone() });
    }
    mounts.sort_by(|a, b| a.target.cmp(&b.target));
    mounts
}

/// Swaps in use on old that are on volumes of the groups, by their lasting names, and files on what moves: a file system
/// with a swap in it does not become read-only.
pub(super) fn swaps(facts: &Facts, groups: &[Group], mounts: &[Mount]) -> Vec<String> {
    let mut all = Vec::new();
    for group in groups {
        let copied = group.copied.iter().map(|copied| &copied.lv);
        for lv in group.recreated.iter().map(|recreated| &recreated.lv).chain(copied) {
            let path = lvm::mapper_path(&group.vg, lv);
            let kname =
                facts.old.blocks.iter().find(|block| block.path == path).map(|block| format!("/dev/{}", block.kname));
            if facts.old.swaps.iter().any(|swap| swap.path == path || Some(&swap.path) == kname.as_ref()) {
                all.push(path);
            }
        }
    }
    for swap in facts.old.swaps.iter().filter(|swap| swap.kind == "file") {
        let on = facts.old.file_system(&swap.path);
        if on.is_some_and(|on| mounts.iter().any(|mount| mount.target == on.target)) {
            all.push(swap.path.clone());
        }
    }
    all
}

/// What writes already, in other ways than as a mounted file system, and what will be stopped.
pub(super) fn yet(plan: &Plan, facts: &Facts, groups: &[Group], mounts: &[Mount], swaps: &[String]) -> Yet {
    let mounted = |path: &str| facts.old.mounts.iter().any(|mount| mount.source.split('[').next() == Some(path));
    // the sixth letter: lvs(8), lv_attr
    let raw = |vg: &str, lv: &str| {
        let lv = facts.old.lvs.iter().find(|one| one.vg == vg && one.name == lv && !one.hidden);
        lv.is_some_and(|lv| lv.attr.chars().nth(5) == Some('o') && !mounted(&lvm::mapper_path(&lv.vg, &lv.name)))
    };
    let volumes = groups.iter().flat_map(|group| group.copied.iter().map(|copied| (&group.vg, &copied.lv)));
    let loops = facts.old.blocks.iter().filter(|block| block.kind == "loop" && !block.read_only);
    let travels = |target: &String| mounts.iter().any(|mount| mount.target == *target);
    Yet {
        stops: plan.cutover.units(),
        swaps: swaps.to_vec(),
        loops: loops.map(|block| block.path.clone()).collect(),
        raw: volumes.filter(|(vg, lv)| raw(vg, lv)).map(|(vg, lv)| format!("{vg}/{lv}")).collect(),
        holders: facts.old.holders.iter().filter(|holder| travels(&holder.target)).cloned().collect(),
    }
}
