//! Keys of one migration: those by which new's hold is known, and lets nobody else in. ssh-keygen(1)

use std::path::{Path, PathBuf};

use super::super::HostError;
use super::super::local::apart;
use super::errors::no_openssh;

/// A pair of keys, kept as OpenSSH keeps them.
#[derive(Debug, Clone)]
pub struct KeyPair {
    /// file of the private key
    pub private: PathBuf,
    /// file of the public key
    pub public: PathBuf,
}

impl KeyPair {
    /// The pair of this name in a directory, whether or not it has been made.
    pub fn of(dir: &Path, name: &str) -> KeyPair {
        KeyPair { private: dir.join(name), public: dir.join(format!("{name}.pub")) }
    }

    /// `ssh-ed25519 AAAA… comment`; `None`: it was not made yet
    pub fn line(&self) -> Option<String> {
        std::fs::read_to_string(&self.public).ok().map(|text| text.trim().to_string())
    }

    /// Makes it, unless it is there. The private key appears last: whoever sees it sees both.
    ///
    /// # Errors
    /// ssh-keygen(1) is not here, or the directory cannot be written to.
    pub fn keep(&self) -> Result<(), HostError> {
        if self.private.exists() {
            return Ok(());
        }
        let dir = self.private.parent().unwrap_or(Path::new("."));
        let local =
            |error: std::io::Error| HostError::Local(format!("failed to make a key in `{}`: {error}", dir.display()));
        private_dir(dir).map_err(local)?;
        let made = tempfile::Builder::new().prefix(".new-").tempdir_in(dir).map_err(local)?;
        let file = made.path().join("key");
        let argv = ["-q", "-t", "ed25519", "-N", "", "-C", "replant", "-f"].map(std::ffi::OsString::from);
        let keygen = apart(duct::cmd("ssh-keygen", argv.into_iter().chain([file.clone().into()])));
        let ended = keygen.stdin_null().stdout_null().stderr_capture().unchecked().run();
        let ended = ended.map_err(|error| no_openssh("ssh-keygen", error))?;
        if !ended.status.success() {
            return Err(HostError::Local(format!("ssh-keygen: {}", String::from_utf8_lossy(&ended.stderr).trim())));
        }
        std::fs::rename(made.path().join("key.pub"), &self.public).map_err(local)?;
        fs_err::File::open(&file).and_then(|key| key.sync_all()).map_err(local)?;
        std::fs::rename(&file, &self.private).map_err(local)?;
        fs_err::File::open(dir).and_then(|dir| dir.sync_all()).map_err(local)
    }
}

fn private_dir(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_pair_is_made_once_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let pair = KeyPair::of(&dir.path().join("secrets"), "hold-host");
        assert_eq!(pair.line(), None, "looking makes none");
        pair.keep().unwrap();
        let line = pair.line().unwrap();
        assert!(line.starts_with("ssh-ed25519 AAAA") && line.ends_with(" replant"), "{line}");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&pair.private), mode(&dir.path().join("secrets"))), (0o600, 0o700));
        pair.keep().unwrap();
        assert_eq!(pair.line(), Some(line), "it is kept");
        assert_eq!(std::fs::read_dir(dir.path().join("secrets")).unwrap().count(), 2, "no left-overs");
    }
}
