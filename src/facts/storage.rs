//! What data stands on: block devices, md arrays, LVM, file systems, swaps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A block device, from lsblk(8) `-J -b`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Block {
    /// `/dev/sda`: true only until the next boot
    pub path: String,
    /// the kernel's name, `sda`, `dm-0`: as true as the path
    pub kname: String,
    /// lsblk's type: `disk`, `part`, `raid1`, `lvm`, `rom`, `loop`
    pub kind: String,
    /// bytes
    pub size: u64,
    /// serial number, as udev has it
    pub serial: Option<String>,
    /// World Wide Name: `0x5000c500a1b2c3d4`, `eui.…`
    pub wwn: Option<String>,
    /// what its maker calls it
    pub model: Option<String>,
    /// how it is connected: `sata`, `nvme`, `iscsi`, `virtio`
    pub tran: Option<String>,
    /// file system or member type: `ext4`, `linux_raid_member`, `LVM2_member`, `swap`
    pub fstype: Option<String>,
    /// of a file system or swap
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// of the file system, swap or member
    pub uuid: Option<String>,
    /// of a partition
    pub partuuid: Option<String>,
    /// name of a partition in a GPT
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partlabel: Option<String>,
    /// partition table type, on disks: `dos`, `gpt`
    pub pttype: Option<String>,
    /// of partitions: `0fc63daf-8483-4772-8e79-3d69d8477de4` in a GPT, `0x83` in a DOS table
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parttype: Option<String>,
    /// where it is mounted; `[SWAP]` for a swap in use
    pub mountpoints: Vec<String>,
    /// logical and physical sector size
    pub log_sec: u64,
    /// bytes of a physical sector
    pub phy_sec: u64,
    /// it turns: `ROTA`
    pub rotational: bool,
    /// its medium can be taken out: `RM`
    pub removable: bool,
    /// it takes no writes: `RO`
    pub read_only: bool,
    /// paths of the devices this one stands on, all the way down (a partition's disk; a volume's array, partitions, disks)
    pub ancestors: Vec<String>,
    /// links in /dev/disk/by-id that point here
    pub by_id: Vec<String>,
    /// links in /dev/disk/by-path that point here
    pub by_path: Vec<String>,
    /// other links below /dev that point here: `/dev/disk/by-dname/sda-part1`, and what rules of udev make
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// kernel modules of the drivers from the device up to its bus, for disks: e.g. `sd_mod`, `virtio_scsi`, `virtio_pci`
    pub drivers: Vec<String>,
    /// of disks that say it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// What a disk says of itself: smartctl(8).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// its own verdict; no: it expects to fail
    pub passed: bool,
    /// sectors that could not be read, or (NVMe, SCSI) how often that happened
    pub unreadable: u64,
}

/// A running md array: mdadm(8) `--detail --export`, /proc/mdstat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Array {
    /// `/dev/md0`
    pub path: String,
    /// md's own form: `11111111:22222222:33333333:44444401`
    pub uuid: String,
    /// `srv1:0`
    pub name: String,
    /// `raid1`, `raid10`
    pub level: String,
    /// number of members it should have
    pub devices: u32,
    /// version of its superblock: `1.2`
    pub metadata: String,
    /// paths of the members it has
    pub members: Vec<String>,
    /// from /proc/mdstat `[UU_U]`: fewer working members than it should have
    pub degraded: bool,
    /// from /proc/mdstat: `resync`, `recovery`, `check`, … while one runs
    pub action: Option<String>,
}

/// A physical volume of LVM: pvs(8).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pv {
    /// `/dev/md1`: true only until the next boot
    pub path: String,
    /// as LVM writes it, in seven groups
    pub uuid: String,
    /// empty where it belongs to no group, `[unknown]` where its group has given it up while it was away: vgs(8) does not
    /// know it, and its label says still that it is in use
    pub vg: String,
    /// bytes
    pub size: u64,
    /// bytes that no volume has
    pub free: u64,
    /// its group lacks it: `pv_missing`
    pub missing: bool,
    /// extents that it has
    pub pe_count: u64,
    /// extents that volumes have
    pub pe_alloc_count: u64,
}

