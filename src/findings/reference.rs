//! The rules as text: one for `replant explain`, all of them for `docs/findings.md`.

use super::{Rule, rules};
use crate::plan::DIAGNOSTICS;

const GROUPS: &[(&str, &str)] = &[
    ("R10", "The servers and their tools"),
    ("R11", "Disks and arrays"),
    ("R12", "LVM: groups, volumes, swap"),
    ("R13", "What boots, and the names in its files"),
    ("R14", "The network"),
    ("R15", "Time and the link"),
    ("R19", "Waivers, and other migrations"),
];

const HEAD: &str = "# Findings

What `replant plan` may find in a plan and two servers, before anything is changed. An *inhibitor* stops the migration; a
*warning* and a *note* do not. Each can be accepted by its code under `waive:` in the plan, with a reason, which is kept in the
runbook and in the journal; but not an inhibitor past which the migration would certainly destroy something, or fail: of these
it says *cannot be waived*. `replant explain CODE` prints one of these entries.

Written by `SNAPSHOTS=overwrite cargo test --test findings` from the rules in `src/findings`; do not edit it.
";

/// One rule, for people.
pub(crate) fn entry(rule: &Rule) -> String {
    let (why, remedy) = (sentence(&rule.why()), sentence(&rule.remedy()));
    format!("{} {}: {}\n\nWhy: {why}\n\nWhat to do: {remedy}", rule.code, weight(rule), rule.title())
}

/// How much it matters: `warning`, `inhibitor, cannot be waived`
fn weight(rule: &Rule) -> String {
    format!("{}{}", rule.severity.word(), if rule.absolute { ", cannot be waived" } else { "" })
}

/// All rules, as Markdown.
pub fn reference() -> String {
    let mut text = HEAD.to_string();
    for (prefix, title) in GROUPS {
        text += &format!("\n## {title}\n");
        for rule in rules().into_iter().filter(|rule| rule.code.starts_with(prefix)) {
            text += &format!("\n### {}: {}\n\n", rule.code, rule.title());
            text += &format!("*{}.* {}\n\n", sentence(&weight(rule)), sentence(&rule.why()));
            text += &format!("**What to do:** {}\n", sentence(&rule.remedy()));
        }
    }
    text +=
        "\n## What `replant validate` says of a plan\n\nEach is shown with its place in the file and with help.\n\n";
    for (code, what) in DIAGNOSTICS {
        text += &format!("- {code}: {what}\n");
    }
    text
}

/// With a capital.
fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or(String::new(), |first| first.to_uppercase().chain(rest).collect())
}
