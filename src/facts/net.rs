//! Network interfaces: ip-address(8).

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Deserialize;

use super::Interface;
use super::fact::{Fact, Failed};
use super::parse::ParseError;
use crate::host::Query;

pub(super) const FACTS: &[Fact] = &[Fact {
    name: "interfaces",
    query: |_| Some(query()),
    failed: Failed::Error,
    put: |text, server| parse(text).map(|interfaces| server.interfaces = interfaces),
}];

/// Answers [`parse`].
pub fn query() -> Query {
    Query::run(["ip", "-j", "-d", "addr"])
}

#[derive(Deserialize)]
struct NetDevice {
    ifname: String,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    address: String,
    #[serde(default)]
    addr_info: Vec<Address>,
    #[serde(default)]
    master: Option<String>,
    #[serde(default)]
    link: Option<String>,
    #[serde(default)]
    altnames: Vec<String>,
    /// told where it is another than `address`: ip-link(8), iproute2 5.6
    #[serde(default)]
    permaddr: Option<String>,
}

#[derive(Deserialize)]
struct Address {
    family: String,
    local: String,
    prefixlen: u8,
    #[serde(default)]
    scope: String,
    /// of IPv6 privacy extensions: another one tomorrow
    #[serde(default)]
    temporary: bool,
    /// it expires unless it is renewed
    #[serde(default)]
    dynamic: bool,
    /// made of what a router announced (SLAAC)
    #[serde(default)]
    mngtmpaddr: bool,
}

impl Address {
    fn nobody_gave(&self) -> bool {
        self.temporary || (self.family == "inet6" && self.scope == "link")
    }
}

/// All interfaces. Link-local and temporary IPv6 addresses are left out: nobody gave them.
pub fn parse(text: &str) -> Result<Vec<Interface>, ParseError> {
    let rows: Vec<serde_json::Value> = serde_json::from_str(text)?;
    let mut interfaces = Vec::new();
    for row in rows {
        // older iproute2 prints an empty object for what it filtered out
        if row.as_object().is_some_and(|row| row.is_empty()) {
            continue;
        }
        let link: NetDevice = serde_json::from_value(row)?;
        let text = |at: &Address| format!("{}/{}", at.local, at.prefixlen);
        let given: Vec<&Address> = link.addr_info.iter().filter(|at| !at.nobody_gave()).collect();
        interfaces.push(Interface {
            name: link.ifname,
            mac: link.address,
            // it is switched on and there is a carrier: netdevice(7)
            up: ["UP", "LOWER_UP"].into_iter().all(|flag| link.flags.iter().any(|has| has == flag)),
            addresses: given.iter().map(|at| text(at)).collect(),
            dynamic: given.iter().filter(|at| at.dynamic || at.mngtmpaddr).map(|at| text(at)).collect(),
            permanent: link.permaddr,
            master: link.master,
            link: link.link,
            altnames: link.altnames,
            ..Interface::default()
        });
    }
    Ok(interfaces)
}

/// The addresses that a text of the network's configuration gives a server, as std::net writes them: whatever has the
/// length of a prefix, and what follows the word `address`. Comments do not count, and neither do gateways and name
/// servers, which stand there without a prefix.
pub fn configured(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        let words =
            line.split(|c: char| c.is_whitespace() || "=,[]{}\"'".contains(c)).filter(|word| !word.is_empty());
        let mut after = "";
        for word in words {
            let (address, prefix) =
                word.split_once('/').map_or((word, None), |(address, bits)| (address, Some(bits)));
            let named = after.trim_end_matches(|c: char| c.is_ascii_digit() || c == ':').to_ascii_lowercase();
            let prefixed = prefix.is_some_and(|bits| bits.parse::<u8>().is_ok());
            if (prefixed || named == "address" || named == "addresses")
                && let Ok(address) = address.parse::<IpAddr>()
            {
                found.insert(address.to_string());
            }
            after = if word == "-" { after } else { word };
        }
    }
    found
}
