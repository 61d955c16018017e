use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Seen, Step, Undo, answered, dm_name};

/// What the kernel has counted of writes to each volume, kept in memory: any other number later, and something was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WritesCounted {
    /// the file; a boot forgets it
    pub record: String,
    /// `vg0/root`
    pub volumes: Vec<String>,
}

/// A line for each device of device-mapper: its name, and 512-byte sectors written to it since it was made. It stays the
/// same device when a mirror is made of it, and when one is cut. Linux, Documentation/block/stat.rst
pub(crate) const COUNT: &str = r#"for d in /sys/block/dm-*; do
  [ -e "$d/dm/name" ] || continue
  read -r name <"$d/dm/name" && read -r _ _ _ _ _ _ written _ <"$d/stat" || exit
  echo "$name $written"
done"#;

/// Counts into a file: `FILE`
pub(crate) fn script() -> String {
    format!("mkdir -p \"${{1%/*}}\" && {{ {COUNT}\n}} >\"$1.part\" && mv \"$1.part\" \"$1\"")
}

/// Volumes that have been written to since the count; all of them where nobody counted.
pub(super) fn written(on: &dyn Look, side: Side, record: &str, volumes: &[String]) -> Result<Vec<String>, HostError> {
    let before = answered(on, side, Query::file(record))?;
    let now = answered(on, side, Query::run(["sh", "-c", COUNT]))?;
    let Some(before) = before.file() else { return Ok(volumes.to_vec()) };
    let count = |text: &str, volume: &str| {
        let (vg, lv) = volume.split_once('/')?;
        let name = dm_name(vg, lv);
        text.lines().find_map(|line| line.strip_prefix(&name)?.strip_prefix(' ')).map(str::to_string)
    };
    let changed = |volume: &&String| count(before, volume) != count(&now.stdout, volume);
    Ok(volumes.iter().filter(changed).cloned().collect())
}

impl Step for WritesCounted {
    fn title(&self) -> String {
        "count what has been written to each volume".into()
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let there = answered(on, side, Query::file(&self.record))?.file().is_some();
        // what was written before the cut is on new too: it only has to be counted again
        let good = there && written(on, side, &self.record, &self.volumes)?.is_empty();
        Ok(if good { Seen::Present } else { Seen::Absent })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::run(["sh", "-c", &script(), "sh", &self.record])]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::Remove { path: self.record.clone() }])
    }
}
