//! The words among which a plan chooses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kind of partition table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// GUID partition table; on a BIOS machine a small partition for GRUB is added.
    #[default]
    Gpt,
    /// The traditional MBR: at most 2 TiB and 4 partitions.
    Dos,
}

/// An md RAID level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RaidLevel {
    /// Striped, without redundancy: 2 members or more.
    Raid0,
    /// Mirrored: 2 members or more.
    Raid1,
    /// Striped over mirrors, 2 copies: 2 members or more, odd numbers too.
    Raid10,
    /// One member's worth of parity: 3 members or more.
    Raid5,
    /// Two members' worth of parity: 4 members or more.
    Raid6,
}

/// A version of the md metadata.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Metadata {
    /// 4 KiB from the start of the members; what mdadm makes.
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    /// At the end of the members.
    #[serde(rename = "1.0")]
    V1_0,
}

/// How a volume gets to new.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CopyHow {
    /// `raid1` if the volume's disks have a free extent for its metadata, otherwise `mirror`.
    #[default]
    Auto,
    /// An LVM mirror with its log in memory: needs no free extent.
    Mirror,
    /// An LVM raid1: needs one free extent for each copy.
    Raid1,
    /// Made again, empty, with the same UUID and label: for swap.
    Recreate,
    /// Left behind.
    Skip,
}

/// How the groups get to new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// LVM mirrors each volume onto a disk of new, which joins old's group while the copy lasts.
    Mirror,
    /// An md raid1 beneath each live volume copies it into a volume of new's own group. LVM on old is not changed, a reboot
    /// of old ends the copy and nothing else, and after a broken link only what has changed is sent again.
    Below,
}

/// What of a volume is copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Only {
    /// Every block.
    #[default]
    All,
    /// What the mounted file system does not call free, and what is written from then on. Only with `method: below`; of
    /// volumes whose file system has no such map, every block.
    Used,
}

impl Only {
    /// As it is where a plan does not speak of it: what is made of such a plan is what was made of it before the word was there.
    pub(super) fn is_all(&self) -> bool {
        *self == Only::All
    }
}

/// Whether the copies are compared with the originals before they are cut off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// They are not: what the kernel says of them counts.
    #[default]
    Off,
    /// The first MiB of each volume, the last, and 62 between them.
    Sampled,
    /// All that was copied.
    Whole,
}

impl Verify {
    /// As for [`Only`].
    pub(super) fn is_off(&self) -> bool {
        *self == Verify::Off
    }
}

/// How new comes to start the system that moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewBoot {
    /// After the cutover: from rescue new's volumes are checked and mounted, its boot loader is installed, and it boots.
    Rescue,
    /// Before anything is copied: new boots from its own disks into its own initramfs, and holds there until the cutover.
    /// Firmware, boot loader, kernel and drivers are proven before the copy begins, and none of that is in the downtime.
    Held,
}

/// What serves the disks on new.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IscsiServer {
    /// The first that new has: `lio`, then `tgt`.
    #[default]
    Auto,
    /// tgtd, in user space.
    Tgt,
    /// The kernel's own, through configfs.
    Lio,
}

impl RaidLevel {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            RaidLevel::Raid0 => "raid0",
            RaidLevel::Raid1 => "raid1",
            RaidLevel::Raid10 => "raid10",
            RaidLevel::Raid5 => "raid5",
            RaidLevel::Raid6 => "raid6",
        }
    }

    /// The fewest members md takes (md(4)).
    pub(crate) fn fewest_members(self) -> usize {
        match self {
            RaidLevel::Raid0 | RaidLevel::Raid1 | RaidLevel::Raid10 => 2,
            RaidLevel::Raid5 => 3,
            RaidLevel::Raid6 => 4,
        }
    }
}
