//! Holds a plan's tree against the schema and says every difference in plain words.
//!
//! What can be mended without guessing wildly is mended in the tree (a misspelt key gets its right name, an unknown one is
//! taken out, a malformed value is replaced by an example), so that the rest of the plan can still be looked at.

use std::collections::{HashMap, HashSet};

use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;

use super::codes;
use super::diagnostics::{Diagnostic, MOST};
use super::schema::{CHECKED, VALIDATOR};
use super::source::Span;
use super::tree::{Entry, Kind, Node};
use super::words;

mod difference;
mod say;

use difference::{Clash, Difference, keys};

pub(super) struct Shape {
    pub(super) found: Vec<Diagnostic>,
    /// The values that were replaced: nothing more can be said about them.
    pub(super) doubtful: Vec<Span>,
}

pub(super) fn check(tree: &mut Node, text: &str) -> Shape {
    let mut shape = Shape { found: Vec::new(), doubtful: Vec::new() };
    shape.doubles(tree);
    // Each round mends what hides something else; a round that mends nothing is the last. Nesting is bounded, and so is this.
    for _ in 0..16 {
        let differences = differences(tree);
        let mended = differences.iter().filter(|difference| shape.mend(difference, tree, text)).count();
        if mended == 0 {
            shape.report(&differences, tree);
            // Backwards, so that taking an entry out of a list moves none that is still to come.
            differences.iter().rev().for_each(|difference| shape.stand_in(difference, tree));
            break;
        }
    }
    shape.points(tree, &mut Vec::new(), text);
    shape
}

fn differences(tree: &Node) -> Vec<Difference> {
    let json = tree.to_json();
    let one = |error: jsonschema::ValidationError<'_>| {
        let path = error.instance_path().iter().map(|segment| segment.to_string()).collect();
        let pointer = error.schema_path().as_str();
        let parent = pointer.rfind('/').map_or("", |slash| &pointer[..slash]);
        let clash = match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => Clash::Unknown(unexpected.clone()),
            ValidationErrorKind::Required { property } => {
                Clash::Missing(property.as_str().unwrap_or_default().to_owned())
            }
            ValidationErrorKind::Type { kind: TypeKind::Single(_) | TypeKind::Multiple(_) } => Clash::Type,
            ValidationErrorKind::Enum { .. } => Clash::Choice,
            ValidationErrorKind::Format { .. } | ValidationErrorKind::Pattern { .. } => Clash::Form,
            ValidationErrorKind::Minimum { .. } | ValidationErrorKind::Maximum { .. } => Clash::Range,
            ValidationErrorKind::MinItems { .. } => Clash::Few,
            ValidationErrorKind::MinProperties { .. } | ValidationErrorKind::MaxProperties { .. } => {
                Clash::OneOfThese
            }
            _ => Clash::Other(error.masked().to_string()),
        };
        Difference { path, clash, schema: CHECKED.pointer(parent).unwrap_or(&Value::Null) }
    };
    VALIDATOR.iter_errors(&json).map(one).collect()
}

impl Shape {
    /// Says which keys stand twice in one mapping, and keeps the first.
    fn doubles(&mut self, node: &mut Node) {
        match &mut node.value {
            Kind::List(items) => items.iter_mut().for_each(|item| self.doubles(item)),
            Kind::Map(entries) => {
                let mut first: HashMap<String, Span> = HashMap::new();
                entries.retain(|entry| match first.get(&entry.key) {
                    Some(before) => {
                        self.found.push(say::given_twice(entry, *before));
                        false
                    }
                    None => first.insert(entry.key.clone(), entry.key_span).is_none(),
                });
                entries.iter_mut().for_each(|entry| self.doubles(&mut entry.value));
            }
            _ => {}
        }
    }

    /// To a schema `1.0` is a whole number, to the types it is none. Whatever else was no whole number has been mended.
    fn points(&mut self, node: &mut Node, path: &mut Vec<String>, text: &str) {
        let mut inside = |part: String, node: &mut Node| {
            path.push(part);
            self.points(node, path, text);
            path.pop();
        };
        match &mut node.value {
            Kind::List(items) => {
                items.iter_mut().enumerate().for_each(|(at, item)| inside(at.to_string(), item));
            }
            Kind::Map(entries) => {
                entries.iter_mut().for_each(|entry| inside(entry.key.clone(), &mut entry.value));
            }
            Kind::Number(number) if number.is_f64() => {
                let whole = number.as_f64().filter(|value| value.fract() == 0.0 && (0.0..9e15).contains(value));
                let Some(whole) = whole.map(|value| value as u64) else { return };
                let name = say::name(path).unwrap_or_else(|| "the plan".to_owned());
                self.found.push(say::with_a_point(node, &text[node.defined.range()], whole, &name));
                node.value = Kind::Number(whole.into());
            }
            _ => {}
        }
    }

    /// Mends what would hide other differences. Says whether it did.
    fn mend(&mut self, difference: &Difference, tree: &mut Node, text: &str) -> bool {
        let Difference { path, clash, schema } = difference;
        let Some(node) = tree.at_mut(path) else { return false };
        match clash {
            // A plain `12345` where text is wanted is that text, as it stands in the file: serial numbers look like this.
            Clash::Type if schema["type"] == "string" && matches!(node.value, Kind::Number(_)) => {
                node.value = Kind::Text(text[node.defined.range()].to_owned());
                true
            }
            Clash::Unknown(keys) => {
                let (first, others) = keys.split_at(keys.len().min(MOST));
                let mut present: HashSet<String> = node.entries().iter().map(|entry| entry.key.clone()).collect();
                first.iter().for_each(|key| self.unknown_field(key, path, node, schema, &mut present));
                if let Kind::Map(entries) = &mut node.value {
                    let others: HashSet<&String> = others.iter().collect();
                    entries.retain(|entry| !others.contains(&entry.key));
                }
                true
            }
            _ => false,
        }
    }

