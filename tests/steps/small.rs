use replant::host::Side;

use crate::world::Sees::*;
use crate::world::{Table, World};

fn old(step: &str) -> World {
    World::of(Side::Old, step)
        .holds("/etc/a", "is\n")
        .holds("/proc/sys/kernel/hostname", "srv1\n")
        .holds("/proc/sys/x", "1000\n")
        .holds("/run/replant/check.done", &format!("{DIGEST}\n"))
        .holds("/var/lib/replant/hash", "x\n")
        .says("dpkg-query -W", "bash 5.2 ii \nlibisns0 0.101 ii \nopen-iscsi 2.1.8 ii \nsomething  un \n")
        .says("/boot/initrd.img-", "ours\n")
        .says("ip -oneline address", "2: eth0    inet 10.77.0.21/24 brd 10.77.0.255 scope global eth0\n3: eth1    inet6 fd00::21/64 scope global\n")
        .says("systemctl is-active", "active\nactive\n")
        .holds("/proc/self/mounts", "/dev/mapper/vg0-root / ext4 rw 0 0\n/dev/mapper/vg0-var /var xfs rw 0 0\n")
}

/// Of the script `true` with the argument `a`.
const DIGEST: &str = "8d9d2ad0c8d4b7a0";

/// The script `true` with the arguments `a` and `b`, and only its stamp tells that it was run.
fn stamped(kind: &'static str, step: &str) -> Table {
    let of_two = replant::host::sha256("true\0a\0b");
    Table {
        kind,
        world: old(step).but(&format!("/run/replant/check.done: {DIGEST} => {of_two}")),
        rows: vec![
            ("done", "", Present),
            ("the stamp of another script", "/run/replant/check.done says present\n0\n", Absent),
            ("no stamp", "/run/replant/check.done says absent\n", Absent),
            ("cannot be asked", "/run/replant/check.done fails: no", Error("exit code 5")),
        ],
    }
}

