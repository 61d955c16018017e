use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Mark, Seen, Step, Undo, mounts_query, old_is_on, parse_mounts};

/// The system that booted is the same one: name, addresses, mounts, services.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// empty: any
    pub hostname: String,
    /// `10.77.0.21/24`
    pub addresses: Vec<String>,
    /// mount points with their file system type
    pub mounts: Vec<(String, String)>,
    /// units that must run
    pub units: Vec<String>,
    /// old must be off: not in the runbooks of earlier versions
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
}

impl Step for Identity {
    fn title(&self) -> String {
        let name = if self.hostname.is_empty() { "the same system" } else { &self.hostname };
        match self.addresses.as_slice() {
            [] => format!("it is {name}, and serves"),
            addresses => format!("it is {name} with {}, and serves", addresses.join(", ")),
        }
    }

    fn mark(&self) -> Mark {
        Mark::Check
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let mut queries = vec![
            Query::file("/proc/sys/kernel/hostname"),
            Query::run(["ip", "-oneline", "address", "show", "scope", "global"]),
            mounts_query(),
        ];
        // systemctl is not to be asked about nothing: that is an error
        if !self.units.is_empty() {
            let asked = ["systemctl", "is-active"].map(String::from).into_iter().chain(self.units.iter().cloned());
            queries.push(Query::run(asked));
        }
        let answers = on.look(side, &queries)?;
        let [hostname, addresses, mounted, units @ ..] = answers.as_slice() else { return Ok(Seen::Absent) };
        let mut wrong = Vec::new();
        let name = hostname.file().unwrap_or_default().trim();
        if name != self.hostname && !self.hostname.is_empty() {
            wrong.push(format!("its hostname is `{name}`"));
        }
        for address in &self.addresses {
            if !addresses.stdout.split_whitespace().any(|word| word == address) {
                wrong.push(format!("it does not have {address}"));
            }
        }
        let mounted = parse_mounts(mounted.file().unwrap_or_default());
        for (target, fstype) in &self.mounts {
            if !mounted.iter().any(|mount| mount.target == *target && mount.fstype == *fstype) {
                wrong.push(format!("{target} is not mounted"));
            }
        }
        let mut states = units.iter().flat_map(|units| units.stdout.lines());
        for unit in &self.units {
            // without its word nobody knows of a unit that it runs
            let state = states.next().unwrap_or("unknown");
            if state != "active" {
                wrong.push(format!("{unit} is {state}"));
            }
        }
        // last, so that nothing is looked at after it
        if self.alone
            && let Some(why) = old_is_on(on)?
        {
            return Ok(Seen::Foreign(why));
        }
        // While it is still coming up this is no verdict: the engine asks again for as long as it is patient.
        Ok(if wrong.is_empty() { Seen::Present } else { Seen::Partial(wrong.join(", ")) })
    }

    fn apply(&self) -> Vec<Act> {
        Vec::new()
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("it only looked")
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(300)
    }
}
