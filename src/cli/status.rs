use std::path::Path;

use super::interrupt::Interrupt;
use super::{End, Failure, Talk, servers, show};
use crate::engine;
use crate::journal::Migration;
use crate::report::{self, Survey};

pub fn run(talk: &Talk, dir: &Path, name: Option<&str>, offline: bool) -> Result<End, Failure> {
    let migration = choose(dir, name)?;
    let runbook = show::of_migration(&migration)?;
    let story = migration.read()?;
    let state = story.state;
    let survey = if offline {
        None
    } else {
        let interrupt = Interrupt::listen()?;
        let scratch = tempfile::tempdir()?;
        // The migration's directory has its secrets; its file of host keys is written beside, not by one who only looks.
        let hosts =
            servers::open(&runbook.plan, Some(&servers::known(&runbook, &state)), scratch.path(), &interrupt, None)?;
        let sights = engine::survey(&runbook.nodes, &state, &hosts);
        Some(Survey { sights, drift: servers::changed_by_others(&hosts, &runbook, &state) })
    };
    if talk.json {
        talk.data(&report::status_json(&runbook, &state, survey.as_ref()));
    } else {
        let path = migration.path().join("runbook.json").display().to_string();
        talk.result(report::status(&runbook, &path, &state, survey.as_ref()));
    }
    Ok(End::Good)
}

/// The migration of that name, or what there is instead.
pub fn open(dir: &Path, name: &str) -> Result<Migration, Failure> {
    Migration::open(dir, name).map_err(|error| {
        let help = match Migration::list(dir).unwrap_or_default().as_slice() {
            [] => "there is none at all in that directory: say where they are with --dir".to_string(),
            names => format!("there is: {}", names.join(", ")),
        };
        Failure { help: Some(help), ..Failure::from(error) }
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
            "begin one with `replant apply PLAN`, or say where it is with --dir",
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
