//! connect: new offers its arrays, old logs in. The disks are proven to be the right ones before anything is written.

use minijinja::context;

use super::book::{Book, Handle};
use super::ready::Ready;
use super::text::{self, render};
use crate::host::Side::{New, Old};
use crate::host::{Text, secret_place};
use crate::layout::{Layout, Lun};
use crate::plan::IscsiServer;
use crate::runbook::Stage;
use crate::step::{Daemon, File, IscsiNode, LioExport, Login, StepKind, TgtExport};

pub(super) struct Connected {
    pub daemon: Option<Handle>,
    pub exports: Vec<Handle>,
    /// in the order of the layout's LUNs
    pub logins: Vec<Handle>,
}

/// The name of the secret by which new proves itself to old; `chap` is the one by which old does to new.
pub(crate) const CHAP_BACK: &str = "chap-back";

fn back_user(layout: &Layout) -> String {
    format!("{}-new", layout.chap_user)
}

pub(super) fn portal(layout: &Layout) -> String {
    if layout.portal_address.contains(':') {
        format!("[{}]:{}", layout.portal_address, layout.port)
    } else {
        format!("{}:{}", layout.portal_address, layout.port)
    }
}

pub(crate) fn tgt_conf_path(layout: &Layout, lun: &Lun) -> String {
    format!("{}/tgt-{}.conf", layout.run, lun.name)
}

/// Where open-iscsi keeps what it knows of a target: iscsiadm(8), FILES
pub(crate) fn record_path(layout: &Layout, lun: &Lun) -> String {
    format!("{}/{}/{},{},1/default", layout.iscsi_nodes, lun.iqn, layout.portal_address, layout.port)
}

pub(super) fn backstore(layout: &Layout, lun: &Lun) -> String {
    format!("replant-{}-{}", layout.name, lun.name)
}

pub(super) fn write(book: &mut Book, layout: &Layout, ready: &Ready) -> Connected {
    book.stage(Stage::Connect);
    let luns: Vec<&Lun> = layout.luns.iter().filter(|lun| !is_copied_before(layout, lun)).collect();
    let daemon = serve(book, layout, &luns, &ready.isolated);
    let exports = export(book, layout, &luns, ready, daemon.as_ref());
    let shy = ready.shy.clone().unwrap_or_else(|| keep_links(book, &ready.initiator));
    let logins = log_in(book, layout, ready, &exports, &shy);
    Connected { daemon, exports, logins }
}

/// Where new boots first, the boot file system is copied before that, and its disk given back.
fn is_copied_before(layout: &Layout, lun: &Lun) -> bool {
    layout.start.is_first() && lun.group.is_none()
}

/// A daemon, where it is not the kernel that serves.
pub(super) fn serve(book: &mut Book, layout: &Layout, luns: &[&Lun], isolated: &Handle) -> Option<Handle> {
    luns.iter().any(|lun| lun.server != IscsiServer::Lio).then(|| {
        let daemon = Daemon { portal: portal(layout) };
        book.step("tgtd", New, daemon, &[isolated], "it serves new's arrays to old")
    })
}

fn export(book: &mut Book, layout: &Layout, luns: &[&Lun], ready: &Ready, daemon: Option<&Handle>) -> Vec<Handle> {
    let mut exports: Vec<Handle> = Vec::new();
    for lun in luns {
        let own = lun.group.and_then(|group| ready.own[group].as_ref());
        let mut after = vec![own.unwrap_or(&ready.stores[lun.store]), &ready.isolated];
        after.extend(&ready.throttled);
        after.extend(daemon);
        // one after the other: two that are made at once would choose the same number
        after.extend(exports.last());
        let export = offer(book, layout, lun, &after);
        exports.push(export);
    }
    exports
}

/// Offers one disk.
pub(super) fn offer(book: &mut Book, layout: &Layout, lun: &Lun, after: &[&Handle]) -> Handle {
    let step: StepKind = match lun.server {
        IscsiServer::Lio => lio_export(layout, lun).into(),
        _ => tgt_export(layout, lun).into(),
    };
    book.step(format!("export-{}", lun.name), New, step, after, "offer it to old, and to no other")
}

fn lio_export(layout: &Layout, lun: &Lun) -> LioExport {
    LioExport {
        iqn: lun.iqn.clone(),
        name: backstore(layout, lun),
        device: lun.on_new.clone(),
        serial: lun.serial.clone(),
        portal: portal(layout),
        initiator: layout.initiator.clone(),
        user: layout.chap_user.clone(),
        back_user: back_user(layout),
        dir: layout.run.clone(),
        parameters: if lun.group.is_some() { TUNED.map(str::to_string).to_vec() } else { Vec::new() },
    }
}

/// Larger pieces, more of them on their way, and the first without asking: what matters where each write waits for new.
const TUNED: [&str; 6] = [
    "MaxRecvDataSegmentLength=262144",
    "FirstBurstLength=262144",
    "MaxBurstLength=1048576",
    "MaxOutstandingR2T=8",
    "InitialR2T=No",
    "ImmediateData=Yes",
];

