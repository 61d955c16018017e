//! What stands in the places of disks: tables, md's members, LVM's labels and groups, file systems.

use std::collections::BTreeMap;

/// A place on a storage medium, whoever looks at it: `NEW0`, `NEW0@2048` (a partition by its first sector), `md:raid1:…`
/// (an array by its members), `md:raid1:…#0` (a volume's extents by the first of them).
pub(super) type Loc = String;

/// Path and file of one file system.
pub(super) type Files = BTreeMap<String, File>;

/// A file, as far as anybody asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct File {
    /// its whole contents
    pub text: String,
    /// permission bits: `0o644`
    pub mode: u32,
}

/// What stands in a place.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// a partition table, on a disk
    Table(Table),
    /// an array's superblock: md(4)
    Member(Member),
    /// LVM's label and metadata: pvcreate(8)
    Pv(PvLabel),
    /// a file system with its files
    Fs(Fs),
    /// a swap area: mkswap(8)
    Swap {
        /// as mkswap was told, or made up by it
        uuid: String,
        /// empty where it has none
        label: String,
    },
    /// half a copy of something: nothing that any tool would recognise
    Torn,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub kind: String,
    pub id: String,
    pub parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Part {
    pub number: u32,
    /// sectors of the disk
    pub start: u64,
    pub size: u64,
    pub kind: String,
    pub uuid: Option<String>,
    pub name: String,
    pub bootable: bool,
}

/// md's superblock on a member.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub uuid: String,
    pub name: String,
    pub level: String,
    pub devices: usize,
    pub slot: usize,
    pub metadata: String,
    pub bitmap: bool,
    /// what was never written to the array may differ from the other members
    pub unlike: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PvLabel {
    pub uuid: String,
    /// its copy of the metadata is not used
    pub ignored: bool,
    /// bytes
    pub size: u64,
    /// the copy of its group's metadata that stands on it
    pub group: Option<Group>,
}

/// A volume group's metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub uuid: String,
    pub name: String,
    pub seqno: u64,
    /// bytes of an extent
    pub extent: u64,
    pub pvs: Vec<GroupPv>,
    pub lvs: Vec<Volume>,
    pub tags: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct GroupPv {
    pub uuid: String,
    /// extents
    pub count: u64,
    pub missing: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segtype {
    Linear,
    Mirror,
    Raid1,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Volume {
    pub uuid: String,
    pub name: String,
    pub segtype: Segtype,
    /// a linear volume has one
    pub legs: Vec<Leg>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Leg {
    pub uuid: String,
    pub extents: Vec<Extents>,
    /// of raid1
    pub meta: Option<Extents>,
    /// nothing is read from it: lvmraid(7)
    pub write_mostly: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Extents {
    pub pv: String,
    pub start: u64,
    pub count: u64,
}

/// A file system as it is on its medium. Of its data only what tests can lose is there: a count of all that was written,
/// and the last record that somebody relies on.
#[derive(Debug, Clone, PartialEq)]
pub struct Fs {
    /// blkid's TYPE: `ext4`, `xfs`, `vfat`
    pub kind: String,
    /// blkid's UUID
    pub uuid: String,
    /// bytes
    pub size: u64,
    /// grows with everything that is written
    pub generation: u64,
    /// the last record on it that somebody outside was told of
    pub records: u64,
    /// mounted for writing, or not taken out of use in order
    pub dirty: bool,
    /// by their paths below its root, with a `/` before
    pub files: Files,
}
