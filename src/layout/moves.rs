//! How each group gets to new: a closed set of ways, of which each is one. Choices only: the steps are in `course/method`.

use crate::step::How;
use crate::units::{Bytes, MIB};

/// How a group gets to new.
pub(crate) enum Moves {
    /// its volumes get a second leg on a disk of new, and are cut in two at the cutover: lvconvert(8), vgsplit(8)
    Mirror(Mirrored),
    /// new has a group of its own, and each volume of old is copied into one of its volumes by an array beneath it: md(4)
    Below(Below),
}

/// What is chosen for a group that is mirrored.
pub(crate) struct Mirrored {
    /// index of the disk that new offers for it
    pub lun: usize,
    /// the name of its half on new, while it travels
    pub travels: String,
    /// in the order of the group's copied volumes
    pub legs: Vec<Leg>,
}

/// A volume's leg on new.
pub(crate) struct Leg {
    /// its name, while it travels
    pub travels: String,
    /// raid1, or a mirror whose log is kept in memory
    pub how: How,
}

/// What is chosen for a group that is copied from below.
pub(crate) struct Below {
    /// in the order of the group's copied volumes
    pub arrays: Vec<Under>,
}

/// The array beneath a volume.
pub(crate) struct Under {
    /// index of the disk that new offers for it
    pub lun: usize,
    /// `/dev/md300`
    pub number: u32,
    /// md's form
    pub uuid: String,
    /// where what md keeps of its two legs begins in old's RAM disk
    pub at: Bytes,
    /// for a bit of the bitmap
    pub chunk: Bytes,
    /// what its file system used when the facts were read: only what it uses is copied; `None`: all of the volume
    pub used: Option<Bytes>,
}

impl Under {
    /// In the RAM disk, for what md keeps of both legs: superblock, and a bitmap of at most 128 KiB at a member's end.
    pub(super) const ROOM: Bytes = MIB.times(8);

    /// mdadm gives the bitmap of a member at most 128 KiB, 64 KiB below 200 GiB: super1.c, choose_bm_space
    pub(super) fn chunk(size: Bytes) -> Bytes {
        let least = size.0.div_ceil(500_000).next_power_of_two();
        Bytes(least).max(MIB)
    }
}

impl Moves {
    /// The disks that new offers for it, by their index.
    pub(crate) fn luns(&self) -> Vec<usize> {
        match self {
            Moves::Mirror(mirrored) => vec![mirrored.lun],
            Moves::Below(below) => below.arrays.iter().map(|under| under.lun).collect(),
        }
    }
}
