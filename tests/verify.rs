//! A copy that lies: all that can be asked says that it is in sync, and what stands in it is something else. Only who reads
//! both halves can tell, over the simulated pair.

mod sweep;

use std::time::Duration;

use replant::engine::{Notice, Reason};
use replant::host::Server;
use replant::journal::Kind;
use replant::plan::{IscsiServer, Method, NewBoot, Only, Plan, Power, Verify};
use replant::runbook::{Node, Stage};
use replant::sim::{Sim, Written};
use replant::step::StepKind;
use sweep::pair::{case, plan, with_target};
use sweep::share::stride;
use sweep::{Case, Fault, Ran, Scene};

/// A name, the target on new, free extents on old, and what the plan says besides.
type Way = (&'static str, IscsiServer, u64, fn(&mut Plan));

const WAYS: [Way; 6] = [
    ("core log", IscsiServer::Tgt, 0, |_| {}),
    ("raid1", IscsiServer::Lio, 16, |_| {}),
    ("below", IscsiServer::Lio, 0, |plan| plan.copy.method = Some(Method::Below.into())),
    ("below, used", IscsiServer::Tgt, 0, |plan| {
        (plan.copy.method, plan.copy.only) = (Some(Method::Below.into()), Only::Used.into());
    }),
    ("held", IscsiServer::Lio, 0, |plan| {
        (plan.copy.method, plan.new.boot) = (Some(Method::Below.into()), Some(NewBoot::Held.into()));
    }),
    ("held, by hand", IscsiServer::Lio, 0, |plan| {
        (plan.copy.method, plan.new.boot) = (Some(Method::Below.into()), Some(NewBoot::Held.into()));
        plan.old.power = Power::Manual { console: None };
    }),
];

fn pair(at: usize, verify: Verify) -> Case<Sim> {
    let (name, server, free, change) = WAYS[at];
    let mut plan = plan("lab");
    change(&mut plan);
    plan.copy.verify = verify.into();
    let sim = with_target(&mut plan, server, free);
    case(name, &plan, sim)
}

fn pairs() -> impl Iterator<Item = Case<Sim>> {
    let verify = [Verify::Sampled, Verify::Whole];
    (0..WAYS.len()).map(move |at| pair(at, verify[at % 2]))
}

fn cut(list: &[Node], last: &str) -> Vec<Node> {
    let at = list.iter().position(|node| node.id.0 == last).unwrap_or_else(|| panic!("no step {last}"));
    let nodes = &list[..=at];
    let known = |id: &replant::runbook::StepId| nodes.iter().any(|node| node.id == *id);
    nodes.iter().cloned().map(|node| Node { until: node.until.clone().filter(known), ..node }).collect()
}

/// The first steps, up to this one.
fn part(of: &Case<Sim>, last: &str) -> Case<Sim> {
    let (nodes, world) = (cut(&of.nodes, last), Sim::new(of.world.world()));
    Case { name: of.name, nodes, world, parallelism: 1, by_hand: 0, lines: of.lines }
}

/// Done up to this step.
fn done_to(of: &Case<Sim>, last: &str) -> Scene<Sim> {
    let mut scene = Scene::new(&of.world);
    part(of, last).clean(&mut scene, Kind::Apply, last);
    scene
}

/// All is copied, and `/` is not what everybody believes.
fn lies(of: &Case<Sim>) -> Scene<Sim> {
    let scene = done_to(of, "all-in-sync");
    scene.world.change(|world| world.lie("vg0", "root"));
    scene
}

fn acting(ran: &Ran) -> Vec<String> {
    let step = |event: &Notice| match event {
        Notice::Acting { step, .. } => Some(step.0.clone()),
        _ => None,
    };
    ran.events.iter().filter_map(step).collect()
}

/// What the cutover stops runs again, and old is what it was.
fn serves(of: &Case<Sim>, sim: &Sim) -> bool {
    let world = sim.world();
    of.nodes.iter().filter(|node| node.stage == Stage::Cutover).all(|node| match &node.step {
        StepKind::Service(service) => service.units.iter().all(|unit| world.old.run.units.get(unit) != Some(&false)),
        StepKind::Remount(remount) if remount.target != "/boot" => {
            world.old.run.mounts.iter().any(|mount| mount.target == remount.target && !mount.read_only)
        }
        StepKind::SwapOff(_) => !world.old.run.swaps.is_empty(),
        _ => true,
    })
}

/// One run that finds it.
fn found(of: &Case<Sim>, scene: &mut Scene<Sim>) -> Ran {
    let ran = scene.run(of, Kind::Apply, Fault::None);
    let stopped = ran.result.as_ref().expect_err("a copy differs");
    assert_eq!(stopped.step.as_ref().map(|step| step.0.as_str()), Some("same-copies"), "{}: {stopped}", of.name);
    let said = stopped.to_string();
    for part in ["the copy of vg0/root differs", "within 10 s", "`replant apply` copies all", "`replant rollback`"] {
        assert!(said.contains(part), "{}: {said}", of.name);
    }
    assert!(!said.contains("vg0/var"), "{}: {said}", of.name);
    assert!(
        scene.world.world().old.on && serves(of, &scene.world),
        "{}: services run again, without anybody",
        of.name
    );
    ran
}

/// Where nobody compares, half a copy boots: this is what the comparison is for.
#[test]
fn a_copy_that_lies_is_believed_by_whoever_does_not_compare() {
    for at in 0..WAYS.len() {
        let of = pair(at, Verify::Off);
        assert!(!of.nodes.iter().any(|node| matches!(node.step, StepKind::Hashed(_) | StepKind::SameCopies(_))));
        let mut scene = lies(&of);
        let ran = scene.run(&of, Kind::Apply, Fault::None);
        let until = acting(&ran);
        let cut =
            until.iter().any(|step| step.starts_with("split-") || step.starts_with("back-") || step == "old-off");
        assert!(cut, "{}: {until:?}", of.name);
        assert!(scene.world.world().places.values().any(|place| *place == Written::Torn), "{}", of.name);
    }
}

/// It is found, services run again at once, and the same command copies everything again and reaches the goal.
#[test]
fn a_copy_that_lies_is_found_and_made_again() {
    for of in pairs() {
        let goal = of.goal(&of.world);
        let mut scene = lies(&of);
        let ran = found(&of, &mut scene);
        let done = acting(&ran);
        assert_eq!(done.last().map(String::as_str), Some("same-copies"), "{}: {done:?}", of.name);
        assert!(
            done.iter().all(|step| !step.starts_with("split-") && !step.starts_with("back-") && step != "old-off")
        );
        of.both_ways(&scene, &of.world, &goal, "a copy differed");
        let again = acting(&scene.run(&of, Kind::Apply, Fault::None));
        let at = |id: &str| {
            again.iter().position(|step| step.starts_with(id)).unwrap_or_else(|| panic!("{id}: {again:?}"))
        };
        let copied =
            if again.iter().any(|step| step.starts_with("mirror-")) { "mirror-vg0-root" } else { "copy-vg0-root" };
        assert!(at("fresh-copies") < at(copied) && at(copied) < at("stop-services"), "{}: {again:?}", of.name);
        assert!(at("stop-services") < at("hash-old"), "{}: what was hashed is hashed again: {again:?}", of.name);
    }
}

/// It lies again and again: it is never just compared once more and believed.
#[test]
fn a_copy_that_goes_on_lying_is_never_cut() {
    for of in pairs() {
        let mut scene = lies(&of);
        for _ in 0..3 {
            found(&of, &mut scene);
            part(&of, "all-in-sync").clean(&mut scene, Kind::Apply, "copied again");
            scene.world.change(|world| world.lie("vg0", "root"));
        }
        of.clean(&mut scene, Kind::Rollback, "it lies");
        of.as_found(&scene, &of.world, "it lies");
    }
}

/// Killed at whatever moment from the first look at a copy that lies to the moment when services run again: it is found then, or
/// it was begun again. An ordinary run tries some of them, `SWEEPS=all` all.
#[test]
fn nothing_of_a_lie_is_lost_in_between() {
    let (begin, every) = stride(4);
    for of in pairs() {
        let goal = of.goal(&of.world);
        let whole = acting(&found(&of, &mut lies(&of)));
        let first = whole.iter().position(|step| step.starts_with("hash-")).unwrap();
        for act in (first..whole.len()).skip((begin + of.name.len()) % every).step_by(every) {
            for effect in [false, true] {
                let when = format!("killed at {}, {effect}", whole[act]);
                let mut scene = lies(&of);
                assert!(scene.run(&of, Kind::Apply, Fault::Kill { act, effect }).result.is_err());
                let fired = whole[act] == "same-copies" && effect;
                assert_eq!(serves(&of, &scene.world), fired, "{}: {when}", of.name);
                // at once, and after the time in which services come back by themselves
                for long in [false, true] {
                    let mut scene = scene.fork();
                    if long {
                        scene.world.pass(Duration::from_secs(400));
                        assert!(serves(&of, &scene.world), "{}: {when}", of.name);
                    }
                    let mut on = scene.fork();
                    if !fired {
                        found(&of, &mut on);
                    }
                    of.both_ways(&on, &of.world, &goal, &when);
                    of.clean(&mut scene, Kind::Rollback, &when);
                    of.as_found(&scene, &of.world, &when);
                }
            }
        }
    }
}

/// Of a copy that nobody has hashed, or not since it was written to, nothing is known.
#[test]
fn what_was_hashed_before_a_write_means_nothing() {
    for of in pairs() {
        let goal = of.goal(&of.world);
        let mut scene = done_to(&of, "same-copies");
        // nobody was heard of: services came back, and wrote; and then the copy began to lie
        scene.world.pass(Duration::from_secs(400));
        assert!(serves(&of, &scene.world));
        scene.world.change(|world| world.lie("vg0", "root"));
        found(&of, &mut scene);
        of.both_ways(&scene, &of.world, &goal, "hashed before");
    }
}

/// A half that cannot be read is not the same as one that can.
#[test]
fn what_cannot_be_read_is_not_the_same() {
    let of = pair(2, Verify::Whole);
    for (server, said) in
        [(Server::New, "cannot be read on new's disks"), (Server::Old, "cannot be read on old's disks")]
    {
        let mut scene = Scene::new(&of.world);
        part(&of, "hash-new").clean(&mut scene, Kind::Apply, "hashed");
        let dir = of.nodes.iter().find_map(|node| match &node.step {
            StepKind::Hashed(hashed) => Some(hashed.dir.clone()),
            _ => None,
        });
        let hashes = format!("{}/hashes", dir.unwrap());
        scene.world.change(|world| {
            let text = world.read_file(server, &hashes).unwrap();
            let unread = text.lines().map(|line| format!("{} unread\n", line.split(' ').next().unwrap()));
            world.write_file(server, &hashes, &unread.collect::<String>(), 0o600).unwrap();
        });
        let stopped = scene.run(&of, Kind::Apply, Fault::None).result.unwrap_err();
        assert!(matches!(&stopped.reason, Reason::Refused(what) if what.contains(said)), "{stopped}");
        assert!(serves(&of, &scene.world));
    }
}
