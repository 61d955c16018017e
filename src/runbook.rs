//! The runbook: exactly what will be run, where, after what. A graph as plain data; list order is a topological order.

use std::collections::{HashMap, HashSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::Side;
use crate::step::StepKind;

/// Names a step within its runbook: `mirror-vg0-root`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct StepId(pub String);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A named run of steps that a person reasons about.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// new's disks are made ready, and new boots from them if it can
    Prepare,
    /// new offers its disks over iSCSI, old logs in
    Connect,
    /// all volumes are copied while old keeps serving
    Copy,
    /// services stop, the copies are cut off, old is switched off
    Cutover,
    /// new boots with old's name and addresses
    Boot,
    /// volumes grow into the larger disks; what the migration needed is removed
    Grow,
}

impl Stage {
    /// All of them, in their order in time.
    pub const ALL: [Stage; 6] =
        [Stage::Prepare, Stage::Connect, Stage::Copy, Stage::Cutover, Stage::Boot, Stage::Grow];
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Stage::Prepare => "prepare",
            Stage::Connect => "connect",
            Stage::Copy => "copy",
            Stage::Cutover => "cutover",
            Stage::Boot => "boot",
            Stage::Grow => "grow",
        })
    }
}

/// One step in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// once in a runbook; the journal knows the step by it
    pub id: StepId,
    /// never an earlier one than that of the step before
    pub stage: Stage,
    /// the system that is asked, and that its commands run on
    pub on: Side,
    /// the steps that must be done before
    pub after: Vec<StepId>,
    /// What this step made need hold only until that step begins, which takes its place: a login until the logout, a
    /// mirror until the split. From then on it is neither looked at nor done again when the migration is resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<StepId>,
    /// Once this step has begun, going back means changing servers: new is switched off and old on. Steps on new are
    /// then not taken back one by one; new's disks are left as they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fence: bool,
    /// why this step, for people
    pub why: String,
    /// what is to be true there
    #[serde(deserialize_with = "crate::step::saved::deserialize")]
    pub step: StepKind,
}

/// A problem of a runbook that was edited or damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what its fields are")]
pub enum Lint {
    #[error("step `{0}` stands twice in the runbook")]
    Twice(StepId),
    #[error("step `{step}` waits for `{after}`, which does not come before it")]
    NotBefore { step: StepId, after: StepId },
    #[error("step `{step}` holds until `{until}`, which does not come after it")]
    NotAfter { step: StepId, until: StepId },
    #[error("steps `{0}` and `{1}` are both the point where servers change")]
    TwoFences(StepId, StepId),
    #[error("step `{step}` of stage {stage} stands before a step of an earlier stage that waits for nothing later")]
    StageOrder { step: StepId, stage: Stage },
}

/// What must hold of every list of nodes, wherever it came from.
pub fn lint(nodes: &[Node]) -> Vec<Lint> {
    let place: HashMap<&StepId, usize> = nodes.iter().enumerate().map(|(at, node)| (&node.id, at)).collect();
    let mut found = Vec::new();
    let mut seen = HashSet::with_capacity(nodes.len());
    let mut fence: Option<&Node> = None;
    let mut latest = Stage::Prepare;
    for (at, node) in nodes.iter().enumerate() {
        if !seen.insert(&node.id) {
            found.push(Lint::Twice(node.id.clone()));
        }
        for after in &node.after {
            if place.get(after).is_none_or(|before| *before >= at) {
                found.push(Lint::NotBefore { step: node.id.clone(), after: after.clone() });
            }
        }
        if let Some(until) = &node.until
            && place.get(until).is_none_or(|later| *later <= at)
        {
            found.push(Lint::NotAfter { step: node.id.clone(), until: until.clone() });
        }
        if node.fence
            && let Some(first) = fence.replace(node)
        {
            found.push(Lint::TwoFences(first.id.clone(), node.id.clone()));
        }
        if latest > node.stage {
            found.push(Lint::StageOrder { step: node.id.clone(), stage: node.stage });
        }
        latest = latest.max(node.stage);
    }
    found
}
