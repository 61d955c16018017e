//! Old's services come back by themselves when nobody is heard of: at whatever place of the cutover that happens, nothing
//! that they write then is lost, and the migration goes on, or back.

mod sweep;

use std::time::Duration;

use replant::engine::Notice;
use replant::host::{HostError, Server};
use replant::journal::Kind;
use replant::plan::{self, Limit, Method, NewBoot, Plan, Power, Verify};
use replant::runbook::Stage;
use replant::sim::{FaultPlan, Sim};
use replant::step::StepKind;
use sweep::pair::{self, below, held, lio, tgt};
use sweep::share::{caught, stride};
use sweep::{Case, Fault, Ran, Scene};

/// Longer than anybody is waited for.
const LONG: Duration = Duration::from_secs(400);
/// What a link may be lost for, and a little more.
const SHORT: Duration = Duration::from_secs(200);

/// The copy lies below, and a person switches old off.
fn by_hand() -> Case<Sim> {
    let mut plan = pair::plan("lab");
    plan.copy.method = Some(Method::Below.into());
    plan.new.boot = Some(NewBoot::Held.into());
    plan.old.power = Power::Manual { console: None };
    plan.copy.verify = Verify::Whole.into();
    let sim = pair::with_target(&mut plan, plan::IscsiServer::Lio, 0);
    pair::case("lio, below, held, by hand", &plan, sim)
}

fn cases() -> [Case<Sim>; 5] {
    [tgt(), lio(), below(), held(), by_hand()]
}

/// Of each act of a run, in order: its step.
fn acting(ran: &Ran) -> Vec<String> {
    let step = |event: &Notice| match event {
        Notice::Acting { step, .. } => Some(step.0.clone()),
        _ => None,
    };
    ran.events.iter().filter_map(step).collect()
}

/// Acts from the first of the runner's to old's power.
fn cutover(case: &Case<Sim>) -> Vec<(usize, String)> {
    let acts = acting(&Scene::new(&case.world).run(case, Kind::Apply, Fault::None));
    let at = |id: &str| acts.iter().position(|step| step == id).unwrap_or_else(|| panic!("{}: no {id}", case.name));
    let (first, last) = (at("dead-man"), at("old-off"));
    acts.into_iter().enumerate().skip(first).take(last - first).collect()
}

/// What stops writing at the cutover does so again.
fn serves(case: &Case<Sim>, sim: &Sim) -> bool {
    let world = sim.world();
    case.nodes.iter().all(|node| match &node.step {
        StepKind::Service(service) if node.stage == Stage::Cutover && !service.run => {
            service.units.iter().all(|unit| world.old.run.units.get(unit) != Some(&false))
        }
        StepKind::Remount(remount) if node.stage == Stage::Cutover && remount.target != "/boot" => {
            world.old.run.mounts.iter().any(|mount| mount.target == remount.target && !mount.read_only)
        }
        StepKind::SwapOff(_) => !world.old.run.swaps.is_empty(),
        StepKind::File(file) if file.path.ends_with("/quiet") => !world.exists(Server::Old, &file.path),
        _ => true,
    })
}

/// An ordinary run tries each fifth place, another one for each pair and each test; `SWEEPS=all` all.
fn every_place(case: &Case<Sim>, what: &str, tried: impl Fn(usize, &str)) {
    let all = cutover(case);
    let (first, every) = stride(5);
    let wrong: Vec<String> = all
        .iter()
        .skip((first + case.name.len() + what.len()) % every)
        .step_by(every)
        .filter_map(|(at, step)| caught(|| tried(*at, step)).err().map(|text| format!("act {at} ({step}): {text}")))
        .collect();
    assert!(wrong.is_empty(), "{}: {what}: {} of {}:\n{}", case.name, wrong.len(), all.len(), wrong.join("\n\n"));
}

