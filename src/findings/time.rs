//! What the forecast finds once the runbook is made: how long it will take, and whether the link is open. Kept here so that
//! every code is in one list.

use super::{Hit, Rule, Severity};
use crate::facts::Facts;
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1501",
        title: "the downtime will be longer than its budget",
        severity: Severity::Warning,
        why: "by what was measured and what such steps take, services will be down for longer than the plan allows.",
        remedy: "raise `cutover.downtime_budget`, or shorten what takes longest.",
        check: by_the_forecast,
    },
    Rule {
        code: "R1502",
        title: "old cannot connect to new's iSCSI port",
        severity: Severity::Warning,
        why: "new's disks will be offered at that port, and something between the two does not let old in.",
        remedy: "let old in there, in new's firewall and in what is between them, or name another `transfer.iscsi.port`.",
        check: by_the_forecast,
    },
];

fn by_the_forecast(_: &Plan, _: &Facts) -> Vec<Hit> {
    Vec::new()
}
