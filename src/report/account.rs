//! After a run, and after every interruption: what is done, what is not, whether old is safe, and what to type.

use std::fmt::Write;

use super::boot::did_not_come_up;
use super::{about, brief_act, duration, switching};
use crate::course::Runbook;
use crate::engine::{Preview, Reason, Stopped, Summary, Way};
use crate::forecast::{down, forecast};
use crate::host::{Server, Side};
use crate::journal::{State, Status};
use crate::runbook::{Node, Stage, StepId};
use crate::step::{Seen, StepKind};

/// Where old stands, in one sentence.
pub(super) fn old_is(runbook: &Runbook, state: &State) -> &'static str {
    let ours = |node: &&Node| state.ours(&node.id);
    let fence = runbook.nodes.iter().find(|node| node.fence).map_or(Status::New, |node| state.status(&node.id));
    let coupled = |node: &&Node| node.step.as_step().couples() && ours(node);
    if matches!(fence, Status::Done | Status::Adopted) {
        "old is switched off and whole: its data is as it was at the cutover, and it can be switched on again"
    } else if matches!(fence, Status::Began | Status::Failed) {
        "old is being switched off: nobody knows yet whether it is off; its data is as it was at the cutover"
    } else if fence == Status::UndoBegan {
        "old is being switched on again: nobody knows yet whether it is up; its data is as it was at the cutover"
    } else if fence == Status::Undone && state.abandoned().is_some() {
        "old was switched on again, with its data as it was at the cutover; what is on new's disks was left there"
    } else if runbook.nodes.iter().any(|node| {
        node.stage == Stage::Cutover && node.step.as_step().mark() != crate::step::Mark::Check && ours(&node)
    }) {
        "old is up, but its services are stopped: go on, or go back"
    } else if runbook.nodes.iter().any(|node| coupled(&node)) {
        "old serves as before, from its own disks; what is copied also goes to new"
    } else if runbook.nodes.iter().any(|node| node.on == Side::Old && node.stage == Stage::Copy && ours(&node)) {
        "old serves as before, from its own disks; it was made ready to be copied, and nothing is copied yet"
    } else if runbook.nodes.iter().any(|node| node.on == Side::Old && ours(&node)) {
        "old serves as before; it was prepared, and none of its data was touched"
    } else {
        "old has not been touched"
    }
}

/// The two commands that a person may want to type next, as they can be pasted.
#[derive(Debug, Clone)]
pub(crate) struct Next {
    /// `apply`, or `plan` where there is something else to look at
    pub(crate) go_on: String,
    /// `rollback`
    pub(crate) go_back: String,
}

/// At the end of an apply that went as it should.
pub(crate) fn account(runbook: &Runbook, state: &State, total: &Summary, last: Stage, next: &Next) -> String {
    let mut text = String::new();
    if total.changed == 0 {
        text += "Nothing to do: everything is as the runbook says, no command changed anything.\n";
    } else {
        let _ = writeln!(text, "Done up to the end of stage `{last}`, in {}.", duration(total.took));
    }
    if total.changed > 0 {
        for (stage, took) in state.stages(&runbook.nodes) {
            let _ = writeln!(text, "  {stage:8} {}", duration(took));
        }
    }
    let complete = last == Stage::Grow;
    if complete {
        if let Some(down) = downtime(runbook, state) {
            let estimated = about(forecast(runbook).downtime.seconds);
            let _ = writeln!(text, "Services were down for {} (estimated: {estimated}).", duration(down));
        }
        text += "The new server has taken over. Keep the old one switched off: two servers with one address harm each other.\n";
        let _ = write!(text, "To go back (losing what new has written since): {}", next.go_back);
    } else {
        let _ = writeln!(text, "Where it stands: {}.", old_is(runbook, state));
        let _ = writeln!(text, "To resume:  {}", next.go_on);
        let _ = write!(text, "To go back: {}", next.go_back);
    }
    text
}

/// From the first service stopped to the migrated system found serving, by the journal.
fn downtime(runbook: &Runbook, state: &State) -> Option<std::time::Duration> {
    let down = down(&runbook.nodes);
    state.between(&down.first()?.id, &down.last()?.id)
}

