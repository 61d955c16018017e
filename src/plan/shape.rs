//! Holds a plan's tree against the schema and says every difference in plain words.
//!
//! What can be mended without guessing wildly is mended in the tree (a misspelt key gets its right name, an unknown one is
//! taken out, a malformed value is replaced by an example), so that the rest of the plan can still be looked at.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;

use super::codes;
use super::diagnostics::Diagnostic;
use super::schema::{CHECKED, VALIDATOR};
use super::source::Span;
use super::tree::{Kind, Node};
use super::words::{self, suggest};

pub(super) struct Shape {
    pub(super) found: Vec<Diagnostic>,
    /// The values that were replaced: nothing more can be said about them.
    pub(super) doubtful: Vec<Span>,
}

/// One difference between the tree and the schema.
struct Difference {
    path: Vec<String>,
    kind: Fault,
    /// The part of the schema that was not met.
    schema: &'static Value,
}

/// The kinds of difference that our schema can give rise to.
enum Fault {
    Unknown(Vec<String>),
    Missing(String),
    Type,
    Choice,
    Form,
    Range,
    Few,
    OneOfThese,
    Other(String),
}

pub(super) fn check(tree: &mut Node, text: &str) -> Shape {
    let mut shape = Shape { found: Vec::new(), doubtful: Vec::new() };
    // Each round mends what hides something else; a round that mends nothing is the last. Nesting is bounded, and so is this.
    for _ in 0..16 {
        let differences = differences(tree);
        let mended = differences.iter().filter(|difference| shape.mend(difference, tree, text)).count();
        if mended == 0 {
            shape.report(&differences, tree);
            break;
        }
    }
    shape
}

fn differences(tree: &Node) -> Vec<Difference> {
    let json = tree.to_json();
    let one = |error: jsonschema::ValidationError<'_>| {
        let path = error.instance_path().iter().map(|segment| segment.to_string()).collect();
        let pointer = error.schema_path().as_str();
        let parent = pointer.rfind('/').map_or("", |slash| &pointer[..slash]);
        let kind = match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => Fault::Unknown(unexpected.clone()),
            ValidationErrorKind::Required { property } => {
                Fault::Missing(property.as_str().unwrap_or_default().to_owned())
            }
            ValidationErrorKind::Type { kind: TypeKind::Single(_) | TypeKind::Multiple(_) } => Fault::Type,
            ValidationErrorKind::Enum { .. } => Fault::Choice,
            ValidationErrorKind::Format { .. } | ValidationErrorKind::Pattern { .. } => Fault::Form,
            ValidationErrorKind::Minimum { .. } | ValidationErrorKind::Maximum { .. } => Fault::Range,
            ValidationErrorKind::MinItems { .. } => Fault::Few,
            ValidationErrorKind::MinProperties { .. } | ValidationErrorKind::MaxProperties { .. } => {
                Fault::OneOfThese
            }
            _ => Fault::Other(error.masked().to_string()),
        };
        Difference { path, kind, schema: CHECKED.pointer(parent).unwrap_or(&Value::Null) }
    };
    VALIDATOR.iter_errors(&json).map(one).collect()
}

impl Shape {
    /// Mends what would hide other differences. Says whether it did.
    fn mend(&mut self, difference: &Difference, tree: &mut Node, text: &str) -> bool {
        let Difference { path, kind, schema } = difference;
        let Some(node) = tree.at(path) else { return false };
        match kind {
            // A plain `12345` where text is wanted is that text, as it stands in the file: serial numbers look like this.
            Fault::Type if schema["type"] == "string" && matches!(node.value, Kind::Number(_)) => {
                node.value = Kind::Text(text[node.defined.range()].to_owned());
                true
            }
            Fault::Unknown(keys) => {
                keys.iter().for_each(|key| self.unknown_field(key, path, node, schema));
                true
            }
            _ => false,
        }
    }

