//! The silence of old at the cutover: what must stop, what must not be written, and what keeps it from being had.

mod sweep;

use replant::course;
use replant::facts::{self, Facts};
use replant::host::{Server, Side};
use replant::plan;
use replant::runbook::Node;
use replant::sim::Sim;
use sweep::{Case, World, faithful};

impl World for Sim {
    fn fork(&self) -> Sim {
        Sim::new(self.world())
    }

    fn text(&self, of: Option<Server>) -> String {
        self.world().text(of)
    }

    fn spoil(&self, _: &Node) -> bool {
        false
    }
}

/// The lab's pair, otherwise than it is usually.
fn case(name: &'static str, change: impl FnOnce(&mut replant::sim::World)) -> Case<Sim> {
    let path = format!("{}/plans/lab.yaml", env!("CARGO_MANIFEST_DIR"));
    let plan = plan::load(path.as_ref()).unwrap_or_else(|error| panic!("{error:?}")).plan;
    let world = Sim::from_plan(&plan, None);
    world.change(change);
    let old = facts::read(&world, Side::Old).unwrap();
    let new = facts::read(&world, Side::New).unwrap();
    let facts = Facts { format: 1, old, new };
    let nodes = course::make(&plan, "digest", &facts).unwrap_or_else(|found| panic!("{found:#?}")).nodes;
    Case { name, nodes, world, parallelism: 1, by_hand: 0, lines: faithful }
}

// ---- units ------------------------------------------------------------------------------------------------------------

const AUDIT: &str = "systemd-journald-audit.socket";

/// Debian 13: the journal's socket for audit is there, and no boot starts it; or it is not there at all. Both are as
/// stopped as they can be, and going back starts what ran and nothing else.
#[test]
fn a_unit_that_does_not_run_is_stopped_already() {
    case("inactive", |world| {
        world.old.units.iter_mut().filter(|unit| unit.name == AUDIT).for_each(|unit| unit.disabled = true);
        world.old.run.units.insert(AUDIT.into(), false);
    })
    .twice();
    case("not there", |world| {
        world.old.units.retain(|unit| unit.name != AUDIT);
        world.old.run.units.remove(AUDIT);
    })
    .twice();
}
