//! The script in new's own initramfs: on which machine it waits, for how long, and what it goes on at. Time passes when it
//! sleeps, and at no other time.

use replant::step::StepKind;

use crate::hold::nodes;
use crate::place::{Place, Ran};

/// As it is rendered for the lab's pair.
fn script() -> String {
    let text = nodes().iter().find_map(|node| match &node.step {
        StepKind::HoldImage(image) => Some(image.files["local-top.sh"].0.clone()),
        _ => None,
    });
    text.expect("an image is made")
}

/// What stands before `)` in the line that ends so.
fn before(end: &str) -> Vec<String> {
    let script = script();
    let line = script.lines().find_map(|line| line.trim().strip_suffix(end)).unwrap_or_else(|| panic!("no {end}"));
    line.trim_end_matches(')').split('|').map(|word| word.trim().to_string()).collect()
}

/// The UUID of new's hardware, the address of its card, one of old's cards.
fn uuid() -> String {
    before(" us=yes ;;").remove(0)
}

fn mac() -> String {
    script().split_once("waiting for the network card ").unwrap().1.split_once(": ").unwrap().0.to_string()
}

fn old_mac() -> String {
    before(" other=old ;;").remove(0)
}

const SLEEP: &str = r#"read -r now _ </proc/uptime; now=$((${now%%.*} + 1))
echo "$now.00 0" >/proc/uptime
[ ! -e "/at-$now" ] || . "/at-$now"
exec /usr/bin/sleep 0.01"#;

const LVM: &str = r#"for last; do :; done
case "$*" in
*vg_missing_pv_count*) cat "/missing-$last" ;;
*vg_tags*) cat "/tags-$last" ;;
esac"#;

/// Runs it, says words to the pipe, and tells what it has come to.
const WATCH: &str = r#"(sh /top local-top >/out 2>/err </dev/null; echo $? >/left) &
i=0
until [ -p /run/replant/go ] || [ -e /left ] || [ $i -ge 1500 ]; do /usr/bin/sleep 0.02; i=$((i + 1)); done
for word; do [ ! -p /run/replant/go ] || timeout 5 sh -c 'printf "%s\n" "$1" >/run/replant/go' sh "$word"; done
wait=15
case " $* " in *" go ") wait=1500 ;; esac
i=0
until [ -e /left ] || [ $i -ge $wait ]; do /usr/bin/sleep 0.02; i=$((i + 1)); done
[ ! -e /left ] || echo "left $(cat /left)""#;

/// Nothing is known of it yet; its group is whole and bears no tag.
fn machine() -> Place {
    let place = Place::new();
    for name in ["ip", "busybox", "modprobe", "udevadm"] {
        place.stub(name, "");
    }
    place.stub("sleep", SLEEP).stub("lvm", LVM).stub("pidof", "exit 1").stub("mountpoint", "exit 1");
    place.stub("mdadm", "read -r now _ </proc/uptime; echo \"$now $*\" >>/assembled");
    place.stub("sshd", "exec /usr/bin/sleep 20 >/dev/null 2>&1");
    // of a file the last line would be all that is left
    place.write("/top", &script().replace("/usr/sbin/sshd", "/stubs/sshd").replace(">/dev/kmsg", ">>/dev/kmsg"));
    place.write("/watch", WATCH);
    place.write("/scripts/functions", "wait_for_udev() { echo \"wait_for_udev $*\" >>/calls; }\n");
    place.write("/proc/uptime", "10.00 0\n").write("/dev/kmsg", "");
    place.write("/sys/class/net/lo/address", "00:00:00:00:00:00\n");
    for sysctl in ["ipv4/conf/all/arp_notify", "ipv6/conf/all/ndisc_notify", "ipv6/conf/eth0/disable_ipv6"] {
        place.write(&format!("/proc/sys/net/{sysctl}"), "0\n");
    }
    place.write("/missing-vg0", "  0\n").write("/tags-vg0", "  \n");
    place
}

/// New itself, known by its firmware and its card.
fn new() -> Place {
    let place = machine();
    place.write("/sys/class/dmi/id/product_uuid", &format!("{}\n", uuid()));
    place.write("/sys/class/net/eth0/address", &format!("{}\n", mac())).write("/sys/class/net/eth0/carrier", "1\n");
    place
}

