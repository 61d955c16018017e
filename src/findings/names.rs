//! Names of devices in old's files, which travel along: will they mean the same on new?

use super::{Hit, Rule, Severity, volumes};
use crate::facts::{Facts, lvm};
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1308",
        title: "a name that may not exist on new",
        severity: Severity::Warning,
        why: "names like /dev/sda1 and links by hardware belong to old's disks; new has others, and may wait for them.",
        remedy: "use `UUID=…` there: file systems keep theirs.",
        check: volatile_names,
    },
    Rule {
        code: "R1310",
        title: "a file system does not move",
        severity: Severity::Warning,
        why: "only the volumes of the plan and /boot travel; what is mounted from elsewhere stays on old.",
        remedy: "copy it by hand if it is needed, and see to its line in /etc/fstab.",
        check: mount_stays,
    },
];

fn volatile_names(_: &Plan, facts: &Facts) -> Vec<Hit> {
    const VOLATILE: &[&str] = &[
        "/dev/sd",
        "/dev/vd",
        "/dev/nvme",
        "/dev/md",
        "/dev/hd",
        "/dev/disk/by-id/",
        "/dev/disk/by-path/",
        "/dev/disk/by-partuuid/",
    ];
    let mut hits = Vec::new();
    for (path, what) in
        [("/etc/fstab", "mounts"), ("/etc/default/grub", "boots from"), ("/proc/cmdline", "boots from")]
    {
        let text = facts.old.files.get(path).map(String::as_str).unwrap_or_default();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().starts_with('#')) {
            let words = line.split(|c: char| c.is_whitespace() || "=\"',".contains(c));
            for word in words.filter(|word| VOLATILE.iter().any(|start| word.starts_with(start))) {
                let hit = Hit::new(
                    format!("{path} of old {what} {word}, a name that may not exist on new"),
                    "use `UUID=…` there: file systems keep theirs",
                );
                hits.push(hit.of(format!("old: {path}, line {}", number + 1)));
            }
        }
    }
    hits
}

fn mount_stays(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let moved: Vec<String> = volumes(plan, facts).map(|(lv, ..)| lvm::mapper_path(&lv.vg, &lv.name)).collect();
    let known = |mount: &&crate::facts::Mount| {
        moved.contains(&mount.source) || plan.boot.as_ref().is_some_and(|boot| **boot.from == mount.target)
    };
    let real =
        |mount: &&crate::facts::Mount| mount.source.starts_with("/dev/") && !mount.source.starts_with("/dev/loop");
    let left = facts.old.mounts.iter().filter(real).filter(|mount| !known(mount));
    left.map(|mount| {
        Hit::new(
            format!("{} is mounted from {}, which does not move", mount.target, mount.source),
            "copy it by hand if it is needed, and see to its line in /etc/fstab",
        )
    })
    .collect()
}
