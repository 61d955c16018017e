//! Which network cards the two servers are reached by.

use crate::facts::{Facts, Interface, ServerFacts};
use crate::plan::Plan;

/// The real card by which old is reached at its address: below a VLAN, or the only one in a bridge or a bond.
pub fn service_card<'a>(plan: &Plan, facts: &'a Facts) -> Option<&'a Interface> {
    card(&facts.old, &plan.old.address.to_string())
}

/// The real card by which new is reached.
pub fn new_card<'a>(plan: &Plan, facts: &'a Facts) -> Option<&'a Interface> {
    card(&facts.new, &plan.new.address.to_string())
}

fn card<'a>(server: &'a ServerFacts, address: &str) -> Option<&'a Interface> {
    let has = |with_prefix: &String| with_prefix.split('/').next() == Some(address);
    let card = server.interfaces.iter().find(|card| card.addresses.iter().any(has))?;
    below(server, card, 0)
}

fn below<'a>(server: &'a ServerFacts, card: &'a Interface, depth: u32) -> Option<&'a Interface> {
    // two ends of a veth name each other
    if card.physical || depth > 4 {
        return Some(card).filter(|card| card.physical);
    }
    let under =
        |other: &&Interface| other.master.as_ref() == Some(&card.name) || card.link.as_ref() == Some(&other.name);
    let mut real = server.interfaces.iter().filter(under).filter_map(|other| below(server, other, depth + 1));
    match (real.next(), real.next()) {
        (Some(card), None) => Some(card),
        _ => None,
    }
}
