//! The real binary, as a person types it, where no server is needed: what it prints, where it prints it, how it ends.
//!
//! `tests/cli/*.txt` are whole runs: exit code, standard output, standard error. `SNAPSHOTS=overwrite` writes them anew;
//! read the difference as somebody who has a migration under way.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use replant::journal::{Header, Journal, Migration, Run};
use replant::runbook::StepId;
use replant::{course, journal, plan};
use snapbox::Data;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A place with the plans, a saved runbook and a migration, all of them of the lab's pair of servers.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Desk {
        let desk = Desk(tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(Path::new(ROOT).join("plans"), desk.path("plans")).unwrap();
        desk
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// `lab.runbook.json`, as `plan --out` saves it.
    fn with_runbook() -> Desk {
        let desk = Desk::new();
        std::fs::write(desk.path("lab.runbook.json"), runbook()).unwrap();
        desk
    }

    /// A migration `srv1` in `.replant`, with this in its journal.
    fn with_migration(events: &[(&str, journal::Event)]) -> Desk {
        let desk = Desk::with_runbook();
        let migration = Migration::create(&desk.path(".replant"), "srv1", &runbook()).unwrap();
        let lock = migration.lock().unwrap();
        let (mut journal, _) = migration.journal(&lock).unwrap();
        for (step, event) in events {
            journal.step(&StepId(step.to_string()), event.clone()).unwrap();
        }
        desk
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_replant"))
            .args(args)
            .current_dir(self.0.path())
            .env_remove("REPLANT_DIR")
            .env_remove("CLICOLOR_FORCE")
            .env("COLUMNS", "100")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs it, compares with the snapshot.
    fn check(&self, name: &str, args: &[&str]) {
        let output = self.run(args);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let story = format!(
            "$ replant {}\nexit {}\n---- stdout\n{}---- stderr\n{}",
            args.join(" "),
            output.status.code().unwrap(),
            text(&output.stdout),
            text(&output.stderr)
        );
        let story = story.replace(&self.0.path().display().to_string(), "[DIR]");
        compare(&format!("{name}.txt"), story);
    }
}

fn compare(file: &str, text: String) {
    let path = Path::new(ROOT).join("tests/cli").join(file);
    snapbox::Assert::new()
        .action_env("SNAPSHOTS")
        .normalize_paths(false)
        .eq(Data::text(text), Data::read_from(&path, Some(snapbox::data::DataFormat::Text)));
}

/// The runbook of the lab's pair, from recorded facts.
fn runbook() -> String {
    let read = |path: &str| std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
    let facts = serde_json::from_str(&read("tests/facts/lab-full.json")).unwrap();
    let loaded = plan::load(&Path::new(ROOT).join("tests/runbooks/lab.yaml")).unwrap_or_else(|bad| panic!("{}", bad.render(false)));
    let book = course::make(&loaded.plan, &loaded.digest, &facts).unwrap();
    serde_json::to_string_pretty(&book).unwrap()
}

#[test]
fn show() {
    let desk = Desk::with_runbook();
    desk.check("show", &["show", "lab.runbook.json"]);
}
