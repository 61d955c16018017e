//! Sizes of disks and volumes, each a type of its own: bytes, logical blocks of a disk and extents of a group cannot be added
//! to each other, and nothing is multiplied by a factor that is only hoped to be the right one. Written down, each is its
//! number.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(
            /// how many
            pub u64,
        );

        impl Add for $name {
            type Output = $name;

            fn add(self, more: $name) -> $name {
                $name(self.0 + more.0)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, more: $name) {
                self.0 += more.0;
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = $name>>(all: I) -> $name {
                $name(all.map(|one| one.0).sum())
            }
        }
    };
}

unit! {
    /// Bytes.
    Bytes
}

unit! {
    /// Logical blocks of one disk, as a partition table counts them: nothing without the [`SectorSize`] of that disk.
    Sectors
}

unit! {
    /// Extents of one volume group: nothing without the size of an extent, which the group has.
    Extents
}

/// Bytes of a logical block: 512 or 4096.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct SectorSize(u64);

/// 2^20 bytes: partitions begin and end at multiples of it.
pub const MIB: Bytes = Bytes(1 << 20);

impl SectorSize {
    /// What all disks have that say nothing else.
    pub const LEAST: SectorSize = SectorSize(512);

    /// As lsblk(8) says it (`LOG-SEC`), which says 0 where it does not know.
    pub fn of(log_sec: u64) -> SectorSize {
        SectorSize(log_sec).max(SectorSize::LEAST)
    }

    /// In bytes.
    pub fn bytes(self) -> Bytes {
        Bytes(self.0)
    }
}

impl Bytes {
    /// What is left of it; nothing where `less` is more than there is.
    pub fn less(self, less: Bytes) -> Bytes {
        Bytes(self.0.saturating_sub(less.0))
    }

    /// So many of it.
    pub const fn times(self, count: u64) -> Bytes {
        Bytes(self.0 * count)
    }

    /// The largest multiple of `step` that fits into it.
    pub fn down_to(self, step: Bytes) -> Bytes {
        Bytes(self.0 / step.0 * step.0)
    }

    /// The smallest multiple of `step` that it fits into.
    pub fn up_to(self, step: Bytes) -> Bytes {
        Bytes(self.0.div_ceil(step.0) * step.0)
    }

    /// Whole logical blocks in it.
    pub fn sectors(self, size: SectorSize) -> Sectors {
        Sectors(self.0 / size.0)
    }

    /// Whole extents of this size in it.
    pub fn extents(self, extent: Bytes) -> Extents {
        Extents(self.0 / extent.0)
    }

    /// Whole MiB in it, for people.
    pub fn mib(self) -> u64 {
        self.0 / MIB.0
    }

    /// GiB, for people.
    pub fn gib(self) -> f64 {
        self.0 as f64 / (1u64 << 30) as f64
    }
}

impl Sectors {
    /// In bytes, on a disk with blocks of this size.
    pub fn bytes(self, size: SectorSize) -> Bytes {
        size.bytes().times(self.0)
    }
}

impl Extents {
    /// In bytes, in a group with extents of this size.
    pub fn bytes(self, extent: Bytes) -> Bytes {
        extent.times(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_becomes_another_only_by_what_makes_it_one() {
        let large = SectorSize::of(4096);
        assert_eq!(MIB.sectors(SectorSize::of(0)), Sectors(2048));
        assert_eq!((MIB.sectors(large), Sectors(256).bytes(large)), (Sectors(256), MIB));
        assert_eq!((MIB + Bytes(1)).up_to(MIB), MIB.times(2));
        assert_eq!((MIB + Bytes(1)).down_to(MIB), MIB);
        assert_eq!(MIB.less(MIB.times(2)), Bytes(0));
        let extent = MIB.times(4);
        assert_eq!((MIB.times(11).extents(extent), Extents(2).bytes(extent)), (Extents(2), MIB.times(8)));
        assert_eq!([MIB, MIB].into_iter().sum::<Bytes>().mib(), 2);
    }

    #[test]
    fn written_down_each_is_its_number() {
        assert_eq!(serde_json::to_string(&(Bytes(5), Sectors(6), SectorSize::LEAST)).unwrap(), "[5,6,512]");
        assert_eq!(serde_json::from_str::<Bytes>("5").unwrap(), Bytes(5));
    }
}
