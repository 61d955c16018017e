//! Another migration that has not ended: whoever reads its servers sees a half of each.

use super::{Check, Finding, Hit, Rule, Severity};
use crate::facts::{Facts, under_way};
use crate::plan::Plan;

/// Told before all others: many of them are only its consequences.
pub(crate) const UNDER_WAY: &str = "R1904";

pub(super) const RULES: &[Rule] = &[Rule {
    code: UNDER_WAY,
    title: "another migration is under way on these servers",
    severity: Severity::Inhibitor,
    absolute: true,
    why: "the servers keep which migration works on them, and refuse the acts of any other. What else is found here may be its \
          work: mirrors, disks of new that are in use, addresses.",
    remedy: "resume it, or roll it back, in the directory that is named, on the machine where that is (`--dir`). Only if that \
             directory is lost permanently: undo by hand what the migration has changed (`lvs -a -o +devices` on old shows its \
             mirrors, `iscsiadm -m session` its sessions), and then remove `/run/replant/seen` and `/var/lib/replant/seen` on both \
             servers.",
    check: Check::Facts(another),
}];

/// The first that is found, where there is one.
pub(crate) fn under_way(plan: &Plan, facts: &Facts) -> Option<Finding> {
    another(plan, facts).into_iter().next().map(|hit| Finding::of(RULES, UNDER_WAY, hit))
}

fn another(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let mut marks: Vec<_> = [("old", &facts.old), ("new", &facts.new)]
        .into_iter()
        .flat_map(|(name, server)| server.under_way.iter().map(move |mark| (name, mark)))
        .collect();
    let mut hits = Vec::new();
    while let Some(id) = marks.first().map(|(_, mark)| mark.id.clone()) {
        let of_one: Vec<_> = marks.extract_if(.., |(_, mark)| mark.id == id).collect();
        let on = of_one.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" and ");
        let (_, mark) = of_one.into_iter().max_by_key(|(_, mark)| (mark.line, mark.at)).expect("it has an id");
        let when = |time: jiff::Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let go_on = match under_way::commands(mark) {
            Some([apply, rollback]) => format!("go on there: `{apply}`; or go back: `{rollback}`"),
            None => "go on there, or go back".into(),
        };
        let message = format!(
            "migration `{}` is under way on {on}: begun {}, last worked on by {} in `{}` at {}",
            mark.migration,
            when(mark.made),
            mark.by,
            mark.dir,
            when(mark.at)
        );
        let help = format!("{go_on}. Only if that directory is lost for good: `replant explain {UNDER_WAY}`");
        hits.push(Hit::new(message, help).of(format!("{on}: what replant keeps there")));
    }
    hits
}
