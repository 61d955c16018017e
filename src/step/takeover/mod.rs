//! New takes the place of old: power, and which of the two is running.

pub(crate) mod identity;
pub(crate) mod old_is_off;
pub(crate) mod old_off;
pub(crate) mod own_boot;
pub(crate) mod power_ready;
