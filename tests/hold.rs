//! New does not come into its hold, or does not come back into it: nothing is lost by that, and from its rescue system both ways
//! are open, forward and back.

mod sweep;

use replant::engine::{self, Options, Reason, Stopped};
use replant::host::power::Request;
use replant::host::{PowerTo, Server};
use replant::journal::Kind;
use replant::plan::{self, IscsiServer, Method, NewBoot};
use replant::runbook::Stage;
use replant::sim::{Control, Person, Shape, Sim, System, World as Pair};
use replant::{facts, findings};
use sweep::share::stride;
use sweep::{Case, Fault, Scene, pair};

/// What keeps new from its hold, and how a person removes it.
struct Trouble {
    what: &'static str,
    begins: fn(&mut Pair),
    ends: fn(&mut Pair),
    /// what its console has shown by then; empty: it is its rescue system that answers
    shows: &'static str,
}

const TROUBLES: &[Trouble] = &[
    Trouble {
        what: "its initramfs does not get to the network",
        begins: |world| world.stuck = Some("replant: enp7s0 has no link".into()),
        ends: |world| world.stuck = None,
        shows: "replant: enp7s0 has no link",
    },
    Trouble {
        what: "its card is another one since its facts were read",
        begins: |world| world.new.card.drivers.push("kernel/drivers/net/ethernet/other/other.ko".into()),
        ends: |world| _ = world.new.card.drivers.pop(),
        shows: "its initramfs lacks",
    },
    Trouble {
        what: "its firmware boots the rescue system again",
        begins: |world| world.rescue_first = true,
        ends: |world| world.rescue_first = false,
        shows: "",
    },
];

/// With a console that can be read; the rescue system runs what arrays it finds, or does not.
fn case(rescue_assembles: bool) -> Case<Sim> {
    let mut plan = pair::plan("lab");
    plan.copy.method = Some(Method::Below.into());
    plan.new.boot = Some(NewBoot::Held.into());
    plan.transfer.iscsi.server = IscsiServer::Lio.into();
    let sim = Sim::shaped(&plan, None, Shape { rescue_assembles, ..Shape::default() });
    sim.change(|world| world.consoles = [(Server::New, "cat".into())].into());
    pair::case("held", &plan, sim)
}

fn stops(case: &Case<Sim>, scene: &mut Scene<Sim>, when: &str) -> Box<Stopped> {
    let stopped = scene.run(case, Kind::Apply, Fault::None).result.expect_err(when);
    assert_eq!(stopped.step.as_ref().map(|step| step.0.as_str()), Some("into-hold"), "{when}: {stopped}");
    // an apply that starts again by itself would keep the person waiting for an hour
    assert!(!stopped.may_mend(), "{when}: {stopped}");
    assert!(scene.world.world().old.on, "{when}");
    stopped
}

fn into_rescue(scene: &Scene<Sim>) {
    scene.world.change(|world| {
        if !world.new.on {
            world.power(Server::New, PowerTo::On);
        }
        world.into_rescue();
    });
    assert_eq!(scene.world.world().new.system, System::Rescue);
}

#[test]
fn from_the_rescue_system_both_ways_are_open() {
    for (assembles, trouble) in
        [false, true].into_iter().flat_map(|assembles| TROUBLES.iter().map(move |one| (assembles, one)))
    {
        let case = case(assembles);
        let goal = case.goal(&case.world);
        let when = format!("{}, arrays run in rescue: {assembles}", trouble.what);
        let mut scene = Scene::new(&case.world);
        scene.world.change(trouble.begins);
        let stopped = stops(&case, &mut scene, &when);
        let silent = stopped.silent.clone().unwrap_or_else(|| panic!("{when}: nothing of a boot: {stopped}"));
        let shown = silent.console.unwrap_or_else(|| panic!("{when}: no console")).unwrap();
        assert_eq!(silent.server, Server::New);
        if trouble.shows.is_empty() {
            assert!(matches!(stopped.reason, Reason::Gone(_)), "{when}: {stopped}");
            assert!(stopped.to_string().contains("its rescue system answers"), "{when}: {stopped}");
        } else {
            assert!(matches!(stopped.reason, Reason::Patience { .. }), "{when}: {stopped}");
            assert!(shown.contains(trouble.shows), "{when}: {shown}");
        }
        // as it stands, and after somebody has tried once more in vain
        let mut again = scene.fork();
        into_rescue(&again);
        stops(&case, &mut again, &format!("{when}, again"));
        for scene in [scene, again] {
            into_rescue(&scene);
            let mut back = scene.fork();
            case.clean(&mut back, Kind::Rollback, &when);
            case.as_found(&back, &case.world, &when);
            scene.world.change(trouble.ends);
            // old may have been started anew meanwhile
            let rebooted = scene.fork();
            rebooted.world.change(|world| world.reboot(Server::Old));
            for scene in [scene, rebooted] {
                case.both_ways(&scene, &case.world, &goal, &when);
            }
        }
    }
}

