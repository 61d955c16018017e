//! The rules. Codes: R10xx the servers, R11xx new's disks, R12xx LVM, R13xx what boots, R14xx the network.

use super::Finding;
use crate::facts::{Facts, ServerFacts};
use crate::plan::{CopyHow, IscsiServer, Plan};

type Rule = fn(&Plan, &Facts) -> Vec<Finding>;

pub const RULES: &[Rule] = &[
    root_on_both,
    two_servers,
    sides_not_swapped,
    same_firmware,
    tools_of_old,
    tools_of_new,
    initiator,
    iscsi_server,
    clocks,
    disks_there,
    disks_not_in_use,
    disks_hold_nothing,
    arrays_sound,
    groups_there,
    groups_whole,
    volumes_there,
    volumes_can_be_mirrored,
    volumes_on_other_disks,
    raid1_has_room,
    already_extended,
    sector_sizes,
    new_is_large_enough,
    lvm_settings,
    kernel_of_old,
    boot_mount,
    boot_room,
    initramfs_tools,
    names_that_move,
    crypt,
    address_on_a_card,
    more_cards,
];

fn root_on_both(_: &Plan, facts: &Facts) -> Vec<Finding> {
    let one = |name: &str, server: &ServerFacts| {
        (server.uid != 0).then(|| {
            Finding::inhibitor(
                "R1001",
                format!("commands on {name} run as uid {}, not as root", server.uid),
                format!("log in as root, or set `sudo: true` under `{name}.ssh` with a user that may `sudo -n`"),
            )
        })
    };
    [one("old", &facts.old), one("new", &facts.new)].into_iter().flatten().collect()
}

fn two_servers(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let same_machine = facts.old.machine.is_some() && facts.old.machine == facts.new.machine;
    let same_boot = !facts.old.boot_id.is_empty() && facts.old.boot_id == facts.new.boot_id;
    if same_boot || (same_machine && facts.old.host_keys == facts.new.host_keys && !facts.old.host_keys.is_empty()) {
        vec![
            Finding::inhibitor("R1002", "old and new are the same machine", "correct the addresses in the plan")
                .at(plan.new.address.span()),
        ]
    } else {
        Vec::new()
    }
}

fn sides_not_swapped(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let has = |server: &ServerFacts| plan.disks.iter().filter(|disk| find_disk(server, disk).is_some()).count();
    let group_on_new = plan.volume_groups.iter().any(|group| facts.new.vgs.iter().any(|vg| vg.name == **group.name));
    let group_on_old = plan.volume_groups.iter().any(|group| facts.old.vgs.iter().any(|vg| vg.name == **group.name));
    if has(&facts.old) > 0 || (group_on_new && !group_on_old) {
        vec![
            Finding::inhibitor(
                "R1003",
                "old and new look swapped: what the plan says of one is on the other",
                "exchange the addresses of `old` and `new`; the disks to be wiped must be on new",
            )
            .at(plan.old.address.span()),
        ]
    } else {
        Vec::new()
    }
}

fn same_firmware(_: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    if facts.new.uefi || facts.old.uefi {
        let who = match (facts.old.uefi, facts.new.uefi) {
            (true, true) => "both servers boot",
            (true, false) => "old boots",
            _ => "new boots",
        };
        found.push(Finding::inhibitor(
            "R1301",
            format!("{who} with UEFI, which cannot be migrated yet"),
            "boot new's rescue system, and later new itself, in legacy BIOS mode",
        ));
    }
    found
}

fn missing<'a>(server: &ServerFacts, tools: &[&'a str]) -> Vec<&'a str> {
    tools.iter().copied().filter(|tool| !server.tools.contains(*tool)).collect()
}

fn lacks(name: &str, packages: &str, missing: Vec<&str>) -> Vec<Finding> {
    if missing.is_empty() {
        return Vec::new();
    }
    vec![Finding::inhibitor(
        "R1005",
        format!("{name} lacks {}", missing.join(", ")),
        format!("install the packages that have them (on Debian and Ubuntu: {packages})"),
    )]
}