impl Pv {
    pub(crate) fn given_up(&self) -> bool {
        self.vg == "[unknown]"
    }

    /// The group that it belongs to.
    pub fn group(&self) -> Option<&str> {
        Some(self.vg.as_str()).filter(|vg| !vg.is_empty() && !self.given_up())
    }
}

/// A volume group: vgs(8).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Vg {
    /// `vg0`
    pub name: String,
    /// as LVM writes it, in seven groups
    pub uuid: String,
    /// bytes
    pub size: u64,
    /// bytes that no volume has
    pub free: u64,
    /// bytes of an extent
    pub extent_size: u64,
    /// extents in all
    pub extent_count: u64,
    /// extents that no volume has
    pub free_count: u64,
    /// physical volumes that it consists of
    pub pv_count: u64,
    /// volumes that are not hidden
    pub lv_count: u64,
    /// physical volumes of which nothing is to be seen
    pub missing_pv_count: u64,
    /// the system that it belongs to: lvmsystemid(7); empty for any
    pub system_id: String,
    /// `wz--n-`: vgs(8), NOTES
    pub attr: String,
}

/// A logical volume: lvs(8).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lv {
    /// hidden volumes without their brackets
    pub name: String,
    /// a part of another: a leg, a log, metadata
    pub hidden: bool,
    /// the name of its group
    pub vg: String,
    /// as LVM writes it, in seven groups
    pub uuid: String,
    /// bytes
    pub size: u64,
    /// `-wi-ao----`: lvs(8), NOTES
    pub attr: String,
    /// `linear`, `mirror`, `raid1`, `thin-pool`, `striped`, …
    pub segtype: String,
    /// `linear`, `mirror`, `raid,raid1`, word by word
    pub layout: Vec<String>,
    /// `public`, `private`, `snapshot`, word by word
    pub role: Vec<String>,
    /// `100.00`
    pub sync_percent: Option<String>,
    /// of raid types: `idle`, `resync`, `recover`, …
    pub sync_action: Option<String>,
    /// `lv_health_status`: empty where nothing is wrong
    pub health: String,
    /// the kernel has it
    pub active: bool,
    /// dmeventd(8): `monitored`, `not monitored`; `None` where there is nothing to watch
    pub monitor: Option<String>,
    /// what its segments stand on, without extents: `/dev/md1`, `root_mimage_0`, `[unknown]` for a missing one
    pub devices: Vec<String>,
    /// the volume of a mirror's log; `None` for a log in memory
    pub mirror_log: Option<String>,
    /// pieces that it consists of
    pub seg_count: u64,
    /// file system or `swap`, and its UUID: from lsblk
    pub fstype: Option<String>,
    /// UUID of the file system or swap
    pub fs_uuid: Option<String>,
    /// bytes per second that were written to it, on average since the server was booted: /proc/diskstats, /proc/uptime
    #[serde(default)]
    pub write_rate: u64,
}

/// A mounted file system: findmnt(8).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mount {
    /// where it is mounted
    pub target: String,
    /// as the kernel has it: `/dev/mapper/vg0-root`
    pub source: String,
    /// `ext4`, `xfs`
    pub fstype: String,
    /// of the mount point and of the file system
    pub options: Vec<String>,
    /// bytes
    pub size: u64,
    /// bytes in use
    pub used: u64,
    /// bytes that can be had without being root
    pub avail: u64,
    /// of the file system, where it has one
    pub uuid: Option<String>,
}

/// A swap in use: /proc/swaps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Swap {
    /// as /proc/swaps has it: `/dev/dm-1`
    pub path: String,
    /// `partition` or `file`
    pub kind: String,
    /// bytes
    pub size: u64,
    /// bytes that are in it
    #[serde(default)]
    pub used: u64,
}

/// A serial or a name that udev makes from what the disk says of itself.
pub fn identity(disk: &Block) -> String {
    let told = disk.wwn.as_ref().or(disk.serial.as_ref()).or(disk.by_id.first()).or(disk.by_path.first());
    told.unwrap_or(&disk.path).clone()
}
