//! The network configuration, which travels along and must find the cards that it names.

use super::{Hit, Rule, Severity};
use crate::facts::Facts;
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1401",
        title: "old's address is not on a plain network card",
        severity: Severity::Warning,
        why: "new's card gets the name of old's, so that the configuration finds it. Which card that is cannot be told for \
              a bridge, a bond or a VLAN.",
        remedy: "make sure by hand that the network configuration names what new has.",
        check: no_plain_card,
    },
    Rule {
        code: "R1402",
        title: "old uses more than one network card",
        severity: Severity::Warning,
        why: "only the card with old's address gets its name back on new; the others may be called something else there.",
        remedy: "write .link files for the others into /etc/systemd/network of old (systemd.link(5)).",
        check: more_cards,
    },
];

fn no_plain_card(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    if crate::course::service_card(plan, facts).is_some() {
        return Vec::new();
    }
    vec![Hit::new(
        format!(
            "the address {} of old is not on a plain network card (a bridge, a bond, a VLAN?)",
            *plan.old.address
        ),
        "make sure by hand that the network configuration names what new has",
    )]
}

fn more_cards(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let used = facts.old.interfaces.iter().filter(|card| card.physical && !card.addresses.is_empty()).count();
    if used < 2 {
        return Vec::new();
    }
    vec![Hit::new(
        format!("old uses {used} network cards; only the one with its address gets its name back on new"),
        "write .link files for the others in /etc/systemd/network (systemd.link(5))",
    )]
}
