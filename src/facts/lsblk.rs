//! Block devices: lsblk(8).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Block;
use super::fact::{Fact, Failed};
use super::parse::{ParseError, loose_bool, loose_text, loose_u64};
use crate::host::Query;

pub(super) const FACTS: &[Fact] = &[Fact {
    name: "lsblk",
    query: |_| Some(query()),
    failed: Failed::Error,
    put: |text, server| parse(text).map(|blocks| server.blocks = blocks),
}];

const COLUMNS: &str = "NAME,KNAME,PATH,TYPE,SIZE,SERIAL,WWN,MODEL,TRAN,FSTYPE,LABEL,UUID,PARTUUID,PARTLABEL,PTTYPE,PARTTYPE,\
LOG-SEC,PHY-SEC,PKNAME,ROTA,RM,RO";

/// util-linux before 2.37 knows no MOUNTPOINTS, only the first of them.
const SCRIPT: &str = r#"lsblk -J -b -o "$1,MOUNTPOINTS" 2>/dev/null || exec lsblk -J -b -o "$1,MOUNTPOINT""#;

/// Answers [`parse`].
pub fn query() -> Query {
    Query::run(["sh", "-c", SCRIPT, "sh", COLUMNS])
}

#[derive(Deserialize)]
struct Report {
    blockdevices: Vec<Device>,
}

#[derive(Deserialize)]
struct Device {
    path: String,
    kname: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(deserialize_with = "loose_u64")]
    size: u64,
    #[serde(default, deserialize_with = "loose_text")]
    serial: Option<String>,
    #[serde(default, deserialize_with = "loose_text")]
    wwn: Option<String>,
    #[serde(default, deserialize_with = "loose_text")]
    model: Option<String>,
    #[serde(default, deserialize_with = "loose_text")]
    tran: Option<String>,
    #[serde(default, deserialize_with = "loose_text")]
    fstype: Option<String>,
    #[serde(default, deserialize_with = "loose_text")]
    label: Option<String>,
    #[serde(default, deserialize_with = "loose_text")]
    uuid: Option<String>,
    #[serde(default, deserialize_with = "loose_text")]
    partuuid: Option<String>,
    #[serde(default, deserialize_with = "loose_text")]
    partlabel: Option<String>,
    #[serde(default, deserialize_with = "loose_text")]
    pttype: Option<String>,
    #[serde(default, deserialize_with = "loose_text")]
    parttype: Option<String>,
    #[serde(default)]
    mountpoints: Vec<Option<String>>,
    #[serde(default)]
    mountpoint: Option<String>,
    #[serde(default, rename = "log-sec", deserialize_with = "loose_u64")]
    log_sec: u64,
    #[serde(default, rename = "phy-sec", deserialize_with = "loose_u64")]
    phy_sec: u64,
    #[serde(default, deserialize_with = "loose_bool")]
    rota: bool,
    #[serde(default, deserialize_with = "loose_bool")]
    rm: bool,
    #[serde(default, deserialize_with = "loose_bool")]
    ro: bool,
    #[serde(default)]
    children: Vec<Device>,
}

/// Every device once, parents before children. lsblk's tree has an array under each of its members; here it has all of
/// them as ancestors, the nearest first.
pub fn parse(text: &str) -> Result<Vec<Block>, ParseError> {
    let report: Report = serde_json::from_str(text)?;
    let mut tree = Tree::default();
    for device in report.blockdevices {
        tree.add(device, None);
    }
    Ok(tree.flat())
}

#[derive(Default)]
struct Tree {
    blocks: Vec<Block>,
    parents: BTreeMap<String, BTreeSet<String>>,
}

impl Tree {
    fn add(&mut self, device: Device, parent: Option<&str>) {
        let parents = self.parents.entry(device.path.clone()).or_default();
        if let Some(parent) = parent {
            parents.insert(parent.to_string());
        }
        let path = device.path.clone();
        let mut device = device;
        let children = std::mem::take(&mut device.children);
        if !self.blocks.iter().any(|block| block.path == path) {
            self.blocks.push(device.into());
        }
        for child in children {
            self.add(child, Some(&path));
        }
    }

    fn flat(self) -> Vec<Block> {
        let distances: BTreeMap<&String, BTreeMap<String, usize>> =
            self.parents.keys().map(|path| (path, self.above(path))).collect();
        // how many storeys it stands on: of any two, one above the other, the lower has fewer
        let storey = |path: &String| distances[path].values().max().copied().unwrap_or(0);
        let mut blocks = self.blocks.clone();
        blocks.sort_by_key(|block| storey(&block.path));
        for block in &mut blocks {
            let mut ancestors: Vec<(&String, &usize)> = distances[&block.path].iter().collect();
            ancestors.sort_by_key(|(path, distance)| (**distance, (*path).clone()));
            block.ancestors = ancestors.into_iter().map(|(path, _)| path.clone()).collect();
        }
        blocks
    }

    /// Everything below `path`, with the longest way down to it.
    fn above(&self, path: &str) -> BTreeMap<String, usize> {
        let mut found = BTreeMap::new();
        for parent in self.parents.get(path).into_iter().flatten() {
            for (ancestor, distance) in self.above(parent) {
                let known = found.entry(ancestor).or_insert(0);
                *known = (*known).max(distance + 1);
            }
            let known = found.entry(parent.clone()).or_insert(0);
            *known = (*known).max(1);
        }
        found
    }
}

impl From<Device> for Block {
    fn from(device: Device) -> Block {
        let mountpoints = device.mountpoints.into_iter().chain([device.mountpoint]).flatten().collect();
        Block {
            path: device.path,
            kname: device.kname,
            kind: device.kind,
            size: device.size,
            serial: device.serial,
            wwn: device.wwn,
            model: device.model,
            tran: device.tran,
            fstype: device.fstype,
            label: device.label,
            uuid: device.uuid,
            partuuid: device.partuuid,
            partlabel: device.partlabel,
            pttype: device.pttype,
            parttype: device.parttype,
            mountpoints,
            log_sec: device.log_sec,
            phy_sec: device.phy_sec,
            rotational: device.rota,
            removable: device.rm,
            read_only: device.ro,
            ..Block::default()
        }
    }
}
