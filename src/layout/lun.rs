//! What new offers to old: a disk for /boot, and for each group those that its way of moving asks for.

use crate::facts::Facts;
use crate::plan::{IscsiServer, Plan};
use crate::units::{Bytes, SectorSize};

/// A disk that new offers to old.
pub(crate) struct Lun {
    /// that of its store, or of its volume: `md0`, `vg0-root`
    pub name: String,
    /// index of its store, or of the store that its volume is on
    pub store: usize,
    /// index of the group of whose volumes on new it is one; `None`: it is the store itself
    pub group: Option<usize>,
    /// its lasting path on new
    pub on_new: String,
    /// its path on old: `/dev/disk/by-path/ip-…`
    pub on_old: String,
    /// of its target, one for each disk: `iqn.2026-11.net.replant:cs940.md0`
    pub iqn: String,
    /// the SCSI serial number that proves to old which disk it is
    pub serial: String,
    /// that of its store, which old must see the same
    pub sector: SectorSize,
    /// bytes that it must have at least
    pub needs: Bytes,
    /// what offers it: never `Auto`
    pub server: IscsiServer,
}

/// What serves new's disks, chosen where the plan leaves it open.
pub(super) fn server(plan: &Plan, facts: &Facts) -> IscsiServer {
    let has = |module: &str| facts.new.modules.contains(module);
    match *plan.transfer.iscsi.server {
        IscsiServer::Auto if has("iscsi_target_mod") && has("target_core_iblock") => IscsiServer::Lio,
        IscsiServer::Auto => IscsiServer::Tgt,
        chosen => chosen,
    }
}
