//! Files of old that the migration writes.

pub(crate) const HOOK: &str = "/etc/initramfs-tools/scripts/local-block/replant";
/// for the groups that `/` is not on
pub(crate) const LATE_HOOK: &str = "/etc/initramfs-tools/scripts/local-bottom/replant";
pub(super) const MODULES: &str = "/etc/initramfs-tools/modules";
pub(crate) const MDADM_CONF: &str = "/etc/mdadm/mdadm.conf";
pub(crate) const LINK: &str = "/etc/systemd/network/10-replant.link";
pub(crate) const RULES: &str = "/etc/udev/rules.d/70-replant-net.rules";
pub(crate) use crate::facts::lvm::LVMLOCAL;
