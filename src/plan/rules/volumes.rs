//! Rules about volumes, the transfer, the cutover and waivers.

use std::collections::BTreeSet;

use super::{Found, twice};
use crate::plan::diagnostics::Diagnostic;
use crate::plan::{Bytes, CopyHow, Duration, Grow, Method, Only, Plan, Verify, Waiver, codes, words};

const KIB: u64 = 1 << 10;
const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;

pub(super) fn volumes_given_twice(plan: &Plan, found: &mut Found) {
    for group in &plan.volume_groups {
        for (first, again) in twice(group.volumes.iter().flatten().map(|volume| &volume.name)) {
            found.push(
                Diagnostic::error(codes::DECLARED_TWICE, format!("volume `{}/{again}` is listed twice", group.name))
                    .on(again, "again here")
                    .and(first, "first listed here")
                    .help("keep one of them"),
            );
        }
    }
}

pub(super) fn growth_that_cannot_be(plan: &Plan, found: &mut Found) {
    for group in &plan.volume_groups {
        let mut rest = None;
        for volume in group.volumes.iter().flatten() {
            let Some(grow) = &volume.grow else { continue };
            let how = match *volume.copy {
                CopyHow::Recreate => Some("recreate"),
                CopyHow::Skip => Some("skip"),
                CopyHow::Auto | CopyHow::Mirror | CopyHow::Raid1 => None,
            };
            if let Some(how) = how {
                found.push(
                    Diagnostic::error(codes::GROW, format!("volume `{}/{}` cannot grow", group.name, volume.name))
                        .on(grow, "it is not copied, and there is no filesystem to grow")
                        .and(&volume.copy, format!("`{how}`"))
                        .help("remove `grow`, or copy the volume"),
                );
                continue;
            }
            match **grow {
                Grow::Rest => {
                    if let Some(first) = rest.replace(grow) {
                        found.push(
                            Diagnostic::error(
                                codes::GROW,
                                format!("two volumes of `{}` grow into the rest", group.name),
                            )
                            .on(grow, "nothing is left for it")
                            .and(first, "takes all that is free")
                            .help("give one of them a size: `+10GiB`, `200GiB`"),
                        );
                    }
                }
                Grow::By(0) | Grow::To(0) => {
                    let diagnostic = Diagnostic::error(
                        codes::GROW,
                        format!("volume `{}/{}` would grow by nothing", group.name, volume.name),
                    );
                    found.push(diagnostic.on(grow, "no bytes").help("remove `grow`, or write how much"));
                }
                Grow::By(bytes) | Grow::To(bytes) if bytes > 1024 * TIB => {
                    let diagnostic = Diagnostic::error(
                        codes::GROW,
                        format!("volume `{}/{}` cannot grow by {}", group.name, volume.name, Bytes(bytes)),
                    );
                    found.push(diagnostic.on(grow, "more than 1024TiB").help("is the unit right?"));
                }
                Grow::By(_) | Grow::To(_) => {}
            }
        }
    }
}

pub(super) fn groups_that_move_nothing(plan: &Plan, found: &mut Found) {
    for group in &plan.volume_groups {
        let Some(volumes) = &group.volumes else { continue };
        if !volumes.is_empty() && volumes.iter().all(|volume| *volume.copy == CopyHow::Skip) {
            found.push(
                Diagnostic::error(
                    codes::NOTHING_COPIED,
                    format!("nothing of volume group `{}` is copied", group.name),
                )
                .on(&group.name, "every volume of it is skipped")
                .help("remove the group from the plan, or copy a volume"),
            );
        }
    }
}

fn timeout(plan: &Plan, found: &mut Found) {
    let Some(timeout) = &plan.transfer.iscsi.replacement_timeout else { return };
    if timeout.as_secs() == 0 || timeout.as_secs() > 3600 {
        found.push(
            Diagnostic::error(codes::TRANSFER, "the replacement timeout is out of range")
                .on(timeout, "from 1s to 1h")
                .help("so long may a broken link hold up every write on old; 15s suits most"),
        );
    } else if timeout.as_secs() > 120 {
        found.push(
            Diagnostic::warning(
                codes::TRANSFER,
                format!("a broken link would hold up every write on old for {}", **timeout),
            )
            .on(timeout, "that long")
            .help("15s suits most"),
        );
    }
}

pub(super) fn transfer_settings(plan: &Plan, found: &mut Found) {
    let transfer = &plan.transfer;
    // lvmraid(7), lvconvert(8) --regionsize: a power of two, not smaller than a page.
    let region = transfer.region_size.0;
    if !region.is_power_of_two() || !(4 * KIB..=GIB).contains(&region) {
        found.push(
            Diagnostic::error(codes::TRANSFER, format!("the region size cannot be {}", *transfer.region_size))
                .on(&transfer.region_size, "a power of two from 4KiB to 1GiB")
                .help("2MiB suits most"),
        );
    }
    timeout(plan, found);
    if let Some(budget) = &plan.cutover.downtime_budget
        && **budget == Duration::from_secs(0)
    {
        let diagnostic = Diagnostic::error(codes::TRANSFER, "a downtime of nothing cannot be kept");
        found.push(
            diagnostic
                .on(budget, "no time at all")
                .help("the services stop for about a minute; write how long they may"),
        );
    }
}

