//! One thing wrong or noteworthy in plan and facts: rules over both, one function for each.

mod rules;

use schemars::JsonSchema;
use serde::Serialize;

use crate::facts::Facts;
use crate::plan::{Loaded, Place, Plan, Span};

pub use rules::{RULES, find_disk, volumes, what_is_on};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// the migration cannot be carried out; only a waiver in the plan lets it go on
    Inhibitor,
    Warning,
    Note,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Finding {
    /// stable: `R1203`
    pub code: &'static str,
    pub severity: Severity,
    pub message: String,
    /// what to do about it
    pub help: String,
    #[serde(skip)]
    pub span: Option<Span>,
    /// why it was accepted, where the plan waives it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waived: Option<String>,
}

impl Finding {
    pub fn new(code: &'static str, severity: Severity, message: impl Into<String>, help: impl Into<String>) -> Self {
        Finding { code, severity, message: message.into(), help: help.into(), span: None, waived: None }
    }

    pub fn inhibitor(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Finding {
        Finding::new(code, Severity::Inhibitor, message, help)
    }

    pub fn warning(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Finding {
        Finding::new(code, Severity::Warning, message, help)
    }

    pub fn at(self, span: Option<Span>) -> Finding {
        Finding { span, ..self }
    }

    /// The place in the plan that it is about.
    pub fn place(&self, loaded: &Loaded) -> Option<Place> {
        self.span.map(|span| loaded.source.place(span))
    }

    /// It stops the migration.
    pub fn stops(&self) -> bool {
        self.severity == Severity::Inhibitor && self.waived.is_none()
    }
}

/// Everything that the rules find, the worst first, with the plan's waivers applied.
pub fn find(plan: &Plan, facts: &Facts) -> Vec<Finding> {
    let mut all: Vec<Finding> = RULES.iter().flat_map(|rule| rule(plan, facts)).collect();
    for finding in &mut all {
        if finding.severity == Severity::Inhibitor {
            let waiver = plan.waive.iter().find(|waiver| *waiver.code == finding.code);
            finding.waived = waiver.map(|waiver| waiver.reason.to_string());
        }
    }
    all.sort_by_key(|finding| (finding.severity, finding.code));
    all
}
