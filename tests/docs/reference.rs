//! The parts of `docs/reference.md` that are made from the program: the plan's fields from its schema, the commands from
//! the command line's own description. `SNAPSHOTS=overwrite cargo test --test docs` writes them again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use clap::{Arg, Command, CommandFactory};
use replant::cli::Cli;
use serde_json::Value;
use snapbox::Data;

use crate::desk::{Desk, ROOT};

fn page() -> String {
    std::fs::read_to_string(Path::new(ROOT).join("docs/reference.md")).unwrap()
}

/// The page with what stands between `<!-- made: NAME -->` and `<!-- end -->` made again.
fn filled(page: &str, parts: &BTreeMap<&str, String>) -> String {
    let mut text = String::new();
    let mut rest = page;
    let mut used = BTreeSet::new();
    while let Some((before, after)) = rest.split_once("<!-- made: ") {
        let (name, after) = after.split_once(" -->").expect("a mark that ends");
        let (_, after) = after.split_once("<!-- end -->").expect("an end after each mark");
        let _ = write!(text, "{before}<!-- made: {name} -->\n\n{}\n<!-- end -->", parts[name]);
        used.insert(name);
        rest = after;
    }
    assert_eq!(used, parts.keys().copied().collect(), "every part has its place in the page");
    text + rest
}

#[test]
fn the_reference_is_what_the_program_takes() {
    let parts = BTreeMap::from([("plan", plan()), ("commands", commands())]);
    snapbox::Assert::new().action_env("SNAPSHOTS").normalize_paths(false).eq(
        Data::text(filled(&page(), &parts)),
        Data::read_from(&Path::new(ROOT).join("docs/reference.md"), Some(snapbox::data::DataFormat::Text)),
    );
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.trim()
        .replace("\n\n- ", "<br>- ")
        .replace("\n- ", "<br>- ")
        .replace("\n\n", "<br>")
        .replace('\n', " ")
        .replace('|', "\\|")
}

// ---- the plan -----------------------------------------------------------------------------------------------------------

/// The plan's objects, each with the paths at which it stands, in the order in which a plan is written.
struct Objects<'a> {
    schema: &'a Value,
    order: Vec<(String, Vec<String>)>,
}

impl<'a> Objects<'a> {
    fn named(&self, reference: &str) -> (&'a str, &'a Value) {
        let name = reference.rsplit('/').next().unwrap();
        let (name, object) = self.schema["$defs"].as_object().unwrap().get_key_value(name).unwrap();
        (name, object)
    }

    fn visit(&mut self, path: &str, object: &'a Value) {
        for (field, value) in object["properties"].as_object().into_iter().flatten() {
            let many = value["type"] == "array";
            let place = format!("{path}{field}{}", if many { "[]" } else { "" });
            let inner = if many { &value["items"] } else { value };
            let (name, object) = match inner["$ref"].as_str() {
                Some(reference) => {
                    let (name, object) = self.named(reference);
                    (name.to_string(), object)
                }
                None if inner["properties"].is_object() => (place.clone(), inner),
                None => continue,
            };
            if !object["properties"].is_object() || object["type"] != "object" {
                continue;
            }
            match self.order.iter_mut().find(|(known, _)| *known == name) {
                Some((_, paths)) => paths.push(place),
                None => {
                    self.order.push((name, vec![place.clone()]));
                    self.visit(&format!("{place}."), object);
                }
            }
        }
    }
}

/// What a field takes, in a word or two.
fn kind(value: &Value) -> String {
    if let Some(reference) = value["$ref"].as_str() {
        return match reference.rsplit('/').next().unwrap() {
            "Bytes" | "Size" => "size".into(),
            "Grow" => "growth".into(),
            "Duration" => "duration".into(),
            "Limit" => "duration or `off`".into(),
            "Secret" => "secret".into(),
            name if name.chars().next().is_some_and(char::is_uppercase) => String::new(),
            name => name.into(),
        };
    }
    match value["type"].as_str() {
        Some("array") => format!(
            "list of {}s",
            Some(kind(&value["items"])).filter(|kind| !kind.is_empty()).unwrap_or("object".into())
        ),
        Some("integer") => "number".into(),
        Some("boolean") => "`true`, `false`".into(),
        Some("object") => String::new(),
        Some("string") => "text".into(),
        _ => String::new(),
    }
}

