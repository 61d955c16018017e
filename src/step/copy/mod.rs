//! The mirror over the link: the disk of new becomes a half of the volumes of old, until it is in sync and is split off.

pub(crate) mod ages;
pub(crate) mod fresh_copies;
pub(crate) mod group_member;
pub(crate) mod group_split;
pub(crate) mod in_sync;
pub(crate) mod inactive;
pub(crate) mod mirror;
pub(crate) mod physical_volume;
pub(crate) mod split;
pub(crate) mod write_mostly;
