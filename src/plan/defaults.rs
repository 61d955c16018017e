//! What a plan means where it says nothing.

use super::{At, Bytes, Chap, Cutover, Duration, Iscsi, IscsiServer, Limit, Power, Secret, Ssh, Transfer, words};

impl Default for Ssh {
    fn default() -> Ssh {
        Ssh { user: "root".to_owned().into(), port: None, identity: None, host_key: None, sudo: false.into() }
    }
}

impl Default for Power {
    fn default() -> Power {
        Power::Manual { console: None }
    }
}

impl Default for Transfer {
    fn default() -> Transfer {
        Transfer {
            iscsi: Iscsi::default(),
            resync_limit_kib: 2000.into(),
            region_size: Bytes(2 << 20).into(),
            parallel: 1.into(),
        }
    }
}

impl Default for Iscsi {
    fn default() -> Iscsi {
        Iscsi {
            server: IscsiServer::Auto.into(),
            port: 3260.into(),
            chap: Chap::default(),
            address: None,
            replacement_timeout: None,
        }
    }
}

impl Default for Chap {
    fn default() -> Chap {
        Chap { user: "replant".to_owned().into(), secret: Secret::Generated.into() }
    }
}

/// More than twice what a lost link is waited for.
const DEAD_MAN: Limit = Limit::After(Duration::from_secs(300));

/// What says nothing is not written: plans of before stay what they were, with all that is made of their digest.
pub(super) fn usual_dead_man(dead_man: &At<Limit>) -> bool {
    **dead_man == DEAD_MAN
}

impl Default for Cutover {
    fn default() -> Cutover {
        Cutover { stop: Vec::new(), downtime_budget: None, dead_man: DEAD_MAN.into() }
    }
}

impl Cutover {
    /// The units to stop, by their full names: `nginx` is `nginx.service`.
    pub fn units(&self) -> Vec<String> {
        self.stop.iter().map(|unit| words::full_unit_name(unit)).collect()
    }
}

pub(super) fn slash_boot() -> At<String> {
    "/boot".to_owned().into()
}
