//! What keeps new from waiting in its own initramfs.

use super::below::method;
use super::obstacle::Obstacle;
use super::place::{MORE, how, place_room, reasons, wanted};
use crate::facts::Facts;
use crate::layout::{has, new_card, runs_cloud_init, service_card};
use crate::plan::{Method, NewBoot, Plan, Power, Span};

/// When new first boots from its own disks.
pub(crate) fn boot(plan: &Plan, facts: &Facts) -> NewBoot {
    match &plan.new.boot {
        Some(said) => **said,
        None if obstacles(plan, facts).is_empty() && room(plan, facts).is_none() => NewBoot::Held,
        None => NewBoot::Rescue,
    }
}

/// Where the plan asks for it.
fn place(plan: &Plan) -> Option<Span> {
    plan.new.boot.as_ref().and_then(|boot| boot.span())
}

/// All that does, but for want of room.
pub(crate) fn obstacles(plan: &Plan, facts: &Facts) -> Vec<Obstacle> {
    let address = plan.new.address.to_string();
    let cmdline = facts.old.files.get("/proc/cmdline").map(String::as_str).unwrap_or_default();
    let menu = facts.old.files.iter().filter(|(path, _)| path.starts_with("/etc/default/grub"));
    let asks =
        |text: &str| text.split([' ', '"', '\'', '\n']).any(|word| word.starts_with("ip=") && word != "ip=off");
    let lets_in = ["/etc/dropbear/initramfs", "/etc/dropbear-initramfs"];
    let lacks: Vec<&str> = ["target_core_mod", "target_core_iblock", "iscsi_target_mod"]
        .into_iter()
        .filter(|module| !facts.old.modules.contains(*module))
        .collect();
    let card = new_card(plan, facts).filter(|card| has(card, &address));
    let switched = nobody_switches(plan).into_iter().map(|(message, help)| (true, message, help));
    let of_place = reasons(plan, facts).into_iter().map(|(message, help)| (true, message, help));
    let reasons: Vec<(bool, String, Option<String>)> = vec![
        (
            method(plan, facts) != Method::Below,
            "new is to wait in its own initramfs, and LVM on old to mirror onto its disks".into(),
            Some("choose `copy: { method: below }`".into()),
        ),
        (
            plan.boot.is_none() && wanted(plan).is_none(),
            "old has no boot file system of its own that new could boot from before `/` is copied".into(),
            Some(how(plan)),
        ),
        (
            plan.new.ssh.user.as_str() != "root",
            format!("new is to be logged in to as `{}`, and its initramfs has root only", *plan.new.ssh.user),
            Some("let root log in to the rescue system".into()),
        ),
        (
            plan.transfer.iscsi.address.as_ref().is_some_and(|other| **other != *plan.new.address),
            "the data is to go by another address of new, and its initramfs has one only".into(),
            Some("leave `transfer.iscsi.address` out".into()),
        ),
        (
            card.is_none() || service_card(plan, facts).is_none(),
            format!(
                "new's address {address} is not on a card itself, but on what stands on one (a VLAN, a bridge, a bond)"
            ),
            None,
        ),
        (
            runs_cloud_init(facts),
            "cloud-init runs on old: it would take new for another server at its first boot".into(),
            Some("`touch /etc/cloud/cloud-init.disabled` on old".into()),
        ),
        (
            !lacks.is_empty(),
            format!("the kernel of old, which new boots, has no module {}", lacks.join(", ")),
            Some("install the full kernel package of its distribution".into()),
        ),
        (
            !facts.old.tools.contains("sshd"),
            "old has no sshd, which new is to be reached by".into(),
            Some("install the OpenSSH server on old".into()),
        ),
        (
            asks(cmdline) || menu.into_iter().any(|(_, text)| asks(text)),
            "old's kernel is told `ip=` by its boot menu: new would take old's address while old has it".into(),
            Some("take `ip=` out of the boot menu's settings".into()),
        ),
        (
            lets_in.iter().any(|path| facts.old.present.contains(*path)),
            "old's initramfs lets people in (dropbear-initramfs): new would take old's address while old has it"
                .into(),
            None,
        ),
    ];
    let at = place(plan).or(plan.new.address.span());
    let obstacle = |(_, message, help)| Obstacle { message, help, at };
    reasons.into_iter().filter(|(fires, ..)| *fires).chain(switched).chain(of_place).map(obstacle).collect()
}

/// A person is asked only where the plan says that new is to wait: otherwise they have to be there once, and not twice.
fn nobody_switches(plan: &Plan) -> Option<(String, Option<String>)> {
    let said = plan.new.boot.as_deref() == Some(&NewBoot::Held);
    let (nobody, or) = match &plan.new.power {
        Power::Manual { .. } => (!said, "; or write `new.boot: held`, and a person is asked to switch new"),
        Power::Command { boot_disk, .. } => (boot_disk.is_none(), ""),
        Power::Ipmi { .. } => (false, ""),
    };
    let message = "new is to be booted from its own disks, and no power control is given that does it";
    let help = format!("give `new.power` commands with `boot_disk`, or ipmi{or}");
    nobody.then(|| (message.to_string(), Some(help)))
}

/// The boot loader's tools.
const TOOLS: u64 = 20 << 20;

/// There is little room where new first boots from.
pub(crate) fn room(plan: &Plan, facts: &Facts) -> Option<Obstacle> {
    boot_room(plan, facts).or_else(|| place_room(plan, facts))
}

/// There is little room in the boot file system: an estimate.
pub(crate) fn boot_room(plan: &Plan, facts: &Facts) -> Option<Obstacle> {
    let boot = plan.boot.as_ref()?;
    let mount = facts.old.mounts.iter().rfind(|mount| mount.target == **boot.from)?;
    let images = facts.old.initrd_sizes.len() as u64;
    // one beside the one whose place it takes
    let largest = facts.old.initrd_sizes.values().max().copied().unwrap_or_default();
    let needs = images * MORE + largest + TOOLS;
    if mount.avail >= needs {
        return None;
    }
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let message = format!(
        "{} has {} free, and new's initramfs needs about {} there",
        mount.target,
        mib(mount.avail),
        mib(needs)
    );
    let help = Some(format!("`{}` on old", facts.old.family().installer.autoremove));
    Some(Obstacle { message, help, at: place(plan).or(boot.from.span()) })
}
