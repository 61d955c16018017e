//! The iSCSI link: what new offers, and how old logs in to it and out of it.

pub(crate) mod daemon;
pub(crate) mod iscsi_node;
pub(crate) mod lio_export;
pub(crate) mod lio_gone;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod tgt_export;
pub(crate) mod tgt_gone;
