//! From a plan to the servers: logins, host keys, power, secrets, and the lock that each server carries.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use super::interrupt::Interrupt;
use super::prompts::HostKey;
use super::{Failure, Prompts, confirm, watch};
use crate::course::{self, Runbook};
use crate::draft::{Ends, TypedServer};
use crate::facts::{self, Facts, Link, link};
use crate::findings::Tried;
use crate::host::power::Request;
use crate::host::ssh::{KeyPair, Probe, Probed, Remote, SshConfig, SshHosts};
use crate::host::{Act, HostError, Hosts, Look, Query, Server, Side};
use crate::journal::{Journal, Migration, Run, State, Who};
use crate::layout::transfer_addresses;
use crate::plan::{NewBoot, Plan, Power, Secret, Ssh};
use crate::report::{Drift, Unknown};
use crate::runbook::StepId;
use crate::secret::{SecretSource, Secrets};
use crate::step::StepKind;

/// The servers of a plan. With facts their host keys are pinned, and the migrated system can be known.
pub(super) fn open(
    plan: &Plan,
    facts: Option<&Facts>,
    dir: &Path,
    interrupt: &Interrupt,
    prompts: Option<&Prompts>,
) -> Result<SshHosts, Failure> {
    let name = plan.name.to_string();
    let remote = |address, ssh, alias: &str, keys| remote(address, ssh, format!("{name}-{alias}"), keys);
    let keys = |ssh: &Ssh, known: Option<&Vec<String>>| match (&ssh.host_key, known) {
        (_, Some(known)) if !known.is_empty() => known.clone(),
        (Some(key), _) => vec![key.to_string()],
        (None, _) => Vec::new(),
    };
    let old_keys = keys(&plan.old.ssh, facts.map(|facts| &facts.old.host_keys));
    let new_keys = keys(&plan.new.ssh, facts.map(|facts| &facts.new.host_keys));
    let old_address = plan.old.address.to_string();
    let mut remotes = BTreeMap::from([
        (Side::Old, remote(old_address.clone(), &plan.old.ssh, "old-installed", old_keys.clone())),
        (Side::New, remote(plan.new.address.to_string(), &plan.new.ssh, "new-rescue", new_keys)),
    ]);
    if facts.is_some() {
        remotes.insert(Side::Migrated, remote(old_address, &plan.old.ssh, "new-installed", old_keys));
    }
    let hold = hold_keys(plan, dir, remotes.get_mut(&Side::New))?;
    let mut sources: Vec<(String, SecretSource)> = vec![
        ("chap".into(), source(&plan.transfer.iscsi.chap.secret)),
        (course::CHAP_BACK.into(), SecretSource::Generated),
    ];
    sources.extend(hold);
    for (server, said) in [(Server::Old, &plan.old.power), (Server::New, &plan.new.power)] {
        if let Power::Ipmi { password, .. } = said {
            sources.push((course::power_secret(server), source(password)));
        }
    }
    let power = [Server::Old, Server::New].map(|server| (server, course::power_control(plan, server))).into();
    let ask = prompts.is_some_and(|prompts| !confirm::nobody(prompts));
    Ok(SshHosts::new(SshConfig {
        migration: name,
        known_hosts: dir.join("known_hosts"),
        remotes,
        machines: facts.map(facts::machines),
        power,
        consoles: course::consoles(plan),
        secrets: Secrets::new(dir.join("secrets"), sources),
        confirm: ask.then(|| {
            let interrupt = interrupt.clone();
            Box::new(move |request: &Request| confirm::by_hand(&interrupt, request)) as _
        }),
        trace: watch::trace(),
        stop: Some(interrupt.leave.clone()),
        ..SshConfig::default()
    })?)
}

