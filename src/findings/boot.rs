//! What boots: firmware, `/boot`, the initramfs, encryption.

use super::{Check, Hit, Rule, Severity};
use crate::facts::resolve::{Names, inside};
use crate::facts::{Block, Facts, Lv, Mount, lvm, mdadm_conf};
use crate::layout::volumes;
use crate::plan::{CopyHow, Plan};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1301",
        title: "a server boots with UEFI",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "replant writes a boot loader for legacy BIOS to each of new's disks. It cannot yet copy an EFI system \
              partition, register it with the firmware and keep it on several disks; a system that boots with UEFI on \
              one side would not boot on the other.",
        remedy: "new: boot its rescue system, and later new itself, in legacy BIOS mode (CSM). Old: a system that \
              boots with UEFI cannot be moved yet.",
        check: Check::Facts(uefi),
    },
    Rule {
        code: "R1302",
        title: "the root file system does not move",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "only what is on logical volumes travels; without `/` there is no system on new.",
        remedy: "only systems with `/` on a logical volume of the plan can be migrated.",
        check: Check::Facts(root_stays),
    },
    Rule {
        code: "R1303",
        title: "the plan does not say where /boot goes",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "/boot is a file system of its own, outside LVM: without it new has no kernel.",
        remedy: "`boot: { from: /boot, to: ARRAY }`, with a raid1 array for it.",
        check: Check::Facts(boot_unsaid),
    },
    Rule {
        code: "R1304",
        title: "`boot:` names what is not a file system of its own outside LVM",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "`boot:` copies a block device to an array; what is on a volume travels with that volume.",
        remedy: "leave `boot:` out.",
        check: Check::Facts(boot_wrong),
    },
    Rule {
        code: "R1305",
        title: "there is no room for a new initramfs",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "replant builds an initramfs for both servers on old, while old serves. It has more drivers than the \
              present one and stands beside it in /boot: that takes half as much again as the largest one there, or 64 \
              MiB if that is not known.",
        remedy: "remove kernels that are no longer used: {{autoremove}}.",
        check: Check::Facts(boot_room),
    },
    Rule {
        code: "R1306",
        title: "old builds its initramfs with {{strange-builder}}",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "the hook that lets old boot in the middle of a copy is one of {{builder}}. Beside {{strange-builder}} its \
              package {{builder}}-core may be installed and has the commands, but nothing calls them when a kernel \
              is installed.",
        remedy: "{{install-builder}} on {{family}}, and boot with it once.",
        check: Check::Facts(strange_builder),
    },
    Rule {
        code: "R1307",
        title: "there is no initramfs",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "new's arrays and volumes are assembled in the initramfs, before `/` can be mounted.",
        remedy: "{{build}} on old.",
        check: Check::Facts(no_initramfs),
    },
    Rule {
        code: "R1309",
        title: "old has encrypted devices",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "a volume would be copied with its LUKS header, but keys that are bound to the machine (TPM, clevis, a key \
              server) and the devices that /etc/crypttab names would not be there on new.",
        remedy: "none yet: only plain logical volumes can be copied.",
        check: Check::Facts(crypt),
    },
    Rule {
        code: "R1312",
        title: "old does not know md arrays",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "new's md arrays are assembled in the initramfs that is built on old: without mdadm there, and without \
              an {{md}} that names the arrays, new finds no `/`.",
        remedy: "{{install mdadm}}; if only the file is missing: {{md-make}}.",
        check: Check::Facts(no_mdadm),
    },
    Rule {
        code: "R1313",
        title: "there is little room to build an initramfs in",
        severity: Severity::Warning,
        absolute: false,
        why: "mkinitramfs(8) unpacks drivers and tools below /var/tmp, and replant keeps the present images in \
              /var/lib/replant to go back to: together about five times the largest image.",
        remedy: "make room in these file systems: {{clean}}, `journalctl --vacuum-size=100M`.",
        check: Check::Facts(no_room_to_build),
    },
    Rule {
        code: "R1315",
        title: "a loop device that is written to",
        severity: Severity::Warning,
        absolute: false,
        why: "a file system cannot become read-only while a loop device writes to a file on it: the cutover would \
              stop there, with services down, and you would have to resume or go back.",
        remedy: "unmount it, or name the unit that uses it under `cutover.stop`: `losetup --list` says whose file it is.",
        check: Check::Facts(loops),
    },
    Rule {
        code: "R1316",
        title: "an EFI system partition on an md array",
        severity: Severity::Warning,
        absolute: false,
        why: "the firmware takes one member for the whole and may write to it behind md's back: then the members \
              differ, and what is read depends on which of them md asks. With md's superblock at the beginning \
              (metadata 1.1 and 1.2) the firmware finds no file system there at all. The partition does not move; and \
              if new has one, its firmware may still be set to boot with UEFI.",
        remedy: "old, booted by BIOS: remove its line from /etc/fstab. New: set the firmware to boot its disks in legacy BIOS mode \
                 (CSM). Wherever UEFI stays: a plain EFI system partition on each disk, each written by the boot loader's own \
                 tools; metadata 1.0 at least, and only what runs above md may write to it.",
        check: Check::Facts(esp_on_array),
    },
    Rule {
        code: "R1320",
        title: "a part of {{md}} hides new's arrays",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "replant makes {{md-file}} accept new's disks. A DEVICE line in a file beside it that names \
              old's disks still hides new's, and an ARRAY line without a UUID may mean one of new's arrays as well: \
              mdadm(8) then takes neither, and new finds no `/`.",
        remedy: "move these lines to {{md-file}}; or write `DEVICE partitions`, and `UUID=` in each ARRAY line \
                 (`mdadm --detail --scan`).",
        check: Check::Facts(parts_of_mdadm_conf),
    },
];

