//! Nothing is cut while somebody can write to it: the rule R1240.

use super::rule::Hit;
use crate::facts::Facts;
use crate::layout::{InUse, Use, unsilenced};
use crate::plan::Plan;

/// Volumes that move and are in use by what no step of the course silences.
pub(super) fn in_use(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    unsilenced(plan, facts).iter().map(used).collect()
}

/// One of them, and what to do about it.
pub(super) fn used(one: &InUse) -> Hit {
    let (how, help) = match &one.by {
        Use::Subvolume { subvolume, target } => (
            format!("its btrfs subvolume {subvolume} is mounted on {target}"),
            "mounted subvolumes of btrfs cannot be migrated yet: leave the volume out with `copy: skip` and move its \
             files with `btrfs send`, or make it ext4 or xfs first"
                .to_string(),
        ),
        Use::Mounted { target } => (
            format!("is mounted on {target} in a way that no step makes read-only"),
            format!("`umount {target}` on old; or mount all of it, from one device, on top"),
        ),
        Use::Elsewhere { target } => (format!("is mounted on {target}"), format!("`umount {target}` on old")),
        Use::Carries { block, kind } => (
            format!("carries {block} ({kind})"),
            format!(
                "close {block} on old (`vgchange --activate n`, `cryptsetup close`, `kpartx -d`, `mdadm --stop`), or leave \
                 the volume out with `copy: skip`"
            ),
        ),
        Use::Swap { path } => ("is swapped to".to_string(), format!("`swapoff {path}` on old")),
        Use::Claimed { fstype } => (
            format!("is in use as a {fstype}"),
            "`zpool export` it, or whatever else has it, on old; or leave the volume out with `copy: skip`".to_string(),
        ),
        Use::Open => (
            "is open, and the plan stops nothing that could write to it".to_string(),
            format!("find out by whom (`fuser -v {}`), and name its unit under `cutover.stop`", one.block),
        ),
    };
    let message = format!("{} moves and {how}: it could be written to while its mirror is cut", one.volume);
    Hit::new(message, help).of(format!("old: {}", one.block))
}
