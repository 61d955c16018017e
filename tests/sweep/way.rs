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
