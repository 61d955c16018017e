use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Mark, Seen, Step, Undo, answered};

/// A RAM disk, `/dev/ram0`, for what md keeps of the copies: Linux, Documentation/admin-guide/blockdev/ramdisk.rst. It takes
/// memory as it is written to, which is never swapped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RamDisk {
    /// KiB
    pub size: u64,
}

/// Prints the size of each RAM disk that there is, in sectors.
pub(crate) const RAM_DISKS: &str =
    r#"for d in /sys/block/ram*; do [ ! -e "$d" ] || echo "${d##*/} $(cat "$d/size")"; done"#;

impl Step for RamDisk {
    fn title(&self) -> String {
        format!("a RAM disk of {} MiB", self.size >> 10)
    }

    fn mark(&self) -> Mark {
        Mark::Create
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let answer = answered(on, side, Query::run(["sh", "-c", RAM_DISKS]))?;
        let there: Vec<&str> = answer.stdout.lines().collect();
        Ok(match there[..] {
            [] => Seen::Absent,
            [one] if one == format!("ram0 {}", self.size * 2) => Seen::Present,
            _ => Seen::Foreign(format!("old has RAM disks of its own: {}", there.join(", "))),
        })
    }

    fn apply(&self) -> Vec<Act> {
        vec![
            Act::run(["modprobe", "brd", "rd_nr=1", &format!("rd_size={}", self.size)]),
            Act::run(["udevadm", "settle"]),
        ]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["modprobe", "--remove", "brd"])])
    }
}
