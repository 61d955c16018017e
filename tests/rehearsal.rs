//! New boots what was copied, on snapshots, and is thrown back into its hold: whatever happens meanwhile, old is the only one
//! with its addresses, and what takes over in the end is what old has.

mod sweep;

use std::cell::RefCell;

use replant::course::{self, Runbook};
use replant::engine::{self, Notice, Options, Reason, Stopped, Summary};
use replant::facts::{self, Link};
use replant::host::{Act, HostError, Look, Output, Query, Server, Side};
use replant::journal::Kind;
use replant::rehearsal::{self, Report};
use replant::runbook::Stage;
use replant::sim::{FaultPlan, Sim, System, World as Pair, Written};
use replant::step::StepKind;
use sweep::share::{caught, stride};
use sweep::{Case, Fault, Ran, Scene, World, faults, pair};

fn book(case: &Case<Sim>) -> Runbook {
    let plan = pair::plan("lab");
    let facts = facts::both(&case.world).unwrap();
    Runbook {
        format: course::FORMAT,
        name: "sweep".into(),
        plan,
        plan_digest: "digest".into(),
        facts,
        facts_digest: String::new(),
        link: Link::default(),
        nodes: case.nodes.clone(),
    }
}

/// Everything is copied, and nothing of the cutover has begun.
fn copied(case: &Case<Sim>, scene: &mut Scene<Sim>) {
    let ran = scene.run_by(case, Fault::None, &|journal, hosts, options, observer| {
        let by = options.by.clone();
        let options = Options { until: Some(Stage::Copy), by, ..*options };
        engine::apply(&case.nodes, journal, hosts, &options, observer)
    });
    ran.result.unwrap_or_else(|stopped| panic!("{:?}: {stopped}", stopped.step));
}

fn scene(case: &Case<Sim>) -> Scene<Sim> {
    let mut scene = Scene::new(&case.world);
    copied(case, &mut scene);
    scene
}

fn rehearse(case: &Case<Sim>, book: &Runbook, scene: &mut Scene<Sim>, fault: Fault) -> (Ran, Option<Report>) {
    let seen = RefCell::new(None);
    let ran = scene.run_by(case, fault, &|journal, hosts, options, observer| {
        rehearsal::may(book, journal.state()).unwrap_or_else(|not| panic!("{}", not.why));
        let report = rehearsal::rehearse(book, journal, hosts, options, observer, &mut |_| {})?;
        seen.replace(Some(report));
        Ok(Summary::default())
    });
    (ran, seen.into_inner())
}

/// As `replant apply` and `replant rollback` do it: new holds again first.
fn after(case: &Case<Sim>, book: &Runbook, scene: &mut Scene<Sim>, kind: Kind) -> Result<Summary, Box<Stopped>> {
    let ran = scene.run_by(case, Fault::None, &|journal, hosts, options, observer| {
        rehearsal::bring_back(book, journal, hosts, options, observer)?;
        match kind {
            Kind::Apply => engine::apply(&case.nodes, journal, hosts, options, observer),
            Kind::Rollback => engine::rollback(&case.nodes, journal, hosts, options, observer),
        }
    });
    ran.result
}

/// From wherever it was left: another rehearsal, and then to the goal; to the goal at once; back to the beginning.
fn every_way_from(case: &Case<Sim>, book: &Runbook, left: &Scene<Sim>, goal: &str, when: &str) {
    let fine = |result: Result<Summary, Box<Stopped>>| {
        result.unwrap_or_else(|stopped| panic!("{when}: {:?}: {stopped}, seen {:?}", stopped.step, stopped.seen))
    };
    let mut again = left.fork();
    let (ran, report) = rehearse(case, book, &mut again, Fault::None);
    fine(ran.result);
    assert!(report.is_some_and(|report| report.good() && report.untouched), "{when}: the next rehearsal");
    let mut on = left.fork();
    for scene in [&mut again, &mut on] {
        fine(after(case, book, scene, Kind::Apply));
        sweep::same(&scene.text(), goal, &format!("{when}: going on does not reach the goal"));
        never(&scene.world.world(), when);
    }
    let mut back = left.fork();
    fine(after(case, book, &mut back, Kind::Rollback));
    case.as_found(&back, &case.world, when);
}

/// Not while old lives: the name and addresses of old on new, and the tag that lets new boot.
fn never(world: &Pair, when: &str) {
    if world.old.on {
        assert_ne!(world.new.system, System::Own, "{when}: both are up");
        let tags = world.places.values().filter_map(|place| match place {
            Written::Pv(label) => label.group.as_ref().map(|group| group.tags.clone()),
            _ => None,
        });
        assert!(tags.flatten().next().is_none(), "{when}: new would boot for good");
    }
}

