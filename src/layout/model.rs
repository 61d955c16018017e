//! What a migration is laid out as: every name of the plan with what it is on the servers.

use super::loader::Loader;
use super::lun::Lun;
use super::moves::Moves;
use super::start::Start;
use crate::family::{Builder, Family};
use crate::plan::{Table, Verify};
use crate::step::{Partition, Yet, by_label};
use crate::units::{Bytes, Extents, MIB, SectorSize};

/// A migration, laid out.
pub(crate) struct Layout {
    /// the migration's, out of its plan
    pub name: String,
    /// of the system that moves
    pub family: Family,
    /// of its initramfs
    pub builder: Builder,
    /// the name of the system that moves
    pub hostname: String,
    /// what new's rescue system called itself when the facts were read
    pub rescue_hostname: String,
    /// scripts and stamps on either server; a tmpfs, forgotten at a reboot
    pub run: String,
    /// what must survive a reboot of old
    pub keep: String,
    /// what starts the system on new
    pub loader: Loader,
    /// how it comes to do so
    pub start: Start,
    /// those of the plan, in its order
    pub disks: Vec<Disk>,
    /// the kind of partition table that they get
    pub table: Table,
    /// what takes data: the arrays, then partitions that stand alone
    pub stores: Vec<Store>,
    /// what new offers to old
    pub luns: Vec<Lun>,
    /// `None`: the plan names none
    pub boot: Option<Boot>,
    /// the volume groups that move, in the order of the plan
    pub groups: Vec<Group>,
    /// everything that is mounted from what moves, in the order of mounting
    pub mounts: Vec<MovedMount>,
    /// the swaps of old that stand on what moves, by the paths of their blocks
    pub swaps: Vec<String>,
    /// where new offers its disks
    pub portal_address: String,
    /// by which old comes to the portal
    pub initiator_address: String,
    /// TCP port of the portal
    pub port: u16,
    /// as whom old logs in to new's targets
    pub chap_user: String,
    /// old's initiator name, an IQN
    pub initiator: String,
    /// where old's initiator keeps its records of targets
    pub iscsi_nodes: String,
    /// seconds for which a broken link holds up writes, where the plan says: iscsid.conf, node.session.timeo.replacement_timeout
    pub timeout: Option<u64>,
    /// KiB/s at which new's arrays may resync: md(4), speed_limit_max
    pub resync_limit: u32,
    /// MiB of a mirror's region: lvmraid(7)
    pub region: u32,
    /// of old's RAM disk, for what md keeps of copies from below; `None`: there are none
    pub ram_disk: Option<Bytes>,
    /// how many volumes are copied at a time
    pub parallel: usize,
    /// old is switched off by replant while its copies are in sync: nothing on its disks has to be changed before, and
    /// the loss of its power is the cut
    pub power_cuts: bool,
    /// the most that is copied of one volume in a second
    pub rate: Option<Bytes>,
    /// seconds for which nobody need be heard of before old's services come back by themselves; `None`: they do not
    pub dead_man: Option<u64>,
    /// whether copies are compared with the originals before they are cut off
    pub verify: Verify,
    /// units that the cutover stops, in this order
    pub stop: Vec<String>,
    /// what could write to what travels when the plan was made, and what the cutover ends
    pub yet: Yet,
    /// active timers of old whose work disturbs a copy
    pub timers: Vec<String>,
    /// packages that old must get for its iSCSI initiator, by name and version
    pub packages: Vec<(String, String)>,
    /// `None`: of one of the servers it cannot be told which card it is reached by
    pub card: Option<Card>,
    /// cloud-init runs on old, and is not to run on new
    pub cloud_init: bool,
    /// what the files of old make of the system when it boots, and new must show when it serves
    pub lasting: Lasting,
    /// versions of old's kernels that have an initramfs
    pub kernels: Vec<String>,
    /// modules that the initramfs must have for new
    pub modules: Vec<String>,
    /// texts of old's files
    pub files: std::collections::BTreeMap<String, String>,
    /// the text of lvmlocal.conf on new's rescue system: lvm.conf(5)
    pub new_lvmlocal: Option<String>,
    /// an ARRAY line of mdadm.conf(5) for each array that runs on old
    pub old_arrays: Vec<String>,
}

