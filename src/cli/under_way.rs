//! Migrations that the servers know to be under way: the one that goes on from here is no finding.

use std::path::Path;

use super::{Failure, Talk};
use crate::facts::Facts;
use crate::findings::{self, Finding};
use crate::journal::Depot;
use crate::plan::Plan;

/// Takes the migration `name` of `dir` out of what the servers keep: another one could not begin there, but this is it. One
/// that was rolled back makes room for another, which the servers must let act.
pub(crate) fn without_own(talk: &Talk, dir: &Path, name: &str, facts: Facts) -> Facts {
    // one that cannot be read is not known by the servers' marks; apply says what is wrong with it
    let story = Depot::at(dir).open(name).and_then(|migration| migration.read());
    let Some(own) = story.ok().filter(|story| !story.state.rolled_back()) else { return facts };
    let id = own.trail.id();
    let mut facts = facts;
    let before = facts.old.under_way.len() + facts.new.under_way.len();
    for server in [&mut facts.old, &mut facts.new] {
        server.under_way.retain(|mark| mark.id != id);
    }
    if facts.old.under_way.len() + facts.new.under_way.len() < before {
        talk.say(format!(
            "note: migration `{name}` is under way in `{}`, and what is found now may be its own work: {}",
            dir.display(),
            talk.command(&["status", name])
        ));
    }
    facts
}

/// Refuses where another one is under way, before anything else is made of such facts.
pub(crate) fn is_there_another(plan: &Plan, facts: &Facts) -> Result<(), Failure> {
    match findings::under_way(plan, facts) {
        Some(Finding { message, help, .. }) => Err(Failure::new(message, help)),
        None => Ok(()),
    }
}
