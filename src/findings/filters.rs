//! LVM's filters: old must see new's disks, and the migrated system, which has old's lvm.conf, its own arrays.

use std::collections::HashSet;

use super::{Check, Hit, Rule, Severity};
use crate::facts::filter::Filter;
use crate::facts::{Facts, ServerFacts};
use crate::layout::{Offer, offers};
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[Rule {
    code: "R1228",
    title: "a filter of LVM rejects the disks of the migration",
    severity: Severity::Inhibitor,
    absolute: false,
    why: "old must see new's disks as physical volumes, and the migrated system, which has old's lvm.conf, new's arrays.",
    remedy: "let `filter` and `global_filter` accept `\"a|^/dev/sd|\"` and `\"a|^/dev/md|\"` before they reject the rest \
             (lvm.conf(5)); disks of guests can be rejected by their names.",
    check: Check::Facts(filters),
}];

/// The names that udev(7) gives to the disk of a target, as LVM sees them: without the label of a physical volume, and with.
fn on_old(facts: &Facts, offer: &Offer, at: usize) -> Vec<String> {
    // the kernel takes the first letters that are free
    let taken = |path: &str| facts.old.blocks.iter().any(|block| block.path == path);
    let letters = ('a'..='z').map(|letter| format!("/dev/sd{letter}"));
    let kernel = letters.filter(|path| !taken(path)).nth(at);
    let ids = ["scsi-36000000000000000", "wwn-0x6000000000000000"].map(|id| format!("/dev/disk/by-id/{id}{}", at));
    kernel.into_iter().chain(offer.lun.clone()).chain(ids).collect()
}

fn filters(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let offers = offers(plan, facts);
    // /boot's is the first of them, and which letter is whose is not known before
    let count = offers.len() + usize::from(plan.boot.is_some());
    let mut hits = Vec::new();
    for setting in ["devices/filter", "devices/global_filter"] {
        let mut devices: Vec<(String, Vec<String>)> = Vec::new();
        for offer in &offers {
            let disk = format!("new's disk for `{}`", offer.vg);
            let seen = if offer.lun.is_some() { count } else { 0 };
            devices.extend((0..seen).map(|at| (disk.clone(), on_old(facts, offer, at))));
            devices.push((format!("what new has `{}` on", offer.vg), offer.on_new.clone()));
        }
        hits.extend(rejected("old", &facts.old, setting, devices));
    }
    // new's `global_filter` is written by replant, and its `filter` stays
    let devices = offers.iter().map(|offer| (format!("what new has `{}` on", offer.vg), offer.on_new.clone()));
    hits.extend(rejected("new", &facts.new, "devices/filter", devices.collect()));
    hits
}

fn rejected(name: &str, server: &ServerFacts, setting: &str, devices: Vec<(String, Vec<String>)>) -> Vec<Hit> {
    let Some(value) = server.lvm_config.get(setting) else { return Vec::new() };
    let short = &setting["devices/".len()..];
    let place = format!("{name}: LVM's {setting}");
    let filter = match Filter::parse(value) {
        Ok(filter) => filter,
        Err(cause) => {
            let message = format!("LVM's {setting} on {name} cannot be understood: {cause}");
            return vec![Hit::new(message, format!("correct `{short}` in /etc/lvm/lvm.conf on {name}")).of(place)];
        }
    };
    // once it has its label, udev knows it by that too
    let label = "/dev/disk/by-id/lvm-pv-uuid-x";
    let accepted = |names: &[String]| {
        let names = || names.iter().map(String::as_str);
        filter.accepts(names()) && filter.accepts(names().chain([label]))
    };
    // each thing once, by the first letter under which it is rejected
    let mut said = HashSet::new();
    let all = devices.iter().filter(|(what, names)| !accepted(names) && said.insert(what.as_str()));
    all.map(|(what, names)| {
        let start = names[0].trim_end_matches(|c: char| c.is_ascii_digit());
        let start = if start.starts_with("/dev/sd") { "/dev/sd" } else { start };
        Hit::new(
            format!("LVM on {name} would not look at {what}, like {}: {setting} = {value}", names.join(", ")),
            format!(
                "let `{short}` in /etc/lvm/lvm.conf on {name} accept it before it rejects others: `\"a|^{start}|\"`"
            ),
        )
        .of(place.clone())
    })
    .collect()
}
