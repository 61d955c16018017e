//! Two servers are never up with the same name: old comes back at every moment, power controls and persons say what is not
//! so, and a run ends between any two lines of the journal, with every mix of power controls.

mod sweep;

use replant::engine::Reason;
use replant::host::power::Request;
use replant::host::{PowerTo, Server, Side};
use replant::journal::{Entry, Event, Kind, Run};
use replant::sim::{Back, Control, Effect, FaultPlan, Moment, Person, Sim, System};
use sweep::share::stride;
use sweep::{Case, Fault, Scene, World, pair};

/// The lab's pair, switched so.
fn case(name: &'static str, old: Control, new: Control, person: Person) -> Case<Sim> {
    let plan = pair::plan("lab");
    let world = Sim::from_plan(&plan, None);
    world.change(|world| {
        world.controls = [(Server::Old, old), (Server::New, new)].into();
        world.person = person;
    });
    pair::case(name, &plan, world)
}

fn usual() -> Case<Sim> {
    case("by commands", Control::Command, Control::Command, Person::Truthful)
}

/// The migration as it stands right after this event of this step was recorded: then we were killed.
fn after(case: &Case<Sim>, step: &str, event: &Event) -> Scene<Sim> {
    let mut clean = Scene::new(&case.world);
    case.clean(&mut clean, Kind::Apply, "to its end");
    let is = |entry: &Entry| matches!(entry, Entry::Step { id, event: it } if id.0 == step && it == event);
    let line = clean.story().lines.iter().position(|line| is(&line.entry));
    let line = line.unwrap_or_else(|| panic!("{step} was never {event:?}"));
    let mut scene = Scene::new(&case.world);
    let ran = scene.run(case, Kind::Apply, Fault::Crash { line, written: true });
    assert!(ran.result.is_err());
    scene
}

fn switch(scene: &Scene<Sim>, old: Control, new: Control, person: Person) {
    scene.world.change(|world| {
        world.controls = [(Server::Old, old), (Server::New, new)].into();
        world.person = person;
    });
}

/// Goes back, and finds old as it was.
fn back(case: &Case<Sim>, scene: &Scene<Sim>, when: &str) {
    let mut back = scene.fork();
    // whatever is still in its firmware comes out of it
    back.world.change(|world| world.old.firmware = world.old.firmware.map(|_| 1));
    case.clean(&mut back, Kind::Rollback, when);
    case.as_found(&back, &case.world, when);
}

const MIXES: [(&str, Control, Control); 4] = [
    ("both by commands", Control::Command, Control::Command),
    ("old by hand", Control::Manual, Control::Command),
    ("new by hand", Control::Command, Control::Manual),
    ("both by hand", Control::Manual, Control::Manual),
];

// ---- every mix of controls, from every line -------------------------------------------------------------------------

/// Ended after each line of the journal, the migration goes on to its goal, and goes back to where it began.
fn from_every_line(
    name: &'static str,
    (old, new): (Control, Control),
    usual: usize,
    check: impl Fn(&Case<Sim>, &Scene<Sim>, &str),
) {
    let case = case(name, old, new, Person::Truthful);
    let start = after(&case, "power-ready", &Event::Adopted);
    let lines = start.fork().run(&case, Kind::Apply, Fault::None).lines;
    assert!(lines > 100, "{lines}");
    for line in (0..lines).step_by(stride(usual).1) {
        let mut scene = start.fork();
        let ran = scene.run(&case, Kind::Apply, Fault::Crash { line, written: true });
        let when = format!("ended after line {line} ({:?})", scene.story().lines.last().map(|line| &line.entry));
        assert!(ran.result.is_err(), "{when}");
        check(&case, &scene, &when);
    }
}

/// Whoever is there says what is so.
fn truthful(name: &'static str, old: Control, new: Control) {
    let goal = usual().goal(&usual().world);
    from_every_line(name, (old, new), 9, |case, scene, when| case.both_ways(scene, &case.world, &goal, when));
}

