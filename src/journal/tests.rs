use std::sync::{Arc, Mutex};

use std::path::Path;

use super::depot::directory;
use super::line::json;
use super::*;
use crate::runbook::StepId;

const V1: &[u8] = include_bytes!("../../tests/format/v1/journal.jsonl");

fn id(name: &str) -> StepId {
    StepId(name.into())
}

fn here() -> &'static Path {
    Path::new("journal.jsonl")
}

/// That file is never edited: a journal of this format stays readable permanently.
#[test]
fn format_1_is_read() {
    let story = Story::parse(V1, here()).unwrap();
    assert_eq!(story.header.migration, "cs940");
    assert_eq!(story.lines.len(), 16);
    assert_eq!(story.torn, None);
    let state = &story.state;
    assert_eq!(state.status(&id("open-iscsi")), Status::Adopted);
    assert_eq!(state.status(&id("array-boot")), Status::UndoBegan);
    assert_eq!(state.status(&id("export-pv")), Status::Undone);
    assert_eq!(state.status(&id("array-pv")), Status::New);
    assert!(state.ours(&id("array-boot")) && !state.ours(&id("open-iscsi")) && !state.ours(&id("export-pv")));
    assert_eq!(state.took(&id("array-boot")).unwrap().as_secs(), 5);
    assert!(state.abandoned().unwrap().contains(&id("grub-a")));
    assert_eq!(state.runs().len(), 2);
    assert_eq!(state.runs()[0].ended.as_ref().unwrap().1, Outcome::Stopped);
}

/// What is written today is what the file says, to the byte: so a change of the format cannot go unnoticed.
#[test]
fn format_1_is_written() {
    let story = Story::parse(V1, here()).unwrap();
    let mut written = json(&story.header);
    story.lines.iter().for_each(|line| written.extend(json(line)));
    assert_eq!(String::from_utf8(written).unwrap(), std::str::from_utf8(V1).unwrap());
}

#[test]
fn wherever_the_end_is_torn_the_rest_is_read() {
    let begins = V1.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for cut in begins..V1.len() {
        let story = Story::parse(&V1[..cut], here()).unwrap();
        let whole = V1[..cut].iter().filter(|byte| **byte == b'\n').count() - 1;
        assert_eq!(story.lines.len(), whole, "cut at byte {cut}");
        assert_eq!(story.torn.is_some(), V1[cut - 1] != b'\n');
    }
    assert!(matches!(Story::parse(&V1[..begins - 1], here()), Err(Error::NoHeader { .. })));
}

#[test]
fn a_line_of_which_only_the_end_reached_the_disk_is_torn() {
    let mut bytes = V1.to_vec();
    let last = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    bytes[last..last + 10].fill(0);
    let story = Story::parse(&bytes, here()).unwrap();
    assert_eq!((story.lines.len(), story.torn), (15, Some(bytes.len() - last)));
}

#[test]
fn garbage_is_named_by_its_line() {
    let text = std::str::from_utf8(V1).unwrap();
    for (bad, place) in [("\"adopted\"", 5), ("\"step\":\"array-boot\",\"event\":\"done\"", 7)] {
        let broken = text.replacen(bad, "\"what\":1", 1);
        match Story::parse(broken.as_bytes(), here()) {
            Err(Error::Garbage { line, .. }) => assert_eq!(line, place),
            other => panic!("{other:?}"),
        }
    }
    let newer = text.replacen("\"format\":1", "\"format\":2,\"else\":0", 1);
    assert!(matches!(Story::parse(newer.as_bytes(), here()), Err(Error::Newer { format: 2, .. })));
}

#[test]
fn a_torn_end_is_cut_off_and_writing_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let mut journal = directory::create(&path, Header::new("m", "0")).unwrap();
    journal.step(&id("a"), Event::Began).unwrap();
    drop(journal);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend(b"{\"at\":\"2026");
    std::fs::write(&path, &bytes).unwrap();

    assert_eq!(directory::read(&path).unwrap().torn, Some(11));
    let (mut journal, torn) = directory::open(&path).unwrap();
    assert_eq!(torn, Some(11));
    journal.step(&id("a"), Event::Done).unwrap();
    let story = directory::read(&path).unwrap();
    assert_eq!((story.lines.len(), story.torn), (2, None));
    assert_eq!(story.state, *journal.state());
}

/// Takes a number of lines, then fails permanently.
struct Full(usize, Arc<Mutex<Vec<u8>>>);

