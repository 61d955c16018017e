//! What boots a copied system cut off from everything, and what lets copies rest meanwhile.

use crate::place::Place;

const REHEARSE: &str = include_str!("../../src/step/scripts/rehearse.sh");
const REST: &str = include_str!("../../src/step/scripts/below-rest.sh");
const GO: &str = include_str!("../../src/step/scripts/hold-go.sh");
const SCRIPT: &str = "/run/replant/rehearse.sh";
const MARK: &str = "/run/replant/rehearsal";
const TRIGGER: &str = "/proc/sysrq-trigger";

/// New in its hold: two disks with two arrays, a group of two volumes, two cards of which one has the hold's address, and a third
/// whose driver is not there yet.
fn hold() -> Place {
    let place = Place::new();
    place.write(SCRIPT, REHEARSE).write(TRIGGER, "").write("/proc/uptime", "300.10 1.00\n");
    place.run(&["mkfifo", "/run/replant/go"]).good();
    place.write("/run/udev/data/b8:0", "E:ID_SERIAL=NEW0\n");
    place.write("/etc/replant/sshd_config", "PidFile /run/sshd.pid\n");
    for (name, size, holder) in [
        ("sda", 9, ""),
        ("sda1", 4, "md0"),
        ("sda2", 4, "md1"),
        ("md0", 4, ""),
        ("md1", 4, ""),
        ("dm-0", 2, ""),
        ("ram0", 2, ""),
    ] {
        let dir = format!("/sys/class/block/{name}");
        place.write(&format!("{dir}/size"), &format!("{size}\n"));
        place.write(&format!("{dir}/stat"), "1 0 8 0 2 0 16 0 0 0 0 0 0 0 0\n");
        if !holder.is_empty() {
            place.write(&format!("{dir}/holders/{holder}"), "");
        }
    }
    place.write("/sys/class/block/sda/sda1/partition", "1\n");
    for name in ["md0", "md1"] {
        place.write(&format!("/sys/class/block/{name}/md/array_state"), "read-auto\n");
    }
    for (name, bus) in [("ens3", "03"), ("ens4", "04")] {
        place.write(&format!("/sys/devices/pci/00:{bus}/net/x"), "");
        place.write(&format!("/sys/class/net/{name}/address"), &format!("52:54:00:77:00:{bus}\n"));
        place
            .run(&["ln", "-s", &format!("/sys/devices/pci/00:{bus}"), &format!("/sys/class/net/{name}/device")])
            .good();
    }
    for (bus, class) in [("03", "0x020000"), ("04", "0x020000"), ("05", "0x020700"), ("06", "0x010000")] {
        place.write(&format!("/sys/devices/pci/00:{bus}/class"), &format!("{class}\n"));
        place.write(&format!("/sys/devices/pci/00:{bus}/remove"), "");
        place.run(&["mkdir", "-p", "/sys/bus/pci/devices"]).good();
        let link = format!("/sys/bus/pci/devices/00:{bus}");
        place.run(&["ln", "-s", &format!("/sys/devices/pci/00:{bus}"), &link]).good();
    }
    place
        .stub("lvm", "case \"$*\" in lvs*) echo '  /dev/mapper/vg0-root'; echo '  /dev/mapper/vg0-var' ;; vgs*) cat /tmp/tags 2>/dev/null ;; esac")
        .stub("dmsetup", "case \"$1 $2\" in 'table vg0-'*) cat /tmp/table 2>/dev/null || echo '0 100 linear 9:1 2048' ;; create*) cat >/tmp/base ;; esac")
        .stub("blockdev", "case $1 in --getsz) echo 100 ;; --getro) cat /tmp/ro 2>/dev/null || echo 1 ;; esac")
        .stub("readlink", "case $2 in /dev/mapper/*) echo /dev/dm-0 ;; *) exec /usr/bin/readlink \"$@\" ;; esac")
        .stub(
            "ip",
            "case \"$*\" in
*'address show'*) cat /tmp/addresses 2>/dev/null || echo '2: ens3    inet 10.77.0.22/24 scope global ens3' ;;
'-oneline -4 route'*) echo 'default via 10.77.0.1 dev ens3' ;;
'link set '*' netns '*) [ -e /tmp/stuck ] || rm -r \"/sys/class/net/$3\" ;;
esac",
        )
        .stub("cp", "case \"$*\" in '-a /run/'*|/run/replant/*) exec /usr/bin/cp \"$@\" ;; esac")
        .stub("mv", "case \"$1\" in */sshd) ;; *) exec /usr/bin/mv \"$@\" ;; esac")
        .stub("unshare", "echo 42 >/run/ctl/run/holder")
        .stub("nsenter", "")
        .stub("setsid", "")
        .stub("sleep", "")
        // its link leads to /etc/alternatives
        .stub("awk", "exec /usr/bin/mawk \"$@\"");
    place.write("/run/ctl/etc/replant/x", "").write("/run/ctl/usr/bin/x", "").write("/run/ctl/run/replant/x", "");
    place
}

