//! Every fault at every place of the whole migration, over the simulated pair.

mod sweep;

use std::time::Instant;

use replant::course;
use replant::facts::{self, Facts};
use replant::host::{Server, Side};
use replant::journal::Kind;
use replant::plan;
use replant::runbook::Node;
use replant::sim::{Shape, Sim, System};
use replant::step::StepKind;
use sweep::{Case, Fault, Scene, World, faithful};

impl World for Sim {
    fn fork(&self) -> Sim {
        Sim::new(self.world())
    }

    fn text(&self, of: Option<Server>) -> String {
        self.world().text(of)
    }

    fn spoil(&self, node: &Node) -> bool {
        spoil(self, node)
    }
}

/// Somebody else puts something in the place of what a step describes.
fn spoil(sim: &Sim, node: &Node) -> bool {
    let server = match sim.world().answers(node.on) {
        Some(server) => server,
        None => return false,
    };
    match &node.step {
        StepKind::File(file) => {
            sim.change(|world| world.write_file(server, &file.path, "by somebody else\n", 0o644).is_ok())
        }
        StepKind::IscsiNode(record) => {
            sim.change(|world| world.write_file(server, &record.path, "by somebody else\n", 0o644).is_ok())
        }
        StepKind::Hostname(_) => {
            sim.change(|world| world.machine_mut(server).run.hostname = "somebody-elses".into());
            true
        }
        _ => false,
    }
}

fn loaded(name: &str) -> plan::Loaded {
    let path = format!("{}/plans/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    plan::load(path.as_ref()).unwrap_or_else(|error| panic!("{name}: {error:?}"))
}

fn nodes_for(plan: &plan::Plan, sim: &Sim) -> Vec<Node> {
    let old = facts::read(sim, Side::Old).unwrap();
    let new = facts::read(sim, Side::New).unwrap();
    let facts = Facts { format: 1, old, new };
    course::make(plan, "digest", &facts).unwrap_or_else(|found| panic!("{found:#?}")).nodes
}

/// The lab's plan in one of its forms.
fn case(name: &'static str, server: plan::IscsiServer, free_extents: u64) -> Case<Sim> {
    let mut plan = loaded("lab").plan;
    plan.transfer.iscsi.server = server.into();
    let world = Sim::shaped(&plan, None, Shape { free_extents, ..Shape::default() });
    let nodes = nodes_for(&plan, &world);
    Case { name, nodes, world, parallelism: 1, by_hand: 0, lines: faithful }
}

fn tgt() -> Case<Sim> {
    case("tgt, core log", plan::IscsiServer::Tgt, 0)
}

fn lio() -> Case<Sim> {
    case("lio, raid1", plan::IscsiServer::Lio, 16)
}

fn reaches_the_goal(case: &Case<Sim>) {
    let mut scene = Scene::new(&case.world);
    let before = Instant::now();
    let ran = case.clean(&mut scene, Kind::Apply, "undisturbed");
    eprintln!("{}: {} acts, {} looks, {} lines in {:?}", case.name, ran.acts, ran.looks, ran.lines, before.elapsed());
    let world = scene.world.world();
    assert!(!world.old.on);
    assert_eq!(world.new.system, System::Own);
    assert_eq!(world.new.run.hostname, "srv1");
}

#[test]
fn a_migration_reaches_its_goal() {
    reaches_the_goal(&tgt());
    reaches_the_goal(&lio());
}
