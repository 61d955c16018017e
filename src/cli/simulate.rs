use std::path::Path;
use std::time::Duration;

use super::interrupt::Interrupt;
use super::{End, Failure, Talk, plan, validate};
use crate::engine::{self, Options};
use crate::facts::{self, Facts, Link};
use crate::host::Side;
use crate::journal::{Header, Journal};
use crate::report::{self, Live, To, out};
use crate::runbook::Stage;
use crate::sim::Sim;

/// The whole migration against a pair of servers that exists in memory only: the same rules, course, steps and engine.
pub fn run(talk: &Talk, path: &Path) -> Result<End, Failure> {
    let loaded = validate::load(talk, path)?;
    let interrupt = Interrupt::listen()?;
    let hosts = Sim::from_plan(&loaded.plan, None);
    let facts = Facts { format: 1, old: facts::read(&hosts, Side::Old)?, new: facts::read(&hosts, Side::New)? };
    talk.result("Simulated: nothing of this happens on a server.");
    let Some((runbook, outlook)) = plan::make(talk, &loaded, &facts, Link::default())? else {
        return Ok(End::Failed);
    };
    talk.result(report::outline(&runbook, &outlook.forecast));
    let mut journal = Journal::nowhere(Header::new(&runbook.name, ""));
    let live = Live::new(&runbook, Stage::Grow, To::Out, talk.manner());
    let options = Options { parallelism: 1, poll: Duration::ZERO, ..Options::new(&interrupt.level) };
    match engine::apply(&runbook.nodes, &mut journal, &hosts, &options, &|event| live.tell(event)) {
        Ok(summary) => {
            drop(live);
            talk.line(&serde_json::json!({ "event": "summary", "changed": summary.changed }));
            talk.result(format!(
                "Simulated to the end: {} steps, {} acts. Up to stage `{}` nothing is lost by going back.\n\
                 Next, on the real servers: replant plan {}",
                summary.done.len() + summary.adopted.len(),
                summary.changed,
                Stage::Copy,
                path.display()
            ));
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
