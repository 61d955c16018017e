//! What new offers for each group, by the names that either server may know it by: for the rule R1228.

use super::model::{Group, Made};
use super::moves::Moves;
use super::places::places;
use crate::facts::Facts;
use crate::plan::Plan;

/// What takes a group.
pub(crate) struct Offer {
    /// the group that it takes
    pub vg: String,
    /// the disk as LVM on old will see it: `/dev/disk/by-path/ip-…`; `None`: LVM on old has nothing to do with it
    pub lun: Option<String>,
    /// every name that it has on new
    pub on_new: Vec<String>,
}

/// What takes each group; nothing where a disk or a group of the plan is missing.
pub(crate) fn offers(plan: &Plan, facts: &Facts) -> Vec<Offer> {
    let Ok(places) = places(plan, "", facts) else { return Vec::new() };
    let hostname = plan.new.hostname.as_ref().map_or(facts.old.hostname.as_str(), |name| name.as_str());
    let one = |group: &Group| {
        let store = &places.stores[group.to];
        let on_new: Vec<String> = match &store.made {
            Made::Array(array) => {
                // an array with a name has a number too, from 127 downwards
                let kernel = array.device.strip_prefix("/dev/md/").map(|_| "/dev/md127".to_string());
                let ids = [format!("md-uuid-{}", array.uuid), format!("md-name-{hostname}:{}", array.md_name)];
                let ids = ids.into_iter().map(|id| format!("/dev/disk/by-id/{id}"));
                let named = [array.device.clone(), format!("/dev/md/{}", array.md_name)];
                kernel.into_iter().chain(named).chain(ids).collect()
            }
            Made::Partition(disk) => {
                let (block, disk) = (places.blocks[*disk], &places.disks[*disk]);
                let number =
                    disk.partitions.iter().find(|part| part.name == store.name).map_or(1, |part| part.number);
                let p = if block.path.ends_with(|last: char| last.is_ascii_digit()) { "p" } else { "" };
                let links = block.by_id.iter().chain(&block.by_path).map(|link| format!("{link}-part{number}"));
                [format!("{}{p}{number}", block.path), store.path.clone()].into_iter().chain(links).collect()
            }
        };
        let lun = match &group.moves {
            Moves::Mirror(mirrored) => Some(places.luns[mirrored.lun].on_old.clone()),
            Moves::Below(_) => None,
        };
        Offer { vg: group.vg.clone(), lun, on_new }
    };
    places.groups.iter().map(one).collect()
}
