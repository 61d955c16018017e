//! What is found of power: each fires where it should, and is silent where nothing is wrong.

use replant::facts::Facts;
use replant::findings::{self, Finding, Severity, Tried};
use replant::plan::{self, Loaded};

fn facts() -> Facts {
    let text = std::fs::read_to_string(format!("{}/tests/facts/lab-full.json", env!("CARGO_MANIFEST_DIR"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn lab(waive: &str) -> Loaded {
    let text = std::fs::read_to_string(format!("{}/tests/runbooks/lab.yaml", env!("CARGO_MANIFEST_DIR"))).unwrap();
    plan::parse("lab.yaml", &format!("{text}\n{waive}")).unwrap_or_else(|bad| panic!("{}", bad.render(false)))
}

#[test]
fn a_power_control_that_does_not_work() {
    let loaded = lab("");
    let of = |old, new| findings::of_power(&loaded.plan, &old, &new);
    assert_eq!(of(Tried::Works, Tried::Works), []);
    let fails = || Tried::Fails("power control of old: `ipmitool` exited with 1: password invalid".into());
    let found = of(fails(), Tried::SaysOff);
    let codes: Vec<&str> = found.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["R1503", "R1504"]);
    assert!(found.iter().all(Finding::stops));
    assert!(found[0].message.contains("password invalid") && found[0].help.contains("`old.power`"), "{found:?}");
    assert!(found[1].message.contains("of new says `off`") && found[1].help.contains("`new.power`"), "{found:?}");
    assert!(loaded.source.place(found[1].span.unwrap()).line > loaded.source.place(found[0].span.unwrap()).line);
}

#[test]
fn a_person_may_answer_for_it() {
    let loaded = lab("waive: [{ code: R1503, reason: I stand beside it }]");
    let found = findings::of_power(&loaded.plan, &Tried::Fails("no".into()), &Tried::Works);
    assert_eq!(found[0].waived.as_deref(), Some("I stand beside it"));
    assert!(!found[0].stops());
    // and nobody calls it idle, while nothing has been asked
    let found = findings::find(&loaded.plan, &facts());
    assert!(found.iter().all(|finding| finding.code != "R1902"), "{found:?}");
}

#[test]
fn machines_that_nothing_tells_apart() {
    let plan = lab("").plan;
    let alike = |facts: &Facts| {
        let found = findings::find(&plan, facts).into_iter().filter(|finding| finding.code == "R1505");
        found.map(|finding| (finding.severity, finding.message)).collect::<Vec<_>>()
    };
    assert_eq!(alike(&facts()), []);
    let mut nameless = facts();
    nameless.old.machine = None;
    for block in &mut nameless.old.blocks {
        (block.serial, block.wwn) = (None, None);
    }
    let found = alike(&nameless);
    assert!(matches!(found.as_slice(), [(Severity::Warning, text)] if text.starts_with("old has no")), "{found:?}");
    // a UUID that many machines have is none; one of its own is enough
    for (old, new, count) in [
        ("00000000-0000-0000-0000-000000000000", "4c4c4544-0031-3010-8053-b2c04f4d5932", 1),
        ("4c4c4544-0031-3010-8053-b2c04f4d5932", "4c4c4544-0031-3010-8053-b2c04f4d5932", 1),
        ("4c4c4544-0031-3010-8053-b2c04f4d5931", "4c4c4544-0031-3010-8053-b2c04f4d5932", 0),
    ] {
        nameless.old.machine = Some(old.into());
        nameless.new.machine = Some(new.into());
        assert_eq!(alike(&nameless).len(), count, "{old} {new}");
    }
}
