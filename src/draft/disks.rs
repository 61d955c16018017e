//! Which disks of new are used, and why the others are not.

use serde::Serialize;

use super::NoDraft;
use super::text::{list, quoted, size};
use crate::facts::{Block, Facts, ServerFacts};
use crate::layout::{fleeting, what_is_on};

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Choice {
    pub used: Vec<Disk>,
    pub why: String,
    /// the others, each with the reason
    pub not_used: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Disk {
    name: String,
    /// `serial: S1` or `wwn: "0x50…"`
    identity: String,
    what: String,
    /// what it holds
    holds: Option<String>,
}

/// Sizes are alike down to nine tenths: disks of one size by two makers are never quite the same.
fn alike(largest: u64, other: u64) -> bool {
    other >= largest / 10 * 9
}

pub(super) fn choose(facts: &Facts) -> Result<Choice, NoDraft> {
    let new = &facts.new;
    let mut candidates: Vec<(&Block, String)> = Vec::new();
    let mut not_used = Vec::new();
    for block in new.blocks.iter().filter(|block| block.kind == "disk") {
        match usable(facts, block) {
            Ok(identity) => candidates.push((block, identity)),
            Err(why) => not_used.push(format!("{}: {why}", what(block))),
        }
    }
    candidates.sort_by_key(|(block, _)| std::cmp::Reverse(block.size));

    // those of one size together, the largest first; the set with the most room is taken
    let mut sets: Vec<Vec<(&Block, String)>> = Vec::new();
    for candidate in candidates {
        match sets.last_mut().filter(|set| alike(set[0].0.size, candidate.0.size)) {
            Some(set) => set.push(candidate),
            None => sets.push(vec![candidate]),
        }
    }
    if !sets.iter().any(|set| set.len() > 1) {
        // no two are alike: the two largest, of which the smaller one counts
        let mut all: Vec<_> = sets.into_iter().flatten().collect();
        let others = all.split_off(all.len().min(2));
        sets = [all, others].into_iter().filter(|set| !set.is_empty()).collect();
    }
    let room = |set: &[(&Block, String)]| {
        let smallest = set.iter().map(|(block, _)| block.size).min().unwrap_or(0);
        match set.len() as u64 {
            0 | 1 => 0,
            2 | 3 => smallest,
            count => smallest * count / 2,
        }
    };
    let best = sets.iter().enumerate().max_by_key(|(at, set)| (room(set), std::cmp::Reverse(*at))).map(|(at, _)| at);
    let mut chosen = best.map(|at| sets.remove(at)).unwrap_or_default();
    let others: Vec<_> = sets.into_iter().flatten().map(|(block, _)| block).collect();
    if chosen.is_empty() {
        return Err(none(&not_used));
    }
    not_used.extend(others.iter().map(|block| {
        format!("{}: of another size than those that together have the most room; an array uses as much of each disk as the smallest has", what(block))
    }));

    chosen.sort_by_key(|(block, _)| new.blocks.iter().position(|other| other.path == block.path));
    let smallest = chosen.iter().map(|(block, _)| block.size).min().unwrap_or(0);
    let same = chosen.iter().all(|(block, _)| alike(block.size, smallest) && alike(smallest, block.size));
    let why = if chosen.len() == 1 {
        "the only disk of new that can be used".to_string()
    } else if same {
        format!("all disks of new that can be used and are alike in size ({})", size(smallest))
    } else {
        format!("no two disks of new are alike: these are the two largest, and {} of each is used", size(smallest))
    };
    let disk = |(at, (block, identity)): (usize, (&Block, String))| Disk {
        name: name(at),
        identity,
        what: what(block),
        holds: what_is_on(new, block).map(|table| holds(new, block, &table)),
    };
    Ok(Choice { used: chosen.into_iter().enumerate().map(disk).collect(), why, not_used })
}

fn none(not_used: &[String]) -> NoDraft {
    let there = match not_used {
        [] => "it has none at all".to_string(),
        all => format!("it has:\n    {}\n ", all.join("\n    ")),
    };
    NoDraft::Servers {
        message: format!("new has no disk that can be used; {there}"),
        help: "add a disk to new, or boot its rescue system so that it leaves the disks alone (from the network, in memory)"
            .into(),
    }
}

/// How a plan names a disk, or why it is not used.
fn usable(facts: &Facts, block: &Block) -> Result<String, String> {
    let mounted = facts.new.blocks.iter().find(|other| {
        (other.path == block.path || other.ancestors.contains(&block.path)) && !other.mountpoints.is_empty()
    });
    if let Some(mounted) = mounted {
        return Err(format!(
            "in use by the rescue system: {} is mounted on {}",
            mounted.path,
            list(&mounted.mountpoints)
        ));
    }
    if let Some(why) = fleeting(block) {
        return Err(why);
    }
    if block.read_only {
        return Err("read-only".into());
    }
    if block.by_id.is_empty() && block.by_path.is_empty() {
        return Err("udev knows no lasting name for it".into());
    }
    let sector = |block: &Block| block.log_sec.max(512);
    if let Some(pv) = old_disk(facts).filter(|pv| sector(pv) != sector(block)) {
        return Err(format!(
            "its logical blocks are of {} bytes, and {} of old has {}: file systems of the one may not mount on the other",
            sector(block),
            pv.path,
            sector(pv)
        ));
    }
    identity(&facts.new, block)
        .ok_or("it has no serial number and no WWN that only it has, so no plan can name it".into())
}

/// A device that a volume group of old stands on.
fn old_disk(facts: &Facts) -> Option<&Block> {
    let pv = facts.old.pvs.iter().find(|pv| pv.group().is_some())?;
    facts.old.blocks.iter().find(|block| block.path == pv.path)
}

/// What only this disk has: the serial number, or the WWN.
fn identity(server: &ServerFacts, block: &Block) -> Option<String> {
    let disks = || server.blocks.iter().filter(|other| other.kind == "disk");
    let good = |id: &str| {
        !id.is_empty() && id.len() <= 128 && !id.starts_with("/dev/") && id.chars().all(|c| (' '..='~').contains(&c))
    };
    let only = |key: &str, get: fn(&Block) -> Option<&str>| {
        let id = get(block).filter(|id| good(id))?;
        let count = disks().filter(|other| get(other) == Some(id)).count();
        (count == 1).then(|| format!("{key}: {}", quoted(id)))
    };
    only("serial", |block| block.serial.as_deref().map(str::trim))
        .or_else(|| only("wwn", |block| block.wwn.as_deref().map(str::trim)))
}

/// `a` to `z`, then `disk27`.
fn name(at: usize) -> String {
    match u8::try_from(at) {
        Ok(at @ 0..26) => char::from(b'a' + at).to_string(),
        _ => format!("disk{}", at + 1),
    }
}

/// For people: path, model, size.
fn what(block: &Block) -> String {
    let kind = if block.rotational { "" } else { ", solid state" };
    let names = [Some(block.path.as_str()), block.model.as_deref(), block.serial.as_deref()];
    let names: Vec<&str> = names.into_iter().flatten().map(str::trim).filter(|name| !name.is_empty()).collect();
    format!("{}, {}{kind}", names.join(" "), size(block.size))
}

/// What would be lost, partition by partition.
fn holds(server: &ServerFacts, disk: &Block, table: &str) -> String {
    let parts = server.blocks.iter().filter(|block| block.kind == "part" && block.ancestors.contains(&disk.path));
    let parts: Vec<String> = parts
        .map(|part| {
            let group = server.pvs.iter().find(|pv| pv.path == part.path && pv.group().is_some());
            let group = group.map(|pv| format!(" of volume group {}", pv.vg)).unwrap_or_default();
            format!("{} ({}, {}{group})", part.path, size(part.size), part.fstype.as_deref().unwrap_or("unknown"))
        })
        .collect();
    if parts.is_empty() { table.to_string() } else { format!("{table}: {}", list(parts)) }
}
