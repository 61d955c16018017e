use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Side};
use crate::step::{NO_ARCHIVE, Seen, Step, Undo, lvs};

/// Volumes that no device-mapper table holds any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inactive {
    /// the volume group, as vgs(8) prints it
    pub vg: String,
    /// names within the group, as lvs(8) prints them
    pub lvs: Vec<String>,
}

impl Step for Inactive {
    fn title(&self) -> String {
        format!("deactivate {}", self.lvs.iter().map(|lv| format!("{}/{lv}", self.vg)).collect::<Vec<_>>().join(", "))
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let all = lvs(on, side)?;
        let active = all.iter().any(|lv| lv.vg == self.vg && self.lvs.contains(&lv.name) && lv.active);
        Ok(if active { Seen::Absent } else { Seen::Present })
    }

    fn apply(&self) -> Vec<Act> {
        let mut argv = vec!["lvchange".to_string(), "--config".into(), NO_ARCHIVE.into(), "--activate".into()];
        argv.push("n".into());
        argv.extend(self.lvs.iter().map(|lv| format!("{}/{lv}", self.vg)));
        vec![Act::run(argv)]
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("the next step back removes them")
    }
}
