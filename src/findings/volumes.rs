//! Logical volumes: what each is, and whether it can travel.

use std::collections::{HashMap, HashSet};

use super::{Check, Hit, Rule, Severity};
use crate::facts::resolve::{Names, mounted};
use crate::facts::{Facts, Lv, Mount, lvm};
use crate::layout::{method, volumes, without_room};
use crate::plan::{CopyHow, Grow, Method, Plan, Span, Volume};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1203",
        title: "a volume cannot be mirrored",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "LVM adds a copy on new to a plain (linear) volume, and cuts it off at the cutover. That is not \
              possible for these: volumes of a thin pool share blocks through the pool's metadata; the newest blocks \
              of a cached volume may be in its cache only; a snapshot holds nothing but differences; VDO keeps blocks \
              in a form of its own; a volume that is mirrored or RAID already has copies that belong together. A \
              striped one can be mirrored with `copy: mirror`, and copied by the method `below`.",
        remedy: "make it linear (`lvconvert --uncache`, `lvconvert --mirrors 0`), or leave it out with `copy: skip` and \
                 move its files another way.",
        check: Check::Facts(not_linear),
    },
    Rule {
        code: "R1206",
        title: "there is no such volume on old",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "there is nothing to move.",
        remedy: "correct its name: `lvs` on old.",
        check: Check::Facts(volume_missing),
    },
    Rule {
        code: "R1207",
        title: "the plan does not say what becomes of a volume",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "a plan that lists volumes must list all of the group, so that none is forgotten.",
        remedy: "list it, with `copy: skip` if it is to stay behind.",
        check: Check::Facts(volume_unlisted),
    },
    Rule {
        code: "R1208",
        title: "a volume is to be recreated, but is no swap",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "`copy: recreate` makes an empty swap: whatever the volume holds would not be on new.",
        remedy: "leave `copy:` out, so that it is mirrored.",
        check: Check::Facts(recreated_data),
    },
    Rule {
        code: "R1209",
        title: "a volume that stays behind is mounted",
        severity: Severity::Warning,
        absolute: false,
        why: "what is on it will not be on new.",
        remedy: "copy by hand what you need of it; `nofail` in its line of /etc/fstab lets new boot without it.",
        check: Check::Facts(skipped_mount),
    },
    Rule {
        code: "R1210",
        title: "there is no room for raid1",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "a raid1 keeps its metadata in an extent of its own on each side. On old that extent must be free on a \
              physical volume that the volume itself is on.",
        remedy: "leave `copy:` out: a mirror with its log in memory is used where there is no room.",
        check: Check::Copied(Method::Mirror, raid1_room),
    },
    Rule {
        code: "R1219",
        title: "a volume with snapshots",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "snapshots do not travel, and a mirror under a snapshot can block for good when a leg fails (lvm.conf(5), \
              mirror_segtype_default).",
        remedy: "`lvremove` the snapshots, or `lvconvert --merge` one of them, before the copy.",
        check: Check::Facts(has_snapshots),
    },
    Rule {
        code: "R1220",
        title: "the name under which a volume travels is taken",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "at the cutover the copy of volume `root` on new is cut off as `root_new`. That would fail there, with \
              services stopped.",
        remedy: "`lvrename` or `lvremove` the other volume.",
        check: Check::Copied(Method::Mirror, travelling_name),
    },
    Rule {
        code: "R1221",
        title: "a volume is not active",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "the kernel mirrors active volumes only: the copy would never end.",
        remedy: "`lvchange --activate y VOLUME`, or `copy: skip`.",
        check: Check::Facts(inactive),
    },
    Rule {
        code: "R1222",
        title: "a volume is in use, and not as a mounted file system",
        severity: Severity::Warning,
        absolute: false,
        why: "at the cutover file systems become read-only, but nothing stops a virtual machine or a database that writes to \
              the volume itself: what it writes after the cut is lost.",
        remedy: "find out by whom (`fuser -v`, `lsblk`), and name its unit under `cutover.stop`.",
        check: Check::Facts(used_raw),
    },
    Rule {
        code: "R1223",
        title: "a file system that is not checked",
        severity: Severity::Note,
        absolute: false,
        why: "it is copied block for block like any other, but replant checks only ext2, ext3, ext4 and xfs before new boots.",
        remedy: "check it yourself when new runs, before old is scrapped.",
        check: Check::Facts(untried),
    },
    Rule {
        code: "R1226",
        title: "a volume cannot grow as the plan says",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "the last stage would fail on new: replant only enlarges volumes there, and only with ext2, ext3, ext4 \
              or xfs on them.",
        remedy: "give a larger size, or leave `grow:` out.",
        check: Check::Facts(growing),
    },
    Rule {
        code: "R1240",
        title: "a volume that moves is in use, and no step would silence it",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "what is written to old after the mirror is cut is lost, and a file system that is written to while \
              its copy is cut off arrives damaged. Every mount, swap and device on a volume that moves must be made \
              read-only, switched off or closed by a step, or be gone before.",
        remedy: "unmount it on old, or close what uses it. Mounted subvolumes of btrfs cannot be migrated yet: \
              `copy: skip`, and `btrfs send` for their files.",
        check: Check::Facts(super::in_use::in_use),
    },
];

