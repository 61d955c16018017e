use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::packages::{acts, installed};
use crate::family::Family;
use crate::host::{Act, HostError, Look, Side};
use crate::step::{Seen, Step, Undo};

/// Packages that were installed for the migration and are so no more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Purged {
    /// their names, without versions
    pub packages: Vec<String>,
    /// where the script goes on the server
    pub dir: String,
    /// whose package manager it is
    #[serde(default, skip_serializing_if = "Family::is_first")]
    pub family: Family,
}

impl Step for Purged {
    fn title(&self) -> String {
        format!("remove the packages {}", self.packages.join(", "))
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let all = installed(self.family, on, side)?;
        let left = self.packages.iter().filter(|name| all.contains_key(*name)).count();
        Ok(match left {
            0 => Seen::Present,
            left if left == self.packages.len() => Seen::Absent,
            left => Seen::Partial(format!("{left} of {} packages are left", self.packages.len())),
        })
    }

    fn apply(&self) -> Vec<Act> {
        acts(self.family, &self.dir, "purge", self.packages.iter().cloned())
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("new is switched off")
    }
}
