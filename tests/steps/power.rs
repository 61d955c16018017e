use replant::host::{Act, Side};
use replant::step::StepKind;

use crate::world::Sees::*;
use crate::world::{Table, World};

/// Everything answers: what is to be told apart is who.
fn both(step: &str) -> World {
    World::of(Side::New, step)
        .says("power old", "on\n")
        .says("power new", "on\n")
        .says("cat /proc/sys/kernel/random/boot_id", "0b5bbf0c-8d3c-4c29-bd5a-6f7d7e3c3f2c\n")
        .says("lsblk --nodeps", "OLD0\nOLD1\n")
}

/// What new waits in: built once, from these texts.
fn image() -> Table {
    const IMAGE: &str = r#"{ "hold-image": { "kernel": "6.1", "file": "/run/replant/hold.img", "from": "/run/replant/hold",
        "work": "/var/tmp/replant", "files": { "hook.sh": "true\n", "host_key": "@@secret:hold-host-key@@" }, "must_have": ["/ahci.ko"] } }"#;
    let step: StepKind = serde_json::from_str(IMAGE).unwrap();
    let digest = match step.as_step().apply().pop() {
        Some(Act::Put { text, .. }) => text.0,
        other => panic!("the last act says what was made: {other:?}"),
    };
    let other: StepKind = serde_json::from_str(&IMAGE.replace("true", "false")).unwrap();
    assert_ne!(other.as_step().apply().pop(), step.as_step().apply().pop(), "another text is another image");
    Table {
        kind: "hold-image",
        world: World::of(Side::Old, IMAGE).holds("/run/replant/hold.img.made", &digest),
        rows: vec![
            ("built", "", Present),
            ("not yet, or before a boot", "/run/replant/hold.img.made says absent\n", Absent),
            ("from other texts", "/run/replant/hold.img.made says present\n0123\n", Absent),
            ("cannot be asked", "/run/replant/hold.img.made fails: no", Error("exit code 5")),
        ],
    }
}

