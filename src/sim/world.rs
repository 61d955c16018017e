//! Everything there is of the two servers, as one value that can be copied and compared.

use std::collections::BTreeMap;

use super::switch::{Control, Person};
use super::written::{Files, Loc, Member, Written};
use crate::host::Server;

/// How identifiers begin that a tool made up, and nobody decided.
const MADE: &str = "simmed";

/// An identifier, unless a tool made it up.
pub(super) fn decided(uuid: &str) -> &str {
    if uuid.starts_with(MADE) { "-" } else { uuid }
}

/// Both servers, and what is written on all their disks.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// the machine of the old server
    pub old: Machine,
    /// the machine of the new server, whatever runs on it
    pub new: Machine,
    /// what is written where; a place that is not in it is blank
    pub places: BTreeMap<Loc, Written>,
    /// GRUB in the first sectors of disks: file system that it reads its files from, by the UUID
    pub grub: BTreeMap<String, String>,
    /// the last record that somebody outside was told of, by the UUID of its file system
    pub acknowledged: BTreeMap<String, u64>,
    /// seconds; each command takes some
    pub moment: u64,
    /// of names that nobody decides
    pub counter: u64,
    /// how much a copy advances between two looks, in hundredths
    pub pace: u32,
    /// file systems that have lost what was in memory when old's power was taken
    pub lost: Vec<Loc>,
    /// the servers reach each other
    pub link_up: bool,
    /// the rescue system assembles, at boot, what arrays it finds
    pub rescue_assembles: bool,
    /// old's ext4 file systems have a feature that the rescue system's e2fsck does not know
    pub modern: bool,
    /// the network of IPv6 that a router announces: `2001:db8:7::`
    pub announced: Option<String>,
    /// how each server is switched
    pub controls: BTreeMap<Server, Control>,
    /// who is asked where a server is switched by hand
    pub person: Person,
    /// whom a switch finds at an address that both have: both can be up where somebody else switches one on
    pub louder: Server,
    /// what a network configuration that is not read (netplan, networkd, NetworkManager) gives to the card of this name
    pub given_addresses: Option<(String, Vec<String>)>,
    /// new, booted from its own disks, does not come as far as its hold: the last line on its console
    pub stuck: Option<String>,
    /// new boots its rescue system, whatever it is told to boot from
    pub rescue_first: bool,
    /// what consoles have shown is read by a command
    pub consoles: BTreeMap<Server, String>,
    /// and that command fails
    pub console_fails: bool,
    /// what is rehearsed on new writes to new's volumes all the same
    pub leaks: bool,
}

/// What runs on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum System {
    /// nothing runs, or it does not answer: why
    None(String),
    /// the rescue system, which is in memory
    Rescue,
    /// an initramfs that waits to be told to go on
    Hold,
    /// from its own disks
    Own,
}

/// One server.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    pub server: Server,
    pub on: bool,
    /// it is on, and will be in its firmware for so many looks more
    pub firmware: Option<usize>,
    pub system: System,
    pub boots: u32,
    /// it boots from its own disks from now on
    pub own_disks: bool,
    /// `/sys/class/dmi/id/product_uuid`
    pub uuid: String,
    pub disks: Vec<Disk>,
    pub card: Card,
    /// bytes
    pub memory: u64,
    pub uefi: bool,
    /// what the rescue system's file system holds at boot
    pub rescue: Files,
    pub rescue_hostname: String,
    /// with their prefixes, in the rescue system
    pub rescue_addresses: Vec<String>,
    /// commands that the running system lacks
    pub lacks: Vec<String>,
    /// kernel modules that can be loaded
    pub modules: Vec<String>,
    /// units that start at boot, and what they write to
    pub units: Vec<Unit>,
    /// packages that apt would install for the initiator: (name, version)
    pub apt: Vec<(String, String)>,
    pub run: Run,
}

/// A unit of systemd, and what it does to files while it runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Unit {
    /// with its suffix: `postgresql.service`
    pub name: String,
    /// directories that it writes to while it runs
    pub writes: Vec<String>,
    /// it tells somebody outside of each thing that it has written
    pub acknowledges: bool,
    /// started again by these as long as one of them is active
    pub woken_by: Vec<String>,
    /// it is not started at boot
    pub disabled: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Disk {
    pub serial: String,
    pub wwn: Option<String>,
    pub model: String,
    /// `sata`; virtual disks have none
    pub tran: Option<String>,
    /// bytes
    pub size: u64,
    /// bytes of a logical block
    pub sector: u64,
    /// modules of its drivers, from the disk to the bus
    pub drivers: Vec<String>,
    pub by_path: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    pub mac: String,
    /// the name it has by itself
    pub name: String,
    /// the name that the rescue system gives it
    pub in_rescue: String,
    pub drivers: Vec<String>,
}

