//! Copies below LVM: the kernel's own words about tables, arrays and legs, as they were seen in the lab.

use replant::host::Side;

use crate::world::Sees::*;
use crate::world::{Table, World};

const ROOT: &str = r#"{ "vg": "vg0", "lv": "root", "size": 1719664640, "number": 300, "uuid": "11111111:22222222:33333333:44444444",
    "leg": "/dev/disk/by-path/lun-root", "at": 8, "chunk": 1024, "conf": "/etc/mdadm/mdadm.conf", "since": "/run/copy-vg0-root",
    "dir": "/run/replant" }"#;

const OURS: &str = "0 3358720 linear 9:300 0";

const IN_SYNC: &str = "volume vg0-root
table 0 3358720 linear 9:300 0
array 0 idle none
leg replant-300-old in_sync
leg replant-300-new in_sync,write_mostly
held old
held new
lun running
";

fn copied(step: &str) -> World {
    World::of(Side::Old, step)
        .says("echo \"volume", IN_SYNC)
        .says("dmesg", "[  900.000001] replant: copy of vg0-root begins\n[  901.000001] nothing of interest\n")
        .says("now ${now", "now 5000\n/run/copy-vg0-root 899\n")
        .says("pidof tgtd", "up 90000\n")
}

/// On its own disks, with nothing of ours.
const PLAIN: &str = "volume vg0-root\ntable 0 3358720 linear 9:1 2048\nlun running\n";

