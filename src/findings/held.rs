//! What keeps new from waiting in its own initramfs.

use super::rule::{hits, notes};
use super::{Check, Hit, Rule, Severity};
use crate::facts::Facts;
use crate::layout::held::{boot_room, obstacles, room};
use crate::layout::place::place_room;
use crate::layout::{boot, method};
use crate::plan::{Method, NewBoot, Plan};

const RESCUE: &str = "boot: rescue";

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1332",
        title: "new cannot wait in its own initramfs",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "with `boot: held` new boots from its own disks before anything is copied, and offers its volumes out of its \
              initramfs: with one address on one card, by old's kernel and sshd(8), switched by its power control.",
        remedy: "what each finding says, or `boot: rescue`, where new boots only after the cutover.",
        check: Check::Facts(held),
    },
    Rule {
        code: "R1333",
        title: "there is little room in /boot for the initramfs in which new waits",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "it is larger than old's own by about 10 MiB for each kernel, and the boot loader's tools lie beside it for a moment.",
        remedy: "remove old kernels ({{autoremove}}), or choose `boot: rescue`. If the estimate is wrong, waive it: what does not \
                 fit is noticed before anything is copied.",
        check: Check::Facts(little_room),
    },
    Rule {
        code: "R1350",
        title: "there is little room in the hold's place",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "where old's /boot is no file system of its own, new boots into its hold from a place that the plan gives it with \
              `hold:`. Kernel, initramfs and the boot loader's files stand there, and its tools for a moment.",
        remedy: "make its partition larger: 256MiB are enough for most systems. If the estimate is wrong, waive it: what does not \
                 fit is noticed before anything is copied.",
        check: Check::Facts(little_place),
    },
    Rule {
        code: "R1351",
        title: "a place for the hold that is not used",
        severity: Severity::Note,
        absolute: false,
        why: "`hold:` is for systems whose /boot lies inside `/` or on a volume, and for `boot: held`. It takes room on each disk.",
        remedy: "leave `hold:` out, with its partition and its array; or nothing.",
        check: Check::Facts(idle_place),
    },
    Rule {
        code: "R1346",
        title: "new boots from its own disks only after the cutover",
        severity: Severity::Note,
        absolute: false,
        why: "where new can wait in its own initramfs, its firmware, boot loader and drivers are proven before anything is copied, \
              and none of that is in the downtime. Where something is in its way, new is made bootable from rescue while \
              services are down.",
        remedy: "what each finding says, or nothing. `boot: rescue` says that it is meant.",
        check: Check::Facts(chosen_rescue),
    },
];

fn wanted(plan: &Plan) -> bool {
    plan.new.boot.as_deref() == Some(&NewBoot::Held)
}

fn held(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    if wanted(plan) { hits(obstacles(plan, facts), RESCUE) } else { Vec::new() }
}

fn little_room(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    if wanted(plan) { hits(boot_room(plan, facts), RESCUE) } else { Vec::new() }
}

fn little_place(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    if wanted(plan) { hits(place_room(plan, facts), RESCUE) } else { Vec::new() }
}

/// What keeps new from holding by default was said already.
fn idle_place(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let Some(said) = &plan.hold else { return Vec::new() };
    let message = if plan.boot.is_some() {
        "`hold:` is of no use beside `boot:`: new boots into its hold from the copy of the boot file system"
    } else if plan.new.boot.is_some() && boot(plan, facts) == NewBoot::Rescue {
        "`hold:` is of no use with `boot: rescue`: what it names is made, and stays empty"
    } else {
        return Vec::new();
    };
    vec![Hit::new(message, "leave `hold:` out, with its partition and its array").at(said.to.span())]
}

fn chosen_rescue(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    // what LVM is said to mirror cannot wait for it in an initramfs: that was said already
    if plan.new.boot.is_some() || method(plan, facts) == Method::Mirror {
        return Vec::new();
    }
    notes(obstacles(plan, facts).into_iter().chain(room(plan, facts)), "new boots after the cutover")
}
