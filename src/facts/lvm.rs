//! LVM's reports: lvmreport(7). Reading takes a shared lock and activates nothing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::fact::{Fact, Failed};
use super::parse::{ParseError, loose_u64};
use super::{Block, Lv, Pv, ServerFacts, Vg};
use crate::host::Query;

pub(super) const FACTS: &[Fact] = &[
    Fact {
        name: "pvs",
        query: |_| Some(pvs_query()),
        failed: Failed::ErrorIfInstalled,
        put: |text, server| parse_pvs(text).map(|pvs| server.pvs = pvs),
    },
    Fact {
        name: "vgs",
        query: |_| Some(vgs_query()),
        failed: Failed::ErrorIfInstalled,
        put: |text, server| parse_vgs(text).map(|vgs| server.vgs = vgs),
    },
    Fact {
        name: "lvs",
        query: |_| Some(lvs_query()),
        failed: Failed::ErrorIfInstalled,
        put: |text, server| {
            server.lvs = parse_lvs(text)?;
            add_contents(&mut server.lvs, &server.blocks);
            Ok(())
        },
    },
    Fact {
        name: "lvm-config",
        query: |_| Some(config_query()),
        // exits with a failure where one of the settings is not known to it, and tells of the others all the same
        failed: Failed::Counts,
        put: |text, server| {
            server.lvm_config = parse_config(text);
            Ok(())
        },
    },
    Fact {
        name: "lvm-version",
        query: |_| Some(version_query()),
        failed: Failed::ErrorIfInstalled,
        put: |text, server| parse_version(text).map(|version| server.lvm_version = Some(version)),
    },
];

/// lvm.conf(5): what is said here holds over lvm.conf.
pub(crate) const LVMLOCAL: &str = "/etc/lvm/lvmlocal.conf";

const LVS: &str = "lv_name,lv_uuid,vg_name,lv_size,lv_attr,segtype,lv_layout,lv_role,sync_percent,raid_sync_action,\
lv_health_status,seg_monitor,lv_active,devices,seg_count,mirror_log";
const PVS: &str = "pv_name,pv_uuid,vg_name,pv_size,pv_free,pv_missing,pv_pe_count,pv_pe_alloc_count";
const VGS: &str = "vg_name,vg_uuid,vg_size,vg_free,vg_extent_size,vg_extent_count,vg_free_count,pv_count,lv_count,\
vg_missing_pv_count,vg_systemid,vg_attr";

fn report(command: &str, columns: &str) -> Query {
    Query::run([command, "--reportformat", "json", "--units", "b", "--nosuffix", "-o", columns])
}

/// All logical volumes, hidden ones too: answers [`parse_lvs`].
pub fn lvs_query() -> Query {
    Query::run(["lvs", "-a", "--reportformat", "json", "--units", "b", "--nosuffix", "-o", LVS])
}

/// All physical volumes: answers [`parse_pvs`].
pub fn pvs_query() -> Query {
    report("pvs", PVS)
}

/// All volume groups: answers [`parse_vgs`].
pub fn vgs_query() -> Query {
    report("vgs", VGS)
}

/// Settings in force that decide what LVM does by itself: answers [`parse_config`].
pub(crate) fn config_query() -> Query {
    Query::run(["lvmconfig", "--typeconfig", "full"].into_iter().chain(SETTINGS.iter().copied()))
}

/// Answers [`parse_version`].
pub(crate) fn version_query() -> Query {
    Query::run(["lvm", "version"])
}

/// What [`config_query`] asks for, from lvm.conf(5).
pub(crate) const SETTINGS: &[&str] = &[
    "activation/monitoring",
    "activation/raid_fault_policy",
    "activation/mirror_image_fault_policy",
    "devices/use_devicesfile",
    "devices/global_filter",
    "devices/filter",
];