/// How often a copy was begun from its beginning.
fn whole_copies(case: &Case<Sim>, ran: &Ran) -> usize {
    let copies = |event: &&Notice| match event {
        Notice::Acting { step, act: Act::Run { .. }, .. } => {
            case.nodes.iter().any(|node| node.id == *step && matches!(node.step, StepKind::Beneath(_)))
        }
        _ => false,
    };
    ran.events.iter().filter(copies).count()
}

#[test]
fn a_rehearsal_shows_what_would_take_over_and_leaves_nothing() {
    shown(&pair::held());
}

/// New has booted from a place of the hold's own, and what it rehearses has old's `/boot` inside.
#[test]
fn a_rehearsal_boots_from_no_place_of_the_hold() {
    shown(&pair::placed());
}

fn shown(case: &Case<Sim>) {
    let book = book(case);
    let goal = case.goal(&case.world);
    let mut scene = scene(case);
    let before = scene.text();
    let (ran, report) = rehearse(case, &book, &mut scene, Fault::None);
    ran.result.as_ref().unwrap_or_else(|stopped| panic!("{:?}: {stopped}", stopped.step));
    let report = report.expect("it came to its end");
    assert!(report.good() && report.untouched, "{report:?}");
    assert_eq!((report.system.as_str(), report.seconds, report.boot()), ("running", Some(30.0), Some(28.0)));
    sweep::same(&scene.text(), &before, "it leaves something");
    assert!(whole_copies(case, &ran) > 0, "the legs are taken in again");
    assert!(!scene.story().state.rehearsing());
    // as often as one likes
    let (ran, again) = rehearse(case, &book, &mut scene, Fault::None);
    assert!(ran.result.is_ok() && again.is_some_and(|again| again.good() && again.untouched));
    every_way_from(case, &book, &scene, &goal, "after two");
}

/// Each fault in each place of a rehearsal.
fn broken((first, step): (usize, usize)) {
    let case = pair::held();
    let book = book(&case);
    let goal = case.goal(&case.world);
    let copied = scene(&case);
    let (clean, _) = rehearse(&case, &book, &mut copied.fork(), Fault::None);
    let mut all = faults(&clean);
    all.extend((0..clean.acts).map(|act| Fault::Linger { act }));
    let mut wrong = Vec::new();
    for fault in all.iter().skip(first).step_by(step) {
        let tried = caught(|| {
            let mut scene = copied.fork();
            let (_, _) = rehearse(&case, &book, &mut scene, *fault);
            never(&scene.world.world(), &format!("{fault:?}"));
            every_way_from(&case, &book, &scene, &goal, &format!("{fault:?}"));
        });
        wrong.extend(tried.err().map(|text| format!("{fault:?}: {text}")));
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n\n"));
}

#[test]
fn whatever_breaks_it_new_holds_again_and_the_copies_go_on() {
    broken(stride(23));
}

/// A server loses its power before an act.
fn powerless(server: Server, (first, step): (usize, usize)) {
    let case = pair::held();
    let book = book(&case);
    let goal = case.goal(&case.world);
    let copied = scene(&case);
    let (clean, _) = rehearse(&case, &book, &mut copied.fork(), Fault::None);
    let mut wrong = Vec::new();
    for at in (first..clean.acts).step_by(step) {
        let when = format!("{server} lost its power before act {at}");
        let tried = caught(|| {
            let faults = FaultPlan { reboot: Some((at, server)), ..FaultPlan::default() };
            let mut scene = copied.with(Sim::with_faults(copied.world.world(), faults));
            let (_, _) = rehearse(&case, &book, &mut scene, Fault::None);
            never(&scene.world.world(), &when);
            every_way_from(&case, &book, &scene, &goal, &when);
        });
        wrong.extend(tried.err().map(|text| format!("{when}: {text}")));
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), clean.acts, wrong.join("\n\n"));
}

#[test]
fn old_loses_its_power() {
    powerless(Server::Old, stride(1));
}

#[test]
fn new_loses_its_power() {
    powerless(Server::New, stride(1));
}

/// A rehearsal that was left on, in this world.
fn left_on(case: &Case<Sim>, book: &Runbook, world: impl FnOnce(&mut Pair)) -> Scene<Sim> {
    let mut scene = scene(case);
    scene.world.change(world);
    let (clean, _) = rehearse(case, book, &mut scene.fork(), Fault::None);
    let on = |event: &&Notice| matches!(event, Notice::Acting { .. });
    let acts: Vec<&Notice> = clean.events.iter().filter(on).collect();
    let last =
        acts.iter().rposition(|event| matches!(event, Notice::Acting { step, .. } if step.0 == "rehearse-begin"));
    let act = last.expect("it begins");
    let (ran, _) = rehearse(case, book, &mut scene, Fault::Kill { act, effect: true });
    assert!(ran.result.is_err() && scene.world.world().new.run.rehearsal.is_some());
    scene
}

