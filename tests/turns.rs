//! Turns of the engine that only one check keeps from doing harm, over servers that hold nothing but files.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use replant::engine::{self, Notice, Options, Reason, Stopped, Summary};
use replant::host::{Act, HostError, Hosts, Look, Output, Query, Side};
use replant::journal::{Event, Header, Journal, Kind, Ledger, State, Status};
use replant::runbook::{Node, Stage, StepId};
use replant::step::File;

type Meddle = Box<dyn Fn(&Act) -> Option<String> + Sync>;

struct Files {
    files: Mutex<BTreeMap<String, String>>,
    /// what another hand writes in place of an act's own text
    meddle: Meddle,
    acts: Mutex<Vec<String>>,
    looks: Mutex<usize>,
}

fn files(there: &[(&str, &str)], meddle: impl Fn(&Act) -> Option<String> + Sync + 'static) -> Files {
    let files = there.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect();
    Files { files: Mutex::new(files), meddle: Box::new(meddle), acts: Mutex::default(), looks: Mutex::new(0) }
}

impl Look for Files {
    fn look(&self, _: Side, queries: &[Query]) -> Result<Vec<Output>, HostError> {
        let mut looks = self.looks.lock().unwrap();
        *looks += 1;
        assert!(*looks < 10_000, "it looks for ever");
        let files = self.files.lock().unwrap();
        let answer = |query: &Query| match query {
            Query::Run(argv) => match files.get(argv.last().unwrap()) {
                Some(text) => Output::ok(format!("present\n{text}")),
                None => Output::ok("absent\n"),
            },
            other => unreachable!("{other:?}"),
        };
        Ok(queries.iter().map(answer).collect())
    }
}

impl Hosts for Files {
    fn act(&self, _: Side, job: &str, act: &Act) -> Result<(), HostError> {
        self.acts.lock().unwrap().push(job.to_string());
        let other = (self.meddle)(act);
        let mut files = self.files.lock().unwrap();
        match act {
            Act::Put { path, text, .. } => drop(files.insert(path.clone(), other.unwrap_or_else(|| text.0.clone()))),
            Act::Remove { path } => drop(files.remove(path)),
            Act::Run { .. } => {}
            other => panic!("{other:?}"),
        }
        Ok(())
    }
}

fn node(name: &str, on: Side, after: &[&str]) -> Node {
    Node {
        id: StepId(name.into()),
        stage: Stage::Copy,
        on,
        after: after.iter().map(|name| StepId(name.to_string())).collect(),
        until: None,
        fence: false,
        why: String::new(),
        step: File::new(format!("/{name}"), "ours\n").into(),
    }
}

fn run(
    kind: Kind,
    nodes: &[Node],
    journal: &mut Journal,
    hosts: &Files,
    parallelism: usize,
) -> Result<Summary, Box<Stopped>> {
    let stop = AtomicU8::new(0);
    let options = Options { parallelism, poll: Duration::ZERO, ..Options::new(&stop) };
    let quiet = |_: Notice| {};
    match kind {
        Kind::Apply => engine::apply(nodes, journal, hosts, &options, &quiet),
        Kind::Rollback => engine::rollback(nodes, journal, hosts, &options, &quiet),
    }
}

fn acts(hosts: &Files) -> Vec<String> {
    hosts.acts.lock().unwrap().clone()
}

fn nowhere() -> Journal {
    Journal::nowhere(Header::new("turns", "0"))
}

/// Its act was done, and somebody else's thing stands there: that will never become ours, and is not waited for.
#[test]
fn what_turns_out_to_be_something_else_is_refused() {
    let hosts = files(&[], |_| Some("by somebody else\n".into()));
    let stopped = run(Kind::Apply, &[node("a", Side::Old, &[])], &mut nowhere(), &hosts, 1).unwrap_err();
    assert!(matches!(stopped.reason, Reason::Refused(_)), "{stopped}");
    assert_eq!(acts(&hosts), ["a.apply.0"]);
}

/// Of a runbook whose steps wait for what comes later, or twice, nothing is done.
#[test]
fn a_damaged_runbook_is_not_carried_out() {
    for nodes in [
        vec![node("a", Side::Old, &["b"]), node("b", Side::Old, &[])],
        vec![node("a", Side::Old, &["nobody"])],
        vec![node("a", Side::Old, &[]), node("a", Side::Old, &[])],
        vec![Node { until: Some(StepId("a".into())), ..node("a", Side::Old, &[]) }],
        vec![Node { fence: true, ..node("a", Side::Old, &[]) }, Node { fence: true, ..node("b", Side::Old, &["a"]) }],
    ] {
        for kind in [Kind::Apply, Kind::Rollback] {
            let hosts = files(&[], |_| None);
            let stopped = run(kind, &nodes, &mut nowhere(), &hosts, 1).unwrap_err();
            assert!(matches!(stopped.reason, Reason::Damaged(_)), "{stopped}");
            assert_eq!((acts(&hosts), *hosts.looks.lock().unwrap()), (Vec::new(), 0));
        }
    }
}