fn table(schema: &Value, at: &str, object: &Value, headings: &BTreeMap<String, String>) -> String {
    let mut text = String::from("| field | takes | default | meaning |\n|---|---|---|---|\n");
    let required: Vec<&str> = object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (field, value) in object["properties"].as_object().unwrap() {
        let named = value["$ref"].as_str().map(|reference| &schema["$defs"][reference.rsplit('/').next().unwrap()]);
        let choices = named.filter(|named| named["enum"].is_array());
        let mut meaning = value["description"].as_str().unwrap_or_default().to_string();
        if let Some((_, list)) = choices.and_then(|choices| choices["description"].as_str()?.split_once("\n\n")) {
            meaning = format!("{meaning}\n{list}");
        }
        let takes = match choices {
            Some(_) => "one of these words".into(),
            None => match (value["minimum"].as_u64(), value["maximum"].as_u64()) {
                (Some(least), Some(most)) if least < most => format!("number, {least} to {most}"),
                _ => kind(value),
            },
        };
        // an object has a table of its own
        let inner = if value["type"] == "array" { &value["items"] } else { value };
        let here = format!("{at}{field}");
        let name = inner["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()).unwrap_or(&here);
        let takes = match headings.get(name) {
            Some(heading) => {
                let many = if value["type"] == "array" { "list of " } else { "" };
                format!("{many}[`{field}`](#{})", crate::links::anchor(heading))
            }
            None => takes,
        };
        let default = match &value["default"] {
            _ if required.contains(&field.as_str()) => "**required**".to_string(),
            Value::Null | Value::Object(_) => String::new(),
            Value::String(word) => format!("`{word}`"),
            other => format!("`{other}`"),
        };
        let _ = writeln!(text, "| `{field}` | {takes} | {default} | {} |", cell(&meaning));
    }
    text
}

fn plan() -> String {
    let schema = replant::plan::schema();
    let mut objects = Objects { schema: &schema, order: Vec::new() };
    objects.visit("", &schema);
    let heading = |paths: &[String]| paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
    let headings = objects.order.iter().map(|(name, paths)| (name.clone(), heading(paths))).collect();
    let mut text = table(&schema, "", &schema, &headings);
    for (name, paths) in &objects.order {
        let object = match &schema["$defs"][name] {
            Value::Null => paths[0].split('.').fold(&schema, |object, field| inside(&schema, object, field)),
            object => object,
        };
        let about = object["description"].as_str().unwrap_or_default();
        let _ = write!(
            text,
            "\n### {}\n\n{about}\n\n{}",
            heading(paths),
            table(&schema, &format!("{}.", paths[0]), object, &headings)
        );
    }
    text
}

/// The object that a field of another holds.
fn inside<'a>(schema: &'a Value, object: &'a Value, field: &str) -> &'a Value {
    let value = &object["properties"][field.trim_end_matches("[]")];
    let value = if field.ends_with("[]") { &value["items"] } else { value };
    match value["$ref"].as_str() {
        Some(reference) => &schema["$defs"][reference.rsplit('/').next().unwrap()],
        None => value,
    }
}

// ---- the commands -------------------------------------------------------------------------------------------------------

/// What ends a sentence, or the last of a list.
fn stop(text: &str) -> &'static str {
    if text.contains("\n- ") { "\n\n" } else { "." }
}

