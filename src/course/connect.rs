//! connect: new offers its arrays, old logs in. The disks are proven to be the right ones before anything is written.

use minijinja::context;

use super::book::{Book, Handle};
use super::layout::{Array, Layout};
use super::prepare::Ready;
use super::text::{self, render};
use crate::host::Side::{New, Old};
use crate::host::{Text, secret_place};
use crate::plan::IscsiServer;
use crate::runbook::Stage;
use crate::step::{Daemon, File, IscsiNode, LioExport, Login, TgtExport};

pub struct Link {
    pub daemon: Option<Handle>,
    pub exports: Vec<Handle>,
    /// in the order of the layout's arrays; arrays that nothing is copied to have none
    pub logins: Vec<Option<Handle>>,
}

/// The arrays that old needs.
pub fn offered(layout: &Layout) -> Vec<usize> {
    let mut all: Vec<usize> = layout.boot.iter().map(|boot| boot.array).collect();
    all.extend(layout.groups.iter().map(|group| group.array));
    all
}

pub fn portal(layout: &Layout) -> String {
    if layout.portal_address.contains(':') {
        format!("[{}]:{}", layout.portal_address, layout.port)
    } else {
        format!("{}:{}", layout.portal_address, layout.port)
    }
}

pub fn tgt_conf_path(layout: &Layout, array: &Array) -> String {
    format!("{}/tgt-{}.conf", layout.run, array.name)
}

/// Where open-iscsi keeps what it knows of a target: iscsiadm(8), FILES
pub fn record_path(layout: &Layout, array: &Array) -> String {
    format!("/etc/iscsi/nodes/{}/{},{},1/default", array.iqn, layout.portal_address, layout.port)
}

pub fn backstore(layout: &Layout, array: &Array) -> String {
    format!("replant-{}-{}", layout.name, array.name)
}

pub fn write(book: &mut Book, layout: &Layout, ready: &Ready) -> Link {
    book.stage(Stage::Connect);
    let portal = portal(layout);

    // ---- new ------------------------------------------------------------------------------------------------------
    let daemon = (layout.server == IscsiServer::Tgt).then(|| {
        book.step("tgtd", New, Daemon { portal: portal.clone() }, &[&ready.isolated], "it serves new's arrays to old")
    });
    let mut exports: Vec<Handle> = Vec::new();
    for index in offered(layout) {
        let array = &layout.arrays[index];
        let mut after = vec![&ready.arrays[index], &ready.isolated, &ready.throttled];
        after.extend(daemon.as_ref());
        // one after the other: two that are made at once would choose the same number
        let before = exports.last().cloned();
        after.extend(before.as_ref());
        let id = format!("export-{}", array.name);
        let why = "offer the array to old, and to no other";
        exports.push(match layout.server {
            IscsiServer::Lio => book.step(
                id,
                New,
                LioExport {
                    iqn: array.iqn.clone(),
                    name: backstore(layout, array),
                    device: array.by_id(),
                    serial: array.serial.clone(),
                    portal: portal.clone(),
                    initiator: layout.initiator.clone(),
                    user: layout.chap_user.clone(),
                    dir: layout.run.clone(),
                },
                &after,
                why,
            ),
            _ => book.step(
                id,
                New,
                TgtExport {
                    iqn: array.iqn.clone(),
                    device: array.by_id(),
                    serial: array.serial.clone(),
                    initiator_address: layout.old_address.clone(),
                    conf: Text(render(
                        text::TGT_CONF,
                        context! {
                            name => &layout.name, iqn => &array.iqn, device => array.by_id(), product => &array.name,
                            serial => &array.serial, sector => &array.sector, user => &layout.chap_user,
                            secret => secret_place("chap"), initiator_address => &layout.old_address,
                        },
                    )),
                    conf_path: tgt_conf_path(layout, array),
                },
                &after,
                why,
            ),
        });
    }

    // ---- old ------------------------------------------------------------------------------------------------------
    let shy = book.step(
        "quiet-links",
        Old,
        File {
            then: ["udevadm", "control", "--reload"].map(str::to_string).to_vec(),
            ..File::new("/run/udev/rules.d/99-replant.rules", UDEV_RULE)
        },
        &[&ready.initiator],
        "the copies on new have the same UUIDs as the originals: links by UUID must go on meaning old's own",
    );
    let mut logins = vec![None; layout.arrays.len()];
    for index in offered(layout) {
        let array = &layout.arrays[index];
        let node = book.step(
            format!("node-{}", array.name),
            Old,
            IscsiNode {
                iqn: array.iqn.clone(),
                portal: portal.clone(),
                path: record_path(layout, array),
                record: Text(render(
                    text::NODE_RECORD,
                    context! {
                        iqn => &array.iqn, initiator => &layout.initiator, user => &layout.chap_user,
                        secret => secret_place("chap"), timeout => &layout.timeout,
                        address => &layout.portal_address, port => &layout.port,
                    },
                )),
            },
            &[&ready.initiator],
            "never logged in to by itself; a dead link holds up writes for a bounded time only",
        );
        let mut after = vec![&node, &shy];
        after.extend(exports.iter());
        let at_least = match &layout.boot {
            Some(boot) if boot.array == index => boot.size,
            _ => layout.groups.iter().filter(|group| group.array == index).map(|group| group.needs).sum(),
        };
        logins[index] = Some(book.step(
            format!("login-{}", array.name),
            Old,
            Login {
                iqn: array.iqn.clone(),
                portal: portal.clone(),
                device: array.lun.clone(),
                serial: array.serial.clone(),
                at_least,
                sector: array.sector,
            },
            &after,
            "the disk must have the serial number of this migration, the size and the block size: or nothing is written",
        ));
    }
    Link { daemon, exports, logins }
}

/// Links of our disks lose against those of any other device with the same content: udev(7), link_priority
const UDEV_RULE: &str = "# Written by replant: copies must not stand in for their originals.\n\
SUBSYSTEM==\"block\", ENV{ID_VENDOR}==\"REPLANT\", OPTIONS+=\"link_priority=-100\"\n\
SUBSYSTEM==\"block\", ENV{ID_VENDOR}==\"LIO-ORG\", OPTIONS+=\"link_priority=-100\"\n";
