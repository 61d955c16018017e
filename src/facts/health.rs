//! What disks say of their own health: smartctl(8), where it is installed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Health;
use super::fact::{Fact, Failed};
use crate::host::Query;

pub(super) const FACTS: &[Fact] = &[Fact {
    name: "health",
    query: |_| Some(query()),
    failed: Failed::Counts,
    // to lsblk's disks
    put: |text, server| {
        let mut health = parse(text);
        for block in &mut server.blocks {
            block.health = health.remove(&block.kname);
        }
        Ok(())
    },
}];

/// Every disk under a line `== sda`, one line of JSON each. A disk that sleeps is not woken, and one that does not answer
/// is not waited for.
const HEALTH: &str = r#"command -v smartctl >/dev/null 2>&1 || exit 0
for d in /sys/block/*/device; do
  d=${d%/device}
  d=${d##*/}
  case $d in fd* | sr*) continue ;; esac
  echo "== $d"
  timeout 10 smartctl --json=c --nocheck=standby --health --attributes "/dev/$d" 2>/dev/null
done
exit 0"#;

/// Answers [`parse`]. No smartctl, no answer.
pub fn query() -> Query {
    Query::run(["sh", "-c", HEALTH])
}

/// Health by the kernel's name of the disk. Disks that say nothing are not in it: virtual ones, those behind a RAID
/// controller, all of them where smartctl is too old for JSON (before 7.0).
pub fn parse(text: &str) -> BTreeMap<String, Health> {
    let mut found = BTreeMap::new();
    for part in format!("\n{text}").split("\n== ").skip(1) {
        let (disk, said) = part.split_once('\n').unwrap_or((part, ""));
        let Ok(said) = serde_json::from_str::<Value>(said) else { continue };
        let Some(passed) = said["smart_status"]["passed"].as_bool() else { continue };
        // ATA: Current_Pending_Sector and Offline_Uncorrectable, as all makers number them
        let attributes = said["ata_smart_attributes"]["table"].as_array();
        let ata = attributes.into_iter().flatten().filter(|one| matches!(one["id"].as_u64(), Some(197 | 198)));
        let ata = ata.filter_map(|one| one["raw"]["value"].as_u64()).max();
        let nvme = said["nvme_smart_health_information_log"]["media_errors"].as_u64();
        let scsi = said["scsi_error_counter_log"]["read"]["total_uncorrected_errors"].as_u64();
        let unreadable = ata.or(nvme).or(scsi).unwrap_or(0);
        found.insert(disk.to_string(), Health { passed, unreadable });
    }
    found
}
