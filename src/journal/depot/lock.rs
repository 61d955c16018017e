//! One operator at a time, where a migration is a directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use crate::journal::error::Error;
use crate::journal::who::Who;

/// Holds a migration. The kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct FileLock {
    file: File,
}

impl FileLock {
    pub(super) fn take(path: &Path, migration: &str) -> Result<FileLock, Error> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(Error::io("open the lock", path))?;
        let mut looks = 0;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    let who = name_in(&mut file);
                    // Whoever looks at who holds it holds it for an instant, without a name.
                    if who.is_none() && looks < 5 {
                        looks += 1;
                        std::thread::sleep(Duration::from_millis(50));
                        continue;
                    }
                    let holder = who.map_or_else(|| "another process".into(), |who| who.to_string());
                    return Err(Error::Held { name: migration.to_owned(), holder });
                }
                Err(TryLockError::Error(cause)) => return Err(Error::io("take the lock", path)(cause)),
            }
        }
        let name = serde_json::to_vec(&Who::me()).expect("strings and numbers");
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(&name))
            .map_err(Error::io("write the lock", path))?;
        Ok(FileLock { file })
    }

    /// Who holds it. A process that has ended holds nothing, however it ended.
    pub(super) fn holder(path: &Path) -> Result<Option<Option<Who>>, Error> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(Error::io("open the lock", path)(cause)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(name_in(&mut file))),
            Err(TryLockError::Error(cause)) => Err(Error::io("look at the lock", path)(cause)),
        }
    }
}

fn name_in(file: &mut File) -> Option<Who> {
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).ok()?;
    serde_json::from_str(&text).ok()
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // A name left behind would do no harm, it is only read where the lock is held.
        drop(self.file.set_len(0));
        drop(self.file.unlock());
    }
}
