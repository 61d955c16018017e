//! The plan: the YAML file that a person writes, saying what is wanted.
//!
//! The types stand in the order in which a plan is written; their comments are the descriptions in the published
//! JSON Schema. Everything that can be read from the servers is left out of a plan; everything that destroys is named.
//!
//! [`load`] answers with a plan that is sound in itself, or with every fault of the file at once. What can only be known
//! by asking the servers (is the disk there? can the filesystem grow?) is left to the findings.

use std::net::IpAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod choices;
mod codes;
mod defaults;
mod diagnostics;
mod load;
mod rules;
mod schema;
mod secrets;
mod shape;
mod source;
mod tree;
mod values;
mod words;
mod yaml;

pub use choices::{CopyHow, IscsiServer, Metadata, Method, NewBoot, Only, RaidLevel, Table, Verify};
pub use codes::DIAGNOSTICS;
pub use diagnostics::{Diagnostic, Diagnostics, Severity};
pub(crate) use load::of_bytes;
pub use load::{Loaded, load, parse};
pub(crate) use schema::named;
pub use schema::schema;
pub use source::{At, Place, Source, Span};
pub use values::{Bytes, Duration, Fault, Grow, Limit, Secret, Size};
pub use words::host_key;
pub(crate) use words::{plan_name, suggest};

/// A plan: one old server, one new server, and how the new one is laid out.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: At<u32>,
    /// What this migration is called. It becomes a directory, a part of the iSCSI names and the suffix of the volume
    /// groups while they travel: 1 to 41 of `a-z 0-9 . _ -`, the first a letter or a digit.
    #[schemars(extend("format" = "plan-name"))]
    pub name: At<String>,
    /// The server in service, which is migrated from.
    pub old: OldServer,
    /// The server migrated to, booted into a rescue system.
    pub new: NewServer,
    /// The disks of new that are used. They are partitioned again: what they hold is lost.
    #[schemars(length(min = 1))]
    pub disks: Vec<Disk>,
    /// The kind of partition table written to the disks.
    #[serde(default)]
    pub table: Table,
    /// The partitions, in order, made on every disk.
    #[schemars(length(min = 1))]
    pub partitions: Vec<Partition>,
    /// The md arrays made of the partitions. If new has one disk, leave this out: partitions then take the data
    /// themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1))]
    pub arrays: Vec<Array>,
    /// The boot filesystem, if old has a separate one outside the volume groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<Boot>,
    /// Where new boots into its hold from, if `/boot` of old lies inside `/` or on a volume. Without it such a system boots
    /// on new only after the cutover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldPlace>,
    /// The LVM volume groups that move.
    #[schemars(length(min = 1))]
    pub volume_groups: Vec<VolumeGroup>,
    /// How the volume groups are copied.
    #[serde(default)]
    pub copy: Copying,
    /// How the data travels.
    #[serde(default)]
    pub transfer: Transfer,
    /// The moment when the services stop on old and start on new.
    #[serde(default)]
    pub cutover: Cutover,
    /// Findings that are overridden, each with a reason. A waived inhibitor does not block the migration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waive: Vec<Waiver>,
}

impl Plan {
    /// New's address at which it offers its disks.
    pub(crate) fn portal(&self) -> &At<IpAddr> {
        self.transfer.iscsi.address.as_ref().unwrap_or(&self.new.address)
    }

    /// Where the data goes on new: names of arrays, or of partitions that stand alone.
    pub(crate) fn stores(&self) -> impl Iterator<Item = &At<String>> {
        let small = self.boot.iter().map(|boot| &boot.to).chain(self.hold.iter().map(|hold| &hold.to));
        small.chain(self.volume_groups.iter().map(|group| &group.to))
    }

    /// Where GRUB finds its files when new first boots, if that is no volume.
    pub(crate) fn boots_from(&self) -> Option<&At<String>> {
        self.boot.as_ref().map(|boot| &boot.to).or(self.hold.as_ref().map(|hold| &hold.to))
    }

