//! Rules about disks, partitions and arrays.

use std::collections::HashMap;

use super::{Found, alone, disks_of, members_of, twice, undeclared};
use crate::plan::diagnostics::{Diagnostic, Severity};
use crate::plan::source::At;
use crate::plan::{Bytes, Partition, Plan, RaidLevel, Size, Table, codes};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

pub(super) fn names_given_twice(plan: &Plan, found: &mut Found) {
    let kinds: [(&str, Vec<&At<String>>); 4] = [
        ("disk", plan.disks.iter().map(|disk| &disk.name).collect()),
        ("partition", plan.partitions.iter().map(|partition| &partition.name).collect()),
        ("array", plan.arrays.iter().map(|array| &array.name).collect()),
        ("volume group", plan.volume_groups.iter().map(|group| &group.name).collect()),
    ];
    for (kind, names) in kinds {
        for (first, again) in twice(names) {
            found.push(
                Diagnostic::error(codes::DECLARED_TWICE, format!("{kind} `{again}` is declared twice"))
                    .on(again, "declared again here")
                    .and(first, "first declared here")
                    .help(format!("give each {kind} a name of its own")),
            );
        }
    }
    let lists = plan.partitions.iter().filter_map(|partition| partition.disks.as_ref());
    for list in lists.chain(plan.arrays.iter().filter_map(|array| array.disks.as_ref())) {
        for (first, again) in twice(list) {
            found.push(
                Diagnostic::error(codes::DECLARED_TWICE, format!("disk `{again}` is listed twice"))
                    .on(again, "again here")
                    .and(first, "first here")
                    .help("remove one"),
            );
        }
    }
}

pub(super) fn disks_without_identity(plan: &Plan, found: &mut Found) {
    for disk in plan.disks.iter().filter(|disk| disk.serial.is_none() && disk.wwn.is_none()) {
        found.push(
            Diagnostic::error(codes::NO_IDENTITY, format!("disk `{}` has neither `serial` nor `wwn`", disk.name))
                .on(&disk.name, "which disk is this?")
                .help("a disk is found by identity, since names such as /dev/sda change: see `lsblk -o NAME,SERIAL,WWN` on new"),
        );
    }
}

pub(super) fn one_disk_under_two_names(plan: &Plan, found: &mut Found) {
    let serials = twice(plan.disks.iter().filter_map(|disk| disk.serial.as_ref()));
    let wwns = twice(plan.disks.iter().filter_map(|disk| disk.wwn.as_ref()));
    for (what, pairs) in [("serial number", serials), ("WWN", wwns)] {
        for (first, again) in pairs {
            found.push(
                Diagnostic::error(codes::SAME_DISK, format!("two disks have the {what} `{again}`"))
                    .on(again, "the same again")
                    .and(first, "first given here")
                    .help("each disk is listed once"),
            );
        }
    }
}

pub(super) fn unknown_disks(plan: &Plan, found: &mut Found) {
    let lists = plan.partitions.iter().filter_map(|partition| partition.disks.as_ref());
    for disk in lists.chain(plan.arrays.iter().filter_map(|array| array.disks.as_ref())).flatten() {
        undeclared(codes::UNKNOWN_DISK, "disk", disk, plan.disks.iter().map(|disk| &disk.name), found);
    }
}

pub(super) fn unknown_partitions(plan: &Plan, found: &mut Found) {
    for array in &plan.arrays {
        let declared = plan.partitions.iter().map(|partition| &partition.name);
        undeclared(codes::UNKNOWN_PARTITION, "partition", &array.partitions, declared, found);
    }
}

pub(super) fn unknown_stores(plan: &Plan, found: &mut Found) {
    for to in plan.stores().filter(|to| alone(plan, to).is_none()) {
        if plan.arrays.is_empty() {
            let declared = plan.partitions.iter().map(|partition| &partition.name);
            undeclared(codes::UNKNOWN_PARTITION, "partition", to, declared, found);
        } else {
            undeclared(codes::UNKNOWN_ARRAY, "array", to, plan.arrays.iter().map(|array| &array.name), found);
        }
    }
}

