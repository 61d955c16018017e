//! Small files of the system, and what systemd(1) and udev(7) know.

use std::collections::{BTreeMap, BTreeSet};

use super::fact::{Fact, Failed};
use super::parse::ParseError;
use super::{Block, Os};
use crate::host::Query;

pub(super) const FACTS: &[Fact] = &[
    Fact {
        name: "links",
        query: |_| Some(links_query()),
        // find(1) fails where a place vanishes meanwhile, and tells of the others all the same
        failed: Failed::CountsIfThere,
        put: |text, server| parse_links(text).map(|links| add_links(&mut server.blocks, &links)),
    },
    Fact {
        name: "services",
        query: |_| Some(services_query()),
        failed: Failed::Counts,
        put: |text, server| {
            server.services = parse_services(text);
            Ok(())
        },
    },
    Fact {
        name: "unit-files",
        query: |_| Some(unit_files_query()),
        failed: Failed::Counts,
        put: |text, server| {
            (server.disabled, server.mount_units) = parse_unit_files(text);
            Ok(())
        },
    },
];

/// os-release(5).
pub(crate) fn parse_release(text: &str) -> Os {
    let get = |key: &str| {
        let value = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
        let words = value.and_then(shlex::split);
        words.and_then(|words| words.into_iter().next()).unwrap_or_default()
    };
    Os {
        id: get("ID"),
        id_like: get("ID_LIKE").split_whitespace().map(str::to_string).collect(),
        version_id: get("VERSION_ID"),
        pretty_name: get("PRETTY_NAME"),
    }
}

/// `MemTotal` of /proc/meminfo, in bytes.
pub fn parse_memory(text: &str) -> Result<u64, ParseError> {
    memory(text, "MemTotal").ok_or_else(|| ParseError::new("there is no `MemTotal:` with a number"))
}

/// `MemAvailable` of /proc/meminfo, in bytes; 0 where it is not told.
pub(crate) fn parse_memory_available(text: &str) -> u64 {
    memory(text, "MemAvailable").unwrap_or(0)
}

fn memory(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib.saturating_mul(1024))
}

/// Bytes written to each block device since the boot, by kernel name: the tenth field of /proc/diskstats counts sectors of
/// 512 bytes (Documentation/admin-guide/iostats.rst).
pub fn parse_written(text: &str) -> BTreeMap<String, u64> {
    let of = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        Some((words.get(2)?.to_string(), words.get(9)?.parse::<u64>().ok()?.saturating_mul(512)))
    };
    text.lines().filter_map(of).collect()
}

/// Whole seconds since the boot: /proc/uptime.
pub fn parse_uptime(text: &str) -> Option<u64> {
    text.split(['.', ' ']).next()?.parse().ok()
}

/// Links that udev(7) makes: answers [`parse_links`]. Those by the kernel's numbers are left out: there are hundreds.
pub(crate) fn links_query() -> Query {
    let numbers = ["-path", "/dev/char", "-o", "-path", "/dev/block"];
    let links = ["-prune", "-o", "-type", "l", "-printf", "%p %l\\n"];
    Query::run(["find", "/dev", "("].into_iter().chain(numbers).chain([")"]).chain(links))
}

/// Link and kernel name of the device: `/dev/disk/by-id/ata-X ../../sda` is (`/dev/disk/by-id/ata-X`, `sda`); sorted.
pub fn parse_links(text: &str) -> Result<Vec<(String, String)>, ParseError> {
    let mut links = Vec::new();
    for line in text.lines() {
        let (link, to) = line.split_once(' ').ok_or_else(|| ParseError(format!("not a link: `{line}`")))?;
        let name = to.strip_prefix("/dev/").unwrap_or(to.trim_start_matches("../"));
        links.push((link.to_string(), name.to_string()));
    }
    links.sort();
    Ok(links)
}

/// To lsblk's devices, each to the list of its directory.
fn add_links(blocks: &mut [Block], links: &[(String, String)]) {
    for block in blocks {
        for (link, _) in links.iter().filter(|(_, device)| *device == block.kname) {
            let list = match link {
                _ if link.starts_with("/dev/disk/by-id/") => &mut block.by_id,
                _ if link.starts_with("/dev/disk/by-path/") => &mut block.by_path,
                _ if *link == block.path => continue,
                _ => &mut block.links,
            };
            list.push(link.clone());
        }
    }
}

/// Active services and timers: answers [`parse_services`].
pub(crate) fn services_query() -> Query {
    Query::run(
        "systemctl list-units --type=service,timer --state=active --plain --full --no-legend --no-pager".split(' '),
    )
}

/// The first word of each line; sorted.
pub fn parse_services(text: &str) -> Vec<String> {
    let unit = |word: &&str| word.ends_with(".service") || word.ends_with(".timer");
    let words = text.lines().filter_map(|line| line.split_whitespace().find(unit));
    let sorted: BTreeSet<String> = words.map(str::to_string).collect();
    sorted.into_iter().collect()
}

/// What starts at boot, as far as each unit's own file says it: answers [`parse_unit_files`].
pub(crate) fn unit_files_query() -> Query {
    Query::run("systemctl list-unit-files --type=service,timer,socket,mount --full --no-legend --no-pager".split(' '))
}

/// Units that are disabled or masked, and mounts that are neither. A template stands for its instances. Those that systemd
/// generates stand in fstab, and may have been taken from there since.
pub fn parse_unit_files(text: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut found = (BTreeSet::new(), BTreeSet::new());
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(unit), Some(state)) = (words.next(), words.next()) else { continue };
        if matches!(state, "disabled" | "masked" | "masked-runtime" | "bad") {
            found.0.insert(unit.to_string());
        } else if unit.ends_with(".mount") && state != "generated" {
            found.1.insert(unit.to_string());
        }
    }
    found
}

/// Key type and base64 of a line `ssh-ed25519 AAAA… root@srv1`.
pub(crate) fn parse_host_key(line: &str) -> Option<String> {
    match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        [kind, key, ..] => Some(format!("{kind} {key}")),
        _ => None,
    }
}

/// `InitiatorName=` of /etc/iscsi/initiatorname.iscsi.
pub(crate) fn parse_initiator(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix("InitiatorName="))?;
    Some(value.trim().to_string()).filter(|name| !name.is_empty())
}
