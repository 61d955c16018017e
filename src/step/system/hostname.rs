use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Compared, Seen, Step, Touched, Undo, answered};

/// The running system's hostname (not the file): md writes it into the arrays it creates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hostname {
    /// as hostname(1) prints it
    pub name: String,
    /// what it was when the facts were read
    pub was: String,
}

impl Step for Hostname {
    fn title(&self) -> String {
        format!("hostname {} (was {})", self.name, self.was)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let query = Query::file("/proc/sys/kernel/hostname");
        let name = answered(on, side, query)?.file().unwrap_or_default().trim().to_string();
        Ok(match name {
            name if name == self.name => Seen::Present,
            // what the kernel says before anybody has given it a name: in an initramfs nobody does
            name if name == self.was || name == "(none)" => Seen::Absent,
            other => Seen::Foreign(format!("the hostname is `{other}`")),
        })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::run(["hostname", &self.name])]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["hostname", &self.was])])
    }

    fn touches(&self, _: &Compared) -> Vec<Touched> {
        vec![Touched::one("host name", "")]
    }
}