/// Whoever mends it at its console, and lets it boot: it need not be made to boot once more.
#[test]
fn new_that_comes_into_its_hold_late_is_taken_as_it_is() {
    let case = case(false);
    let goal = case.goal(&case.world);
    let mut scene = Scene::new(&case.world);
    scene.world.change(TROUBLES[0].begins);
    stops(&case, &mut scene, "stuck");
    scene.world.change(|world| {
        world.stuck = None;
        world.reboot(Server::New);
    });
    assert!(scene.world.world().in_hold());
    let boots = scene.world.world().new.boots;
    case.clean(&mut scene, Kind::Apply, "late");
    // into its system, at the cutover
    assert_eq!(scene.world.world().new.boots, boots + 1);
    sweep::same(&scene.text(), &goal, "late");
}

/// What hangs, or is off, can be told nothing, neither forward nor back; and its console tells what is known.
#[test]
fn new_that_does_not_answer_is_waited_for_in_vain() {
    let case = case(false);
    let goal = case.goal(&case.world);
    for off in [false, true] {
        let mut scene = Scene::new(&case.world);
        scene.world.change(TROUBLES[0].begins);
        stops(&case, &mut scene, "stuck");
        if off {
            scene.world.change(|world| world.power(Server::New, PowerTo::Off));
        }
        for kind in [Kind::Apply, Kind::Rollback] {
            let mut vain = scene.fork();
            let stopped = vain.run(&case, kind, Fault::None).result.expect_err("nobody is there");
            assert!(matches!(stopped.reason, Reason::Link(_)), "{kind:?}: {stopped}");
            let console = stopped.silent.and_then(|silent| silent.console).unwrap().unwrap();
            assert!(console.contains(if off { "it is off" } else { "has no link" }), "{kind:?}: {console}");
            into_rescue(&vain);
            vain.world.change(TROUBLES[0].ends);
            case.both_ways(&vain, &case.world, &goal, "after a run in vain");
        }
    }
}

/// A hold that was there, and is not any more: in the middle of the copy, and when all is copied.
#[test]
fn a_hold_that_is_lost_is_made_again_from_rescue() {
    let case = case(true);
    let goal = case.goal(&case.world);
    for until in [Stage::Prepare, Stage::Copy] {
        let mut scene = Scene::new(&case.world);
        let ran = scene.run_by(&case, Fault::None, &|journal, hosts, options, observer| {
            let by = options.by.clone();
            engine::apply(&case.nodes, journal, hosts, &Options { until: Some(until), by, ..*options }, observer)
        });
        ran.result.unwrap_or_else(|stopped| panic!("{:?}: {stopped}", stopped.step));
        let when = format!("its rescue system was booted after `{until}`");
        into_rescue(&scene);
        case.both_ways(&scene, &case.world, &goal, &when);
        // and it does not come back: the same as if it had not come at all
        scene.world.change(TROUBLES[0].begins);
        stops(&case, &mut scene, &when);
        into_rescue(&scene);
        scene.world.change(TROUBLES[0].ends);
        case.both_ways(&scene, &case.world, &goal, &when);
    }
}

/// The way back is left in any place, and new is in its rescue system: from there both ways are open as well.
#[test]
fn a_way_back_that_was_left_in_rescue_can_be_turned() {
    let case = case(false);
    let goal = case.goal(&case.world);
    let mut stuck = Scene::new(&case.world);
    stuck.world.change(TROUBLES[0].begins);
    stops(&case, &mut stuck, "stuck");
    into_rescue(&stuck);
    stuck.world.change(TROUBLES[0].ends);
    let lines = stuck.fork().run(&case, Kind::Rollback, Fault::None).lines;
    assert!(lines > 40, "{lines}");
    let (first, every) = stride(7);
    for line in (first..lines).step_by(every) {
        for old_too in [false, true] {
            let mut left = stuck.fork();
            let ran = left.run(&case, Kind::Rollback, Fault::Crash { line, written: true });
            assert!(ran.result.is_err());
            if old_too {
                left.world.change(|world| world.reboot(Server::Old));
            }
            case.both_ways(
                &left,
                &case.world,
                &goal,
                &format!("left after line {line}, old started anew: {old_too}"),
            );
        }
    }
}