fn tools_of_old(_: &Plan, facts: &Facts) -> Vec<Finding> {
    let tools = [
        "lvm",
        "lvconvert",
        "vgextend",
        "vgsplit",
        "dmsetup",
        "dd",
        "sha256sum",
        "wipefs",
        "udevadm",
        "systemctl",
        "blockdev",
        "findmnt",
        "mkinitramfs",
        "lsinitramfs",
        "grub-install",
        "update-grub",
    ];
    lacks("old", "lvm2 util-linux udev systemd initramfs-tools grub-pc", missing(&facts.old, &tools))
}

fn tools_of_new(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut tools =
        vec!["sfdisk", "wipefs", "mdadm", "lvm", "dmsetup", "blockdev", "udevadm", "chroot", "mkswap", "sha256sum"];
    let types: Vec<&str> = facts.old.lvs.iter().filter_map(|lv| lv.fstype.as_deref()).collect();
    if types.iter().any(|fstype| fstype.starts_with("ext")) {
        tools.push("e2fsck");
    }
    if types.contains(&"xfs") {
        tools.push("xfs_repair");
    }
    let mut found =
        lacks("new", "fdisk util-linux mdadm lvm2 dmsetup e2fsprogs xfsprogs", missing(&facts.new, &tools));
    for array in &plan.arrays {
        let module = match array.level.name() {
            "raid5" | "raid6" => "raid456",
            other => other,
        };
        for (name, server) in [("old", &facts.old), ("new", &facts.new)] {
            if !server.modules.contains(module) {
                found.push(
                    Finding::inhibitor(
                        "R1006",
                        format!("the kernel of {name} has no module `{module}`, for array {}", *array.name),
                        "choose another level, or install a kernel that has it",
                    )
                    .at(array.level.span()),
                );
            }
        }
    }
    found
}

fn initiator(_: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    if !facts.old.tools.contains("iscsiadm") && facts.old.iscsi_packages.as_ref().is_none_or(Vec::is_empty) {
        found.push(Finding::inhibitor(
            "R1007",
            "old has no open-iscsi, and apt-get cannot install it",
            "run `apt-get update` on old and try again, or install open-iscsi by hand",
        ));
    }
    if !facts.old.modules.contains("iscsi_tcp") {
        found.push(Finding::inhibitor(
            "R1008",
            "the kernel of old has no module `iscsi_tcp`",
            "install the full kernel package of its distribution (not a cloud kernel) and boot it",
        ));
    }
    if !facts.old.iscsi_sessions.is_empty() {
        found.push(Finding::warning(
            "R1009",
            format!("old is already logged in to {}", facts.old.iscsi_sessions.join(", ")),
            "these sessions are left alone; make sure that nothing of them belongs to the volumes that move",
        ));
    }
    found
}

fn iscsi_server(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let tgt = ["tgtd", "tgtadm", "tgt-admin"].iter().all(|tool| facts.new.tools.contains(*tool));
    let lio = ["iscsi_target_mod", "target_core_mod", "target_core_iblock"]
        .iter()
        .all(|module| facts.new.modules.contains(*module));
    let server = &plan.transfer.iscsi.server;
    let (good, what, help) = match **server {
        IscsiServer::Tgt => {
            (tgt, "new has no tgt", "install the package tgt in the rescue system, or use `server: auto`")
        }
        IscsiServer::Lio => {
            (lio, "the kernel of new has no iscsi_target_mod", "use `server: tgt` and install the package tgt")
        }
        IscsiServer::Auto => (
            tgt || lio,
            "new can serve iSCSI neither by its kernel nor by tgt",
            "install the package tgt in the rescue system",
        ),
    };
    if good { Vec::new() } else { vec![Finding::inhibitor("R1010", what, help).at(server.span())] }
}

fn clocks(_: &Plan, facts: &Facts) -> Vec<Finding> {
    let skew = facts.old.clock.abs_diff(facts.new.clock);
    if skew <= 120 {
        return Vec::new();
    }
    vec![Finding::warning(
        "R1011",
        format!("the clocks of old and new are {skew} s apart"),
        "set the clock of new; after the migration its hardware clock counts",
    )]
}

/// The block device that a disk of the plan names, where there is exactly one.
pub fn find_disk<'a>(server: &'a ServerFacts, disk: &crate::plan::Disk) -> Option<&'a crate::facts::Block> {
    let same = |have: &Option<String>, want: &Option<crate::plan::At<String>>| match want {
        Some(want) => have.as_deref().is_some_and(|have| have.trim() == want.as_str()),
        None => true,
    };
    let mut all = server
        .blocks
        .iter()
        .filter(|block| block.kind == "disk" && same(&block.serial, &disk.serial) && same(&block.wwn, &disk.wwn));
    match (all.next(), all.next()) {
        (Some(block), None) => Some(block),
        _ => None,
    }
}