/// The rows of one kind in a report: `{"report": [{"lv": [{…}, …]}]}`.
fn rows<T: DeserializeOwned>(text: &str, kind: &str) -> Result<Vec<T>, ParseError> {
    #[derive(Deserialize)]
    struct Report {
        report: Vec<BTreeMap<String, serde_json::Value>>,
    }
    let report: Report = serde_json::from_str(text)?;
    let mut rows = Vec::new();
    // an empty report is what LVM prints when it did not understand the question, too
    let mut tables = report.report.into_iter().filter_map(|mut table| table.remove(kind)).peekable();
    if tables.peek().is_none() {
        return Err(ParseError(format!("there is no `{kind}` table in the report")));
    }
    for table in tables {
        rows.extend(serde_json::from_value::<Vec<T>>(table)?);
    }
    Ok(rows)
}

#[derive(Deserialize)]
struct LvRow {
    lv_name: String,
    lv_uuid: String,
    vg_name: String,
    #[serde(deserialize_with = "loose_u64")]
    lv_size: u64,
    lv_attr: String,
    segtype: String,
    lv_layout: String,
    lv_role: String,
    #[serde(default)]
    sync_percent: String,
    #[serde(default)]
    raid_sync_action: String,
    #[serde(default)]
    lv_health_status: String,
    #[serde(default)]
    seg_monitor: String,
    #[serde(default)]
    lv_active: String,
    devices: String,
    #[serde(deserialize_with = "loose_u64")]
    seg_count: u64,
    #[serde(default)]
    mirror_log: String,
}

/// One [`Lv`] for each volume, though the report has a row for each of its segments.
/// `devices` are names without the extent (`/dev/md1(410)` is `/dev/md1`), each once; a volume with segments of
/// different types has them all in `segtype`, with commas.
pub fn parse_lvs(text: &str) -> Result<Vec<Lv>, ParseError> {
    let mut lvs: Vec<Lv> = Vec::new();
    for row in rows::<LvRow>(text, "lv")? {
        let devices = list(&row.devices).into_iter().map(|device| bare(&device).to_string());
        if let Some(known) = lvs.iter_mut().find(|lv| lv.uuid == row.lv_uuid && lv.vg == row.vg_name) {
            for device in devices {
                if !known.devices.contains(&device) {
                    known.devices.push(device);
                }
            }
            if !known.segtype.split(',').any(|segtype| segtype == row.segtype) {
                known.segtype = format!("{},{}", known.segtype, row.segtype);
            }
            continue;
        }
        let shown = row.lv_name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let mut once: Vec<String> = Vec::new();
        for device in devices {
            if !once.contains(&device) {
                once.push(device);
            }
        }
        lvs.push(Lv {
            hidden: shown.is_some(),
            name: shown.unwrap_or(&row.lv_name).to_string(),
            vg: row.vg_name,
            uuid: row.lv_uuid,
            size: row.lv_size,
            attr: row.lv_attr,
            segtype: row.segtype,
            layout: list(&row.lv_layout),
            role: list(&row.lv_role),
            sync_percent: some(row.sync_percent),
            sync_action: some(row.raid_sync_action),
            health: row.lv_health_status,
            monitor: some(row.seg_monitor),
            active: row.lv_active == "active",
            devices: once,
            seg_count: row.seg_count,
            mirror_log: some(row.mirror_log.trim_matches(['[', ']']).to_string()),
            fstype: None,
            fs_uuid: None,
            write_rate: 0,
        });
    }
    Ok(lvs)
}

/// What is on each volume, as lsblk knows it.
fn add_contents(lvs: &mut [Lv], blocks: &[Block]) {
    for lv in lvs {
        if let Some(block) = block_of(lv, blocks) {
            lv.fstype = block.fstype.clone();
            lv.fs_uuid = block.uuid.clone();
        }
    }
}

/// How much is written to each volume on average, from bytes since the boot by kernel name, and seconds since the boot.
pub(super) fn add_rates(server: &mut ServerFacts, written: &BTreeMap<String, u64>, uptime: u64) {
    for lv in &mut server.lvs {
        let bytes = block_of(lv, &server.blocks).and_then(|block| written.get(&block.kname));
        lv.write_rate = bytes.and_then(|bytes| bytes.checked_div(uptime)).unwrap_or(0);
    }
}

fn block_of<'a>(lv: &Lv, blocks: &'a [Block]) -> Option<&'a Block> {
    let path = mapper_path(&lv.vg, &lv.name);
    blocks.iter().find(|block| block.path == path)
}

