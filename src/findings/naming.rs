//! How cards get their names, and what else in old's files tells a card by its hardware: new's card must get the name that
//! the configuration knows, and nothing may take it for another.

use super::{Check, Hit, Rule, Severity};
use crate::facts::{CardLine, Facts, Interface, MacLine};
use crate::layout::{NAMING_MASK, gives_name, names_mac, new_card, reads_links, service_card, udev_rules};
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1403",
        title: "the network configuration names the MAC address of old's card",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "no card of new has that address: netplan's `match:`, `[Match]` of systemd-networkd, `mac-address` of NetworkManager, \
              patterns of ifupdown and `ifname=` of the kernel's command line would match nothing, and new would come up without a \
              network.",
        remedy: "let the configuration name the card by its name, which new's card gets too. In netplan: the card's name as the \
                 key, without `match:` and `set-name:`; `netplan try` on old shows that it works. Where cloud-init writes the \
                 file: `network: {config: disabled}` in /etc/cloud/cloud.cfg.d/99-network.cfg.",
        check: Check::Facts(bound_to_mac),
    },
    Rule {
        code: "R1404",
        title: "a .link file that comes before ours",
        severity: Severity::Warning,
        absolute: false,
        why: "of the .link files that match a card, the first by name counts, whichever directory it is in. If that \
              one matches new's card, 10-replant.link is not read, and the card does not get old's name.",
        remedy: "give the file a name that sorts after 10-replant.link, or a `[Match]` that fits old's card only.",
        check: Check::Facts(earlier_link),
    },
    Rule {
        code: "R1409",
        title: "a card is recognised by its place or its driver",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "on new another card may be in that place, or none, and the driver is another: the configuration would \
              go to the wrong card or to none, and a udev rule may give another card the name that this one needs.",
        remedy: "let the configuration name the card by its name, which new's card gets too: `[Match] Name=`, the name as the key in \
                 netplan, `interface-name=` in NetworkManager; of udev's rules remove those that name cards (NAME=) by \
                 KERNELS, ID_PATH, DRIVERS or the kernel's name.",
        check: Check::Facts(bound_to_place),
    },
    Rule {
        code: "R1413",
        title: "udev on old reads no .link files",
        severity: Severity::Note,
        absolute: false,
        why: "/etc/udev/rules.d/80-net-setup-link.rules replaces the rule that reads them (Debian's README of udev \
              recommends this to keep old names). So new's card gets its name by a rule, \
              /etc/udev/rules.d/70-replant-net.rules, not by 10-replant.link. `net.ifnames=0` alone does not have this \
              effect: `Name=` in a .link file still counts.",
        remedy: "nothing for the card with old's address. For others write a similar rule; .link files have no \
              effect.",
        check: Check::Facts(no_links_read),
    },
    Rule {
        code: "R1414",
        title: "new's card cannot be recognised by its MAC address",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "new's card gets old's name because of its MAC address. An address that the kernel made up changes at \
              the next boot; and if two cards have the same one, either may get the name.",
        remedy: "give the virtual machine's card a MAC address in the hypervisor; for two cards with one address, \
              write a .link file with `Driver=` or `Path=` beside `PermanentMACAddress=` into /etc/systemd/network of \
              old, with a name that sorts before 10-replant.link.",
        check: Check::Facts(no_lasting_mac),
    },
    Rule {
        code: "R1415",
        title: "new's card would use the MAC address of old's card",
        severity: Severity::Warning,
        absolute: false,
        why: "old's configuration sets the address that its card has anyway, and new would set the same one. Many \
              providers let through only the address of the card that they know, and two servers with one address \
              disturb each other when old is on again.",
        remedy: "remove that line on old, unless new must have that address.",
        check: Check::Facts(takes_old_mac),
    },
];

/// A command that gives a card of new its name, in one line.
pub(super) fn naming(facts: &Facts, mac: &str, name: &str) -> String {
    match reads_links(facts) {
        true => format!(
            "`printf '[Match]\\nMACAddress={mac}\\nPermanentMACAddress={mac}\\n[Link]\\nName={name}\\n' >/etc/systemd/network/10-{name}.link`"
        ),
        false => format!(
            "`echo 'SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{{address}}==\"{mac}\", NAME=\"{name}\"' >/etc/udev/rules.d/70-{name}.rules`"
        ),
    }
}

/// Old has a .link file or a rule that names this card of new.
pub(super) fn is_named(facts: &Facts, card: &Interface) -> bool {
    let by_link = facts.old.macs.iter().any(|line| line.path.ends_with(".link") && line.mac == card.own_mac());
    let by_rule = || udev_rules(facts).any(|(_, _, rule)| gives_name(rule) && names_mac(rule, card.own_mac()));
    (by_link && reads_links(facts)) || by_rule()
}

