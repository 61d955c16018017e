//! The rows that the table of facts is made of.

use super::ServerFacts;
use super::parse::ParseError;
use crate::host::{Query, Side};

/// One question, and where its answer goes. Each topic has its rows beside its parsers.
pub(super) struct Fact {
    /// what replant calls the question: files of facts find their answers by it, so it stays as it is
    pub name: &'static str,
    /// the question; `None` where that side is not asked
    pub query: fn(Side) -> Option<Query>,
    pub failed: Failed,
    /// Parses what was printed and puts it into the server. Rows above have put theirs there before: this one may look at
    /// that, and add to it. Where it is not called, the server keeps what `Default` says.
    pub put: fn(&str, &mut ServerFacts) -> Result<(), ParseError>,
}

/// What it means that a command fails: exits with anything but 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// nothing can be known without it: the server cannot be read
    Error,
    /// the same, but where it is not installed it manages nothing: no LVM, no volumes
    ErrorIfInstalled,
    /// the same, but where it exits with 1 in silence it has found none: findmnt(8)
    ErrorIfSaid,
    /// what it has printed counts nevertheless, if it is installed; otherwise the server cannot be read
    CountsIfThere,
    /// what it has printed counts nevertheless
    Counts,
    /// it has told nothing
    Nothing,
}
