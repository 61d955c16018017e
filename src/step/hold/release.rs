//! How a server that waits is let go on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::Act;

/// What lets new go on from its hold: from the first tag on it boots whenever it has power.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// of LVM, on each of the groups
    pub tag: String,
    /// new's volume groups
    pub groups: Vec<String>,
}

pub(crate) const GO: &str = include_str!("../scripts/hold-go.sh");

impl Release {
    pub(in crate::step) fn acts(&self) -> Vec<Act> {
        let argv = ["sh", "-c", GO, "hold-go.sh", &self.tag].into_iter();
        vec![Act::run(argv.chain(self.groups.iter().map(String::as_str)))]
    }
}
