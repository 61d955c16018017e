//! New waits in its own initramfs, booted from its own disks, until it may go on. Meanwhile it can rehearse that.

pub(crate) mod doing;
pub(crate) mod held_again;
pub(crate) mod image;
pub(crate) mod into_hold;
pub(crate) mod kernel_there;
pub(crate) mod rehearsal;
pub(crate) mod release;
