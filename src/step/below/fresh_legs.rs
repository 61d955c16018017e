use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::beneath::{self, Beneath};
use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::copy::ages::served;
use crate::step::{Seen, Step, Undo, answered};

/// No leg on new holds a copy that began before new was started. Such a copy can miss what new had taken and not yet written
/// when its power went, and md on old does not know: it is given up, and begun again by the steps of the copies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FreshLegs {
    /// the copies as their own steps make them
    pub copies: Vec<Beneath>,
    /// a file in memory that says that copies were found to differ from the originals: they are worth nothing
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs: Option<String>,
}

pub(crate) const DROP: &str = include_str!("../scripts/below-drop.sh");

impl Step for FreshLegs {
    fn title(&self) -> String {
        "no copy is older than new's uptime".into()
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        if let Some(mark) = &self.differs
            && answered(on, side, Query::file(mark))?.file().is_some()
        {
            return Ok(Seen::Absent);
        }
        let all: Vec<&Beneath> = self.copies.iter().collect();
        let state = beneath::read(on, side, &all)?;
        // what md may know of a leg has a beginning, whether or not the leg is there now
        if all.iter().all(|copy| state.ages.began(&copy.since).is_none()) {
            return Ok(Seen::Present);
        }
        let served = served(on)?;
        let stale = all.iter().any(|copy| state.ages.outlives(&copy.since, served));
        Ok(if stale { Seen::Absent } else { Seen::Present })
    }

    /// All of them: nothing is copied between new's start and this step.
    fn apply(&self) -> Vec<Act> {
        let Some(first) = self.copies.first() else { return Vec::new() };
        let script = format!("{}/below-drop.sh", first.dir);
        let give_up =
            |copy: &Beneath| Act::run(["sh", &script, &copy.number.to_string(), &copy.at.to_string(), &copy.since]);
        let acts = self.copies.iter().map(give_up);
        let forget = self.differs.iter().map(|path| Act::Remove { path: path.clone() });
        std::iter::once(Act::put(&script, DROP, 0o700)).chain(acts).chain(forget).collect()
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("what was given up is no part of old")
    }
}
