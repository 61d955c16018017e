use replant::host::Side;

use crate::world::Sees::*;
use crate::world::{Table, World};

/// What uses its volumes: nothing that could write.
const LIVE: &str = "@maps
vg0-root 254 0 1
vg0-swap_1 254 1 0
vg0-var 254 2 1
vg0-data 254 3 0
vg0-data2 254 4 1
@above
@swaps
Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority
@loops
/dev/loop3 1 254:0 /snap.img
@holders
namespace own
30 1 254:0 / / ro,relatime shared:1 - ext4 /dev/mapper/vg0-root ro,errors=remount-ro
40 30 254:2 / /var ro,relatime shared:31 - xfs /dev/mapper/vg0-var ro,attr2
42 30 9:0 / /boot ro,relatime shared:29 - ext4 /dev/md0 ro
namespace /proc/211
99 78 254:0 / / ro,relatime shared:45 master:1 - ext4 /dev/mapper/vg0-root ro,errors=remount-ro
deleted\t402\t254:0\tdbus-daemon\t/system.slice/dbus.service\t/usr/lib/libdbus-1.so.3 (deleted)
@end
";

/// Old in the cutover: all is stopped and read-only.
fn quiet(step: &str) -> World {
    World::of(Side::Old, step)
        .says("power old", "on\n")
        .holds("/run/replant/srv1/quiet", "2026-11-22T11:00:03Z\n")
        .says("systemctl is-active", "inactive\nfailed\n")
        .holds(
            "/proc/self/mountinfo",
            "24 30 0:22 / /proc rw,relatime shared:12 - proc proc rw\n\
             30 1 254:0 / / ro,relatime shared:1 - ext4 /dev/mapper/vg0-root ro,errors=remount-ro\n\
             31 30 0:24 / /run rw,nosuid shared:5 - tmpfs tmpfs rw,size=202360k\n\
             40 30 254:2 / /var ro,relatime shared:31 - xfs /dev/mapper/vg0-var ro,attr2\n\
             42 30 9:0 / /boot ro,relatime shared:29 - ext4 /dev/md0 ro\n",
        )
        .holds("/run/replant/srv1/steps/ran", "rec.service\ndb.service\n")
        .holds("/run/replant/srv1/steps/counted", "vg0-root 81920\nvg0-swap_1 16\nvg0-var 4096\n")
        .says("for d in /sys/block/dm-*", "vg0-root 81920\nvg0-swap_1 24\nvg0-var 4096\nvg0-var_new 4096\n")
        .says("# What keeps file systems", LIVE)
        .says("readlink -f", "/dev/dm-1\n")
        .holds("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/dm-7 partition 1 0 -2\n")
}

