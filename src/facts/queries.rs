//! Everything that is asked of a server to know it, in one round trip: few commands that say much, because each of them
//! is a process there.

use super::fact::Fact;
pub use super::wanted::MODULES;
pub(crate) use super::wanted::{PRESENCE, files, parts_of, tools};
use super::{apt, filesystems, health, lsblk, lvm, md, mounts, net, os, parts, texts, writers};
use crate::host::{Query, Side};

/// All facts, by topic. This is the order in which they are asked and put together: whoever adds to what another has put
/// there comes after it.
const TOPICS: &[&[Fact]] = &[
    lsblk::FACTS,
    mounts::FACTS,
    net::FACTS,
    md::FACTS,
    lvm::FACTS,
    // links to lsblk's devices
    os::FACTS,
    // the kernel's arrays to mdadm's, rates to LVM's volumes
    texts::FACTS,
    // drivers to lsblk's disks and ip's interfaces
    parts::FACTS,
    filesystems::FACTS,
    // to lsblk's disks
    health::FACTS,
    // of findmnt's mounts
    writers::FACTS,
    apt::FACTS,
];

/// A question and what we call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// what replant calls the question
    pub name: &'static str,
    /// the question
    pub query: Query,
}

/// The rows that a side is asked, with their questions.
pub(super) fn rows(side: Side) -> impl Iterator<Item = (&'static Fact, Query)> {
    TOPICS.iter().copied().flatten().filter_map(move |fact| Some((fact, (fact.query)(side)?)))
}

/// What is asked, with names, in order.
pub fn asked(side: Side) -> Vec<Asked> {
    rows(side).map(|(fact, query)| Asked { name: fact.name, query }).collect()
}

/// What is asked, in order.
pub fn all(side: Side) -> Vec<Query> {
    rows(side).map(|(_, query)| query).collect()
}
