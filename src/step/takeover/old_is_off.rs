use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Side};
use crate::step::{Mark, Seen, Step, Undo, lost, old_may_run};

/// The old server is off: asked again right before new takes its name and addresses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OldIsOff {}

impl Step for OldIsOff {
    fn title(&self) -> String {
        "old is off".into()
    }

    fn mark(&self) -> Mark {
        Mark::Check
    }

    fn observe(&self, on: &dyn Look, _side: Side) -> Result<Seen, HostError> {
        Ok(old_may_run(on)?.map_or(Seen::Present, Seen::Foreign))
    }

    fn for_good(&self, seen: &Seen) -> bool {
        lost(seen)
    }

    fn apply(&self) -> Vec<Act> {
        Vec::new()
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("it only looked")
    }
}
