//! What new will have to take data, and what goes there: enough to see whether there is room.

use super::identify::Disks;
use super::ids::Ids;
use super::lun::{self, Lun};
use super::model::{Boot, Disk, Group, Store};
use super::{disks, groups};
use crate::facts::{Block, Facts};
use crate::plan::Plan;

/// What new has to take data, and what goes there: enough to see whether there is room.
pub struct Places<'a> {
    /// of the plan's disks
    pub blocks: Vec<&'a Block>,
    pub disks: Vec<Disk>,
    pub stores: Vec<Store>,
    pub luns: Vec<Lun>,
    pub boot: Option<Boot>,
    pub groups: Vec<Group>,
}

/// What the plan names and the servers do not have: by its place in the plan's lists.
#[derive(Debug, Default)]
pub struct Missing {
    pub disks: Vec<usize>,
    pub groups: Vec<usize>,
}

/// # Errors
/// What is missing: where it would go, or what it is, cannot be said then.
pub fn places<'a>(plan: &Plan, digest: &str, facts: &'a Facts) -> Result<Places<'a>, Missing> {
    let mut missing = Missing::default();
    let mut blocks = Vec::new();
    let known = Disks::of(&facts.new);
    for (at, disk) in plan.disks.iter().enumerate() {
        match known.find(disk) {
            Some(block) => blocks.push(block),
            None => missing.disks.push(at),
        }
    }
    for (at, group) in plan.volume_groups.iter().enumerate() {
        if !facts.old.vgs.iter().any(|vg| vg.name == **group.name) {
            missing.groups.push(at);
        }
    }
    if !missing.disks.is_empty() || !missing.groups.is_empty() {
        return Err(missing);
    }

    let seed: Vec<String> = blocks.iter().map(|block| format!("{:?}{:?}", block.serial, block.wwn)).collect();
    let seed = format!("replant {} {digest} {}", *plan.name, seed.join(" "));
    let ids = Ids::of(&seed);
    let disks = disks::disks(plan, facts, &blocks, &ids);
    let stores = disks::stores(plan, &disks, &ids);
    let boot = groups::boot(plan, facts, &stores);
    let groups = groups::groups(plan, facts, &stores, usize::from(boot.is_some()), &ids);
    let luns = lun::luns(plan, facts, &stores, &boot, &groups, &ids);
    Ok(Places { blocks, disks, stores, luns, boot, groups })
}
