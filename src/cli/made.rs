//! Whether a runbook is as `plan` made it.

use super::Failure;
use crate::course::{self, Runbook};
use crate::facts;

/// A runbook that was reviewed is what `plan` made of the plan and the facts in it, to the letter.
pub(crate) fn as_made(book: &Runbook, shown: &str) -> Result<(), Failure> {
    if facts::digest(&book.facts) != book.facts_digest {
        return Err(Failure::new(
            format!(
                "`{shown}` was edited, or made by another version of replant: its facts are not those that it was made from"
            ),
            "change the plan if need be, make it again with `replant plan`, and review it",
        ));
    }
    let made = course::make(&book.plan, &book.plan_digest, &book.facts);
    if book.plan.digest() != book.plan_digest || !made.is_ok_and(|made| made.nodes == book.nodes) {
        return Err(Failure::new(
            format!(
                "`{shown}` was edited, or made by another version of replant: its steps do not follow from its plan"
            ),
            "change the plan if need be, make it again with `replant plan`, and review it",
        ));
    }
    Ok(())
}
