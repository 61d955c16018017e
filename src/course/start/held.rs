//! Held: from rescue new gets old's `/boot`, a boot loader and an initramfs of its own, and boots from its own disks. There it
//! waits, with one address and sshd(8), and offers its volumes; at the cutover it goes on. Whatever is risky has happened
//! before a byte of a volume is copied, and nothing that old boots with is touched.

use std::collections::BTreeMap;

use minijinja::context;

use crate::course::book::{Book, Handle};
use crate::course::boot::{self, Booted};
use crate::course::connect::{self, Connected};
use crate::course::copy;
use crate::course::cutover::{self, Off};
use crate::course::loader;
use crate::course::prepare;
use crate::course::ready::{Ready, Rescued};
use crate::course::text::{self, job, render};
use crate::host::Side::{Migrated, New, Old};
use crate::host::{Text, secret_place};
use crate::layout::{Card, Hold, Layout, Lun, OwnPlace};
use crate::step::{Active, File, HoldImage, Inactive, IntoHold, Job};

/// The names of secrets: the host key by which the hold is known, and the key that it lets in.
pub(crate) const HOST_KEY: &str = "hold-host-key";
pub(crate) const CLIENT: &str = "hold-client-public";

/// What old's tools leave where new first boots from, for a moment.
const TOOLS: &str = "replant-loader.tar.gz";

pub(super) fn prepare(book: &mut Book, layout: &Layout, held: &Hold, made: Rescued) -> Ready {
    let card = prepare::keep_card_name(book, layout).expect("a hold has a card");
    let initiator = prepare::start_initiator(book, layout, &card);
    let timers = copy::hold_timers(book, layout, &initiator);
    let images = build_images(book, layout, held, &card);
    let tools = pack_tools(book, layout, &card);
    let shy = connect::keep_links(book, &initiator);
    let Filled { login, copied, put } = fill_boot(
        book,
        layout,
        held,
        &made,
        &Filling { initiator: &initiator, shy: &shy, timers: &timers, images: &images, tools: &tools },
    );
    let closed = close(book, layout, &made, &put);
    let last = closed.last().expect("arrays and groups are closed");
    let into = book.step(
        "into-hold",
        New,
        IntoHold {},
        &[last],
        "firmware, boot loader, kernel, drivers and the card's name are proven before anything is copied",
    );
    for early in put.iter().chain(&made.named).chain(&closed).chain([&made.isolated]) {
        book.until(early, &into);
    }
    let throttled = prepare::throttle_resync(book, layout, &[&into]);
    let own = layout.groups.iter().map(|group| {
        let active = Active { vg: group.vg.clone(), lvs: group.volumes() };
        Some(book.step(format!("held-{}", group.vg), New, active, &[&into], "it came up with new's own initramfs"))
    });
    let own = own.collect();
    Ready {
        isolated: into,
        stores: made.stores,
        own,
        volumes: Vec::new(),
        throttled,
        initiator,
        portable: card,
        shy: Some(shy),
        boot_login: Some(login),
        timers,
        boot: copied,
    }
}

/// For each kernel that the boot menu may choose.
fn build_images(book: &mut Book, layout: &Layout, held: &Hold, after: &Handle) -> Vec<Handle> {
    let mut built: Vec<Handle> = Vec::new();
    for kernel in kernels(layout, held) {
        let drivers = drivers(layout, held).map(|module| format!("/{module}.ko"));
        let image = HoldImage {
            kernel: kernel.clone(),
            file: image_file(layout, kernel),
            from: format!("{}/hold-{kernel}", layout.run),
            work: format!("/var/tmp/replant-{}", layout.name),
            files: files(layout, held),
            must_have: drivers.collect(),
            builder: layout.builder,
        };
        built.push(book.step(
            format!("hold-image-{kernel}"),
            Old,
            image,
            &[built.last().unwrap_or(after)],
            "built while old serves, from a copy of its configuration: what old boots with stays as it is",
        ));
    }
    built
}

