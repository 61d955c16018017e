//! Power: whether both servers can be switched when the time comes, and whether what answers can be told apart. Power
//! controls are asked while the plan is made; what they say is no fact of a server, so these come with it.

use super::{Check, Finding, Hit, Rule, Severity};
use crate::facts::{self, Facts};
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1503",
        title: "a power control does not work",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "old is switched off, and new on, while services are down: a wrong password or a missing tool would be noticed \
              then. With a waiver, a person who is there is asked to do it by hand.",
        remedy: "run its `status` command by hand, and correct the plan: it must end with 0 and print a line with the word `on` \
                 (or `running`) or `off`. Or `power: { manual: {} }`, for a person who will be there.",
        check: Check::Power,
    },
    Rule {
        code: "R1504",
        title: "a power control says that a server is off, and the server answers",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "it controls another machine, or always says the same: it could not be believed when old must be off.",
        remedy: "correct the address in `power`, or its commands.",
        check: Check::Power,
    },
    Rule {
        code: "R1505",
        title: "nothing in its hardware distinguishes a server from the other one",
        severity: Severity::Warning,
        absolute: false,
        why: "old and the migrated new have the same name, address and host key. replant recognises which one \
              answers by the product UUID and the disks' serial numbers; if a server has none of its own, a mistake \
              about which one is off goes unnoticed.",
        remedy: "give virtual machines a UUID and their disks serial numbers; otherwise look twice when you are asked for power.",
        check: Check::Facts(alike),
    },
];

/// How a server will be switched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// its power control answers, and says that it is on; or a person does it
    Works,
    /// its power control answers, and says `off`: it may be that of another machine
    SaysOff,
    /// its power control could not be asked: why
    Fails(String),
}

/// What is found of both power controls, which were asked while both servers answered.
pub fn of_power(plan: &Plan, old: &Tried, new: &Tried) -> Vec<Finding> {
    let found = [("old", old, &plan.old.address), ("new", new, &plan.new.address)].into_iter().filter_map(
        |(server, tried, address)| {
            let (code, message, help) = match tried {
                Tried::Works => return None,
                Tried::SaysOff => (
                    "R1504",
                    format!("the power control of {server} says `off`, and {server} answers"),
                    format!("correct `{server}.power`: it is the control of another machine, or always says the same"),
                ),
                Tried::Fails(why) => (
                    "R1503",
                    why.trim().trim_end_matches('.').to_string(),
                    format!(
                        "run its `status` command by hand, and correct `{server}.power`; or `power: {{ manual: {{}} }}`, for a \
                         person who will be there"
                    ),
                ),
            };
            Some(Finding::of(RULES, code, Hit::new(message, help).at(address.span())))
        },
    );
    found.map(|finding| finding.waived_by(plan)).collect()
}

fn alike(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let [old, new] = facts::known_by_hardware(facts);
    [("old", old), ("new", new)]
        .into_iter()
        .filter(|(_, told)| !told)
        .map(|(server, _)| {
            Hit::new(
                format!("{server} has no product UUID and no disk with a serial number that the other server has not"),
                "give the virtual machine a UUID and its disks serial numbers; otherwise look twice when asked for power",
            )
            .of(format!("{server}: hardware"))
        })
        .collect()
}
