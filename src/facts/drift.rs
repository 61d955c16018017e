//! What is not as it was found.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::still::still;
use super::{Block, Firmware, ServerFacts};

/// One thing that is not as it was found. Shown: `disk `OLD0` is gone`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `disk`, `logical volume`, `file`: the words that it is shown with
    pub kind: &'static str,
    /// what stays when a server boots again (a serial number, a UUID, a mount point), never `/dev/sdX`
    pub name: String,
    /// the field of the facts that differs, where it is not in the words for the whole
    pub field: Option<String>,
    /// what it was; of files their text. `None`: there was none
    pub was: Option<String>,
    /// how it is now; `None` where it is gone
    pub now: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.field {
            write!(f, "`{field}` of ")?;
        }
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
/// Kinds of which more is no harm.
pub const COMMAND: &str = "command";
pub(crate) const MODULE: &str = "kernel module";
/// Compared only until it is installed.
pub(crate) const PACKAGE: &str = "package for iSCSI";

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

/// Each difference but in what changes by itself: where the digest of the facts is another, there is one.
pub fn drift(before: &ServerFacts, now: &ServerFacts) -> Vec<Change> {
    // another machine differs in everything: nothing more to say
    if before.machine != now.machine {
        let name = |machine: &Option<String>| Some(format!("`{}`", machine.as_deref().unwrap_or("unknown")));
        return vec![Change {
            kind: "machine",
            name: String::new(),
            field: None,
            was: name(&before.machine),
            now: name(&now.machine),
        }];
    }
    let (before, now) = (still(before), still(now));
    let mut changes = Vec::new();
    // of a whole server: each field that is no list of things
    let (mut was, mut is) = (fields(&before), fields(&now));
    for kind in KINDS {
        was.remove(kind.field);
        is.remove(kind.field);
    }
    for (field, was, now) in differences(&was, &is) {
        let kind = WORDS.iter().find(|(known, _)| *known == field).map(|(_, kind)| *kind);
        changes.push(Change {
            kind: kind.unwrap_or("the server"),
            name: String::new(),
            field: kind.is_none().then_some(field),
            was: Some(format!("`{was}`")),
            now: Some(format!("`{now}`")),
        });
    }
    for kind in KINDS {
        compare(kind.kind, &named((kind.of)(&before)), &named((kind.of)(&now)), &mut changes);
    }
    changes
}

/// What fields of a whole server are called.
const WORDS: &[(&str, &str)] = &[
    ("hostname", "host name"),
    ("kernel", "kernel"),
    ("os", "system"),
    ("arch", "architecture"),
    ("uid", "user that commands run as"),
    ("uefi", "UEFI"),
    ("lvm_version", "version of LVM"),
];

struct Thing {
    /// what stays when a server boots again
    name: String,
    /// what matters of it, as it is shown
    words: String,
    /// everything that is known of it
    all: Value,
}

fn thing(name: impl Into<String>, words: impl Into<String>, all: &impl Serialize) -> Thing {
    let all = serde_json::to_value(all).expect("facts are plain data");
    Thing { name: name.into(), words: words.into(), all }
}

fn bare(name: &str) -> Thing {
    thing(name, "", &())
}

/// One kind of things of a server, and the field of the facts that they are in.
struct Kind {
    kind: &'static str,
    field: &'static str,
    of: fn(&ServerFacts) -> Vec<Thing>,
}

const fn kind(kind: &'static str, field: &'static str, of: fn(&ServerFacts) -> Vec<Thing>) -> Kind {
    Kind { kind, field, of }
}

const KINDS: &[Kind] = &[
    kind("disk", "blocks", disks),
    kind("partition", "blocks", partitions),
    kind("device", "blocks", devices),
    kind("array", "arrays", arrays),
    kind("physical volume", "pvs", pvs),
    kind("volume group", "vgs", vgs),
    kind("logical volume", "lvs", lvs),
    kind("mount", "mounts", mounts),
    kind("swap", "swaps", swaps),
    kind("network card", "interfaces", cards),
    kind("host key", "host_keys", |server| server.host_keys.iter().map(|key| bare(key)).collect()),
    kind("kernel with an initramfs", "initrds", |server| server.initrds.iter().map(|kernel| bare(kernel)).collect()),
    kind("iSCSI session", "iscsi_sessions", |server| server.iscsi_sessions.iter().map(|iqn| bare(iqn)).collect()),
    kind("LVM setting", "lvm_config", settings),
    kind("MAC address in", "macs", macs),
    kind("network card's mark in", "card_lines", card_lines),
    kind("tool for file systems", "fs_tools", |server| {
        server.fs_tools.iter().map(|(tool, version)| thing(tool, version, &())).collect()
    }),
    kind("firmware of", "firmware", |server| {
        let words =
            |firmware: &Firmware| format!("{} files there, {} not", firmware.there.len(), firmware.lacks.len());
        server.firmware.iter().map(|(module, firmware)| thing(module, words(firmware), firmware)).collect()
    }),
    kind("package", "boot_packages", |server| server.boot_packages.iter().map(|name| bare(name)).collect()),
    kind("address in the network's configuration", "configured", |server| {
        server.configured.iter().map(|address| bare(address)).collect()
    }),
    kind("network link file", "link_files", |server| server.link_files.iter().map(|path| bare(path)).collect()),
    kind(COMMAND, "tools", |server| server.tools.iter().map(|tool| bare(tool)).collect()),
    kind(MODULE, "modules", |server| server.modules.iter().map(|module| bare(module)).collect()),
    kind(PACKAGE, "iscsi_packages", packages),
    kind(FILE, "present", |server| server.present.iter().map(|path| bare(path)).collect()),
    kind(FILE, "files", files),
];

