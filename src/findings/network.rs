//! The network configuration, which travels along and must find the cards that it names.

use super::cards::{addresses, has};
use super::{Hit, Rule, Severity, new_card, service_card};
use crate::facts::{Facts, Interface, MacLine};
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1401",
        title: "the network card that is to take old's name cannot be told",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "new's card gets the name of old's by a .link file, so that ifupdown, systemd-networkd, NetworkManager and netplan \
              find it under the name that they know. An address on a card, on a VLAN, or on a bridge or bond with one card is \
              followed down to it; with more cards, replant would have to guess, and new might come up without a network.",
        remedy: "put a .link file for new's card into /etc/systemd/network of old yourself (systemd.link(5)): \
                 `[Match] MACAddress=` new's, `[Link] Name=` the name that the configuration knows.",
        check: no_card,
    },
    Rule {
        code: "R1402",
        title: "old uses more than one network card",
        severity: Severity::Warning,
        absolute: false,
        why: "only the card with old's address gets its name back on new; the others may be called something else there.",
        remedy: "write .link files for new's other cards into /etc/systemd/network of old (systemd.link(5)).",
        check: more_cards,
    },
    Rule {
        code: "R1403",
        title: "the network configuration names the MAC address of old's card",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "no card of new has that address: netplan's `match:`, `[Match]` of systemd-networkd and `mac-address` of \
              NetworkManager would match nothing, and new would come up without a network.",
        remedy: "let the configuration name the card by its name, which new's card gets too. In netplan: the card's name as the \
                 key, without `match:` and `set-name:`; `netplan try` on old shows that it works. Where cloud-init writes the \
                 file: `network: {config: disabled}` in /etc/cloud/cloud.cfg.d/99-network.cfg.",
        check: bound_to_mac,
    },
    Rule {
        code: "R1404",
        title: "a .link file that comes before ours",
        severity: Severity::Warning,
        absolute: false,
        why: "of the .link files that match a card the first by name counts: if that one matches new's, 10-replant.link is not \
              looked at, and the card does not get old's name.",
        remedy: "give the file a name that sorts after 10-replant.link, or a `[Match]` that fits old's card only.",
        check: earlier_link,
    },
    Rule {
        code: "R1405",
        title: "another card of new may hold the name of old's card",
        severity: Severity::Warning,
        absolute: false,
        why: "a name that another card has cannot be given by udev; eth0 and the like are given by the kernel, in no fixed order.",
        remedy: "a .link file in /etc/systemd/network of old that gives new's other card another name.",
        check: name_taken,
    },
    Rule {
        code: "R1407",
        title: "the data goes over IPv6",
        severity: Severity::Warning,
        absolute: false,
        why: "portals, records and names of disks are written for IPv6 as the sources of tgt, LIO, open-iscsi and udev have it, \
              but it has been tried in the simulation only. Whatever does not fit stops the migration in `connect`, and \
              nothing is lost.",
        remedy: "where the servers have IPv4 addresses on the network between them, name those in the plan; otherwise try \
                 it with `--until connect`.",
        check: ipv6,
    },
    Rule {
        code: "R1408",
        title: "new does not have the address at which its disks are to be offered",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "the iSCSI server of new is to listen at that address, and old logs in there.",
        remedy: "name in `transfer.iscsi.address` an address that new has and old reaches; where new is behind address translation, \
                 the inner one.",
        check: no_portal,
    },
];

/// The text of a .link file for a card, in one line.
fn link_file(mac: &str, name: &str) -> String {
    format!("`printf '[Match]\\nMACAddress={mac}\\n[Link]\\nName={name}\\n' >/etc/systemd/network/10-{name}.link`")
}

/// Old has a .link file that names this card of new.
fn has_link(facts: &Facts, card: &Interface) -> bool {
    facts.old.macs.iter().any(|line| line.path.ends_with(".link") && line.mac == card.mac)
}

fn no_card(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let (old, new) = (service_card(plan, facts), new_card(plan, facts));
    if facts.new.interfaces.iter().any(|card| card.physical && has_link(facts, card)) {
        return Vec::new();
    }
    let mut hits = Vec::new();
    let unknown = [("old", &plan.old.address, old), ("new", &plan.new.address, new)];
    for (server, address, _) in unknown.into_iter().filter(|(_, _, card)| card.is_none()) {
        let mac = new.map_or("MAC-OF-NEW", |card| card.mac.as_str());
        let hit = Hit::new(
            format!(
                "the address {} of {server} is not on one network card (several in a bridge or a bond?)",
                **address
            ),
            format!(
                "tell new's card its name, on old: {}",
                link_file(mac, old.map_or("NAME", |card| card.name.as_str()))
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
    let told = facts.new.interfaces.iter().filter(|card| card.physical && has_link(facts, card)).count();
    if others.len() <= told {
        return Vec::new();
    }
    let names = others.join(", ");
    let files: Vec<String> = others.iter().map(|name| link_file("MAC-ON-NEW", name)).collect();
    let hit = Hit::new(
        format!("old also uses the network cards {names}; only the one with its address gets its name back on new"),
        format!("on old: {}", files.join(" and ")),
    );
    vec![hit.of(format!("old: network cards {names}"))]
}

fn bound_to_mac(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let service = service_card(plan, facts);
    let of_old = |line: &&MacLine| {
        let cards = facts.old.interfaces.iter().filter(|card| card.physical);
        let mut cards = cards.filter(|card| service.is_none_or(|service| service.name == card.name));
        cards.any(|card| card.mac == line.mac)
    };
    // a .link file that matches nothing on new does no harm, and a cloned address is given to whatever card there is
    let binds = |line: &&MacLine| {
        !line.path.ends_with(".link") && !line.path.ends_with(".netdev") && !line.key.starts_with("cloned")
    };
    // what names new's card as well was made for the migration
    let knows_new = |path: &str| {
        new_card(plan, facts)
            .is_some_and(|card| facts.old.macs.iter().any(|line| line.path == path && line.mac == card.mac))
    };
    let bound = facts.old.macs.iter().filter(binds).filter(of_old).filter(|line| !knows_new(&line.path));
    bound
        .map(|line| {
            Hit::new(
                format!("{} binds the network to the MAC address {} of old's card", line.path, line.mac),
                "let it name the card by its name instead; `replant explain R1403` says how",
            )
            .of(format!("old: {}, line {}", line.path, line.line))
        })
        .collect()
}

fn earlier_link(_: &Plan, facts: &Facts) -> Vec<Hit> {
    const OURS: &str = "/etc/systemd/network/10-replant.link";
    // one that names an address fits one card only
    let open = |path: &&String| !facts.old.macs.iter().any(|line| line.path == **path);
    let earlier = facts.old.link_files.iter().filter(|path| path.as_str() < OURS).filter(open);
    earlier
        .map(|path| {
            let later = path.replacen("/etc/systemd/network/", "/etc/systemd/network/90-", 1);
            Hit::new(
                format!("{path} of old is read before 10-replant.link, and may match new's card"),
                format!("`mv {path} {later}` on old, if it is not meant for new's card"),
            )
            .of(format!("old: {path}"))
        })
        .collect()
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
        .filter(|card| !has_link(facts, card))
        .zip(names)
        .map(|(card, name)| {
            Hit::new(
                format!("new has another card, {}, which may hold the name {} when it boots", card.mac, old.name),
                format!("on old: {}", link_file(&card.mac, &name)),
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