pub(super) fn partitions_that_stand_alone(plan: &Plan, found: &mut Found) {
    for to in plan.stores() {
        let Some(partition) = alone(plan, to) else { continue };
        if let Some(array) = plan.arrays.iter().find(|array| array.partitions == partition.name) {
            found.push(
                Diagnostic::error(
                    codes::PARTITION_TAKEN,
                    format!("partition `{to}` is a member of array `{}`", array.name),
                )
                .on(to, "not free")
                .and(&array.partitions, "taken here")
                .help(format!("did you mean `to: {}`?", array.name)),
            );
            continue;
        }
        let disks = disks_of(plan, partition).len();
        if disks > 1 {
            found.push(
                Diagnostic::error(codes::MANY_PLACES, format!("partition `{to}` is on {disks} disks"))
                    .on(to, "data goes to one place")
                    .and(&partition.name, "made on each of them")
                    .help("make an array of it, which has a name of its own; or limit the partition to one disk with `disks`"),
            );
        }
    }
}

pub(super) fn disks_without_the_partition(plan: &Plan, found: &mut Found) {
    for array in &plan.arrays {
        let Some(partition) = plan.partitions.iter().find(|partition| partition.name == array.partitions) else {
            continue;
        };
        let having = disks_of(plan, partition);
        for disk in array.disks.iter().flatten() {
            let declared = plan.disks.iter().any(|declared| declared.name == *disk);
            if declared && !having.contains(&disk.as_str()) {
                found.push(
                    Diagnostic::error(
                        codes::UNKNOWN_DISK,
                        format!("disk `{disk}` has no partition `{}`", partition.name),
                    )
                    .on(disk, "no such partition on it")
                    .and(&partition.name, "declared for other disks")
                    .help(format!(
                        "add `{disk}` to the `disks` of partition `{}`, or remove it here",
                        partition.name
                    )),
                );
            }
        }
    }
}

pub(super) fn partitions_in_two_arrays(plan: &Plan, found: &mut Found) {
    let mut taken: HashMap<(&str, &str), &At<String>> = HashMap::new();
    for array in &plan.arrays {
        let mut told = false;
        for disk in members_of(plan, array) {
            let Some(before) = taken.insert((&array.partitions, disk), &array.partitions) else { continue };
            if !told && before.span() != array.partitions.span() {
                found.push(
                    Diagnostic::error(codes::PARTITION_TAKEN, format!("partition `{}` is in two arrays", array.partitions))
                        .on(&array.partitions, format!("taken already on disk `{disk}`"))
                        .and(before, "taken here")
                        .help("a partition is a member of one array; declare another partition, or limit each array with `disks`"),
                );
                told = true;
            }
        }
    }
}

pub(super) fn stores_with_two_uses(plan: &Plan, found: &mut Found) {
    for (first, again) in twice(plan.stores()) {
        let what = if alone(plan, again).is_some() { "partition" } else { "array" };
        found.push(
            Diagnostic::error(codes::ARRAY_TAKEN, format!("{what} `{again}` is used twice"))
                .on(again, "used again here")
                .and(first, "used here")
                .help(format!("it takes the boot filesystem, the hold or one volume group; declare another {what}")),
        );
    }
}

