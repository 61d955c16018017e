//! The way back, and who may go it: killed at any place of it, new lost for good, journals older than the world.

use super::*;

/// Only the steps of these stages.
fn within(mut case: Case<Sim>, last: Stage) -> Case<Sim> {
    let nodes: Vec<Node> = case.nodes.iter().take_while(|node| node.stage <= last).cloned().collect();
    case.nodes = nodes.iter().cloned().map(|node| ends_within(node, &nodes)).collect();
    case
}

/// Forward again after a way back that was ended in its middle, and then back. Right behind the cut old is silent still: LVM
/// can keep no record of its group on a read-only `/`, and only going back is left.
fn forward_and_back(case: &Case<Sim>, mut on: Scene<Sim>, when: &str) {
    match on.run(case, Kind::Apply, Fault::None).result {
        Ok(_) => assert_eq!(case.clean(&mut on, Kind::Apply, when).acts, 0, "{when}: applied again, it acts"),
        Err(stopped) => {
            let silent = stopped.to_string().contains("Cannot archive volume group metadata");
            assert!(silent, "{when}: Apply stopped at {:?}: {stopped}, seen {:?}", stopped.step, stopped.seen);
        }
    }
    case.clean(&mut on, Kind::Rollback, when);
    case.as_found(&on, &case.world, when);
}

/// A rollback of these steps, killed before and after each act: gone on with, it leaves both servers as they were found.
fn killed_on_the_way_back(case: Case<Sim>, usual: usize) {
    let mut applied = Scene::new(&case.world);
    case.clean(&mut applied, Kind::Apply, "before the rollback");
    let clean = applied.fork().run(&case, Kind::Rollback, Fault::None);
    let (first, every) = stride(usual);
    let mut wrong = Vec::new();
    for act in (first..clean.acts).step_by(every) {
        for effect in [false, true] {
            let tried = caught(|| {
                let mut scene = applied.fork();
                assert!(scene.run(&case, Kind::Rollback, Fault::Kill { act, effect }).result.is_err());
                let when = format!("killed at act {act} of the way back, {effect}");
                forward_and_back(&case, scene.fork(), &when);
                case.clean(&mut scene, Kind::Rollback, &when);
                case.as_found(&scene, &case.world, &when);
            });
            wrong.extend(tried.err());
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), 2 * clean.acts, wrong.join("\n\n"));
}

/// From the copy back, and forward again.
#[test]
fn killed_on_the_way_back_from_the_copy() {
    killed_on_the_way_back(within(tgt(), Stage::Copy), 5);
    killed_on_the_way_back(within(lio(), Stage::Copy), 5);
    killed_on_the_way_back(within(below(), Stage::Copy), 5);
    killed_on_the_way_back(within(held(), Stage::Copy), 5);
}

#[test]
fn killed_on_the_way_back_from_the_cutover() {
    killed_on_the_way_back(before_the_change_of_servers(tgt()), 5);
    killed_on_the_way_back(before_the_change_of_servers(lio()), 5);
    killed_on_the_way_back(before_the_change_of_servers(below()), 5);
    killed_on_the_way_back(before_the_change_of_servers(held()), 5);
}

// ---- new is lost for good -------------------------------------------------------------------------------------------

/// The operator says that new is gone, and goes back.
fn without_new(case: &Case<Sim>, scene: &mut Scene<Sim>, when: &str) {
    scene.give_up_new(case);
    let ran = case.clean(scene, Kind::Rollback, when);
    // its power control may be lost with it, and old is on
    let switched = |event: &Notice| matches!(event, Notice::Acting { act: replant::host::Act::Power { .. }, .. });
    assert!(!ran.events.iter().any(switched), "{when}: power is switched");
    case.as_found(scene, &case.world, when);
    assert_eq!(case.clean(scene, Kind::Rollback, when).acts, 0, "{when}: taken back again, it acts");
    let refused = scene.run(case, Kind::Apply, Fault::None).result.unwrap_err();
    assert!(matches!(refused.reason, replant::engine::Reason::Abandoned(_)), "{when}: {refused}");
}

