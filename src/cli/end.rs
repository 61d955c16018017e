//! How commands end.

use crate::host::HostError;
use crate::journal;

/// How a command ended.
pub(crate) enum End {
    /// what was asked for is so
    Good,
    /// `plan --detailed-exitcode`: there is something to do
    Changes,
    /// the command has said why
    Failed,
    /// by the person, where something had been begun
    Interrupted,
}

impl End {
    pub(super) fn code(&self) -> u8 {
        match self {
            End::Good => 0,
            End::Failed => 1,
            End::Changes => 2,
            End::Interrupted => 130,
        }
    }
}

/// What a command could not go on from, already in words: what was attempted, the cause, and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    pub message: String,
    pub help: Option<String>,
    /// what `--json` prints of it, where that is more than these words
    pub data: Option<Box<serde_json::Value>>,
    /// by the person
    pub interrupted: bool,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> Failure {
        Failure { message: message.into(), help: Some(help.into()), data: None, interrupted: false }
    }

    /// The person pressed Ctrl-C where nothing had been begun.
    pub(crate) fn interrupted() -> Failure {
        let message = "interrupted: nothing was changed".into();
        Failure { message, help: None, data: None, interrupted: true }
    }
}

impl<E: std::error::Error + 'static> From<E> for Failure {
    fn from(error: E) -> Failure {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        let mut help = None;
        while let Some(cause) = next {
            if let Some(HostError::Interrupted) = cause.downcast_ref() {
                return Failure::interrupted();
            }
            help = help.or_else(|| cause.downcast_ref::<journal::Error>()?.help());
            help = help.or_else(|| cause.downcast_ref::<HostError>()?.help());
            next = cause.source();
        }
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !message.contains(&cause_text) {
                message = format!("{message}: {cause_text}");
            }
            source = cause.source();
        }
        Failure { message, help, data: None, interrupted: false }
    }
}
