use std::path::Path;

use super::interrupt::Interrupt;
use super::servers::Locked;
use super::work::Work;
use super::{
    End, Failure, Prompts, Talk, changed, confirm, kept, made, plan, rehearse, servers, under_way, validate,
};
use crate::course::Runbook;
use crate::engine;
use crate::facts::drift;
use crate::findings;
use crate::forecast::Outlook;
use crate::host::ssh::SshHosts;
use crate::host::{Look, Query, Side};
use crate::journal::{Depot, Migration, Run, State};
use crate::report::{self, Next};
use crate::runbook::{Node, Stage};
use crate::step::StepKind;

const BOTH: [Side; 2] = [Side::Old, Side::New];

pub(super) fn run(
    talk: &Talk,
    dir: &Path,
    path: &Path,
    until: Option<Stage>,
    prompts: &Prompts,
    parallelism: usize,
) -> Result<End, Failure> {
    let interrupt = Interrupt::listen()?;
    let Some(Begun { migration, runbook, before }) = find_or_make(talk, dir, path, prompts, &interrupt)? else {
        return Ok(End::Failed);
    };
    interrupt.work_begins();
    let lock = migration.lock()?;
    let (mut journal, torn) = migration.journal(&lock)?;
    if let Some(bytes) = torn {
        talk.say(format!("note: the last line of the journal was torn by a crash; its {bytes} bytes were cut off"));
    }
    if journal.state().runs().is_empty() {
        for finding in Outlook::of(&runbook).findings {
            if let Some(reason) = finding.waived {
                talk.say(format!("Waived: {} {}. Reason: {reason}", finding.code, finding.message));
                journal.run(Run::Waived { code: finding.code.into(), reason })?;
            }
        }
    }
    servers::now_shows(&mut journal, prompts.new_host_key.as_ref())?;
    let known = servers::known(&runbook, journal.state());
    let hosts = servers::open(&runbook.plan, Some(&known), migration.path(), &interrupt, Some(prompts))?;
    let mut locked = Locked::take(&hosts, &migration, &sides(&runbook, journal.state()))?;
    let typed = path.display().to_string();
    let go_back = talk.command(&["rollback", &runbook.name]);
    let next = Next { go_on: talk.command(&["apply", &typed]), go_back: go_back.clone() };
    if let Some(end) = rehearse::bring_back(talk, &runbook, &mut journal, &hosts, &interrupt, &next) {
        return Ok(end);
    }
    locked.hold(&BOTH)?;
    if before && !changed::may_go_on(talk, prompts, &interrupt, &hosts, &runbook, &mut journal)? {
        talk.say(format!("Nothing was changed. To go back: {go_back}"));
        return Ok(End::Failed);
    }
    let work = Work {
        talk,
        runbook: &runbook,
        hosts: &hosts,
        interrupt: &interrupt,
        ask: &|question, word| confirm::confirm(talk, prompts, &interrupt, question, word),
        parallelism,
        poll: engine::POLL,
        rehearsed: rehearse::seen(&migration).and_then(|seen| seen.boot()),
        typed: &typed,
        go_back,
    };
    work.carry_out(&mut journal, until, &mut || locked.hold(&BOTH))
}

/// The systems that may be worked on: once new has left its rescue system it is another one.
fn sides(runbook: &Runbook, state: &State) -> Vec<Side> {
    let left = |node: &Node| matches!(node.step, StepKind::OwnBoot(_)) && state.ours(&node.id);
    let migrated = runbook.nodes.iter().any(left).then_some(Side::Migrated);
    BOTH.into_iter().chain(migrated).collect()
}

/// A migration that may be carried out.
struct Begun {
    migration: Migration,
    runbook: Runbook,
    /// by an apply before this one: the servers may have changed since its runbook was made
    before: bool,
}