    /// The partition that this is, or that this array is made of.
    pub(crate) fn partition_under(&self, to: &At<String>) -> Option<&Partition> {
        let array = self.arrays.iter().find(|array| array.name == *to);
        let name = array.map_or(to, |array| &array.partitions);
        self.partitions.iter().find(|partition| partition.name == *name)
    }

    /// The partitions that a disk gets.
    pub(crate) fn partitions_of<'a>(&'a self, disk: &'a Disk) -> impl Iterator<Item = &'a Partition> {
        let gets = |part: &&Partition| part.disks.as_ref().is_none_or(|disks| disks.contains(&disk.name));
        self.partitions.iter().filter(gets)
    }

    /// The disks on which lies what `boot.to` or a group's `to` names.
    pub(crate) fn disks_under<'a>(&'a self, to: &At<String>) -> impl Iterator<Item = &'a Disk> {
        let array = self.arrays.iter().find(|array| array.name == *to);
        let partition = array.map_or(to, |array| &array.partitions).clone();
        let only = array.and_then(|array| array.disks.as_ref());
        self.disks.iter().filter(move |disk| {
            only.is_none_or(|only| only.contains(&disk.name))
                && self.partitions_of(disk).any(|part| part.name == partition)
        })
    }
}

/// The server in service, which is migrated from.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OldServer {
    /// Its IP address, for SSH. New takes it over.
    #[schemars(extend("format" = "ip-address"))]
    pub address: At<IpAddr>,
    /// How to log in. What is left out comes from `~/.ssh/config`.
    #[serde(default)]
    pub ssh: Ssh,
    /// How it is powered off and on.
    #[serde(default)]
    pub power: Power,
}

/// The server migrated to, booted into a rescue system.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewServer {
    /// Its IP address in the rescue system.
    #[schemars(extend("format" = "ip-address"))]
    pub address: At<IpAddr>,
    /// The host name given to the rescue system before arrays are made, since md writes it into their metadata (RFC
    /// 1123). Default: the host name of old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "host-name"))]
    pub hostname: Option<At<String>>,
    /// When it first boots from its own disks. Default: `held` where both servers allow it, else `rescue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<At<NewBoot>>,
    /// How to log in. What is left out comes from `~/.ssh/config`.
    #[serde(default)]
    pub ssh: Ssh,
    /// How it is powered off and on.
    #[serde(default)]
    pub power: Power,
}

/// How to log in to a server with the system's `ssh`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ssh {
    /// The user to log in as.
    #[schemars(extend("format" = "user-name"))]
    pub user: At<String>,
    /// The TCP port. Default: what `~/.ssh/config` says, or 22.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<At<u16>>,
    /// The file of the private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<At<PathBuf>>,
    /// The public host key of the system that runs on this server now, as `ssh-keyscan` prints it, without the address:
    /// `ssh-ed25519 AAAA…`. Default: the key that `~/.ssh/known_hosts` has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "host-key"))]
    pub host_key: Option<At<String>>,
    /// Whether commands are run through `sudo -n`.
    pub sudo: At<bool>,
}

/// How a server is powered off and on.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Power {
    /// A person switches it when asked.
    Manual {
        /// Prints what the server's console has shown so far, on the machine where replant runs: `[tail, -n, "200", FILE]`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1))]
        console: Option<Vec<At<String>>>,
    },
    /// Commands switch it, on the machine where replant runs: argument vectors, not shell lines.
    Command {
        /// Prints `on` or `off`.
        #[schemars(length(min = 1))]
        status: Vec<At<String>>,
        /// Powers the server on.
        #[schemars(length(min = 1))]
        on: Vec<At<String>>,
        /// Powers the server off immediately.
        #[schemars(length(min = 1))]
        off: Vec<At<String>>,
        /// Makes the next power-on boot from the server's own disks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1))]
        boot_disk: Option<Vec<At<String>>>,
        /// Prints what the server's console has shown so far, on the machine where replant runs: `[tail, -n, "200", FILE]`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1))]
        console: Option<Vec<At<String>>>,
        /// How long one command may take: `30s`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout: Option<At<Duration>>,
    },
    /// The system's `ipmitool` (lanplus) switches it.
    Ipmi {
        /// The address or the name of the BMC.
        #[schemars(extend("format" = "host-name"))]
        host: At<String>,
        /// The BMC's user.
        user: At<String>,
        /// Where the BMC's password is.
        password: At<Secret>,
        /// Prints what the server's console has shown so far, on the machine where replant runs: `[tail, -n, "200", FILE]`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1))]
        console: Option<Vec<At<String>>>,
    },
}