impl Ledger for Full {
    fn append(&mut self, line: &[u8]) -> std::io::Result<()> {
        if self.0 == 0 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.0 -= 1;
        self.1.lock().unwrap().extend(line);
        Ok(())
    }
}

#[test]
fn what_could_not_be_written_has_not_happened() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let store = Box::new(Full(1, kept.clone()));
    let mut journal = Journal::with(Header::new("m", "0"), State::default(), store);
    journal.step(&id("a"), Event::Began).unwrap();
    assert!(matches!(journal.step(&id("a"), Event::Done), Err(Error::Write(_))));
    assert_eq!(journal.state().status(&id("a")), Status::Began);
    // and nothing can be written behind it
    assert!(journal.step(&id("b"), Event::Began).is_err());
    assert_eq!(kept.lock().unwrap().iter().filter(|byte| **byte == b'\n').count(), 1);
}

#[test]
fn found_stays_found_until_all_is_taken_back() {
    let mut journal = Journal::nowhere(Header::new("m", "0"));
    let started = |kind| Run::Started { kind, by: "me".into(), version: "0".into() };
    journal.run(started(Kind::Apply)).unwrap();
    journal.step(&id("a"), Event::Adopted).unwrap();
    // lost by a reboot, made again
    journal.step(&id("a"), Event::Began).unwrap();
    journal.step(&id("b"), Event::Adopted).unwrap();
    assert!(journal.state().ours(&id("a")) && journal.state().found(&id("a")));
    journal.run(started(Kind::Rollback)).unwrap();
    assert!(!journal.state().rolled_back());
    journal.step(&id("a"), Event::Undone).unwrap();
    journal.run(Run::Ended { outcome: Outcome::Complete, what: None }).unwrap();
    assert!(journal.state().rolled_back() && journal.state().untouched());
    assert!(!journal.state().found(&id("a")));
    assert_eq!(journal.state().status(&id("b")), Status::New);
}

#[test]
fn a_migration_is_made_whole_and_kept_to_oneself() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join(".replant");
    assert!(Depot::at(&root).list().unwrap().is_empty());
    assert!(matches!(Depot::at(&root).open("cs940"), Err(Error::Unknown { .. })));
    let record = ("old-vg0.lvm".to_string(), "vg0 {}\n".to_string());
    let made = Depot::at(&root).create("cs940", "{\"format\": 1}", &[record]).unwrap();
    assert_eq!(std::fs::read_to_string(root.join("cs940/old-vg0.lvm")).unwrap(), "vg0 {}\n");
    assert!(matches!(Depot::at(&root).create("cs940", "{}", &[]), Err(Error::Exists { .. })));
    assert!(matches!(Depot::at(&root).create("../x", "{}", &[]), Err(Error::Name { .. })));
    assert_eq!(Depot::at(&root).list().unwrap(), ["cs940"]);
    assert_eq!(Depot::at(&root).open("cs940").unwrap(), made);
    assert_eq!(made.runbook().unwrap(), "{\"format\": 1}");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&root), mode(made.path())), (0o700, 0o700));
    assert_eq!(mode(&made.path().join("runbook.json")), 0o600);

    std::fs::write(made.path().join("runbook.json"), "{\"format\": 1 }").unwrap();
    assert!(matches!(made.runbook(), Err(Error::OtherRunbook { .. })));
}

#[test]
fn a_second_operator_is_told_who_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let made = Depot::at(dir.path()).create("m", "{}", &[]).unwrap();
    let held = made.lock().unwrap();
    let told = made.lock().unwrap_err().to_string();
    assert!(told.contains(&format!("process {}", std::process::id())), "{told}");
    // reading needs no lock
    assert!(made.read().unwrap().lines.is_empty());
    let (mut journal, torn) = made.journal(&held).unwrap();
    assert_eq!(torn, None);
    journal.step(&id("a"), Event::Began).unwrap();
    drop(held);
    made.lock().unwrap();
    assert!(made.read().unwrap().state.ours(&id("a")));
}

const EVENTS: [fn() -> Event; 6] = [
    || Event::Adopted,
    || Event::Began,
    || Event::Done,
    || Event::Failed { what: "x".into() },
    || Event::UndoBegan,
    || Event::Undone,
];

