//! Debian, Ubuntu and what is made of them: dpkg(1), apt-get(8), GRUB as they pack it.

use super::terms::{BootMenu, FamilyScripts, Installer, MdConf, Terms, Updater};

const PACKAGES: &str = include_str!("scripts/debian/packages.sh");
const INITIATOR: &str = include_str!("scripts/debian/initiator.sh");
const INSTALLED_FOR_BOOT: &str = include_str!("scripts/debian/boot-packages.sh");
const GRUB: &str = include_str!("scripts/debian/grub.sh");
const LOADER_TOOLS: &str = include_str!("scripts/debian/loader-tools.sh");
const LOADER_FROM_TOOLS: &str = include_str!("scripts/debian/loader-from-tools.sh");
const FINISH_BOOT: &str = include_str!("scripts/debian/finish-boot.sh");

pub(super) fn scripts() -> FamilyScripts {
    FamilyScripts {
        packages: PACKAGES,
        initiator: INITIATOR,
        boot_packages: INSTALLED_FOR_BOOT,
        loader: GRUB,
        loader_tools: LOADER_TOOLS,
        loader_from_tools: LOADER_FROM_TOOLS,
        finish_boot: FINISH_BOOT,
    }
}

pub(super) static TERMS: Terms = Terms {
    ids: &["debian", "ubuntu"],
    called: "Debian and Ubuntu",
    installer: Installer {
        called: "apt",
        command: "apt-get",
        tools: &["apt-get", "dpkg"],
        install: "apt-get install",
        update: "apt-get update",
        clean: "apt-get clean",
        autoremove: "apt-get autoremove --purge",
        packages: PACKAGE_OF,
        kernels: &[("Debian", "linux-image-amd64"), ("Ubuntu", "linux-image-generic")],
        firmware: "(Debian, non-free-firmware) or `linux-firmware` (Ubuntu)",
        // all are listed, so that an unknown one is an absence and not a failure: dpkg-query(1)
        list: &["dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Abbrev}\\n"],
    },
    menu: BootMenu {
        file: "/boot/grub/grub.cfg",
        kernel: "/boot/vmlinuz-",
        make: "update-grub",
        settings: "/etc/default/grub",
        more: ("/etc/default/grub.d/", ".cfg"),
        tools: &["grub-install", "update-grub", "grub-mkconfig"],
        needs: &["grub-install", "update-grub"],
    },
    md: MdConf {
        called: "mdadm.conf",
        file: "/etc/mdadm/mdadm.conf",
        instead: &["/etc/mdadm.conf"],
        more: ("/etc/mdadm/mdadm.conf.d/", ".conf"),
        make: "/usr/share/mdadm/mkconf force-generate",
    },
    strange_builders: &["dracut"],
    boot_packages: &["initramfs-tools", "dracut", "tiny-initramfs", "grub-pc"],
    cards: &["/etc/dracut.conf.d"],
    timers: &["apt-daily.timer", "apt-daily-upgrade.timer"],
    updaters: &[Updater { unit: "unattended-upgrades.service", timer: Some("apt-daily-upgrade.timer") }],
    firmware: &[
        ("bnx2", "firmware-bnx2"),
        ("bnx2x", "firmware-bnx2x"),
        ("qed", "firmware-qlogic"),
        ("qede", "firmware-qlogic"),
        ("nfp", "firmware-netronome"),
        ("myri10ge", "firmware-myricom"),
        ("liquidio", "firmware-cavium"),
        ("aic94xx", "firmware-linux-nonfree"),
    ],
};

const PACKAGE_OF: &[(&str, &str)] = &[
    ("lvm", "lvm2"),
    ("lvs", "lvm2"),
    ("vgs", "lvm2"),
    ("pvs", "lvm2"),
    ("lvconvert", "lvm2"),
    ("vgextend", "lvm2"),
    ("vgsplit", "lvm2"),
    ("dmeventd", "dmeventd"),
    ("dmsetup", "dmsetup"),
    ("mdadm", "mdadm"),
    ("chroot", "coreutils"),
    ("dd", "coreutils"),
    ("sha256sum", "coreutils"),
    ("blkid", "util-linux"),
    ("blockdev", "util-linux"),
    ("findmnt", "util-linux"),
    ("lsblk", "util-linux"),
    ("mkswap", "util-linux"),
    ("unshare", "util-linux"),
    ("wipefs", "util-linux"),
    ("sfdisk", "fdisk"),
    ("ip", "iproute2"),
    ("udevadm", "udev"),
    ("systemctl", "systemd"),
    ("e2fsck", "e2fsprogs"),
    ("resize2fs", "e2fsprogs"),
    ("xfs_growfs", "xfsprogs"),
    ("xfs_repair", "xfsprogs"),
    ("mkinitramfs", "initramfs-tools"),
    ("lsinitramfs", "initramfs-tools"),
    ("update-initramfs", "initramfs-tools"),
    ("grub-install", "grub-pc"),
    ("update-grub", "grub-pc"),
    ("iscsiadm", "open-iscsi"),
    ("tgtd", "tgt"),
    ("smartctl", "smartmontools"),
    ("ssh", "openssh-client"),
];
