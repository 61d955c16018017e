//! Migrations as they are kept: who is at work, what cannot be read, and what is printed to be typed next.

mod desk;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use desk::Desk;
use replant::journal::Depot;

impl Desk {
    fn says(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args);
        let both = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(both).unwrap())
    }
}

#[test]
fn status_says_who_is_at_work() {
    let desk = Desk::with_migration("mirror-vg0-var");
    let run =
        r#"{"at":"2026-11-21T23:10:00Z","run":{"started":{"kind":"apply","by":"anna@desk","version":"0.1.0"}}}"#;
    let journal = desk.path(".replant/srv1/journal.jsonl");
    let before = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, format!("{before}{run}\n")).unwrap();

    let migration = Depot::at(desk.path(".replant")).open("srv1").unwrap();
    assert!(migration.at_work().unwrap().is_none());
    let (code, told) = desk.says(&["status", "--offline"]);
    assert_eq!(code, 0);
    assert!(told.contains("The last apply was killed, or its machine was switched off: anna@desk"), "{told}");

    let lock = migration.lock().unwrap();
    let (code, told) = desk.says(&["status", "--offline"]);
    let me = format!("(process {}, since ", std::process::id());
    assert_eq!(code, 0);
    assert!(told.contains("An apply is at work on it now: ") && told.contains(&me), "{told}");
    assert!(!told.contains("was killed"), "{told}");
    let json: serde_json::Value =
        serde_json::from_slice(&desk.run(&["status", "--offline", "--json"]).stdout).unwrap();
    assert_eq!(json["at_work"]["by"]["pid"], std::process::id());

    // and who would change something is told the same, and what to do
    let (code, told) = desk.says(&["rollback", "--no-input"]);
    assert_eq!(code, 1);
    assert!(told.contains("is being worked on by ") && told.contains(&me), "{told}");
    assert!(told.contains("help: wait until that ends") && told.contains("replant status srv1"), "{told}");
    drop(lock);
    assert!(migration.at_work().unwrap().is_none());
}

/// To look at who holds the lock takes it away from nobody.
#[test]
fn looking_at_the_lock_is_no_lock() {
    let desk = Desk::with_migration("mirror-vg0-var");
    let migration = Depot::at(desk.path(".replant")).open("srv1").unwrap();
    drop(migration.lock().unwrap());
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                migration.at_work().unwrap();
            }
        });
        for _ in 0..200 {
            migration.lock().unwrap();
        }
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
    });
}

#[test]
fn what_cannot_be_read_is_not_nothing() {
    let lost = Desk::with_migration("mirror-vg0-var");
    std::fs::remove_file(lost.path(".replant/srv1/journal.jsonl")).unwrap();
    let broken = Desk::with_migration("mirror-vg0-var");
    let journal = broken.path(".replant/srv1/journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, text.replacen("\"began\"", "\"bogan\"", 1)).unwrap();
    let empty = Desk::with_migration("mirror-vg0-var");
    std::fs::write(empty.path(".replant/srv1/journal.jsonl"), "").unwrap();
    for (desk, says, help) in [
        (&lost, "the journal of migration `srv1` is missing in `.replant/srv1`", "back from a backup"),
        (&broken, "line 2 of `.replant/srv1/journal.jsonl` is not a line of a journal", "back from a backup"),
        (&empty, "has no header: it is not a journal", "back from a backup"),
    ] {
        for args in [
            &["status", "--offline"][..],
            &["status", "srv1", "--offline"],
            &["rollback", "--no-input"],
            &["apply", "lab.runbook.json", "--no-input"],
        ] {
            let (code, told) = desk.says(args);
            assert_eq!(code, 1, "{args:?}: {told}");
            assert!(told.contains(says) && told.contains("help: ") && told.contains(help), "{args:?}: {told}");
        }
    }
    // a directory that nobody began is no migration
    let other = Desk::with_runbook();
    std::fs::create_dir_all(other.path(".replant/notes")).unwrap();
    assert!(other.says(&["status"]).1.contains("there is no migration in `.replant`"));
}

/// It was begun by somebody else, whose directory is closed.
#[test]
fn what_belongs_to_another_user_is_not_nothing() {
    let desk = Desk::with_migration("mirror-vg0-var");
    let mode = |path: &str, mode| {
        std::fs::set_permissions(desk.path(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    // root can read everything, so that another user looks then (setpriv(1), util-linux)
    let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    if root {
        mode("", 0o755);
        std::fs::copy(env!("CARGO_BIN_EXE_replant"), desk.path("replant")).unwrap();
    }
    let status = |args: &[&str]| {
        let mut command = desk.command(args);
        if root {
            let nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
            command = Command::new("setpriv");
            command.args(nobody).arg(desk.path("replant")).args(args).current_dir(desk.0.path());
        }
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    mode(".replant", 0o755);
    mode(".replant/srv1", 0o755);
    for path in [".replant/srv1/journal.jsonl", ".replant/srv1", ".replant"] {
        mode(path, 0);
        for args in [&["status", "--offline"][..], &["status", "srv1", "--offline"]] {
            let (code, told) = status(args);
            assert_eq!(code, 1, "{path}: {told}");
            assert!(told.contains("Permission denied") && told.contains("it belongs to another user"), "{told}");
        }
        mode(path, 0o755);
    }
}

/// What is printed to be typed next does what it says, from where the person is.
#[test]
fn commands_can_be_pasted() {
    let refused = "ssh: connect to host 192.0.2.10 port 22: Connection refused";
    let desk = Desk::with_migration("mirror-vg0-var").with_ssh(refused);
    std::fs::create_dir(desk.path("my dir")).unwrap();
    std::fs::rename(desk.path(".replant/srv1"), desk.path("my dir/srv1")).unwrap();
    std::fs::copy(Path::new(desk::ROOT).join("plans/cs940.yaml"), desk.path("it's a plan.yaml")).unwrap();
    let (_, told) = desk.says(&["status", "--offline", "--dir", "my dir"]);
    let pasted = |told: &str, label: &str| {
        let line = told.lines().find_map(|line| line.trim().strip_prefix(label)).unwrap_or_else(|| panic!("{told}"));
        let mut words = shlex::split(line.trim()).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(words.remove(0), "replant", "{line}");
        words
    };
    for label in ["To resume:", "To go back:"] {
        let words = pasted(&told, label);
        let words: Vec<&str> = words.iter().map(String::as_str).chain(["--no-input"]).collect();
        let (_, told) = desk.says(&words);
        assert!(
            told.contains("Going on with migration `srv1`") || told.contains("Going back to the old server"),
            "{words:?}: {told}"
        );
    }
    let (_, told) = desk.says(&["validate", "it's a plan.yaml", "-v", "--dir", "my dir"]);
    let next = told.split("Next: ").nth(1).unwrap().trim();
    assert_eq!(shlex::split(next).unwrap(), ["replant", "plan", "it's a plan.yaml", "--dir", "my dir", "-v"]);
}
