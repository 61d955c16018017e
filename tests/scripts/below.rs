//! The copy from below: an array put beneath a volume, its leg on new, and the way back, against a small model of
//! device-mapper and md that refuses what they refuse. A volume that is not as it was before, or that is not the one that the
//! array was made for, is a loss.

use replant::host::Act;
use replant::step::StepKind;

use crate::place::{Place, Ran, World, step};

const SINCE: &str = "/run/copies/vg0-root";
const SYS: &str = "/sys/block/md300/md";
const VOLUME: &str = "/dm/vg0-root.table";
const OLD: &str = "/dm/replant-300-old.table";
const NEW: &str = "/dm/replant-300-new.table";
/// What LVM has given the volume.
const PLAIN: &str = "0 4096 linear 9:1 2048\n4096 2048 striped 2 128 8:1 0 8:17 0\n";
const OURS: &str = "0 6144 linear 9:300 0\n";
/// What forgets that md knew something of the leg on new.
const FORGET_NEW: &str = "dd if=/dev/zero of=/dev/ram0 bs=1M seek=12 count=4 conv=notrunc,fsync";

const COPY: &str = r#"{ "vg": "vg0", "lv": "root", "size": 3145728, "number": 300, "uuid": "1:2:3:4", "leg": "/dev/lun", "at": 8,
    "chunk": 1024, "conf": "/etc/mdadm/mdadm.conf", "since": "/run/copies/vg0-root", "dir": "/run" }"#;

fn copy() -> StepKind {
    step(&format!(r#"{{ "beneath": {COPY} }}"#))
}

fn fresh() -> StepKind {
    step(&format!(r#"{{ "fresh-legs": {{ "copies": [ {COPY} ] }} }}"#))
}

/// Whoever is killed runs no command any more: only as many as `/limit` says do what they are to do.
const ALIVE: &str = r#"echo x >>/n; [ "$(wc -l </n)" -le "$(cat /limit)" ] || exit 9
sys=/sys/block/md300/md
kernel() { basename "$(readlink -f "$1")"; }
runs() { [ -e $sys/array_state ] && [ "$(cat $sys/array_state)" != clear ]; }
"#;

const DMSETUP: &str = r#"
command=$1; shift
for last; do :; done
case $command in
table) cat "/dm/$last.table" ;;
clear) [ -e "/dm/$last.table" ] || exit 1; rm -f "/dm/$last.inactive" ;;
load)
    [ -e "/dm/$1.table" ] || exit 1
    if [ "${2-}" = --table ]; then echo "$3"; else cat; fi >"/dm/$1.inactive"
    [ -s "/dm/$1.inactive" ] || { echo "no targets specified" >&2; rm "/dm/$1.inactive"; exit 1; } ;;
resume) [ ! -e "/dm/$last.inactive" ] || mv "/dm/$last.inactive" "/dm/$last.table" ;;
create)
    [ ! -e "/dm/$1.table" ] || { echo "device $1 exists" >&2; exit 1; }
    cat >"/dm/$1.table"
    case $1 in *-old) k=dm-10 ;; *) k=dm-11 ;; esac
    : >/dev/$k; ln -s ../$k "/dev/mapper/$1" ;;
remove)
    [ -e "/dm/$last.table" ] && [ ! -e "$sys/dev-$(kernel "/dev/mapper/$last")" ] || { echo "$last is in use" >&2; exit 1; }
    rm "/dm/$last.table" "/dev/mapper/$last" ;;
esac"#;

const MDADM: &str = r#"
for last; do :; done
case "$*" in
--create*)
    ! runs || { echo "md300 is in use" >&2; exit 1; }
    [ -e /dev/mapper/replant-300-old ] || { echo "no such device" >&2; exit 1; }
    for word; do case $word in --config=*) cat "${word#*=}" >/rules ;; esac; done
    mkdir -p $sys/dev-dm-10; echo in_sync >$sys/dev-dm-10/state; echo clean >$sys/array_state; echo 1 >$sys/degraded ;;
*--stop*)
    runs || { echo "md300 does not run" >&2; exit 1; }
    ! grep -q " 9:300 " /dm/vg0-root.*  || { echo "md300 is in use" >&2; exit 1; }
    rm -rf $sys/dev-*; echo clear >$sys/array_state ;;
