//! The servers as they were found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::holder::Holder;
use super::storage::{Array, Block, Lv, Mount, Pv, Swap, Vg};
use crate::family::{Builder, Family};
use crate::host::hardware::{Hardware, Machines};
use crate::host::{RunMark, Server};

/// What was read from both servers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    /// version of this format
    pub format: u32,
    /// the server in service
    pub old: ServerFacts,
    /// the server that takes over, in its rescue system
    pub new: ServerFacts,
}

/// One server as it was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerFacts {
    /// `/proc/sys/kernel/hostname`
    pub hostname: String,
    /// `/proc/sys/kernel/random/boot_id`: another one means it has been rebooted
    pub boot_id: String,
    /// `/sys/class/dmi/id/product_uuid`, where the machine has one
    pub machine: Option<String>,
    /// /etc/os-release
    pub os: Os,
    /// `uname -r`
    pub kernel: String,
    /// `uname -m`
    pub arch: String,
    /// `id -u` of the user that commands run as (0, or we cannot work)
    pub uid: u32,
    /// bytes of memory, `MemTotal` of /proc/meminfo
    pub memory: u64,
    /// `/sys/firmware/efi` exists
    pub uefi: bool,
    /// bytes that can be had without swapping, `MemAvailable` of /proc/meminfo
    #[serde(default)]
    pub memory_available: u64,
    /// seconds since the epoch, `date +%s`
    pub clock: i64,
    /// every block device, parents before children: lsblk(8)
    pub blocks: Vec<Block>,
    /// running md arrays: `mdadm --detail --export` for each, /proc/mdstat
    pub arrays: Vec<Array>,
    /// physical volumes of LVM: pvs(8)
    pub pvs: Vec<Pv>,
    /// volume groups: vgs(8)
    pub vgs: Vec<Vg>,
    /// all logical volumes, hidden ones too
    pub lvs: Vec<Lv>,
    /// mounted real file systems: findmnt(8) `--real`
    pub mounts: Vec<Mount>,
    /// swaps in use: /proc/swaps
    pub swaps: Vec<Swap>,
    /// network interfaces but `lo`: ip-address(8), sysfs
    pub interfaces: Vec<Interface>,
    /// lines of `/etc/ssh/ssh_host_*_key.pub`: key type and base64, without the comment
    pub host_keys: Vec<String>,
    /// the text of files that a migration reads or rewrites (see `queries::files`); a missing file is not in the map
    pub files: BTreeMap<String, String>,
    /// those of `queries::PRESENCE` that are there: their text is not read
    pub present: BTreeSet<String>,
    /// those of `queries::tools` that are there
    pub tools: BTreeSet<String>,
    /// what tools that are there cannot do, of `queries::ABILITIES`: `wipefs --json`
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unable: BTreeSet<String>,
    /// those of `queries::MODULES` that can be loaded or are built in (modprobe(8) `-n`)
    pub modules: BTreeSet<String>,
    /// kernel versions with both an image in /boot and `/lib/modules/V`
    pub initrds: Vec<String>,
    /// bytes of the image in /boot, by kernel version
    #[serde(default)]
    pub initrd_sizes: BTreeMap<String, u64>,
    /// lines of the network's configuration that name a MAC address (see `parts::PARTS`)
    #[serde(default)]
    pub macs: Vec<MacLine>,
    /// lines of it that match a card by what it is, not by its name (see `parts::PARTS`)
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub card_lines: Vec<CardLine>,
    /// `/etc/systemd/network/*.link`, and those of /run
    #[serde(default)]
    pub link_files: Vec<String>,
    /// addresses that stand in the network's configuration, without prefixes and as std::net writes them
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub configured: BTreeSet<String>,
    /// by which it reaches what is in none of its networks: ip-route(8), default
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<String>,
    /// units that nothing starts at boot by their own configuration: `systemctl list-unit-files`, disabled or masked
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub disabled: BTreeSet<String>,
    /// versions of the tools that check file systems, by their names: `1.47.0`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fs_tools: BTreeMap<String, String>,
    /// of old: features of the file systems of the families ext and xfs, by the path of the device
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fs_features: BTreeMap<String, BTreeSet<String>>,
    /// files below /lib/firmware that drivers of `queries::MODULES` may load, by the module: modinfo(8)
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub firmware: BTreeMap<String, Firmware>,
    /// those of the family's `boot_packages` that are installed; none where its package manager is not there
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub boot_packages: BTreeSet<String>,
    /// mount units of systemd, but those that it makes of fstab
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub mount_units: BTreeSet<String>,
    /// active systemd services and timers, with the suffix
    pub services: Vec<String>,
    /// processes that keep a file system from becoming read-only: asked of old only
    #[serde(default)]
    pub holders: Vec<Holder>,
    /// packages that would be installed now for the iSCSI initiator; `None` where there is no package manager or it fails
    pub iscsi_packages: Option<Vec<Package>>,
    /// where the iscsiadm that is installed keeps its records: the place stands in the program itself
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iscsi_database: Option<String>,
    /// logged-in iSCSI sessions: target names, `/sys/class/iscsi_session/*/targetname`
    pub iscsi_sessions: Vec<String>,
    /// `InitiatorName=` of /etc/iscsi/initiatorname.iscsi
    pub initiator: Option<String>,
    /// `lvm version`, e.g. `2.03.16`
    pub lvm_version: Option<String>,
    /// settings in force (lvmconfig(8) `--typeconfig full`), by name as in `lvm::SETTINGS`: `activation/monitoring` is `1`
    pub lvm_config: BTreeMap<String, String>,
    /// migrations that have worked on it and have not ended, as the server itself keeps it: `/run/replant/seen`,
    /// `/var/lib/replant/seen`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub under_way: Vec<RunMark>,
}

