//! What is wrong or noteworthy in plan and facts: rules over both, one function for each.
//!
//! A rule is an entry of a table in the room of its topic: a code that never changes, how much it matters, why, and what to
//! do about it in general. `docs/findings.md` and `replant explain` are made of these entries.

mod below;
mod boot;
mod disks;
mod filesystems;
mod filters;
mod firstboot;
mod fstab;
mod groups;
mod health;
mod held;
mod holders;
mod in_use;
mod lasting;
mod memory;
mod names;
mod naming;
mod network;
mod power;
mod reference;
mod refused;
mod room;
mod rule;
mod servers;
mod services;
mod time;
mod tools;
mod under_way;
mod volumes;
mod waivers;

use rayon::prelude::*;

use crate::facts::{Facts, Link};
use crate::plan::Plan;

pub use power::{Tried, of_power};
pub(crate) use reference::entry;
pub use reference::reference;
pub(crate) use refused::refused;
pub(crate) use rule::{Check, Hit};
pub use rule::{Finding, Rule, Severity};
pub(crate) use under_way::{UNDER_WAY, under_way};

/// Every room's rules.
const ROOMS: &[&[Rule]] = &[
    servers::RULES,
    services::RULES,
    tools::RULES,
    disks::RULES,
    health::RULES,
    holders::RULES,
    groups::RULES,
    below::RULES,
    filters::RULES,
    volumes::RULES,
    memory::RULES,
    boot::RULES,
    held::RULES,
    names::RULES,
    fstab::RULES,
    network::RULES,
    naming::RULES,
    lasting::RULES,
    filesystems::RULES,
    firstboot::RULES,
    time::RULES,
    power::RULES,
    waivers::RULES,
    under_way::RULES,
];

/// All rules, in the order of their codes.
pub fn rules() -> Vec<&'static Rule> {
    let mut all: Vec<&Rule> = ROOMS.iter().flat_map(|room| room.iter()).collect();
    all.sort_by_key(|rule| rule.code);
    all
}

/// Everything that the rules find in plan and facts, the worst first, with the plan's waivers applied.
pub fn find(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    finished(plan, by_the_rules(plan, facts))
}

/// As [`find`], and what is found of the way from old to new.
pub fn find_with_link(plan: &Plan, facts: &Facts, link: &Link) -> Vec<Finding> {
    let mut found = by_the_rules(plan, facts);
    found.extend(rules().into_iter().filter_map(|rule| match rule.check {
        Check::Link(check) => Some(rule.finding(check(plan, facts, link)?)),
        _ => None,
    }));
    finished(plan, found)
}

/// What is found now and was not before.
pub fn find_more(plan: &Plan, before: &Facts, now: &Facts) -> Vec<Finding> {
    let known = find(plan, before);
    let mut found = find(plan, now);
    // figures that change by themselves make no other finding of it
    let same = |one: &Finding, other: &Finding| {
        let words = |finding: &Finding| finding.message.replace(|char: char| char.is_ascii_digit(), "");
        (one.code, one.span, &one.fact) == (other.code, other.span, &other.fact) && words(one) == words(other)
    };
    found.retain(|finding| !known.iter().any(|known| same(known, finding)));
    found
}

fn by_the_rules(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let all = rules();
    let chosen = crate::layout::method(plan, facts);
    // a rule knows nothing of the others: each processor takes its share of them
    let found = |rule: &&'static Rule| {
        let hits = match rule.check {
            Check::Facts(check) => check(plan, facts),
            Check::Copied(method, check) if chosen == method => check(plan, facts),
            Check::Waivers(check) => check(plan, facts, &all),
            Check::Copied(..) | Check::Link(_) | Check::Power | Check::Forecast => Vec::new(),
        };
        hits.into_iter().map(|hit| rule.finding(hit))
    };
    all.par_iter().flat_map_iter(found).collect()
}

/// What the rule of this code says of `hit`, for rules whose findings come from above.
///
/// # Panics
/// Where there is no such rule: codes are written in the program, not read.
pub(crate) fn finding(code: &str, hit: Hit) -> Finding {
    let all = rules();
    all.iter().find(|rule| rule.code == code).expect("a rule for every code that is used").finding(hit)
}

fn finished(plan: &Plan, found: Vec<Finding>) -> Vec<Finding> {
    let mut all: Vec<Finding> = found.into_iter().map(|finding| finding.waived_by(plan)).collect();
    sort(&mut all);
    all
}

/// The worst first, and before it that another migration is under way: what follows may be its work.
pub(crate) fn sort(all: &mut [Finding]) {
    all.sort_by_key(|finding| (finding.code != UNDER_WAY, finding.severity, finding.code));
}
