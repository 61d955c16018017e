//! What is not as it was found.

use std::collections::BTreeMap;

use super::{Block, ServerFacts};

/// One line for people for each difference that matters to a migration: `disk `OLD0` is gone`. Things are known by what
/// stays when a server boots again (serials, UUIDs, mount points), never by `/dev/sdX`.
pub fn drift(before: &ServerFacts, now: &ServerFacts) -> Vec<String> {
    let mut lines = Vec::new();
    // another machine differs in everything: nothing more to say
    if before.machine != now.machine {
        let name = |machine: &Option<String>| machine.clone().unwrap_or_else(|| "unknown".into());
        return vec![format!("it is another machine: `{}`, was `{}`", name(&now.machine), name(&before.machine))];
    }
    for (what, was, is) in [
        ("host name", &before.hostname, &now.hostname),
        ("kernel", &before.kernel, &now.kernel),
        ("system", &before.os.pretty_name, &now.os.pretty_name),
        ("architecture", &before.arch, &now.arch),
    ] {
        if was != is {
            lines.push(format!("{what} is `{is}`, was `{was}`"));
        }
    }
    for (what, of) in KINDS {
        compare(what, &of(before), &of(now), &mut lines);
    }
    // long texts: only that they changed
    for (path, text) in &before.files {
        match now.files.get(path) {
            None => lines.push(format!("file `{path}` is gone")),
            Some(other) if other != text => lines.push(format!("file `{path}` has changed")),
            Some(_) => {}
        }
    }
    let newer = now.files.keys().filter(|path| !before.files.contains_key(*path));
    lines.extend(newer.map(|path| format!("file `{path}` is new")));
    let gone = before.tools.difference(&now.tools);
    lines.extend(gone.map(|tool| format!("command `{tool}` is gone")));
    lines
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
];

fn compare(what: &str, before: &Things, now: &Things, lines: &mut Vec<String>) {
    for (name, was) in before {
        match now.get(name) {
            None => lines.push(format!("{what} `{name}` is gone")),
            Some(is) if is != was => lines.push(format!("{what} `{name}` is {is}, was {was}")),
            Some(_) => {}
        }
    }
    for name in now.keys().filter(|name| !before.contains_key(*name)) {
        lines.push(format!("{what} `{name}` is new"));
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
fn identity(disk: &Block) -> String {
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

fn sessions(server: &ServerFacts) -> Things {
    server.iscsi_sessions.iter().map(|target| (target.clone(), String::new())).collect()
}