/// Somebody had switched old off before: going back means all the same that new goes off and old on.
#[test]
fn a_change_of_servers_that_was_found_is_taken_back() {
    let nodes = [Node { fence: true, ..node("off", Side::Old, &[]) }, node("boot", Side::New, &["off"])];
    let hosts = files(&[("/off", "ours\n")], |_| None);
    let mut journal = nowhere();
    assert_eq!(run(Kind::Apply, &nodes, &mut journal, &hosts, 1).unwrap().adopted, [StepId("off".into())]);
    run(Kind::Rollback, &nodes, &mut journal, &hosts, 1).unwrap();
    assert_eq!(acts(&hosts), ["boot.apply.0", "off.undo.0"]);
    assert!(!hosts.files.lock().unwrap().contains_key("/off"));
}

/// The journal cannot be written any more: another step, between two of its acts, does not do the second.
#[test]
fn nobody_acts_without_a_journal() {
    struct Full(Arc<AtomicBool>);
    impl Ledger for Full {
        fn append(&mut self, line: &[u8]) -> std::io::Result<()> {
            if String::from_utf8_lossy(line).contains("\"step\":\"b\"") {
                self.0.store(true, Ordering::SeqCst);
                return Err(std::io::Error::other("the disk is full"));
            }
            Ok(())
        }
    }
    for _ in 0..100 {
        let full = Arc::new(AtomicBool::new(false));
        let seen = full.clone();
        // the first act of `a` takes until the journal has failed for `b`
        let hosts = files(&[], move |act| {
            if matches!(act, Act::Put { path, .. } if path == "/a") {
                let start = Instant::now();
                while !seen.load(Ordering::SeqCst) && start.elapsed() < Duration::from_secs(20) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                std::thread::sleep(Duration::from_millis(300));
            }
            None
        });
        let mut two = node("a", Side::Old, &[]);
        two.step = File { then: vec!["reload".into()], ..File::new("/a", "ours\n") }.into();
        let mut journal = Journal::with(Header::new("turns", "0"), State::default(), Box::new(Full(full)));
        let stopped = run(Kind::Apply, &[two, node("b", Side::New, &[])], &mut journal, &hosts, 2).unwrap_err();
        let all: Vec<&Reason> = std::iter::once(&stopped).map(|stopped| &stopped.reason).collect();
        assert!(matches!(all[0], Reason::Journal(_)), "{stopped}");
        match acts(&hosts).as_slice() {
            // `b` was the quicker one, and nothing was begun: once more
            [] => {}
            done => return assert_eq!(done, ["a.apply.0"], "it goes on without a journal"),
        }
    }
    panic!("`a` was never the first");
}

/// One step cannot go on: nothing new is started, whether it waits for that step or not.
#[test]
fn a_failure_starts_nothing_new() {
    let hosts = files(&[("/a", "by somebody else\n")], |_| None);
    let nodes = [node("a", Side::Old, &[]), node("b", Side::New, &[]), node("c", Side::Old, &[])];
    let stopped = run(Kind::Apply, &nodes, &mut nowhere(), &hosts, 1).unwrap_err();
    assert!(matches!(stopped.reason, Reason::Refused(_)), "{stopped}");
    assert_eq!(acts(&hosts), [""; 0]);
}

/// A run that was stopped is not through, though nothing went wrong.
#[test]
fn what_is_left_is_no_success() {
    let hosts = files(&[], |_| None);
    let stop = AtomicU8::new(1);
    let options = Options { parallelism: 1, poll: Duration::ZERO, ..Options::new(&stop) };
    let nodes = [node("a", Side::Old, &[])];
    let stopped = engine::apply(&nodes, &mut nowhere(), &hosts, &options, &|_| {}).unwrap_err();
    assert!(stopped.interrupted && stopped.summary.left == [StepId("a".into())], "{stopped:?}");
    assert_eq!(acts(&hosts), [""; 0]);
}

#[test]
fn nothing_is_looked_at_without_a_journal() {
    struct Broken;
    impl Ledger for Broken {
        fn append(&mut self, _: &[u8]) -> std::io::Result<()> {
            Err(std::io::Error::other("the disk is full"))
        }
    }
    for kind in [Kind::Apply, Kind::Rollback] {
        let hosts = files(&[], |_| None);
        let mut journal = Journal::with(Header::new("turns", "0"), State::default(), Box::new(Broken));
        let stopped = run(kind, &[node("a", Side::Old, &[])], &mut journal, &hosts, 1).unwrap_err();
        assert!(matches!(stopped.reason, Reason::Journal(_)), "{stopped}");
        assert_eq!((acts(&hosts), *hosts.looks.lock().unwrap()), (Vec::new(), 0));
    }
}

