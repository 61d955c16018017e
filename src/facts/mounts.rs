//! Mounted file systems: findmnt(8), and /proc/swaps.

use serde::Deserialize;

use super::fact::{Fact, Failed};
use super::parse::{ParseError, loose_text, loose_u64, number};
use super::{Mount, Swap};
use crate::host::Query;

pub(super) const FACTS: &[Fact] = &[Fact {
    name: "mounts",
    query: |_| Some(query()),
    failed: Failed::ErrorIfSaid,
    put: |text, server| parse(text).map(|mounts| server.mounts = mounts),
}];

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
pub(crate) fn parse_swaps(text: &str) -> Result<Vec<Swap>, ParseError> {
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

/// A mount point as mountinfo has it: proc(5).
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct MountPoint {
    /// the device number of its file system: `254:0`; of btrfs, overlay and the like one that stands for no device
    pub number: String,
    /// where it is mounted
    pub target: String,
    /// as the kernel has it: `/dev/mapper/vg0-root`
    pub source: String,
    /// `ext4`, `btrfs`
    pub fstype: String,
    /// nothing is written by this mount point; it may be by another of the same file system
    pub read_only: bool,
    /// of the file system as a whole, whatever its mount points say
    pub options: Vec<String>,
}

impl MountPoint {
    /// The file system as a whole takes no writes.
    pub(crate) fn sealed(&self) -> bool {
        self.options.iter().any(|option| option == "ro")
    }
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`; lines of other forms are none.
pub(crate) fn parse_mountinfo(text: &str) -> Vec<MountPoint> {
    text.lines().filter_map(mount_point).collect()
}

pub(super) fn mount_point(line: &str) -> Option<MountPoint> {
    let words: Vec<&str> = line.split(' ').collect();
    let dash = words.iter().skip(6).position(|word| *word == "-")? + 6;
    let [_, _, number, _, target, options] = words[..6] else { return None };
    Some(MountPoint {
        number: number.to_string(),
        target: unescaped(target),
        read_only: options.split(',').any(|option| option == "ro"),
        fstype: words.get(dash + 1)?.to_string(),
        source: unescaped(words.get(dash + 2)?),
        options: words.get(dash + 3)?.split(',').map(str::to_string).collect(),
    })
}

/// The kernel writes blanks, tabs, line ends and backslashes as `\040`, `\011`, `\012`, `\134`.
pub(super) fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut whole = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => {
                whole.push(char::from(code));
                whole.push_str(&part[3..]);
            }
            None => {
                whole.push('\\');
                whole.push_str(part);
            }
        }
    }
    whole
}
