use std::path::{Path, PathBuf};

use super::interrupt::Interrupt;
use super::save::Save;
use super::{End, Failure, Talk, ends, servers};
use crate::draft::{self, Draft, NoDraft};
use crate::facts::activity::{self, Activity};
use crate::host::Side;
use crate::plan::{self};

#[derive(clap::Args)]
pub(super) struct Init {
    /// The server in service: [USER@]HOST[:PORT], or a name from ~/.ssh/config. The default user is root; any other needs `sudo -n`
    #[arg(required_unless_present = "facts")]
    old: Option<String>,
    /// The new server, booted into a rescue system: [USER@]HOST[:PORT]
    #[arg(required_unless_present = "facts")]
    new: Option<String>,
    /// Use the facts in this file, written by `replant facts`, and reach no server
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    /// Name of the migration [default: old's host name]
    #[arg(long)]
    name: Option<String>,
    /// Write the plan to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, requires = "out")]
    force: bool,
    /// File of the private key, for both servers [default: ssh's own choice]
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Old's public host key, `ssh-ed25519 AAAA…` [default: from ~/.ssh/known_hosts]
    #[arg(long, value_name = "KEY")]
    old_host_key: Option<String>,
    /// New's public host key
    #[arg(long, value_name = "KEY")]
    new_host_key: Option<String>,
}

/// Reads both servers and writes a plan to begin with. Changes nothing on them.
pub(super) fn run(talk: &Talk, init: Init) -> Result<End, Failure> {
    let save = init.out.as_deref().map(|out| Save::to(out, None, |_| (!init.force).then_some(""))).transpose()?;
    if let Some(name) = &init.name {
        let bad = |fault: plan::Fault| Failure {
            message: format!("`{}` cannot be --name: it {}", name.escape_debug(), fault.message),
            help: fault.help,
            data: None,
            interrupted: false,
        };
        plan::plan_name(name).map_err(bad)?;
    }
    let keys = (init.old_host_key, init.new_host_key);
    let (ends, facts, activity) = if let Some(file) = &init.facts {
        let (recording, facts) = super::facts::open(talk, file)?;
        // whoever gives addresses knows better than the file, which may have come from elsewhere
        let old = init.old.as_ref().unwrap_or(&recording.old.login);
        let new = init.new.as_ref().unwrap_or(&recording.new.login);
        let ends = ends::ends(init.name, old, new, init.identity.as_deref(), keys)?;
        let activity = match recording.asked(Side::Old, "activity") {
            true => activity::read(&recording, Side::Old).map_err(servers::explain)?,
            false => Activity { unknown: vec!["the file of facts does not tell it".into()], ..Activity::default() },
        };
        (ends, facts, activity)
    } else {
        let (Some(old), Some(new)) = (&init.old, &init.new) else {
            return Err(Failure::new("`init` needs both servers, OLD and NEW", "replant init OLD NEW --out PLAN"));
        };
        let ends = ends::ends(init.name, old, new, init.identity.as_deref(), keys)?;
        let interrupt = Interrupt::listen()?;
        let scratch = tempfile::tempdir()?;
        let hosts = servers::reach(&ends, scratch.path(), &interrupt)?;
        talk.say(format!("Reading old ({}) and new ({})", ends.old.address, ends.new.address));
        let facts = servers::read(&hosts).map_err(without_a_plan)?;
        let activity = activity::read(&hosts, Side::Old).map_err(servers::explain)?;
        (ends, facts, activity)
    };
    let draft = draft::write(&ends, &facts, &activity).map_err(explain)?;
    match &save {
        Some(save) => save.write(&draft.text, 0o644)?,
        None => talk.result(draft.text.trim_end()),
    }
    if talk.json {
        talk.data(&serde_json::json!({
            "plan": draft.text, "decide": draft.decide, "findings": draft.findings,
        }));
    }
    tell(talk, &draft, init.out.as_deref());
    Ok(End::Good)
}

fn tell(talk: &Talk, draft: &Draft, out: Option<&Path>) {
    let file = out.map_or("PLAN".into(), |out| out.display().to_string());
    let next = talk.command(&["plan", &file]);
    match draft.decide.len() {
        0 => talk.say(format!("Nothing is in the way. Read it, then: {next}")),
        count => {
            let what = if count == 1 { "thing is" } else { "things are" };
            talk.say(format!("{count} {what} for you to decide or to do, said at the top of the plan:"));
            draft.decide.iter().for_each(|item| talk.say(format!("- {item}")));
            talk.say(format!("Then: {next}"));
        }
    }
}

/// What is said of the plan is said to `init` on the command line.
fn without_a_plan(failure: Failure) -> Failure {
    let typed = "There is no plan yet: `init` takes USER@HOST:PORT, --identity, --old-host-key and --new-host-key";
    let help = failure.help.map(|help| if help.contains("the plan") { format!("{help}. {typed}") } else { help });
    Failure { help, ..failure }
}

fn explain(error: NoDraft) -> Failure {
    match error {
        NoDraft::Servers { message, help } => Failure::new(message, help),
        NoDraft::Unsound(_) => Failure::new(
            error.to_string(),
            "write the plan by hand after an example in plans/, with another name for what is said above",
        ),
    }
}
