//! The units that the plan stops at the cutover.

use super::{Hit, Rule, Severity};
use crate::facts::Facts;
use crate::plan::{At, Plan, suggest};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1018",
        title: "a unit that is to be stopped does not run on old",
        severity: Severity::Warning,
        absolute: false,
        why: "if its name is mistyped, the real one keeps running: a file system with a file that is open for writing cannot become \
              read-only, and the cutover stops there, with services down. On the way back all units of the list are started, \
              which fails for one that does not exist.",
        remedy: "correct its name (`systemctl list-units` on old), or leave it out.",
        check: not_running,
    },
    Rule {
        code: "R1019",
        title: "a unit that is to be stopped is needed",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "the migration itself goes by the network, ssh, udev and the tools of LVM, md and iSCSI of old: without them it would stop in \
              the cutover, with services down, and could not be taken back from afar. The journal is stopped by itself, last of all.",
        remedy: "leave it out of `cutover.stop`; where it writes to what moves, let that end before the cutover.",
        check: is_needed,
    },
];

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
pub fn needed(unit: &str) -> Option<&'static str> {
    let named = |names: &[&str]| names.iter().any(|name| unit.starts_with(name));
    // what runs there is a guest, and no part of this system
    let guest = unit.starts_with("systemd-nspawn@");
    NEEDED.iter().find(|(names, _)| named(names) && !guest).map(|(_, why)| *why)
}

/// The beginnings of the names of all that must go on running.
pub fn needed_names() -> impl Iterator<Item = &'static str> {
    NEEDED.iter().flat_map(|(names, _)| names.iter().copied())
}

/// The units as the plan writes them, and by their full names.
fn units(plan: &Plan) -> impl Iterator<Item = (&At<String>, String)> {
    plan.cutover.stop.iter().zip(plan.cutover.units())
}

fn not_running(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (said, unit) in units(plan) {
        // of the other kinds nobody asked
        let Some(kind) = [".service", ".timer"].into_iter().find(|kind| unit.ends_with(kind)) else { continue };
        let there: Vec<&str> = facts.old.services.iter().filter_map(|other| other.strip_suffix(kind)).collect();
        let name = &unit[..unit.len() - kind.len()];
        if !there.contains(&name) {
            let help = match suggest(name, &there) {
                Some(meant) => format!("did you mean `{meant}{kind}`?"),
                None => "`systemctl list-units` on old says what runs; leave out what does not".to_string(),
            };
            hits.push(Hit::new(format!("`{unit}` is to be stopped, and does not run on old"), help).at(said.span()));
        }
    }
    hits
}

fn is_needed(plan: &Plan, _: &Facts) -> Vec<Hit> {
    units(plan)
        .filter_map(|(said, unit)| Some((said, needed(&unit)?, unit)))
        .map(|(said, why, unit)| {
            Hit::new(format!("`{unit}` is to be stopped, and must not be: {why}"), "leave it out of `cutover.stop`")
                .at(said.span())
        })
        .collect()
}
