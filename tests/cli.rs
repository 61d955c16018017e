//! The real binary, as a person types it, where no server is needed: what it prints, where it prints it, how it ends.
//!
//! `tests/cli/*.txt` are whole runs: exit code, standard output, standard error. `SNAPSHOTS=overwrite` writes them anew;
//! read the difference as somebody who has a migration under way.

mod desk;

use std::path::Path;

use desk::{Desk, ROOT, runbook, without_numbers};
use replant::course;
use snapbox::Data;

trait Told {
    fn check(&self, name: &str, args: &[&str]);
    fn check_of(&self, name: &str, args: &[&str], part: fn(String) -> String);
}

impl Told for Desk {
    /// Runs it, compares with the snapshot.
    fn check(&self, name: &str, args: &[&str]) {
        self.check_of(name, args, |story| story);
    }

    /// As [`Desk::check`], of what `part` leaves: what changes with every step of the course stands in `show.txt` alone.
    fn check_of(&self, name: &str, args: &[&str], part: fn(String) -> String) {
        let output = self.run(args);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let story = format!(
            "$ replant {}\nexit {}\n---- stdout\n{}---- stderr\n{}",
            args.join(" "),
            output.status.code().unwrap(),
            text(&output.stdout),
            text(&output.stderr)
        );
        compare(&format!("{name}.txt"), part(story.replace(&self.0.path().display().to_string(), "[DIR]")));
    }
}

fn compare(file: &str, text: String) {
    let path = Path::new(ROOT).join("tests/cli").join(file);
    snapbox::Assert::new()
        .action_env("SNAPSHOTS")
        .normalize_paths(false)
        .eq(Data::text(text), Data::read_from(&path, Some(snapbox::data::DataFormat::Text)));
}

#[test]
fn help() {
    let desk = Desk::new();
    desk.check("help", &["--help"]);
    for command in [
        "init",
        "validate",
        "plan",
        "facts",
        "show",
        "graph",
        "apply",
        "status",
        "rollback",
        "simulate",
        "explain",
        "schema",
        "completions",
        "man",
    ] {
        desk.check(&format!("help-{command}"), &[command, "--help"]);
    }
    desk.check("unknown-command", &["migrate"]);
    desk.check("unknown-stage", &["apply", "plans/cs940.yaml", "--until", "cut"]);
}

#[test]
fn validate() {
    let desk = Desk::new();
    desk.check("validate-good", &["validate", "plans/cs940.yaml"]);
    desk.check("validate-good-quiet", &["validate", "plans/cs940.yaml", "--quiet"]);
    desk.check("validate-good-json", &["validate", "plans/cs940.yaml", "--json"]);
    desk.check("validate-bad", &["validate", "invalid/array-twice.yaml"]);
    desk.check("validate-bad-json", &["validate", "invalid/array-twice.yaml", "--json"]);
    desk.check("validate-no-file", &["validate", "plan.yaml"]);
    // one form for programs, whoever reads the plan
    let object = |args: &[&str]| serde_json::from_slice::<serde_json::Value>(&desk.run(args).stdout).unwrap();
    let validated = object(&["validate", "invalid/array-twice.yaml", "--json"]);
    for command in ["plan", "apply", "simulate", "graph"] {
        assert_eq!(object(&[command, "invalid/array-twice.yaml", "--json"]), validated, "{command}");
    }
    // whatever needs a plan says what is wrong with it, and does nothing
    desk.check("apply-bad", &["apply", "invalid/array-twice.yaml"]);
    desk.check("apply-no-file", &["apply", "plan.yaml"]);
    assert!(!desk.path(".replant").exists());
}

#[test]
fn colour_only_where_it_is_wanted() {
    let desk = Desk::new();
    let with = |when| desk.run(&["validate", "invalid/array-twice.yaml", "--color", when]).stderr.contains(&0x1b);
    assert!(with("always"));
    assert!(!with("never"));
    assert!(!with("auto"));
}