/// By their names; of two with one name the second has a number.
fn named(things: Vec<Thing>) -> BTreeMap<String, Thing> {
    let mut all: BTreeMap<String, Thing> = BTreeMap::new();
    for thing in things {
        let again = (2..).map(|number| format!("{} ({number})", thing.name));
        let name = std::iter::once(thing.name.clone()).chain(again).find(|name| !all.contains_key(name));
        all.insert(name.unwrap_or_default(), thing);
    }
    all
}

type Fields = BTreeMap<String, Value>;

fn fields(of: &impl Serialize) -> Fields {
    match serde_json::to_value(of) {
        Ok(Value::Object(fields)) => fields.into_iter().collect(),
        _ => Fields::new(),
    }
}

/// Name, before and now of each field that differs.
fn differences(before: &Fields, now: &Fields) -> Vec<(String, String, String)> {
    let names = before.keys().chain(now.keys().filter(|name| !before.contains_key(*name)));
    names
        .filter(|name| before.get(*name) != now.get(*name))
        .map(|name| (name.clone(), shown(before.get(name)), shown(now.get(name))))
        .collect()
}

fn shown(value: Option<&Value>) -> String {
    let nothing = || "nothing".to_string();
    match value {
        None | Some(Value::Null) => nothing(),
        Some(Value::Bool(true)) => "yes".into(),
        Some(Value::Bool(false)) => "no".into(),
        Some(Value::String(text)) if text.is_empty() => nothing(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) if items.is_empty() => nothing(),
        Some(Value::Array(items)) => items.iter().map(|item| shown(Some(item))).collect::<Vec<_>>().join(", "),
        Some(Value::Object(fields)) => {
            let full = fields.get("pretty_name").filter(|name| name.as_str().is_some_and(|name| !name.is_empty()));
            full.map_or_else(|| value.map(Value::to_string).unwrap_or_default(), |name| shown(Some(name)))
        }
        Some(other) => other.to_string(),
    }
}

fn compare(
    kind: &'static str,
    before: &BTreeMap<String, Thing>,
    now: &BTreeMap<String, Thing>,
    changes: &mut Vec<Change>,
) {
    let names = before.keys().chain(now.keys().filter(|name| !before.contains_key(*name)));
    for name in names {
        let (was, now) = (before.get(name), now.get(name));
        let change = |field, was, now| Change { kind, name: name.clone(), field, was, now };
        match (was, now) {
            (Some(was), Some(now)) if was.words == now.words => {
                let differ = differences(&fields(&was.all), &fields(&now.all));
                changes.extend(differ.into_iter().map(|(field, was, now)| change(Some(field), Some(was), Some(now))));
            }
            _ => {
                changes.push(change(None, was.map(|thing| thing.words.clone()), now.map(|thing| thing.words.clone())))
            }
        }
    }
}

fn of_kind<'a>(server: &'a ServerFacts, kind: &'a str) -> impl Iterator<Item = &'a Block> {
    server.blocks.iter().filter(move |block| block.kind == kind)
}

fn disks(server: &ServerFacts) -> Vec<Thing> {
    of_kind(server, "disk")
        .map(|disk| {
            let content = disk.pttype.as_ref().or(disk.fstype.as_ref()).map_or("nothing known", String::as_str);
            let words = format!("{} bytes in sectors of {} with {content}", disk.size, disk.log_sec);
            thing(&disk.path, words, disk)
        })
        .collect()
}

fn partitions(server: &ServerFacts) -> Vec<Thing> {
    of_kind(server, "part").map(holding).collect()
}

/// Whatever else is a block device: what stands in an array, a loop, an encrypted or multipath device.
fn devices(server: &ServerFacts) -> Vec<Thing> {
    let others = server.blocks.iter().filter(|block| !matches!(block.kind.as_str(), "disk" | "part"));
    others.map(holding).collect()
}

