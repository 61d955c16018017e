//! The units that the plan stops at the cutover.

use std::collections::HashSet;

use super::{Check, Hit, Rule, Severity};
use crate::facts::resolve::Names;
use crate::facts::writers::Holder;
use crate::facts::{Facts, lvm};
use crate::layout::{needed, volumes};
use crate::plan::{At, CopyHow, Plan, suggest};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1018",
        title: "a unit that is to be stopped does not run on old",
        severity: Severity::Warning,
        absolute: false,
        why: "if the name is mistyped, the real unit keeps running. At the cutover replant then ends, with less \
              care and in no order, whatever still has a file open for writing on a file system that must become \
              read-only.",
        remedy: "correct its name (`systemctl list-units` on old), or leave it out.",
        check: Check::Facts(not_running),
    },
    Rule {
        code: "R1019",
        title: "a unit that is to be stopped is needed",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "the migration itself needs old's network, ssh, udev and the tools of LVM, md and iSCSI: without them \
              it would stop in the cutover, with services down, and could not be taken back from a distance. replant \
              stops the journal itself, last of all.",
        remedy: "leave the unit out of `cutover.stop`; if it writes to what moves, end that before the cutover.",
        check: Check::Facts(is_needed),
    },
    Rule {
        code: "R1025",
        title: "a program uses files that have been deleted or replaced",
        severity: Severity::Warning,
        absolute: false,
        why: "a file system does not become read-only while a deleted file on it is in use, which is so after most \
              upgrades. At the cutover replant restarts or stops the unit; where it must not, the kernel makes all \
              file systems read-only at once. An ext4 on which that was necessary becomes writable again only by a \
              reboot, should you go back.",
        remedy: "restart the unit before the cutover (`needrestart` lists all of them), or name it under `cutover.stop`.",
        check: Check::Facts(stale),
    },
    Rule {
        code: "R1026",
        title: "a program that is not stopped writes to what moves",
        severity: Severity::Warning,
        absolute: false,
        why: "a file system does not become read-only while a file is open for writing on it. At the cutover \
              replant stops the program's unit after all others, or ends the process (SIGTERM, SIGKILL after 10 s). A \
              program that answers to others may then lose what it has promised.",
        remedy: "name its unit under `cutover.stop`, in the order in which it is to be stopped; or end it before.",
        check: Check::Facts(writes),
    },
];

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

/// What holds a file system of which a copy moves, and does not end with the units that are stopped.
fn held<'f>(plan: &Plan, facts: &'f Facts) -> Vec<&'f Holder> {
    let names = Names::of(&facts.old);
    let moves = |path: &str| {
        let mut copied = volumes(plan, facts).filter(|(_, how, _)| !matches!(how, CopyHow::Skip | CopyHow::Recreate));
        copied.any(|(lv, ..)| lvm::mapper_path(&lv.vg, &lv.name) == path)
    };
    let moving: HashSet<&str> = facts
        .old
        .mounts
        .iter()
        .filter(|mount| names.mount(mount).iter().any(|block| moves(&block.path)))
        .map(|mount| mount.target.as_str())
        .collect();
    let stops = plan.cutover.units();
    let journal = |unit: &str| unit.starts_with("systemd-journald");
    let all = facts.old.holders.iter().filter(|holder| moving.contains(holder.target.as_str()));
    all.filter(|holder| !holder.ends_with(&stops) && !journal(&holder.unit)).collect()
}

/// One hit for each unit, whatever it holds.
fn hits(mut held: Vec<&Holder>, help: fn(&str) -> String) -> Vec<Hit> {
    let mut seen = HashSet::new();
    held.retain(|holder| {
        seen.insert((&holder.unit, if holder.unit.is_empty() { &holder.process } else { &holder.unit }))
    });
    held.iter()
        .map(|holder| Hit::new(holder.what(), help(&holder.unit)).of(format!("old: {}", holder.name())))
        .collect()
}

fn stale(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let held = held(plan, facts).into_iter().filter(|holder| !holder.deleted.is_empty()).collect();
    hits(held, |unit| match unit {
        "init.scope" => "`systemctl daemon-reexec` on old; the cutover does that too".into(),
        unit if unit.starts_with("dbus") => "restart old before the migration, or leave it to the cutover".into(),
        unit if unit.ends_with(".service") => format!("`systemctl restart {unit}` on old before the cutover"),
        _ => "end it, or log out, before the cutover".into(),
    })
}

fn writes(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let held = held(plan, facts).into_iter().filter(|holder| holder.deleted.is_empty()).collect();
    hits(held, |unit| match unit {
        unit if needed(unit).is_some() => {
            "it must go on running: the kernel makes the file system read-only all the same, at the cutover".into()
        }
        unit if unit.ends_with(".service") => format!("name `{unit}` under `cutover.stop`"),
        _ => "end it, or log out, before the cutover".into(),
    })
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