/// An apply that was stopped.
pub(crate) fn stopped(stopped: &Stopped, runbook: &Runbook, state: &State, next: &Next) -> String {
    let mut text = cause(stopped, runbook, state);
    let _ = writeln!(text, "Where it stands: {}.", old_is(runbook, state));
    if !matches!(stopped.reason, Reason::Abandoned(_)) {
        let _ = writeln!(text, "To resume:  {}", next.go_on);
    }
    let _ = write!(text, "To go back: {}", next.go_back);
    text
}

/// A rollback that was stopped.
pub(crate) fn stopped_going_back(stopped: &Stopped, runbook: &Runbook, state: &State, command: &str) -> String {
    let mut text = cause(stopped, runbook, state);
    let _ = writeln!(text, "Where it stands: {}.", old_is(runbook, state));
    let _ = write!(text, "To resume going back: {command}");
    // what is on new is needed by nobody but by new
    let on_new = stopped.side.is_some_and(|side| side.server() == Server::New) && !stopped.interrupted;
    if on_new && state.abandoned().is_none() {
        let _ = write!(text, "\nIf new is lost for good, go back without it: {command} --abandon new");
    }
    text
}

fn cause(stopped: &Stopped, runbook: &Runbook, state: &State) -> String {
    let mut text = String::from("\n");
    if stopped.interrupted && stopped.step.is_none() {
        text += "Interrupted. What is running on the servers by itself (a copy) goes on there.\n";
    } else {
        let _ = writeln!(text, "error: {}", stopped.reason);
    }
    let title = |stopped: &Stopped| {
        let node = stopped.step.as_ref().and_then(|id| runbook.nodes.iter().find(|node| node.id == *id));
        node.map(|node| format!("step `{}` on {}: {}", node.id, node.on, node.step.as_step().title()))
    };
    if let Some(title) = title(stopped) {
        let _ = writeln!(text, "  in {title}");
    }
    if let Some(seen) = &stopped.seen {
        let seen = match seen {
            Seen::Absent => "nothing of it is there".to_string(),
            Seen::Present => "it is as it should be".into(),
            Seen::Partial(what) | Seen::Remains(what) | Seen::Foreign(what) => what.clone(),
            Seen::Underway(progress) => progress.what.clone(),
        };
        let _ = writeln!(text, "  what is there now: {seen}");
    }
    text += &did_not_come_up(stopped, runbook, state);
    for other in &stopped.others {
        let _ = writeln!(text, "  also {}: {}", title(other).unwrap_or_default(), other.reason);
    }
    let done = stopped.summary.done.len()
        + stopped.summary.already.len()
        + stopped.summary.adopted.len()
        + stopped.summary.over.len();
    if stopped.summary.undone.is_empty() {
        let _ = writeln!(
            text,
            "  in this run {done} steps were done or found done; {} are left",
            stopped.summary.left.len()
        );
    } else {
        let _ = writeln!(
            text,
            "  in this run {} steps were taken back; {} are left",
            stopped.summary.undone.len(),
            stopped.summary.left.len()
        );
    }
    text
}

/// Before a rollback: what it will do and what would be lost.
pub(crate) fn rollback(preview: &Preview<'_>, runbook: &Runbook) -> String {
    let mut text = format!("Going back to the old server, migration `{}`:\n", runbook.name);
    if preview.fenced {
        text += "  new is switched off, then old is switched on, and replant checks that old serves again.\n";
        text += "  LOST: everything that new has written since it took over. What is on new's disks is left there.\n";
    } else {
        text += "  nothing is lost: old has all its data. The work of copying would have to be done again.\n";
    }
    if preview.gone {
        text += "  new is given up: nothing on it is looked at, and what was made there is not taken back. This migration \
                 cannot\n  be resumed after that.\n";
    }
    let taken =
        |id: &StepId| preview.steps.iter().any(|back| back.node.id == *id && matches!(back.way, Way::Nothing(_)));
    let wiped = wiped(runbook, taken);
    if !preview.fenced && !wiped.is_empty() {
        let _ = writeln!(
            text,
            "  What was on these disks of new was wiped, and does not come back: {}.",
            wiped.join(", ")
        );
    }
    if preview.steps.iter().any(|back| matches!(back.way, Way::Undo(_))) {
        text += "These steps are taken back, the last one first. replant checks each of them first; a step of which nothing\n\
                 is left runs no command.\n";
    }
    for back in &preview.steps {
        if let Way::Undo(acts) = &back.way {
            let _ = writeln!(text, "  ↶ {:3} {}", back.node.on.to_string(), back.node.step.as_step().title());
            // Behind the change of servers old boots whole and plain: of what is listed below it, little is left.
            if !preview.fenced || back.node.fence {
                for one in acts {
                    let _ = writeln!(text, "          {}", brief_act(one));
                    for line in switching(&runbook.plan, one) {
                        let _ = writeln!(text, "            {line}");
                    }
                }
            }
        }
    }
    let found = preview.steps.iter().filter(|back| back.way == Way::Found).count();
    if found > 0 {
        let _ = writeln!(text, "  {found} things were there before this migration, and stay.");
    }
    let left = preview.steps.iter().filter(|back| back.way == Way::Abandoned).count();
    if left > 0 {
        let _ = writeln!(text, "  {left} steps on new are left as they are on its disks.");
    }
    text
}

