//! Every fault at every place of the whole migration, over the simulated pair.

mod sweep;

use std::time::Instant;

use replant::course;
use replant::facts::{self, Facts};
use replant::host::{Server, Side};
use replant::journal::Kind;
use replant::plan;
use replant::runbook::Node;
use replant::sim::{FaultPlan, Shape, Sim, System};
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

/// Each ends in: going on reaches the goal, or going back leaves both servers as they were found.
fn back_and_forth(case: &Case<Sim>) {
    case.twice();
}

#[test]
fn applied_twice_tgt() {
    back_and_forth(&tgt());
}

#[test]
fn applied_twice_lio() {
    back_and_forth(&lio());
}

/// From after every step back to the beginning.
#[test]
fn back_from_after_every_step() {
    for mut case in [tgt(), lio()] {
        let all = std::mem::take(&mut case.nodes);
        for count in 1..=all.len() {
            case.nodes = all[..count].iter().cloned().map(|mut node| {
                node.until = node.until.filter(|until| all[..count].iter().any(|other| other.id == *until));
                node
            }).collect();
            let mut scene = Scene::new(&case.world);
            let when = format!("up to {}", case.nodes[count - 1].id);
            case.clean(&mut scene, Kind::Apply, &when);
            case.clean(&mut scene, Kind::Rollback, &when);
            case.as_found(&scene, &case.world, &when);
        }
    }
}

/// Faults are many and a migration is long: a test run tries every so-manieth, another one each day of the year;
/// `SWEEP_STRIDE=1` tries all.
fn stride(usual: usize) -> (usize, usize) {
    let stride = std::env::var("SWEEP_STRIDE").ok().and_then(|text| text.parse().ok()).unwrap_or(usual).max(1);
    let first = std::env::var("SWEEP_FIRST").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    (first % stride, stride)
}

#[test]
fn faults_forward_tgt() {
    let (first, stride) = stride(29);
    tgt().forward_some(first, stride);
}

#[test]
fn faults_forward_lio() {
    let (first, stride) = stride(29);
    lio().forward_some(first, stride);
}

#[test]
fn faults_backward_tgt() {
    let (first, stride) = stride(29);
    tgt().backward_some(first, stride);
}

/// A server loses its power for a moment before an act; whatever that leaves, both ways lead out of it.
fn rebooted(case: &Case<Sim>, server: Server, first: usize, stride: usize) {
    let goal = case.goal(&case.world);
    let acts = Scene::new(&case.world).run(case, Kind::Apply, Fault::None).acts;
    let mut wrong = Vec::new();
    for at in (first..acts).step_by(stride) {
        let faults = FaultPlan { reboot: Some((at, server)), ..FaultPlan::default() };
        let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut scene = Scene::within(Sim::with_faults(case.world.world(), faults));
            let ran = scene.run(case, Kind::Apply, Fault::None);
            let stopped = ran.result.map_err(|stopped| format!("{:?} {stopped}", stopped.step)).err();
            case.both_ways(&scene, &case.world, &goal, &format!("{server} rebooted before act {at}, then {stopped:?}"));
        }));
        if let Err(panic) = tried {
            let text = panic.downcast_ref::<String>().cloned();
            wrong.push(text.or(panic.downcast_ref::<&str>().map(|text| text.to_string())).unwrap_or_default());
        }
    }
    assert!(wrong.is_empty(), "{} of {acts}:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn old_reboots_tgt() {
    let (first, stride) = stride(5);
    rebooted(&tgt(), Server::Old, first, stride);
}

#[test]
fn old_reboots_lio() {
    let (first, stride) = stride(5);
    rebooted(&lio(), Server::Old, first, stride);
}

#[test]
fn new_reboots_tgt() {
    let (first, stride) = stride(5);
    rebooted(&tgt(), Server::New, first, stride);
}

#[test]
fn new_reboots_lio() {
    let (first, stride) = stride(5);
    rebooted(&lio(), Server::New, first, stride);
}
