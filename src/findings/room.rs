//! Whether what moves has room where it goes, which is found by laying the plan out: the rules R1216, R1217 and R1218.

use super::Hit;
use crate::facts::Facts;
use crate::layout::{Group, Places, places};
use crate::plan::Plan;
use crate::units::{Bytes, Extents};

/// Groups that have no room where they go: the rule R1216.
pub(super) fn group_room(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let help = "use larger disks or another RAID level, or leave volumes out with `copy: skip`";
    room(plan, facts, help, |group| Some((format!("`{}` needs", group.vg), group.needs)))
}

/// Groups whose volumes cannot all grow as the plan says: the rule R1218.
pub(super) fn growth_room(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    room(plan, facts, "let them grow less, or one of them with `grow: rest`", |group| {
        let more: Bytes = group.grown.iter().filter_map(|grown| Some(grown.to?.less(grown.from))).sum();
        // the metadata of raid1 is gone by then
        let data: Bytes = group.copied.iter().map(|copied| copied.size).sum();
        let data = data + group.recreated.iter().map(|made| made.size).sum::<Bytes>();
        (more > Bytes(0)).then(|| (format!("the volumes of `{}` are to grow to", group.vg), data + more))
    })
}

/// Groups that want more than there is where they go; `wants` says so in words, too.
fn room(plan: &Plan, facts: &Facts, help: &str, wants: impl Fn(&Group) -> Option<(String, Bytes)>) -> Vec<Hit> {
    let Ok(Places { stores, groups, .. }) = places(plan, "", facts) else { return Vec::new() };
    let short = |group: &Group| {
        let (words, bytes) = wants(group)?;
        let (store, extent) = (&stores[group.to], group.extent);
        let (wanted, has) = (bytes.extents(extent), store.extents(extent));
        let said = plan.volume_groups.iter().find(|said| *said.name == group.vg)?;
        let size = |extents: Extents| mib(extents.bytes(extent));
        (has < wanted).then(|| {
            let (wanted_size, has_size, store) = (size(wanted), size(has), store.in_a_sentence());
            let message =
                format!("{words} {} extents ({wanted_size}), {store} has room for {} ({has_size})", wanted.0, has.0);
            Hit::new(message, help).at(said.to.span())
        })
    };
    groups.iter().filter(|group| group.extent > Bytes(0)).filter_map(short).collect()
}

/// A boot file system that its array is too small for: the rule R1217.
pub(super) fn boot_room(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let Ok(Places { stores, boot, .. }) = places(plan, "", facts) else { return Vec::new() };
    let (Some(boot), Some(said)) = (boot, &plan.boot) else { return Vec::new() };
    let store = &stores[boot.to];
    if store.capacity >= boot.size {
        return Vec::new();
    }
    let hit = Hit::new(
        format!(
            "{} of old has {}, {} has {}: it is copied as a block device",
            boot.target,
            mib(boot.size),
            store.in_a_sentence(),
            mib(store.capacity)
        ),
        "make its partition larger",
    );
    vec![hit.at(said.to.span())]
}

fn mib(bytes: Bytes) -> String {
    format!("{} MiB", bytes.mib())
}
