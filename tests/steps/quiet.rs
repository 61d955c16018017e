use replant::host::Side;

use crate::world::Sees::*;
use crate::world::{Table, World};

/// Old in the cutover: all is stopped and read-only.
fn quiet(step: &str) -> World {
    World::of(Side::Old, step)
        .says("power old", "on\n")
        .holds("/run/replant/srv1/quiet", "2026-11-22T11:00:03Z\n")
        .says("systemctl is-active", "inactive\nfailed\n")
        .holds(
            "/proc/self/mounts",
            "proc /proc proc rw 0 0\n/dev/mapper/vg0-root / ext4 ro,relatime 0 0\ntmpfs /run tmpfs rw 0 0\n\
             /dev/mapper/vg0-var /var xfs ro,relatime 0 0\n/dev/md0 /boot ext4 ro,relatime 0 0\n",
        )
        .says("readlink -f", "/dev/dm-1\n")
        .holds("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/dm-7 partition 1 0 -2\n")
}

// a row is a line
#[rustfmt::skip]
pub fn tables() -> Vec<Table> {
    vec![
        Table {
            kind: "still-quiet",
            world: quiet(r#"{ "still-quiet": { "mark": "/run/replant/srv1/quiet", "units": ["rec.service", "db.service"], "read_only": ["/", "/var"] } }"#),
            rows: vec![
                ("quiet", "", Present),
                ("off, and silent", "power old says off\n & old is silent", Present),
                ("it has been booted", "/run/replant/srv1/quiet says absent\n", Foreign("has been booted")),
                ("the first unit runs", "systemctl is-active says active\ninactive\n", Foreign("rec.service has been started")),
                ("the last unit runs", "systemctl is-active says inactive\nactive\n", Foreign("db.service has been started")),
                ("systemctl says nothing", "systemctl is-active says ", Error("2 units, 0 answers")),
                ("systemctl knows only the first unit", "systemctl is-active says inactive\n", Error("2 units, 1 answers")),
                ("a unit is coming", "systemctl is-active says activating\ninactive\n", Foreign("rec.service")),
                ("a unit reads its configuration again", "systemctl is-active says inactive\nreloading\n", Foreign("db.service")),
                ("a unit goes away", "systemctl is-active says inactive\ndeactivating\n", Present),
                ("/ can be written to", "/proc/self/mounts[ / ]: ro => rw", Foreign("/ has been made writable")),
                ("/var can be written to", "/proc/self/mounts[/var]: ro => rw", Foreign("/var has been made writable")),
                ("read-only in name only", "/proc/self/mounts[/var]: ro,relatime => rw,errors=remount-ro", Foreign("/var has been made writable")),
                ("mounted again on top, for writing", "/proc/self/mounts[/boot]:  => \n/dev/mapper/vg0-var /var xfs rw 0 0", Foreign("/var has been made writable")),
                ("something else can be written to", "/proc/self/mounts[/boot]: ro => rw", Present),
                ("it does not answer", "old is silent", Error("silence")),
                ("whether it is off is not known", "power old says unknown\n & /run/replant/srv1/quiet says absent\n", Foreign("has been booted")),
                ("its table of mounts cannot be read", "/proc/self/mounts fails: no", Error("exit code 5")),
                ("the mark cannot be read", "/run/replant/srv1/quiet fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "remount",
            world: quiet(r#"{ "remount": { "target": "/var" } }"#),
            rows: vec![
                ("read-only", "", Present),
                ("not", "/proc/self/mounts[/var]: ro => rw", Absent),
                ("not mounted", "/proc/self/mounts[/var] is gone", Foreign("/var is not mounted")),
                ("in name only", "/proc/self/mounts[/var]: ro,relatime => rw,errors=remount-ro", Absent),
                ("something that begins so", "/proc/self/mounts[/var]: /var => /var/lib", Foreign("/var is not mounted")),
                ("on top it can be written to", "/proc/self/mounts[/boot]:  => \n/dev/mapper/vg0-var /var xfs rw 0 0", Absent),
                ("below it could be written to", "/proc/self/mounts[ / ]:  => \n/dev/mapper/vg0-var /var xfs rw 0 0", Present),
            ],
        },
        Table {
            kind: "swap-off",
            world: quiet(r#"{ "swap-off": { "device": "/dev/mapper/vg0-swap_1" } }"#),
            rows: vec![
                ("off", "", Present),
                ("on, by its kernel name", "/proc/swaps: /dev/dm-7 => /dev/dm-1", Absent),
                ("on, by its own name", "/proc/swaps: /dev/dm-7 => /dev/mapper/vg0-swap_1", Absent),
                ("one that begins so", "/proc/swaps: /dev/dm-7 => /dev/dm-12", Present),
            ],
        },
        Table {
            kind: "service",
            world: quiet(r#"{ "service": { "units": ["rec.service", "db.service"], "run": false, "record": "/run/replant/srv1/stop.ran" } }"#)
                .holds("/run/replant/srv1/stop.ran", "rec.service\n"),
            rows: vec![
                ("stopped", "", Present),
                ("stopped, and systemd does not know one", "systemctl is-active says unknown\ninactive\n", Present),
                ("stopped, and nobody wrote down what ran", "/run/replant/srv1/stop.ran says absent\n", Absent),
                ("one is left", "systemctl is-active says inactive\nactive\n", Partial("inactive, active")),
                ("all are left", "systemctl is-active says active\nactive\n", Partial("active, active")),
                ("all run, and nothing was begun", "systemctl is-active says active\nactive\n & /run/replant/srv1/stop.ran says absent\n", Absent),
                ("one is on its way down", "systemctl is-active says inactive\ndeactivating\n", Partial("deactivating")),
                ("one is on its way up", "systemctl is-active says activating\ninactive\n", Partial("activating")),
                ("one reloads", "systemctl is-active says reloading\ninactive\n", Partial("reloading")),
                ("one says a word that nobody knows", "systemctl is-active says maintenance\ninactive\n", Partial("maintenance")),
                ("fewer answers than units", "systemctl is-active says inactive\n", Error("2 units, 1 answers")),
                ("what was written down cannot be read", "/run/replant/srv1/stop.ran fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "service",
            world: quiet(r#"{ "service": { "units": ["rec.service", "db.service"], "run": false } }"#),
            rows: vec![
                ("stopped", "", Present),
                ("one is left", "systemctl is-active says inactive\nactive\n", Absent),
            ],
        },
        Table {
            kind: "service",
            world: quiet(r#"{ "service": { "units": ["rec.service", "db.service"], "run": true } }"#),
            rows: vec![
                ("stopped", "", Absent),
                ("one runs", "systemctl is-active says inactive\nactive\n", Partial("inactive, active")),
                ("all run", "systemctl is-active says active\nactive\n", Present),
                ("one is on its way up", "systemctl is-active says active\nactivating\n", Partial("activating")),
            ],
        },
    ]
}
