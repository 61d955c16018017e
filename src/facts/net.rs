//! Network interfaces: ip-address(8).

use serde::Deserialize;

use super::Interface;
use super::parse::ParseError;
use crate::host::Query;

/// Answers [`parse`].
pub fn query() -> Query {
    Query::run(["ip", "-j", "-d", "addr"])
}

#[derive(Deserialize)]
struct Link {
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
        let link: Link = serde_json::from_value(row)?;
        let given = link.addr_info.iter().filter(|at| !at.nobody_gave());
        interfaces.push(Interface {
            name: link.ifname,
            mac: link.address,
            // it is switched on and there is a carrier: netdevice(7)
            up: ["UP", "LOWER_UP"].into_iter().all(|flag| link.flags.iter().any(|has| has == flag)),
            addresses: given.map(|at| format!("{}/{}", at.local, at.prefixlen)).collect(),
            master: link.master,
            link: link.link,
            altnames: link.altnames,
            ..Interface::default()
        });
    }
    Ok(interfaces)
}
