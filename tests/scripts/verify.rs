//! What hashes copies and originals, and what is done where they differ.

use std::time::{Duration, Instant};

use replant::host::sha256;
use replant::step::{Seen, StepKind};

use crate::place::{Place, step};

const MIB: usize = 1 << 20;
const DIR: &str = "/run/replant/m/steps/hashed";
const SINCE: &str = "/run/replant/m/steps/copy-vg0-root";
/// What follows the volume on its device: md's own.
const TAIL: usize = 700;

/// One letter for each KiB, another for each MiB.
fn content(mib: usize, seed: usize) -> String {
    let kib =
        |at: usize| ((b'a' + ((at / 1024 * 7 + at % 1024 * 3 + seed) % 26) as u8) as char).to_string().repeat(1024);
    (0..mib * 1024).map(kib).collect()
}

/// A server with these volumes of four MiB and a half, each lying on a device of its own.
fn server(volumes: &[&str]) -> Place {
    let place = Place::new();
    // what is in here are files, in memory perhaps, and they cannot be read past it
    place.stub("dd", "echo \"$*\" >>/reads; for word; do [ \"$word\" != iflag=direct,count_bytes ] || word=iflag=count_bytes; set -- \"$@\" \"$word\"; shift; done\n\
        [ ! -e /broken ] || case \"$*\" in *\"$(cat /broken)\"*) echo bad >&2; exit 1 ;; esac\n\
        [ ! -e /slow ] || /usr/bin/sleep 30\nexec /usr/bin/dd \"$@\"");
    for (at, volume) in volumes.iter().enumerate() {
        let text = content(4, at) + &"h".repeat(MIB / 2) + &"t".repeat(TAIL);
        place.write(&format!("/dev/mapper/replant-{at}-old"), &text);
        for (number, name, stat) in [
            (2 * at, volume.to_string(), "1 0 8 0 2 0 16 0"),
            (2 * at + 1, format!("replant-{at}-old"), "1 0 100 0 9 0 999 0"),
        ] {
            place.write(&format!("/sys/block/dm-{number}/dm/name"), &format!("{name}\n"));
            place.write(&format!("/sys/block/dm-{number}/stat"), &format!("{stat} 0 0\n"));
        }
    }
    place.write(SINCE, "1234.50 9.0\n");
    place
}

fn half(at: usize, volume: &str, what: &str, only: &str) -> String {
    format!(
        r#"{{ "of": "{}", "lies": "old", "device": "/dev/mapper/replant-{at}-old", "volume": "{volume}", "size": {}, "what": "{what}",
        "since": "{SINCE}", {only} "reads": {} }}"#,
        volume.replace('-', "/"),
        4 * MIB + MIB / 2,
        4 * MIB + MIB / 2
    )
}

fn hashed(halves: &[String]) -> StepKind {
    step(&format!(
        r#"{{ "hashed": {{ "dir": "{DIR}", "scripts": "/run/replant/m/steps", "halves": [{}], "marks": ["/run/differs"] }} }}"#,
        halves.join(",")
    ))
}

fn ended(place: &Place, step: &StepKind) -> Seen {
    let since = Instant::now();
    loop {
        match place.observe(step) {
            Seen::Underway(_) if since.elapsed() < Duration::from_secs(20) => {
                std::thread::sleep(Duration::from_millis(20))
            }
            seen => return seen,
        }
    }
}

/// The hash of each, by what was hashed.
fn hashes(place: &Place) -> Vec<(String, String)> {
    let text = place.read(&format!("{DIR}/hashes")).unwrap();
    text.lines()
        .map(|line| line.split_once(' ').map(|(key, hash)| (key.to_string(), hash.to_string())).unwrap())
        .collect()
}

fn one(what: &str, only: &str, list: Option<&str>) -> String {
    let place = server(&["vg0-root"]);
    if let Some(list) = list {
        place.write("/run/bits", list);
    }
    let step = hashed(&[half(0, "vg0-root", what, only)]);
    place.apply(&step).good();
    assert_eq!(ended(&place, &step), Seen::Present);
    let reads = place.read("/reads").unwrap();
    assert!(reads.lines().all(|call| call.contains("iflag=direct,")), "{reads}");
    hashes(&place).remove(0).1
}

