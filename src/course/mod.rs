//! The migration, read top to bottom: one chapter for each stage. Plan and facts go in, a runbook comes out, and no
//! choice is left for later: names, UUIDs, device paths and the text of every file are decided here.

mod book;
mod boot;
mod connect;
mod copy;
mod cutover;
mod grow;
mod guard;
mod loader;
mod method;
mod own;
mod paths;
mod power;
mod prepare;
mod ready;
mod rehearse;
mod start;
pub(crate) mod text;
mod verify;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::{Facts, Link};
use crate::findings::{self, Finding};
use crate::layout;
use crate::plan::Plan;
use crate::runbook::Node;

use book::Book;
pub(crate) use connect::CHAP_BACK;
pub use own::changed_by_others;
pub(crate) use power::{consoles, power_control, power_secret};
pub use rehearse::{Course as RehearsalCourse, Room, rehearsal};
pub(crate) use start::{CLIENT as HOLD_CLIENT, HOST_KEY as HOLD_HOST_KEY};

/// The format that is written, and the only one that there has been.
pub const FORMAT: u32 = 1;

/// A runbook with all that it takes to carry it out: it can be saved, reviewed, and applied later.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Runbook {
    /// version of this format
    pub format: u32,
    /// of the migration, from the plan: its journal is kept under it
    pub name: String,
    /// as it was when the runbook was made
    pub plan: Plan,
    /// SHA-256 in hexadecimal: the same for every way to write the same plan
    pub plan_digest: String,
    /// both servers, as they were when the runbook was made
    pub facts: Facts,
    /// SHA-256 in hexadecimal, over what does not change by itself: `facts/still.rs`
    pub facts_digest: String,
    /// the way from old to new: what times are estimated from
    #[serde(default)]
    pub link: Link,
    /// the steps, each stands behind those that it waits for
    pub nodes: Vec<Node>,
}

/// Makes the runbook.
///
/// # Errors
/// What plan and facts do not allow, for a plan whose inhibitors were not looked at before or were waived.
pub fn make(plan: &Plan, plan_digest: &str, facts: &Facts) -> Result<Runbook, Vec<Finding>> {
    let layout = layout::resolve(plan, plan_digest, facts).map_err(|why| findings::refused(plan, why))?;
    let mut book = Book::new();

    let made = prepare::on_new(&mut book, &layout);
    let ready = start::prepare(&mut book, &layout, made);
    let link = connect::write(&mut book, &layout, &ready);
    let copied = copy::write(&mut book, &layout, &ready, &link);
    let old_off = cutover::write(&mut book, &layout, &ready, &link, &copied);
    let booted = start::boot(&mut book, &layout, &ready, &link, &old_off);
    grow::write(&mut book, &layout, &booted);

    let nodes = book.close(&old_off.off, &booted.up);
    let lint = crate::runbook::lint(&nodes);
    assert!(lint.is_empty(), "the course writes runbooks that hold: {lint:?}");
    Ok(Runbook {
        format: FORMAT,
        name: plan.name.to_string(),
        plan: plan.clone(),
        plan_digest: plan_digest.to_string(),
        facts: facts.clone(),
        facts_digest: crate::facts::digest(facts),
        link: Link::default(),
        nodes,
    })
}
