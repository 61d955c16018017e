//! A place to type commands in, for tests of the real binary.
#![allow(dead_code, reason = "each test uses a part")]

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use jiff::{SignedDuration, Timestamp};
use replant::facts::record::{self, Answer, Recording};
use replant::facts::{Link, queries};
use replant::host::{Output as Answered, Query, Side};
use replant::journal::{Depot, Entry, Event, Line};
use replant::runbook::StepId;
use replant::{course, plan};

pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A place with the examples (`plans`) and the plans with faults (`invalid`), a saved runbook and a migration, all of them of the lab's pair of servers.
pub struct Desk(pub tempfile::TempDir);

impl Desk {
    pub fn new() -> Desk {
        let desk = Desk(tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(Path::new(ROOT).join("plans"), desk.path("plans")).unwrap();
        std::os::unix::fs::symlink(Path::new(ROOT).join("tests/plan/invalid"), desk.path("invalid")).unwrap();
        desk
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// `lab.runbook.json`, as `plan --out` saves it.
    pub fn with_runbook() -> Desk {
        let desk = Desk::new();
        std::fs::write(desk.path("lab.runbook.json"), runbook()).unwrap();
        desk
    }

    /// A migration `srv1` in `.replant`: every step before `last` is done, each took two seconds, and `last` has begun.
    pub fn with_migration(last: &str) -> Desk {
        let desk = Desk::with_runbook();
        Depot::at(desk.path(".replant")).create("srv1", &runbook(), &[]).unwrap();
        let mut at: Timestamp = "2026-11-21T23:10:00Z".parse().unwrap();
        let mut lines = Vec::new();
        let mut write = |id: &StepId, event: Event| {
            lines.push(serde_json::to_string(&Line { at, entry: Entry::Step { id: id.clone(), event } }).unwrap());
            at += SignedDuration::from_secs(2);
        };
        let book: course::Runbook = serde_json::from_str(&runbook()).unwrap();
        for node in &book.nodes {
            write(&node.id, Event::Began);
            if node.id.0 == last {
                break;
            }
            write(&node.id, Event::Done);
        }
        let journal = desk.path(".replant/srv1/journal.jsonl");
        let header = std::fs::read_to_string(&journal).unwrap();
        std::fs::write(&journal, header + &lines.join("\n") + "\n").unwrap();
        desk
    }

    /// `srv1.facts.json`, as `facts --out` writes it.
    pub fn with_facts(self) -> Desk {
        std::fs::write(self.path("srv1.facts.json"), serde_json::to_string_pretty(&recording()).unwrap()).unwrap();
        self
    }

    /// An `ssh` that says this, and ends as ssh does when it could not log in.
    pub fn with_ssh(self, says: &str) -> Desk {
        let ssh = self.path("bin/ssh");
        std::fs::create_dir_all(ssh.parent().unwrap()).unwrap();
        std::fs::write(&ssh, format!("#!/bin/sh\ncat >&2 <<'.'\n{says}\n.\nexit 255\n")).unwrap();
        std::fs::set_permissions(&ssh, PermissionsExt::from_mode(0o755)).unwrap();
        self
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new(env!("CARGO_BIN_EXE_replant"));
        command
            .args(args)
            .env("PATH", path)
            .current_dir(self.0.path())
            .env_remove("REPLANT_DIR")
            .env_remove("CLICOLOR_FORCE")
            .env("COLUMNS", "100")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs it as on a terminal: what it prints and what it says, in their order.
    pub fn run_mixed(&self, args: &[&str]) -> String {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut command = self.command(args);
        let mut child = command.stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
        drop(command); // it holds the pipe open
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        child.wait().unwrap();
        text
    }

    /// Runs it where nobody reads what it says or prints: both are pipes whose reader is gone.
    pub fn run_unread(&self, args: &[&str]) -> Option<i32> {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        self.command(args).stdout(writer.try_clone().unwrap()).stderr(writer).status().unwrap().code()
    }
}

/// The runbook of the lab's pair, from recorded facts.
pub fn runbook() -> String {
    let read = |path: &str| std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
    let facts = serde_json::from_str(&read("tests/facts/lab-full.json")).unwrap();
    let loaded = plan::load(&Path::new(ROOT).join("tests/runbooks/lab.yaml"))
        .unwrap_or_else(|bad| panic!("{}", bad.render(false)));
    let book = course::make(&loaded.plan, &loaded.digest, &facts).unwrap();
    serde_json::to_string_pretty(&book).unwrap()
}

/// Every word that begins with a digit is `#`, in brackets or not, and the blanks that align them are one; but the exit code stays.
pub fn without_numbers(text: &str) -> String {
    let word = |word: &str| {
        if word.trim_start_matches('(').starts_with(|c: char| c.is_ascii_digit()) {
            "#".to_string()
        } else {
            word.to_string()
        }
    };
    let line = |line: &str| {
        let indent = &line[..line.len() - line.trim_start().len()];
        if line.starts_with("exit ") {
            return format!("{line}\n");
        }
        format!("{indent}{}\n", line.split_whitespace().map(word).collect::<Vec<_>>().join(" "))
    };
    text.lines().map(line).collect()
}

/// The lab's recorded answers, as `replant facts` would have kept them.
pub fn recording() -> Recording {
    let server = |side: Side, name: &str, login: &str| {
        let answers = queries::asked(side).into_iter().map(|asked| {
            let path = Path::new(ROOT).join(format!("tests/facts/lab/{name}/{}.out", asked.name));
            let Query::Run(argv) = asked.query else { panic!("{} is no command", asked.name) };
            Answer::new(side, &argv, &Answered::ok(std::fs::read_to_string(path).unwrap_or_default()))
        });
        record::RecordedServer { login: login.into(), answers: answers.collect() }
    };
    Recording {
        facts: record::FORMAT,
        replant: "0.1.0".into(),
        read_at: "2026-11-22T11:00:00Z".into(),
        old: server(Side::Old, "old", "root@10.77.0.21"),
        new: server(Side::New, "new", "root@10.77.0.22"),
        link: Link::measured(34_000_000),
    }
}
