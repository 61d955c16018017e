//! New waits in its own initramfs, booted from its own disks, until it may go on.

pub(crate) mod image;
pub(crate) mod into_hold;
pub(crate) mod release;
