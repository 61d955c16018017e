//! `--out FILE`: looked at before any server is, so that nothing is read in vain, and nothing is lost that was there.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::journal;

/// A file that may be written.
pub(crate) struct Save {
    /// behind symbolic links
    path: PathBuf,
}

impl Save {
    /// The file named `typed`. One that is there is replaced unless `why_not` says something; never what is no file, and
    /// never the plan that this is made from.
    pub(super) fn to(
        typed: &Path,
        plan: Option<&Path>,
        why_not: impl Fn(&Path) -> Option<&'static str>,
    ) -> Result<Save, Failure> {
        let shown = typed.display();
        let path = match fs::canonicalize(typed) {
            Ok(path) => path,
            Err(error) if error.kind() == ErrorKind::NotFound && !typed.is_symlink() => typed.to_path_buf(),
            Err(error) => return Err(cannot(typed, &error)),
        };
        if let Ok(there) = fs::metadata(&path) {
            let same = |plan| fs::metadata(plan).is_ok_and(|of| (of.dev(), of.ino()) == (there.dev(), there.ino()));
            if !there.is_file() {
                return Err(Failure::new(
                    format!("`{shown}` is not a file"),
                    "give --out the name of a file; without --out the result goes to standard output",
                ));
            }
            if plan.is_some_and(same) {
                return Err(Failure::new(
                    format!("`{shown}` is the plan itself, which would be lost"),
                    "give --out another name",
                ));
            }
            if path.with_file_name("journal.jsonl").exists() {
                return Err(Failure::new(
                    format!("`{shown}` belongs to a migration, which would be lost"),
                    "give --out another name",
                ));
            }
            if let Some(why) = why_not(&path) {
                return Err(Failure::new(
                    format!("there is a file `{shown}` already{why}"),
                    "give another name, or --force to replace it",
                ));
            }
            OpenOptions::new().write(true).open(&path).map_err(|error| cannot(typed, &error))?;
        }
        // it is written beside and renamed: the directory is what must be writable
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        tempfile::NamedTempFile::new_in(directory).map_err(|error| cannot(typed, &error))?;
        Ok(Save { path })
    }

    pub(super) fn write(&self, text: &str, mode: u32) -> Result<(), Failure> {
        Ok(journal::write_whole(&self.path, text.as_bytes(), mode)?)
    }
}

fn cannot(typed: &Path, error: &std::io::Error) -> Failure {
    // tempfile adds the name of its own file
    let cause = std::io::Error::from(error.kind());
    Failure::new(
        format!("cannot write `{}`: {cause}", typed.display()),
        "give --out a file in a directory that is there and that you may write to",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_a_link() {
        let desk = tempfile::tempdir().unwrap();
        let [file, link, other] = ["file", "link", "other"].map(|name| desk.path().join(name));
        fs::write(&file, "before").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        Save::to(&link, None, |_| None).unwrap().write("after", 0o600).unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "after");
        assert!(Save::to(&link, None, |_| Some("")).is_err());
        fs::hard_link(&file, &other).unwrap();
        assert!(Save::to(&other, Some(&file), |_| None).is_err());
    }
}