/// The cards of old that the plan is about: that of its service, or all where that one cannot be told.
fn cards<'a>(plan: &Plan, facts: &'a Facts) -> Vec<&'a Interface> {
    let service = service_card(plan, facts).map(|card| &card.name);
    let cards = facts.old.interfaces.iter().filter(|card| card.physical);
    cards.filter(|card| service.is_none_or(|name| *name == card.name)).collect()
}

/// The line sets an address where others match one.
fn sets(line: &MacLine) -> bool {
    let key = line.key.to_lowercase();
    line.path.ends_with(".netdev")
        || line.section.eq_ignore_ascii_case("Link")
        || key.starts_with("cloned")
        || key.starts_with("hwaddress")
}

fn bound_to_mac(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let cards = cards(plan, facts);
    let of_old = |mac: &str| cards.iter().any(|card| card.mac == mac || card.own_mac() == mac);
    // what names new's card as well was made for the migration
    let knows_new = |path: &str| {
        new_card(plan, facts)
            .is_some_and(|card| facts.old.macs.iter().any(|line| line.path == path && line.mac == card.own_mac()))
    };
    let mut bound: Vec<(String, usize, String)> = facts
        .old
        .macs
        .iter()
        // a .link file that matches nothing on new does no harm
        .filter(|line| !line.path.ends_with(".link") && !sets(line))
        .filter(|line| of_old(&line.mac) && !knows_new(&line.path))
        .map(|line| (line.path.clone(), line.line as usize, line.mac.clone()))
        .collect();
    for path in ["/proc/cmdline", facts.old.family().menu.settings] {
        let text = facts.old.files.get(path).map(String::as_str).unwrap_or_default();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#')) {
            // pxelinux writes `BOOTIF=01-52-54-00-77-00-21`
            let line = line.to_lowercase().replace('-', ":");
            let named = cards.iter().map(|card| &card.mac).find(|mac| !mac.is_empty() && line.contains(mac.as_str()));
            bound.extend(named.map(|mac| (path.to_string(), at + 1, mac.clone())));
        }
    }
    bound
        .into_iter()
        .map(|(path, line, mac)| {
            Hit::new(
                format!("{path} binds the network to the MAC address {mac} of old's card"),
                "let it name the card by its name instead; `replant explain R1403` says how",
            )
            .of(format!("old: {path}, line {line}"))
        })
        .collect()
}

fn takes_old_mac(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let cards = cards(plan, facts);
    let set = facts.old.macs.iter().filter(|line| sets(line));
    let own = set.filter(|line| cards.iter().any(|card| card.mac == line.mac || card.own_mac() == line.mac));
    own.map(|line| {
        Hit::new(
            format!("{} sets the MAC address {}, which is that of old's card", line.path, line.mac),
            format!("remove line {} of {} on old, unless new is to have that address", line.line, line.path),
        )
        .of(format!("old: {}, line {}", line.path, line.line))
    })
    .collect()
}

/// A pattern of systemd and of netplan: `*` and `?`, several with blanks between, all of it turned round by a `!`.
fn fits(patterns: &str, names: &[String]) -> bool {
    let (patterns, wanted) = patterns.strip_prefix('!').map_or((patterns, true), |rest| (rest, false));
    let one = |pattern: &str| names.iter().any(|name| glob(pattern.as_bytes(), name.as_bytes()));
    patterns.split_whitespace().any(one) == wanted
}

fn glob(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => glob(rest, name) || (!name.is_empty() && glob(pattern, &name[1..])),
        (Some((b'?', rest)), Some((_, name))) => glob(rest, name),
        (Some((one, rest)), Some((other, name))) => one == other && glob(rest, name),
        _ => false,
    }
}