#[derive(Deserialize)]
struct PvRow {
    pv_name: String,
    pv_uuid: String,
    vg_name: String,
    #[serde(deserialize_with = "loose_u64")]
    pv_size: u64,
    #[serde(deserialize_with = "loose_u64")]
    pv_free: u64,
    pv_missing: String,
    #[serde(deserialize_with = "loose_u64")]
    pv_pe_count: u64,
    #[serde(deserialize_with = "loose_u64")]
    pv_pe_alloc_count: u64,
}

/// Physical volumes; with `-a` pvs(8) also lists devices that are none, and they are left out.
pub fn parse_pvs(text: &str) -> Result<Vec<Pv>, ParseError> {
    let rows = rows::<PvRow>(text, "pv")?.into_iter().filter(|row| !row.pv_uuid.is_empty());
    Ok(rows
        .map(|row| Pv {
            path: row.pv_name,
            uuid: row.pv_uuid,
            vg: row.vg_name,
            size: row.pv_size,
            free: row.pv_free,
            missing: !row.pv_missing.is_empty(),
            pe_count: row.pv_pe_count,
            pe_alloc_count: row.pv_pe_alloc_count,
        })
        .collect())
}

#[derive(Deserialize)]
struct VgRow {
    vg_name: String,
    vg_uuid: String,
    #[serde(deserialize_with = "loose_u64")]
    vg_size: u64,
    #[serde(deserialize_with = "loose_u64")]
    vg_free: u64,
    #[serde(deserialize_with = "loose_u64")]
    vg_extent_size: u64,
    #[serde(deserialize_with = "loose_u64")]
    vg_extent_count: u64,
    #[serde(deserialize_with = "loose_u64")]
    vg_free_count: u64,
    #[serde(deserialize_with = "loose_u64")]
    pv_count: u64,
    #[serde(deserialize_with = "loose_u64")]
    lv_count: u64,
    #[serde(deserialize_with = "loose_u64")]
    vg_missing_pv_count: u64,
    #[serde(default)]
    vg_systemid: String,
    vg_attr: String,
}

/// Volume groups, from vgs(8) `--reportformat json`.
///
/// # Errors
/// It is no such report.
pub fn parse_vgs(text: &str) -> Result<Vec<Vg>, ParseError> {
    let rows = rows::<VgRow>(text, "vg")?.into_iter();
    Ok(rows
        .map(|row| Vg {
            name: row.vg_name,
            uuid: row.vg_uuid,
            size: row.vg_size,
            free: row.vg_free,
            extent_size: row.vg_extent_size,
            extent_count: row.vg_extent_count,
            free_count: row.vg_free_count,
            pv_count: row.pv_count,
            lv_count: row.lv_count,
            missing_pv_count: row.vg_missing_pv_count,
            system_id: row.vg_systemid,
            attr: row.vg_attr,
        })
        .collect())
}

/// `monitoring=1`, without the section's name: found again by the last part of `SETTINGS`.
/// A setting that this LVM does not know is not in the map.
pub fn parse_config(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.trim().split_once('='));
    lines
        .filter_map(|(name, value)| {
            let setting = SETTINGS.iter().find(|setting| setting.rsplit('/').next() == Some(name.trim()))?;
            let value = value.trim();
            let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
            Some((setting.to_string(), bare.to_string()))
        })
        .collect()
}

/// `2.03.16` of `  LVM version:     2.03.16(2) (2022-05-18)`.
pub fn parse_version(text: &str) -> Result<String, ParseError> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("LVM version:"));
    let word = line.and_then(|line| line.split(['(', ' ']).find(|word| !word.is_empty()));
    word.map(str::to_string).ok_or_else(|| ParseError::new("there is no line `LVM version:`"))
}

/// Where device-mapper has a volume: hyphens in names are doubled (dmsetup(8), lvm(8)).
pub fn mapper_path(vg: &str, lv: &str) -> String {
    format!("/dev/mapper/{}-{}", vg.replace('-', "--"), lv.replace('-', "--"))
}

/// `/dev/md1(410)` without the extent.
fn bare(device: &str) -> &str {
    match device.rsplit_once('(') {
        Some((name, extent)) if extent.ends_with(')') => name,
        _ => device,
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_string).collect()
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