/// A lost link is waited for 2 min: for all that time nothing is heard of replant, and it goes on.
pub(super) fn dead_man_in_time(plan: &Plan, found: &mut Found) {
    let dead_man = &plan.cutover.dead_man;
    let in_time = |seconds: u64| (180..=3600).contains(&seconds);
    if dead_man.seconds().is_some_and(|seconds| !in_time(seconds)) {
        found.push(
            Diagnostic::error(
                codes::TRANSFER,
                format!("services cannot come back by themselves after {}", **dead_man),
            )
            .on(dead_man, "from 3min to 1h, or off")
            .help("replant itself waits 2 min for a lost link; 5min suits most"),
        );
    }
}

/// md keeps to it; dm-mirror has no such measure for one mirror.
pub(super) fn rate(plan: &Plan, found: &mut Found) {
    let copy = &plan.copy;
    let Some(rate) = &copy.rate else { return };
    if rate.0 < MIB {
        found.push(
            Diagnostic::error(codes::TRANSFER, format!("at {} a second it would take for ever", **rate))
                .on(rate, "from 1MiB on")
                .help("bytes a second, for each volume: `copy: { rate: 40MiB }`"),
        );
    }
    if copy.method.as_ref().is_some_and(|method| **method == Method::Mirror) {
        found.push(
            Diagnostic::error(codes::TRANSFER, "LVM mirrors as fast as it can")
                .on(rate, "only with `method: below`")
                .help("`copy: { method: below, rate: 40MiB }`, or remove `rate`"),
        );
    }
}

/// A mirror of LVM has no list of what is left to copy that anybody could write to.
pub(super) fn used_by_mirrors(plan: &Plan, found: &mut Found) {
    let copy = &plan.copy;
    if *copy.only == Only::Used && copy.method.as_ref().is_some_and(|method| **method == Method::Mirror) {
        found.push(
            Diagnostic::error(codes::TRANSFER, "LVM mirrors whole volumes")
                .on(&copy.only, "only with `method: below`")
                .help("`copy: { method: below, only: used }`, or remove `only`"),
        );
    }
}

/// What starts services again where copies differ is what does where nobody is heard of.
pub(super) fn verify_without_a_way_back(plan: &Plan, found: &mut Found) {
    let (verify, dead_man) = (&plan.copy.verify, &plan.cutover.dead_man);
    if **verify != Verify::Off && dead_man.seconds().is_none() {
        found.push(
            Diagnostic::error(codes::TRANSFER, "nothing would start the services again where copies differ")
                .on(verify, "compared while the services are down")
                .and(dead_man, "nothing starts them by itself")
                .help("remove `dead_man: off`, or write `verify: off`"),
        );
    }
}

pub(super) fn units_given_twice(plan: &Plan, found: &mut Found) {
    let units = &plan.cutover.stop;
    for (index, unit) in units.iter().enumerate() {
        let same = |other: &&crate::plan::At<String>| words::full_unit_name(other) == words::full_unit_name(unit);
        if let Some(first) = units[..index].iter().find(same) {
            found.push(
                Diagnostic::error(codes::DECLARED_TWICE, format!("unit `{unit}` is listed twice"))
                    .on(unit, "again here")
                    .and(first, "first listed here")
                    .help("remove one"),
            );
        }
    }
}

pub(super) fn waivers_without_reason(plan: &Plan, found: &mut Found) {
    for waiver in &plan.waive {
        if waiver.reason.trim().is_empty() {
            found.push(
                Diagnostic::error(codes::REASON, format!("the waiver of `{}` gives no reason", waiver.code))
                    .on(&waiver.reason, "empty")
                    .help("say why it is accepted: the journal keeps it, and someone will read it"),
            );
        }
    }
    // one for everything, and one for each thing
    let thing = |waiver: &Waiver| waiver.on.as_ref().map(|on| on.to_string());
    let things: BTreeSet<Option<String>> = plan.waive.iter().map(thing).collect();
    let codes_of = |on| plan.waive.iter().filter(move |waiver| thing(waiver) == on).map(|waiver| &waiver.code);
    for (first, again) in things.into_iter().flat_map(|on| twice(codes_of(on))) {
        found.push(
            Diagnostic::error(codes::DECLARED_TWICE, format!("`{again}` is waived twice"))
                .on(again, "again here")
                .and(first, "first waived here")
                .help("keep one of them"),
        );
    }
}
