//! Where migrations are kept. Each place answers the same questions, and `tests/depot.rs` has what every one of them must
//! hold. The set is closed: a new one is a variant here, a file beside, and an answer wherever the compiler then asks for
//! one.

pub(super) mod directory;
mod disk;
mod lock;

use std::path::{Path, PathBuf};

use super::error::Error;
use super::log::{Journal, Story};
use super::who::Who;

pub(crate) use disk::write_whole;

/// Where migrations are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Depot {
    /// on this machine: `.replant`
    Directory(directory::Directory),
}

/// A migration that is kept: its runbook and its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Migration {
    /// a directory of its own: `.replant/NAME`
    Directory(directory::Kept),
}

/// Holds a migration for one process, until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub enum Lock {
    /// flock(2) on its file `lock`
    Directory(lock::FileLock),
}

impl Depot {
    /// As it is written on the command line.
    pub fn at(place: impl AsRef<Path>) -> Depot {
        Depot::Directory(directory::Directory { root: place.as_ref().to_owned() })
    }

    /// Makes a migration of a runbook's text, with other files (name, text) beside it. It comes to be whole, or not at all.
    ///
    /// # Errors
    /// There is one of that name, it is no name, or it cannot be written.
    pub fn create(&self, name: &str, runbook: &str, files: &[(String, String)]) -> Result<Migration, Error> {
        match self {
            Depot::Directory(place) => place.create(name, runbook, files).map(Migration::Directory),
        }
    }

    /// # Errors
    /// There is none of that name, or it cannot be read, or has lost its journal: these are not the same.
    /// Finds a migration by its name; it is not held by that ([`Lock`]).
    ///
    pub fn open(&self, name: &str) -> Result<Migration, Error> {
        match self {
            Depot::Directory(place) => place.open(name).map(Migration::Directory),
        }
    }

    /// The names of all migrations, sorted, also of those that cannot be opened.
    ///
    /// # Errors
    /// The place cannot be read. One that is not there yet holds none.
    pub fn list(&self) -> Result<Vec<String>, Error> {
        match self {
            Depot::Directory(place) => place.list(),
        }
    }
}

impl Migration {
    /// As it was made: the name of its directory.
    pub fn name(&self) -> &str {
        match self {
            Migration::Directory(kept) => kept.name(),
        }
    }

    /// A directory of this machine where others may keep what belongs to it (known hosts, a generated secret).
    pub fn path(&self) -> &Path {
        match self {
            Migration::Directory(kept) => kept.path(),
        }
    }

    /// What no other migration has: a part of what was made at random with it.
    ///
    /// # Errors
    /// Its journal cannot be read.
    pub fn identity(&self) -> Result<String, Error> {
        let header = self.read()?.header;
        let of = if header.id.is_empty() { &header.runbook } else { &header.id };
        Ok(of.chars().take(12).collect())
    }

    /// The runbook's text, exactly as it was when the migration was made.
    ///
    /// # Errors
    /// It cannot be read, or is another one now.
    pub fn runbook(&self) -> Result<String, Error> {
        match self {
            Migration::Directory(kept) => kept.runbook(),
        }
    }

    /// What happened until now. Needs no lock and changes nothing.
    ///
    /// # Errors
    /// Its journal cannot be read, or is none.
    pub fn read(&self) -> Result<Story, Error> {
        match self {
            Migration::Directory(kept) => kept.read(),
        }
    }

    /// Who works on it at this moment; the name is not known for an instant after they have begun.
    ///
    /// # Errors
    /// It cannot be asked for.
    pub fn at_work(&self) -> Result<Option<Option<Who>>, Error> {
        match self {
            Migration::Directory(kept) => kept.at_work(),
        }
    }

    /// Takes the migration for this process, until the lock is dropped.
    ///
    /// # Errors
    /// Somebody else has it.
    pub fn lock(&self) -> Result<Lock, Error> {
        match self {
            Migration::Directory(kept) => kept.lock().map(Lock::Directory),
        }
    }

    /// Its journal, to go on. The second part: bytes of a torn last line that were cut off.
    ///
    /// # Errors
    /// It cannot be opened, or is no journal.
    pub fn journal(&self, held: &Lock) -> Result<(Journal, Option<usize>), Error> {
        match (self, held) {
            (Migration::Directory(kept), Lock::Directory(held)) => kept.journal(held),
        }
    }

    /// Makes room for another of its name: from now on it is called `<name>.<time of its beginning>`. Tells where it is.
    ///
    /// # Errors
    /// Somebody works on it, or it cannot be renamed.
    pub fn set_aside(&self) -> Result<PathBuf, Error> {
        let held = self.lock()?;
        let made = self.read()?.header.made_at.strftime("%Y%m%d-%H%M%S").to_string();
        let aside = format!("{}.{made}", self.name());
        match (self, &held) {
            (Migration::Directory(kept), Lock::Directory(held)) => kept.set_aside(held, &aside),
        }
    }
}