#[test]
fn the_volume_is_hashed_and_not_what_is_behind_it() {
    let whole = content(4, 0) + &"h".repeat(MIB / 2);
    assert_eq!(one("all", "", None), sha256(&whole));
    let pieces = [&whole[..MIB], &whole[2 * MIB..3 * MIB], &whole[4 * MIB..]].concat();
    assert_eq!(one("0,2,4", "", None), sha256(&pieces));
}

#[test]
fn of_what_was_not_copied_nothing_is_read() {
    let whole = content(4, 0) + &"h".repeat(MIB / 2);
    let only = r#""only": { "list": "/run/bits", "size": 2048 },"#;
    assert_eq!(one("all", only, Some("0-0 2-2\n")), sha256([&whole[..2 * MIB], &whole[4 * MIB..]].concat()));
    assert_eq!(one("all", only, Some("1-1\n2-2\n")), sha256(&whole[2 * MIB..]));
    assert_eq!(one("0,1,2,4", only, Some("1-2\n")), sha256([&whole[2 * MIB..3 * MIB], &whole[4 * MIB..]].concat()));
    assert_eq!(one("all", only, None), sha256(&whole), "without a list all was copied");
}

/// All at once, each by itself; what cannot be read is no hash of what could.
#[test]
fn each_volume_has_its_own_hash() {
    let place = server(&["vg0-root", "vg0-var", "vg0-srv"]);
    place.write("/broken", "replant-1-old");
    let step =
        hashed(&[half(0, "vg0-root", "all", ""), half(1, "vg0-var", "0,3", ""), half(2, "vg0-srv", "0,3", "")]);
    assert_eq!(place.observe(&step), Seen::Absent);
    place.apply(&step).good();
    assert_eq!(ended(&place, &step), Seen::Present);
    let srv = content(4, 2);
    let want = [
        ("vg0/root:old", sha256(content(4, 0) + &"h".repeat(MIB / 2))),
        ("vg0/var:old", "unread".to_string()),
        ("vg0/srv:old", sha256([&srv[..MIB], &srv[3 * MIB..]].concat())),
    ];
    assert_eq!(hashes(&place), want.map(|(key, hash)| (key.to_string(), hash)));
}

#[test]
fn a_hash_means_nothing_once_something_has_changed() {
    let place = server(&["vg0-root"]);
    let step = hashed(&[half(0, "vg0-root", "all", "")]);
    place.apply(&step).good();
    assert_eq!(ended(&place, &step), Seen::Present);
    let stat = "/sys/block/dm-0/stat";
    let was = place.read(stat).unwrap();
    place.write(stat, "9 0 800 0 2 0 16 0 0 0\n");
    assert_eq!(place.observe(&step), Seen::Present, "reading changes nothing");
    place.write(stat, "1 0 8 0 2 0 17 0 0 0\n");
    assert_eq!(place.observe(&step), Seen::Absent, "it was written to");
    place.write(stat, &was);
    place.write(SINCE, "2234.50 9.0\n");
    assert_eq!(place.observe(&step), Seen::Absent, "it was copied again");
    std::fs::remove_file(place.at(SINCE)).unwrap();
    assert_eq!(place.observe(&step), Seen::Absent, "it was given up");
    place.write(SINCE, "1234.50 9.0\n").write("/run/differs", "differs\n");
    assert!(matches!(place.observe(&step), Seen::Partial(_)), "it goes with what was found");
    place.undo(&step).good();
    assert!(!place.there(DIR) && !place.there("/run/differs"));
    assert_eq!(place.observe(&step), Seen::Absent);
}

