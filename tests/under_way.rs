//! A migration that is under way is known by its servers: who comes with another directory, or has lost it, is told where it
//! is, and not what its half-done work looks like.

mod desk;

use std::sync::atomic::AtomicU8;
use std::time::Duration;

use desk::Desk;
use replant::engine::{self, Options, Summary};
use replant::facts::record::{self, Recorder, Recording};
use replant::facts::{self, Facts, Link};
use replant::findings::{self, Finding};
use replant::host::Side;
use replant::journal::{Depot, Header, Journal};
use replant::plan::{self, Loaded};
use replant::runbook::Stage;
use replant::sim::{Patient, Sim};
use replant::{course, host};

fn lab() -> (Loaded, Sim, course::Runbook) {
    let loaded = plan::load("plans/lab.yaml".as_ref()).unwrap_or_else(|bad| panic!("{bad}"));
    let sim = Sim::from_plan(&loaded.plan, None);
    let book = course::make(&loaded.plan, &loaded.digest, &facts::both(&sim).unwrap()).unwrap();
    (loaded, sim, book)
}

/// Its apply up to a stage, or its rollback.
fn go(book: &course::Runbook, sim: &Sim, journal: &mut Journal, until: Option<Stage>) -> Summary {
    let (level, clock) = (AtomicU8::new(0), Patient::default());
    let poll = Duration::from_millis(10);
    let options = Options { parallelism: 1, poll, clock: &clock, by: "anna@desk".into(), ..Options::new(&level) };
    let done = match until {
        Some(_) => engine::apply(&book.nodes, journal, sim, &Options { until, ..options }, &|_| {}),
        None => engine::rollback(&book.nodes, journal, sim, &options, &|_| {}),
    };
    done.unwrap_or_else(|stopped| panic!("{stopped}"))
}

fn found(loaded: &Loaded, facts: &Facts) -> Vec<Finding> {
    findings::find(&loaded.plan, facts)
}

#[test]
fn the_servers_tell_what_is_under_way_until_it_is_over() {
    let (loaded, sim, book) = lab();
    let before = facts::both(&sim).unwrap();
    assert_eq!(found(&loaded, &before), []);
    let mut journal = Journal::nowhere(Header::new("srv1", ""));
    journal.trail().is_in("/home/anna/my work/srv1".as_ref());
    for until in [Stage::Prepare, Stage::Connect, Stage::Copy] {
        go(&book, &sim, &mut journal, Some(until));
        let first = found(&loaded, &facts::both(&sim).unwrap()).remove(0);
        assert_eq!((first.code, first.stops(), first.absolute), ("R1904", true, true));
        let says = "migration `srv1` is under way on old and new: begun 20";
        assert!(first.message.starts_with(says), "{}", first.message);
        assert!(
            first.message.contains("worked on by anna@desk in `/home/anna/my work/srv1` at 20"),
            "{}",
            first.message
        );
        assert!(
            first.help.starts_with(
                "go on there: `replant apply '/home/anna/my work/srv1/runbook.json' --dir '/home/anna/my work'`; \
                 or go back: `replant rollback srv1 --dir '/home/anna/my work'`. Only if"
            ),
            "{}",
            first.help
        );
    }
    // old was booted, and has only what outlives that
    sim.change(|world| world.remove_file(host::Server::Old, host::IN_MEMORY).map(drop).unwrap());
    let told = found(&loaded, &facts::both(&sim).unwrap()).remove(0).message;
    assert!(told.starts_with("migration `srv1` is under way on old and new: "), "{told}");
    go(&book, &sim, &mut journal, None);
    assert_eq!(found(&loaded, &facts::both(&sim).unwrap()), []);
}

/// What the servers keep of it changes with each act: nobody else has changed anything.
#[test]
fn a_mark_is_no_drift() {
    let (_, sim, book) = lab();
    let before = facts::both(&sim).unwrap();
    go(&book, &sim, &mut Journal::nowhere(Header::new("srv1", "")), Some(Stage::Copy));
    let marks = facts::both(&sim).unwrap();
    assert!(!marks.old.under_way.is_empty() && !marks.new.under_way.is_empty());
    let mut now = before.clone();
    (now.old.under_way, now.new.under_way) = (marks.old.under_way, marks.new.under_way);
    assert_eq!(facts::drift(&before.old, &now.old), []);
    assert_eq!(facts::digest(&before), facts::digest(&now));
}

