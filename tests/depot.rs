//! What every place must hold where migrations are kept. A new depot is one more line in `every_depot_holds_it`.

use replant::journal::{Depot, Error, Event, Run, Status};
use replant::runbook::StepId;

const RUNBOOK: &str = "{\"name\": \"srv1\", \"why\": \"übermorgen\"}\n";

fn id(name: &str) -> StepId {
    StepId(name.into())
}

#[test]
fn every_depot_holds_it() {
    let root = tempfile::tempdir().unwrap();
    let mut made = 0;
    contract(&mut || {
        made += 1;
        // one that is not there yet is empty
        Depot::at(root.path().join(format!("{made}/.replant")))
    });
    assert!(made > 4);
}

/// `depot`: makes an empty one each time.
fn contract(depot: &mut dyn FnMut() -> Depot) {
    a_migration_is_kept_as_it_was_made(&depot());
    nothing_is_made_of_a_name_that_is_none(&depot());
    one_works_on_it_at_a_time(&depot());
    a_line_is_kept_before_the_caller_goes_on(&depot());
    what_cannot_be_is_never_kept(&depot());
    one_that_was_set_aside_makes_room(&depot());
}

fn a_migration_is_kept_as_it_was_made(depot: &Depot) {
    assert_eq!(depot.list().unwrap(), [""; 0], "there is none yet");
    assert!(matches!(depot.open("srv1"), Err(Error::Unknown { .. })));
    let beside = ("old-vg0.lvm".to_string(), "vg0 {}\n".to_string());
    let made = depot.create("srv1", RUNBOOK, &[beside]).unwrap();
    assert_eq!(depot.open("srv1").unwrap(), made);
    assert_eq!((made.name(), made.runbook().unwrap().as_str()), ("srv1", RUNBOOK), "to the byte");
    assert_eq!(std::fs::read_to_string(made.path().join("old-vg0.lvm")).unwrap(), "vg0 {}\n");
    let story = made.read().unwrap();
    assert_eq!((story.header.migration.as_str(), story.lines.len(), story.torn), ("srv1", 0, None));

    assert!(matches!(depot.create("srv1", "{}", &[]), Err(Error::Exists { .. })), "what is there stays");
    assert_eq!(depot.open("srv1").unwrap().runbook().unwrap(), RUNBOOK);
    let other = depot.create("a.b-c_2", RUNBOOK, &[]).unwrap();
    assert_ne!(other.identity().unwrap(), made.identity().unwrap(), "of one runbook there can be two");
    assert_eq!(depot.list().unwrap(), ["a.b-c_2", "srv1"], "sorted");
}

fn nothing_is_made_of_a_name_that_is_none(depot: &Depot) {
    for name in ["", ".", "..", "../x", "a/b", "-a", ".a", "a b", "ä", &"a".repeat(65)] {
        assert!(matches!(depot.create(name, RUNBOOK, &[]), Err(Error::Name { .. })), "`{name}`");
        assert!(matches!(depot.open(name), Err(Error::Name { .. })), "`{name}`");
    }
    assert_eq!(depot.list().unwrap(), [""; 0]);
}

fn one_works_on_it_at_a_time(depot: &Depot) {
    let made = depot.create("m", RUNBOOK, &[]).unwrap();
    let free = depot.create("other", RUNBOOK, &[]).unwrap();
    assert!(made.at_work().unwrap().is_none());
    let held = made.lock().unwrap();
    // another who opens it
    let again = depot.open("m").unwrap();
    match again.lock() {
        Err(Error::Held { name, holder }) => {
            assert_eq!(name, "m");
            assert!(holder.contains(&std::process::id().to_string()), "{holder}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(again.at_work().unwrap().unwrap().unwrap().pid, std::process::id());
    assert!(again.read().is_ok(), "reading needs no lock");
    assert!(again.set_aside().is_err(), "it is not moved away under whoever works on it");
    drop(free.lock().unwrap());
    drop(held);
    assert!(again.at_work().unwrap().is_none());
    drop(again.lock().unwrap());
}

fn a_line_is_kept_before_the_caller_goes_on(depot: &Depot) {
    let made = depot.create("m", RUNBOOK, &[]).unwrap();
    let reader = depot.open("m").unwrap();
    let told = |lines: usize| {
        let story = reader.read().unwrap();
        assert_eq!((story.lines.len(), story.torn), (lines, None));
        story
    };
    let held = made.lock().unwrap();
    let (mut journal, torn) = made.journal(&held).unwrap();
    assert_eq!(torn, None);
    journal.step(&id("a"), Event::Began).unwrap();
    assert_eq!(told(1).state.status(&id("a")), Status::Began);
    journal.step(&id("a"), Event::Done).unwrap();
    journal.run(Run::Confirmed { prompt: "Zürich?\n".into() }).unwrap();
    let (line, sum) = (told(3).trail, journal.trail().clone());
    assert_eq!((line.id(), line.here()), (sum.id(), sum.here()), "servers know it by these");
    drop((journal, held));

    // whoever resumes goes on behind it
    let held = reader.lock().unwrap();
    let (mut journal, _) = reader.journal(&held).unwrap();
    assert_eq!(journal.state().status(&id("a")), Status::Done);
    journal.step(&id("b"), Event::Adopted).unwrap();
    let story = depot.open("m").unwrap().read().unwrap();
    assert_eq!((story.lines.len(), story.state.status(&id("a"))), (4, Status::Done));
    assert_eq!(story.header, *journal.header());
}

fn what_cannot_be_is_never_kept(depot: &Depot) {
    let made = depot.create("m", RUNBOOK, &[]).unwrap();
    let held = made.lock().unwrap();
    let (mut journal, _) = made.journal(&held).unwrap();
    assert!(matches!(journal.step(&id("a"), Event::Done), Err(Error::Refused(_))), "it never began");
    assert_eq!(made.read().unwrap().lines.len(), 0);
    assert!(journal.step(&id("a"), Event::Began).is_err(), "and nothing more is written by this one");
    drop(journal);
    let (mut journal, _) = made.journal(&held).unwrap();
    journal.step(&id("a"), Event::Began).unwrap();
    assert_eq!(made.read().unwrap().lines.len(), 1);
}

fn one_that_was_set_aside_makes_room(depot: &Depot) {
    let made = depot.create("m", RUNBOOK, &[]).unwrap();
    let was = made.identity().unwrap();
    let held = made.lock().unwrap();
    made.journal(&held).unwrap().0.step(&id("a"), Event::Began).unwrap();
    drop(held);
    made.set_aside().unwrap();
    assert!(matches!(depot.open("m"), Err(Error::Unknown { .. })));
    let [aside] = depot.list().unwrap().try_into().unwrap();
    assert!(aside.starts_with("m."), "{aside}");
    let aside = depot.open(&aside).unwrap();
    assert_eq!((aside.identity().unwrap(), aside.read().unwrap().lines.len()), (was.clone(), 1));
    assert_eq!(aside.runbook().unwrap(), RUNBOOK);
    assert_ne!(depot.create("m", RUNBOOK, &[]).unwrap().identity().unwrap(), was);
}
