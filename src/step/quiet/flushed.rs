use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Seen, Step, Undo, answered};

/// What old still had in memory of the file systems that stay behind is on its disks: with its power it would be gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flushed {
    /// a file in memory; a boot forgets it
    pub mark: String,
}

/// For 60 s at most: a dead file server would keep sync(1) waiting for good, with services down. `MARK`
pub(crate) const FLUSH: &str = r#"mkdir -p "${1%/*}" || exit
sync &
for _ in $(seq 600); do
  kill -0 $! 2>/dev/null || break
  sleep 0.1
done
echo flushed >"$1"
"#;

impl Step for Flushed {
    fn title(&self) -> String {
        "what old has in memory goes to its disks".into()
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let there = answered(on, side, Query::file(&self.mark))?.file().is_some();
        Ok(if there { Seen::Present } else { Seen::Absent })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::long(["sh", "-c", FLUSH, "sh", &self.mark])]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::Remove { path: self.mark.clone() }])
    }
}
