//! Files of old that the migration writes.

pub const HOOK: &str = "/etc/initramfs-tools/scripts/local-block/replant";
/// for the groups that `/` is not on
pub const LATE_HOOK: &str = "/etc/initramfs-tools/scripts/local-bottom/replant";
pub const MODULES: &str = "/etc/initramfs-tools/modules";
pub const MDADM_CONF: &str = "/etc/mdadm/mdadm.conf";
pub const LINK: &str = "/etc/systemd/network/10-replant.link";
pub const RULES: &str = "/etc/udev/rules.d/70-replant-net.rules";
pub use crate::facts::lvm::LVMLOCAL;