fn holding(block: &Block) -> Thing {
    thing(&block.path, format!("{} bytes with {}", block.size, content(&block.fstype, &block.uuid)), block)
}

fn content(fstype: &Option<String>, uuid: &Option<String>) -> String {
    match (fstype, uuid) {
        (Some(fstype), Some(uuid)) => format!("{fstype} {uuid}"),
        (Some(fstype), None) => fstype.clone(),
        (None, _) => "nothing known".into(),
    }
}

fn arrays(server: &ServerFacts) -> Vec<Thing> {
    let arrays = server.arrays.iter();
    arrays
        .map(|array| {
            let state = if array.degraded { ", degraded" } else { "" };
            let words = format!("{} of {} named {}{state}", array.level, array.devices, array.name);
            thing(if array.uuid.is_empty() { &array.path } else { &array.uuid }, words, array)
        })
        .collect()
}

fn pvs(server: &ServerFacts) -> Vec<Thing> {
    let pvs = server.pvs.iter();
    pvs.map(|pv| {
        let group = if pv.vg.is_empty() { "no group" } else { &pv.vg };
        thing(&pv.uuid, format!("{} bytes in {group}{}", pv.size, if pv.missing { ", missing" } else { "" }), pv)
    })
    .collect()
}

fn vgs(server: &ServerFacts) -> Vec<Thing> {
    let vgs = server.vgs.iter();
    vgs.map(|vg| {
        let missing = match vg.missing_pv_count {
            0 => String::new(),
            count => format!(", {count} of them missing"),
        };
        let extents = format!("{} extents of {} bytes", vg.extent_count, vg.extent_size);
        thing(&vg.name, format!("{extents} on {} volumes{missing} ({})", vg.pv_count, vg.uuid), vg)
    })
    .collect()
}

fn lvs(server: &ServerFacts) -> Vec<Thing> {
    let lvs = server.lvs.iter();
    lvs.map(|lv| {
        let health = if lv.health.is_empty() { String::new() } else { format!(", {}", lv.health) };
        let active = if lv.active { "" } else { ", inactive" };
        let what = format!("{} of {} bytes with {}", lv.segtype, lv.size, content(&lv.fstype, &lv.fs_uuid));
        thing(format!("{}/{}", lv.vg, lv.name), format!("{what}{active}{health} ({})", lv.uuid), lv)
    })
    .collect()
}

fn mounts(server: &ServerFacts) -> Vec<Thing> {
    let mounts = server.mounts.iter();
    mounts
        .map(|mount| {
            let mode = if mount.options.iter().any(|option| option == "ro") { "read-only" } else { "writable" };
            let source = mount.uuid.as_ref().unwrap_or(&mount.source);
            thing(&mount.target, format!("{} {source}, {mode}", mount.fstype), mount)
        })
        .collect()
}

fn swaps(server: &ServerFacts) -> Vec<Thing> {
    let swaps = server.swaps.iter();
    swaps.map(|swap| thing(&swap.path, format!("a {} of {} bytes", swap.kind, swap.size), swap)).collect()
}

fn cards(server: &ServerFacts) -> Vec<Thing> {
    let cards = server.interfaces.iter();
    cards
        .map(|card| {
            let addresses = match card.addresses.as_slice() {
                [] => "without addresses".to_string(),
                addresses => format!("with {}", addresses.join(" ")),
            };
            thing(format!("{} {}", card.name, card.mac).trim_end(), addresses, card)
        })
        .collect()
}

fn settings(server: &ServerFacts) -> Vec<Thing> {
    server.lvm_config.iter().map(|(name, value)| thing(name, format!("`{value}`"), &())).collect()
}

fn macs(server: &ServerFacts) -> Vec<Thing> {
    let lines = server.macs.iter();
    lines.map(|line| thing(&line.path, format!("`{} {}` in line {}", line.key, line.mac, line.line), line)).collect()
}

fn card_lines(server: &ServerFacts) -> Vec<Thing> {
    let lines = server.card_lines.iter();
    lines
        .map(|line| thing(&line.path, format!("`{} {}` in line {}", line.key, line.value, line.line), line))
        .collect()
}

/// Where apt fails: another answer than that nothing is missing.
fn packages(server: &ServerFacts) -> Vec<Thing> {
    let Some(packages) = &server.iscsi_packages else { return vec![bare("(apt fails)")] };
    packages.iter().map(|package| thing(&package.name, &package.version, package)).collect()
}

fn files(server: &ServerFacts) -> Vec<Thing> {
    server.files.iter().map(|(path, text)| thing(path, text, &())).collect()
}
