//! A name for what was found.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Facts;
use super::still::still;

/// SHA-256, in hexadecimal, over everything in the facts but what changes by itself (see [`super::still`]). The order of
/// lists that have none is no difference.
///
/// It names these facts, so that a runbook can say from which it was made. Where two differ [`super::drift`] says in what.
pub fn digest(facts: &Facts) -> String {
    let still = Facts { format: facts.format, old: still(&facts.old), new: still(&facts.new) };
    let value = serde_json::to_value(still).expect("facts are plain data");
    let hash = Sha256::digest(canonical(&value).as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// JSON without blanks, keys in order.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort();
            let fields: Vec<String> = keys
                .into_iter()
                .map(|key| format!("{}:{}", Value::from(key.as_str()), canonical(&fields[key])))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}
