//! The JSON Schema of a plan: made from the types, then put into the form in which editors help and errors can be explained.

use std::sync::LazyLock;

use jsonschema::Validator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{Plan, words};

/// The JSON Schema (2020-12) of a plan, as published in `schemas/plan.schema.json`. Our formats are left out of it: strict
/// validators refuse those that they do not know, and some names have another meaning to them (`duration` is ISO 8601's).
/// The patterns say the same.
pub fn schema() -> Value {
    let mut schema = with_formats();
    drop_beside(&mut schema, "pattern", "format");
    named(schema, "urn:replant:schema:plan:1", "replant plan")
}

/// A schema with an `$id`, by which others can refer to it, and a title.
pub(crate) fn named(schema: Value, id: &str, title: &str) -> Value {
    let Value::Object(rest) = schema else { return schema };
    let first = [("$schema", "https://json-schema.org/draft/2020-12/schema"), ("$id", id), ("title", title)];
    let mut all: Map<String, Value> = first.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    rest.into_iter().for_each(|(key, value)| _ = all.entry(key).or_insert(value));
    Value::Object(all)
}

fn with_formats() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Plan>().to_value();
    tidy(&mut schema);
    schema
}

/// The schema as it is used for checking.
pub(super) static CHECKED: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = with_formats();
    // where we have a format we have a better explanation than a pattern
    drop_beside(&mut schema, "format", "pattern");
    schema
});

pub(super) static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let options = jsonschema::options().should_validate_formats(true).should_ignore_unknown_formats(true);
    let options = words::FORMATS
        .iter()
        .fold(options, |options, format| options.with_format(format.name, |text: &str| (format.check)(text).is_ok()));
    options.build(&CHECKED).expect("the schema is made from the types, and a test compiles it")
});

/// Recursively: the forms that schemars emits, in the forms that read well.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(object) => {
            object.values_mut().for_each(tidy);
            without_null(object);
            one_object_for_all_choices(object);
            patterns(object);
        }
        _ => {}
    }
}

/// A field that may be left out may not be null: `boot:` with nothing after it is a slip, and is told so.
fn without_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
    if let Some(Value::Array(choices)) = object.get("anyOf")
        && let [Value::Object(real), null] = choices.as_slice()
        && null["type"] == "null"
    {
        let real = real.clone();
        object.remove("anyOf");
        real.into_iter().for_each(|(key, value)| _ = object.entry(key).or_insert(value));
    }
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
}

/// The choices of an enum as one schema, not as `oneOf`: a `oneOf` can only say that nothing fitted.
fn one_object_for_all_choices(object: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = object.get("oneOf").cloned() else { return };
    let mut words = Vec::new();
    let mut properties = Map::new();
    let mut descriptions = Vec::new();
    for choice in &choices {
        if let Some(word) = choice.get("const") {
            let description = choice["description"].as_str().unwrap_or_default();
            descriptions.push(format!("- `{}`: {description}", word.as_str().unwrap_or_default()));
            words.push(word.clone());
        } else if let Some(Value::Array(plain)) = choice.get("enum") {
            words.extend(plain.iter().cloned());
        } else if let Some(Value::Object(one)) = choice.get("properties") {
            for (name, content) in one {
                let mut content = content.clone();
                if let (Some(text), Value::Object(content)) = (choice.get("description"), &mut content) {
                    content.insert("description".to_owned(), text.clone());
                }
                properties.insert(name.clone(), content);
            }
        }
    }
    object.remove("oneOf");
    if !descriptions.is_empty() {
        let about = object.get("description").and_then(Value::as_str).unwrap_or_default();
        let about = format!("{about}\n\n{}", descriptions.join("\n"));
        object.insert("description".to_owned(), about.trim_start().into());
    }
    let types = match (words.is_empty(), properties.is_empty()) {
        (false, true) => json!("string"),
        (true, false) => json!("object"),
        _ => json!(["string", "object"]),
    };
    object.insert("type".to_owned(), types);
    if properties.is_empty() {
        object.insert("enum".to_owned(), words.into());
        return;
    }
    if !words.is_empty() {
        // `pattern` speaks of strings only, where `enum` would forbid the objects.
        let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
        object.insert("pattern".to_owned(), format!("^({})$", words.join("|")).into());
    }
    object.insert("properties".to_owned(), properties.into());
    object.insert("additionalProperties".to_owned(), false.into());
    object.insert("minProperties".to_owned(), 1.into());
    object.insert("maxProperties".to_owned(), 1.into());
}

/// Editors do not know our formats; they know patterns and examples. Formats such as `uint32` say nothing to anyone.
fn patterns(object: &mut Map<String, Value>) {
    let Some(name) = object.get("format").and_then(Value::as_str) else { return };
    match words::format(name) {
        Some(format) => {
            object.insert("pattern".to_owned(), format.pattern.into());
            object.insert("examples".to_owned(), json!([format.example]));
        }
        None => _ = object.remove("format"),
    }
}

/// Recursively: where there is the one keyword, the other is dropped.
fn drop_beside(schema: &mut Value, kept: &str, dropped: &str) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| drop_beside(item, kept, dropped)),
        Value::Object(object) => {
            if object.get(kept).is_some_and(Value::is_string) {
                object.remove(dropped);
            }
            object.values_mut().for_each(|value| drop_beside(value, kept, dropped));
        }
        _ => {}
    }
}
