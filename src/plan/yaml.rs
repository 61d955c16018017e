//! The YAML parser, behind one door: text in, a tree with places out, or what is wrong in plain words.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_yaml::options::DuplicateKeyPolicy;
use serde_yaml::{Error, Location, Options, Spanned};

use super::codes;
use super::diagnostics::Diagnostic;
use super::source::Span;
use super::tree::{Entry, Kind, Node};

/// Reads one YAML document. A key that stands twice in a mapping does so in the tree.
pub(super) fn read(text: &str) -> Result<Node, Box<Diagnostic>> {
    let read = serde_yaml::from_str_with_options::<Spanned<Raw>>(text, options());
    read.map(|raw| node(text, raw)).map_err(|error| Box::new(explain(text, error.without_snippet())))
}

fn options() -> Options {
    serde_yaml::options! {
        // Room for 10 000 volumes. These stop alias bombs and the like long before they cost anything.
        budget: serde_yaml::budget! {
            max_depth: 32,
            max_nodes: 200_000,
            max_events: 400_000,
            max_aliases: 500,
            max_anchors: 200,
            max_documents: 2,
        },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: 20_000, max_replay_stack_depth: 8 },
        // `on`, `off`, `yes` and `no` are words: `power: { command: { on: …, off: … } }`.
        strict_booleans: true,
        // A serial number such as 00123 is not a number.
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        // Passed on, so that all of them can be reported.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        with_snippet: false,
    }
}

/// Any YAML value, with the parser's places.
enum Raw {
    Scalar(Kind),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Null))
    }
    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Null))
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Bool(value)))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Number(value.into())))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Number(value.into())))
    }
    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Text(value.to_string())))
    }
    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Text(value.to_string())))
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Raw, E> {
        Number::from_f64(value)
            .map(|number| Raw::Scalar(Kind::Number(number)))
            .ok_or_else(|| E::custom("not a number"))
    }
    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(Kind::Text(value.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

/// The same with spans.
fn node(text: &str, raw: Spanned<Raw>) -> Node {
    let entry = |(key, value): (Spanned<String>, Spanned<Raw>)| Entry {
        key_span: span(text, key.referenced),
        key: key.value,
        value: node(text, value),
    };
    let value = match raw.value {
        Raw::Scalar(kind) => kind,
        Raw::List(items) => Kind::List(items.into_iter().map(|item| node(text, item)).collect()),
        Raw::Map(entries) => Kind::Map(entries.into_iter().map(entry).collect()),
    };
    Node { value, used: span(text, raw.referenced), defined: span(text, raw.defined) }
}

/// The parser's place as bytes of the text, never past its end and never inside a character.
fn span(text: &str, location: Location) -> Span {
    let within = |offset: u64| {
        let mut offset = usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    };
    let bytes = location.span();
    let (start, end) = match (bytes.byte_offset(), bytes.byte_len()) {
        (Some(start), Some(length)) => (within(start), within(start.saturating_add(length))),
        // Syntax errors come with line and column alone.
        _ => {
            let line_start = text
                .split_inclusive('\n')
                .take(location.line().saturating_sub(1) as usize)
                .map(str::len)
                .sum::<usize>();
            let line = text[line_start..].lines().next().unwrap_or_default();
            let column = line.char_indices().nth(location.column().saturating_sub(1) as usize);
            let start = line_start + column.map_or(line.len(), |(offset, _)| offset);
            (start, start + text[start..].chars().next().map_or(0, char::len_utf8))
        }
    };
    // Blanks at the end of a plain scalar or a block are not what a person points at.
    let end = start + text[start..end.max(start)].trim_end().len();
    Span { start: start as u32, end: end as u32 }
}

const NESTED: &str = "this is too large or too deeply nested for a plan";
const MULTIPLY: &str = "a plan has some dozens of lines; are there aliases (`*name`) that multiply?";

/// A syntax error in plain words.
fn explain(text: &str, error: &Error) -> Diagnostic {
    if let Error::AliasError { error, .. } = error {
        return explain(text, error);
    }
    let mut place = error.location().map(|location| span(text, location)).unwrap_or_default();
    let line_start = text[..place.start as usize].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let indent = &line[..line.len() - line.trim_start().len()];
    if let Some(tab) = indent.find('\t') {
        place = Span { start: (line_start + tab) as u32, end: (line_start + tab + 1) as u32 };
        return Diagnostic::error(codes::SYNTAX, "a tab is used to indent")
            .at(place, "a tab")
            .help("YAML indents with spaces only");
    }
    let (code, message, help) = match error {
        // the parser's own bound, under the budget's
        other if other.to_string().contains("recursion limit") => (codes::TOO_LARGE, NESTED.to_owned(), MULTIPLY),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::RecursiveReferencesRequireWeakTypes { .. } => (codes::TOO_LARGE, NESTED.to_owned(), MULTIPLY),
        Error::MultipleDocuments { .. } => {
            (codes::SYNTAX, "a second document begins here".to_owned(), "a file holds one plan; remove the `---`")
        }
        Error::UnknownAnchor { .. } => (
            codes::SYNTAX,
            "the alias names nothing".to_owned(),
            "an anchor `&name` must stand before its alias `*name`",
        ),
        Error::NonFiniteFloat { .. } => {
            (codes::SYNTAX, "this is not a finite number".to_owned(), "if it is a name, put it in quotes")
        }
        other => {
            let (message, help) = in_plain_words(&other.to_string(), line);
            (codes::SYNTAX, message, help)
        }
    };
    Diagnostic::error(code, message).at(place, "here").help(help)
}

/// The slips behind the parser's most frequent complaints.
fn in_plain_words(message: &str, line: &str) -> (String, &'static str) {
    let glued = line.trim_start().trim_start_matches("- ").find(':').is_some_and(|colon| {
        let (key, value) = line.trim_start().trim_start_matches("- ").split_at(colon);
        key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && value[1..].chars().next().is_some_and(|c| c != ' ')
    });
    let known = [
        (
            message.contains("merge value"),
            "`<<` takes in nothing but mappings",
            "write `<<: *name`, where `&name` stands before a mapping above",
        ),
        (
            message.contains("string scalar"),
            "a key is a plain word, and no list or mapping",
            "write `key: value`; a list is written behind its key: `key: [a, b]`",
        ),
        (message.contains("simple key") && glued, "a space is missing after the colon", "write `key: value`"),
        (
            message.contains("quoted scalar"),
            "a quoted text is not closed before this line",
            "look for an opening quote without its end above",
        ),
        (
            message.contains("only valid inside a block"),
            "a bracket is not closed before this line",
            "look for a `{` or `[` without its end above",
        ),
        (
            message.contains("'-' indicator") || message.contains("expected <block end>"),
            "this line is not indented like those it belongs to",
            "entries of one list or mapping begin in the same column",
        ),
    ];
    match known.into_iter().find(|(fits, ..)| *fits) {
        Some((_, message, help)) => (message.to_owned(), help),
        None => (plain(message), "check the indentation, brackets and quotes up to this place"),
    }
}

/// The parser's message without its own place and prefix: the place is shown by us.
fn plain(message: &str) -> String {
    let message = message.lines().next().unwrap_or_default();
    let message = message.split(" at line ").next().unwrap_or(message);
    let message = message.strip_prefix("error: ").unwrap_or(message);
    format!("this is not valid YAML: {}", message.trim().trim_end_matches('.'))
}
