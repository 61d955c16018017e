//! What old is at this moment and has in no file: new, which gets the files, will not be so. Nothing of it may be
//! demanded of the migrated system, and who relies on it must know.

use super::{Check, Hit, Rule, Severity};
use crate::facts::resolve::{Names, inside};
use crate::facts::{Facts, Interface, Mount};
use crate::layout::{bare, configured, lasting_hostname, lasting_mount, lasting_unit, new_card, text};
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1030",
        title: "old uses a host name that no file gives it",
        severity: Severity::Warning,
        absolute: false,
        why: "new boots with the name in /etc/hostname, or with one from the network; a name that was set by hand \
              is lost. Certificates, mail and clusters may depend on it.",
        remedy: "`hostnamectl set-hostname NAME` on old, with the name that must stay.",
        check: Check::Facts(name_by_hand),
    },
    Rule {
        code: "R1031",
        title: "a file system is mounted that nothing mounts at boot",
        severity: Severity::Warning,
        absolute: false,
        why: "it travels, but neither /etc/fstab nor a systemd mount unit mounts it: new comes up without it, and \
              services write into the empty directory instead. replant does not wait for it on new.",
        remedy: "add a line to /etc/fstab on old, or mount it by hand on new.",
        check: Check::Facts(mounted_by_hand),
    },
    Rule {
        code: "R1032",
        title: "a service of the plan that nothing starts at boot",
        severity: Severity::Warning,
        absolute: false,
        why: "it was started by hand and is disabled: unless another unit or a socket starts it, it does not run on new. replant \
              does not wait for it there.",
        remedy: "`systemctl enable UNIT` on old, or start it by hand on new.",
        check: Check::Facts(started_by_hand),
    },
    Rule {
        code: "R1410",
        title: "new may not get old's address",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "a DHCP lease is usually bound to the MAC address of the card, and an address that a server derives \
              from a router's announcements (SLAAC) is made from it. New has another card. If it comes up with another \
              address, nobody finds it, and services stay down. systemd-networkd asks with an identifier made from \
              /etc/machine-id, which travels, so it may keep its lease; dhclient and NetworkManager ask by the MAC \
              address.",
        remedy: "reserve the address for the MAC address of new's card in the DHCP server, and waive this with that \
              as the reason; or configure the address on old as a static one.",
        check: Check::Facts(address_not_own),
    },
    Rule {
        code: "R1411",
        title: "an address that changes with the network card",
        severity: Severity::Warning,
        absolute: false,
        why: "DHCP leases it, or the server derives it from its MAC address and a router's announcements (SLAAC): \
              new will have another one. DNS records, firewalls and clients that name it must follow. replant does not \
              wait for it.",
        remedy: "configure on old, as a static one, an address that is to stay; or change what names it.",
        check: Check::Facts(addresses_change),
    },
    Rule {
        code: "R1412",
        title: "an address that no network configuration has",
        severity: Severity::Note,
        absolute: false,
        why: "a service gives it (keepalived, a cluster), or somebody added it by hand: new has it only if that \
              happens there too. replant does not wait for it.",
        remedy: "nothing if a service gives it. If somebody added it by hand, write it into the network's \
              configuration.",
        check: Check::Facts(addresses_nobody_wrote),
    },
];

fn name_by_hand(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let now = &facts.old.hostname;
    let said = match lasting_hostname(facts) {
        Some(name) if name == *now => return Vec::new(),
        Some(name) => format!("old is called `{now}` now, and /etc/hostname says `{name}`: so new will be called"),
        None => format!("old is called `{now}`, and /etc/hostname does not say it"),
    };
    vec![
        Hit::new(said, format!("`hostnamectl set-hostname {now}` on old, if that is its name"))
            .of("old: /etc/hostname"),
    ]
}

fn mounted_by_hand(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let moving = super::names::moving(plan, facts);
    let names = Names::of(&facts.old);
    let moves = |mount: &&Mount| names.mount(mount).iter().any(|block| moving.contains(&block.path));
    // a directory that is bound, or a subvolume, is no file system of its own
    let ours = facts.old.mounts.iter().filter(|mount| inside(&mount.source).is_none()).filter(moves);
    ours.filter(|mount| !lasting_mount(facts, &mount.target))
        .map(|mount| {
            let uuid = mount.uuid.as_deref().unwrap_or("…");
            Hit::new(
                format!("{} ({}) is mounted on old, and nothing mounts it at boot", mount.target, mount.source),
                format!("a line in /etc/fstab on old: `UUID={uuid} {} {} defaults 0 2`", mount.target, mount.fstype),
            )
            .of(format!("old: mount of {}", mount.target))
        })
        .collect()
}

