use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, PowerTo, Query, Server, Side};
use crate::step::{Progress, Seen, Step, Undo, power};

/// The old server switched off, and known to be off. Going back over this step switches new off *first*, and then old
/// on: never are both up in the working system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OldOff {}

impl Step for OldOff {
    fn title(&self) -> String {
        "switch old off".into()
    }

    fn observe(&self, on: &dyn Look, _side: Side) -> Result<Seen, HostError> {
        let (state, why) = power(on, Server::Old)?;
        Ok(match state.as_str() {
            "off" => Seen::Present,
            "on" => {
                // Running, or on its way down or up? Absent only when it can be spoken to.
                match on.ask(Side::Old, Query::run(["cat", "/proc/sys/kernel/random/boot_id"])) {
                    Ok(_) => Seen::Absent,
                    Err(HostError::Unreachable { .. }) => Seen::Partial("it is powered, and does not answer".into()),
                    Err(HostError::Another { cause, .. }) => {
                        Seen::Partial(format!("it is powered, and another machine answers at its address: {cause}"))
                    }
                    Err(error) => return Err(error),
                }
            }
            _ => Seen::Partial(format!("it is not known whether it is on: {why}")),
        })
    }

    fn apply(&self) -> Vec<Act> {
        // Nothing is mounted writable any more: taking the power away loses nothing, and is quicker than a shutdown.
        vec![Act::Power { server: Server::Old, to: PowerTo::Off, alone: false }]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![
            Act::Power { server: Server::New, to: PowerTo::Off, alone: false },
            Act::Power { server: Server::Old, to: PowerTo::On, alone: true },
        ])
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(600)
    }

    fn boots(&self) -> Option<Server> {
        Some(Server::Old)
    }
}

/// New was switched on to boot from its own disks, and did not.
pub(crate) const NOT_BY_ITSELF: &str =
    "new was to boot from its own disks, and is where it was before: its rescue system answers, or it is off";

/// What someone waits for who cannot see the screen.
pub(crate) fn booting() -> Seen {
    Seen::Underway(Progress { what: "waiting for it to boot".into(), bytes: None })
}