/// The network card that takes the place of old's.
pub(crate) struct Card {
    /// on old
    pub name: String,
    /// MAC address of new's
    pub mac: String,
    /// udev on old reads .link files
    pub links: bool,
    /// on old it has its name from 70-persistent-net.rules
    pub by_rule: bool,
}

/// What stands in old's files, as opposed to what somebody or something did since it booted.
pub(crate) struct Lasting {
    /// `None`: the name comes from elsewhere
    pub hostname: Option<String>,
    /// with their prefixes
    pub addresses: Vec<String>,
    /// mount points with their file system type
    pub mounts: Vec<(String, String)>,
    /// of the units that are stopped
    pub units: Vec<String>,
}

/// A disk of new that the plan names: it is wiped.
pub(crate) struct Disk {
    /// in the plan
    pub name: String,
    /// its lasting path: `/dev/disk/by-id/…`
    pub by_id: String,
    /// its serial number, where it has one: the migrated system is known by such
    pub serials: Vec<String>,
    /// of a logical sector
    pub sector: SectorSize,
    /// for people: name in the plan, serial
    pub label: String,
    /// `None`: it is blank
    pub has: Option<String>,
    /// partitions that go, last first
    pub parts_now: Vec<String>,
    /// arrays that are stopped first
    pub arrays_now: Vec<String>,
    /// GPT: a UUID; DOS: `0x12345678`
    pub table_id: String,
    /// those that it gets, the loader's first
    pub partitions: Vec<Partition>,
}

/// A block device of new: an array, or a partition of one disk.
pub(crate) struct Store {
    /// in the plan: `md0`, or that of a partition
    pub name: String,
    /// its lasting path
    pub path: String,
    /// bytes that it will have, never too much
    pub capacity: Bytes,
    /// of a logical sector: the largest of its disks
    pub sector: SectorSize,
    /// of what
    pub made: Made,
}

/// What a store is made as.
pub(crate) enum Made {
    /// with an md superblock on each of its members
    Array(Array),
    /// the index of its disk
    Partition(usize),
}

/// An md array that is made on new: mdadm(8).
pub(crate) struct Array {
    /// `/dev/md0`
    pub device: String,
    /// md's form: four groups of eight hexadecimal digits
    pub uuid: String,
    /// md's own name, after the host's
    pub md_name: String,
    /// `raid1`, `raid10`, …
    pub level: String,
    /// it need not be made alike before the copy: it has whole copies, and all that will be read is written first
    pub assume_clean: bool,
    /// version of its superblock: md(4)
    pub metadata: String,
    /// `/dev/disk/by-partuuid/…`
    pub members: Vec<String>,
    /// bytes that the smallest of its members has
    pub member_size: Bytes,
}

impl Layout {
    /// Where old keeps, in memory, which units ran before a step stopped them.
    pub(crate) fn ran(&self, step: &str) -> String {
        format!("{}/{step}.ran", self.run)
    }

    /// Where GRUB finds its files when new first boots, where that is no volume: the store, and the disk that new offers
    /// for it.
    pub(crate) fn boots_from(&self) -> Option<(&Store, &Lun)> {
        let boot = self.boot.as_ref().map(|boot| (boot.to, boot.lun));
        let (to, lun) = boot.or(self.start.place().map(|place| (place.to, place.lun)))?;
        Some((&self.stores[to], &self.luns[lun]))
    }

    /// The arrays, each with the store that it is.
    pub(crate) fn arrays(&self) -> impl Iterator<Item = (&Store, &Array)> {
        self.stores.iter().filter_map(|store| match &store.made {
            Made::Array(array) => Some((store, array)),
            Made::Partition(_) => None,
        })
    }
}

