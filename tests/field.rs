//! Servers as people have them: what public reports and configurations would do to a migration.
//!
//! Each `tests/field/*.json` is one of them, reduced to what matters and told as a change to the lab's recording:
//! `old` and `new` change a question's recorded answer (`sub`: pairs of texts; or a whole `out`, with `code` and `err`),
//! `ops` change the facts as JSON (`set`, `sub`, `push`, `add` at a JSON pointer), `plan_sub` the lab's plan. What must
//! be found, or what the runbook must show, is said beside it in Rust: a room of tests for each topic.

#[path = "field/boots.rs"]
mod boots;
#[path = "field/firstboot.rs"]
mod firstboot;
#[path = "field/network.rs"]
mod network;
#[path = "field/storage.rs"]
mod storage;
#[path = "field/world.rs"]
mod world;

use world::World;

/// Every row can be told: it changes what it says that it changes, and gives facts and a plan.
#[test]
fn every_row_is_a_world() {
    let mut rows = 0;
    for entry in std::fs::read_dir(world::place()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            World::try_of(path.file_stem().unwrap().to_str().unwrap()).ok();
            rows += 1;
        }
    }
    assert!(rows >= 15, "{rows}");
}
