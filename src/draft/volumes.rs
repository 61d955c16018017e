//! What moves: the volume groups that the system lives on, with all their volumes, and /boot.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::NoDraft;
use super::text::{quoted, size};
use crate::facts::resolve::{Names, mounted};
use crate::facts::{Facts, Lv, Mount, ServerFacts, Vg, lvm};
use crate::plan::{Bytes, RaidLevel};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

#[derive(Debug, Clone)]
pub(super) struct Groups {
    /// the largest last: it gets the rest of the disks
    all: Vec<Group>,
    /// those of which nothing is in use, in words
    pub(super) left: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Group {
    #[serde(skip)]
    vg: Vg,
    name: String,
    what: String,
    volumes: Vec<Volume>,
    partition: String,
    /// `rest`, or how much each disk gives to it
    size: String,
    /// the array of these partitions, or the partition itself
    to: String,
}

#[derive(Debug, Clone, Serialize)]
struct Volume {
    name: String,
    what: String,
    recreate: bool,
    /// why it cannot be mirrored
    unfit: Option<String>,
    /// it is the one that is worth growing
    grows: Option<String>,
}

pub(super) fn groups(facts: &Facts) -> Result<Groups, NoDraft> {
    let old = &facts.old;
    let mounted = Mounted::of(old);
    let in_use = |vg: &&Vg| old.lvs.iter().any(|lv| lv.vg == vg.name && (mounted.mount(lv).is_some() || is_swap(lv)));
    let (used, left): (Vec<&Vg>, Vec<&Vg>) = old.vgs.iter().partition(in_use);
    if used.is_empty() {
        let root = old.mounts.iter().find(|mount| mount.target == "/").map_or("elsewhere", |mount| &mount.source);
        return Err(NoDraft::Servers {
            message: format!(
                "old has no volume group in use: its `/` is on {root}, and replant moves logical volumes"
            ),
            help: "are OLD and NEW the right way round? OLD is the server in service, with `/` on LVM".into(),
        });
    }
    let group = |vg: &Vg| {
        let mut volumes: Vec<Volume> =
            old.lvs.iter().filter(|lv| lv.vg == vg.name && !lv.hidden).map(|lv| volume(&mounted, lv)).collect();
        if let Some(lv) = worth_growing(facts, &mounted, vg)
            && let Some(volume) = volumes.iter_mut().find(|volume| volume.name == quoted(&lv.name))
        {
            let shrink = if lv.fstype.as_deref() == Some("xfs") { " (xfs cannot shrink)" } else { "" };
            volume.grows = Some(format!(
                "all the new room would go to it, for good{shrink}. Left out, the room stays free in the group, to be \
                 given to any volume at any time: `lvextend --resizefs`"
            ));
        }
        Group {
            name: quoted(&vg.name),
            what: match vg.free {
                0 => format!("{} on old, all in use", size(vg.size)),
                free => format!("{} on old, {} of it free", size(vg.size), size(free)),
            },
            vg: vg.clone(),
            volumes,
            partition: "data".into(),
            size: "rest".into(),
            to: String::new(),
        }
    };
    let mut all: Vec<Group> = used.into_iter().map(group).collect();
    all.sort_by_key(|group| group.vg.size);
    let said = |vg: &Vg| {
        format!(
            "volume group {} ({}) is left behind: nothing of it is mounted on old. If it is needed, give it an array of \
             its own and name it here",
            vg.name,
            size(vg.size)
        )
    };
    Ok(Groups { all, left: left.into_iter().map(said).collect() })
}

impl Groups {
    /// The groups, each with its part of every disk. Without a level the partitions are not made into arrays.
    /// The first array is that of /boot or of the hold.
    pub(super) fn with_room(&self, level: Option<RaidLevel>, disks: usize) -> impl Serialize + use<> {
        let mut all = self.all.clone();
        let (count, last) = (disks as u64, all.len() - 1);
        for (at, group) in all.iter_mut().enumerate() {
            if last > 0 {
                group.partition = format!("data{}", at + 1);
            }
            group.to = match level {
                Some(_) => format!("md{}", at + 1),
                None => group.partition.clone(),
            };
            let share = match level {
                None | Some(RaidLevel::Raid1) => group.vg.size,
                Some(RaidLevel::Raid0) => group.vg.size / count,
                Some(RaidLevel::Raid10) => group.vg.size * 2 / count,
                Some(RaidLevel::Raid5) => group.vg.size / (count - 1),
                Some(RaidLevel::Raid6) => group.vg.size / (count - 2),
            };
            if at < last {
                // an extent more for each volume, and what md and LVM keep for themselves: a quarter GiB is plenty
                group.size = Bytes((share + share / 20 + GIB / 4).next_multiple_of(GIB)).to_string();
            }
        }
        all
    }