fn bound_to_place(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let (old, new) = (service_card(plan, facts), new_card(plan, facts));
    let drivers = |card: Option<&Interface>| card.map(|card| card.drivers.clone()).unwrap_or_default();
    // a driver that both cards have tells neither from the other
    let (was, will_be) = (drivers(old), drivers(new));
    let binds = |line: &&CardLine| match line.key.as_str() {
        _ if line.path.ends_with(".link") => false,
        "path" => true,
        "driver" => fits(&line.value, &was) && !fits(&line.value, &will_be),
        _ => false,
    };
    let mut hits = Vec::new();
    for line in facts.old.card_lines.iter().filter(binds) {
        let hit = Hit::new(
            format!("{} tells the card by `{}: {}`, which new's is not", line.path, line.key, line.value),
            "let it name the card by its name instead; `replant explain R1409` says how",
        );
        hits.push(hit.of(format!("old: {}, line {}", line.path, line.line)));
    }
    let of_a_card = |rule: &str| {
        ["SUBSYSTEM==\"net\"", "ATTR{address}", "ATTRS{address}"].iter().any(|key| rule.contains(key))
            || rule.contains("KERNEL==\"eth")
    };
    // one that names the address of a card fits that card only
    let by_mac = |rule: &str| rule.contains("ATTR{address}==") || rule.contains("ATTRS{address}==");
    for (path, at, rule) in
        udev_rules(facts).filter(|(_, _, rule)| gives_name(rule) && of_a_card(rule) && !by_mac(rule))
    {
        if path.ends_with("/70-replant-net.rules") {
            continue;
        }
        let hit = Hit::new(
            format!("a rule in {path} names a card by something else than its address: it may be another on new"),
            format!("remove line {at} of {path} on old: `{}`", rule.chars().take(100).collect::<String>()),
        );
        hits.push(hit.of(format!("old: {path}, line {at}")));
    }
    hits
}

const OURS: &str = "10-replant.link";

/// What may match a card of new: `None`, where it certainly does not.
fn may_match(link: &str, card: Option<&Interface>) -> bool {
    let mut section = "";
    for line in link.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if line.starts_with('[') {
            section = line;
            continue;
        }
        let Some((key, value)) = line.split_once('=').filter(|_| section == "[Match]") else { continue };
        let (key, value) = (key.trim(), value.trim());
        let fits = match (key, card) {
            ("MACAddress" | "PermanentMACAddress", Some(card)) => {
                value.to_lowercase().replace('-', ":").contains(card.own_mac())
            }
            ("MACAddress" | "PermanentMACAddress", None) => false,
            ("Driver", Some(card)) => fits(value, &card.drivers),
            // the kernel's own name for it
            ("OriginalName", _) => (0..8).any(|number| fits(value, &[format!("eth{number}")])),
            ("Type", _) => fits(value, &["ether".to_string()]),
            // of others it cannot be told
            _ => true,
        };
        if !fits {
            return false;
        }
    }
    true
}

fn earlier_link(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let new = new_card(plan, facts);
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_string();
    let fits = |path: &&String| match facts.old.files.get(*path) {
        // what names new's card was made for the migration
        _ if facts.old.macs.iter().any(|line| line.path == **path) => false,
        // a link to /dev/null: it stands for no file at all
        Some(text) => !text.is_empty() && may_match(text, new),
        None => true,
    };
    let earlier = facts.old.link_files.iter().filter(|path| name(path).as_str() < OURS).filter(fits);
    earlier
        .map(|path| {
            let later = format!("/etc/systemd/network/90-{}", name(path));
            let help = match path.starts_with("/etc/") {
                true => format!("`mv {path} {later}` on old, if it is not meant for new's card"),
                false => {
                    format!("whatever writes {path} on old (netplan?) must not: name the card there by its name only")
                }
            };
            let hit = Hit::new(format!("{path} of old is read before {OURS}, and may match new's card"), help);
            hit.of(format!("old: {path}"))
        })
        .collect()
}

fn no_links_read(_: &Plan, facts: &Facts) -> Vec<Hit> {
    if reads_links(facts) {
        return Vec::new();
    }
    let hit = Hit::new(
        format!("{NAMING_MASK} keeps udev on old from reading .link files: new's card gets its name by a rule"),
        "write rules, not .link files, for new's other cards",
    );
    vec![hit.of(format!("old: {NAMING_MASK}"))]
}

fn no_lasting_mac(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let Some(new) = new_card(plan, facts) else { return Vec::new() };
    let mac = new.own_mac();
    let mut twins = facts.new.interfaces.iter().filter(|card| card.physical && card.name != new.name);
    let message = if new.random_mac && new.permanent.is_none() {
        format!("the MAC address {mac} of new's card {} was made up by the kernel: it will be another", new.name)
    } else if let Some(twin) = twins.find(|card| card.own_mac() == mac) {
        format!(
            "new's cards {} and {} have the same MAC address {mac}: either may get old's name",
            new.name, twin.name
        )
    } else {
        return Vec::new();
    };
    let help =
        "give it one in the hypervisor, or write a .link file with `Driver=` too; `replant explain R1414` says where";
    vec![Hit::new(message, help).of(format!("new: network card {}", new.name))]
}
