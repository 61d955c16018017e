//! Recorded command output → parsed facts.
//!
//! `tests/facts/<query>/<situation>.out` is what a command printed on the lab's machines and `.json` what we make of it;
//! `composed-*` is written by hand after the manual, where the lab had no such case. `tests/facts/lab/{old,new}` answers
//! all queries of one server as it was before anything: of our own scripts (`texts`, `parts`, `arrays`, `links`) the
//! answers are put together from recorded pieces. `SNAPSHOTS=overwrite` writes the `.json` anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use replant::facts::{self, Facts, FactsError, ParseError, ServerFacts};
use replant::facts::{
    activity, apt, dm, filesystems, health, lsblk, lvm, md, mounts, net, os, parts, queries, texts, writers,
};
use replant::host::{HostError, Look, Output, Query, Side};
use serde_json::Value;
use snapbox::Data;

fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/facts")
}

fn json<T: serde::Serialize>(of: &T) -> Value {
    serde_json::to_value(of).unwrap()
}

type Parse = fn(&str) -> Result<Value, ParseError>;

/// Every parser of a recorded answer, by the name of its query.
const PARSERS: &[(&str, Parse)] = &[
    ("lsblk", |text| lsblk::parse(text).map(|it| json(&it))),
    ("links", |text| os::parse_links(text).map(|it| json(&it))),
    ("arrays", |text| md::parse_exports(text).map(|it| json(&it))),
    ("pvs", |text| lvm::parse_pvs(text).map(|it| json(&it))),
    ("vgs", |text| lvm::parse_vgs(text).map(|it| json(&it))),
    ("lvs", |text| lvm::parse_lvs(text).map(|it| json(&it))),
    ("lvm-config", |text| Ok(json(&lvm::parse_config(text)))),
    ("lvm-version", |text| lvm::parse_version(text).map(|it| json(&it))),
    ("mounts", |text| mounts::parse(text).map(|it| json(&it))),
    ("interfaces", |text| net::parse(text).map(|it| json(&it))),
    ("texts", |text| texts::parse(text).map(|it| json(&it))),
    ("parts", |text| parts::parse(text).map(|it| json(&it))),
    ("services", |text| Ok(json(&os::parse_services(text)))),
    ("writers", |text| writers::parse(text).map(|it| json(&it))),
    ("unit-files", |text| Ok(json(&os::parse_unit_files(text)))),
    ("file-systems", |text| filesystems::parse(text).map(|it| json(&it))),
    ("health", |text| Ok(json(&health::parse(text)))),
    ("iscsi-packages", |text| apt::parse(text).map(|it| json(&it))),
    ("mdstat", |text| md::parse_mdstat(text).map(|it| json(&it))),
    ("dm-status", |text| dm::parse_status(text).map(|it| json(&it))),
    ("activity", |text| activity::parse(text).map(|it| json(&it))),
];

/// Name and text of every recorded answer in a directory.
fn recorded(directory: &Path) -> Vec<(PathBuf, String)> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "out"))
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect();
    found.sort();
    found
}

fn assert_snapshot(value: &Value, path: &Path) {
    let actual = serde_json::to_string_pretty(value).unwrap() + "\n";
    snapbox::Assert::new()
        .action_env("SNAPSHOTS")
        .normalize_paths(false)
        .eq(Data::text(actual), Data::read_from(path, Some(snapbox::data::DataFormat::Text)));
}

#[test]
fn every_recorded_answer_is_understood() {
    for (name, parse) in PARSERS {
        for (path, text) in recorded(&place().join(name)) {
            let value = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_snapshot(&value, &path.with_extension("json"));
        }
    }
}

