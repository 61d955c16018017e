use std::path::Path;

use super::{End, Failure, Talk, status};
use crate::course::Runbook;
use crate::journal::Migration;
use crate::report;

pub fn run(talk: &Talk, dir: &Path, what: &Path, step: Option<&str>) -> Result<End, Failure> {
    let runbook =
        if what.is_file() { read(what)? } else { of_migration(&status::open(dir, &what.to_string_lossy())?)? };
    let Some(step) = step else {
        if talk.json {
            talk.data(&report::runbook_json(&runbook, None));
        } else {
            talk.result(report::runbook(&runbook));
            if talk.verbose {
                talk.result(report::detail(&runbook));
            }
        }
        return Ok(End::Good);
    };
    let Some(at) = runbook.nodes.iter().position(|node| node.id.0 == step) else {
        let near = runbook
            .nodes
            .iter()
            .map(|node| node.id.0.as_str())
            .min_by_key(|id| strsim::damerau_levenshtein(id, step))
            .unwrap_or_default();
        return Err(Failure::new(format!("the runbook has no step `{step}`"), format!("did you mean `{near}`?")));
    };
    let (node, changes) = (&runbook.nodes[at], &report::changes(&runbook)[at]);
    if talk.json {
        talk.data(&report::node_json(node, changes));
    } else {
        talk.result(report::node(node, changes));
    }
    Ok(End::Good)
}

pub fn read(path: &Path) -> Result<Runbook, Failure> {
    parse(&fs_err::read_to_string(path)?, &path.display().to_string())
}

pub fn of_migration(migration: &Migration) -> Result<Runbook, Failure> {
    parse(&migration.runbook()?, &format!("the runbook of migration `{}`", migration.name()))
}

fn parse(text: &str, what: &str) -> Result<Runbook, Failure> {
    let runbook: Runbook = serde_json::from_str(text).map_err(|error| {
        Failure::new(
            format!("`{what}` is not a runbook: {error}"),
            "a runbook is made from a plan by `replant plan PLAN --out FILE`",
        )
    })?;
    let lint = crate::runbook::lint(&runbook.nodes);
    if let Some(first) = lint.first() {
        return Err(Failure::new(format!("`{what}` was damaged: {first}"), "make it again with `replant plan`"));
    }
    Ok(runbook)
}
