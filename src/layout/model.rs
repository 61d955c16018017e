//! What a migration is laid out as: every name of the plan with what it is on the servers.

use super::loader::Loader;
use super::lun::Lun;
use super::moves::Moves;
use crate::family::{Builder, Family};
use crate::plan::{IscsiServer, Table};
use crate::step::{Partition, Yet};
use crate::units::{Bytes, Extents, MIB, SectorSize};

pub struct Layout {
    pub name: String,
    /// of the system that moves
    pub family: Family,
    /// of its initramfs
    pub builder: Builder,
    /// the name of the system that moves
    pub hostname: String,
    pub rescue_hostname: String,
    /// scripts and stamps on either server; a tmpfs, forgotten at a reboot
    pub run: String,
    /// what must survive a reboot of old
    pub keep: String,
    /// what starts the system on new
    pub loader: Loader,
    pub disks: Vec<Disk>,
    pub table: Table,
    /// what takes data: the arrays, then partitions that stand alone
    pub stores: Vec<Store>,
    /// what new offers to old
    pub luns: Vec<Lun>,
    pub boot: Option<Boot>,
    pub groups: Vec<Group>,
    /// everything that is mounted from what moves, in the order of mounting
    pub mounts: Vec<MovedMount>,
    pub swaps: Vec<String>,
    pub server: IscsiServer,
    pub portal_address: String,
    /// by which old comes to the portal
    pub initiator_address: String,
    pub port: u16,
    pub chap_user: String,
    pub initiator: String,
    /// where old's initiator keeps its records of targets
    pub iscsi_nodes: String,
    pub timeout: u64,
    pub resync_limit: u32,
    pub region: u32,
    pub parallel: usize,
    pub stop: Vec<String>,
    /// what could write to what travels when the plan was made, and what the cutover ends
    pub yet: Yet,
    /// active timers of old whose work disturbs a copy
    pub timers: Vec<String>,
    pub packages: Vec<(String, String)>,
    pub card: Option<Card>,
    /// cloud-init runs on old, and is not to run on new
    pub cloud_init: bool,
    /// what the files of old make of the system when it boots, and new must show when it serves
    pub lasting: Lasting,
    pub kernels: Vec<String>,
    /// modules that the initramfs must have for new
    pub modules: Vec<String>,
    /// texts of old's files
    pub files: std::collections::BTreeMap<String, String>,
    pub new_lvmlocal: Option<String>,
    /// an ARRAY line of mdadm.conf(5) for each array that runs on old
    pub old_arrays: Vec<String>,
}

/// The network card that takes the place of old's.
pub struct Card {
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
pub struct Lasting {
    /// `None`: the name comes from elsewhere
    pub hostname: Option<String>,
    /// with their prefixes
    pub addresses: Vec<String>,
    /// mount points with their file system type
    pub mounts: Vec<(String, String)>,
    /// of the units that are stopped
    pub units: Vec<String>,
}

pub struct Disk {
    pub name: String,
    pub by_id: String,
    pub serials: Vec<String>,
    pub sector: SectorSize,
    /// for people
    pub label: String,
    /// `None`: it is blank
    pub has: Option<String>,
    pub parts_now: Vec<String>,
    pub arrays_now: Vec<String>,
    pub table_id: String,
    pub partitions: Vec<Partition>,
}

/// A block device of new: an array, or a partition of one disk.
pub struct Store {
    pub name: String,
    /// its lasting path
    pub path: String,
    /// what it will have, never too much
    pub capacity: Bytes,
    pub sector: SectorSize,
    pub made: Made,
}

pub enum Made {
    Array(Array),
    /// the index of its disk
    Partition(usize),
}

pub struct Array {
    pub device: String,
    pub uuid: String,
    /// md's own name, after the host's
    pub md_name: String,
    pub level: String,
    pub metadata: String,
    pub members: Vec<String>,
    /// what the smallest of its members has
    pub member_size: Bytes,
}

impl Layout {
    /// Where old keeps, in memory, which units ran before a step stopped them.
    pub fn ran(&self, step: &str) -> String {
        format!("{}/{step}.ran", self.run)
    }

    /// The arrays, each with the store that it is.
    pub fn arrays(&self) -> impl Iterator<Item = (&Store, &Array)> {
        self.stores.iter().filter_map(|store| match &store.made {
            Made::Array(array) => Some((store, array)),
            Made::Partition(_) => None,
        })
    }
}

impl Store {
    /// What people call it: `md0`, `partition data`
    pub fn label(&self) -> String {
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
    pub fn extents(&self, extent: Bytes) -> Extents {
        let members = match &self.made {
            Made::Array(array) => array.members.len() as u64,
            Made::Partition(_) => 1,
        };
        let stripe = Bytes(MIB.times(members).0 / 2);
        self.capacity.less(stripe.max(MIB) + MIB).extents(extent)
    }
}

pub struct Boot {
    /// mount point
    pub target: String,
    /// the block device on old, by its UUID
    pub device: String,
    pub size: Bytes,
    /// index of the store that takes it
    pub to: usize,
    /// index of the disk that new offers for it
    pub lun: usize,
}

pub struct Group {
    pub vg: String,
    pub moves: Moves,
    /// index of the store that takes it
    pub to: usize,
    pub pv_uuid: String,
    /// of one extent
    pub extent: Bytes,
    /// UUIDs of the physical volumes on old
    pub old_pvs: Vec<String>,
    /// what must find room
    pub needs: Bytes,
    pub copied: Vec<CopiedVolume>,
    pub recreated: Vec<Recreated>,
    pub grown: Vec<Grown>,
}

impl Group {
    /// The disk on new as LVM on old is told of it, once it has its label. Not by its path: lvconvert(8) takes what
    /// follows a colon for a range of extents.
    pub fn pv(&self) -> String {
        format!("/dev/disk/by-id/lvm-pv-uuid-{}", self.pv_uuid)
    }

    /// The names of all its volumes on new, copied or made again.
    pub fn volumes(&self) -> Vec<String> {
        let copied = self.copied.iter().map(|copied| copied.lv.clone());
        copied.chain(self.recreated.iter().map(|made| made.lv.clone())).collect()
    }
}

pub struct CopiedVolume {
    pub lv: String,
    pub size: Bytes,
    pub fstype: Option<String>,
}

pub struct Recreated {
    pub lv: String,
    pub size: Bytes,
    pub uuid: String,
}

pub struct Grown {
    pub lv: String,
    pub from: Bytes,
    /// `None`: whatever is left
    pub to: Option<Bytes>,
    pub fstype: String,
    pub target: String,
}

pub struct MovedMount {
    pub target: String,
    /// on new: `/dev/mapper/vg0-root`, or the boot array
    pub source: String,
    /// its block device on old: `/dev/mapper/vg0-root`
    pub on_old: String,
    pub fstype: String,
}