/// All answers of a side, with one changed where a test wants that.
struct Recorded {
    changed: Option<(&'static str, Output)>,
}

impl Look for Recorded {
    fn look(&self, on: Side, queries: &[Query]) -> Result<Vec<Output>, HostError> {
        let asked = queries::asked(on);
        assert_eq!(asked.iter().map(|asked| asked.query.clone()).collect::<Vec<_>>(), queries);
        Ok(asked
            .iter()
            .map(|asked| match &self.changed {
                Some((name, output)) if *name == asked.name => output.clone(),
                _ => {
                    let path = place().join(format!("lab/{on}/{}.out", asked.name));
                    Output::ok(std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
                }
            })
            .collect())
    }
}

fn lab() -> Facts {
    facts::both(&Recorded { changed: None }).unwrap()
}

fn with(name: &'static str, output: Output) -> Result<ServerFacts, FactsError> {
    facts::read(&Recorded { changed: Some((name, output)) }, Side::Old)
}

fn failed(code: i32, stdout: &str, stderr: &str) -> Output {
    Output { code, stdout: stdout.into(), stderr: stderr.into() }
}

#[test]
fn two_servers_are_read_whole() {
    let facts = lab();
    assert_snapshot(&json(&facts), &place().join("lab-full.json"));
    let back: Facts = serde_json::from_value(json(&facts)).unwrap();
    assert_eq!(back, facts);
}

#[test]
fn arrays_stand_on_all_their_members() {
    let old = lab().old;
    let block = |path: &str| old.blocks.iter().find(|block| block.path == path).unwrap();
    assert_eq!(block("/dev/md1").ancestors, ["/dev/sda2", "/dev/sdb2", "/dev/sda", "/dev/sdb"]);
    assert_eq!(block("/dev/mapper/vg0-var").ancestors[0], "/dev/md1");
    assert_eq!(block("/dev/sda").drivers, ["sd_mod", "ahci"]);
    for (at, block) in old.blocks.iter().enumerate() {
        let before = |path: &String| old.blocks[..at].iter().any(|earlier| earlier.path == *path);
        assert!(block.ancestors.iter().all(before), "{} before what it stands on", block.path);
    }
}

#[test]
fn files_are_read_to_the_byte() {
    let new = lab().new;
    assert_eq!(new.files["/etc/hostname"], "localhost", "no line end where the file has none");
    assert_eq!(new.files["/etc/machine-id"], "", "an empty file is there");
    assert!(!new.files.contains_key("/etc/crypttab"));
    assert!(!new.files.contains_key("/etc/iscsi/iscsid.conf"), "its text is never read");
    assert!(new.present.contains("/etc/iscsi/iscsid.conf"));
}

#[test]
fn what_is_not_installed_is_an_answer() {
    assert_eq!(with("lvs", failed(127, "", "sh: lvs: not found")).unwrap().lvs, []);
    assert_eq!(with("lvm-version", failed(127, "", "")).unwrap().lvm_version, None);
    assert_eq!(with("iscsi-packages", failed(100, "", "E: Unable to locate package")).unwrap().iscsi_packages, None);
    // without mdadm the kernel still tells of its arrays
    let arrays = with("arrays", failed(127, "== md0\n", "")).unwrap().arrays;
    assert_eq!(arrays.iter().map(|array| array.path.as_str()).collect::<Vec<_>>(), ["/dev/md0", "/dev/md1"]);
    // a rescue system that lives in memory
    assert_eq!(with("mounts", failed(1, "", "")).unwrap().mounts, []);
}

#[test]
fn what_was_printed_before_a_failure_counts_where_its_parts_stand_alone() {
    let whole = lab().old;
    let half = |name, code, out: &str| with(name, failed(code, out, "")).unwrap();
    let links = half("links", 1, "/dev/disk/by-id/ata-X ../../sda\n");
    assert_eq!(links.blocks.iter().find(|block| block.kname == "sda").unwrap().by_id, ["/dev/disk/by-id/ata-X"]);
    let error = with("links", failed(127, "", "find: not found")).unwrap_err();
    assert!(error.to_string().starts_with("on old: `find /dev "), "{error}");
    assert_eq!(half("lvm-config", 5, "monitoring=1\n").lvm_config["activation/monitoring"], "1");
    assert_eq!(half("services", 1, "a.service loaded active running A\n").services, ["a.service"]);
    // without systemd, LVM's settings or smartctl there is less to know, and nothing else changes
    for name in ["services", "unit-files", "lvm-config", "health"] {
        let mut without = half(name, 127, "");
        without.services.clone_from(&whole.services);
        without.disabled.clone_from(&whole.disabled);
        without.mount_units.clone_from(&whole.mount_units);
        without.lvm_config.clone_from(&whole.lvm_config);
        for (block, known) in without.blocks.iter_mut().zip(&whole.blocks) {
            block.health.clone_from(&known.health);
        }
        assert_eq!(without, whole, "{name}");
    }
    // half a list of packages or of processes is none
    assert_eq!(with("iscsi-packages", failed(100, "Inst a (1 b [c])\n", "E: no")).unwrap().iscsi_packages, None);
    assert_eq!(half("writers", 1, "@maps\n").holders, []);
}

#[test]
fn every_question_has_a_name_of_its_own() {
    for side in [Side::Old, Side::New] {
        let names: Vec<&str> = queries::asked(side).iter().map(|asked| asked.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    }
}

#[test]
fn rates_are_averages_since_the_boot() {
    let written = os::parse_written(
        " 253       0 dm-0 5417 0 253018 4012 88117 0 1843200 90112 0 30012 94124 0 0 0 0 0 0\n   8       0 sda 1 2\n",
    );
    assert_eq!(written.into_iter().collect::<Vec<_>>(), [("dm-0".to_string(), 1_843_200 * 512)]);
    assert_eq!(os::parse_uptime("350735.47 234388.90\n"), Some(350_735));
    assert_eq!(os::parse_uptime(""), None);
}

#[test]
fn half_an_answer_is_an_error() {
    let message = |name, output| with(name, output).unwrap_err().to_string();
    let said = message("lvs", failed(5, "  {\n \"report\": [ ]\n }\n", "  Volume group \"vg0\" is not there\n"));
    assert!(said.starts_with("on old: `lvs -a --reportformat json"), "{said}");
    assert!(said.ends_with("exited with 5\n      Volume group \"vg0\" is not there"), "{said}");
    assert!(message("lsblk", failed(127, "", "")).starts_with("on old: `lsblk` exited with 127"));
    assert!(message("interfaces", failed(127, "", "")).contains("`ip -j -d addr` exited with 127"));
    assert!(message("mounts", failed(1, "", "findmnt: no")).contains("exited with 1"));
    let said = message("lvs", Output::ok("  {\n      \"report\": [\n      ]\n  }\n"));
    assert!(said.contains("could not understand what `lvs "), "{said}");
    assert!(said.contains("there is no `lv` table in the report"), "{said}");
}

#[test]
fn odd_output_never_panics() {
    for (name, parse) in PARSERS {
        let recordings: Vec<_> = recorded(&place().join(name))
            .into_iter()
            .chain(["old", "new"].iter().flat_map(|side| {
                recorded(&place().join("lab").join(side))
                    .into_iter()
                    .filter(|(path, _)| path.file_stem().unwrap() == *name)
            }))
            .collect();
        assert!(!recordings.is_empty(), "no recording of {name}");
        for (_, text) in &recordings {
            let step = (text.len() / 150).max(1);
            for end in (0..text.len()).step_by(step).filter(|end| text.is_char_boundary(*end)) {
                let _ = parse(&text[..end]);
                let _ = parse(&text[end..]);
            }
        }
        for odd in
            ["\0", "[", "[]", "{}", "null", "= = =", "== ", "0 1 mirror", "0 1 raid x", "Inst ", ": : :", "é ="]
        {
            let _ = parse(odd);
        }
    }
    // where there must be something, nothing is an error
    for name in ["lsblk", "pvs", "vgs", "lvs", "lvm-version", "mounts", "interfaces", "texts", "parts", "activity"] {
        let (_, parse) = PARSERS.iter().find(|(known, _)| *known == name).unwrap();
        for odd in ["", "command not found\n", "{\"other\": []}"] {
            assert!(parse(odd).is_err(), "{name} takes {odd:?}");
        }
    }
}

/// Our own scripts, run here: they only read. The shell is the strictest there is.
fn run(query: Query) -> (i32, String, String) {
    let Query::Run(argv) = query else { panic!("not a command") };
    let output = Command::new(&argv[0]).args(&argv[1..]).env("LC_ALL", "C").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn our_scripts_run() {
    let (code, out, err) = run(parts::query());
    assert_eq!((code, err.as_str()), (0, ""));
    let parts = parts::parse(&out).unwrap();
    assert!(parts.tools.contains("dd") && parts.clock > 1_700_000_000, "{parts:?}");

    let (code, out, _) = run(texts::query());
    assert_eq!(code, 0);
    let texts = texts::parse(&out).unwrap();
    for path in ["/etc/hostname", "/etc/hosts", "/etc/fstab", "/proc/cmdline", "/etc/machine-id"] {
        assert_eq!(texts.get(path).cloned(), std::fs::read_to_string(path).ok(), "{path}");
    }
    assert!(os::parse_memory(&texts["/proc/meminfo"]).unwrap() > 1 << 20);

    let (code, out, _) = run(md::exports_query());
    assert!(code == 0 || code == 127);
    md::parse_exports(&out).unwrap_or_else(|error| panic!("{error}: {out}"));

    let (code, out, err) = run(health::query());
    assert_eq!((code, err.as_str()), (0, ""));
    health::parse(&out);

    // this test listens
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, out, err) = run(activity::query());
    assert_eq!((code, err.as_str()), (0, ""));
    let activity = activity::parse(&out).unwrap();
    let place = format!("tcp {}", listener.local_addr().unwrap());
    let seen = activity.units.iter().any(|unit| unit.listens.contains(&place));
    assert!(seen || activity.unknown.iter().any(|what| what.contains("ss(8)")), "{activity:?}");

    let (code, out, _) = run(lsblk::query());
    if code == 0 {
        assert!(lsblk::parse(&out).is_ok(), "{out}");
    }
}

#[test]
fn digest_names_what_matters() {
    let facts = lab();
    let name = facts::digest(&facts);
    assert_eq!(name.len(), 64);

    let mut later = facts.clone();
    later.old.clock += 100;
    later.old.boot_id = "another".into();
    later.old.mounts[0].used += 1;
    later.old.services.clear();
    later.old.lvs[0].write_rate += 1;
    later.old.interfaces[1].speed = Some(10_000);
    later.old.memory_available -= 1;
    later.old.swaps[0].used += 4096;
    later.old.blocks[0].health = Some(facts::Health { passed: false, unreadable: 1 });
    later.old.lvs.reverse();
    assert_eq!(facts::digest(&later), name);

    let mut other = facts.clone();
    other.old.files.insert("/etc/fstab".into(), "".into());
    assert_ne!(facts::digest(&other), name);
}

/// Every place in a JSON value, and what else could stand there.
fn others(value: &Value, at: &str, all: &mut Vec<(String, Value)>) {
    let mut other = |value: Value| all.push((at.to_string(), value));
    match value {
        Value::Null => ["x".into(), 7.into(), serde_json::json!([])].into_iter().for_each(other),
        Value::Bool(is) => other((!is).into()),
        Value::Number(number) => other((number.as_i64().unwrap() + 1).into()),
        Value::String(text) => other(format!("{text}x").into()),
        Value::Array(items) => {
            let more = items.iter().cloned().chain([items.first().cloned().unwrap_or("x".into())]);
            other(more.collect::<Vec<_>>().into());
            if !items.is_empty() {
                other(items[1..].to_vec().into());
            }
            for (index, item) in items.iter().enumerate() {
                others(item, &format!("{at}/{index}"), all);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                others(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), all);
            }
        }
    }
}

#[test]
fn whatever_changes_the_digest_is_told() {
    let mut facts = lab();
    let old = &mut facts.old;
    let mac = facts::MacLine {
        path: "/etc/netplan/a.yaml".into(),
        line: 3,
        key: "macaddress".into(),
        mac: "x".into(),
        section: String::new(),
    };
    old.macs.push(mac);
    old.link_files.push("/etc/systemd/network/a.link".into());
    old.iscsi_sessions.push("iqn.2000-01.example:a".into());
    old.lvm_config.insert("devices/filter".into(), "[]".into());
    old.interfaces[1].master = Some("br0".into());
    // one of each is enough
    old.modules = old.modules.iter().take(2).cloned().collect();
    old.tools = old.tools.iter().take(2).cloned().collect();
    old.files.retain(|path, _| path.starts_with("/etc/f"));
    old.services.truncate(2);
    let mut all = Vec::new();
    others(&json(old), "", &mut all);
    let name = facts::digest(&facts);
    let (mut told, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for (at, other) in all {
        let mut value = json(&facts.old);
        *value.pointer_mut(&at).unwrap() = other;
        let Ok(now) = serde_json::from_value::<ServerFacts>(value) else { continue };
        let changes = facts::drift(&facts.old, &now);
        let differs = facts::digest(&Facts { old: now, ..facts.clone() }) != name;
        assert_eq!(differs, !changes.is_empty(), "{at}: {changes:?}");
        assert!(changes.iter().all(|change| change.kind != "the server"), "{at} has no word: {changes:?}");
        let field = at.split('/').nth(1).unwrap().to_string();
        if differs {
            told.insert(field)
        } else {
            silent.insert(field)
        };
    }
    let never: Vec<_> = silent.difference(&told).collect();
    let by_itself = [
        "boot_id",
        "clock",
        "disabled",
        "fs_features",
        "holders",
        "initiator",
        "initrd_sizes",
        "memory",
        "memory_available",
        "mount_units",
        "services",
    ];
    assert_eq!(never, by_itself);
}

/// As an operator would meet it: each is one line.
#[test]
fn what_was_added_after_the_plan_is_told() {
    type Change = fn(&mut ServerFacts);
    let cases: &[(Change, &str)] = &[
        (
            |now| {
                let swap = facts::Swap { path: "/var/swap".into(), kind: "file".into(), size: 4096, used: 0 };
                now.swaps.push(swap);
            },
            "swap `/var/swap` is new",
        ),
        (|now| now.swaps.clear(), "swap `/dev/mapper/vg0-swap_1` is gone"),
        (|now| now.lvs[0].active = false, ", inactive ("),
        (|now| now.blocks[1].drivers = vec!["x".into()], "`drivers` of disk `OLD1` is x, was sd_mod, ahci"),
        (|now| now.uefi = true, "UEFI is `yes`, was `no`"),
        (|now| now.modules.clear(), "kernel module `raid1` is gone"),
    ];
    let before = lab().old;
    for (change, line) in cases {
        let mut now = before.clone();
        change(&mut now);
        let lines: Vec<_> = facts::drift(&before, &now).iter().map(facts::Change::to_string).collect();
        assert!(lines.iter().any(|said| said.contains(line)), "{line}: {lines:?}");
    }
    // what comes and goes by itself
    let mut now = before.clone();
    let mount = |source: &str, target: &str, fstype: &str| facts::Mount {
        source: source.into(),
        target: target.into(),
        fstype: fstype.into(),
        ..facts::Mount::default()
    };
    now.mounts.push(mount("/dev/loop4", "/snap/core/1", "squashfs"));
    now.mounts.push(mount("overlay", "/var/lib/docker/overlay2/1/merged", "overlay"));
    now.mounts.push(mount("/dev/mapper/vg0-var[/lib/x]", "/run/x", "xfs"));
    let loop4 = facts::Block { path: "/dev/loop4".into(), kind: "loop".into(), ..facts::Block::default() };
    now.blocks.push(facts::Block { fstype: Some("squashfs".into()), ..loop4 });
    let veth =
        facts::Interface { name: "veth1".into(), addresses: vec!["172.17.0.1/16".into()], ..Default::default() };
    now.interfaces.push(veth);
    now.interfaces[1].up = false;
    assert_eq!(facts::drift(&before, &now), []);
}

#[test]
fn drift_is_told_in_words() {
    let before = lab().old;
    assert_eq!(facts::drift(&before, &before), []);

    // another boot: the kernel may count disks the other way round
    let text = json(&before).to_string();
    let text = text.replace("sda", "sdx").replace("sdb", "sda").replace("sdx", "sdb").replace("dm-1", "dm-7");
    let mut now: ServerFacts = serde_json::from_str(&text).unwrap();
    now.boot_id = "another".into();
    let digest = |old: &ServerFacts| facts::digest(&Facts { old: old.clone(), ..lab() });
    assert_eq!(digest(&before), digest(&now));
    assert_eq!(facts::drift(&before, &now), []);

    now.hostname = "srv2".into();
    now.blocks.retain(|block| block.serial.as_deref() != Some("OLD0"));
    now.lvs[0].size = 4096;
    now.lvs[1].name = "swap_2".into();
    now.arrays[0].degraded = true;
    let fstab = before.files["/etc/fstab"].replace("/var", "/srv");
    now.files.insert("/etc/fstab".into(), fstab);
    now.files.insert("/etc/crypttab".into(), "".into());
    now.mounts[1].options = vec!["ro".into()];
    now.interfaces[1].addresses.clear();
    let lines: String = facts::drift(&before, &now).iter().map(|change| format!("{change}\n")).collect();
    snapbox::Assert::new()
        .action_env("SNAPSHOTS")
        .eq(Data::text(lines), Data::read_from(&place().join("drift.txt"), Some(snapbox::data::DataFormat::Text)));

    now.machine = None;
    assert_eq!(facts::drift(&before, &now).len(), 1);
}
