//! Files of old that the migration writes, on whatever system; others are the family's.

pub(crate) const LINK: &str = "/etc/systemd/network/10-replant.link";
pub(crate) const RULES: &str = "/etc/udev/rules.d/70-replant-net.rules";
pub(crate) use crate::facts::lvm::LVMLOCAL;
