use std::path::Path;

use super::interrupt::Interrupt;
use super::{End, Failure, Talk, servers, show};
use crate::engine;
use crate::journal::{self, Migration};
use crate::report::{self, AtWork, Next, Survey};

/// A directory that is not known any more.
const ELSEWHERE: &str = "if one was begun, the servers keep where: `replant plan PLAN` tells";

pub fn run(talk: &Talk, dir: &Path, name: Option<&str>, offline: bool) -> Result<End, Failure> {
    let migration = choose(dir, name)?;
    let runbook = show::of_migration(&migration)?;
    // before the journal, which has an end of the run when the lock is let go
    let work = migration.at_work()?.map_or(AtWork::Nobody, AtWork::Somebody);
    let story = migration.read()?;
    let state = story.state;
    let survey = if offline {
        None
    } else {
        let interrupt = Interrupt::listen()?;
        let scratch = tempfile::tempdir()?;
        talk.say("Reading both servers, changing nothing");
        // The migration's directory has its secrets; its file of host keys is written beside, not by one who only looks.
        let hosts =
            servers::open(&runbook.plan, Some(&servers::known(&runbook, &state)), scratch.path(), &interrupt, None)?;
        let sights = engine::survey(&runbook.nodes, &state, &hosts);
        Some(Survey { sights, drift: servers::changed_by_others(&hosts, &runbook, &state) })
    };
    if talk.json {
        talk.data(&report::status_json(&runbook, &state, survey.as_ref(), &work));
    } else {
        let path = migration.path().join("runbook.json").display().to_string();
        let go_on = talk.command(&["apply", &path]);
        let go_back = talk.command(&["rollback", migration.name()]);
        talk.result(report::status(&runbook, &state, survey.as_ref(), &work, &Next { go_on, go_back }));
    }
    Ok(End::Good)
}

/// The migration of that name, or what there is instead.
pub fn open(dir: &Path, name: &str) -> Result<Migration, Failure> {
    Migration::open(dir, name).map_err(|error| match error {
        journal::Error::Unknown { .. } => {
            let help = match Migration::list(dir).unwrap_or_default().as_slice() {
                [] => format!("there is none at all in that directory: say where they are with --dir; {ELSEWHERE}"),
                names => format!("there is: {}", names.join(", ")),
            };
            Failure { help: Some(help), ..Failure::from(error) }
        }
        // it is there, and something is wrong with it
        error => Failure::from(error),
    })
}

/// The migration of that name, or the only one.
pub fn choose(dir: &Path, name: Option<&str>) -> Result<Migration, Failure> {
    if let Some(name) = name {
        return open(dir, name);
    }
    let names = Migration::list(dir)?;
    // those that were set aside carry the time at which they were begun
    let current: Vec<&String> =
        names.iter().filter(|name| !names.iter().any(|other| is_aside(name, other))).collect();
    match current.as_slice() {
        [only] => Ok(Migration::open(dir, only)?),
        [] => Err(Failure::new(
            format!("there is no migration in `{}`", dir.display()),
            format!("begin one with `replant apply PLAN`, or say where it is with --dir; {ELSEWHERE}"),
        )),
        several => {
            let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
            Err(Failure::new(format!("there are several migrations: {}", names.join(", ")), "say which one"))
        }
    }
}

/// `name` is `other` with a time behind it.
fn is_aside(name: &str, other: &str) -> bool {
    name.strip_prefix(other)
        .and_then(|rest| rest.strip_prefix('.'))
        .is_some_and(|rest| rest.len() == 15 && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
}
