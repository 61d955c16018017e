//! Which network cards and addresses the two servers are reached by.

use std::cmp::Reverse;
use std::net::IpAddr;

use crate::facts::{Facts, Interface, Link, ServerFacts};
use crate::plan::Plan;

/// The real card by which old is reached at its address: below a VLAN, or the only one in a bridge or a bond.
pub fn service_card<'a>(plan: &Plan, facts: &'a Facts) -> Option<&'a Interface> {
    card(&facts.old, &plan.old.address.to_string())
}

/// The real card by which new is reached.
pub(crate) fn new_card<'a>(plan: &Plan, facts: &'a Facts) -> Option<&'a Interface> {
    card(&facts.new, &plan.new.address.to_string())
}

/// The addresses between which the data goes: that by which old comes to new's disks, and where new offers them. Old's is the
/// one in the smallest network that has both, as the kernel chooses it (ip-route(8): routes of directly connected networks), on
/// the card of its service where two have it; or old's own where a router is between them. Routes that somebody has made by
/// hand are not looked at.
pub(crate) fn transfer_addresses(plan: &Plan, facts: &Facts) -> (IpAddr, IpAddr) {
    let portal = **plan.portal();
    let cards = facts.old.interfaces.iter().filter(|card| card.up);
    let beside = cards.flat_map(|card| {
        let other = !has(card, &plan.old.address.to_string());
        card.addresses.iter().filter_map(move |text| beside(text, portal)).map(move |(bits, own)| (bits, other, own))
    });
    let nearest = beside.min_by_key(|(bits, other, _)| (Reverse(*bits), *other));
    (nearest.map_or(*plan.old.address, |(.., address)| address), portal)
}

/// An address like `192.0.2.1/24`, and the length of its prefix, if the other is in its network.
fn beside(with_prefix: &str, other: IpAddr) -> Option<(u32, IpAddr)> {
    let (address, bits) = with_prefix.split_once('/')?;
    let (address, bits): (IpAddr, u32) = (address.parse().ok()?, bits.parse().ok()?);
    let same = match (address, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        _ => return None,
    };
    (same >= bits).then_some((bits, address))
}

/// The real cards between which the data goes, old's and new's.
pub(crate) fn transfer_cards<'a>(plan: &Plan, facts: &'a Facts) -> [Option<&'a Interface>; 2] {
    let (from, to) = transfer_addresses(plan, facts);
    [card(&facts.old, &from.to_string()), card(&facts.new, &to.to_string())]
}

fn card<'a>(server: &'a ServerFacts, address: &str) -> Option<&'a Interface> {
    let card = server.interfaces.iter().find(|card| has(card, address))?;
    below(server, card, 0)
}

/// Whether a card has an address, given without its prefix.
pub(crate) fn has(card: &Interface, address: &str) -> bool {
    addresses(card).any(|own| own == address)
}

/// The addresses of a card, without their prefixes.
pub(crate) fn addresses(card: &Interface) -> impl Iterator<Item = &str> {
    card.addresses.iter().filter_map(|with_prefix| with_prefix.split('/').next())
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

/// The link by the word of the cards between which the data goes, where nobody has asked for the way between them.
pub fn link_of_cards(plan: &Plan, facts: &Facts) -> Link {
    let speed = |card: Option<&Interface>| card.and_then(|card| card.speed);
    let slower = transfer_cards(plan, facts).into_iter().filter_map(speed).min();
    slower.map_or_else(Link::default, |mbit| Link::of_card(mbit.into()))
}
