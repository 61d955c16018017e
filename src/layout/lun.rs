//! What new offers to old.

use crate::facts::Facts;
use crate::plan::{IscsiServer, Plan};

/// What serves new's disks, chosen where the plan leaves it open.
pub fn server(plan: &Plan, facts: &Facts) -> IscsiServer {
    let has = |module: &str| facts.new.modules.contains(module);
    match *plan.transfer.iscsi.server {
        IscsiServer::Auto if has("iscsi_target_mod") && has("target_core_iblock") => IscsiServer::Lio,
        IscsiServer::Auto => IscsiServer::Tgt,
        chosen => chosen,
    }
}