fn disks_there(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for disk in &plan.disks {
        let span = disk.serial.as_ref().or(disk.wwn.as_ref()).and_then(|id| id.span());
        match find_disk(&facts.new, disk) {
            None => {
                let there: Vec<String> = facts
                    .new
                    .blocks
                    .iter()
                    .filter(|block| block.kind == "disk" && block.serial.is_some())
                    .map(|block| {
                        format!("{} ({} GiB)", block.serial.as_deref().unwrap_or_default(), block.size >> 30)
                    })
                    .collect();
                found.push(
                    Finding::inhibitor(
                        "R1101",
                        format!("disk `{}` is not on new", *disk.name),
                        format!("new's disks by serial number: {}", there.join(", ")),
                    )
                    .at(span),
                );
            }
            Some(block) if block.by_id.is_empty() && block.by_path.is_empty() => found.push(
                Finding::inhibitor(
                    "R1102",
                    format!("disk `{}` ({}) has no link under /dev/disk/by-id or by-path", *disk.name, block.path),
                    "is udev running in the rescue system?",
                )
                .at(span),
            ),
            Some(block) if block.read_only => found.push(
                Finding::inhibitor("R1103", format!("disk `{}` is read-only", *disk.name), "choose another disk")
                    .at(span),
            ),
            Some(_) => {}
        }
    }
    found
}

/// Everything that stands on a block device.
fn standing_on<'a>(server: &'a ServerFacts, path: &'a str) -> impl Iterator<Item = &'a crate::facts::Block> {
    server.blocks.iter().filter(move |block| block.ancestors.iter().any(|ancestor| ancestor == path))
}

fn disks_not_in_use(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for disk in &plan.disks {
        let Some(block) = find_disk(&facts.new, disk) else { continue };
        let mounted = std::iter::once(block)
            .chain(standing_on(&facts.new, &block.path))
            .find(|block| !block.mountpoints.is_empty());
        if let Some(used) = mounted {
            found.push(
                Finding::inhibitor(
                    "R1104",
                    format!(
                        "disk `{}` is in use on new: {} is mounted on {}",
                        *disk.name,
                        used.path,
                        used.mountpoints.join(", ")
                    ),
                    "is this the disk that the rescue system runs from? Unmount it, or choose another",
                )
                .at(disk.name.span()),
            );
            continue;
        }
        if let Some(volume) =
            standing_on(&facts.new, &block.path).find(|block| block.kind == "lvm" || block.kind == "crypt")
        {
            found.push(
                Finding::inhibitor(
                    "R1105",
                    format!("disk `{}` is in use on new: {} is active on it", *disk.name, volume.path),
                    "deactivate it on new, e.g. `vgchange --activate n`",
                )
                .at(disk.name.span()),
            );
        }
        // an array that also has members that are not ours to wipe
        for array in facts.new.arrays.iter().filter(|array| {
            array.members.iter().any(|member| {
                *member == block.path || standing_on(&facts.new, &block.path).any(|part| part.path == *member)
            })
        }) {
            let ours = |member: &String| {
                plan.disks.iter().filter_map(|disk| find_disk(&facts.new, disk)).any(|disk| {
                    *member == disk.path || standing_on(&facts.new, &disk.path).any(|part| part.path == *member)
                })
            };
            if !array.members.iter().all(ours) {
                found.push(
                    Finding::inhibitor(
                        "R1106",
                        format!(
                            "disk `{}` belongs to {} with disks that the plan does not name",
                            *disk.name, array.path
                        ),
                        format!("stop it on new: `mdadm --stop {}`, and make sure that nobody needs it", array.path),
                    )
                    .at(disk.name.span()),
                );
            }
        }
    }
    found
}

