//! Files of a server, all of them with one question, and the facts that are taken out of small ones.

use std::collections::BTreeMap;

use super::fact::{Fact, Failed};
use super::parse::{ParseError, number};
use super::wanted::{files, parts_of};
use super::{ServerFacts, lvm, md, mounts, os, under_way};
use crate::host::{IN_MEMORY, KEPT, Query};

/// The one question that reads files; what is taken out of each is in `SMALL`.
pub(super) const FACTS: &[Fact] = &[Fact {
    name: "texts",
    query: |_| Some(query()),
    failed: Failed::Error,
    put: |text, server| put(&Texts(parse(text)?), server),
}];

/// A row: files of the kernel, or others whose whole text is no fact. It starts no further process.
struct Small {
    paths: &'static [&'static str],
    /// parses their texts, in the order of `paths` and empty where there is no such file, and puts what they tell into the
    /// server; it may look at what rows of other topics have put there
    put: fn(&[&str], &mut ServerFacts) -> Result<(), ParseError>,
}

const SMALL: &[Small] = &[
    Small {
        paths: &["/proc/sys/kernel/hostname"],
        put: |texts, server| {
            server.hostname = texts[0].trim().to_string();
            Ok(())
        },
    },
    Small {
        paths: &["/proc/sys/kernel/osrelease"],
        put: |texts, server| {
            server.kernel = texts[0].trim().to_string();
            Ok(())
        },
    },
    Small {
        paths: &["/proc/sys/kernel/random/boot_id"],
        put: |texts, server| {
            server.boot_id = texts[0].trim().to_string();
            Ok(())
        },
    },
    Small {
        paths: &["/sys/class/dmi/id/product_uuid"],
        put: |texts, server| {
            server.machine = Some(texts[0].trim().to_string()).filter(|uuid| !uuid.is_empty());
            Ok(())
        },
    },
    Small {
        paths: &["/proc/meminfo"],
        put: |texts, server| {
            server.memory = os::parse_memory(texts[0])?;
            server.memory_available = os::parse_memory_available(texts[0]);
            Ok(())
        },
    },
    Small {
        paths: &["/proc/swaps"],
        put: |texts, server| {
            server.swaps = mounts::parse_swaps(texts[0])?;
            Ok(())
        },
    },
    // to mdadm's arrays
    Small {
        paths: &["/proc/mdstat"],
        put: |texts, server| {
            md::add_running(&mut server.arrays, &md::parse_mdstat(texts[0])?);
            Ok(())
        },
    },
    // to LVM's volumes
    Small {
        paths: &["/proc/diskstats", "/proc/uptime"],
        put: |texts, server| {
            lvm::add_rates(server, &os::parse_written(texts[0]), os::parse_uptime(texts[1]).unwrap_or(0));
            Ok(())
        },
    },
    Small {
        paths: &["/etc/os-release"],
        put: |texts, server| {
            server.os = os::parse_release(texts[0]);
            Ok(())
        },
    },
    Small {
        paths: &[IN_MEMORY, KEPT],
        put: |texts, server| {
            server.under_way = under_way::of([texts[0], texts[1]]);
            Ok(())
        },
    },
];

fn put(texts: &Texts, server: &mut ServerFacts) -> Result<(), ParseError> {
    for small in SMALL {
        let of: Vec<&str> = small.paths.iter().map(|path| texts.of(path)).collect();
        (small.put)(&of, server)?;
    }
    // files that are asked for already: by the patterns of the script, or because their text is a fact too
    let sessions = texts.under("/sys/class/iscsi_session/", "/targetname");
    server.iscsi_sessions = sessions.into_iter().map(str::to_string).collect();
    server.host_keys = texts.under("/etc/ssh/", ".pub").into_iter().filter_map(os::parse_host_key).collect();
    server.initiator = os::parse_initiator(texts.of("/etc/iscsi/initiatorname.iscsi"));
    server.files = texts.files();
    Ok(())
}

/// Files, by their paths.
struct Texts(BTreeMap<String, String>);

impl Texts {
    /// Empty where there is no such file.
    fn of(&self, path: &str) -> &str {
        self.0.get(path).map(String::as_str).unwrap_or_default()
    }

    /// Those whose paths begin and end so.
    fn under(&self, place: &str, name: &str) -> Vec<&str> {
        let found = self.0.iter().filter(|(path, _)| path.starts_with(place) && path.ends_with(name));
        found.map(|(_, text)| text.trim()).collect()
    }

    fn files(&self) -> BTreeMap<String, String> {
        let files = self.0.iter().filter(|(path, _)| is_file(path));
        files.map(|(path, text)| (path.clone(), text.clone())).collect()
    }
}

/// Many files with two processes: sizes, then every line behind its file's name. Missing ones are not in the output.
const TEXTS: &str = r#"echo @sizes
wc -c "$@" 2>/dev/null
echo @lines
grep -asH '' "$@" /sys/class/iscsi_session/*/targetname /etc/ssh/ssh_host_*_key.pub
exit 0"#;

/// The texts of `files`, `parts_of` and `SMALL`: answers [`parse`].
pub fn query() -> Query {
    let parts: Vec<String> = parts_of().iter().map(|(dir, end)| format!("{dir}*{end}")).collect();
    let script = format!("set -- \"$@\" {}\n{TEXTS}", parts.join(" "));
    let small = SMALL.iter().flat_map(|small| small.paths.iter().copied());
    Query::run(["sh", "-c", &script, "sh"].into_iter().chain(small).chain(files().iter().copied()))
}

/// Path and text of every file that is there, byte for byte.
pub fn parse(text: &str) -> Result<BTreeMap<String, String>, ParseError> {
    let (sizes, lines) = match text.strip_prefix("@sizes\n").and_then(|text| text.split_once("@lines\n")) {
        Some(parts) => parts,
        None => return Err(ParseError::new("there are no marks `@sizes` and `@lines`")),
    };
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    // a file that was asked for by its name and by a pattern comes twice
    let (mut now, mut again) = (String::new(), false);
    for line in lines.split_terminator('\n') {
        let (path, line) = split_path(line).ok_or_else(|| ParseError(format!("no file name before `{line}`")))?;
        if path != now {
            again = texts.contains_key(path);
            now = path.to_string();
        }
        if again {
            continue;
        }
        let text = texts.entry(path.to_string()).or_default();
        text.push_str(line);
        text.push('\n');
    }
    for line in sizes.lines() {
        let Some((size, path)) = line.trim().split_once(' ') else { continue };
        let size: usize = number("a size", size)?;
        match texts.get_mut(path) {
            // grep ends the last line, even where the file does not
            Some(text) if text.len() == size + 1 && size > 0 => drop(text.pop()),
            Some(_) => {}
            None if size == 0 && is_file(path) => drop(texts.insert(path.to_string(), String::new())),
            None => {}
        }
    }
    Ok(texts)
}

/// Whether the text of a file is one of [`super::ServerFacts::files`].
fn is_file(path: &str) -> bool {
    files().contains(&path) || parts_of().iter().any(|(dir, end)| path.starts_with(dir) && path.ends_with(end))
}

/// The names of iSCSI sessions' directories have no colon, and neither have the other files we ask for.
fn split_path(line: &str) -> Option<(&str, &str)> {
    line.split_once(':').filter(|(path, _)| path.starts_with('/'))
}