fn says(place: &Place, words: &[&str]) -> Ran {
    let watch = ["/usr/bin/unshare", "--pid", "--fork", "--kill-child", "sh", "/watch"];
    place.run(&[&watch, words].concat())
}

fn boots(place: &Place, ran: &Ran, what: &str) {
    assert_eq!(ran.out, "left 0\n", "{what}: {:?} {:?}", ran.calls, place.read("/err"));
    assert!(!place.there("/run/replant/go"), "{what}");
}

fn holds(place: &Place, ran: &Ran, what: &str) {
    assert_eq!(ran.out, "", "{what}: half a copy is booted: {:?} {:?}", ran.calls, place.read("/err"));
    assert!(place.there("/run/replant/go") && !place.there("/run/replant/went"), "{what}: {:?}", place.read("/err"));
}

/// It is not its business, and it has done nothing there.
fn leaves_alone(place: &Place, ran: &Ran, what: &str) {
    boots(place, ran, what);
    assert_eq!(ran.calls, [""; 0], "{what}");
    assert!(!place.there("/run/replant"), "{what}");
    assert_eq!(place.read("/proc/uptime").as_deref(), Some("10.00 0\n"), "{what}: at once");
}

#[test]
fn another_machine_is_left_alone_at_once() {
    let place = new();
    place.write("/sys/class/dmi/id/product_uuid", "11111111-2222-3333-4444-555555555555\n");
    leaves_alone(&place, &says(&place, &[]), "by its firmware, even with that card in it");
    // where the firmware says nothing, old is known by its card
    for uuid in [None, Some("\n")] {
        let place = machine();
        if let Some(uuid) = uuid {
            place.write("/sys/class/dmi/id/product_uuid", uuid);
        }
        place.write("/sys/class/net/enp1s0/address", &format!("{}\n", old_mac()));
        place.write("/sys/class/net/enp2s0/address", "02:00:00:00:00:09\n");
        leaves_alone(&place, &says(&place, &[]), "by old's card");
    }
}

#[test]
fn new_is_known_by_its_firmware_or_by_its_card() {
    let place = new();
    place.write("/sys/class/dmi/id/product_uuid", &format!("{}\n", uuid().to_uppercase()));
    holds(&place, &says(&place, &[]), "in capital letters");
    for other in before(" us=yes ;;") {
        let place = new();
        place.write("/sys/class/dmi/id/product_uuid", &format!("{other}\n"));
        holds(&place, &says(&place, &[]), &other);
    }
    let place = new();
    std::fs::remove_file(place.at("/sys/class/dmi/id/product_uuid")).unwrap();
    // beside a card of old's that was moved over
    place.write("/sys/class/net/eth1/address", &format!("{}\n", old_mac()));
    holds(&place, &says(&place, &[]), "by its card");
}

/// A driver may take its time. Whatever else is there, nobody can say that this is not new: half a copy is not booted.
#[test]
fn a_machine_of_which_nobody_can_say_what_it_is_does_not_boot_half_a_copy() {
    let late = format!("mkdir -p /sys/class/net/eth0; echo {} >/sys/class/net/eth0/address", mac());
    for (at, other) in [(60, None), (25, Some("02:00:00:00:00:09")), (200, Some("02:00:00:00:00:09"))] {
        let place = machine();
        place.write(&format!("/at-{at}"), &late);
        if let Some(other) = other {
            place.write("/sys/class/net/enp2s0/address", &format!("{other}\n"));
        }
        let ran = says(&place, &[]);
        holds(&place, &ran, &format!("its card comes at {at}, {other:?}"));
    }
    // and once it may boot, it does
    let place = machine();
    place.write("/sys/class/net/enp2s0/address", "02:00:00:00:00:09\n").write("/tags-vg0", "  replant_go\n");
    let ran = says(&place, &[]);
    boots(&place, &ran, "released, without its card");
    // old's card may be the one that takes its time
    let place = machine();
    place.write("/sys/class/net/enp2s0/address", "02:00:00:00:00:09\n");
    place.write(
        "/at-30",
        &format!("mkdir -p /sys/class/net/enp1s0; echo {} >/sys/class/net/enp1s0/address", old_mac()),
    );
    let ran = says(&place, &[]);
    boots(&place, &ran, "old, late");
    assert_eq!(ran.calls_of(&["lvm", "ip", "modprobe"]), [""; 0]);
}

