//! What the two servers are made of, as data: packages, files, layouts, and the script that the builder machine runs.
//! The image cache is keyed by this file: change a word, and the images are built anew.

use crate::net;
use crate::witness;

pub const RELEASE: &str = "bookworm";

/// Both trees start from these. Neither an iSCSI initiator nor an iSCSI target is among them.
pub const PACKAGES: &[&str] = &[
    "linux-image-amd64",
    "initramfs-tools",
    "systemd-sysv",
    "udev",
    "dbus",
    "lvm2",
    "mdadm",
    "grub-pc",
    "openssh-server",
    "xfsprogs",
    "e2fsprogs",
    "iproute2",
    "iputils-ping",
    "ifupdown",
    "kmod",
    "fdisk",
    "procps",
    "netbase",
    "less",
    "psmisc",
    "busybox",
    "lz4",
    "zstd",
];
/// Served by the lab's package mirror, with what it depends on: the old server has to install it from there.
pub const ON_THE_MIRROR: &str = "open-iscsi";
/// In one of the two rescue systems; the other has only the kernel's own target.
pub const RESCUE_TARGET: &str = "tgt";

/// Not needed on any machine of the lab, and every byte is mirrored.
pub const TRIMMED: &[&str] =
    &["usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "var/lib/apt/lists"];
pub const TRIMMED_MODULES: &[&str] = &[
    "sound",
    "drivers/gpu",
    "drivers/media",
    "drivers/staging",
    "drivers/iio",
    "drivers/bluetooth",
    "drivers/net/wireless",
];
pub const DPKG_TRIM: &str =
    "path-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\npath-exclude=/usr/share/locale/*\n";

/// Units that only cost time at boot. What a migration touches (LVM, md, iSCSI, networking, journald) is as Debian has it.
pub const MASKED: &[&str] = &[
    "e2scrub_reap.service",
    "e2scrub_all.timer",
    "e2scrub@.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "fstrim.timer",
    "systemd-pstore.service",
    "systemd-update-utmp.service",
    "systemd-random-seed.service",
    "systemd-rfkill.socket",
    "modprobe@drm.service",
    "modprobe@fuse.service",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "systemd-logind.service",
    "getty@tty1.service",
];

/// One key exchange and one host key: each handshake costs seconds on an emulated processor.
pub const SSHD: &str =
    "HostKey /etc/ssh/ssh_host_ed25519_key\nKexAlgorithms curve25519-sha256\nUsePAM no\nUseDNS no\n";

/// A volume of the old server's `vg0`, in creation order.
pub struct Volume {
    pub name: &'static str,
    /// MiB; `None` takes every extent that is left.
    pub mib: Option<u32>,
}

/// An old server, as data. A new layout is a new entry in `OLD_SERVERS`.
pub struct OldServer {
    pub name: &'static str,
    pub about: &'static str,
    pub disk_mib: u32,
    pub boot_mib: u32,
    pub volumes: &'static [Volume],
    /// Distinguishes the identifiers of one variant from those of another.
    pub digit: char,
}

pub const OLD_SERVERS: &[OldServer] = &[
    OldServer {
        name: "full",
        about: "vg0 has no free extent: mirror with a core log",
        disk_mib: 1 + 160 + ROOT_MIB + 128 + 344 + 8,
        boot_mib: 160,
        volumes: &[
            Volume { name: "root", mib: Some(ROOT_MIB) },
            Volume { name: "swap_1", mib: Some(128) },
            Volume { name: "var", mib: None },
        ],
        digit: '1',
    },
    OldServer {
        name: "free",
        about: "vg0 has free extents: raid1",
        disk_mib: 1 + 160 + ROOT_MIB + 128 + 340 + 8 + 64,
        boot_mib: 160,
        volumes: &[
            Volume { name: "root", mib: Some(ROOT_MIB) },
            Volume { name: "swap_1", mib: Some(128) },
            Volume { name: "var", mib: Some(340) },
        ],
        digit: '2',
    },
];

pub const ROOT_MIB: u32 = 760;
/// Random files with checksums, so that root and var hold data that can be seen to be whole.
pub const BALLAST: &[(&str, usize)] = &[("srv/ballast", 30), ("var/ballast", 10)];

/// The four disks of the new server.
pub const NEW_DISKS: usize = 4;
pub const NEW_DISK_MIB: u32 = 4096;

pub const MEMORY_MIB: u32 = 1024;

/// The kernel command line of the rescue system, without its address and name.
pub const RESCUE_APPEND: &str =
    "root=/dev/vda rw console=ttyS0 quiet loglevel=4 mitigations=off systemd.show_status=0 panic=-1";

impl OldServer {
    pub fn uuid(&self, of: &str) -> String {
        let last = match of {
            "boot" => 1,
            "root" => 2,
            "var" => 3,
            _ => 4,
        };
        format!("aaaaaaaa-0000-400{}-8000-00000000000{last}", self.digit)
    }

    fn array_uuid(&self, number: u32) -> String {
        format!("11111111:22222222:3333333{}:4444440{number}", self.digit)
    }
}

/// A file of a tree: path, mode, text.
pub type File = (String, u32, String);

fn file(path: &str, text: impl Into<String>) -> File {
    (path.into(), 0o644, text.into())
}

/// The initramfs: named modules and lz4, because building and unpacking the usual one takes minutes here.
fn initramfs(root: &str, modules: &[&str]) -> [File; 2] {
    [
        file(
            "etc/initramfs-tools/initramfs.conf",
            format!(
                "MODULES=list\nBUSYBOX=auto\nKEYMAP=n\nCOMPRESS=lz4\nDEVICE=\nNFSROOT=auto\nRUNSIZE=10%\nFSTYPE={root}\n"
            ),
        ),
        file("etc/initramfs-tools/modules", modules.join("\n") + "\n"),
    ]
}

/// The rescue system: takes its address and name from the kernel command line.
pub fn rescue_files() -> Vec<File> {
    let mut files = vec![
        file("etc/hostname", "rescue\n"),
        file("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 rescue\n"),
        file("etc/fstab", "/dev/vda / ext4 defaults,noatime 0 0\n"),
        file("etc/network/interfaces", "auto lo\niface lo inet loopback\n"),
        file("etc/systemd/journald.conf", "[Journal]\nStorage=volatile\n"),
        (
            "usr/local/sbin/labnet".into(),
            0o755,
            "#!/bin/sh\n\
             for word in $(cat /proc/cmdline); do case $word in labip=*) ip=${word#labip=};; labhost=*) host=${word#labhost=};; esac; done\n\
             for card in /sys/class/net/e*; do card=${card##*/}; ip link set $card up; ip addr add $ip/24 dev $card; break; done\n\
             hostname $host\n"
                .into(),
        ),
        file(
            "etc/systemd/system/labnet.service",
            "[Unit]\nBefore=ssh.service\nDefaultDependencies=no\nAfter=local-fs.target\n\
             [Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/local/sbin/labnet\n[Install]\nWantedBy=multi-user.target\n",
        ),
    ];
    files.extend(initramfs("ext4", &["virtio_pci", "virtio_net", "virtio_blk", "ext4"]));
    files
}

/// The old server.
pub fn old_files(old: &OldServer) -> Vec<File> {
    let (md0, md1) = (old.array_uuid(0), old.array_uuid(1));
    let mut files = vec![
        file("etc/hostname", "srv1\n"),
        file("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 srv1\n"),
        file("etc/machine-id", "5eed5eed5eed4eed8eed5eed5eed5eed\n"),
        file(
            "etc/network/interfaces",
            format!(
                "auto lo\niface lo inet loopback\n\nauto ens3\niface ens3 inet static\n    address {}/24\n    gateway {}\n",
                net::OLD,
                net::LAB
            ),
        ),
        file(
            "etc/udev/rules.d/70-persistent-net.rules",
            format!(
                "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{{address}}==\"{}\", NAME=\"ens3\"\n",
                net::OLD_CARD
            ),
        ),
        file(
            "etc/fstab",
            format!(
                "/dev/mapper/vg0-root / ext4 errors=remount-ro 0 1\n\
                 UUID={} /boot ext4 defaults 0 2\n\
                 /dev/mapper/vg0-var /var xfs defaults 0 2\n\
                 /dev/mapper/vg0-swap_1 none swap sw 0 0\n",
                old.uuid("boot")
            ),
        ),
        file(
            "etc/mdadm/mdadm.conf",
            format!(
                "HOMEHOST <system>\nMAILADDR root\n\
                 ARRAY /dev/md/0 metadata=1.2 UUID={md0} name=srv1:0\n\
                 ARRAY /dev/md/1 metadata=1.2 UUID={md1} name=srv1:1\n"
            ),
        ),
        file(
            "etc/default/grub",
            "GRUB_DEFAULT=0\nGRUB_TIMEOUT=1\nGRUB_DISTRIBUTOR=Debian\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n\
             GRUB_CMDLINE_LINUX=\"console=ttyS0 mitigations=off systemd.show_status=0\"\n\
             GRUB_TERMINAL=serial\nGRUB_DISABLE_OS_PROBER=true\n",
        ),
        file(
            "etc/apt/sources.list",
            format!("deb [trusted=yes] http://{}:{}/ ./\n", net::LAB, crate::apt_repo::PORT),
        ),
        file(
            "etc/systemd/system/rec.service",
            format!(
                "[Unit]\nDescription=numbered records, each acknowledged after its fsync\nAfter=network.target\nRequiresMountsFor=/var/lib/rec\n\
                 [Service]\nExecStart=/usr/local/sbin/witness write /var/lib/rec/stream {}:{}\nRestart=always\nRestartSec=1\n\
                 [Install]\nWantedBy=multi-user.target\n",
                net::LAB,
                witness::PORT
            ),
        ),
    ];
    files.extend(initramfs("auto", &["ahci", "sd_mod", "ext4", "raid1", "dm_mod", "dm_mirror", "dm_raid"]));
    files
}

/// What the builder machine does: md, LVM, file systems and GRUB on the old server's two empty disks. It finds the
/// contents on three more disks: `boot` and `root` as file systems, `var` as a tar archive.
pub fn builder_script(old: &OldServer) -> String {
    let (md0, md1) = (old.array_uuid(0), old.array_uuid(1));
    let boot_mib = old.boot_mib;
    let volumes: String = old
        .volumes
        .iter()
        .map(|Volume { name, mib }| {
            let size = mib.map_or("-l100%FREE".into(), |mib| format!("-L{mib}M"));
            format!("lvcreate -q -Wn -y {size} -n {name} vg0\n")
        })
        .collect();
    let (var, swap) = (old.uuid("var"), old.uuid("swap_1"));
    format!(
        r"set -e
A=/dev/disk/by-id/ata-LABSATA_OLD0 B=/dev/disk/by-id/ata-LABSATA_OLD1
content() {{ readlink -f /dev/disk/by-id/virtio-$1; }}
modprobe -a raid1 dm_mod xfs
for d in $A $B; do printf 'label: dos\nstart=2048,size={boot_mib}M,type=fd,bootable\ntype=fd\n' | sfdisk -q $d; done
udevadm settle
mdadm -q --create /dev/md0 -R -l1 -n2 --assume-clean --metadata=1.2 --uuid={md0} --name=0 --homehost=srv1 $A-part1 $B-part1
mdadm -q --create /dev/md1 -R -l1 -n2 --assume-clean --metadata=1.2 --uuid={md1} --name=1 --homehost=srv1 --bitmap=internal $A-part2 $B-part2
pvcreate -q /dev/md1
vgcreate -q vg0 /dev/md1
{volumes}
dd if=$(content boot) of=/dev/md0 bs=1M conv=sparse,fsync status=none
dd if=$(content root) of=/dev/vg0/root bs=1M conv=sparse,fsync status=none
mkswap -q -U {swap} /dev/vg0/swap_1
mkfs.xfs -q -m uuid={var} /dev/vg0/var
mount /dev/vg0/root /mnt
mount /dev/md0 /mnt/boot
mount /dev/vg0/var /mnt/var
tar -xf $(content var) -C /mnt/var
for d in dev proc sys run; do mount --rbind /$d /mnt/$d; done
for d in $A $B; do chroot /mnt grub-install --no-floppy $d 2>&1; done
chroot /mnt update-grub 2>&1
grep -E 'root=|set root' /mnt/boot/grub/grub.cfg | head -3
vgs; lvs; df -h /mnt /mnt/boot /mnt/var
for d in dev proc sys run; do umount -l /mnt/$d; done
umount /mnt/var /mnt/boot /mnt
vgchange -qan vg0
mdadm -q --stop /dev/md1
mdadm -q --stop /dev/md0
sync
"
    )
}
