//! Secrets: named in the plan, had from somewhere else, and put in at the last moment.
//!
//! A value never leaves this room but as a [`SecretString`], which does not print.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// made once, at its first use, and kept in the migration's directory of secrets
    Generated,
    /// an environment variable of the process that uses it
    Env(String),
    /// a file with one line
    File(PathBuf),
    /// a file as it is: a key
    Whole(PathBuf),
}

/// A secret that cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
#[error("secret `{name}`: {cause}")]
pub struct SecretError {
    /// as the plan calls it: `chap`
    pub name: String,
    /// why, in words
    pub cause: String,
}

/// All secrets of one migration, by name.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    dir: PathBuf,
    sources: BTreeMap<String, SecretSource>,
}

/// Letters and digits, so that a value is safe in every configuration file; 16 of them (95 bits), because some iSCSI
/// initiators take no CHAP secret longer than 16 bytes, and none should take one shorter than 12 (RFC 7143, 9.2.1).
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const LENGTH: usize = 16;

/// Shorter values are too likely to be a part of something else: see [`Secrets::mask`].
const TELLING: usize = 8;

impl Secrets {
    /// Generated secrets are kept in `dir`, which is made (mode 0700) when the first one is.
    pub fn new(dir: impl Into<PathBuf>, sources: impl IntoIterator<Item = (String, SecretSource)>) -> Secrets {
        Secrets { dir: dir.into(), sources: sources.into_iter().collect() }
    }

    /// The value of a secret. One that is to be generated is generated now, if it has not been.
    pub fn get(&self, name: &str) -> Result<SecretString, SecretError> {
        let fail = |cause: String| SecretError { name: name.into(), cause };
        let value = match self.sources.get(name) {
            None => return Err(fail("the plan names no such secret".into())),
            Some(_) if name.contains('/') || name.starts_with('.') => return Err(fail("not a name".into())),
            Some(SecretSource::Env(variable)) => std::env::var(variable)
                .map_err(|_| fail(format!("the environment variable `{variable}` is not set, or is not UTF-8")))?,
            Some(SecretSource::File(path)) => fs_err::read_to_string(path).map_err(|e| fail(e.to_string()))?,
            Some(SecretSource::Whole(path)) => {
                return fs_err::read_to_string(path).map(SecretString::from).map_err(|e| fail(e.to_string()));
            }
            Some(SecretSource::Generated) => self.kept(name).map_err(|e| fail(e.to_string()))?,
        };
        let line = value.strip_suffix('\n').unwrap_or(&value);
        if line.is_empty() {
            return Err(fail("it is empty".into()));
        }
        if line.contains(['\n', '\r', '\0']) {
            return Err(fail("it is more than one line".into()));
        }
        Ok(SecretString::from(line))
    }