/// replant is killed before or after the effect of an act, and is away for long.
#[test]
fn services_come_back_when_replant_is_gone() {
    for case in cases() {
        let goal = case.goal(&case.world);
        let held = cutover(&case).iter().position(|(_, step)| step == "dead-man-off").unwrap();
        let first = cutover(&case)[0].0;
        every_place(&case, "killed", |act, step| {
            for effect in [false, true] {
                let mut scene = Scene::new(&case.world);
                assert!(scene.run(&case, Kind::Apply, Fault::Kill { act, effect }).result.is_err());
                scene.world.pass(LONG);
                let before = act - first < held || (act - first == held && !effect);
                let when = format!("killed at {step}, {effect}");
                assert_eq!(serves(&case, &scene.world), before, "{when}: services run");
                case.both_ways(&scene, &case.world, &goal, &when);
            }
        });
    }
}

/// The machine that replant runs on sleeps in the middle, and wakes: what it knows of old is of another time.
#[test]
fn a_run_that_slept_does_nothing_more() {
    for case in cases() {
        let goal = case.goal(&case.world);
        let all = cutover(&case);
        // its first three acts put the runner there, and arm it
        let armed = all[2].0;
        let held = all.iter().find(|(_, step)| step == "dead-man-off").unwrap().0;
        every_place(&case, "asleep", |act, step| {
            let faults = FaultPlan { asleep: Some((act, LONG.as_secs())), ..FaultPlan::default() };
            let mut scene = Scene::within(Sim::with_faults(case.world.world(), faults));
            let ran = scene.run(&case, Kind::Apply, Fault::None);
            match ran.result {
                Ok(_) => assert!(act <= armed || act > held, "{step}: it went on"),
                Err(stopped) => {
                    let refused = matches!(&stopped.reason, replant::engine::Reason::Host(HostError::Older { .. }));
                    assert!(refused && act > armed && act <= held, "{step}: {stopped}");
                    assert!(serves(&case, &scene.world), "{step}: services were stopped again");
                }
            }
            case.both_ways(&scene, &case.world, &goal, step);
        });
    }
}

/// A link that is lost for as long as it is waited for brings nothing back.
#[test]
fn who_is_only_waited_for_goes_on() {
    for case in cases() {
        let goal = case.goal(&case.world);
        every_place(&case, "a nap", |act, step| {
            let faults = FaultPlan { asleep: Some((act, SHORT.as_secs())), ..FaultPlan::default() };
            let mut scene = Scene::within(Sim::with_faults(case.world.world(), faults));
            case.clean(&mut scene, Kind::Apply, step);
            sweep::same(&scene.text(), &goal, step);
        });
    }
}

/// A link that is lost for good: replant gives it up after two minutes, and services come back some time after that.
#[test]
fn services_come_back_when_the_link_is_gone() {
    for case in cases() {
        let goal = case.goal(&case.world);
        every_place(&case, "no link", |act, step| {
            for effect in [false, true] {
                let mut scene = Scene::new(&case.world);
                let fault = Fault::Cut { act, effect, looks: usize::MAX };
                assert!(scene.run(&case, Kind::Apply, fault).result.is_err());
                let armed = scene.world.world().old.run.watch.is_some();
                assert!(!armed || !serves(&case, &scene.world) || step == "dead-man" || step == "stop-services");
                scene.world.pass(LONG);
                assert!(!armed || serves(&case, &scene.world), "{step}, {effect}");
                case.both_ways(&scene, &case.world, &goal, step);
            }
        });
    }
}

/// A way back that is broken off with services down does not leave them down either.
#[test]
fn services_come_back_in_the_middle_of_a_way_back() {
    for case in cases() {
        let goal = case.goal(&case.world);
        let all = cutover(&case);
        let held = all.iter().find(|(_, step)| step == "dead-man-off").unwrap().0;
        let mut there = Scene::new(&case.world);
        there.run(&case, Kind::Apply, Fault::Kill { act: held, effect: true });
        let back = acting(&there.fork().run(&case, Kind::Rollback, Fault::None));
        let upto = back.iter().position(|step| step == "dead-man").unwrap();
        let (first, every) = stride(4);
        for act in (1 + first..upto).step_by(every) {
            let mut scene = there.fork();
            scene.run(&case, Kind::Rollback, Fault::Kill { act, effect: true });
            scene.world.pass(LONG);
            let when = format!("killed on the way back at {}", back[act]);
            assert!(serves(&case, &scene.world), "{}: {when}", case.name);
            case.both_ways(&scene, &case.world, &goal, &when);
        }
    }
}

