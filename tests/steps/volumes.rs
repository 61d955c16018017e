use replant::host::Side;

use crate::world::Sees::*;
use crate::world::{Table, World};

const PV: &str = "ZtxKO0-0ma5-u8kU-8nm4-G3ff-yUxU-Q7f9BU";

/// In mid-copy: new's disk is a member.
fn copying(step: &str) -> World {
    World::of(Side::Old, step)
        .says("lvs", include_str!("../facts/lvs/syncing.out"))
        .says("pvs", include_str!("../facts/pvs/syncing.out"))
        .says("vgs", include_str!("../facts/vgs/syncing.out"))
        .says("[ -e \"$1\" ] || echo gone", "")
        .says("wipefs --json", r#"{ "signatures": [ {"type":"LVM2_member"} ] }"#)
        .says("blockdev --getsize64", "8044675072\n")
}

/// After the cut, on new: what was old's is a group of its own.
fn cut(step: &str) -> World {
    World::of(Side::New, step)
        .says("lvs", include_str!("../facts/lvs/migrated.out"))
        .says("pvs", include_str!("recorded/pvs-cut.out"))
        .says("vgs", include_str!("recorded/vgs-cut.out"))
        .says(
            "wipefs --json",
            r#"{ "signatures": [ {"type":"swap", "uuid":"5a4e5a5e-0000-4000-8000-000000000001"} ] }"#,
        )
        .says("blockdev --getsize64", "1719664640\n")
}

// a row is a line
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a table: each world is a line")]
pub fn tables() -> Vec<Table> {
    let pv = format!(r#"{{ "physical-volume": {{ "device": "/dev/sdd", "uuid": "{PV}", "label": "md1", "travels": "vg0_new" }} }}"#);
    let member = format!(r#"{{ "group-member": {{ "vg": "vg0", "device": "/dev/sdd", "uuid": "{PV}", "label": "md1", "travels": "vg0_new" }} }}"#);
    let split = r#"{ "split": { "vg": "vg0", "lv": "swap_1", "leg": "swap_1_new", "device": "/dev/sdd" } }"#;
    let group_split = format!(r#"{{ "group-split": {{ "vg": "vg0", "into": "vg0_new", "device": "/dev/sdd", "pv_uuid": "{PV}" }} }}"#);
    let pv_size = format!(r#"{{ "pv-size": {{ "device": "/dev/sdd", "uuid": "{PV}", "extent": 4194304 }} }}"#);
    let unlisted = "pvs: ZtxKO0 => ZtxKO1";
    vec![
        Table {
            kind: "physical-volume",
            world: copying(&pv),
            rows: vec![
                ("recorded", "", Present),
                ("its group misses it", "pvs[ZtxKO0]: \"pv_missing\":\"\" => \"pv_missing\":\"missing\"", Present),
                ("its group went on without it", "pvs[ZtxKO0]: \"vg0\" => \"[unknown]\"", Partial("its group went on without it")),
                ("cut off, and the cut was taken back", "pvs[ZtxKO0]: \"vg0\" => \"vg0_new\"", Absent),
                ("of somebody else's group", "pvs[ZtxKO0]: \"vg0\" => \"vg1\"", Present),
                ("of no group yet", "pvs[ZtxKO0]: \"vg0\" => \"\"", Present),
                ("udev has not read its label", "pvs[ZtxKO0]: \"vg0\" => \"\" & [ -e \"$1\" ] || echo gone says gone\n", Partial("udev has no name for it")),
                ("LVM does not list it", unlisted, Partial("label that LVM does not list")),
                ("its disk is not there", "pvs: ZtxKO0 => ZtxKO1 & [ -e \"$1\" ] || echo gone says gone\n & wipefs --json fails: no such file", Absent),
                ("its disk is not there, and wipefs says what stood there", "pvs: ZtxKO0 => ZtxKO1 & [ -e \"$1\" ] || echo gone says gone\n", Absent),
                ("its link is dead", "pvs: ZtxKO0 => ZtxKO1 & wipefs --json fails: Input/output error", Absent),
                ("empty", "pvs: ZtxKO0 => ZtxKO1 & wipefs --json says ", Absent),
                ("it holds a file system", "pvs: ZtxKO0 => ZtxKO1 & wipefs --json: LVM2_member => xfs", Foreign("holds xfs")),
                ("a label and something else", "pvs: ZtxKO0 => ZtxKO1 & wipefs --json: {\"type\" => {\"type\":\"ext4\"}, {\"type\"", Foreign("holds ext4, LVM2_member")),
                ("cannot be asked", "pvs fails: locked", Error("exit code 5")),
            ],
        },
        Table {
            kind: "group-member",
            world: copying(&member),
            rows: vec![
                ("recorded", "", Present),
                ("missed", "pvs[ZtxKO0]: \"pv_missing\":\"\" => \"pv_missing\":\"missing\"", Partial("vg0 misses it")),
                ("of another group", "pvs[ZtxKO0]: \"vg0\" => \"vg1\"", Foreign("belongs to the group vg1")),
                ("cut off, and the cut was taken back", "pvs[ZtxKO0]: \"vg0\" => \"vg0_new\"", Absent),
                ("of no group", "pvs[ZtxKO0]: \"vg0\" => \"\"", Absent),
                ("its group went on without it", "pvs[ZtxKO0]: \"vg0\" => \"[unknown]\"", Absent),
                ("no label", unlisted, Absent),
                ("cannot be asked", "pvs fails: locked", Error("exit code 5")),
            ],
        },
        Table {
            kind: "split",
            world: copying(split),
            rows: vec![
                ("not yet", "", Absent),
                ("the leg is there", "lvs[[var_mimage_1]]: [var_mimage_1] => swap_1_new", Present),
                ("the leg is hidden still", "lvs[[var_mimage_1]]: [var_mimage_1] => [swap_1_new]", Absent),
                ("the leg is in another group", "lvs[[var_mimage_1]]: [var_mimage_1] => swap_1_new & lvs[swap_1_new]: \"vg0\" => \"vg1\"", Absent),
                ("no such volume", "lvs: \"swap_1\" => \"swap_2\"", Foreign("no volume vg0/swap_1")),
                ("the leg is there, the volume is not", "lvs: \"swap_1\" => \"swap_1_new\"", Foreign("no volume vg0/swap_1")),
                ("cannot be asked", "lvs fails: locked", Error("exit code 5")),
            ],
        },
        Table {
            kind: "group-split",
            world: copying(&group_split),
            rows: vec![
                ("not yet", "", Absent),
                ("split", "pvs[ZtxKO0]: \"vg0\" => \"vg0_new\"", Present),
                ("in a group that nobody speaks of", "pvs[ZtxKO0]: \"vg0\" => \"vg1\"", Absent),
                ("of no group", "pvs[ZtxKO0]: \"vg0\" => \"\"", Absent),
                ("not yet, and the link is dead", "vgs: \"vg_missing_pv_count\":\"0\" => \"vg_missing_pv_count\":\"1\"", Absent),
                ("split, and something of old is missing", "pvs[ZtxKO0]: \"vg0\" => \"vg0_new\" & vgs: \"vg_missing_pv_count\":\"0\" => \"vg_missing_pv_count\":\"1\"", Foreign("1 physical volumes of vg0 are missing")),
                ("no such group", "vgs: \"vg0\" => \"vg1\"", Foreign("no group vg0")),
                ("vgs fails", "vgs fails: locked", Error("vgs")),
                ("pvs fails", "pvs fails: locked", Error("pvs")),
            ],
        },
        Table {
            kind: "inactive",
            world: copying(r#"{ "inactive": { "vg": "vg0", "lvs": ["root", "swap_1"] } }"#).but("lvs[\"root\"]: \"active\" => \"\" & lvs[\"swap_1\"]: \"active\" => \"\""),
            rows: vec![
                ("inactive", "", Present),
                ("the last is active", "lvs[\"swap_1\"]: \"lv_active\":\"\" => \"lv_active\":\"active\"", Absent),
                ("the first is active", "lvs[\"root\"]: \"lv_active\":\"\" => \"lv_active\":\"active\"", Absent),
                ("one of that name is active in another group", "lvs[\"var\"]: \"var\" => \"root\" & lvs[\"lv_uuid\":\"go7Lty]: \"vg0\" => \"vg1\"", Present),
                ("they are gone", "lvs: \"root\" => \"a\" & lvs: \"swap_1\" => \"b\"", Present),
                ("cannot be asked", "lvs fails: locked", Error("exit code 5")),
            ],
        },
        Table {
            kind: "active",
            world: cut(r#"{ "active": { "vg": "vg0", "lvs": ["root", "swap_1"] } }"#),
            rows: vec![
                ("recorded", "", Present),
                ("the last is not", "lvs[\"swap_1\"]: \"lv_active\":\"active\" => \"lv_active\":\"\"", Absent),
                ("the first is not", "lvs[\"root\"]: \"lv_active\":\"active\" => \"lv_active\":\"\"", Absent),
                ("one is not there", "lvs: \"root\" => \"other\"", Foreign("no volume vg0/root")),
                ("of that name in another group only", "lvs[\"root\"]: \"vg0\" => \"vg1\"", Foreign("no volume vg0/root")),
            ],
        },
        Table {
            kind: "group-name",
            world: cut(r#"{ "group-name": { "from": "vg0_new", "to": "vg0" } }"#),
            rows: vec![
                ("renamed", "", Present),
                ("not yet", "vgs: \"vg0\" => \"vg0_new\"", Absent),
                ("neither", "vgs: \"vg0\" => \"vg1\"", Foreign("no group vg0_new")),
                ("both", "vgs[\"vg0\"]:  => \n, {\"vg_name\":\"vg0_new\", \"vg_uuid\":\"x\", \"vg_size\":1, \"vg_free\":1, \"vg_extent_size\":1, \"vg_extent_count\":1, \"vg_free_count\":1, \"pv_count\":1, \"lv_count\":1, \"vg_attr\":\"\", \"vg_missing_pv_count\":0}", Foreign("is a group vg0 already")),
            ],
        },
        Table {
            kind: "volume-name",
            world: cut(r#"{ "volume-name": { "vg": "vg0", "from": "root_new", "to": "root" } }"#),
            rows: vec![
                ("renamed", "", Present),
                ("not yet", "lvs: \"root\" => \"root_new\"", Absent),
                ("neither", "lvs: \"root\" => \"other\"", Foreign("no vg0/root_new")),
                ("both", "lvs: \"swap_1\" => \"root_new\"", Foreign("is a vg0/root already")),
                ("of that name in another group", "lvs[\"root\"]: \"vg0\" => \"vg1\"", Foreign("no vg0/root_new")),
            ],
        },
        Table {
            kind: "volume",
            world: cut(r#"{ "volume": { "vg": "vg0", "lv": "swap_1", "size": 134217728 } }"#),
            rows: vec![
                ("made", "", Present),
                ("none", "lvs: \"swap_1\" => \"swap_2\"", Absent),
                ("in another group", "lvs[\"swap_1\"]: \"vg0\" => \"vg1\"", Absent),
                ("larger", "lvs: \"134217728\" => \"138412032\"", Present),
                ("smaller", "lvs: \"134217728\" => \"130023424\"", Foreign("has 130023424 bytes")),
            ],
        },
        Table {
            kind: "volume-size",
            world: cut(r#"{ "volume-size": { "vg": "vg0", "lv": "root", "to": 1719664640 } }"#),
            rows: vec![
                ("grown", "", Present),
                ("not yet", "lvs: \"1719664640\" => \"1719664639\"", Absent),
                ("no such group", "vgs: \"vg0\" => \"vg1\"", Foreign("no group vg0")),
                ("no such volume", "lvs: \"root\" => \"other\"", Foreign("no volume vg0/root")),
            ],
        },
        Table {
            kind: "volume-size",
            world: cut(r#"{ "volume-size": { "vg": "vg0", "lv": "root", "to": null } }"#),
            rows: vec![
                ("nothing is free", "", Present),
                ("something is free", "vgs: \"vg_free_count\":\"0\" => \"vg_free_count\":\"1\"", Absent),
            ],
        },
        Table {
            kind: "pv-size",
            world: copying(&pv_size),
            rows: vec![
                ("it fills its disk", "", Present),
                ("two extents stay over", "blockdev --getsize64 says 8050966528\n", Present),
                ("more stays over", "blockdev --getsize64 says 8050966529\n", Absent),
                ("no such physical volume", unlisted, Foreign("no physical volume")),
                ("its disk cannot be asked", "blockdev --getsize64 fails: no such device", Error("no such device")),
            ],
        },
        Table {
            kind: "swap-space",
            world: cut(r#"{ "swap-space": { "device": "/dev/vg0/swap_1", "uuid": "5a4e5a5e-0000-4000-8000-000000000001" } }"#).says("|| echo gone", ""),
            rows: vec![
                ("made", "", Present),
                ("empty", "wipefs --json says ", Absent),
                ("another swap", "wipefs --json: 5a4e5a5e => 5a4e5a5f", Foreign("holds something else")),
                ("a file system of that UUID", "wipefs --json: \"swap\" => \"ext4\"", Foreign("holds something else")),
                ("cannot be read", "wipefs --json fails: Input/output error", Foreign("Input/output error")),
                ("no such device", "wipefs --json fails: no such file & || echo gone says gone\n", Absent),
            ],
        },
        Table {
            kind: "fs-size",
            world: cut(r#"{ "fs-size": { "device": "/dev/vg0/root", "target": "/", "fstype": "ext4" } }"#).says("dumpe2fs -h", "Filesystem UUID:  x\nBlock count:              419840\nBlock size:               4096\nFragment size: 4096\n"),
            rows: vec![
                ("it fills its volume", "", Present),
                ("a last block stays over", "blockdev --getsize64 says 1720713216\n", Present),
                ("more stays over", "blockdev --getsize64 says 1720713217\n", Absent),
                ("dumpe2fs fails", "dumpe2fs -h fails: bad magic", Error("bad magic")),
                ("no such device", "blockdev --getsize64 fails: no such file", Error("dumpe2fs")),
            ],
        },
        Table {
            kind: "fs-size",
            world: cut(r#"{ "fs-size": { "device": "/dev/vg0/var", "target": "/var", "fstype": "xfs" } }"#).says("xfs_info", "meta-data=/dev/x isize=512 agcount=4, agsize=66560 blks\n         =   sectsz=512\ndata     =    bsize=4096   blocks=419840, imaxpct=25\nlog bsize=4096 blocks=2560\n"),
            rows: vec![
                ("it fills its volume", "", Present),
                ("it does not", "blockdev --getsize64 says 1720713217\n", Absent),
                ("xfs_info fails", "xfs_info fails: not a mounted XFS", Error("not a mounted XFS")),
            ],
        },
    ]
}
