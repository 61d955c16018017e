use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, PowerTo, Query, Server, Side};
use crate::step::hold::into_hold::holds;
use crate::step::takeover::old_off::NOT_BY_ITSELF;
use crate::step::{Release, Seen, Step, Undo, lost, old_is_on, old_may_run, power};

/// The new server, up from its own disks: it answers at old's address with old's host key, and has new's disks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnBoot {
    /// serial numbers of which at least one must be there: by the name alone it could be old
    pub serials: Vec<String>,
    /// it waits in its own initramfs, and is let go on; `None`: it boots from its own disks instead of a rescue system
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Release>,
}

impl Step for OwnBoot {
    fn title(&self) -> String {
        match self.held {
            Some(_) => "let new go on: it boots".into(),
            None => "boot new from its own disks".into(),
        }
    }

    fn observe(&self, on: &dyn Look, _side: Side) -> Result<Seen, HostError> {
        // As long as it waits nobody need be looked for at old's address: whether somebody is there, old's power is asked.
        if self.held.is_some() && holds(on).unwrap_or_default() == Some(true) {
            return Ok(old_may_run(on)?.map_or(Seen::Absent, Seen::Foreign));
        }
        let disks = Query::run(["lsblk", "--nodeps", "--noheadings", "--output", "SERIAL"]);
        match on.ask(Side::Migrated, disks) {
            Ok(disks) => {
                let new = disks.stdout.lines().any(|line| self.serials.iter().any(|serial| serial == line.trim()));
                if !new {
                    return Ok(Seen::Foreign("what answers at old's address has none of new's disks".into()));
                }
                return Ok(old_is_on(on)?.map_or(Seen::Present, Seen::Foreign));
            }
            Err(HostError::Another { cause, .. }) => {
                let other =
                    || format!("another machine answers at old's address, {cause}. Switch it off, then go on");
                return Ok(Seen::Foreign(old_may_run(on)?.unwrap_or_else(other)));
            }
            Err(HostError::Unreachable { .. }) => {}
            Err(error) => return Err(error),
        }
        // It is not up as the migrated system. If the rescue system still answers, nothing has begun; where new is off,
        // it is to be switched on. Otherwise it boots.
        match on.ask(Side::New, Query::run(["cat", "/proc/sys/kernel/random/boot_id"])) {
            Ok(_) => {}
            Err(HostError::Unreachable { .. } | HostError::Refused { .. } | HostError::Another { .. }) => {
                if power(on, Server::New)?.0 != "off" {
                    return Ok(super::old_off::booting());
                }
                if self.held.is_some() && old_may_run(on)?.is_none() {
                    let what =
                        "new is switched off. Switch it on, then go on: it waits again, or boots if it was let go on";
                    return Ok(Seen::Foreign(what.into()));
                }
            }
            Err(error) => return Err(error),
        }
        Ok(old_may_run(on)?.map_or(Seen::Absent, Seen::Foreign))
    }

    /// The old server's power is asked in the very moment where power is switched; here nothing else asks.
    fn forbids(&self, on: &dyn Look, _side: Side) -> Result<Option<String>, HostError> {
        if self.held.is_some() { old_may_run(on) } else { Ok(None) }
    }

    fn for_good(&self, seen: &Seen) -> bool {
        lost(seen)
    }

    fn apply(&self) -> Vec<Act> {
        match &self.held {
            Some(release) => release.acts(),
            None => vec![Act::Power { server: Server::New, to: PowerTo::OwnDisks, alone: true }],
        }
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("new is switched off")
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(900)
    }

    fn boots(&self) -> Option<Server> {
        Some(Server::New)
    }

    fn gone(&self, work: &str) -> String {
        match self.held {
            Some(_) => format!("new was let go on, and waits again: {work}"),
            None => NOT_BY_ITSELF.into(),
        }
    }
}