/// Whoever reads may have gone (`| head`, a dead `tee`): no panic, and what is under way goes on to its end.
#[test]
fn nobody_needs_to_read_it() {
    let desk = Desk::with_migration("mirror-vg0-var");
    for args in [
        "simulate plans/two-groups.yaml",
        "simulate plans/two-groups.yaml --json",
        "schema",
        "schema runbook",
        "completions bash",
        "man",
        "--help",
        "validate plans/cs940.yaml",
        "validate plans/cs940.yaml --json",
        "show lab.runbook.json -v",
        "graph lab.runbook.json",
        "explain R1203",
        "status --offline",
        "status --offline --json",
    ] {
        assert_eq!(desk.run_unread(&args.split(' ').collect::<Vec<_>>()), Some(0), "{args}");
    }
    for args in [
        "validate invalid/array-twice.yaml --json",
        "apply invalid/array-twice.yaml --json",
        "rollback --no-input",
        "show nothing --json",
    ] {
        assert_eq!(desk.run_unread(&args.split(' ').collect::<Vec<_>>()), Some(1), "{args}");
    }
}

/// What a simulation tells is its result: a pager shows it.
#[test]
fn a_simulation_is_its_own_result() {
    let desk = Desk::new();
    let stdout = String::from_utf8(desk.run(&["simulate", "plans/minimal.yaml"]).stdout).unwrap();
    assert!(stdout.starts_with("Simulated: nothing of this happens") && stdout.contains("Simulated to the end"));
    assert!(stdout.contains("✓ partition disk"), "{stdout}");
    let lines = String::from_utf8(desk.run(&["simulate", "plans/minimal.yaml", "--json"]).stdout).unwrap();
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.last().unwrap()["event"], "summary");
}

/// A result that could not be kept is a failure.
#[test]
fn a_full_disk_is_noticed() {
    let desk = Desk::with_runbook();
    for args in
        ["simulate plans/minimal.yaml", "simulate plans/minimal.yaml --json", "graph lab.runbook.json", "schema"]
    {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = desk.command(&args.split(' ').collect::<Vec<_>>()).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("is the disk behind it full?"), "{args}");
    }
}

/// `--out` is looked at before any server is: nothing is read in vain, and nothing is lost that was there.
#[test]
fn where_a_runbook_may_be_saved() {
    let desk = Desk::with_migration("mirror-vg0-var").with_ssh("ssh: connect to host 192.0.2.10 port 22: Refused");
    std::fs::copy(desk.path("plans/minimal.yaml"), desk.path("mine.yaml")).unwrap();
    std::fs::write(desk.path("notes.txt"), "notes").unwrap();
    std::os::unix::fs::symlink("mine.yaml", desk.path("link")).unwrap();
    std::os::unix::fs::symlink("nothing", desk.path("loose")).unwrap();
    let plan = |out: &[&str]| {
        let output = desk.run(&[&["plan", "mine.yaml", "--out"], out].concat());
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    for (out, says) in [
        ("mine.yaml", "`mine.yaml` is the plan itself"),
        ("link", "`link` is the plan itself"),
        ("loose", "cannot write `loose`"),
        (".", "`.` is not a file"),
        ("notes.txt", "there is a file `notes.txt` already, and it is no runbook"),
        ("nowhere/x.json", "cannot write `nowhere/x.json`"),
        (".replant/srv1/runbook.json", "belongs to a migration"),
        ("lab.runbook.json", "old does not answer"),
        ("new.json", "old does not answer"),
    ] {
        let said = plan(&[out]);
        assert!(said.contains(says) && said.contains("help: "), "{out}: {said}");
    }
    assert!(plan(&["notes.txt", "--force"]).contains("old does not answer"));
    assert!(plan(&["mine.yaml", "--force"]).contains("is the plan itself"));
    assert_eq!(std::fs::read(desk.path("notes.txt")).unwrap(), b"notes");
    assert!(!desk.path("new.json").exists());
}

#[test]
fn schema_completions_and_manual_page() {
    let desk = Desk::new();
    let schema = desk.run(&["schema"]).stdout;
    let published = std::fs::read(Path::new(ROOT).join("schemas/plan.schema.json")).unwrap();
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&schema).unwrap(),
        serde_json::from_slice::<serde_json::Value>(&published).unwrap()
    );
    for shell in ["bash", "zsh", "fish"] {
        let output = desk.run(&["completions", shell]);
        assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("rollback"));
    }
    let man = desk.run(&["man"]);
    assert!(man.status.success() && String::from_utf8_lossy(&man.stdout).contains(".TH replant 1"));
}