/// One line of a table of arguments.
fn argument(arg: &Arg) -> String {
    let value = arg.get_value_names().unwrap_or_default().first().map(|name| name.to_string()).unwrap_or_default();
    let takes = arg.get_num_args().is_some_and(|count| count.takes_values());
    let long = arg.get_long().map(|long| format!("--{long}"));
    let short = arg.get_short().map(|short| format!("-{short}"));
    let mut name = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
    if arg.is_positional() {
        name = value;
    } else if takes {
        name = format!("{name} {value}");
    }
    let mut about = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let words: Vec<_> = arg.get_possible_values();
    if takes && !words.is_empty() && !arg.is_hide_possible_values_set() {
        if words.iter().any(|word| word.get_help().is_some()) {
            for word in &words {
                let help = word.get_help().map(ToString::to_string).unwrap_or_default();
                let _ = write!(about, "\n- `{}`: {help}", word.get_name());
            }
        } else {
            let names: Vec<String> = words.iter().map(|word| format!("`{}`", word.get_name())).collect();
            let _ = write!(about, ": {}", names.join(", "));
        }
    }
    let default: Vec<String> =
        arg.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    if takes && !default.is_empty() {
        let _ = write!(about, "{} Default: {}", stop(&about), default.join(", "));
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(about, "{} Environment: `{}`", stop(&about), variable.to_string_lossy());
    }
    format!("| `{}` | {} |\n", name.replace('|', "\\|"), cell(&about))
}

fn arguments<'a>(all: impl Iterator<Item = &'a Arg>) -> String {
    let rows: String = all.map(argument).collect();
    if rows.is_empty() { rows } else { format!("| | |\n|---|---|\n{rows}\n") }
}

fn commands() -> String {
    let mut program = Cli::command();
    program.build();
    let given = |arg: &&Arg| !["help", "version"].contains(&arg.get_id().as_str());
    let mut text = String::new();
    for command in program.get_subcommands().filter(|command| command.get_name() != "help") {
        let mut command: Command = command.clone();
        let usage = command.render_usage().to_string();
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let own = command.get_arguments().filter(|arg| !arg.is_global_set()).filter(given);
        let _ = write!(
            text,
            "### replant {}\n\n{about}.\n\n```text\n{}\n```\n\n{}",
            command.get_name(),
            usage.trim_start_matches("Usage: "),
            arguments(own)
        );
    }
    let global = program.get_arguments().filter(|arg| arg.is_global_set()).filter(given);
    let _ = write!(text, "### Options of every command\n\n{}", arguments(global));
    text.trim_end().to_string() + "\n"
}

// ---- what is listed by hand ---------------------------------------------------------------------------------------------

/// Every environment variable that replant reads.
#[test]
fn every_environment_variable_is_listed() {
    let mut names = BTreeSet::new();
    let mut folders = vec![Path::new(ROOT).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            for mark in ["env::var(\"", "env::var_os(\"", " env = \"", "variable(\""] {
                names.extend(text.split(mark).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_string())));
            }
        }
    }
    assert!(names.contains("REPLANT_DIR") && names.contains("TERM"), "{names:?}");
    let page = page();
    let missing: Vec<_> = names.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/reference.md does not say what these are for: {missing:?}");
}

/// Every file of a migration's directory.
#[test]
fn every_file_of_a_migration_is_listed() {
    let desk = Desk::with_migration("mirror-vg0-var");
    let page = page();
    for entry in std::fs::read_dir(desk.path(".replant/srv1")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(page.contains(&format!("| `{name}` |")), "docs/reference.md does not list `{name}`");
    }
}

/// `--help` is read on a narrow terminal: each sentence fits on a line of 80 columns, and ends without a full stop.
#[test]
fn every_sentence_of_the_help_fits_on_a_line() {
    fn texts(command: &Command, all: &mut Vec<String>) {
        all.extend(command.get_about().map(ToString::to_string));
        for arg in command.get_arguments() {
            all.extend(arg.get_help().map(ToString::to_string));
            let words = arg.get_possible_values();
            all.extend(words.iter().filter_map(|word| Some(format!("{}: {}", word.get_name(), word.get_help()?))));
        }
        command.get_subcommands().for_each(|command| texts(command, all));
    }
    let mut all = Vec::new();
    texts(&Cli::command(), &mut all);
    assert!(all.len() > 50, "{all:?}");
    for text in all {
        let sentences = text.split(". ").flat_map(|text| text.split(" [default"));
        let long: Vec<_> = sentences.filter(|sentence| sentence.chars().count() > 80).collect();
        assert!(long.is_empty() && !text.ends_with('.'), "{text}");
    }
}
