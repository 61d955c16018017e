//! Copies of what is in use, against a small model of md and of a file system that is written to all the time: with every
//! command that is run, something is written, on the volume as it lies at that moment.

use std::collections::BTreeSet;
use std::fmt::Write;

use replant::host::Act;
use replant::step::StepKind;

use crate::place::{Place, Ran, World, step};

const CHUNKS: usize = 120;
const SECTORS: usize = CHUNKS * 2048;
const SINCE: &str = "/run/copy-vg0-root";
const SYS: &str = "/sys/block/md300/md";

fn copy() -> StepKind {
    step(&format!(
        r#"{{ "beneath": {{ "vg": "vg0", "lv": "root", "size": {}, "number": 300, "uuid": "1:2:3:4", "leg": "/dev/lun", "at": 0,
        "chunk": 1024, "conf": "/etc/mdadm/mdadm.conf", "since": "{SINCE}", "dir": "/run", "used": 1 }} }}"#,
        SECTORS * 512
    ))
}

/// A live server, as shell functions: now it writes to what is in use, now to what was free. `old` and `new` hold what stands in each chunk, `bits` md's bitmap, `used` what the
/// file system has given out. A write goes where the volume lies: beside the array md sees nothing of it.
const LIVE: &str = r#"
w=/w md=/sys/block/md300/md
leg() { cat "$md/dev-replant-300-new/state" 2>/dev/null || echo none; }
live() {
    read -r n <$w/n; n=$((n + 1)); echo $n >$w/n
    if [ $((n % 2)) = 0 ]; then c=$((n * 7 % 12)); else c=$((20 + n / 2 % (CHUNKS - 20))); fi
    echo "$n" >$w/old/$c; : >$w/used/$c
    [ "$(cat $w/lies)" = md ] || return 0
    : >$w/bits/$c
    case $(leg) in *in_sync* | writemostly) echo "$n" >$w/new/$c; [ "$(cat $md/degraded)" = 1 ] || rm -f $w/bits/$c ;; esac
}
send() { (cd $w/bits && ls >>$w/sent && cd $w/old && cp $(ls $w/bits) $w/new && rm -r $w/bits && mkdir $w/bits); }
joined() {
    mkdir -p $md/dev-replant-300-new; echo "in_sync" >$md/dev-replant-300-new/state; echo 0 >$md/degraded
}
live
"#;

const DMSETUP: &str = r#"
case $1 in
table)
    case $2 in
    replant-300-old) echo "0 SECTORS linear 8:1 2048"; echo "SECTORS 8192 linear 1:0 0" ;;
    *) if [ "$(cat $w/lies)" = md ]; then echo "0 SECTORS linear 9:300 0"; else echo "0 SECTORS linear 8:1 2048"; fi ;;
    esac ;;
create) cat >/dev/null; : >/dev/mapper/$2 ;;
load) case "$*" in *--table*9:300*) echo md >$w/inactive ;; *) cat >/dev/null; echo own >$w/inactive ;; esac ;;
resume) cp $w/inactive $w/lies ;;
remove) rm /dev/mapper/$3 ;;
esac
live"#;

const MDADM: &str = r#"
case "$*" in
--create*)
    mkdir -p $md/bitmap; echo clean >$md/array_state; echo idle >$md/sync_action; echo 1048576 >$md/bitmap/chunksize
    rm -f $w/bits/*
    case "$*" in *missing) echo 1 >$md/degraded ;; *"--write-mostly /dev/mapper/replant-300-new") joined; : >$w/known ;; esac ;;
*--stop*) [ "$(cat $w/lies)" = own ] || { echo "in use" >&2; exit 1; }; rm -r $md; rm -f $w/known ;;
*--fail*) [ -e $w/clings ] || { echo faulty >$md/dev-replant-300-new/state; echo 1 >$md/degraded; } ;;
*--remove*) rm -r $md/dev-replant-300-new ;;
--examine-bitmap*) echo "          Bitmap : 120 bits (chunks), $(ls $w/bits | wc -l) dirty (1.0%)" ;;
--examine*) [ ! -e $w/known ] || echo MD_UUID=1:2:3:4 ;;
esac
live"#;

/// The one way in which a leg is taken in.
const UNSHARE: &str = r#"
case "$*" in
*--re-add*) [ -e $w/known ] || exit 1; [ "$(cat $md/sync_action)" = idle ] || exit 1; send; joined ;;
*--add*) for c in $w/old/*; do : >$w/bits/${c##*/}; done; send; joined; : >$w/known ;;
esac
live"#;

