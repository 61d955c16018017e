//! Whatever stands in the file, the answer is a plan or diagnostics that can be rendered; never a panic.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::LazyLock;

use proptest::prelude::*;
use replant::facts::Facts;
use replant::plan::{self, Diagnostics, Span};
use replant::{course, findings};

use crate::made;

/// Everything that can be done with the answer.
fn look_at(text: &str) {
    match plan::parse("fuzz.yaml", text) {
        Ok(loaded) => {
            look_at_places(&loaded.warnings);
            loaded.warnings.render(true);
            serde_json::to_string(&loaded.plan).unwrap();
        }
        Err(diagnostics) => look_at_errors(&diagnostics),
    }
}

fn look_at_errors(diagnostics: &Diagnostics) {
    assert!(!diagnostics.is_empty());
    look_at_places(diagnostics);
    diagnostics.render(false);
    diagnostics.to_json();
}

/// Each remark points into the text, and whole characters of it.
fn look_at_places(diagnostics: &Diagnostics) {
    let text = &diagnostics.source().text;
    let inside = |span: Span| span.start <= span.end && text.get(span.start as usize..span.end as usize).is_some();
    for diagnostic in diagnostics.iter() {
        let unreadable = diagnostic.code == "R0001";
        assert!(diagnostic.primary.is_some() || unreadable, "no place: {}", diagnostic.message);
        for (span, _) in diagnostic.primary.iter().chain(&diagnostic.secondary) {
            assert!(inside(*span), "{span:?} is not in the text: {}", diagnostic.message);
        }
    }
}

/// The examples with facts that fit them, as they are.
static EXAMPLES: LazyLock<Vec<(String, Facts)>> = LazyLock::new(|| {
    let one = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let facts = made::facts(&plan::parse("example.yaml", &text).unwrap().plan);
        (text, facts)
    };
    crate::examples::plans("plans").iter().map(one).collect()
});

/// What a plan that is sound all the same makes of the servers: findings, perhaps a runbook.
fn look_further(text: &str, facts: &Facts) {
    look_at(text);
    if let Ok(loaded) = plan::parse("fuzz.yaml", text) {
        findings::find(&loaded.plan, facts);
        let _ = course::make(&loaded.plan, &loaded.digest, facts);
    }
}

/// Values that stand where something else is wanted.
const HOSTILE: &[&str] = &[
    "100%",
    "1Gib",
    "1 GB",
    "1,5GiB",
    "99999999999TiB",
    "-1",
    "0",
    "8MiB",
    "rest",
    "~",
    "1e9",
    "0x7f",
    "yes",
    "a\tb",
    "\"\"",
    "' '",
    "/dev/sda",
    "../..",
    "md0",
    "md1",
    "vg0",
    "root",
    "data",
    "boot",
    "a",
    "raid0",
    "raid6",
    "skip",
    "recreate",
    "mirror",
    "[]",
    "{}",
    "[[[[[[[[[[1]]]]]]]]]]",
    "{ a: { b: { c: { d: { e: { f: { g: { h: { i: 1 } } } } } } } } }",
    "*x",
    "&x y",
    "!!int 3",
    "|",
    "\u{0}",
    "é",
    "192.0.2.10",
    "::1",
    "0.0.0.0",
    "$(reboot)",
    "`id`",
    "%s",
    "iqn.2026-11.net.replant:x",
];

/// One slip of a hand or of a disk.
#[derive(Debug, Clone)]
enum Slip {
    Drop,
    Twice,
    Indent,
    Outdent,
    Swap,
    Value(&'static str),
    Byte(u8),
}

fn slip() -> impl Strategy<Value = (prop::sample::Index, Slip)> {
    let slips = prop_oneof![
        1 => Just(Slip::Drop),
        1 => Just(Slip::Twice),
        1 => Just(Slip::Indent),
        1 => Just(Slip::Outdent),
        1 => Just(Slip::Swap),
        4 => prop::sample::select(HOSTILE).prop_map(Slip::Value),
        1 => any::<u8>().prop_map(Slip::Byte),
    ];
    (any::<prop::sample::Index>(), slips)
}

fn slipped(text: &str, slips: &[(prop::sample::Index, Slip)]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = text.lines().map(|line| line.as_bytes().to_vec()).collect();
    for (index, slip) in slips {
        if lines.is_empty() {
            break;
        }
        let at = index.index(lines.len());
        match slip {
            Slip::Drop => _ = lines.remove(at),
            Slip::Twice => lines.insert(at, lines[at].clone()),
            Slip::Indent => lines[at].splice(0..0, *b"  ").for_each(drop),
            Slip::Outdent => {
                let blanks = lines[at].len().min(2);
                lines[at].drain(..blanks).for_each(drop);
            }
            Slip::Swap => {
                let next = (at + 1) % lines.len();
                lines.swap(at, next);
            }
            Slip::Value(value) => {
                let line = String::from_utf8_lossy(&lines[at]).into_owned();
                let values: Vec<_> = line.match_indices(": ").map(|(start, _)| start + 2).collect();
                if values.is_empty() {
                    continue;
                }
                let start = values[index.index(values.len())];
                let end = start + line[start..].find([',', '}']).unwrap_or(line.len() - start);
                lines[at] = format!("{}{value}{}", &line[..start], &line[end..]).into_bytes();
            }
            Slip::Byte(byte) if !lines[at].is_empty() => {
                let place = index.index(lines[at].len());
                lines[at][place] = *byte;
            }
            Slip::Byte(_) => {}
        }
    }
    lines.join(&b'\n')
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
            Err(diagnostics) => look_at_errors(&diagnostics),
        }
    }

    /// Lines dropped, doubled, moved; bytes changed; values of another kind: and what is still sound goes on to the servers.
    #[test]
    fn a_plan_with_slips(example in any::<prop::sample::Index>(), slips in prop::collection::vec(slip(), 1..5)) {
        let (text, facts) = &EXAMPLES[example.index(EXAMPLES.len())];
        let bytes = slipped(text, &slips);
        match String::from_utf8(bytes) {
            Ok(text) => look_further(&text, facts),
            Err(bytes) => {
                let mut file = tempfile::NamedTempFile::new().unwrap();
                file.write_all(bytes.as_bytes()).unwrap();
                look_at_errors(&plan::load(file.path()).unwrap_err());
            }
        }
    }

    /// One value at a time: most of these plans stay sound.
    #[test]
    fn an_example_with_one_hostile_value(example in any::<prop::sample::Index>(), line in any::<prop::sample::Index>(), value in prop::sample::select(HOSTILE)) {
        let (text, facts) = &EXAMPLES[example.index(EXAMPLES.len())];
        let bytes = slipped(text, &[(line, Slip::Value(value))]);
        look_further(&String::from_utf8(bytes).unwrap(), facts);
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
        // not a measurement: what is not refused takes hours
        assert!(start.elapsed().as_secs() < 120, "{}", &bomb[..40.min(bomb.len())]);
    }
}
