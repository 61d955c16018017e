use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Side};
use crate::step::{Seen, Step, Undo, vgs};

/// The volume group under the name that the migrated system knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupName {
    /// the name under which it travelled
    pub from: String,
    /// the name that old's group has
    pub to: String,
}

impl Step for GroupName {
    fn title(&self) -> String {
        format!("rename group {} to {}", self.from, self.to)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let groups = vgs(on, side)?;
        let there = |name: &str| groups.iter().any(|vg| vg.name == name);
        Ok(match (there(&self.from), there(&self.to)) {
            (false, true) => Seen::Present,
            (true, false) => Seen::Absent,
            (true, true) => Seen::Foreign(format!("there is a group {} already", self.to)),
            (false, false) => Seen::Foreign(format!("there is no group {}", self.from)),
        })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::run(["vgrename", &self.from, &self.to])]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["vgrename", &self.to, &self.from])])
    }
}
