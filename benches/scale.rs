//! How the parts of `validate` and `plan` grow with the plan.
//!
//! `cargo bench --bench scale`; each number of volumes has a twentieth as many disks. Medians, on one core of a busy server of
//! 2 cores; in brackets as it was before lookups were made by maps, and the graph reduced without its closure:
//!
//! | volumes, disks     | 1 000, 50      | 3 000, 150      | 10 000, 500    |
//! |--------------------|----------------|-----------------|----------------|
//! | `validate`         | 5 ms (6 ms)    | 16 ms (16 ms)   | 59 ms (refused)|
//! | `findings`         | 10 ms (2.0 s)  | 41 ms (50 s)    | 200 ms         |
//! | `make_the_runbook` | 41 ms (92 ms)  | 160 ms (750 ms) | 450 ms         |
//! | `lint`             | 3.5 ms (23 ms) | 15 ms (220 ms)  | 61 ms          |
//! | `as_text`          | 29 ms (0.9 s)  | 92 ms (12 s)    | 340 ms         |
//! | `as_json`          | 92 ms (2.9 s)  | 290 ms (56 s)   | 1.0 s          |
//! | `as_dot`           | 9 ms (290 ms)  | 36 ms (2.5 s)   | 120 ms         |
//! | `as_mermaid`       | 5 ms (290 ms)  | 19 ms (2.4 s)   | 75 ms          |
//! | `as_svg`           | 150 ms (1.0 s) | 460 ms (7.7 s)  | 1.8 s          |
//!
//! What is left is memory asked for and given back: the JSON and the SVG of 10 000 volumes have some hundred thousand parts.

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
    bencher.bench(|| serde_json::to_string_pretty(&report::runbook_json(&book, None)).unwrap());
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