/// One that has ended well, and lives on where the migrated server keeps it.
#[test]
fn what_is_complete_is_not_under_way() {
    let (_, sim, book) = lab();
    go(&book, &sim, &mut Journal::nowhere(Header::new("srv1", "")), Some(Stage::Grow));
    let world = sim.world();
    let kept = [host::IN_MEMORY, host::KEPT].map(|path| world.read_file(host::Server::New, path).unwrap());
    assert!(kept.iter().all(|seen| host::RunMark::parse(seen).unwrap().over));
    assert_eq!(facts::under_way::of(kept.iter().map(String::as_str)), []);
}

/// Another migration of the same servers, begun by somebody else in another directory.
#[test]
fn one_of_each_is_told_with_the_servers_that_know_it() {
    let (loaded, sim, book) = lab();
    go(&book, &sim, &mut Journal::nowhere(Header::new("srv1", "")), Some(Stage::Prepare));
    let mut facts = facts::both(&sim).unwrap();
    facts.new.under_way[0].migration = "srv2".into();
    facts.new.under_way[0].id = "another".into();
    let all = found(&loaded, &facts);
    let told = |at: usize| (all[at].code, all[at].message.split(':').next().unwrap());
    assert_eq!(told(0), ("R1904", "migration `srv1` is under way on old"));
    assert_eq!(told(1), ("R1904", "migration `srv2` is under way on new"));
    assert_ne!(all[2].code, "R1904");
}

/// `facts.json` of a desk: the servers in the middle of its migration `srv1`, and the saved runbook of before.
fn in_the_middle() -> (Desk, Journal, Sim, course::Runbook) {
    let desk = Desk::new();
    let (_, sim, book) = lab();
    let text = serde_json::to_string_pretty(&book).unwrap();
    let migration = Depot::at(desk.path(".replant")).create("srv1", &text, &[]).unwrap();
    let lock = migration.lock().unwrap();
    let (mut journal, _) = migration.journal(&lock).unwrap();
    go(&book, &sim, &mut journal, Some(Stage::Copy));
    let recorder = Recorder::new(&sim);
    facts::both(&recorder).unwrap();
    let server =
        |side, address| record::RecordedServer { login: format!("root@{address}"), answers: recorder.answers(side) };
    let kept = Recording {
        facts: record::FORMAT,
        replant: "0.1.0".into(),
        read_at: "2026-11-22T11:00:00Z".into(),
        old: server(Side::Old, "10.77.0.21"),
        new: server(Side::New, "10.77.0.22"),
        link: Link::default(),
    };
    std::fs::write(desk.path("facts.json"), serde_json::to_string(&kept).unwrap()).unwrap();
    (desk, journal, sim, book)
}

#[test]
fn who_comes_with_another_directory_is_told_where_it_is() {
    let (desk, mut journal, sim, book) = in_the_middle();
    let says = |args: &[&str]| {
        let output = desk.run(args);
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), told)
    };
    let here = desk.path(".replant").canonicalize().unwrap().display().to_string();
    let other = ["--facts", "facts.json", "--dir", "elsewhere"];
    for what in ["plan", "simulate", "graph"] {
        let (code, told) = says(&[&[what, "plans/lab.yaml"][..], &other].concat());
        assert_eq!(code, 1, "{told}");
        // before whatever else the half-done work looks like
        let first = told.split("inhibitor").nth(1).unwrap_or_else(|| panic!("{told}"));
        assert!(first.starts_with(" R1904  migration `srv1` is under way on old and new: "), "{told}");
        assert!(told.contains("R1107") && !told.contains("`waive:"), "{told}");
        assert!(first.contains(&format!("`replant apply {here}/srv1/runbook.json --dir {here}`")), "{told}");
    }
    // in its own directory it is what goes on
    let (code, told) = says(&["plan", "plans/lab.yaml", "--facts", "facts.json"]);
    assert_eq!(code, 1, "the disks of new are in use: {told}");
    assert!(told.contains("note: migration `srv1` is under way in `.replant`"), "{told}");
    assert!(told.contains(": replant status srv1") && !told.contains("R1904"), "{told}");

    // rolled back, and a server did not hear of it: another migration could not act there
    go(&book, &sim, &mut journal, None);
    let (_, told) = says(&["plan", "plans/lab.yaml", "--facts", "facts.json"]);
    assert!(told.contains("R1904"), "{told}");
}

#[test]
fn who_asks_in_a_directory_without_one_is_told_whom_to_ask() {
    let desk = Desk::new();
    for args in [&["status"][..], &["status", "srv1"], &["rollback", "--no-input"], &["rollback", "srv1"]] {
        let told = String::from_utf8(desk.run(args).stderr).unwrap();
        assert!(told.contains("if one was begun, the servers keep where: `replant plan PLAN` tells"), "{told}");
    }
}
