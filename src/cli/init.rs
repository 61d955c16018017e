use std::net::{IpAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use super::interrupt::Interrupt;
use super::save::Save;
use super::{End, Failure, Talk, servers};
use crate::draft::{self, Draft, Ends, NoDraft};
use crate::facts::activity::{self, Activity};
use crate::host::Side;
use crate::host::ssh::{Configured, configured};
use crate::plan::{self, Ssh};
use crate::report::out;

#[derive(clap::Args)]
pub struct Init {
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
pub fn run(talk: &Talk, init: Init) -> Result<End, Failure> {
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
        let ends = ends(init.name, old, new, init.identity.as_deref(), keys)?;
        let activity = match recording.asked(Side::Old, "activity") {
            true => activity::read(&recording, Side::Old).map_err(servers::explain)?,
            false => Activity { unknown: vec!["the file of facts does not tell it".into()], ..Activity::default() },
        };
        (ends, facts, activity)
    } else {
        let (Some(old), Some(new)) = (&init.old, &init.new) else {
            return Err(Failure::new("`init` needs both servers, OLD and NEW", "replant init OLD NEW --out PLAN"));
        };
        let ends = ends(init.name, old, new, init.identity.as_deref(), keys)?;
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

/// Both servers, as they were typed.
pub fn ends(
    name: Option<String>,
    old: &str,
    new: &str,
    identity: Option<&Path>,
    (old_key, new_key): (Option<String>, Option<String>),
) -> Result<Ends, Failure> {
    let ends = Ends { name, old: end("OLD", old, identity, old_key)?, new: end("NEW", new, identity, new_key)? };
    if ends.old.address == ends.new.address {
        return Err(Failure::new(
            format!("OLD and NEW are both at {}", ends.old.address),
            "in the rescue system new needs an address of its own; it takes over old's at the cutover",
        ));
    }
    Ok(ends)
}

/// `[USER@]HOST[:PORT]`; an IPv6 address with a port is in brackets.
fn end(what: &str, typed: &str, identity: Option<&Path>, host_key: Option<String>) -> Result<draft::End, Failure> {
    let bad = |why: &str| {
        Failure::new(
            format!("`{typed}` is no {what}: {why}"),
            "write [USER@]HOST[:PORT]: `192.0.2.10`, `admin@srv1.example.org:2222`, `[2001:db8::10]:22`",
        )
    };
    let (user, rest) = typed.rsplit_once('@').map_or((None, typed), |(user, rest)| (Some(user), rest));
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-$".contains(c);
    if user.is_some_and(|user| user.is_empty() || user.starts_with('-') || !user.chars().all(plain)) {
        return Err(bad("the user is not a plain name"));
    }
    let bracketed = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host, port) = match bracketed {
        Some((host, after)) => (host, after.strip_prefix(':').or(if after.is_empty() { None } else { Some(after) })),
        None if rest.parse::<IpAddr>().is_ok() => (rest, None),
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = match port.map(str::parse::<u16>) {
        None => None,
        Some(Ok(port)) if port > 0 => Some(port),
        Some(_) => return Err(bad("the port is not a number from 1 to 65535")),
    };
    // The plan will have an address, of which `Host` blocks of names say nothing: what they say goes into the plan.
    let configured = match host.parse::<IpAddr>() {
        Err(_) if !host.is_empty() && !host.starts_with('-') => configured(host, port)?,
        _ => Configured { hostname: host.to_string(), ..Configured::default() },
    };
    let address = address(&configured.hostname).map_err(|why| match &configured.by_way_of {
        Some(way) => bad(&format!(
            "{why}; ssh reaches it by way of `{way}`, and from there it may be known: write its address"
        )),
        None => bad(&why),
    })?;
    if let Some(way) = &configured.by_way_of {
        out::tell(&format!(
            "note: ~/.ssh/config reaches `{host}` by way of `{way}`. A plan has addresses: let a `Host {address}` there say so too."
        ));
    }
    let user = user.map(String::from).or(configured.user).unwrap_or("root".into());
    Ok(draft::End {
        host: host.to_string(),
        address,
        ssh: Ssh {
            sudo: (user != "root").into(),
            user: user.into(),
            port: port.or(configured.port).map(Into::into),
            identity: identity.map(Path::to_path_buf).or(configured.identity).map(Into::into),
            host_key: host_key.or(configured.host_key).map(Into::into),
        },
    })
}

/// A plan has addresses: a name could come to mean another server. So it is looked up once, and the servers are read as
/// they will be by `plan`.
fn address(host: &str) -> Result<IpAddr, String> {
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    if host.is_empty() || host.starts_with('-') {
        return Err("there is no host in it".into());
    }
    let mut found =
        (host, 0).to_socket_addrs().map_err(|error| format!("the name `{host}` is not known here ({error})"))?;
    found.next().map(|found| found.ip()).ok_or(format!("the name `{host}` has no address"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_typed() {
        let of = |typed: &str| {
            end("OLD", typed, None, None).map(|end| {
                (end.ssh.user.to_string(), end.address.to_string(), end.ssh.port.map(|port| *port), *end.ssh.sudo)
            })
        };
        let is = |user: &str, address: &str, port, sudo| Some((user.to_string(), address.to_string(), port, sudo));
        assert_eq!(of("192.0.2.10").ok(), is("root", "192.0.2.10", None, false));
        assert_eq!(of("admin@192.0.2.10:2222").ok(), is("admin", "192.0.2.10", Some(2222), true));
        assert_eq!(of("2001:db8::10").ok(), is("root", "2001:db8::10", None, false));
        assert_eq!(of("root@[2001:db8::10]:22").ok(), is("root", "2001:db8::10", Some(22), false));
        assert_eq!(of("[2001:db8::10]").ok(), is("root", "2001:db8::10", None, false));
        for bad in
            ["", "@192.0.2.10", "-oProxyCommand=x@192.0.2.10", "192.0.2.10:0", "192.0.2.10:ssh", "[2001:db8::1]x"]
        {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