/// What a boot makes and the next one forgets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Run {
    /// when it was
    pub booted: u64,
    pub hostname: String,
    /// of the card
    pub card: String,
    /// what stands on the card and has its addresses
    pub vlan: Option<String>,
    /// with prefix
    pub addresses: Vec<String>,
    /// the address that the server made itself of the card's and of what a router announces
    pub made: Option<String>,
    pub mounts: Vec<Mounted>,
    /// file systems in memory, by name
    pub ram: BTreeMap<String, Files>,
    pub arrays: Vec<Running>,
    /// in the order in which they were activated
    pub active: Vec<Active>,
    /// locations of swaps in use
    pub swaps: Vec<Loc>,
    pub units: BTreeMap<String, bool>,
    pub sysctls: BTreeMap<String, String>,
    pub tgt: Option<Tgt>,
    pub lio: Vec<Target>,
    pub sessions: Vec<Session>,
    pub kernel_log: Vec<String>,
    /// programs that belong to no unit, or to one that nobody planned
    pub processes: Vec<Process>,
    /// units (and systemd itself, `init.scope`) that use files which an upgrade has replaced, below these directories
    pub stale: BTreeMap<String, Vec<String>>,
    pub loops: Vec<LoopDevice>,
    /// labels of LVM that udev has not read: it is told of what is written there, but perhaps only later
    pub unnamed: Vec<Loc>,
    /// arrays beneath volumes
    pub below: Vec<Under>,
    /// KiB of the RAM disk
    pub ram_disk: Option<u64>,
    /// what runs on snapshots, and goes with the next boot
    pub rehearsal: Option<Rehearsing>,
    /// file systems of which something is in memory only
    pub unsynced: Vec<Loc>,
    /// file systems that were unmounted lazily and are in use all the same
    pub lazy: Vec<Loc>,
    /// a runner that starts services again
    pub watch: Option<Watch>,
}

/// A runner that starts services again if nobody is heard of.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    /// what it knows
    pub dir: String,
    /// its unit
    pub unit: String,
    /// seconds
    pub after: u64,
    /// milliseconds for which nobody was
    pub unheard: u64,
}

/// A program that runs beside the planned units: started by a person, or by somebody else's unit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Process {
    /// its number, which is its name below `/proc`
    pub pid: u32,
    /// `/proc/PID/comm`
    pub name: String,
    /// empty, or a scope, or a service
    pub unit: String,
    /// its mount namespace; 0: what a login sees
    pub namespace: u32,
    /// directories in which it has files open for writing
    pub writes: Vec<String>,
    /// directories of which it uses a file that is deleted
    pub deleted: Vec<String>,
    /// devices that it writes to
    pub raw: Vec<String>,
    /// it tells somebody outside of each thing that it has written
    pub acknowledges: bool,
    /// no signal ends it
    pub stubborn: bool,
}

/// A loop device in use: losetup(8).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoopDevice {
    /// `/dev/loop0`
    pub path: String,
    /// the file that it stands on
    pub file: String,
    /// set up with `--read-only`
    pub read_only: bool,
}

/// A mount point of the running system.
#[derive(Debug, Clone, PartialEq)]
pub struct Mounted {
    /// as in /proc/self/mounts
    pub source: String,
    /// the directory that it is mounted on
    pub target: String,
    /// as the kernel calls it: `ext4`, `tmpfs`
    pub fstype: String,
    /// the file system as a whole
    pub read_only: bool,
    /// this mount point alone: `remount,bind,ro`
    pub point_ro: bool,
    /// 0: what a login sees
    pub namespace: u32,
    /// separated by commas, as in /proc/self/mounts
    pub options: String,
    /// where its files are
    pub backing: Backing,
    /// the directory of the backing that is to be seen here
    pub root: String,
    /// it shows again what is mounted elsewhere: `mount --bind`
    pub bind: bool,
}

