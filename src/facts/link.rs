//! The way from old to new: how fast it is, and from what that is known.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::Query;

/// What a link of 1 Gbit/s carries, in bytes per second: 94 of 100 bits are data (Ethernet, IP and TCP with full frames).
const GIGABIT: u64 = 117_500_000;

/// How fast old can send to new, and whether it can at all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// bytes per second that old can send to new
    pub rate: u64,
    /// from what `rate` is known
    pub basis: Basis,
    /// old could not connect to the port at which new will offer its disks: why
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
    /// why it was not measured
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// seconds from a question over SSH to its answer
    pub old_round_trip: f64,
    /// the same of new, in seconds
    pub new_round_trip: f64,
}

/// From what the rate is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// bytes were sent
    Measured,
    /// the network cards' own word, `/sys/class/net/*/speed`
    Card,
    /// nothing is known: 1 Gbit/s
    Assumed,
}

impl Default for Link {
    fn default() -> Link {
        Link {
            rate: GIGABIT,
            basis: Basis::Assumed,
            blocked: None,
            note: None,
            old_round_trip: 0.1,
            new_round_trip: 0.1,
        }
    }
}

impl Link {
    /// Of the slower card's speed in Mbit/s.
    pub fn of_card(mbit: u64) -> Link {
        Link { rate: GIGABIT / 1000 * mbit, basis: Basis::Card, ..Link::default() }
    }

    /// As it was measured: bytes per second.
    pub fn measured(rate: u64) -> Link {
        Link { rate, basis: Basis::Measured, ..Link::default() }
    }
}

/// Prints the speed of the card that leads to an address. ip-route(8)
const CARD: &str =
    r#"card=$(ip -o route get "$1" | sed -n 's/.* dev \([^ ]*\).*/\1/p') && cat "/sys/class/net/$card/speed""#;

/// Answered by [`speed`].
pub(crate) fn speed_query(address: std::net::IpAddr) -> Query {
    Query::run(["sh", "-c", CARD, "sh", &address.to_string()])
}

/// Mbit/s, where the card knows: virtual ones say -1 or nothing at all.
pub fn speed(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|speed| *speed > 0)
}

/// `113 MB/s`: whole megabytes, but for a rate so low that they would be none.
pub(crate) fn per_second(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    format!("{megabytes:.*} MB/s", if megabytes < 10.0 { 1 } else { 0 })
}

/// `113 MB/s, measured`
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gbit = self.rate as f64 / GIGABIT as f64;
        write!(f, "{}, ", per_second(self.rate))?;
        match self.basis {
            Basis::Measured => write!(f, "measured"),
            Basis::Card => write!(f, "assumed from the network card: {gbit} Gbit/s"),
            Basis::Assumed => write!(f, "assumed: 1 Gbit/s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_of_itself() {
        assert_eq!(Link::default().to_string(), "118 MB/s, assumed: 1 Gbit/s");
        assert_eq!(Link::of_card(10_000).to_string(), "1175 MB/s, assumed from the network card: 10 Gbit/s");
        assert_eq!(Link::of_card(100).to_string(), "12 MB/s, assumed from the network card: 0.1 Gbit/s");
        assert_eq!(Link::measured(113_400_000).to_string(), "113 MB/s, measured");
        assert_eq!(Link::measured(1_230_000).to_string(), "1.2 MB/s, measured");
        assert_eq!((speed("1000\n"), speed("-1\n"), speed("")), (Some(1000), None, None));
    }
}
