//! What the layout finds to be impossible, as findings: for the rules, and for whoever makes a runbook without asking them.

use super::in_use::used;
use super::rule::{Finding, Hit};
use super::{boot, disks, groups, volumes};
use crate::layout::{Missing, Unfit};
use crate::plan::Plan;

/// Why the plan cannot be laid out.
pub(crate) fn refused(plan: &Plan, why: Unfit) -> Vec<Finding> {
    match why {
        Unfit::Missing(missing) => of_missing(plan, &missing),
        Unfit::InUse(all) => all.iter().map(|one| Finding::of(volumes::RULES, "R1240", used(one))).collect(),
        Unfit::NoBoot => {
            let Some(said) = &plan.boot else { return Vec::new() };
            let hit = Hit::new(
                format!("{} is not a file system of its own, on one block device of old", *said.from),
                "leave `boot:` out where it travels with the volume that it is on",
            );
            vec![Finding::of(boot::RULES, "R1304", hit.at(said.from.span().or(said.to.span())))]
        }
    }
}

fn of_missing(plan: &Plan, missing: &Missing) -> Vec<Finding> {
    let disk = |at: &usize| {
        let name = &plan.disks[*at].name;
        let hit = Hit::new(format!("disk `{}` is not on new", **name), "correct its serial number");
        Finding::of(disks::RULES, "R1101", hit.at(name.span()))
    };
    let group = |at: &usize| {
        let name = &plan.volume_groups[*at].name;
        let hit = Hit::new(format!("there is no volume group `{}` on old", **name), "correct its name");
        Finding::of(groups::RULES, "R1201", hit.at(name.span()))
    };
    missing.disks.iter().map(disk).chain(missing.groups.iter().map(group)).collect()
}
