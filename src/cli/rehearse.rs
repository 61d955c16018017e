use std::path::Path;

use super::interrupt::Interrupt;
use super::servers::Locked;
use super::{End, Failure, Prompts, Talk, changed, input, kept, servers, validate};
use crate::course::{self, Room, Runbook};
use crate::engine::Options;
use crate::forecast;
use crate::host::{Hosts, Side};
use crate::journal::{self, Depot, Journal, Migration};
use crate::rehearsal::{self, Report};
use crate::report::{self, LiveView, Next, To};
use crate::runbook::Stage;

const BOTH: [Side; 2] = [Side::Old, Side::New];

/// What the last rehearsal has shown, in the migration's directory.
const FILE: &str = "rehearsal.json";

pub(super) fn run(talk: &Talk, dir: &Path, what: &Path, prompts: &Prompts) -> Result<End, Failure> {
    let interrupt = Interrupt::listen()?;
    let migration = find(talk, dir, what)?;
    let runbook = kept::of_migration(&migration)?;
    interrupt.work_begins();
    let lock = migration.lock()?;
    let (mut journal, _) = migration.journal(&lock)?;
    rehearsal::may(&runbook, journal.state())
        .map_err(|not| Failure::new(format!("`{}` cannot be rehearsed: {}", runbook.name, not.why), not.help))?;
    servers::now_shows(&mut journal, prompts.new_host_key.as_ref())?;
    let known = servers::known(&runbook, journal.state());
    let hosts = servers::open(&runbook.plan, Some(&known), migration.path(), &interrupt, Some(prompts))?;
    let _locked = Locked::take(&hosts, &migration, &BOTH)?;
    let typed = what.display().to_string();
    let next =
        Next { go_on: talk.command(&["rehearse", &typed]), go_back: talk.command(&["rollback", migration.name()]) };
    if !changed::may_go_on(talk, prompts, &interrupt, &hosts, &runbook, &mut journal)? {
        talk.say("Nothing was rehearsed.");
        return Ok(End::Failed);
    }
    talk.say("Old serves on. The copies on new rest meanwhile, and catch up afterwards");
    let whole = with_its_steps(&runbook);
    let live = LiveView::new(&whole, Stage::Copy, To::Err, talk.manner());
    let options = Options::new(&interrupt.level);
    let result =
        rehearsal::rehearse(&runbook, &mut journal, &hosts, &options, &|event| live.tell(event), &mut |seen| {
            // as soon as it is known: whatever becomes of the rest
            let _ = keep(&migration, seen);
        });
    drop(live);
    let seen = match result {
        Ok(seen) => seen,
        Err(stopped) => {
            report::out::tell(&report::stopped(&stopped, &whole, journal.state(), &next));
            return Ok(if stopped.interrupted { End::Interrupted } else { End::Failed });
        }
    };
    keep(&migration, &seen)?;
    let before = forecast::forecast(&runbook).downtime.seconds;
    let downtime = forecast::downtime(&runbook, seen.boot());
    talk.line(&serde_json::json!({
        "event": "rehearsal", "good": seen.good(), "report": seen, "downtime": downtime, "downtime_before": before,
    }));
    let apply = talk.command(&["apply", &typed]);
    talk.result(report::rehearsal(&seen, downtime.seconds, before, &apply));
    Ok(if seen.good() { End::Good } else { End::Failed })
}

/// Brings new back into its hold, where a rehearsal was not brought to its end: before anything else is done. Some: it could
/// not be done, and was said.
pub(super) fn bring_back(
    talk: &Talk,
    runbook: &Runbook,
    journal: &mut Journal,
    hosts: &dyn Hosts,
    interrupt: &Interrupt,
    next: &Next,
) -> Option<End> {
    if !journal.state().rehearsing() {
        return None;
    }
    talk.say("A rehearsal was not brought to its end. Bringing new back into its hold first");
    let whole = with_its_steps(runbook);
    let live = LiveView::new(&whole, Stage::Copy, To::Err, talk.manner());
    let options = Options::new(&interrupt.level);
    let back = rehearsal::bring_back(runbook, journal, hosts, &options, &|event| live.tell(event));
    drop(live);
    let stopped = back.err()?;
    report::out::tell(&report::stopped(&stopped, &whole, journal.state(), next));
    talk.say("New cannot be brought back by itself: switch it off and on. It comes back into its hold, and nothing of it serves.");
    Some(if stopped.interrupted { End::Interrupted } else { End::Failed })
}

/// What was seen last, if anything was.
pub(super) fn seen(migration: &Migration) -> Option<Report> {
    let text = fs_err::read(migration.path().join(FILE)).ok()?;
    serde_json::from_slice(&text).ok()
}

fn keep(migration: &Migration, seen: &Report) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(seen)? + "\n";
    Ok(journal::write_whole(&migration.path().join(FILE), text.as_bytes(), 0o600)?)
}

/// The runbook with the steps that stand beside it, for those who show them.
fn with_its_steps(runbook: &Runbook) -> Runbook {
    let beside = course::rehearsal(runbook, Room { mib: 1 });
    let beside = beside.into_iter().flat_map(|course| [course.begin, course.prove, course.end].concat());
    Runbook { nodes: runbook.nodes.iter().cloned().chain(beside).collect(), ..runbook.clone() }
}

/// The migration of a plan, of a saved runbook, or of that name.
fn find(talk: &Talk, dir: &Path, what: &Path) -> Result<Migration, Failure> {
    if !what.is_file() {
        return kept::open(dir, &what.to_string_lossy());
    }
    let (name, digest) = match input::is_runbook(&input::read(what)?) {
        true => kept::read(what).map(|book| (book.name, book.plan_digest))?,
        false => validate::load(talk, what).map(|loaded| (loaded.plan.name.to_string(), loaded.digest))?,
    };
    if !Depot::at(dir).list()?.contains(&name) {
        return Err(Failure::new(
            format!("nothing of `{name}` is copied yet: there is nothing to rehearse"),
            format!(
                "`{}` copies, and stops before the cutover",
                talk.command(&["apply", &what.display().to_string(), "--until", "copy"])
            ),
        ));
    }
    let migration = kept::open(dir, &name)?;
    if kept::of_migration(&migration)?.plan_digest != digest {
        return Err(Failure::new(
            format!("migration `{name}` was begun with another plan than `{}` is now", what.display()),
            "put the plan back as it was: what is rehearsed is what was begun",
        ));
    }
    Ok(migration)
}
