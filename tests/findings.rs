//! The rules over plan and facts: each fires where it should, and is silent on the lab's pair. `docs/findings.md` is
//! made of them; `SNAPSHOTS=overwrite` writes it anew.

use std::path::Path;

use replant::facts::Facts;
use replant::findings::{self, Finding, Severity};
use replant::plan::{self, Loaded};
use snapbox::Data;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn facts() -> Facts {
    let text = std::fs::read_to_string(Path::new(ROOT).join("tests/facts/lab-full.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn loaded() -> Loaded {
    plan::load(&Path::new(ROOT).join("tests/runbooks/lab.yaml")).unwrap_or_else(|bad| panic!("{}", bad.render(false)))
}

#[test]
fn the_reference_is_current() {
    snapbox::Assert::new().action_env("SNAPSHOTS").normalize_paths(false).eq(
        Data::text(findings::reference()),
        Data::read_from(&Path::new(ROOT).join("docs/findings.md"), Some(snapbox::data::DataFormat::Text)),
    );
}

#[test]
fn every_code_is_one_rule_with_something_to_say() {
    let rules = findings::rules();
    let reference = findings::reference();
    for pair in rules.windows(2) {
        assert!(pair[0].code < pair[1].code, "{} is used twice", pair[0].code);
    }
    for rule in rules {
        let digits = rule.code.strip_prefix('R').unwrap_or_default();
        assert!(digits.len() == 4 && digits.starts_with('1'), "{}", rule.code);
        assert!(reference.contains(&format!("### {}: ", rule.code)), "{} belongs to no group", rule.code);
        for text in [rule.why, rule.remedy] {
            assert!(text.len() > 15 && text.ends_with(['.', '?']), "{}: {text}", rule.code);
        }
        assert!(!rule.title.ends_with('.') && !rule.title.is_empty(), "{}", rule.code);
    }
}
