//! What the parsers have in common.

use serde::{Deserialize, Deserializer};

/// What a command printed was not what it should print.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(pub String);

impl ParseError {
    /// What was not understood, in words.
    pub fn new(what: impl Into<String>) -> ParseError {
        ParseError(what.into())
    }
}

impl From<serde_json::Error> for ParseError {
    fn from(error: serde_json::Error) -> Self {
        ParseError(format!("not the JSON that was asked for: {error}"))
    }
}

pub(super) fn number<T: std::str::FromStr>(what: &str, text: &str) -> Result<T, ParseError> {
    text.trim().parse().map_err(|_| ParseError(format!("{what} is `{text}`, not a number")))
}

/// One JSON value as newer and older tools write it: util-linux wrote numbers and booleans as strings before 2.33,
/// LVM writes every number as a string.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Loose {
    Number(u64),
    Bool(bool),
    Text(String),
    Null(()),
}

/// A number, however it is written; what is not said is 0.
pub(super) fn loose_u64<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    match Loose::deserialize(from)? {
        Loose::Number(number) => Ok(number),
        Loose::Bool(yes) => Ok(yes.into()),
        Loose::Null(()) => Ok(0),
        Loose::Text(text) if text.trim().is_empty() => Ok(0),
        Loose::Text(text) => {
            text.trim().parse().map_err(|_| serde::de::Error::custom(format!("`{text}` is not a number")))
        }
    }
}

/// `true`, `1`, `"1"`; what is not said is false.
pub(super) fn loose_bool<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(match Loose::deserialize(from)? {
        Loose::Number(number) => number != 0,
        Loose::Bool(yes) => yes,
        Loose::Null(()) => false,
        Loose::Text(text) => matches!(text.trim(), "1" | "true"),
    })
}

/// A text without the blanks around it; an empty one is none.
pub(super) fn loose_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text: Option<String> = Option::deserialize(from)?;
    Ok(text.map(|text| text.trim().to_string()).filter(|text| !text.is_empty()))
}
