//! The copy below LVM: a raid1 of md is put beneath a live volume of old, with new's disk as its second leg. LVM's metadata is
//! never changed, and what md keeps is in memory: whatever happens to old, it boots as it was.

pub(crate) mod at_rest;
pub(crate) mod beneath;
pub(crate) mod fresh_legs;
pub(crate) mod in_step;
pub(crate) mod ram_disk;
pub(crate) mod state;
pub(crate) mod table_back;
pub(crate) mod unwritten;
