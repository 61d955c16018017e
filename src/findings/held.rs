//! What keeps new from waiting in its own initramfs.

use super::{Check, Hit, Rule, Severity};
use crate::facts::Facts;
use crate::layout::{has, new_card, runs_cloud_init, service_card};
use crate::plan::{Method, NewBoot, Plan, Power};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1332",
        title: "new cannot wait in its own initramfs",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "with `boot: held` new boots from its own disks before anything is copied, and offers its volumes out of its \
              initramfs: with one address on one card, by old's kernel and sshd(8), switched by its power control.",
        remedy: "what each finding says, or `boot: rescue`, where new boots only after the cutover.",
        check: Check::Facts(held),
    },
    Rule {
        code: "R1333",
        title: "there is little room in /boot for the initramfs in which new waits",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "it is larger than old's own by about 10 MiB for each kernel, and the boot loader's tools lie beside it for a moment.",
        remedy: "remove old kernels ({{autoremove}}), or choose `boot: rescue`. If the estimate is wrong, waive it: what does not \
                 fit is noticed before anything is copied.",
        check: Check::Facts(room),
    },
];

fn wanted(plan: &Plan) -> bool {
    *plan.new.boot == NewBoot::Held
}

fn held(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    if !wanted(plan) {
        return Vec::new();
    }
    let address = plan.new.address.to_string();
    let cmdline = facts.old.files.get("/proc/cmdline").map(String::as_str).unwrap_or_default();
    let menu = facts.old.files.iter().filter(|(path, _)| path.starts_with("/etc/default/grub"));
    let asks =
        |text: &str| text.split([' ', '"', '\'', '\n']).any(|word| word.starts_with("ip=") && word != "ip=off");
    let lets_in = ["/etc/dropbear/initramfs", "/etc/dropbear-initramfs"];
    let by_hand = |power: &Power| matches!(power, Power::Manual {} | Power::Command { boot_disk: None, .. });
    let lacks: Vec<&str> = ["target_core_mod", "target_core_iblock", "iscsi_target_mod"]
        .into_iter()
        .filter(|module| !facts.old.modules.contains(*module))
        .collect();
    let card = new_card(plan, facts).filter(|card| has(card, &address));
    let rescue = "or choose `boot: rescue`";
    let reasons: Vec<(bool, String, String)> = vec![
        (
            *plan.copy.method != Method::Below,
            "new is to wait in its own initramfs, and LVM on old to mirror onto its disks".into(),
            format!("choose `copy: {{ method: below }}`, {rescue}"),
        ),
        (
            plan.boot.is_none(),
            "old has no boot file system of its own that new could boot from before `/` is copied".into(),
            "choose `boot: rescue`".into(),
        ),
        (
            by_hand(&plan.new.power),
            "new is to be booted from its own disks, and no power control is given that does it".into(),
            format!("give `new.power` commands with `boot_disk`, or ipmi, {rescue}"),
        ),
        (
            plan.new.ssh.user.as_str() != "root",
            format!("new is to be logged in to as `{}`, and its initramfs has root only", *plan.new.ssh.user),
            format!("let root log in to the rescue system, {rescue}"),
        ),
        (
            plan.transfer.iscsi.address.as_ref().is_some_and(|other| **other != *plan.new.address),
            "the data is to go by another address of new, and its initramfs has one only".into(),
            format!("leave `transfer.iscsi.address` out, {rescue}"),
        ),
        (
            card.is_none() || service_card(plan, facts).is_none(),
            format!(
                "new's address {address} is not on a card itself, but on what stands on one (a VLAN, a bridge, a bond)"
            ),
            "choose `boot: rescue`".into(),
        ),
        (
            runs_cloud_init(facts),
            "cloud-init runs on old: it would take new for another server at its first boot".into(),
            format!("`touch /etc/cloud/cloud-init.disabled` on old, {rescue}"),
        ),
        (
            !lacks.is_empty(),
            format!("the kernel of old, which new boots, has no module {}", lacks.join(", ")),
            format!("install the full kernel package of its distribution, {rescue}"),
        ),
        (
            !facts.old.tools.contains("sshd"),
            "old has no sshd, which new is to be reached by".into(),
            format!("install the OpenSSH server on old, {rescue}"),
        ),
        (
            asks(cmdline) || menu.into_iter().any(|(_, text)| asks(text)),
            "old's kernel is told `ip=` by its boot menu: new would take old's address while old has it".into(),
            format!("take `ip=` out of the boot menu's settings, {rescue}"),
        ),
        (
            lets_in.iter().any(|path| facts.old.present.contains(*path)),
            "old's initramfs lets people in (dropbear-initramfs): new would take old's address while old has it"
                .into(),
            "choose `boot: rescue`".into(),
        ),
    ];
    let hit = |(_, message, help)| Hit::new(message, help).at(plan.new.boot.span().or(plan.new.address.span()));
    reasons.into_iter().filter(|(fires, ..)| *fires).map(hit).collect()
}

/// Beside what old's own takes; and the boot loader's tools.
const MORE: u64 = 16 << 20;
const TOOLS: u64 = 20 << 20;

fn room(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let Some(boot) = plan.boot.as_ref().filter(|_| wanted(plan)) else { return Vec::new() };
    let Some(mount) = facts.old.mounts.iter().rfind(|mount| mount.target == **boot.from) else { return Vec::new() };
    let images = facts.old.initrd_sizes.len() as u64;
    // one beside the one whose place it takes
    let largest = facts.old.initrd_sizes.values().max().copied().unwrap_or_default();
    let needs = images * MORE + largest + TOOLS;
    if mount.avail >= needs {
        return Vec::new();
    }
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let message = format!(
        "{} has {} free, and new's initramfs needs about {} there",
        mount.target,
        mib(mount.avail),
        mib(needs)
    );
    let help = format!("`{}` on old, or choose `boot: rescue`", facts.old.family().installer.autoremove);
    vec![Hit::new(message, help).at(plan.new.boot.span().or(boot.from.span()))]
}
