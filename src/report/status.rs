//! Where a migration stands, and what to type next.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use serde_json::{Value, json};

use super::{Next, duration};
use crate::course::Runbook;
use crate::engine::Sight;
use crate::facts::Change;
use crate::host::Side;
use crate::journal::{Kind, State, Status, Who};
use crate::runbook::{Stage, StepId};
use crate::step::Seen;

fn over_or_done(runbook: &Runbook, state: &State, stage: Stage) -> (usize, usize) {
    let all: Vec<_> = runbook.nodes.iter().filter(|node| node.stage == stage).collect();
    let done = all.iter().filter(|node| matches!(state.status(&node.id), Status::Done | Status::Adopted)).count();
    (done, all.len())
}

fn sight(sight: &Sight) -> Option<String> {
    match sight {
        Sight::Over | Sight::Seen(Seen::Present) => None,
        Sight::Seen(Seen::Absent) => Some("is gone".into()),
        Sight::Seen(Seen::Partial(what) | Seen::Remains(what)) => Some(format!("is half there: {what}")),
        Sight::Seen(Seen::Foreign(what)) => Some(format!("is something else: {what}")),
        Sight::Seen(Seen::Underway(progress)) => Some(match progress.bytes {
            Some((done, total)) => format!("{}: {:.1} %", progress.what, done as f64 * 100.0 / total.max(1) as f64),
            None => progress.what.clone(),
        }),
        Sight::Error(error) => Some(format!("could not be looked at: {error}")),
    }
}

/// One line for each difference: `old: disk `OLD0` is gone`.
pub(crate) fn changes_on(side: Side, changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| format!("{side}: {change}")).collect()
}

/// What the servers themselves say.
pub(crate) struct Survey {
    /// what each step that was looked at found
    pub(crate) sights: Vec<(StepId, Sight)>,
    pub(crate) drift: Drift,
}

/// What has changed since the runbook was made, and not by its steps.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drift {
    /// by the system that was looked at: not old once it is off, nor new's rescue system once that was left
    pub seen: BTreeMap<Side, Vec<Change>>,
    /// of these nothing can be said
    pub unknown: Vec<Unknown>,
}

impl Drift {
    /// As `changes_on`, of both.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen.iter().flat_map(|(side, changes)| changes_on(*side, changes)).collect()
    }
}

/// A system of which it is not known whether it has changed.
#[derive(Debug, Clone)]
pub(crate) struct Unknown {
    pub side: Side,
    /// why it could not be read
    pub why: String,
    /// it did not answer: it may do so later
    pub away: bool,
}

/// What has changed on the servers, for a person; empty where nothing has.
pub(crate) fn drift(drift: &Drift) -> String {
    let mut text = String::new();
    let lines = drift.lines();
    if !lines.is_empty() {
        text += "Changed since the runbook was made, and not by this migration:\n";
        lines.iter().for_each(|line| text += &format!("  {line}\n"));
    }
    for Unknown { side, why, .. } in &drift.unknown {
        let _ = writeln!(text, "Whether anything else has changed on {side} is not known: {why}");
    }
    text
}

/// What the steps of one system cannot tell, in one line: an answer that did not come is the same for all of them.
fn unseen(runbook: &Runbook, survey: &Survey) -> Vec<(Side, String, usize)> {
    let mut all: Vec<(Side, String, usize)> = Vec::new();
    for (id, sight) in &survey.sights {
        let Sight::Error(error) = sight else { continue };
        let Some(node) = runbook.nodes.iter().find(|node| node.id == *id) else { continue };
        let error = error.to_string();
        match all.iter_mut().find(|(side, other, _)| *side == node.on && *other == error) {
            Some((.., count)) => *count += 1,
            None => all.push((node.on, error, 1)),
        }
    }
    all
}

