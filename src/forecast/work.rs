//! How long each kind of step works, beside its round trips. Seconds, as they are on a server of these years; where it
//! depends on the server it is said what was assumed. To be compared with the journals of real migrations.

use std::collections::HashMap;

use super::{Power, Runbook};
use crate::facts::resolve::{Names, mounted};
use crate::facts::{Facts, lvm};
use crate::plan::Power::Manual;
use crate::runbook::{Node, Stage};
use crate::step::{Hashed, StepKind};

/// A person who stands ready, and the way to the switch.
const BY_HAND: f64 = 60.0;
/// Firmware, boot loader, kernel, initramfs, services: what machines with RAID controllers and much memory take.
const BOOT: f64 = 150.0;
/// From the initramfs on: file systems are checked and mounted, and services start.
const GOES_ON: f64 = 30.0;
/// Bytes a second: an array of two disks that turn, or what one core hashes.
const READ: f64 = 200e6;
/// To another place of a disk that turns.
const SEEK: f64 = 0.01;
const GIB: f64 = (1u64 << 30) as f64;

/// How long the check of a file system takes.
pub(super) struct Checks {
    /// bytes in use on old's volumes, by path; of what is not mounted, all of them
    used: HashMap<String, u64>,
    /// new has disks that turn
    turns: bool,
    /// seconds until new's services ran when it was rehearsed
    pub rehearsed: Option<f64>,
}

impl Checks {
    pub(super) fn of(facts: &Facts) -> Checks {
        let volumes = facts.old.lvs.iter().map(|lv| (lvm::mapper_path(&lv.vg, &lv.name), lv.size));
        let mounts = mounted(&facts.old, &Names::of(&facts.old)).into_iter();
        let used = mounts.map(|(path, mount)| (path, mount.used));
        Checks {
            used: volumes.chain(used).collect(),
            rehearsed: None,
            turns: facts.new.blocks.iter().any(|block| block.kind == "disk" && block.rotational),
        }
    }

    /// All metadata is read: the more is in use, the longer; much longer on disks that turn.
    fn seconds(&self, device: &str) -> f64 {
        let used = self.used.get(device).copied().unwrap_or(0);
        1.0 + used as f64 / GIB * if self.turns { 0.2 } else { 0.05 }
    }
}

pub(super) struct Estimate {
    pub part: &'static str,
    pub seconds: f64,
    pub assumed: Option<String>,
}

