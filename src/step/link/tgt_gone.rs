use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Seen, Step, Undo, answered};

/// No iSCSI server any more: the arrays belong to new alone from here on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TgtGone {
    /// our targets and where their configuration is
    pub targets: Vec<(String, String)>,
    /// tgtd was started by us and goes too
    pub stop: bool,
    /// what was offered: nothing of it may stay in a cache of this kernel
    pub devices: Vec<String>,
}

impl Step for TgtGone {
    fn title(&self) -> String {
        "withdraw the iSCSI targets".into()
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let runs = answered(on, side, Query::run(["sh", "-c", super::daemon::TGTD_RUNS]))?;
        if runs.stdout.trim().is_empty() {
            return Ok(Seen::Present);
        }
        if self.stop {
            return Ok(Seen::Absent);
        }
        let show = answered(on, side, super::tgt_export::show_targets())?;
        let all = super::tgt_export::targets(&show.stdout);
        let left = self.targets.iter().any(|(iqn, _)| all.iter().any(|(name, _)| name == iqn));
        Ok(if left { Seen::Absent } else { Seen::Present })
    }

    fn apply(&self) -> Vec<Act> {
        let mut acts: Vec<Act> = self
            .targets
            .iter()
            .map(|(iqn, conf)| Act::run(["tgt-admin", "--conf", conf, "--delete", iqn, "--force"]))
            .collect();
        if self.stop {
            acts.push(Act::run(["tgtadm", "--mode", "system", "--op", "delete"]));
        }
        acts.push(Act::run(["sync"]));
        acts.extend(self.devices.iter().map(|device| Act::run(["blockdev", "--flushbufs", device])));
        acts
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("new is switched off")
    }
}
