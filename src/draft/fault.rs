use crate::plan::Diagnostics;

/// Why no plan can be written for these servers.
#[derive(Debug, thiserror::Error)]
pub enum NoDraft {
    #[error("{message}")]
    Servers { message: String, help: String },
    /// Names on the servers that no plan can hold.
    #[error("the draft for these servers is not a valid plan:\n{0}")]
    Unsound(Diagnostics),
}
