//! What moves: /boot, the groups with their volumes, what is mounted from them, and the swaps on them.

use std::collections::{HashMap, HashSet};

use super::ids::Ids;
use super::model::{Boot, CopiedVolume, Group, Grown, MovedMount, Recreated, Store};
use super::moves::{Below, Leg, Mirrored, Moves, Under};
use super::volumes::{room_for_raid1, volumes};
use super::ways::used;
use crate::facts::resolve::{Names, inside};
use crate::facts::{Block, Facts, Lv, Vg, lvm};
use crate::plan::{CopyHow, Grow, Method, Only, Plan};
use crate::step::{How, Yet};
use crate::units::Bytes;

pub(super) fn boot(plan: &Plan, facts: &Facts, stores: &[Store]) -> Option<Boot> {
    let said = plan.boot.as_ref()?;
    // the last of a mount point is on top
    let mount = facts.old.mounts.iter().rfind(|mount| mount.target == **said.from)?;
    let names = Names::of(&facts.old);
    let [block] = names.mount(mount)[..] else { return None };
    // by an identity that does not change with the next boot: the array's, or the partition's
    let stable = |link: &&String| link.contains("/md-uuid-") || link.contains("/wwn-") || link.contains("/ata-");
    let device = block.by_id.iter().find(stable).or(block.by_id.first()).cloned().unwrap_or(block.path.clone());
    Some(Boot {
        target: mount.target.clone(),
        device,
        size: Bytes(block.size),
        to: stores.iter().position(|store| store.name == **said.to)?,
        // the first of all
        lun: 0,
    })
}

/// `first`: of the disks that new offers for them.
pub(super) fn groups(plan: &Plan, facts: &Facts, stores: &[Store], first: usize, ids: &Ids) -> Vec<Group> {
    let mut free = Free::of(facts, first);
    // the first mount of each device
    let names = Names::of(&facts.old);
    let all = facts.old.mounts.iter().rev().filter(|mount| inside(&mount.source).is_none());
    let on = |mount| names.mount(mount).into_iter().map(|block| block.path.as_str());
    let mounted: HashMap<&str, &str> =
        all.flat_map(|mount| on(mount).map(move |path| (path, mount.target.as_str()))).collect();
    let one = |said: &crate::plan::VolumeGroup| {
        let vg = facts.old.vgs.iter().find(|vg| vg.name == **said.name)?;
        let to = stores.iter().position(|store| store.name == **said.to)?;
        let mut group = Group {
            vg: vg.name.clone(),
            moves: Moves::Below(Below { arrays: Vec::new() }),
            to,
            pv_uuid: ids.lvm(&format!("pv {}", vg.name)),
            extent: Bytes(vg.extent_size),
            old_pvs: facts.old.pvs.iter().filter(|pv| pv.vg == vg.name).map(|pv| pv.uuid.clone()).collect(),
            needs: Bytes(0),
            copied: Vec::new(),
            recreated: Vec::new(),
            grown: Vec::new(),
        };
        sort(plan, facts, vg, &mounted, ids, &mut group);
        group.moves = match super::method(plan, facts) {
            Method::Mirror => mirrored(plan, facts, vg, &mut group, &mut free),
            Method::Below => {
                let wanted = *plan.copy.only == Only::Used;
                let of = |lv: &Lv| wanted.then(|| used(facts, &names, lv).ok()).flatten();
                let lv = |copied: &CopiedVolume| {
                    facts.old.lvs.iter().find(|lv| lv.vg == vg.name && lv.name == copied.lv && !lv.hidden)
                };
                below(&group, &mut free, ids, |copied| lv(copied).and_then(of))
            }
        };
        Some(group)
    };
    plan.volume_groups.iter().filter_map(one).collect()
}

/// Sorts a group's volumes into those that are copied, made again, and grown.
fn sort(plan: &Plan, facts: &Facts, vg: &Vg, mounted: &HashMap<&str, &str>, ids: &Ids, group: &mut Group) {
    for (lv, how, said) in volumes(plan, facts).filter(|(lv, ..)| lv.vg == vg.name) {
        let size = Bytes(lv.size);
        if how == CopyHow::Skip {
            continue;
        }
        group.needs += size;
        if how == CopyHow::Recreate {
            let uuid = lv.fs_uuid.clone().unwrap_or_else(|| ids.uuid(&format!("swap {}", lv.name)).to_string());
            group.recreated.push(Recreated { lv: lv.name.clone(), size, uuid });
            continue;
        }
        group.copied.push(CopiedVolume { lv: lv.name.clone(), size, fstype: lv.fstype.clone() });
        if let Some(grow) = said.and_then(|said| said.grow.as_ref()) {
            let to = match **grow {
                Grow::Rest => None,
                Grow::By(bytes) => Some(size + Bytes(bytes)),
                Grow::To(bytes) => Some(Bytes(bytes)),
            };
            let path = lvm::mapper_path(&lv.vg, &lv.name);
            group.grown.push(Grown {
                lv: lv.name.clone(),
                from: size,
                to: to.map(|bytes| bytes.up_to(group.extent)),
                fstype: lv.fstype.clone().unwrap_or_default(),
                target: mounted.get(path.as_str()).map_or_else(String::new, |on| on.to_string()),
            });
        }
    }
    // small ones first: what can go wrong shows early. `rest` grows last.
    group.copied.sort_by_key(|copied| copied.size);
    group.grown.sort_by_key(|grown| grown.to.is_none());
}

/// Numbers that nobody has yet.
struct Free {
    /// of disks that new offers
    lun: usize,
    /// of arrays on old
    numbers: Box<dyn Iterator<Item = u32>>,
    /// in old's RAM disk
    at: Bytes,
}

