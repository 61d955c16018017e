use replant::host::Side;

use crate::world::Sees::*;
use crate::world::{Table, World};

const ROOT: &str = r#"{ "vg": "vg0", "lv": "root", "how": "core-log", "device": "/dev/sdd",
    "pv_uuid": "ZtxKO0-0ma5-u8kU-8nm4-G3ff-yUxU-Q7f9BU", "size": 1719664640, "region": 2, "since": "/run/copy-vg0-root" }"#;

/// Recorded on old in mid-copy: `root` is in sync by then.
fn recorded(step: &str) -> World {
    World::of(Side::Old, step)
        .says("lvs", include_str!("../facts/lvs/syncing.out"))
        .says("pvs", include_str!("../facts/pvs/syncing.out"))
        .says("dmsetup status", include_str!("../facts/dm-status/syncing.out"))
        .says("dmesg", "")
        .says("now ${now", "now 5000\n/run/copy-vg0-root 899\n/run/copy-vg0-var 900\n")
        .says("pidof tgtd", "up 90000\ntgtd 80000\n")
        // recorded without this column
        .but("lvs[\"root\"]: \"copy_percent\" => \"seg_monitor\":\"monitored\", \"copy_percent\"")
        .but("lvs[\"var\"]: \"copy_percent\" => \"seg_monitor\":\"monitored\", \"copy_percent\"")
        .but("dmesg says [  900.000001] replant: mirror of vg0/root begins\n[  901.000001] nothing of interest\n")
}

/// The same with raid1, whose report says more.
fn raid(step: &str) -> World {
    recorded(step).but("lvs[\"root\"]: \"segtype\":\"mirror\" => \"raid_sync_action\":\"idle\", \"segtype\":\"raid1\"").but("lvs: root_mimage => root_rimage").but("dmsetup status[vg0-root:]: mirror 2 253:3 253:4 1640/1640 1 AA 1 core => raid raid1 2 AA 3358720/3358720 idle 0 0 -")
}

