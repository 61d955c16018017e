use std::path::Path;

use super::interrupt::Interrupt;
use super::{End, Failure, Talk, kept, servers};
use crate::engine;
use crate::report::{self, AtWork, Next, Survey};

pub(super) fn run(talk: &Talk, dir: &Path, name: Option<&str>, offline: bool) -> Result<End, Failure> {
    let migration = kept::choose(dir, name)?;
    let runbook = kept::of_migration(&migration)?;
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
