//! What has been found out: checks that hold or do not, and figures that were measured.

use crate::{Fallible, say};

#[derive(Default)]
pub struct Checks {
    pub passed: usize,
    pub failed: Vec<String>,
    pub figures: Vec<(String, String)>,
}

impl Checks {
    /// Something that must be true. `seen` is what was seen, for when it is not.
    pub fn that(&mut self, what: &str, holds: bool, seen: impl std::fmt::Display) {
        if holds {
            self.passed += 1;
            say::line(format_args!("  ok    {what}"));
        } else {
            say::line(format_args!("  NOT   {what}: {seen}"));
            self.failed.push(format!("{what}: {seen}"));
        }
    }

    /// Two texts that must be the same.
    pub fn same(&mut self, what: &str, seen: &str, wanted: &str) {
        self.that(what, seen == wanted, format_args!("wanted `{wanted}`, saw `{seen}`"));
    }

    /// A list of differences that must be empty.
    pub fn none(&mut self, what: &str, differences: &[String]) {
        self.that(what, differences.is_empty(), format_args!("\n            {}", differences.join("\n            ")));
    }

    /// Something that may not even be found out.
    pub fn found(&mut self, what: &str, outcome: Fallible<()>) {
        match outcome {
            Ok(()) => self.that(what, true, ""),
            Err(error) => self.that(what, false, error),
        }
    }

    /// A measurement for the account at the end.
    pub fn figure(&mut self, what: impl Into<String>, value: impl Into<String>) {
        let (what, value) = (what.into(), value.into());
        say::line(format_args!("  {what}: {value}"));
        self.figures.push((what, value));
    }
}