// a row is a line
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a table: each world is a line")]
pub fn tables() -> Vec<Table> {
    let mirror = format!(r#"{{ "mirror": {ROOT} }}"#);
    let raid1 = mirror.replace("core-log", "raid1");
    let in_sync = format!(r#"{{ "in-sync": {{ "mirrors": [ {ROOT} ] }} }}"#);
    let boot = r#"{ "same-boot": { "target": "/boot", "device": "/dev/md0", "lun": "/dev/sdc", "hash_file": "/var/lib/replant/srv1/boot.sha256",
        "size": 1000, "check": false, "script": "", "dir": "/run/replant" } }"#;
    let compared = |step: &str| World::of(Side::Old, step).says("sha256sum", "equal\n");
    vec![
        Table {
            kind: "same-boot",
            world: compared(boot),
            rows: vec![
                ("equal", "", Present),
                ("written to", "sha256sum says differs\n", Absent),
                ("nothing says what was copied", "sha256sum says none\n", Absent),
                ("cannot be read", "sha256sum says ", Error("no answer")),
                ("a tool is missing", "sha256sum fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "same-boot",
            world: compared(&boot.replace("\"check\": false", "\"check\": true")),
            rows: vec![
                ("equal", "", Present),
                ("written to", "sha256sum says differs\n", Foreign("/boot has been written to")),
                ("nothing says what was copied", "sha256sum says none\n", Foreign("boot.sha256 is gone")),
            ],
        },
        Table {
            kind: "mirror",
            world: recorded(&mirror),
            rows: vec![
                ("recorded in sync", "", Present),
                ("no such volume", "lvs[\"root\"]: \"root\" => \"other\"", Foreign("no volume vg0/root")),
                ("of that name in another group only", "lvs[\"root\"]: \"vg0\" => \"vg1\"", Foreign("no volume vg0/root")),
                ("plain", "lvs[\"root\"]: \"mirror\", \"lv_layout\" => \"linear\", \"lv_layout\"", Absent),
                ("plain, striped", "lvs[\"root\"]: \"mirror\", \"lv_layout\" => \"striped\", \"lv_layout\"", Absent),
                ("mirrored the other way", "lvs[\"root\"]: \"mirror\", \"lv_layout\" => \"raid1\", \"lv_layout\"", Foreign("of type raid1")),
                ("new's physical volume is another", "pvs: ZtxKO0 => ZtxKO1", Partial("leg on new is missing")),
                ("new's physical volume is missed", "pvs[ZtxKO0]: \"pv_missing\":\"\" => \"pv_missing\":\"missing\"", Partial("leg on new is missing")),
                ("its disk has another name now", "pvs[ZtxKO0]: /dev/sdd => /dev/sde", Partial("not on new")),
                ("the second leg is on old's own array", "lvs[root_mimage_1]: /dev/sdd(0) => /dev/md1(0)", Partial("not on new")),
                ("the second leg is partly on old", "lvs[root_mimage_1]: /dev/sdd(0) => /dev/sdd(0),/dev/md1(5)", Partial("not on new")),
                ("there is no second leg", "lvs[root_mimage_1]: root_mimage_1 => root_mimage_2", Partial("not on new")),
                ("what is called like the leg is a volume", "lvs[root_mimage_1]: [root_mimage_1] => root_mimage_1", Partial("not on new")),
                ("the leg is of another group's volume", "lvs[[root_mimage_1]]: \"vg0\" => \"vg1\"", Partial("not on new")),
                ("LVM says partial", "lvs[\"root\"]: \"lv_health_status\":\"\" => \"lv_health_status\":\"partial\"", Partial("`partial`")),
                ("LVM says refresh needed", "lvs[\"root\"]: \"lv_health_status\":\"\" => \"lv_health_status\":\"refresh needed\"", Partial("refresh")),
                ("not active", "dmsetup status[vg0-root:] is gone", Partial("no such device")),
                ("the kernel's table is plain still", "dmsetup status[vg0-root:]: mirror 2 253:3 253:4 1640/1640 1 AA 1 core => linear", Partial("linear")),
                ("the leg on new is dead", "dmsetup status[vg0-root:]: 1 AA 1 => 1 AD 1", Partial("`AD`")),
                ("the leg on old is dead", "dmsetup status[vg0-root:]: 1 AA 1 => 1 DA 1", Partial("`DA`")),
                ("its synchronisation failed", "dmsetup status[vg0-root:]: 1 AA 1 => 1 AS 1", Partial("`AS`")),
                ("a flush failed", "dmsetup status[vg0-root:]: 1 AA 1 => 1 AF 1", Partial("`AF`")),
                ("a read failed", "dmsetup status[vg0-root:]: 1 AA 1 => 1 RA 1", Partial("`RA`")),
                ("the kernel is one region behind LVM", "dmsetup status[vg0-root:]: 1640/1640 => 1639/1640", Underway("copying vg0/root 1718616064 of")),
                ("LVM is behind the kernel", "lvs[\"root\"]: \"sync_percent\":\"100.00\" => \"sync_percent\":\"99.99\"", Underway("copying vg0/root")),
                ("LVM has no percentage", "lvs[\"root\"]: \"sync_percent\":\"100.00\" => \"sync_percent\":\"\"", Underway("copying vg0/root")),
                ("it has only begun", "dmsetup status[vg0-root:]: 1640/1640 => 0/1640 & lvs[\"root\"]: 100.00 => 0.00", Underway(" 0 of 1719664640")),
                ("a write error on a leg since", "dmesg[begins]:  => \n[ 950.1] device-mapper: raid1: Write error during recovery (error = 0x1)", Partial("complained")),
                ("a leg has failed since", "dmesg[begins]:  => \n[ 950.1] device-mapper: raid1: recovery failed", Partial("complained")),
                ("a complaint from before the copy", "dmesg says [ 100.1] device-mapper: raid1: Write error\n[ 900.1] replant: mirror of vg0/root begins\n", Present),
                ("a complaint from before its second beginning", "dmesg says [ 90.1] replant: mirror of vg0/root begins\n[ 100.1] device-mapper: raid1: Write error\n[ 900.1] replant: mirror of vg0/root begins\n", Present),
                ("a complaint, and nothing says when the copy began", "dmesg says [ 100.1] device-mapper: raid1: Write error on mirror device\n", Partial("complained")),
                ("a complaint between two copies, and the other's began later", "dmesg says [ 90.1] replant: mirror of vg0/root begins\n[ 100.1] device-mapper: raid1: Write error\n[ 900.1] replant: mirror of vg0/var begins\n", Partial("complained")),
                ("nobody watches it", "lvs[\"root\"]: \"monitored\" => \"not monitored\"", Partial("dmeventd does not watch")),
                ("nobody can say whether somebody watches it", "lvs[\"root\"]: \"monitored\" => \"\"", Partial("dmeventd does not watch")),
                ("dmeventd is about to watch it", "lvs[\"root\"]: \"monitored\" => \"pending\"", Underway("begins to watch")),
                ("nothing says when the copy began", "now ${now[copy-vg0-root] is gone", Partial("when this copy began")),
                ("only another copy says when it began", "now ${now: copy-vg0-root => copy-vg0-home", Partial("when this copy began")),
                ("new was started after the copy began", "pidof tgtd: 90000 => 4090", Partial("new was started again")),
                ("tgtd was started after the copy began", "pidof tgtd: 80000 => 4000", Partial("new was started again")),
                ("new was started right before it", "pidof tgtd: 80000 => 4102", Present),
                ("a clock that is a little slow", "pidof tgtd: 80000 => 4100", Present),
                ("no tgtd on new", "pidof tgtd[tgtd] is gone", Present),
                ("new does not answer", "new is silent", Underway("waiting for new")),
                ("new does not answer, and it is broken anyway", "new is silent & dmsetup status[vg0-root:]: 1 AA 1 => 1 AD 1", Partial("`AD`")),
                ("new says nothing that can be read", "pidof tgtd: 80000 => ", Error("since when")),
                ("lvs says nothing that can be read", "lvs says {}", Error("lvs")),
                ("pvs fails", "pvs fails: locked", Error("pvs")),
                ("the server is silent", "old is silent", Error("silence")),
            ],
        },
        Table {
            kind: "mirror",
            world: raid(&raid1),
            rows: vec![
                ("raid1 in sync", "", Present),
                ("not whole, says LVM", "lvs[\"root\"]: 100.00 => 99.00", Underway("copying")),
                ("not whole, says the kernel", "dmsetup status: 3358720/3358720 => 3358600/3358720", Underway("copying")),
                ("a scrub goes on", "lvs[\"root\"]: \"idle\" => \"check\"", Underway("copying")),
                ("recovering, says the kernel only", "dmsetup status: idle => recover", Underway("copying")),
                ("frozen", "dmsetup status: idle => frozen", Underway("copying")),
                ("alive and not in sync yet", "dmsetup status: raid1 2 AA => raid1 2 Aa", Underway("copying")),
                ("dead, and 100 percent all the same", "dmsetup status: raid1 2 AA => raid1 2 AD", Partial("`AD`")),
                ("missing, and 100 percent all the same", "dmsetup status: raid1 2 AA => raid1 2 A-", Partial("`A-`")),
                ("a leg was failed since", "dmesg[begins]:  => \n[ 950.1] md/raid1:mdX: no matter\n[ 950.2] device-mapper: raid: Failed to read superblock of device at position 1", Partial("complained")),
                ("a line that is no complaint", "dmesg[begins]:  => \n[ 950.2] device-mapper: raid: Superblocks created for new raid set", Present),
                ("mirrored the other way", "lvs[\"root\"]: raid1\", \"lv_layout\" => mirror\", \"lv_layout\"", Foreign("of type mirror")),
            ],
        },
        Table {
            kind: "write-mostly",
            world: raid(r#"{ "write-mostly": { "vg": "vg0", "lv": "root", "device": "/dev/sdd" } }"#).but("lvs[[root_rimage_1]]: iwi-aom--- => iwi-aor-w-"),
            rows: vec![
                ("marked", "", Present),
                ("not marked", "lvs[[root_rimage_1]]: iwi-aor-w- => iwi-aor---", Absent),
                ("missing", "lvs[[root_rimage_1]]: iwi-aor-w- => iwi-aor-p-", Absent),
                ("the mark is on another volume's leg", "lvs[[root_rimage_1]]: root_rimage_1 => var_rimage_1", Absent),
                ("the mark is on old's leg", "lvs[[root_rimage_1]]: root_rimage_1 => root_rimage_0", Absent),
                ("the leg is of another group's volume", "lvs[[root_rimage_1]]: \"vg0\" => \"vg1\"", Absent),
                ("what is called like the leg is a volume", "lvs[[root_rimage_1]]: [root_rimage_1] => root_rimage_1", Absent),
            ],
        },
        Table {
            kind: "in-sync",
            world: recorded(&in_sync),
            rows: vec![
                ("in sync", "", Present),
                ("not mirrored", "lvs[\"root\"]: \"mirror\", \"lv_layout\" => \"linear\", \"lv_layout\"", Foreign("vg0/root is not mirrored")),
                ("half way", "dmsetup status[vg0-root:]: 1640/1640 => 1600/1640", Underway("copying vg0/root")),
                ("a dead leg", "dmsetup status[vg0-root:]: 1 AA 1 => 1 AD 1", Foreign("vg0/root: ")),
                ("new's physical volume is missed", "pvs[ZtxKO0]: \"pv_missing\":\"\" => \"pv_missing\":\"missing\"", Foreign("vg0/root: its leg on new is missing")),
                ("no such volume", "lvs[\"root\"]: \"root\" => \"other\"", Foreign("no volume vg0/root")),
                ("nobody watches it", "lvs[\"root\"]: \"monitored\" => \"not monitored\"", Foreign("vg0/root: dmeventd")),
                ("older than new", "pidof tgtd: 90000 => 4000", Foreign("vg0/root: new was started again")),
                ("new does not answer", "new is silent", Underway("waiting for new")),
            ],
        },
        Table {
            kind: "fresh-copies",
            world: recorded(&in_sync.replace("in-sync", "fresh-copies").replace("\"mirrors\"", "\"differs\": \"/run/differs-mirrors\", \"mirrors\""))
                .says("/run/differs-mirrors", "absent\n"),
            rows: vec![
                ("younger than new", "", Present),
                ("older than new", "pidof tgtd: 90000 => 4000", Absent),
                ("copies were found to differ", "/run/differs-mirrors says present\ndiffers\n", Absent),
                ("copies were found to differ, and new is silent", "/run/differs-mirrors says present\ndiffers\n & new is silent", Absent),
                ("older than tgtd", "pidof tgtd: 80000 => 4000", Absent),
                ("no mirror yet, and new was started just now", "lvs[\"root\"]: \"mirror\", \"lv_layout\" => \"linear\", \"lv_layout\" & pidof tgtd: 90000 => 40", Present),
                ("not in sync yet and older than new", "dmsetup status[vg0-root:]: 1640/1640 => 1600/1640 & pidof tgtd: 90000 => 4000", Absent),
                ("new does not answer", "new is silent", Error("silence")),
            ],
        },
        Table {
            kind: "in-sync",
            world: recorded(&in_sync.replace("\"mirrors\": [", &format!("\"mirrors\": [ {},", ROOT.replace("\"root\"", "\"var\"").replace("vg0-root", "vg0-var")))),
            rows: vec![
                ("one of two is half way", "", Underway("copying vg0/var")),
                ("the other", "lvs[\"var\"]: 7.31 => 100.00 & dmsetup status: 130/1040 => 1040/1040 & dmsetup status: 1640/1640 => 1600/1640", Underway("copying vg0/root")),
                ("both", "lvs[\"var\"]: 7.31 => 100.00 & dmsetup status: 130/1040 => 1040/1040", Present),
            ],
        },
    ]
}
