//! boot: the array belongs to new alone. The volumes get their names, the system its boot loader, and new boots from its
//! own disks with old's name, addresses and host keys.

mod away;
mod fit;
mod mounts;
mod names;

pub(super) use away::stop_arrays;
pub(super) use fit::persistent_names;
use minijinja::context;

use super::book::{Book, Handle};
use super::connect::{Connected, backstore, tgt_conf_path};
use super::cutover::Off;
use super::method;
use super::paths::LVMLOCAL;
use super::prepare;
use super::ready::Ready;
use super::text::{self, render};
use crate::facts::lvm::mapper_path;
use crate::host::Side::{Migrated, New};
use crate::layout::{Layout, Lun};
use crate::plan::IscsiServer;
use crate::runbook::Stage;
use crate::step::{File, FsCheck, Identity, LioGone, OldIsOff, OwnBoot, TgtGone, dm_name};

pub(super) struct Booted {
    pub up: Handle,
    /// it has been verified to be the same system
    pub same: Handle,
}

/// From its rescue system.
pub(super) fn from_rescue(book: &mut Book, layout: &Layout, ready: &Ready, link: &Connected, old: &Off) -> Booted {
    let root = format!("/run/replant/{}/root", layout.name);
    let fenced = begin(book, old);
    let withdrawn = withdraw(book, layout, link, &fenced);
    let opened = open_lvm(book, layout, ready, &withdrawn).map_or(withdrawn, |open| vec![open]);
    let named = names::write(book, layout, opened);
    let sound = check(book, layout, named.last);
    let mounted = mounts::write(book, layout, &root, sound);
    let fit = fit::write(book, layout, &root, mounted.all.last().expect("a system has a root"));
    let unmounted = away::unmount(book, &root, mounted.all.iter().chain(&fit.edits), &fit.last);
    let volumes: Vec<Handle> = ready.volumes.iter().chain(&named.volumes).cloned().collect();
    let closed = away::close(book, layout, &volumes, &unmounted);
    let stopped = stop_arrays(book, layout, &ready.stores, &closed).pop().unwrap_or(closed);
    come_up(book, layout, old, &[&stopped, &fenced])
}

/// Nothing is done on new before this.
pub(super) fn begin(book: &mut Book, old: &Off) -> Handle {
    book.stage(Stage::Boot);
    book.step("old-is-off", New, OldIsOff {}, &[&old.off], "asked of its power control, not taken from memory")
}

/// New offers its disks to nobody any more.
fn withdraw(book: &mut Book, layout: &Layout, link: &Connected, fenced: &Handle) -> Vec<Handle> {
    for export in link.exports.iter().chain(&link.daemon) {
        book.until(export, fenced);
    }
    withdraw_all(book, layout, &layout.luns.iter().collect::<Vec<_>>(), fenced)
}

/// They are offered by one server.
pub(super) fn withdraw_all(book: &mut Book, layout: &Layout, luns: &[&Lun], after: &Handle) -> Vec<Handle> {
    let targets: Vec<_> = luns.iter().map(|lun| (lun.iqn.clone(), tgt_conf_path(layout, lun))).collect();
    match luns.first().map(|lun| lun.server) {
        Some(IscsiServer::Tgt) => {
            let devices = luns.iter().map(|lun| lun.on_new.clone()).collect();
            let gone = TgtGone { targets, stop: true, devices };
            vec![book.step("withdraw", New, gone, &[after], "nobody else may write to new's disks any more")]
        }
        _ => withdraw_from_lio(book, layout, luns, after),
    }
}

fn withdraw_from_lio(book: &mut Book, layout: &Layout, luns: &[&Lun], after: &Handle) -> Vec<Handle> {
    let gone = |lun: &&Lun| LioGone {
        iqn: lun.iqn.clone(),
        name: backstore(layout, lun),
        dir: layout.run.clone(),
        device: lun.on_new.clone(),
    };
    let why = "nobody else may write to it any more";
    luns.iter().map(|lun| book.step(format!("withdraw-{}", lun.name), New, gone(lun), &[after], why)).collect()
}

fn open_lvm(book: &mut Book, layout: &Layout, ready: &Ready, after: &[Handle]) -> Option<Handle> {
    if !layout.groups.iter().any(method::shared) {
        return None;
    }
    let stores: Vec<String> = layout.groups.iter().map(|group| layout.stores[group.to].path.clone()).collect();
    let isolation = prepare::isolation(layout);
    let opened = render(text::LVM_OPEN, context! { name => &layout.name, stores => &stores });
    let open = book.step(
        "open-lvm",
        New,
        File::instead(LVMLOCAL, Some(&isolation), opened),
        &after.iter().collect::<Vec<_>>(),
        "LVM on new may see what old has left to it now, and nothing else",
    );
    book.until(&ready.isolated, &open);
    Some(open)
}

/// The file systems that came over: before anything is written to one of them.
fn check(book: &mut Book, layout: &Layout, after: Vec<Handle>) -> Vec<Handle> {
    let named: Vec<&Handle> = after.iter().collect();
    let mut sound = Vec::new();
    for group in &layout.groups {
        for copied in &group.copied {
            let Some(fstype) = copied.fstype.as_ref().filter(|fstype| fstype.starts_with("ext") || *fstype == "xfs")
            else {
                continue;
            };
            sound.push(book.step(
                format!("check-{}-{}", group.vg, copied.lv),
                New,
                FsCheck {
                    volume: format!("{}/{}", group.vg, copied.lv),
                    fstype: fstype.clone(),
                    device: mapper_path(&group.vg, &copied.lv),
                    script: text::FSCK.into(),
                    dir: layout.run.clone(),
                    // names of results must differ: group `a-b` has `c`, and group `a` has `b-c`
                    name: format!("check-{}", dm_name(&group.vg, &copied.lv)),
                },
                &named,
                "a file system that is not clean ends the migration here, and old is switched on again",
            ));
        }
    }
    if sound.is_empty() { after } else { sound }
}

pub(super) fn come_up(book: &mut Book, layout: &Layout, old: &Off, after: &[&Handle]) -> Booted {
    let up = book.step(
        "own-boot",
        New,
        OwnBoot {
            serials: layout.disks.iter().flat_map(|disk| disk.serials.iter().cloned()).collect(),
            held: layout.start.release(layout.groups.iter().map(|group| group.vg.as_str())),
        },
        after,
        "it must show old's host key at old's address, and have new's disks",
    );
    let same = book.step(
        "same-system",
        Migrated,
        identity(layout),
        &[&up],
        "downtime ends: it is the same system, and it serves",
    );
    // Not only until the switching has begun: it may be interrupted before new boots, and old come back then.
    book.until(&old.quiet, &same);
    Booted { up, same }
}

/// What must hold of the migrated system.
pub(super) fn identity(layout: &Layout) -> Identity {
    let lasting = &layout.lasting;
    Identity {
        hostname: lasting.hostname.clone().unwrap_or_default(),
        addresses: lasting.addresses.clone(),
        mounts: lasting.mounts.clone(),
        units: lasting.units.clone(),
        alone: true,
    }
}