#[test]
fn commands_from_every_line() {
    truthful("both by commands", Control::Command, Control::Command);
}

#[test]
fn old_by_hand_from_every_line() {
    truthful("old by hand", Control::Manual, Control::Command);
}

#[test]
fn new_by_hand_from_every_line() {
    truthful("new by hand", Control::Command, Control::Manual);
}

#[test]
fn both_by_hand_from_every_line() {
    truthful("both by hand", Control::Manual, Control::Manual);
}

/// A person who says yes to everything and does nothing: whatever they say, both are never up, nothing is lost, and it does
/// not end well unless it is so.
#[test]
fn a_liar_from_every_line() {
    for (name, old, new) in MIXES.into_iter().skip(1) {
        from_every_line(name, (old, new), 13, |case, scene, when| {
            for kind in [Kind::Apply, Kind::Rollback] {
                let mut lied = scene.fork();
                lied.world.change(|world| world.person = Person::Liar);
                let ran = lied.run(case, kind, Fault::None);
                let world = lied.world.world();
                assert!(!(world.old.on && world.new.system == System::Own), "{when}: both are up");
                match (ran.result, kind) {
                    (Ok(_), Kind::Apply) => assert!(!world.old.on && world.new.system == System::Own, "{when}"),
                    (Ok(_), Kind::Rollback) => assert!(world.old.on, "{when}"),
                    // somebody who means it goes on from there
                    (Err(_), _) => {
                        lied.world.change(|world| world.person = Person::Truthful);
                        back(case, &lied, when);
                    }
                }
            }
        });
    }
}

/// What a person said is in the journal, and it is what a later run without anybody there goes by.
#[test]
fn what_was_said_is_in_the_journal() {
    let case = case("old by hand", Control::Manual, Control::Command, Person::Truthful);
    let scene = after(&case, "old-off", &Event::Done);
    let said = |scene: &Scene<Sim>| {
        let lines = scene.story().lines;
        lines.iter().filter(|line| matches!(&line.entry, Entry::Run(Run::Said(said)) if !said.on)).count()
    };
    assert_eq!(said(&scene), 1);
    switch(&scene, Control::Manual, Control::Command, Person::Absent);
    // another process: it has only the journal
    let mut scene = scene.fork();
    case.clean(&mut scene, Kind::Apply, "nobody is there any more");
    assert!(!scene.world.world().old.on && scene.world.world().new.system == System::Own);
}

/// The answer is lost with the process; the person is asked again, and not for the same thing twice.
#[test]
fn an_answer_that_was_not_kept_is_asked_for_again() {
    let case = case("old by hand", Control::Manual, Control::Command, Person::Truthful);
    let scene = after(&case, "old-off", &Event::Began);
    scene.world.change(|world| world.power(Server::Old, PowerTo::Off));
    let mut scene = scene.fork();
    case.clean(&mut scene, Kind::Apply, "they did it, and we do not know");
    let asked = scene.world.asked();
    assert!(matches!(asked[0], Request::IsOff { server: Server::Old, .. }), "{asked:?}");
    // and once more in the moment in which new gets the name
    assert_eq!(asked[1..], [Request::StillOff { server: Server::Old }]);
}

/// Going back, ended after each line and begun again, with every mix.
#[test]
fn every_mix_goes_back_from_every_line() {
    for (name, old, new) in MIXES {
        let case = case(name, old, new, Person::Truthful);
        for (step, event) in [("still-quiet", Event::Adopted), ("old-off", Event::Done), ("own-boot", Event::Done)] {
            let start = after(&case, step, &event);
            let lines = start.fork().run(&case, Kind::Rollback, Fault::None).lines;
            for line in (0..lines).step_by(if step == "still-quiet" { stride(17).1 } else { stride(3).1 }) {
                for person in [Person::Truthful, Person::Liar] {
                    let mut scene = start.fork();
                    let _ = scene.run(&case, Kind::Rollback, Fault::Crash { line, written: true });
                    let when =
                        format!("{name}: back from {step}, ended after line {line}, then a person: {person:?}");
                    let mut again = scene.fork();
                    again.world.change(|world| world.person = person);
                    let ran = again.run(&case, Kind::Rollback, Fault::None);
                    let world = again.world.world();
                    assert!(!(world.old.on && world.new.system == System::Own), "{when}: both are up");
                    assert!(ran.result.is_ok() || person == Person::Liar, "{when}: {:?}", ran.result);
                    again.world.change(|world| world.person = Person::Truthful);
                    back(&case, &again, &when);
                }
            }
        }
    }
}

