use replant::plan;
use serde_json::Value;
use snapbox::{Assert, Data};

#[test]
fn the_published_schema_is_current() {
    let mut text = serde_json::to_string_pretty(&plan::schema()).unwrap();
    text.push('\n');
    let published = Data::read_from("schemas/plan.schema.json".as_ref(), Some(snapbox::data::DataFormat::Text)).raw();
    let result =
        Assert::new().action_env("SNAPSHOTS").try_eq(Some(&"schemas/plan.schema.json"), text.into(), published);
    if let Err(error) = result {
        panic!("{error}\nrun `SNAPSHOTS=overwrite cargo test --test plan` to update schemas/plan.schema.json");
    }
}

/// What an editor shows must be there, and what would confuse it must not.
#[test]
fn every_field_is_described_and_no_choice_is_a_one_of() {
    fn walk(schema: &Value, path: &str) {
        match schema {
            Value::Object(object) => {
                assert!(!object.contains_key("oneOf") && !object.contains_key("anyOf"), "{path}");
                if let Some(Value::Object(properties)) = object.get("properties") {
                    for (name, property) in properties {
                        assert!(property.get("description").is_some(), "{path}/{name} has no description");
                    }
                    assert_eq!(object.get("additionalProperties"), Some(&Value::Bool(false)), "{path}");
                }
                object.iter().for_each(|(key, value)| walk(value, &format!("{path}/{key}")));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, path)),
            _ => {}
        }
    }
    walk(&plan::schema(), "");
}

/// An editor that knows the published schema finds no fault with a plan that we accept.
#[test]
fn the_published_schema_accepts_every_example() {
    let validator = jsonschema::validator_for(&plan::schema()).unwrap();
    for path in crate::examples::plans("plans") {
        // YAML 1.2, as editors read it: `on` is a word.
        let options = serde_yaml::options! { strict_booleans: true };
        let text = std::fs::read_to_string(&path).unwrap();
        let value: Value = serde_yaml::from_str_with_options(&text, options).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
    }
}

/// Validators know the formats of the standard only, and take each for what it means there.
#[test]
fn no_format_has_another_meaning_than_the_standard_gives_it() {
    fn walk(schema: &Value, path: &str) {
        match schema {
            Value::Object(object) => {
                assert!(!object.get("format").is_some_and(Value::is_string), "{path} has a format of our own");
                object.iter().for_each(|(key, value)| walk(value, &format!("{path}/{key}")));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, path)),
            _ => {}
        }
    }
    let all = [plan::schema(), replant::report::runbook_schema(), replant::report::refused_schema()];
    let mut ids = Vec::new();
    for schema in &all {
        walk(schema, "");
        jsonschema::meta::validate(schema).unwrap();
        ids.push(schema["$id"].as_str().unwrap());
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
    // and so every plan is accepted by one that is strict about them
    let strict = jsonschema::options().should_validate_formats(true).should_ignore_unknown_formats(false);
    let strict = strict.build(&all[0]).unwrap();
    for path in crate::examples::plans("plans") {
        let options = serde_yaml::options! { strict_booleans: true };
        let value: Value =
            serde_yaml::from_str_with_options(&std::fs::read_to_string(&path).unwrap(), options).unwrap();
        assert!(strict.is_valid(&value), "{}", path.display());
    }
}