/// What the two machines are known by.
pub fn machines(facts: &Facts) -> Machines {
    let of = |server: &ServerFacts| {
        let disks = server.blocks.iter().filter(|block| block.kind == "disk");
        let ids = disks.flat_map(|disk| [disk.serial.as_deref(), disk.wwn.as_deref()]).flatten();
        Hardware::new(server.machine.as_deref(), ids)
    };
    Machines { old: of(&facts.old), new: of(&facts.new) }
}

/// Whether old, and whether new, has anything in its hardware that the other has not.
pub(crate) fn known_by_hardware(facts: &Facts) -> [bool; 2] {
    let machines = machines(facts);
    [Server::Old, Server::New].map(|server| machines.can_tell(server))
}

impl ServerFacts {
    /// What it calls things.
    pub fn family(&self) -> Family {
        Family::of(&self.os.id, &self.os.id_like)
    }

    /// What builds its initramfs.
    pub fn builder(&self) -> Builder {
        self.family().builder()
    }

    /// Where open-iscsi keeps what it knows of targets, or will keep it once it is installed: iscsiadm(8), FILES. Debian
    /// moved it with 2.1.10.
    pub(crate) fn iscsi_nodes(&self) -> String {
        let numbers = |version: &str| -> Vec<u32> {
            let upstream = version.rsplit(':').next().unwrap_or_default();
            let end = upstream.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(upstream.len());
            upstream[..end].split('.').filter_map(|number| number.parse().ok()).collect()
        };
        let installed = self.iscsi_packages.iter().flatten().find(|package| package.name == "open-iscsi");
        let moved = installed.is_some_and(|package| numbers(&package.version) >= vec![2, 1, 10]);
        let usual = if moved { "/var/lib/iscsi" } else { "/etc/iscsi" };
        format!("{}/nodes", self.iscsi_database.as_deref().unwrap_or(usual))
    }

    /// The file system that a file is on.
    pub fn file_system(&self, path: &str) -> Option<&Mount> {
        let above = self.mounts.iter().filter(|mount| Path::new(path).starts_with(&mount.target));
        above.max_by_key(|mount| mount.target.len())
    }
}

/// What a system says of itself: os-release(5).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Os {
    /// `ID`: `debian`
    pub id: String,
    /// `ID_LIKE`, word by word
    pub id_like: Vec<String>,
    /// `VERSION_ID`: `12`; empty where there is none
    pub version_id: String,
    /// `PRETTY_NAME`, for people
    pub pretty_name: String,
}

/// A network interface: ip-address(8), ip-link(8).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interface {
    /// `eth0`
    pub name: String,
    /// the MAC address that it goes by now, in lower case; empty where it has none
    pub mac: String,
    /// it is switched on: `UP`
    pub up: bool,
    /// `10.77.0.21/24`
    pub addresses: Vec<String>,
    /// kernel modules of its driver and the bus below, e.g. `virtio_net`, `virtio_pci`
    pub drivers: Vec<String>,
    /// a real card (it has a `device` link in sysfs)
    pub physical: bool,
    /// the bridge or bond that it is a part of
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master: Option<String>,
    /// of a VLAN and the like: what it stands on
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Mbit/s, of real cards that are connected and say it: `/sys/class/net/X/speed`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<u32>,
    /// other names that udev knows for it
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub altnames: Vec<String>,
    /// those of its addresses that expire: leased by DHCP, or made by the server of what a router announces
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dynamic: Vec<String>,
    /// its own MAC address, where it goes by another now: in a bond, or because somebody set one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permanent: Option<String>,
    /// its MAC address was made up by the kernel, and is another after the next boot
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub random_mac: bool,
}

impl Interface {
    /// The MAC address that it will have when it boots again.
    pub(crate) fn own_mac(&self) -> &str {
        self.permanent.as_ref().unwrap_or(&self.mac)
    }
}

/// What a driver may load into its device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Firmware {
    /// files that are there, compressed or not
    pub there: Vec<String>,
    /// files that are not there
    pub lacks: Vec<String>,
}

/// A line of a configuration file that names a MAC address.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MacLine {
    /// the file
    pub path: String,
    /// counted from 1
    pub line: u32,
    /// what is before it: `macaddress`, `mac-address`, `MACAddress`
    pub key: String,
    /// in lower case
    pub mac: String,
    /// of files with sections: `Match`, `Link`
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub section: String,
}

/// A line of a configuration file that matches a network card by its place or its driver.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CardLine {
    /// the file
    pub path: String,
    /// counted from 1
    pub line: u32,
    /// in small letters: `path`, `driver`
    pub key: String,
    /// `pci-0000:03:00.0`, `e1000*`
    pub value: String,
}

/// A package in one version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Package {
    /// as the package manager has it
    pub name: String,
    /// as the package manager writes it
    pub version: String,
}