*--fail*) [ -e "$sys/dev-$(kernel "$last")" ] || exit 1; echo faulty >"$sys/dev-$(kernel "$last")/state" ;;
*--remove*)
    [ "$(cat "$sys/dev-$(kernel "$last")/state")" = faulty ] || { echo "hot remove failed" >&2; exit 1; }
    rm -r "$sys/dev-$(kernel "$last")" ;;
*--examine*) [ ! -e /known ] || cat /known ;;
*--re-add*) runs && [ -e /takes-back ] || exit 1; mkdir $sys/dev-dm-11; echo in_sync >$sys/dev-dm-11/state ;;
*--add*)
    runs || exit 1
    { cat /dev/kmsg; cat /run/copies/vg0-root; } >/as-it-was-added
    mkdir $sys/dev-dm-11; echo spare >$sys/dev-dm-11/state ;;
esac"#;

/// A live volume of 6144 sectors, of two parts; new offers a disk of as many. The RAM disk is there.
fn server() -> Place {
    let place = Place::new();
    let stubs = [
        ("dmsetup", DMSETUP),
        ("mdadm", MDADM),
        ("blockdev", "case $2 in */md300) cat /size-of-md ;; */lun) cat /size-of-lun ;; *) cat /size ;; esac"),
        ("blkid", "[ -e /kind ] || exit 2; cat /kind"),
        ("dmesg", "cat /log /dev/kmsg"),
        ("dd", "case \"$*\" in *seek=12\\ *) rm -f /known ;; esac"),
        ("unshare", "[ \"$1\" = --mount ] || exit 1; shift; PRIVATE=yes exec \"$@\""),
        ("mount", "[ \"${PRIVATE-}\" = yes ] || { echo \"everybody would see it\" >&2; exit 32; }"),
        ("sleep", ""),
    ];
    for (name, body) in stubs {
        place.stub(name, &format!("{ALIVE}{body}"));
    }
    for (path, text) in [
        ("/n", ""),
        ("/limit", "1000\n"),
        (VOLUME, PLAIN),
        ("/size", "6144\n"),
        ("/size-of-md", "6144\n"),
        ("/size-of-lun", "6144\n"),
        ("/log", ""),
        ("/dev/kmsg", ""),
        ("/dev/lun", ""),
        ("/dev/ram0", ""),
        ("/dev/mapper/vg0-root", ""),
        ("/etc/mdadm/mdadm.conf", "ARRAY /dev/md1\n"),
        ("/proc/uptime", "1234.50 2000.00\n"),
    ] {
        place.write(path, text);
    }
    place
}

/// One beneath whose volume the array lies, with its leg on new in sync.
fn copied() -> Place {
    let place = server();
    place.apply(&copy()).good();
    place.write(&format!("{SYS}/dev-dm-11/state"), "in_sync,write_mostly\n").write("/known", "MD_UUID=1:2:3:4\n");
    place.write("/log", &place.read("/dev/kmsg").unwrap()).write("/dev/kmsg", "");
    place
}

fn gone(place: &Place, path: &str) {
    let path = place.at(path);
    std::fs::remove_dir_all(&path).or_else(|_| std::fs::remove_file(&path)).unwrap();
}

/// What changes something.
fn changes(ran: &Ran) -> Vec<&str> {
    let looks = ["dmsetup table", "mdadm --examine", "mdadm --quiet --examine"];
    let all = ran.calls_of(&["dmsetup", "mdadm", "dd", "mount"]);
    all.into_iter().filter(|call| !looks.iter().any(|look| call.starts_with(look))).collect()
}

fn as_before(place: &Place, what: &str) {
    assert_eq!(place.read(VOLUME).as_deref(), Some(PLAIN), "{what}: the volume");
    assert!(!place.there("/dm/vg0-root.inactive"), "{what}: a table waits to take the place of the volume's");
}

fn nothing_left(place: &Place, what: &str) {
    as_before(place, what);
    assert!(!place.there(OLD) && !place.there(NEW), "{what}: a leg is left");
    let state = place.read(&format!("{SYS}/array_state"));
    assert!(state.as_deref().is_none_or(|state| state == "clear\n"), "{what}: the array runs");
    assert!(!place.there(SINCE), "{what}: it says that there is a copy");
}