/// Seconds for which a dead link holds up writes once it is noticed, where only what has changed is sent when it is back: the
/// shorter the better. Noticing takes twice as long as [`Pace::noop`].
const SHORT: u64 = 5;

/// How a session behaves.
struct Pace {
    timeout: u64,
    /// seconds between two signs of life, and for the answer to one
    noop: u64,
    depth: u32,
}

impl Pace {
    fn of(layout: &Layout, lun: &Lun) -> Pace {
        match lun.group {
            Some(_) => Pace { timeout: layout.timeout.unwrap_or(SHORT), noop: 2, depth: 128 },
            None => Pace { timeout: layout.timeout.unwrap_or(15), noop: 5, depth: 32 },
        }
    }
}

fn tgt_export(layout: &Layout, lun: &Lun) -> TgtExport {
    TgtExport {
        iqn: lun.iqn.clone(),
        device: lun.on_new.clone(),
        serial: lun.serial.clone(),
        initiator_address: layout.initiator_address.clone(),
        user: layout.chap_user.clone(),
        back_user: back_user(layout),
        conf: Text(render(
            text::TGT_CONF,
            context! {
                name => &layout.name, iqn => &lun.iqn, device => &lun.on_new, product => &lun.name, tuned => lun.group.is_some(),
                serial => &lun.serial, sector => lun.sector.bytes().0, user => &layout.chap_user,
                secret => secret_place("chap"),
                back_user => back_user(layout), back_secret => secret_place(CHAP_BACK), initiator_address => &layout.initiator_address,
            },
        )),
        conf_path: tgt_conf_path(layout, lun),
    }
}

/// udev's links by UUID go on meaning old's own disks.
pub(super) fn keep_links(book: &mut Book, initiator: &Handle) -> Handle {
    book.step(
        "quiet-links",
        Old,
        File {
            then: ["udevadm", "control", "--reload"].map(str::to_string).to_vec(),
            ..File::new("/run/udev/rules.d/99-replant.rules", UDEV_RULE)
        },
        &[initiator],
        "the copies on new have the same UUIDs as the originals: links by UUID must go on meaning old's own",
    )
}

/// Old learns of each target, and logs in to it.
fn log_in(book: &mut Book, layout: &Layout, ready: &Ready, exports: &[Handle], shy: &Handle) -> Vec<Handle> {
    let mut logins = Vec::new();
    for lun in &layout.luns {
        logins.push(match ready.boot_login.as_ref().filter(|_| is_copied_before(layout, lun)) {
            Some(login) => login.clone(),
            None => login(book, layout, lun, &ready.initiator, shy, exports),
        });
    }
    logins
}

/// Old learns of one target, and logs in to it.
pub(super) fn login(
    book: &mut Book,
    layout: &Layout,
    lun: &Lun,
    initiator: &Handle,
    shy: &Handle,
    exports: &[Handle],
) -> Handle {
    let node = book.step(
        format!("node-{}", lun.name),
        Old,
        iscsi_node(layout, lun),
        &[initiator],
        "never logged in to by itself; a dead link holds up writes for a bounded time only",
    );
    let after: Vec<&Handle> = [&node, shy].into_iter().chain(exports).collect();
    book.step(
        format!("login-{}", lun.name),
        Old,
        Login {
            iqn: lun.iqn.clone(),
            portal: portal(layout),
            device: lun.on_old.clone(),
            serial: lun.serial.clone(),
            at_least: lun.needs.0,
            sector: lun.sector.bytes().0,
        },
        &after,
        "the disk must have the serial number of this migration, the size and the block size: or nothing is written",
    )
}

fn iscsi_node(layout: &Layout, lun: &Lun) -> IscsiNode {
    let pace = Pace::of(layout, lun);
    IscsiNode {
        iqn: lun.iqn.clone(),
        portal: portal(layout),
        path: record_path(layout, lun),
        record: Text(render(
            text::NODE_RECORD,
            context! {
                iqn => &lun.iqn, initiator => &layout.initiator, user => &layout.chap_user,
                secret => secret_place("chap"),
                    back_user => back_user(layout), back_secret => secret_place(CHAP_BACK), timeout => pace.timeout,
                address => &layout.portal_address, port => &layout.port, tuned => lun.group.is_some(), noop => pace.noop,
                depth => pace.depth, commands => pace.depth * 4,
            },
        )),
    }
}

/// Links of our disks lose against those of any other device with the same content: udev(7), link_priority
const UDEV_RULE: &str = "# Written by replant: copies must not stand in for their originals.\n\
SUBSYSTEM==\"block\", ENV{ID_VENDOR}==\"REPLANT\", OPTIONS+=\"link_priority=-100\"\n\
SUBSYSTEM==\"block\", ENV{ID_VENDOR}==\"LIO-ORG\", OPTIONS+=\"link_priority=-100\"\n";
