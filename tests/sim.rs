//! The simulated pair answers as real servers do: its answers are read by the facts' own parsers, and it refuses.

use replant::facts::{self, Facts};
use replant::host::Side;
use replant::plan;
use replant::sim::{Shape, Sim};

fn plan(name: &str) -> plan::Loaded {
    let path = format!("{}/plans/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    plan::load(path.as_ref()).unwrap_or_else(|error| panic!("{name}: {error:?}"))
}

fn facts_of(sim: &Sim) -> Facts {
    let old = facts::read(sim, Side::Old).unwrap();
    let new = facts::read(sim, Side::New).unwrap();
    Facts { format: 1, old, new }
}

#[test]
fn facts_can_be_read_of_the_pair_of_every_plan() {
    for name in ["lab", "cs940", "minimal"] {
        let loaded = plan(name);
        let sim = Sim::shaped(&loaded.plan, None, Shape::default());
        let facts = facts_of(&sim);
        eprintln!("{facts:#?}");
        assert_eq!(facts.old.boot_id, facts::read(&sim, Side::Old).unwrap().boot_id);
        assert!(facts::drift(&facts.old, &facts::read(&sim, Side::Old).unwrap()).is_empty());
        let found = replant::findings::find(&loaded.plan, &facts);
        let stops: Vec<_> = found.iter().filter(|finding| finding.stops()).collect();
        assert!(stops.is_empty(), "{name}: {stops:#?}");
    }
}
