//! One turn, with a step that sees what the test says.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use super::schedule::Turned;
use super::turn::Turn;
use super::work::held;
use super::*;
use crate::host::{Act, HostError, Look, Output, Query, Side};
use crate::journal::{Event as Line, Header, State, Status};
use crate::runbook::{Stage, StepId};
use crate::step::{File, Progress, Seen, Step, Undo};

/// What is seen, one look after the other; the last for ever.
struct Script {
    sights: Mutex<VecDeque<Result<Seen, HostError>>>,
    acts: Vec<Act>,
    patience: Duration,
    confirmations: u32,
    begun_by_its_acts: bool,
}

impl Script {
    fn new(sights: impl IntoIterator<Item = Result<Seen, HostError>>) -> Script {
        Script {
            sights: Mutex::new(sights.into_iter().collect()),
            acts: vec![Act::run(["make"])],
            patience: Duration::from_secs(60),
            confirmations: 1,
            begun_by_its_acts: false,
        }
    }
}

impl Step for Script {
    fn title(&self) -> String {
        "a script".into()
    }

    fn observe(&self, _: &dyn Look, _: Side) -> Result<Seen, HostError> {
        let mut sights = held(&self.sights);
        match sights.len() {
            1 => sights[0].clone(),
            _ => sights.pop_front().unwrap(),
        }
    }

    fn apply(&self) -> Vec<Act> {
        self.acts.clone()
    }