/// What stands when it is done: tables, what md says of the legs, when it began.
fn state(place: &Place) -> Vec<Option<String>> {
    let states = [format!("{SYS}/dev-dm-10/state"), format!("{SYS}/dev-dm-11/state")];
    let paths = [VOLUME, OLD, NEW, &states[0], &states[1], SINCE, "/rules", "/dm/vg0-root.inactive"];
    paths.iter().map(|path| place.read(path)).collect()
}

#[test]
fn an_array_comes_beneath_a_volume() {
    let place = server();
    place.write("/sys/block/md300/queue/discard_max_bytes", "4096\n");
    let ran = place.apply(&copy());
    assert_eq!(
        changes(ran.good()),
        [
            "dmsetup clear vg0-root",
            "dd if=/dev/zero of=/dev/ram0 bs=1M seek=8 count=4 conv=notrunc,fsync",
            FORGET_NEW,
            "dmsetup create replant-300-old",
            "mdadm --create /dev/md300 --config=/run/copies/mdadm-rules --quiet --run --level=1 --raid-devices=2 \
             --metadata=1.0 --size=3072 --bitmap=internal --bitmap-chunk=1024K --assume-clean --uuid=1:2:3:4 \
             --name=replant-300 --homehost=replant /dev/mapper/replant-300-old missing",
            "dmsetup load vg0-root --table 0 6144 linear 9:300 0",
            "dmsetup resume --noflush --nolockfs vg0-root",
            "dmsetup create replant-300-new",
            FORGET_NEW,
            "mount --bind /run/copies/mdadm-rules /etc/mdadm/mdadm.conf",
            "mdadm --quiet --manage /dev/md300 --add /dev/mapper/replant-300-new",
        ]
    );
    assert_eq!(place.read(VOLUME).as_deref(), Some(OURS));
    // what md keeps of a leg stands behind it, each in a place of its own
    assert_eq!(place.read(OLD).unwrap(), format!("{PLAIN}6144 8192 linear /dev/ram0 16384\n"));
    assert_eq!(place.read(NEW).unwrap(), "0 6144 linear /dev/lun 0\n6144 8192 linear /dev/ram0 24576\n");
    assert_eq!(place.read("/rules").unwrap(), "CREATE bbl=no\nAUTO -all\n");
    assert_eq!(place.read(&format!("{SYS}/dev-dm-11/state")).unwrap(), "writemostly\n");
    assert_eq!(place.read(&format!("{SYS}/sync_speed_min")).unwrap(), "200000\n");
    // what is discarded would be so on old's disks only
    assert_eq!(place.read("/sys/block/md300/queue/discard_max_bytes").unwrap(), "0\n");
    assert_eq!(place.read(&format!("{SYS}/sync_speed_max")).unwrap(), "100000000\n");
    // both are there before md knows anything of the leg
    assert_eq!(place.read("/as-it-was-added").unwrap(), "replant: copy of vg0-root begins\n1234.50 2000.00\n");
    // udev and others read the configuration of old meanwhile
    assert_eq!(place.read("/etc/mdadm/mdadm.conf").unwrap(), "ARRAY /dev/md1\n");
    assert!(ran.calls.iter().any(|call| call.starts_with("unshare --mount")), "{:?}", ran.calls);
}

#[test]
fn where_mdadm_has_no_configuration_nothing_is_mounted_over_it() {
    let place = server();
    gone(&place, "/etc/mdadm/mdadm.conf");
    assert_eq!(place.apply(&copy()).good().calls_of(&["mount"]), [""; 0]);
}