pub(super) fn of(runbook: &Runbook, node: &Node, checks: &Checks) -> Estimate {
    let by_hand = |power: &Power| matches!(power, Manual { .. });
    let plan = &runbook.plan;
    let goes_on = checks.rehearsed.unwrap_or(GOES_ON);
    let (part, seconds) = match &node.step {
        StepKind::Service(service) => ("services and journal stop", 1.0 + 0.5 * service.units.len() as f64),
        StepKind::DeadManOff(_) => ("file systems read-only", 0.1),
        StepKind::Flushed(_) => ("old is switched off", 1.0),
        StepKind::LetGo(_) => ("services and journal stop", 3.0),
        StepKind::NothingWrites(_) | StepKind::WritesCounted(_) => ("file systems read-only", 0.5),
        StepKind::SwapOff(_) => ("swap off", 2.0),
        StepKind::Remount(_) => ("file systems read-only", 1.0),
        StepKind::KernelThere(_) => ("other steps", 0.1),
        StepKind::InSync(_) | StepKind::InStep(_) | StepKind::StillQuiet(_) => ("the copies are cut off", 0.5),
        StepKind::Hashed(hashed) => ("the copies are compared", compared(runbook, node, hashed)),
        StepKind::SameCopies(_) => ("the copies are compared", 0.2),
        StepKind::SameBoot(boot) => ("/boot is compared", boot.size as f64 / 150e6),
        StepKind::Split(_) => ("the copies are cut off", 1.5),
        StepKind::TableBack(_) => ("the copies are cut off", 1.0),
        StepKind::GroupSplit(_) => ("the copies are cut off", 1.0),
        StepKind::Logout(_) => ("the copies are cut off", 1.0),
        StepKind::OldOff(_) => ("old is switched off", if by_hand(&plan.old.power) { BY_HAND } else { 5.0 }),
        StepKind::OldIsOff(_) => ("old is switched off", 0.5),
        StepKind::TgtGone(_) | StepKind::LioGone(_) => ("new offers its disks no more", 1.5),
        StepKind::GroupName(_) | StepKind::VolumeName(_) => ("new's volumes get their names", 0.5),
        StepKind::Volume(_) | StepKind::Active(_) | StepKind::SwapSpace(_) => ("new's volumes get their names", 0.7),
        StepKind::FsCheck(check) => ("file systems are checked", checks.seconds(&check.device)),
        StepKind::BootLoader(_) => ("boot loader on new's disks", 4.0),
        StepKind::BootProof(_) => ("the system is mounted and made fit", hashed(runbook)),
        StepKind::Job(job) if job.bytes > 0 => ("the system is mounted and made fit", hashed(runbook)),
        StepKind::Mount(_) => ("the system is mounted and made fit", 0.2),
        StepKind::Inactive(_) if node.stage == Stage::Cutover => ("the copies are cut off", 1.0),
        StepKind::Unmounted(_) | StepKind::Inactive(_) | StepKind::ArrayStopped(_) => ("all is closed again", 1.0),
        StepKind::OwnBoot(boot) if boot.held.is_some() => ("new goes on from its hold", goes_on),
        StepKind::OwnBoot(_) => {
            ("new boots from its own disks", BOOT + if by_hand(&plan.new.power) { BY_HAND } else { 5.0 })
        }
        StepKind::Identity(_) => ("new boots from its own disks", 1.0),
        StepKind::File(_) if node.stage == Stage::Cutover => ("the copies are cut off", 0.1),
        StepKind::File(_) | StepKind::NoFile(_) => ("the system is mounted and made fit", 0.1),
        // before the downtime or after it
        StepKind::Job(_)
        | StepKind::Hostname(_)
        | StepKind::Tunable(_)
        | StepKind::Packages(_)
        | StepKind::Purged(_)
        | StepKind::Initramfs(_)
        | StepKind::Wiped(_)
        | StepKind::PartitionTable(_)
        | StepKind::Array(_)
        | StepKind::Assembled(_)
        | StepKind::ArrayWhole(_)
        | StepKind::PowerReady(_)
        | StepKind::DeadMan(_)
        | StepKind::Daemon(_)
        | StepKind::TgtExport(_)
        | StepKind::LioExport(_)
        | StepKind::IscsiNode(_)
        | StepKind::Login(_)
        | StepKind::PhysicalVolume(_)
        | StepKind::OwnGroup(_)
        | StepKind::RamDisk(_)
        | StepKind::FreshLegs(_)
        | StepKind::Beneath(_)
        | StepKind::HoldImage(_)
        | StepKind::IntoHold(_)
        | StepKind::AtRest(_)
        | StepKind::Unwritten(_)
        | StepKind::Rehearsal(_)
        | StepKind::HeldAgain(_)
        | StepKind::GroupMember(_)
        | StepKind::FreshCopies(_)
        | StepKind::WriteMostly(_)
        | StepKind::Mirror(_)
        | StepKind::PvSize(_)
        | StepKind::VolumeSize(_)
        | StepKind::FsSize(_) => ("other steps", 1.0),
    };
    Estimate { part, seconds, assumed: assumed(runbook, node, checks) }
}

/// What the estimate of a step takes for granted: no plan and no look at the servers says it.
fn assumed(runbook: &Runbook, node: &Node, checks: &Checks) -> Option<String> {
    let by_hand = |power: &Power| matches!(power, Manual { .. });
    let plan = &runbook.plan;
    match &node.step {
        StepKind::OldOff(_) if by_hand(&plan.old.power) => Some(format!("a person needs {BY_HAND} s")),
        StepKind::OwnBoot(boot) if boot.held.is_some() => Some(match checks.rehearsed {
            Some(seconds) => format!("new's services start in {seconds:.0} s, as they did when it was rehearsed"),
            None => format!("new's services start in {GOES_ON} s"),
        }),
        StepKind::OwnBoot(_) if by_hand(&plan.new.power) => {
            Some(format!("a person needs {BY_HAND} s, new starts in {BOOT} s"))
        }
        StepKind::OwnBoot(_) => Some(format!("new starts in {BOOT} s")),
        StepKind::Hashed(_) => {
            Some(format!("each server reads and hashes {:.0} MB/s of its own disks, all volumes at once", READ / 1e6))
        }
        StepKind::FsCheck(_) => Some("by the bytes in use, not by the number of files".into()),
        _ => None,
    }
}

/// What a server reads of its own disks, while what lies on the other's comes over the link.
fn compared(runbook: &Runbook, node: &Node, hashed: &Hashed) -> f64 {
    let own = node.on.server();
    let bytes = |here: bool| {
        let halves = hashed.halves.iter().filter(|half| (half.lies == own) == here);
        halves.map(|half| half.reads).sum::<u64>() as f64
    };
    let pieces: usize = hashed.halves.iter().map(|half| half.what.matches(',').count()).sum();
    let link = runbook.link.rate.max(1) as f64;
    1.0 + (bytes(true) / READ).max(bytes(false) / link) + pieces as f64 * SEEK
}

/// The boot file system is read from disk and hashed.
fn hashed(runbook: &Runbook) -> f64 {
    let boot = runbook.nodes.iter().map(|node| match &node.step {
        StepKind::Job(job) => job.bytes,
        _ => 0,
    });
    boot.sum::<u64>() as f64 / 150e6
}