fn begin(place: &Place) -> crate::place::Ran {
    // what it leaves to go on by itself is called by then
    let script = "sh \"$@\"; code=$?; /usr/bin/sleep 0.5; exit $code";
    place.run(&["sh", "-c", script, "sh", SCRIPT, "100", "1800", "replant_go", "vg0"])
}

fn away(place: &Place) -> crate::place::Ran {
    place.run(&["sh", SCRIPT, "away", "1800", "ens3", "10.77.0.22/24", "10.77.0.1"])
}

fn at(calls: &[String], what: &str) -> usize {
    calls.iter().position(|call| call == what).unwrap_or_else(|| panic!("no `{what}` in {calls:#?}"))
}

#[test]
fn what_the_snapshots_stand_on_cannot_be_written_to() {
    let place = hold();
    let ran = begin(&place);
    let calls = &ran.good().calls;
    for volume in ["vg0-root", "vg0-var"] {
        let base = at(calls, &format!("dmsetup create replant-base-{volume} --readonly"));
        let ram = if volume == "vg0-root" { "ram0" } else { "ram1" };
        let table = format!("--table 0 100 snapshot /dev/mapper/replant-base-{volume} /dev/{ram} N 8");
        let load = at(calls, &format!("dmsetup load {volume} {table}"));
        let resume = at(calls, &format!("dmsetup resume {volume}"));
        assert!(base < load && load < resume, "{calls:#?}");
    }
    assert_eq!(place.read("/tmp/base").unwrap(), "0 100 linear 9:1 2048\n");
    assert!(calls.contains(&"modprobe brd rd_nr=2 rd_size=102400 max_part=1".to_string()), "{calls:#?}");
    let mut closed: Vec<&str> = calls.iter().filter_map(|call| call.strip_prefix("blockdev --setro /dev/")).collect();
    closed.sort_unstable();
    assert_eq!(closed, ["md0", "md1", "sda"], "members go on as members, and memory is memory");
    assert_eq!(place.read("/sys/class/block/md0/md/array_state").as_deref(), Some("readonly\n"));
    // from what they had been written until then
    assert_eq!(place.read("/run/replant/rehearsal-written").unwrap(), "dm-0 16\ndm-0 16\nmd0 16\nmd1 16\n");
    let last = at(calls, &format!("setsid sh {SCRIPT} away 1800 ens3 10.77.0.22/24 10.77.0.1"));
    assert_eq!(last, calls.len() - 1, "it goes on when all of this is so");
    assert_eq!(place.read(MARK).as_deref(), Some("begun\n"));
    // whoever comes in there sees the serial numbers by which the machine is known
    assert_eq!(place.read("/run/ctl/run/udev/data/b8:0").as_deref(), Some("E:ID_SERIAL=NEW0\n"));
    assert!(!place.there("/run/ctl/run/replant/go"));
}

#[test]
fn a_network_controller_without_a_card_is_taken_away() {
    let place = hold();
    begin(&place).good();
    let removed = |bus: &str| place.read(&format!("/sys/devices/pci/00:{bus}/remove")).unwrap();
    assert_eq!(["03", "04", "05", "06"].map(removed), ["", "", "1\n", ""].map(String::from));
}

