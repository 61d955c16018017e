//! What is mounted at boot: fstab(5).

use super::resolve::plain;

/// A line of /etc/fstab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// its number in the file, from 1
    pub line: usize,
    /// as it is written
    pub source: String,
    /// `none` or anything else for a swap
    pub target: String,
    /// the third field; `swap` for swaps
    pub fstype: String,
    /// the fourth field, at its commas
    pub options: Vec<String>,
}

/// Every line that says something, escapes in the mount point and in options made plain.
pub fn entries(text: &str) -> Vec<Entry> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.starts_with('#'));
    lines
        .filter_map(|(line, words)| match words_of(words).as_slice() {
            [source, target, fstype, rest @ ..] => Some(Entry {
                line,
                source: source.clone(),
                target: plain(target),
                fstype: fstype.clone(),
                options: rest.first().map(|list| list.split(',').map(plain).collect()).unwrap_or_default(),
            }),
            _ => None,
        })
        .collect()
}

/// Words between blanks; a blank between quotes, as in `LABEL="my data"`, parts none (libblkid reads tags so).
fn words_of(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '"') => quote = Some(letter),
            (None, _) if letter.is_whitespace() => {
                words.push(String::new());
                continue;
            }
            _ => {}
        }
        words.last_mut().expect("there is one").push(letter);
    }
    words.retain(|word| !word.is_empty());
    words
}

impl Entry {
    /// Whether this word is among its options.
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|has| has == option)
    }

    /// What stands behind `option=`, each time that it is given.
    pub fn values<'a>(&'a self, option: &'a str) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter_map(move |has| has.strip_prefix(option)?.strip_prefix('='))
    }

    /// Whether it is a swap and no file system.
    pub fn is_swap(&self) -> bool {
        self.fstype == "swap"
    }

    /// Without it the boot ends in emergency mode: systemd.mount(5). A swap that is missing is only waited for.
    pub(crate) fn fatal(&self) -> bool {
        !self.is_swap() && !["noauto", "nofail", "x-systemd.automount"].iter().any(|option| self.has(option))
    }

    /// The files and directories that it is made of, or cannot be mounted without; not the place where it is mounted.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        // a directory that is bound, an image that is mounted through a loop device, a file with swap in it; helpers of
        // FUSE take several with colons (mergerfs), or their own name before it (`bindfs#/data`)
        let source = plain(&self.source);
        let source = source.rsplit('#').next().unwrap_or_default();
        // `nas:/export` is elsewhere
        let sources = source.split(':').take_while(|_| source.starts_with('/'));
        paths.extend(sources.map(str::to_string));
        for option in ["lowerdir", "upperdir", "workdir", "lowerdir+", "datadir+"] {
            // `lowerdir=/a:/b::/c`
            paths.extend(self.values(option).flat_map(|list| list.split(':')).map(str::to_string));
        }
        for option in ["x-systemd.requires", "x-systemd.requires-mounts-for", "x-systemd.binds-to"] {
            paths.extend(self.values(option).filter_map(unit_path));
        }
        for option in ["credentials", "cred", "passwd_file", "keyfile", "x-mount.mkdir-from"] {
            paths.extend(self.values(option).map(str::to_string));
        }
        // globs are below the last directory that is written out
        let written = |path: String| path.split(['*', '?', '{']).next().unwrap_or_default().to_string();
        paths.into_iter().map(written).filter(|path| path.starts_with('/') && !path.starts_with("/dev/")).collect()
    }

    /// Other devices than its source: an external journal, the other disks of a btrfs, what systemd is to wait for.
    pub fn devices(&self) -> Vec<String> {
        let options = ["journal_path", "logdev", "rtdev", "device", "x-systemd.requires", "x-systemd.binds-to"];
        let named = options.iter().flat_map(|option| self.values(option)).filter_map(unit_path);
        named.filter(|path| path.starts_with("/dev/")).collect()
    }
}

/// A path, or the path that the name of a mount or device unit stands for: `srv-data.mount` is /srv/data,
/// `dev-disk-by\x2duuid-X.device` is /dev/disk/by-uuid/X (systemd.unit(5)). Other units are no path.
fn unit_path(unit: &str) -> Option<String> {
    if unit.starts_with('/') {
        return Some(unit.to_string());
    }
    let name = unit.strip_suffix(".mount").or_else(|| unit.strip_suffix(".device"))?;
    if name == "-" {
        return Some("/".into());
    }
    let mut path = String::from("/");
    let mut rest = name;
    while let Some(letter) = rest.chars().next() {
        let hex = rest.strip_prefix("\\x").and_then(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok());
        match (hex, letter) {
            (Some(byte), _) => {
                path.push(char::from(byte));
                rest = &rest[4..];
                continue;
            }
            (None, '-') => path.push('/'),
            (None, letter) => path.push(letter),
        }
        rest = &rest[letter.len_utf8()..];
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Entry {
        entries(line).remove(0)
    }

    #[test]
    fn lines_are_read_as_mount_reads_them() {
        let text =
            "# a comment\n\n  UUID=x\t/srv\\040data ext4 defaults,nofail 0 2\nLABEL=\"my data\" /data xfs\nbroken\n";
        let all = entries(text);
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].line, all[0].target.as_str(), all[0].fatal()), (3, "/srv data", false));
        assert_eq!((all[1].line, all[1].source.as_str(), all[1].fatal()), (4, "LABEL=\"my data\"", true));
    }

    #[test]
    fn what_a_line_is_made_of_is_found_in_every_spelling() {
        let paths = |line: &str| one(line).paths();
        assert_eq!(paths("/data/www /var/www none bind 0 0"), ["/data/www"]);
        assert_eq!(paths("/data/j.img /srv/j ext4 loop 0 0"), ["/data/j.img"]);
        assert_eq!(paths("/data/swap none swap sw 0 0"), ["/data/swap"]);
        assert_eq!(
            paths("overlay /m overlay lowerdir=/a:/b,upperdir=/data/u,workdir=/data/w"),
            ["/a", "/b", "/data/u", "/data/w"]
        );
        assert_eq!(paths("/data*:/mnt/x /pool fuse.mergerfs defaults"), ["/data", "/mnt/x"]);
        assert_eq!(paths("bindfs#/data/x /y fuse defaults"), ["/data/x"]);
        assert_eq!(paths("tmpfs /t tmpfs x-systemd.requires-mounts-for=/data/q"), ["/data/q"]);
        assert_eq!(paths("tmpfs /t tmpfs x-systemd.requires=srv-my\\x2ddata.mount"), ["/srv/my-data"]);
        assert_eq!(paths("UUID=x /t ext4 defaults"), [""; 0]);
        assert_eq!(one("UUID=x /t xfs logdev=/dev/sdb1").devices(), ["/dev/sdb1"]);
        assert_eq!(one("UUID=x /t xfs x-systemd.requires=dev-sdb1.device").devices(), ["/dev/sdb1"]);
    }
}