impl Power {
    /// How what its console has shown is read.
    pub(crate) fn console(&self) -> Option<&Vec<At<String>>> {
        match self {
            Power::Manual { console } | Power::Command { console, .. } | Power::Ipmi { console, .. } => {
                console.as_ref()
            }
        }
    }
}

/// A disk of new, found by identity and never by `/dev/sdX`. One of `serial` and `wwn` is needed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// What this plan calls it.
    #[schemars(extend("format" = "label"))]
    pub name: At<String>,
    /// The serial number, as `lsblk -o SERIAL` prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "disk-id"))]
    pub serial: Option<At<String>>,
    /// The World Wide Name, as `lsblk -o WWN` prints it: `0x5000…`, `eui.…`, `nvme.…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "disk-id"))]
    pub wwn: Option<At<String>>,
    /// Whether it may be wiped although it holds data (a partition table or a signature).
    #[serde(default)]
    pub wipe: At<bool>,
}

/// A partition, the same on every disk.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// What this plan calls it; on GPT also the partition's label.
    #[schemars(extend("format" = "label"))]
    pub name: At<String>,
    /// Its size, `1GiB`, or `rest` for what the other partitions leave.
    pub size: At<Size>,
    /// The disks on which it is made. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub disks: Option<Vec<At<String>>>,
}

/// An md array.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Array {
    /// Its name: `md0` and the like become `/dev/md0`, others `/dev/md/NAME`.
    #[schemars(extend("format" = "array-name"))]
    pub name: At<String>,
    /// Its RAID level.
    pub level: At<RaidLevel>,
    /// The partition, by name, that is its member on every disk.
    pub partitions: At<String>,
    /// The disks whose partition is a member. Default: all that have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub disks: Option<Vec<At<String>>>,
    /// The version of the md metadata. 1.0 lies at the end of the members, so that firmware sees a plain filesystem.
    #[serde(default)]
    pub metadata: At<Metadata>,
}

/// The boot filesystem, copied as a block device.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Boot {
    /// Where it is mounted on old.
    #[serde(default = "defaults::slash_boot")]
    #[schemars(extend("format" = "absolute-path"))]
    pub from: At<String>,
    /// The array on new that receives it: RAID1, so that GRUB can read it and every disk can boot. Without arrays, a
    /// partition that exists on one disk only.
    pub to: At<String>,
}

/// A small place of the hold's own: kernel, initramfs and GRUB's files stand there until new's system has a boot loader of
/// its own on all disks. Then it is emptied.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldPlace {
    /// The array on new: RAID1, so that every disk can boot. 256MiB are enough for most systems. Without arrays, a partition
    /// that exists on one disk only.
    pub to: At<String>,
}

/// An LVM volume group that moves.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeGroup {
    /// Its name on old, which it keeps.
    #[schemars(extend("format" = "lvm-name"))]
    pub name: At<String>,
    /// The array on new that becomes its physical volume. Without redundancy, a partition that exists on one disk only.
    pub to: At<String>,
    /// Its volumes. Default: every volume of the group, copied the default way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub volumes: Option<Vec<Volume>>,
}

