//! A migration's directory: its runbook, its journal, its lock.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::disk::{sync_parent, write_whole};
use super::{Error, Header, Journal, Lock, Story, Who};
use crate::host::sha256;

const RUNBOOK: &str = "runbook.json";
const JOURNAL: &str = "journal.jsonl";
const LOCK: &str = "lock";

/// `<root>/<name>/`; the root is usually `.replant`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    name: String,
    path: PathBuf,
}

impl Migration {
    /// Makes a migration of a runbook's text, with other files (name, text) beside it. It comes to be whole, or not at all.
    pub fn create(root: &Path, name: &str, runbook: &str, files: &[(String, String)]) -> Result<Migration, Error> {
        check_name(name)?;
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(root).map_err(Error::io("make the directory", root))?;
        let path = root.join(name);
        if path.exists() {
            return Err(Error::Exists { name: name.to_owned(), path });
        }
        let made = tempfile::Builder::new()
            .prefix(".making-")
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in(root)
            .map_err(Error::io("make a directory in", root))?;
        write_whole(&made.path().join(RUNBOOK), runbook.as_bytes(), 0o600)?;
        for (file, text) in files {
            write_whole(&made.path().join(file), text.as_bytes(), 0o600)?;
        }
        Journal::create(&made.path().join(JOURNAL), Header::new(name, sha256(runbook.as_bytes())))?;
        std::fs::rename(made.path(), &path).map_err(Error::io("make the migration", &path))?;
        // It has another name now: there is nothing left for the guard to remove.
        let _ = made.keep();
        sync_parent(&path)?;
        Ok(Migration { name: name.to_owned(), path })
    }

    /// One that cannot be read, or has lost its journal, is not the same as none.
    pub fn open(root: &Path, name: &str) -> Result<Migration, Error> {
        check_name(name)?;
        let path = root.join(name);
        if !there(root, &path)? {
            return Err(Error::Unknown { name: name.to_owned(), path: root.to_owned() });
        }
        let journal = path.join(JOURNAL);
        match File::open(&journal) {
            Ok(_) => Ok(Migration { name: name.to_owned(), path }),
            Err(cause) if cause.kind() == ErrorKind::NotFound => {
                Err(Error::NoJournal { name: name.to_owned(), path })
            }
            Err(cause) => Err(Error::io("read the journal", &journal)(cause)),
        }
    }

    /// The names of all migrations, sorted, also of those that cannot be opened; none where there is no such root.
    pub fn list(root: &Path) -> Result<Vec<String>, Error> {
        let entries = match std::fs::read_dir(root) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(Error::io("list", root)(cause)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(Error::io("list", root))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if check_name(&name).is_ok() && there(root, &entry.path())? {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Who works on it at this moment; the name is not known for an instant after they have begun.
    pub fn at_work(&self) -> Result<Option<Option<Who>>, Error> {
        Lock::holder(&self.path.join(LOCK))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// What no other migration has: a part of what was made at random with it.
    pub fn identity(&self) -> Result<String, Error> {
        let header = self.read()?.header;
        let of = if header.id.is_empty() { &header.runbook } else { &header.id };
        Ok(of.chars().take(12).collect())
    }

    /// Its directory, where others may keep what belongs to it (known hosts, a generated secret).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The runbook's text, exactly as it was when the migration was made.
    pub fn runbook(&self) -> Result<String, Error> {
        let path = self.path.join(RUNBOOK);
        let text = std::fs::read_to_string(&path).map_err(Error::io("read the runbook", &path))?;
        if sha256(text.as_bytes()) != self.read()?.header.runbook {
            return Err(Error::OtherRunbook { path });
        }
        Ok(text)
    }

    /// What happened until now. Needs no lock and changes nothing.
    pub fn read(&self) -> Result<Story, Error> {
        Story::read(&self.path.join(JOURNAL))
    }

    /// Takes the migration for this process, until the lock is dropped.
    pub fn lock(&self) -> Result<Lock, Error> {
        Lock::take(&self.path.join(LOCK), &self.name)
    }

    /// Its journal, to go on. The second part: bytes of a torn last line that were cut off.
    pub fn journal(&self, _held: &Lock) -> Result<(Journal, Option<usize>), Error> {
        Journal::open(&self.path.join(JOURNAL))
    }
}

/// Whether a directory is a migration's, by any of its files; or may be, where we may not look into it.
fn there(root: &Path, path: &Path) -> Result<bool, Error> {
    for file in [JOURNAL, RUNBOOK, LOCK] {
        match std::fs::symlink_metadata(path.join(file)) {
            Ok(_) => return Ok(true),
            Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            // of the root itself nothing can be said
            Err(cause) if std::fs::symlink_metadata(path).is_err() => {
                return Err(Error::io("look into", root)(cause));
            }
            Err(_) => return Ok(true),
        }
    }
    Ok(false)
}

/// No slashes, nothing hidden, nothing that a shell or a file name on a server would trip over.
fn check_name(name: &str) -> Result<(), Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || name.starts_with(['.', '-']) || !name.chars().all(plain) {
        return Err(Error::Name { name: name.to_owned() });
    }
    Ok(())
}
