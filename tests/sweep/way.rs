//! The way back, and who may go it: killed at any place of it, new lost for good, journals older than the world.

use super::*;

/// Only the steps of these stages.
fn within(mut case: Case<Sim>, last: Stage) -> Case<Sim> {
    let nodes: Vec<Node> = case.nodes.iter().take_while(|node| node.stage <= last).cloned().collect();
    case.nodes = nodes.iter().cloned().map(|node| ends_within(node, &nodes)).collect();
    case
}

/// A rollback of these steps, killed before and after each act: gone on with, it leaves both servers as they were found.
fn killed_on_the_way_back(case: Case<Sim>, also_forward: bool, usual: usize) {
    let mut applied = Scene::new(&case.world);
    case.clean(&mut applied, Kind::Apply, "before the rollback");
    let clean = applied.fork().run(&case, Kind::Rollback, Fault::None);
    let (first, every) = stride(usual);
    let mut wrong = Vec::new();
    for act in (first..clean.acts).step_by(every) {
        for effect in [false, true] {
            let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let mut scene = applied.fork();
                assert!(scene.run(&case, Kind::Rollback, Fault::Kill { act, effect }).result.is_err());
                let when = format!("killed at act {act} of the way back, {effect}");
                if also_forward {
                    let mut on = scene.fork();
                    case.clean(&mut on, Kind::Apply, &when);
                    assert_eq!(case.clean(&mut on, Kind::Apply, &when).acts, 0, "{when}: applied again, it acts");
                    case.clean(&mut on, Kind::Rollback, &when);
                    case.as_found(&on, &case.world, &when);
                }
                case.clean(&mut scene, Kind::Rollback, &when);
                case.as_found(&scene, &case.world, &when);
            }));
            wrong.extend(tried.err().map(|panic| said(&panic)));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), 2 * clean.acts, wrong.join("\n\n"));
}

fn said(panic: &Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or(panic.downcast_ref::<&str>().map(|text| text.to_string())).unwrap_or_default()
}

/// From the copy back, and forward again.
#[test]
fn killed_on_the_way_back_from_the_copy() {
    killed_on_the_way_back(within(tgt(), Stage::Copy), true, 5);
    killed_on_the_way_back(within(lio(), Stage::Copy), true, 5);
}

#[test]
fn killed_on_the_way_back_from_the_cutover() {
    killed_on_the_way_back(before_the_change_of_servers(tgt()), false, 5);
    killed_on_the_way_back(before_the_change_of_servers(lio()), false, 5);
}

// ---- new is lost for good -------------------------------------------------------------------------------------------

/// The operator says that new is gone, and goes back.
fn without_new(case: &Case<Sim>, scene: &mut Scene<Sim>, when: &str) {
    scene.give_up_new(case);
    case.clean(scene, Kind::Rollback, when);
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
        let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
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
        }));
        wrong.extend(tried.err().map(|panic| format!("act {at}: {}", said(&panic))));
    }
    assert!(wrong.is_empty(), "{} of {acts}:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn new_dies_for_good() {
    new_dies(tgt(), false, 9);
    new_dies(lio(), false, 9);
}

#[test]
fn new_dies_for_good_and_old_reboots() {
    new_dies(tgt(), true, 9);
    new_dies(lio(), true, 9);
}

/// The same before an act of the way back.
#[test]
fn new_dies_for_good_on_the_way_back() {
    for case in [tgt(), lio()] {
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
