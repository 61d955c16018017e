//! Time and the link: whether the data can follow what old writes, whether new can be reached, how long services are down.
//! These are found with the link, or by the forecast once the runbook is made; that every code is in one list, they have
//! their entries here.

use super::{Check, Hit, Rule, Severity};
use crate::facts::{Basis, Facts, Link, link};
use crate::layout::volumes;
use crate::plan::{CopyHow, Plan};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1406",
        title: "old writes nearly as fast as the network can carry",
        severity: Severity::Warning,
        absolute: false,
        why: "while the volumes are mirrored, every write also goes to new. If old writes more than the link \
              carries, the copy never ends, and old waits for the network. replant compares what old has written on \
              average since it was booted (busy hours are worse) with the measured rate of the link or, where it was \
              not measured, with the speed of the cards.",
        remedy: "copy in quiet hours, stop what writes most, or use faster cards (`transfer.iscsi.address` names new's address \
                 on another network).",
        check: Check::Link(writes_too_fast),
    },
    Rule {
        code: "R1501",
        title: "the estimated downtime is longer than its budget",
        severity: Severity::Warning,
        absolute: false,
        why: "by what was measured, and by how long such steps usually take, services will be down for longer than \
              the plan allows.",
        remedy: "raise `cutover.downtime_budget`, or shorten what takes longest.",
        check: Check::Forecast,
    },
    Rule {
        code: "R1502",
        title: "old cannot connect to new's iSCSI port",
        severity: Severity::Warning,
        absolute: false,
        why: "new's disks will be offered at that port, and something between the two servers blocks old.",
        remedy: "let old in, in new's firewall and in whatever is between them, or name another \
              `transfer.iscsi.port`.",
        check: Check::Link(blocked),
    },
];

fn writes_too_fast(plan: &Plan, facts: &Facts, link: &Link) -> Option<Hit> {
    let copied = volumes(plan, facts).filter(|(_, how, _)| !matches!(how, CopyHow::Skip | CopyHow::Recreate));
    let writes: u64 = copied.map(|(lv, ..)| lv.write_rate).sum();
    if link.basis == Basis::Assumed || writes * 2 < link.rate {
        return None;
    }
    let end = if writes < link.rate { "" } else { ": the copy would never end" };
    let message = format!(
        "old writes {} to the volumes that move, on average; the link carries {link}{end}",
        link::per_second(writes)
    );
    let help = "copy in quiet hours, stop what writes most, or use another network (`transfer.iscsi.address`)";
    Some(Hit::new(message, help).of("old: /proc/diskstats"))
}

fn blocked(plan: &Plan, _: &Facts, link: &Link) -> Option<Hit> {
    let why = link.blocked.as_ref()?;
    let port = &plan.transfer.iscsi.port;
    let message = format!("old cannot connect to port {} of new, where its disks will be offered: {why}", **port);
    let help = "let old in there, in new's firewall and in what is between them, or name another port";
    Some(Hit::new(message, help).at(port.span().or(plan.new.address.span())))
}