#[test]
fn it_does_not_begin_where_something_could_be_lost() {
    let refuses = |why: &str, world: &dyn Fn(&Place)| {
        let place = hold();
        world(&place);
        let ran = begin(&place);
        assert_ne!(ran.code, 0, "{why}");
        assert!(ran.err.contains(why), "`{why}` is not in: {}", ran.err);
        assert!(!ran.calls.iter().any(|call| call.starts_with("setsid")), "{why}: it goes on: {:?}", ran.calls);
    };
    refuses("nobody holds here", &|place| std::fs::remove_file(place.at("/run/replant/go")).unwrap());
    refuses("a rehearsal has been begun here", &|place| {
        place.write(MARK, "went 1\n");
    });
    refuses("cannot be reset", &|place| std::fs::remove_file(place.at(TRIGGER)).unwrap());
    refuses("iqn.x is still exported", &|place| {
        place.write("/sys/kernel/config/target/iscsi/iqn.x/y", "");
    });
    refuses("let go on already", &|place| {
        place.write("/tmp/tags", "  other,replant_go\n");
    });
    refuses("is not plain", &|place| {
        place.write("/tmp/table", "0 100 mirror core 1\n");
    });
    refuses("can be written to", &|place| {
        place.write("/tmp/ro", "0\n");
    });
    refuses("not one address", &|place| {
        place.write("/tmp/addresses", "2: ens3    inet 10.77.0.22/24\n3: ens4    inet 10.77.1.22/24\n");
    });
    refuses("no volume", &|place| {
        place.stub("lvm", "");
    });
}

#[test]
fn all_cards_are_somewhere_else_before_the_system_boots() {
    let place = hold();
    begin(&place).good();
    let ran = away(&place);
    let calls = &ran.good().calls;
    let moved: Vec<&String> =
        calls.iter().filter(|call| call.starts_with("ip link set ") && call.ends_with(" netns 42")).collect();
    assert_eq!(moved, ["ip link set ens4 netns 42", "ip link set ens3 netns 42"], "the one that is needed last");
    for (name, mac, end) in [("ens4", "04", "ctl0"), ("ens3", "03", "ctl1")] {
        let wire = format!("ip link add {name} address 52:54:00:77:00:{mac} type veth peer name {end} netns 42");
        assert!(at(calls, &wire) > at(calls, &format!("ip link set {name} netns 42")), "{calls:#?}");
    }
    let pin = at(calls, "mount --bind /proc/42/ns/net /run/ctl/run/net");
    assert!(pin < at(calls, "ip link set ens4 netns 42"), "the namespace outlives its processes");
    at(calls, "nsenter --net=/run/ctl/run/net ip address add 10.77.0.22/24 dev ens3");
    at(calls, "nsenter --net=/run/ctl/run/net ip route add default via 10.77.0.1 dev ens3 onlink");
    assert_eq!(place.read(MARK).as_deref(), Some("went 300.10\n"));
    assert_eq!(place.read(TRIGGER).as_deref(), Some(""));
}

#[test]
fn with_a_card_left_it_is_reset_instead_of_booted() {
    let place = hold();
    begin(&place).good();
    place.write("/tmp/stuck", "");
    let ran = away(&place);
    assert_ne!(ran.code, 0);
    assert_eq!(place.read(TRIGGER).as_deref(), Some("b\n"));
    assert!(place.read(MARK).unwrap().starts_with("failed"), "{:?}", place.read(MARK));
}

#[test]
fn what_fails_before_the_link_is_moved_is_told() {
    let place = hold();
    begin(&place).good();
    place.stub("mount", "exit 32").write("/run/replant/rehearsal.log", "mount: no\n");
    assert_ne!(away(&place).code, 0);
    assert_eq!(place.read(MARK).as_deref(), Some("failed mount: no\n"));
    assert_eq!(place.read(TRIGGER).as_deref(), Some(""), "it can be asked, and waits for whoever does");
}

#[test]
fn a_rehearsal_is_not_let_go_on_for_good() {
    let place = hold();
    place.write("/run/replant/hold-go.sh", GO).write(MARK, "went 300.10\n");
    place.run(&["sh", "/run/replant/hold-go.sh", "replant_go", "vg0"]).fails(1, "a rehearsal is on", &["lvm"]);
}

