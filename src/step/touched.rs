//! What a step changes of that by which servers are compared with what was found on them.

use crate::facts::resolve::Names;
use crate::facts::{Change, ServerFacts, identity};
use crate::host::Side;

/// A server as it was found, and as it is.
pub struct Compared<'a> {
    /// the system that the step acts on
    pub(crate) on: Side,
    /// when the facts were read for the plan
    pub(crate) before: &'a ServerFacts,
    /// when they were read again
    pub(crate) now: &'a ServerFacts,
}

impl Compared<'_> {
    /// The disk that had this path when the facts were read.
    pub(crate) fn disk(&self, path: &str) -> Option<Touched> {
        Names::of(self.before).block(path).map(|disk| Touched::one("disk", identity(disk)))
    }
}

/// One thing, or things of one kind, that a step may change: their kind and name are those of a [`Change`].
#[derive(Debug, Clone, PartialEq)]
pub struct Touched {
    kind: &'static str,
    name: Name,
    /// it may also vanish
    goes: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Name {
    Any,
    Is(String),
    Begins(String),
}

impl Touched {
    /// The thing of this name: it may change, or be new.
    pub(crate) fn one(kind: &'static str, name: impl Into<String>) -> Touched {
        Touched { kind, name: Name::Is(name.into()), goes: false }
    }

    /// Each thing whose name begins so.
    pub(crate) fn beginning(kind: &'static str, name: impl Into<String>) -> Touched {
        Touched { kind, name: Name::Begins(name.into()), goes: false }
    }

    /// Every thing of a kind: it may also vanish.
    pub(crate) fn any(kind: &'static str) -> Touched {
        Touched { kind, name: Name::Any, goes: true }
    }

    /// It may also vanish.
    pub(crate) fn or_gone(self) -> Touched {
        Touched { goes: true, ..self }
    }

    /// A volume with the hidden ones of its mirror: `vg0/root_rimage_0`.
    pub(crate) fn volume(vg: &str, lv: &str) -> [Touched; 2] {
        let kind = "logical volume";
        [Touched::one(kind, format!("{vg}/{lv}")), Touched::beginning(kind, format!("{vg}/{lv}_"))]
    }

    /// Whether a change may be the work of the step that says this.
    pub(crate) fn explains(&self, change: &Change) -> bool {
        let named = match &self.name {
            Name::Any => true,
            Name::Is(name) => change.name == *name,
            Name::Begins(name) => change.name.starts_with(name.as_str()),
        };
        self.kind == change.kind && named && (self.goes || change.now.is_some())
    }
}
