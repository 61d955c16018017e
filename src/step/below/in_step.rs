use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::beneath::{self, Beneath};
use crate::host::{Act, HostError, Look, Side};
use crate::step::{Mark, Seen, Step, Undo};

/// All copies below LVM are in sync, by the same judgement as when they were made, twice in a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InStep {
    /// the copies as their own steps make them
    pub copies: Vec<Beneath>,
}

impl Step for InStep {
    fn title(&self) -> String {
        match self.copies.len() {
            1 => "the copy is in sync".into(),
            count => format!("all copies ({count}) are in sync"),
        }
    }

    fn mark(&self) -> Mark {
        Mark::Check
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let all: Vec<&Beneath> = self.copies.iter().collect();
        for (copy, seen) in self.copies.iter().zip(beneath::look(on, side, &all)?) {
            match seen {
                Seen::Present => {}
                Seen::Absent => return Ok(Seen::Foreign(format!("{}/{} is not copied", copy.vg, copy.lv))),
                underway @ Seen::Underway(_) => return Ok(underway),
                Seen::Partial(what) | Seen::Remains(what) | Seen::Foreign(what) => {
                    return Ok(Seen::Foreign(format!("{}/{}: {what}", copy.vg, copy.lv)));
                }
            }
        }
        Ok(Seen::Present)
    }

    fn apply(&self) -> Vec<Act> {
        Vec::new()
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("it only looked")
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(120)
    }
}
