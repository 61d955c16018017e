//! What to do about a journal that cannot be used.

use std::io::ErrorKind;

use super::Error;

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