#[test]
fn a_volume_that_is_not_as_planned_is_left_alone() {
    let worlds: [(&str, &str, &str); 9] = [
        (VOLUME, "0 6144 snapshot-origin 253:7\n", "is not plain"),
        (VOLUME, "0 4096 linear 9:1 2048\n4096 2048 thin 253:7 1\n", "is not plain"),
        (VOLUME, "0 4096 thin 253:7 1\n4096 2048 linear 9:1 2048\n", "is not plain"),
        ("/size", "8192\n", "has 8192 sectors, and had 6144"),
        ("/size", "6136\n", "has 6136 sectors, and had 6144"),
        ("/kind", "linux_raid_member\n", "holds linux_raid_member"),
        ("/kind", "ddf_raid_member\n", "holds ddf_raid_member"),
        ("/kind", "isw_raid_member\n", "holds isw_raid_member"),
        ("/kind", "LVM2_member\n", "holds LVM2_member"),
    ];
    for (path, text, why) in worlds {
        let place = server();
        place.write(path, text);
        let before = place.read(VOLUME);
        let ran = place.apply(&copy());
        ran.fails(1, why, &["dd", "dmsetup create", "dmsetup load", "dmsetup resume", "mdadm --create"]);
        assert_eq!(place.read(VOLUME), before, "{why}");
    }
    let place = server();
    place.write("/kind", "ext4\n");
    place.apply(&copy()).good();
}

/// Whoever uses the volume would see another end of it.
#[test]
fn an_array_of_another_size_does_not_come_beneath_it() {
    for size in ["6136\n", "6152\n"] {
        let place = server();
        place.write("/size-of-md", size);
        place.apply(&copy()).fails(1, "/dev/md300 has", &["dmsetup load", "dmsetup resume"]);
        as_before(&place, size);
    }
}

#[test]
fn a_disk_of_new_that_is_not_there_or_too_small_is_no_leg() {
    let place = server();
    gone(&place, "/dev/lun");
    place.apply(&copy()).fails(1, "there is no disk /dev/lun", &["mdadm --quiet --manage"]);
    assert!(!place.there(NEW));
    let place = server();
    place.write("/size-of-lun", "6143\n");
    place.apply(&copy()).fails(1, "/dev/lun has 6143 sectors", &["mdadm --quiet --manage"]);
    assert!(!place.there(NEW));
    let place = server();
    place.write("/size-of-lun", "6145\n");
    place.apply(&copy()).good();
}

/// Killed between any two commands: whoever goes on gets there, and whoever goes back finds what was there.
#[test]
fn what_an_interrupted_run_left_is_no_obstacle() {
    let whole = server();
    whole.apply(&copy()).good();
    let (wanted, steps) = (state(&whole), whole.read("/n").unwrap().lines().count());
    assert!(steps > 15, "{steps} commands");
    for limit in 0..steps {
        let what = format!("killed after {limit} of {steps} commands");
        let place = server();
        place.write("/limit", &format!("{limit}\n"));
        assert_ne!(place.apply(&copy()).code, 0, "{what}");
        place.write("/limit", "1000\n");
        if limit % 2 == 0 {
            let ran = place.apply(&copy());
            assert_eq!(ran.code, 0, "{what}: {}{:?}", ran.err, ran.calls);
            assert_eq!(state(&place), wanted, "{what}");
            continue;
        }
        let ran = place.undo(&copy());
        assert_eq!(ran.code, 0, "{what}, back: {}{:?}", ran.err, ran.calls);
        nothing_left(&place, &what);
    }
}

/// And killed on the way back.
#[test]
fn a_way_back_that_was_interrupted_is_gone_on_with() {
    let place = copied();
    place.write("/n", "");
    place.undo(&copy()).good();
    let steps = place.read("/n").unwrap().lines().count();
    assert!(steps > 5, "{steps} commands");
    for limit in 0..steps {
        let what = format!("killed after {limit} of {steps} commands");
        let place = copied();
        place.write("/n", "").write("/limit", &format!("{limit}\n"));
        assert_ne!(place.undo(&copy()).code, 0, "{what}");
        place.write("/limit", "1000\n");
        let ran = place.undo(&copy());
        assert_eq!(ran.code, 0, "{what}: {}{:?}", ran.err, ran.calls);
        nothing_left(&place, &what);
    }
}

#[test]
fn one_that_is_well_is_left_alone() {
    let mut logs = vec![
        String::new(),
        // of another array
        "md/raid1:md3001: Disk failure on dm-5, disabling device.\n".into(),
        "md/raid1:md300: active with 2 out of 2 mirrors\n".into(),
    ];
    let place = copied();
    // and what was said before this copy began
    logs.push(format!("md/raid1:md300: Disk failure on dm-11\n{}", place.read("/log").unwrap()));
    for (at, log) in logs.iter().enumerate() {
        let before = state(&place);
        place.write("/log", &if at < 3 { format!("{}{log}", place.read("/log").unwrap()) } else { log.clone() });
        let ran = place.apply(&copy());
        assert_eq!(changes(ran.good()), [""; 0], "{log}");
        assert_eq!(state(&place), before);
    }
}

