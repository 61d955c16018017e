use std::path::Path;
use std::time::{Duration, Instant};

use super::interrupt::Interrupt;
use super::servers::Locked;
use super::{End, Failure, Prompts, Talk, confirm, kept, rehearse, servers};
use crate::engine::{self, Options};
use crate::host::{Look, Query, Side};
use crate::journal::Run;
use crate::report::{self, LiveView, Next, To};
use crate::runbook::Stage;

/// What can be given up: without old there is no way back.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Lost {
    New,
}

pub(super) fn run(
    talk: &Talk,
    dir: &Path,
    name: Option<&str>,
    prompts: &Prompts,
    abandon: Option<Lost>,
) -> Result<End, Failure> {
    let interrupt = Interrupt::listen()?;
    let migration = kept::choose(dir, name)?;
    let runbook = kept::of_migration(&migration)?;
    let lock = migration.lock()?;
    let (mut journal, _) = migration.journal(&lock)?;
    let preview = match abandon {
        Some(Lost::New) => engine::preview_without_new(&runbook.nodes, journal.state()),
        None => engine::rollback_preview(&runbook.nodes, journal.state()),
    };
    if journal.state().untouched() && !preview.fenced {
        talk.say("There is nothing to take back: no step of this migration has changed anything.");
    } else {
        let question = report::rollback(&preview, &runbook);
        if !confirm::confirm(talk, prompts, &interrupt, &question, migration.name())? {
            talk.say("Nothing was changed.");
            return Ok(End::Failed);
        }
        journal.run(Run::Confirmed { prompt: "rollback".into() })?;
    }
    interrupt.work_begins();
    let (fenced, gone) = (preview.fenced, preview.gone);
    if abandon.is_some() {
        engine::give_up_new(&runbook.nodes, &mut journal)?;
    }

    servers::now_shows(&mut journal, prompts.new_host_key.as_ref())?;
    let known = servers::known(&runbook, journal.state());
    let hosts = servers::open(&runbook.plan, Some(&known), migration.path(), &interrupt, Some(prompts))?;
    // After the change of servers old is off, and new is about to be: there is nothing to lock.
    let sides: &[Side] = match (fenced, gone) {
        (true, _) => &[],
        (false, true) => &[Side::Old],
        (false, false) => &[Side::Old, Side::New],
    };
    let mut locked = Locked::take(&hosts, &migration, sides)?;
    if !fenced && !gone {
        let go_back = talk.command(&["rollback", migration.name()]);
        let next = Next { go_on: go_back.clone(), go_back };
        if let Some(end) = rehearse::bring_back(talk, &runbook, &mut journal, &hosts, &interrupt, &next) {
            return Ok(end);
        }
        locked.hold(sides)?;
    }
    let live = LiveView::new(&runbook, Stage::Grow, To::Err, talk.manner());
    let options = Options { parallelism: 1, ..Options::new(&interrupt.level) };
    let result = engine::rollback(&runbook.nodes, &mut journal, &hosts, &options, &|event| live.tell(event));
    drop(live);
    let summary = match result {
        Ok(summary) => summary,
        Err(stopped) => {
            let command = talk.command(&["rollback", migration.name()]);
            report::out::tell(&report::stopped_going_back(&stopped, &runbook, journal.state(), &command));
            return Ok(if stopped.interrupted { End::Interrupted } else { End::Failed });
        }
    };
    let serving = serves_again(talk, &hosts, &runbook)?;
    talk.say(report::taken_back(&runbook, journal.state(), &summary, fenced, &serving));
    if talk.json {
        talk.line(
            &serde_json::json!({ "event": "summary", "changed": summary.changed, "undone": summary.undone.len() }),
        );
    }
    Ok(End::Good)
}

/// Old answers, and the units that the plan stops run on it.
fn serves_again(talk: &Talk, hosts: &dyn Look, runbook: &crate::course::Runbook) -> Result<String, Failure> {
    let units = runbook.plan.cutover.units();
    let mut argv = vec!["systemctl".to_string(), "is-active".into()];
    argv.extend(units.iter().cloned());
    let query = if units.is_empty() { Query::run(["uptime"]) } else { Query::run(argv) };
    let began = Instant::now();
    loop {
        match hosts.ask(Side::Old, query.clone()) {
            Ok(answer) if answer.success() => break,
            result if began.elapsed() > Duration::from_secs(300) => {
                let said = match result {
                    Ok(answer) => answer.stdout,
                    Err(error) => error.to_string(),
                };
                return Err(Failure::new(
                    format!("everything was taken back, but old does not serve as it should: {}", said.trim()),
                    "look at old: `systemctl --failed`",
                ));
            }
            _ => std::thread::sleep(Duration::from_secs(2)),
        }
    }
    talk.line(&serde_json::json!({ "event": "old_serves", "units": units }));
    Ok(if units.is_empty() { "it answers".into() } else { format!("{} run", units.join(", ")) })
}
