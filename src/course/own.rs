//! What a migration itself changes of that by which servers are compared with what was found on them.

use super::Runbook;
use crate::facts::{COMMAND, Change, MODULE, PACKAGE, ServerFacts, drift};
use crate::host::Side;
use crate::runbook::StepId;
use crate::step::{Compared, StepKind, Touched};

/// How a system differs from what was found there, but for what the steps that were begun have done to it. The migrated
/// system was never found: there is nothing to compare it with.
pub fn changed_by_others(
    runbook: &Runbook,
    begun: impl Fn(&StepId) -> bool,
    side: Side,
    now: &ServerFacts,
) -> Vec<Change> {
    let before = match side {
        Side::Old => &runbook.facts.old,
        Side::New => &runbook.facts.new,
        Side::Migrated => return Vec::new(),
    };
    let ours = runbook.nodes.iter().filter(|node| node.on == side && begun(&node.id));
    let of = Compared { on: side, before, now };
    let own: Vec<Touched> = ours.flat_map(|node| node.step.as_step().touches(&of)).collect();
    // a package that apt would give in another version by now is in the way of installing it, and of nothing else
    let installs = runbook.nodes.iter().any(|node| matches!(node.step, StepKind::Packages(_)) && !begun(&node.id));
    let harmless = |change: &Change| match change.kind {
        COMMAND | MODULE => change.was.is_none(),
        PACKAGE => !installs,
        _ => false,
    };
    let mut changes = drift(before, now);
    changes.retain(|change| !harmless(change) && !own.iter().any(|own| own.explains(change)));
    changes
}