/// Where the hold goes on, it tells everybody that old's addresses are at this card now.
#[test]
fn old_s_addresses_are_not_announced_by_a_rehearsal() {
    let text = include_str!("../../src/family/scripts/initramfs-tools/hold-local-top.sh.j2");
    let (_, text) = text.split_once("say \"going on\"\n").unwrap();
    let (text, _) = text.split_once("# The volumes were empty").unwrap();
    let text = text
        .replace("{% for taken in takes %}", "")
        .replace("{% endfor -%}", "")
        .replace("{{ taken }}", "10.77.0.21");
    let place = hold();
    place.stub("busybox", "");
    place.write("/run/on.sh", &format!("card=ens3\nannounced() {{ ip announced; }}\n{text}wait\n"));
    let told = |place: &Place| place.run(&["sh", "/run/on.sh"]).good().calls_of(&["ip", "busybox"]).len();
    assert_eq!(told(&place), 3);
    place.write(MARK, "went 300.10\n");
    assert_eq!(told(&place), 0);
}

/// Old with two arrays beneath its volumes.
fn copied() -> Place {
    let place = Place::new();
    place.write("/run/rest.sh", REST).write("/run/a", "900.1 1\n").write("/run/b", "901.1 1\n");
    for (number, kernel) in [("300", "dm-5"), ("301", "dm-6")] {
        place.write(&format!("/sys/block/md{number}/md/degraded"), "0\n");
        place.write(&format!("/sys/block/md{number}/md/dev-{kernel}/state"), "in_sync,write_mostly\n");
    }
    place.stub("readlink", "case $2 in *300-new) echo /dev/dm-5 ;; *301-new) echo /dev/dm-6 ;; esac");
    place.stub("mdadm", "case \"$*\" in *md300*--remove*) rm -r /sys/block/md300/md/dev-dm-5 ;; *md301*--remove*) rm -r /sys/block/md301/md/dev-dm-6 ;; esac");
    place.stub("dmsetup", "").stub("sleep", "");
    place
}

fn rest(place: &Place) -> crate::place::Ran {
    place.run(&["sh", "/run/rest.sh", "300", "/dev/lun-a", "/run/a", "301", "/dev/lun-b", "/run/b"])
}

#[test]
fn copies_rest_at_one_moment_and_say_so_when_it_is_on_disk() {
    let place = copied();
    let ran = rest(&place);
    let calls = &ran.good().calls;
    let fail = |number| {
        at(calls, &format!("mdadm --quiet --manage /dev/md{number} --fail /dev/mapper/replant-{number}-new"))
    };
    let remove = |number| {
        at(calls, &format!("mdadm --quiet --manage /dev/md{number} --remove /dev/mapper/replant-{number}-new"))
    };
    assert!(fail(300) < fail(301) && fail(301) < remove(300) && remove(300) < at(calls, "sync /dev/lun-a"));
    assert!(!place.there("/run/a") && !place.there("/run/b"));
    assert_eq!(place.read("/run/a.rest").as_deref(), Some("900.1 1\n"), "since when, as it was");
    // and again, for an answer that was lost
    place.stub("readlink", "");
    assert!(rest(&place).good().calls_of(&["mdadm", "sync"]).is_empty());
}

#[test]
fn what_is_not_in_sync_or_not_on_disk_does_not_rest() {
    for (path, text) in [
        ("/sys/block/md301/md/dev-dm-6/state", "spare,write_mostly\n"),
        ("/sys/block/md301/md/dev-dm-6/state", "faulty,in_sync\n"),
        ("/sys/block/md301/md/degraded", "1\n"),
    ] {
        let place = copied();
        place.write(path, text);
        rest(&place).fails(1, "/dev/md301 is not in sync", &["mdadm"]);
    }
    let place = copied();
    place.stub("sync", "case $1 in *-b) exit 1 ;; esac");
    assert_ne!(rest(&place).code, 0);
    assert!(place.there("/run/a.rest") && place.there("/run/b") && !place.there("/run/b.rest"));
}
