//! Faults in pairs, from the middle, and beside each other, over the simulated pair. What [`sweeps`](../sweeps.rs) tries one
//! at a time comes here as it comes in life: a kill and then a dead link, a failure that is taken back and tried again.
//!
//! There are many of them: an ordinary run tries a share, `SWEEPS=all tests/run` over ten thousand.

mod sweep;

use replant::facts;
use replant::host::Side;
use replant::journal::Kind;
use replant::runbook::{Node, Stage};
use replant::sim::Sim;
use replant::step::StepKind;
use sweep::pair::{below, held, lio, placed, tgt, used};
use sweep::share::{share, stride, told};
use sweep::{Case, Fault, Scene};

fn four(case: Case<Sim>) -> Case<Sim> {
    Case { parallelism: 4, ..case }
}

macro_rules! storms {
    ($($name:ident($part:expr) = |$share:ident| $sweep:expr;)*) => {
        $(#[test]
        fn $name() {
            let $share = $part;
            told(stringify!($name), || $sweep);
        })*
    };
}

storms! {
    forward_tgt_0(share(0, 32)) = |s| tgt().forward_some(s.0, s.1);
    forward_tgt_1(share(1, 32)) = |s| tgt().forward_some(s.0, s.1);
    forward_tgt_2(share(2, 32)) = |s| tgt().forward_some(s.0, s.1);
    forward_tgt_3(share(3, 32)) = |s| tgt().forward_some(s.0, s.1);
    forward_lio_0(share(0, 32)) = |s| lio().forward_some(s.0, s.1);
    forward_lio_1(share(1, 32)) = |s| lio().forward_some(s.0, s.1);
    forward_lio_2(share(2, 32)) = |s| lio().forward_some(s.0, s.1);
    forward_lio_3(share(3, 32)) = |s| lio().forward_some(s.0, s.1);
    beside_each_other_tgt(stride(128)) = |s| four(tgt()).forward_some(s.0, s.1);
    beside_each_other_lio(stride(128)) = |s| four(lio()).forward_some(s.0 + 1, s.1);
    beside_each_other_backward(stride(128)) = |s| four(tgt()).backward_some(s.0 + 2, s.1);
    backward_tgt_0(share(0, 32)) = |s| tgt().backward_some(s.0, s.1);
    backward_tgt_1(share(1, 32)) = |s| tgt().backward_some(s.0, s.1);
    backward_lio(stride(64)) = |s| lio().backward_some(s.0, s.1);
    pairs_tgt_0(share(0, 64)) = |s| tgt().pairs_some(s.0, s.1);
    pairs_tgt_1(share(1, 64)) = |s| tgt().pairs_some(s.0, s.1);
    pairs_tgt_2(share(2, 64)) = |s| tgt().pairs_some(s.0, s.1);
    pairs_tgt_3(share(3, 64)) = |s| tgt().pairs_some(s.0, s.1);
    pairs_lio_0(share(0, 64)) = |s| lio().pairs_some(s.0, s.1);
    pairs_lio_1(share(1, 64)) = |s| lio().pairs_some(s.0, s.1);
    failed_taken_back_and_done_again_tgt(stride(8)) = |s| tgt().again_some(s.0, s.1);
    failed_taken_back_and_done_again_lio(stride(8)) = |s| lio().again_some(s.0, s.1);
    back_from_the_middle_of_each_stage_tgt(stride(64)) = |s| midway(&tgt(), s);
    back_from_the_middle_of_each_stage_lio(stride(64)) = |s| midway(&lio(), s);
    old_and_new_at_once(stride(16)) = |s| legs(&tgt(), s) + legs(&lio(), s) + legs(&below(), s) + legs(&used(), s) + legs(&held(), s);
    forward_held_0(share(0, 32)) = |s| held().forward_some(s.0, s.1);
    forward_held_1(share(1, 32)) = |s| held().forward_some(s.0, s.1);
    forward_held_2(share(2, 32)) = |s| held().forward_some(s.0, s.1);
    forward_held_3(share(3, 32)) = |s| held().forward_some(s.0, s.1);
    beside_each_other_held(stride(128)) = |s| four(held()).forward_some(s.0 + 1, s.1);
    backward_held(stride(64)) = |s| held().backward_some(s.0, s.1);
    pairs_held_0(share(0, 64)) = |s| held().pairs_some(s.0, s.1);
    pairs_held_1(share(1, 64)) = |s| held().pairs_some(s.0, s.1);
    failed_taken_back_and_done_again_held(stride(8)) = |s| held().again_some(s.0, s.1);
    back_from_the_middle_of_each_stage_held(stride(64)) = |s| midway(&held(), s);
    forward_placed(stride(64)) = |s| placed().forward_some(s.0, s.1);
    backward_placed(stride(16)) = |s| placed().backward_some(s.0, s.1);
    pairs_placed(stride(256)) = |s| placed().pairs_some(s.0, s.1);
    failed_taken_back_and_done_again_placed(stride(16)) = |s| placed().again_some(s.0, s.1);
    forward_below_0(share(0, 32)) = |s| below().forward_some(s.0, s.1);
    forward_below_1(share(1, 32)) = |s| below().forward_some(s.0, s.1);
    forward_below_2(share(2, 32)) = |s| below().forward_some(s.0, s.1);
    forward_below_3(share(3, 32)) = |s| below().forward_some(s.0, s.1);
    beside_each_other_below(stride(128)) = |s| four(below()).forward_some(s.0 + 1, s.1);
    backward_below(stride(64)) = |s| below().backward_some(s.0, s.1);
    pairs_below_0(share(0, 64)) = |s| below().pairs_some(s.0, s.1);
    pairs_below_1(share(1, 64)) = |s| below().pairs_some(s.0, s.1);
    failed_taken_back_and_done_again_below(stride(8)) = |s| below().again_some(s.0, s.1);
    back_from_the_middle_of_each_stage_below(stride(64)) = |s| midway(&below(), s);
    forward_used(stride(64)) = |s| used().forward_some(s.0, s.1);
    backward_used(stride(128)) = |s| used().backward_some(s.0 + 1, s.1);
}