// ---- old comes back -------------------------------------------------------------------------------------------------

/// Somebody switches old on at any moment of `boot` and `grow`, and it boots at once, in a moment, or not until much later.
#[test]
fn old_back_at_every_moment_of_boot() {
    let case = usual();
    let start = after(&case, "old-off", &Event::Done);
    let clean = |faults| {
        let mut scene = start.with(Sim::with_faults(start.world.world(), faults));
        let ran = scene.run(&case, Kind::Apply, Fault::None);
        (scene, ran)
    };
    let (scene, ran) = clean(FaultPlan::default());
    let (looks, acts) = (scene.world.looks_and_power(), ran.acts);
    ran.result.unwrap_or_else(|stopped| panic!("{stopped}"));
    let moments = (0..looks).map(Moment::Look).chain((0..acts).map(Moment::Act));
    let (mut refused, mut late) = (0, 0);
    for (at, number) in moments.step_by(stride(5).1).zip(0usize..) {
        for firmware in [0, 3, usize::MAX] {
            let back_at = Back { server: Server::Old, at, firmware };
            let when = format!("old is switched on at {at:?}, {firmware} looks in its firmware");
            let world = start.world.fork();
            world.change(|world| world.louder = [Server::Old, Server::New][number % 2]);
            let faults = FaultPlan { back: Some(back_at), ..FaultPlan::default() };
            let mut scene = start.with(Sim::with_faults(world.world(), faults));
            let ran = scene.run(&case, Kind::Apply, Fault::None);
            let world = scene.world.world();
            assert!(!(ran.result.is_ok() && world.old.on), "{when}: it ends well, and old is on");
            let Err(stopped) = ran.result else {
                late += 1;
                continue;
            };
            refused += 1;
            assert!(stopped.to_string().contains("old"), "{when}: {stopped}");
            let ran_meanwhile = world.old.system == System::Own;
            let up = world.new.system == System::Own;
            if !up {
                back(&case, &scene, &when);
            }
            // somebody switches it off again: what it may have written is not forgotten with that
            let mut on = scene.with(Sim::new(scene.world.world()));
            on.world.change(|world| world.power(Server::Old, PowerTo::Off));
            for time in ["once", "twice"] {
                let ran = on.run(&case, Kind::Apply, Fault::None);
                let when = format!("{when}: gone on with {time}");
                match ran.result {
                    Ok(_) => assert!(up || !ran_meanwhile, "{when}: old has served, and that is lost"),
                    Err(stopped) if ran_meanwhile && !up => {
                        assert!(stopped.to_string().contains("old has been booted"), "{when}: {stopped}");
                        assert!(on.world.world().new.system != System::Own, "{when}");
                    }
                    Err(stopped) => panic!("{when}: {:?}: {stopped}", stopped.step),
                }
            }
            if !up && ran_meanwhile {
                back(&case, &on, &when);
            }
        }
    }
    assert!(refused > 0 && late * 10 < refused, "{refused} refused, {late} not noticed");
}