/// Where the plan speaks of a volume, or of its group.
fn place(plan: &Plan, lv: &Lv, said: Option<&Volume>) -> Option<Span> {
    let group = || plan.volume_groups.iter().find(|group| **group.name == lv.vg)?.name.span();
    said.and_then(|said| said.name.span()).or_else(group)
}

/// Those that are mirrored, with their places in the plan.
fn copied<'a>(plan: &'a Plan, facts: &'a Facts) -> impl Iterator<Item = (&'a Lv, CopyHow, Option<Span>)> {
    volumes(plan, facts)
        .filter(|(_, how, _)| !matches!(how, CopyHow::Skip | CopyHow::Recreate))
        .map(|(lv, how, said)| (lv, how, place(plan, lv, said)))
}

fn has_role(lv: &Lv, role: &str) -> bool {
    lv.role.iter().any(|has| has == role)
}

fn not_linear(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let mut hits = Vec::new();
    let below = method(plan, facts) == Method::Below;
    for (lv, how, span) in copied(plan, facts) {
        let name = format!("{}/{}", lv.vg, lv.name);
        let skip = "or leave it out with `copy: skip`";
        // what LVM keeps the changes of a snapshot in is linear: its role tells (lvs(8))
        let (what, help) = match lv.segtype.as_str() {
            _ if has_role(lv, "thicksnapshot") || lv.segtype == "snapshot" => {
                ("is a snapshot", format!("`lvremove {name}` if nobody needs it any more, {skip}"))
            }
            "linear" => continue,
            "striped" | "linear,striped" | "striped,linear" if below => continue,
            "striped" if how == CopyHow::Mirror => continue,
            "striped" => {
                ("is striped", format!("`copy: mirror` for it, or `copy: {{ method: below }}` for all, {skip}"))
            }
            "thin" | "thin-pool" => {
                ("belongs to a thin pool", format!("copy it to a plain volume (`lvcreate`, `dd`) first, {skip}"))
            }
            "cache" | "cache-pool" | "writecache" => {
                ("is cached", format!("`lvconvert --uncache {name}` on old, {skip}"))
            }
            "vdo" | "vdo-pool" => {
                ("is a VDO volume", format!("copy it to a plain volume (`lvcreate`, `dd`) first, {skip}"))
            }
            "mirror" | "raid1" => {
                ("is mirrored already", format!("`lvconvert --mirrors 0 {name}` on old makes it linear, {skip}"))
            }
            kind if kind.starts_with("raid") => {
                ("is a RAID volume", format!("`lvconvert --type linear {name}` where LVM can (lvmraid(7)), {skip}"))
            }
            _ => ("is not linear", format!("make it linear, {skip}")),
        };
        let message = format!(
            "{name} {what} ({}): it cannot be {} by this method",
            lv.segtype,
            if below { "copied" } else { "mirrored" }
        );
        hits.push(Hit::new(message, help).at(span));
    }
    hits
}

fn has_snapshots(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    copied(plan, facts)
        .filter(|(lv, ..)| has_role(lv, "thickorigin"))
        .map(|(lv, _, span)| {
            Hit::new(
                format!("{}/{} has snapshots", lv.vg, lv.name),
                format!("`lvs -o name,origin {}` lists them; `lvremove` those that nobody needs any more", lv.vg),
            )
            .at(span)
        })
        .collect()
}

fn travelling_name(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let taken: HashSet<(&str, &str)> = facts.old.lvs.iter().map(|lv| (lv.vg.as_str(), lv.name.as_str())).collect();
    copied(plan, facts)
        .filter_map(|(lv, _, span)| {
            let travels = format!("{}_new", lv.name);
            taken.contains(&(lv.vg.as_str(), travels.as_str())).then(|| {
                Hit::new(
                    format!("`{}/{travels}` exists, the name under which `{}` travels", lv.vg, lv.name),
                    format!("`lvrename {} {travels} OTHER` on old, or `lvremove` it if it is left over", lv.vg),
                )
                .at(span)
            })
        })
        .collect()
}

fn inactive(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    copied(plan, facts)
        .filter(|(lv, ..)| !lv.active && matches!(lv.segtype.as_str(), "linear" | "striped"))
        .map(|(lv, _, span)| {
            Hit::new(
                format!("{}/{} is not active: it would never be in sync", lv.vg, lv.name),
                format!("`lvchange --activate y {}/{}` on old, or `copy: skip`", lv.vg, lv.name),
            )
            .at(span)
        })
        .collect()
}

/// The mounts of volumes, the first of each, by the path of the block.
struct Mounts<'a>(HashMap<String, &'a Mount>);

