use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Compared, Seen, Step, Touched, Undo};

/// A swap that is not in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwapOff {
    /// `/dev/mapper/vg0-swap_1`
    pub device: String,
}

impl Step for SwapOff {
    fn title(&self) -> String {
        format!("swap off on {}", self.device)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let answers = on.look(side, &[Query::run(["readlink", "-f", &self.device]), Query::file("/proc/swaps")])?;
        let [real, swaps] = answers.as_slice() else { return Ok(Seen::Present) };
        // proc(5): the path is the first word of each line but the first
        let used = swaps.stdout.lines().filter_map(|line| line.split_whitespace().next());
        let on = used.into_iter().any(|path| path == real.stdout.trim() || path == self.device);
        Ok(if on { Seen::Absent } else { Seen::Present })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::long(["swapoff", &self.device])]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["swapon", &self.device])])
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        vec![Touched::one("swap", &self.device).or_gone()]
    }
}
