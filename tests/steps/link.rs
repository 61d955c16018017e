use replant::host::Side;

use crate::world::Sees::*;
use crate::world::{Table, World};

const IQN: &str = "iqn.2026-01.lab:srv1.md1";
const BY_PATH: &str = "/dev/disk/by-path/ip-10.77.0.22:3260-iscsi-iqn.2026-01.lab:srv1.md1-lun-1";

fn old(step: &str) -> World {
    World::of(Side::Old, step)
        .says("/sys/class/iscsi_session", &format!("iqn.2026-01.lab:srv1.md0 LOGGED_IN\n{IQN} LOGGED_IN\n"))
        .says("lsblk", include_str!("../facts/lsblk/syncing.out"))
        .says("readlink -f", "/dev/sdd\n")
}

fn new(step: &str) -> World {
    World::of(Side::New, step).says("tgtadm --lld iscsi --mode target --op show", include_str!("recorded/tgt-show.out")).says("tgtadm --lld iscsi --mode portal --op show", "Portal: 10.77.0.22:3260,1\n").says("readlink -f", "/dev/md1\n").says("pidof tgtd", "1234\n").says(
        "/sys/kernel/config/target",
        "backstore 1 mig-srv1-md1 /dev/disk/by-id/md-uuid-1\ntarget 1\nacl iqn.1993-08.org.debian:01:b577bb2c54c7\nback replant-new\n\
             portal 10.77.0.22:3260\nlun lun_0\n",
    )
}