/// Those that new may boot with: on a place of its own, the hold has a menu of its own.
fn kernels<'a>(layout: &'a Layout, held: &'a Hold) -> &'a [String] {
    held.place.as_ref().map_or(&layout.kernels, |place| std::slice::from_ref(&place.kernel))
}

/// Of new's disks, of its arrays, and of the card by which it is reached while it waits.
fn drivers<'a>(layout: &'a Layout, held: &'a Hold) -> impl Iterator<Item = &'a String> {
    let more = held.drivers.iter().filter(|module| !layout.modules.contains(module));
    layout.modules.iter().chain(more)
}

fn image_file(layout: &Layout, kernel: &str) -> String {
    format!("{}/hold-{kernel}.img", layout.run)
}

/// What the hold is made of, by the names that the builder's script knows.
fn files(layout: &Layout, held: &Hold) -> BTreeMap<String, Text> {
    let scripts = layout.builder.scripts().hold;
    let stores: Vec<String> = layout.groups.iter().map(|group| layout.stores[group.to].path.clone()).collect();
    let groups: Vec<String> = layout.groups.iter().map(|group| group.vg.clone()).collect();
    let arrays: Vec<_> =
        layout.arrays().map(|(_, array)| context! { name => &array.md_name, uuid => &array.uuid }).collect();
    let values = context! {
        name => &layout.name, tag => &held.tag, groups => &groups, stores => &stores, arrays => &arrays,
        machines => &held.machines, mac => &held.mac, old_macs => &held.old_macs, address => &held.address,
        ip => held.address.split('/').next(), gateway => &held.gateway, takes => &held.takes,
    };
    let modules: String = drivers(layout, held).map(|module| format!("{module}\n")).collect();
    let mut files = BTreeMap::from([
        ("hook.sh".to_string(), Text::new(scripts.hook)),
        ("local-top.sh".to_string(), Text::new(render(scripts.wait, values.clone()))),
        ("sshd_config".to_string(), Text::new(render(scripts.sshd, values.clone()))),
        ("arrays.conf".to_string(), Text::new(render(scripts.md, values.clone()))),
        ("lvm.conf".to_string(), Text::new(render(scripts.lvm, values))),
        ("modules".to_string(), Text::new(modules)),
        ("host_key".to_string(), Text::new(secret_place(HOST_KEY))),
        ("authorized_keys".to_string(), Text::new(secret_place(CLIENT) + "\n")),
    ]);
    if let Some(card @ Card { links, .. }) = &layout.card {
        let (name, template) =
            if *links { ("network.link", text::NETWORK_LINK) } else { ("network.rules", text::NETWORK_RULES) };
        files.insert(name.to_string(), Text::new(prepare::named(template, layout, card)));
    }
    files
}

fn pack_tools(book: &mut Book, layout: &Layout, after: &Handle) -> Handle {
    let script = layout.family.scripts().loader_tools;
    let step = job(layout, "pack old's boot loader with its tools", "loader-tools", script, vec![tools_file(layout)]);
    book.step("loader-tools", Old, step, &[after], "new's rescue system may have none, or others")
}

fn tools_file(layout: &Layout) -> String {
    format!("{}/{TOOLS}", layout.run)
}

struct Filling<'a> {
    initiator: &'a Handle,
    shy: &'a Handle,
    timers: &'a Option<Handle>,
    images: &'a [Handle],
    tools: &'a Handle,
}

/// What new first boots from is written.
struct Filled {
    login: Handle,
    /// the copy of old's boot file system
    copied: Option<Handle>,
    /// what is over when new has booted; the boot loader is the last
    put: Vec<Handle>,
}

