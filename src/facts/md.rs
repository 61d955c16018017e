//! Software RAID: mdadm(8) `--detail --export` and /proc/mdstat, md(4).

use super::Array;
use super::fact::{Fact, Failed};
use super::parse::{ParseError, number};
use crate::host::Query;

pub(super) const FACTS: &[Fact] = &[Fact {
    name: "arrays",
    query: |_| Some(exports_query()),
    failed: Failed::ErrorIfInstalled,
    put: |text, server| parse_exports(text).map(|arrays| server.arrays = arrays),
}];

/// Every array there is, each under a line `== md0`. An array that has no members yet or any more is left out.
const EXPORTS: &str = r#"for d in /sys/block/md*/md; do
  [ -e "$d" ] || continue
  read -r state < "$d/array_state"
  [ "$state" = clear ] && continue
  d=${d%/md}
  echo "== ${d##*/}"
  mdadm --detail --export "/dev/${d##*/}" || exit
done"#;

/// All running arrays: answers [`parse_exports`].
pub fn exports_query() -> Query {
    Query::run(["sh", "-c", EXPORTS])
}

/// Answers [`parse_mdstat`]. There is no such file before the first array: an answer too.
pub(crate) fn mdstat_query() -> Query {
    Query::file("/proc/mdstat")
}

/// What `mdadm --detail --export` says; `path`, `degraded` and `action` are not in it.
pub(crate) fn parse_export(text: &str) -> Result<Array, ParseError> {
    let get = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let must = |key: &str| get(key).ok_or_else(|| ParseError(format!("there is no `{key}=`")));
    let mut members: Vec<String> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(key, _)| key.starts_with("MD_DEVICE_") && key.ends_with("_DEV"))
        .map(|(_, path)| path.to_string())
        .collect();
    members.sort();
    Ok(Array {
        uuid: must("MD_UUID")?.to_string(),
        name: get("MD_NAME").unwrap_or_default().to_string(),
        // an array that was assembled but not started has none
        level: get("MD_LEVEL").unwrap_or_default().to_string(),
        devices: number("MD_DEVICES", must("MD_DEVICES")?)?,
        metadata: get("MD_METADATA").unwrap_or_default().to_string(),
        members,
        ..Array::default()
    })
}

/// The answer of [`exports_query`].
pub fn parse_exports(text: &str) -> Result<Vec<Array>, ParseError> {
    let mut arrays = Vec::new();
    for part in format!("\n{text}").split("\n== ").skip(1) {
        let (name, export) = part.split_once('\n').unwrap_or((part, ""));
        let array = parse_export(export).map_err(|error| ParseError(format!("`{name}`: {error}")))?;
        arrays.push(Array { path: format!("/dev/{name}"), ..array });
    }
    if arrays.is_empty() && !text.trim().is_empty() {
        return Err(ParseError::new("no line begins an array"));
    }
    Ok(arrays)
}

/// One array of /proc/mdstat.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Running {
    /// `md0`
    pub name: String,
    /// `active`, `inactive`, with `(auto-read-only)` or `(read-only)` taken off
    pub active: bool,
    /// it takes no writes, or none until the first: `(read-only)`, `(auto-read-only)`
    pub read_only: bool,
    /// `raid1`; `None` where it is inactive
    pub level: Option<String>,
    /// kernel names of the working members, then spares and failed ones
    pub members: Vec<String>,
    /// kernel names of members that wait: `(S)`
    pub spares: Vec<String>,
    /// kernel names of members that md has given up: `(F)`
    pub failed: Vec<String>,
    /// KiB blocks
    pub blocks: u64,
    /// `[4/3]`: members it should have, members that work; 0 for levels without redundancy
    pub devices: u32,
    /// members that work
    pub working: u32,
    /// `UU_U`
    pub health: String,
    /// what md does with it, while it does something
    pub action: Option<Action>,
}

impl Running {
    /// Fewer members work than it should have.
    pub fn degraded(&self) -> bool {
        self.working < self.devices
    }
}

/// The kernel's answer to mdadm's; what mdadm did not tell of (it is not installed) is known by the kernel's alone.
pub(super) fn add_running(arrays: &mut Vec<Array>, running: &[Running]) {
    for kernel in running {
        let path = format!("/dev/{}", kernel.name);
        let array = match arrays.iter().position(|array| array.path == path) {
            Some(at) => &mut arrays[at],
            None => {
                let members = kernel.members.iter().map(|name| format!("/dev/{name}")).collect();
                let level = kernel.level.clone().unwrap_or_default();
                arrays.push(Array { path, level, devices: kernel.devices, members, ..Array::default() });
                let last = arrays.len() - 1;
                &mut arrays[last]
            }
        };
        array.degraded = kernel.degraded();
        array.action = kernel.action.as_ref().map(|action| action.kind.clone());
    }
    arrays.sort_by(|a, b| a.path.cmp(&b.path));
}

