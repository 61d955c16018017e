//! What any system has: files, services, packages, kernel settings, its name; and scripts that run once.

pub(crate) mod file;
pub(crate) mod hostname;
pub(crate) mod initramfs;
pub(crate) mod job;
pub(crate) mod no_file;
pub(crate) mod packages;
pub(crate) mod purged;
pub(crate) mod service;
pub(crate) mod tunable;
