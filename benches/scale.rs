//! How the parts of `validate` and `plan` grow with the plan.
//!
//! `cargo bench --bench scale`; each number of volumes has a twentieth as many disks. Medians, on a quiet server of 2 cores
//! (findings and SVG use both); in brackets as it was before lookups were made by maps, and the graph reduced without its closure:
//!
//! | volumes, disks        | 1 000, 50      | 3 000, 150      | 10 000, 500    |
//! |-----------------------|----------------|-----------------|----------------|
//! | `plan_in_all`         | 45 ms          | 140 ms          | 610 ms         |
//! | `plan_in_all_as_json` | 60 ms          | 200 ms          | 800 ms         |
//! | `validate`            | 5 ms (6 ms)    | 16 ms (16 ms)   | 56 ms (refused)|
//! | `findings`            | 5 ms (2.0 s)   | 17 ms (50 s)    | 80 ms          |
//! | `make_the_runbook`    | 14 ms (92 ms)  | 50 ms (750 ms)  | 210 ms         |
//! | `lint`                | 1 ms (23 ms)   | 3 ms (220 ms)   | 21 ms          |
//! | `outlook`             | 3 ms           | 10 ms           | 39 ms          |
//! | `as_text`             | 8 ms (0.9 s)   | 24 ms (12 s)    | 88 ms          |
//! | `as_json`             | 30 ms (2.9 s)  | 89 ms (56 s)    | 300 ms         |
//! | `as_dot`              | 9 ms (290 ms)  | 30 ms (2.5 s)   | 110 ms         |
//! | `as_mermaid`          | 5 ms (290 ms)  | 17 ms (2.4 s)   | 69 ms          |
//! | `as_svg`              | 40 ms (1.0 s)  | 120 ms (7.7 s)  | 400 ms         |
//!
//! `plan_in_all` is more than its parts: it gives back all that it made. The JSON of 10 000 volumes is 170 MB.

#[path = "../tests/made/mod.rs"]
mod made;

use std::io::{self, BufWriter};

use divan::{Bencher, black_box};
use replant::course::{self, Runbook};
use replant::facts::{Facts, Link};
use replant::forecast::Outlook;
use replant::plan::{self, Loaded};
use replant::{findings, report, runbook};

const VOLUMES: [usize; 3] = [1_000, 3_000, 10_000];

fn main() {
    // a run of the largest takes a good part of a second
    divan::Divan::default().sample_count(10).config_with_args().main();
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

/// What `replant plan` does between the servers' answers and what it prints.
fn planned(text: &str, facts: &Facts) -> (Loaded, Runbook, Outlook) {
    let loaded = plan::parse("made.yaml", black_box(text)).unwrap();
    let found = findings::find_with_link(&loaded.plan, facts, &Link::default());
    let book = make(&loaded, facts);
    let outlook = Outlook::with(&book, found);
    (loaded, book, outlook)
}

/// As it goes to standard output, but to nobody.
fn print_json(book: &Runbook, outlook: &Outlook, loaded: Option<&Loaded>) {
    let mut nobody = BufWriter::with_capacity(1 << 16, io::sink());
    report::pretty::write(&mut nobody, &report::runbook_json(book, outlook, loaded)).unwrap();
}

fn make(loaded: &Loaded, facts: &Facts) -> Runbook {
    course::make(&loaded.plan, &loaded.digest, facts).unwrap_or_else(|found| panic!("{found:#?}"))
}

#[divan::bench(args = VOLUMES)]
fn plan_in_all(bencher: Bencher, volumes: usize) {
    let text = made::text(volumes / 20, volumes);
    let (_, facts) = pair(volumes);
    bencher.bench(|| {
        let (_, book, outlook) = planned(&text, &facts);
        report::runbook(&book, &outlook)
    });
}

#[divan::bench(args = VOLUMES)]
fn plan_in_all_as_json(bencher: Bencher, volumes: usize) {
    let text = made::text(volumes / 20, volumes);
    let (_, facts) = pair(volumes);
    bencher.bench(|| {
        let (loaded, book, outlook) = planned(&text, &facts);
        print_json(&book, &outlook, Some(&loaded));
    });
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
fn outlook(bencher: Bencher, volumes: usize) {
    let book = book(volumes);
    bencher.bench(|| Outlook::with(&book, Vec::new()));
}

#[divan::bench(args = VOLUMES)]
fn as_text(bencher: Bencher, volumes: usize) {
    let book = book(volumes);
    let outlook = Outlook::of(&book);
    bencher.bench(|| report::runbook(&book, &outlook));
}

#[divan::bench(args = VOLUMES)]
fn as_json(bencher: Bencher, volumes: usize) {
    let book = book(volumes);
    let outlook = Outlook::of(&book);
    bencher.bench(|| print_json(&book, &outlook, None));
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