/// What a disk holds, for people; `None` where it is blank.
pub fn what_is_on(server: &ServerFacts, block: &crate::facts::Block) -> Option<String> {
    let parts: Vec<_> = standing_on(server, &block.path).filter(|part| part.kind == "part").collect();
    let mut what = Vec::new();
    if let Some(table) = &block.pttype {
        what.push(format!("{table} table with {} partitions", parts.len()));
    }
    if let Some(fstype) = &block.fstype {
        what.push(fstype.clone());
    }
    let mut kinds: Vec<&str> = parts.iter().filter_map(|part| part.fstype.as_deref()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    what.extend(kinds.iter().map(|kind| kind.to_string()));
    (!what.is_empty()).then(|| what.join(", "))
}

fn disks_hold_nothing(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for disk in &plan.disks {
        let Some(block) = find_disk(&facts.new, disk) else { continue };
        if let (Some(what), false) = (what_is_on(&facts.new, block), *disk.wipe) {
            found.push(
                Finding::inhibitor(
                    "R1107",
                    format!("disk `{}` ({}) holds data: {what}", *disk.name, block.path),
                    "if all of it may be destroyed, say so in the plan: `wipe: true` for this disk",
                )
                .at(disk.name.span()),
            );
        }
    }
    found
}

fn arrays_sound(_: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for array in &facts.old.arrays {
        if array.degraded {
            found.push(Finding::warning(
                "R1108",
                format!("{} on old is degraded", array.path),
                "the copy reads every block: a second failing disk would stop it. Repair the array first if you can",
            ));
        }
        if let Some(action) = &array.action {
            found.push(Finding::warning(
                "R1109",
                format!("{} on old is busy: {action}", array.path),
                "the copy will be slow until it has ended",
            ));
        }
    }
    found
}

fn groups_there(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for group in &plan.volume_groups {
        if !facts.old.vgs.iter().any(|vg| vg.name == **group.name) {
            let there: Vec<&str> = facts.old.vgs.iter().map(|vg| vg.name.as_str()).collect();
            found.push(
                Finding::inhibitor(
                    "R1201",
                    format!("there is no volume group `{}` on old", *group.name),
                    format!("old has: {}", if there.is_empty() { "none".into() } else { there.join(", ") }),
                )
                .at(group.name.span()),
            );
        }
        let moving = format!("{}_new", *group.name);
        if facts.old.vgs.iter().chain(&facts.new.vgs).any(|vg| vg.name == moving) {
            found.push(
                Finding::inhibitor(
                    "R1202",
                    format!(
                        "a volume group `{moving}` exists already, the name under which `{}` travels",
                        *group.name
                    ),
                    "is it left over from another migration? Rename or remove it",
                )
                .at(group.name.span()),
            );
        }
    }
    found
}

fn groups_whole(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for group in &plan.volume_groups {
        let Some(vg) = facts.old.vgs.iter().find(|vg| vg.name == **group.name) else { continue };
        if vg.missing_pv_count > 0 {
            found.push(
                Finding::inhibitor(
                    "R1204",
                    format!("{} physical volumes of `{}` are missing on old", vg.missing_pv_count, vg.name),
                    "repair the group first: `vgck`, `vgreduce --removemissing` (lvm(8))",
                )
                .at(group.name.span()),
            );
        }
        if !vg.system_id.is_empty() {
            found.push(
                Finding::inhibitor(
                    "R1205",
                    format!("`{}` belongs to the system id `{}`: new could not use it", vg.name, vg.system_id),
                    format!("`vgchange --systemid '' {}` on old (lvmsystemid(7))", vg.name),
                )
                .at(group.name.span()),
            );
        }
    }
    found
}

fn volumes_there(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for group in &plan.volume_groups {
        let all: Vec<&str> = facts
            .old
            .lvs
            .iter()
            .filter(|lv| lv.vg == **group.name && !lv.hidden)
            .map(|lv| lv.name.as_str())
            .collect();
        if all.is_empty() {
            continue;
        }
        let Some(volumes) = &group.volumes else { continue };
        for volume in volumes {
            if !all.contains(&volume.name.as_str()) {
                found.push(
                    Finding::inhibitor(
                        "R1206",
                        format!("there is no volume `{}/{}` on old", *group.name, *volume.name),
                        format!("the group has: {}", all.join(", ")),
                    )
                    .at(volume.name.span()),
                );
            }
        }
        for name in all {
            if !volumes.iter().any(|volume| **volume.name == *name) {
                found.push(
                    Finding::inhibitor(
                        "R1207",
                        format!("the plan does not say what becomes of `{}/{name}`", *group.name),
                        format!("add `- {{ name: {name} }}`, with `copy: skip` if it is to stay behind"),
                    )
                    .at(group.name.span()),
                );
            }
        }
    }
    found
}

/// The volumes of a group with what the plan says of each: all that are not hidden, or those that it lists.
pub fn volumes<'a>(
    plan: &'a Plan,
    facts: &'a Facts,
) -> impl Iterator<Item = (&'a crate::facts::Lv, CopyHow, Option<&'a crate::plan::Volume>)> {
    plan.volume_groups.iter().flat_map(move |group| {
        facts.old.lvs.iter().filter(move |lv| lv.vg == **group.name && !lv.hidden).filter_map(move |lv| match &group
            .volumes
        {
            None => Some((lv, default_copy(lv), None)),
            Some(all) => {
                let said = all.iter().find(|volume| **volume.name == lv.name)?;
                let how = if *said.copy == CopyHow::Auto { default_copy(lv) } else { *said.copy };
                Some((lv, how, Some(said)))
            }
        })
    })
}