pub(super) fn members_for_the_level(plan: &Plan, found: &mut Found) {
    for array in &plan.arrays {
        let members = members_of(plan, array).len();
        let boot = plan.boots_from().is_some_and(|to| *to == array.name);
        // None at all: the disks or the partition are missing, and that is told elsewhere.
        if members == 0 {
            continue;
        }
        let (level, needed) = (*array.level, array.level.fewest_members());
        let name = level.name();
        let has = if members == 1 { "has 1 member".to_owned() } else { format!("has {members} members") };
        if members < needed {
            found.push(
                Diagnostic::error(
                    codes::TOO_FEW_MEMBERS,
                    format!("array `{}` {has}, and {name} needs {needed}", array.name),
                )
                .on(&array.level, format!("needs {needed} members or more"))
                .and(&array.partitions, has)
                .help(if plan.disks.len() == 1 {
                    format!(
                        "add a disk; or, if one is all there is, remove the array and write `to: {}`: the partition \
                         then takes the data, and nothing stands in for the disk if it fails",
                        array.partitions
                    )
                } else {
                    "add disks, or choose another level".to_owned()
                }),
            );
        } else if level == RaidLevel::Raid10 && members < 4 {
            found.push(
                Diagnostic::warning(codes::MEMBERS_ADVICE, format!("array `{}` is raid10 and {has}", array.name))
                    .on(&array.level, "4 members or more are usual")
                    .help("md can do it; with 2 members, raid1 is simpler and as fast"),
            );
        } else if level == RaidLevel::Raid0 && !boot {
            found.push(
                Diagnostic::warning(codes::MEMBERS_ADVICE, format!("array `{}` has no redundancy", array.name))
                    .on(&array.level, "the loss of one disk loses everything")
                    .help("choose raid1 or raid10, unless the data can be made again"),
            );
        }
    }
}

pub(super) fn rest_comes_last(plan: &Plan, found: &mut Found) {
    for (index, partition) in plan.partitions.iter().enumerate() {
        if *partition.size != Size::Rest {
            continue;
        }
        let disks = disks_of(plan, partition);
        let after = plan.partitions[index + 1..]
            .iter()
            .find(|after| disks_of(plan, after).iter().any(|disk| disks.contains(disk)));
        let Some(after) = after else { continue };
        let (code, message, help) = if *after.size == Size::Rest {
            let message = format!("partitions `{}` and `{}` both take the rest", partition.name, after.name);
            (codes::REST_NOT_LAST, message, "give one of them a size")
        } else {
            let message =
                format!("partition `{}` takes the rest, and `{}` comes after it", partition.name, after.name);
            (codes::REST_NOT_LAST, message, "put it last, or give it a size")
        };
        found.push(
            Diagnostic::error(code, message)
                .on(&partition.size, "nothing is left after it")
                .and(&after.name, "comes after it")
                .help(help),
        );
    }
}

pub(super) fn sizes_that_cannot_be(plan: &Plan, found: &mut Found) {
    for partition in &plan.partitions {
        let Size::Bytes(bytes) = *partition.size else { continue };
        let (label, help) = if bytes == 0 {
            ("no bytes at all", "give it a size, or `rest`")
        } else if bytes < 8 * MIB {
            ("less than 8MiB", "md keeps its metadata and a bitmap in it; 8MiB is the least that is of use")
        } else if bytes > 1024 * TIB {
            ("more than 1024TiB", "is the unit right?")
        } else {
            continue;
        };
        let message = format!("partition `{}` cannot have {}", partition.name, Bytes(bytes));
        found.push(Diagnostic::error(codes::SIZE, message).on(&partition.size, label).help(help));
    }
    let Some(boot) = &plan.boot else { return };
    if let Some(partition) = plan.partition_under(&boot.to) {
        match *partition.size {
            Size::Bytes(bytes) if (8 * MIB..64 * MIB).contains(&bytes) => found.push(
                Diagnostic::warning(codes::SIZE, format!("{} is little for a boot filesystem", Bytes(bytes)))
                    .on(&partition.size, "for the boot filesystem")
                    .help("it must be at least as large as old's, and a kernel with its initramfs takes 50MiB to 150MiB"),
            ),
            Size::Bytes(bytes) if bytes > 64 * GIB => found.push(
                Diagnostic::warning(codes::SIZE, format!("{} is much for a boot filesystem", Bytes(bytes)))
                    .on(&partition.size, "for the boot filesystem")
                    .help("is the unit right?"),
            ),
            _ => {}
        }
    }
}

