//! What a schema cannot say: the rules between the parts of a plan, one function each.
//!
//! They look at the plan alone. What needs the servers is a finding.

use super::Plan;
use super::diagnostics::Diagnostic;
use ask::{Found, alone, disks_of, members_of, twice, undeclared};

mod ask;
mod layout;
mod servers;
mod volumes;

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
    volumes::dead_man_in_time,
    volumes::rate,
    volumes::used_by_mirrors,
    volumes::verify_without_a_way_back,
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