/// What still reads holds the devices, and what it finds is of another time.
#[test]
fn what_still_reads_is_ended_first() {
    let place = server(&["vg0-root"]);
    let step = hashed(&[half(0, "vg0-root", "all", "")]);
    place.write("/slow", "");
    place.apply(&step).good();
    place.write("/sys/block/dm-1/stat", "1 0 2148 0 9 0 999 0 0 0\n");
    let Seen::Underway(progress) = place.observe(&step) else { panic!("it reads") };
    assert_eq!(progress.bytes, Some((MIB as u64, 4 * MIB as u64 + MIB as u64 / 2)));
    place.write("/sys/block/dm-0/stat", "1 0 8 0 2 0 17 0 0 0\n");
    assert!(matches!(place.observe(&step), Seen::Partial(_)), "it reads what has changed meanwhile");
    let reading = place.read(&format!("{DIR}/pid")).unwrap();
    place.apply(&step).good();
    assert_ne!(place.read(&format!("{DIR}/pid")).unwrap(), reading);
    assert!(matches!(place.observe(&step), Seen::Underway(_)));
    place.undo(&step).good();
    assert!(!place.there(DIR));
    assert_eq!(place.observe(&step), Seen::Absent);
    std::fs::remove_file(place.at("/slow")).unwrap();
    place.apply(&step).good();
    assert_eq!(ended(&place, &step), Seen::Present, "nothing of those before is left");
    place.undo(&step).good();
}

fn same() -> StepKind {
    step(&format!(
        r#"{{ "same-copies": {{ "of": ["vg0/root", "vg0/var"], "on_old": "{DIR}", "marks": ["/run/new/differs", "/run/differs"],
        "dead_man": "/run/replant/m/dead-man" }} }}"#
    ))
}

fn found(place: &Place, copy: &str) {
    let all = [("root:old", "a1"), ("var:old", "b2"), ("root:new", "a1"), ("var:new", copy)];
    place.write(&format!("{DIR}/hashes"), &all.map(|(key, hash)| format!("vg0/{key} {hash}\n")).concat());
}

/// Services come back at once, whatever the runner does that waits for somebody.
#[test]
fn what_differs_is_given_up_and_services_come_back_at_once() {
    let dead_man = step(
        r#"{ "dead-man": { "dir": "/run/replant/m/dead-man", "unit": "d.service", "seconds": 300,
            "back": [{ "argv": ["systemctl", "start", "one.service"] }] } }"#,
    );
    for state in ["armed", "cut"] {
        let place = server(&["vg0-root"]);
        place.write("/proc/swaps", "").write("/proc/self/mountinfo", "").write("/run/replant/seen", "run-1\n{}\n");
        place.apply(&dead_man).good();
        if state == "cut" {
            std::fs::rename(place.at("/run/replant/m/dead-man/armed"), place.at("/run/replant/m/dead-man/cut"))
                .unwrap();
        }
        assert!(matches!(place.observe(&same()), Seen::Foreign(_)), "nothing was hashed");
        found(&place, "b2");
        assert_eq!(place.observe(&same()), Seen::Present);
        found(&place, "b3");
        assert_eq!(place.observe(&same()), Seen::Absent);
        let ran = place.apply(&same());
        assert_eq!(ran.good().calls_of(&["systemctl"]), ["systemctl start one.service"], "{state}");
        assert!(place.there("/run/new/differs") && place.there("/run/differs"));
        assert_eq!(place.read("/run/replant/m/dead-man/fired").as_deref(), Some("run-1\n"));
        assert!(!place.there("/run/replant/m/dead-man/armed") && !place.there("/run/replant/m/dead-man/cut"));
        let Seen::Foreign(said) = place.observe(&same()) else { panic!("it differs") };
        assert!(said.starts_with("the copy of vg0/var differs from the original. "), "{said}");
        // a look that finds them alike now changes nothing
        found(&place, "b2");
        assert!(matches!(place.observe(&same()), Seen::Foreign(_)));
        // they have come back already
        assert_eq!(place.apply(&same()).good().calls_of(&["systemctl"]), [""; 0]);
    }
}
