//! A rehearsal from its beginning to its end: the copies rest, new boots what it has, it is looked at, thrown away, and the
//! copies go on. The journal holds that one is on: until new holds again, nothing else is done.

mod look;
mod report;

use crate::course::{self, RehearsalCourse, Room, Runbook};
use crate::engine::{self, Observer, Options, Reason, Stopped, Summary};
use crate::host::{HostError, Hosts};
use crate::journal::{Event, Journal, Run, State};
use crate::runbook::{Node, Stage};
use crate::step::StepKind;

pub(crate) use look::{LISTENS, REPORT, ROOM};
pub use report::{Ran, Report};

type Ended<T> = Result<T, Box<Stopped>>;

/// Why this migration cannot be rehearsed as it stands, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Not {
    /// the reason, in words
    pub why: String,
    /// what to do about it
    pub help: String,
}

fn not(why: &str, help: &str) -> Not {
    Not { why: why.into(), help: help.into() }
}

/// Whether it can be rehearsed, by the journal alone: all is copied, and nothing of the cutover has begun.
///
/// # Errors
/// Why not.
pub fn may(book: &Runbook, state: &State) -> Result<(), Not> {
    if let Err(needs) = course::rehearsal(book, Room { mib: 1 }) {
        return Err(not(
            needs,
            "this migration copies in another way; `replant explain R1337` says what a rehearsal is",
        ));
    }
    if state.abandoned().is_some() || state.rolled_back() {
        return Err(not("this migration was taken back", "there is nothing to rehearse"));
    }
    if book.nodes.iter().any(|node| node.stage > Stage::Copy && state.ours(&node.id)) {
        return Err(not("the cutover has begun", "go on with `replant apply`, or go back with `replant rollback`"));
    }
    // what was interrupted while it caught up is caught up with first
    let copied = |node: &Node| state.ours(&node.id) || !matches!(node.step, StepKind::Beneath(_));
    match book.nodes.iter().all(copied) {
        true => Ok(()),
        false => Err(not(
            "not everything is copied yet",
            "`replant apply PLAN --until copy` copies, and stops before the cutover",
        )),
    }
}

/// Rehearses; `seen` is told what was seen as soon as it is known. What was copied is in sync before and after, or it ends with an error; what was seen is told in any case where new
/// was let go on.
///
/// # Errors
/// It was interrupted, or something cannot be made good: new is not in its hold again, or the copies do not go on.
pub fn rehearse(
    book: &Runbook,
    journal: &mut Journal,
    hosts: &dyn Hosts,
    options: &Options<'_>,
    events: Observer<'_>,
    seen: &mut dyn FnMut(&Report),
) -> Ended<Report> {
    bring_back(book, journal, hosts, options, events)?;
    copy_on(book, journal, hosts, options, events)?;
    let room = look::room(hosts, book).map_err(of_host)?;
    let course = match course::rehearsal(book, room) {
        Ok(course) => course,
        Err(needs) => return Err(Box::new(Stopped::of(Reason::Refused(needs.into())))),
    };
    journal.run(Run::RehearsalBegan).map_err(of_journal)?;
    let begun = beside(&course.begin, journal, hosts, options, events);
    let mut report = match begun {
        Err(stopped) if must_end(&stopped) => return Err(stopped),
        Err(stopped) => Report { trouble: Some(stopped.to_string()), ..look::report(hosts, book, options) },
        Ok(_) => look::report(hosts, book, options),
    };
    seen(&report);
    report.untouched = end(&course, journal, hosts, options, events)?;
    copy_on(book, journal, hosts, options, events)?;
    Ok(report)
}

/// New holds again, where a rehearsal was not brought to its end. Before anything else is done.
///
/// # Errors
/// It was interrupted, or new does not come back by itself.
pub fn bring_back(
    book: &Runbook,
    journal: &mut Journal,
    hosts: &dyn Hosts,
    options: &Options<'_>,
    events: Observer<'_>,
) -> Ended<()> {
    if !journal.state().rehearsing() {
        return Ok(());
    }
    match course::rehearsal(book, Room { mib: 1 }) {
        Ok(course) => end(&course, journal, hosts, options, events).map(drop),
        Err(needs) => Err(Box::new(Stopped::of(Reason::Refused(needs.into())))),
    }
}

/// Throws it away. Whether it was seen that nothing was written to new's volumes: else they are copied whole again.
fn end(
    course: &RehearsalCourse,
    journal: &mut Journal,
    hosts: &dyn Hosts,
    options: &Options<'_>,
    events: Observer<'_>,
) -> Ended<bool> {
    let proven = match beside(&course.prove, journal, hosts, options, events) {
        Ok(_) => true,
        Err(stopped) if must_end(&stopped) => return Err(stopped),
        Err(_) => false,
    };
    let ended = beside(&course.end, journal, hosts, options, events);
    match (ended, &course.by_power) {
        (Ok(_), _) => {}
        (Err(stopped), Some(by_power)) if is_stuck(&stopped) => {
            beside(by_power, journal, hosts, options, events)?;
        }
        (Err(stopped), _) => return Err(stopped),
    }
    journal.run(Run::RehearsalEnded).map_err(of_journal)?;
    Ok(proven)
}

/// Steps that stand beside the runbook. That a rehearsal has begun makes all of them ours, whoever was at it before.
fn beside(
    nodes: &[Node],
    journal: &Journal,
    hosts: &dyn Hosts,
    options: &Options<'_>,
    events: Observer<'_>,
) -> Ended<Summary> {
    let mut journal = journal.beside();
    nodes.iter().try_for_each(|node| journal.step(&node.id, Event::Began)).map_err(of_journal)?;
    engine::apply(nodes, &mut journal, hosts, options, events)
}

/// As far as everything is copied and in sync.
fn copy_on(
    book: &Runbook,
    journal: &mut Journal,
    hosts: &dyn Hosts,
    options: &Options<'_>,
    events: Observer<'_>,
) -> Ended<()> {
    let by = options.by.clone();
    let options = Options { until: Some(Stage::Copy), by, ..*options };
    engine::apply(&book.nodes, journal, hosts, &options, events).map(drop)
}

/// The person wants it, or nothing can be done any more. Anything else is a reason to throw the rehearsal away.
fn must_end(stopped: &Stopped) -> bool {
    let local = matches!(stopped.error(), Some(HostError::Local(_)));
    local || stopped.interrupted || matches!(stopped.reason, Reason::Journal(_) | Reason::Interrupted)
}

/// New does not do what it is told, does not answer, or is not to be recognised.
fn is_stuck(stopped: &Stopped) -> bool {
    let strange = matches!(stopped.error(), Some(HostError::Another { .. } | HostError::Refused { .. }));
    strange || matches!(stopped.reason, Reason::Patience { .. } | Reason::Link(_) | Reason::Failed(_))
}

fn of_journal(error: crate::journal::Error) -> Box<Stopped> {
    Box::new(Stopped::of(Reason::Journal(error)))
}

fn of_host(error: HostError) -> Box<Stopped> {
    Box::new(Stopped::of(match error {
        HostError::Interrupted => Reason::Interrupted,
        error => Reason::Host(error),
    }))
}
