//! Where the lab keeps what it makes: images, and one directory for each pair that is, or was, running.

use crate::Fallible;
use std::path::PathBuf;

pub struct Lab {
    pub root: PathBuf,
}

impl Lab {
    /// `$REPLANT_LAB`, or `~/.cache/replant-lab`.
    pub fn open() -> Fallible<Lab> {
        let home = || std::env::var("HOME").map(|home| PathBuf::from(home).join(".cache/replant-lab"));
        let root = std::env::var("REPLANT_LAB").map(PathBuf::from).or_else(|_| home())?;
        fs_err::create_dir_all(&root)?;
        Ok(Lab { root: fs_err::canonicalize(root)? })
    }

    pub fn images(&self) -> PathBuf {
        self.root.clone()
    }

    pub fn pairs(&self) -> PathBuf {
        self.root.join("pairs")
    }

    pub fn pair(&self, name: &str) -> PathBuf {
        self.pairs().join(name)
    }
}