/// The disks whose content is gone for good, of those whose step is such.
fn wiped(runbook: &Runbook, such: impl Fn(&StepId) -> bool) -> Vec<&str> {
    let destroyed = runbook.nodes.iter().filter(|node| such(&node.id));
    destroyed
        .filter_map(|node| match &node.step {
            StepKind::Wiped(wiped) => Some(wiped.label.as_str()),
            _ => None,
        })
        .collect()
}

/// After a rollback that went as it should.
pub(crate) fn taken_back(runbook: &Runbook, state: &State, summary: &Summary, fenced: bool, serving: &str) -> String {
    let mut text = format!("Taken back: {} steps, in {}.\n", summary.undone.len(), duration(summary.took));
    if fenced {
        let _ = write!(
            text,
            "Old is up and serves again: {serving}. New is switched off; its disks hold what was copied to them."
        );
    } else if summary.abandoned.is_empty() {
        let but = match wiped(runbook, |id| state.status(id) == Status::Undone).as_slice() {
            [] => String::new(),
            [one] => format!(", but for disk {one} of new: what was on it was wiped, and does not come back"),
            all => format!(
                ", but for disks {} of new: what was on them was wiped, and does not come back",
                all.join(", ")
            ),
        };
        let _ = write!(text, "Both servers are as they were found{but}. Old serves: {serving}.");
    } else {
        let left = summary.abandoned.len();
        let _ = write!(text, "The old server is as it was found, and serves: {serving}. ");
        let _ = write!(
            text,
            "On the new one {left} steps were left as they are: erase its disks before it is used again."
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU8;

    use super::*;
    use crate::engine::{self, Options};
    use crate::facts::{self, Facts};
    use crate::journal::{Header, Journal};
    use crate::sim::Sim;
    use crate::{course, plan};

    /// What is said before and after going back from the end of `prepare`.
    fn there_and_back(plan: &str) -> (String, String) {
        let loaded = plan::load(plan.as_ref()).unwrap_or_else(|bad| panic!("{bad}"));
        let sim = Sim::from_plan(&loaded.plan, None);
        let read = |side| facts::read(&sim, side).unwrap();
        let facts = Facts { format: 1, old: read(Side::Old), new: read(Side::New) };
        let book = course::make(&loaded.plan, &loaded.digest, &facts).unwrap();
        let mut journal = Journal::nowhere(Header::new("srv1", ""));
        let level = AtomicU8::new(0);
        let options =
            || Options { until: Some(Stage::Prepare), poll: std::time::Duration::ZERO, ..Options::new(&level) };
        engine::apply(&book.nodes, &mut journal, &sim, &options(), &|_| {}).unwrap_or_else(|no| panic!("{no}"));
        let before = rollback(&engine::rollback_preview(&book.nodes, journal.state()), &book);
        let summary = engine::rollback(&book.nodes, &mut journal, &sim, &options(), &|_| {});
        let summary = summary.unwrap_or_else(|no| panic!("{no}"));
        (before, taken_back(&book, journal.state(), &summary, false, "it answers"))
    }

    #[test]
    fn a_disk_that_was_wiped_is_not_as_it_was() {
        let (before, after) = there_and_back("plans/cs940.yaml");
        assert!(before.contains("What was on these disks of new was wiped, and does not come back: d "), "{before}");
        assert!(after.contains("as they were found, but for disk d ") && after.contains("was wiped"), "{after}");
        let (before, after) = there_and_back("plans/lab.yaml");
        assert!(!before.contains("wiped"), "{before}");
        assert!(after.contains("Both servers are as they were found. Old serves"), "{after}");
    }
}