fn parts_of_mdadm_conf(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let md = &facts.old.family().md;
    let parts = facts.old.files.iter().filter(|(path, _)| path.starts_with(md.more.0));
    let mut hits = Vec::new();
    for (path, text) in parts.filter(|_| !plan.arrays.is_empty()) {
        for entry in mdadm_conf::entries(text).iter().filter(|entry| entry.narrows() || entry.is_vague()) {
            let what =
                if entry.is_vague() { "an ARRAY line without UUID=" } else { "a DEVICE line without `partitions`" };
            let hit = Hit::new(
                format!("{path} of old has {what}: {}", entry.words.join(" ")),
                format!("move it from {path} to {} on old, where replant sees to it", md.file),
            );
            hits.push(hit.of(format!("old: {path}")));
        }
    }
    hits
}

fn uefi(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let who = match (facts.old.uefi, facts.new.uefi) {
        (true, true) => "both servers boot",
        (true, false) => "old boots",
        (false, true) => "new boots",
        (false, false) => return Vec::new(),
    };
    let message = format!("{who} with UEFI, which cannot be migrated yet");
    if !facts.old.uefi {
        let help = "boot new's rescue system, and later new itself, in legacy BIOS mode";
        return vec![Hit::new(message, help).of("new: /sys/firmware/efi")];
    }
    let esp = facts.old.mounts.iter().find(|mount| mount.target == "/boot/efi" || mount.target == "/efi");
    let fact = esp.map_or("/sys/firmware/efi".into(), |esp| format!("{} on {}", esp.target, esp.source));
    vec![Hit::new(message, "old can be moved only where it boots in legacy BIOS mode").of(format!("old: {fact}"))]
}

/// The type of an EFI system partition, in a GPT and in a DOS table.
const ESP: [&str; 2] = ["c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0xef"];

