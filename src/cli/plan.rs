use std::path::{Path, PathBuf};

use super::interrupt::Interrupt;
use super::save::Save;
use super::{End, Failure, Talk, kept, servers, under_way, validate};
use crate::course::{self, Runbook};
use crate::facts::{Facts, Link};
use crate::findings::{self, Finding};
use crate::forecast::Outlook;
use crate::host::Server;
use crate::host::ssh::SshHosts;
use crate::plan::Loaded;
use crate::report;

pub(super) struct PlanOptions {
    /// replace what is no runbook
    pub force: bool,
    /// exit with 2 when there is something to do
    pub detailed: bool,
    /// measure the link
    pub probe: bool,
    /// a file of facts in place of the servers
    pub facts: Option<PathBuf>,
}

pub(super) fn run(
    talk: &Talk,
    dir: &Path,
    path: &Path,
    out: Option<&Path>,
    how: PlanOptions,
) -> Result<End, Failure> {
    let loaded = validate::load(talk, path)?;
    let save = out.map(|out| save_runbook(out, path, how.force)).transpose()?;
    let Some((runbook, outlook)) = of(talk, dir, &loaded, how.facts.as_deref(), how.probe)? else {
        return Ok(End::Failed);
    };
    if talk.json {
        talk.data(&report::runbook_json(&runbook, &outlook, Some(&loaded)));
    } else {
        talk.result(report::runbook(&runbook, &outlook));
        if talk.verbose {
            talk.result(report::detail(&runbook));
        }
    }
    match save.zip(out) {
        Some((save, out)) => {
            save.write(&serde_json::to_string_pretty(&runbook)?, 0o600)?;
            let out = out.display().to_string();
            talk.say(format!("Saved to {out}. Next: {}", talk.command(&["apply", &out])));
        }
        None => talk.say(format!(
            "Next: {}   (one step in detail: plan --out FILE, then show FILE STEP)",
            talk.command(&["apply", &path.display().to_string()])
        )),
    }
    Ok(if how.detailed && !runbook.nodes.is_empty() { End::Changes } else { End::Good })
}

/// The file that a runbook is saved to. A runbook that is there is replaced, nothing else is.
pub(crate) fn save_runbook(out: &Path, plan: &Path, force: bool) -> Result<Save, Failure> {
    Save::to(out, Some(plan), |there| {
        let may_go = force || kept::is_runbook(there).unwrap_or(false);
        (!may_go).then_some(", and it is no runbook")
    })
}

type Made = (Runbook, Outlook);

/// The runbook of a plan: from facts in a file, or from the servers.
pub(super) fn of(
    talk: &Talk,
    dir: &Path,
    loaded: &Loaded,
    facts: Option<&Path>,
    probe: bool,
) -> Result<Option<Made>, Failure> {
    if let Some(file) = facts {
        let (facts, link) = super::facts::open_for(talk, dir, file, &loaded.plan)?;
        return make(talk, loaded, &facts, link);
    }
    let interrupt = Interrupt::listen()?;
    let scratch = tempfile::tempdir()?;
    let hosts = servers::open(&loaded.plan, None, scratch.path(), &interrupt, None)?;
    of_servers(talk, dir, loaded, &hosts, probe)
}

/// Reads both servers and the link between them (with `probe` it is measured), and makes the runbook.
pub(crate) fn of_servers(
    talk: &Talk,
    dir: &Path,
    loaded: &Loaded,
    hosts: &SshHosts,
    probe: bool,
) -> Result<Option<Made>, Failure> {
    let facts = look(talk, loaded, hosts)?;
    let facts = under_way::without_own(talk, dir, &loaded.plan.name, facts);
    if probe {
        talk.say("Measuring the link from old to new for some seconds (opt out with --no-probe)");
    }
    let link = servers::link(hosts, &loaded.plan, &facts, probe)?;
    let tried = [servers::tried(hosts, Server::Old)?, servers::tried(hosts, Server::New)?];
    let power = findings::of_power(&loaded.plan, &tried[0], &tried[1]);
    make_with(talk, loaded, &facts, link, power)
}

/// Reads both servers, and says so.
fn look(talk: &Talk, loaded: &Loaded, hosts: &SshHosts) -> Result<Facts, Failure> {
    let began = std::time::Instant::now();
    talk.say(format!("Reading old ({}) and new ({})", *loaded.plan.old.address, *loaded.plan.new.address));
    let facts = servers::read(hosts)?;
    talk.say(format!(
        "Read old ({}) and new ({}) in {:.1} s",
        *loaded.plan.old.address,
        *loaded.plan.new.address,
        began.elapsed().as_secs_f64()
    ));
    Ok(facts)
}

/// The runbook, unless a finding blocks it. Findings are shown either way; what comes of the estimate (R1501) is known
/// only of a runbook that could be made.
pub(super) fn make(talk: &Talk, loaded: &Loaded, facts: &Facts, link: Link) -> Result<Option<Made>, Failure> {
    make_with(talk, loaded, facts, link, Vec::new())
}

/// As [`make`], with what was found already.
fn make_with(
    talk: &Talk,
    loaded: &Loaded,
    facts: &Facts,
    link: Link,
    more: Vec<Finding>,
) -> Result<Option<Made>, Failure> {
    let mut found = findings::find_with_link(&loaded.plan, facts, &link);
    found.extend(more);
    findings::sort(&mut found);
    let made = match found.iter().any(Finding::stops) {
        true => Err(Vec::new()),
        false => course::make(&loaded.plan, &loaded.digest, facts),
    };
    match made {
        Ok(book) => {
            let runbook = Runbook { link, ..book };
            let outlook = Outlook::with(&runbook, found);
            show_findings(talk, loaded, &outlook.findings);
            Ok(Some((runbook, outlook)))
        }
        Err(more) => {
            found.extend(more);
            findings::sort(&mut found);
            show_findings(talk, loaded, &found);
            refuse(talk, loaded, &found);
            Ok(None)
        }
    }
}

/// The same, and nothing is shown.
pub(crate) fn of_facts(loaded: &Loaded, facts: &Facts, link: Link) -> Result<Made, Vec<Finding>> {
    let found = findings::find_with_link(&loaded.plan, facts, &link);
    let book = course::make(&loaded.plan, &loaded.digest, facts)?;
    let runbook = Runbook { link, ..book };
    let outlook = Outlook::with(&runbook, found);
    Ok((runbook, outlook))
}

/// There is no runbook, and why.
fn refuse(talk: &Talk, loaded: &Loaded, found: &[Finding]) {
    if talk.json {
        talk.data(&report::refused_json(found, loaded));
    }
    if found.iter().any(|finding| finding.code == findings::UNDER_WAY) {
        talk.say(
            "Nothing was changed. First the migration that is under way must end; the other findings may be its work",
        );
        return;
    }
    let waived = if found.iter().any(|finding| finding.stops() && !finding.absolute) {
        ", or waived in the plan: `waive: [{ code: …, reason: … }]`"
    } else {
        "; it cannot be waived"
    };
    talk.say(format!("Nothing was changed. What inhibits must be resolved first{waived}"));
}

fn show_findings(talk: &Talk, loaded: &Loaded, found: &[Finding]) {
    if !found.is_empty() {
        report::out::tell(&report::findings(found, Some(loaded)));
    } else {
        talk.say("No findings.");
    }
}
