//! Where a value stands in the file: [`Span`], [`Place`], the [`Source`] text, and [`At`], a value that knows its span.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// A run of bytes of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A place that a person can find: both count from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// The text of a plan and the name under which it is shown. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path as the person gave it.
    pub name: Arc<str>,
    /// The whole text. Whatever looks like a secret has been overwritten with `*`, byte for byte.
    pub text: Arc<str>,
}

impl Source {
    pub(super) fn new(name: &str, text: &str) -> Source {
        Source { name: name.into(), text: text.into() }
    }

    /// Where `span` starts.
    pub fn place(&self, span: Span) -> Place {
        let mut start = (span.start as usize).min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

/// A value of the plan that knows where it was written; otherwise it behaves as the value itself.
#[derive(Clone, Default)]
pub struct At<T> {
    value: T,
    /// Where the value is used; none for a default.
    used: Option<Span>,
    /// Where the value was written, if that is elsewhere: behind an alias (`*disks`) or a merge (`<<`).
    defined: Option<Span>,
}

impl<T> At<T> {
    /// Where the value stands in the file, or nothing if it is a default.
    pub fn span(&self) -> Option<Span> {
        self.used
    }

    /// Where the value was written, if it came here through an alias.
    pub(crate) fn defined(&self) -> Option<Span> {
        self.defined
    }

    /// The line and column, or nothing if it is a default.
    pub fn place(&self, source: &Source) -> Option<Place> {
        self.used.map(|span| source.place(span))
    }

    /// The value alone.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// A value that was not written in the file: a default, or one made by a test.
impl<T> From<T> for At<T> {
    fn from(value: T) -> At<T> {
        At { value, used: None, defined: None }
    }
}

impl<T: fmt::Debug> fmt::Debug for At<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for At<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// Two values are equal wherever they stand.
impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &At<T>) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for At<T> {}

impl PartialEq<str> for At<String> {
    fn eq(&self, other: &str) -> bool {
        self.value == other
    }
}

impl PartialEq<&str> for At<String> {
    fn eq(&self, other: &&str) -> bool {
        self.value == *other
    }
}

impl<T: PartialOrd> PartialOrd for At<T> {
    fn partial_cmp(&self, other: &At<T>) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Ord> Ord for At<T> {
    fn cmp(&self, other: &At<T>) -> Ordering {
        self.value.cmp(&other.value)
    }
}

impl<T: Hash> Hash for At<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

impl<T: Serialize> Serialize for At<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

/// The name by which [`At`] asks the plan's own deserializer (`tree.rs`) for a place. Others take it for a plain newtype.
pub(super) const AT: &str = "replant::plan::At";

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<At<T>, D::Error> {
        struct AtVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for AtVisitor<T> {
            type Value = At<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            /// From JSON and the like: no place.
            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<At<T>, D::Error> {
                T::deserialize(deserializer).map(At::from)
            }

            /// From the tree: the ends of its two spans, then the value.
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<At<T>, A::Error> {
                let end =
                    |seq: &mut A| seq.next_element::<u32>()?.ok_or_else(|| de::Error::custom("a span is incomplete"));
                let used = Span { start: end(&mut seq)?, end: end(&mut seq)? };
                let defined = Span { start: end(&mut seq)?, end: end(&mut seq)? };
                let value = seq.next_element::<T>()?.ok_or_else(|| de::Error::custom("a value is missing"))?;
                Ok(At { value, used: Some(used), defined: (defined != used).then_some(defined) })
            }
        }

        deserializer.deserialize_newtype_struct(AT, AtVisitor(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
