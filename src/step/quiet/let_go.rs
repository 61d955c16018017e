use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::writers::HOLDERS;
use crate::host::{Act, HostError, Look, Query, Side};
use crate::step::system::service;
use crate::step::{Seen, Step, Undo, answered};

/// What keeps file systems from becoming read-only has been ended: whatever has a file open for writing there, or uses one
/// that an upgrade has replaced. Not what the migration itself goes by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LetGo {
    /// mount points
    pub targets: Vec<String>,
    /// the beginnings of the names of units that are left alone
    pub spare: Vec<String>,
    /// the beginnings of the names of units that start again by themselves or are needed, with the files of today
    pub restart: Vec<String>,
    /// the file in memory that names the units that were stopped; a boot forgets it
    pub record: String,
    /// where the script goes on the server
    pub dir: String,
}

/// Ends what holds the mount points: `RECORD SPARE RESTART TARGET…`, where two are lists with blanks.
pub(crate) fn script() -> String {
    format!("#!/bin/sh\n{HOLDERS}{}", include_str!("../scripts/let-go.sh"))
}

impl LetGo {
    fn words(&self) -> Vec<String> {
        let mut argv = vec!["sh".to_string(), self.path(), self.record.clone()];
        argv.extend([self.spare.join(" "), self.restart.join(" ")]);
        argv.extend(self.targets.iter().cloned());
        argv
    }

    fn path(&self) -> String {
        format!("{}/let-go.sh", self.dir)
    }
}

impl Step for LetGo {
    fn title(&self) -> String {
        format!("end what still holds {}", self.targets.join(", "))
    }

    /// It has been run: whether that was enough shows when they become read-only.
    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let there = answered(on, side, Query::file(&self.record))?.file().is_some();
        Ok(if there { Seen::Present } else { Seen::Absent })
    }

    fn apply(&self) -> Vec<Act> {
        vec![Act::put(self.path(), script(), 0o700), Act::long(self.words())]
    }

    /// Starts the units that were stopped. Programs of no unit are not started again.
    fn undo(&self) -> Undo {
        Undo::Acts(vec![Act::long(["sh", "-c", service::START_ALL, "sh", &self.record])])
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(180)
    }
}
