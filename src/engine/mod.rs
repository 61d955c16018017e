//! Carries a runbook out, and takes it back: one loop, two directions. It knows no kind of step.
//!
//! Resuming is applying again: what is so is seen to be so. Nothing is done on a server before the journal has it on the
//! disk that it begins; what the journal does not call ours is never changed and never taken back.

mod clock;
mod decide;
mod event;
mod options;
mod preview;
mod run;
mod schedule;
mod stopped;
mod turn;
mod work;

pub use clock::Clock;
pub use event::{Notice, Observer};
pub use options::Options;
pub(crate) use options::POLL;
pub(crate) use preview::preview_without_new;
pub use preview::{Back, Preview, Sight, Way, rollback_preview, survey};
pub use stopped::{Reason, Silent, Stopped, Summary};

use crate::host::Hosts;
use crate::journal::{self, Journal, Kind, Run};
use crate::runbook::Node;
use work::Work;

/// Makes it so. What is so already is left alone; an interrupted migration is resumed.
pub fn apply(
    nodes: &[Node],
    journal: &mut Journal,
    hosts: &dyn Hosts,
    options: &Options<'_>,
    events: Observer<'_>,
) -> Result<Summary, Box<Stopped>> {
    if let Some(left) = journal.state().abandoned() {
        return Err(Box::new(Stopped::of(Reason::Abandoned(left.iter().cloned().collect()))));
    }
    if journal.state().rehearsing() {
        return Err(Box::new(Stopped::of(Reason::Rehearsal)));
    }
    Work::new(nodes, Kind::Apply, journal, hosts, options, events, false)?.go()
}

/// Takes back what is ours, last first. What was there before stays; once servers have changed, what is on new's disks
/// stays as it is too, and is told as [`Summary::abandoned`].
pub fn rollback(
    nodes: &[Node],
    journal: &mut Journal,
    hosts: &dyn Hosts,
    options: &Options<'_>,
    events: Observer<'_>,
) -> Result<Summary, Box<Stopped>> {
    let only_old = preview::fenced(nodes, journal.state()) || journal.state().new_is_gone();
    if journal.state().rehearsing() && !only_old {
        return Err(Box::new(Stopped::of(Reason::Rehearsal)));
    }
    Work::new(nodes, Kind::Rollback, journal, hosts, options, events, only_old)?.go()
}

/// Gives new up, by the operator's word: from here on a rollback takes back what is on old and looks at nothing on new,
/// and an apply is refused. After the change of servers there is nothing to say: a rollback leaves new as it is anyway.
///
/// # Errors
/// The journal cannot be written.
pub fn give_up_new(nodes: &[Node], journal: &mut Journal) -> Result<(), journal::Error> {
    let preview = preview_without_new(nodes, journal.state());
    if preview.fenced || journal.state().new_is_gone() {
        return Ok(());
    }
    let left = preview.steps.iter().filter(|back| back.way == Way::Abandoned);
    let steps = left.map(|back| back.node.id.clone()).collect();
    journal.run(Run::Abandoned { steps, gone: true })
}

#[cfg(test)]
mod tests;