/// Where the files of a mount are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backing {
    /// in the file system of this place
    Disk(Loc),
    /// in memory, under this name: gone with the next boot
    Ram(String),
    /// proc, sysfs, devtmpfs: the kernel's own
    Kernel,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Running {
    /// `md0`
    pub name: String,
    pub uuid: String,
    pub loc: Loc,
    pub members: Vec<Loc>,
    /// members that md has given up
    pub failed: Vec<Loc>,
    /// still building itself
    pub resync: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Active {
    /// of the volume
    pub uuid: String,
    /// of a mirror: hundredths that are the same on both legs
    pub synced: u32,
    /// a letter for each leg
    pub health: String,
    /// dmeventd has it in its list
    pub watched: bool,
    /// the second leg lacks something, and the kernel does not know
    pub lost: bool,
}

/// An array beneath a volume.
#[derive(Debug, Clone, PartialEq)]
pub struct Under {
    /// the volume, as device-mapper calls it
    pub volume: String,
    /// of the array: `/dev/md300`
    pub number: u32,
    /// of the array, in md's form
    pub uuid: String,
    /// the volume lies on it: what is written there is seen by md
    pub beneath: bool,
    /// the leg on new
    pub leg: Option<NewLeg>,
    /// md remembers a leg on new: taken in again, it gets what has changed
    pub known: bool,
    /// the leg that it remembers lacks something that md does not know of
    pub lost: bool,
    /// md has sent what was on the volume before the array was beneath it, or has bits for all of that which is in use
    pub whole: bool,
    /// hundredths that the leg has, or does not need, when it is taken in again
    pub spared: u32,
}

/// A leg on new.
#[derive(Debug, Clone, PartialEq)]
pub struct NewLeg {
    /// where its data is
    pub loc: Loc,
    /// kernel name of its disk
    pub disk: String,
    /// hundredths that are the same as on old
    pub synced: u32,
    /// md has given it up
    pub faulty: bool,
}

/// A system that runs on snapshots.
#[derive(Debug, Clone, PartialEq)]
pub struct Rehearsing {
    /// both servers as it sees them: whatever it writes stays in there
    pub world: Box<World>,
    /// it has been looked at so often
    pub looks: usize,
    /// sectors that it has written to what must not be written to
    pub written: u64,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tgt {
    /// when it was started
    pub since: u64,
    pub portals: Vec<String>,
    pub targets: Vec<Target>,
}

/// A target, of either iSCSI server.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Target {
    pub iqn: String,
    /// LIO's name of the backstore
    pub name: String,
    pub device: String,
    pub serial: String,
    pub portal: String,
    /// address (tgt) or name (LIO) of who may log in
    pub initiator: String,
    pub user: String,
    pub secret: String,
    /// what it proves itself with
    pub back: (String, String),
    pub lun: u32,
    pub block: u64,
    /// what it acknowledges is on the disk, and not in the memory of new only
    pub sync: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    pub iqn: String,
    /// `10.77.0.22:3260`
    pub portal: String,
    /// kernel name of the disk
    pub disk: String,
    pub serial: String,
    pub lun: u32,
    pub size: u64,
    pub sector: u64,
    /// what the disk stands for, while the session lives
    pub loc: Loc,
    pub live: bool,
    /// udev has its numbers: it asked when the disk answered
    pub told: bool,
}

impl World {
    pub(super) fn machine(&self, server: Server) -> &Machine {
        match server {
            Server::Old => &self.old,
            Server::New => &self.new,
        }
    }

    /// One of the two, to be changed from outside: what somebody does to it, or what breaks.
    pub fn machine_mut(&mut self, server: Server) -> &mut Machine {
        match server {
            Server::Old => &mut self.old,
            Server::New => &mut self.new,
        }
    }

    /// A name that nobody decided, the same in every run.
    pub(super) fn uuid(&mut self) -> String {
        self.counter += 1;
        // told from all that was decided by how it begins
        format!("{MADE}{}", &lvm_uuid(&format!("replant-sim-{}", self.counter))[MADE.len()..])
    }

    /// Arrays by their superblocks: UUID, place of their data, members in order.
    pub(super) fn bodies(&self) -> Vec<(String, Loc, Vec<Loc>)> {
        type Found<'a> = (&'a Member, Vec<(usize, &'a Loc)>);
        let mut found: BTreeMap<&str, Found> = BTreeMap::new();
        for (loc, written) in &self.places {
            if let Written::Member(member) = written {
                found.entry(&member.uuid).or_insert((member, Vec::new())).1.push((member.slot, loc));
            }
        }
        let body = |(uuid, (member, mut members)): (&str, Found)| {
            members.sort();
            let members: Vec<Loc> = members.into_iter().map(|(_, loc)| loc.clone()).collect();
            (uuid.to_string(), body_loc(&member.level, &members), members)
        };
        found.into_iter().map(body).collect()
    }
}

/// Where an array's data is: on its members, so that it outlives the superblocks.
pub(super) fn body_loc(level: &str, members: &[Loc]) -> Loc {
    format!("md:{level}:{}", members.join("+"))
}

/// Six to thirty-eight letters in LVM's form, from any text.
pub(crate) fn lvm_uuid(of: &str) -> String {
    use sha2::{Digest, Sha256};
    const LETTERS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let hash = Sha256::digest(of.as_bytes());
    let letters: Vec<char> = hash.iter().map(|byte| LETTERS[*byte as usize % LETTERS.len()] as char).collect();
    let mut uuid = String::new();
    for (at, letter) in letters.iter().enumerate() {
        if [6, 10, 14, 18, 22, 26].contains(&at) {
            uuid.push('-');
        }
        uuid.push(*letter);
    }
    uuid
}
