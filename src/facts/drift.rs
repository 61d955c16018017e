//! What is not as it was found.

use std::collections::BTreeMap;
use std::fmt;

use super::{Block, ServerFacts};

/// One thing that is not as it was found. Shown: `disk `OLD0` is gone`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `disk`, `logical volume`, `file`: the words that it is shown with
    pub kind: &'static str,
    /// what stays when a server boots again (a serial number, a UUID, a mount point), never `/dev/sdX`
    pub name: String,
    /// what it was; of files their text. `None`: there was none
    pub was: Option<String>,
    pub now: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if !self.name.is_empty() {
            write!(f, " `{}`", self.name)?;
        }
        match (&self.was, &self.now) {
            (_, None) => write!(f, " is gone"),
            (None, _) => write!(f, " is new"),
            (Some(was), Some(now)) if self.kind == FILE => write!(f, " has changed{}", first_difference(was, now)),
            (Some(was), Some(now)) => write!(f, " is {now}, was {was}"),
        }
    }
}

/// The kind of a [`Change`] of a text.
pub const FILE: &str = "file";

/// `, at line 3: it says `x`, said `y``
fn first_difference(was: &str, now: &str) -> String {
    let line = |line: Option<&str>| match line {
        Some(line) if line.chars().count() > 80 => format!("`{}…`", line.chars().take(80).collect::<String>()),
        Some(line) => format!("`{line}`"),
        None => "nothing".into(),
    };
    let (mut before, mut after) = (was.lines(), now.lines());
    for number in 1.. {
        match (before.next(), after.next()) {
            (None, None) => break,
            (was, now) if was == now => {}
            (was, now) => return format!(", at line {number}: it says {}, said {}", line(now), line(was)),
        }
    }
    String::new()
}

/// Each difference that matters to a migration.
pub fn drift(before: &ServerFacts, now: &ServerFacts) -> Vec<Change> {
    let mut changes = Vec::new();
    let one = |kind, was: &str, now: &str| Change {
        kind,
        name: String::new(),
        was: Some(format!("`{was}`")),
        now: Some(format!("`{now}`")),
    };
    // another machine differs in everything: nothing more to say
    if before.machine != now.machine {
        let name = |machine: &Option<String>| machine.clone().unwrap_or_else(|| "unknown".into());
        return vec![one("machine", &name(&before.machine), &name(&now.machine))];
    }
    for (kind, was, is) in [
        ("host name", &before.hostname, &now.hostname),
        ("kernel", &before.kernel, &now.kernel),
        ("system", &before.os.pretty_name, &now.os.pretty_name),
        ("architecture", &before.arch, &now.arch),
    ] {
        if was != is {
            changes.push(one(kind, was, is));
        }
    }
    for (kind, of) in KINDS {
        compare(kind, &of(before), &of(now), &mut changes);
    }
    // what is new is of use to nobody, or was not there to be used
    let tools = |server: &ServerFacts| server.tools.iter().map(|tool| (tool.clone(), String::new())).collect();
    compare("command", &tools(before), &tools(now), &mut changes);
    changes.retain(|change| change.kind != "command" || change.now.is_none());
    changes
}

/// Name and description of each thing of a kind.
type Things = BTreeMap<String, String>;

type OfServer = fn(&ServerFacts) -> Things;

const KINDS: &[(&str, OfServer)] = &[
    ("disk", disks),
    ("partition", partitions),
    ("array", arrays),
    ("physical volume", pvs),
    ("volume group", vgs),
    ("logical volume", lvs),
    ("mount", mounts),
    ("addresses of", addresses),
    ("host key", host_keys),
    ("kernel with an initramfs", initrds),
    ("iSCSI session", sessions),
    (FILE, files),
];

fn compare(kind: &'static str, before: &Things, now: &Things, changes: &mut Vec<Change>) {
    let names = before.keys().chain(now.keys().filter(|name| !before.contains_key(*name)));
    for name in names {
        let (was, now) = (before.get(name).cloned(), now.get(name).cloned());
        if was != now {
            changes.push(Change { kind, name: name.clone(), was, now });
        }
    }
}

