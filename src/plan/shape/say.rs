//! The differences in words.

use serde_json::Value;

use super::{Clash, Difference, keys};
use crate::plan::codes;
use crate::plan::diagnostics::Diagnostic;
use crate::plan::source::Span;
use crate::plan::tree::{Entry, Kind, Node};
use crate::plan::words::{self, suggest};

pub(super) fn given_twice(entry: &Entry, first: Span) -> Diagnostic {
    Diagnostic::error(codes::DUPLICATE_KEY, format!("`{}` is given twice", entry.key.escape_debug()))
        .at(entry.key_span, "again here")
        .also(first, "first given here")
        .help("keep one of them")
}

pub(super) fn unknown_field(
    entry: &Entry,
    path: &[String],
    schema: &Value,
    absent: &[&str],
    meant: Option<&str>,
) -> Diagnostic {
    let choice = schema["maxProperties"] == 1;
    let (code, what) = if choice { (codes::UNKNOWN_CHOICE, "choice") } else { (codes::UNKNOWN_FIELD, "field") };
    let place = name(path).map(|name| format!(" in {name}")).unwrap_or_default();
    Diagnostic::error(code, format!("unknown {what} `{}`{place}", entry.key.escape_debug()))
        .at(entry.key_span, format!("no such {what}"))
        .help(match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if choice => format!("choose one of {}", list(&keys(&schema["properties"]))),
            None if absent.is_empty() => "remove it: every field there is has been given".to_owned(),
            None => format!("the fields that can be added here: {}", list(absent)),
        })
}