/// A swap needs no copying.
fn default_copy(lv: &crate::facts::Lv) -> CopyHow {
    if lv.fstype.as_deref() == Some("swap") { CopyHow::Recreate } else { CopyHow::Auto }
}

fn volumes_can_be_mirrored(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for (lv, how, said) in volumes(plan, facts) {
        let span = said.and_then(|said| said.name.span());
        if how == CopyHow::Skip {
            continue;
        }
        if how == CopyHow::Recreate {
            if lv.fstype.as_deref() != Some("swap") {
                found.push(
                    Finding::inhibitor(
                        "R1208",
                        format!("{}/{} is to be recreated, but it is no swap", lv.vg, lv.name),
                        "leave `copy:` out, so that it is mirrored",
                    )
                    .at(span),
                );
            }
            continue;
        }
        let what = match lv.segtype.as_str() {
            "linear" => continue,
            "striped" if how == CopyHow::Mirror => continue,
            "thin" | "thin-pool" => "belongs to a thin pool",
            "cache" | "cache-pool" | "writecache" => "is cached",
            "snapshot" => "is a snapshot",
            "vdo" | "vdo-pool" => "is a VDO volume",
            "mirror" | "raid1" => "is mirrored already",
            _ => "is not linear",
        };
        found.push(
            Finding::inhibitor(
                "R1203",
                format!("{}/{} {what} ({}): it cannot be mirrored by this method", lv.vg, lv.name, lv.segtype),
                "make it linear, or leave it out with `copy: skip`",
            )
            .at(span),
        );
    }
    found
}

fn volumes_on_other_disks(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    let root = facts.old.mounts.iter().find(|mount| mount.target == "/");
    let moved: Vec<String> =
        volumes(plan, facts).map(|(lv, ..)| crate::facts::lvm::mapper_path(&lv.vg, &lv.name)).collect();
    if let Some(root) = root
        && !moved.contains(&root.source)
    {
        found.push(Finding::inhibitor(
            "R1302",
            format!("the root file system of old is on {}, which is not a volume that moves", root.source),
            "only systems with `/` on a logical volume can be migrated",
        ));
    }
    for (lv, how, said) in volumes(plan, facts) {
        let path = crate::facts::lvm::mapper_path(&lv.vg, &lv.name);
        if how == CopyHow::Skip
            && let Some(mount) = facts.old.mounts.iter().find(|mount| mount.source == path)
        {
            found.push(
                Finding::warning(
                    "R1209",
                    format!("{}/{} stays behind, but is mounted on {}", lv.vg, lv.name, mount.target),
                    "new will wait for it when it boots unless /etc/fstab says `nofail`",
                )
                .at(said.and_then(|said| said.name.span())),
            );
        }
    }
    for mount in &facts.old.mounts {
        let known =
            moved.contains(&mount.source) || plan.boot.as_ref().is_some_and(|boot| **boot.from == mount.target);
        let real = mount.source.starts_with("/dev/");
        if real && !known && !mount.source.starts_with("/dev/loop") {
            found.push(Finding::warning(
                "R1310",
                format!("{} is mounted from {}, which does not move", mount.target, mount.source),
                "copy it by hand if it is needed, and see to its line in /etc/fstab",
            ));
        }
    }
    found
}

