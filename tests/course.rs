//! The course over recorded facts: plan + facts -> runbook.

use replant::{course, facts::Facts, findings, plan, runbook};

fn lab_facts() -> Facts {
    let text = std::fs::read_to_string("tests/facts/lab-full.json").unwrap();
    serde_json::from_str(&text).unwrap()
}

fn lab_plan() -> plan::Loaded {
    plan::load(std::path::Path::new("tests/runbooks/lab.yaml")).unwrap_or_else(|bad| panic!("{}", bad.render(false)))
}

#[test]
fn the_lab_pair_has_nothing_in_the_way() {
    let loaded = lab_plan();
    let found = findings::find(&loaded.plan, &lab_facts());
    let stops: Vec<_> = found.iter().filter(|finding| finding.stops()).collect();
    assert!(stops.is_empty(), "{stops:#?}");
}

#[test]
fn the_runbook_holds_and_survives_a_file() {
    let loaded = lab_plan();
    let book = course::make(&loaded.plan, &loaded.digest, &lab_facts()).unwrap();
    assert_eq!(runbook::lint(&book.nodes), []);
    let json = serde_json::to_string(&book).unwrap();
    let back: course::Runbook = serde_json::from_str(&json).unwrap();
    assert_eq!(back.nodes, book.nodes);
    for node in &book.nodes {
        println!(
            "{:8} {:9} {:24} {}  [until {:?}]",
            node.stage.to_string(),
            format!("{:?}", node.on),
            node.id.0,
            node.step.as_step().title(),
            node.until.as_ref().map(|u| &u.0)
        );
    }
}
