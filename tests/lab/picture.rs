//! How a server is: taken before anything happens to it, and compared afterwards.

use crate::Fallible;
use crate::shell::Guest;
use std::collections::BTreeMap;
use std::time::Duration;

/// Named texts, each the output of one command.
pub struct Picture(BTreeMap<String, String>);

/// What is looked at on old. The texts leave out what changes by itself: sizes used, times, sequence numbers.
const OLD: &[(&str, &str)] = &[
    ("hostname", "hostname"),
    ("volumes", "lvs -a --noheadings -o vg_name,lv_name,lv_uuid,lv_size,segtype,devices --units b"),
    (
        "volume groups",
        "vgs --noheadings -o vg_name,vg_uuid,vg_size,vg_free,pv_count,lv_count,vg_missing_pv_count --units b",
    ),
    ("physical volumes", "pvs --noheadings -o pv_name,pv_uuid,vg_name,pv_size,pv_free --units b"),
    (
        "LVM metadata",
        "f=/run/lab-vg0; vgcfgbackup -f $f vg0 >/dev/null && grep -vE '^[[:space:]]*(seqno|creation_(time|host)|description|contents) *=|^#' $f; rm -f $f",
    ),
    ("device-mapper tables", "dmsetup table | sort"),
    // which disk is sda is another thing at each boot
    (
        "arrays",
        "for m in /dev/md[0-9]*; do mdadm --detail --export $m; done | grep -v EVENTS | sed 's/MD_DEVICE_dev_sd./MD_DEVICE/'",
    ),
    ("mounts", "findmnt --real -n -l -o TARGET,SOURCE,FSTYPE,OPTIONS | sort"),
    ("swaps", "awk 'NR>1 {print $1,$2,$3}' /proc/swaps"),
    ("packages", "dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\\n' | grep '^ii'"),
    (
        "/etc",
        "find /etc -type f ! -path '/etc/lvm/archive/*' ! -path '/etc/lvm/backup/*' ! -name ld.so.cache ! -name '*-' -exec sha256sum {} + | sort -k2",
    ),
    ("files in /boot", "find /boot -type f | sort"),
    (
        "units running",
        "systemctl list-units --no-legend --plain --type=service,socket --state=running,listening | awk '{print $1}' | grep -vE '^(dm-event\\.service|user|ssh@|systemd-(fsckd|hostnamed|timedated|tmpfiles))' | sort",
    ),
    ("units failed", "systemctl --failed --no-legend --plain | awk '{print $1}'"),
    ("iSCSI sessions", "ls /sys/class/iscsi_session 2>/dev/null | wc -l"),
    ("disks", "lsblk -nd -o SERIAL,SIZE -e 7,11 | sort"),
];

const NEW: &[(&str, &str)] = &[
    ("hostname", "hostname"),
    ("arrays", "cat /proc/mdstat 2>/dev/null | grep -c '^md' || true"),
    (
        "signatures and partitions",
        "for d in $(lsblk -nd -o PATH,SERIAL | awk '$2 ~ /^NEW/ {print $1}' | sort); do echo $(lsblk -nd -o SERIAL $d); wipefs -n --noheadings -O TYPE,OFFSET $d; lsblk -n -o TYPE $d; done",
    ),
    ("device-mapper", "dmsetup ls"),
    ("iSCSI target", "pgrep -a tgtd; ls /sys/kernel/config/target/iscsi 2>/dev/null | grep iqn || true"),
    (
        "/etc",
        "find /etc -type f ! -name ld.so.cache ! -path '/etc/lvm/archive/*' ! -path '/etc/lvm/backup/*' -exec sha256sum {} + | sort -k2",
    ),
    ("mounts", "findmnt --real -n -l -o TARGET,SOURCE,FSTYPE | sort"),
    ("listening", "ss -Hltn | awk '{print $4}' | sort"),
];

pub fn of_old(guest: &Guest) -> Fallible<Picture> {
    take(guest, OLD)
}

pub fn of_new(guest: &Guest) -> Fallible<Picture> {
    take(guest, NEW)
}

/// One round trip for all of them.
fn take(guest: &Guest, commands: &[(&str, &str)]) -> Fallible<Picture> {
    let script: String =
        commands.iter().map(|(name, command)| format!("echo '@@@ {name}'; {{ {command}; }} 2>&1\n")).collect();
    let outcome = guest.attempt(&script, Duration::from_secs(120))?;
    let parts = outcome.stdout.split("@@@ ").filter_map(|part| part.split_once('\n'));
    Ok(Picture(parts.map(|(name, text)| (name.to_string(), text.trim().to_string())).collect()))
}

impl Picture {
    /// What is different in `after`, one line for each difference; of `only` these names, or of all if it is empty.
    pub fn differences(&self, after: &Picture, only: &[&str]) -> Vec<String> {
        let mut all = Vec::new();
        let names = self.0.iter().filter(|(name, _)| only.is_empty() || only.contains(&name.as_str()));
        for (name, before) in names {
            let now = after.0.get(name).map_or("", String::as_str);
            let gone = before
                .lines()
                .filter(|line| !now.lines().any(|other| other == *line))
                .map(|line| format!("{name}: - {}", line.trim()));
            let come = now
                .lines()
                .filter(|line| !before.lines().any(|other| other == *line))
                .map(|line| format!("{name}: + {}", line.trim()));
            all.extend(gone.chain(come));
        }
        all
    }

    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}