fn raid1_has_room(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for group in &plan.volume_groups {
        let Some(vg) = facts.old.vgs.iter().find(|vg| vg.name == **group.name) else { continue };
        let wanted: Vec<_> =
            volumes(plan, facts).filter(|(lv, how, _)| lv.vg == vg.name && *how == CopyHow::Raid1).collect();
        if wanted.len() as u64 > vg.free_count {
            found.push(
                Finding::inhibitor(
                    "R1210",
                    format!(
                        "raid1 needs a free extent in `{}` for each of {} volumes; {} are free",
                        vg.name,
                        wanted.len(),
                        vg.free_count
                    ),
                    "leave `copy:` out: a mirror with its log in memory is used where there is no room",
                )
                .at(group.name.span()),
            );
        }
    }
    found
}

fn already_extended(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for group in &plan.volume_groups {
        for pv in facts.old.pvs.iter().filter(|pv| pv.vg == **group.name) {
            let iscsi =
                facts.old.blocks.iter().any(|block| block.path == pv.path && block.tran.as_deref() == Some("iscsi"));
            if iscsi {
                found.push(
                    Finding::inhibitor(
                        "R1211",
                        format!("`{}` already has an iSCSI disk in it: {}", *group.name, pv.path),
                        "is another migration under way? Look with `replant status`, or at who logged in",
                    )
                    .at(group.name.span()),
                );
            }
        }
    }
    found
}

fn sector_sizes(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for group in &plan.volume_groups {
        for pv in facts.old.pvs.iter().filter(|pv| pv.vg == **group.name) {
            let Some(old) = facts.old.blocks.iter().find(|block| block.path == pv.path) else { continue };
            for disk in &plan.disks {
                let Some(new) = find_disk(&facts.new, disk) else { continue };
                if new.log_sec != old.log_sec {
                    found.push(
                        Finding::inhibitor(
                            "R1212",
                            format!(
                                "disk `{}` has logical blocks of {} bytes, {} of old has {}",
                                *disk.name, new.log_sec, pv.path, old.log_sec
                            ),
                            "file systems made on the one may not mount on the other. Format the disk to the other size (nvme-format(1)), or choose another disk",
                        )
                        .at(disk.name.span()),
                    );
                }
            }
        }
    }
    found
}

fn new_is_large_enough(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    crate::course::room(plan, facts)
}

fn lvm_settings(_: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    let old = |name: &str| facts.old.lvm_config.get(name).map(String::as_str);
    if old("activation/monitoring") == Some("0") {
        found.push(Finding::inhibitor(
            "R1213",
            "LVM on old does not monitor its volumes (activation/monitoring=0): a mirror with a dead leg would say that it is whole",
            "set `activation { monitoring = 1 }` in /etc/lvm/lvm.conf and `systemctl start lvm2-monitor`",
        ));
    }
    for (name, server) in [("old", &facts.old), ("new", &facts.new)] {
        if server.lvm_config.get("devices/use_devicesfile").map(String::as_str) == Some("1") {
            found.push(Finding::inhibitor(
                "R1214",
                format!("LVM on {name} uses a devices file, which cannot be migrated yet"),
                format!(
                    "set `devices {{ use_devicesfile = 0 }}` in /etc/lvm/lvmlocal.conf on {name} (lvmdevices(8))"
                ),
            ));
        }
    }
    found
}

fn kernel_of_old(_: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut numbers =
        facts.old.kernel.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if (major, minor) == (6, 7) || (major, minor) == (6, 8) {
        return vec![Finding::warning(
            "R1215",
            format!(
                "kernel {} of old is of a line in which converting to raid1 hung (6.7 and early 6.8)",
                facts.old.kernel
            ),
            "use `copy: mirror` for each volume, or boot another kernel first",
        )];
    }
    Vec::new()
}

