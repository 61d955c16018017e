//! How the parts of `validate` and `plan` grow with the plan.
//!
//! `cargo bench --bench scale`; each number of volumes has a twentieth as many disks.

#[path = "../tests/made/mod.rs"]
mod made;

use divan::{Bencher, black_box};
use replant::course::{self, Runbook};
use replant::facts::Facts;
use replant::plan::{self, Loaded};
use replant::{findings, report, runbook};

const VOLUMES: [usize; 3] = [1_000, 3_000, 10_000];

fn main() {
    divan::main();
}

fn pair(volumes: usize) -> (Loaded, Facts) {
    let loaded = made::plan(volumes / 20, volumes);
    let facts = made::facts(&loaded.plan);
    (loaded, facts)
}

fn book(volumes: usize) -> Runbook {
    let (loaded, facts) = pair(volumes);
    make(&loaded, &facts)
}

fn make(loaded: &Loaded, facts: &Facts) -> Runbook {
    course::make(&loaded.plan, &loaded.digest, facts).unwrap_or_else(|found| panic!("{found:#?}"))
}

/// What `replant validate` does: parser, schema, rules.
#[divan::bench(args = VOLUMES)]
fn validate(bencher: Bencher, volumes: usize) {
    let text = made::text(volumes / 20, volumes);
    bencher.bench(|| plan::parse("made.yaml", black_box(&text)).is_ok());
}

#[divan::bench(args = VOLUMES)]
fn findings(bencher: Bencher, volumes: usize) {
    let (loaded, facts) = pair(volumes);
    bencher.bench(|| findings::find(&loaded.plan, &facts));
}

#[divan::bench(args = VOLUMES)]
fn make_the_runbook(bencher: Bencher, volumes: usize) {
    let (loaded, facts) = pair(volumes);
    bencher.bench(|| make(&loaded, &facts));
}

#[divan::bench(args = VOLUMES)]
fn lint(bencher: Bencher, volumes: usize) {
    let book = book(volumes);
    bencher.bench(|| runbook::lint(&book.nodes));
}

#[divan::bench(args = VOLUMES)]
fn as_text(bencher: Bencher, volumes: usize) {
    let book = book(volumes);
    bencher.bench(|| report::runbook(&book));
}

#[divan::bench(args = VOLUMES)]
fn as_json(bencher: Bencher, volumes: usize) {
    let book = book(volumes);
    bencher.bench(|| report::runbook_json(&book).to_string());
}

#[divan::bench(args = VOLUMES)]
fn as_dot(bencher: Bencher, volumes: usize) {
    let book = book(volumes);
    bencher.bench(|| report::graph::dot(&book));
}

#[divan::bench(args = VOLUMES)]
fn as_mermaid(bencher: Bencher, volumes: usize) {
    let book = book(volumes);
    bencher.bench(|| report::graph::mermaid(&book));
}

#[divan::bench(args = VOLUMES)]
fn as_svg(bencher: Bencher, volumes: usize) {
    let book = book(volumes);
    bencher.bench(|| report::graph::svg(&book));
}