    /// An unknown key is renamed to what was meant, or taken out.
    fn unknown_field(
        &mut self,
        key: &str,
        path: &[String],
        node: &mut Node,
        schema: &Value,
        present: &mut HashSet<String>,
    ) {
        let Kind::Map(entries) = &mut node.value else { return };
        let Some(index) = entries.iter().position(|entry| entry.key == key) else { return };
        let known = keys(&schema["properties"]);
        let absent: Vec<_> = known.iter().copied().filter(|name| !present.contains(*name)).collect();
        let meant = words::suggest(key, if schema["maxProperties"] == 1 { &known } else { &absent });
        self.found.push(say::unknown_field(&entries[index], path, schema, &absent, meant));
        match meant {
            Some(meant) if present.insert(meant.to_owned()) => entries[index].key = meant.to_owned(),
            _ => _ = entries.remove(index),
        }
    }

    /// Says what could not be mended.
    fn report(&mut self, differences: &[Difference], tree: &Node) {
        for (index, difference) in differences.iter().take(MOST).enumerate() {
            let Difference { path, clash, schema } = difference;
            let Some(node) = tree.at(path) else { continue };
            let whole = say::name(path).unwrap_or_else(|| "the plan".to_owned());
            let same = |other: &&Difference| matches!(other.clash, Clash::Missing(_)) && other.path == *path;
            let mistyped =
                || differences.iter().any(|other| matches!(other.clash, Clash::Type) && other.path == *path);
            self.found.push(match clash {
                // All that one mapping lacks is said at once.
                Clash::Missing(_) if differences[..index].iter().any(|other| same(&other)) => continue,
                Clash::Missing(_) => say::missing_fields(differences.iter().filter(same), schema, &whole, node),
                Clash::Type => say::wrong_type(node, schema, &whole),
                Clash::Choice if mistyped() => continue,
                Clash::Choice => say::unknown_choice(node, schema, &whole),
                Clash::Form => say::malformed(node, schema),
                Clash::Range => say::out_of_range(node, schema, path, &whole),
                Clash::Few => say::no_entries(node, &whole),
                Clash::OneOfThese => say::one_of_these(node, schema, &whole),
                Clash::Unknown(_) => continue,
                Clash::Other(message) => {
                    Diagnostic::error(codes::MALFORMED, message).at(node.used, "here").help("see `replant schema`")
                }
            });
        }
    }

    /// Puts something well-formed where something is not, so that the types can be made and the rules can look at the rest.
    fn stand_in(&mut self, difference: &Difference, tree: &mut Node) {
        let Difference { path, clash, schema } = difference;
        if path == &["arrays"] {
            return; // without the arrays, whatever names one would seem to be wrong
        }
        let Some(node) = tree.at_mut(path) else { return };
        match clash {
            Clash::Missing(name) => {
                let Some(value) = example(&schema["properties"][name]) else { return };
                let span = node.entries().first().map_or(node.used, |entry| entry.key_span);
                let Kind::Map(entries) = &mut node.value else { return };
                entries.push(Entry {
                    key: name.clone(),
                    key_span: span,
                    value: Node { value, used: span, defined: span },
                });
                self.doubtful.push(span);
            }
            // A name keeps its wrong spelling: it may be referred to. But `/dev/md0` is `md0`.
            Clash::Form if schema["format"] == "array-name" => {
                if let Kind::Text(name) = &mut node.value {
                    *name = name.trim_start_matches("/dev/").trim_start_matches("md/").to_owned();
                }
            }
            Clash::Form if schema["format"].as_str().is_some_and(|format| !words::TYPED.contains(&format)) => {}
            Clash::Type | Clash::Choice | Clash::Form | Clash::Range => {
                self.doubtful.push(node.used);
                match say::meant_choice(node, schema)
                    .map(|meant| Kind::Text(meant.to_owned()))
                    .or_else(|| example(schema))
                {
                    Some(value) => node.value = value,
                    None if optional(path) || matches!(node.value, Kind::Null) => tree.remove(path),
                    None => {}
                }
            }
            _ => {}
        }
    }
}

/// Something that meets a schema, if it is that of a single value.
fn example(schema: &'static Value) -> Option<Kind> {
    let schema = resolved(schema);
    let first = |list: &str| schema[list].get(0).and_then(Value::as_str).map(|text| Kind::Text(text.to_owned()));
    match schema["type"].as_str() {
        Some("string") => first("enum").or_else(|| first("examples")).or_else(|| Some(Kind::Text("?".to_owned()))),
        Some("integer") => Some(Kind::Number(schema["minimum"].as_u64().unwrap_or(1).into())),
        Some("boolean") => Some(Kind::Bool(false)),
        // A secret: a word or a mapping.
        None if schema["type"].is_array() => Some(Kind::Text("generated".to_owned())),
        _ => None,
    }
}

/// Whether the value at this path may be left out.
fn optional(path: &[String]) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    let parent = parents.iter().fold(resolved(&CHECKED), |schema, part| match part.parse::<usize>() {
        Ok(_) => resolved(&schema["items"]),
        Err(_) => resolved(&schema["properties"][part]),
    });
    parent["properties"].get(last).is_some()
        && !parent["required"].as_array().into_iter().flatten().any(|name| name == last)
}

fn resolved(schema: &'static Value) -> &'static Value {
    let target = schema["$ref"].as_str().and_then(|target| CHECKED.pointer(target.strip_prefix('#')?));
    target.unwrap_or(schema)
}
