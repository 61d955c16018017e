use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ages::served;
use super::mirror::{self, Mirror, UNMIRROR};
use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Seen, Step, Undo, answered};

/// No mirror holds a copy that began before new was started. Such a copy can miss what new had taken and not yet written
/// when its power went, and nothing on old tells: it is given up, and begun again by the steps of the mirrors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FreshCopies {
    /// the mirrors as their own steps make them
    pub mirrors: Vec<Mirror>,
    /// a file in memory that says that copies were found to differ from the originals: they are worth nothing
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs: Option<String>,
}

impl Step for FreshCopies {
    fn title(&self) -> String {
        "no copy is older than new's uptime".into()
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        if let Some(mark) = &self.differs
            && answered(on, side, Query::file(mark))?.file().is_some()
        {
            return Ok(Seen::Absent);
        }
        let all: Vec<&Mirror> = self.mirrors.iter().collect();
        let state = mirror::State::read(on, side, &all)?;
        let mirrored: Vec<&Mirror> = all.into_iter().filter(|mirror| state.mirrored(mirror)).collect();
        if mirrored.is_empty() {
            return Ok(Seen::Present);
        }
        let served = served(on)?;
        let stale = mirrored.iter().any(|mirror| state.ages.outlives(&mirror.since, served));
        Ok(if stale { Seen::Absent } else { Seen::Present })
    }

    /// All of them: nothing is copied between new's start and this step.
    fn apply(&self) -> Vec<Act> {
        let give_up = |mirror: &Mirror| {
            let name = format!("{}/{}", mirror.vg, mirror.lv);
            Act::run(["sh", "-c", UNMIRROR, "sh", &name, &mirror.device, &mirror.pv_uuid])
        };
        let forget = self.differs.iter().map(|path| Act::Remove { path: path.clone() });
        self.mirrors.iter().map(give_up).chain(forget).collect()
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("what was given up is no part of old")
    }
}