fn disks(server: &ServerFacts) -> Things {
    let disks = server.blocks.iter().filter(|block| block.kind == "disk");
    disks
        .map(|disk| {
            let content = disk.pttype.as_ref().or(disk.fstype.as_ref()).map_or("nothing known", String::as_str);
            (identity(disk), format!("{} bytes in sectors of {} with {content}", disk.size, disk.log_sec))
        })
        .collect()
}

/// A serial or a name that udev makes from what the disk says of itself.
pub fn identity(disk: &Block) -> String {
    let told = disk.wwn.as_ref().or(disk.serial.as_ref()).or(disk.by_id.first()).or(disk.by_path.first());
    told.unwrap_or(&disk.path).clone()
}

fn partitions(server: &ServerFacts) -> Things {
    let parts = server.blocks.iter().filter(|block| block.kind == "part");
    parts
        .map(|part| {
            let name = part.partuuid.as_ref().unwrap_or(&part.path).clone();
            (name, format!("{} bytes with {}", part.size, content(&part.fstype, &part.uuid)))
        })
        .collect()
}

fn content(fstype: &Option<String>, uuid: &Option<String>) -> String {
    match (fstype, uuid) {
        (Some(fstype), Some(uuid)) => format!("{fstype} {uuid}"),
        (Some(fstype), None) => fstype.clone(),
        (None, _) => "nothing known".into(),
    }
}

fn arrays(server: &ServerFacts) -> Things {
    let arrays = server.arrays.iter();
    arrays
        .map(|array| {
            let state = if array.degraded { ", degraded" } else { "" };
            let name = if array.uuid.is_empty() { &array.path } else { &array.uuid };
            (name.clone(), format!("{} of {} named {}{state}", array.level, array.devices, array.name))
        })
        .collect()
}

fn pvs(server: &ServerFacts) -> Things {
    let pvs = server.pvs.iter();
    pvs.map(|pv| {
        let group = if pv.vg.is_empty() { "no group" } else { &pv.vg };
        (pv.uuid.clone(), format!("{} bytes in {group}{}", pv.size, if pv.missing { ", missing" } else { "" }))
    })
    .collect()
}

fn vgs(server: &ServerFacts) -> Things {
    let vgs = server.vgs.iter();
    vgs.map(|vg| {
        let missing = match vg.missing_pv_count {
            0 => String::new(),
            count => format!(", {count} of them missing"),
        };
        let extents = format!("{} extents of {} bytes", vg.extent_count, vg.extent_size);
        (vg.name.clone(), format!("{extents} on {} volumes{missing} ({})", vg.pv_count, vg.uuid))
    })
    .collect()
}

fn lvs(server: &ServerFacts) -> Things {
    let lvs = server.lvs.iter();
    lvs.map(|lv| {
        let health = if lv.health.is_empty() { String::new() } else { format!(", {}", lv.health) };
        let what = format!("{} of {} bytes with {}", lv.segtype, lv.size, content(&lv.fstype, &lv.fs_uuid));
        (format!("{}/{}", lv.vg, lv.name), format!("{what}{health} ({})", lv.uuid))
    })
    .collect()
}

fn mounts(server: &ServerFacts) -> Things {
    let mounts = server.mounts.iter();
    mounts
        .map(|mount| {
            let mode = if mount.options.iter().any(|option| option == "ro") { "read-only" } else { "writable" };
            let source = mount.uuid.as_ref().unwrap_or(&mount.source);
            (mount.target.clone(), format!("{} {source}, {mode}", mount.fstype))
        })
        .collect()
}

fn addresses(server: &ServerFacts) -> Things {
    let cards = server.interfaces.iter().filter(|interface| !interface.addresses.is_empty());
    cards.map(|card| (format!("{} {}", card.name, card.mac), card.addresses.join(" "))).collect()
}

fn host_keys(server: &ServerFacts) -> Things {
    server.host_keys.iter().map(|key| (key.clone(), String::new())).collect()
}

fn initrds(server: &ServerFacts) -> Things {
    server.initrds.iter().map(|kernel| (kernel.clone(), String::new())).collect()
}

fn files(server: &ServerFacts) -> Things {
    server.files.clone()
}

fn sessions(server: &ServerFacts) -> Things {
    server.iscsi_sessions.iter().map(|target| (target.clone(), String::new())).collect()
}