fn boot_mount(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let of_its_own = facts.old.mounts.iter().find(|mount| mount.target == "/boot");
    match (&plan.boot, of_its_own) {
        (None, Some(mount)) if !mount.source.starts_with("/dev/mapper/") => vec![Finding::inhibitor(
            "R1303",
            format!("/boot of old is on {}, and the plan does not say where it goes", mount.source),
            "add `boot: { from: /boot, to: ARRAY }` with a raid1 array for it",
        )],
        (Some(boot), _) => {
            let Some(mount) = facts.old.mounts.iter().find(|mount| mount.target == **boot.from) else {
                return vec![
                    Finding::inhibitor(
                        "R1304",
                        format!("{} is not a file system of its own on old", *boot.from),
                        "leave `boot:` out: it travels with the volume that it is on",
                    )
                    .at(boot.from.span()),
                ];
            };
            if mount.source.starts_with("/dev/mapper/") {
                return vec![
                    Finding::inhibitor(
                        "R1304",
                        format!("{} is on the logical volume {}", *boot.from, mount.source),
                        "leave `boot:` out: it travels as a volume of its group",
                    )
                    .at(boot.from.span()),
                ];
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn boot_room(_: &Plan, facts: &Facts) -> Vec<Finding> {
    let boot = facts.old.mounts.iter().find(|mount| mount.target == "/boot");
    let mount = boot.or_else(|| facts.old.mounts.iter().find(|mount| mount.target == "/"));
    match mount {
        // a second initramfs stands beside the first for a moment
        Some(mount) if mount.avail < 64 << 20 => vec![Finding::warning(
            "R1305",
            format!("{} of old has {} MiB free; a new initramfs is written there", mount.target, mount.avail >> 20),
            "remove kernels that are no longer used: `apt-get autoremove`",
        )],
        _ => Vec::new(),
    }
}

fn initramfs_tools(_: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    if facts.old.tools.contains("dracut") && !facts.old.tools.contains("mkinitramfs") {
        found.push(Finding::inhibitor(
            "R1306",
            "old builds its initramfs with dracut, which cannot be migrated yet",
            "on Debian and Ubuntu, install initramfs-tools",
        ));
    }
    if facts.old.initrds.is_empty() {
        found.push(Finding::inhibitor(
            "R1307",
            "there is no /boot/initrd.img-* on old",
            "old must boot with an initramfs of initramfs-tools: `update-initramfs -c -k all`",
        ));
    }
    found
}

fn names_that_move(_: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, what) in
        [("/etc/fstab", "mounts"), ("/etc/default/grub", "boots from"), ("/proc/cmdline", "boots from")]
    {
        let text = facts.old.files.get(path).map(String::as_str).unwrap_or_default();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let words = line.split(|c: char| c.is_whitespace() || "=\"',".contains(c));
            for word in words.filter(|word| word.starts_with("/dev/")) {
                let volatile = [
                    "/dev/sd",
                    "/dev/vd",
                    "/dev/nvme",
                    "/dev/md",
                    "/dev/hd",
                    "/dev/disk/by-id/",
                    "/dev/disk/by-path/",
                    "/dev/disk/by-partuuid/",
                ];
                if volatile.iter().any(|prefix| word.starts_with(prefix)) {
                    found.push(Finding::warning(
                        "R1308",
                        format!("{path} of old {what} {word}, a name that may not exist on new"),
                        "use `UUID=…` there: file systems keep theirs",
                    ));
                }
            }
        }
    }
    found
}

fn crypt(_: &Plan, facts: &Facts) -> Vec<Finding> {
    let crypttab = facts.old.files.get("/etc/crypttab").map(String::as_str).unwrap_or_default();
    let used = crypttab.lines().any(|line| !line.trim().is_empty() && !line.trim().starts_with('#'));
    if used || facts.old.blocks.iter().any(|block| block.kind == "crypt") {
        return vec![Finding::inhibitor(
            "R1309",
            "old has encrypted devices, which cannot be migrated yet",
            "this method copies logical volumes only",
        )];
    }
    Vec::new()
}

fn address_on_a_card(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    if crate::course::service_card(plan, facts).is_none() {
        return vec![Finding::warning(
            "R1401",
            format!(
                "the address {} of old is not on a plain network card (a bridge, a bond, a VLAN?)",
                *plan.old.address
            ),
            "make sure by hand that the network configuration names what new has",
        )];
    }
    Vec::new()
}

fn more_cards(_: &Plan, facts: &Facts) -> Vec<Finding> {
    let used = |server: &ServerFacts| {
        server.interfaces.iter().filter(|card| card.physical && !card.addresses.is_empty()).count()
    };
    if used(&facts.old) > 1 {
        return vec![Finding::warning(
            "R1402",
            format!(
                "old uses {} network cards; only the one with its address gets its name back on new",
                used(&facts.old)
            ),
            "write .link files for the others in /etc/systemd/network (systemd.link(5))",
        )];
    }
    Vec::new()
}
