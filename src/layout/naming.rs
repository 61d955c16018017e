//! How udev on old gives network cards their names.

use crate::facts::{Facts, Interface};

/// While this rule is masked or rewritten, udev on old may not look at .link files.
pub(crate) const NAMING_MASK: &str = "/etc/udev/rules.d/80-net-setup-link.rules";

/// udev on old looks at .link files when it names a card. A link to /dev/null in place of the rule is an empty file.
pub(crate) fn reads_links(facts: &Facts) -> bool {
    facts.old.files.get(NAMING_MASK).is_none_or(|rule| rule.contains("net_setup_link"))
}

/// The rule of 70-persistent-net.rules that gives old's card its name: the same rule is due for new's.
pub(crate) fn named_by_rule(facts: &Facts, card: &Interface) -> bool {
    let mut rules = udev_rules(facts).filter(|(path, ..)| path.ends_with("/70-persistent-net.rules"));
    rules.any(|(_, _, rule)| gives_name(rule) && (names_mac(rule, &card.mac) || names_mac(rule, card.own_mac())))
}

/// Path, number and text of each rule of udev on old.
pub(crate) fn udev_rules(facts: &Facts) -> impl Iterator<Item = (&str, usize, &str)> {
    let files = facts.old.files.iter().filter(|(path, _)| path.starts_with("/etc/udev/rules.d/"));
    files.flat_map(|(path, text)| {
        let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
        lines.filter(|(_, line)| !line.starts_with('#')).map(move |(at, line)| (path.as_str(), at, line))
    })
}

/// `NAME="lan0"` and `NAME:="lan0"` give a name; `NAME=="lan0"` asks for one.
pub(crate) fn gives_name(rule: &str) -> bool {
    let assigns = |rest: &str| rest.starts_with("=\"") || rest.starts_with(":=\"");
    let keys = rule.split([',', ' ', '\t']).filter_map(|word| word.strip_prefix("NAME"));
    keys.map(str::trim_start).any(assigns) || rule.contains("NAME = \"")
}

pub(crate) fn names_mac(rule: &str, mac: &str) -> bool {
    !mac.is_empty() && rule.to_lowercase().contains(mac)
}