const DROPPED: [&str; 3] = [
    "mdadm --quiet --manage /dev/md300 --fail /dev/mapper/replant-300-new",
    "mdadm --quiet --manage /dev/md300 --remove /dev/mapper/replant-300-new",
    "dmsetup remove --retry replant-300-new",
];
const BOUND: &str = "mount --bind /run/copies/mdadm-rules /etc/mdadm/mdadm.conf";
const RE_ADDED: &str = "mdadm --quiet --manage /dev/md300 --re-add /dev/mapper/replant-300-new";
const ADDED: &str = "mdadm --quiet --manage /dev/md300 --add /dev/mapper/replant-300-new";

/// md knows what the leg lacks: only that is sent.
#[test]
fn a_leg_that_md_gave_up_is_taken_back() {
    let place = copied();
    place.write(&format!("{SYS}/dev-dm-11/state"), "faulty,write_mostly\n").write("/takes-back", "");
    // the link was dead, and the kernel said so
    place.write("/log", &format!("{}md/raid1:md300: Disk failure on dm-11\n", place.read("/log").unwrap()));
    place.stub(
        "mdadm",
        &format!("{ALIVE}{}", MDADM.replace("= faulty ]", "= faulty ] || grep -q faulty $sys/dev-dm-11/state")),
    );
    let ran = place.apply(&copy());
    let all = [DROPPED.as_slice(), &["dmsetup create replant-300-new", BOUND, RE_ADDED]].concat();
    assert_eq!(changes(ran.good()), all);
    assert!(
        place.read("/dev/kmsg").unwrap().contains("copy of vg0-root begins"),
        "what was said before counts no more"
    );
    assert_eq!(place.read(&format!("{SYS}/dev-dm-11/state")).unwrap(), "writemostly\n");
    // it is not in the array any more
    let place = copied();
    gone(&place, &format!("{SYS}/dev-dm-11"));
    place.write("/takes-back", "");
    assert_eq!(changes(place.apply(&copy()).good()), [DROPPED[2], "dmsetup create replant-300-new", BOUND, RE_ADDED]);
}

/// It was let go for a while, and new's disk was not written to meanwhile: what md knows of it begins now.
#[test]
fn a_leg_that_rested_is_taken_back() {
    let rested = || {
        let place = copied();
        gone(&place, &format!("{SYS}/dev-dm-11"));
        gone(&place, SINCE);
        place.write(&format!("{SINCE}.clean"), "").write("/takes-back", "").write("/proc/uptime", "2000.00 1.00\n");
        place
    };
    let place = rested();
    assert_eq!(changes(place.apply(&copy()).good()), [DROPPED[2], "dmsetup create replant-300-new", BOUND, RE_ADDED]);
    assert_eq!(place.read(SINCE).as_deref(), Some("2000.00 1.00\n"));
    assert!(!place.there(&format!("{SINCE}.clean")), "it is said once");
    // somebody has loaded another table meanwhile: what was written since is in no bitmap
    let place = rested();
    place.write(VOLUME, PLAIN);
    let ran = place.apply(&copy());
    assert_eq!(changes(ran.good()).pop(), Some(ADDED));
    for mark in ["clean", "rest"] {
        assert!(!place.there(&format!("{SINCE}.{mark}")), "{mark}");
    }
    // of one that is given up nothing of the kind stays
    let place = copied();
    place.write(&format!("{SINCE}.clean"), "").write(&format!("{SINCE}.rest"), "");
    place.apply(&fresh()).good();
    assert!(!place.there(&format!("{SINCE}.clean")) && !place.there(&format!("{SINCE}.rest")));
}