/// Where a migration stands, for a person. Without a survey it is what the journal says.
pub(crate) fn status(
    runbook: &Runbook,
    state: &State,
    survey: Option<&Survey>,
    work: &AtWork,
    next: &Next,
) -> String {
    let mut text = format!("Migration {}\n", runbook.name);
    for stage in Stage::ALL {
        let (done, all) = over_or_done(runbook, state, stage);
        let took =
            state.stages(&runbook.nodes).get(&stage).map_or(String::new(), |took| format!("  {}", duration(*took)));
        let word = match done {
            0 => "not begun",
            done if done == all => "done",
            _ => "under way",
        };
        let _ = writeln!(text, "  {:8} {done:>3} of {all:<3} {word}{took}", stage.to_string());
    }
    let failed: Vec<_> = runbook.nodes.iter().filter_map(|node| Some((node, state.failure(&node.id)?))).collect();
    for (node, what) in failed {
        let _ = writeln!(text, "  failed: {} on {}: {what}", node.id, node.on);
    }
    if let Some(survey) = survey {
        let answered = survey.sights.iter().filter(|(_, seen)| !matches!(seen, Sight::Error(_)));
        let odd: Vec<_> = answered.filter_map(|(id, seen)| Some((id, sight(seen)?))).collect();
        let unseen = unseen(runbook, survey);
        if odd.is_empty() && unseen.is_empty() {
            text += "The servers are as the journal says.\n";
        } else {
            text += "On the servers:\n";
            for (id, what) in odd {
                let _ = writeln!(text, "  {id} {what}");
            }
            for (side, error, count) in &unseen {
                let steps = if *count == 1 { "step" } else { "steps" };
                let also = survey.drift.unknown.iter().any(|unknown| unknown.side == *side);
                let also = if also { ", and whether anything else has changed there," } else { "" };
                let _ = writeln!(text, "  {count} {steps} on {side}{also} could not be looked at: {error}");
            }
        }
        let mut rest = survey.drift.clone();
        rest.unknown.retain(|unknown| !unseen.iter().any(|(side, ..)| *side == unknown.side));
        text += &drift(&rest);
    }
    let _ = writeln!(text, "Where it stands: {}.", super::account::old_is(runbook, state));
    if state.rehearsing() && matches!(work, AtWork::Nobody) {
        text += "A rehearsal was not brought to its end: new may run what was copied, cut off from the network. Whatever is \
                 typed next brings it back into its hold first.\n";
    }
    match work {
        AtWork::Nobody => {}
        AtWork::Somebody(who) => {
            let kind = state.runs().last().filter(|run| run.ended.is_none()).map(|run| run.kind);
            let what = match kind {
                _ if state.rehearsing() => "A rehearsal is at work on it now",
                Some(Kind::Apply) => "An apply is at work on it now",
                Some(Kind::Rollback) => "A rollback is at work on it now",
                None => "Somebody has it open now",
            };
            let who = who.as_ref().map_or("another process".into(), Who::to_string);
            let _ = writeln!(text, "{what}: {who}.");
            // nobody can do anything else until that has ended
            return text + "To stop it: press Ctrl-C once where it runs.\n" + &self::next(runbook, state, next);
        }
    }
    if let (AtWork::Nobody, Some(run)) = (work, state.runs().last())
        && run.ended.is_none()
    {
        let kind = match run.kind {
            Kind::Apply => "apply",
            Kind::Rollback => "rollback",
        };
        let _ = writeln!(
            text,
            "The last {kind} was killed, or its machine was switched off: {}, begun {}.",
            run.by, run.started
        );
    }
    text + &self::next(runbook, state, next)
}

/// Whether a process has it.
#[derive(Debug, Clone)]
pub(crate) enum AtWork {
    Nobody,
    /// its name is not known for an instant
    Somebody(Option<Who>),
}

/// What to type next.
fn next(runbook: &Runbook, state: &State, Next { go_on, go_back }: &Next) -> String {
    let all_done = runbook.nodes.iter().all(|node| matches!(state.status(&node.id), Status::Done | Status::Adopted));
    if state.rolled_back() {
        "It was taken back. To begin again: replant apply PLAN".into()
    } else if state.abandoned().is_some() {
        format!("Going back to old was begun. To resume that: {go_back}")
    } else if all_done {
        format!("It is complete. To go back all the same (losing what new has written since): {go_back}")
    } else {
        format!("To resume:  {go_on}\nTo go back: {go_back}")
    }
}

pub(crate) fn status_json(runbook: &Runbook, state: &State, survey: Option<&Survey>, work: &AtWork) -> Value {
    let sights: HashMap<_, _> =
        survey.into_iter().flat_map(|survey| &survey.sights).map(|(id, seen)| (id, seen)).collect();
    let seen = |id: &StepId| {
        Some(match sights.get(id)? {
            Sight::Over => "over".into(),
            other => sight(other).unwrap_or("present".into()),
        })
    };
    let steps: Vec<Value> = runbook
        .nodes
        .iter()
        .map(|node| {
            json!({
                "id": node.id, "stage": node.stage, "on": node.on,
                "status": format!("{:?}", state.status(&node.id)).to_lowercase(), "seen": seen(&node.id),
                "seconds": state.took(&node.id).map(|took| took.as_secs_f64()),
            })
        })
        .collect();
    // what was not looked at is not known, and no empty list
    let drift = survey.map(|survey| &survey.drift);
    let changes = |side: Side| {
        let changes = drift?.seen.get(&side)?;
        Some(changes.iter().map(Change::to_string).collect::<Vec<_>>())
    };
    let unknown = drift.into_iter().flat_map(|drift| &drift.unknown);
    let unknown: BTreeMap<String, &String> = unknown.map(|one| (one.side.to_string(), &one.why)).collect();
    let work = match work {
        AtWork::Nobody => Value::Null,
        AtWork::Somebody(who) => json!({ "kind": state.runs().last().map(|run| run.kind), "by": who }),
    };
    json!({
        "name": runbook.name, "rolled_back": state.rolled_back(), "rehearsing": state.rehearsing(), "at_work": work, "steps": steps,
        "drift": { "old": changes(Side::Old), "new": changes(Side::New) }, "unknown": unknown, "old": super::account::old_is(runbook, state),
    })
}
