//! Units of systemd on old: those that are held, and those that must go on running.

use crate::facts::Facts;

/// Timers that are held while old is copied, besides the family's: discards, snapshots of volumes, checks of arrays and of
/// file systems.
const DISTURBING: [&str; 6] = [
    "fstrim.timer",
    "e2scrub_all.timer",
    "xfs_scrub_all.timer",
    "mdcheck_start.timer",
    "mdcheck_continue.timer",
    "snapper-timeline.timer",
];

/// Whether a timer of old is held while old is copied.
pub(crate) fn disturbing(facts: &Facts, timer: &str) -> bool {
    DISTURBING.contains(&timer) || facts.old.family().timers.contains(&timer)
}

/// Units that the migration or the running system needs: the beginnings of their names, and why.
const NEEDED: &[(&[&str], &str)] = &[
    (&["ssh.", "sshd.", "ssh@", "sshd@"], "replant logs in through it"),
    (&["systemd-", "dbus", "getty@", "serial-getty@", "polkit", "init."], "it is a part of the running system"),
    (
        &["networking.", "ifup@", "NetworkManager", "wpa_supplicant", "dhcpcd", "dhclient", "connman", "netplan"],
        "the migration goes over the network that it keeps",
    ),
    (&["lvm2-", "dm-event", "mdmonitor", "mdadm", "iscsi", "open-iscsi", "multipath"], "the migration uses it"),
];

/// Why a unit must go on running, if it must.
pub(crate) fn needed(unit: &str) -> Option<&'static str> {
    let named = |names: &[&str]| names.iter().any(|name| unit.starts_with(name));
    // what runs there is a guest, and no part of this system
    let guest = unit.starts_with("systemd-nspawn@");
    NEEDED.iter().find(|(names, _)| named(names) && !guest).map(|(_, why)| *why)
}

/// The beginnings of the names of all that must go on running.
pub(crate) fn needed_names() -> impl Iterator<Item = &'static str> {
    NEEDED.iter().flat_map(|(names, _)| names.iter().copied())
}