/// What it writes reaches new's volumes, and no array on old knows: only the count on new tells.
#[test]
fn what_was_written_to_is_copied_whole() {
    let case = pair::held();
    let book = book(&case);
    let goal = case.goal(&case.world);
    let mut scene = scene(&case);
    scene.world.change(|world| world.leaks = true);
    let (ran, report) = rehearse(&case, &book, &mut scene, Fault::None);
    ran.result.unwrap_or_else(|stopped| panic!("{:?}: {stopped}", stopped.step));
    assert!(report.is_some_and(|report| !report.untouched), "it was seen");
    after(&case, &book, &mut scene, Kind::Apply).unwrap_or_else(|stopped| panic!("{stopped}"));
    sweep::same(&scene.text(), &goal, "copied whole");

    // the same, left on, and new lost its power before anybody counted
    let mut scene = left_on(&case, &book, |world| world.leaks = true);
    scene.world.change(|world| world.reboot(Server::New));
    after(&case, &book, &mut scene, Kind::Apply).unwrap_or_else(|stopped| panic!("{stopped}"));
    sweep::same(&scene.text(), &goal, "copied whole, for nobody has counted");
}

/// What new and old say when it is asked whether anything was written.
struct Says {
    doing: &'static str,
    rested: u64,
    served: u64,
}

impl Look for Says {
    fn look(&self, _: Side, queries: &[Query]) -> Result<Vec<Output>, HostError> {
        let answer = |query: &Query| {
            let Query::Run(argv) = query else { panic!("{query:?}") };
            Output::ok(match argv[2].as_str() {
                script if script.contains("rehearsal $phase") => self.doing.to_string(),
                script if script.contains("pidof tgtd") => format!("up {}\n", self.served),
                _ => format!("now 5000\n{}.rest {}\n", argv[4].trim_end_matches(".rest"), 5000 - self.rested),
            })
        };
        Ok(queries.iter().map(answer).collect())
    }
}

#[test]
fn nobody_takes_for_untouched_what_was_not_counted() {
    let case = pair::held();
    let course = course::rehearsal(&book(&case), course::Room { mib: 64 }).unwrap();
    let step = course.prove[0].step.as_step();
    let forbids = |doing, rested, served| step.forbids(&Says { doing, rested, served }, Side::Old).unwrap();
    assert_eq!(forbids("rehearsal went 1\nwritten dm-3 0\nwritten md1 0\nsystem running\n", 100, 900), None);
    for (doing, why) in [
        ("rehearsal went 1\nwritten dm-3 0\nwritten md1 8\n", "8 sectors to md1"),
        ("rehearsal went 1\n", "nobody has counted"),
        ("holds\nrehearsal begun\n", "nobody has counted"),
        ("holds\nrehearsal failed x\nwritten md1 -8\n", "-8 sectors"),
        ("", "not in its hold"),
    ] {
        let told = forbids(doing, 100, 900).unwrap_or_default();
        assert!(told.contains(why), "{doing}: {told}");
    }
    // it holds: nothing was rehearsed since the copies began, or nobody knows
    assert_eq!(forbids("holds\n", 800, 900), None);
    assert!(forbids("holds\n", 900, 100).unwrap().contains("started again"));
}

/// The cutover never begins on what rehearses: the engine refuses, and so does new.
#[test]
fn nothing_else_is_done_while_one_is_on() {
    let case = pair::held();
    let book = book(&case);
    let scene = left_on(&case, &book, |_| {});
    for kind in [Kind::Apply, Kind::Rollback] {
        let mut scene = scene.fork();
        let ran = scene.run(&case, kind, Fault::None);
        assert_eq!((ran.acts, ran.looks), (0, 0));
        assert!(matches!(ran.result.unwrap_err().reason, Reason::Rehearsal));
    }
    let boot = case.nodes.iter().find(|node| node.id.0 == "own-boot").unwrap();
    let go = boot.step.as_step().apply().pop().unwrap();
    let world = scene.world.fork();
    let refused = replant::host::Hosts::act(&world, Side::New, "own-boot.apply.0", &go).unwrap_err();
    assert!(refused.to_string().contains("a rehearsal is on"), "{refused}");
    never(&world.world(), "let go on by hand");
    // without it the journal says that all is well, and the copies do not: they are what the cutover asks for
    let mut scene = scene.fork();
    let ran = scene.run_by(&case, Fault::None, &|journal, hosts, options, observer| {
        let cutover: Vec<_> = case.nodes.iter().filter(|node| node.id.0 == "all-in-sync").cloned().collect();
        let nodes: Vec<_> =
            cutover.into_iter().map(|node| replant::runbook::Node { after: vec![], until: None, ..node }).collect();
        engine::apply(&nodes, &mut journal.beside(), hosts, options, observer)
    });
    assert!(matches!(ran.result.unwrap_err().reason, Reason::Refused(_)), "the legs rest");
}

