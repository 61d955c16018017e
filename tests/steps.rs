//! Each kind of step against worlds in which it is as described, and in which one thing is not.
//!
//! `observe` is all that stands between a person and a loss: it is the check before an act, the proof after it and the
//! proof of undo. So each of its conditions has a row here in which nothing else differs. The worlds are recordings of
//! real servers where there are any, and otherwise what the tools' manuals say that they print.

#[path = "steps/below.rs"]
mod below;
#[path = "steps/disks.rs"]
mod disks;
#[path = "steps/link.rs"]
mod link;
#[path = "steps/mirror.rs"]
mod mirror;
#[path = "steps/power.rs"]
mod power;
#[path = "steps/quiet.rs"]
mod quiet;
#[path = "steps/rehearsal.rs"]
mod rehearsal;
#[path = "steps/small.rs"]
mod small;
#[path = "steps/verify.rs"]
mod verify;
#[path = "steps/volumes.rs"]
mod volumes;
#[path = "steps/world.rs"]
mod world;

use std::collections::BTreeSet;

use world::Table;

const ROOMS: &[fn() -> Vec<Table>] = &[
    below::tables,
    disks::tables,
    link::tables,
    mirror::tables,
    power::tables,
    quiet::tables,
    rehearsal::tables,
    small::tables,
    verify::tables,
    volumes::tables,
];

fn check(tables: Vec<Table>) {
    let rows: usize = tables.iter().map(Table::check).sum();
    println!("{rows} rows");
}

#[test]
fn below() {
    check(below::tables());
}

#[test]
fn verify() {
    check(verify::tables());
}

#[test]
fn disks() {
    check(disks::tables());
}

#[test]
fn link() {
    check(link::tables());
}

#[test]
fn mirrors() {
    check(mirror::tables());
}

#[test]
fn power() {
    check(power::tables());
}

#[test]
fn quiet() {
    check(quiet::tables());
}

#[test]
fn rehearsal() {
    check(rehearsal::tables());
}

#[test]
fn small() {
    check(small::tables());
}

#[test]
fn volumes() {
    check(volumes::tables());
}

/// The closed set of steps, out of the schema of runbooks.
#[test]
fn every_kind_has_a_table() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../schemas/runbook.schema.json")).unwrap();
    let kinds = schema["$defs"]["StepKind"]["oneOf"].as_array().expect("the schema lists the kinds of steps");
    let kinds: BTreeSet<&str> =
        kinds.iter().flat_map(|kind| kind["properties"].as_object().unwrap().keys().map(String::as_str)).collect();
    let tables: BTreeSet<&str> = ROOMS.iter().flat_map(|room| room()).map(|table| table.kind).collect();
    assert_eq!(
        tables, kinds,
        "each kind of step has a table in tests/steps, and each table is one of a kind of step"
    );
}

/// What each step does and takes back, in which order, with what words, and how it is waited for: `tests/steps/acts.txt`,
/// to be read when it changes. `SNAPSHOTS=overwrite` writes it anew.
#[test]
fn acts() {
    let mut text = String::new();
    let mut known = BTreeSet::new();
    for table in ROOMS.iter().flat_map(|room| room()) {
        let acts = table.world.acts();
        if known.insert(acts.clone()) {
            text += &format!("{}: {acts}\n", table.kind);
        }
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/steps/acts.txt");
    let wanted = snapbox::Data::read_from(&path, Some(snapbox::data::DataFormat::Text));
    snapbox::Assert::new().action_env("SNAPSHOTS").normalize_paths(false).eq(snapbox::Data::text(text), wanted);
}
