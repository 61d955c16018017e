use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::doing::{Doing, Phase};
use crate::host::{Act, HostError, Look, PowerTo, Server, Side};
use crate::step::takeover::old_off::booting;
use crate::step::{Seen, Step, Undo, power};

/// No rehearsal is on: new was reset, and what it rehearsed on is forgotten with its memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeldAgain {
    /// by its power control, where the system does not answer any more
    pub by_power: bool,
}

/// Resets the machine, where a rehearsal is on and nowhere else: nothing of it needs to be written.
pub(crate) const RESET: &str = r#"[ -e /run/replant/rehearsal ] || { echo "no rehearsal is on" >&2; exit 1; }
echo b >/proc/sysrq-trigger; sleep 60; echo "it was not reset" >&2; exit 1"#;

impl Step for HeldAgain {
    fn title(&self) -> String {
        match self.by_power {
            true => "throw the rehearsal away: switch new off and on, it holds again".into(),
            false => "throw the rehearsal away: reset new, it holds again".into(),
        }
    }

    fn observe(&self, on: &dyn Look, _side: Side) -> Result<Seen, HostError> {
        let doing = match Doing::of(on) {
            // whatever answers there: new is reset by what is known to be its own power control
            Err(HostError::Another { .. } | HostError::Refused { .. }) if self.by_power => None,
            doing => doing?,
        };
        Ok(match doing {
            Some(Doing { phase: Phase::None, .. }) => Seen::Present,
            Some(_) => Seen::Absent,
            None if self.by_power || power(on, Server::New)?.0 == "off" => Seen::Absent,
            None => booting(),
        })
    }

    fn apply(&self) -> Vec<Act> {
        vec![match self.by_power {
            true => Act::Power { server: Server::New, to: PowerTo::OwnDisks, alone: false },
            false => Act::run(["sh", "-c", RESET, "sh"]),
        }]
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("it only throws away")
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(900)
    }

    fn boots(&self) -> Option<Server> {
        Some(Server::New)
    }
}