/// In the moment of switching itself: after the step has looked.
#[test]
fn old_back_between_the_look_and_the_act_of_own_boot() {
    for (name, old, new) in MIXES {
        let case = case(name, old, new, Person::Truthful);
        let start = after(&case, "own-boot", &Event::Began);
        for at in [Moment::Act(0), Moment::Look(0)] {
            let back_at = Back { server: Server::Old, at, firmware: usize::MAX };
            let faults = FaultPlan { back: Some(back_at), ..FaultPlan::default() };
            let mut scene = start.with(Sim::with_faults(start.world.world(), faults));
            let stopped = scene.run(&case, Kind::Apply, Fault::None).result.expect_err(name);
            assert!(scene.world.world().new.system != System::Own, "{name}: {at:?}: {stopped}");
            back(&case, &scene, name);
        }
    }
}

// ---- what is said, against what is so --------------------------------------------------------------------------------

/// The way back switches old on only when new is off, whoever says that it is.
#[test]
fn new_is_not_off_because_somebody_says_so() {
    let case = usual();
    for (what, new, person) in [
        ("a control that always says off", Control::SaysOff, Person::Absent),
        ("a control that always says off, and a liar", Control::SaysOff, Person::Liar),
        ("a liar", Control::Manual, Person::Liar),
        ("a control that fails, and a liar", Control::Broken, Person::Liar),
        ("a control that fails, and nobody", Control::Broken, Person::Absent),
    ] {
        for step in ["own-boot", "same-system", "serves"] {
            let event = if step == "own-boot" { Event::Done } else { Event::Adopted };
            let mut scene = after(&case, step, &event);
            switch(&scene, Control::Command, new, person);
            let before = scene.world.text(None);
            let stopped = scene.run(&case, Kind::Rollback, Fault::None).result.expect_err(what);
            let when = format!("{what}, back from {step}: {stopped}");
            sweep::same(&scene.text(), &before, &when);
            // with what works, it goes
            switch(&scene, Control::Command, Control::Command, Person::Absent);
            back(&case, &scene, &when);
        }
    }
}

/// The way forward likewise.
#[test]
fn old_is_not_off_because_somebody_says_so() {
    let case = usual();
    for (what, old, person) in [
        ("a control that always says off", Control::SaysOff, Person::Absent),
        ("a control that always says off, and a liar", Control::SaysOff, Person::Liar),
        ("a liar", Control::Manual, Person::Liar),
        ("a control that fails, and a liar", Control::Broken, Person::Liar),
        ("a control that always says on, and a liar", Control::SaysOn, Person::Liar),
        ("a control that always says on, and nobody", Control::SaysOn, Person::Absent),
        ("somebody who does not do it", Control::Manual, Person::Unwilling),
    ] {
        let mut scene = after(&case, "still-quiet", &Event::Adopted);
        switch(&scene, old, Control::Command, person);
        let stopped = scene.run(&case, Kind::Apply, Fault::None).result.expect_err(what);
        let world = scene.world.world();
        assert!(world.old.on && world.new.system == System::Rescue, "{what}: {stopped}");
        assert_eq!(stopped.step.unwrap().0, "old-off", "{what}");
        switch(&scene, Control::Command, Control::Command, Person::Absent);
        back(&case, &scene, what);
    }
}

/// No step of old is ever done on new, whose name, address and host key are the same.
#[test]
fn nothing_of_old_is_done_on_new() {
    let case = usual();
    let mut scene = Scene::new(&case.world);
    case.clean(&mut scene, Kind::Apply, "to its end");
    let before = scene.text();
    for node in case.nodes.iter().filter(|node| node.on == Side::Old && !node.fence) {
        let step = node.step.as_step();
        if let Ok(seen) = step.observe(&scene.world, node.on) {
            // what is asked of power alone
            assert!(matches!(node.id.0.as_str(), "still-quiet" | "power-ready"), "{}: {seen:?}", node.id);
        }
        for act in step.apply() {
            let done = replant::host::Hosts::act(&scene.world, node.on, "a step of old", &act);
            let error = done.expect_err(&node.id.0).to_string();
            assert!(error.contains("another machine: by its hardware it is new"), "{}: {error}", node.id);
        }
    }
    sweep::same(&scene.text(), &before, "new has the steps of old");
}

// ---- power controls that do not work ----------------------------------------------------------------------------------

