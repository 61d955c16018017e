//! The plan's file as a tree of values, each with its place; and the deserializer that turns a tree into the types.
//!
//! The file is read once into this tree. The schema is compared with it, what can be mended is mended in it, and the types
//! are made from it: so one fault does not hide the others.

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer, U32Deserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Number, Value};

use super::source::{AT, Span};

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Kind,
    pub(super) used: Span,
    pub(super) defined: Span,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) value: Node,
}

impl Node {
    /// The same without places, for the schema.
    pub(super) fn to_json(&self) -> Value {
        match &self.value {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(value) => Value::Number(value.clone()),
            Kind::Text(value) => Value::String(value.clone()),
            Kind::List(items) => items.iter().map(Node::to_json).collect(),
            Kind::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect(),
        }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value at a path of keys and indices.
    pub(super) fn at(&self, path: &[String]) -> Option<&Node> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        match &self.value {
            Kind::List(items) => items.get(first.parse::<usize>().ok()?)?.at(rest),
            Kind::Map(entries) => entries.iter().find(|entry| entry.key == *first)?.value.at(rest),
            _ => None,
        }
    }

    pub(super) fn at_mut(&mut self, path: &[String]) -> Option<&mut Node> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        match &mut self.value {
            Kind::List(items) => items.get_mut(first.parse::<usize>().ok()?)?.at_mut(rest),
            Kind::Map(entries) => entries.iter_mut().find(|entry| entry.key == *first)?.value.at_mut(rest),
            _ => None,
        }
    }

    /// Takes an entry of a mapping or a list out.
    pub(super) fn remove(&mut self, path: &[String]) {
        let Some((last, parents)) = path.split_last() else { return };
        match self.at_mut(parents).map(|parent| &mut parent.value) {
            Some(Kind::Map(entries)) => entries.retain(|entry| entry.key != *last),
            Some(Kind::List(items)) => match last.parse::<usize>() {
                Ok(index) if index < items.len() => _ = items.remove(index),
                _ => {}
            },
            _ => {}
        }
    }

    /// What a message calls it.
    pub(super) fn describe(&self) -> String {
        match &self.value {
            Kind::Null => "nothing".to_owned(),
            Kind::Bool(value) => format!("`{value}`"),
            Kind::Number(value) => format!("the number `{value}`"),
            Kind::Text(_) => "text".to_owned(),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a mapping".to_owned(),
        }
    }
}

type Error = de::value::Error;

impl<'de> IntoDeserializer<'de, Error> for &'de Node {
    type Deserializer = &'de Node;
    fn into_deserializer(self) -> &'de Node {
        self
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.value {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(value), _) => visitor.visit_u64(value),
                (None, Some(value)) => visitor.visit_i64(value),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Kind::Text(value) => visitor.visit_borrowed_str(value),
            Kind::List(items) => visitor.visit_seq(SeqDeserializer::new(items.iter())),
            Kind::Map(entries) => visitor
                .visit_map(MapDeserializer::new(entries.iter().map(|entry| (entry.key.as_str(), &entry.value)))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Kind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if name == AT {
            visitor.visit_seq(Placed { node: self, next: 0 })
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match (&self.value, self.entries()) {
            (Kind::Text(variant), _) => visitor.visit_enum(Variant { name: variant, content: None }),
            (_, [entry]) => visitor.visit_enum(Variant { name: &entry.key, content: Some(&entry.value) }),
            _ => Err(de::Error::custom("not one of the choices")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// A node as [`super::At`] reads it: four ends of spans, then the value.
struct Placed<'de> {
    node: &'de Node,
    next: usize,
}

impl<'de> SeqAccess<'de> for Placed<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Node { used, defined, .. } = self.node;
        let end = [used.start, used.end, defined.start, defined.end].get(self.next).copied();
        self.next += 1;
        match end {
            Some(end) => seed.deserialize(U32Deserializer::new(end)).map(Some),
            None => seed.deserialize(self.node).map(Some),
        }
    }
}

struct Variant<'de> {
    name: &'de str,
    content: Option<&'de Node>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        Ok((seed.deserialize(StrDeserializer::new(self.name))?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        if self.content.is_none() { Ok(()) } else { Err(de::Error::custom("takes no value")) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.content.ok_or_else(needs_a_value)?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.content.ok_or_else(needs_a_value)?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.content.ok_or_else(needs_a_value)?.deserialize_any(visitor)
    }
}

fn needs_a_value() -> Error {
    de::Error::custom("needs a value")
}
