//! How each group gets to new: a closed set of ways, of which each is one. Choices only: the steps are in `course/method`.

use crate::step::How;
use crate::units::Bytes;

/// How a group gets to new.
pub(crate) enum Moves {
    /// its volumes get a second leg on a disk of new, and are cut in two at the cutover: lvconvert(8), vgsplit(8)
    Mirror(Mirrored),
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

impl Moves {
    /// The disks that new offers for it, by their index.
    pub(crate) fn luns(&self) -> Vec<usize> {
        match self {
            Moves::Mirror(mirrored) => vec![mirrored.lun],
        }
    }

    /// What new must offer for it, in the order of [`Moves::luns`]: the index of a store, and bytes that must find room.
    /// Of a group that goes to the store `to` as a whole and needs so many bytes there.
    pub(super) fn offers(&self, to: usize, needs: Bytes) -> Vec<(usize, Bytes)> {
        match self {
            Moves::Mirror(_) => vec![(to, needs)],
        }
    }
}
