//! What is looked for on a server by its name.

use std::sync::LazyLock;

use crate::family::{Builder, Family};

/// Files whose text is in [`super::ServerFacts::files`]: those of every system, and those of each family.
pub(crate) fn files() -> &'static [&'static str] {
    static ALL: LazyLock<Vec<&str>> = LazyLock::new(all_files);
    &ALL
}

fn all_files() -> Vec<&'static str> {
    let mut all = FILES.to_vec();
    for family in Family::ALL {
        all.push(family.md.file);
        all.extend(family.md.instead);
        all.extend([family.menu.settings, family.menu.file]);
    }
    all.extend(Builder::ALL.iter().flat_map(|builder| builder.files));
    all
}

/// Directories whose files are parts of one of [`files`], with the end of their names.
pub(crate) fn parts_of() -> &'static [(&'static str, &'static str)] {
    static ALL: LazyLock<Vec<(&str, &str)>> = LazyLock::new(all_parts);
    &ALL
}

fn all_parts() -> Vec<(&'static str, &'static str)> {
    let mut all = PARTS_OF.to_vec();
    all.extend(Family::ALL.iter().flat_map(|family| [family.menu.more, family.md.more]));
    all.extend(Builder::ALL.iter().flat_map(|builder| builder.more));
    all
}

/// Commands that a migration may use, on whatever system.
pub(crate) fn tools() -> Vec<&'static str> {
    let mut all = TOOLS.to_vec();
    all.extend(Builder::ALL.iter().flat_map(|builder| builder.tools));
    for family in Family::ALL {
        all.extend(family.menu.tools.iter().chain(family.installer.tools).chain(family.strange_builders));
    }
    all
}

const FILES: &[&str] = &[
    "/etc/fstab",
    "/etc/crypttab",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/machine-id",
    "/etc/udev/rules.d/70-persistent-net.rules",
    "/etc/udev/rules.d/80-net-setup-link.rules",
    super::lvm::LVMLOCAL,
    "/etc/network/interfaces",
    "/etc/iscsi/initiatorname.iscsi",
    "/proc/cmdline",
];

const PARTS_OF: &[(&str, &str)] = &[
    ("/etc/udev/rules.d/", ".rules"),
    ("/etc/modprobe.d/", ".conf"),
    ("/etc/systemd/network/", ".link"),
    ("/run/systemd/network/", ".link"),
];

/// Files of which it is only of interest whether they are there; their text may hold secrets and is never read.
pub(crate) const PRESENCE: &[&str] = &[
    "/etc/iscsi/iscsid.conf",
    "/etc/tgt/targets.conf",
    "/etc/lvm/devices/system.devices",
    "/etc/cloud/cloud-init.disabled",
    // dropbear-initramfs: it lets people in before the system is there
    "/etc/dropbear/initramfs",
    "/etc/dropbear-initramfs",
];

const TOOLS: &[&str] = &[
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
    "sshd",
    "e2fsck",
    "xfs_repair",
    "mkswap",
    "mkfs.ext4",
    "xfs_growfs",
    "resize2fs",
    "blkid",
    "udevadm",
    "systemctl",
    "fuser",
    "dd",
    "perl",
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
pub(crate) const ABILITIES: &[&str] = &["wipefs --json", "sfdisk --json"];

/// Kernel modules that a migration may use, as the kernel writes their names; then drivers of disks and of network cards,
/// which old's kernel must have for those of new.
pub const MODULES: &[&str] = &[
    "raid1",
    "raid10",
    "raid0",
    "raid456",
    "brd",
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
