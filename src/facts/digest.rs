//! A name for what was found.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Facts, ServerFacts};

/// SHA-256, in hexadecimal, over everything in the facts but what changes by itself: clock, boot, memory, use of file
/// systems and swap, progress of a synchronisation, services, health of disks, sizes of boot files, rates. The order of lists that have none is no difference.
///
/// It names these facts, so that a runbook can say from which it was made. Whether a server is still as it was found is
/// another question: [`super::drift`].
pub fn digest(facts: &Facts) -> String {
    let still = Facts { format: facts.format, old: still(&facts.old), new: still(&facts.new) };
    let value = serde_json::to_value(still).expect("facts are plain data");
    let hash = Sha256::digest(canonical(&value).as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn still(server: &ServerFacts) -> ServerFacts {
    let mut server = server.clone();
    server.clock = 0;
    server.boot_id.clear();
    (server.memory, server.memory_available) = (0, 0);
    server.services.clear();
    server.initrd_sizes.clear();
    for block in &mut server.blocks {
        block.health = None;
    }
    for interface in &mut server.interfaces {
        interface.speed = None;
    }
    for swap in &mut server.swaps {
        swap.used = 0;
    }
    for mount in &mut server.mounts {
        (mount.used, mount.avail) = (0, 0);
    }
    for array in &mut server.arrays {
        array.action = None;
        array.members.sort();
    }
    for lv in &mut server.lvs {
        (lv.sync_percent, lv.sync_action) = (None, None);
        lv.write_rate = 0;
        // some of its letters tell of sync and of being open (lvs(8)); what else it tells is in other fields
        lv.attr.clear();
    }
    server.host_keys.sort();
    server.initrds.sort();
    server.iscsi_sessions.sort();
    server.blocks.sort_by(|a, b| a.path.cmp(&b.path));
    server.pvs.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    server.vgs.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    server.lvs.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    server.mounts.sort_by(|a, b| a.target.cmp(&b.target));
    server.swaps.sort_by(|a, b| a.path.cmp(&b.path));
    server.interfaces.sort_by(|a, b| a.name.cmp(&b.name));
    server
}

/// JSON without blanks, keys in order.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort();
            let fields: Vec<String> = keys
                .into_iter()
                .map(|key| format!("{}:{}", Value::from(key.as_str()), canonical(&fields[key])))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}
