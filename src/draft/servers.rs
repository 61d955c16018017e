//! The two servers: how they are reached, and over which network the data goes.

use std::net::IpAddr;

use serde::Serialize;

use super::text::quoted;
use crate::facts::{Facts, ServerFacts};
use crate::plan::Ssh;

/// What a person typed of a server, and what has come of it.
#[derive(Debug, Clone)]
pub struct TypedServer {
    /// as it was typed, without the user and the port: `srv1.example.org`
    pub host: String,
    /// what its name means, or as it was typed
    pub address: IpAddr,
    /// how to log in
    pub ssh: Ssh,
}

/// Both servers, and a name for what is between them.
#[derive(Debug, Clone)]
pub struct Ends {
    /// what the migration is called; old's host name, if nothing was said
    pub name: Option<String>,
    /// the server that moves
    pub old: TypedServer,
    /// the server that takes its place, in its rescue system
    pub new: TypedServer,
}

impl Ends {
    pub(super) fn name(&self, facts: &Facts) -> String {
        let Some(name) = &self.name else {
            let host = facts.old.hostname.to_lowercase();
            let host = host.split('.').next().unwrap_or_default();
            let plain = host.chars().filter(|c| c.is_ascii_alphanumeric() || "_-".contains(*c));
            let name: String = plain.skip_while(|c| !c.is_ascii_alphanumeric()).take(41).collect();
            return if name.is_empty() { "migration".into() } else { name };
        };
        name.clone()
    }
}

#[derive(Serialize)]
pub(super) struct Shown {
    address: String,
    /// where a name was typed
    host: Option<String>,
    hostname: String,
    system: String,
    ssh: Option<String>,
}

pub(super) fn old(ends: &Ends, facts: &Facts) -> Shown {
    shown(&ends.old, &facts.old)
}

pub(super) fn new(ends: &Ends, facts: &Facts) -> Shown {
    shown(&ends.new, &facts.new)
}

fn shown(end: &TypedServer, facts: &ServerFacts) -> Shown {
    let mut ssh = vec![format!("user: {}", quoted(&end.ssh.user))];
    ssh.extend(end.ssh.port.as_ref().map(|port| format!("port: {}", **port)));
    ssh.extend(end.ssh.identity.as_ref().map(|path| format!("identity: {}", quoted(&path.display().to_string()))));
    ssh.extend(end.ssh.host_key.as_ref().map(|key| format!("host_key: {}", quoted(key))));
    if *end.ssh.sudo {
        ssh.push("sudo: true".into());
    }
    let address = end.address.to_string();
    let usual = ssh == ["user: root"];
    Shown {
        host: (end.host != address).then(|| end.host.clone()),
        address: quoted(&address),
        hostname: facts.hostname.clone(),
        system: format!("{}, kernel {}", facts.os.pretty_name, facts.kernel),
        ssh: (!usual).then(|| format!("{{ {} }}", ssh.join(", "))),
    }
}

#[derive(Serialize)]
pub(super) struct Network {
    why: String,
    /// new's address on another network that both are on
    other: Option<String>,
}

/// Whether the two see each other directly, and whether they do so elsewhere too.
pub(super) fn network(ends: &Ends, facts: &Facts) -> Network {
    let of = |server: &ServerFacts| -> Vec<(IpAddr, u8)> {
        let all = server.interfaces.iter().filter(|card| card.name != "lo" && card.up);
        let parse = |text: &String| {
            let (address, prefix) = text.split_once('/')?;
            Some((address.parse().ok()?, prefix.parse().ok()?))
        };
        all.flat_map(|card| card.addresses.iter().filter_map(parse)).collect()
    };
    let (old, new) = (of(&facts.old), of(&facts.new));
    let shared = |address: &IpAddr| old.iter().find(|(other, prefix)| same_network(*other, *address, *prefix));
    // an address that both have is a bridge inside each of them
    let both = |address: &IpAddr| old.iter().any(|(other, _)| other == address);
    let others = new.iter().map(|(address, _)| *address).filter(|address| *address != ends.new.address);
    let other = others.filter(|address| !both(address)).find(|address| shared(address).is_some());
    let why = match shared(&ends.new.address) {
        Some((address, prefix)) => {
            format!("old ({address}/{prefix}) and new ({}) are on one network", ends.new.address)
        }
        None => format!(
            "old is not on the network of {} by any of its addresses: old must reach new there by TCP, through whatever is between them",
            ends.new.address
        ),
    };
    Network { why, other: other.map(|address| quoted(&address.to_string())) }
}

fn same_network(a: IpAddr, b: IpAddr, prefix: u8) -> bool {
    // a single address is no network
    let cut = |bits: u128, length: u8| bits.checked_shr(u32::from(length.saturating_sub(prefix))).unwrap_or(0);
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => prefix < 32 && cut(a.to_bits().into(), 32) == cut(b.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => prefix < 128 && cut(a.to_bits(), 128) == cut(b.to_bits(), 128),
        _ => false,
    }
}