// a row is a line
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a table: each world is a line")]
pub fn tables() -> Vec<Table> {
    vec![
        Table {
            kind: "power-ready",
            world: World::of(Side::Old, r#"{ "power-ready": {} }"#).says("control old", "on\n").says("control new", "on\n"),
            rows: vec![
                ("both answer", "", Present),
                ("both by hand", "control old says by-hand\n & control new says by-hand\n", Present),
                ("old's fails", "control old says failed\n", Foreign("old cannot be switched")),
                ("new's fails", "control new says failed\n", Foreign("new cannot be switched")),
                ("nobody for old", "control old says nobody\n", Foreign("old is switched by hand, and nobody is there")),
                ("nobody for new", "control new says nobody\n", Foreign("new is switched by hand, and nobody is there")),
                ("old's says off", "control old says off\n", Foreign("old cannot be switched: its power control says that it is off")),
                ("new's says off", "control new says off\n", Foreign("new cannot be switched: its power control says that it is off")),
                ("no word", "control old says ", Foreign("old cannot be switched")),
            ],
        },
        Table {
            kind: "old-is-off",
            world: both(r#"{ "old-is-off": {} }"#).but("power old says off\n"),
            rows: vec![
                ("off", "", Present),
                ("on, and serves", "power old says on\n", Foreign("old has been booted")),
                ("on, and boots", "power old says on\n & old is silent", Foreign("old is on")),
                ("not known", "power old says unknown\n & old is silent", Foreign("not known to be off")),
                ("not known, and it serves", "power old says unknown\n", Foreign("old has been booted")),
                ("no word", "power old says  & old is silent", Foreign("not known to be off")),
                ("new is off, old on", "power old says on\n & power new says off\n", Foreign("old has been booted")),
            ],
        },
        Table {
            kind: "old-off",
            world: both(r#"{ "old-off": {} }"#).but("power old says off\n & old is silent"),
            rows: vec![
                ("off", "", Present),
                ("not known", "power old says unknown\n", Partial("not known whether it is on")),
                ("on, and it does not answer", "power old says on\n", Partial("does not answer")),
            ],
        },
        Table {
            kind: "old-off",
            world: both(r#"{ "old-off": {} }"#),
            rows: vec![
                ("on, and it answers", "", Absent),
                ("on, and somebody else answers", "old refuses", Error("another key")),
                ("on, and new answers", "old is another", Partial("another machine answers at its address")),
                ("on, and it does not answer", "old is silent", Partial("does not answer")),
                ("off", "power old says off\n", Present),
            ],
        },
        Table {
            kind: "own-boot",
            world: both(r#"{ "own-boot": { "serials": ["NEW0", "NEW1"] } }"#)
                .but("lsblk --nodeps says NEW0\nNEW1\n & new is silent & power old says off\n"),
            rows: vec![
                ("up from its own disks", "", Present),
                ("one disk is enough", "lsblk --nodeps says sr0\nNEW1\n", Present),
                ("old is there", "lsblk --nodeps says OLD0\nOLD1\n", Foreign("none of new's disks")),
                ("somebody is there, by its hardware", "migrated is another & old is another", Foreign("another machine answers at old's address")),
                ("old is there, by its hardware", "migrated is another & power old says on\n", Foreign("old has been booted")),
                ("a disk's number only begins so", "lsblk --nodeps says NEW01\nXNEW1\n", Foreign("none of new's disks")),
                ("up, and old too", "power old says on\n", Foreign("old is on")),
                ("up, and of old it is not known", "power old says unknown\n", Foreign("not known to be off")),
                ("nobody is there", "migrated is silent", Underway("boot")),
                ("another key at old's address", "migrated refuses", Error("another key")),
            ],
        },
        Table {
            kind: "own-boot",
            world: both(r#"{ "own-boot": { "serials": ["NEW0"] } }"#).but("migrated is silent & old is silent & power old says off\n"),
            rows: vec![
                ("the rescue system is still up", "", Absent),
                ("the rescue system is still up, and old is on", "power old says on\n", Foreign("old is on")),
                ("the rescue system is still up, and of old it is not known", "power old says unknown\n", Foreign("not known to be off")),
                ("nobody is there", "new is silent", Underway("boot")),
                ("nobody is there, and it is not known why", "new is silent & power new says unknown\n", Underway("boot")),
                ("it is off", "new is silent & power new says off\n", Absent),
                ("it is off, and old is on", "new is silent & power new says off\n & power old says on\n", Foreign("old is on")),
                ("another system at new's rescue address", "new refuses", Underway("boot")),
                ("another machine at new's rescue address", "new is another", Underway("boot")),
                ("it is off, and another machine at its rescue address", "new is another & power new says off\n", Absent),
            ],
        },
        Table {
            kind: "own-boot",
            world: both(r#"{ "own-boot": { "serials": ["NEW0"], "held": { "tag": "replant_go", "groups": ["vg0", "vg1"] } } }"#)
                .says("echo holds", "holds\n")
                .but("migrated is silent & old is silent & power old says off\n"),
            rows: vec![
                ("it waits", "", Absent),
                ("it waits, and old is on", "power old says on\n", Foreign("old is on")),
                ("it waits, and of old it is not known", "power old says unknown\n", Foreign("not known to be off")),
                ("it goes on, and still answers", "echo holds says ", Absent),
                ("another key where it waited", "new refuses", Underway("boot")),
                ("nobody is there", "new is silent", Underway("boot")),
                ("it is off", "new is silent & power new says off\n", Foreign("Switch it on")),
                ("it is off, and old is on", "new is silent & power new says off\n & power old says on\n", Foreign("old is on")),
            ],
        },
        image(),
        Table {
            kind: "into-hold",
            world: both(r#"{ "into-hold": {} }"#).says("echo holds", "holds\n"),
            rows: vec![
                ("it waits", "", Present),
                ("the rescue system is still up", "echo holds says ", Absent),
                ("nobody is there", "new is silent", Underway("boot")),
                ("nobody is there, and it is not known why", "new is silent & power new says unknown\n", Underway("boot")),
                ("it is off", "new is silent & power new says off\n", Absent),
                ("another key", "new refuses", Error("another key")),
                ("another machine", "new is another", Error("by its hardware")),
            ],
        },
        Table {
            kind: "identity",
            world: both(r#"{ "identity": { "hostname": "srv1", "addresses": [], "mounts": [], "units": [], "alone": true } }"#)
                .holds("/proc/sys/kernel/hostname", "srv1\n")
                .holds("/proc/self/mounts", "")
                .says("ip -oneline address", "")
                .says("systemctl is-active", "")
                .but("power old says off\n"),
            rows: vec![
                ("it is, and old is off", "", Present),
                ("old is on", "power old says on\n", Foreign("old is on")),
                ("of old it is not known", "power old says unknown\n", Foreign("not known to be off")),
            ],
        },
    ]
}
