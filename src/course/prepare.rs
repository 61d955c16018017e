//! prepare: arrays on new, and old made fit for what is coming. Nothing of this is noticed by those whom old serves.

use minijinja::context;

use super::book::{Book, Handle};
use super::method;
use super::paths::{LINK, LVMLOCAL, RULES};
use super::ready::{Ready, Rescued};
use super::text::{self, render};
use crate::facts::mdadm_conf::{self, Entry};
use crate::host::Side::{New, Old};
use crate::layout::{self, Card, Disk, Layout, Made, Store};
use crate::plan::Table;
use crate::runbook::Stage;
use crate::step::{Array, Assembled, File, Hostname, Initramfs, Packages, PartitionTable, Service, Tunable, Wiped};

/// Nothing of this is noticed by those whom old serves.
pub(super) fn on_new(book: &mut Book, layout: &Layout) -> Rescued {
    book.stage(Stage::Prepare);
    let named = name_for_arrays(book, layout);
    let isolated = isolate_lvm(book, layout);
    let tables = partition(book, layout, &isolated);
    let stores = make_stores(book, layout, &tables, named.as_ref());
    // the copy does not begin in rescue where new boots first
    let throttled = if layout.start.is_first() {
        None
    } else {
        throttle_resync(book, layout, &stores.iter().collect::<Vec<_>>())
    };
    let mut volumes = Vec::new();
    let mut own = Vec::new();
    for group in &layout.groups {
        own.push(method::own(book, layout, group, &mut volumes, &[&stores[group.to], &isolated]));
    }
    Rescued { isolated, named, stores, own, volumes, throttled }
}

/// Old is made fit for what is coming, and new stays in rescue.
pub(super) fn on_old(book: &mut Book, layout: &Layout, made: Rescued) -> Ready {
    let fit = make_fit(book, layout);
    let portable = build_initramfs(book, layout, &fit);
    let initiator = start_initiator(book, layout, &portable);
    let Rescued { isolated, stores, own, volumes, throttled, .. } = made;
    Ready {
        isolated,
        stores,
        own,
        volumes,
        throttled,
        initiator,
        portable,
        shy: None,
        boot_login: None,
        timers: None,
        boot: None,
    }
}

fn has_arrays(layout: &Layout) -> bool {
    layout.arrays().next().is_some()
}

fn name_for_arrays(book: &mut Book, layout: &Layout) -> Option<Handle> {
    has_arrays(layout).then(|| {
        book.step(
            "hostname",
            New,
            Hostname { name: layout.hostname.clone(), was: layout.rescue_hostname.clone() },
            &[],
            "md writes the hostname into the arrays it makes, and knows them as its own by it",
        )
    })
}

fn isolate_lvm(book: &mut Book, layout: &Layout) -> Handle {
    book.step(
        "isolate-lvm",
        New,
        File::instead(LVMLOCAL, layout.new_lvmlocal.as_ref(), isolation(layout)),
        &[],
        "new must not look at the volume group while old uses it",
    )
}

/// A table on each of new's disks, in their order.
fn partition(book: &mut Book, layout: &Layout, isolated: &Handle) -> Vec<Handle> {
    let mut tables = Vec::new();
    for disk in &layout.disks {
        let wiped = disk.has.as_ref().map(|has| wipe(book, disk, has, isolated));
        let table = book.step(
            format!("table-{}", disk.name),
            New,
            PartitionTable {
                disk: disk.by_id.clone(),
                label: disk.label.clone(),
                kind: if layout.table == Table::Gpt { "gpt".into() } else { "dos".into() },
                id: disk.table_id.clone(),
                partitions: disk.partitions.clone(),
            },
            &[wiped.as_ref().unwrap_or(isolated)],
            "the same partitions on every disk, each with identifiers of its own",
        );
        if let Some(wiped) = wiped {
            book.until(&wiped, &table);
        }
        tables.push(table);
    }
    tables
}

fn wipe(book: &mut Book, disk: &Disk, has: &str, isolated: &Handle) -> Handle {
    book.step(
        format!("wipe-{}", disk.name),
        New,
        Wiped {
            disk: disk.by_id.clone(),
            label: disk.label.clone(),
            has: has.to_string(),
            partitions: disk.parts_now.clone(),
            arrays: disk.arrays_now.clone(),
        },
        &[isolated],
        "the plan says that what is on it may go",
    )
}