#[test]
fn it_boots_through_only_with_the_tag_on_all_groups() {
    for (tags, boot) in [
        ("replant_go", true),
        ("a,replant_go,b", true),
        ("", false),
        ("replant_go2", false),
        ("xreplant_go", false),
        ("a,replant-go,b", false),
    ] {
        let place = new();
        place.write("/tags-vg0", &format!("  {tags}\n"));
        let ran = says(&place, &[]);
        if boot {
            boots(&place, &ran, tags);
            assert!(place.there("/run/replant/went"), "nobody would know that it has gone on");
            assert_eq!(ran.calls_of(&["ip", "sshd", "modprobe", "mount"]), [""; 0], "{tags}");
            assert_eq!(place.read("/proc/sys/net/ipv4/conf/all/arp_notify").as_deref(), Some("1\n"));
        } else {
            holds(&place, &ran, tags);
        }
    }
    for (first, second, boot) in
        [("replant_go", "replant_go", true), ("replant_go", "", false), ("", "replant_go", false), ("", "", false)]
    {
        let place = new();
        let text = place.read("/top").unwrap().replace("groups=\"vg0\"", "groups=\"vg0 vg1\"");
        place.write("/top", &text).write("/missing-vg1", "  0\n");
        place.write("/tags-vg0", first).write("/tags-vg1", second);
        let ran = says(&place, &[]);
        let what = format!("`{first}` and `{second}`");
        if boot { boots(&place, &ran, &what) } else { holds(&place, &ran, &what) }
    }
    // LVM does not say
    let place = new();
    std::fs::remove_file(place.at("/tags-vg0")).unwrap();
    holds(&place, &says(&place, &[]), "no answer");
}

/// Arrays that lack a disk are run without it, but not before the disk has had its time.
#[test]
fn a_group_that_is_not_whole_is_waited_for() {
    let run = |place: &Place| {
        let all = place.read("/assembled").unwrap_or_default();
        let runs = all
            .lines()
            .filter(|line| line.contains("--run"))
            .map(|line| line.split('.').next().unwrap().parse::<u32>().unwrap());
        (all.lines().count(), runs.collect::<Vec<_>>())
    };
    let place = new();
    place.write("/missing-vg0", "  1\n").write("/at-30", "echo 0 >/missing-vg0").write("/dev/md127", "");
    holds(&place, &says(&place, &[]), "it comes after 20 s");
    let (all, runs) = run(&place);
    assert!(all >= 15 && runs.is_empty(), "{all} {runs:?}");
    let place = new();
    place.write("/missing-vg0", "  1\n").write("/at-55", "echo 0 >/missing-vg0").write("/dev/md127", "");
    holds(&place, &says(&place, &[]), "it comes when arrays are run without what is missing");
    let (_, runs) = run(&place);
    assert!(runs.len() >= 4 && runs.iter().all(|at| *at >= 40), "{runs:?}");
    assert!(place.read("/assembled").unwrap().contains("--quiet --run /dev/md127"));
    // it does not come: without a word nothing is booted, and the word is waited for where somebody can look
    for missing in ["  1\n", ""] {
        let place = new();
        place.write("/missing-vg0", missing);
        let ran = says(&place, &[]);
        holds(&place, &ran, "it does not come");
        assert!(ran.calls.iter().any(|call| call.starts_with("ip address add")), "{:?}", ran.calls);
        assert!(ran.calls.contains(&"lvm vgchange --quiet --sysinit --activate y vg0".to_string()));
    }
}

