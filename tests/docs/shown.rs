//! Examples in the pages: what is typed there prints what stands there, and every plan is a good one.

use std::path::Path;

use snapbox::Data;

use crate::desk::{Desk, ROOT, without_numbers};

/// Pages with examples, and the fewest that each must have kept.
const PAGES: [(&str, usize); 2] = [("README.md", 1), ("docs/guide.md", 8)];

/// The blocks of a page that are of one kind.
fn blocks(page: &str, kind: &str) -> Vec<String> {
    let parts = page.split("\n```").skip(1).step_by(2);
    parts.filter_map(|part| part.strip_prefix(kind)?.strip_prefix('\n').map(|text| format!("{text}\n"))).collect()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}

/// Every `$ replant …` prints what stands below it, but for numbers, which change with every step that is added; `...`
/// stands for any lines, `[..]` for a part of one.
#[test]
fn the_pages_tell_the_truth() {
    for (name, fewest) in PAGES {
        let told = blocks(&read(name), "console");
        assert!(told.len() >= fewest, "{name} has lost its examples");
        let desk = Desk::with_migration("mirror-vg0-var").with_facts();
        for block in told {
            let (line, expected) = block.split_once('\n').unwrap();
            let args: Vec<&str> = line.strip_prefix("$ replant ").unwrap().split(' ').collect();
            let actual = desk.run_mixed(&args);
            let told = |text: &str| Data::text(without_numbers(&format!("{line}\n{text}")));
            snapbox::Assert::new().eq(told(&actual), told(expected));
        }
    }
}

#[test]
fn every_plan_that_is_shown_is_good() {
    let mut seen = 0;
    for (name, _) in PAGES.into_iter().chain([("docs/reference.md", 0)]) {
        for yaml in blocks(&read(name), "yaml").iter().filter(|yaml| yaml.starts_with("version:")) {
            let desk = Desk::new();
            std::fs::write(desk.path("shown.yaml"), yaml).unwrap();
            let output = desk.run(&["validate", "shown.yaml"]);
            assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
            seen += 1;
        }
    }
    assert!(seen > 0, "no page shows a whole plan");
}

/// Every command that a page has in a shell block is one that exists, with options that it takes.
#[test]
fn every_command_that_is_shown_exists() {
    use clap::CommandFactory;
    let mut seen = 0;
    for page in ["README.md", "docs/guide.md", "docs/reference.md", "SECURITY.md", "CONTRIBUTING.md"] {
        for block in blocks(&read(page), "sh") {
            for line in block.lines().filter_map(|line| line.strip_prefix("replant ")) {
                let typed = line.split('#').next().unwrap_or_default();
                let args = ["replant"].into_iter().chain(typed.split_whitespace());
                let parsed = replant::cli::Cli::command().try_get_matches_from(args);
                assert!(parsed.is_ok(), "{page}: `replant {line}`: {}", parsed.unwrap_err());
                seen += 1;
            }
        }
    }
    assert!(seen >= 8, "the pages have lost their commands");
}

/// Code that a page quotes stands in the file that its first line names; `// ...` stands for lines that are left out.
#[test]
fn code_that_is_quoted_is_the_code() {
    let quoted = blocks(&read("CONTRIBUTING.md"), "rust");
    assert!(quoted.len() >= 3, "CONTRIBUTING.md has lost its examples");
    for block in quoted {
        let (file, code) = block.strip_prefix("// ").unwrap().split_once('\n').unwrap();
        let source = read(file);
        let mut rest = source.as_str();
        for part in code.split("// ...\n").map(str::trim_end).filter(|part| !part.is_empty()) {
            let at = rest.find(part).unwrap_or_else(|| panic!("{file} has no\n{part}"));
            rest = &rest[at + part.len()..];
        }
    }
}
