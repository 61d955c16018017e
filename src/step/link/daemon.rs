use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::{Progress, Seen, Step, Undo, answered};

/// tgtd(8), the iSCSI server of the article, listening on one address only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Daemon {
    /// `192.0.2.20:3260`
    pub portal: String,
}

/// Prints the process ids of tgtd, nothing where it does not run.
pub(crate) const TGTD_RUNS: &str = r#"pidof tgtd || true"#;

impl Step for Daemon {
    fn title(&self) -> String {
        format!("tgtd listens on {}", self.portal)
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let runs = answered(on, side, Query::run(["sh", "-c", TGTD_RUNS]))?;
        if runs.stdout.trim().is_empty() {
            return Ok(Seen::Absent);
        }
        let portals = on.ask(side, Query::run(["tgtadm", "--lld", "iscsi", "--mode", "portal", "--op", "show"]))?;
        if !portals.success() {
            return Ok(Seen::Underway(Progress { what: "tgtd is starting".into(), bytes: None }));
        }
        // `Portal: 192.0.2.20:3260,1`: the address and the portal group
        let all: Vec<&str> =
            portals.stdout.lines().filter_map(|line| line.strip_prefix("Portal: ")?.split(',').next()).collect();
        Ok(if all.contains(&self.portal.as_str()) || all.contains(&"0.0.0.0:3260") {
            Seen::Present
        } else if all.is_empty() {
            Seen::Underway(Progress { what: "tgtd is starting".into(), bytes: None })
        } else {
            Seen::Foreign(format!("a tgtd runs that listens on {}, not on {}", all.join(", "), self.portal))
        })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::run(["tgtd", "--iscsi", &format!("portal={}", self.portal)])]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::run(["tgtadm", "--mode", "system", "--op", "delete"])])
    }
}
