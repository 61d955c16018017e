//! Copies that rest while new rehearses, and how far a rehearsal is.

use replant::host::Side;

use crate::world::Sees::*;
use crate::world::{Table, World};

const ROOT: &str = r#"{ "vg": "vg0", "lv": "root", "size": 1719664640, "number": 300, "uuid": "11111111:22222222:33333333:44444444",
    "leg": "/dev/disk/by-path/lun-root", "at": 8, "chunk": 1024, "conf": "/etc/mdadm/mdadm.conf", "since": "/run/copy-vg0-root",
    "dir": "/run/replant" }"#;

const RESTS: &str = "volume vg0-root
table 0 3358720 linear 9:300 0
array 1 idle none
leg replant-300-old in_sync
held old
";

const REHEARSES: &str = "rehearsal went 300.10\nwritten dm-5 0\nwritten md1 0\nsystem running\n";

fn new(step: &str) -> World {
    World::of(Side::New, step).says("rehearsal $phase", REHEARSES).says("power new", "on\n")
}

// a row is a line
#[rustfmt::skip]
pub fn tables() -> Vec<Table> {
    let at_rest = format!(r#"{{ "at-rest": {{ "copies": [ {ROOT} ] }} }}"#);
    let unwritten = format!(r#"{{ "unwritten": {{ "copies": [ {ROOT} ] }} }}"#);
    let rehearsal = r#"{ "rehearsal": { "mib": 100, "limit": 1800, "tag": "replant_go", "groups": ["vg0"], "dir": "/run/replant" } }"#;
    let marks = "now ${now";
    let mut tables = vec![
        Table {
            kind: "kernel-there",
            world: World::of(Side::Old, r#"{ "kernel-there": { "kernel": "6.1.0-50-amd64" } }"#).says("[ -e \"$1\"", ""),
            rows: vec![
                ("old has it", "", Present),
                ("its package was removed", "[ -e \"$1\" says gone\n", Foreign("no modules of it any more")),
                ("it cannot be asked", "[ -e \"$1\" fails: no", Error("exit code 5")),
                ("it does not answer", "old is silent", Error("silence")),
            ],
        },
        Table {
            kind: "at-rest",
            world: World::of(Side::Old, &at_rest).says("echo \"volume", RESTS).says("dmesg", "").says(marks, "now 5000\n/run/copy-vg0-root.rest 899\n"),
            rows: vec![
                ("it rests", "", Present),
                ("it rests, and nothing was written", "now ${now: .rest => .clean", Present),
                ("in sync", "echo \"volume: held old => leg replant-300-new in_sync,write_mostly\nheld old\nheld new", Absent),
                ("md has given it up", "echo \"volume: held old => leg replant-300-new faulty\nheld old\nheld new", Absent),
                ("only its device is there", "echo \"volume: held old => held old\nheld new", Absent),
                ("it is gone, and nobody says that it rests", "now ${now[.rest] is gone", Foreign("it cannot rest")),
                ("the volume lies beside the array", "echo \"volume: linear 9:300 0 => linear 9:1 2048", Foreign("it cannot rest")),
                ("there is no array", "echo \"volume[array] is gone", Foreign("it cannot rest")),
                ("old is silent", "old is silent", Error("silence")),
            ],
        },
        Table {
            kind: "unwritten",
            world: World::of(Side::Old, &unwritten).says(marks, "now 5000\n/run/copy-vg0-root.clean 899\n"),
            rows: vec![
                ("it was seen", "", Present),
                ("nothing rests", "now ${now[.clean] is gone", Present),
                ("it rests, and nobody has seen it", "now ${now: .clean => .rest", Absent),
                ("old is silent", "old is silent", Error("silence")),
            ],
        },
        Table {
            kind: "rehearsal",
            world: new(rehearsal),
            rows: vec![
                ("it is up", "", Present),
                ("some units have failed", "rehearsal $phase: running => degraded", Present),
                ("it has not come up", "rehearsal $phase: running => maintenance", Present),
                ("it starts", "rehearsal $phase: running => starting", Underway("starts")),
                ("nobody can be asked yet", "rehearsal $phase: system running => system ", Underway("starts")),
                ("snapshots are made", "rehearsal $phase says holds\nrehearsal begun\n", Underway("being started")),
                ("it could not begin", "rehearsal $phase says holds\nrehearsal failed there is no network namespace\n", Foreign("no network namespace")),
                ("it holds", "rehearsal $phase says holds\n", Absent),
                ("it neither holds nor rehearses", "rehearsal $phase says ", Foreign("not in its hold")),
                ("the way in is not there yet", "new is silent", Underway("way in")),
                ("a word that nobody knows", "rehearsal $phase: went => bent", Error("how far it is")),
                ("another key", "new refuses", Error("another key")),
            ],
        },
    ];
    tables.extend(held_again());
    tables
}

// a row is a line
#[rustfmt::skip]
fn held_again() -> Vec<Table> {
    vec![
        Table {
            kind: "held-again",
            world: new(r#"{ "held-again": { "by_power": false } }"#).but("rehearsal $phase says holds\n"),
            rows: vec![
                ("it holds", "", Present),
                ("somebody has booted its rescue system", "rehearsal $phase says ", Present),
                ("it rehearses", &*format!("rehearsal $phase says {REHEARSES}").leak(), Absent),
                ("it is about to", "rehearsal $phase says holds\nrehearsal begun\n", Absent),
                ("it could not begin", "rehearsal $phase says holds\nrehearsal failed x\n", Absent),
                ("it boots", "new is silent", Underway("boot")),
                ("it is off", "new is silent & power new says off\n", Absent),
                ("another key", "new refuses", Error("another key")),
            ],
        },
        Table {
            kind: "held-again",
            world: new(r#"{ "held-again": { "by_power": true } }"#).but("rehearsal $phase says holds\n"),
            rows: vec![
                ("it holds", "", Present),
                ("it rehearses", &*format!("rehearsal $phase says {REHEARSES}").leak(), Absent),
                ("it does not answer: nothing is waited for", "new is silent", Absent),
                ("it is not to be recognised", "new is another", Absent),
                ("it shows another key", "new refuses", Absent),
            ],
        },
    ]
}