pub(super) fn limits_of_the_table(plan: &Plan, found: &mut Found) {
    let most = match plan.table {
        Table::Dos => 4,
        Table::Gpt => 127,
    };
    for disk in &plan.disks {
        let on_disk: Vec<_> = plan
            .partitions
            .iter()
            .filter(|partition| disks_of(plan, partition).contains(&disk.name.as_str()))
            .collect();
        if let Some(excess) = on_disk.get(most) {
            found.push(
                Diagnostic::error(
                    codes::TABLE_LIMIT,
                    format!("disk `{}` would have {} partitions", disk.name, on_disk.len()),
                )
                .on(&excess.name, format!("one more than the {most} that fit"))
                .help(if plan.table == Table::Dos { "write `table: gpt`" } else { "use fewer" }),
            );
            break;
        }
    }
    for partition in plan.partitions.iter().filter(|_| plan.table == Table::Dos) {
        // 2^32 sectors of 512 bytes.
        if let Size::Bytes(bytes) = *partition.size
            && (2 * TIB..=1024 * TIB).contains(&bytes)
        {
            found.push(
                Diagnostic::error(
                    codes::TABLE_LIMIT,
                    format!("partition `{}` is too large for a dos table", partition.name),
                )
                .on(&partition.size, "2TiB or more")
                .help("write `table: gpt`"),
            );
        }
    }
}

pub(super) fn boot_array_is_raid1(plan: &Plan, found: &mut Found) {
    let boot = plan.boot.iter().map(|boot| (&boot.to, "the boot filesystem"));
    let hold = plan.hold.iter().map(|hold| (&hold.to, "the hold's own boot filesystem"));
    for (to, what) in boot.chain(hold) {
        for array in plan.arrays.iter().filter(|array| array.name == *to && *array.level != RaidLevel::Raid1) {
            found.push(
                Diagnostic::error(
                    codes::BOOT_LEVEL,
                    format!("array `{}` holds {what} and is {}", array.name, array.level.name()),
                )
                .on(&array.level, "must be raid1")
                .and(to, format!("{what} goes there"))
                .help("with raid1 every disk holds the whole of it, and the server boots from any that is left"),
            );
        }
    }
}

pub(super) fn things_without_use(plan: &Plan, found: &mut Found) {
    // What is misspelt somewhere seems to be of no use here.
    if found.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return;
    }
    for array in &plan.arrays {
        if !plan.stores().any(|to| *to == array.name) {
            let diagnostic =
                Diagnostic::warning(codes::UNUSED, format!("array `{}` is made and not used", array.name));
            found.push(
                diagnostic
                    .on(&array.name, "nothing goes there")
                    .help("name it in `boot`, `hold` or a volume group, or remove it"),
            );
        }
    }
    let alone: Vec<_> = plan.stores().filter_map(|to| alone(plan, to)).collect();
    let alone_or_member = |partition: &Partition| {
        alone.iter().any(|alone| alone.name == partition.name)
            || plan.arrays.iter().any(|array| array.partitions == partition.name)
    };
    for partition in &plan.partitions {
        if !alone_or_member(partition) {
            let diagnostic =
                Diagnostic::warning(codes::UNUSED, format!("partition `{}` is made and not used", partition.name));
            found
                .push(diagnostic.on(&partition.name, "nothing goes there").help("make an array of it, or remove it"));
        }
    }
    for disk in &plan.disks {
        let name = disk.name.as_str();
        let used = plan.arrays.iter().any(|array| members_of(plan, array).contains(&name))
            || alone.iter().any(|partition| disks_of(plan, partition).contains(&name));
        if !used {
            let diagnostic =
                Diagnostic::warning(codes::UNUSED, format!("disk `{}` would be wiped and not used", disk.name));
            found.push(
                diagnostic
                    .on(&disk.name, "nothing goes there")
                    .help("remove it from the plan, or add it to an array"),
            );
        }
    }
}
