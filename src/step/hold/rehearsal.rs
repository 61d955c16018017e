use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::doing::{Doing, Phase};
use crate::host::{Act, HostError, Look, Server, Side};
use crate::step::{Progress, Seen, Step, Undo};

/// New has booted the system that was copied, on snapshots of its volumes that are thrown away, cut off from the network. It is
/// seen by way of the hold's own address, which leads into a network namespace of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rehearsal {
    /// MiB of memory that the writes to one volume may take
    pub mib: u64,
    /// seconds after which new resets itself, whatever became of those who rehearse
    pub limit: u64,
    /// the tag that lets new boot for good
    pub tag: String,
    /// new's volume groups
    pub groups: Vec<String>,
    /// where the script goes
    pub dir: String,
}

pub(crate) const REHEARSE: &str = include_str!("../scripts/rehearse.sh");

impl Step for Rehearsal {
    fn title(&self) -> String {
        "boot the copied system on snapshots, cut off from the network".into()
    }

    fn observe(&self, on: &dyn Look, _side: Side) -> Result<Seen, HostError> {
        let waiting = |what: &str| Seen::Underway(Progress { what: what.into(), bytes: None });
        Ok(match Doing::of(on)? {
            None => waiting("waiting for the way in"),
            Some(Doing { phase: Phase::None, holds: true, .. }) => Seen::Absent,
            Some(Doing { phase: Phase::None, .. }) => Seen::Foreign("new is not in its hold".into()),
            Some(Doing { phase: Phase::Begun, .. }) => waiting("its system is being started"),
            Some(Doing { phase: Phase::Failed(why), .. }) => Seen::Foreign(format!("it could not begin: {why}")),
            Some(Doing { phase: Phase::Went, system, .. }) => match system.as_str() {
                "running" | "degraded" | "maintenance" | "stopping" => Seen::Present,
                _ => waiting("its system starts"),
            },
        })
    }

    fn apply(&self) -> Vec<Act> {
        let script = format!("{}/rehearse.sh", self.dir);
        let (mib, limit) = (self.mib.to_string(), self.limit.to_string());
        let argv = ["sh", &script, &mib, &limit, &self.tag].into_iter();
        let argv = argv.chain(self.groups.iter().map(String::as_str));
        vec![Act::put(&script, REHEARSE, 0o700), Act::run(argv)]
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("new is reset, and holds again")
    }

    /// A system that starts says nothing of how far it is.
    fn patience(&self) -> Duration {
        Duration::from_secs(600)
    }

    fn boots(&self) -> Option<Server> {
        Some(Server::New)
    }
}
