//! Volume groups, their physical volumes, and LVM's own settings.

use std::collections::HashSet;

use super::{Check, Hit, Rule, Severity};
use crate::facts::resolve::Names;
use crate::facts::{Facts, Vg, lvm};
use crate::layout::{Disks, room_for_raid1, volumes};
use crate::plan::{CopyHow, Method, Plan, VolumeGroup};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1201",
        title: "there is no such volume group on old",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "there is nothing to move.",
        remedy: "correct its name: `vgs` on old.",
        check: Check::Facts(group_missing),
    },
    Rule {
        code: "R1202",
        title: "the name under which a group travels is taken",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "at the cutover the copy of group `vg0` on new becomes a group of its own, `vg0_new`.",
        remedy: "is it left over from another migration? `vgrename` or `vgremove` it.",
        check: Check::Copied(Method::Mirror, travelling_name),
    },
    Rule {
        code: "R1204",
        title: "physical volumes are missing",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "LVM refuses to change a group whose physical volumes are not all there, and some volumes may have \
              lost data.",
        remedy: "repair the group first: `vgck`, `vgextend --restoremissing`, `vgreduce --removemissing` (lvm(8)).",
        check: Check::Facts(group_partial),
    },
    Rule {
        code: "R1205",
        title: "the group belongs to a system id",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "LVM on another machine does not touch a group with a foreign system id (lvmsystemid(7)).",
        remedy: "`vgchange --systemid '' GROUP` on old.",
        check: Check::Copied(Method::Mirror, system_id),
    },
    Rule {
        code: "R1211",
        title: "an iSCSI disk is in the group already",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "another migration may be under way, or part of the group is somewhere else altogether.",
        remedy: "look with `replant status`, and at who logged in: `iscsiadm -m session` on old.",
        check: Check::Facts(already_extended),
    },
    Rule {
        code: "R1212",
        title: "logical blocks of different sizes",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "LVM refuses to mix them in a group, and a file system made for blocks of 512 bytes may not mount on 4096.",
        remedy: "format the disk to the other size (`nvme format --lbaf`, nvme-format(1); it erases), or choose another.",
        check: Check::Facts(block_sizes),
    },
    Rule {
        code: "R1213",
        title: "LVM on old does not watch its mirrors",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "without monitoring, the kernel accepts failed writes to one copy of a mirror permanently: a dead copy \
              would look in sync.",
        remedy: "`activation { monitoring = 1 }` in /etc/lvm/lvm.conf, then `systemctl start lvm2-monitor`.",
        check: Check::Copied(Method::Mirror, monitoring),
    },
    Rule {
        code: "R1214",
        title: "LVM uses a devices file",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "the file names disks by their identities, and the migrated system would not find its own on new.",
        remedy: "`devices { use_devicesfile = 0 }` in /etc/lvm/lvmlocal.conf (lvmdevices(8)).",
        check: Check::Facts(devices_file),
    },
    Rule {
        code: "R1215",
        title: "a kernel in which converting to raid1 hung",
        severity: Severity::Warning,
        absolute: false,
        why: "in 6.7 and early 6.8 a regression of dm-raid can hang lvconvert, and with it the volume.",
        remedy: "`copy: mirror` for each volume, or boot another kernel first.",
        check: Check::Copied(Method::Mirror, kernel),
    },
    Rule {
        code: "R1216",
        title: "an array is too small for its group",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "every volume that moves needs its extents on new, and each raid1 one more for its metadata.",
        remedy: "larger disks, another RAID level, or `copy: skip` for what need not move.",
        check: Check::Facts(super::room::group_room),
    },
    Rule {
        code: "R1217",
        title: "an array is too small for /boot",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "/boot is copied as a block device, so its array must be at least as large as the device on old.",
        remedy: "make its partition larger.",
        check: Check::Facts(super::room::boot_room),
    },
    Rule {
        code: "R1218",
        title: "volumes cannot grow as much as the plan says",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "the last stage would fail on new, in service already, with some volumes grown and others not.",
        remedy: "less growth, or `grow: rest` for the one that takes what is left.",
        check: Check::Facts(super::room::growth_room),
    },
    Rule {
        code: "R1227",
        title: "the group cannot be changed",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "new's disk joins the group while the copy lasts. A group that is read-only, not resizable, exported \
              or shared refuses that.",
        remedy: "`vgchange --resizeable y`, `vgimport`, `vgchange --locktype none` (vgchange(8)). No command makes a group writable \
                 again: `vgcfgbackup --file F GROUP`, then in F `status = [\"RESIZEABLE\", \"READ\", \"WRITE\"]` for the group, \
                 then `vgcfgrestore --file F GROUP`.",
        check: Check::Copied(Method::Mirror, unchangeable),
    },
    Rule {
        code: "R1229",
        title: "extents are being moved",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "while pvmove works on a volume, the volume is not linear and cannot be mirrored.",
        remedy: "`pvmove` resumes it and waits for its end; `pvmove --abort` ends it.",
        check: Check::Facts(pvmove),
    },
    Rule {
        code: "R1230",
        title: "a volume group does not move",
        severity: Severity::Warning,
        absolute: false,
        why: "only the groups of the plan travel. Disks of guests, and whatever else is not mounted, would be \
              missed only when new runs.",
        remedy: "name the group under `volume_groups` if new needs it, or copy by hand what you need of it.",
        check: Check::Facts(group_stays),
    },
];