/// What takes data on new, in the order of the layout's stores: arrays that run, and partitions.
fn make_stores(book: &mut Book, layout: &Layout, tables: &[Handle], named: Option<&Handle>) -> Vec<Handle> {
    let mut stores = Vec::new();
    for store in &layout.stores {
        stores.push(match &store.made {
            Made::Array(array) => {
                let after: Vec<&Handle> = tables.iter().chain(named).collect();
                make_array(book, layout, store, array, &after)
            }
            Made::Partition(disk) => tables[*disk].clone(),
        });
    }
    stores
}

fn make_array(book: &mut Book, layout: &Layout, store: &Store, array: &layout::Array, after: &[&Handle]) -> Handle {
    let has_boot = layout.boots_from().is_some_and(|(boot, _)| boot.name == store.name);
    let made = book.step(
        format!("array-{}", store.name),
        New,
        Array {
            device: array.device.clone(),
            uuid: array.uuid.clone(),
            name: array.md_name.clone(),
            homehost: layout.hostname.clone(),
            level: array.level.clone(),
            metadata: array.metadata.clone(),
            assume_clean: array.assume_clean,
            bitmap: array.level != "raid0" && !has_boot,
            members: array.members.clone(),
            member_size: array.member_size,
        },
        after,
        "its UUID was decided with this runbook, so that old's configuration can name it before it exists",
    );
    book.step(
        format!("assemble-{}", store.name),
        New,
        Assembled { device: array.device.clone(), uuid: array.uuid.clone(), members: array.members.clone() },
        &[&made],
        "it runs already when it was just made; after a reboot of the rescue system it must be assembled",
    )
}

pub(super) fn throttle_resync(book: &mut Book, layout: &Layout, after: &[&Handle]) -> Option<Handle> {
    has_arrays(layout).then(|| {
        book.step(
            "throttle-resync",
            New,
            Tunable {
                path: "/proc/sys/dev/raid/speed_limit_max".into(),
                value: layout.resync_limit.to_string(),
                was: "200000".into(),
            },
            after,
            "the first resync of the arrays would compete with the copy; it ends later by itself",
        )
    })
}

/// What old's configuration must say before its initramfs is built.
struct Fit {
    files: Vec<Handle>,
    /// paths that the initramfs must have
    must_have: Vec<String>,
}

fn make_fit(book: &mut Book, layout: &Layout) -> Fit {
    let mut files = Vec::new();
    files.extend(know_arrays(book, layout));
    files.extend(keep_card_name(book, layout));
    files.push(book.step(
        "drivers",
        Old,
        with_modules(layout),
        &[],
        "the drivers of new's disks and the levels of its arrays",
    ));
    let of_method = method::fit(book, layout);
    let drivers = layout.modules.iter().map(|module| format!("/{module}.ko"));
    let must_have = of_method.iter().map(|(_, path)| path.clone()).chain(drivers).collect();
    files.extend(of_method.into_iter().map(|(file, _)| file));
    Fit { files, must_have }
}

fn know_arrays(book: &mut Book, layout: &Layout) -> Option<Handle> {
    let path = layout.family.md.file;
    let was = layout.files.get(path).filter(|_| has_arrays(layout))?;
    Some(book.step(
        "know-arrays",
        Old,
        File::instead(path, Some(was), with_arrays(layout, was)),
        &[],
        "the initramfs must know the arrays of both servers",
    ))
}

pub(super) fn keep_card_name(book: &mut Book, layout: &Layout) -> Option<Handle> {
    let card = layout.card.as_ref()?;
    let (path, template) = if card.links { (LINK, text::NETWORK_LINK) } else { (RULES, text::NETWORK_RULES) };
    Some(book.step(
        "keep-card-name",
        Old,
        File::new(path, named(template, layout, card)),
        &[],
        "new's network card gets the name that the configuration knows; on old it matches nothing",
    ))
}

/// One for each kernel, one after the other.
fn build_initramfs(book: &mut Book, layout: &Layout, fit: &Fit) -> Handle {
    let mut portable = fit.files[0].clone();
    for kernel in &layout.kernels {
        let after: Vec<&Handle> = fit.files.iter().chain([&portable]).collect();
        let must_have = fit.must_have.clone();
        portable = book.step(
            format!("initramfs-{kernel}"),
            Old,
            Initramfs {
                kernel: kernel.clone(),
                keep: layout.keep.clone(),
                dir: layout.run.clone(),
                must_have,
                builder: layout.builder,
            },
            &after,
            "built now, while old serves, so that nothing has to be built while services are down",
        );
    }
    portable
}

