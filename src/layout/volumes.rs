//! The volumes of old that the plan speaks of, and how each is copied.

use std::collections::HashMap;

use crate::facts::resolve::Names;
use crate::facts::{Facts, Lv, Vg};
use crate::plan::{CopyHow, Plan, Volume};

/// The volumes of a group with what the plan says of each: all that are not hidden, or those that it lists.
pub(crate) fn volumes<'a>(
    plan: &'a Plan,
    facts: &'a Facts,
) -> impl Iterator<Item = (&'a Lv, CopyHow, Option<&'a Volume>)> {
    plan.volume_groups.iter().flat_map(move |group| {
        let listed = group.volumes.as_ref();
        let listed: Option<HashMap<&str, &Volume>> =
            listed.map(|all| all.iter().rev().map(|volume| (volume.name.as_str(), volume)).collect());
        let ours = facts.old.lvs.iter().filter(move |lv| lv.vg == **group.name && !lv.hidden);
        ours.filter_map(move |lv| match &listed {
            None => Some((lv, default_copy(lv), None)),
            Some(all) => {
                let said = *all.get(lv.name.as_str())?;
                let how = if *said.copy == CopyHow::Auto { default_copy(lv) } else { *said.copy };
                Some((lv, how, Some(said)))
            }
        })
    })
}

/// A swap needs no copying.
fn default_copy(lv: &Lv) -> CopyHow {
    if lv.fstype.as_deref() == Some("swap") { CopyHow::Recreate } else { CopyHow::Auto }
}

/// Whether those volumes of a group of which the plan does not say how become raid1: all that could be must find room for
/// their metadata.
pub(crate) fn room_for_raid1(plan: &Plan, facts: &Facts, vg: &Vg) -> bool {
    let mirrored = volumes(plan, facts).filter(|(lv, ..)| lv.vg == vg.name);
    let mirrored = mirrored.filter(|(_, how, _)| matches!(how, CopyHow::Auto | CopyHow::Raid1)).map(|(lv, ..)| lv);
    without_room(facts, vg, &mirrored.collect::<Vec<_>>()).is_none()
}

/// The first of these volumes that cannot become raid1 together with those before it. Each keeps metadata in an extent on
/// old's side, which lvconvert(8) looks for on the physical volumes that the volume is on, and nowhere else: free extents on
/// another are of no use to it. A volume on several takes it from any of them.
pub(crate) fn without_room<'a>(facts: &'a Facts, vg: &Vg, lvs: &[&'a Lv]) -> Option<&'a Lv> {
    let names = Names::of(&facts.old);
    let place = |path: &str| names.block(path).map_or(path.to_string(), |block| block.path.clone());
    let pvs: Vec<_> = facts.old.pvs.iter().filter(|pv| pv.vg == vg.name && !pv.missing).collect();
    let at: HashMap<String, usize> = pvs.iter().enumerate().map(|(at, pv)| (place(&pv.path), at)).collect();
    let on: Vec<Vec<usize>> = lvs
        .iter()
        .map(|lv| lv.devices.iter().filter_map(|device| at.get(&place(device)).copied()).collect())
        .collect();
    let mut free: Vec<u64> = pvs.iter().map(|pv| pv.pe_count.saturating_sub(pv.pe_alloc_count)).collect();
    // volumes whose metadata is to be on each, of those that could have it elsewhere
    let mut movable: Vec<Vec<usize>> = vec![Vec::new(); pvs.len()];
    (0..lvs.len()).find(|lv| !seat(*lv, &on, &mut free, &mut movable, &mut vec![false; pvs.len()])).map(|at| lvs[at])
}

/// Finds room for one volume's metadata, moving that of others where they have a choice.
fn seat(lv: usize, on: &[Vec<usize>], free: &mut [u64], movable: &mut [Vec<usize>], seen: &mut [bool]) -> bool {
    let takes = |pv: usize, movable: &mut [Vec<usize>]| {
        if on[lv].len() > 1 {
            movable[pv].push(lv);
        }
    };
    if let Some(pv) = on[lv].iter().copied().find(|pv| free[*pv] > 0) {
        free[pv] -= 1;
        takes(pv, movable);
        return true;
    }
    for pv in on[lv].iter().copied() {
        if std::mem::replace(&mut seen[pv], true) {
            continue;
        }
        for other in movable[pv].clone() {
            if seat(other, on, free, movable, seen) {
                movable[pv].retain(|one| *one != other);
                takes(pv, movable);
                return true;
            }
        }
    }
    false
}
