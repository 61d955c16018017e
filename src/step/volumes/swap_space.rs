use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Mark, Seen, Step, Undo, gone, signature_list};

/// An empty swap with the UUID of the one it stands for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwapSpace {
    /// `/dev/mapper/vg0-swap_1`
    pub device: String,
    /// the swap's own, as blkid(8) prints it
    pub uuid: String,
}

impl Step for SwapSpace {
    fn title(&self) -> String {
        format!("swap on {} with its old UUID", self.device)
    }

    fn mark(&self) -> Mark {
        Mark::Create
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        // wipefs(8) reads the device itself, not what udev remembers of it
        let probe = on.ask(side, Query::run(["wipefs", "--json", &self.device]))?;
        if !probe.success() && gone(on, side, &self.device)? {
            return Ok(Seen::Absent);
        }
        if !probe.success() {
            return Ok(Seen::Foreign(format!("{}: {}", self.device, probe.stderr.trim())));
        }
        let ours = probe.stdout.contains("\"swap\"") && probe.stdout.contains(&self.uuid);
        let empty = signature_list(&probe.stdout).is_empty();
        Ok(match (ours, empty) {
            (true, _) => Seen::Present,
            (_, true) => Seen::Absent,
            _ => Seen::Foreign(format!("{} holds something else", self.device)),
        })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::run(["mkswap", "--uuid", &self.uuid, &self.device])]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["wipefs", "--all", "--quiet", &self.device])])
    }
}