/// What new first boots from: old's boot file system, or a place of the hold's own; with the boot loader on each disk and the
/// initramfs in which new waits.
fn fill_boot(book: &mut Book, layout: &Layout, held: &Hold, made: &Rescued, with: &Filling) -> Filled {
    let (_, lun) = layout.boots_from().expect("a hold boots from somewhere");
    let daemon = connect::serve(book, layout, &[lun], &made.isolated);
    let mut after = vec![&made.stores[lun.store], &made.isolated];
    after.extend(&daemon);
    let export = connect::offer(book, layout, lun, &after);
    let login = connect::login(book, layout, lun, with.initiator, with.shy, std::slice::from_ref(&export));
    let before: Vec<&Handle> = [&login].into_iter().chain(with.timers).collect();
    let copied = layout.boot.as_ref().map(|boot| copy::copy_boot(book, layout, boot, &before));
    let first = copied.clone().or_else(|| Some(make_place(book, layout, held.place.as_ref()?, lun, &login)));
    let mut put: Vec<Handle> = first.into_iter().collect();
    let tools = put_file(book, layout, "boot-tools", TOOLS, &tools_file(layout), &[&put[0], with.tools]);
    put.push(tools);
    let name = layout.builder.image.rsplit('/').next().unwrap_or_default();
    for (kernel, image) in kernels(layout, held).iter().zip(with.images) {
        let last = put.last().expect("the tools are there").clone();
        let id = format!("boot-image-{kernel}");
        let placed =
            put_file(book, layout, &id, &format!("{name}{kernel}"), &image_file(layout, kernel), &[&last, image]);
        put.push(placed);
    }
    if let Some(place) = &held.place {
        let image = format!("{name}{}", place.kernel);
        put.extend(put_menu(book, layout, place, &image, put.last().expect("the image is there")));
    }
    let last = put.last().expect("the tools are there").clone();
    let logout = cutover::log_out(book, layout, lun, &login, &[last]);
    // It is on new's disk, and from here on nobody on old could write it again; until then a boot of old forgets that it was
    // written, and what was.
    for over in put.drain(..).chain([with.tools.clone()]).chain(with.images.iter().cloned()) {
        book.until(&over, &logout);
    }
    let withdrawn = boot::withdraw_all(book, layout, &[lun], &logout);
    let withdrawn = withdrawn.first().expect("one disk is offered").clone();
    for over in [&export].into_iter().chain(&daemon) {
        book.until(over, &withdrawn);
    }
    let installed = loader::install_by_tools(book, layout, TOOLS, &withdrawn);
    Filled { login, copied, put: vec![withdrawn, installed] }
}

/// A file system for what old's `/boot` would have, were it one.
fn make_place(book: &mut Book, layout: &Layout, place: &OwnPlace, lun: &Lun, login: &Handle) -> Handle {
    let args = vec![lun.on_old.clone(), place.uuid.clone()];
    let step = job(layout, "file system from which new boots into its hold", "hold-place", text::HOLD_PLACE, args);
    book.step("hold-place", Old, step, &[login], "old's `/boot` is on new only when all is copied")
}

/// The kernel and a menu of the hold's own.
fn put_menu(book: &mut Book, layout: &Layout, place: &OwnPlace, image: &str, after: &Handle) -> Vec<Handle> {
    let path = format!("{}{}", layout.family.menu.kernel, place.kernel);
    let kernel = path.rsplit('/').next().unwrap_or_default();
    let id = format!("boot-kernel-{}", place.kernel);
    let put = put_file(book, layout, &id, kernel, &path, &[after]);
    let (name, text) = loader::menu(layout, place, kernel, image);
    let file = format!("{}/hold-menu.cfg", layout.run);
    let why = "old's own menu means old's own `/boot`";
    let written = book.step("hold-menu", Old, File::new(&file, text), &[&put], why);
    let menu = put_file(book, layout, "boot-menu", name, &file, &[&written]);
    vec![put, written, menu]
}

