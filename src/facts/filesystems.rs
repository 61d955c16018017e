//! File systems by their features, and the tools that check them by their versions: what old has made, new must know.

use std::collections::{BTreeMap, BTreeSet};

use super::fact::{Fact, Failed};
use super::parse::ParseError;
use crate::host::{Query, Side};

pub(super) const FACTS: &[Fact] = &[Fact {
    name: "file-systems",
    query: |side| Some(query(side)),
    failed: Failed::Error,
    put: |text, server| {
        let found = parse(text)?;
        (server.fs_tools, server.fs_features) = (found.tools, found.features);
        Ok(())
    },
}];

/// Versions first. Then the features of each file system: of ext by its superblock, of xfs as `name=1`.
const FILE_SYSTEMS: &str = r#"v=$(e2fsck -V 2>&1) && echo "tool e2fsck $v"
v=$(xfs_repair -V 2>&1) && echo "tool xfs_repair $v"
[ "$1" = devices ] || exit 0
lsblk -rpno FSTYPE,NAME | sort -u | while read -r t d; do
  case $t in
  ext[234]) echo "@ $d"; dumpe2fs -h "$d" 2>/dev/null ;;
  xfs) echo "@ $d"; xfs_info "$d" 2>/dev/null ;;
  esac
done | grep -E '^(@ |Filesystem features:)|=1'
exit 0"#;

/// Answers [`parse`]. What the disks of the rescue system hold is of no matter.
pub fn query(side: Side) -> Query {
    Query::run(["sh", "-c", FILE_SYSTEMS, "sh", if side == Side::Old { "devices" } else { "tools" }])
}

/// What file systems can do, and what checks them.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct FileSystems {
    /// `1.47.0`, by the tool
    pub tools: BTreeMap<String, String>,
    /// by the path of the device: `/dev/mapper/vg0-root`
    pub features: BTreeMap<String, BTreeSet<String>>,
}

/// Reads what the question prints.
///
/// # Errors
/// A line that is not understood.
pub fn parse(text: &str) -> Result<FileSystems, ParseError> {
    let mut found = FileSystems::default();
    let mut device = None;
    for line in text.lines() {
        if let Some((tool, said)) = line.strip_prefix("tool ").and_then(|rest| rest.split_once(' ')) {
            let version = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
            found.tools.extend(version.map(|version| (tool.to_string(), version.to_string())));
        } else if let Some(path) = line.strip_prefix("@ ") {
            device = Some(path.to_string());
        } else if let Some(device) = &device {
            let names: Vec<&str> = match line.strip_prefix("Filesystem features:") {
                Some(rest) => rest.split_whitespace().collect(),
                None => line
                    .split(|c: char| c.is_whitespace() || c == ',')
                    .filter_map(|word| word.strip_suffix("=1"))
                    .collect(),
            };
            let features = found.features.entry(device.clone()).or_default();
            features.extend(names.into_iter().map(str::to_string));
        }
    }
    Ok(found)
}
