use std::path::{Path, PathBuf};

use super::interrupt::Interrupt;
use super::save::Save;
use super::{End, Failure, Talk, ends, servers, under_way, validate};
use crate::draft;
use crate::facts::record::{self, Recorder, Recording};
use crate::facts::{self, Basis, Link, activity};
use crate::host::Side;
use crate::host::ssh::SshHosts;
use crate::layout;
use crate::plan::{Plan, Ssh};

#[derive(clap::Args)]
pub(super) struct Facts {
    /// A plan (YAML), whose servers are read; or both servers: [USER@]HOST[:PORT] each
    #[arg(value_name = "PLAN | OLD NEW", num_args = 1..=2, required = true)]
    what: Vec<String>,
    /// Write the answers to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file, whatever it holds; facts are replaced without this
    #[arg(long, requires = "out")]
    force: bool,
    /// With a plan: do not send data for a few seconds to measure the link
    #[arg(long)]
    no_probe: bool,
    /// With OLD and NEW: file of the private key [default: ssh's own choice]
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// With OLD: its public host key [default: from ~/.ssh/known_hosts]
    #[arg(long, value_name = "KEY")]
    old_host_key: Option<String>,
    /// With NEW: its public host key
    #[arg(long, value_name = "KEY")]
    new_host_key: Option<String>,
}

/// Asks both servers everything that replant would, and keeps the raw answers. Changes nothing on them.
pub(super) fn run(talk: &Talk, how: Facts) -> Result<End, Failure> {
    let plan = match how.what.as_slice() {
        [plan] => Some(Path::new(plan)),
        _ => None,
    };
    let why_not = |there: &Path| {
        let may_go = how.force || Recording::read(there).is_ok();
        (!may_go).then_some(", and it holds no facts")
    };
    let save = how.out.as_deref().map(|out| Save::to(out, plan, why_not)).transpose()?;
    let recording = match how.what.as_slice() {
        [plan] => of_plan(talk, Path::new(plan), !how.no_probe)?,
        [old, new] => {
            let keys = (how.old_host_key, how.new_host_key);
            of_servers(&ends::ends(None, old, new, how.identity.as_deref(), keys)?)?
        }
        _ => unreachable!("one or two are asked for"),
    };
    let text = serde_json::to_string_pretty(&recording)? + "\n";
    match (save, &how.out) {
        (Some(save), Some(out)) => {
            save.write(&text, 0o600)?;
            let out = out.display();
            talk.say(format!(
                "Saved to {out}: {} answers of old, {} of new.\n\
                 Values of keys like `password` and hashes of passwords were left out. What is in it all the same: names,\n\
                 addresses, serial numbers, and configuration files whole. Look through it before you give it to others.\n\
                 To use it in place of the servers: --facts {out}, with plan, simulate, graph and init",
                recording.old.answers.len(),
                recording.new.answers.len(),
            ));
        }
        _ => talk.raw(text.as_bytes()),
    }
    Ok(End::Good)
}

fn of_plan(talk: &Talk, path: &Path, probe: bool) -> Result<Recording, Failure> {
    let loaded = validate::load(talk, path)?;
    let plan = &loaded.plan;
    let interrupt = Interrupt::listen()?;
    let scratch = tempfile::tempdir()?;
    let hosts = servers::open(plan, None, scratch.path(), &interrupt, None)?;
    let login = |ssh: &Ssh, address| login(&ssh.user, address, ssh.port.as_deref().copied());
    let logins = [login(&plan.old.ssh, *plan.old.address), login(&plan.new.ssh, *plan.new.address)];
    ask(&hosts, logins, |facts| servers::link(&hosts, plan, facts, probe))
}

fn of_servers(ends: &draft::Ends) -> Result<Recording, Failure> {
    let interrupt = Interrupt::listen()?;
    let scratch = tempfile::tempdir()?;
    let hosts = servers::reach(ends, scratch.path(), &interrupt)?;
    let login = |end: &draft::TypedServer| login(&end.ssh.user, end.address, end.ssh.port.as_deref().copied());
    ask(&hosts, [login(&ends.old), login(&ends.new)], |_| Ok(Link::default()))
}

fn login(user: &str, address: std::net::IpAddr, port: Option<u16>) -> String {
    let host = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
    format!("{user}@{host}{}", port.map(|port| format!(":{port}")).unwrap_or_default())
}

/// What is asked is what `plan` and `init` ask: no list of questions is kept here.
fn ask(
    hosts: &SshHosts,
    [old, new]: [String; 2],
    link: impl FnOnce(&facts::Facts) -> Result<Link, Failure>,
) -> Result<Recording, Failure> {
    let recorder = Recorder::new(hosts);
    // The file is for cases that replant does not understand, too: what was answered is kept whatever is made of it.
    let read = servers::read(&recorder);
    let activity = activity::read(&recorder, Side::Old);
    let link = match read {
        Ok(facts) => link(&facts)?,
        Err(failure) if recorder.answers(Side::Old).is_empty() || recorder.answers(Side::New).is_empty() => {
            return Err(failure);
        }
        Err(_) => Link::default(),
    };
    drop(activity);
    let server = |login, side| record::RecordedServer { login, answers: recorder.answers(side) };
    Ok(Recording {
        facts: record::FORMAT,
        replant: env!("CARGO_PKG_VERSION").into(),
        read_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        old: server(old, Side::Old),
        new: server(new, Side::New),
        link,
    })
}

/// Facts of a file in place of the servers, and what must be known of them.
pub(super) fn open(talk: &Talk, path: &Path) -> Result<(Recording, facts::Facts), Failure> {
    let again = "facts are written by `replant facts PLAN --out FILE`; read them again with this version";
    let recording = Recording::read(path).map_err(|error| Failure { help: Some(again.into()), ..error.into() })?;
    talk.say(format!("Facts of {} in place of the servers, read {}", path.display(), recording.read_at));
    let missing = recording.not_asked();
    if !missing.is_empty() {
        talk.say(format!(
            "note: replant {} read them, and did not ask {}: what depends on it may be wrong",
            recording.replant,
            missing.join(", ")
        ));
    }
    let facts = recording.facts().map_err(|error| Failure { help: Some(again.into()), ..error.into() })?;
    Ok((recording, facts))
}

/// The same for a plan: facts of other addresses are probably those of other servers.
pub(crate) fn open_for(talk: &Talk, dir: &Path, path: &Path, plan: &Plan) -> Result<(facts::Facts, Link), Failure> {
    let (recording, facts) = open(talk, path)?;
    let facts = under_way::without_own(talk, dir, &plan.name, facts);
    let ends = [("old", &recording.old.login, *plan.old.address), ("new", &recording.new.login, *plan.new.address)];
    for (server, login, address) in ends {
        let host = login.rsplit_once('@').map_or(login.as_str(), |(_, host)| host);
        let there = login_address(host).is_some_and(|there| there == address);
        if !there {
            talk.say(format!("note: these facts are those of {login}, and the plan has {server} at {address}"));
        }
    }
    let link = match recording.link.basis {
        // nobody measured it: the cards may know
        Basis::Assumed => layout::link_of_cards(plan, &facts),
        _ => recording.link,
    };
    Ok((facts, link))
}

fn login_address(host: &str) -> Option<std::net::IpAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(inside, _)| inside);
    let host = bare.unwrap_or_else(|| {
        if host.matches(':').count() == 1 { host.split(':').next().unwrap_or(host) } else { host }
    });
    host.parse().ok()
}
