//! Why a journal cannot be used, and what to do about it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::line::FORMAT;
use super::state::Impossible;

/// Each message says what was attempted; [`Error::help`] says what to type.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what its fields are")]
pub enum Error {
    #[error("cannot {doing} `{}`", path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("cannot write the journal: nothing more is done until it can be written")]
    Write(#[source] std::io::Error),
    #[error("line {line} of `{}` is not a line of a journal", path.display())]
    Garbage {
        path: PathBuf,
        /// counted from 1, the header
        line: usize,
        #[source]
        cause: serde_json::Error,
    },
    #[error("line {line} of `{}` cannot come after the lines before it", path.display())]
    OutOfOrder {
        path: PathBuf,
        /// counted from 1, the header
        line: usize,
        #[source]
        cause: Impossible,
    },
    /// A mistake of this program, noticed before anything was done.
    #[error("the journal refuses a line: nothing more is done")]
    Refused(#[source] Impossible),
    #[error("`{}` has no header: it is not a journal", path.display())]
    NoHeader { path: PathBuf },
    #[error("`{}` has format {format}; this replant knows up to {FORMAT}: use a newer one", path.display())]
    Newer { path: PathBuf, format: u32 },
    #[error("migration `{name}` is being worked on by {holder}")]
    Held { name: String, holder: String },
    #[error("migration `{name}` exists already in `{}`", path.display())]
    Exists { name: String, path: PathBuf },
    #[error("the journal of migration `{name}` is missing in `{}`", path.display())]
    NoJournal { name: String, path: PathBuf },
    #[error("there is no migration `{name}` in `{}`", path.display())]
    Unknown { name: String, path: PathBuf },
    #[error("`{name}` cannot name a migration: only letters, digits, `-`, `_` and `.` (not first), at most 64")]
    Name { name: String },
    #[error("`{}` is not the runbook that this journal was made for: it was changed since", path.display())]
    OtherRunbook { path: PathBuf },
}

impl Error {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error + use<> {
        let path = path.to_owned();
        move |cause| Error::Io { doing, path, cause }
    }
}

impl Error {
    /// Words that end with what to type, where there is something to type.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Error::Io { path, cause, .. } => {
                let path = path.display();
                match cause.kind() {
                    ErrorKind::PermissionDenied => {
                        format!(
                            "it belongs to another user: go on as the one who began it (`ls -ld {path}` names them)"
                        )
                    }
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem => {
                        format!("make room there (`df {path}`), then type the same again: nothing is lost by waiting")
                    }
                    ErrorKind::NotADirectory => "say with --dir in which directory migrations are kept".into(),
                    _ => format!("see what is there: `ls -la {path}`"),
                }
            }
            Error::Write(_) => {
                "make room on the disk of the journal (`df .`), then type the same again: nothing is lost by waiting"
                    .into()
            }
            Error::Garbage { path, .. } | Error::OutOfOrder { path, .. } | Error::NoHeader { path } => {
                let runbook = path.with_file_name("runbook.json");
                format!(
                    "put `{}` back from a backup, as it was last. Without one nobody knows which steps were done: \
                     `replant show -v {}` has the commands of each step and of its undo, to look at the servers by hand",
                    path.display(),
                    runbook.display()
                )
            }
            Error::NoJournal { path, .. } => {
                format!(
                    "put its `journal.jsonl` back from a backup, as it was last; if it was never begun, remove the \
                     directory: `rm -r {}`",
                    path.display()
                )
            }
            Error::Refused(_) => "report this with the journal: type the same again only after that".into(),
            Error::Newer { .. } => "use the replant that wrote it: `replant --version` names this one".into(),
            Error::Held { name, .. } => format!(
                "wait until that ends, or press Ctrl-C once there; `replant status {name}` tells how far it is"
            ),
            Error::Exists { path, .. } => {
                format!("see what is there: `ls -la {}`; with another `name` in the plan both can be", path.display())
            }
            Error::OtherRunbook { .. } => {
                "put it back from a backup, as it was when the migration was begun: its steps were decided then"
                    .into()
            }
            Error::Unknown { .. } | Error::Name { .. } => return None,
        })
    }
}