// a row is a line
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a table: each world is a line")]
pub fn tables() -> Vec<Table> {
    let beneath = format!(r#"{{ "beneath": {ROOT} }}"#);
    let in_step = format!(r#"{{ "in-step": {{ "copies": [ {ROOT} ] }} }}"#);
    let fresh = format!(r#"{{ "fresh-legs": {{ "copies": [ {ROOT} ], "differs": "/run/differs-below" }} }}"#);
    let back = format!(r#"{{ "table-back": {{ "copy": {ROOT} }} }}"#);
    let group = r#"{ "own-group": { "vg": "vg0", "device": "/dev/md1", "pv_uuid": "ZtxKO0-0ma5-u8kU-8nm4-G3ff-yUxU-Q7f9BU", "extent": 4194304 } }"#;
    let row = |vg: &str, missing: &str| format!(
        r#"{{"report":[{{"pv":[{{"pv_name":"/dev/md1","pv_uuid":"ZtxKO0-0ma5-u8kU-8nm4-G3ff-yUxU-Q7f9BU","vg_name":"{vg}","pv_size":"8586723328","pv_free":"0","pv_missing":"{missing}","pv_pe_count":"2047","pv_pe_alloc_count":"2047"}}]}}]}}"#);
    let groups = r#"{"report":[{"vg":[{"vg_name":"vg0","vg_uuid":"u","vg_size":"8585740288","vg_free":"0","vg_extent_size":"4194304","vg_extent_count":"2047","vg_free_count":"0","pv_count":"1","lv_count":"3","vg_missing_pv_count":"0","vg_systemid":"","vg_attr":"wz--n-"}]}]}"#;
    let none = |kind: &str| format!(r#"{{"report":[{{"{kind}":[]}}]}}"#);
    vec![
        Table {
            kind: "beneath",
            world: copied(&beneath),
            rows: vec![
                ("in sync", "", Present),
                ("plain, and nothing of ours", &*format!("echo \"volume says {PLAIN}").leak(), Absent),
                ("striped over two segments", "echo \"volume says volume vg0-root\ntable 0 100 striped 2 128 8:1 0 8:17 0\ntable 100 3358620 linear 8:1 2048\n", Absent),
                ("somebody has loaded another table", &*format!("echo \"volume: {OURS} => 0 3358720 linear 9:1 2048").leak(), Partial("beside the array")),
                ("only a leg is left of an attempt", &*format!("echo \"volume says {PLAIN}held old\n").leak(), Partial("beside the array")),
                ("the array is larger than the table", &*format!("echo \"volume: {OURS} => 0 3358712 linear 9:300 0").leak(), Partial("beside the array")),
                ("it is a snapshot's origin now", &*format!("echo \"volume: {OURS} => 0 3358720 snapshot-origin 253:7").leak(), Foreign("not plain")),
                ("a snapshot's origin, and nothing of ours", "echo \"volume says volume vg0-root\ntable 0 3358720 snapshot-origin 253:7\n", Foreign("not plain")),
                ("one of two segments is no plain one", "echo \"volume says volume vg0-root\ntable 0 100 linear 8:1 0\ntable 100 100 thin 253:7 1\n", Foreign("not plain")),
                ("there is no such volume", &*format!("echo \"volume[table]: {OURS} => ").leak(), Foreign("not plain")),
                ("the kernel has no such device", "echo \"volume[table] is gone", Foreign("no volume vg0/root")),
                ("the array beneath it is not there", "echo \"volume[array] is gone", Foreign("does not show")),
                ("old's own leg is faulty", "echo \"volume[replant-300-old]: in_sync => faulty", Foreign("old's disks")),
                ("old's own leg is not a member", "echo \"volume[replant-300-old] is gone", Foreign("old's disks")),
                ("no leg on new", "echo \"volume[replant-300-new] is gone", Partial("its leg on new is missing")),
                ("a leg, but another's", "echo \"volume[replant-300-new]: replant-300-new => replant-301-new", Partial("its leg on new is missing")),
                ("md has given it up", "echo \"volume[replant-300-new]: in_sync => faulty & echo \"volume: array 0 => array 1", Partial("given up")),
                ("md has given it up, and the link is dead", "echo \"volume[replant-300-new]: in_sync => faulty & echo \"volume: running => transport-offline", Underway("waiting for the link")),
                ("in sync, and the link is dead", "echo \"volume: running => blocked", Underway("waiting for the link")),
                ("old is not logged in", "echo \"volume[lun] is gone", Partial("its leg on new is missing")),
                ("copying", "echo \"volume[replant-300-new]: in_sync => spare & echo \"volume: array 0 idle none => array 1 recover 1679360 / 3358720", Underway("copying vg0/root 859832320 of 1719664640")),
                ("not begun yet", "echo \"volume[replant-300-new]: in_sync => spare & echo \"volume: array 0 => array 1", Underway("copying vg0/root")),
                ("the leg says in sync, the array lacks one", "echo \"volume: array 0 => array 1", Underway("copying")),
                ("the array is busy still", "echo \"volume: idle => recover", Underway("copying")),
                ("the leg is spare, and the array says whole", "echo \"volume[replant-300-new]: in_sync => spare", Underway("copying")),
                ("old may read from new", "echo \"volume: ,write_mostly => ", Partial("could read from")),
                ("a failure since", "dmesg[begins]:  => \n[ 950.1] md/raid1:md300: Disk failure on dm-5, disabling device.", Partial("complained")),
                ("a read error since", "dmesg[begins]:  => \n[ 950.1] md/raid1:md300: redirecting sector 8 to other mirror: dm-4", Partial("complained")),
                ("another array's failure", "dmesg[begins]:  => \n[ 950.1] md/raid1:md3001: Disk failure on dm-5, disabling device.", Present),
                ("a failure before the copy began", "dmesg says [ 100.1] md/raid1:md300: Disk failure on dm-5\n[ 900.1] replant: copy of vg0-root begins\n", Present),
                ("a failure, and nothing says when the copy began", "dmesg says [ 100.1] md/raid1:md300: Disk failure on dm-5\n", Partial("complained")),
                ("a line that is no complaint", "dmesg[begins]:  => \n[ 950.1] md/raid1:md300: active with 2 out of 2 mirrors", Present),
                ("nothing says when the copy began", "now ${now[copy-vg0-root] is gone", Partial("when this copy began")),
                ("new was started after the copy began", "pidof tgtd: 90000 => 4090", Partial("new was started again")),
                ("new does not answer", "new is silent", Underway("waiting for new")),
                ("new refuses", "new refuses", Error("another key")),
                ("nothing was said of the volume", "echo \"volume says ", Error("0 volumes of 1")),
                ("the server is silent", "old is silent", Error("silence")),
            ],
        },
        Table {
            kind: "in-step",
            world: copied(&in_step),
            rows: vec![
                ("in sync", "", Present),
                ("not copied", &*format!("echo \"volume says {PLAIN}").leak(), Foreign("vg0/root is not copied")),
                ("somebody has loaded another table", &*format!("echo \"volume: {OURS} => 0 3358720 linear 9:1 2048").leak(), Foreign("vg0/root: the volume lies")),
                ("no leg", "echo \"volume[replant-300-new] is gone", Foreign("vg0/root: its leg")),
                ("a snapshot", &*format!("echo \"volume: {OURS} => 0 3358720 snapshot-origin 253:7").leak(), Foreign("vg0/root: vg0/root is not plain")),
                ("copying", "echo \"volume[replant-300-new]: in_sync => spare", Underway("copying")),
                ("new was started again", "pidof tgtd: 90000 => 4090", Foreign("new was started again")),
            ],
        },
        Table {
            kind: "fresh-legs",
            world: copied(&fresh).says("/run/differs-below", "absent\n"),
            rows: vec![
                ("younger than new's uptime", "", Present),
                ("older", "pidof tgtd: 90000 => 4090", Absent),
                ("copies were found to differ", "/run/differs-below says present\ndiffers\n", Absent),
                ("copies were found to differ, and new is silent", "/run/differs-below says present\ndiffers\n & new is silent", Absent),
                ("older, and the leg is not there at the moment", "pidof tgtd: 90000 => 4090 & echo \"volume[replant-300-new] is gone", Absent),
                ("nothing was copied", "pidof tgtd: 90000 => 4090 & now ${now[copy-vg0-root] is gone", Present),
                ("nothing was copied, and new is silent", "new is silent & now ${now[copy-vg0-root] is gone", Present),
                ("new is silent", "new is silent", Error("silence")),
            ],
        },
        Table {
            kind: "table-back",
            world: copied(&back).but(&format!("echo \"volume says {PLAIN}")),
            rows: vec![
                ("on its own disks", "", Present),
                ("copied still", &*format!("echo \"volume says {IN_SYNC}").leak(), Absent),
                ("on its own disks, and the array runs", "echo \"volume: lun => array 0 idle none\nlun", Partial("still there")),
                ("on its own disks, and a leg is there", "echo \"volume: lun => held new\nlun", Partial("still there")),
                ("something else", "echo \"volume: linear 9:1 2048 => snapshot-origin 253:7", Foreign("snapshot-origin")),
                ("no table", "echo \"volume[table] is gone", Foreign("its table is")),
                ("the server is silent", "old is silent", Error("silence")),
            ],
        },
        Table {
            kind: "ram-disk",
            world: World::of(Side::Old, r#"{ "ram-disk": { "size": 17408 } }"#).says("/sys/block/ram*", "ram0 34816\n"),
            rows: vec![
                ("there", "", Present),
                ("none", "/sys/block/ram* says ", Absent),
                ("of another size", "/sys/block/ram*: 34816 => 8192", Foreign("of its own")),
                ("more than one", "/sys/block/ram*:  => ram1 34816", Foreign("of its own")),
                ("another name", "/sys/block/ram*: ram0 => ram1", Foreign("of its own")),
                ("cannot be asked", "/sys/block/ram* fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "own-group",
            world: World::of(Side::New, group).says("pvs", &row("vg0", "")).says("vgs", groups),
            rows: vec![
                ("there", "", Present),
                ("nothing", &*format!("pvs says {} & vgs says {}", none("pv"), none("vg")).leak(), Absent),
                ("a label only", &*format!("pvs says {} & vgs says {}", row("", ""), none("vg")).leak(), Partial("in no group yet")),
                ("a label only, and another group of that name", &*format!("pvs says {}", row("", "")).leak(), Foreign("belongs to")),
                ("in another group", &*format!("pvs says {}", row("vg1", "")).leak(), Foreign("belongs to the group vg1")),
                ("its disk is missing", &*format!("pvs says {}", row("vg0", "missing")).leak(), Foreign("belongs to")),
                ("another group of that name", &*format!("pvs says {}", none("pv")).leak(), Foreign("another group vg0")),
                ("cannot be asked", "vgs fails: locked", Error("exit code 5")),
            ],
        },
    ]
}
