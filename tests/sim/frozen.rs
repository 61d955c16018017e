//! What was saved once can be read and carried out for ever.

use replant::course::{self, Runbook};
use replant::engine::{self, Options};
use replant::facts;
use replant::journal::{Header, Journal};
use replant::plan;
use replant::sim::{Sim, System};
use replant::step::StepKind;
use std::sync::atomic::AtomicU8;

/// A runbook as the first format was written, of `plans/lab.yaml` and a simulated pair. It is never edited.
const V1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/format/v1/runbook.json");

#[test]
fn a_runbook_of_format_1_is_read_and_applied() {
    let runbook: Runbook = serde_json::from_str(&std::fs::read_to_string(V1).unwrap()).unwrap();
    assert_eq!((runbook.format, runbook.name.as_str()), (1, "srv1"));
    assert!(runbook.nodes.len() > 80);
    // what were roles of a job are steps of their own
    let jobs = runbook.nodes.iter().filter(|node| matches!(node.step, StepKind::Job(_)));
    assert_eq!(jobs.map(|node| node.id.0.as_str()).collect::<Vec<_>>(), ["copy-boot", "tidy", "finish-boot"]);
    let sim = Sim::from_plan(&runbook.plan, Some(&runbook.facts));
    let stop = AtomicU8::new(0);
    let options = Options { parallelism: 1, poll: std::time::Duration::ZERO, ..Options::new(&stop) };
    let mut journal = Journal::nowhere(Header::new(&runbook.name, ""));
    if let Err(stopped) = engine::apply(&runbook.nodes, &mut journal, &sim, &options, &|_| {}) {
        panic!("{:?}: {stopped}", stopped.step);
    }
    let world = sim.world();
    assert!(!world.old.on);
    assert_eq!(world.new.system, System::Own);
}

/// Writes that file, once: a format that is new gets a directory of its own.
#[test]
#[ignore = "writes tests/format"]
fn freeze() {
    assert!(!std::path::Path::new(V1).exists(), "{V1} is never written again");
    let plan = plan::load(concat!(env!("CARGO_MANIFEST_DIR"), "/plans/lab.yaml").as_ref()).unwrap();
    let sim = Sim::from_plan(&plan.plan, None);
    let runbook = course::make(&plan.plan, &plan.digest, &facts::both(&sim).unwrap()).unwrap();
    std::fs::write(V1, serde_json::to_string_pretty(&runbook).unwrap() + "\n").unwrap();
}
