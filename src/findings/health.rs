//! What disks say of their own health (SMART).

use super::{Check, Hit, Rule, Severity};
use crate::facts::{Block, Facts};
use crate::layout::found;
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1111",
        title: "a disk of new is about to fail",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "its own health check (SMART) says so: new would start its life degraded, or lose data with it.",
        remedy: "look with `smartctl --all`, and have the disk replaced.",
        check: Check::Facts(new_disk_failing),
    },
    Rule {
        code: "R1112",
        title: "a disk of old is about to fail",
        severity: Severity::Warning,
        absolute: false,
        why: "the copy reads every block of old's volumes, which may be more than the disk can still take.",
        remedy: "have a fresh backup before you begin; let md replace the disk first if there is a spare.",
        check: Check::Facts(old_disk_failing),
    },
    Rule {
        code: "R1113",
        title: "a disk has sectors that cannot be read",
        severity: Severity::Warning,
        absolute: false,
        why: "on old the copy stops where a block cannot be read and no mirror has it; on new the disk may fail soon.",
        remedy: "old: let md rewrite them from the other disk, `echo repair > /sys/block/mdX/md/sync_action`. New: replace it.",
        check: Check::Facts(unreadable),
    },
    Rule {
        code: "R1115",
        title: "it is not known whether disks of new are healthy (SMART)",
        severity: Severity::Note,
        absolute: false,
        why: "a disk that is about to fail would be found only when it does. replant asks smartctl (7.0 or newer); \
              a RAID controller may hide what a disk says, and a sleeping disk is not woken.",
        remedy: "{{install smartctl}} in new's rescue system if smartctl is missing, then `replant plan` \
              again; or ask the controller's own tool.",
        check: Check::Facts(health_unknown),
    },
];

fn label(block: &Block) -> String {
    block.serial.as_ref().map_or(block.path.clone(), |serial| format!("{} ({serial})", block.path))
}

fn failing(block: &Block) -> bool {
    block.health.as_ref().is_some_and(|health| !health.passed)
}

fn new_disk_failing(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    found(plan, facts)
        .filter(|(_, block)| failing(block))
        .map(|(disk, block)| {
            Hit::new(
                format!("disk `{}` of new, {}, is about to fail (SMART)", *disk.name, label(block)),
                format!("look with `smartctl --all {}` on new, and have it replaced", block.path),
            )
            .at(disk.name.span())
        })
        .collect()
}

fn health_unknown(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    // what a host lends to its guest has no health of its own
    let lent = |block: &Block| {
        let driver = |driver: &String| ["virtio", "xen", "hv_", "vmw_"].iter().any(|start| driver.starts_with(start));
        let model = |model: &String| ["QEMU", "VMware", "VBOX", "Virtual"].iter().any(|word| model.contains(word));
        block.drivers.iter().any(driver) || block.model.as_ref().is_some_and(model)
    };
    let silent = found(plan, facts).filter(|(_, block)| block.health.is_none() && !lent(block));
    let silent: Vec<String> = silent.map(|(disk, block)| format!("`{}` ({})", *disk.name, block.path)).collect();
    if silent.is_empty() {
        return Vec::new();
    }
    let hit = Hit::new(
        format!("the health (SMART) of disks of new is not known: {}", silent.join(", ")),
        format!(
            "`{}` on new if smartctl is missing, then `replant plan` again; or ask the controller's own tool",
            facts.new.family().installer.install("smartctl")
        ),
    );
    vec![hit.of("new: health of disks")]
}

fn old_disk_failing(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let failing = facts.old.blocks.iter().filter(|block| failing(block));
    failing
        .map(|block| {
            Hit::new(
                format!("disk {} of old is about to fail (SMART)", label(block)),
                format!("have a fresh backup before you begin; `smartctl --all {}` on old says more", block.path),
            )
            .of(format!("old: health of {}", block.path))
        })
        .collect()
}

fn unreadable(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let old = facts.old.blocks.iter().map(|block| ("old", block));
    let new = found(plan, facts).map(|(_, block)| ("new", block));
    old.chain(new)
        .filter_map(|(name, block)| Some((name, block, block.health.as_ref()?.unreadable)))
        .filter(|(_, _, sectors)| *sectors > 0)
        .map(|(name, block, sectors)| {
            Hit::new(
                format!("disk {} of {name} could not read {sectors} sectors", label(block)),
                format!("`smartctl --all {}` on {name} says more; replace it if the number grows", block.path),
            )
            .of(format!("{name}: health of {}", block.path))
        })
        .collect()
}
