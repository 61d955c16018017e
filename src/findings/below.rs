//! What stands in the way of a copy from below: an array of md put beneath live volumes of old.

use super::rule::{hits, notes};
use super::{Check, Hit, Rule, Severity};
use crate::facts::Facts;
use crate::layout::below::{kernel, mirrored, modules, obstacles, signatures};
use crate::layout::{Obstacle, copied_whole, method};
use crate::plan::{Method, Plan};

const MIRROR: &str = "copy: { method: mirror }";

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1232",
        title: "old's kernel cannot put an array beneath a volume",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "the copy from below is a raid1 of md beneath each live volume, whose superblock and bitmap stand in a RAM disk: \
              the modules `raid1` and `brd`.",
        remedy: "install the full kernel of the distribution and boot it, or choose `copy: { method: mirror }`.",
        check: Check::Copied(Method::Below, |plan, facts| hits(modules(plan, facts), MIRROR)),
    },
    Rule {
        code: "R1233",
        title: "a kernel in which a raid1 could lose a failed write",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "before 5.10.37 and in 5.11 and 5.12 a write that failed on one leg of a raid1 could be reported as good, and the \
              leg stay in sync. Long-term kernels of distributions may have the correction under an older number.",
        remedy: "boot a newer kernel first, choose `copy: { method: mirror }`, or waive it where the distribution's kernel has \
                 the correction (Linux 2417b9869b81).",
        check: Check::Copied(Method::Below, |plan, facts| hits(kernel(plan, facts), MIRROR)),
    },
    Rule {
        code: "R1234",
        title: "a volume holds what mdadm or LVM would take for its own",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "mdadm erases a superblock that it finds on a member of a new array, and LVM on old would see the same physical \
              volume on the volume and on the array beneath it.",
        remedy: "`copy: { method: mirror }`, or leave the volume out with `copy: skip`.",
        check: Check::Copied(Method::Below, |plan, facts| hits(signatures(plan, facts), MIRROR)),
    },
    Rule {
        code: "R1235",
        title: "a volume is to be mirrored by LVM, and its group is copied from below",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "`copy: raid1` and `copy: mirror` say how LVM mirrors a volume. With `copy: { method: below }` it mirrors none.",
        remedy: "leave `copy:` out of the volume, or choose `copy: { method: mirror }` for all.",
        check: Check::Copied(Method::Below, |plan, facts| hits(mirrored(plan, facts), MIRROR)),
    },
    Rule {
        code: "R1246",
        title: "LVM mirrors the volumes, since they cannot be copied from below",
        severity: Severity::Note,
        absolute: false,
        why: "a copy that lies beneath LVM is safer: a reboot of old in the middle changes nothing, and after a broken link only \
              what has changed is sent again. Where something is in its way LVM mirrors each volume.",
        remedy: "what each finding says, or nothing. `copy: { method: mirror }` says that it is meant.",
        check: Check::Facts(chosen_mirror),
    },
    Rule {
        code: "R1241",
        title: "a volume is copied whole, though only what is in use is wanted",
        severity: Severity::Note,
        absolute: false,
        why: "with `copy: { only: used }` old asks the mounted file system what it calls free (FS_IOC_GETFSMAP), and copies the rest. \
              ext4 and xfs have such a map, while they are mounted from the volume itself. Of every other volume all blocks are \
              copied: that is as good, and takes longer.",
        remedy: "nothing, or mount the file system before the plan is made.",
        check: Check::Facts(whole),
    },
    Rule {
        code: "R1242",
        title: "the copy is not held back, though a rate is wanted",
        severity: Severity::Warning,
        absolute: false,
        why: "md keeps to `copy: { rate: … }`. The mirrors of LVM have no such measure: they copy as fast as disks and network \
              allow, and whoever uses them beside it may feel that.",
        remedy: "see to what keeps the volumes from being copied from below, or leave the rate out.",
        check: Check::Facts(not_held_back),
    },
];

fn not_held_back(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    match &plan.copy.rate {
        Some(rate) if method(plan, facts) == Method::Mirror => {
            let message = format!("LVM mirrors the volumes, and more than {} a second may be copied", **rate);
            vec![Hit::new(message, "remove `copy.rate`").at(rate.span())]
        }
        _ => Vec::new(),
    }
}

fn chosen_mirror(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    if plan.copy.method.is_some() {
        return Vec::new();
    }
    notes(obstacles(plan, facts), "LVM mirrors the volumes")
}

fn whole(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let hit = |one: Obstacle| Hit::new(one.message, "nothing has to be done").at(one.at);
    copied_whole(plan, facts).into_iter().map(hit).collect()
}
