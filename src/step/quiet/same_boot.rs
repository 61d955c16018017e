use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Mark, Seen, Step, Undo, answered};

/// Old's boot file system is what was copied: read again, while nothing writes to it. A kernel update, or a person who
/// made it writable for a moment, would otherwise be missing on new.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SameBoot {
    /// mount point
    pub target: String,
    /// the block device on old, by its identity
    pub device: String,
    /// the disk on new
    pub lun: String,
    /// what was copied: sha256 and bytes. It travels with the volumes, for the proof on new
    pub hash_file: String,
    /// bytes
    pub size: u64,
    /// it is too late to copy it again
    pub check: bool,
    /// boot-copy.sh
    pub script: String,
    /// where the script goes on the server
    pub dir: String,
}

/// Prints `equal` where a device still has the hash in a file, `differs` where it has another, `none` without the file.
/// What the kernel keeps of the device in memory is written first, and not read.
pub(crate) const COMPARE: &str = r#"[ -e "$2" ] || { echo none; exit; }
read -r hash _ <"$2"; sync; blockdev --flushbufs "$1"
now=$(dd if="$1" bs=1M iflag=direct 2>/dev/null | sha256sum)
if [ "${now%% *}" = "$hash" ]; then echo equal; else echo differs; fi"#;

impl Step for SameBoot {
    fn title(&self) -> String {
        format!("{} is still what was copied  {} MiB", self.target, self.size >> 20)
    }

    fn mark(&self) -> Mark {
        if self.check { Mark::Check } else { Mark::Change }
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let compared = answered(on, side, Query::run(["sh", "-c", COMPARE, "sh", &self.device, &self.hash_file]))?;
        let other = match compared.stdout.trim() {
            "equal" => return Ok(Seen::Present),
            "differs" => format!("{} has been written to after it was copied", self.target),
            "none" => format!("{} is gone, which says what was copied of {}", self.hash_file, self.target),
            word => {
                let cause = format!("`{word}` is no answer");
                return Err(HostError::Unclear { side, command: "sha256sum".into(), cause });
            }
        };
        Ok(if self.check {
            Seen::Foreign(format!(
                "{other}, and it is too late to copy it again. Go back with `replant rollback`, and begin again"
            ))
        } else {
            Seen::Absent
        })
    }

    fn apply(&self) -> Vec<Act> {
        if self.check {
            return Vec::new();
        }
        let script = format!("{}/boot-again.sh", self.dir);
        vec![
            Act::put(&script, &self.script, 0o700),
            Act::long(["sh", &script, &self.device, &self.lun, &self.hash_file].map(str::to_string)),
        ]
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("the copy goes with what it was copied to")
    }
}
