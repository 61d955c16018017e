//! The way from old to new: how fast it is, and from what that is known.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a link of 1 Gbit/s carries, in bytes per second: 94 of 100 bits are data (Ethernet, IP and TCP with full frames).
const GIGABIT: u64 = 117_500_000;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// bytes per second that old can send to new
    pub rate: u64,
    pub basis: Basis,
    /// why it was not measured
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// seconds from a question over SSH to its answer
    pub old_round_trip: f64,
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
        Link { rate: GIGABIT, basis: Basis::Assumed, note: None, old_round_trip: 0.1, new_round_trip: 0.1 }
    }
}

impl Link {
    /// Of the slower card's speed in Mbit/s.
    pub fn of_card(mbit: u64) -> Link {
        Link { rate: GIGABIT / 1000 * mbit, basis: Basis::Card, ..Link::default() }
    }

    pub fn measured(rate: u64) -> Link {
        Link { rate, basis: Basis::Measured, ..Link::default() }
    }
}

/// `113 MB/s, measured`
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gbit = self.rate as f64 / GIGABIT as f64;
        // whole megabytes, but for a link so slow that they would be none
        let megabytes = self.rate as f64 / 1e6;
        write!(f, "{megabytes:.*} MB/s, ", if megabytes < 10.0 { 1 } else { 0 })?;
        match self.basis {
            Basis::Measured => write!(f, "measured"),
            Basis::Card => write!(f, "assumed from the network card: {gbit} Gbit/s"),
            Basis::Assumed => write!(f, "assumed: 1 Gbit/s"),
        }
    }
}
