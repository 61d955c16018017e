//! What boots: firmware, `/boot`, the initramfs, encryption.

use super::{Hit, Rule, Severity, volumes};
use crate::facts::{Facts, lvm};
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1301",
        title: "a server boots with UEFI",
        severity: Severity::Inhibitor,
        why: "new gets a boot loader for legacy BIOS on each of its disks. Copying an EFI system partition, registering it \
              with the firmware and keeping it on several disks is not there yet; a system that boots with UEFI on one \
              side would not boot on the other.",
        remedy: "boot new's rescue system, and later new itself, in legacy BIOS mode (CSM).",
        check: uefi,
    },
    Rule {
        code: "R1302",
        title: "the root file system does not move",
        severity: Severity::Inhibitor,
        why: "only what is on logical volumes travels; without `/` there is no system on new.",
        remedy: "only systems with `/` on a logical volume of the plan can be migrated.",
        check: root_stays,
    },
    Rule {
        code: "R1303",
        title: "the plan does not say where /boot goes",
        severity: Severity::Inhibitor,
        why: "/boot is a file system of its own, outside LVM: without it new has no kernel.",
        remedy: "`boot: { from: /boot, to: ARRAY }`, with a raid1 array for it.",
        check: boot_unsaid,
    },
    Rule {
        code: "R1304",
        title: "`boot:` names what is not a file system of its own outside LVM",
        severity: Severity::Inhibitor,
        why: "`boot:` copies a block device to an array; what is on a volume travels with that volume.",
        remedy: "leave `boot:` out.",
        check: boot_wrong,
    },
    Rule {
        code: "R1305",
        title: "there is little room for a new initramfs",
        severity: Severity::Warning,
        why: "an initramfs for both servers is built on old while it serves, and stands beside the present one for a moment.",
        remedy: "remove kernels that are no longer used: `apt-get autoremove --purge`.",
        check: boot_room,
    },
    Rule {
        code: "R1306",
        title: "old builds its initramfs with dracut",
        severity: Severity::Inhibitor,
        why: "the hook that lets old boot in the middle of a copy is one of initramfs-tools.",
        remedy: "`apt-get install initramfs-tools` on Debian and Ubuntu, and boot with it once.",
        check: dracut,
    },
    Rule {
        code: "R1307",
        title: "there is no initramfs",
        severity: Severity::Inhibitor,
        why: "new's arrays and volumes are put together in the initramfs, before `/` can be mounted.",
        remedy: "`update-initramfs -c -k all` on old.",
        check: no_initramfs,
    },
    Rule {
        code: "R1309",
        title: "old has encrypted devices",
        severity: Severity::Inhibitor,
        why: "a volume would be copied with its LUKS header, but keys that are bound to the machine (TPM, clevis, a key \
              server) and the devices that /etc/crypttab names would not be there on new.",
        remedy: "there is none yet: this method copies plain logical volumes.",
        check: crypt,
    },
];

fn uefi(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let who = match (facts.old.uefi, facts.new.uefi) {
        (true, true) => "both servers boot",
        (true, false) => "old boots",
        (false, true) => "new boots",
        (false, false) => return Vec::new(),
    };
    vec![Hit::new(
        format!("{who} with UEFI, which cannot be migrated yet"),
        "boot new's rescue system, and later new itself, in legacy BIOS mode",
    )]
}

fn root_stays(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let Some(root) = facts.old.mounts.iter().find(|mount| mount.target == "/") else { return Vec::new() };
    if volumes(plan, facts).any(|(lv, ..)| lvm::mapper_path(&lv.vg, &lv.name) == root.source) {
        return Vec::new();
    }
    vec![Hit::new(
        format!("the root file system of old is on {}, which is not a volume that moves", root.source),
        "only systems with `/` on a logical volume can be migrated",
    )]
}

fn boot_unsaid(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let mount = facts.old.mounts.iter().find(|mount| mount.target == "/boot");
    match mount {
        Some(mount) if plan.boot.is_none() && !mount.source.starts_with("/dev/mapper/") => vec![Hit::new(
            format!("/boot of old is on {}, and the plan does not say where it goes", mount.source),
            "add `boot: { from: /boot, to: ARRAY }` with a raid1 array for it",
        )],
        _ => Vec::new(),
    }
}

fn boot_wrong(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let Some(boot) = &plan.boot else { return Vec::new() };
    let (message, help) = match facts.old.mounts.iter().find(|mount| mount.target == **boot.from) {
        None => (
            format!("{} is not a file system of its own on old", *boot.from),
            "leave `boot:` out: it travels with the volume that it is on",
        ),
        Some(mount) if mount.source.starts_with("/dev/mapper/") => (
            format!("{} is on the logical volume {}", *boot.from, mount.source),
            "leave `boot:` out: it travels as a volume of its group",
        ),
        Some(_) => return Vec::new(),
    };
    vec![Hit::new(message, help).at(boot.from.span())]
}

fn boot_room(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let on = |target: &str| facts.old.mounts.iter().find(|mount| mount.target == target);
    match on("/boot").or_else(|| on("/")) {
        // a second initramfs stands beside the first for a moment
        Some(mount) if mount.avail < 64 << 20 => vec![Hit::new(
            format!("{} of old has {} MiB free; a new initramfs is written there", mount.target, mount.avail >> 20),
            "remove kernels that are no longer used: `apt-get autoremove`",
        )],
        _ => Vec::new(),
    }
}

fn dracut(_: &Plan, facts: &Facts) -> Vec<Hit> {
    if !facts.old.tools.contains("dracut") || facts.old.tools.contains("mkinitramfs") {
        return Vec::new();
    }
    vec![Hit::new(
        "old builds its initramfs with dracut, which cannot be migrated yet",
        "on Debian and Ubuntu: `apt-get install initramfs-tools`",
    )]
}

fn no_initramfs(_: &Plan, facts: &Facts) -> Vec<Hit> {
    if !facts.old.initrds.is_empty() {
        return Vec::new();
    }
    vec![Hit::new(
        "there is no /boot/initrd.img-* on old",
        "old must boot with an initramfs of initramfs-tools: `update-initramfs -c -k all`",
    )]
}

fn crypt(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let crypttab = facts.old.files.get("/etc/crypttab").map(String::as_str).unwrap_or_default();
    let used = crypttab.lines().any(|line| !line.trim().is_empty() && !line.trim().starts_with('#'));
    let device = facts.old.blocks.iter().find(|block| block.kind == "crypt");
    let fact = match (used, device) {
        (_, Some(device)) => format!("old: {}", device.path),
        (true, None) => "old: /etc/crypttab".into(),
        (false, None) => return Vec::new(),
    };
    vec![
        Hit::new(
            "old has encrypted devices, which cannot be migrated yet",
            "this method copies logical volumes only",
        )
        .of(fact),
    ]
}
