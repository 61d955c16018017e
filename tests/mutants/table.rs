//! The edits: safety checks, each broken in one way.
//!
//! ```text
//! == src/step/copy/mirror.rs
//! # a mirror that LVM calls partial counts as in sync
//! - if «!lv.health.is_empty()» {
//! + false
//! ```
//!
//! What stands in « » is what becomes the text after `+`; without them it is all of the text after `-`. The text is found
//! with any blanks in the place of its own, so that another layout of the source does not lose it; it must be there
//! exactly once. `@ NAME` before it means that it stands in the one-line script which is the constant NAME. A line `? why`
//! after an edit says that it may survive, and why.

use std::fmt;
use std::ops::Range;
use std::path::Path;

#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// unique, and the same as long as the table is
    pub id: usize,
    /// the table it is from, and its line there
    pub table: String,
    pub line: usize,
    pub file: String,
    /// what is lost when nobody notices
    pub why: String,
    pub constant: Option<String>,
    pub from: String,
    pub to: String,
    /// it may survive, and why
    pub spared: Option<String>,
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} ({})", self.table, self.line, self.why, self.file)
    }
}

/// What an edit changes: the place in its file.
pub struct Place {
    pub range: Range<usize>,
    pub was: String,
}

impl Edit {
    /// A shell script in a file of its own, or one in a constant.
    pub fn is_script(&self) -> bool {
        self.constant.is_some() || self.file.contains("/scripts/") || self.file.ends_with(".sh")
    }

    /// The one place of this edit in the text of its file.
    pub fn find(&self, text: &str) -> Result<Place, String> {
        let whole = match &self.constant {
            None => 0..text.len(),
            Some(name) => constant(text, name).ok_or_else(|| format!("there is no constant {name}"))?,
        };
        let (before, inner, after) = match (self.from.split_once('«'), self.from.contains('»')) {
            (Some((before, rest)), true) => {
                let (inner, after) = rest.split_once('»').unwrap_or_default();
                (before, inner, after)
            }
            _ => ("", self.from.as_str(), ""),
        };
        let pattern = format!("{before}{inner}{after}");
        let starts = (whole.start..whole.end).filter(|at| text.is_char_boundary(*at));
        let mut found = starts.filter_map(|at| {
            let rest = &text[at..whole.end];
            matches(rest, &pattern)?;
            let start = at + matches(rest, before)?;
            Some(start..start + matches(&text[start..whole.end], inner)?)
        });
        let range = found.next().ok_or("its text is not there any more")?;
        match found.next() {
            None => Ok(Place { was: text[range.clone()].to_string(), range }),
            Some(_) => Err("its text is there more than once".into()),
        }
    }
}

/// The text of a string constant.
pub fn constant(text: &str, name: &str) -> Option<Range<usize>> {
    let at = text.find(&format!("const {name}: &str"))?;
    let open = at + text[at..].find("r#\"")? + 3;
    Some(open..open + text[open..].find("\"#")?)
}

/// How long a piece of `text` is `pattern`, with any blanks in the place of blanks. It begins and ends as the pattern does.
fn matches(text: &str, pattern: &str) -> Option<usize> {
    let mut at = 0;
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        if letter.is_whitespace() {
            let blanks = text[at..].len() - text[at..].trim_start().len();
            if blanks == 0 {
                return None;
            }
            at += blanks;
            rest = rest.trim_start();
        } else if text[at..].starts_with(letter) {
            at += letter.len_utf8();
            rest = &rest[letter.len_utf8()..];
        } else {
            return None;
        }
    }
    Some(at)
}

/// All edits of `tests/mutants/*.edits`.
pub fn all(root: &Path) -> Vec<Edit> {
    let mut tables: Vec<_> = std::fs::read_dir(root.join("tests/mutants"))
        .expect("the tables are there")
        .map(|entry| entry.expect("a name").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "edits"))
        .collect();
    tables.sort();
    let mut edits = Vec::new();
    for table in tables {
        let name = table.strip_prefix(root).expect("below").display().to_string();
        let text = std::fs::read_to_string(&table).expect("a table is text");
        edits.extend(parse(&name, &text));
    }
    for (id, edit) in edits.iter_mut().enumerate() {
        edit.id = id + 1;
    }
    edits
}

fn parse(table: &str, text: &str) -> Vec<Edit> {
    let mut edits: Vec<Edit> = Vec::new();
    let mut file = String::new();
    let mut next = Edit::default();
    for (at, line) in text.lines().enumerate() {
        let (mark, rest) = (line.get(..1).unwrap_or_default(), line.get(2..).unwrap_or_default());
        assert!(mark != "-" || !next.why.is_empty(), "{table}:{}: an edit without its `# why`", at + 1);
        match mark {
            "" => {}
            "=" => file = line.trim_start_matches("==").trim().to_string(),
            "#" => {
                next = Edit {
                    why: rest.into(),
                    table: table.into(),
                    line: at + 1,
                    file: file.clone(),
                    ..Edit::default()
                }
            }
            "@" => next.constant = Some(rest.trim().to_string()),
            "-" if next.from.is_empty() => next.from = rest.to_string(),
            "-" => next.from = format!("{}\n{rest}", next.from),
            "+" => match edits.last_mut() {
                Some(last) if last.table == next.table && last.line == next.line => {
                    last.to = format!("{}\n{rest}", last.to)
                }
                _ => {
                    next.to = rest.to_string();
                    edits.push(next.clone());
                    next.why.clear();
                }
            },
            "?" => edits.last_mut().expect("an edit before it").spared = Some(rest.to_string()),
            _ => panic!("{table}:{}: not a line of a table of edits: {line}", at + 1),
        }
    }
    edits
}