#[test]
fn while_it_holds_it_is_reached_at_one_address() {
    let place = new();
    let ran = says(&place, &[]);
    holds(&place, &ran, "new");
    let calls = ran.calls_of(&["modprobe", "mount", "ip", "sshd"]);
    let [all @ .., address, sshd] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!(
        all,
        [
            "modprobe target_core_mod",
            "modprobe target_core_iblock",
            "modprobe iscsi_target_mod",
            "mount -t configfs configfs /sys/kernel/config",
            "ip link set lo up",
            "ip link set eth0 up",
        ]
    );
    assert!(address.starts_with("ip address add 10.77.0.22/") && address.ends_with(" dev eth0"), "{address}");
    assert_eq!(*sshd, "sshd -D -f /etc/replant/sshd_config -E /run/replant/sshd.log");
    // it takes no address that a router announces: old has those
    assert_eq!(place.read("/proc/sys/net/ipv6/conf/eth0/disable_ipv6").as_deref(), Some("1\n"));
    assert_eq!(place.read("/proc/sys/net/ipv4/conf/all/arp_notify").as_deref(), Some("0\n"), "old has the addresses");
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    let pipe = std::fs::metadata(place.at("/run/replant/go")).unwrap();
    assert!(pipe.file_type().is_fifo() && pipe.permissions().mode() & 0o777 == 0o600);
    let dir = std::fs::metadata(place.at("/run/replant")).unwrap();
    assert_eq!(dir.permissions().mode() & 0o777, 0o700);
    // configfs that is there is not mounted over
    let place = new();
    place.stub("mountpoint", "");
    assert_eq!(says(&place, &[]).calls_of(&["mount"]), [""; 0]);
    // whoever waits for the card waits with the pipe
    let place = new();
    std::fs::remove_dir_all(place.at("/sys/class/net/eth0")).unwrap();
    let ran = says(&place, &[]);
    holds(&place, &ran, "its card is not there");
    assert_eq!(ran.calls_of(&["ip"]), [""; 0]);
}

#[test]
fn it_goes_on_at_one_word_and_at_no_other() {
    let place = new();
    holds(&place, &says(&place, &["", "stop", "GO", "going", "go on", "no go", "g"]), "other words");
    let place = new();
    let ran = says(&place, &["stop", "go"]);
    boots(&place, &ran, "the word");
    assert!(place.there("/run/replant/went"));
    assert_eq!(place.read("/proc/sys/net/ipv6/conf/eth0/disable_ipv6").as_deref(), Some("0\n"), "as it was");
    assert_eq!(place.read("/proc/sys/net/ipv4/conf/all/arp_notify").as_deref(), Some("1\n"));
    let end = ran.calls_of(&["ip", "udevadm"]);
    // clients that remember old's card are told
    assert!(end.iter().any(|call| call.starts_with("ip address add 10.77.0.21/32 dev eth0")), "{end:?}");
    assert!(end.iter().any(|call| call.starts_with("udevadm trigger --action=change")), "{end:?}");
    assert_eq!(end[end.len() - 2..], ["ip route flush dev eth0", "ip address flush dev eth0"]);
    // a file where the pipe should be is nobody's word
    let place = new();
    place.write("/run/replant/go", "go\n");
    holds(&place, &says(&place, &[]), "a file");
}

/// Old has its addresses still.
#[test]
fn where_it_only_rehearses_nobody_is_told() {
    let place = new();
    place.write("/run/replant/rehearsal", "begun\n");
    let ran = says(&place, &["go"]);
    boots(&place, &ran, "a rehearsal");
    assert!(
        !ran.calls.iter().any(|call| call.contains("10.77.0.21") || call.starts_with("busybox")),
        "{:?}",
        ran.calls
    );
    assert_eq!(place.read("/proc/sys/net/ipv4/conf/all/arp_notify").as_deref(), Some("0\n"));
}

/// Sessions would keep the root file system of the image; one that does not end does not hold up the boot.
#[test]
fn sessions_end_when_it_goes_on() {
    let place = new();
    place.stub("pidof", "echo 4194304");
    boots(&place, &says(&place, &["go"]), "one that does not end");
    let place = new();
    place.stub("pidof", "[ -e /alive ] || { /usr/bin/sleep 60 >/dev/null 2>&1 & echo $! >/alive; }; kill -0 $(cat /alive) 2>/dev/null && cat /alive");
    let ran = says(&place, &["go"]);
    boots(&place, &ran, "one that ends");
    assert!(place.there("/alive"), "sessions are looked for");
}

