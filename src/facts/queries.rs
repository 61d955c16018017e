//! Everything that is asked of a server to know it, in one round trip: few commands that say much, because each of them
//! is a process there.

pub use super::wanted::MODULES;
pub(crate) use super::wanted::{PRESENCE, files, parts_of, tools};
use super::{apt, filesystems, health, lsblk, lvm, md, mounts, net, os, writers};
use crate::host::{Query, Side};

/// A question and what we call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub name: &'static str,
    pub query: Query,
}

/// What is asked, with names.
pub fn asked(side: Side) -> Vec<Asked> {
    let mut all = vec![
        Asked { name: "lsblk", query: lsblk::query() },
        Asked { name: "links", query: os::links_query() },
        Asked { name: "arrays", query: md::exports_query() },
        Asked { name: "pvs", query: lvm::pvs_query() },
        Asked { name: "vgs", query: lvm::vgs_query() },
        Asked { name: "lvs", query: lvm::lvs_query() },
        Asked { name: "lvm-config", query: lvm::config_query() },
        Asked { name: "lvm-version", query: lvm::version_query() },
        Asked { name: "mounts", query: mounts::query() },
        Asked { name: "interfaces", query: net::query() },
        Asked { name: "texts", query: os::texts_query() },
        Asked { name: "parts", query: os::parts_query() },
        Asked { name: "services", query: os::services_query() },
        Asked { name: "unit-files", query: os::unit_files_query() },
        Asked { name: "file-systems", query: filesystems::query(side) },
        Asked { name: "health", query: health::query() },
    ];
    if side == Side::Old {
        all.push(Asked { name: "writers", query: writers::query() });
        all.push(Asked { name: "iscsi-packages", query: apt::iscsi_packages_query() });
    }
    all
}

/// What is asked, in order.
pub fn all(side: Side) -> Vec<Query> {
    asked(side).into_iter().map(|asked| asked.query).collect()
}
