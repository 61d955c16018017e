//! What stands in old's files, as opposed to what somebody or something did since it booted.

use std::collections::BTreeSet;

use crate::facts::{Facts, Interface, net};
use crate::plan::Plan;

/// Addresses of old, without prefixes, that its configuration gives it.
pub(crate) fn configured(facts: &Facts) -> BTreeSet<String> {
    let mut all = facts.old.configured.clone();
    all.extend(net::configured(text(facts, "/etc/network/interfaces")));
    // ip=ADDRESS:… on the kernel's command line
    let words = text(facts, "/proc/cmdline").split_whitespace();
    all.extend(words.filter_map(|word| Some(word.strip_prefix("ip=")?.split(':').next()?.to_string())));
    all
}

/// The text of a file of old, as the facts have it; empty where they have none.
pub(crate) fn text<'a>(facts: &'a Facts, path: &str) -> &'a str {
    facts.old.files.get(path).map(String::as_str).unwrap_or_default()
}

/// An address without its prefix: `192.0.2.10` of `192.0.2.10/24`.
pub(crate) fn bare(address: &str) -> &str {
    address.split('/').next().unwrap_or_default()
}

/// The addresses of old, with their prefixes, that new must have when it serves: that by which old is known, and those
/// that somebody wrote down. Others come from a router, a lease or a service, and need not.
pub(crate) fn lasting_addresses(plan: &Plan, facts: &Facts) -> Vec<String> {
    let (configured, own) = (configured(facts), plan.old.address.to_string());
    let cards = facts.old.interfaces.iter().filter(|card| card.name != "lo");
    let lasts = |card: &Interface, address: &String| {
        bare(address) == own || (configured.contains(bare(address)) && !card.dynamic.contains(address))
    };
    let all = cards.flat_map(|card| card.addresses.iter().filter(move |address| lasts(card, address)).cloned());
    let mut seen = BTreeSet::new();
    all.filter(|address| !address.starts_with("fe80:") && seen.insert(address.clone())).collect()
}

/// The host name that old's files give it; `None`: they give it none.
pub(crate) fn lasting_hostname(facts: &Facts) -> Option<String> {
    let text = facts.old.files.get("/etc/hostname")?;
    let name = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    // with this one, what the network says counts: hostname(5)
    (!name.starts_with("localhost")).then(|| name.to_string())
}

/// Something mounts it on this place at each boot.
pub(crate) fn lasting_mount(facts: &Facts, target: &str) -> bool {
    let Some(fstab) = facts.old.files.get("/etc/fstab") else { return true };
    let by_itself = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, on, _, rest @ ..] = words.as_slice() else { return false };
        let mut options = rest.first().unwrap_or(&"").split(',');
        let on = on.replace("\\040", " ");
        let on = if on.len() > 1 { on.trim_end_matches('/') } else { &on };
        on == target && !options.any(|option| option == "noauto" || option.starts_with("x-systemd.automount"))
    };
    let lines = fstab.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let mut lines = lines.filter(|line| line.split_whitespace().nth(1).is_some());
    // what is in fstab is a unit too, and may be one that waits
    let named = fstab.lines().any(|line| line.split_whitespace().nth(1) == Some(target));
    target == "/" || lines.any(by_itself) || (!named && facts.old.mount_units.contains(&mount_unit(target)))
}

/// systemd's name for it: systemd.unit(5), "string escaping"
fn mount_unit(target: &str) -> String {
    let mut name = String::new();
    for byte in target.trim_matches('/').bytes() {
        match byte {
            b'/' => name.push('-'),
            b'.' if name.is_empty() => name += "\\x2e",
            b':' | b'_' | b'.' => name.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => name.push(char::from(byte)),
            byte => name += &format!("\\x{byte:02x}"),
        }
    }
    name + ".mount"
}

/// Something starts the unit at boot, as far as its own file says it.
pub(crate) fn lasting_unit(facts: &Facts, unit: &str) -> bool {
    let template =
        unit.split_once('@').and_then(|(name, rest)| Some(format!("{name}@.{}", rest.rsplit('.').next()?)));
    let disabled = |name: &str| facts.old.disabled.contains(name);
    !disabled(unit) && !template.is_some_and(|template| disabled(&template))
}