fn started_by_hand(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let units = plan.cutover.stop.iter().zip(plan.cutover.units());
    units
        .filter(|(_, unit)| !lasting_unit(facts, unit))
        .map(|(said, unit)| {
            let hit = Hit::new(
                format!("`{unit}` runs on old, and is disabled: new may not start it"),
                format!("`systemctl enable {unit}` on old, if it is to run on new"),
            );
            hit.at(said.span())
        })
        .collect()
}

/// How an address came to its card, where no file says it.
enum Came {
    Lease,
    Router,
}

fn came(facts: &Facts, card: &Interface, address: &str) -> Option<Came> {
    let six = bare(address).contains(':');
    if card.dynamic.iter().any(|own| own == address) {
        // a router announces a network, a lease is of one address
        return Some(if six && !address.ends_with("/128") { Came::Router } else { Came::Lease });
    }
    let family = if six { "inet6" } else { "inet" };
    let leased = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        matches!(words.as_slice(), ["iface", name, kind, "dhcp", ..] if *name == card.name && *kind == family)
    };
    let asks = text(facts, "/etc/network/interfaces").lines().any(leased);
    (asks && !configured(facts).contains(bare(address))).then_some(Came::Lease)
}

fn address_not_own(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let own = plan.old.address.to_string();
    let all = facts.old.interfaces.iter().flat_map(|card| card.addresses.iter().map(move |address| (card, address)));
    let Some((card, address)) = all.into_iter().find(|(_, address)| bare(address) == own) else { return Vec::new() };
    let mac = new_card(plan, facts).map_or("the MAC address of new's card", |card| card.own_mac());
    let (message, help) = match came(facts, card, address) {
        None => return Vec::new(),
        Some(Came::Lease) => (
            format!("old has its address {own} by DHCP: new, with another card, may be given another"),
            format!("reserve {own} for {mac} in the DHCP server and waive R1410, or make it static on old"),
        ),
        Some(Came::Router) => (
            format!("old made its address {own} itself, of what a router announces: new will make another"),
            format!("configure an address on old that stays, and name that in the plan in place of {own}"),
        ),
    };
    vec![Hit::new(message, help).at(plan.old.address.span())]
}

/// Addresses of real cards and of what stands on them, but the one in the plan.
fn others<'a>(plan: &Plan, facts: &'a Facts) -> Vec<(&'a Interface, &'a String)> {
    let own = plan.old.address.to_string();
    let all = &facts.old.interfaces;
    let carried = |card: &Interface| {
        card.physical
            || card.link.is_some()
            || all.iter().any(|other| other.physical && other.master.as_ref() == Some(&card.name))
    };
    let addresses = all.iter().filter(|card| card.name != "lo" && carried(card));
    let addresses = addresses.flat_map(|card| card.addresses.iter().map(move |address| (card, address)));
    addresses.filter(|(_, address)| bare(address) != own && !address.starts_with("fe80:")).collect()
}

fn addresses_change(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    others(plan, facts)
        .into_iter()
        .filter_map(|(card, address)| Some((card, address, came(facts, card, address)?)))
        .map(|(card, address, came)| {
            let (how, help) = match came {
                Came::Lease => ("is leased by DHCP", "reserve it for new's MAC address in the DHCP server"),
                Came::Router => ("was made by old of what a router announces", "make static on old what is to stay"),
            };
            Hit::new(format!("{} on {} {how}: new may have another", bare(address), card.name), help)
                .of(format!("old: address {address}"))
        })
        .collect()
}

fn addresses_nobody_wrote(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let configured = configured(facts);
    others(plan, facts)
        .into_iter()
        .filter(|(card, address)| came(facts, card, address).is_none() && !configured.contains(bare(address)))
        .map(|(card, address)| {
            Hit::new(
                format!(
                    "{address} on {} stands in no configuration of the network: replant does not wait for it on new",
                    card.name
                ),
                "write it into the network's configuration on old, unless a service gives it",
            )
            .of(format!("old: address {address}"))
        })
        .collect()
}