#[test]
fn servers_that_do_not_let_us_in() {
    let refused = "ssh: connect to host 192.0.2.10 port 22: Connection refused";
    Desk::new().with_ssh(refused).check("plan-refused", &["plan", "plans/minimal.yaml"]);
    let denied = "root@192.0.2.10: Permission denied (publickey,password).";
    Desk::new().with_ssh(denied).check("plan-denied", &["plan", "plans/minimal.yaml"]);
    let other = "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.";
    let desk = Desk::new().with_ssh(other);
    desk.check("plan-other-key", &["plan", "plans/minimal.yaml"]);
    desk.check("apply-other-key", &["apply", "plans/minimal.yaml", "--json"]);
    assert!(!desk.path(".replant").exists(), "nothing is begun");
}

#[test]
fn init_where_it_cannot() {
    let init = |more: &[&'static str]| [&["init", "192.0.2.10", "root@192.0.2.20:22"], more].concat();
    let refused = "ssh: connect to host 192.0.2.10 port 22: Connection refused";
    let desk = Desk::new().with_ssh(refused);
    desk.check("init-same", &["init", "192.0.2.10", "admin@192.0.2.10:2222"]);
    desk.check("init-name", &init(&["--name", "A B"]));
    desk.check("init-mistyped", &["init", "192.0.2.10", "192.0.2.20:ssh"]);
    std::fs::write(desk.path("mine.yaml"), "mine").unwrap();
    desk.check("init-exists", &init(&["--out", "mine.yaml"]));
    let both = desk.run(&init(&["--out", "mine.yaml", "--force"]));
    let said = String::from_utf8(both.stderr).unwrap();
    assert!(said.contains("does not answer: connect to host") && said.contains("There is no plan yet"), "{said}");
    assert_eq!(
        std::fs::read(desk.path("mine.yaml")).unwrap(),
        b"mine",
        "it is replaced by a draft and by nothing else"
    );
    assert_eq!(both.status.code(), Some(1));
}

#[test]
fn show() {
    let desk = Desk::with_runbook();
    desk.check("show", &["show", "lab.runbook.json"]);
    desk.check("show-step", &["show", "lab.runbook.json", "isolate-lvm"]);
    desk.check("show-unknown-step", &["show", "lab.runbook.json", "isolate-lmv"]);
    desk.check("show-a-plan", &["show", "plans/cs940.yaml"]);
    desk.check("show-nothing", &["show", "srv2"]);
    desk.check("show-no-file", &["show", "nofile.json"]);
    desk.check("show-directory", &["show", "plans"]);
    // a power control's own commands, and never a password
    desk.check("show-power", &["show", "lab.runbook.json", "old-off"]);
}

/// What `--json` prints is as the schema says that `schema runbook` prints.
#[test]
fn runbooks_as_data() {
    let desk = Desk::with_runbook();
    let printed =
        |args: &[&str]| -> serde_json::Value { serde_json::from_slice(&desk.run(args).stdout).expect("one object") };
    let validator = jsonschema::validator_for(&printed(&["schema", "runbook"])).unwrap();
    let whole = printed(&["show", "lab.runbook.json", "--json"]);
    assert!(
        validator.is_valid(&whole) && validator.is_valid(&printed(&["show", "lab.runbook.json", "--json", "-v"]))
    );
    let mut step = printed(&["show", "lab.runbook.json", "isolate-lvm", "--json"]);
    assert_eq!(step["files"][0]["path"], "/etc/lvm/lvmlocal.conf");
    // by itself it is also as it is saved, which in the whole stands among the nodes
    let saved = step.as_object_mut().unwrap().remove("step").unwrap();
    assert!(whole["preview"]["steps"].as_array().unwrap().contains(&step));
    assert!(whole["nodes"].as_array().unwrap().iter().any(|node| node["id"] == step["id"] && node["step"] == saved));
    // every step in all detail
    let detail = String::from_utf8(desk.run(&["show", "lab.runbook.json", "-v"]).stdout).unwrap();
    assert!(detail.contains("+++ b/etc/mdadm/mdadm.conf") && detail.matches("\nCommands\n").count() > 80);
}

/// A saved runbook is what was made of its plan and its facts, and its file is no place to change any of them.
#[test]
fn an_edited_runbook_is_not_applied() {
    let refused = "ssh: connect to host 192.0.2.10 port 22: Connection refused";
    let desk = Desk::with_runbook().with_ssh(refused);
    let with = |from: &str, to: &str| {
        assert!(runbook().contains(from), "{from}");
        std::fs::write(desk.path("lab.runbook.json"), runbook().replacen(from, to, 1)).unwrap();
    };
    with("\"hostname\": \"rescue\"", "\"hostname\": \"other\"");
    desk.check("apply-edited", &["apply", "lab.runbook.json"]);
    with("\"why\": \"", "\"why\": \"I think that ");
    desk.check("apply-edited-step", &["apply", "lab.runbook.json"]);
    with("\"downtime_budget\": \"15min\"", "\"downtime_budget\": \"9h\"");
    let said = |args: &[&str]| String::from_utf8(desk.run(args).stderr).unwrap();
    assert!(said(&["apply", "lab.runbook.json"]).contains("was edited"));
    with("\"name\": \"srv1\"", "\"name\": \"srv2\"");
    assert!(said(&["show", "lab.runbook.json"]).contains("was edited: it is called `srv2`, and its plan `srv1`"));
    with("\"format\": 1", "\"format\": 2");
    desk.check("show-newer", &["show", "lab.runbook.json"]);
    for command in ["graph", "apply"] {
        assert!(said(&[command, "lab.runbook.json"]).contains("has format 2"), "{command}");
    }
    assert!(!desk.path(".replant").exists());
    // as it was made it is gone on with, as far as the servers
    with("\"format\": 1", "\"format\": 1");
    assert!(said(&["apply", "lab.runbook.json"]).contains("does not answer"));
}

/// A plan may be written in JSON or in YAML's flow form, and a runbook may begin with a byte order mark.
#[test]
fn a_plan_is_told_from_a_runbook_by_what_is_in_it() {
    let desk = Desk::with_runbook().with_ssh("ssh: connect to host 192.0.2.10 port 22: Connection refused");
    let yaml = "{ version: 1, name: files, old: { address: 192.0.2.10 }, new: { address: 192.0.2.20 },
        disks: [{ name: a, serial: S1 }, { name: b, serial: S2 }], partitions: [{ name: data, size: rest }],
        arrays: [{ name: md0, level: raid1, partitions: data }], volume_groups: [{ name: vg0, to: md0 }] }\n";
    std::fs::write(desk.path("flow.yaml"), yaml).unwrap();
    std::fs::write(desk.path("bom.json"), format!("\u{feff}{}", runbook())).unwrap();
    std::fs::write(desk.path("cut.json"), &runbook()[..3000]).unwrap();
    let said = |args: &[&str]| String::from_utf8(desk.run(args).stderr).unwrap();
    for command in ["apply", "graph"] {
        assert!(said(&[command, "flow.yaml"]).contains("old does not answer"), "{command}");
        assert!(said(&[command, "cut.json"]).contains("`cut.json` is not a runbook"), "{command}");
    }
    assert!(desk.run(&["graph", "bom.json"]).status.success() && desk.run(&["show", "bom.json"]).status.success());
    assert!(said(&["apply", "bom.json"]).contains("old does not answer"));
}

