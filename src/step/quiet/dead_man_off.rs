use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dead_man;
use crate::host::{Act, HostError, Look, Side};
use crate::step::{Seen, Step, Undo};

/// The runner that would start old's services again is held: what old writes from here on would be lost. Either it is held or
/// it has fired, never both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadManOff {
    /// in memory: what the runner knows, and what is known of it
    pub dir: String,
    /// the unit that it runs as
    pub unit: String,
    /// seconds for which nobody is heard of, where it is armed again
    pub seconds: u64,
}

/// One rename: the runner lets go of the same name when it fires. `DIR`
pub(crate) const HOLD: &str = r#"[ -e "$1/cut" ] || mv "$1/armed" "$1/cut" 2>/dev/null || {
  echo 'services of old have come back by themselves. help: type `replant apply` again: they are stopped again first' >&2
  exit 1
}
"#;

/// `DIR UNIT SECONDS`
pub(crate) fn again() -> String {
    format!("[ -e \"$1/cut\" ] || exit 0\n{}", dead_man::ARM)
}

impl Step for DeadManOff {
    fn title(&self) -> String {
        "old's services do not come back by themselves any more".into()
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let held = dead_man::state(on, side, &self.dir, &self.unit)? == "cut";
        Ok(if held { Seen::Present } else { Seen::Absent })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::run(["sh", "-c", HOLD, "sh", &self.dir])]
    }

    /// On the way back nothing must be lost either: services may come back by themselves again.
    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::long(["sh", "-c", &again(), "sh", &self.dir, &self.unit, &self.seconds.to_string()])])
    }
}
