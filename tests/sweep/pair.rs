//! The simulated pair as a world to sweep, and the migration of a plan on it.

use std::time::Duration;

use replant::host::Server;
use replant::plan::{self, HoldPlace, IscsiServer, Method, NewBoot, Only, Plan, Verify};
use replant::runbook::Node;
use replant::sim::{Fs, Shape, Sim, Written};
use replant::step::StepKind;
use replant::{course, facts};

use super::{Case, World, faithful};

impl World for Sim {
    fn fork(&self) -> Sim {
        Sim::new(self.world())
    }

    /// New that waits has nothing left to wait for when all is taken back: somebody boots its rescue system again.
    fn text(&self, of: Option<Server>) -> String {
        let mut world = self.world();
        if world.in_hold() {
            world.into_rescue();
        }
        world.text(of)
    }

    fn pass(&self, time: Duration) {
        Sim::pass(self, time);
    }

    fn spoil(&self, node: &Node) -> bool {
        spoil(self, node)
    }
}

/// Somebody else puts something in the place of what a step describes: for every kind of step whose place can hold
/// something else.
fn spoil(sim: &Sim, node: &Node) -> bool {
    let server = match sim.world().answers(node.on) {
        Some(server) if server == node.on.server() => server,
        _ => return false,
    };
    let file_system = |path: &str| {
        sim.change(|world| {
            let Some(dev) = world.dev(server, path) else { return false };
            let (kind, uuid) = ("xfs".to_string(), "5b5b5b5b-0000-4000-8000-000000000001".to_string());
            let fs =
                Fs { kind, uuid, size: dev.size, generation: 1, records: 0, dirty: false, files: Default::default() };
            world.places.insert(dev.loc, Written::Fs(fs));
            true
        })
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
        StepKind::PartitionTable(table) => file_system(&table.disk),
        StepKind::Array(array) => file_system(&array.members[0]),
        StepKind::Daemon(_) => {
            sim.change(|world| {
                let tgt = world.machine_mut(server).run.tgt.get_or_insert_default();
                tgt.portals = vec!["192.0.2.99:3260".into()];
            });
            true
        }
        StepKind::LioExport(export) => sim.change(|world| {
            let target = world.machine_mut(server).run.lio.iter_mut().find(|target| target.iqn == export.iqn);
            target.map(|target| target.initiator = "iqn.2001-01.other:1".into()).is_some()
        }),
        StepKind::Packages(packages) => sim.change(|world| {
            const STATUS: &str = "/var/lib/dpkg/status";
            let status = world.read_file(server, STATUS).unwrap_or_default();
            let name = &packages.packages[0].0;
            let others: String = status
                .lines()
                .filter(|line| !line.starts_with(&format!("{name} ")))
                .map(|line| format!("{line}\n"))
                .collect();
            world.write_file(server, STATUS, &format!("{others}{name} 0.0.1\n"), 0o644).is_ok()
        }),
        // a boot forgets it
        StepKind::StillQuiet(quiet) if sim.world().exists(server, &quiet.mark) => {
            sim.change(|world| world.remove_file(server, &quiet.mark).is_ok())
        }
        _ => false,
    }
}

/// One of `plans/`.
pub fn plan(name: &str) -> Plan {
    let path = format!("{}/plans/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    plan::load(path.as_ref()).unwrap_or_else(|error| panic!("{name}: {error:?}")).plan
}

/// The steps of a plan on this pair.
pub fn nodes(plan: &Plan, sim: &Sim) -> Vec<Node> {
    let facts = facts::both(sim).unwrap();
    course::make(plan, "digest", &facts).unwrap_or_else(|found| panic!("{found:#?}")).nodes
}

/// The migration of a plan on any world that answers as this pair does.
pub fn case_on<W: World>(name: &'static str, plan: &Plan, sim: Sim, world: impl FnOnce(Sim) -> W) -> Case<W> {
    let nodes = nodes(plan, &sim);
    Case { name, nodes, world: world(sim), parallelism: 1, by_hand: 0, lines: faithful }
}

pub fn case(name: &'static str, plan: &Plan, sim: Sim) -> Case<Sim> {
    case_on(name, plan, sim, |sim| sim)
}

/// The pair of a plan with this target on new, and with room for raid1 or without.
pub fn with_target(plan: &mut Plan, server: IscsiServer, free_extents: u64) -> Sim {
    plan.transfer.iscsi.server = server.into();
    Sim::shaped(plan, None, Shape { free_extents, ..Shape::default() })
}

/// The lab's migration in its two forms; of all of these some compare their copies before the cut.
pub fn tgt() -> Case<Sim> {
    lab("tgt, core log", IscsiServer::Tgt, 0, Verify::Off)
}

pub fn lio() -> Case<Sim> {
    lab("lio, raid1", IscsiServer::Lio, 16, Verify::Sampled)
}

/// And with the copy below LVM.
pub fn below() -> Case<Sim> {
    let mut plan = plan("lab");
    plan.copy.method = Some(Method::Below.into());
    let sim = with_target(&mut plan, IscsiServer::Lio, 0);
    case("lio, below", &plan, sim)
}

/// And of each volume only what is in use.
pub fn used() -> Case<Sim> {
    let mut plan = plan("lab");
    (plan.copy.method, plan.copy.only) = (Some(Method::Below.into()), Only::Used.into());
    plan.copy.verify = Verify::Whole.into();
    let sim = with_target(&mut plan, IscsiServer::Lio, 0);
    case("lio, below, used", &plan, sim)
}

/// And with new in its own initramfs before anything is copied.
pub fn held() -> Case<Sim> {
    let mut plan = plan("lab");
    plan.copy.method = Some(Method::Below.into());
    plan.new.boot = Some(NewBoot::Held.into());
    plan.copy.verify = Verify::Sampled.into();
    let sim = with_target(&mut plan, IscsiServer::Lio, 0);
    case("lio, below, held", &plan, sim)
}

/// And with `/boot` inside `/`, so that the hold has a place of its own.
pub fn placed() -> Case<Sim> {
    let plan = plan_placed();
    let sim = Sim::from_plan(&plan, None);
    case("lio, below, held, no /boot", &plan, sim)
}

/// The plan of it.
pub fn plan_placed() -> Plan {
    let mut plan = plan("lab");
    plan.copy.method = Some(Method::Below.into());
    plan.new.boot = Some(NewBoot::Held.into());
    plan.transfer.iscsi.server = IscsiServer::Lio.into();
    let boot = plan.boot.take().expect("the lab has a /boot");
    plan.hold = Some(HoldPlace { to: boot.to });
    plan
}

fn lab(name: &'static str, server: IscsiServer, free_extents: u64, verify: Verify) -> Case<Sim> {
    let mut plan = plan("lab");
    plan.copy.verify = verify.into();
    let sim = with_target(&mut plan, server, free_extents);
    case(name, &plan, sim)
}
