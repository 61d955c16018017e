use std::path::{Path, PathBuf};
use std::time::Duration;

use super::interrupt::Interrupt;
use super::{End, Failure, Talk, plan, validate};
use crate::engine::{self, Options};
use crate::facts::{self, Link};
use crate::journal::{Header, Journal};
use crate::report::{self, LiveView, To, out};
use crate::runbook::Stage;
use crate::sim::{Patient, Sim};

pub(super) struct SimulateOptions {
    /// a file of facts that the pair is made of
    pub facts: Option<PathBuf>,
    pub out: Option<PathBuf>,
    /// replace what is no runbook
    pub force: bool,
}

/// The whole migration against a pair of servers that exists in memory only: the same rules, course, steps and engine.
pub(super) fn run(talk: &Talk, dir: &Path, path: &Path, how: &SimulateOptions) -> Result<End, Failure> {
    let loaded = validate::load(talk, path)?;
    let save = how.out.as_deref().map(|out| plan::save_runbook(out, path, how.force)).transpose()?;
    let interrupt = Interrupt::listen()?;
    let (hosts, link) = match &how.facts {
        None => (Sim::from_plan(&loaded.plan, None), Link::default()),
        Some(file) => {
            let (given, link) = super::facts::open_for(talk, dir, file, &loaded.plan)?;
            // What the rules say of the servers themselves, and not of what the simulation makes of them.
            if plan::make(talk, &loaded, &given, link.clone())?.is_none() {
                return Ok(End::Failed);
            }
            let sim = Sim::from_facts(&loaded.plan, &given).map_err(|error| Failure {
                help: Some(
                    "`replant plan PLAN --facts FILE` needs no simulation, and shows what would be done".into(),
                ),
                ..Failure::from(error)
            })?;
            (sim, link)
        }
    };
    let facts = facts::both(&hosts)?;
    talk.result("Simulated: nothing of this happens on a server.");
    let made = match &how.facts {
        None => plan::make(talk, &loaded, &facts, link)?,
        // the findings have been told, and are not told again of the simulated pair
        Some(_) => plan::of_facts(&loaded, &facts, link).ok(),
    };
    let Some((runbook, outlook)) = made else {
        if how.facts.is_some() {
            return Err(Failure::new(
                "the simulated pair is not enough like these servers: no runbook can be made for it",
                "`replant plan PLAN --facts FILE` needs no simulation, and shows what would be done",
            ));
        }
        return Ok(End::Failed);
    };
    talk.result(report::outline(&runbook, &outlook.forecast));
    if let Some(save) = &save {
        save.write(&serde_json::to_string_pretty(&runbook)?, 0o600)?;
    }
    let mut journal = Journal::nowhere(Header::new(&runbook.name, ""));
    let live = LiveView::new(&runbook, Stage::Grow, To::Out, talk.manner());
    let clock = Patient::default();
    let poll = Duration::from_millis(10);
    let options = Options { parallelism: 1, poll, clock: &clock, ..Options::new(&interrupt.level) };
    match engine::apply(&runbook.nodes, &mut journal, &hosts, &options, &|event| live.tell(event)) {
        Ok(summary) => {
            drop(live);
            talk.line(&serde_json::json!({ "event": "summary", "changed": summary.changed }));
            talk.result(format!(
                "Simulated to the end: {} steps, {} acts. Up to stage `{}` nothing is lost by going back.\n\
                 Next, on the real servers: {}",
                summary.done.len() + summary.adopted.len(),
                summary.changed,
                Stage::Copy,
                talk.command(&["plan", &path.display().to_string()])
            ));
            if let Some(out) = &how.out {
                let out = out.display();
                talk.say(format!("The simulated pair's runbook is in {out}: replant show {out}"));
            }
            Ok(End::Good)
        }
        Err(stopped) => {
            drop(live);
            out::tell(&format!("error: the simulation stopped: {stopped}"));
            if let Some(step) = &stopped.step {
                out::tell(&format!("  in step `{step}`"));
            }
            Ok(if stopped.interrupted { End::Interrupted } else { End::Failed })
        }
    }
}