/// The keys of new's hold, made when there is a migration that can keep them. New is new in rescue and in its hold alike: it
/// is known by either key, and lets in whoever has the other.
fn hold_keys(plan: &Plan, dir: &Path, new: Option<&mut Remote>) -> Result<Vec<(String, SecretSource)>, Failure> {
    if plan.new.boot.as_deref() == Some(&NewBoot::Rescue) {
        return Ok(Vec::new());
    }
    let secrets = dir.join("secrets");
    let [host, client] = ["hold-host", "hold-client"].map(|name| KeyPair::of(&secrets, name));
    if dir.exists() {
        host.keep()?;
        client.keep()?;
    }
    if let (Some(new), Some(line)) = (new, host.line()) {
        // with none of its own, the user's known_hosts is believed: of the hold it knows nothing
        if !new.host_keys.is_empty() {
            new.host_keys.push(line);
        }
        new.own_identity = Some(client.private.clone());
    }
    Ok(vec![
        (course::HOLD_HOST_KEY.into(), SecretSource::Whole(host.private)),
        (course::HOLD_CLIENT.into(), SecretSource::Whole(client.public)),
    ])
}

/// What is known of the servers, with the operator's newer word on the key of new's rescue system, which makes others at
/// each boot. What answers with it is known by its hardware all the same.
pub(super) fn known(runbook: &Runbook, state: &State) -> Facts {
    let mut facts = runbook.facts.clone();
    if let Some(key) = state.host_key(Server::New) {
        facts.new.host_keys = vec![key.to_string()];
    }
    facts
}

/// Records that key, where one was given.
pub(crate) fn now_shows(journal: &mut Journal, key: Option<&HostKey>) -> Result<(), Failure> {
    if let Some(HostKey(key)) = key
        && journal.state().host_key(Server::New) != Some(key)
    {
        journal.run(Run::HostKey { server: Server::New, key: key.clone() })?;
    }
    Ok(())
}

fn remote(address: String, ssh: &Ssh, host_key_alias: String, host_keys: Vec<String>) -> Remote {
    Remote {
        address,
        port: ssh.port.as_ref().map(|port| **port),
        user: ssh.user.to_string(),
        identity: ssh.identity.as_ref().map(|path| path.to_path_buf()),
        own_identity: None,
        sudo: *ssh.sudo,
        host_key_alias,
        host_keys,
    }
}

/// Two servers of which there is no plan yet, to be read as `plan` would read them, and to be switched by nobody.
pub(super) fn reach(ends: &Ends, dir: &Path, interrupt: &Interrupt) -> Result<SshHosts, Failure> {
    let one = |end: &TypedServer, alias: &str| {
        let keys = end.ssh.host_key.iter().map(|key| key.to_string()).collect();
        remote(end.address.to_string(), &end.ssh, alias.to_string(), keys)
    };
    Ok(SshHosts::new(SshConfig {
        migration: "init".into(),
        known_hosts: dir.join("known_hosts"),
        remotes: BTreeMap::from([(Side::Old, one(&ends.old, "old")), (Side::New, one(&ends.new, "new"))]),
        trace: watch::trace(),
        stop: Some(interrupt.leave.clone()),
        ..SshConfig::default()
    })?)
}

fn source(secret: &Secret) -> SecretSource {
    match secret {
        Secret::Generated => SecretSource::Generated,
        Secret::Env(name) => SecretSource::Env(name.clone()),
        Secret::File(path) => SecretSource::File(path.clone()),
    }
}

/// Reads both servers at the same time.
pub(super) fn read(hosts: &dyn Look) -> Result<Facts, Failure> {
    std::thread::scope(|scope| {
        let old = scope.spawn(|| facts::read(hosts, Side::Old));
        let new = facts::read(hosts, Side::New);
        let old = old.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(Facts { format: 1, old: old.map_err(explain)?, new: new.map_err(explain)? })
    })
}

/// What is known of the way by which the data goes; with `probe` it is measured.
pub(super) fn link(hosts: &SshHosts, plan: &Plan, facts: &Facts, probe: bool) -> Result<Link, Failure> {
    let (from, to) = transfer_addresses(plan, facts);
    let mut link = match card_speed(hosts, from, to)? {
        Some(mbit) => Link::of_card(mbit),
        None => Link::default(),
    };
    if probe {
        match hosts.probe(&Probe { address: to, port: *plan.transfer.iscsi.port }).map_err(explain_host)? {
            Probed::Rate(rate) => link = Link::measured(rate),
            Probed::Blocked(why) => link.blocked = Some(why),
            Probed::Unknown(why) => link.note = Some(format!("not measured: {why}")),
        }
    }
    link.old_round_trip = round_trip(hosts, Side::Old)?;
    link.new_round_trip = round_trip(hosts, Side::New)?;
    Ok(link)
}