    /// `text` with every `@@secret:NAME@@` replaced by the secret of that name.
    pub(crate) fn fill(&self, text: &str) -> Result<SecretString, SecretError> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("@@secret:") {
            let Some((name, tail)) = after.split_once("@@") else { break };
            filled.push_str(before);
            filled.push_str(self.get(name)?.expose_secret());
            rest = tail;
        }
        filled.push_str(rest);
        Ok(SecretString::from(filled))
    }

    /// `text` with every secret that can be had now replaced by `***`: for errors and logs.
    pub fn scrub(&self, text: &str) -> String {
        self.replace(text, 1, |_| "***".into())
    }

    /// `text` with every secret of a telling length replaced by its place, `@@secret:NAME@@`: for what was read on a
    /// server. So a file that was written from a text with places reads as that text.
    pub fn mask(&self, text: &str) -> String {
        self.replace(text, TELLING, |name| format!("@@secret:{name}@@"))
    }

    fn replace(&self, text: &str, shortest: usize, by: impl Fn(&str) -> String) -> String {
        let mut values: Vec<(&str, SecretString)> =
            self.sources.keys().filter_map(|name| Some((name.as_str(), self.known(name)?))).collect();
        // a secret may hold a shorter one
        values.sort_by_key(|(_, value)| std::cmp::Reverse(value.expose_secret().len()));
        let mut text = text.to_string();
        for (name, value) in &values {
            if value.expose_secret().len() >= shortest && text.contains(value.expose_secret()) {
                text = text.replace(value.expose_secret(), &by(name));
            }
        }
        text
    }

    /// The value, if there is one already: looking for it makes none.
    fn known(&self, name: &str) -> Option<SecretString> {
        match self.sources.get(name)? {
            SecretSource::Generated if !self.dir.join(name).exists() => None,
            SecretSource::Whole(path) if !path.exists() => None,
            _ => self.get(name).ok(),
        }
    }

    fn kept(&self, name: &str) -> std::io::Result<String> {
        let path = self.dir.join(name);
        match fs_err::read_to_string(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            read => return read,
        }
        make_private_dir(&self.dir)?;
        // Two threads may both come here. A hard link fails where the name is taken, so the first one wins for both.
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.dir)?;
        file.write_all(random(LENGTH)?.as_bytes())?;
        file.as_file().sync_all()?;
        match fs_err::hard_link(file.path(), &path) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
        fs_err::File::open(&self.dir)?.sync_all()?;
        fs_err::read_to_string(&path)
    }
}

fn random(length: usize) -> std::io::Result<String> {
    let mut source = fs_err::File::open("/dev/urandom")?;
    let mut value = String::with_capacity(length);
    let mut byte = [0u8; 1];
    while value.len() < length {
        source.read_exact(&mut byte)?;
        // 248 = 4 × 62: beyond it, some letters would be likelier than others
        if byte[0] < 248 {
            value.push(ALPHABET[usize::from(byte[0]) % ALPHABET.len()] as char);
        }
    }
    Ok(value)
}

fn make_private_dir(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|e| std::io::Error::new(e.kind(), format!("failed to make the directory `{}`: {e}", dir.display())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn one(dir: &Path) -> Secrets {
        Secrets::new(dir.join("secrets"), [("chap".to_string(), SecretSource::Generated)])
    }

    #[test]
    fn a_generated_secret_is_made_once_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = one(dir.path());
        assert_eq!(secrets.scrub("nothing is made by looking"), "nothing is made by looking");
        assert!(!dir.path().join("secrets").exists());
        let values: Vec<String> = std::thread::scope(|scope| {
            let all: Vec<_> =
                (0..8).map(|_| scope.spawn(|| secrets.get("chap").unwrap().expose_secret().to_string())).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(values.iter().all(|value| value == &values[0]));
        assert!(values[0].len() >= 16 && values[0].bytes().all(|b| b.is_ascii_alphanumeric()));
        let mode = |path: &Path| fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir.path().join("secrets")), 0o700);
        assert_eq!(mode(&dir.path().join("secrets/chap")), 0o600);
        assert_eq!(fs_err::read_dir(dir.path().join("secrets")).unwrap().count(), 1, "no left-overs");
    }

    #[test]
    fn filling_scrubbing_and_masking() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("given");
        fs_err::write(&file, "from a file\n").unwrap();
        let secrets = Secrets::new(
            dir.path(),
            [
                ("given".to_string(), SecretSource::File(file)),
                ("gone".to_string(), SecretSource::Env("NO_SUCH_VARIABLE_".into())),
            ],
        );
        assert_eq!(
            secrets.fill("a @@secret:given@@ b @@secret:").unwrap().expose_secret(),
            "a from a file b @@secret:"
        );
        assert_eq!(secrets.scrub("x from a file y"), "x *** y");
        assert_eq!(secrets.mask("x from a file y"), "x @@secret:given@@ y");
        let error = secrets.fill("@@secret:gone@@").unwrap_err().to_string();
        assert_eq!(error, "secret `gone`: the environment variable `NO_SUCH_VARIABLE_` is not set, or is not UTF-8");
        assert!(secrets.fill("@@secret:other@@").unwrap_err().to_string().contains("no such secret"));
    }
}
