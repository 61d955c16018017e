use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Act, HostError, Look, Query, Side, Text};
use crate::step::system::file::agrees_in_lines;
use crate::step::{Mark, Seen, Step, Undo, answered};

/// open-iscsi's record of one target: how to log in, and for how long a dead link may hold up writes. Written as a file
/// of mode 0600, because iscsiadm(8) takes the secret in its arguments only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IscsiNode {
    /// name of the target, an IQN: RFC 7143, section 4.2.7
    pub iqn: String,
    /// `10.77.0.22:3260`
    pub portal: String,
    /// where open-iscsi keeps it
    pub path: String,
    /// its text, with the places of the CHAP secrets
    pub record: Text,
}

impl Step for IscsiNode {
    fn title(&self) -> String {
        format!("know the target {} at {}", self.iqn, self.portal)
    }

    fn mark(&self) -> Mark {
        Mark::Create
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let record = answered(on, side, Query::file(&self.path))?;
        Ok(match record.file() {
            None => Seen::Absent,
            Some(found) if agrees_in_lines(&self.record, found) => Seen::Present,
            Some(_) => Seen::Foreign(format!("{} says something else", self.path)),
        })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::Put { path: self.path.clone(), text: self.record.clone(), mode: Some(0o600) }]
    }

    fn undo(&self) -> Undo {
        Undo::Acts(vec![
            Act::Remove { path: self.path.clone() },
            Act::run(["sh", "-c", REMOVE_EMPTY, "sh", &self.path]),
        ])
    }
}

/// Removes the two directories above a node record where nothing else is in them.
pub(crate) const REMOVE_EMPTY: &str =
    r#"d=${1%/*}; rmdir "$d" 2>/dev/null || true; rmdir "${d%/*}" 2>/dev/null || true"#;