/// Mbit/s of the slower of the two cards, where either knows.
fn card_speed(hosts: &SshHosts, old: IpAddr, new: IpAddr) -> Result<Option<u64>, Failure> {
    let ask = |side, of| hosts.ask(side, link::speed_query(of)).map_err(explain_host);
    let answers = [ask(Side::Old, new)?, ask(Side::New, old)?];
    Ok(answers.iter().filter_map(|answer| link::speed(&answer.stdout)).min())
}

/// The shortest of three, in seconds.
fn round_trip(hosts: &SshHosts, side: Side) -> Result<f64, Failure> {
    let mut best = f64::MAX;
    for _ in 0..3 {
        let began = std::time::Instant::now();
        hosts.ask(side, Query::run(["true"])).map_err(explain_host)?;
        best = best.min(began.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// What has changed on the servers since the runbook was made, and not by its steps. A system that is there no more is
/// not asked.
pub(super) fn changed_by_others(hosts: &dyn Look, runbook: &Runbook, state: &State) -> Drift {
    let begun = |id: &StepId| state.ours(id);
    let over = |over: fn(&StepKind) -> bool| runbook.nodes.iter().any(|node| over(&node.step) && begun(&node.id));
    let of = |side| {
        let now = facts::read(hosts, side).map_err(|error| Unknown {
            side,
            why: error.to_string(),
            away: matches!(error, facts::FactsError::Host(_)),
        })?;
        Ok(course::changed_by_others(runbook, begun, side, &now))
    };
    let old_is_off = over(|step| matches!(step, StepKind::OldOff(_)));
    let rescue_is_left = over(|step| matches!(step, StepKind::OwnBoot(_) | StepKind::IntoHold(_)));
    std::thread::scope(|scope| {
        let new = scope.spawn(|| (!rescue_is_left).then(|| of(Side::New)));
        let old = (!old_is_off).then(|| of(Side::Old));
        let new = new.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let mut drift = Drift::default();
        for (side, told) in [(Side::Old, old), (Side::New, new)] {
            match told {
                Some(Ok(changes)) => _ = drift.seen.insert(side, changes),
                Some(Err(unknown)) => drift.unknown.push(unknown),
                None => {}
            }
        }
        drift
    })
}

pub(super) fn explain(error: facts::FactsError) -> Failure {
    match error {
        facts::FactsError::Host(error) => explain_host(error),
        other => {
            let help = other.help();
            Failure { help, ..Failure::from(other) }
        }
    }
}

/// A server's error, with what to do about it.
pub(crate) fn explain_host(error: HostError) -> Failure {
    Failure::from(error)
}

/// How a server will be switched, by its power control's own word.
pub(super) fn tried(hosts: &dyn Look, server: Server) -> Result<Tried, Failure> {
    let side = if server == Server::Old { Side::Old } else { Side::New };
    let answer = hosts.ask(side, Query::Control(server)).map_err(explain_host)?;
    Ok(match answer.stdout.trim() {
        "on" | "by-hand" | "nobody" => Tried::Works,
        "off" => Tried::SaysOff,
        _ => Tried::Fails(answer.stderr),
    })
}

/// Takes the lock of a server, or says who has it. The same migration's own lock is taken over: its directory on this
/// machine is locked by us, so whoever left it there is gone.
const LOCK: &str = r#"d=/run/replant; mkdir -p "$d"; chmod 700 "$d"
if mkdir "$d/lock" 2>/dev/null; then printf '%s\n' "$1" >"$d/lock/owner"; exit 0; fi
owner=$(cat "$d/lock/owner" 2>/dev/null)
if [ "${owner%% process *}" = "${1%% process *}" ]; then printf '%s\n' "$1" >"$d/lock/owner"; exit 0; fi
echo "held by ${owner:-somebody}" >&2; exit 75"#;
const UNLOCK: &str = r#"d=/run/replant/lock
owner=$(cat "$d/owner" 2>/dev/null)
if [ "${owner%% process *}" = "${1%% process *}" ]; then rm -rf "$d"; rmdir /run/replant 2>/dev/null; fi; true"#;

/// Who holds a lock, up to ` process `: user, host and path may be equal in two containers or on two installations of one
/// image; the migration's identity, made at random, is not. Of two copies of a migration the servers tell which is
/// older.
fn owner(who: &Who, path: &Path, identity: &str, machine: &str) -> String {
    let path = path.canonicalize().unwrap_or(path.to_path_buf());
    let machine = machine.get(..8).unwrap_or("unknown");
    let Who { user, host, pid, .. } = who;
    format!("{user}@{host} in {} (migration {identity}, machine {machine}) process {pid}", path.display())
}

/// The locks that are held on the servers.
pub(crate) struct Locked<'a> {
    hosts: &'a SshHosts,
    owner: String,
    sides: Vec<Side>,
}

impl<'a> Locked<'a> {
    /// Locks those of `sides` that answer. A server that does not cannot be worked on by anybody, and the engine will
    /// say so if it is needed.
    pub(super) fn take(hosts: &'a SshHosts, migration: &Migration, sides: &[Side]) -> Result<Locked<'a>, Failure> {
        let machine = fs_err::read_to_string("/etc/machine-id").unwrap_or_default();
        let owner = owner(&Who::me(), migration.path(), &migration.identity()?, machine.trim());
        let mut locked = Locked { hosts, owner, sides: Vec::new() };
        locked.hold(sides)?;
        Ok(locked)
    }

    /// Makes sure of the locks: a server that was restarted has forgotten its own. One that is held stays held meanwhile.
    pub(super) fn hold(&mut self, sides: &[Side]) -> Result<(), Failure> {
        for side in sides {
            match self.hosts.act(*side, "lock", &Act::run(["sh", "-c", LOCK, "sh", &self.owner])) {
                Ok(()) if self.sides.contains(side) => {}
                Ok(()) => self.sides.push(*side),
                // it is away, or switched off and the other one has its address: the engine will say so if it is needed
                Err(HostError::Unreachable { .. } | HostError::Another { .. }) => {}
                Err(HostError::Failed { code: 75, output, .. }) => {
                    return Err(Failure::new(
                        format!("another migration is at work on {side}: {}", output.trim()),
                        format!("wait for it; if nobody is there any more, `rm -r /run/replant/lock` on {side}"),
                    ));
                }
                Err(error) => return Err(explain_host(error)),
            }
        }
        Ok(())
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        for side in &self.sides {
            // a server that has been switched off has forgotten its lock
            let _ = self.hosts.act(*side, "unlock", &Act::run(["sh", "-c", UNLOCK, "sh", &self.owner]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs one of the scripts for a directory of this machine's.
    fn run(script: &str, dir: &Path, owner: &str) -> bool {
        let script = script.replace("/run/replant", dir.to_str().unwrap());
        let done = duct::cmd("sh", ["-c", &script, "sh", owner]).stderr_null().unchecked().run().unwrap();
        done.status.success()
    }

    #[test]
    fn equal_names_do_not_share_a_lock() {
        let dir = tempfile::tempdir().unwrap();
        let me = |pid| Who { user: "root".into(), host: "localhost".into(), pid, since: jiff::Timestamp::UNIX_EPOCH };
        let path: &Path = "/root/.replant/srv1".as_ref();
        let of = |pid, identity: &str, machine: &str| owner(&me(pid), path, identity, machine);
        let mine = of(1, "3f2a", "0123456789");
        assert!(run(LOCK, dir.path(), &mine));
        for other in [of(1, "77aa", "0123456789"), of(1, "3f2a", "9876543210")] {
            assert!(!run(LOCK, dir.path(), &other), "{other} takes the lock of {mine}");
            assert!(run(UNLOCK, dir.path(), &other) && dir.path().join("lock").exists(), "{other} opens it");
        }
        // the same directory again: whoever left it there is gone
        let later = of(2, "3f2a", "0123456789");
        assert!(run(LOCK, dir.path(), &later) && run(UNLOCK, dir.path(), &later));
        assert!(!dir.path().join("lock").exists());
        assert!(run(LOCK, dir.path(), &of(1, "77aa", "0123456789")));
    }
}
