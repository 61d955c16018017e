//! Migrations in a directory of this machine: `<root>/<name>/` with its runbook, its journal and its lock.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::disk::{sync_parent, write_whole};
use super::lock::FileLock;
use crate::host::sha256;
use crate::journal::error::Error;
use crate::journal::line::{Header, json};
use crate::journal::log::{Journal, Ledger, Story};
use crate::journal::state::State;
use crate::journal::who::Who;

const RUNBOOK: &str = "runbook.json";
const JOURNAL: &str = "journal.jsonl";
const LOCK: &str = "lock";

/// The directory of all of them, usually `.replant`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    pub(super) root: PathBuf,
}

/// One migration: `<root>/<name>/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    name: String,
    path: PathBuf,
}

impl Directory {
    /// Makes a migration of a runbook's text, with other files (name, text) beside it. It comes to be whole, or not at all.
    pub(super) fn create(&self, name: &str, runbook: &str, files: &[(String, String)]) -> Result<Kept, Error> {
        let root = self.root.as_path();
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
        create(&made.path().join(JOURNAL), Header::new(name, sha256(runbook.as_bytes())))?;
        std::fs::rename(made.path(), &path).map_err(Error::io("make the migration", &path))?;
        // It has another name now: there is nothing left for the guard to remove.
        let _ = made.keep();
        sync_parent(&path)?;
        Ok(Kept { name: name.to_owned(), path })
    }

    /// One that cannot be read, or has lost its journal, is not the same as none.
    pub(super) fn open(&self, name: &str) -> Result<Kept, Error> {
        let root = self.root.as_path();
        check_name(name)?;
        let path = root.join(name);
        if !there(root, &path)? {
            return Err(Error::Unknown { name: name.to_owned(), path: root.to_owned() });
        }
        let journal = path.join(JOURNAL);
        match File::open(&journal) {
            Ok(_) => Ok(Kept { name: name.to_owned(), path }),
            Err(cause) if cause.kind() == ErrorKind::NotFound => {
                Err(Error::NoJournal { name: name.to_owned(), path })
            }
            Err(cause) => Err(Error::io("read the journal", &journal)(cause)),
        }
    }

    /// The names of all migrations, sorted, also of those that cannot be opened; none where there is no such root.
    pub(super) fn list(&self) -> Result<Vec<String>, Error> {
        let root = self.root.as_path();
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
}

impl Kept {
    /// Who works on it at this moment; the name is not known for an instant after they have begun.
    pub(super) fn at_work(&self) -> Result<Option<Option<Who>>, Error> {
        FileLock::holder(&self.path.join(LOCK))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its directory, where others may keep what belongs to it (known hosts, a generated secret).
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The runbook's text, exactly as it was when the migration was made.
    pub(super) fn runbook(&self) -> Result<String, Error> {
        let path = self.path.join(RUNBOOK);
        let text = std::fs::read_to_string(&path).map_err(Error::io("read the runbook", &path))?;
        if sha256(text.as_bytes()) != self.read()?.header.runbook {
            return Err(Error::OtherRunbook { path });
        }
        Ok(text)
    }

    /// What happened until now. Needs no lock and changes nothing.
    pub(super) fn read(&self) -> Result<Story, Error> {
        read(&self.path.join(JOURNAL))
    }

    /// Takes the migration for this process, until the lock is dropped.
    pub(super) fn lock(&self) -> Result<FileLock, Error> {
        FileLock::take(&self.path.join(LOCK), &self.name)
    }

    /// Its journal, to go on. The second part: bytes of a torn last line that were cut off.
    pub(super) fn journal(&self, _held: &FileLock) -> Result<(Journal, Option<usize>), Error> {
        open(&self.path.join(JOURNAL))
    }

    /// Gives it the name `aside`, which makes room for another of its own name; where it is then.
    pub(super) fn set_aside(&self, _held: &FileLock, aside: &str) -> Result<PathBuf, Error> {
        let path = self.path.with_file_name(aside);
        std::fs::rename(&self.path, &path).map_err(Error::io("rename the migration", &self.path))?;
        sync_parent(&path)?;
        Ok(path)
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

struct OnDisk {
    file: std::fs::File,
    /// bytes that are known to be good
    good: u64,
}

impl Ledger for OnDisk {
    fn append(&mut self, line: &[u8]) -> std::io::Result<()> {
        let written = self.file.write_all(line).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.good += line.len() as u64,
            // Half a line must not stay: the next one would follow it and make garbage of both. If this fails too,
            // it is a torn last line, which the next opening cuts off, because nothing more is written from here on.
            Err(_) => drop(self.file.set_len(self.good)),
        }
        written
    }
}

/// Makes a new journal file.
pub(in crate::journal) fn create(path: &Path, header: Header) -> Result<Journal, Error> {
    let file = std::fs::OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::io("make the journal", path))?;
    let mut store = OnDisk { file, good: 0 };
    store.append(&json(&header)).map_err(Error::Write)?;
    sync_parent(path)?;
    Ok(Journal::with(header, State::default(), Box::new(store)))
}

/// Opens a journal to go on writing; a torn last line is cut off, and told in the second part of the answer.
/// Whoever calls this must hold the migration's lock.
pub(in crate::journal) fn open(path: &Path) -> Result<(Journal, Option<usize>), Error> {
    let story = read(path)?;
    let file = std::fs::OpenOptions::new().append(true).open(path).map_err(Error::io("open the journal", path))?;
    let length = file.metadata().map_err(Error::io("read", path))?.len();
    let good = length - story.torn.unwrap_or(0) as u64;
    if story.torn.is_some() {
        file.set_len(good).and_then(|()| file.sync_data()).map_err(Error::io("cut the torn end of", path))?;
    }
    let torn = story.torn;
    let journal = Journal::resumed(story, Box::new(OnDisk { file, good }));
    journal.trail().is_in(path.parent().unwrap_or(path));
    Ok((journal, torn))
}

/// Reads a journal and changes nothing.
pub(in crate::journal) fn read(path: &Path) -> Result<Story, Error> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(Error::io("read the journal", path))?;
    Story::parse(&bytes, path)
}