    /// An unknown key is renamed to what was meant, or taken out.
    fn unknown_field(&mut self, key: &str, path: &[String], node: &mut Node, schema: &Value) {
        let present: Vec<_> = node.entries().iter().map(|entry| entry.key.clone()).collect();
        let Kind::Map(entries) = &mut node.value else { return };
        let Some(index) = entries.iter().position(|entry| entry.key == key) else { return };
        let known = keys(&schema["properties"]);
        let absent: Vec<_> = known.iter().copied().filter(|name| !present.iter().any(|key| key == name)).collect();
        let choice = schema["maxProperties"] == 1;
        let meant = suggest(key, if choice { &known } else { &absent });
        let (code, what) = if choice { (codes::UNKNOWN_CHOICE, "choice") } else { (codes::UNKNOWN_FIELD, "field") };
        let place = match name(path) {
            Some(name) => format!(" in {name}"),
            None => String::new(),
        };
        let diagnostic = Diagnostic::error(code, format!("unknown {what} `{key}`{place}"))
            .at(entries[index].key_span, format!("no such {what}"))
            .help(match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if choice => format!("choose one of {}", list(&known)),
                None if absent.is_empty() => "remove it: every field there is has been given".to_owned(),
                None => format!("the fields that can be added here: {}", list(&absent)),
            });
        self.found.push(diagnostic);
        match meant {
            Some(meant) if !present.iter().any(|key| key == meant) => entries[index].key = meant.to_owned(),
            _ => _ = entries.remove(index),
        }
    }

    /// Says what could not be mended, and puts an example in the place of a malformed value.
    fn report(&mut self, differences: &[Difference], tree: &mut Node) {
        for (index, difference) in differences.iter().enumerate() {
            let Difference { path, kind, schema } = difference;
            let Some(node) = tree.at(path) else { continue };
            let whole = name(path).unwrap_or_else(|| "the plan".to_owned());
            let (diagnostic, example) = match kind {
                Fault::Missing(_) => {
                    let same = |other: &Difference| matches!(&other.kind, Fault::Missing(_)) && other.path == *path;
                    if differences[..index].iter().any(same) {
                        continue;
                    }
                    let missing: Vec<_> = differences.iter().filter(|other| same(other)).collect();
                    (missing_fields(&missing, &whole, node), None)
                }
                Fault::Type => (wrong_type(node, schema, &whole), None),
                Fault::Choice => {
                    let choices: Vec<_> =
                        schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                    let (diagnostic, meant) = unknown_choice(node, &choices, &whole);
                    (diagnostic, meant.map(|meant| Kind::Text(meant.to_owned())))
                }
                Fault::Form => malformed(node, schema),
                Fault::Range => {
                    let example = schema.get("default").or(schema.get("minimum")).and_then(Value::as_u64);
                    (out_of_range(node, schema, path, &whole), example.map(|number| Kind::Number(number.into())))
                }
                Fault::Few => (
                    Diagnostic::error(codes::OUT_OF_RANGE, format!("{whole} has no entries"))
                        .at(node.used, "empty")
                        .help("give at least one, or remove the line if it can be left out"),
                    None,
                ),
                Fault::OneOfThese => {
                    let choices = keys(&schema["properties"]);
                    let help = format!("choose one of {}", list(&choices));
                    (
                        Diagnostic::error(codes::UNKNOWN_CHOICE, format!("{whole} needs exactly one choice"))
                            .at(node.used, "here")
                            .help(help),
                        None,
                    )
                }
                // Always mended.
                Fault::Unknown(_) => continue,
                Fault::Other(message) => {
                    (Diagnostic::error(codes::MALFORMED, message.clone()).at(node.used, "here"), None)
                }
            };
            self.found.push(diagnostic);
            if let Some(example) = example {
                self.doubtful.push(node.used);
                node.value = example;
            }
        }
    }
}