/// From the middle of every stage back.
fn midway(case: &Case<Sim>, (first, stride): (usize, usize)) -> usize {
    let clean = Scene::new(&case.world).run(case, Kind::Apply, Fault::None);
    let stage = |step: &replant::runbook::StepId| case.nodes.iter().find(|node| node.id == *step).unwrap().stage;
    let acts: Vec<Stage> = clean
        .events
        .iter()
        .filter_map(|event| match event {
            replant::engine::Notice::Acting { step, .. } => Some(stage(step)),
            _ => None,
        })
        .collect();
    let mut count = 0;
    for stage in Stage::ALL {
        let of: Vec<usize> = (0..acts.len()).filter(|at| acts[*at] == stage).collect();
        count += case.backward_midway_some(of[of.len() / 2], first, stride);
    }
    count
}

/// The servers lose each other for a moment at each look of the copy: before the first look at a mirror, and between the
/// last look and the cut. Nothing is cut that is not whole.
fn legs(case: &Case<Sim>, (first, stride): (usize, usize)) -> usize {
    let goal = case.goal(&case.world);
    let clean = Scene::new(&case.world).run(case, Kind::Apply, Fault::None);
    let acting: Vec<&Node> = clean
        .events
        .iter()
        .filter_map(|event| match event {
            replant::engine::Notice::Acting { step, .. } => case.nodes.iter().find(|node| node.id == *step),
            _ => None,
        })
        .collect();
    let mirrored = |node: &Node| matches!(node.step, StepKind::GroupMember(_) | StepKind::Beneath(_));
    let cut = |node: &Node| matches!(node.step, StepKind::GroupSplit(_) | StepKind::TableBack(_));
    let from = acting.iter().position(|node| mirrored(node)).unwrap();
    // where replant switches old off, the loss of its power is the cut
    let off = |node: &Node| matches!(node.step, StepKind::OldOff(_));
    let last = acting.iter().rposition(|node| cut(node));
    let to = last.or_else(|| acting.iter().position(|node| off(node))).unwrap();
    let mut count = 0;
    for act in (from + first..=to).step_by(stride) {
        for effect in [false, true] {
            let mut scene = Scene::new(&case.world);
            scene.run(case, Kind::Apply, Fault::Kill { act, effect });
            scene.world.change(|world| world.link_up = false);
            // old notices while it waits
            for _ in 0..3 {
                let _ = facts::read(&scene.world, Side::Old);
            }
            scene.world.change(|world| world.link_up = true);
            let when = format!("{}: the link was away at act {act} ({}), {effect}", case.name, acting[act].id);
            let mut on = scene.fork();
            // a mirror that died is made again, or it is refused; it is never cut
            let mut ran = on.run(case, Kind::Apply, Fault::None);
            for _ in 0..3 {
                if ran.result.as_ref().is_err_and(|stopped| stopped.may_mend()) {
                    ran = on.run(case, Kind::Apply, Fault::None);
                }
            }
            if ran.result.is_ok() {
                sweep::same(&on.text(), &goal, &when);
            }
            for mut back in [scene, on] {
                case.clean(&mut back, Kind::Rollback, &when);
                case.as_found(&back, &case.world, &when);
            }
            count += 1;
        }
    }
    count
}