    /// Devices of what moves, each with where it is mounted.
    pub(super) fn mounted<'a>(&'a self, facts: &'a Facts) -> impl Iterator<Item = &'a Mount> {
        let moves = |lv: &&Lv| self.all.iter().any(|group| group.vg.name == lv.vg);
        let paths: BTreeSet<String> =
            facts.old.lvs.iter().filter(moves).map(|lv| lvm::mapper_path(&lv.vg, &lv.name)).collect();
        let names = Names::of(&facts.old);
        facts
            .old
            .mounts
            .iter()
            .filter(move |mount| names.mount(mount).iter().any(|block| paths.contains(&block.path)))
    }
}

/// The first mount of each device.
struct Mounted<'a>(HashMap<String, &'a Mount>);

impl<'a> Mounted<'a> {
    fn of(server: &'a ServerFacts) -> Mounted<'a> {
        Mounted(mounted(server, &Names::of(server)))
    }

    fn mount(&self, lv: &Lv) -> Option<&'a Mount> {
        self.0.get(lvm::mapper_path(&lv.vg, &lv.name).as_str()).copied()
    }
}

fn is_swap(lv: &Lv) -> bool {
    lv.fstype.as_deref() == Some("swap")
}

/// A volume of the kind that is copied by mirroring.
fn fits(lv: &Lv) -> bool {
    lv.segtype == "linear"
}

fn volume(mounted: &Mounted, lv: &Lv) -> Volume {
    let kind = lv.fstype.as_deref().unwrap_or("no file system known");
    let what = match mounted.mount(lv) {
        Some(mount) => format!("{}, {kind} on {}, {} used", size(lv.size), mount.target, size(mount.used)),
        None if is_swap(lv) => format!("{}, swap", size(lv.size)),
        None if !fits(lv) => format!("{}, {kind}, not mounted", size(lv.size)),
        None => format!("{}, {kind}, not mounted: what has it open must be in `cutover.stop`", size(lv.size)),
    };
    Volume {
        name: quoted(&lv.name),
        what,
        recreate: is_swap(lv) && fits(lv),
        unfit: (!fits(lv)).then(|| {
            format!(
                "it is of type {}, which cannot be mirrored. Make it linear on old; or leave it behind with `copy: skip` \
                 and copy by hand what is on it",
                lv.segtype
            )
        }),
        grows: None,
    }
}

/// The largest file system that is not `/`, or `/` where there is no other.
fn worth_growing<'a>(facts: &'a Facts, mounted: &Mounted, vg: &Vg) -> Option<&'a Lv> {
    let grows = |lv: &&Lv| lv.fstype.as_deref().is_some_and(|fstype| fstype == "xfs" || fstype.starts_with("ext"));
    let candidates = facts.old.lvs.iter().filter(|lv| lv.vg == vg.name && !lv.hidden && fits(lv)).filter(grows);
    let used = candidates.filter_map(|lv| Some((lv, mounted.mount(lv)?)));
    used.max_by_key(|(lv, mount)| (mount.target != "/", lv.size)).map(|(lv, _)| lv)
}

#[derive(Serialize)]
pub(super) struct Boot {
    /// of the partition
    size: String,
    /// the array, or the partition itself
    to: &'static str,
    /// of the partition: `boot`, or `hold` where it is no copy of /boot
    name: &'static str,
    /// of that size
    why: String,
    /// why there is no copy of /boot
    travels: Option<String>,
}

/// Where /boot goes; where it is no file system of its own, what new boots into its hold from.
pub(super) fn boot(facts: &Facts, level: Option<RaidLevel>) -> Boot {
    let to = |name| if level.is_some() { "md0" } else { name };
    let hold = |travels: String| {
        Boot {
        size: Bytes(place(facts)).to_string(),
        to: to("hold"),
        name: "hold",
        why: "with a power control for new it can boot from its own disks before the copy (`boot: held`). What it boots with \
              stands here meanwhile; without one, leave this out"
            .into(),
        travels: Some(travels),
    }
    };
    let Some(mount) = facts.old.mounts.iter().find(|mount| mount.target == "/boot") else {
        return hold("/boot of old is a directory of `/`, and travels with it".into());
    };
    let names = Names::of(&facts.old);
    let on = names.mount(mount);
    if on.iter().any(|block| block.kind == "lvm") {
        return hold(format!("/boot of old is on {}, and travels as a volume of its group", mount.source));
    }
    let has = on.first().map_or(mount.size, |block| block.size);
    // md keeps some of each member for itself
    let wants = (has + has / 64 + 4 * MIB).next_multiple_of(512 * MIB);
    Boot {
        size: Bytes(wants).to_string(),
        to: to("boot"),
        name: "boot",
        why: format!(
            "/boot of old has {} on {}, with {} used: it is copied as a block device, so the partition must not be \
             smaller. What is more can be used later, by growing the file system",
            size(has),
            mount.source,
            size(mount.used)
        ),
        travels: None,
    }
}

/// Bytes for an initramfs that is larger than old's own, and 100 MiB beside it.
fn place(facts: &Facts) -> u64 {
    let image = facts.old.initrd_sizes.values().max().copied().unwrap_or_default();
    (image + 100 * MIB).next_multiple_of(256 * MIB)
}
