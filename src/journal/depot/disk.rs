//! Files that are whole or not there.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::journal::error::Error;

/// Writes a file whole or not at all: beside, synced, renamed into place, its directory synced.
pub(crate) fn write_whole(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    let mut beside = tempfile::NamedTempFile::new_in(parent(path)).map_err(Error::io("write", path))?;
    beside
        .write_all(content)
        .and_then(|()| beside.as_file().set_permissions(std::fs::Permissions::from_mode(mode)))
        .and_then(|()| beside.as_file().sync_all())
        .map_err(Error::io("write", path))?;
    beside.persist(path).map_err(|kept| Error::io("write", path)(kept.error))?;
    sync_parent(path)
}

/// A new name in a directory is only kept for good when the directory is synced too (fsync(2)).
pub(super) fn sync_parent(path: &Path) -> Result<(), Error> {
    let parent = parent(path);
    File::open(parent).and_then(|directory| directory.sync_all()).map_err(Error::io("sync the directory", parent))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