/// Where md does not know, or what it knows is worth nothing, everything is sent.
#[test]
fn a_leg_of_which_nothing_is_known_gets_everything() {
    let worlds: [World; 4] = [
        ("nobody says when the copy began", |place| gone(place, SINCE)),
        ("md knows nothing of it", |place| gone(place, "/known")),
        ("md knows it from another array", |place| {
            place.write("/known", "MD_UUID=1:2:3:45\n");
        }),
        ("md does not take it back", |place| gone(place, "/takes-back")),
    ];
    for (what, happens) in worlds {
        let place = copied();
        gone(&place, &format!("{SYS}/dev-dm-11"));
        place.write("/takes-back", "").write("/proc/uptime", "2000.00 1.00\n");
        happens(&place);
        let ran = place.apply(&copy());
        let mut all = changes(ran.good());
        assert_eq!(all.pop(), Some(ADDED), "{what}");
        assert!(all.contains(&FORGET_NEW), "{what}: {all:?}");
        assert_eq!(all.contains(&RE_ADDED), what.ends_with("take it back"), "{what}");
        assert_eq!(place.read(SINCE).as_deref(), Some("2000.00 1.00\n"), "{what}: it begins anew");
    }
}

/// A write that failed on a leg which md still has: it may be missing there, and md does not know.
#[test]
fn what_the_kernel_has_complained_of_is_copied_anew() {
    for line in [
        "md/raid1:md300: Disk failure on dm-11, disabling device.",
        "md/raid1:md300: redirecting sector 8 to other mirror: dm-10",
        "md/raid1:md300: dm-11: unrecoverable I/O read error for block 8",
    ] {
        let place = copied();
        place.write("/log", &format!("{}{line}\n", place.read("/log").unwrap())).write("/takes-back", "");
        let ran = place.apply(&copy());
        let end = ["dmsetup create replant-300-new", FORGET_NEW, BOUND, ADDED];
        assert_eq!(changes(ran.good()), [DROPPED.as_slice(), &[FORGET_NEW], &end].concat(), "{line}");
    }
}

/// It would be given to the array once more, by another name, while md still writes to it.
#[test]
fn a_leg_that_md_does_not_let_go_stays() {
    let place = copied();
    place.write(&format!("{SYS}/dev-dm-11/state"), "faulty\n");
    place.stub("mdadm", &format!("{ALIVE}case \"$*\" in *--remove*) exit 1 ;; esac"));
    let ran = place.apply(&copy());
    ran.fails(1, "does not let go of replant-300-new", &["dmsetup remove", "dmsetup create", "dd"]);
    assert_eq!(ran.calls_of(&["sleep"]).len(), 30);
    let ran = place.apply(&fresh());
    ran.fails(1, "does not let go of replant-300-new", &["dmsetup remove", "dd"]);
    assert!(place.there(SINCE), "what md may know has a beginning");
}

/// An array that somebody's look keeps busy for a moment; and one that nobody can stop.
#[test]
fn an_array_of_before_is_stopped_or_it_ends() {
    let left = || {
        let place = copied();
        place.write(VOLUME, PLAIN);
        place
    };
    let busy = MDADM.replace("*--stop*)", "*--stop*)\n    [ -e /looked ] || { : >/looked; exit 1; }");
    let place = left();
    place.stub("mdadm", &format!("{ALIVE}{busy}"));
    place.apply(&copy()).good();
    assert_eq!(place.read(VOLUME).as_deref(), Some(OURS));
    let place = left();
    place.stub("mdadm", &format!("{ALIVE}exit 1"));
    place.apply(&copy()).fails(1, "", &["dmsetup remove", "dmsetup create", "dmsetup load"]);
    as_before(&place, "it cannot be stopped");
    let ran = place.undo(&copy());
    ran.fails(1, "", &["dmsetup remove"]);
    assert!(place.there(OLD), "what the array stands on");
}

// ---- the way back --------------------------------------------------------------------------------------------------------