/// Who switches new by hand is asked once, in the plain words for it, and can be asked again.
#[test]
fn a_person_can_switch_new_into_its_hold() {
    let mut plan = pair::plan("lab");
    plan.copy.method = Some(Method::Below.into());
    plan.new.boot = Some(NewBoot::Held.into());
    plan.new.power = plan::Power::Manual { console: None };
    plan.transfer.iscsi.server = IscsiServer::Lio.into();
    let case = pair::case("held by hand", &plan, Sim::from_plan(&plan, None));
    let switches = |scene: &Scene<Sim>| {
        let asked = scene.world.asked();
        let new = |one: &&Request| matches!(one, Request::Switch { server: Server::New, to: PowerTo::OwnDisks, .. });
        asked.iter().filter(new).count()
    };
    let mut scene = Scene::new(&case.world);
    case.clean(&mut scene, Kind::Apply, "a person switches new");
    assert_eq!(switches(&scene), 1, "{:?}", scene.world.asked());
    assert_eq!(scene.world.world().new.system, System::Own);
    let goal = scene.text();
    for (person, says) in [
        (Person::Unwilling, "not confirmed"),
        (Person::Absent, "nobody to ask"),
        (Person::Liar, "its rescue system answers"),
    ] {
        let when = format!("{person:?}");
        let mut scene = Scene::new(&case.world);
        scene.world.change(|world| world.person = person);
        // before anything is done it is asked whether somebody is there; here nobody asks
        let stopped = scene.run(&case, Kind::Apply, Fault::None).result.expect_err(&when);
        assert_eq!(stopped.step.as_ref().map(|step| step.0.as_str()), Some("into-hold"), "{when}: {stopped}");
        assert!(stopped.to_string().contains(says), "{when}: {stopped}");
        assert_eq!(scene.world.world().new.system, System::Rescue, "{when}");
        scene.world.change(|world| world.person = Person::Truthful);
        case.both_ways(&scene, &case.world, &goal, &when);
    }
    // where the plan does not say so, one visit has to do
    plan.new.boot = None;
    let nodes = pair::nodes(&plan, &Sim::from_plan(&plan, None));
    assert!(!nodes.iter().any(|node| node.id.0 == "into-hold"));
    // and a power control that cannot choose is not made good by anybody
    plan.new.boot = Some(NewBoot::Held.into());
    let words = |word: &str| vec![word.to_string().into()];
    plan.new.power = plan::Power::Command {
        status: words("status"),
        on: words("on"),
        off: words("off"),
        boot_disk: None,
        console: None,
        timeout: None,
    };
    let facts = facts::both(&Sim::from_plan(&plan, None)).unwrap();
    let found = findings::find(&plan, &facts);
    assert!(found.iter().any(|finding| finding.code == "R1332"), "{found:#?}");
}

/// What cannot be read is said, and is in nobody's way.
#[test]
fn a_console_that_cannot_be_read_is_no_obstacle() {
    let case = case(false);
    for (change, seen) in [
        (Box::new(|world: &mut Pair| world.console_fails = true) as Box<dyn Fn(&mut Pair)>, Some(false)),
        (Box::new(|world: &mut Pair| world.consoles.clear()), None),
    ] {
        let mut scene = Scene::new(&case.world);
        scene.world.change(TROUBLES[0].begins);
        scene.world.change(change);
        let silent = stops(&case, &mut scene, "no console").silent.unwrap();
        assert_eq!(silent.console.map(|said| said.is_ok()), seen);
    }
}

/// The last look is before the cut: new that takes over and does not come up tells why, too.
#[test]
fn whatever_boots_is_asked_by_its_console() {
    let plan = pair::plan("lab");
    let sim = Sim::from_plan(&plan, None);
    sim.change(|world| {
        world.consoles = [(Server::New, "cat".into()), (Server::Old, "cat".into())].into();
        world.rescue_first = true;
    });
    let case = pair::case("rescue", &plan, sim);
    let mut scene = Scene::new(&case.world);
    let stopped = scene.run(&case, Kind::Apply, Fault::None).result.expect_err("it boots its rescue system");
    assert_eq!(stopped.step.as_ref().map(|step| step.0.as_str()), Some("own-boot"));
    let silent = stopped.silent.expect("it was waited for");
    assert_eq!((silent.server, silent.console), (Server::New, Some(Ok("rescue login:\n".into()))));
    // old, on the way back
    scene.world.change(|world| {
        world.controls.insert(Server::Old, Control::Manual);
        world.person = Person::Liar;
    });
    let stopped = scene.run(&case, Kind::Rollback, Fault::None).result.expect_err("nobody switches old on");
    assert_eq!(stopped.silent.map(|silent| silent.server), Some(Server::Old), "{:?}", stopped.reason);
}

/// What old forgets with a boot is made again for the copy; what new boots from is there, and new stays where it is.
#[test]
fn old_that_is_started_anew_leaves_new_in_its_hold() {
    let case = case(false);
    let goal = case.goal(&case.world);
    for stage in [Stage::Prepare, Stage::Connect, Stage::Copy] {
        let when = format!("old was started anew after {stage:?}");
        let mut scene = Scene::new(&case.world);
        let until = |scene: &mut Scene<Sim>| {
            let ran = scene.run_by(&case, Fault::None, &|journal, hosts, options, observer| {
                let by = options.by.clone();
                let options = Options { until: Some(stage), by, ..*options };
                engine::apply(&case.nodes, journal, hosts, &options, observer)
            });
            ran.result.unwrap_or_else(|stopped| panic!("{when}: {:?}: {stopped}", stopped.step));
        };
        until(&mut scene);
        let boots = scene.world.world().new.boots;
        scene.world.change(|world| world.reboot(Server::Old));
        until(&mut scene);
        let world = scene.world.world();
        assert!(world.in_hold() && world.new.boots == boots, "{when}: new was started again");
        case.clean(&mut scene, Kind::Apply, &when);
        sweep::same(&scene.text(), &goal, &when);
    }
}
