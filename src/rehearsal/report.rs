//! What a rehearsal has shown.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was seen of the copied system while it ran on new, cut off from the network. What depends on others (a name, a lease, a
/// mount over the network) cannot be there; nor is anything shown of the network itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// when it was looked at, by the clock of the machine on which replant ran
    #[schemars(with = "Option<String>")]
    pub at: Option<Timestamp>,
    /// it did not come up, or not in time, and why
    pub trouble: Option<String>,
    /// systemctl(1), `is-system-running`; empty: it could not be asked
    pub system: String,
    /// seconds from the word to go on until all that a boot starts was started, by the system's own word
    pub seconds: Option<f64>,
    /// seconds until it had all the ports at which old listens, as far as it was watched; none: it never had them all
    pub listens_after: Option<f64>,
    /// the units that the cutover stops, and those that must run on the migrated system, with the seconds until each ran
    pub units: Vec<Ran>,
    /// units that failed
    pub failed: Vec<String>,
    /// mounts of old that it did not have
    pub mounts: Vec<String>,
    /// ports at which old listens and it did not: `tcp 5432`
    pub ports: Vec<String>,
    /// it was seen that nothing was written to new's volumes, and only what had changed was sent again
    pub untouched: bool,
}

/// A unit, and when it ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ran {
    /// with its suffix
    pub name: String,
    /// seconds from the word to go on; none: it did not run
    pub seconds: Option<f64>,
}

impl Report {
    /// Everything that old has was there.
    pub fn good(&self) -> bool {
        self.trouble.is_none()
            && self.seconds.is_some()
            && self.failed.is_empty()
            && self.mounts.is_empty()
            && self.ports.is_empty()
            && self.units.iter().all(|unit| unit.seconds.is_some())
    }

    /// Seconds from the word to go on until the last of the units ran, or all that a boot starts where none is named: what the
    /// estimate of the downtime takes for new's part of it.
    pub fn boot(&self) -> Option<f64> {
        let units: Option<Vec<f64>> = self.units.iter().map(|unit| unit.seconds).collect();
        match (&self.trouble, units.as_deref()) {
            (Some(_), _) | (None, None) => None,
            (None, Some([])) => self.seconds,
            (None, Some(units)) => units.iter().copied().reduce(f64::max),
        }
    }
}