#[test]
fn new_that_does_not_answer_any_more_is_switched_off_and_on() {
    let case = pair::held();
    let book = book(&case);
    let goal = case.goal(&case.world);
    let mut scene = left_on(&case, &book, |_| {});
    scene.world.change(|world| world.new.system = System::None("its kernel has stopped".into()));
    every_way_from(&case, &book, &scene, &goal, "hung");
    // switched by hand, it is waited for and said
    let mut by_hand = book.clone();
    by_hand.plan.new.power = replant::plan::Power::Manual { console: None };
    let stopped = after(&case, &by_hand, &mut scene, Kind::Apply).unwrap_err();
    assert!(matches!(stopped.reason, Reason::Patience { .. }), "{stopped}");
    assert!(scene.story().state.rehearsing());
    scene.world.change(|world| world.reboot(Server::New));
    after(&case, &by_hand, &mut scene, Kind::Apply).unwrap_or_else(|stopped| panic!("{stopped}"));
    sweep::same(&scene.text(), &goal, "switched off and on by a person");
}

/// It is there to be seen, and thrown away all the same.
#[test]
fn a_system_that_does_not_come_up_is_told() {
    let case = pair::held();
    let book = book(&case);
    let mut scene = scene(&case);
    scene.world.change(|world| {
        let fstab = world.read_file(Server::Old, "/etc/fstab").unwrap();
        let line = "UUID=00000000-1111-4222-8333-444444444444 /srv ext4 defaults 0 2\n";
        world.write_file(Server::Old, "/etc/fstab", &(fstab + line), 0o644).map(drop).unwrap();
    });
    let (ran, report) = rehearse(&case, &book, &mut scene, Fault::None);
    ran.result.unwrap_or_else(|stopped| panic!("{:?}: {stopped}", stopped.step));
    let report = report.unwrap();
    assert!(
        !report.good() && report.untouched && report.system == "maintenance" && report.boot().is_none(),
        "{report:?}"
    );
    assert!(!scene.story().state.rehearsing() && scene.world.world().in_hold());
}

/// Each of these waits for the one before it: whatever ends it in between, nothing is written that nobody counts.
#[test]
fn nobody_can_write_to_what_is_rehearsed_on() {
    let case = pair::held();
    let course = course::rehearsal(&book(&case), course::Room { mib: 64 }).unwrap();
    let place = |is: &dyn Fn(&StepKind) -> bool| {
        let places = (0..course.begin.len()).filter(|at| is(&course.begin[*at].step));
        places.collect::<Vec<_>>()
    };
    let (synced, rest) =
        (place(&|step| matches!(step, StepKind::InStep(_))), place(&|step| matches!(step, StepKind::AtRest(_))));
    let (out, gone) =
        (place(&|step| matches!(step, StepKind::Logout(_))), place(&|step| matches!(step, StepKind::LioGone(_))));
    let begin = place(&|step| matches!(step, StepKind::Rehearsal(_)));
    let copies = case.nodes.iter().filter(|node| matches!(node.step, StepKind::Beneath(_))).count();
    assert_eq!((synced.len(), rest.len(), out.len(), gone.len(), begin.len()), (1, 1, copies, copies, 1));
    assert_eq!([synced, rest, out, gone, begin].concat(), (0..course.begin.len()).collect::<Vec<_>>());
    for pair in course.begin.windows(2) {
        assert_eq!(pair[1].after, [pair[0].id.clone()]);
    }
}

#[test]
fn it_is_rehearsed_only_between_the_copy_and_the_cutover() {
    let case = pair::held();
    let held = book(&case);
    let fresh = Scene::new(&case.world);
    let why = |book: &Runbook, scene: &Scene<Sim>| rehearsal::may(book, &scene.story().state).unwrap_err().why;
    assert!(why(&held, &fresh).contains("not everything is copied"));
    let mut done = scene(&case);
    after(&case, &held, &mut done, Kind::Apply).unwrap_or_else(|stopped| panic!("{stopped}"));
    assert!(why(&held, &done).contains("cutover"));
    let mut back = scene(&case);
    after(&case, &held, &mut back, Kind::Rollback).unwrap_or_else(|stopped| panic!("{stopped}"));
    assert!(why(&held, &back).contains("taken back"));
    let other = pair::below();
    assert!(why(&book(&other), &scene(&other)).contains("boot: held"));
}