    fn undo(&self) -> Undo {
        Undo::Acts(self.acts.clone())
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    fn begun_by_its_acts(&self) -> bool {
        self.begun_by_its_acts
    }

    fn confirmations(&self) -> u32 {
        self.confirmations
    }
}

/// Answers acts as the test says, and then with success.
#[derive(Default)]
struct Obedient {
    answers: Mutex<VecDeque<HostError>>,
    jobs: Mutex<Vec<String>>,
    now: AtomicU64,
    /// the person says stop during that act
    stop_in: Option<(usize, &'static AtomicU8)>,
    /// the person says stop after so many seconds
    stop_at: Option<(u64, &'static AtomicU8)>,
}

impl Look for Obedient {
    /// Nobody can read its console, and the script looks at nothing else.
    fn look(&self, _: Side, queries: &[Query]) -> Result<Vec<Output>, HostError> {
        assert!(matches!(queries, [Query::Console(_)]), "{queries:?}");
        Ok(vec![Output { code: 0, stdout: String::new(), stderr: String::new() }])
    }
}

impl Hosts for Obedient {
    fn act(&self, _: Side, job: &str, _: &Act) -> Result<(), HostError> {
        let mut jobs = held(&self.jobs);
        if let Some((index, stop)) = self.stop_in
            && jobs.len() == index
        {
            stop.store(1, Ordering::SeqCst);
        }
        jobs.push(job.to_owned());
        held(&self.answers).pop_front().map_or(Ok(()), Err)
    }
}

impl Clock for Obedient {
    fn now(&self) -> Duration {
        Duration::from_millis(self.now.load(Ordering::SeqCst))
    }

    fn sleep(&self, time: Duration) {
        let now = self.now.fetch_add(time.as_millis() as u64, Ordering::SeqCst);
        if let Some((at, stop)) = self.stop_at
            && now >= at * 1000
        {
            stop.store(1, Ordering::SeqCst);
        }
    }
}

struct Told {
    /// `Err(None)`: left, because the person said stop
    result: Result<(), Option<Stopped>>,
    events: Vec<Notice>,
    state: State,
    jobs: Vec<String>,
    seconds: u64,
}

impl Told {
    fn status(&self) -> Status {
        self.state.status(&StepId("x".into()))
    }

    fn stopped(&self) -> &Stopped {
        self.result.as_ref().unwrap_err().as_ref().unwrap()
    }

    fn left(&self) -> bool {
        matches!(self.result, Err(None))
    }
}

fn flag() -> &'static AtomicU8 {
    Box::leak(Box::new(AtomicU8::new(0)))
}

fn node() -> Node {
    Node {
        id: StepId("x".into()),
        stage: Stage::Copy,
        on: Side::Old,
        after: Vec::new(),
        until: None,
        fence: false,
        why: String::new(),
        step: File::new("/stands/for", "the script").into(),
    }
}

fn take(kind: Kind, before: &[Line], script: &Script, hosts: Obedient) -> Told {
    take_as(node(), kind, before, script, hosts)
}

fn take_as(node: Node, kind: Kind, before: &[Line], script: &Script, hosts: Obedient) -> Told {
    let stop = hosts.stop_in.map(|(_, stop)| stop).or(hosts.stop_at.map(|(_, stop)| stop));
    let mut journal = Journal::nowhere(Header::new("m", "0"));
    before.iter().for_each(|event| journal.step(&node.id, event.clone()).unwrap());
    let nodes = [node];
    let options = Options { clock: &hosts, ..Options::new(stop.unwrap_or_else(flag)) };
    let events = Mutex::new(Vec::new());
    let observer = |event| held(&events).push(event);
    let work = Work::new(&nodes, kind, &mut journal, &hosts, &options, &observer, false).unwrap();
    let mut turn = Turn::new(&work, &nodes[0]);
    turn.step = script;
    let result = match work.take(&nodes[0], turn) {
        Turned::Finished => Ok(()),
        Turned::Halted => Err(held(&work.troubles).pop()),
    };
    drop(work);
    let seconds = hosts.now.load(Ordering::SeqCst) / 1000;
    let state = journal.state().clone();
    Told { result, events: events.into_inner().unwrap(), state, jobs: hosts.jobs.into_inner().unwrap(), seconds }
}

fn absent() -> Result<Seen, HostError> {
    Ok(Seen::Absent)
}

fn present() -> Result<Seen, HostError> {
    Ok(Seen::Present)
}

fn partial(what: &str) -> Result<Seen, HostError> {
    Ok(Seen::Partial(what.into()))
}

fn copied(bytes: u64) -> Result<Seen, HostError> {
    Ok(Seen::Underway(Progress { what: "copying".into(), bytes: Some((bytes, 100)) }))
}

fn no_link() -> HostError {
    HostError::Unreachable { side: Side::Old, cause: "timeout".into() }
}

fn failure() -> HostError {
    HostError::Failed { side: Side::Old, command: "make".into(), code: 1, output: "no".into() }
}

fn answers(errors: impl IntoIterator<Item = HostError>) -> Obedient {
    Obedient { answers: Mutex::new(errors.into_iter().collect()), ..Obedient::default() }
}

fn apply(sights: impl IntoIterator<Item = Result<Seen, HostError>>, hosts: Obedient) -> Told {
    take(Kind::Apply, &[], &Script::new(sights), hosts)
}

#[test]
fn progress_is_waited_for_as_long_as_there_is_any() {
    // every look a little more, for much longer than the patience
    let sights = std::iter::once(absent()).chain((0..100).map(copied)).chain([present()]);
    let script = Script { patience: Duration::from_secs(5), ..Script::new(sights) };
    let told = take(Kind::Apply, &[], &script, Obedient::default());
    assert!(told.result.is_ok() && told.seconds >= 190, "{} s", told.seconds);
    assert_eq!(told.status(), Status::Done);
    assert_eq!(told.events.iter().filter(|event| matches!(event, Notice::Progress { .. })).count(), 100);
}

#[test]
fn patience_ends_when_nothing_changes() {
    let sights = [absent(), copied(1), copied(2), copied(2)];
    let script = Script { patience: Duration::from_secs(30), ..Script::new(sights) };
    let told = take(Kind::Apply, &[], &script, Obedient::default());
    assert!(matches!(told.stopped().reason, Reason::Patience { .. }));
    assert!(matches!(told.stopped().seen, Some(Seen::Underway(_))));
    assert_eq!((told.status(), told.seconds), (Status::Failed, 31));
    assert_eq!(told.stopped().to_string(), "for 31 s nothing has changed: copying");
}

#[test]
fn confirmations_are_in_a_row() {
    let sights = [absent(), present(), copied(99), present(), present(), copied(1)];
    let script = Script { confirmations: 2, ..Script::new(sights) };
    let told = take(Kind::Apply, &[], &script, Obedient::default());
    assert!(told.result.is_ok());
    assert_eq!(held(&script.sights).len(), 1, "it looked once too often or too little");
}

/// Also what is so at first sight, and what was done before: a check that says twice means twice.
#[test]
fn confirmations_are_for_what_was_there_too() {
    for before in [&[][..], &[Line::Began, Line::Done]] {
        let sights = || [present(), absent(), present(), present(), absent()];
        let script = Script { confirmations: 2, ..Script::new(sights()) };
        let told = take(Kind::Apply, before, &script, Obedient::default());
        assert!(told.result.is_ok());
        assert_eq!((told.jobs.len(), told.status()), (1, Status::Done));
        let script = Script { confirmations: 2, ..Script::new([present(), present(), absent()]) };
        let told = take(Kind::Apply, before, &script, Obedient::default());
        assert!(told.result.is_ok() && told.jobs.is_empty());
    }
}

#[test]
fn an_unclear_answer_is_asked_again_and_then_told() {
    let unclear = || HostError::Unclear { side: Side::Old, command: "lvs".into(), cause: "exit code 5".into() };
    let told = apply([absent(), Err(unclear()), Err(unclear()), present()], Obedient::default());
    assert!(told.result.is_ok());
    let told = apply([absent(), Err(unclear())], Obedient::default());
    assert!(matches!(told.stopped().reason, Reason::Host(_)));
    assert_eq!((told.jobs.len(), told.status()), (1, Status::Began));
}

#[test]
fn what_is_under_way_and_ours_is_only_waited_for() {
    let told = take(Kind::Apply, &[Line::Began], &Script::new([copied(5), present()]), Obedient::default());
    assert!(told.result.is_ok() && told.jobs.is_empty());
    let told = apply([copied(5)], Obedient::default());
    assert!(matches!(told.stopped().reason, Reason::Refused(_)));
    assert_eq!(told.status(), Status::New);
}

#[test]
fn half_there_is_gone_on_with_only_where_it_is_ours() {
    let told = take(Kind::Apply, &[Line::Began], &Script::new([partial("one leg"), present()]), Obedient::default());
    assert_eq!((told.jobs, told.state.ours(&StepId("x".into()))), (vec!["x.apply.0".to_owned()], true));
    let told = apply([partial("one leg")], Obedient::default());
    assert_eq!(told.stopped().to_string(), "half there, and not made by this migration: one leg");
    assert!(told.jobs.is_empty() && told.status() == Status::New);
}

#[test]
fn a_failure_with_the_goal_reached_is_a_lost_answer() {
    let told = apply([absent(), present()], answers([failure()]));
    assert!(told.result.is_ok() && told.status() == Status::Done);
    let told = apply([absent(), Ok(Seen::Partial("half".into()))], answers([failure()]));
    assert!(matches!(told.stopped().reason, Reason::Failed(_)));
    assert_eq!(told.stopped().seen, Some(Seen::Partial("half".into())));
    assert_eq!(told.status(), Status::Failed);
    assert_eq!(told.jobs.len(), 1);
}

#[test]
fn a_link_that_breaks_is_ridden_out_but_not_for_ever() {
    // lost in the act, away for three looks, nothing was done: done again
    let told =
        apply([absent(), Err(no_link()), Err(no_link()), Err(no_link()), absent(), present()], answers([no_link()]));
    assert!(told.result.is_ok());
    assert_eq!(told.jobs.len(), 2);
    let link = |event: &&Notice| matches!(event, Notice::LinkLost { .. } | Notice::LinkBack { .. });
    assert_eq!(told.events.iter().filter(link).count(), 2);
    // done meanwhile by itself
    let told = apply([absent(), Err(no_link()), copied(5), present()], answers([no_link()]));
    assert!(told.result.is_ok() && told.jobs.len() == 1);
    // broken in every act
    let told = apply([absent()], answers((0..9).map(|_| no_link())));
    assert!(matches!(told.stopped().reason, Reason::Link(_)));
    assert_eq!((told.jobs.len(), told.status()), (4, Status::Began));
    // never back: the step stays begun
    let told = apply([absent(), Err(no_link())], answers([no_link()]));
    assert!(matches!(told.stopped().reason, Reason::Link(_)));
    assert_eq!((told.seconds, told.status()), (120, Status::Began));
}

#[test]
fn what_a_broken_link_took_down_while_waiting_is_made_again() {
    let told = apply([absent(), copied(50), Err(no_link()), absent(), present()], Obedient::default());
    assert!(told.result.is_ok());
    assert_eq!(told.jobs.len(), 2);
}

#[test]
fn what_was_on_its_way_and_is_gone_is_not_waited_for() {
    let told = apply([absent(), copied(50), absent()], Obedient::default());
    assert!(matches!(told.stopped().reason, Reason::Gone(_)) && told.stopped().may_mend());
    assert_eq!((told.jobs.len(), told.status()), (1, Status::Failed));
    assert!(told.seconds < 10, "{}", told.seconds);
    // in trouble before it went
    let told = apply([absent(), copied(50), Ok(Seen::Partial("half".into())), absent()], Obedient::default());
    assert!(matches!(told.stopped().reason, Reason::Gone(_)));
    // it went before anybody looked, or was in trouble then
    for sights in [vec![absent(), absent()], vec![absent(), Ok(Seen::Partial("half".into())), absent()]] {
        let script = Script { begun_by_its_acts: true, ..Script::new(sights) };
        let told = take(Kind::Apply, &[], &script, Obedient::default());
        assert!(matches!(told.stopped().reason, Reason::Gone(_)) && told.stopped().may_mend());
        assert!(told.seconds < 10, "{}", told.seconds);
    }
    // what comes some time after its acts is waited for
    assert!(apply([absent(), absent(), absent(), present()], Obedient::default()).result.is_ok());
    // a command that fails with nobody having been away fails again
    assert!(!apply([absent(), absent()], answers([failure()])).stopped().may_mend());
}

#[test]
fn what_cannot_be_helped_stops_at_once() {
    let refused = || HostError::Refused { side: Side::Old, cause: "host key".into(), help: String::new() };
    let told = apply([Err(refused())], Obedient::default());
    assert!(matches!(told.stopped().reason, Reason::Host(_)) && told.seconds == 0);
    let told = apply([absent(), absent()], answers([HostError::Local("no".into())]));
    assert!(matches!(told.stopped().reason, Reason::Host(_)));
    assert_eq!((told.stopped().seen.clone(), told.status()), (Some(Seen::Absent), Status::Began));
}

#[test]
fn stop_lets_the_act_end_and_waits_for_nothing() {
    let during = |index| Obedient { stop_in: Some((index, flag())), ..Obedient::default() };
    // it was done when it was looked at after the act
    assert!(apply([absent(), present()], during(0)).result.is_ok());
    // it would have to be waited for: it stays begun
    let told = apply([absent(), copied(1)], during(0));
    assert!(told.left());
    assert_eq!(told.status(), Status::Began);
    // two acts: the second is not begun
    let script = Script { acts: vec![Act::run(["a"]), Act::run(["b"])], ..Script::new([absent(), partial("a")]) };
    let told = take(Kind::Apply, &[], &script, during(0));
    assert!(told.left() && told.jobs == ["x.apply.0"]);
    // while a copy is waited for, or a link
    let told = apply([absent(), copied(1)], Obedient { stop_at: Some((30, flag())), ..Obedient::default() });
    assert!(told.left() && told.seconds == 30);
    let told = apply([Err(no_link())], Obedient { stop_at: Some((30, flag())), ..Obedient::default() });
    assert!(told.left() && told.seconds == 30);
}

#[test]
fn taking_back_ends_when_it_is_gone() {
    let back = |sights: Vec<_>| take(Kind::Rollback, &[Line::Began], &Script::new(sights), Obedient::default());
    let told = back(vec![present(), partial("going"), absent()]);
    assert!(told.result.is_ok() && told.status() == Status::Undone);
    assert_eq!(told.jobs, ["x.undo.0"]);
    // a copy under way is stopped, not waited for
    assert_eq!(back(vec![copied(3), absent()]).jobs.len(), 1);
    assert_eq!(back(vec![absent()]).jobs.len(), 0);
    let told = back(vec![Ok(Seen::Foreign("not ours".into()))]);
    assert!(told.jobs.is_empty() && matches!(told.stopped().reason, Reason::Refused(_)));
}

/// The first of several acts may make it absent; that one was done does not say that the others were.
#[test]
fn an_undoing_that_was_ended_in_its_middle_is_done_whole() {
    let file = File { then: vec!["tidy".into()], ..File::new("/stands/for", "the script") };
    let node = || Node { step: file.clone().into(), ..node() };
    let script = Script::new([absent()]);
    let back = |before: &[Line]| take_as(node(), Kind::Rollback, before, &script, Obedient::default()).jobs;
    assert_eq!(back(&[Line::Began, Line::UndoBegan]), ["x.undo.0", "x.undo.1"]);
    assert!(back(&[Line::Began]).is_empty(), "nothing of it was there to begin with");
}

#[test]
fn nothing_is_done_that_the_journal_does_not_hold() {
    struct Full;
    impl journal::Ledger for Full {
        fn append(&mut self, line: &[u8]) -> std::io::Result<()> {
            match String::from_utf8_lossy(line).contains("began") {
                true => Err(std::io::ErrorKind::StorageFull.into()),
                false => Ok(()),
            }
        }
    }
    let hosts = Obedient::default();
    let stop = AtomicU8::new(0);
    let mut journal = Journal::with(Header::new("m", "0"), State::default(), Box::new(Full));
    let nodes: [Node; 0] = [];
    let options = Options { clock: &hosts, ..Options::new(&stop) };
    let work = Work::new(&nodes, Kind::Apply, &mut journal, &hosts, &options, &|_| {}, false).unwrap();
    let node = node();
    let script = Script::new([absent()]);
    let mut turn = Turn::new(&work, &node);
    turn.step = &script;
    assert!(matches!(work.take(&node, turn), Turned::Halted));
    assert!(matches!(held(&work.troubles).pop().unwrap().reason, Reason::Journal(_)));
    assert!(held(&hosts.jobs).is_empty() && !work.goes_on());
}
