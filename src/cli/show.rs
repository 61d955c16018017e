use std::path::Path;

use super::{End, Failure, Talk, input, status};
use crate::course::{self, Runbook};
use crate::forecast::Outlook;
use crate::journal::{self, Migration};
use crate::report;

pub fn run(talk: &Talk, dir: &Path, what: &Path, step: Option<&str>) -> Result<End, Failure> {
    let runbook = match of_name(dir, what)? {
        Some(runbook) => runbook,
        None => read(what)?,
    };
    let Some(step) = step else {
        let outlook = Outlook::of(&runbook);
        if talk.json {
            talk.data(&report::runbook_json(&runbook, &outlook, None));
        } else {
            talk.result(report::runbook(&runbook, &outlook));
            if talk.verbose {
                talk.result(report::detail(&runbook));
            }
        }
        return Ok(End::Good);
    };
    let Some(at) = runbook.nodes.iter().position(|node| node.id.0 == step) else {
        let ids: Vec<&str> = runbook.nodes.iter().map(|node| node.id.0.as_str()).collect();
        let help = crate::plan::suggest(step, &ids).map_or_else(
            || {
                format!(
                    "each line of `{}` ends with the id of its step",
                    talk.command(&["show", &what.to_string_lossy()])
                )
            },
            |near| format!("did you mean `{near}`?"),
        );
        return Err(Failure::new(format!("the runbook has no step `{step}`"), help));
    };
    let node = &runbook.nodes[at];
    let changes = report::changes(&runbook).nth(at).unwrap_or_default();
    if talk.json {
        talk.data(&report::node_json(node, &changes));
    } else {
        talk.result(report::node(&runbook.plan, node, &changes));
    }
    Ok(End::Good)
}

/// The runbook of the migration of that name; none where it names a file.
pub fn of_name(dir: &Path, what: &Path) -> Result<Option<Runbook>, Failure> {
    if what.exists() && !what.is_dir() {
        return Ok(None);
    }
    let name = what.to_string_lossy();
    match Migration::open(dir, &name) {
        Ok(migration) => return of_migration(&migration).map(Some),
        Err(journal::Error::Unknown { .. } | journal::Error::Name { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let path = what.components().count() > 1
        || what.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known));
    match (what.is_dir(), path) {
        (true, _) => Err(Failure::new(format!("`{name}` is a directory"), WANTED)),
        (false, true) => Err(Failure::new(format!("cannot read `{name}`: there is no such file"), WANTED)),
        (false, false) => status::open(dir, &name).and_then(|migration| of_migration(&migration)).map(Some),
    }
}

const WANTED: &str = "is the path right? There is no migration of that name either";

/// Whether a file holds a runbook, and not a plan.
pub fn is_runbook(path: &Path) -> Result<bool, Failure> {
    Ok(input::is_runbook(&input::read(path)?))
}

pub fn read(path: &Path) -> Result<Runbook, Failure> {
    of_bytes(&input::read(path)?, &path.display().to_string())
}

/// `shown`: what messages call it.
pub fn of_bytes(bytes: &[u8], shown: &str) -> Result<Runbook, Failure> {
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

pub fn of_migration(migration: &Migration) -> Result<Runbook, Failure> {
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
