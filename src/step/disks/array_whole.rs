use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::md;
use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Mark, Seen, Step, Undo, answered, parsed};

/// An array that has all its members. Its first resync may still go on: that harms nothing, and ends by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArrayWhole {
    /// `/dev/disk/by-id/md-uuid-…`
    pub array: String,
    /// for people
    pub name: String,
}

impl Step for ArrayWhole {
    fn title(&self) -> String {
        format!("{} has all its disks", self.name)
    }

    fn mark(&self) -> Mark {
        Mark::Check
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let link = answered(on, side, Query::run(["readlink", "-f", &self.array]))?;
        let mdstat = answered(on, side, md::mdstat_query())?;
        let running = parsed(side, "/proc/mdstat", md::parse_mdstat(mdstat.file().unwrap_or_default()))?;
        let kernel = link.stdout.trim().trim_start_matches("/dev/");
        Ok(match running.iter().find(|array| array.name == kernel) {
            Some(array) if !array.degraded() => Seen::Present,
            Some(array) => Seen::Foreign(format!(
                "{} works with {} of {} disks ({}): replace what has failed before old is given up",
                self.name, array.working, array.devices, array.health
            )),
            None => Seen::Foreign(format!("{} does not run", self.name)),
        })
    }

    fn apply(&self) -> Vec<Act> {
        Vec::new()
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("it only looked")
    }
}