/// The migration to go on with, or a new one: of a plan, or of a saved runbook whose facts still hold.
fn find_or_make(
    talk: &Talk,
    dir: &Path,
    path: &Path,
    prompts: &Prompts,
    interrupt: &Interrupt,
) -> Result<Option<Begun>, Failure> {
    let saved = kept::is_runbook(path)?.then(|| kept::read(path)).transpose()?;
    let loaded = match &saved {
        None => Some(validate::load(talk, path)?),
        Some(_) => None,
    };
    let (name, digest) = match (&saved, &loaded) {
        (Some(book), _) => (book.name.clone(), book.plan_digest.clone()),
        (None, Some(loaded)) => (loaded.plan.name.to_string(), loaded.digest.clone()),
        (None, None) => return Ok(None),
    };

    let mut taken_back = None;
    if Depot::at(dir).list()?.contains(&name) {
        let migration = Depot::at(dir).open(&name)?;
        let state = migration.read()?.state;
        if !state.rolled_back() {
            let runbook = kept::of_migration(&migration)?;
            if runbook.plan_digest != digest {
                return Err(Failure::new(
                    format!("migration `{name}` was begun with another plan than `{}` is now", path.display()),
                    format!("put the plan back as it was, or `{}` first", talk.command(&["rollback", &name])),
                ));
            }
            talk.say(format!("Going on with migration `{name}`. Reading both servers"));
            return Ok(Some(Begun { migration, runbook, before: true }));
        }
        taken_back = Some(migration);
    }

    // a migration that is under way is never held up by this: another version of this program may know other facts
    if let Some(book) = &saved {
        made::as_made(book, &path.display().to_string())?;
    }
    let scratch = tempfile::tempdir()?;
    let plan = match (&saved, &loaded) {
        (Some(book), _) => &book.plan,
        (None, Some(loaded)) => &loaded.plan,
        (None, None) => return Ok(None),
    };
    let hosts = servers::open(plan, None, scratch.path(), interrupt, Some(prompts))?;
    let runbook = match (saved, loaded) {
        (Some(book), _) => {
            talk.say(format!("Reading old ({}) and new ({})", *book.plan.old.address, *book.plan.new.address));
            let now = servers::read(&hosts)?;
            under_way::is_there_another(&book.plan, &now)?;
            let mut changes = report::changes_on(Side::Old, &drift(&book.facts.old, &now.old));
            changes.extend(report::changes_on(Side::New, &drift(&book.facts.new, &now.new)));
            if !changes.is_empty() {
                return Err(Failure::new(
                    format!("the servers have changed since the runbook was made:\n  {}", changes.join("\n  ")),
                    "make it again with `replant plan`, and review it",
                ));
            }
            let more = findings::find_more(&book.plan, &book.facts, &now);
            if !more.is_empty() {
                report::out::tell(&format!(
                    "Not found when the runbook was made:\n{}",
                    report::findings(&more, None)
                ));
            }
            if findings::find(&book.plan, &now).iter().any(findings::Finding::stops) {
                return Err(Failure::new("a finding inhibits this runbook now", "look with `replant plan`"));
            }
            book
        }
        (None, Some(loaded)) => {
            let Some((runbook, outlook)) = plan::of_servers(talk, dir, &loaded, &hosts, false)? else {
                return Ok(None);
            };
            talk.say(report::outline(&runbook, &outlook.forecast));
            runbook
        }
        (None, None) => return Ok(None),
    };
    let records = lvm_records(&hosts, &runbook)?;
    if let Some(migration) = taken_back {
        set_aside(talk, &migration)?;
    }
    let migration = Depot::at(dir).create(&name, &serde_json::to_string_pretty(&runbook)?, &records)?;
    Ok(Some(Begun { migration, runbook, before: false }))
}

/// LVM's own record of each group of old that moves, in the form that vgcfgrestore(8) takes: kept where neither server
/// can lose it. Where LVM is told to write none there is none; what must be known is in the facts.
fn lvm_records(hosts: &SshHosts, runbook: &Runbook) -> Result<Vec<(String, String)>, Failure> {
    let groups: Vec<String> = runbook.plan.volume_groups.iter().map(|group| group.name.to_string()).collect();
    let queries: Vec<Query> = groups.iter().map(|vg| Query::file(&format!("/etc/lvm/backup/{vg}"))).collect();
    let answers = hosts.look(Side::Old, &queries)?;
    let found = groups.iter().zip(&answers).filter_map(|(vg, answer)| Some((vg, answer.file()?)));
    Ok(found.map(|(vg, text)| (format!("old-{vg}.lvm"), text.to_string())).collect())
}

/// A migration that was taken back keeps its journal under another name, and makes room.
fn set_aside(talk: &Talk, migration: &Migration) -> Result<(), Failure> {
    let aside = migration.set_aside()?;
    talk.say(format!("The migration that was taken back is kept in {}.", aside.display()));
    Ok(())
}