fn esp_on_array(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let esp = |block: &Block| {
        let typed = block.parttype.as_deref().is_some_and(|kind| ESP.contains(&kind.to_ascii_lowercase().as_str()));
        typed || block.mountpoints.iter().any(|target| target == "/boot/efi" || target == "/efi")
    };
    let mut hits = Vec::new();
    for (name, server) in [("old", &facts.old), ("new", &facts.new)] {
        // the firmware's own RAID (IMSM, DDF), whose arrays it knows, has no number here
        let of_md = server.arrays.iter().filter(|array| array.metadata.starts_with(|c: char| c.is_ascii_digit()));
        for array in of_md {
            let belongs = |block: &&Block| {
                let partition = block.kind == "part" && block.ancestors.contains(&array.path);
                block.path == array.path || array.members.contains(&block.path) || partition
            };
            if !server.blocks.iter().filter(belongs).any(esp) {
                continue;
            }
            let seen = match array.metadata.as_str() {
                "1.1" | "1.2" => "the firmware finds no file system on its members",
                _ => "the firmware may write to one of its members only",
            };
            let help = match (name, server.uefi) {
                ("new", _) => {
                    "new was made to boot with UEFI once: see that its firmware boots its disks in legacy BIOS mode"
                        .into()
                }
                (_, false) => {
                    "it does not move, and BIOS boot does not need it: remove its line from /etc/fstab on old".into()
                }
                (_, true) => format!(
                    "it does not move; `echo check > /sys/block/{0}/md/sync_action`, then `cat /sys/block/{0}/md/mismatch_cnt` \
                     on old tells whether its members are still the same",
                    array.path.trim_start_matches("/dev/")
                ),
            };
            let message = format!(
                "an EFI system partition of {name} is on the array {} (metadata {}): {seen}",
                array.path, array.metadata
            );
            hits.push(Hit::new(message, help).of(format!("{name}: {}", array.path)));
        }
    }
    hits
}

pub(super) fn root_stays(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let Some(root) = facts.old.mounts.iter().find(|mount| mount.target == "/") else { return Vec::new() };
    let names = Names::of(&facts.old);
    let on = names.mount(root);
    let moves = |how: CopyHow| !matches!(how, CopyHow::Skip | CopyHow::Recreate);
    let is_root = |lv: &Lv| on.iter().any(|block| block.path == lvm::mapper_path(&lv.vg, &lv.name));
    if volumes(plan, facts).any(|(lv, how, _)| moves(how) && is_root(lv)) {
        return Vec::new();
    }
    vec![
        Hit::new(
            format!("the root file system of old is on {}, which is not a volume that moves", root.source),
            "only systems with `/` on a logical volume can be migrated",
        )
        .of("old: mount of /"),
    ]
}

pub(super) fn boot_unsaid(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let mount = facts.old.mounts.iter().find(|mount| mount.target == "/boot");
    match mount {
        Some(mount) if plan.boot.is_none() && !on_volume(facts, mount) => vec![
            Hit::new(
                format!("/boot of old is on {}, and the plan does not say where it goes", mount.source),
                "add `boot: { from: /boot, to: ARRAY }` with a raid1 array for it",
            )
            .of("old: mount of /boot"),
        ],
        _ => Vec::new(),
    }
}

/// On a logical volume; `/dev/mapper` has multipath's disks and encrypted ones too.
fn on_volume(facts: &Facts, mount: &Mount) -> bool {
    Names::of(&facts.old).mount(mount).iter().any(|block| block.kind == "lvm")
}

fn boot_wrong(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let Some(boot) = &plan.boot else { return Vec::new() };
    let (message, help) = match facts.old.mounts.iter().find(|mount| mount.target == **boot.from) {
        None => (
            format!("{} is not a file system of its own on old", *boot.from),
            "leave `boot:` out: it travels with the volume that it is on",
        ),
        Some(mount) if on_volume(facts, mount) => (
            format!("{} is on the logical volume {}", *boot.from, mount.source),
            "leave `boot:` out: it travels as a volume of its group",
        ),
        Some(mount) if Names::of(&facts.old).mount(mount).len() != 1 || inside(&mount.source).is_some() => (
            format!("{} of old is on {}, which is not one block device to be copied", *boot.from, mount.source),
            "leave `boot:` out where it is a part of another file system; otherwise `lsblk` on old must know its device",
        ),
        Some(_) => return Vec::new(),
    };
    vec![Hit::new(message, help).at(boot.from.span().or(boot.to.span()))]
}

const MIB: u64 = 1 << 20;