// a row is a line
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a table: each world is a line")]
pub fn tables() -> Vec<Table> {
    let digest = replant::host::sha256("true\0a");
    let job = r#"{ "job": { "title": "t", "script": "true", "args": ["a"], "dir": "/run/replant", "name": "check", "leaves": ["/var/lib/replant/hash"] } }"#;
    let packages = r#"{ "packages": { "packages": [["open-iscsi", "2.1.8"], ["libisns0", "0.101"]], "dir": "/run/replant" } }"#;
    let purged = r#"{ "purged": { "packages": ["open-iscsi", "libisns0"], "dir": "/run/replant" } }"#;
    let identity = r#"{ "identity": { "hostname": "srv1", "addresses": ["10.77.0.21/24", "fd00::21/64"],
        "mounts": [["/", "ext4"], ["/var", "xfs"]], "units": ["rec.service", "db.service"] } }"#;
    vec![
        Table {
            kind: "file",
            world: old(r#"{ "file": { "path": "/etc/a", "text": "is\n", "mode": 420, "was": "was\n" } }"#),
            rows: vec![
                ("as it should become", "", Present),
                ("as it was", "/etc/a says present\nwas\n", Absent),
                ("not there any more", "/etc/a says absent\n", Absent),
                ("something else", "/etc/a says present\nother\n", Foreign("/etc/a is neither")),
                ("more than that", "/etc/a says present\nis\nis\n", Foreign("/etc/a is neither")),
                ("empty", "/etc/a says present\n", Foreign("/etc/a is neither")),
            ],
        },
        Table {
            kind: "file",
            world: old(r#"{ "file": { "path": "/etc/a", "text": "is\n", "mode": 420, "was": null } }"#),
            rows: vec![
                ("as it should become", "", Present),
                ("not there", "/etc/a says absent\n", Absent),
                ("something else", "/etc/a says present\nwas\n", Foreign("/etc/a is neither")),
            ],
        },
        Table {
            kind: "no-file",
            world: old(r#"{ "no-file": { "path": "/etc/a" } }"#).but("/etc/a says absent\n"),
            rows: vec![
                ("not there", "", Present),
                ("there", "/etc/a says present\nx", Absent),
                ("empty", "/etc/a says present\n", Absent),
                ("cannot be asked", "/etc/a fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "hostname",
            world: old(r#"{ "hostname": { "name": "srv1", "was": "rescue" } }"#),
            rows: vec![
                ("as it should become", "", Present),
                ("as it was", "/proc/sys/kernel/hostname: srv1 => rescue", Absent),
                ("something else", "/proc/sys/kernel/hostname: srv1 => srv10", Foreign("`srv10`")),
            ],
        },
        Table {
            kind: "tunable",
            world: old(r#"{ "tunable": { "path": "/proc/sys/x", "value": "1000", "was": "200" } }"#),
            rows: vec![
                ("as it should become", "", Present),
                ("as it was", "/proc/sys/x: 1000 => 200", Absent),
                ("something else", "/proc/sys/x: 1000 => 10000", Absent),
                ("no such setting", "/proc/sys/x says absent\n", Absent),
            ],
        },
        Table {
            kind: "job",
            world: old(job).but(&format!("/run/replant/check.done: {DIGEST} => {digest}")),
            rows: vec![
                ("done", "", Present),
                ("the stamp of another script", "/run/replant/check.done says present\n0\n & /var/lib/replant/hash says absent\n", Absent),
                ("no stamp", "/run/replant/check.done says absent\n & /var/lib/replant/hash says absent\n", Absent),
                ("no stamp, and what it leaves", "/run/replant/check.done says absent\n", Partial("/var/lib/replant/hash is there")),
                ("the stamp of another script, and what it leaves", "/run/replant/check.done says present\n0\n", Partial("/var/lib/replant/hash is there")),
                ("cannot be asked", "/run/replant/check.done fails: no", Error("exit code 5")),
            ],
        },
        stamped("fs-check", r#"{ "fs-check": { "volume": "vg0/root", "fstype": "a", "device": "b", "script": "true", "dir": "/run/replant", "name": "check" } }"#),
        stamped("boot-proof", r#"{ "boot-proof": { "target": "/boot", "device": "a", "hash_file": "b", "script": "true", "dir": "/run/replant", "name": "check" } }"#),
        stamped("boot-loader", r#"{ "boot-loader": { "disk": "b", "label": "b", "root": "a", "script": "true", "dir": "/run/replant", "name": "check" } }"#),
        Table {
            kind: "initramfs",
            world: old(r#"{ "initramfs": { "kernel": "6.1", "keep": "/var/lib/replant", "dir": "/run/replant", "must_have": [] } }"#),
            rows: vec![
                ("ours", "", Present),
                ("as it was", "/boot/initrd.img- says clean\n", Absent),
                ("begun", "/boot/initrd.img- says begun\n", Partial("not in place")),
                ("built by somebody else", "/boot/initrd.img- says other\n", Partial("rebuilt")),
                ("cannot be asked", "/boot/initrd.img- fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "packages",
            world: old(packages),
            rows: vec![
                ("installed", "", Present),
                ("none", "dpkg-query -W says bash 5.2 ii \n", Absent),
                ("one of two", "dpkg-query -W[libisns0] is gone", Partial("1 of 2")),
                ("one is half installed", "dpkg-query -W[libisns0]: ii => iU", Partial("1 of 2")),
                ("only half installed ones", "dpkg-query -W: ii => iF & dpkg-query -W[libisns0] is gone", Partial("0 of 2")),
                ("removed, its configuration is left", "dpkg-query -W: ii => rc & dpkg-query -W[libisns0] is gone", Partial("0 of 2")),
                ("another version", "dpkg-query -W: 2.1.8 => 2.1.9", Foreign("version 2.1.9, not 2.1.8")),
                ("cannot be asked", "dpkg-query -W fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "purged",
            world: old(purged).but("dpkg-query -W says bash 5.2 ii \nopen-iscsi  un \n"),
            rows: vec![
                ("gone", "", Present),
                ("all are there", "dpkg-query -W says open-iscsi 2.1.8 ii \nlibisns0 0.101 ii \n", Absent),
                ("one is left", "dpkg-query -W says libisns0 0.101 ii \n", Partial("1 of 2")),
                ("the configuration of one is left", "dpkg-query -W says libisns0 0.101 rc \n", Partial("1 of 2")),
                ("cannot be asked", "dpkg-query -W fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "mount",
            world: old(r#"{ "mount": { "source": "/dev/vg0/var", "target": "/var" } }"#),
            rows: vec![
                ("mounted", "", Present),
                ("not mounted", "/proc/self/mounts[/var] is gone", Absent),
                ("something below it", "/proc/self/mounts: /var => /var/lib", Absent),
                ("cannot be asked", "/proc/self/mounts fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "unmounted",
            world: old(r#"{ "unmounted": { "target": "/mnt" } }"#),
            rows: vec![
                ("nothing there", "", Present),
                ("it is mounted", "/proc/self/mounts[/var]: /var => /mnt", Absent),
                ("something below it is", "/proc/self/mounts[/var]: /var => /mnt/var", Absent),
                ("something that begins so", "/proc/self/mounts[/var]: /var => /mnt2", Present),
                ("cannot be asked", "/proc/self/mounts fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "identity",
            world: old(identity),
            rows: vec![
                ("it is", "", Present),
                ("another name", "/proc/sys/kernel/hostname: srv1 => rescue", Partial("`rescue`")),
                ("the first address is missing", "ip -oneline address[eth0] is gone", Partial("does not have 10.77.0.21/24")),
                ("the last address is missing", "ip -oneline address[eth1] is gone", Partial("does not have fd00::21/64")),
                ("an address that begins so", "ip -oneline address: fd00::21/64 => fd00::21/640", Partial("does not have fd00::21/64")),
                ("/var is not mounted", "/proc/self/mounts[/var] is gone", Partial("/var is not mounted")),
                ("something else is mounted there", "/proc/self/mounts[/var]: xfs => ext4", Partial("/var is not mounted")),
                ("/ is something else", "/proc/self/mounts[ / ]: ext4 => overlay", Partial("/ is not mounted")),
                ("systemctl says nothing", "systemctl is-active says ", Partial("rec.service is unknown")),
                ("systemctl knows only the first unit", "systemctl is-active says active\n", Partial("db.service is unknown")),
                ("the first unit has failed", "systemctl is-active says failed\nactive\n", Partial("rec.service is failed")),
                ("the last unit is still starting", "systemctl is-active says active\nactivating\n", Partial("db.service is activating")),
                ("nobody is there", "old is silent", Error("silence")),
            ],
        },
    ]
}
