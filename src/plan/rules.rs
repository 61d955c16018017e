use super::Plan;
use super::diagnostics::Diagnostic;
pub(super) fn check(_plan: &Plan) -> Vec<Diagnostic> { Vec::new() }