#[test]
fn graph() {
    let desk = Desk::with_runbook();
    let book: course::Runbook = serde_json::from_str(&runbook()).unwrap();
    let draw = |format| {
        let output = desk.run(&["graph", "lab.runbook.json", "--format", format]);
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let (dot, mermaid, svg) = (draw("dot"), draw("mermaid"), draw("svg"));
    for (at, node) in book.nodes.iter().enumerate() {
        assert!(dot.contains(&format!("    \"{}\" [label=", node.id)), "{}", node.id);
        assert!(mermaid.contains(&format!("    s{at}[\"")), "{}", node.id);
        assert!(svg.contains(&format!("<title>{}: ", node.id)), "{}", node.id);
    }
    // each step but the first ones waits for something, and what goes without saying is left out
    let (lines, waits) = (dot.matches(" -> ").count(), book.nodes.iter().map(|node| node.after.len()).sum::<usize>());
    assert!(lines >= book.nodes.len() - 8 && lines < waits, "{lines} of {waits}");
    assert_eq!(mermaid.matches(" --> ").count(), lines);
    // and the head of an arrow
    assert_eq!(svg.matches("<path ").count(), lines + 1);
    desk.check("graph-nothing", &["graph", "srv2"]);
    desk.check("graph-no-file", &["graph", "nofile.yaml"]);
    for word in ["apply stops and asks", "old is switched off", "? checks, changes nothing"] {
        assert!(svg.contains(word), "{word}");
    }
    assert_eq!(svg.matches("; apply stops here and asks: ").count(), 2);
}

#[test]
fn a_finding_is_explained() {
    let desk = Desk::new();
    desk.check("explain", &["explain", "r1203"]);
    desk.check("explain-diagnostic", &["explain", "R0107"]);
    desk.check("explain-unknown", &["explain", "R1293"]);
}

#[test]
fn status_and_rollback() {
    let desk = Desk::with_migration("mirror-vg0-var");
    desk.check_of("status-copy", &["status", "--offline"], |story| without_numbers(&story));
    let json: serde_json::Value =
        serde_json::from_slice(&desk.run(&["status", "--offline", "--json"]).stdout).unwrap();
    assert_eq!((&json["name"], &json["rolled_back"]), (&"srv1".into(), &false.into()));
    let first = &json["steps"][0];
    assert_eq!(
        (&first["id"], &first["status"], &first["seconds"]),
        (&"hostname".into(), &"done".into(), &2.0.into())
    );
    desk.check("status-unknown", &["status", "srv2"]);
    desk.check_of("rollback-copy", &["rollback", "--no-input"], without_steps);
    desk.check("apply-other-plan", &["apply", "plans/lab.yaml", "--no-input"]);
    desk.check("status-elsewhere", &["status", "--dir", "elsewhere"]);
    // nothing is mirrored before the first mirror is begun, and old is not known to be off before it is seen to be
    let stands = |last| {
        let output = Desk::with_migration(last).run(&["status", "--offline"]);
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(stands("boot-read-only").contains("nothing is copied yet"));
    assert!(stands("old-off").contains("nobody knows yet whether it is off"));
    let desk = Desk::with_migration("stop-journal");
    desk.check_of("status-cutover", &["status", "--offline"], |story| without_numbers(&story));
    let desk = Desk::with_migration("same-system");
    desk.check_of("status-boot", &["status", "--offline"], |story| without_numbers(&story));
    desk.check_of("rollback-boot", &["rollback", "--no-input"], without_steps);
}

/// What could not be looked at is not known: it is neither as it was nor changed.
#[test]
fn a_server_is_away() {
    let refused = "ssh: connect to host 192.0.2.10 port 22: Connection refused";
    let desk = Desk::with_migration("mirror-vg0-var").with_ssh(refused);
    desk.check_of("status-away", &["status"], |story| without_numbers(&story));
    let json: serde_json::Value = serde_json::from_slice(&desk.run(&["status", "--json"]).stdout).unwrap();
    assert!(
        json["drift"]["old"].is_null()
            && json["drift"]["new"].is_null()
            && json["unknown"]["old"].is_string()
            && json["unknown"]["new"].is_string()
    );
    desk.check("apply-away", &["apply", "lab.runbook.json", "--no-input"]);
}

/// The steps of a preview are left out, with their commands.
fn without_steps(text: String) -> String {
    let step = |line: &&str| line.starts_with("  ↶") || line.starts_with("          ");
    let kept: Vec<&str> = text.lines().filter(|line| !step(line)).collect();
    assert!(kept.len() + 10 < text.lines().count(), "it does not show what it would do");
    without_numbers(&kept.join("\n"))
}