/// Killed between off and on: new is off, and every later apply switches it on.
#[test]
fn new_that_was_left_off_is_switched_on() {
    let case = usual();
    let goal = case.goal(&case.world);
    let start = after(&case, "own-boot", &Event::Began);
    for (turn, effect) in
        [(0, Effect::Done), (1, Effect::None), (1, Effect::Done), (2, Effect::None), (2, Effect::Done)]
    {
        let faults = FaultPlan { turn: Some((turn, effect)), ..FaultPlan::default() };
        let mut scene = start.with(Sim::with_faults(start.world.world(), faults));
        scene.world.change(|world| world.person = Person::Absent);
        assert!(scene.run(&case, Kind::Apply, Fault::None).result.is_err());
        assert_eq!(scene.world.world().new.on, (turn, effect) == (2, Effect::Done));
        case.both_ways(&scene, &case.world, &goal, &format!("killed at turn {turn}, {effect:?}"));
    }
}

/// A control that fails in the middle: whoever is there does it by hand, and their word is checked as any other.
#[test]
fn a_control_that_fails_falls_back_to_a_person() {
    for (old, new) in [
        (Control::Broken, Control::Command),
        (Control::Command, Control::Broken),
        (Control::Broken, Control::Broken),
        (Control::Mute, Control::Mute),
        (Control::SaysOff, Control::SaysOff),
    ] {
        let case = usual();
        let goal = case.goal(&case.world);
        for (step, event) in [("still-quiet", Event::Adopted), ("old-off", Event::Done), ("unmount", Event::Done)] {
            let scene = after(&case, step, &event);
            switch(&scene, old, new, Person::Truthful);
            let when = format!("{old:?}, {new:?} after {step}");
            let mut on = scene.fork();
            let ran = on.run(&case, Kind::Apply, Fault::None);
            match ran.result {
                Ok(_) => sweep::same(&on.text(), &goal, &when),
                Err(stopped) => panic!("{when}: {:?}: {stopped}", stopped.step),
            }
            assert!(!on.world.asked().is_empty(), "{when}: nobody was asked");
            back(&case, &on, &when);
        }
    }
}

/// What will be needed later is asked for while services still run.
#[test]
fn power_is_tried_before_services_stop() {
    let refused = |old, new, person| {
        let case = case("tried", old, new, person);
        let mut scene = Scene::new(&case.world);
        let stopped = scene.run(&case, Kind::Apply, Fault::None).result.expect_err("it cannot be switched");
        assert!(matches!(stopped.reason, Reason::Refused(_)), "{stopped}");
        assert_eq!(stopped.step.as_ref().unwrap().0, "power-ready", "{stopped}");
        let units = scene.world.world().old.run.units.clone();
        assert!(units["rec.service"], "services run on");
        case.clean(&mut scene, Kind::Rollback, "refused");
        stopped.to_string()
    };
    for broken in [Control::Broken, Control::SaysOff, Control::Mute] {
        for person in [Person::Absent, Person::Unwilling] {
            let text = refused(broken, Control::Command, person);
            assert!(text.contains("old") && text.contains("cannot be switched"), "{text}");
            let text = refused(Control::Command, broken, person);
            assert!(text.contains("new") && text.contains("cannot be switched"), "{text}");
        }
    }
    for (old, new, who) in [
        (Control::Manual, Control::Command, "old"),
        (Control::Command, Control::Manual, "new"),
        (Control::Manual, Control::Manual, "old"),
    ] {
        let text = refused(old, new, Person::Absent);
        assert!(text.contains(&format!("{who} is switched by hand, and nobody is there")), "{text}");
    }
    // whoever is there says that they will do it
    let case = case("stands in", Control::Broken, Control::Broken, Person::Truthful);
    let mut scene = Scene::new(&case.world);
    case.clean(&mut scene, Kind::Apply, "a person stands in");
    assert!(matches!(scene.world.asked()[0], Request::ByHand { server: Server::Old, .. }));
}
