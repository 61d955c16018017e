use crate::plan::Diagnostics;

/// Why no plan can be written for these servers.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what its fields are")]
pub enum NoDraft {
    /// Something about the servers: `message` says what, `help` what to do.
    #[error("{message}")]
    Servers { message: String, help: String },
    /// Names on the servers that no plan can hold.
    #[error("the draft for these servers is not a valid plan:\n{0}")]
    Unsound(Diagnostics),
}