// a row is a line
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a table: each world is a line")]
pub fn tables() -> Vec<Table> {
    let login = format!(
        r#"{{ "login": {{ "iqn": "{IQN}", "portal": "10.77.0.22:3260", "device": "{BY_PATH}", "serial": "mig-srv1-md1",
        "at_least": 8044675072, "sector": 512 }} }}"#
    );
    let logout = format!(r#"{{ "logout": {{ "iqn": "{IQN}", "portal": "10.77.0.22:3260", "device": "{BY_PATH}" }} }}"#);
    let export = format!(
        r#"{{ "tgt-export": {{ "iqn": "{IQN}", "device": "/dev/disk/by-id/md-uuid-1", "serial": "mig-srv1-md1",
        "initiator_address": "10.77.0.21", "user": "mig", "back_user": "mig-new", "conf": "", "conf_path": "/run/replant/md1.conf" }} }}"#
    );
    let gone = |stop: bool| format!(r#"{{ "tgt-gone": {{ "targets": [["{IQN}", "/run/replant/md1.conf"]], "stop": {stop}, "devices": [] }} }}"#);
    let lio = format!(
        r#"{{ "lio-export": {{ "iqn": "{IQN}", "name": "srv1-md1", "device": "/dev/disk/by-id/md-uuid-1", "serial": "mig-srv1-md1",
        "portal": "10.77.0.22:3260", "initiator": "iqn.1993-08.org.debian:01:b577bb2c54c7", "user": "replant", "back_user": "replant-new", "dir": "/run/replant" }} }}"#
    );
    let lio_gone = format!(r#"{{ "lio-gone": {{ "iqn": "{IQN}", "name": "srv1-md1", "dir": "/run/replant", "device": "/dev/disk/by-id/md-uuid-1" }} }}"#);
    let node = format!(
        r#"{{ "iscsi-node": {{ "iqn": "{IQN}", "portal": "10.77.0.22:3260", "path": "/etc/iscsi/nodes/n/p/default",
        "record": "{}" }} }}"#,
        "# BEGIN RECORD 2.1.8\\nnode.name = n\\nnode.session.auth.password = @@secret:chap@@\\nnode.session.timeo.replacement_timeout = 15\\n# END RECORD\\n"
    );
    vec![
        Table {
            kind: "login",
            world: old(&login),
            rows: vec![
                ("logged in", "", Present),
                ("no session", "/sys/class/iscsi_session[md1] is gone", Absent),
                ("a session with a target that begins so", "/sys/class/iscsi_session: md1 => md10", Absent),
                ("the session has failed", "/sys/class/iscsi_session[md1]: LOGGED_IN => FAILED", Underway("FAILED")),
                ("udev has no number of it", "lsblk: \"mig-srv1-md1\" => null", Partial("no serial number")),
                ("no disk yet", NO_DISK, Underway("appear")),
                ("the disk of another migration", "lsblk: \"mig-srv1-md1\" => \"mig-srv2-md1\"", Underway("appear")),
                ("two disks of one serial number", "lsblk: \"mig-srv1-md0\" => \"mig-srv1-md1\"", Foreign("2 disks")),
                ("udev has not named it", BY_NAME, Underway("udev")),
                ("readlink fails", "readlink -f fails: no", Underway("udev")),
                ("the name is another disk's", "readlink -f says /dev/sdb\n", Foreign("serial number is on /dev/sdd")),
                ("it is a disk of old's own", "lsblk: \"iscsi\" => \"sata\"", Foreign("not an iSCSI disk")),
                ("it says nothing of its transport", "lsblk: \"iscsi\" => null", Foreign("not an iSCSI disk")),
                ("a byte too small", "lsblk: 8044675072 => 8044675071", Foreign("8044675071 bytes, 8044675072 are needed")),
                ("larger", "lsblk: 8044675072 => 8044679168", Present),
                ("other blocks", "lsblk[log-sec]: 512 => 4096", Foreign("blocks of 4096 bytes")),
                ("lsblk says nothing", "lsblk says ", Error("lsblk")),
            ],
        },
        Table {
            kind: "logout",
            world: old(&logout),
            rows: vec![
                ("logged in", "", Absent),
                ("no session", "/sys/class/iscsi_session[md1] is gone", Present),
                ("a session that has failed", "/sys/class/iscsi_session[md1]: LOGGED_IN => FAILED", Absent),
                ("cannot be asked", "/sys/class/iscsi_session fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "tgt-export",
            // recorded before it was asked for
            world: new(&export).but("tgtadm --lld iscsi --mode target --op show: store flags: => store flags: sync & tgtadm --lld iscsi --mode target --op show[        mig]:  => \n        mig-new (outgoing)"),
            rows: vec![
                ("recorded", "", Present),
                ("acknowledges what is in memory only", "tgtadm --lld iscsi --mode target --op show: flags: sync => flags:", Partial("on disk before they are acknowledged")),
                ("leaves the caches of its disks alone", "tgtadm --lld iscsi --mode target --op show: flags: sync => flags: direct", Partial("on disk before they are acknowledged")),
                ("both", "tgtadm --lld iscsi --mode target --op show: flags: sync => flags: sync direct", Present),
                ("tgtd does not run", "pidof tgtd says  & tgtadm --lld iscsi --mode target --op show fails: no", Absent),
                ("tgtd runs and does not answer", "tgtadm --lld iscsi --mode target --op show fails: no", Error("tgtadm")),
                ("no such target", "tgtadm --lld iscsi --mode target --op show: srv1.md1 => srv1.md2", Absent),
                ("another array", "tgtadm --lld iscsi --mode target --op show: /dev/md1 => /dev/md2", Partial("lacks its device")),
                ("by its own name", "tgtadm --lld iscsi --mode target --op show: path: /dev/md1 => path: /dev/disk/by-id/md-uuid-1", Present),
                ("the array has another name now", "readlink -f says /dev/md127\n", Partial("lacks its device")),
                ("another serial number", "tgtadm --lld iscsi --mode target --op show: SN: mig-srv1-md1 => SN: beaf21", Partial("lacks its serial number")),
                ("no account", "tgtadm --lld iscsi --mode target --op show[        mig] is gone", Partial("lacks its account")),
                ("it cannot prove itself", "tgtadm --lld iscsi --mode target --op show[(outgoing)] is gone", Partial("proves itself to old")),
                ("it proves itself as another", "tgtadm --lld iscsi --mode target --op show: mig-new => mig", Partial("proves itself to old")),
                ("the account is another's", "tgtadm --lld iscsi --mode target --op show:         mig\n => other\n", Partial("lacks its account")),
                ("open to all", "tgtadm --lld iscsi --mode target --op show: 10.77.0.21 => ALL", Partial("lacks its address list")),
                ("open to nobody", "tgtadm --lld iscsi --mode target --op show[        10.77.0.21] is gone", Partial("lacks its address list")),
                ("open to somebody else too", "tgtadm --lld iscsi --mode target --op show[        10.77.0.21]:  => \n        10.77.0.99", Partial("lacks its address list")),
                ("open to an address that begins so", "tgtadm --lld iscsi --mode target --op show: 10.77.0.21 => 10.77.0.211", Partial("lacks its address list")),
            ],
        },
        Table {
            kind: "tgt-gone",
            world: new(&gone(false)),
            rows: vec![
                ("recorded", "", Absent),
                ("only the other is left", "tgtadm --lld iscsi --mode target --op show: srv1.md1 => srv1.md2", Present),
                ("tgtd does not run", "pidof tgtd says ", Present),
                ("cannot be asked", "tgtadm --lld iscsi --mode target --op show fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "tgt-gone",
            world: new(&gone(true)).but("tgtadm --lld iscsi --mode target --op show: srv1.md1 => srv1.md2"),
            rows: vec![
                ("no target is left, tgtd runs", "", Absent),
                ("tgtd does not run", "pidof tgtd says ", Present),
            ],
        },
        Table {
            kind: "daemon",
            world: new(r#"{ "daemon": { "portal": "10.77.0.22:3260" } }"#),
            rows: vec![
                ("listens", "", Present),
                ("does not run", "pidof tgtd says ", Absent),
                ("on all addresses", "tgtadm --lld iscsi --mode portal --op show says Portal: 0.0.0.0:3260,1\nPortal: [::]:3260,1\n", Present),
                ("on another address", "tgtadm --lld iscsi --mode portal --op show: 10.77.0.22 => 10.77.0.23", Foreign("10.77.0.23:3260")),
                ("on another port", "tgtadm --lld iscsi --mode portal --op show: 3260 => 3261", Foreign("3261")),
                ("nowhere yet", "tgtadm --lld iscsi --mode portal --op show says ", Underway("starting")),
                ("does not answer yet", "tgtadm --lld iscsi --mode portal --op show fails: no", Underway("starting")),
            ],
        },
        Table {
            kind: "lio-export",
            world: new(&lio),
            rows: vec![
                ("as made", "", Present),
                ("nothing", "/sys/kernel/config/target says ", Absent),
                ("another device", "/sys/kernel/config/target: md-uuid-1 => md-uuid-2", Partial("lacks `backstore")),
                ("another serial number", "/sys/kernel/config/target: mig-srv1-md1 => mig-srv1-md0", Partial("lacks `backstore")),
                ("the backstore is off", "/sys/kernel/config/target: backstore 1 => backstore 0", Partial("lacks `backstore")),
                ("the target is off", "/sys/kernel/config/target: target 1 => target 0", Partial("lacks `target 1`")),
                ("nobody may log in", "/sys/kernel/config/target[acl] is gone", Partial("lacks `acl")),
                ("it cannot prove itself", "/sys/kernel/config/target: back replant-new => back ", Partial("lacks `back replant-new`")),
                ("somebody else may log in too", "/sys/kernel/config/target[acl]:  => \nacl iqn.2001-01.other:1", Foreign("also has acl iqn.2001-01.other:1")),
                ("another address", "/sys/kernel/config/target[portal]: 10.77.0.22 => 0.0.0.0", Partial("lacks `portal")),
                ("no disk", "/sys/kernel/config/target[lun] is gone", Partial("lacks `lun lun_0`")),
                ("cannot be asked", "/sys/kernel/config/target fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "lio-gone",
            world: new(&lio_gone),
            rows: vec![
                ("as made", "", Absent),
                ("nothing", "/sys/kernel/config/target says ", Present),
                ("the backstore is left", "/sys/kernel/config/target says backstore 0 x y\n", Absent),
                ("cannot be asked", "/sys/kernel/config/target fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "iscsi-node",
            world: World::of(Side::Old, &node).holds(
                "/etc/iscsi/nodes/n/p/default",
                "# BEGIN RECORD 2.1.9\nnode.name = n\nnode.tpgt = 1\nnode.session.auth.password = abc\n\
                 node.session.timeo.replacement_timeout = 15\n# END RECORD\n",
            ),
            rows: vec![
                ("as iscsiadm writes it again", "", Present),
                ("none", "/etc/iscsi/nodes/n/p/default says absent\n", Absent),
                ("another timeout", "/etc/iscsi/nodes/n/p/default: timeout = 15 => timeout = 120", Foreign("says something else")),
                ("no secret", "/etc/iscsi/nodes/n/p/default: password = abc => password = ", Foreign("says something else")),
                ("a line is missing", "/etc/iscsi/nodes/n/p/default[node.name] is gone", Foreign("says something else")),
                ("cannot be asked", "/etc/iscsi/nodes/n/p/default fails: no", Error("exit code 5")),
            ],
        },
    ]
}

/// What readlink(1) says of a name that is no link.
const BY_NAME: &str =
    concat!("readlink -f says ", "/dev/disk/by-path/ip-10.77.0.22:3260-iscsi-iqn.2026-01.lab:srv1.md1-lun-1\n");
const NO_DISK: &str = concat!(
    "lsblk: \"mig-srv1-md1\" => null & readlink -f says ",
    "/dev/disk/by-path/ip-10.77.0.22:3260-iscsi-iqn.2026-01.lab:srv1.md1-lun-1\n"
);
