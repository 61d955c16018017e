use std::fs;
use std::path::{Path, PathBuf};

use replant::plan::{self, Diagnostics, Loaded, Severity};
use snapbox::{Assert, Data};

/// The YAML files of a directory, sorted. Tests run in the directory of the package.
pub fn plans(directory: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut plans: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    plans.sort();
    assert!(!plans.is_empty(), "no plans in {directory}");
    plans
}

fn sound(path: &str) -> Loaded {
    plan::load(Path::new(path)).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

fn remarks(path: &Path) -> Diagnostics {
    match plan::load(path) {
        Ok(loaded) => loaded.warnings,
        Err(diagnostics) => diagnostics,
    }
}

#[test]
fn every_example_is_sound_and_without_a_warning() {
    for path in plans("plans") {
        let remarks = remarks(&path);
        assert!(remarks.is_empty(), "{remarks}");
    }
}

/// `tests/plan/invalid/NAME.yaml` has the fault in its name, and `NAME.stderr` is what is said about it.
#[test]
fn every_fault_is_told_as_expected() {
    let mut different = Vec::new();
    for path in plans("tests/plan/invalid") {
        let remarks = remarks(&path);
        assert!(!remarks.is_empty(), "{} is a sound plan", path.display());
        let expected = Data::read_from(&path.with_extension("stderr"), None).raw();
        if let Err(error) = Assert::new().action_env("SNAPSHOTS").try_eq(
            Some(&path.display()),
            remarks.render(false).into(),
            expected,
        ) {
            different.push(error.to_string());
        }
    }
    assert!(
        different.is_empty(),
        "{}\nrun `SNAPSHOTS=overwrite cargo test --test plan` to update",
        different.join("\n")
    );
}

#[test]
fn no_snapshot_is_left_without_its_plan() {
    for entry in fs::read_dir("tests/plan/invalid").unwrap() {
        let path = entry.unwrap().path();
        let other = match path.extension().and_then(|extension| extension.to_str()) {
            Some("yaml") => "stderr",
            Some("stderr") => "yaml",
            _ => panic!("{} is neither a plan nor a snapshot", path.display()),
        };
        assert!(path.with_extension(other).exists(), "{} has no .{other}", path.display());
    }
}

/// Every code that `validate` can give has a plan that shows it.
#[test]
fn every_code_has_an_example() {
    let codes = plan::DIAGNOSTICS.iter().map(|(code, _)| *code);
    let shown: Vec<_> = plans("tests/plan/invalid")
        .iter()
        .flat_map(|path| remarks(path).iter().map(|diagnostic| diagnostic.code).collect::<Vec<_>>())
        .collect();
    let missing: Vec<_> = codes.filter(|code| !shown.contains(code)).collect();
    assert!(missing.is_empty(), "no plan in tests/plan/invalid shows {missing:?}");
}

#[test]
fn every_remark_has_a_place_and_a_help() {
    for path in plans("tests/plan/invalid") {
        for diagnostic in remarks(&path).iter() {
            assert!(diagnostic.help.is_some(), "{}: {}", path.display(), diagnostic.message);
            let whole_file = diagnostic.code == "R0001";
            assert!(diagnostic.primary.is_some() || whole_file, "{}: {}", path.display(), diagnostic.message);
        }
    }
}

#[test]
fn the_digest_is_that_of_the_meaning() {
    let text = fs::read_to_string("plans/lab.yaml").unwrap();
    let digest = |text: &str| plan::parse("lab.yaml", text).unwrap().digest;
    let before = digest(&text);
    assert_eq!(before.len(), 64);
    assert_eq!(before, digest(&format!("{text}\n# a comment\ntable: gpt\n")), "a comment and a default");
    assert_eq!(before, digest(&text.replace("256MiB", "262144KiB")), "another way to write the same");
    assert_ne!(before, digest(&text.replace("256MiB", "512MiB")));
}

#[test]
fn a_value_knows_its_place_and_a_default_has_none() {
    let loaded = sound("plans/minimal.yaml");
    let place = loaded.place(&loaded.plan.disks[1].name).unwrap();
    let line = loaded.source.text.lines().nth(place.line - 1).unwrap();
    assert!(line[place.column - 1..].starts_with("b, serial: S4EVNX0R500002"), "{line}");
    assert_eq!(loaded.place(&loaded.plan.transfer.parallel), None);
}

#[test]
fn a_plan_is_the_same_after_a_journey_through_json() {
    for path in plans("plans") {
        let loaded = plan::load(&path).unwrap();
        let json = serde_json::to_string(&loaded.plan).unwrap();
        let again: plan::Plan = serde_json::from_str(&json).unwrap();
        assert_eq!(json, serde_json::to_string(&again).unwrap());
    }
}

#[test]
fn an_alias_is_shown_where_it_is_used_and_where_it_was_written() {
    let text = fs::read_to_string("plans/minimal.yaml").unwrap();
    let text = text
        .replace("old: { address: 192.0.2.10 }", "old: { address: &here 192.0.2.10 }")
        .replace("192.0.2.20", "*here");
    let diagnostics = plan::parse("plan.yaml", &text).unwrap_err();
    let rendered = diagnostics.render(false);
    assert!(rendered.contains("old and new have the same address"), "{rendered}");
    assert!(rendered.contains("^^^^^ new cannot be reached here"), "{rendered}");
    assert!(rendered.contains("defined here"), "{rendered}");
}

#[test]
fn a_secret_is_never_shown() {
    let text = fs::read_to_string("plans/cs940.yaml").unwrap();
    for literal in [
        "hunter2",
        "\"hunter2\"",
        "{ value: hunter2 }",
        "{ env: [hunter2] }",
        "[hunter2, hunter2]",
        "{ generated: hunter2 }",
        "hunter2, password: { env: A }",
        "{ env: A }, password: hunter2",
        "hunter2 }",
        "[hunter2",
    ] {
        let text = text.replace("{ env: OLD_BMC_PASSWORD }", literal);
        let diagnostics = plan::parse("plan.yaml", &text).unwrap_err();
        assert!(!diagnostics.render(false).contains("hunter2"), "{diagnostics}");
        assert!(!diagnostics.to_json().to_string().contains("hunter2"), "{diagnostics}");
        assert!(!format!("{diagnostics:?}").contains("hunter2"), "{diagnostics}");
    }
}

#[test]
fn one_run_tells_every_fault() {
    let remarks = remarks(Path::new("tests/plan/invalid/many.yaml"));
    let errors = remarks.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    assert!(errors > 10, "{remarks}");
    // Faults of the shape and faults against the rules, in one run.
    assert!(remarks.iter().any(|diagnostic| diagnostic.code < "R0100"), "{remarks}");
    assert!(remarks.iter().any(|diagnostic| diagnostic.code > "R0100"), "{remarks}");
}

#[test]
fn a_program_gets_the_same_as_a_person() {
    let json = remarks(Path::new("tests/plan/invalid/unknown-partition.yaml")).to_json();
    assert_eq!(json["file"], "tests/plan/invalid/unknown-partition.yaml");
    let remark = &json["diagnostics"][0];
    assert_eq!(remark["code"], "R0107");
    assert_eq!(remark["severity"], "error");
    assert_eq!(remark["message"], "partition `data2` is not declared");
    assert_eq!((&remark["primary"]["line"], &remark["primary"]["column"]), (&13.into(), &44.into()));
    assert_eq!(remark["secondary"][0]["label"], "declared here");
    assert_eq!(remark["help"], "did you mean `data`?");
}
