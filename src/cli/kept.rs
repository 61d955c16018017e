//! Migrations and runbooks that are kept, by what a person calls them.

use std::path::Path;

use super::{Failure, input};
use crate::course::{self, Runbook};
use crate::journal::{self, Depot, Migration};

/// A directory that is not known any more.
const ELSEWHERE: &str = "if one was begun, the servers keep where: `replant plan PLAN` tells";

/// The runbook of the migration of that name; none where it names a file.
pub(crate) fn of_name(dir: &Path, what: &Path) -> Result<Option<Runbook>, Failure> {
    if what.exists() && !what.is_dir() {
        return Ok(None);
    }
    let name = what.to_string_lossy();
    match Depot::at(dir).open(&name) {
        Ok(migration) => return of_migration(&migration).map(Some),
        Err(journal::Error::Unknown { .. } | journal::Error::Name { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let path = what.components().count() > 1
        || what.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known));
    match (what.is_dir(), path) {
        (true, _) => Err(Failure::new(format!("`{name}` is a directory"), WANTED)),
        (false, true) => Err(Failure::new(format!("cannot read `{name}`: there is no such file"), WANTED)),
        (false, false) => open(dir, &name).and_then(|migration| of_migration(&migration)).map(Some),
    }
}

const WANTED: &str = "is the path right? There is no migration of that name either";

/// Whether a file holds a runbook, and not a plan.
pub(crate) fn is_runbook(path: &Path) -> Result<bool, Failure> {
    Ok(input::is_runbook(&input::read(path)?))
}

pub(super) fn read(path: &Path) -> Result<Runbook, Failure> {
    of_bytes(&input::read(path)?, &path.display().to_string())
}

/// `shown`: what messages call it.
pub(crate) fn of_bytes(bytes: &[u8], shown: &str) -> Result<Runbook, Failure> {
    let text = String::from_utf8_lossy(bytes);
    let runbook = parse(text.trim_start_matches('\u{feff}'), &format!("`{shown}`"))?;
    if *runbook.plan.name != runbook.name {
        return Err(Failure::new(
            format!("`{shown}` was edited: it is called `{}`, and its plan `{}`", runbook.name, *runbook.plan.name),
            "change the plan instead, and make it again with `replant plan`",
        ));
    }
    Ok(runbook)
}

pub(crate) fn of_migration(migration: &Migration) -> Result<Runbook, Failure> {
    parse(&migration.runbook()?, &format!("the runbook of migration `{}`", migration.name()))
}

fn parse(text: &str, what: &str) -> Result<Runbook, Failure> {
    #[derive(serde::Deserialize)]
    struct Only {
        format: u32,
    }
    let parsed = serde_json::from_str::<Runbook>(text);
    // of another format only this much is known
    let format = match &parsed {
        Ok(runbook) => Some(runbook.format),
        Err(_) => serde_json::from_str(text).ok().map(|Only { format }| format),
    };
    if let Some(format) = format.filter(|format| *format != course::FORMAT) {
        let known = course::FORMAT;
        return Err(Failure::new(
            format!("{what} has format {format}; this replant knows format {known} only"),
            "use the replant that made it, or make it again with `replant plan`",
        ));
    }
    let runbook = parsed.map_err(|error| {
        Failure::new(
            format!("{what} is not a runbook: {error}"),
            "a runbook is made from a plan by `replant plan PLAN --out FILE`",
        )
    })?;
    let lint = crate::runbook::lint(&runbook.nodes);
    if let Some(first) = lint.first() {
        return Err(Failure::new(format!("{what} was damaged: {first}"), "make it again with `replant plan`"));
    }
    Ok(runbook)
}

/// The migration of that name, or what there is instead.
pub(super) fn open(dir: &Path, name: &str) -> Result<Migration, Failure> {
    Depot::at(dir).open(name).map_err(|error| match error {
        journal::Error::Unknown { .. } => {
            let help = match Depot::at(dir).list().unwrap_or_default().as_slice() {
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
pub(super) fn choose(dir: &Path, name: Option<&str>) -> Result<Migration, Failure> {
    if let Some(name) = name {
        return open(dir, name);
    }
    let names = Depot::at(dir).list()?;
    // those that were set aside carry the time at which they were begun
    let current: Vec<&String> =
        names.iter().filter(|name| !names.iter().any(|other| is_aside(name, other))).collect();
    match current.as_slice() {
        [only] => Ok(Depot::at(dir).open(only)?),
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