/// The whole table: what may follow what. It is what `engine/decide.rs` records, and nothing else.
#[test]
fn each_status_has_the_events_that_may_follow_it() {
    for (status, may) in [
        (Status::New, "adopted began"),
        (Status::Adopted, "began undobegan"),
        (Status::Began, "done failed undobegan undone"),
        (Status::Done, "began undobegan undone"),
        (Status::Failed, "began done failed undobegan undone"),
        (Status::UndoBegan, "began done failed undone"),
        (Status::Undone, "adopted began"),
    ] {
        let follow = EVENTS.iter().filter_map(|event| status.after(&event()));
        let follow: Vec<String> = follow.map(|next| format!("{next:?}").to_lowercase()).collect();
        assert_eq!(follow.join(" "), may, "{status:?}");
        // and that it was refused for good, which leaves it as it stands
        assert_eq!(status.after(&Event::Refused { what: "x".into() }), Some(status));
    }
}

/// It is known whatever is seen later, until all was taken back.
#[test]
fn what_was_refused_for_good_is_remembered() {
    let header = std::str::from_utf8(V1).unwrap().lines().next().unwrap();
    let said = |lines: &str| Story::parse(format!("{header}\n{lines}").as_bytes(), here()).unwrap().state;
    let at = "\"at\":\"2026-01-01T00:00:00Z\"";
    let refused = format!("{{{at},\"step\":\"a\",\"event\":{{\"refused\":{{\"what\":\"old ran\"}}}}}}\n");
    let step = |event: &str| format!("{{{at},\"step\":\"a\",\"event\":\"{event}\"}}\n");
    let back = format!(
        "{{{at},\"run\":{{\"started\":{{\"kind\":\"rollback\",\"by\":\"x\",\"version\":\"0\"}}}}}}\n\
         {{{at},\"run\":{{\"ended\":{{\"outcome\":\"complete\"}}}}}}\n"
    );
    for before in [String::new(), step("adopted"), step("began"), step("began") + &step("done")] {
        let state = said(&(before.clone() + &refused));
        assert_eq!((state.refused(&id("a")), state.failure(&id("a"))), (Some("old ran"), Some("old ran")));
        assert_eq!(state.status(&id("a")), said(&before).status(&id("a")), "it stands as it stood");
        let undone = if before.contains("began") { step("undone") } else { String::new() };
        assert_eq!(said(&(before + &refused + &undone + &back)).refused(&id("a")), None);
    }
}

#[test]
fn a_line_that_cannot_be_is_refused_with_its_number() {
    let text = std::str::from_utf8(V1).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    // each line of a step that is there twice, or without the one before it
    let broken = |at: usize, twice: bool| {
        let mut lines = lines.clone();
        if twice {
            lines.insert(at, lines[at])
        } else {
            _ = lines.remove(at)
        }
        Story::parse((lines.join("\n") + "\n").as_bytes(), here())
    };
    for (at, twice, place) in
        [(4, true, 6), (5, true, 7), (6, true, 8), (14, true, 16), (15, true, 17), (5, false, 6), (10, true, 12)]
    {
        match broken(at, twice) {
            Err(Error::OutOfOrder { line, .. }) => assert_eq!(line, place, "{at} {twice}"),
            other => panic!("line {at}, twice {twice}: {other:?}"),
        }
    }
}

/// A mistake of ours stops the run before anything happens: it is not written, and nothing after it is.
#[test]
fn a_line_that_cannot_be_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let mut journal = directory::create(&path, Header::new("m", "0")).unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(journal.step(&id("x"), Event::Done), Err(Error::Refused(_))));
    assert!(matches!(journal.step(&id("x"), Event::Began), Err(Error::Write(_))), "it goes on all the same");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

/// What a person said of power outlives the process, and the last word counts.
#[test]
fn what_was_said_of_power_is_read_again() {
    use crate::host::{Said, Server};
    let text = concat!(
        r#"{"format":1,"migration":"srv1","runbook":"0","made_at":"2026-11-22T11:00:00Z"}"#,
        "\n",
        r#"{"at":"2026-11-22T11:00:01Z","run":{"said":{"server":"old","on":false}}}"#,
        "\n",
        r#"{"at":"2026-11-22T11:00:02Z","run":{"said":{"server":"new","on":false}}}"#,
        "\n",
        r#"{"at":"2026-11-22T11:00:03Z","run":{"said":{"server":"new","on":true}}}"#,
        "\n",
    );
    let story = Story::parse(text.as_bytes(), "journal".as_ref()).unwrap();
    let said = [Said { server: Server::Old, on: false }, Said { server: Server::New, on: true }];
    assert_eq!(story.state.said(), said);
    let lines: Vec<String> = story.lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    assert_eq!(lines, text.lines().skip(1).collect::<Vec<_>>());
}
