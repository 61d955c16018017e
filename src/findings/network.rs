//! The network configuration, which travels along and must find the cards that it names.

use super::naming::{is_named, naming};
use super::{Check, Hit, Rule, Severity};
use crate::facts::{Facts, Interface};
use crate::layout::{addresses, has, new_card, service_card};
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1401",
        title: "replant cannot tell which network card gets old's name",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "new's card gets the name of old's card by a .link file, so that ifupdown, systemd-networkd, \
              NetworkManager and netplan find it under the name that they know. replant follows an address on a VLAN, \
              or on a bridge or bond with one card, down to that card; with more cards it would have to guess, and new \
              might come up without a network.",
        remedy: "put a .link file for new's card into /etc/systemd/network of old yourself (systemd.link(5)): \
                 `[Match] MACAddress=` and `PermanentMACAddress=` (which a VLAN or a bridge on the card does not have) new's, `[Link] Name=` the name that the configuration knows.",
        check: Check::Facts(no_card),
    },
    Rule {
        code: "R1402",
        title: "old uses more than one network card",
        severity: Severity::Warning,
        absolute: false,
        why: "only the card with old's address gets its name back on new; the others may be called something else there.",
        remedy: "write .link files for new's other cards into /etc/systemd/network of old (systemd.link(5)).",
        check: Check::Facts(more_cards),
    },
    Rule {
        code: "R1405",
        title: "another card of new may hold the name of old's card",
        severity: Severity::Warning,
        absolute: false,
        why: "udev cannot give a card a name that another card has; eth0 and the like are given by the kernel, in \
              no fixed order.",
        remedy: "give new's other card another name, by a .link file in /etc/systemd/network of old.",
        check: Check::Facts(name_taken),
    },
    Rule {
        code: "R1407",
        title: "the data goes over IPv6",
        severity: Severity::Warning,
        absolute: false,
        why: "replant writes portals, records and names of disks for IPv6 as the sources of tgt, LIO, open-iscsi \
              and udev have them, but this has been tried in the simulation only. If something does not fit, the \
              migration stops in `connect`, and nothing is lost.",
        remedy: "if the servers have IPv4 addresses on the network between them, name those in the plan; otherwise \
              try it with `--until connect`.",
        check: Check::Facts(ipv6),
    },
    Rule {
        code: "R1408",
        title: "new does not have the address at which its disks are to be offered",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "new's iSCSI server must listen at that address, and old logs in there.",
        remedy: "name in `transfer.iscsi.address` an address that new has and old reaches; if new is behind address \
              translation, the inner one.",
        check: Check::Facts(no_portal),
    },
];

fn no_card(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let (old, new) = (service_card(plan, facts), new_card(plan, facts));
    if facts.new.interfaces.iter().any(|card| card.physical && is_named(facts, card)) {
        return Vec::new();
    }
    let mut hits = Vec::new();
    let unknown = [("old", &plan.old.address, old), ("new", &plan.new.address, new)];
    for (server, address, _) in unknown.into_iter().filter(|(_, _, card)| card.is_none()) {
        let mac = new.map_or("MAC-OF-NEW", |card| card.own_mac());
        let hit = Hit::new(
            format!(
                "the address {} of {server} is not on one network card (several in a bridge or a bond?)",
                **address
            ),
            format!(
                "tell new's card its name, on old: {}",
                naming(facts, mac, old.map_or("NAME", |card| card.name.as_str()))
            ),
        );
        hits.push(hit.at(address.span()));
    }
    hits
}

fn more_cards(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let cards = &facts.old.interfaces;
    let used = |card: &&Interface| {
        let carries = cards.iter().any(|other| other.link.as_ref() == Some(&card.name));
        card.physical && (!card.addresses.is_empty() || card.master.is_some() || carries)
    };
    let others: Vec<&str> = cards
        .iter()
        .filter(used)
        .filter(|card| service_card(plan, facts).is_some_and(|service| service.name != card.name))
        .map(|card| card.name.as_str())
        .collect();
    let told = facts.new.interfaces.iter().filter(|card| card.physical && is_named(facts, card)).count();
    if others.len() <= told {
        return Vec::new();
    }
    let names = others.join(", ");
    let files: Vec<String> = others.iter().map(|name| naming(facts, "MAC-ON-NEW", name)).collect();
    let hit = Hit::new(
        format!("old also uses the network cards {names}; only the one with its address gets its name back on new"),
        format!("on old: {}", files.join(" and ")),
    );
    vec![hit.of(format!("old: network cards {names}"))]
}

fn name_taken(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let (Some(old), Some(new)) = (service_card(plan, facts), new_card(plan, facts)) else { return Vec::new() };
    let kernels = old.name.strip_prefix("eth").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    let others = facts.new.interfaces.iter().filter(|card| card.physical && card.name != new.name);
    let taking = others.filter(|card| kernels || card.name == old.name || card.altnames.contains(&old.name));
    let used = |name: &String| {
        let card = facts.old.interfaces.iter().chain(&facts.new.interfaces).any(|card| card.name == *name);
        card || facts.old.link_files.iter().any(|path| path.ends_with(&format!("-{name}.link")))
    };
    let names = (1..).map(|number| format!("lan{number}")).filter(|name| !used(name));
    taking
        .filter(|card| !is_named(facts, card))
        .zip(names)
        .map(|(card, name)| {
            Hit::new(
                format!("new has another card, {}, which may hold the name {} when it boots", card.mac, old.name),
                format!("on old: {}", naming(facts, card.own_mac(), &name)),
            )
            .of(format!("new: network card {}", card.name))
        })
        .collect()
}

fn ipv6(plan: &Plan, _: &Facts) -> Vec<Hit> {
    let portal = plan.portal();
    if portal.is_ipv4() {
        return Vec::new();
    }
    let hit = Hit::new(
        format!("old would reach new's disks at {}: IPv6 has not been tried on real servers", **portal),
        "name IPv4 addresses where there are any, or try it with `replant apply … --until connect`",
    );
    vec![hit.at(portal.span())]
}

fn no_portal(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let (portal, cards) = (plan.portal(), &facts.new.interfaces);
    if cards.iter().any(|card| has(card, &portal.to_string())) {
        return Vec::new();
    }
    let global = |address: &&str| !address.starts_with("127.") && !address.starts_with("fe80:") && *address != "::1";
    let there: Vec<&str> = cards.iter().flat_map(addresses).filter(global).collect();
    let help = format!("`transfer: {{ iscsi: {{ address: ADDRESS }} }}` names another; new has {}", there.join(", "));
    vec![
        Hit::new(format!("new does not have the address {}, at which its disks are to be offered", **portal), help)
            .at(portal.span()),
    ]
}
