//! Where a migration stands, and what to type next.

use std::fmt::Write;

use serde_json::{Value, json};

use super::duration;
use crate::course::Runbook;
use crate::engine::Sight;
use crate::facts::Change;
use crate::host::Side;
use crate::journal::{State, Status};
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
        Sight::Seen(Seen::Partial(what)) => Some(format!("is half there: {what}")),
        Sight::Seen(Seen::Foreign(what)) => Some(format!("is something else: {what}")),
        Sight::Seen(Seen::Underway(progress)) => Some(match progress.bytes {
            Some((done, total)) => format!("{}: {:.1} %", progress.what, done as f64 * 100.0 / total.max(1) as f64),
            None => progress.what.clone(),
        }),
        Sight::Error(error) => Some(format!("could not be looked at: {error}")),
    }
}

/// One line for each difference: `old: disk `OLD0` is gone`.
pub fn changes_on(side: Side, changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| format!("{side}: {change}")).collect()
}

/// What the servers themselves say.
pub struct Survey {
    pub sights: Vec<(StepId, Sight)>,
    /// what has changed since the runbook was made, and not by its steps
    pub drift: Vec<String>,
}

pub fn status(runbook: &Runbook, path: &str, state: &State, survey: Option<&Survey>) -> String {
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
        let odd: Vec<_> = survey.sights.iter().filter_map(|(id, seen)| Some((id, sight(seen)?))).collect();
        if odd.is_empty() {
            text += "The servers are as the journal says.\n";
        } else {
            text += "On the servers:\n";
            for (id, what) in odd {
                let _ = writeln!(text, "  {id} {what}");
            }
        }
        if !survey.drift.is_empty() {
            text += "Changed since the runbook was made, and not by this migration:\n";
            for line in &survey.drift {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
    let _ = writeln!(text, "Where it stands: {}.", super::account::old_is(runbook, state));
    text + &next(runbook, path, state)
}

/// What to type next. `path`: the migration's own runbook.
fn next(runbook: &Runbook, path: &str, state: &State) -> String {
    let name = &runbook.name;
    let all_done = runbook.nodes.iter().all(|node| matches!(state.status(&node.id), Status::Done | Status::Adopted));
    if state.rolled_back() {
        "It was taken back. To begin again: replant apply PLAN".into()
    } else if state.abandoned().is_some() {
        format!("Going back to old was begun. To go on with that: replant rollback {name}")
    } else if all_done {
        format!(
            "It is complete. To go back all the same (losing what new has written since): replant rollback {name}"
        )
    } else {
        format!("To go on:   replant apply {path}\nTo go back: replant rollback {name}")
    }
}

pub fn status_json(runbook: &Runbook, state: &State, survey: Option<&Survey>) -> Value {
    let seen = |id: &StepId| {
        let (_, found) = survey?.sights.iter().find(|(other, _)| other == id)?;
        Some(match found {
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
    json!({ "name": runbook.name, "rolled_back": state.rolled_back(), "steps": steps, "drift": survey.map(|survey| &survey.drift), "old": super::account::old_is(runbook, state) })
}
