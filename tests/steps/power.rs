use replant::host::Side;

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

// a row is a line
#[rustfmt::skip]
pub fn tables() -> Vec<Table> {
    vec![
        Table {
            kind: "old-is-off",
            world: both(r#"{ "old-is-off": {} }"#).but("power old says off\n"),
            rows: vec![
                ("off", "", Present),
                ("on", "power old says on\n", Foreign("`on`")),
                ("not known", "power old says unknown\n", Foreign("`unknown`")),
                ("no word", "power old says ", Foreign("Switch old off")),
                ("new is off, old on", "power old says on\n & power new says off\n", Foreign("`on`")),
            ],
        },
        Table {
            kind: "old-off",
            world: both(r#"{ "old-off": {} }"#).but("power old says off\n & old is silent"),
            rows: vec![
                ("off", "", Present),
                ("not known", "power old says unknown\n", Partial("does not know")),
                ("on, and it does not answer", "power old says on\n", Partial("does not answer")),
            ],
        },
        Table {
            kind: "old-off",
            world: both(r#"{ "old-off": {} }"#),
            rows: vec![
                ("on, and it answers", "", Absent),
                ("on, and somebody else answers", "old refuses", Error("another key")),
                ("on, and it does not answer", "old is silent", Partial("does not answer")),
                ("off", "power old says off\n", Present),
            ],
        },
        Table {
            kind: "own-boot",
            world: both(r#"{ "own-boot": { "serials": ["NEW0", "NEW1"] } }"#).but("lsblk --nodeps says NEW0\nNEW1\n & new is silent"),
            rows: vec![
                ("up from its own disks", "", Present),
                ("one disk is enough", "lsblk --nodeps says sr0\nNEW1\n", Present),
                ("old is there", "lsblk --nodeps says OLD0\nOLD1\n", Foreign("none of new's disks")),
                ("a disk's number only begins so", "lsblk --nodeps says NEW01\nXNEW1\n", Foreign("none of new's disks")),
                ("nobody is there", "migrated is silent", Underway("boot")),
                ("another key at old's address", "migrated refuses", Error("another key")),
            ],
        },
        Table {
            kind: "own-boot",
            world: both(r#"{ "own-boot": { "serials": ["NEW0"] } }"#).but("migrated is silent"),
            rows: vec![
                ("the rescue system is still up", "", Absent),
                ("nobody is there", "new is silent", Underway("boot")),
                ("another system at new's rescue address", "new refuses", Underway("boot")),
            ],
        },
    ]
}
