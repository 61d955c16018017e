use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Seen, Step, Undo};

/// A mounted file system that fills its volume: xfs_growfs(8), resize2fs(8).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FsSize {
    /// `/dev/mapper/vg0-root`
    pub device: String,
    /// where it is mounted, for xfs_growfs(8) takes that
    pub target: String,
    /// `xfs`, or one of ext2, ext3, ext4
    pub fstype: String,
}

impl FsSize {
    fn info(&self) -> Query {
        match self.fstype.as_str() {
            "xfs" => Query::run(["xfs_info", &self.target]),
            _ => Query::run(["dumpe2fs", "-h", &self.device]),
        }
    }

    /// Bytes of the file system, out of what its own tool prints.
    fn size(&self, info: &str) -> Option<u64> {
        if self.fstype == "xfs" {
            let data = info.lines().find(|line| line.starts_with("data "))?;
            let value = |key: &str| -> Option<u64> {
                let (_, rest) = data.split_once(key)?;
                rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
            };
            Some(value("bsize=")? * value("blocks=")?)
        } else {
            let value = |key: &str| -> Option<u64> {
                info.lines().find_map(|line| line.strip_prefix(key))?.trim().parse().ok()
            };
            Some(value("Block count:")? * value("Block size:")?)
        }
    }
}

impl Step for FsSize {
    fn title(&self) -> String {
        format!("{} fills its volume ({})", self.target, self.fstype)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let answers = on.look(side, &[self.info(), Query::run(["blockdev", "--getsize64", &self.device])])?;
        let [info, device] = answers.as_slice() else { return Ok(Seen::Absent) };
        let (Some(size), Ok(device)) = (self.size(&info.stdout), device.stdout.trim().parse::<u64>()) else {
            let cause = format!("{}{}", info.stdout, info.stderr);
            return Err(HostError::Unclear { side, command: "xfs_info or dumpe2fs -h".into(), cause });
        };
        // XFS leaves a last allocation group that would be too small, ext4 a last block
        Ok(if size + (1 << 20) >= device { Seen::Present } else { Seen::Absent })
    }

    fn apply(&self) -> Vec<Act> {
        vec![match self.fstype.as_str() {
            "xfs" => Act::long(["xfs_growfs", &self.target]),
            _ => Act::long(["resize2fs", &self.device]),
        }]
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("new is switched off")
    }
}
