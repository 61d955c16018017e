//! Waivers of the plan that do nothing.

use super::{Hit, Rule, Severity, power, rules, time};
use crate::facts::Facts;
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1901",
        title: "a waiver of a code that does not exist",
        severity: Severity::Warning,
        absolute: false,
        why: "it waives nothing; perhaps another code was meant.",
        remedy: "correct the code: `docs/findings.md` lists them all.",
        check: unknown,
    },
    Rule {
        code: "R1902",
        title: "a waiver that nothing needs",
        severity: Severity::Warning,
        absolute: false,
        why: "it would hide the finding without anybody looking at it if it came up later.",
        remedy: "remove it from the plan.",
        check: idle,
    },
    Rule {
        code: "R1903",
        title: "a waiver of what cannot be waived",
        severity: Severity::Warning,
        absolute: false,
        why: "it waives nothing: past that inhibitor the migration would certainly destroy something, or fail.",
        remedy: "remove it from the plan, and do what the finding says.",
        check: futile,
    },
];

fn unknown(plan: &Plan, _: &Facts) -> Vec<Hit> {
    let known: Vec<&str> = rules().iter().map(|rule| rule.code).collect();
    let unknown = plan.waive.iter().filter(|waiver| !known.contains(&waiver.code.as_str()));
    unknown
        .map(|waiver| {
            Hit::new(
                format!("the plan waives `{}`, and there is no such finding", *waiver.code),
                "correct the code, or remove the waiver",
            )
            .at(waiver.code.span())
        })
        .collect()
}

fn idle(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    // those of waivers would never end here, and what is found later is not known yet
    let asked = |code: &str| {
        !code.starts_with("R19") && !time::RULES.iter().any(|rule| rule.code == code) && !power::LATER.contains(&code)
    };
    let others: Vec<_> = rules().into_iter().filter(|rule| asked(rule.code) && !rule.absolute).collect();
    let idle = plan.waive.iter().filter(|waiver| {
        others.iter().any(|rule| *rule.code == **waiver.code && (rule.check)(plan, facts).is_empty())
    });
    idle.map(|waiver| {
        Hit::new(
            format!("the plan waives `{}`, which was not found", *waiver.code),
            "remove the waiver: it would hide the finding if it came up later",
        )
        .at(waiver.code.span())
    })
    .collect()
}

fn futile(plan: &Plan, _: &Facts) -> Vec<Hit> {
    let absolute: Vec<&str> = rules().iter().filter(|rule| rule.absolute).map(|rule| rule.code).collect();
    let futile = plan.waive.iter().filter(|waiver| absolute.contains(&waiver.code.as_str()));
    futile
        .map(|waiver| {
            Hit::new(
                format!("the plan waives `{}`, and this cannot be waived", *waiver.code),
                "remove the waiver, and do what the finding says",
            )
            .at(waiver.code.span())
        })
        .collect()
}