/// Runs it until its console shows this, or for long enough; what that has shown.
const CONSOLE: &str = r#"(sh /top local-top >/out 2>/err </dev/null) &
i=0
until grep -q "$1" /dev/kmsg || [ $i -ge 500 ]; do /usr/bin/sleep 0.02; i=$((i + 1)); done
/usr/bin/sleep 0.2; cat /dev/kmsg"#;

fn console(place: &Place, until: &str) -> String {
    place.write("/console", CONSOLE);
    place.run(&["/usr/bin/unshare", "--pid", "--fork", "--kill-child", "sh", "/console", until]).out
}

/// With `quiet` a console shows what is worse than an error. Where nobody can log in there is nothing else to be seen.
#[test]
fn what_goes_wrong_is_said_on_the_console() {
    let said = console(&new(), "holding at");
    assert!(said.contains("replant: holding at 10.77.0.22/24 on eth0\n") && !said.contains("<2>"), "{said}");
    type Change = fn(&Place);
    let troubles: [(Change, &str); 10] = [
        (|place| _ = place.write("/sys/class/net/eth0/carrier", "0\n"), "eth0 has no link: nobody can log in."),
        (
            |place| _ = place.stub("sshd", "echo 'no hostkeys available' >/run/replant/sshd.log; exit 1"),
            "nobody can log in, sshd has ended: no hostkeys available",
        ),
        (
            |place| _ = place.stub("ip", "case \"$*\" in 'address add'*) exit 2 ;; esac"),
            "eth0 does not take 10.77.0.22/24: nobody can log in",
        ),
        (|place| std::fs::remove_dir_all(place.at("/sys/class/net/eth0")).unwrap(), "waiting for the network card"),
        (
            |place| _ = place.stub("modprobe", "[ $1 != target_core_iblock ]"),
            "the kernel does not load target_core_iblock: no volume can be offered",
        ),
        (|place| _ = place.stub("mount", "exit 32"), "configfs is not there: no volume can be offered"),
        (|place| _ = place.write("/missing-vg0", "  1\n"), "not all of these groups are whole: vg0"),
        (
            |place| _ = place.stub("lvm", &LVM.replace("esac", "*vgchange*) exit 5 ;;\nesac")),
            "the volumes of vg0 cannot be activated",
        ),
        (|place| _ = place.stub("mkfifo", "exit 1"), "there is no pipe: nobody can say that it may go on"),
        (
            |place| _ = place.write("/sys/class/dmi/id/product_uuid", "11111111-2222-3333-4444-555555555555\n"),
            "this is not the new server, by its firmware: the boot goes on",
        ),
    ];
    for (change, line) in troubles {
        let place = new();
        change(&place);
        let said = console(&place, line);
        assert_eq!(said.matches(&format!("<2>replant: {line}")).count(), 1, "{line}: {said}");
    }
    let place = machine();
    place.write("/sys/class/net/enp1s0/address", &format!("{}\n", old_mac()));
    let said = console(&place, "the boot goes on");
    assert!(said.contains("<2>replant: this is not the new server, by its network card"), "{said}");
    // nothing of it goes on where the boot has gone on
    let place = new();
    place.stub("sleep", "case $1 in 15) exec /usr/bin/sleep 1 ;; esac\nexec /usr/bin/sleep 0.01");
    let text = place.read("/top").unwrap() + "\nrm /sys/class/net/eth0/carrier; /usr/bin/sleep 2\n";
    place.write("/top", &text.replace("\nexit 0\n\nrm", "\nrm"));
    boots(&place, &says(&place, &["go"]), "no watcher");
    assert!(!place.read("/dev/kmsg").unwrap().contains("no link"), "{:?}", place.read("/dev/kmsg"));
}

#[test]
fn it_has_no_prerequisites() {
    let place = new();
    let ran = place.run(&["sh", "/top", "prereqs"]);
    assert_eq!(ran.good().calls, [""; 0]);
    assert!(!place.there("/run/replant"));
}
