use replant::host::Side;

use crate::world::Sees::*;
use crate::world::{Table, World};

const UUID: &str = "ef014d48:3552b2b8:18486e1e:cbfeaa2d";

fn disk(step: &str) -> World {
    World::of(Side::New, step)
        .says(
            "wipefs --json /dev/disk/by-id/a",
            r#"{ "signatures": [ {"device":"sda", "offset":"0x1fe", "type":"dos"} ] }"#,
        )
        .says("sfdisk --json /dev/disk/by-id/a", include_str!("recorded/sfdisk.out"))
}

/// Two members, as mdadm(8) and wipefs(8) see them.
fn members(step: &str) -> World {
    let raid = r#"{ "signatures": [ {"device":"x", "offset":"0x1000", "type":"linux_raid_member"} ] }"#;
    let export = format!("MD_LEVEL=raid1\nMD_DEVICES=2\nMD_NAME=srv1:1\nMD_UUID={UUID}\nMD_EVENTS=1\n");
    World::of(Side::New, step)
        .says("wipefs --json /dev/a", raid)
        .says("wipefs --json /dev/b", raid)
        .says("mdadm --examine --export /dev/a", &export)
        .says("mdadm --examine --export /dev/b", &export)
}

fn arrays(step: &str) -> World {
    World::of(Side::New, step)
        .says("/sys/block/md*", include_str!("../facts/arrays/migrated.out"))
        .says("mdadm --detail --export", &format!("MD_LEVEL=raid10\nMD_DEVICES=4\nMD_UUID={UUID}\n"))
        .holds("/proc/mdstat", include_str!("../facts/mdstat/migrated.out"))
        .says("readlink -f", "/dev/md1\n")
}

const EMPTY: &str = "wipefs --json /dev/disk/by-id/a says ";

