//! Everything that is asked of a server to know it, in one round trip: few commands that say much, because each of them
//! is a process there.

use super::{apt, filesystems, health, lsblk, lvm, md, mounts, net, os, writers};
use crate::host::{IN_MEMORY, KEPT, Query, Side};

/// A question and what we call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub name: &'static str,
    pub query: Query,
}

/// Files whose text is in [`super::ServerFacts::files`].
pub const FILES: &[&str] = &[
    "/etc/fstab",
    "/etc/crypttab",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/machine-id",
    "/etc/mdadm/mdadm.conf",
    "/etc/mdadm.conf",
    "/etc/initramfs-tools/initramfs.conf",
    "/etc/initramfs-tools/modules",
    "/etc/initramfs-tools/update-initramfs.conf",
    "/etc/initramfs-tools/conf.d/resume",
    "/etc/udev/rules.d/70-persistent-net.rules",
    "/etc/udev/rules.d/80-net-setup-link.rules",
    "/etc/default/grub",
    "/boot/grub/grub.cfg",
    "/etc/lvm/lvmlocal.conf",
    "/etc/network/interfaces",
    "/etc/iscsi/initiatorname.iscsi",
    "/proc/cmdline",
];

/// Directories whose files are parts of one of [`FILES`], with the end of their names.
pub const PARTS_OF: &[(&str, &str)] = &[
    ("/etc/initramfs-tools/conf.d/", ""),
    ("/etc/default/grub.d/", ".cfg"),
    ("/etc/mdadm/mdadm.conf.d/", ".conf"),
    ("/etc/udev/rules.d/", ".rules"),
    ("/etc/modprobe.d/", ".conf"),
    ("/etc/systemd/network/", ".link"),
    ("/run/systemd/network/", ".link"),
];

/// Files of the kernel and others from which single facts are taken.
pub(super) const SMALL: &[&str] = &[
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/random/boot_id",
    "/sys/class/dmi/id/product_uuid",
    "/proc/meminfo",
    "/proc/swaps",
    "/proc/mdstat",
    "/proc/diskstats",
    "/proc/uptime",
    "/etc/os-release",
    IN_MEMORY,
    KEPT,
];

/// Files of which it is only of interest whether they are there; their text may hold secrets and is never read.
pub const PRESENCE: &[&str] = &[
    "/etc/iscsi/iscsid.conf",
    "/etc/tgt/targets.conf",
    "/etc/lvm/devices/system.devices",
    "/etc/cloud/cloud-init.disabled",
];

/// Packages that build what a server boots with.
pub const BOOT_PACKAGES: &[&str] = &["initramfs-tools", "dracut", "tiny-initramfs", "grub-pc"];

/// Commands that a migration may use.
pub const TOOLS: &[&str] = &[
    "sfdisk",
    "wipefs",
    "mdadm",
    "lvm",
    "vgextend",
    "lvconvert",
    "vgsplit",
    "dmsetup",
    "dmeventd",
    "tgtd",
    "tgtadm",
    "tgt-admin",
    "iscsiadm",
    "iscsid",
    "mkinitramfs",
    "update-initramfs",
    "lsinitramfs",
    "dracut",
    "grub-install",
    "update-grub",
    "grub-mkconfig",
    "e2fsck",
    "xfs_repair",
    "mkswap",
    "mkfs.ext4",
    "xfs_growfs",
    "resize2fs",
    "blkid",
    "udevadm",
    "systemctl",
    "apt-get",
    "dpkg",
    "fuser",
    "dd",
    "sha256sum",
    "partprobe",
    "blockdev",
    "chroot",
    "lsblk",
    "findmnt",
    "swapon",
    "swapoff",
    "modprobe",
    "unshare",
];

/// Commands with an option that a migration uses, and that older releases of them do not have.
pub const ABILITIES: &[&str] = &["wipefs --json", "sfdisk --json"];

/// Kernel modules that a migration may use, as the kernel writes their names; then drivers of disks and of network cards,
/// which old's kernel must have for those of new.
pub const MODULES: &[&str] = &[
    "raid1",
    "raid10",
    "raid0",
    "raid456",
    "dm_mod",
    "dm_mirror",
    "dm_raid",
    "iscsi_tcp",
    "iscsi_target_mod",
    "target_core_mod",
    "target_core_iblock",
    "xfs",
    "ext4",
    "btrfs",
    "sd_mod",
    "ahci",
    "ata_piix",
    "nvme",
    "vmd",
    "virtio_pci",
    "virtio_blk",
    "virtio_scsi",
    "aacraid",
    "arcmsr",
    "hpsa",
    "smartpqi",
    "isci",
    "megaraid_sas",
    "mpi3mr",
    "mpt3sas",
    "mptsas",
    "mptspi",
    "mvsas",
    "pm80xx",
    "3w_9xxx",
    "3w_sas",
    "hv_storvsc",
    "vmw_pvscsi",
    "xen_blkfront",
    "usb_storage",
    "uas",
    "xhci_pci",
    "virtio_net",
    "atlantic",
    "be2net",
    "bnx2",
    "bnx2x",
    "bnxt_en",
    "cxgb4",
    "e1000",
    "e1000e",
    "ena",
    "enic",
    "gve",
    "hv_netvsc",
    "i40e",
    "iavf",
    "ice",
    "igb",
    "igc",
    "ionic",
    "ixgbe",
    "ixgbevf",
    "mlx4_core",
    "mlx4_en",
    "mlx5_core",
    "nfp",
    "qed",
    "qede",
    "qla2xxx",
    "r8125",
    "r8169",
    "sfc",
    "sky2",
    "tg3",
    "vmxnet3",
    "xen_netfront",
];

/// What is asked, with names.
pub fn asked(side: Side) -> Vec<Asked> {
    let mut all = vec![
        Asked { name: "lsblk", query: lsblk::query() },
        Asked { name: "links", query: os::links_query() },
        Asked { name: "arrays", query: md::exports_query() },
        Asked { name: "pvs", query: lvm::pvs_query() },
        Asked { name: "vgs", query: lvm::vgs_query() },
        Asked { name: "lvs", query: lvm::lvs_query() },
        Asked { name: "lvm-config", query: lvm::config_query() },
        Asked { name: "lvm-version", query: lvm::version_query() },
        Asked { name: "mounts", query: mounts::query() },
        Asked { name: "interfaces", query: net::query() },
        Asked { name: "texts", query: os::texts_query() },
        Asked { name: "parts", query: os::parts_query() },
        Asked { name: "services", query: os::services_query() },
        Asked { name: "unit-files", query: os::unit_files_query() },
        Asked { name: "file-systems", query: filesystems::query(side) },
        Asked { name: "health", query: health::query() },
    ];
    if side == Side::Old {
        all.push(Asked { name: "writers", query: writers::query() });
        all.push(Asked { name: "iscsi-packages", query: apt::iscsi_packages_query() });
    }
    all
}

/// What is asked, in order.
pub fn all(side: Side) -> Vec<Query> {
    asked(side).into_iter().map(|asked| asked.query).collect()
}
