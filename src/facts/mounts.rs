//! Mounted file systems: findmnt(8), and /proc/swaps.

use serde::Deserialize;

use super::parse::{ParseError, loose_text, loose_u64, number};
use super::{Mount, Swap};
use crate::host::Query;

/// Answers [`parse`]. Exits with 1 and prints nothing where everything mounted lives in memory (a rescue system).
pub fn query() -> Query {
    Query::run(["findmnt", "-J", "--real", "-b", "-o", "TARGET,SOURCE,FSTYPE,OPTIONS,SIZE,USED,AVAIL,UUID"])
}

#[derive(Deserialize)]
struct Report {
    filesystems: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    target: String,
    source: String,
    fstype: String,
    options: String,
    #[serde(default, deserialize_with = "loose_u64")]
    size: u64,
    #[serde(default, deserialize_with = "loose_u64")]
    used: u64,
    #[serde(default, deserialize_with = "loose_u64")]
    avail: u64,
    #[serde(default, deserialize_with = "loose_text")]
    uuid: Option<String>,
    #[serde(default)]
    children: Vec<Node>,
}

/// Mounts in the order of the tree: what is below a mount point comes after it.
pub fn parse(text: &str) -> Result<Vec<Mount>, ParseError> {
    let report: Report = serde_json::from_str(text)?;
    let mut mounts = Vec::new();
    for node in report.filesystems {
        flatten(node, &mut mounts);
    }
    Ok(mounts)
}

fn flatten(node: Node, mounts: &mut Vec<Mount>) {
    mounts.push(Mount {
        target: node.target,
        source: node.source,
        fstype: node.fstype,
        options: node.options.split(',').map(str::to_string).collect(),
        size: node.size,
        used: node.used,
        avail: node.avail,
        uuid: node.uuid,
    });
    for child in node.children {
        flatten(child, mounts);
    }
}

/// /proc/swaps, proc_swaps(5): a header and, for each swap, name, type, size and use in KiB, priority.
pub fn parse_swaps(text: &str) -> Result<Vec<Swap>, ParseError> {
    let rows = text.lines().skip(1).filter(|line| !line.trim().is_empty());
    rows.map(|line| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        [path, kind, size, used, _] => Ok(Swap {
            path: path.replace("\\040", " "),
            kind: kind.to_string(),
            size: number::<u64>("the size", size)?.saturating_mul(1024),
            used: number::<u64>("what is used", used)?.saturating_mul(1024),
        }),
        _ => Err(ParseError(format!("not a line of /proc/swaps: `{line}`"))),
    })
    .collect()
}
