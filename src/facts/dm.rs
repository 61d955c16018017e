//! Device-mapper's view: `dmsetup status`, and the kernel's dm-raid and dm-mirror documentation.

use super::parse::{ParseError, number};
use crate::host::Query;

/// All devices, or those of the names given: answers [`parse_status`].
pub(crate) fn status_query<'a>(names: impl IntoIterator<Item = &'a str>) -> Query {
    Query::run(["dmsetup", "status"].into_iter().chain(names))
}

/// One line of a device's table as it is in the kernel.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Mapping {
    /// empty where one device was asked for by its name: dmsetup prints no names then
    pub name: String,
    /// 512-byte sectors
    pub start: u64,
    /// 512-byte sectors
    pub length: u64,
    /// what it does there
    pub target: Target,
}

/// What device-mapper does with a stretch of a device: dmsetup(8) `status`.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// `mirror`
    Mirror(Mirror),
    /// `raid`
    Raid(Raid),
    /// `linear` and everything else: type and the rest of the line
    Other(String, String),
}

/// How a dm-mirror stands.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Mirror {
    /// `253:3`
    pub legs: Vec<String>,
    /// regions that are the same on all legs, and regions in all
    pub synced: u64,
    /// regions in all
    pub regions: u64,
    /// one letter for each leg: `A` alive, `D` dead (a write failed), `S` sync failed, `R` read failed, `U` unclassified,
    /// `F` flush failed
    pub health: String,
    /// `core` or `disk`, `clustered-…`
    pub log: String,
}

impl Mirror {
    /// All legs alive and the same.
    pub fn whole(&self) -> bool {
        self.synced == self.regions && !self.health.is_empty() && self.health.chars().all(|leg| leg == 'A')
    }
}

/// How a dm-raid stands.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Raid {
    /// `raid1`
    pub level: String,
    /// one letter for each leg: `A` alive and in sync, `a` alive and not in sync, `D` dead, `-` missing
    pub health: String,
    /// sectors in sync, and sectors in all
    pub synced: u64,
    /// 512-byte sectors in all
    pub sectors: u64,
    /// `idle`, `frozen`, `resync`, `recover`, `check`, `repair`, `reshape`
    pub action: String,
    /// found by `check`
    pub mismatches: u64,
}

impl Raid {
    /// All legs alive and the same, and nothing going on.
    pub fn whole(&self) -> bool {
        self.synced == self.sectors
            && self.action == "idle"
            && !self.health.is_empty()
            && self.health.chars().all(|leg| leg == 'A')
    }
}

/// Reads what dmsetup(8) `status` prints.
///
/// # Errors
/// A line that is none of its.
pub fn parse_status(text: &str) -> Result<Vec<Mapping>, ParseError> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "No devices found");
    lines.map(line).collect()
}

fn line(line: &str) -> Result<Mapping, ParseError> {
    let (name, rest) = line.split_once(": ").unwrap_or(("", line));
    let words: Vec<&str> = rest.split_whitespace().collect();
    let odd = || ParseError(format!("not a line of a status: `{line}`"));
    let [start, length, kind, arguments @ ..] = words.as_slice() else { return Err(odd()) };
    let target = match *kind {
        "mirror" => Target::Mirror(mirror(arguments)?.ok_or_else(odd)?),
        "raid" => Target::Raid(raid(arguments)?.ok_or_else(odd)?),
        _ => Target::Other(kind.to_string(), arguments.join(" ")),
    };
    let name = name.to_string();
    Ok(Mapping { name, start: number("the start", start)?, length: number("the length", length)?, target })
}

/// `2 253:3 253:4 130/1040 1 AA 1 core`
fn mirror(words: &[&str]) -> Result<Option<Mirror>, ParseError> {
    let Some((count, words)) = words.split_first() else { return Ok(None) };
    let count: usize = number("the number of legs", count)?;
    let Some((legs, words)) = words.split_at_checked(count) else { return Ok(None) };
    let [ratio, _one, health, _logs, log, ..] = words else { return Ok(None) };
    let Some((synced, regions)) = ratio.split_once('/') else { return Ok(None) };
    Ok(Some(Mirror {
        legs: legs.iter().map(|leg| leg.to_string()).collect(),
        synced: number("synced regions", synced)?,
        regions: number("regions", regions)?,
        health: health.to_string(),
        log: log.to_string(),
    }))
}

/// `raid1 2 AA 200/200 idle 0 0 -`; kernels before 3.6 end after the ratio.
fn raid(words: &[&str]) -> Result<Option<Raid>, ParseError> {
    let [level, _count, health, ratio, more @ ..] = words else { return Ok(None) };
    let Some((synced, sectors)) = ratio.split_once('/') else { return Ok(None) };
    Ok(Some(Raid {
        level: level.to_string(),
        health: health.to_string(),
        synced: number("synced sectors", synced)?,
        sectors: number("sectors", sectors)?,
        action: more.first().copied().unwrap_or_default().to_string(),
        mismatches: more.get(1).map_or(Ok(0), |word| number("mismatches", word))?,
    }))
}
