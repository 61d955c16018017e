//! Logical volumes: what each is, and whether it can travel.

use super::{Hit, Rule, Severity};
use crate::facts::{Facts, Lv, lvm};
use crate::plan::{CopyHow, Plan, Span, Volume};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1203",
        title: "a volume cannot be mirrored",
        severity: Severity::Inhibitor,
        why: "LVM adds a leg on new to a plain (linear) volume. Volumes in thin pools, cached ones, snapshots, VDO and volumes \
              that are mirrored or RAID already have another structure, which the cut at the cutover would lose.",
        remedy: "make it linear (`lvconvert --uncache`, `lvconvert --mirrors 0`), or leave it out with `copy: skip` and \
                 move its files another way.",
        check: not_linear,
    },
    Rule {
        code: "R1206",
        title: "there is no such volume on old",
        severity: Severity::Inhibitor,
        why: "there is nothing to move.",
        remedy: "correct its name: `lvs` on old.",
        check: volume_missing,
    },
    Rule {
        code: "R1207",
        title: "the plan does not say what becomes of a volume",
        severity: Severity::Inhibitor,
        why: "a plan that lists volumes must list all of the group, so that none is forgotten.",
        remedy: "list it, with `copy: skip` if it is to stay behind.",
        check: volume_unlisted,
    },
    Rule {
        code: "R1208",
        title: "a volume is to be recreated, but is no swap",
        severity: Severity::Inhibitor,
        why: "`copy: recreate` makes an empty swap: whatever the volume holds would not be on new.",
        remedy: "leave `copy:` out, so that it is mirrored.",
        check: recreated_data,
    },
    Rule {
        code: "R1209",
        title: "a volume that stays behind is mounted",
        severity: Severity::Warning,
        why: "its line in /etc/fstab travels, and the volume does not: new would wait for it and may not boot.",
        remedy: "add `nofail` to its line in /etc/fstab of old, or remove the line before the cutover.",
        check: skipped_mount,
    },
    Rule {
        code: "R1210",
        title: "there is no room for raid1",
        severity: Severity::Inhibitor,
        why: "a raid1 keeps its metadata in an extent of its own on each side, old's too.",
        remedy: "leave `copy:` out: a mirror with its log in memory is used where there is no room.",
        check: raid1_room,
    },
];

/// The volumes of a group with what the plan says of each: all that are not hidden, or those that it lists.
pub fn volumes<'a>(plan: &'a Plan, facts: &'a Facts) -> impl Iterator<Item = (&'a Lv, CopyHow, Option<&'a Volume>)> {
    plan.volume_groups.iter().flat_map(move |group| {
        facts.old.lvs.iter().filter(move |lv| lv.vg == **group.name && !lv.hidden).filter_map(move |lv| match &group
            .volumes
        {
            None => Some((lv, default_copy(lv), None)),
            Some(all) => {
                let said = all.iter().find(|volume| **volume.name == lv.name)?;
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

/// Where the plan speaks of a volume.
fn span(said: Option<&Volume>) -> Option<Span> {
    said.and_then(|said| said.name.span())
}

fn not_linear(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (lv, how, said) in volumes(plan, facts) {
        if matches!(how, CopyHow::Skip | CopyHow::Recreate) {
            continue;
        }
        let what = match lv.segtype.as_str() {
            "linear" => continue,
            "striped" if how == CopyHow::Mirror => continue,
            "thin" | "thin-pool" => "belongs to a thin pool",
            "cache" | "cache-pool" | "writecache" => "is cached",
            "snapshot" => "is a snapshot",
            "vdo" | "vdo-pool" => "is a VDO volume",
            "mirror" | "raid1" => "is mirrored already",
            _ => "is not linear",
        };
        let hit = Hit::new(
            format!("{}/{} {what} ({}): it cannot be mirrored by this method", lv.vg, lv.name, lv.segtype),
            "make it linear, or leave it out with `copy: skip`",
        );
        hits.push(hit.at(span(said)));
    }
    hits
}

fn volume_missing(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    listed(plan, facts)
        .flat_map(|(vg, _, there, listed)| {
            listed
                .iter()
                .filter(|volume| !there.contains(&volume.name.as_str()))
                .map(|volume| {
                    Hit::new(
                        format!("there is no volume `{vg}/{}` on old", *volume.name),
                        format!("the group has: {}", there.join(", ")),
                    )
                    .at(volume.name.span())
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

fn volume_unlisted(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    listed(plan, facts)
        .flat_map(|(vg, span, there, listed)| {
            let unlisted =
                there.into_iter().filter(|name| !listed.iter().any(|volume| volume.name.as_str() == *name));
            unlisted
                .map(|name| {
                    Hit::new(
                        format!("the plan does not say what becomes of `{vg}/{name}`"),
                        format!("add `- {{ name: {name} }}`, with `copy: skip` if it is to stay behind"),
                    )
                    .at(span)
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

type Listed<'a> = (&'a str, Option<Span>, Vec<&'a str>, &'a [Volume]);

/// The groups whose volumes the plan lists: name, its place, the volumes that are there, those that are listed.
fn listed<'a>(plan: &'a Plan, facts: &'a Facts) -> impl Iterator<Item = Listed<'a>> {
    plan.volume_groups.iter().filter_map(|group| {
        let ours = facts.old.lvs.iter().filter(|lv| lv.vg == **group.name && !lv.hidden);
        let there: Vec<&str> = ours.map(|lv| lv.name.as_str()).collect();
        (!there.is_empty()).then_some((group.name.as_str(), group.name.span(), there, group.volumes.as_deref()?))
    })
}

fn recreated_data(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    volumes(plan, facts)
        .filter(|(lv, how, _)| *how == CopyHow::Recreate && lv.fstype.as_deref() != Some("swap"))
        .map(|(lv, _, said)| {
            Hit::new(
                format!("{}/{} is to be recreated, but it is no swap", lv.vg, lv.name),
                "leave `copy:` out, so that it is mirrored",
            )
            .at(span(said))
        })
        .collect()
}

fn skipped_mount(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    volumes(plan, facts)
        .filter(|(_, how, _)| *how == CopyHow::Skip)
        .filter_map(|(lv, _, said)| {
            let path = lvm::mapper_path(&lv.vg, &lv.name);
            let mount = facts.old.mounts.iter().find(|mount| mount.source == path)?;
            let hit = Hit::new(
                format!("{}/{} stays behind, but is mounted on {}", lv.vg, lv.name, mount.target),
                "new will wait for it when it boots unless /etc/fstab says `nofail`",
            );
            Some(hit.at(span(said)))
        })
        .collect()
}

fn raid1_room(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let mut hits = Vec::new();
    for group in &plan.volume_groups {
        let Some(vg) = facts.old.vgs.iter().find(|vg| vg.name == **group.name) else { continue };
        let wanted = volumes(plan, facts).filter(|(lv, how, _)| lv.vg == vg.name && *how == CopyHow::Raid1).count();
        if wanted as u64 > vg.free_count {
            let hit = Hit::new(
                format!(
                    "raid1 needs a free extent in `{}` for each of {wanted} volumes; {} are free",
                    vg.name, vg.free_count
                ),
                "leave `copy:` out: a mirror with its log in memory is used where there is no room",
            );
            hits.push(hit.at(group.name.span()));
        }
    }
    hits
}
