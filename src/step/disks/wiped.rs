use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Side};
use crate::step::{Compared, Mark, Seen, Step, Touched, Undo, signatures};

/// A disk without any signature. Whatever was on it is destroyed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wiped {
    /// `/dev/disk/by-id/…`
    pub disk: String,
    /// for people: name in the plan, serial
    pub label: String,
    /// for people: what is on it
    pub has: String,
    /// partitions that it has now, by identity, last first
    pub partitions: Vec<String>,
    /// arrays made of nothing but this plan's disks, which must be stopped first
    pub arrays: Vec<String>,
}

/// Stops an array if it runs.
pub(crate) const STOP_ARRAY: &str = r#"[ ! -e "$1" ] || mdadm --stop "$1""#;

impl Step for Wiped {
    fn title(&self) -> String {
        format!("wipe disk {}, has: {}", self.label, self.has)
    }

    fn mark(&self) -> Mark {
        Mark::Destroy
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        Ok(if signatures(on, side, &self.disk)?.is_empty() { Seen::Present } else { Seen::Absent })
    }

    fn apply(&self) -> Vec<Act> {
        let mut acts = Vec::new();
        for array in &self.arrays {
            acts.push(Act::run(["sh", "-c", STOP_ARRAY, "sh", array]));
        }
        for partition in &self.partitions {
            acts.push(Act::run(["wipefs", "--all", "--quiet", partition]));
        }
        acts.push(Act::run(["wipefs", "--all", "--quiet", &self.disk]));
        acts.push(Act::run(["udevadm", "settle"]));
        acts
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("what was on the disk is gone")
    }

    // what stood on the disk goes, and other things come to be there
    fn touches(&self, of: &Compared) -> Vec<Touched> {
        let stood = ["partition", "array", "device", "mount", "swap"].map(Touched::any);
        of.disk(&self.disk).into_iter().chain(stood).collect()
    }
}