fn missing_fields(missing: &[&Difference], whole: &str, node: &Node) -> Diagnostic {
    let names: Vec<_> = missing
        .iter()
        .filter_map(|difference| match &difference.kind {
            Fault::Missing(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let (fields, are) = if names.len() == 1 { ("field", "is") } else { ("fields", "are") };
    let span = node.entries().first().map_or(node.used, |entry| entry.key_span);
    let about = names.iter().filter_map(|name| {
        let text = missing[0].schema["properties"][name]["description"].as_str()?;
        Some(format!("`{name}`: {}", text.replace('\n', " ").trim_end_matches('.')))
    });
    let about: Vec<_> = about.collect();
    let diagnostic = Diagnostic::error(codes::MISSING_FIELD, format!("{whole} lacks the {fields} {}", list(&names)))
        .at(span, format!("{} {are} missing here", list(&names)));
    if about.len() == 1 { diagnostic.help(&about[0]) } else { diagnostic }
}

fn wrong_type(node: &Node, schema: &Value, whole: &str) -> Diagnostic {
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
        ("a mapping", Kind::List(_)) => diagnostic.help("write `key: value` without the `- `"),
        ("a mapping", Kind::Text(text)) if schema["properties"].get(text).is_some() => {
            diagnostic.help(format!("write `{text}: {{…}}`"))
        }
        _ => match keys(&schema["properties"]).as_slice() {
            [] => diagnostic,
            fields => diagnostic.help(format!("its fields are {}", list(fields))),
        },
    }
}

fn unknown_choice<'a>(node: &Node, choices: &[&'a str], whole: &str) -> (Diagnostic, Option<&'a str>) {
    let word = match &node.value {
        Kind::Text(word) => word.as_str(),
        _ => "",
    };
    // `level: 10`, `server: LIO`, `level: raid-1`
    let bare = word.to_ascii_lowercase().replace(['-', '_', ' '], "");
    let numbered = choices.iter().find(|choice| choice.strip_prefix("raid") == Some(&bare)).copied();
    let meant = numbered
        .or_else(|| choices.iter().find(|choice| **choice == bare).copied())
        .or_else(|| suggest(word, choices));
    let help = match meant {
        Some(meant) => format!("did you mean `{meant}`? the choices are {}", list(choices)),
        None => format!("the choices are {}", list(choices)),
    };
    let diagnostic = Diagnostic::error(codes::UNKNOWN_CHOICE, format!("{whole} cannot be `{word}`"))
        .at(node.used, "no such choice")
        .help(help);
    (diagnostic, meant.or(choices.first().copied()))
}

/// A text that is not of its form. The example stands in for it, so that the rules can go on.
fn malformed(node: &Node, schema: &Value) -> (Diagnostic, Option<Kind>) {
    let Kind::Text(text) = &node.value else {
        return (Diagnostic::error(codes::MALFORMED, "this is malformed").at(node.used, "here"), None);
    };
    let Some(format) = schema["format"].as_str().and_then(words::format) else {
        // The only pattern without a format is that of a secret.
        let diagnostic = Diagnostic::error(codes::LITERAL_SECRET, "a secret must not stand in a plan")
            .at(node.used, "not shown")
            .help(
                "write where it is, `{ env: NAME }` or `{ file: PATH }`; or `generated`, where replant may choose it",
            );
        return (diagnostic, Some(Kind::Text("generated".to_owned())));
    };
    let fault = (format.check)(text).err();
    let (message, help) =
        fault.map_or((format!("is not {}", format.is_a), None), |fault| (fault.message, fault.help));
    let diagnostic = Diagnostic::error(codes::MALFORMED, format!("`{}` {message}", text.escape_debug()))
        .at(node.used, format!("not {}", format.is_a));
    let diagnostic = Diagnostic { help, ..diagnostic };
    // Names keep their wrong spelling: they may be referred to.
    let typed = matches!(format.name, "ip-address" | "bytes" | "size" | "grow" | "duration");
    (diagnostic, typed.then(|| Kind::Text(format.example.to_owned())))
}

fn out_of_range(node: &Node, schema: &Value, path: &[String], whole: &str) -> Diagnostic {
    if path == ["version"] {
        return Diagnostic::error(codes::VERSION, "this version of plans is not known")
            .at(node.used, "only 1 is known")
            .help("write `version: 1`, or use the replant that the plan was written for");
    }
    let help = match (schema.get("minimum"), schema.get("maximum")) {
        (Some(least), Some(most)) => format!("from {least} to {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, Some(most)) => format!("at most {most}"),
        (None, None) => "another number".to_owned(),
    };
    Diagnostic::error(codes::OUT_OF_RANGE, format!("{whole} is out of range")).at(node.used, help)
}

/// What a message calls the value at a path: `old.ssh`, an entry of `disks`.
fn name(path: &[String]) -> Option<String> {
    let last = path.last()?;
    if last.parse::<usize>().is_ok() {
        let list = path[..path.len() - 1].iter().rfind(|part| part.parse::<usize>().is_err())?;
        return Some(format!("an entry of `{list}`"));
    }
    Some(format!("`{last}`"))
}

fn keys(properties: &Value) -> Vec<&str> {
    properties.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
