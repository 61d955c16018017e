use std::path::Path;

use super::interrupt::Interrupt;
use super::{End, Failure, Talk, servers, validate};
use crate::course::{self, Runbook};
use crate::facts::Facts;
use crate::findings::{self, Finding};
use crate::journal;
use crate::plan::Loaded;
use crate::report;

pub fn run(talk: &Talk, _dir: &Path, path: &Path, out: Option<&Path>, detailed: bool) -> Result<End, Failure> {
    let loaded = validate::load(talk, path)?;
    let interrupt = Interrupt::listen()?;
    let scratch = tempfile::tempdir()?;
    let hosts = servers::open(&loaded.plan, None, scratch.path(), &interrupt, None)?;
    let facts = look(talk, &loaded, &hosts)?;
    let Some(runbook) = make(talk, &loaded, &facts)? else { return Ok(End::Failed) };
    if talk.json {
        talk.data(&runbook);
    } else {
        talk.result(report::runbook(&runbook));
    }
    match out {
        Some(out) => {
            let text = serde_json::to_string_pretty(&runbook)?;
            journal::write_whole(out, text.as_bytes(), 0o600)?;
            talk.say(format!("Saved to {}. Next: replant apply {}", out.display(), out.display()));
        }
        None => talk.say(format!(
            "Next: replant apply {}   (one step in detail: plan --out FILE, then show FILE STEP)",
            path.display()
        )),
    }
    Ok(if detailed && !runbook.nodes.is_empty() { End::Changes } else { End::Good })
}

/// Reads both servers, and says so.
pub fn look(talk: &Talk, loaded: &Loaded, hosts: &crate::host::ssh::SshHosts) -> Result<Facts, Failure> {
    let began = std::time::Instant::now();
    let facts = servers::read(hosts)?;
    talk.say(format!(
        "Read old ({}) and new ({}) in {:.1} s",
        *loaded.plan.old.address,
        *loaded.plan.new.address,
        began.elapsed().as_secs_f64()
    ));
    Ok(facts)
}

/// The runbook, unless a finding inhibits it. All findings are shown either way.
pub fn make(talk: &Talk, loaded: &Loaded, facts: &Facts) -> Result<Option<Runbook>, Failure> {
    let found = findings::find(&loaded.plan, facts);
    show_findings(talk, loaded, &found);
    if found.iter().any(Finding::stops) {
        if talk.json {
            talk.data(&report::findings_json(&found, loaded));
        }
        talk.say("Nothing was changed. What inhibits must be resolved first, or waived in the plan: `waive: [{ code: …, reason: … }]`");
        return Ok(None);
    }
    match course::make(&loaded.plan, &loaded.digest, facts) {
        Ok(runbook) => Ok(Some(runbook)),
        Err(found) => {
            show_findings(talk, loaded, &found);
            Ok(None)
        }
    }
}

fn show_findings(talk: &Talk, loaded: &Loaded, found: &[Finding]) {
    if !found.is_empty() {
        anstream::eprintln!("{}", report::findings(found, loaded));
    } else {
        talk.say("No findings.");
    }
}