/// What md does to an array in the background.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Action {
    /// `resync`, `recovery`, `check`, `repair`, `reshape`
    pub kind: String,
    /// `None` where it has not begun (`resync=PENDING`, `=DELAYED`)
    pub percent: Option<f64>,
    /// KiB blocks, done and in all
    pub blocks: Option<(u64, u64)>,
    /// KiB per second
    pub speed: Option<u64>,
}

/// /proc/mdstat.
pub fn parse_mdstat(text: &str) -> Result<Vec<Running>, ParseError> {
    let mut arrays: Vec<Running> = Vec::new();
    let mut lines = text.lines();
    match lines.next() {
        Some(first) if first.starts_with("Personalities") => {}
        None => return Ok(Vec::new()),
        Some(_) => return Err(ParseError::new("the first line is not `Personalities`")),
    }
    for line in lines {
        if !line.starts_with([' ', '\t']) {
            if let Some((name, rest)) = line.split_once(" : ") {
                arrays.push(headed(name.trim(), rest));
            }
            continue;
        }
        let Some(array) = arrays.last_mut() else { continue };
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.get(1) == Some(&"blocks") {
            array.blocks = number("blocks", words[0])?;
            for word in &words {
                let Some(inner) = word.strip_prefix('[').and_then(|word| word.strip_suffix(']')) else { continue };
                if let Some((devices, working)) = inner.split_once('/') {
                    (array.devices, array.working) = (number("members", devices)?, number("members", working)?);
                } else if !inner.is_empty() && inner.chars().all(|c| matches!(c, 'U' | '_')) {
                    array.health = inner.to_string();
                }
            }
        } else if let Some(action) = action(line) {
            array.action = Some(action);
        }
    }
    Ok(arrays)
}

/// `active (auto-read-only) raid1 sdb1[0] sda1[1](F) sdc1[2](S)`
fn headed(name: &str, rest: &str) -> Running {
    let mut array = Running { name: name.to_string(), ..Running::default() };
    for word in rest.split_whitespace() {
        if let Some((device, after)) = word.split_once('[') {
            let list = match after.split_once(']').map_or("", |(_, flags)| flags) {
                flags if flags.contains("(F)") => &mut array.failed,
                flags if flags.contains("(S)") => &mut array.spares,
                _ => &mut array.members,
            };
            list.push(device.to_string());
        } else if word.starts_with('(') {
            array.read_only |= word.contains("read-only");
        } else if word == "active" {
            array.active = true;
        } else if word != "inactive" {
            array.level = Some(word.to_string());
        }
    }
    array
}

/// `[===>....]  resync = 17.2% (1357568/7856128) finish=51.9min speed=2082K/sec`, or `resync=PENDING`
fn action(line: &str) -> Option<Action> {
    const KINDS: [&str; 5] = ["resync", "recovery", "check", "repair", "reshape"];
    let line = line.trim_start().trim_start_matches(['[', '=', '>', '.', ']']).trim_start();
    let (kind, rest) = line.split_once('=')?;
    let kind = KINDS.into_iter().find(|known| *known == kind.trim())?;
    let mut action = Action { kind: kind.to_string(), ..Action::default() };
    for word in rest.split_whitespace() {
        if let Some(percent) = word.strip_suffix('%') {
            action.percent = percent.parse().ok();
        } else if let Some((done, all)) = word.trim_matches(['(', ')']).split_once('/')
            && let (Ok(done), Ok(all)) = (done.parse(), all.parse())
        {
            action.blocks = Some((done, all));
        } else if let Some(speed) = word.strip_prefix("speed=") {
            action.speed = speed.trim_end_matches("K/sec").parse().ok();
        }
    }
    Some(action)
}

/// Bytes of an array, as mdadm(8) lays data out on members: room for a reshape before it, whole chunks. Checked against the
/// lab's arrays.
pub fn array_size(level: &str, members: u64, smallest: u64, metadata: &str) -> u64 {
    let sectors = smallest / 512;
    let mut headroom = 128 * 1024 * 2;
    while headroom << 10 > sectors {
        headroom >>= 1;
    }
    let offset = (24 + 8 + headroom).div_ceil(2048) * 2048;
    let data = match metadata {
        "1.0" => sectors.saturating_sub(256),
        _ => sectors.saturating_sub(offset),
    };
    let chunked = data / 1024 * 1024;
    512 * match level {
        "raid1" => data,
        "raid10" => chunked * members / 2,
        "raid5" => chunked * members.saturating_sub(1),
        "raid6" => chunked * members.saturating_sub(2),
        _ => chunked * members,
    }
}
