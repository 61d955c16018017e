//! What a schema cannot say: the rules between the parts of a plan, one function each.
//!
//! They look at the plan alone. What needs the servers is a finding.

use std::collections::HashMap;
use std::hash::Hash;

use super::diagnostics::Diagnostic;
use super::source::At;
use super::{Array, Partition, Plan, words};

mod layout;
mod servers;
mod volumes;

type Found = Vec<Diagnostic>;

/// In the order of a plan; the remarks are sorted by line in the end.
const RULES: &[fn(&Plan, &mut Found)] = &[
    servers::two_servers_at_one_address,
    servers::commands_without_a_program,
    servers::secrets_of_the_wrong_kind,
    servers::sudo_and_root,
    layout::names_given_twice,
    layout::disks_without_identity,
    layout::one_disk_under_two_names,
    layout::unknown_disks,
    layout::unknown_partitions,
    layout::unknown_stores,
    layout::disks_without_the_partition,
    layout::partitions_in_two_arrays,
    layout::partitions_that_stand_alone,
    layout::stores_with_two_uses,
    layout::members_for_the_level,
    layout::rest_comes_last,
    layout::sizes_that_cannot_be,
    layout::limits_of_the_table,
    layout::boot_array_is_raid1,
    volumes::volumes_given_twice,
    volumes::growth_that_cannot_be,
    volumes::groups_that_move_nothing,
    volumes::transfer_settings,
    volumes::units_given_twice,
    volumes::waivers_without_reason,
    // Last: it holds its tongue if there are faults.
    layout::things_without_use,
];

pub(super) fn check(plan: &Plan) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    RULES.iter().for_each(|rule| rule(plan, &mut found));
    found
}

/// Each value that was there before, with the first.
fn twice<'a, T: Eq + Hash + 'a>(values: impl IntoIterator<Item = &'a At<T>>) -> Vec<(&'a At<T>, &'a At<T>)> {
    let mut first: HashMap<&T, &At<T>> = HashMap::new();
    let mut found = Vec::new();
    for value in values {
        match first.get(&**value) {
            Some(before) => found.push((*before, value)),
            None => _ = first.insert(value, value),
        }
    }
    found
}

/// A name that is declared nowhere: the one probably meant is shown where it is declared.
fn undeclared<'a>(
    code: &'static str,
    what: &str,
    name: &At<String>,
    declared: impl IntoIterator<Item = &'a At<String>>,
    found: &mut Found,
) {
    let declared: Vec<&At<String>> = declared.into_iter().collect();
    if declared.contains(&name) {
        return;
    }
    let names: Vec<&str> = declared.iter().map(|name| name.as_str()).collect();
    let mut diagnostic =
        Diagnostic::error(code, format!("{what} `{name}` is not declared")).on(name, format!("no such {what}"));
    let meant = words::suggest(name, &names);
    if let Some(meant) = declared.iter().find(|declared| Some(declared.as_str()) == meant) {
        diagnostic = diagnostic.and(meant, "declared here").help(format!("did you mean `{meant}`?"));
    } else if !names.is_empty() {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        diagnostic = diagnostic.help(format!("declared are {}", names.join(", ")));
    }
    found.push(diagnostic);
}

/// The partition that is wanted where data goes to no array.
fn alone<'a>(plan: &'a Plan, to: &At<String>) -> Option<&'a Partition> {
    let array = plan.arrays.iter().any(|array| array.name == *to);
    plan.partitions.iter().find(|partition| !array && partition.name == *to)
}

/// The disks that have a partition: those of its list, or all.
fn disks_of<'a>(plan: &'a Plan, partition: &'a Partition) -> Vec<&'a str> {
    match &partition.disks {
        Some(disks) => disks.iter().map(|disk| disk.as_str()).collect(),
        None => plan.disks.iter().map(|disk| disk.name.as_str()).collect(),
    }
}

/// The disks whose partition is a member of an array: those of its list, or all that have the partition.
fn members_of<'a>(plan: &'a Plan, array: &'a Array) -> Vec<&'a str> {
    match (&array.disks, plan.partitions.iter().find(|partition| partition.name == array.partitions)) {
        (Some(disks), _) => disks.iter().map(|disk| disk.as_str()).collect(),
        (None, Some(partition)) => disks_of(plan, partition),
        (None, None) => Vec::new(),
    }
}