/// The groups of the plan that are there.
fn found<'a>(plan: &'a Plan, facts: &'a Facts) -> impl Iterator<Item = (&'a VolumeGroup, &'a Vg)> {
    plan.volume_groups
        .iter()
        .filter_map(|group| Some((group, facts.old.vgs.iter().find(|vg| vg.name == **group.name)?)))
}

fn group_missing(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let there: Vec<&str> = facts.old.vgs.iter().map(|vg| vg.name.as_str()).collect();
    let missing = plan.volume_groups.iter().filter(|group| !there.contains(&group.name.as_str()));
    missing
        .map(|group| {
            Hit::new(
                format!("there is no volume group `{}` on old", *group.name),
                format!("old has: {}", if there.is_empty() { "none".into() } else { there.join(", ") }),
            )
            .at(group.name.span())
        })
        .collect()
}

fn travelling_name(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let mut hits = Vec::new();
    for group in &plan.volume_groups {
        let travels = format!("{}_new", *group.name);
        if facts.old.vgs.iter().chain(&facts.new.vgs).any(|vg| vg.name == travels) {
            let hit = Hit::new(
                format!("a volume group `{travels}` exists already, the name under which `{}` travels", *group.name),
                "is it left over from another migration? Rename or remove it",
            );
            hits.push(hit.at(group.name.span()));
        }
    }
    hits
}

fn group_partial(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    found(plan, facts)
        .filter(|(_, vg)| vg.missing_pv_count > 0)
        .map(|(group, vg)| {
            Hit::new(
                format!("{} physical volumes of `{}` are missing on old", vg.missing_pv_count, vg.name),
                "repair the group first: `vgck`, `vgreduce --removemissing` (lvm(8))",
            )
            .at(group.name.span())
        })
        .collect()
}

fn system_id(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    found(plan, facts)
        .filter(|(_, vg)| !vg.system_id.is_empty())
        .map(|(group, vg)| {
            Hit::new(
                format!("`{}` belongs to the system id `{}`: new could not use it", vg.name, vg.system_id),
                format!("`vgchange --systemid '' {}` on old (lvmsystemid(7))", vg.name),
            )
            .at(group.name.span())
        })
        .collect()
}

fn already_extended(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let names = Names::of(&facts.old);
    let mut hits = Vec::new();
    for (group, vg) in found(plan, facts) {
        for pv in facts.old.pvs.iter().filter(|pv| pv.vg == vg.name) {
            let over_iscsi =
                |path: &str| facts.old.blocks.iter().any(|it| it.path == path && it.tran.as_deref() == Some("iscsi"));
            let on = names.block(&pv.path);
            let below = on.into_iter().flat_map(|block| block.ancestors.iter().chain([&block.path]));
            if below.into_iter().any(|path| over_iscsi(path)) {
                let hit = Hit::new(
                    format!("`{}` already has an iSCSI disk in it: {}", vg.name, pv.path),
                    "is another migration under way? Look with `replant status`, or at who logged in",
                );
                hits.push(hit.at(group.name.span()));
            }
        }
    }
    hits
}

fn block_sizes(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let mut hits = Vec::new();
    let disks = Disks::of(&facts.new);
    let names = Names::of(&facts.old);
    // what is copied as it is, and where it goes
    let groups = plan.volume_groups.iter().flat_map(|group| {
        let pvs = facts.old.pvs.iter().filter(|pv| pv.vg == **group.name);
        pvs.filter_map(|pv| names.block(&pv.path)).map(move |block| (block, &group.to))
    });
    let boot = plan.boot.iter().flat_map(|boot| {
        let mount = facts.old.mounts.iter().find(|mount| mount.target == **boot.from);
        let on = mount.map(|mount| names.mount(mount)).unwrap_or_default();
        on.into_iter().map(move |block| (block, &boot.to))
    });
    for (old, to) in groups.chain(boot) {
        let path = &old.path;
        for disk in plan.disks_under(to) {
            let Some(new) = disks.find(disk) else { continue };
            if new.log_sec != old.log_sec {
                let hit = Hit::new(
                    format!(
                        "disk `{}` has logical blocks of {} bytes, {path} of old has {}",
                        *disk.name, new.log_sec, old.log_sec
                    ),
                    "file systems made on the one may not mount on the other. Format the disk to the other size (nvme-format(1)), or choose another disk",
                );
                hits.push(hit.at(disk.name.span()));
            }
        }
    }
    hits
}

