//! Files of old that the migration writes, on whatever system; others are the family's.

pub const LINK: &str = "/etc/systemd/network/10-replant.link";
pub const RULES: &str = "/etc/udev/rules.d/70-replant-net.rules";
pub use crate::facts::lvm::LVMLOCAL;
