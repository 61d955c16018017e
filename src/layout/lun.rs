//! What new offers to old: a disk for /boot, and for each group those that its way of moving asks for.

use super::ids::Ids;
use super::model::{Boot, Group, Store};
use crate::facts::Facts;
use crate::plan::{IscsiServer, Plan};

/// A disk that new offers to old.
pub struct Lun {
    /// that of its store: `md0`
    pub name: String,
    /// index of its store
    pub store: usize,
    /// its lasting path on new
    pub on_new: String,
    /// its path on old: `/dev/disk/by-path/ip-…`
    pub on_old: String,
    pub iqn: String,
    pub serial: String,
    /// bytes of a logical block
    pub sector: u64,
    /// bytes that it must have at least
    pub needs: u64,
}

/// All of them: /boot's is the first, where there is one; then those of the groups.
pub(super) fn luns(
    plan: &Plan,
    facts: &Facts,
    stores: &[Store],
    boot: &Option<Boot>,
    groups: &[Group],
    ids: &Ids,
) -> Vec<Lun> {
    let (portal, port) = (**plan.portal(), *plan.transfer.iscsi.port);
    let number = if server(plan, facts) == IscsiServer::Lio { 0 } else { 1 };
    let lun = |(at, needs): (usize, u64)| {
        let store = &stores[at];
        let iqn = format!("iqn.2026-11.net.replant:{}.{}", *plan.name, store.name);
        Lun {
            name: store.name.clone(),
            store: at,
            on_new: store.path.clone(),
            on_old: format!("/dev/disk/by-path/ip-{portal}:{port}-iscsi-{iqn}-lun-{number}"),
            serial: ids.uuid(&format!("lun {}", store.name)).simple().to_string(),
            sector: store.sector,
            needs,
            iqn,
        }
    };
    let boot = boot.iter().map(|boot| (boot.to, boot.size));
    boot.chain(groups.iter().flat_map(Group::offers)).map(lun).collect()
}

/// What serves new's disks, chosen where the plan leaves it open.
pub fn server(plan: &Plan, facts: &Facts) -> IscsiServer {
    let has = |module: &str| facts.new.modules.contains(module);
    match *plan.transfer.iscsi.server {
        IscsiServer::Auto if has("iscsi_target_mod") && has("target_core_iblock") => IscsiServer::Lio,
        IscsiServer::Auto => IscsiServer::Tgt,
        chosen => chosen,
    }
}
