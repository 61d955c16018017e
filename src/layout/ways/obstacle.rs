use crate::plan::Span;

/// What keeps a migration from a way.
pub(crate) struct Obstacle {
    /// what is so, in one sentence
    pub message: String,
    /// what would take it away, if anything does
    pub help: Option<String>,
    /// where the plan speaks of it
    pub at: Option<Span>,
}
