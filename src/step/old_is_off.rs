use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Mark, Seen, Step, Undo, power};
use crate::host::{Act, HostError, Look, Server, Side};

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
        Ok(match power(on, Server::Old)?.as_str() {
            "off" => Seen::Present,
            state => Seen::Foreign(format!(
                "the power of old is `{state}`: new must not boot with its name and addresses. Switch old off, then go on"
            )),
        })
    }

    fn apply(&self) -> Vec<Act> {
        Vec::new()
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("it only looked")
    }
}
