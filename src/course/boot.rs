//! boot: the array belongs to new alone. The volumes get their names, the system its boot loader, and new boots from its
//! own disks with old's name, addresses and host keys.

use minijinja::context;

use super::book::{Book, Handle};
use super::connect::{Connected, backstore, tgt_conf_path};
use super::copy::hash_file;
use super::cutover::Off;
use super::loader;
use super::method;
use super::paths::LVMLOCAL;
use super::prepare::{self, Ready};
use super::text::{self, job, render};
use crate::host::Side::{Migrated, New};
use crate::layout::CLOUD_INIT_DISABLED;
use crate::layout::Layout;
use crate::plan::IscsiServer;
use crate::runbook::Stage;
use crate::step::{
    Active, ArrayStopped, File, Identity, Inactive, Job, LioGone, Mount, NoFile, OldIsOff, OwnBoot, SwapSpace,
    TgtGone, Unmounted, Volume,
};

pub struct Booted {
    pub up: Handle,
    /// it has been verified to be the same system
    pub same: Handle,
}

pub fn write(book: &mut Book, layout: &Layout, ready: &Ready, link: &Connected, old: &Off) -> Booted {
    book.stage(Stage::Boot);
    let root = format!("/run/replant/{}/root", layout.name);

    // ---- the arrays are new's ---------------------------------------------------------------------------------------
    let fenced =
        book.step("old-is-off", New, OldIsOff {}, &[&old.off], "asked of its power control, not taken from memory");
    let mut gone = fenced.clone();
    let devices: Vec<String> = layout.luns.iter().map(|lun| lun.on_new.clone()).collect();
    match layout.server {
        IscsiServer::Lio => {
            for lun in &layout.luns {
                gone = book.step(
                    format!("withdraw-{}", lun.name),
                    New,
                    LioGone {
                        iqn: lun.iqn.clone(),
                        name: backstore(layout, lun),
                        dir: layout.run.clone(),
                        device: lun.on_new.clone(),
                    },
                    &[&gone],
                    "nobody else may write to it any more",
                );
            }
        }
        _ => {
            let targets = layout.luns.iter().map(|lun| (lun.iqn.clone(), tgt_conf_path(layout, lun)));
            gone = book.step(
                "withdraw",
                New,
                TgtGone { targets: targets.collect(), stop: true, devices },
                &[&gone],
                "nobody else may write to new's disks any more",
            );
        }
    }
    for export in link.exports.iter().chain(&link.daemon) {
        book.until(export, &fenced);
    }
    let stores: Vec<String> = layout.groups.iter().map(|group| layout.stores[group.to].path.clone()).collect();
    let isolation = prepare::isolation(layout);
    let open = book.step(
        "open-lvm",
        New,
        File::instead(
            LVMLOCAL,
            Some(&isolation),
            render(text::LVM_OPEN, context! { name => &layout.name, stores => &stores }),
        ),
        &[&gone],
        "LVM on new may see what old has left to it now, and nothing else",
    );
    book.until(&ready.isolated, &open);

    // ---- names ------------------------------------------------------------------------------------------------------
    let mut named = open.clone();
    let mut volumes = Vec::new();
    for group in &layout.groups {
        named = method::adopt(book, group, &mut volumes, &named);
        for made in &group.recreated {
            named = book.step(
                format!("make-{}-{}", group.vg, made.lv),
                New,
                Volume { vg: group.vg.clone(), lv: made.lv.clone(), size: made.size },
                &[&named],
                "a swap needs no copying",
            );
            volumes.push(named.clone());
        }
        named = book.step(
            format!("activate-{}", group.vg),
            New,
            Active { vg: group.vg.clone(), lvs: group.volumes() },
            &[&named],
            "to check and mount what is on it",
        );
        volumes.push(named.clone());
        for made in &group.recreated {
            named = book.step(
                format!("mkswap-{}-{}", group.vg, made.lv),
                New,
                SwapSpace { device: crate::facts::lvm::mapper_path(&group.vg, &made.lv), uuid: made.uuid.clone() },
                &[&named],
                "with its old UUID, by which fstab or the initramfs may know it",
            );
            volumes.push(named.clone());
        }
    }

    // ---- sound ------------------------------------------------------------------------------------------------------
    let mut sound = named.clone();
    for group in &layout.groups {
        for copied in &group.copied {
            let Some(fstype) = copied.fstype.as_ref().filter(|fstype| fstype.starts_with("ext") || *fstype == "xfs")
            else {
                continue;
            };
            let device = crate::facts::lvm::mapper_path(&group.vg, &copied.lv);
            sound = book.step(
                format!("check-{}-{}", group.vg, copied.lv),
                New,
                job(
                    layout,
                    format!("check {}/{} ({fstype})", group.vg, copied.lv),
                    // names of results must differ: group `a-b` has `c`, and group `a` has `b-c`
                    format!("check-{}", crate::step::dm_name(&group.vg, &copied.lv)),
                    text::FSCK,
                    vec![fstype.clone(), device],
                ),
                &[&sound],
                "a file system that is not clean ends the migration here, and old is switched on again",
            );
        }
    }

    // ---- mounted ----------------------------------------------------------------------------------------------------
    let mut mounted = sound.clone();
    let mut mounts = Vec::new();
    let mut early: Vec<String> = Vec::new();
    let mut proof = None;
    for mount in &layout.mounts {
        let target = format!("{root}{}", mount.target.trim_end_matches('/'));
        let is_boot = layout.boot.as_ref().is_some_and(|boot| boot.target == mount.target);
        if is_boot {
            let hash = format!("{root}{}", hash_file(layout));
            // The hash travelled in old's file system, which is not mounted whole before this: only a check of its own
            // after everything above it.
            let var_first =
                layout.mounts.iter().filter(|other| hash_file(layout).starts_with(&format!("{}/", other.target)));
            for other in var_first {
                let other_target = format!("{root}{}", other.target);
                let handle = book.step(
                    format!("mount{}", other.target.replace('/', "-")),
                    New,
                    Mount { source: other.source.clone(), target: other_target, bind: false },
                    &[&mounted],
                    "the hash of old's boot file system is there",
                );
                mounted = handle.clone();
                mounts.push(handle);
                early.push(other.target.clone());
            }
            mounted = book.step(
                "prove-boot",
                New,
                Job {
                    check: true,
                    ..job(
                        layout,
                        format!("{} arrived byte for byte", mount.target),
                        "boot-proof",
                        text::BOOT_PROOF,
                        vec![mount.source.clone(), hash],
                    )
                },
                &[&mounted],
                "by the hash that travelled with the volumes",
            );
            proof = Some(mounted.clone());
        }
        if early.contains(&mount.target) {
            continue;
        }
        let name = if mount.target == "/" { "-root".into() } else { mount.target.replace('/', "-") };
        let handle = book.step(
            format!("mount{name}"),
            New,
            Mount { source: mount.source.clone(), target, bind: false },
            &[&mounted],
            "to make the system ready for its new disks",
        );
        if let Some(proof) = proof.take_if(|_| is_boot) {
            // mounting writes to it
            book.until(&proof, &handle);
        }
        mounted = handle.clone();
        mounts.push(handle);
    }
    for dir in loader::bound(layout) {
        mounted = book.step(
            format!("bind{}", dir.replace('/', "-")),
            New,
            Mount { source: dir.to_string(), target: format!("{root}{dir}"), bind: true },
            &[&mounted],
            "the boot loader's own tools run inside the migrated system",
        );
        mounts.push(mounted.clone());
    }

    // ---- bootable -----------------------------------------------------------------------------------------------------
    let mut fit = mounted.clone();
    let mut edits = Vec::new();
    let md_conf = layout.family.md.file;
    if let Some(was) = layout.files.get(md_conf) {
        let travelled = prepare::with_arrays(layout, was);
        fit = book.step(
            "mdadm-conf",
            New,
            File::instead(format!("{root}{md_conf}"), Some(&travelled), prepare::with_arrays_of_new(layout, was)),
            &[&fit],
            "old's arrays are not here",
        );
        edits.push(fit.clone());
    }
    const PERSISTENT_NET: &str = "/etc/udev/rules.d/70-persistent-net.rules";
    if let Some(was) = layout.files.get(PERSISTENT_NET) {
        let path = format!("{root}{PERSISTENT_NET}");
        fit = match layout.card.as_ref().filter(|card| card.by_rule) {
            Some(card) => book.step(
                "persistent-net",
                New,
                File::instead(path, Some(was), prepare::named(text::NETWORK_RULES, layout, card)),
                &[&fit],
                "it gives old's card its name, and is to give it to new's",
            ),
            None => book.step(
                "persistent-net",
                New,
                NoFile { path },
                &[&fit],
                "it binds names to the cards of the old machine",
            ),
        };
        edits.push(fit.clone());
    }
    if layout.cloud_init {
        fit = book.step(
            "no-cloud-init",
            New,
            File::new(
                format!("{root}{CLOUD_INIT_DISABLED}"),
                format!(
                    "# Written by replant for the migration {}: this is the same server as before.\n",
                    layout.name
                ),
            ),
            &[&fit],
            "it would take new for another server, and replace its host keys and the network's configuration",
        );
        edits.push(fit.clone());
    }
    for disk in &layout.disks {
        fit = loader::install(book, layout, &root, disk, &fit);
    }

    // ---- away ---------------------------------------------------------------------------------------------------------
    let mut closed = book.step(
        "unmount",
        New,
        Unmounted { target: root.clone() },
        &[&fit],
        "flushed and clean, as after a proper shutdown",
    );
    for mount in mounts.iter().chain(&edits) {
        book.until(mount, &closed);
    }
    let mut first_closed = None;
    for group in &layout.groups {
        closed = book.step(
            format!("close-{}", group.vg),
            New,
            Inactive { vg: group.vg.clone(), lvs: group.volumes() },
            &[&closed],
            "nothing may hold the arrays",
        );
        first_closed.get_or_insert(closed.clone());
    }
    if let Some(end) = &first_closed {
        for volume in &volumes {
            book.until(volume, end);
        }
    }
    for ((store, array), handle) in layout.arrays().zip(&ready.stores) {
        closed = book.step(
            format!("stop-{}", store.name),
            New,
            ArrayStopped { device: array.device.clone(), uuid: array.uuid.clone() },
            &[&closed],
            "stopped cleanly, its members agree at the next boot",
        );
        book.until(handle, &closed);
    }

    // ---- up -----------------------------------------------------------------------------------------------------------
    let up = book.step(
        "own-boot",
        New,
        OwnBoot { serials: layout.disks.iter().flat_map(|disk| disk.serials.iter().cloned()).collect() },
        &[&closed, &fenced],
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
pub fn identity(layout: &Layout) -> Identity {
    let lasting = &layout.lasting;
    Identity {
        hostname: lasting.hostname.clone().unwrap_or_default(),
        addresses: lasting.addresses.clone(),
        mounts: lasting.mounts.clone(),
        units: lasting.units.clone(),
        alone: true,
    }
}
