//! Whatever stands in the file, the answer is a plan or diagnostics that can be rendered; never a panic.

use std::fs;
use std::io::Write;

use proptest::prelude::*;
use replant::plan;

/// Everything that can be done with the answer.
fn look_at(text: &str) {
    match plan::parse("fuzz.yaml", text) {
        Ok(loaded) => {
            loaded.warnings.render(true);
            serde_json::to_string(&loaded.plan).unwrap();
        }
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty());
            diagnostics.render(false);
            diagnostics.to_json();
        }
    }
}

/// Pieces that hit what a plan and YAML are sensitive to.
const PIECES: &[&str] = &[
    "",
    "\n",
    "\t",
    " ",
    "  - ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "&a ",
    "*a",
    "<<: *a\n",
    "!!str ",
    "!x ",
    "---\n",
    "...\n",
    "| \n",
    "> \n",
    "%YAML 9\n",
    "null",
    "~",
    "true",
    "yes",
    "0",
    "-1",
    "1e999",
    ".nan",
    "99999999999999999999999",
    "é",
    "\u{feff}",
    "\u{2028}",
    "\0",
    "rest",
    "100%",
    "raid1",
    "? ",
    "# ",
    "version",
    "disks:",
    "name: ",
    "\r\n",
    "\u{85}",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in "\\PC*") {
        look_at(&text);
    }

    #[test]
    fn pieces_of_yaml(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        look_at(&pieces.concat());
    }

    #[test]
    fn a_plan_with_cuts_and_insertions(changes in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, prop::sample::select(PIECES)), 1..6)) {
        let mut text: Vec<char> = fs::read_to_string("plans/cs940.yaml").unwrap().chars().collect();
        for (index, cut, piece) in changes {
            let start = index.index(text.len() + 1);
            let end = (start + cut).min(text.len());
            text.splice(start..end, piece.chars());
        }
        look_at(&text.into_iter().collect::<String>());
    }

    #[test]
    fn a_plan_with_a_value_changed(index in any::<prop::sample::Index>(), piece in prop::sample::select(PIECES)) {
        let text = fs::read_to_string("plans/lab.yaml").unwrap();
        let values: Vec<_> = text.match_indices(": ").map(|(start, _)| start + 2).collect();
        let start = values[index.index(values.len())];
        let end = start + text[start..].find([',', '\n', '}']).unwrap_or(0);
        look_at(&format!("{}{piece}{}", &text[..start], &text[end..]));
    }

    #[test]
    fn a_file_of_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        match plan::load(file.path()) {
            Ok(_) => {}
            Err(diagnostics) => _ = diagnostics.render(true),
        }
    }
}

#[test]
fn bombs_are_refused_quickly() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = level - 1;
        laughs += &format!(
            "a{level}: &a{level} [*a{before}, *a{before}, *a{before}, *a{before}, *a{before}, *a{before}, *a{before}]\n"
        );
    }
    let deep = "[".repeat(100_000);
    let deep_blocks = (0..2_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>();
    let keys = (0..30_000).map(|number| format!("k{number}: 1\n")).collect::<String>();
    let cycle = "a: &a [*a]\n";
    for bomb in [laughs.as_str(), &deep, &deep_blocks, &keys, cycle] {
        let start = std::time::Instant::now();
        look_at(bomb);
        assert!(start.elapsed().as_secs() < 5, "{}", &bomb[..40.min(bomb.len())]);
    }
}