impl Store {
    /// What people call it: `md0`, `partition data`
    pub(crate) fn label(&self) -> String {
        match self.made {
            Made::Array(_) => self.name.clone(),
            Made::Partition(_) => format!("partition {}", self.name),
        }
    }

    /// `array md0`, `partition data`
    pub(crate) fn in_a_sentence(&self) -> String {
        match self.made {
            Made::Array(_) => format!("array {}", self.name),
            Made::Partition(_) => self.label(),
        }
    }

    /// Extents of a group that it holds. Before the first of them are LVM's label and metadata, 1 MiB or a whole stripe
    /// (pvcreate(8), --dataalignment); a MiB more may be lost where it is seen over iSCSI.
    pub(crate) fn extents(&self, extent: Bytes) -> Extents {
        let members = match &self.made {
            Made::Array(array) => array.members.len() as u64,
            Made::Partition(_) => 1,
        };
        let stripe = Bytes(MIB.times(members).0 / 2);
        self.capacity.less(stripe.max(MIB) + MIB).extents(extent)
    }
}

/// A boot file system that stands outside of LVM on old: it is copied as it is.
pub(crate) struct Boot {
    /// mount point
    pub target: String,
    /// the block device on old, by its UUID
    pub device: String,
    /// bytes of that device
    pub size: Bytes,
    /// index of the store that takes it
    pub to: usize,
    /// index of the disk that new offers for it
    pub lun: usize,
}

/// A volume group that moves.
pub(crate) struct Group {
    /// its name, on old and on new
    pub vg: String,
    /// its way to new
    pub moves: Moves,
    /// index of the store that takes it
    pub to: usize,
    /// of the physical volume on new, decided beforehand
    pub pv_uuid: String,
    /// bytes of one extent
    pub extent: Bytes,
    /// UUIDs of the physical volumes on old
    pub old_pvs: Vec<String>,
    /// bytes that must find room
    pub needs: Bytes,
    /// volumes that are mirrored
    pub copied: Vec<CopiedVolume>,
    /// swaps that are made again, empty
    pub recreated: Vec<Recreated>,
    /// volumes that grow after the change of servers
    pub grown: Vec<Grown>,
}

impl Group {
    /// The disk on new as LVM on old is told of it, once it has its label. Not by its path: lvconvert(8) takes what
    /// follows a colon for a range of extents.
    pub(crate) fn pv(&self) -> String {
        by_label(&self.pv_uuid)
    }

    /// The names of all its volumes on new, copied or made again.
    pub(crate) fn volumes(&self) -> Vec<String> {
        let copied = self.copied.iter().map(|copied| copied.lv.clone());
        copied.chain(self.recreated.iter().map(|made| made.lv.clone())).collect()
    }
}

/// A volume with its data.
pub(crate) struct CopiedVolume {
    /// its name within the group
    pub lv: String,
    /// bytes to copy
    pub size: Bytes,
    /// `None`: nothing that blkid(8) knows
    pub fstype: Option<String>,
}

/// A swap that new gets in place of old's.
pub(crate) struct Recreated {
    /// its name within the group
    pub lv: String,
    /// bytes
    pub size: Bytes,
    /// that of old's swap, where it has one: fstab may name it
    pub uuid: String,
}

/// A volume that grows, with its file system.
pub(crate) struct Grown {
    /// its name within the group
    pub lv: String,
    /// bytes on old
    pub from: Bytes,
    /// bytes; `None`: whatever is left
    pub to: Option<Bytes>,
    /// `xfs`, or one of ext2, ext3, ext4
    pub fstype: String,
    /// where it is mounted, for both grow while they are
    pub target: String,
}

/// A file system that is mounted from what moves.
pub(crate) struct MovedMount {
    /// mount point
    pub target: String,
    /// on new: `/dev/mapper/vg0-root`, or the boot array
    pub source: String,
    /// its block device on old: `/dev/mapper/vg0-root`
    pub on_old: String,
    /// as mountinfo has it: proc(5)
    pub fstype: String,
}