/// A mirror and its cut: what takes a step's place does not begin while that step is still going on, nor does going back.
#[test]
fn what_takes_a_steps_place_waits_for_it() {
    let done = Arc::new(AtomicBool::new(false));
    let early = Arc::new(AtomicBool::new(false));
    let (done_too, early_too) = (done.clone(), early.clone());
    let hosts = files(&[], move |act| {
        match act {
            Act::Put { path, .. } if path == "/mirror" => {
                std::thread::sleep(Duration::from_millis(300));
                done_too.store(true, Ordering::SeqCst);
            }
            Act::Put { path, .. } if path == "/cut" => {
                early_too.store(!done_too.load(Ordering::SeqCst), Ordering::SeqCst);
            }
            _ => {}
        }
        None
    });
    let nodes =
        [Node { until: Some(StepId("cut".into())), ..node("mirror", Side::Old, &[]) }, node("cut", Side::New, &[])];
    run(Kind::Apply, &nodes, &mut nowhere(), &hosts, 2).unwrap();
    assert!(done.load(Ordering::SeqCst) && !early.load(Ordering::SeqCst), "it was cut while it was made");
}

/// A rollback was ended while it took a cut back. Where nothing of the cut is gone, it still holds. Else that undo ends
/// first: the mirror whose place the cut had taken is needed again, and is made again where it is gone, too.
#[test]
fn an_undo_that_was_ended_is_finished_before_going_forward() {
    let nodes = [
        Node { until: Some(StepId("cut".into())), ..node("mirror", Side::Old, &[]) },
        node("cut", Side::Old, &["mirror"]),
    ];
    let (mirror, cut) = (("/mirror", "ours\n"), ("/cut", "ours\n"));
    for (there, expected) in
        [(vec![cut], vec![]), (vec![mirror], vec!["cut.apply.0"]), (vec![], vec!["mirror.apply.0", "cut.apply.0"])]
    {
        let hosts = files(&there, |_| None);
        let mut journal = nowhere();
        for (id, event) in
            [("mirror", Event::Began), ("mirror", Event::Done), ("cut", Event::Began), ("cut", Event::UndoBegan)]
        {
            journal.step(&StepId(id.into()), event).unwrap();
        }
        let summary = run(Kind::Apply, &nodes, &mut journal, &hosts, 1).unwrap();
        assert_eq!(acts(&hosts), expected);
        assert_eq!(summary.undone, [], "its second turn counts");
        assert_eq!(journal.state().status(&StepId("cut".into())), Status::Done);
    }
}

/// What an earlier run refused for good looks innocent by now. It stays refused: nothing is looked at, nothing is done.
#[test]
fn what_was_refused_for_good_stays_refused() {
    let hosts = files(&[], |_| None);
    let mut journal = nowhere();
    journal.step(&StepId("quiet".into()), Event::Refused { what: "old has run since the cut".into() }).unwrap();
    let stopped = run(Kind::Apply, &[node("quiet", Side::Old, &[])], &mut journal, &hosts, 1).unwrap_err();
    assert!(matches!(&stopped.reason, Reason::Refused(what) if what == "old has run since the cut"), "{stopped}");
    assert_eq!((acts(&hosts), *hosts.looks.lock().unwrap()), (Vec::new(), 0));
}

/// New was given up before servers changed: that is no change of servers, so nobody is switched, and it is not forgotten.
#[test]
fn giving_new_up_is_no_change_of_servers() {
    let nodes = [
        node("disks", Side::New, &[]),
        node("mirror", Side::Old, &["disks"]),
        Node { fence: true, ..node("off", Side::Old, &["mirror"]) },
    ];
    let hosts = files(&[("/disks", "ours\n"), ("/mirror", "ours\n")], |_| None);
    let mut journal = nowhere();
    for id in ["disks", "mirror"] {
        journal.step(&StepId(id.into()), Event::Began).unwrap();
        journal.step(&StepId(id.into()), Event::Done).unwrap();
    }
    engine::give_up_new(&nodes, &mut journal).unwrap();
    let preview = engine::rollback_preview(&nodes, journal.state());
    assert_eq!((preview.fenced, preview.gone), (false, true));
    run(Kind::Rollback, &nodes, &mut journal, &hosts, 1).unwrap();
    assert_eq!(acts(&hosts), ["mirror.undo.0"]);
    assert!(hosts.files.lock().unwrap().contains_key("/disks"), "what is on new stays");
}
