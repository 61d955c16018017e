//! Copies and originals are hashed, and compared.

use replant::host::Side;

use crate::world::Sees::*;
use crate::world::{Table, World};

const HASHED: &str = r#"{ "hashed": { "dir": "/run/h", "scripts": "/run/s", "marks": ["/run/differs"], "halves": [
    { "of": "vg0/root", "lies": "old", "device": "/dev/mapper/replant-300-old", "volume": "vg0-root", "size": 8388608, "what": "all",
      "since": "/run/copy-vg0-root", "reads": 8388608 },
    { "of": "vg0/var", "lies": "new", "device": "/dev/mapper/vg0-var_rimage_1", "volume": "vg0-var", "size": 1048576, "what": "0,17",
      "only": { "list": "/run/bits", "size": 2048 }, "reads": 2097152 } ] } }"#;

/// Another server's, which knows nothing of when a copy began.
const ON_NEW: &str = r#"{ "hashed": { "dir": "/run/h", "scripts": "/run/s", "halves": [
    { "of": "vg0/root", "lies": "new", "device": "/dev/mapper/vg0-root", "volume": "vg0-root", "size": 8388608, "what": "all",
      "reads": 8388608 } ] } }"#;

const FOUND: &str = "begun vg0/root:old 100 16 1234
begun vg0/var:new 0 8 -
hash vg0/root:old aaaa
hash vg0/var:new bbbb
at vg0-root 7 16
at vg0-var 9 8
at replant-300-old 8292 999
at vg0-var_rimage_1 4096 999
file /run/copy-vg0-root 1234
";

const SAME: &str = r#"{ "same-copies": { "of": ["vg0/root", "vg0/var"], "on_old": "/run/on-old", "on_new": "/run/on-new",
    "marks": ["/run/differs-a", "/run/differs-b"], "dead_man": "/run/replant/m/dead-man" } }"#;

// a row is a line
#[rustfmt::skip]
pub fn tables() -> Vec<Table> {
    vec![
        Table {
            kind: "hashed",
            world: World::of(Side::Old, HASHED).says("/run/h", FOUND),
            rows: vec![
                ("all is hashed", "", Present),
                ("nothing was", "/run/h says at vg0-root 7 16\n", Absent),
                ("nothing is known of one", "/run/h[begun vg0/var] is gone", Absent),
                ("one was written to since", "/run/h[at vg0-root]: 16 => 24", Absent),
                ("the other was", "/run/h[at vg0-var 9]: 8 => 16", Absent),
                ("only read since", "/run/h[at vg0-root]: 7 => 9000", Present),
                ("its copy began later", "/run/h[file]: 1234 => 2345", Absent),
                ("its copy was given up", "/run/h[file] is gone", Absent),
                ("there is no such volume any more", "/run/h[at vg0-root] is gone", Absent),
                ("one has no hash", "/run/h[hash vg0/var] is gone", Absent),
                ("it could not be read", "/run/h: aaaa => unread", Present),
                ("it is being read", "/run/h:  => \nruns & /run/h[hash vg0/root] is gone & /run/h[hash vg0/var] is gone", Underway("hashing 6291456 of 10485760")),
                ("the last reads are not over", "/run/h:  => \nruns", Underway("hashing")),
                ("what is being read has been written to", "/run/h:  => \nruns & /run/h[at vg0-root]: 16 => 24", Partial("has changed since")),
                ("copies were found to differ", "/run/h:  => \nfile /run/differs differs", Partial("found to differ")),
                ("another's mark", "/run/h:  => \nfile /run/other differs", Present),
                ("it cannot be asked", "/run/h fails: no", Error("exit code 5")),
                ("the server is silent", "old is silent", Error("silence")),
            ],
        },
        Table {
            kind: "hashed",
            world: World::of(Side::New, ON_NEW)
                .says("/run/h", "begun vg0/root:new 0 16 -\nhash vg0/root:new aaaa\nat vg0-root 800 16\n")
                .holds("/proc/uptime", "1 1\n"),
            rows: vec![
                ("all is hashed", "", Present),
                ("what old sent since", "/run/h[at vg0-root]: 16 => 24", Absent),
                ("it is being read", "/run/h:  => \nruns", Underway("hashing 409600 of 8388608")),
                ("all is hashed, and old is silent", "old is silent", Present),
                // whoever waits for new lets old hear of somebody
                ("it is being read, and old is silent", "old is silent & /run/h:  => \nruns", Error("silence")),
                ("new is silent", "new is silent", Error("silence")),
            ],
        },
        Table {
            kind: "same-copies",
            world: World::of(Side::Old, SAME)
                .says("/run/on-old", "hash vg0/root:old aaaa\nhash vg0/var:old bbbb\nhash vg0/var:new bbbb\n")
                .says("/run/on-new", "hash vg0/root:new aaaa\n"),
            rows: vec![
                ("the same", "", Present),
                ("one differs", "/run/on-new: aaaa => abab", Absent),
                ("the original does", "/run/on-old: aaaa => abab", Absent),
                ("the other does", "/run/on-old[var:new]: bbbb => abab", Absent),
                ("it is the hash of another volume", "/run/on-new: root => var", Foreign("not been hashed")),
                ("one cannot be read", "/run/on-new: aaaa => unread", Absent),
                ("neither can be read", "/run/on-new: aaaa => unread & /run/on-old: aaaa => unread", Absent),
                ("the original is not there", "/run/on-old[root] is gone", Foreign("not been hashed")),
                ("the copy is not there", "/run/on-new[root] is gone", Foreign("not been hashed")),
                ("one differs, and that is said", "/run/on-new: aaaa => abab & /run/on-old:  => \nfile /run/differs-b differs", Foreign("the copy of vg0/root differs from the original. ")),
                ("it cannot be read, and that is said", "/run/on-new: aaaa => unread & /run/on-old:  => \nfile /run/differs-a differs", Foreign("the copy of vg0/root cannot be read on new's disks")),
                ("the original cannot be read", "/run/on-old: aaaa => unread & /run/on-old:  => \nfile /run/differs-a differs", Foreign("vg0/root cannot be read on old's disks")),
                ("they differed, and nobody has begun them again", "/run/on-old:  => \nfile /run/differs-a differs", Foreign("were found to differ")),
                ("new is silent", "new is silent", Error("silence")),
                ("old cannot be asked", "/run/on-old fails: no", Error("exit code 5")),
            ],
        },
    ]
}
