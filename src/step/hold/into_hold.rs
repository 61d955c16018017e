use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, PowerTo, Query, Server, Side};
use crate::step::takeover::old_off::{NOT_BY_ITSELF, booting};
use crate::step::{Seen, Step, Undo, power};

/// New has booted from its own disks, by its own firmware, boot loader and kernel, and waits in its own initramfs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IntoHold {}

/// Where new waits for the word.
const PIPE: &str = "/run/replant/go";

/// Prints whether the system that answers waits.
pub(crate) const HOLDS: &str = "[ ! -p /run/replant/go ] || echo holds";

/// Whether new waits. `None`: it does not answer.
pub(in crate::step) fn holds(on: &dyn Look) -> Result<Option<bool>, HostError> {
    match on.ask(Side::New, Query::run(["sh", "-c", HOLDS])) {
        Ok(answer) => Ok(Some(answer.stdout.trim() == "holds")),
        Err(HostError::Unreachable { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Step for IntoHold {
    fn title(&self) -> String {
        "boot new from its own disks, to wait in its own initramfs".into()
    }

    fn observe(&self, on: &dyn Look, _side: Side) -> Result<Seen, HostError> {
        // one answer that is lost is no boot
        let seen = match holds(on)? {
            None => holds(on)?,
            seen => seen,
        };
        Ok(match seen {
            Some(true) => Seen::Present,
            // the rescue system still answers: nothing has begun
            Some(false) => Seen::Absent,
            None if power(on, Server::New)?.0 == "off" => Seen::Absent,
            None => booting(),
        })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::Power { server: Server::New, to: PowerTo::OwnDisks, alone: false }]
    }

    fn undo(&self) -> Undo {
        // it stays reachable, so that what it has can be taken back, and is nothing that could go on any more
        Undo::Acts(vec![Act::Remove { path: PIPE.into() }])
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(900)
    }

    /// It is off or on its way up when they return: a rescue system that answers then was booted again.
    fn begun_by_its_acts(&self) -> bool {
        true
    }

    fn boots(&self) -> Option<Server> {
        Some(Server::New)
    }

    fn gone(&self, _work: &str) -> String {
        NOT_BY_ITSELF.into()
    }
}