pub(super) fn missing_fields<'a>(
    missing: impl Iterator<Item = &'a Difference>,
    schema: &Value,
    whole: &str,
    node: &Node,
) -> Diagnostic {
    let names: Vec<_> = missing
        .filter_map(|difference| match &difference.clash {
            Clash::Missing(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let (fields, are) = if names.len() == 1 { ("field", "is") } else { ("fields", "are") };
    let span = node.entries().first().map_or(node.used, |entry| entry.key_span);
    let about = |name: &&str| {
        let text = schema["properties"][name]["description"].as_str().unwrap_or_default().replace('\n', " ");
        format!("`{name}`: {}", text.trim_end_matches('.'))
    };
    Diagnostic::error(codes::MISSING_FIELD, format!("{whole} lacks the {fields} {}", list(&names)))
        .at(span, format!("{} {are} missing here", list(&names)))
        .help(names.iter().map(about).collect::<Vec<_>>().join("\n"))
}

pub(super) fn wrong_type(node: &Node, schema: &Value, whole: &str) -> Diagnostic {
    let wanted = match schema["type"].as_str() {
        Some("object") => "a mapping",
        Some("array") => "a list",
        Some("string") => "text",
        Some("integer") => "a whole number",
        Some("boolean") => "`true` or `false`",
        _ => "a word or a mapping",
    };
    if matches!(node.value, Kind::Null) {
        return Diagnostic::error(codes::WRONG_TYPE, format!("{whole} is empty"))
            .at(node.used, format!("{wanted} is wanted here"))
            .help("give it a value, or remove the line if it can be left out");
    }
    let diagnostic =
        Diagnostic::error(codes::WRONG_TYPE, format!("{whole} must be {wanted}, not {}", node.describe()))
            .at(node.used, format!("{wanted} is wanted here"));
    let word = match &node.value {
        Kind::Text(word) => word.to_ascii_lowercase(),
        _ => String::new(),
    };
    match (wanted, &node.value) {
        ("`true` or `false`", _) if matches!(&*word, "yes" | "on" | "y") => diagnostic.help("write `true`"),
        ("`true` or `false`", _) if matches!(&*word, "no" | "off" | "n") => diagnostic.help("write `false`"),
        ("a whole number", _) if word.parse::<u64>().is_ok() => diagnostic.help("remove the quotes"),
        ("text", Kind::Bool(_)) => diagnostic.help("put it in quotes if it is a name"),
        ("a list", Kind::Map(_)) => diagnostic.help("begin each entry with `- `"),
        ("a list", Kind::Text(_)) => diagnostic.help("put it in brackets: `[…]`"),
        ("a mapping", Kind::List(_)) => diagnostic.help("write `key: value`, without `- ` and without `[ ]`"),
        ("a mapping", Kind::Text(text)) if schema["properties"].get(text).is_some() => {
            diagnostic.help(format!("write `{text}: {{…}}`"))
        }
        _ => match keys(&schema["properties"]).as_slice() {
            [] if schema["enum"].is_array() => diagnostic.help(format!("the choices are {}", list(&choices(schema)))),
            [] => diagnostic.help(match schema["examples"][0].as_str() {
                Some(example) => format!("write {wanted}, such as `{example}`"),
                None => format!("write {wanted}"),
            }),
            fields => diagnostic.help(format!("its fields are {}", list(fields))),
        },
    }
}

pub(super) fn with_a_point(node: &Node, written: &str, whole: u64, name: &str) -> Diagnostic {
    let message = format!("{name} must be a whole number, not `{}`", written.escape_debug());
    Diagnostic::error(codes::WRONG_TYPE, message)
        .at(node.used, "a whole number is wanted here")
        .help(format!("write `{whole}`"))
}

pub(super) fn unknown_choice(node: &Node, schema: &Value, whole: &str) -> Diagnostic {
    let word = match &node.value {
        Kind::Text(word) => word.as_str(),
        _ => "",
    };
    let choices = list(&choices(schema));
    Diagnostic::error(codes::UNKNOWN_CHOICE, format!("{whole} cannot be `{}`", word.escape_debug()))
        .at(node.used, "no such choice")
        .help(match meant_choice(node, schema) {
            Some(meant) => format!("did you mean `{meant}`? the choices are {choices}"),
            None => format!("the choices are {choices}"),
        })
}

/// The choice that was probably meant: `10` for `raid10`, `RAID-1` for `raid1`, `recreat` for `recreate`.
pub(super) fn meant_choice<'a>(node: &Node, schema: &'a Value) -> Option<&'a str> {
    let Kind::Text(word) = &node.value else { return None };
    let choices = choices(schema);
    let bare = word.to_ascii_lowercase().replace(['-', '_', ' '], "");
    let numbered = choices.iter().find(|choice| choice.strip_prefix("raid") == Some(&bare));
    let exact = numbered.or_else(|| choices.iter().find(|choice| **choice == bare));
    exact.copied().or_else(|| suggest(word, &choices))
}

fn choices(schema: &Value) -> Vec<&str> {
    schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A text that is not of its form.
pub(super) fn malformed(node: &Node, schema: &Value) -> Diagnostic {
    let Kind::Text(text) = &node.value else {
        return Diagnostic::error(codes::MALFORMED, "this is malformed").at(node.used, "here");
    };
    let Some(format) = schema["format"].as_str().and_then(words::format) else {
        // The only pattern without a format is that of a secret.
        return Diagnostic::error(codes::LITERAL_SECRET, "a secret must not stand in a plan")
            .at(node.used, "not shown")
            .help(
                "write where it is, `{ env: NAME }` or `{ file: PATH }`; or `generated`, where replant may choose it",
            );
    };
    let fault = (format.check)(text).err();
    let (message, help) =
        fault.map_or((format!("is not {}", format.is_a), None), |fault| (fault.message, fault.help));
    let diagnostic = Diagnostic::error(codes::MALFORMED, format!("`{}` {message}", text.escape_debug()))
        .at(node.used, format!("not {}", format.is_a));
    Diagnostic { help, ..diagnostic }
}

pub(super) fn no_entries(node: &Node, whole: &str) -> Diagnostic {
    Diagnostic::error(codes::OUT_OF_RANGE, format!("{whole} has no entries"))
        .at(node.used, "empty")
        .help("give at least one, or remove the line if it can be left out")
}

pub(super) fn one_of_these(node: &Node, schema: &Value, whole: &str) -> Diagnostic {
    let choices = list(&keys(&schema["properties"]));
    Diagnostic::error(codes::UNKNOWN_CHOICE, format!("{whole} needs exactly one choice"))
        .at(node.used, "here")
        .help(format!("choose one of {choices}"))
}

pub(super) fn out_of_range(node: &Node, schema: &Value, path: &[String], whole: &str) -> Diagnostic {
    if path == ["version"] {
        return Diagnostic::error(codes::VERSION, "this version of plans is not known")
            .at(node.used, "only 1 is known")
            .help("write `version: 1`, or use the replant that the plan was written for");
    }
    let range = match (schema.get("minimum"), schema.get("maximum")) {
        (Some(least), Some(most)) => format!("from {least} to {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, Some(most)) => format!("at most {most}"),
        (None, None) => "of another size".to_owned(),
    };
    Diagnostic::error(codes::OUT_OF_RANGE, format!("{whole} is out of range"))
        .at(node.used, "not possible")
        .help(format!("a whole number {range}"))
}

/// What a message calls the value at a path: `old.ssh`, an entry of `disks`.
pub(super) fn name(path: &[String]) -> Option<String> {
    let last = path.last()?;
    if last.parse::<usize>().is_ok() {
        let list = path[..path.len() - 1].iter().rfind(|part| part.parse::<usize>().is_err())?;
        return Some(format!("an entry of `{list}`"));
    }
    Some(format!("`{last}`"))
}

pub(super) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
