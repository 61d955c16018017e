//! What a migration itself changes of that by which servers are compared with what was found on them.

use super::Runbook;
use super::paths::{LINK, LVMLOCAL};
use crate::facts::resolve::Names;
use crate::facts::{COMMAND, Change, FILE, MODULE, PACKAGE, ServerFacts, drift, identity};
use crate::host::Side;
use crate::runbook::{Node, StepId};
use crate::step::StepKind;

const LVM: [&str; 3] = ["physical volume", "volume group", "logical volume"];

/// One thing, or every thing of a kind, that our steps may change.
struct Own {
    kind: &'static str,
    /// `None`: every one
    name: Option<String>,
    /// a part of the name is enough, from its beginning
    begins: bool,
    /// it may also vanish
    goes: bool,
}

impl Own {
    fn explains(&self, change: &Change) -> bool {
        let named = match &self.name {
            None => true,
            Some(name) if self.begins => change.name.starts_with(name.as_str()),
            Some(name) => change.name == *name,
        };
        self.kind == change.kind && named && (self.goes || change.now.is_some())
    }
}

/// How a system differs from what was found there, but for what the steps that were begun have done to it. The migrated
/// system was never found: there is nothing to compare it with.
pub fn changed_by_others(
    runbook: &Runbook,
    begun: impl Fn(&StepId) -> bool,
    side: Side,
    now: &ServerFacts,
) -> Vec<Change> {
    let before = match side {
        Side::Old => &runbook.facts.old,
        Side::New => &runbook.facts.new,
        Side::Migrated => return Vec::new(),
    };
    let ours = runbook.nodes.iter().filter(|node| node.on == side && begun(&node.id));
    let own: Vec<Own> = ours.flat_map(|node| own(node, before, now)).collect();
    // a package that apt would give in another version by now is in the way of installing it, and of nothing else
    let installs = runbook.nodes.iter().any(|node| matches!(node.step, StepKind::Packages(_)) && !begun(&node.id));
    let harmless = |change: &Change| match change.kind {
        COMMAND | MODULE => change.was.is_none(),
        PACKAGE => !installs,
        _ => false,
    };
    let mut changes = drift(before, now);
    changes.retain(|change| !harmless(change) && !own.iter().any(|own| own.explains(change)));
    changes
}

fn own(node: &Node, before: &ServerFacts, now: &ServerFacts) -> Vec<Own> {
    let thing = |kind, name: &str| Own { kind, name: Some(name.into()), begins: false, goes: false };
    let any = |kind| Own { kind, name: None, begins: false, goes: true };
    // hidden volumes of a mirror: `vg0/root_rimage_0`
    let volume = |name: String| {
        let hidden = Own { kind: "logical volume", name: Some(format!("{name}_")), begins: true, goes: false };
        vec![thing("logical volume", &name), hidden]
    };
    let group = |vg: &str| thing("volume group", vg);
    let disk = |path: &str| {
        let names = Names::of(before);
        names.block(path).map(|disk| thing("disk", &identity(disk))).into_iter().collect::<Vec<_>>()
    };
    let going = |kind, name: &str| Own { goes: true, ..thing(kind, name) };
    // and what is read out of it
    let written = |path: &str| {
        let mut own = vec![going(FILE, path)];
        match path {
            LVMLOCAL => own.push(any("LVM setting")),
            // it has two lines with the address
            LINK => {
                own.extend([going("network link file", path), Own { begins: true, ..going("MAC address in", path) }])
            }
            _ => {}
        }
        own
    };
    match &node.step {
        // LVM in the rescue system is told to see nothing
        StepKind::File(step) if step.path == LVMLOCAL && node.on == Side::New => {
            LVM.into_iter().map(any).chain(written(LVMLOCAL)).collect()
        }
        StepKind::File(step) => written(&step.path),
        StepKind::NoFile(step) => written(&step.path),
        StepKind::Hostname(_) => vec![thing("host name", "")],
        StepKind::Packages(_) => {
            ["/etc/iscsi/initiatorname.iscsi", "/etc/iscsi/iscsid.conf"].map(|path| going(FILE, path)).into()
        }
        StepKind::Initramfs(step) => vec![thing("kernel with an initramfs", &step.kernel)],
        // what stood on new's disks goes, and other things come to be there
        StepKind::Wiped(step) => with(disk(&step.disk), ["partition", "array", "device", "mount", "swap"].map(any)),
        StepKind::PartitionTable(step) => with(disk(&step.disk), ["partition", "array", "device"].map(any)),
        StepKind::Array(_) | StepKind::Assembled(_) | StepKind::ArrayStopped(_) => vec![any("array"), any("device")],
        StepKind::Mount(_) | StepKind::Unmounted(_) => vec![any("mount")],
        StepKind::Login(step) => {
            let ours = now.blocks.iter().filter(|block| block.serial.as_deref() == Some(step.serial.as_str()));
            let disks = ours.map(|disk| thing("disk", &identity(disk)));
            disks.chain([thing("iSCSI session", &step.iqn)]).collect()
        }
        StepKind::PhysicalVolume(step) => vec![thing("physical volume", &step.uuid)],
        StepKind::GroupMember(step) => vec![group(&step.vg), thing("physical volume", &step.uuid)],
        StepKind::WriteMostly(step) => volume(format!("{}/{}", step.vg, step.lv)),
        StepKind::Mirror(step) => volume(format!("{}/{}", step.vg, step.lv)),
        StepKind::Split(step) => {
            with(volume(format!("{}/{}", step.vg, step.lv)), volume(format!("{}/{}", step.vg, step.leg)))
        }
        StepKind::GroupSplit(step) => {
            let legs = Own { begins: true, ..thing("logical volume", &format!("{}/", step.into)) };
            vec![group(&step.vg), group(&step.into), legs, thing("physical volume", &step.pv_uuid)]
        }
        StepKind::Remount(step) => vec![thing("mount", &step.target)],
        StepKind::SwapOff(step) => vec![going("swap", &step.device)],
        // nothing by which servers are compared: services, kernel settings, power, what targets and mirrors are asked
        StepKind::Tunable(_)
        | StepKind::Service(_)
        | StepKind::LetGo(_)
        | StepKind::Flushed(_)
        | StepKind::NothingWrites(_)
        | StepKind::WritesCounted(_)
        | StepKind::Purged(_)
        | StepKind::Job(_)
        | StepKind::ArrayWhole(_)
        | StepKind::Daemon(_)
        | StepKind::TgtExport(_)
        | StepKind::TgtGone(_)
        | StepKind::LioExport(_)
        | StepKind::LioGone(_)
        | StepKind::IscsiNode(_)
        | StepKind::Logout(_)
        | StepKind::FreshCopies(_)
        | StepKind::SameBoot(_)
        | StepKind::InSync(_)
        | StepKind::Inactive(_)
        | StepKind::StillQuiet(_)
        | StepKind::OldOff(_)
        | StepKind::OldIsOff(_)
        | StepKind::PowerReady(_)
        | StepKind::OwnBoot(_)
        | StepKind::Identity(_) => Vec::new(),
        // on new, where LVM was told to see nothing before; on the migrated system nothing is compared
        StepKind::GroupName(_)
        | StepKind::VolumeName(_)
        | StepKind::Volume(_)
        | StepKind::SwapSpace(_)
        | StepKind::Active(_)
        | StepKind::PvSize(_)
        | StepKind::VolumeSize(_)
        | StepKind::FsSize(_) => Vec::new(),
    }
}

fn with(mut all: Vec<Own>, more: impl IntoIterator<Item = Own>) -> Vec<Own> {
    all.extend(more);
    all
}
