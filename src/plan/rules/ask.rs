//! What several rules ask of a plan.

use std::collections::HashMap;
use std::hash::Hash;

use crate::plan::diagnostics::Diagnostic;
use crate::plan::source::At;
use crate::plan::{Array, Partition, Plan, words};

pub(super) type Found = Vec<Diagnostic>;

/// Each value that was there before, with the first.
pub(super) fn twice<'a, T: Eq + Hash + 'a>(
    values: impl IntoIterator<Item = &'a At<T>>,
) -> Vec<(&'a At<T>, &'a At<T>)> {
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
pub(super) fn undeclared<'a>(
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
pub(super) fn alone<'a>(plan: &'a Plan, to: &At<String>) -> Option<&'a Partition> {
    let array = plan.arrays.iter().any(|array| array.name == *to);
    plan.partitions.iter().find(|partition| !array && partition.name == *to)
}

/// The disks that have a partition: those of its list, or all.
pub(super) fn disks_of<'a>(plan: &'a Plan, partition: &'a Partition) -> Vec<&'a str> {
    match &partition.disks {
        Some(disks) => disks.iter().map(|disk| disk.as_str()).collect(),
        None => plan.disks.iter().map(|disk| disk.name.as_str()).collect(),
    }
}

/// The disks whose partition is a member of an array: those of its list, or all that have the partition.
pub(super) fn members_of<'a>(plan: &'a Plan, array: &'a Array) -> Vec<&'a str> {
    match (&array.disks, plan.partitions.iter().find(|partition| partition.name == array.partitions)) {
        (Some(disks), _) => disks.iter().map(|disk| disk.as_str()).collect(),
        (None, Some(partition)) => disks_of(plan, partition),
        (None, None) => Vec::new(),
    }
}
