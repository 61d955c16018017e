//! Of which volumes only what is in use can be copied: the file system itself must say what is free, while it is mounted.

use super::below::{copied, method};
use super::obstacle::Obstacle;
use crate::facts::resolve::Names;
use crate::facts::{Facts, Lv, lvm};
use crate::plan::{Method, Only, Plan};
use crate::units::Bytes;

/// How much of a volume its file system does not call free, as it was when the facts were read; or why nobody on old could
/// ask it.
pub(crate) fn used(facts: &Facts, names: &Names, lv: &Lv) -> Result<Bytes, String> {
    let path = lvm::mapper_path(&lv.vg, &lv.name);
    if !facts.old.tools.contains("perl") {
        return Err("old has no perl to ask its file system with".into());
    }
    let on = |mount| matches!(names.mount(mount)[..], [block] if block.path == path);
    let mount = facts.old.mounts.iter().find(|mount| on(mount)).ok_or("no file system is mounted from it")?;
    // fsmap_head in linux/fsmap.h: ext4 and xfs have such a map. Of ext2 and ext3 there may be other drivers
    if !matches!(mount.fstype.as_str(), "ext4" | "xfs") {
        return Err(format!("{} has no map of what is free", mount.fstype));
    }
    // kernels differ in how they count such a file system's map
    if facts.old.fs_features.get(&path).is_some_and(|features| features.contains("bigalloc")) {
        return Err("it gives out room in clusters of blocks (bigalloc)".into());
    }
    let free = mount.size.saturating_sub(mount.used);
    Ok(Bytes(lv.size.saturating_sub(free)))
}

/// What is copied whole, though the plan wants only what is in use.
pub(crate) fn copied_whole(plan: &Plan, facts: &Facts) -> Vec<Obstacle> {
    if *plan.copy.only != Only::Used {
        return Vec::new();
    }
    if method(plan, facts) == Method::Mirror {
        let message = "all of each volume is copied: LVM mirrors whole volumes".into();
        return vec![Obstacle { message, help: None, at: plan.copy.only.span() }];
    }
    let names = Names::of(&facts.old);
    copied(plan, facts)
        .filter_map(|(lv, _, at)| {
            let why = used(facts, &names, lv).err()?;
            Some(Obstacle { message: format!("all of {}/{} is copied: {why}", lv.vg, lv.name), help: None, at })
        })
        .collect()
}
