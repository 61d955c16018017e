use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mirror::{self, Mirror};
use crate::host::{Act, HostError, Look, Side};
use crate::step::{Mark, Seen, Step, Undo};

/// All mirrors are in sync, by the same judgement as when they were made, twice in a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InSync {
    /// the mirrors as their own steps make them
    pub mirrors: Vec<Mirror>,
}

impl Step for InSync {
    fn title(&self) -> String {
        match self.mirrors.len() {
            1 => "the mirror is in sync".into(),
            count => format!("all mirrors ({count}) are in sync"),
        }
    }

    fn mark(&self) -> Mark {
        Mark::Check
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let all: Vec<&Mirror> = self.mirrors.iter().collect();
        for (mirror, seen) in self.mirrors.iter().zip(mirror::look(on, side, &all)?) {
            match seen {
                Seen::Present => {}
                Seen::Absent => return Ok(Seen::Foreign(format!("{}/{} is not mirrored", mirror.vg, mirror.lv))),
                underway @ Seen::Underway(_) => return Ok(underway),
                Seen::Partial(what) | Seen::Remains(what) | Seen::Foreign(what) => {
                    return Ok(Seen::Foreign(format!("{}/{}: {what}", mirror.vg, mirror.lv)));
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

    fn confirmations(&self) -> u32 {
        2
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(120)
    }
}