// a row is a line
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a table: each world is a line")]
pub fn tables() -> Vec<Table> {
    let wiped = r#"{ "wiped": { "disk": "/dev/disk/by-id/a", "label": "a", "has": "x", "partitions": [], "arrays": [] } }"#;
    // written in another order than sfdisk(8) lists
    let dos = r#"{ "partition-table": { "disk": "/dev/disk/by-id/a", "label": "a", "kind": "dos", "id": "0x13DE1B59", "partitions": [
        { "name": "data", "number": 2, "start": 526336, "size": 7862272, "kind": "fd" },
        { "name": "boot", "number": 1, "start": 2048, "size": 524288, "kind": "FD", "bootable": true } ] } }"#;
    let array = format!(
        r#"{{ "array": {{ "device": "/dev/md1", "uuid": "{UUID}", "name": "1", "homehost": "srv1", "level": "raid1",
        "metadata": "1.2", "bitmap": true, "members": ["/dev/a", "/dev/b"], "member_size": 1 }} }}"#
    );
    let assembled = format!(r#"{{ "assembled": {{ "device": "/dev/md1", "uuid": "{UUID}", "members": ["/dev/a", "/dev/b"] }} }}"#);
    let stopped = format!(r#"{{ "array-stopped": {{ "device": "/dev/md1", "uuid": "{UUID}" }} }}"#);
    let whole = format!(r#"{{ "array-whole": {{ "array": "/dev/disk/by-id/md-uuid-{UUID}", "name": "md1" }} }}"#);
    vec![
        Table {
            kind: "wiped",
            world: disk(wiped).but(EMPTY),
            rows: vec![
                ("empty", "", Present),
                ("empty, in so many words", "wipefs --json /dev/disk/by-id/a says { \"signatures\": [] }", Present),
                ("a table of partitions", "wipefs --json /dev/disk/by-id/a says { \"signatures\": [ {\"type\":\"gpt\"} ] }", Absent),
                ("cannot be read", "wipefs --json /dev/disk/by-id/a fails: no medium", Error("no medium")),
            ],
        },
        Table {
            kind: "partition-table",
            world: disk(dos),
            rows: vec![
                ("recorded", "", Present),
                ("empty", EMPTY, Absent),
                ("cannot be read", "wipefs --json /dev/disk/by-id/a fails: no medium", Error("no medium")),
                ("a file system on the whole disk", "wipefs --json /dev/disk/by-id/a: dos => ext4 & sfdisk --json /dev/disk/by-id/a fails: no table", Foreign("holds ext4")),
                ("another table", "sfdisk --json /dev/disk/by-id/a: 0x13de1b59 => 0x13de1b5a", Foreign("id 0x13de1b5a")),
                ("a table without id", "sfdisk --json /dev/disk/by-id/a[\"id\"] is gone", Foreign("id none")),
                ("a partition begins elsewhere", "sfdisk --json /dev/disk/by-id/a: 526336 => 526337", Foreign("other partitions")),
                ("a partition is smaller", "sfdisk --json /dev/disk/by-id/a: 7862272 => 7862271", Foreign("other partitions")),
                ("a partition is larger", "sfdisk --json /dev/disk/by-id/a: 524288 => 524289", Foreign("other partitions")),
                ("a partition is of another type", "sfdisk --json /dev/disk/by-id/a: \"fd\"\n => \"83\"\n", Foreign("other partitions")),
                ("one more", "sfdisk --json /dev/disk/by-id/a[},{]:  => \n\"start\": 1, \"size\": 1, \"type\": \"fd\" },{", Foreign("other partitions")),
                ("one less", "sfdisk --json /dev/disk/by-id/a says { \"partitiontable\": { \"id\": \"0x13de1b59\", \"partitions\": [ {\"start\": 2048, \"size\": 524288, \"type\": \"fd\"} ] } }", Foreign("other partitions")),
                ("none", "sfdisk --json /dev/disk/by-id/a says { \"partitiontable\": { \"id\": \"0x13de1b59\" } }", Foreign("other partitions")),
                ("sfdisk says nothing", "sfdisk --json /dev/disk/by-id/a says ", Error("sfdisk")),
            ],
        },
        Table {
            kind: "array",
            world: members(&array),
            rows: vec![
                ("created", "", Present),
                ("both members are empty", "wipefs --json /dev/a says  & wipefs --json /dev/b says  & mdadm --examine --export /dev/a fails: no & mdadm --examine --export /dev/b fails: no", Absent),
                ("one is empty", "wipefs --json /dev/b says  & mdadm --examine --export /dev/b fails: no", Remains("only 1 of 2")),
                ("one is in another array", "mdadm --examine --export /dev/b: cbfeaa2d => cbfeaa2e", Foreign("/dev/b already belongs")),
                ("one holds a file system", "mdadm --examine --export /dev/a fails: no", Foreign("/dev/a already belongs")),
                ("one is not there", "wipefs --json /dev/b fails: no such file", Foreign("/dev/b: no such file")),
                ("the other is not there", "wipefs --json /dev/a fails: no such file", Foreign("/dev/a: no such file")),
            ],
        },
        Table {
            kind: "assembled",
            world: arrays(&assembled),
            rows: vec![
                ("recorded", "", Present),
                ("does not run", "/sys/block/md*: cbfeaa2d => cbfeaa2e", Absent),
                ("nothing runs", "/sys/block/md* says ", Absent),
                ("udev has not named it", "mdadm --detail --export fails: no such file", Underway("udev")),
                ("its name is another array's", "mdadm --detail --export: cbfeaa2d => cbfeaa2e", Underway("udev")),
                ("cannot be asked", "/sys/block/md* fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "array-stopped",
            world: arrays(&stopped).but("/sys/block/md*: cbfeaa2d => cbfeaa2e"),
            rows: vec![
                ("another runs", "", Present),
                ("it runs", "/sys/block/md*: cbfeaa2e => cbfeaa2d", Absent),
                ("cannot be asked", "/sys/block/md* fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "array-whole",
            world: arrays(&whole),
            rows: vec![
                ("recorded", "", Present),
                ("a disk has failed", "/proc/mdstat[blocks super 1.2 512K]: [4/4] [UUUU] => [4/3] [UUU_]", Foreign("3 of 4 disks (UUU_)")),
                ("another array has lost one", "/proc/mdstat[261120]: [4/4] [UUUU] => [4/3] [UUU_]", Present),
                ("its resync goes on", "/proc/mdstat[bitmap]:  => \n      [===>.................]  resync = 17.2% (1357568/7856128) finish=51.9min speed=2082K/sec", Present),
                ("does not run", "readlink -f says /dev/md2\n", Foreign("does not run")),
                ("its name is not there", "readlink -f says /dev/disk/by-id/md-uuid-x\n", Foreign("does not run")),
                ("no array at all", "/proc/mdstat says absent\n", Foreign("does not run")),
                ("readlink fails", "readlink -f fails: no", Error("exit code 5")),
            ],
        },
    ]
}