/// A file of old's to where new first boots from.
fn put_file(book: &mut Book, layout: &Layout, id: &str, name: &str, file: &str, after: &[&Handle]) -> Handle {
    let (_, lun) = layout.boots_from().expect("a hold boots from somewhere");
    let dir = format!("/run/replant/{}/boot-of-new", layout.name);
    let args = vec![lun.on_old.clone(), dir, name.to_string(), file.to_string()];
    let onto = layout.boot.as_ref().map_or("the hold's place".into(), |boot| format!("new's {}", boot.target));
    let step: Job = job(layout, format!("{name} onto {onto}"), id, text::BOOT_PUT, args);
    book.step(id, Old, step, after, "new boots with it, and old does not")
}

/// As for a shutdown: new finds its disks as after one.
fn close(book: &mut Book, layout: &Layout, made: &Rescued, put: &[Handle]) -> Vec<Handle> {
    let mut last = put.last().expect("the boot loader is there").clone();
    let mut closed = Vec::new();
    for group in &layout.groups {
        last = book.step(
            format!("close-{}", group.vg),
            New,
            Inactive { vg: group.vg.clone(), lvs: group.volumes() },
            &[[&last].as_slice(), &made.volumes.iter().collect::<Vec<_>>()].concat(),
            "nothing may hold the arrays",
        );
        closed.push(last.clone());
    }
    for volume in &made.volumes {
        book.until(volume, &closed[0]);
    }
    closed.extend(boot::stop_arrays(book, layout, &made.stores, &last));
    closed
}

pub(super) fn go_on(book: &mut Book, layout: &Layout, link: &Connected, old: &Off) -> Booted {
    let fenced = &boot::begin(book, old);
    let luns: Vec<_> = layout.luns.iter().filter(|lun| lun.group.is_some()).collect();
    for export in &link.exports {
        book.until(export, fenced);
    }
    let withdrawn = boot::withdraw_all(book, layout, &luns, &old.off);
    let after: Vec<&Handle> = withdrawn.iter().chain([fenced]).collect();
    boot::come_up(book, layout, old, &after)
}

/// What the system is told of its new disks when it runs on them.
pub(super) fn settle(book: &mut Book, layout: &Layout, after: &Handle) -> Handle {
    let mut last = after.clone();
    let path = layout.family.md.file;
    if let Some(was) = layout.files.get(path) {
        let step = File::instead(path, Some(was), prepare::with_arrays_of_new(layout, was));
        last = book.step("mdadm-conf", Migrated, step, &[&last], "old's arrays are not here");
    }
    if let Some((step, why)) = boot::persistent_names(layout, "") {
        last = book.step("persistent-net", Migrated, step, &[&last], why);
    }
    let drivers = prepare::with_modules(layout);
    book.step("drivers", Migrated, drivers, &[&last], "the drivers of new's disks and the levels of its arrays")
}

/// Where the hold had a place of its own: the system's own boot loader takes over on each disk, whose menu and initramfs were
/// made before. Until the last of them is done a disk boots by either.
pub(super) fn take_over(book: &mut Book, layout: &Layout, held: &Hold, finished: &Handle) -> Vec<Handle> {
    let Some(place) = &held.place else { return Vec::new() };
    let mut all: Vec<Handle> = Vec::new();
    for disk in &layout.disks {
        let last = all.last().unwrap_or(finished).clone();
        all.push(loader::install(book, layout, (Migrated, "/"), disk, &last));
    }
    let device = layout.stores[place.to].path.clone();
    let args = vec![device, place.uuid.clone(), format!("/run/replant/{}/hold-place", layout.name)];
    let empty = job(layout, "empty the hold's place", "hold-empty", text::HOLD_EMPTY, args);
    let last = all.last().unwrap_or(finished).clone();
    all.push(book.step(
        "hold-empty",
        Migrated,
        empty,
        &[&last],
        "nothing boots from it any more, and the hold's private key is in it",
    ));
    all
}
