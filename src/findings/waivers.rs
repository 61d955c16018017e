//! Waivers of the plan that do nothing.

use super::{Check, Hit, Rule, Severity};
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
        check: Check::Waivers(unknown),
    },
    Rule {
        code: "R1902",
        title: "a waiver that nothing needs",
        severity: Severity::Warning,
        absolute: false,
        why: "it would hide the finding, unread, if it appeared later.",
        remedy: "remove it from the plan.",
        check: Check::Waivers(idle),
    },
    Rule {
        code: "R1903",
        title: "a waiver of what cannot be waived",
        severity: Severity::Warning,
        absolute: false,
        why: "it waives nothing: past that inhibitor the migration would certainly destroy something, or fail.",
        remedy: "remove it from the plan, and do what the finding says.",
        check: Check::Waivers(futile),
    },
];

fn unknown(plan: &Plan, _: &Facts, rules: &[&Rule]) -> Vec<Hit> {
    let known: Vec<&str> = rules.iter().map(|rule| rule.code).collect();
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

fn idle(plan: &Plan, facts: &Facts, rules: &[&Rule]) -> Vec<Hit> {
    let idle = plan.waive.iter().filter(|waiver| {
        let rule = rules.iter().find(|rule| *rule.code == **waiver.code && !rule.absolute);
        // those of waivers would never end here, and what is found later is not known yet
        let Some(Rule { check: Check::Facts(check), .. }) = rule else { return false };
        let meant = |hit: Hit| rule.is_some_and(|rule| rule.finding(hit).is_waived_by(waiver, plan));
        !check(plan, facts).into_iter().any(meant)
    });
    idle.map(|waiver| {
        Hit::new(
            match &waiver.on {
                None => format!("the plan waives `{}`, which was not found", *waiver.code),
                Some(on) => format!("the plan waives `{}` of {}, and it was not found there", *waiver.code, **on),
            },
            "remove the waiver: it would hide the finding if it came up later",
        )
        .at(waiver.code.span())
    })
    .collect()
}

fn futile(plan: &Plan, _: &Facts, rules: &[&Rule]) -> Vec<Hit> {
    let absolute: Vec<&str> = rules.iter().filter(|rule| rule.absolute).map(|rule| rule.code).collect();
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

#[cfg(test)]
mod tests {
    use crate::findings::{Finding, Hit, find, finding};
    use crate::plan::{self, Plan};

    fn plan(waive: &str) -> Plan {
        let text = std::fs::read_to_string("plans/lab.yaml").unwrap() + waive;
        plan::parse("lab.yaml", &text).unwrap_or_else(|bad| panic!("{bad}")).plan
    }

    fn of_disk(name: &str, path: &str) -> Finding {
        finding("R1107", Hit::new(format!("disk `{name}` ({path}) holds data: a table. See it"), "wipe it"))
    }

    #[test]
    fn a_waiver_of_one_thing_covers_that_thing_only() {
        for (on, covers, not) in [
            ("disk a", of_disk("a", "/dev/sdb"), of_disk("b", "/dev/sda")),
            ("a", of_disk("a", "/dev/sdb"), of_disk("aa", "/dev/sdc")),
            ("sdb", of_disk("a", "/dev/sdb"), of_disk("b", "/dev/sdb1")),
            ("/dev/sdb", of_disk("a", "/dev/sdb"), of_disk("b", "/dev/sdba")),
        ] {
            let plan = plan(&format!("\nwaive: [{{ code: R1107, on: {on}, reason: spare }}]\n"));
            assert!(covers.clone().waived_by(&plan).waived.is_some(), "{on}");
            assert!(not.clone().waived_by(&plan).waived.is_none(), "{on} is not all of them");
        }
        let all = plan("\nwaive: [{ code: R1107, reason: spare }]\n");
        assert!(of_disk("b", "/dev/sdb").waived_by(&all).waived.is_some());
        let fact = finding("R1310", Hit::new("a line", "").of("old: /etc/fstab, line 5"));
        let plan_of = |on: &str| plan(&format!("\nwaive: [{{ code: R1310, on: '{on}', reason: spare }}]\n"));
        assert!(fact.clone().waived_by(&plan_of("/etc/fstab, line 5")).waived.is_some());
        assert!(fact.clone().waived_by(&plan_of("/etc/fstab")).waived.is_some());
        assert!(fact.clone().waived_by(&plan_of("/etc/fstab, line 55")).waived.is_none());
        assert!(fact.waived_by(&plan_of("/etc")).waived.is_none());
    }

    /// As many as there are things; the same one twice is a slip.
    #[test]
    fn one_for_each_thing() {
        let two = plan("\nwaive: [{ code: R1107, on: disk a, reason: x }, { code: R1107, on: disk b, reason: y }]\n");
        assert_eq!(two.waive.len(), 2);
        let text = std::fs::read_to_string("plans/lab.yaml").unwrap();
        let twice = "\nwaive: [{ code: R1107, on: disk a, reason: x }, { code: R1107, on: disk a, reason: y }]\n";
        assert!(plan::parse("lab.yaml", &(text + twice)).is_err());
    }

    #[test]
    fn a_waiver_of_a_thing_at_which_nothing_is_found_is_told() {
        let facts = serde_json::from_str(&std::fs::read_to_string("tests/facts/lab-full.json").unwrap()).unwrap();
        let idle = plan("\nwaive: [{ code: R1107, on: disk a, reason: spare }]\n");
        let found = find(&idle, &facts);
        let told = found.iter().find(|finding| finding.code == "R1902").unwrap();
        assert!(told.message.contains("waives `R1107` of disk a, and it was not found there"), "{}", told.message);
    }
}