/// New dies for good before an act of an apply: going back without it leaves old as it was found. `old_reboots`: somebody
/// thought that this would help.
fn new_dies(case: Case<Sim>, old_reboots: bool, usual: usize) {
    let case = before_the_change_of_servers(case);
    let acts = Scene::new(&case.world).run(&case, Kind::Apply, Fault::None).acts;
    let (first, every) = stride(usual);
    let mut wrong = Vec::new();
    for at in (first..acts).step_by(every) {
        let faults = FaultPlan { dead: Some((at, Server::New)), ..FaultPlan::default() };
        let tried = caught(|| {
            let mut scene = Scene::within(Sim::with_faults(case.world.world(), faults));
            let ended = scene.run(&case, Kind::Apply, Fault::None).result.map_err(|stopped| stopped.to_string());
            let mut scene = scene.fork();
            let when = format!("new died before act {at}, apply ended in {:?}", ended.err());
            if old_reboots {
                scene.world.change(|world| world.reboot(Server::Old));
            }
            // first without the word: what was done until then counts too
            let mut asked = scene.fork();
            let stopped = asked.run(&case, Kind::Rollback, Fault::None).result;
            assert!(
                stopped.as_ref().is_ok_and(|summary| summary.undone.is_empty())
                    || stopped.is_err_and(|stopped| stopped.side == Some(Side::New)),
                "{when}: going back does not stop at what is on new"
            );
            without_new(&case, &mut asked, &when);
            without_new(&case, &mut scene, &when);
        });
        wrong.extend(tried.err().map(|text| format!("act {at}: {text}")));
    }
    assert!(wrong.is_empty(), "{} of {acts}:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn new_dies_for_good() {
    new_dies(tgt(), false, 9);
    new_dies(lio(), false, 9);
    new_dies(below(), false, 9);
    new_dies(held(), false, 9);
}

#[test]
fn new_dies_for_good_and_old_reboots() {
    new_dies(tgt(), true, 9);
    new_dies(lio(), true, 9);
    new_dies(below(), true, 9);
    new_dies(held(), true, 9);
}

/// The same before an act of the way back.
#[test]
fn new_dies_for_good_on_the_way_back() {
    for case in [tgt(), lio(), below(), held()] {
        let case = before_the_change_of_servers(case);
        let mut applied = Scene::new(&case.world);
        case.clean(&mut applied, Kind::Apply, "before the rollback");
        let acts = applied.fork().run(&case, Kind::Rollback, Fault::None).acts;
        let (first, every) = stride(9);
        for at in (first..acts).step_by(every) {
            let mut scene = applied.fork();
            let faults = FaultPlan { dead: Some((at, Server::New)), ..FaultPlan::default() };
            scene.world = Sim::with_faults(scene.world.world(), faults);
            let ended = scene.run(&case, Kind::Rollback, Fault::None).result.map_err(|stopped| stopped.to_string());
            without_new(
                &case,
                &mut scene.fork(),
                &format!("new died before act {at} of the way back, {:?}", ended.err()),
            );
        }
    }
}

// ---- acts that go on without whoever began them ---------------------------------------------------------------------

/// Killed while an act runs on a server, which goes on there and has its effect later: whoever comes next, in either
/// direction, does not act behind its back.
fn left_running(case: Case<Sim>, usual: usize) {
    let case = before_the_change_of_servers(case);
    let (first, every) = stride(usual);
    let acts = Scene::new(&case.world).run(&case, Kind::Apply, Fault::None).acts;
    for act in (first..acts).step_by(every) {
        let mut scene = Scene::new(&case.world);
        scene.run(&case, Kind::Apply, Fault::Linger { act });
        let when = format!("{}: act {act} was left running", case.name);
        let mut on = scene.fork();
        case.clean(&mut on, Kind::Apply, &when);
        assert_eq!(case.clean(&mut on, Kind::Apply, &when).acts, 0, "{when}: applied again, it acts");
        case.clean(&mut scene, Kind::Rollback, &when);
        case.as_found(&scene, &case.world, &when);
    }
    let mut applied = Scene::new(&case.world);
    case.clean(&mut applied, Kind::Apply, "before the rollback");
    let acts = applied.fork().run(&case, Kind::Rollback, Fault::None).acts;
    for act in (first..acts).step_by(every) {
        let mut scene = applied.fork();
        scene.run(&case, Kind::Rollback, Fault::Linger { act });
        let when = format!("{}: act {act} of the way back was left running", case.name);
        forward_and_back(&case, scene.fork(), &when);
        case.clean(&mut scene, Kind::Rollback, &when);
        case.as_found(&scene, &case.world, &when);
    }
}

#[test]
fn what_was_left_running_ends_first_tgt() {
    left_running(tgt(), 5);
}

#[test]
fn what_was_left_running_ends_first_lio() {
    left_running(lio(), 5);
}

#[test]
fn what_was_left_running_ends_first_below() {
    left_running(below(), 5);
}

#[test]
fn what_was_left_running_ends_first_held() {
    left_running(held(), 5);
}

// ---- journals older than the world ----------------------------------------------------------------------------------

/// A journal that ends earlier, in the world as it is now: neither way is gone, nothing is done.
fn refused(case: &Case<Sim>, now: &Scene<Sim>, lines: usize, when: &str) {
    for kind in [Kind::Apply, Kind::Rollback] {
        let mut scene = now.with_lines(lines);
        let before = scene.world.world();
        let ran = scene.run(case, kind, Fault::None);
        let Err(stopped) = ran.result else { panic!("{when}, {lines} lines: {kind:?} went on by an older journal") };
        assert_eq!(ran.acts, 0, "{when}, {lines} lines: {kind:?} acted by an older journal: {stopped}");
        assert!(stopped.to_string().contains("older"), "{when}, {lines} lines: {kind:?}: {stopped}");
        assert!(scene.world.world() == before, "{when}, {lines} lines: {kind:?} changed something");
    }
}

/// After all is done: every journal that lacks a line.
#[test]
fn older_journals_do_nothing_to_the_migrated_system() {
    let case = tgt();
    let mut scene = Scene::new(&case.world);
    case.clean(&mut scene, Kind::Apply, "to the end");
    let (first, every) = stride(7);
    let all = scene.story().lines.len();
    for lines in (first..all).step_by(every).chain([all - 1]) {
        refused(&case, &scene, lines, "new has taken over");
    }
    // its own journal goes both ways
    case.clean(&mut scene.fork(), Kind::Apply, "again");
    case.clean(&mut scene.fork(), Kind::Rollback, "back");
}

/// Right after new has booted, and before anything was done on it: what it knows, it has taken along from the rescue.
#[test]
fn older_journals_do_nothing_to_a_system_that_has_just_booted() {
    for case in [tgt(), lio(), below(), held()] {
        let upto = case.nodes.iter().position(|node| node.id.0 == "own-boot").unwrap();
        let nodes = case.nodes[..=upto].iter().cloned().map(|node| ends_within(node, &case.nodes[..=upto])).collect();
        let booted = Case { nodes, world: case.world.fork(), ..tgt() };
        let mut scene = Scene::new(&case.world);
        booted.clean(&mut scene, Kind::Apply, "up to new's first boot");
        let lines = &scene.story().lines;
        let off = lines
            .iter()
            .position(|line| matches!(&line.entry, replant::journal::Entry::Step { id, .. } if id.0 == "old-off"));
        let (first, every) = stride(7);
        let all = off.unwrap();
        for lines in (first..=all).step_by(every).chain([all]) {
            refused(&case, &scene, lines, "new has just booted");
        }
    }
}

/// Ended anywhere: a journal that ends before the last line that a server was acted on by.
#[test]
fn older_journals_do_nothing_in_the_middle() {
    let case = tgt();
    let clean = Scene::new(&case.world).run(&case, Kind::Apply, Fault::None);
    let (first, every) = stride(23);
    for act in (first..clean.acts).step_by(every) {
        let mut scene = Scene::new(&case.world);
        scene.run(&case, Kind::Apply, Fault::Kill { act, effect: true });
        let all = scene.story().lines.len();
        // the last line is the beginning of the step that acts, of which power is no server's matter
        let began =
            scene.story().lines.iter().rposition(|line| matches!(line.entry, replant::journal::Entry::Step { .. }));
        let off = matches!(&scene.story().lines[began.unwrap()].entry,
            replant::journal::Entry::Step { id, .. } if matches!(id.0.as_str(), "old-off" | "own-boot"));
        if off {
            continue;
        }
        for lines in [all - 1, all - 2, all / 2, 1, 0] {
            refused(&case, &scene, lines.min(all - 1), &format!("killed after act {act}"));
        }
    }
}

/// Two copies of one directory: whoever comes second is told, however many lines they have written.
#[test]
fn copies_that_went_another_way_do_nothing() {
    let case = within(tgt(), Stage::Connect);
    let mut scene = Scene::new(&case.world);
    scene.run(&case, Kind::Apply, Fault::Kill { act: 20, effect: true });
    let mut copy = scene.fork();
    case.clean(&mut scene, Kind::Apply, "the original goes on");
    for _ in 0..200 {
        copy.world = scene.fork().world;
        let ran = copy.run(&case, Kind::Apply, Fault::None);
        let stopped = ran.result.expect_err("a copy went on");
        assert_eq!(ran.acts, 0, "{stopped}");
    }
    assert!(copy.story().lines.len() > scene.story().lines.len());
    let stopped = copy.run(&case, Kind::Rollback, Fault::None).result.unwrap_err();
    assert!(stopped.to_string().contains("went another way"), "{stopped}");
}

/// A server that was rebooted knows what its disk says.
#[test]
fn a_boot_does_not_make_an_older_journal_good() {
    let case = within(tgt(), Stage::Copy);
    let mut scene = Scene::new(&case.world);
    scene.run(&case, Kind::Apply, Fault::Kill { act: 20, effect: true });
    let earlier = scene.story().lines.len();
    case.clean(&mut scene, Kind::Apply, "to the end of the copy");
    scene.world.change(|world| {
        world.reboot(Server::Old);
        world.reboot(Server::New);
    });
    for lines in 0..=earlier {
        refused(&case, &scene, lines, "both rebooted");
    }
    case.clean(&mut scene, Kind::Rollback, "both rebooted");
    case.as_found(&scene, &case.world, "both rebooted");
}

/// Another migration of the same servers has to wait; and one that is over keeps nobody out but those before it.
#[test]
fn another_migration_of_the_same_servers_does_nothing() {
    let case = within(tgt(), Stage::Copy);
    let mut scene = Scene::new(&case.world);
    case.clean(&mut scene, Kind::Apply, "to the end of the copy");
    let mut other = Scene::within(scene.world.fork());
    for kind in [Kind::Apply, Kind::Rollback] {
        let ran = other.run(&case, kind, Fault::None);
        let stopped = ran.result.expect_err("another migration is under way");
        assert!(ran.acts == 0 && stopped.to_string().contains("is under way there"), "{stopped}");
    }
    case.clean(&mut scene, Kind::Rollback, "back");
    let mut next = Scene::within(scene.world.fork());
    case.clean(&mut next, Kind::Apply, "the next migration");
    let mut stale = scene.with_lines(scene.story().lines.len());
    stale.world = next.fork().world;
    let ran = stale.run(&case, Kind::Rollback, Fault::None);
    let stopped = ran.result.expect_err("an earlier migration takes back what a later one made");
    assert!(ran.acts == 0 && stopped.to_string().contains("a later migration"), "{stopped}");
}