/// What was so before is made so again, and nothing else: a file system that could not be written to stays as it was.
#[test]
fn what_was_read_only_stays_so() {
    let case = tgt();
    let first = cutover(&case)[0].0;
    let mut scene = Scene::new(&case.world);
    scene.run(&case, Kind::Apply, Fault::Kill { act: first, effect: false });
    let set = |sim: &Sim, read_only: bool| {
        sim.change(|world| {
            let mounts = &mut world.machine_mut(Server::Old).run.mounts;
            mounts.iter_mut().filter(|mount| mount.target == "/var").for_each(|mount| mount.read_only = read_only);
        });
    };
    set(&scene.world, true);
    let rest = acting(&scene.fork().run(&case, Kind::Apply, Fault::None));
    let act = rest.iter().position(|step| step == "dead-man-off").unwrap();
    scene.run(&case, Kind::Apply, Fault::Kill { act, effect: false });
    scene.world.pass(LONG);
    let world = scene.world.world();
    let read_only =
        |target: &str| world.old.run.mounts.iter().find(|mount| mount.target == target).unwrap().read_only;
    assert!(!read_only("/") && read_only("/var"));
    set(&scene.world, false);
    case.clean(&mut scene, Kind::Rollback, "read-only before");
    case.as_found(&scene, &case.world, "read-only before");
}

/// A person who has to go to the machine room has all the time in the world.
#[test]
fn nothing_comes_back_while_a_person_is_waited_for() {
    for case in cases() {
        let goal = case.goal(&case.world);
        let acts = acting(&Scene::new(&case.world).run(&case, Kind::Apply, Fault::None));
        let off = acts.iter().position(|step| step == "old-off").unwrap();
        let faults = FaultPlan { asleep: Some((off, 36_000)), ..FaultPlan::default() };
        let mut scene = Scene::within(Sim::with_faults(case.world.world(), faults));
        case.clean(&mut scene, Kind::Apply, "ten hours");
        sweep::same(&scene.text(), &goal, "ten hours");
    }
}

fn lab(change: impl FnOnce(&mut Plan)) -> Case<Sim> {
    let mut plan = pair::plan("lab");
    change(&mut plan);
    let world = Sim::from_plan(&plan, None);
    pair::case("lab", &plan, world)
}

/// Whoever wants none has none.
#[test]
fn off_is_off() {
    let case = lab(|plan| plan.cutover.dead_man = Limit::Off.into());
    assert!(!case.nodes.iter().any(|node| node.id.0.starts_with("dead-man")));
    case.twice();
    let stop = acting(&Scene::new(&case.world).run(&case, Kind::Apply, Fault::None));
    let act = stop.iter().position(|step| step == "count-writes").unwrap();
    let mut scene = Scene::new(&case.world);
    scene.run(&case, Kind::Apply, Fault::Kill { act, effect: true });
    scene.world.pass(Duration::from_secs(100_000));
    assert!(!serves(&case, &scene.world));
}

/// The runner of another boot, or one that somebody has ended, is armed again before anything else is stopped.
#[test]
fn a_runner_that_is_gone_is_armed_again() {
    let case = tgt();
    let goal = case.goal(&case.world);
    every_place(&case, "its unit is stopped", |act, step| {
        let mut scene = Scene::new(&case.world);
        scene.run(&case, Kind::Apply, Fault::Kill { act, effect: true });
        scene.world.change(|world| {
            if let Some(watch) = world.old.run.watch.take() {
                world.old.run.units.remove(&watch.unit);
            }
        });
        case.both_ways(&scene, &case.world, &goal, step);
    });
}