// a row is a line
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a table: each world is a line")]
pub fn tables() -> Vec<Table> {
    vec![
        Table {
            kind: "still-quiet",
            world: quiet(r#"{ "still-quiet": { "mark": "/run/replant/srv1/quiet", "units": ["rec.service", "db.service"], "read_only": ["/", "/var", "/boot"], "volumes": ["vg0/root", "vg0/var"], "counted": "/run/replant/srv1/steps/counted" } }"#),
            rows: vec![
                ("quiet", "", Present),
                ("off, and silent", "power old says off\n & old is silent", Present),
                ("it has been booted", "/run/replant/srv1/quiet says absent\n", Foreign("has been booted")),
                ("the first unit runs", "systemctl is-active says active\ninactive\n", Foreign("rec.service has been started")),
                ("the last unit runs", "systemctl is-active says inactive\nactive\n", Foreign("db.service has been started")),
                ("systemctl says nothing", "systemctl is-active says ", Error("2 units, 0 answers")),
                ("systemctl knows only the first unit", "systemctl is-active says inactive\n", Error("2 units, 1 answers")),
                ("a unit is coming", "systemctl is-active says activating\ninactive\n", Foreign("rec.service")),
                ("a unit reads its configuration again", "systemctl is-active says inactive\nreloading\n", Foreign("db.service")),
                ("a unit goes away", "systemctl is-active says inactive\ndeactivating\n", Present),
                ("written to, and as before again", "for d in /sys/block/dm-*: vg0-var 4096 => vg0-var 4104", Foreign("vg0/var has been written to")),
                ("a volume is no more", "for d in /sys/block/dm-*[vg0-root] is gone", Foreign("vg0/root has been written to")),
                ("nobody counted", "/run/replant/srv1/steps/counted says absent\n", Foreign("vg0/root has been written to")),
                ("/ can be written to", "# What keeps file systems: vg0-root ro, => vg0-root rw,", Foreign("vg0/root is mounted for writing on /")),
                ("/var can be written to", "# What keeps file systems[/var]: ro => rw", Foreign("vg0/var is mounted for writing on /var")),
                ("/boot can be written to", "# What keeps file systems[/boot]: ro => rw", Foreign("/boot is mounted for writing on /boot")),
                ("only the mount point is read-only", "# What keeps file systems[/var]: ro,attr2 => rw,attr2", Foreign("only this mount point is read-only")),
                ("another namespace", "# What keeps file systems[99 78]: vg0-root ro => vg0-var rw & # What keeps file systems[99 78]: 254:0 => 254:2", Foreign("vg0/var is mounted for writing on / in the mount namespace of process 211")),
                ("somebody looks", "# What keeps file systems: vg0-var 254 2 1 => vg0-var 254 2 2", Present),
                ("it does not answer", "old is silent", Error("silence")),
                ("whether it is off is not known", "power old says unknown\n & /run/replant/srv1/quiet says absent\n", Foreign("has been booted")),
                ("what writes cannot be asked", "# What keeps file systems fails: no", Error("exit code 5")),
                ("the mark cannot be read", "/run/replant/srv1/quiet fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "dead-man",
            world: World::of(Side::Old, r#"{ "dead-man": { "dir": "/run/replant/srv1/dead-man", "unit": "d.service", "seconds": 300, "back": [] } }"#).says("if [ -e", "armed\n"),
            rows: vec![
                ("armed", "", Present),
                ("held, for the cut", "if [ -e says cut\n", Present),
                ("not yet", "if [ -e says none\n", Absent),
                ("it has fired", "if [ -e says fired\n", Partial("services have come back by themselves")),
                ("somebody has ended it", "if [ -e says dead\n", Partial("its runner is gone")),
                ("no word", "if [ -e says \n", Error("is no answer")),
                ("it cannot be asked", "if [ -e fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "dead-man-off",
            world: World::of(Side::Old, r#"{ "dead-man-off": { "dir": "/run/replant/srv1/dead-man", "unit": "d.service", "seconds": 300 } }"#).says("if [ -e", "cut\n"),
            rows: vec![
                ("held", "", Present),
                ("armed", "if [ -e says armed\n", Absent),
                ("its runner is gone", "if [ -e says dead\n", Absent),
                ("it has fired", "if [ -e says fired\n", Absent),
                ("after a boot", "if [ -e says none\n", Absent),
                ("it cannot be asked", "if [ -e fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "nothing-writes",
            world: quiet(r#"{ "nothing-writes": { "volumes": ["vg0/root", "vg0/var", "vg0/data"], "targets": ["/", "/var", "/boot"] } }"#),
            rows: vec![
                ("nothing", "", Present),
                ("a file system", "# What keeps file systems[/var]: ro => rw", Foreign("vg0/var is mounted for writing on /var (`umount /var`)")),
                ("read-only mount point of a writable file system", "# What keeps file systems[/var]: ro,attr2 => rw,attr2", Foreign("only this mount point is read-only")),
                ("of which nobody knew, on a volume that was not mounted", "# What keeps file systems[42 30]:  => \n43 30 254:3 / /mnt rw - ext4 /dev/mapper/vg0-data rw & # What keeps file systems: vg0-data 254 3 0 => vg0-data 254 3 1", Foreign("vg0/data is mounted for writing on /mnt")),
                ("the same, read-only", "# What keeps file systems[42 30]:  => \n43 30 254:3 / /mnt ro - ext4 /dev/mapper/vg0-data ro & # What keeps file systems: vg0-data 254 3 0 => vg0-data 254 3 1", Present),
                ("btrfs, which has a number of its own", "# What keeps file systems[42 30]:  => \n43 30 0:51 /@a /mnt rw - btrfs /dev/mapper/vg0-data rw,subvol=/@a & # What keeps file systems: vg0-data 254 3 0 => vg0-data 254 3 1", Foreign("vg0/data is mounted for writing on /mnt")),
                ("by its kernel name", "# What keeps file systems[42 30]:  => \n43 30 0:51 /@a /mnt rw - btrfs /dev/dm-3 rw", Foreign("vg0/data is mounted for writing on /mnt")),
                ("by the name of its group", "# What keeps file systems[42 30]:  => \n43 30 0:51 /@a /mnt rw - btrfs /dev/vg0/data rw", Foreign("vg0/data is mounted for writing on /mnt")),
                ("of a volume that stays", "# What keeps file systems[42 30]:  => \n43 30 254:4 / /mnt rw - ext4 /dev/mapper/vg0-data2 rw", Present),
                ("unmounted lazily", "# What keeps file systems: vg0-data 254 3 0 => vg0-data 254 3 1", Partial("vg0/data is open 1 times, and of 0 it is known by whom")),
                ("a virtual machine", "# What keeps file systems: vg0-data 254 3 0 => vg0-data 254 3 1 & # What keeps file systems[dbus]:  => \nraw-write\t77\t/dev/dm-3\tqemu-system-x86\t/machine.slice/machine-qemu-1.scope\t/dev/dm-3", Foreign("process 77 (qemu-system-x86) of machine-qemu-1.scope has vg0/data itself open for writing")),
                ("somebody who looks at a device", "# What keeps file systems: vg0-data 254 3 0 => vg0-data 254 3 1 & # What keeps file systems[dbus]:  => \nraw\t77\t/dev/mapper/vg0-data\tsmartd\t-\t/dev/mapper/vg0-data", Present),
                ("swap", "# What keeps file systems[Filename]:  => \n/dev/dm-3 partition 131068 0 -2 & # What keeps file systems: vg0-data 254 3 0 => vg0-data 254 3 1", Foreign("vg0/data is in use as swap (/dev/dm-3) (`swapoff /dev/dm-3`)")),
                ("a file of swap", "# What keeps file systems[Filename]:  => \n/var/swap file 131068 0 -2", Foreign("the file /var/swap is in use as swap")),
                ("swap elsewhere", "# What keeps file systems[Filename]:  => \n/dev/dm-4 partition 131068 0 -2", Present),
                ("a loop device on a file", "# What keeps file systems[loop3]:  => \n/dev/loop4 0 254:2 /var/x.img", Foreign("/dev/loop4 writes to /var/x.img on /var")),
                ("a loop device on a volume", "# What keeps file systems[loop3]:  => \n/dev/loop4 0 0:6 /dev/mapper/vg0-data", Foreign("/dev/loop4 writes to /dev/mapper/vg0-data on vg0/data")),
                ("what stands on a volume", "# What keeps file systems: @above => dm-luks 254 5 1\n@above\ndm-3 254:5 dm-5 & # What keeps file systems: vg0-data 254 3 0 => vg0-data 254 3 1 & # What keeps file systems[42 30]:  => \n43 30 254:5 / /secret rw - xfs /dev/mapper/dm-luks rw", Foreign("vg0/data is mounted for writing on /secret")),
                ("what stands on a volume, in silence", "# What keeps file systems: @above => dm-luks 254 5 0\n@above\ndm-3 254:5 dm-5 & # What keeps file systems: vg0-data 254 3 0 => vg0-data 254 3 1", Present),
                ("not all was gone through in time", "# What keeps file systems[@loops]:  => \ncut", Error("it took too long")),
                ("half an answer", "# What keeps file systems[@end] is gone", Error("does not end in")),
                ("it cannot be asked", "# What keeps file systems fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "nothing-writes",
            world: quiet(r#"{ "nothing-writes": { "volumes": ["vg0/root", "vg0/var", "vg0/data"], "targets": ["/", "/var"], "yet": { "stops": ["rec.service", "docker.service"], "swaps": ["/dev/mapper/vg0-data"], "loops": ["/dev/loop4"], "raw": ["vg0/vm"], "holders": [{ "unit": "dbus.service", "process": "dbus-daemon", "target": "/", "deleted": "/usr/lib/libdbus-1.so.3" }] } } }"#)
                .but("# What keeps file systems: vg0-root ro, => vg0-root rw, & # What keeps file systems[/var]: ro => rw"),
            rows: vec![
                ("what the plan knew", "", Present),
                ("its own swap", "# What keeps file systems[Filename]:  => \n/dev/dm-3 partition 131068 0 -2 & # What keeps file systems: vg0-data 254 3 0 => vg0-data 254 3 1", Present),
                ("a volume that the plan did not know to be open", "# What keeps file systems: vg0-data 254 3 0 => vg0-data 254 3 1", Partial("vg0/data is open 1 times")),
                ("another virtual machine", "# What keeps file systems: vg0-data 254 3 0 => vg0-data 254 3 1 & # What keeps file systems[dbus]:  => \nraw-write\t77\t/dev/dm-3\tqemu-system-x86\t/machine.slice/machine-qemu-1.scope\t/dev/dm-3", Foreign("process")),
                ("another swap", "# What keeps file systems[Filename]:  => \n/var/swap file 131068 0 -2", Foreign("the file /var/swap is in use as swap")),
                ("its own loop device", "# What keeps file systems[loop3]:  => \n/dev/loop4 0 254:2 /var/x.img", Present),
                ("another loop device", "# What keeps file systems[loop3]:  => \n/dev/loop5 0 254:2 /var/x.img", Foreign("/dev/loop5 writes to /var/x.img")),
                ("a new mount", "# What keeps file systems[42 30]:  => \n43 30 254:3 / /mnt rw - ext4 /dev/mapper/vg0-data rw", Foreign("vg0/data is mounted for writing on /mnt")),
                ("what will be made read-only, mounted twice", "# What keeps file systems[42 30]:  => \n43 30 254:2 /log /mnt rw - xfs /dev/mapper/vg0-var rw", Present),
                ("a unit that is stopped writes", "# What keeps file systems[dbus]:  => \nwrites\t9\t254:2\trec\t/system.slice/rec.service\t-", Present),
                ("a container of one that is stopped", "# What keeps file systems[dbus]:  => \nwrites\t9\t254:2\tsh\t/system.slice/docker-f00.scope\t-", Present),
                ("another unit writes", "# What keeps file systems[dbus]:  => \nwrites\t9\t254:2\tpostgres\t/system.slice/postgresql.service\t-", Partial("`postgres` of postgresql.service has files open for writing on /var (`systemctl restart postgresql.service`")),
                ("another uses what was replaced", "# What keeps file systems[dbus]:  => \ndeleted\t9\t254:0\tnginx\t/system.slice/nginx.service\t/usr/sbin/nginx (deleted)", Partial("`nginx` of nginx.service uses /usr/sbin/nginx on /, which has been deleted or replaced")),
                ("a person writes", "# What keeps file systems[dbus]:  => \nwrites\t9\t254:2\tvi\t/user.slice/user-0.slice/session-4.scope\t-", Partial("`vi` of session-4.scope")),
                ("one that writes elsewhere", "# What keeps file systems[dbus]:  => \nwrites\t9\t9:0\tvi\t-\t-", Present),
            ],
        },
        Table {
            kind: "writes-counted",
            world: quiet(r#"{ "writes-counted": { "record": "/run/replant/srv1/steps/counted", "volumes": ["vg0/root", "vg0/var"] } }"#),
            rows: vec![
                ("counted", "", Present),
                ("not", "/run/replant/srv1/steps/counted says absent\n", Absent),
                ("something was written since", "for d in /sys/block/dm-*: vg0-var 4096 => vg0-var 4104", Absent),
                ("something was written elsewhere", "for d in /sys/block/dm-*: vg0-swap_1 24 => vg0-swap_1 32", Present),
                ("not to be read", "/run/replant/srv1/steps/counted fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "flushed",
            world: quiet(r#"{ "flushed": { "mark": "/run/replant/srv1/steps/ran" } }"#),
            rows: vec![
                ("done", "", Present),
                ("not", "/run/replant/srv1/steps/ran says absent\n", Absent),
                ("not to be read", "/run/replant/srv1/steps/ran fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "let-go",
            world: quiet(r#"{ "let-go": { "targets": ["/"], "spare": [], "restart": [], "record": "/run/replant/srv1/steps/ran", "dir": "/run/replant/srv1/steps" } }"#),
            rows: vec![
                ("done", "", Present),
                ("not", "/run/replant/srv1/steps/ran says absent\n", Absent),
                ("not to be read", "/run/replant/srv1/steps/ran fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "remount",
            world: quiet(r#"{ "remount": { "target": "/var" } }"#),
            rows: vec![
                ("read-only", "", Present),
                ("not", "/proc/self/mountinfo[/var]: ro => rw", Absent),
                ("only the mount point is", "/proc/self/mountinfo[/var]: ro,attr2 => rw,attr2", Absent),
                ("only the file system is", "/proc/self/mountinfo[/var]: ro,relatime => rw,relatime", Present),
                ("not mounted", "/proc/self/mountinfo[/var] is gone", Foreign("/var is not mounted")),
                ("in name only", "/proc/self/mountinfo[/var]: ro,attr2 => rw,errors=remount-ro", Absent),
                ("something that begins so", "/proc/self/mountinfo[/var]: /var => /var/lib", Foreign("/var is not mounted")),
                ("on top it can be written to", "/proc/self/mountinfo[/boot]:  => \n50 40 254:3 / /var rw - xfs /dev/mapper/vg0-data rw", Absent),
                ("below it could be written to", "/proc/self/mountinfo[ / / ]:  => \n39 30 254:3 / /var rw - xfs /dev/mapper/vg0-data rw", Present),
            ],
        },
        Table {
            kind: "swap-off",
            world: quiet(r#"{ "swap-off": { "device": "/dev/mapper/vg0-swap_1" } }"#),
            rows: vec![
                ("off", "", Present),
                ("on, by its kernel name", "/proc/swaps: /dev/dm-7 => /dev/dm-1", Absent),
                ("on, by its own name", "/proc/swaps: /dev/dm-7 => /dev/mapper/vg0-swap_1", Absent),
                ("one that begins so", "/proc/swaps: /dev/dm-7 => /dev/dm-12", Present),
            ],
        },
        Table {
            kind: "service",
            world: quiet(r#"{ "service": { "units": ["rec.service", "db.service"], "run": false, "record": "/run/replant/srv1/stop.ran" } }"#)
                .holds("/run/replant/srv1/stop.ran", "rec.service\n"),
            rows: vec![
                ("stopped", "", Present),
                ("stopped, and systemd does not know one", "systemctl is-active says unknown\ninactive\n", Present),
                ("stopped, and nobody wrote down what ran", "/run/replant/srv1/stop.ran says absent\n", Absent),
                ("one is left", "systemctl is-active says inactive\nactive\n", Partial("inactive, active")),
                ("all are left", "systemctl is-active says active\nactive\n", Partial("active, active")),
                ("all run, and nothing was begun", "systemctl is-active says active\nactive\n & /run/replant/srv1/stop.ran says absent\n", Absent),
                ("one is on its way down", "systemctl is-active says inactive\ndeactivating\n", Partial("deactivating")),
                ("one is on its way up", "systemctl is-active says activating\ninactive\n", Partial("activating")),
                ("one reloads", "systemctl is-active says reloading\ninactive\n", Partial("reloading")),
                ("one says a word that nobody knows", "systemctl is-active says maintenance\ninactive\n", Partial("maintenance")),
                ("fewer answers than units", "systemctl is-active says inactive\n", Error("2 units, 1 answers")),
                ("what was written down cannot be read", "/run/replant/srv1/stop.ran fails: no", Error("exit code 5")),
            ],
        },
        Table {
            kind: "service",
            world: quiet(r#"{ "service": { "units": ["rec.service", "db.service"], "run": false } }"#),
            rows: vec![
                ("stopped", "", Present),
                ("one is left", "systemctl is-active says inactive\nactive\n", Partial("inactive, active")),
            ],
        },
        Table {
            kind: "service",
            world: quiet(r#"{ "service": { "units": ["rec.service", "db.service"], "run": true } }"#),
            rows: vec![
                ("stopped", "", Absent),
                ("one runs", "systemctl is-active says inactive\nactive\n", Partial("inactive, active")),
                ("all run", "systemctl is-active says active\nactive\n", Present),
                ("one is on its way up", "systemctl is-active says active\nactivating\n", Partial("activating")),
            ],
        },
    ]
}