/// A logical volume.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Its name on old, which it keeps.
    #[schemars(extend("format" = "lvm-name"))]
    pub name: At<String>,
    /// How it gets to new.
    #[serde(default)]
    pub copy: At<CopyHow>,
    /// What it grows to once new runs: `rest` for all that is free, `+10GiB` for that much more,
    /// `20GiB` for that much in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grow: Option<At<Grow>>,
}

/// How the volume groups are copied.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Copying {
    /// The way in which each group gets to new. Default: `below` where old's kernel and volumes allow it, else `mirror`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<At<Method>>,
    /// What of each volume is copied.
    #[serde(skip_serializing_if = "Only::is_all")]
    #[schemars(extend("default" = "all"))]
    pub only: At<Only>,
    /// Whether both copies of each volume are hashed and compared while nothing writes, before they are cut apart. If they
    /// differ, the services start again on old, and nothing is cut.
    #[serde(skip_serializing_if = "Verify::is_off")]
    #[schemars(extend("default" = "off"))]
    pub verify: At<Verify>,
    /// The most that the copy of one volume may take, in bytes a second: from 1MiB on. `transfer.parallel` volumes are copied at
    /// a time. What programs write meanwhile is not held back. Default: as fast as it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<At<Bytes>>,
}

/// How the data travels.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Transfer {
    /// The disks of new, offered to old over the network.
    pub iscsi: Iscsi,
    /// The most that md may write to each member to build new's arrays while data is copied, in KiB/s
    /// (`/proc/sys/dev/raid/speed_limit_max`, md(4)).
    #[schemars(range(min = 1, max = 100_000_000))]
    pub resync_limit_kib: At<u32>,
    /// The unit in which an LVM mirror remembers what is copied: a power of two.
    pub region_size: At<Bytes>,
    /// How many volumes are copied at the same time.
    #[schemars(range(min = 1, max = 16))]
    pub parallel: At<u8>,
}

/// The disks of new, offered to old over the network.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Iscsi {
    /// What serves them on new.
    pub server: At<IscsiServer>,
    /// The TCP port on new.
    #[schemars(range(min = 1, max = 65535))]
    pub port: At<u16>,
    /// How old proves who it is.
    pub chap: Chap,
    /// New's address on the network that carries the data, if it is a separate one; old is let in with its address
    /// there. Default: the address of new.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "ip-address"))]
    pub address: Option<At<IpAddr>>,
    /// How long old's writes stall after a broken link is noticed, before they continue without new:
    /// `node.session.timeo.replacement_timeout` of iscsid.conf(5), in whole seconds. Default: 15 s where LVM mirrors (and up to
    /// 10 s until it is noticed), 5 s where the copy lies below it (and up to 4 s).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement_timeout: Option<At<Duration>>,
}

/// How old proves who it is: CHAP (RFC 1994).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Chap {
    /// The CHAP name.
    #[schemars(extend("format" = "user-name"))]
    pub user: At<String>,
    /// The CHAP secret.
    pub secret: At<Secret>,
}

/// The moment when the services stop on old and start on new.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cutover {
    /// The systemd units that are stopped on old, one after the other, in this order. A bare name is a `.service`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("items" = { "type": "string", "format": "unit-name" }))]
    pub stop: Vec<At<String>>,
    /// How long the services may be down. A longer forecast is a finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downtime_budget: Option<At<Duration>>,
    /// While the services are down, and until the copies are cut off: if nothing is heard of replant for so long, they come
    /// back on old by themselves. From 3min to 1h, or `off`. Default: 5min.
    #[serde(skip_serializing_if = "defaults::usual_dead_man")]
    pub dead_man: At<Limit>,
}

/// A finding that is overridden.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The code of the finding: `R1203`.
    #[schemars(extend("format" = "finding-code"))]
    pub code: At<String>,
    /// The one thing to which the waiver applies, as the finding names it: `disk a`, `sdb`, `vg0/var`, `/etc/fstab`. Default:
    /// everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "object"))]
    pub on: Option<At<String>>,
    /// Why. Kept in the runbook and in the journal.
    pub reason: At<String>,
}