impl<'a> Mounts<'a> {
    fn of(facts: &'a Facts) -> Mounts<'a> {
        Mounts(mounted(&facts.old, &Names::of(&facts.old)))
    }

    fn get(&self, lv: &Lv) -> Option<&'a Mount> {
        self.0.get(lvm::mapper_path(&lv.vg, &lv.name).as_str()).copied()
    }
}

fn used_raw(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    // the sixth letter: lvs(8), lv_attr
    let mounts = Mounts::of(facts);
    let open = |lv: &Lv| lv.attr.chars().nth(5) == Some('o');
    copied(plan, facts)
        .filter(|(lv, ..)| open(lv) && lv.fstype.as_deref() != Some("swap") && mounts.get(lv).is_none())
        .map(|(lv, _, span)| {
            let path = lvm::mapper_path(&lv.vg, &lv.name);
            Hit::new(
                format!("{}/{} is in use, but not as a mounted file system", lv.vg, lv.name),
                format!(
                    "find out by whom (`fuser -v {path}`, `lsblk {path}`), and name its unit under `cutover.stop`"
                ),
            )
            .at(span)
        })
        .collect()
}

fn untried(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let known = |fstype: &str| fstype.starts_with("ext") || matches!(fstype, "xfs" | "swap");
    copied(plan, facts)
        .filter_map(|(lv, _, span)| Some((lv, lv.fstype.as_deref().filter(|fstype| !known(fstype))?, span)))
        .map(|(lv, fstype, span)| {
            Hit::new(
                format!("{}/{} holds {fstype}, which is copied but not checked on new", lv.vg, lv.name),
                "check it yourself when new runs, before old is scrapped",
            )
            .at(span)
        })
        .collect()
}

fn growing(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let mounts = Mounts::of(facts);
    let mut hits = Vec::new();
    for (lv, _, said) in volumes(plan, facts) {
        let Some(grow) = said.and_then(|said| said.grow.as_ref()) else { continue };
        let name = format!("{}/{}", lv.vg, lv.name);
        let fstype = lv.fstype.as_deref().unwrap_or_default();
        let grows = fstype.starts_with("ext") || fstype == "xfs";
        let hit = match **grow {
            Grow::To(bytes) if bytes < lv.size => Hit::new(
                format!("{name} is to grow to {} MiB, and has {} MiB", bytes >> 20, lv.size >> 20),
                "give a larger size, `+SIZE`, or leave `grow:` out",
            ),
            _ if mounts.get(lv).is_some() && !grows => Hit::new(
                format!("{name} is to grow, and its file system ({fstype}) cannot be grown by replant"),
                "leave `grow:` out, and grow it by hand when new runs",
            ),
            _ => continue,
        };
        hits.push(hit.at(grow.span()));
    }
    hits
}

fn volume_missing(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    listed(plan, facts)
        .flat_map(|(vg, _, there, listed)| {
            let known: HashSet<&str> = there.iter().copied().collect();
            listed
                .iter()
                .filter(|volume| !known.contains(volume.name.as_str()))
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
            let known: HashSet<&str> = listed.iter().map(|volume| volume.name.as_str()).collect();
            there
                .into_iter()
                .filter(|name| !known.contains(name))
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
            .at(place(plan, lv, said))
        })
        .collect()
}

fn skipped_mount(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let mounts = Mounts::of(facts);
    volumes(plan, facts)
        .filter(|(_, how, _)| *how == CopyHow::Skip)
        .filter_map(|(lv, _, said)| {
            let mount = mounts.get(lv)?;
            let hit = Hit::new(
                format!("{}/{} stays behind, but is mounted on {}", lv.vg, lv.name, mount.target),
                "copy what is needed of it by hand; `nofail` in /etc/fstab lets new boot without it",
            );
            Some(hit.at(place(plan, lv, said)))
        })
        .collect()
}

fn raid1_room(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let mut hits = Vec::new();
    for group in &plan.volume_groups {
        let Some(vg) = facts.old.vgs.iter().find(|vg| vg.name == **group.name) else { continue };
        let wanted = volumes(plan, facts).filter(|(lv, how, _)| lv.vg == vg.name && *how == CopyHow::Raid1);
        let wanted: Vec<_> = wanted.collect();
        let lvs: Vec<&Lv> = wanted.iter().map(|(lv, ..)| *lv).collect();
        if let Some(lv) = without_room(facts, vg, &lvs) {
            let said = wanted.iter().find(|(one, ..)| one.uuid == lv.uuid).and_then(|(.., said)| *said);
            let hit = Hit::new(
                format!(
                    "raid1 needs a free extent for its metadata where {}/{} is ({}), and there is none for it; `{}` has {} \
                     free in all",
                    lv.vg,
                    lv.name,
                    lv.devices.join(", "),
                    vg.name,
                    vg.free_count
                ),
                "leave `copy:` out: a mirror with its log in memory is used where there is no room",
            );
            hits.push(hit.at(place(plan, lv, said)));
        }
    }
    hits
}