fn monitoring(_: &Plan, facts: &Facts) -> Vec<Hit> {
    if facts.old.lvm_config.get("activation/monitoring").map(String::as_str) != Some("0") {
        return Vec::new();
    }
    vec![
        Hit::new(
            "LVM on old does not monitor its volumes: a mirror with a dead leg would say that it is whole",
            "set `activation { monitoring = 1 }` in /etc/lvm/lvm.conf and `systemctl start lvm2-monitor`",
        )
        .of("old: LVM's activation/monitoring=0"),
    ]
}

/// Without the file LVM uses all devices, whatever the setting says: lvmdevices(8).
fn devices_file(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let used = |setting: Option<&String>| setting.map(String::as_str) == Some("1");
    [("old", &facts.old), ("new", &facts.new)]
        .into_iter()
        .filter(|(_, server)| used(server.lvm_config.get("devices/use_devicesfile")))
        .filter(|(_, server)| server.present.contains("/etc/lvm/devices/system.devices"))
        .map(|(name, _)| {
            Hit::new(
                format!("LVM on {name} uses a devices file, which cannot be migrated yet"),
                format!(
                    "set `devices {{ use_devicesfile = 0 }}` in /etc/lvm/lvmlocal.conf on {name} (lvmdevices(8))"
                ),
            )
            .of(format!("{name}: /etc/lvm/devices/system.devices"))
        })
        .collect()
}

fn unchangeable(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (group, vg) in found(plan, facts) {
        let attr: Vec<char> = vg.attr.chars().collect();
        let is = |at: usize, letter: char| attr.get(at) == Some(&letter);
        let (what, help) = if is(0, 'r') {
            (
                "read-only",
                format!(
                    "on old: `vgcfgbackup --file F {0}`, add `\"WRITE\"` to the group's `status` in F, `vgcfgrestore --file F {0}`",
                    vg.name
                ),
            )
        } else if attr.get(1).is_some_and(|letter| *letter != 'z') {
            ("not resizable", format!("`vgchange --resizeable y {}` on old", vg.name))
        } else if is(2, 'x') {
            ("exported", format!("`vgimport {}` on old", vg.name))
        } else if is(5, 'c') || is(5, 's') {
            ("shared with other machines", format!("`vgchange --locktype none {}` on old (lvmlockd(8))", vg.name))
        } else {
            continue;
        };
        hits.push(
            Hit::new(format!("`{}` is {what}: new's disk cannot be added to it", vg.name), help)
                .at(group.name.span()),
        );
    }
    hits
}

fn pvmove(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let moving =
        |name: &str| facts.old.lvs.iter().any(|lv| lv.vg == name && lv.hidden && lv.name.starts_with("pvmove"));
    found(plan, facts)
        .filter(|(_, vg)| moving(&vg.name))
        .map(|(group, vg)| {
            Hit::new(
                format!("extents of `{}` are being moved between its disks (pvmove)", vg.name),
                "`pvmove` on old goes on with it and waits, `pvmove --abort` ends it",
            )
            .at(group.name.span())
        })
        .collect()
}

/// What is mounted is said by R1310.
fn group_stays(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let old = &facts.old;
    let names = Names::of(old);
    let mounted: HashSet<&str> =
        old.mounts.iter().flat_map(|mount| names.mount(mount)).map(|block| block.path.as_str()).collect();
    let mut hits = Vec::new();
    for vg in old.vgs.iter().filter(|vg| plan.volume_groups.iter().all(|group| **group.name != vg.name)) {
        let left = old.lvs.iter().filter(|lv| lv.vg == vg.name && !lv.hidden);
        let mut left = left.filter(|lv| !mounted.contains(lvm::mapper_path(&lv.vg, &lv.name).as_str()));
        let Some(first) = left.next() else { continue };
        let more = match left.count() {
            0 => String::new(),
            more => format!(" and {more} more that are not mounted"),
        };
        let hit = Hit::new(
            format!("volume group `{}` does not move, with volume `{}`{more}", vg.name, first.name),
            "name it under `volume_groups` if it is needed on new, or copy what is needed by hand",
        );
        hits.push(hit.of(format!("old: volume group {}", vg.name)));
    }
    hits
}

fn kernel(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let mut numbers =
        facts.old.kernel.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let raid1 = found(plan, facts).any(|(_, vg)| {
        let roomy = room_for_raid1(plan, facts, vg);
        let becomes = |how| how == CopyHow::Raid1 || (how == CopyHow::Auto && roomy);
        volumes(plan, facts).any(|(lv, how, _)| lv.vg == vg.name && becomes(how))
    });
    if !raid1 || ((major, minor) != (6, 7) && (major, minor) != (6, 8)) {
        return Vec::new();
    }
    let message = format!(
        "kernel {} of old is of a line in which converting to raid1 hung (6.7 and early 6.8)",
        facts.old.kernel
    );
    let hit = Hit::new(message, "use `copy: mirror` for each volume, or boot another kernel first");
    vec![hit.of(format!("old: kernel {}", facts.old.kernel))]
}
