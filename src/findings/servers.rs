//! The two machines: who they are, and whether they can stand in for each other.

use super::{Hit, Rule, Severity, find_disk};
use crate::facts::{Facts, ServerFacts};
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1001",
        title: "commands do not run as root",
        severity: Severity::Inhibitor,
        why: "partitions, arrays and volumes can only be read whole, and changed, by root.",
        remedy: "log in as root, or set `sudo: true` under `ssh:` with a user that may `sudo -n`.",
        check: not_root,
    },
    Rule {
        code: "R1002",
        title: "old and new are the same machine",
        severity: Severity::Inhibitor,
        why: "the disks that would be wiped are those of the server in service.",
        remedy: "correct the addresses in the plan.",
        check: same_machine,
    },
    Rule {
        code: "R1003",
        title: "old and new look swapped",
        severity: Severity::Inhibitor,
        why: "disks that the plan wants to wipe are on old, or the volume group that moves is on new already.",
        remedy: "exchange the addresses of `old` and `new`; the disks to be wiped must be on new.",
        check: swapped,
    },
    Rule {
        code: "R1011",
        title: "the clocks are far apart",
        severity: Severity::Warning,
        why: "after the migration the hardware clock of new counts: logs, certificates and databases would see time jump.",
        remedy: "set the clock of new by NTP (`timedatectl set-ntp true`, `chronyd -q`), then `hwclock --systohc --utc`.",
        check: clocks,
    },
];

fn both(facts: &Facts) -> [(&'static str, &ServerFacts); 2] {
    [("old", &facts.old), ("new", &facts.new)]
}

fn not_root(_: &Plan, facts: &Facts) -> Vec<Hit> {
    both(facts)
        .into_iter()
        .filter(|(_, server)| server.uid != 0)
        .map(|(name, server)| {
            Hit::new(
                format!("commands on {name} run as uid {}, not as root", server.uid),
                format!("log in as root, or set `sudo: true` under `{name}.ssh` with a user that may `sudo -n`"),
            )
        })
        .collect()
}

fn same_machine(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let same_machine = facts.old.machine.is_some() && facts.old.machine == facts.new.machine;
    let same_boot = !facts.old.boot_id.is_empty() && facts.old.boot_id == facts.new.boot_id;
    let same_keys = facts.old.host_keys == facts.new.host_keys && !facts.old.host_keys.is_empty();
    if same_boot || (same_machine && same_keys) {
        let hit = Hit::new("old and new are the same machine", "correct the addresses in the plan");
        return vec![hit.at(plan.new.address.span())];
    }
    Vec::new()
}

fn swapped(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let disks_on_old = plan.disks.iter().any(|disk| find_disk(&facts.old, disk).is_some());
    let group_on = |server: &ServerFacts| {
        plan.volume_groups.iter().any(|group| server.vgs.iter().any(|vg| vg.name == **group.name))
    };
    if disks_on_old || (group_on(&facts.new) && !group_on(&facts.old)) {
        let hit = Hit::new(
            "old and new look swapped: what the plan says of one is on the other",
            "exchange the addresses of `old` and `new`; the disks to be wiped must be on new",
        );
        return vec![hit.at(plan.old.address.span())];
    }
    Vec::new()
}

fn clocks(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let skew = facts.old.clock.abs_diff(facts.new.clock);
    if skew <= 120 {
        return Vec::new();
    }
    vec![Hit::new(
        format!("the clocks of old and new are {skew} s apart"),
        "set the clock of new (`chronyd -q`, `timedatectl set-ntp true`), then `hwclock --systohc --utc`",
    )]
}
