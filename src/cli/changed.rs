//! What others have changed on the servers while a migration was under way, when it is resumed.

use super::interrupt::Interrupt;
use super::{Failure, Prompts, Talk, confirm, servers};
use crate::course::Runbook;
use crate::host::Look;
use crate::journal::{Journal, Run};
use crate::report;
use crate::runbook::Stage;

/// Only what its own steps have changed should be other than it was found. A person must have seen what else is: `--yes` is
/// no answer, and what was accepted once is not asked again. In the middle of the cutover it is said and not asked:
/// standing still is worse there.
pub(crate) fn may_go_on(
    talk: &Talk,
    prompts: &Prompts,
    interrupt: &Interrupt,
    hosts: &dyn Look,
    runbook: &Runbook,
    journal: &mut Journal,
) -> Result<bool, Failure> {
    let state = journal.state();
    let mut drift = servers::changed_by_others(hosts, runbook, state);
    if !drift.unknown.is_empty() {
        // a link that was lost just now
        drift = servers::changed_by_others(hosts, runbook, state);
    }
    if drift.unknown.is_empty() && drift.seen.values().all(Vec::is_empty) {
        return Ok(true);
    }
    let told = report::drift(&drift).trim_end().to_string();
    let cutting = runbook.nodes.iter().any(|node| node.stage >= Stage::Cutover && state.ours(&node.id));
    if cutting || state.confirmed(&told) {
        talk.say(told);
        return Ok(true);
    }
    if drift.unknown.iter().any(|unknown| unknown.away) {
        return Err(Failure::new(
            format!("the servers could not be looked at before going on: nothing was changed\n{told}"),
            "see that they answer, then type the same again",
        ));
    }
    if confirm::nobody(prompts) {
        let help = format!(
            "put it back as it was; or look at it, and say on a terminal that you want to go on all the same (`--yes` does \
             not answer this); or go back: `{}`",
            talk.command(&["rollback", &runbook.name])
        );
        return Err(Failure::new(told, help));
    }
    let question = format!("{told}\nThe runbook was made for what was there before. Go on all the same?");
    let yes =
        confirm::confirm(talk, &Prompts { yes: false, ..prompts.clone() }, interrupt, &question, &runbook.name)?;
    if yes {
        journal.run(Run::Confirmed { prompt: told })?;
    }
    Ok(yes)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU8;

    use super::*;
    use crate::engine::{self, Options};
    use crate::facts;
    use crate::host::Server;
    use crate::journal::{Event, Header};
    use crate::sim::Sim;
    use crate::{course, plan};

    fn edit(sim: &Sim, path: &str) {
        sim.change(|world| world.write_file(Server::Old, path, "by somebody else\n", 0o644).map(drop).unwrap());
    }

    #[test]
    fn yes_is_no_answer_to_what_nobody_has_seen() {
        let loaded = plan::load("plans/lab.yaml".as_ref()).unwrap_or_else(|bad| panic!("{bad}"));
        let sim = Sim::from_plan(&loaded.plan, None);
        let facts = facts::both(&sim).unwrap();
        let book = course::make(&loaded.plan, &loaded.digest, &facts).unwrap();
        let mut journal = Journal::nowhere(Header::new("srv1", ""));
        let talk = Talk::new(false, false, true);
        let prompts = Prompts { yes: true, no_input: true, new_host_key: None };
        let interrupt = Interrupt::default();

        // of a migration that was made and not begun, too
        edit(&sim, "/etc/hosts");
        assert!(may_go_on(&talk, &prompts, &interrupt, &sim, &book, &mut journal).is_err());
        let hosts = facts.old.files.get("/etc/hosts").cloned().unwrap_or_default();
        sim.change(|world| world.write_file(Server::Old, "/etc/hosts", &hosts, 0o644).map(drop).unwrap());
        let level = AtomicU8::new(0);
        let options = Options { until: Some(Stage::Copy), poll: std::time::Duration::ZERO, ..Options::new(&level) };
        engine::apply(&book.nodes, &mut journal, &sim, &options, &|_| {}).unwrap_or_else(|no| panic!("{no}"));
        assert!(
            may_go_on(&talk, &prompts, &interrupt, &sim, &book, &mut journal).unwrap(),
            "nobody else has changed anything"
        );

        edit(&sim, "/etc/fstab");
        let refused = may_go_on(&talk, &prompts, &interrupt, &sim, &book, &mut journal).unwrap_err();
        assert!(refused.message.contains("\n  old: file `/etc/fstab` has changed"), "{}", refused.message);
        assert!(refused.help.unwrap().contains("replant rollback srv1"));
        // a person has seen just that; then there is more
        journal.run(Run::Confirmed { prompt: refused.message }).unwrap();
        assert!(may_go_on(&talk, &prompts, &interrupt, &sim, &book, &mut journal).unwrap());
        edit(&sim, "/etc/hosts");
        assert!(may_go_on(&talk, &prompts, &interrupt, &sim, &book, &mut journal).is_err());

        let stop = book.nodes.iter().find(|node| node.id.0 == "stop-services").unwrap();
        journal.step(&stop.id, Event::Began).unwrap();
        assert!(may_go_on(&talk, &prompts, &interrupt, &sim, &book, &mut journal).unwrap(), "services are down");
    }
}
