use serde_json::Value;

/// One difference between the tree and the schema.
pub(super) struct Difference {
    pub(super) path: Vec<String>,
    pub(super) clash: Clash,
    /// The part of the schema that was not met.
    pub(super) schema: &'static Value,
}

/// The kinds of difference that our schema can give rise to.
pub(super) enum Clash {
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

pub(super) fn keys(properties: &Value) -> Vec<&str> {
    properties.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}