/// mdadm(8) gives numbers from 127 downwards, and then from 511: those of old's own are skipped.
const FIRST_ARRAY: u32 = 300;

impl Free {
    fn of(facts: &Facts, lun: usize) -> Free {
        let number = |block: &Block| block.path.strip_prefix("/dev/md")?.parse::<u32>().ok();
        let taken: HashSet<u32> = facts.old.blocks.iter().filter_map(number).collect();
        Free { lun, numbers: Box::new((FIRST_ARRAY..).filter(move |number| !taken.contains(number))), at: Bytes(0) }
    }

    fn lun(&mut self) -> usize {
        self.lun += 1;
        self.lun - 1
    }
}

fn mirrored(plan: &Plan, facts: &Facts, vg: &Vg, group: &mut Group, free: &mut Free) -> Moves {
    let roomy = room_for_raid1(plan, facts, vg);
    let said: HashMap<&str, CopyHow> = volumes(plan, facts)
        .filter(|(lv, ..)| lv.vg == vg.name)
        .map(|(lv, how, _)| (lv.name.as_str(), how))
        .collect();
    let leg = |copied: &CopiedVolume| Leg {
        travels: format!("{}_new", copied.lv),
        how: match said.get(copied.lv.as_str()) {
            Some(CopyHow::Raid1) => How::Raid1,
            Some(CopyHow::Auto) if roomy => How::Raid1,
            _ => How::CoreLog,
        },
    };
    let legs: Vec<Leg> = group.copied.iter().map(leg).collect();
    let raid1 = legs.iter().filter(|leg| leg.how == How::Raid1).count();
    group.needs += group.extent.times(raid1 as u64);
    Moves::Mirror(Mirrored { lun: free.lun(), travels: format!("{}_new", group.vg), legs })
}

fn below(group: &Group, free: &mut Free, ids: &Ids, used: impl Fn(&CopiedVolume) -> Option<Bytes>) -> Moves {
    let mut under = |copied: &CopiedVolume| {
        let at = free.at;
        free.at += Under::ROOM;
        Under {
            lun: free.lun(),
            number: free.numbers.next().expect("numbers do not end"),
            uuid: ids.md(&format!("below {}/{}", group.vg, copied.lv)),
            at,
            chunk: Under::chunk(copied.size),
            used: used(copied),
        }
    };
    Moves::Below(Below { arrays: group.copied.iter().map(&mut under).collect() })
}

/// What is mounted on old from what moves, each file system as a whole. Of a directory or a subvolume that is mounted by
/// itself there is none: a directory is bound again by new's own fstab, and of what else would not fall silent, R1240 speaks.
pub(super) fn mounts(
    facts: &Facts,
    names: &Names,
    boot: &Option<Boot>,
    groups: &[Group],
    stores: &[Store],
) -> Vec<MovedMount> {
    let copied: HashSet<String> = groups
        .iter()
        .flat_map(|group| group.copied.iter().map(|copied| lvm::mapper_path(&group.vg, &copied.lv)))
        .collect();
    let mut mounts: Vec<MovedMount> = Vec::new();
    let mut above = HashSet::new();
    // the last of a mount point is on top: what is below it is out of reach
    for mount in facts.old.mounts.iter().rev().filter(|mount| above.insert(&mount.target)) {
        let [block] = names.mount(mount)[..] else { continue };
        let source = if let Some(boot) = boot.as_ref().filter(|boot| boot.target == mount.target) {
            stores[boot.to].path.clone()
        } else if copied.contains(&block.path) && inside(&mount.source).is_none() {
            block.path.clone()
        } else {
            continue;
        };
        mounts.push(MovedMount {
            target: mount.target.clone(),
            source,
            on_old: block.path.clone(),
            fstype: mount.fstype.clone(),
        });
    }
    mounts.sort_by(|a, b| a.target.cmp(&b.target));
    mounts
}

/// Swaps in use on old that are on volumes of the groups, by their lasting names, and files on what moves: a file system
/// with a swap in it does not become read-only.
pub(super) fn swaps(facts: &Facts, names: &Names, groups: &[Group], mounts: &[MovedMount]) -> Vec<String> {
    let mut all = Vec::new();
    let used: HashSet<&str> =
        facts.old.swaps.iter().filter_map(|swap| names.swap(swap)).map(|block| block.path.as_str()).collect();
    for group in groups {
        let paths = group.volumes().into_iter().map(|lv| lvm::mapper_path(&group.vg, &lv));
        all.extend(paths.filter(|path| used.contains(path.as_str())));
    }
    let moves = |block: &Block| mounts.iter().any(|mount| mount.on_old == block.path);
    for swap in facts.old.swaps.iter().filter(|swap| swap.kind == "file") {
        let on = facts.old.file_system(&swap.path);
        if on.is_some_and(|on| names.mount(on).into_iter().any(moves)) {
            all.push(swap.path.clone());
        }
    }
    all
}

/// What writes already, in other ways than as a mounted file system, and what will be stopped.
pub(super) fn yet(
    plan: &Plan,
    facts: &Facts,
    names: &Names,
    groups: &[Group],
    mounts: &[MovedMount],
    swaps: &[String],
) -> Yet {
    let mounted: HashSet<&str> =
        facts.old.mounts.iter().flat_map(|mount| names.mount(mount)).map(|block| block.path.as_str()).collect();
    // the sixth letter: lvs(8), lv_attr
    let raw = |vg: &str, lv: &str| {
        let lv = facts.old.lvs.iter().find(|one| one.vg == vg && one.name == lv && !one.hidden);
        lv.is_some_and(|lv| {
            lv.attr.chars().nth(5) == Some('o') && !mounted.contains(lvm::mapper_path(&lv.vg, &lv.name).as_str())
        })
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