pub(super) fn start_initiator(book: &mut Book, layout: &Layout, portable: &Handle) -> Handle {
    let installed = (!layout.packages.is_empty()).then(|| {
        book.step(
            "install-initiator",
            Old,
            Packages { packages: layout.packages.clone(), dir: layout.run.clone(), family: layout.family },
            &[portable],
            "old must be able to log in to new's disks",
        )
    });
    book.step(
        "start-iscsid",
        Old,
        Service { units: vec!["iscsid.service".into()], run: true, in_order: false, record: String::new() },
        &[installed.as_ref().unwrap_or(portable)],
        "it keeps the sessions, and ends them when the link is dead for too long",
    )
}

/// A file that gives new's card the name of old's.
pub(super) fn named(template: &str, layout: &Layout, card: &Card) -> String {
    render(template, context! { name => &layout.name, card => &card.name, mac => &card.mac })
}

pub(crate) fn isolation(layout: &Layout) -> String {
    let own = layout.groups.iter().filter(|group| !method::shared(group));
    let stores: Vec<String> = own.map(|group| layout.stores[group.to].path.clone()).collect();
    render(text::LVM_ISOLATED, context! { name => &layout.name, stores => &stores })
}

/// An ARRAY line of mdadm.conf(5) for each array of new.
pub(crate) fn array_lines(layout: &Layout) -> String {
    let line = |array: &layout::Array| {
        format!(
            "ARRAY /dev/md/{} metadata={} UUID={} name={}:{}\n",
            array.md_name, array.metadata, array.uuid, layout.hostname, array.md_name
        )
    };
    layout.arrays().map(|(_, array)| line(array)).collect()
}

/// mdadm.conf with new's arrays beside old's, where new has any.
pub(crate) fn with_arrays(layout: &Layout, was: &str) -> String {
    if layout.arrays().next().is_none() {
        return was.to_string();
    }
    // what names an array by less than its UUID may mean one of new's as well, and mdadm(8) then takes neither
    let vague = mdadm_conf::entries(was).iter().any(Entry::is_vague);
    let old: String = layout.old_arrays.iter().filter(|_| vague).map(|line| format!("{line}\n")).collect();
    format!(
        "{}\n{old}# replant: the arrays of the new server, in the migration {}\n{}",
        open(was, Entry::is_vague).trim_end(),
        layout.name,
        array_lines(layout)
    )
}

/// mdadm.conf without some entries, and with all disks looked at: a list of old's would hide new's.
fn open(was: &str, goes: impl Fn(&Entry) -> bool) -> String {
    let narrow = is_narrow(was);
    let kept = mdadm_conf::without(was, |entry| goes(entry) || (narrow && entry.narrows()));
    format!("{}{kept}", if narrow { "DEVICE partitions containers\n" } else { "" })
}

/// Its lists of devices leave some out.
fn is_narrow(conf: &str) -> bool {
    let entries = mdadm_conf::entries(conf);
    let mut lists = entries.iter().filter(|entry| entry.keyword == "devices").peekable();
    lists.peek().is_some() && lists.all(Entry::narrows)
}

/// mdadm.conf with new's arrays only.
pub(crate) fn with_arrays_of_new(layout: &Layout, was: &str) -> String {
    let kept = open(was, |entry| entry.keyword == "array");
    format!("{}\n{}", kept.trim_end(), array_lines(layout))
}

/// The list of modules for the initramfs, with those of new.
pub(super) fn with_modules(layout: &Layout) -> File {
    let path = layout.builder.modules;
    let there = layout.files.get(path);
    let was = there.map(String::as_str).unwrap_or_default();
    let have: Vec<&str> = was.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let mut text = was.trim_end().to_string();
    text += &format!("\n# replant: for the disks and arrays of the new server, in the migration {}\n", layout.name);
    for module in layout.modules.iter().filter(|module| !have.contains(&module.as_str())) {
        text += module;
        text.push('\n');
    }
    File::instead(path, there, text.trim_start())
}