fn boot_room(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let largest = facts.old.initrd_sizes.values().max();
    let needs = largest.map_or(64 * MIB, |bytes| bytes * 3 / 2 + MIB);
    match facts.old.file_system("/boot") {
        Some(mount) if mount.avail < needs => vec![
            Hit::new(
                format!(
                    "{} of old has {} MiB free; a new initramfs needs about {} MiB there",
                    mount.target,
                    mount.avail / MIB,
                    needs / MIB
                ),
                format!(
                    "remove kernels that are no longer used, on old: `{}`",
                    facts.old.family().installer.autoremove
                ),
            )
            .of(format!("old: room in {}", mount.target)),
        ],
        _ => Vec::new(),
    }
}

fn no_room_to_build(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let Some(largest) = facts.old.initrd_sizes.values().max() else { return Vec::new() };
    let kept: u64 = facts.old.initrd_sizes.values().sum();
    let on = |path: &str| facts.old.file_system(path).map(|mount| mount.target.as_str());
    let places = [(on("/var/tmp"), largest * 4), (on("/var/lib/replant"), kept + largest * 3 / 2)];
    let mut hits = Vec::new();
    for mount in &facts.old.mounts {
        let mine = places.iter().filter(|(on, _)| *on == Some(mount.target.as_str()));
        let needs: u64 = mine.map(|(_, bytes)| bytes).sum();
        if mount.avail < needs {
            let hit = Hit::new(
                format!(
                    "{} of old has {} MiB free; to build an initramfs takes about {} MiB there",
                    mount.target,
                    mount.avail / MIB,
                    needs / MIB
                ),
                format!(
                    "make room on old: `{}`, `journalctl --vacuum-size=100M`",
                    facts.old.family().installer.clean
                ),
            );
            hits.push(hit.of(format!("old: room in {}", mount.target)));
        }
    }
    hits
}

fn no_mdadm(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let family = facts.old.family();
    let (message, help) = if plan.arrays.is_empty() {
        return Vec::new();
    } else if !facts.old.tools.contains("mdadm") {
        let message = "old has no mdadm, which puts new's arrays together when it boots";
        (message.to_string(), family.installer.install("mdadm"))
    } else if !facts.old.files.contains_key(family.md.file) {
        (format!("old has no {} to name new's arrays in", family.md.file), family.md.make.to_string())
    } else {
        return Vec::new();
    };
    vec![Hit::new(message, format!("on old: `{help}`")).of("old: mdadm")]
}

fn loops(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let written = facts.old.blocks.iter().filter(|block| block.kind == "loop" && !block.read_only && block.size > 0);
    written
        .map(|block| {
            Hit::new(
                format!(
                    "{} of old can be written to; the file system with its file may not become read-only",
                    block.path
                ),
                format!(
                    "`losetup --list {}` on old says whose file it is: unmount it before the cutover",
                    block.path
                ),
            )
            .of(format!("old: {}", block.path))
        })
        .collect()
}

fn strange_builder(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let (tools, packages) = (&facts.old.tools, &facts.old.boot_packages);
    let (family, builder) = (facts.old.family(), facts.old.builder());
    // its commands may stand beside a strange one, which may have some of the same names: which packages are there decides
    let ours = builder.signs.iter().all(|tool| tools.contains(*tool));
    let ours = ours && (packages.is_empty() || packages.contains(builder.called));
    let strange = family.strange_builders.iter().find(|name| tools.contains(**name) || packages.contains(**name));
    let Some(strange) = strange.filter(|_| !ours) else { return Vec::new() };
    vec![
        Hit::new(
            format!("old builds its initramfs with {strange}, which cannot be migrated yet"),
            format!("on {}: `{} {}`", family.called, family.installer.install, builder.called),
        )
        .of(format!("old: {strange}")),
    ]
}

fn no_initramfs(_: &Plan, facts: &Facts) -> Vec<Hit> {
    if !facts.old.initrds.is_empty() {
        return Vec::new();
    }
    let builder = facts.old.builder();
    vec![
        Hit::new(
            format!("there is no {}* on old", builder.image),
            format!("old must boot with an initramfs of {}: `{}`", builder.called, builder.build),
        )
        .of("old: /boot"),
    ]
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
