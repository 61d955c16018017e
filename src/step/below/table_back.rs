use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::beneath::{self, Beneath};
use crate::host::{Act, HostError, Look, Side};
use crate::step::{Seen, Step, Undo};

/// The volume lies on its own disks again, as LVM knows it, and nothing is left of the array beneath it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableBack {
    /// the copy that ends
    pub copy: Beneath,
}

impl Step for TableBack {
    fn title(&self) -> String {
        format!("{}/{} lies on its own disks again", self.copy.vg, self.copy.lv)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let state = beneath::read(on, side, &[&self.copy])?;
        let lies = &state.volumes[0];
        let ours = self.copy.table();
        Ok(match (lies.plain(&ours), lies.bare()) {
            (true, true) => Seen::Present,
            (true, false) => Seen::Partial("the array is still there".into()),
            (false, _) if lies.tables == [ours.as_str()] => Seen::Absent,
            (false, _) => Seen::Foreign(format!("its table is: {}", lies.tables.join("; "))),
        })
    }

    fn apply(&self) -> Vec<Act> {
        self.copy.back()
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("old's volume is as it was before the copy")
    }
}
