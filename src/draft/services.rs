//! What must stop at the cutover: whatever listens for others, and whatever writes to what moves.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::text::{list, quoted};
use super::volumes::Groups;
use crate::facts::Facts;
use crate::facts::activity::{Activity, Unit};
use crate::facts::resolve::Names;
use crate::layout::needed;

#[derive(Debug, Default)]
pub(crate) struct Services {
    pub stop: Vec<StoppedUnit>,
    /// what is not to be stopped though it listens or writes, in words
    pub left_running: Vec<String>,
    /// what a person must see to
    pub decide: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct StoppedUnit {
    unit: String,
    why: String,
}

/// They may be the way in, for people or for replant: the beginnings of their names.
const WAY_IN: [&str; 6] = ["openvpn", "wg-quick@", "tailscaled", "strongswan", "ipsec", "zerotier"];

/// Why a unit is not ours to stop, if it is not.
fn left_running(unit: &str) -> Option<&'static str> {
    let way_in = WAY_IN.iter().any(|name| unit.starts_with(name));
    needed(unit).or(way_in.then_some("it may be the way in, for you or for replant"))
}

/// Units that show neither a socket nor an open file and yet make others write.
const UNSEEN: &[(&str, &str)] = &[
    ("cron.service", "starts jobs that may write"),
    ("crond.service", "starts jobs that may write"),
    ("anacron.service", "starts jobs that may write"),
    ("atd.service", "starts jobs that may write"),
    ("nfs-server.service", "the kernel serves files for it"),
    ("nfs-kernel-server.service", "the kernel serves files for it"),
];

pub(super) fn find(facts: &Facts, activity: &Activity, groups: &Groups) -> Services {
    // mount points by device
    let names = Names::of(&facts.old);
    let boot = facts.old.mounts.iter().find(|mount| mount.target == "/boot");
    let mounts = groups.mounted(facts).chain(boot);
    let places: BTreeMap<&str, &str> = mounts
        .flat_map(|mount| names.mount(mount).into_iter().map(|block| (block.path.as_str(), mount.target.as_str())))
        .collect();
    let place = |source: &String| places.get(names.block(source)?.path.as_str()).copied();

    let mut services = Services::default();
    for unit in &activity.units {
        let writes: BTreeSet<&str> = unit.writes.iter().filter_map(place).collect();
        if unit.listens.is_empty() && writes.is_empty() {
            continue;
        }
        let does = does(unit, &writes);
        if unit.name == "systemd-journald.service" {
            // the cutover stops it by itself, last of all
        } else if let Some(why) = left_running(&unit.name) {
            if !writes.is_empty() {
                services.decide.push(format!(
                    "{} {does}, and is not stopped: {why}. A file that is open for writing keeps a file system from \
                     becoming read-only, and the cutover stops there: see to it that it holds none by then",
                    unit.name
                ));
            } else {
                services.left_running.push(format!("{}: {does}; {why}", unit.name));
            }
        } else if unit.name.ends_with(".service") && !unit.name.starts_with("user@") || unit.name.ends_with(".socket")
        {
            services.stop.push(StoppedUnit { unit: quoted(&unit.name), why: does });
        } else if !writes.is_empty() {
            let whose = match unit.name.as_str() {
                "" => "which no unit has started".to_string(),
                name if name.starts_with("session-") || name.starts_with("user@") => format!("of the login {name}"),
                name => format!("of {name}, which cannot be started again once it is stopped"),
            };
            services.decide.push(format!(
                "{}, {whose}, {does}. It must have ended before the cutover, or be started by a service that is stopped",
                some(&unit.processes)
            ));
        }
    }
    for (unit, why) in UNSEEN {
        let listed = services.stop.iter().any(|stop| stop.unit == *unit);
        if facts.old.services.iter().any(|active| active == unit) && !listed {
            services.stop.push(StoppedUnit { unit: unit.to_string(), why: why.to_string() });
        }
    }
    // what would start one of them again goes with it
    let mut wakers = Vec::new();
    for waker in &activity.wakers {
        let starts: Vec<&String> =
            waker.starts.iter().filter(|unit| services.stop.iter().any(|stop| stop.unit == quoted(unit))).collect();
        if !starts.is_empty() && !services.stop.iter().any(|stop| stop.unit == quoted(&waker.name)) {
            wakers
                .push(StoppedUnit { unit: quoted(&waker.name), why: format!("would start {} again", list(starts)) });
        }
    }
    wakers.append(&mut services.stop);
    services.stop = wakers;
    services
}

/// `listens on tcp 0.0.0.0:80; writes to /var`
fn does(unit: &Unit, writes: &BTreeSet<&str>) -> String {
    let mut does = Vec::new();
    if !unit.listens.is_empty() {
        does.push(format!("listens on {}", some(&unit.listens)));
    }
    if !writes.is_empty() {
        does.push(format!("writes to {}", list(writes.iter().copied())));
    }
    does.join("; ")
}

/// The first of them, and how many there are besides.
fn some(words: &BTreeSet<String>) -> String {
    let more = words.len().saturating_sub(4);
    list(words.iter().take(4).cloned().chain((more > 0).then(|| format!("{more} more"))))
}
