//! What simulated machines are furnished with.

use std::collections::BTreeMap;

use super::world::Unit;
use super::written::{File, Files};
use crate::plan::Plan;

pub(super) const MIB: u64 = 1 << 20;

/// A UUID of a file system, from its name.
pub(super) fn uuid(of: &str) -> String {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, of.as_bytes()).to_string()
}

pub(super) fn file(text: impl Into<String>) -> File {
    File { text: text.into(), mode: 0o644 }
}

pub(super) fn unit(name: &str) -> Unit {
    Unit { name: name.into(), ..Unit::default() }
}

/// The journal, which writes to /var, and the units that the plan stops, which write to `data`.
pub(super) fn writers(plan: &Plan, data: &str) -> Vec<Unit> {
    let mut units = Vec::new();
    let sockets = ["systemd-journald.socket", "systemd-journald-dev-log.socket", "systemd-journald-audit.socket"];
    units.extend(sockets.map(unit));
    units.push(Unit {
        writes: vec!["/var/log/journal".into()],
        woken_by: sockets.map(str::to_string).to_vec(),
        ..unit("systemd-journald.service")
    });
    for name in plan.cutover.units() {
        units.push(Unit { writes: vec![data.to_string()], acknowledges: true, ..unit(&name) });
    }
    units
}

pub(super) fn virtio(what: &str) -> Vec<String> {
    vec![what.to_string(), "virtio_pci".to_string()]
}

pub(super) fn modules(more: &[&str]) -> Vec<String> {
    let all = [
        "ahci",
        "sd_mod",
        "virtio_scsi",
        "virtio_pci",
        "virtio_net",
        "raid0",
        "raid1",
        "raid10",
        "brd",
        "raid456",
        "dm_mod",
        "dm_mirror",
        "dm_raid",
        "iscsi_tcp",
        "xfs",
        "ext4",
        "btrfs",
        "nvme",
    ];
    all.iter().chain(more).map(|module| module.to_string()).collect()
}

pub(super) fn rescue_files() -> Files {
    let all = [
        ("/etc/os-release", RELEASE),
        ("/etc/hostname", "rescue\n"),
        ("/etc/hosts", "127.0.0.1 localhost\n"),
        ("/etc/fstab", "\n"),
        ("/etc/mdadm/mdadm.conf", "HOMEHOST <system>\nMAILADDR root\n"),
        ("/etc/ssh/ssh_host_ed25519_key.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIsimulatedrescue root@rescue\n"),
    ];
    all.map(|(path, text)| (path.to_string(), file(text))).into()
}

/// Files by the mount points that they are below, with the paths that they have there.
pub(super) fn spread(all: BTreeMap<String, Files>, targets: &[String]) -> BTreeMap<String, Files> {
    let mut spread: BTreeMap<String, Files> = BTreeMap::new();
    for (path, file) in all.into_values().flatten() {
        let above = targets.iter().filter(|target| {
            !target.is_empty() && (target.as_str() == "/" || path.starts_with(&format!("{target}/")))
        });
        let target = above.max_by_key(|target| target.len()).expect("`/` is above everything").clone();
        let inner = if target == "/" { path } else { path[target.len()..].to_string() };
        spread.entry(target).or_default().insert(inner, file);
    }
    spread
}

pub(super) const RELEASE: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n\
VERSION=\"12 (bookworm)\"\nID=debian\n";