fn back() -> StepKind {
    step(&format!(r#"{{ "table-back": {{ "copy": {COPY} }} }}"#))
}

#[test]
fn the_volume_gets_its_own_table_again() {
    for way in [true, false] {
        let place = copied();
        let ran = if way { place.apply(&back()) } else { place.undo(&copy()) };
        assert_eq!(
            changes(ran.good()),
            [
                "dmsetup load vg0-root",
                "dmsetup resume --noflush --nolockfs vg0-root",
                "mdadm --quiet --stop /dev/md300",
                "dmsetup remove --retry replant-300-new",
                "dmsetup remove --retry replant-300-old",
            ]
        );
        nothing_left(&place, "back");
    }
}

/// Somebody has had LVM load it again, or has changed it: it is not ours any more.
#[test]
fn another_table_is_not_touched() {
    for table in ["0 8192 linear 9:1 2048\n", "0 6144 linear 9:3001 0\n", "0 6144 linear 9:300 8\n"] {
        let place = copied();
        place.write(VOLUME, table).write("/dm/vg0-root.inactive", "0 6144 error\n");
        place.stub("mdadm", &format!("{ALIVE}{}", MDADM.replace("grep -q", "false")));
        place.undo(&copy()).good();
        assert_eq!(place.read(VOLUME).as_deref(), Some(table));
        assert!(!place.there("/dm/vg0-root.inactive"), "it would come with the next resume");
        assert!(!place.there(OLD) && !place.there(NEW));
    }
}

/// Nobody knows any more what it had.
#[test]
fn without_the_old_leg_the_volume_stays_where_it_is() {
    let place = copied();
    gone(&place, OLD);
    let ran = place.undo(&copy());
    assert_ne!(ran.code, 0);
    assert_eq!(ran.calls_of(&["mdadm"]), [""; 0]);
    assert_eq!(place.read(VOLUME).as_deref(), Some(OURS));
    assert!(place.there(SINCE));
}

// ---- legs that are too old -----------------------------------------------------------------------------------------------

#[test]
fn a_leg_that_is_given_up_is_forgotten() {
    let place = copied();
    let ran = place.apply(&fresh());
    assert_eq!(changes(ran.good()), [DROPPED.as_slice(), &[FORGET_NEW]].concat());
    assert!(!place.there(SINCE) && !place.there(NEW));
    assert_eq!(place.read(VOLUME).as_deref(), Some(OURS));
    assert!(place.there(OLD) && place.there(&format!("{SYS}/dev-dm-10")), "old's own leg");
    // again: nothing is in the array any more
    assert_eq!(changes(place.apply(&fresh()).good()), [FORGET_NEW]);
    // what md may still know of it goes all the same
    let place = copied();
    gone(&place, &format!("{SYS}/dev-dm-11"));
    assert_eq!(changes(place.apply(&fresh()).good()), [DROPPED[2], FORGET_NEW]);
    assert!(!place.there(SINCE));
}

/// md is asked until it has let go.
#[test]
fn a_leg_that_is_busy_is_asked_for_again() {
    let place = copied();
    let busy = MDADM.replace("*--remove*)", "*--remove*)\n    [ -e /looked ] || { : >/looked; exit 1; }");
    place.stub("mdadm", &format!("{ALIVE}{busy}"));
    let ran = place.apply(&fresh());
    assert_eq!(ran.good().calls_of(&["sleep"]), ["sleep 1"]);
    assert!(!place.there(NEW));
}

/// The RAM disk is made with the first copy.
#[test]
fn where_there_is_no_ram_disk_none_is_written_to() {
    let place = server();
    gone(&place, "/dev/ram0");
    assert_eq!(changes(place.apply(&fresh()).good()), [""; 0]);
    assert!(!place.there("/dev/ram0"), "a file in the place of a device");
}

/// What each of the scripts is given, as a runbook has it.
#[test]
fn each_copy_forgets_only_its_own() {
    let acts = fresh().as_step().apply();
    let runs = acts.iter().filter_map(|act| match act {
        Act::Run { argv, .. } => Some(argv.join(" ")),
        _ => None,
    });
    assert_eq!(runs.collect::<Vec<_>>(), [format!("sh /run/below-drop.sh 300 8 {SINCE}")]);
}

/// The kernel keeps to the upper number, whatever else the disks are used for.
#[test]
fn a_copy_is_held_back_as_the_plan_says() {
    let place = server();
    let held = step(&format!(r#"{{ "beneath": {} }}"#, COPY.replace("\"chunk\"", "\"rate\": 40960, \"chunk\"")));
    place.apply(&held).good();
    for limit in ["sync_speed_max", "sync_speed_min"] {
        assert_eq!(place.read(&format!("{SYS}/{limit}")).unwrap(), "40960\n");
    }
}
