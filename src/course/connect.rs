//! connect: new offers its arrays, old logs in. The disks are proven to be the right ones before anything is written.

use minijinja::context;

use super::book::{Book, Handle};
use super::prepare::Ready;
use super::text::{self, render};
use crate::host::Side::{New, Old};
use crate::host::{Text, secret_place};
use crate::layout::{Layout, Store};
use crate::plan::IscsiServer;
use crate::runbook::Stage;
use crate::step::{Daemon, File, IscsiNode, LioExport, Login, TgtExport};

pub struct Link {
    pub daemon: Option<Handle>,
    pub exports: Vec<Handle>,
    /// in the order of the layout's stores; those that nothing is copied to have none
    pub logins: Vec<Option<Handle>>,
}

/// The name of the secret by which new proves itself to old; `chap` is the one by which old does to new.
pub const CHAP_BACK: &str = "chap-back";

fn back_user(layout: &Layout) -> String {
    format!("{}-new", layout.chap_user)
}

/// The stores that old needs.
pub fn offered(layout: &Layout) -> Vec<usize> {
    let mut all: Vec<usize> = layout.boot.iter().map(|boot| boot.to).collect();
    all.extend(layout.groups.iter().map(|group| group.to));
    all
}

pub fn portal(layout: &Layout) -> String {
    if layout.portal_address.contains(':') {
        format!("[{}]:{}", layout.portal_address, layout.port)
    } else {
        format!("{}:{}", layout.portal_address, layout.port)
    }
}

pub fn tgt_conf_path(layout: &Layout, store: &Store) -> String {
    format!("{}/tgt-{}.conf", layout.run, store.name)
}

/// Where open-iscsi keeps what it knows of a target: iscsiadm(8), FILES
pub fn record_path(layout: &Layout, store: &Store) -> String {
    format!("{}/{}/{},{},1/default", layout.iscsi_nodes, store.iqn, layout.portal_address, layout.port)
}

pub fn backstore(layout: &Layout, store: &Store) -> String {
    format!("replant-{}-{}", layout.name, store.name)
}

pub fn write(book: &mut Book, layout: &Layout, ready: &Ready) -> Link {
    book.stage(Stage::Connect);
    let portal = portal(layout);
    let back_user = back_user(layout);

    // ---- new ------------------------------------------------------------------------------------------------------
    let daemon = (layout.server == IscsiServer::Tgt).then(|| {
        book.step("tgtd", New, Daemon { portal: portal.clone() }, &[&ready.isolated], "it serves new's arrays to old")
    });
    let mut exports: Vec<Handle> = Vec::new();
    for index in offered(layout) {
        let store = &layout.stores[index];
        let mut after = vec![&ready.stores[index], &ready.isolated];
        after.extend(&ready.throttled);
        after.extend(daemon.as_ref());
        // one after the other: two that are made at once would choose the same number
        let before = exports.last().cloned();
        after.extend(before.as_ref());
        let id = format!("export-{}", store.name);
        let why = "offer it to old, and to no other";
        exports.push(match layout.server {
            IscsiServer::Lio => book.step(
                id,
                New,
                LioExport {
                    iqn: store.iqn.clone(),
                    name: backstore(layout, store),
                    device: store.path.clone(),
                    serial: store.serial.clone(),
                    portal: portal.clone(),
                    initiator: layout.initiator.clone(),
                    user: layout.chap_user.clone(),
                    back_user: back_user.clone(),
                    dir: layout.run.clone(),
                },
                &after,
                why,
            ),
            _ => book.step(
                id,
                New,
                TgtExport {
                    iqn: store.iqn.clone(),
                    device: store.path.clone(),
                    serial: store.serial.clone(),
                    initiator_address: layout.initiator_address.clone(),
                    user: layout.chap_user.clone(),
                    back_user: back_user.clone(),
                    conf: Text(render(
                        text::TGT_CONF,
                        context! {
                            name => &layout.name, iqn => &store.iqn, device => &store.path, product => &store.name,
                            serial => &store.serial, sector => &store.sector, user => &layout.chap_user,
                            secret => secret_place("chap"),
                            back_user => &back_user, back_secret => secret_place(CHAP_BACK), initiator_address => &layout.initiator_address,
                        },
                    )),
                    conf_path: tgt_conf_path(layout, store),
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
    let mut logins = vec![None; layout.stores.len()];
    for index in offered(layout) {
        let store = &layout.stores[index];
        let node = book.step(
            format!("node-{}", store.name),
            Old,
            IscsiNode {
                iqn: store.iqn.clone(),
                portal: portal.clone(),
                path: record_path(layout, store),
                record: Text(render(
                    text::NODE_RECORD,
                    context! {
                        iqn => &store.iqn, initiator => &layout.initiator, user => &layout.chap_user,
                        secret => secret_place("chap"),
                            back_user => &back_user, back_secret => secret_place(CHAP_BACK), timeout => &layout.timeout,
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
            Some(boot) if boot.to == index => boot.size,
            _ => layout.groups.iter().filter(|group| group.to == index).map(|group| group.needs).sum(),
        };
        logins[index] = Some(book.step(
            format!("login-{}", store.name),
            Old,
            Login {
                iqn: store.iqn.clone(),
                portal: portal.clone(),
                device: store.lun.clone(),
                serial: store.serial.clone(),
                at_least,
                sector: store.sector,
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