const TEE: &str = r#"
case $1 in
*bitmap_set_bits) for range in $(cat); do
    c=${range%-*}; while [ $c -le ${range#*-} ]; do : >$w/bits/$c; c=$((c + 1)); done
done ;;
*) cat ;;
esac
live"#;

/// What is given out, chunk by chunk; `/w/map` in its place where there is one.
const PERL: &str = r#"
if [ -e $w/map ]; then cat $w/map; exit 0; fi
[ ! -e $w/mapless ] || { echo "its file system has no map" >&2; exit 25; }
echo "at /srv"
c=0; while [ $c -lt CHUNKS ]; do
    if [ -e $w/used/$c ]; then k=used; else k=free; fi
    echo "$k $((c * 1048576)) 1048576"; c=$((c + 1))
done | awk '{ if ($1 == kind) length_ += $3; else { if (kind) print kind, start, length_; kind = $1; start = $2; length_ = $3 } }
    END { print kind, start, length_ }'
echo end
live"#;

/// A volume of which a tenth is in use, and a disk of new that has been something else before.
fn server() -> Place {
    let place = Place::new();
    let live = LIVE.replace("CHUNKS", &CHUNKS.to_string());
    let stubs = [
        ("dmsetup", DMSETUP),
        ("mdadm", MDADM),
        ("unshare", UNSHARE),
        ("tee", TEE),
        ("perl", PERL),
        ("sync", "live"),
        ("dmesg", "cat $w/dmesg"),
        ("blkid", ""),
        // what md has kept of the leg on new
        ("dd", "case \"$*\" in *seek=4\\ *) rm -f $w/known ;; esac"),
    ];
    for (name, body) in stubs {
        let body = body.replace("SECTORS", &SECTORS.to_string()).replace("CHUNKS", &CHUNKS.to_string());
        place.stub(name, &format!("{live}{body}"));
    }
    place.stub("blockdev", &format!("echo {SECTORS}"));
    for at in 0..CHUNKS {
        place.write(&format!("/w/old/{at}"), "before").write(&format!("/w/new/{at}"), "garbage");
        if at < 12 {
            place.write(&format!("/w/used/{at}"), "");
        }
    }
    for (path, text) in [
        ("/w/bits/.", ""),
        ("/w/n", "0\n"),
        ("/w/lies", "own\n"),
        ("/w/sent", ""),
        ("/w/dmesg", ""),
        ("/dev/lun", ""),
        ("/dev/kmsg", ""),
        ("/dev/ram0", ""),
        ("/dev/mapper/vg0-root", ""),
        ("/proc/uptime", "1234.50 2000.00\n"),
    ] {
        match path.strip_suffix("/.") {
            Some(dir) => std::fs::create_dir_all(place.at(dir)).unwrap(),
            None => drop(place.write(path, text)),
        }
    }
    place
}

fn names(place: &Place, dir: &str) -> BTreeSet<String> {
    let all = std::fs::read_dir(place.at(dir)).unwrap();
    all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Chunks in use that are another on new.
fn lost(place: &Place) -> Vec<String> {
    let same = |at: &&String| place.read(&format!("/w/old/{at}")) == place.read(&format!("/w/new/{at}"));
    names(place, "/w/used").iter().filter(|at| !same(at)).cloned().collect()
}

fn sent(place: &Place) -> usize {
    place.read("/w/sent").unwrap().lines().count()
}

/// The acts that run something: array, bits, leg.
fn runs() -> [Act; 3] {
    let acts = copy().as_step().apply().into_iter().filter(|act| matches!(act, Act::Run { .. }));
    acts.collect::<Vec<_>>().try_into().expect("three")
}

/// The scripts are there.
fn with_scripts() -> Place {
    let place = server();
    for act in copy().as_step().apply().iter().filter(|act| matches!(act, Act::Put { .. })) {
        place.act(act);
    }
    place
}

fn at(ran: &Ran, call: &str) -> usize {
    ran.calls.iter().position(|one| one.contains(call)).unwrap_or_else(|| panic!("no {call}: {:?}", ran.calls))
}

/// The chunks that are listed as copied.
fn listed(place: &Place) -> Option<BTreeSet<usize>> {
    let text = place.read(&format!("{SINCE}.bits"))?;
    let range = |word: &str| {
        let (from, to) = word.split_once('-').unwrap();
        from.parse::<usize>().unwrap()..=to.parse().unwrap()
    };
    Some(text.split_whitespace().flat_map(range).collect())
}

/// What is compared later is what was copied: where all was, there is no list.
#[test]
fn what_was_copied_is_listed_until_it_is_copied_otherwise() {
    let place = server();
    place.apply(&copy()).good();
    let sent: BTreeSet<usize> = place.read("/w/sent").unwrap().lines().map(|at| at.parse().unwrap()).collect();
    let copied = listed(&place).unwrap();
    assert!(
        copied.is_subset(&sent) && (0..12).all(|at| copied.contains(&at)) && copied.len() < CHUNKS / 2,
        "{copied:?}"
    );
    // md has given up the leg, and nobody knows since when it was good: all of it is copied
    std::fs::remove_file(place.at(SINCE)).unwrap();
    place.write(&format!("{SYS}/dev-replant-300-new/state"), "faulty\n");
    let [_, _, leg] = runs();
    place.act(&leg).good();
    assert_eq!((lost(&place).len(), listed(&place)), (0, None));
}

#[test]
fn what_is_in_use_is_copied_and_nothing_else() {
    let place = server();
    let ran = place.apply(&copy());
    ran.good();
    assert_eq!(lost(&place), [""; 0], "{:?}", ran.calls);
    let in_use = names(&place, "/w/used").len();
    assert!(sent(&place) <= in_use + 3, "{} chunks of {in_use} in use", sent(&place));
    assert!(sent(&place) < CHUNKS / 2);
    let order = ["--create", "--fail", "--remove", "resume", "perl", "sync -f /srv", "bitmap_set_bits", "--re-add"];
    let order: Vec<usize> = order.iter().map(|call| at(&ran, call)).collect();
    assert!(order.is_sorted(), "{:?}", ran.calls);
    assert_eq!(place.read(SINCE).as_deref(), Some("1234.50 2000.00\n"));
    assert_eq!(place.read(&format!("{SYS}/sync_action")).as_deref(), Some("idle\n"));
    assert_eq!(place.read(&format!("{SYS}/resync_start")).as_deref(), Some("none\n"), "nothing is to be repaired");
    assert!(!place.there("/run/bits-300") && !place.there("/run/why-300"));
    // and again: all is there
    let before = sent(&place);
    place.apply(&copy()).good();
    assert_eq!((sent(&place), lost(&place)), (before, Vec::new()));
}

/// The model is as careless as md is: what has no bit is not sent.
#[test]
fn md_itself_sends_only_what_has_a_bit() {
    let place = with_scripts();
    let [track, _, join] = runs();
    place.act(&track).good();
    place.write(SINCE, "1 1\n");
    place.act(&join).good();
    assert!(lost(&place).len() > 8, "nothing that was there before was sent");
}

/// A map that was read before the volume lay on the array lacks what was written in between.
#[test]
fn a_map_from_before_is_not_enough() {
    let place = with_scripts();
    let map = place.run(&["perl"]).out;
    let [track, bits, join] = runs();
    place.act(&track).good();
    place.write("/w/map", &map);
    place.act(&bits).good();
    place.act(&join).good();
    assert!(!lost(&place).is_empty(), "what was written in between has no bit");
}

/// Nor is one asked for: bits are set only where the array lies beneath the volume, without a leg on new.
#[test]
fn bits_are_not_set_too_early_or_too_late() {
    let place = with_scripts();
    let [track, bits, join] = runs();
    place.act(&bits).fails(1, "does not lie beneath", &["perl", "tee"]);
    place.act(&track).good();
    place.write(&format!("{SYS}/degraded"), "0\n");
    place.act(&bits).fails(1, "has a leg on new", &["perl", "tee"]);
    place.write(&format!("{SYS}/degraded"), "1\n");
    place.write("/w/lies", "own\n");
    place.act(&bits).fails(1, "does not lie beneath", &["perl", "tee"]);
    place.write("/w/lies", "md\n");
    place.write(&format!("{SYS}/bitmap/chunksize"), "2097152\n");
    place.act(&bits).fails(1, "does not stand for 1024 KiB", &["perl", "tee"]);
    place.write(&format!("{SYS}/bitmap/chunksize"), "1048576\n");
    // the kernel has not taken them all
    place.stub("tee", "cat >/dev/null");
    place.act(&bits).fails(1, "bits of", &[]);
    assert!(!place.there(SINCE), "the copy has not begun");
    assert_eq!(place.read(&format!("{SYS}/sync_action")).as_deref(), Some("idle\n"), "nothing stays frozen");
    // without its beginning the leg gets everything
    place.act(&join).good();
    assert_eq!((lost(&place), sent(&place)), (Vec::new(), CHUNKS));
}

/// Whatever is wrong with the map: everything has a bit.
#[test]
fn without_a_map_everything_is_copied() {
    let mut whole: Vec<(&str, String)> = vec![
        ("/w/mapless", String::new()),
        ("/w/map", "at /srv\nused 0 1048576\nfree 1048576 124780544\n".into()),
        ("/w/map", "at /srv\nused 0 1048576\nfree 50000000 30000000\nused 20000000 4096\nend\n".into()),
    ];
    whole.push(("/w/map", String::new()));
    for (path, text) in whole {
        let place = server();
        place.write(path, &text);
        let ran = place.apply(&copy());
        assert_eq!((lost(&place), sent(&place)), (Vec::new(), CHUNKS), "{path}: {text}{}", ran.good().err);
        assert!(ran.err.contains("all of vg0-root is copied"), "it is said: {}", ran.err);
    }
    // what is free is not free for good
    let place = server();
    place.stub("sync", "exit 1");
    place.apply(&copy()).good();
    assert_eq!((lost(&place), sent(&place)), (Vec::new(), CHUNKS));
}

/// The chunks that get a bit, by a map.
fn bits(map: &str) -> String {
    let place = with_scripts();
    let [track, bits, _] = runs();
    place.act(&track).good();
    place.write("/w/map", &format!("at /srv\n{map}end\n"));
    place.stub("tee", "cat >>/told");
    place.stub("mdadm", "echo 'Bitmap : 120 bits (chunks), 120 dirty (1.0%)'");
    place.act(&bits).good();
    place.read("/told").unwrap().trim().replace('\n', " ")
}

#[test]
fn a_chunk_is_skipped_only_if_all_of_it_is_free() {
    const MIB: u64 = 1 << 20;
    let free = |from: u64, to: u64| format!("free {from} {}\n", to - from);
    let all = CHUNKS as u64 * MIB;
    // the first and the last chunk are always copied
    assert_eq!(bits(&free(0, all)), "0-0 119-119");
    assert_eq!(bits(&free(0, 2 * all)), "0-0 119-119");
    // what the map does not speak of
    assert_eq!(bits(""), "0-119");
    assert_eq!(bits(&free(10 * MIB, 20 * MIB)), "0-10 19-119", "a block less at both ends");
    assert_eq!(bits(&free(10 * MIB - 65536, 20 * MIB + 65536)), "0-9 20-119");
    assert_eq!(bits(&free(10 * MIB - 65535, 20 * MIB + 65536)), "0-10 20-119");
    assert_eq!(bits(&free(10 * MIB - 65536, 20 * MIB + 65535)), "0-9 19-119");
    assert_eq!(bits(&free(10 * MIB, 11 * MIB)), "0-119", "less than a chunk");
    // one that is said to be used as well
    let twice = format!("{}used {} 4096\n", free(10 * MIB, 30 * MIB), 20 * MIB);
    assert_eq!(bits(&twice), "0-10 19-119");
    let twice = format!("used {} {}\n{}", 10 * MIB, 5 * MIB, free(12 * MIB, 30 * MIB));
    assert_eq!(bits(&twice), "0-15 29-119");
    // many
    let mut many = String::new();
    for at in 0..55 {
        let from = 2 * at * MIB + 4 * MIB;
        write!(many, "{}", free(from - 65536, from + MIB + 65536)).unwrap();
    }
    let told = bits(&many);
    assert_eq!(told.split(' ').count(), 56, "{told}");
    assert!(told.starts_with("0-3 5-5 7-7") && told.ends_with("111-111 113-119"), "{told}");
}

/// md has given up its leg: what is known of it is enough, and nobody asks for the map.
#[test]
fn a_lost_link_costs_what_has_changed() {
    let place = server();
    place.apply(&copy()).good();
    place.write(&format!("{SYS}/dev-replant-300-new/state"), "faulty\n").write(&format!("{SYS}/degraded"), "1\n");
    place.write("/w/sent", "");
    let ran = place.apply(&copy());
    assert!(!ran.good().calls.iter().any(|call| call.starts_with("perl") || call.contains("--create")));
    assert_eq!(lost(&place), [""; 0]);
    assert!(sent(&place) < 40, "{}", sent(&place));
}

/// What was sent before is worth nothing: new was started again, somebody has loaded another table, the kernel has complained.
/// Bits that md has cleared since are set again, by a map of today.
#[test]
fn a_copy_that_starts_over_reads_the_map_again() {
    let worlds: [World; 3] = [
        ("given up for good", |place| {
            std::fs::remove_dir_all(place.at(&format!("{SYS}/dev-replant-300-new"))).unwrap();
            place.write(&format!("{SYS}/degraded"), "1\n");
            for path in [SINCE, "/dev/mapper/replant-300-new", "/w/known"] {
                std::fs::remove_file(place.at(path)).unwrap();
            }
        }),
        ("another table", |place| {
            place.write("/w/lies", "own\n");
        }),
        ("complained", |place| {
            place.write(&format!("{SYS}/dev-replant-300-new/state"), "in_sync\n");
            place.write("/w/dmesg", "replant: copy of vg0-root begins\nmd/raid1:md300: redirecting sector 8\n");
        }),
    ];
    for (what, happens) in worlds {
        let place = server();
        place.apply(&copy()).good();
        for at in 0..CHUNKS {
            place.write(&format!("/w/new/{at}"), "torn");
        }
        happens(&place);
        place.write("/w/sent", "");
        let ran = place.apply(&copy());
        assert!(ran.good().calls.iter().any(|call| call.starts_with("perl")), "{what}: {:?}", ran.calls);
        assert_eq!(lost(&place), [""; 0], "{what}: {:?}", ran.calls);
        assert!(sent(&place) < CHUNKS * 3 / 4, "{what}: {}", sent(&place));
    }
}

/// Bits would be cleared as if their chunks had been sent.
#[test]
fn a_volume_does_not_come_to_lie_on_an_array_that_keeps_its_leg() {
    let place = with_scripts();
    place.write("/w/clings", "");
    place.act(&runs()[0]).fails(1, "has not given up replant-300-new", &["dmsetup load", "dmsetup resume"]);
    assert_eq!(place.read("/w/lies").as_deref(), Some("own\n"));
}
