//! The rules over plan and facts: each fires where it should, and is silent on the lab's pair. `docs/findings.md` is
//! made of them; `SNAPSHOTS=overwrite` writes it anew.

use std::collections::BTreeSet;
use std::path::Path;

use replant::facts::{Array, Block, Facts, Health, Interface, Link, Lv, MacLine, Mount, ServerFacts, Swap};
use replant::findings::{self, Finding};
use replant::forecast::Outlook;
use replant::plan::{self, Loaded};
use replant::{course, report};
use snapbox::Data;

mod made;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn lab_facts() -> Facts {
    let text = std::fs::read_to_string(Path::new(ROOT).join("tests/facts/lab-full.json")).unwrap();
    let mut facts: Facts = serde_json::from_str(&text).unwrap();
    // it was not asked for yet when they were recorded
    facts.old.modules.extend(["target_core_mod", "target_core_iblock", "iscsi_target_mod"].map(String::from));
    facts
}

/// The lab's plan, with one text in it changed.
fn lab_plan(change: Option<(&str, &str)>) -> Loaded {
    let path = Path::new(ROOT).join("tests/runbooks/lab.yaml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    if let Some((from, to)) = change {
        // it says the way of the article, and has it said once
        for (line, said) in [("copy: { method: mirror }\n", "method: "), ("  boot: rescue\n", "boot: ")] {
            if to.contains(said) || to.contains(LEFT_OPEN) {
                text = text.replacen(line, "", 1);
            }
        }
        assert!(text.contains(from), "the plan has no {from:?}");
        text = text.replacen(from, to, 1);
    }
    plan::parse("lab.yaml", &text).unwrap_or_else(|bad| panic!("{}", bad.render(false)))
}

#[test]
fn the_reference_is_current() {
    snapbox::Assert::new().action_env("SNAPSHOTS").normalize_paths(false).eq(
        Data::text(findings::reference()),
        Data::read_from(&Path::new(ROOT).join("docs/findings.md"), Some(snapbox::data::DataFormat::Text)),
    );
}

#[test]
fn every_code_is_one_rule_with_something_to_say() {
    let rules = findings::rules();
    let reference = findings::reference();
    for pair in rules.windows(2) {
        assert!(pair[0].code < pair[1].code, "{} is used twice", pair[0].code);
    }
    for rule in rules {
        let digits = rule.code.strip_prefix('R').unwrap_or_default();
        assert!(digits.len() == 4 && digits.starts_with('1'), "{}", rule.code);
        assert!(reference.contains(&format!("### {}: ", rule.code)), "{} belongs to no group", rule.code);
        for text in [rule.why(), rule.remedy()] {
            assert!(text.len() > 15 && text.ends_with(['.', '?']), "{}: {text}", rule.code);
        }
        let title = rule.title();
        assert!(!title.ends_with('.') && !title.is_empty(), "{}", rule.code);
    }
}

#[test]
fn every_diagnostic_of_a_plan_is_listed() {
    let codes = std::fs::read_to_string(Path::new(ROOT).join("src/plan/codes.rs")).unwrap();
    let declared = codes.matches(": &str = \"R0").count();
    let listed: BTreeSet<&str> = plan::DIAGNOSTICS.iter().map(|(code, _)| *code).collect();
    assert_eq!((listed.len(), plan::DIAGNOSTICS.len()), (declared, declared));
}

#[test]
fn the_lab_pair_has_no_findings() {
    let found = findings::find(&lab_plan(None).plan, &lab_facts());
    assert!(found.is_empty(), "{found:#?}");
}

// ---- each rule ----------------------------------------------------------------------------------------------------

type Change = fn(&mut Facts);

/// Code, what is different from the lab's plan and pair, and a part of what is said then.
struct Case(&'static str, Option<(&'static str, &'static str)>, Change, &'static str);

/// No difference.
fn hold(facts: &mut Facts, unit: &str, target: &str, deleted: &str) {
    let [unit, target, deleted] = [unit, target, deleted].map(str::to_string);
    facts.old.holders.push(replant::facts::writers::Holder { unit, process: "x".into(), target, deleted });
}

const SAME: Change = |_| {};

fn block<'a>(blocks: &'a mut [Block], path: &str) -> &'a mut Block {
    blocks.iter_mut().find(|block| block.path == path).unwrap_or_else(|| panic!("no {path}"))
}

fn lv<'a>(facts: &'a mut Facts, name: &str) -> &'a mut Lv {
    facts.old.lvs.iter_mut().find(|lv| lv.name == name).unwrap()
}

fn mount<'a>(facts: &'a mut Facts, target: &str) -> &'a mut Mount {
    facts.old.mounts.iter_mut().find(|mount| mount.target == target).unwrap()
}

fn card<'a>(cards: &'a mut [Interface], name: &str) -> &'a mut Interface {
    cards.iter_mut().find(|card| card.name == name).unwrap()
}

fn lack(tools: &mut BTreeSet<String>, name: &str) {
    assert!(tools.remove(name), "{name} is not there");
}

/// A line more in a file of old.
fn add(facts: &mut Facts, path: &str, line: &str) {
    let text = facts.old.files.entry(path.into()).or_default();
    *text += line;
    text.push('\n');
}

/// A line in /etc/fstab of old, whose array of /boot and volume of /var have labels, and one partition a name.
fn labelled(facts: &mut Facts, line: &str) {
    block(&mut facts.old.blocks, "/dev/md0").label = Some("boot".into());
    block(&mut facts.old.blocks, "/dev/mapper/vg0-var").label = Some("srv data".into());
    block(&mut facts.old.blocks, "/dev/sda2").partlabel = Some("ESP".into());
    add(facts, "/etc/fstab", line);
}

/// A file system of old that is on no volume: /dev/sdc1 on /data.
fn data_disk(facts: &mut Facts) {
    let uuid = Some("dddddddd-0000-4000-8000-000000000009".to_string());
    facts.old.blocks.push(Block {
        path: "/dev/sdc1".into(),
        kname: "sdc1".into(),
        kind: "part".into(),
        fstype: Some("ext4".into()),
        uuid: uuid.clone(),
        partuuid: Some("0badcafe-01".into()),
        by_id: vec!["/dev/disk/by-id/ata-DATA-part1".into()],
        log_sec: 512,
        ..Block::default()
    });
    facts.old.mounts.push(Mount {
        target: "/data".into(),
        source: "/dev/sdc1".into(),
        fstype: "ext4".into(),
        avail: 1 << 40,
        uuid,
        ..Mount::default()
    });
}

const ESP: &str = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";

/// A mirrored EFI system partition on the first two disks; `kind`: the type of its partitions.
fn esp_array(server: &mut ServerFacts, metadata: &str, kind: &str) {
    let members = ["/dev/sda15", "/dev/sdb15"].map(str::to_string);
    for path in &members {
        server.blocks.push(Block {
            path: path.clone(),
            kind: "part".into(),
            fstype: Some("linux_raid_member".into()),
            parttype: Some(kind.into()),
            ..Block::default()
        });
    }
    server.blocks.push(Block {
        path: "/dev/md127".into(),
        kind: "raid1".into(),
        fstype: Some("vfat".into()),
        ancestors: members.to_vec(),
        log_sec: 512,
        ..Block::default()
    });
    server.arrays.push(Array {
        path: "/dev/md127".into(),
        level: "raid1".into(),
        devices: 2,
        metadata: metadata.into(),
        members: members.to_vec(),
        ..Array::default()
    });
}

fn volume(name: &str, segtype: &str, role: &str) -> Lv {
    Lv {
        name: name.into(),
        vg: "vg0".into(),
        uuid: name.into(),
        size: 4 << 20,
        attr: "-wi-a-----".into(),
        segtype: segtype.into(),
        role: role.split(',').map(str::to_string).collect(),
        active: true,
        ..Lv::default()
    }
}

/// A group of old that the plan does not name, with so many volumes.
fn guests(facts: &mut Facts, volumes: usize) {
    let vg = facts.old.vgs[0].clone();
    facts.old.vgs.push(replant::facts::Vg { name: "guests".into(), ..vg });
    for number in 0..volumes {
        facts.old.lvs.push(Lv { vg: "guests".into(), ..volume(&format!("disk{number}"), "linear", "public") });
    }
}

/// A second card on either server.
fn spare_card(name: &str, mac: &str) -> Interface {
    Interface { name: name.into(), mac: mac.into(), physical: true, ..Interface::default() }
}

fn bridge(facts: &mut Facts, cards: &[&str]) {
    let card = card(&mut facts.old.interfaces, "ens3");
    let addresses = std::mem::take(&mut card.addresses);
    card.master = Some("br0".into());
    for name in cards {
        let more = Interface { master: Some("br0".into()), ..spare_card(name, "52:54:00:77:00:31") };
        facts.old.interfaces.push(more);
    }
    facts.old.interfaces.push(Interface { name: "br0".into(), addresses, ..Interface::default() });
}

fn mac_line(path: &str, key: &str, mac: &str) -> MacLine {
    MacLine { path: path.into(), line: 9, key: key.into(), mac: mac.into(), section: String::new() }
}

const OLD_MAC: &str = "52:54:00:77:00:21";
const NEW_MAC: &str = "52:54:00:77:00:22";
/// As every Debian has it; the facts are older than the question.
fn perl(facts: &mut Facts) {
    facts.old.tools.insert("perl".into());
}

/// Instead of saying how the groups are copied, and when new boots first.
const LEFT_OPEN: &str = "# left open";
const OPEN: Option<(&str, &str)> = Some(("transfer:", "# left open\ntransfer:"));
/// The groups are copied from below.
const BELOW: Option<(&str, &str)> = Some(("transfer:", "copy: { method: below }\n\ntransfer:"));
/// Of each volume only what is in use.
const USED: Option<(&str, &str)> = Some(("transfer:", "copy: { method: below, only: used }\n\ntransfer:"));
/// And new waits in its own initramfs.
const HELD: Option<(&str, &str)> = Some((
    HELD_HEAD,
    "  hostname: srv1\n  boot: held\n  power: { command: { status: [power, new, status], on: [power, new, on], off: [power, new, off], boot_disk: [power, new, boot-disk] } }\ncopy: { method: below }\n",
));
const HELD_HEAD: &str = "  hostname: srv1\n  power: { command: { status: [power, new, status], on: [power, new, on], off: [power, new, off], boot_disk: [power, new, boot-disk] } }\n";
const ALL: Option<(&str, &str)> = Some((
    "    volumes:\n      - { name: root }\n      - { name: swap_1, copy: recreate }\n      - { name: var, grow: rest }\n",
    "",
));

#[rustfmt::skip]
const FIRES: &[Case] = &[
    Case("R1001", None, |facts| facts.new.uid = 1000, "on new run as uid 1000"),
    Case("R1002", None, |facts| facts.new.boot_id = facts.old.boot_id.clone(), "the same machine"),
    Case("R1003", None, |facts| std::mem::swap(&mut facts.old, &mut facts.new), "look swapped"),
    Case("R1005", None, |facts| lack(&mut facts.old.tools, "vgsplit"), "old lacks vgsplit"),
    Case("R1005", None, |facts| lack(&mut facts.new.tools, "xfs_repair"), "new lacks xfs_repair"),
    Case("R1005", None, |facts| lack(&mut facts.old.tools, "xfs_growfs"), "old lacks xfs_growfs"),
    Case("R1005", None, |facts| lack(&mut facts.new.tools, "mdadm"), "new lacks mdadm"),
    Case("R1006", None, |facts| lack(&mut facts.old.modules, "raid10"), "no module `raid10`, for array md1"),
    Case("R1007", None, |facts| { facts.old.tools.remove("iscsiadm"); facts.old.iscsi_packages = None; }, "cannot install it"),
    Case("R1008", None, |facts| lack(&mut facts.old.modules, "iscsi_tcp"), "`iscsi_tcp`"),
    Case("R1009", None, |facts| facts.old.iscsi_sessions.push("iqn.x".into()), "iqn.x"),
    Case("R1010", None, |facts| lack(&mut facts.new.tools, "tgtadm"), "new has no tgt"),
    Case("R1011", None, |facts| facts.new.clock += 3600, "new's clock is 3599 s ahead of old's"),
    Case("R1012", None, |facts| facts.new.arch = "aarch64".into(), "old is x86_64, new is aarch64"),
    Case("R1013", None, |facts| facts.old.services.push("multipathd.service".into()), "multipathd"),
    Case("R1014", None, |facts| facts.old.services.push("unattended-upgrades.service".into()), "unattended-upgrades.service installs packages"),
    Case("R1014", None, |facts| facts.old.services.push("puppet.service".into()), "puppet.service"),
    Case("R1015", None, |facts| lack(&mut facts.old.modules, "virtio_scsi"), "no `virtio_scsi`, the driver of new's disk `a`"),
    Case("R1015", None, |facts| lack(&mut facts.old.modules, "virtio_net"), "no `virtio_net`, the driver of new's network card eth0"),
    Case("R1016", None, |facts| card(&mut facts.new.interfaces, "eth0").drivers = vec!["newcard".into()], "needs `newcard`"),
    Case("R1017", None, |facts| facts.old.kernel = "6.1.0-49-amd64".into(), "old runs kernel 6.1.0-49-amd64"),
    Case("R1017", None, |facts| { facts.old.kernel = "6.1.0-49-amd64".into(); facts.old.initrds.push(facts.old.kernel.clone()); }, "old runs kernel 6.1.0-49-amd64, and would boot 6.1.0-50-amd64"),
    Case("R1018", Some(("stop: [rec.service]", "stop: [rce]")), SAME, "`rce.service` is to be stopped, and does not run on old"),
    Case("R1018", Some(("stop: [rec.service]", "stop: [backup.timer]")), SAME, "`backup.timer`"),
    Case("R1019", Some(("stop: [rec.service]", "stop: [rec, ssh]")), SAME, "`ssh.service` is to be stopped, and must not be"),
    Case("R1019", Some(("stop: [rec.service]", "stop: [rec, systemd-journald.socket]")), SAME, "systemd-journald.socket"),
    Case("R1025", None, |facts| hold(facts, "nginx.service", "/var", "/usr/sbin/nginx"), "`x` of nginx.service uses /usr/sbin/nginx on /var, which has been deleted or replaced"),
    Case("R1025", None, |facts| hold(facts, "init.scope", "/", "/usr/lib/libc.so.6"), "of init.scope"),
    Case("R1025", None, |facts| hold(facts, "", "/var", "/var/tmp/gone"), "`x` uses /var/tmp/gone"),
    Case("R1026", None, |facts| hold(facts, "postgresql.service", "/var", ""), "`x` of postgresql.service has files open for writing on /var"),
    Case("R1026", None, |facts| hold(facts, "networking.service", "/var", ""), "`x` of networking.service"),
    Case("R1026", None, |facts| hold(facts, "docker-f00.scope", "/var", ""), "`x` of docker-f00.scope"),

    // more of these is in tests/field/network.rs
    Case("R1030", None, |facts| facts.old.hostname = "by-hand".into(), "old is called `by-hand` now"),
    Case("R1031", None, |facts| drop(facts.old.files.insert("/etc/fstab".into(), String::new())), "/var (/dev/mapper/vg0-var) is mounted"),
    Case("R1032", None, |facts| { facts.old.disabled.insert("rec.service".into()); }, "`rec.service` runs on old, and is disabled"),
    Case("R1033", None, |facts| { facts.old.fs_features.insert("/dev/mapper/vg0-root".into(), BTreeSet::from(["orphan_file".into()])); facts.new.fs_tools.insert("e2fsck".into(), "1.46.2".into()); }, "`orphan_file` (e2fsck 1.46.2)"),
    Case("R1034", None, |facts| lack(&mut facts.new.modules, "xfs"), "no module `xfs`, to mount vg0/var"),

    Case("R1101", Some(("NEW3", "NEW9")), SAME, "disk `d` is not on new"),
    Case("R1101", None, |facts| { let disk = block(&mut facts.new.blocks, "/dev/sda").clone(); facts.new.blocks.push(Block { path: "/dev/sdz".into(), ..disk }); }, "disk `a` may be any of /dev/sda, /dev/sdz on new"),
    Case("R1101", None, |facts| facts.new.blocks.iter_mut().for_each(|block| (block.serial, block.wwn) = (None, None)), "disk `a` is not on new"),
    Case("R1102", None, |facts| { let disk = block(&mut facts.new.blocks, "/dev/sda"); disk.by_id.clear(); disk.by_path.clear(); }, "no link"),
    Case("R1103", None, |facts| block(&mut facts.new.blocks, "/dev/sda").read_only = true, "read-only"),
    Case("R1104", None, |facts| block(&mut facts.new.blocks, "/dev/sda").mountpoints.push("/mnt".into()), "mounted on /mnt"),
    Case("R1105", None, |facts| facts.new.blocks.push(Block { path: "/dev/mapper/x".into(), kind: "lvm".into(), ancestors: vec!["/dev/sda".into()], ..Block::default() }), "/dev/mapper/x is active"),
    Case("R1106", None, |facts| facts.new.arrays.push(Array { path: "/dev/md9".into(), members: vec!["/dev/sda".into(), "/dev/vda".into()], ..Default::default() }), "belongs to /dev/md9"),
    Case("R1107", None, |facts| block(&mut facts.new.blocks, "/dev/sda").pttype = Some("dos".into()), "holds data: dos table"),
    Case("R1108", None, |facts| facts.old.arrays[0].degraded = true, "/dev/md0 on old is degraded"),
    Case("R1109", None, |facts| facts.old.arrays[1].action = Some("resync".into()), "/dev/md1 on old is busy: resync"),
    Case("R1110", Some(("partitions:", "table: dos\npartitions:")), |facts| block(&mut facts.new.blocks, "/dev/sda").size = 4 << 40, "4096 GiB"),
    Case("R1115", None, |facts| block(&mut facts.new.blocks, "/dev/sda").drivers = vec!["sd_mod".into(), "ahci".into()], "is not known: `a` (/dev/sda)"),
    Case("R1111", None, |facts| block(&mut facts.new.blocks, "/dev/sda").health = Some(Health { passed: false, unreadable: 0 }), "is about to fail"),
    Case("R1112", None, |facts| block(&mut facts.old.blocks, "/dev/sdb").health = Some(Health { passed: false, unreadable: 0 }), "of old is about to fail"),
    Case("R1113", None, |facts| block(&mut facts.old.blocks, "/dev/sdb").health = Some(Health { passed: true, unreadable: 16 }), "of old could not read 16"),
    Case("R1114", None, |facts| block(&mut facts.new.blocks, "/dev/sda").tran = Some("usb".into()), "disk `a` (/dev/sda) is attached by usb"),
    Case("R1114", None, |facts| block(&mut facts.new.blocks, "/dev/sda").removable = true, "disk `a` (/dev/sda) is removable"),

    Case("R1116", None, |facts| facts.new.blocks.push(Block { path: "/dev/mapper/mpatha".into(), kind: "mpath".into(), ancestors: vec!["/dev/sda".into()], ..Block::default() }), "disk `a` (/dev/sda) is held on new: /dev/mapper/mpatha (mpath)"),
    Case("R1117", None, |facts| { let wwn = block(&mut facts.new.blocks, "/dev/sdb").wwn.clone(); block(&mut facts.new.blocks, "/dev/sda").wwn = wwn; }, "tells the same WWN of itself as another"),
    Case("R1118", None, |facts| { block(&mut facts.old.blocks, "/dev/sda").wwn = Some("0x5".into()); block(&mut facts.old.blocks, "/dev/sdb").wwn = Some("0x5".into()); }, "disks of old tell the same WWN: /dev/sda, /dev/sdb are 0x5"),

    Case("R1119", None, |facts| { facts.new.unable.insert("sfdisk --json".into()); }, "new cannot `sfdisk --json`"),

    Case("R1201", None, |facts| facts.old.vgs[0].name = "vg1".into(), "no volume group `vg0`"),
    Case("R1202", None, |facts| { let mut vg = facts.old.vgs[0].clone(); vg.name = "vg0_new".into(); facts.old.vgs.push(vg); }, "`vg0_new` exists"),
    Case("R1203", None, |facts| lv(facts, "var").segtype = "thin".into(), "vg0/var belongs to a thin pool"),
    Case("R1203", None, |facts| lv(facts, "var").segtype = "cache".into(), "vg0/var is cached"),
    Case("R1203", None, |facts| lv(facts, "var").segtype = "vdo".into(), "vg0/var is a VDO volume"),
    Case("R1203", None, |facts| lv(facts, "var").segtype = "raid1".into(), "vg0/var is mirrored already"),
    Case("R1203", None, |facts| lv(facts, "var").segtype = "raid5".into(), "vg0/var is a RAID volume"),
    Case("R1203", None, |facts| lv(facts, "var").segtype = "striped".into(), "vg0/var is striped"),
    Case("R1203", None, |facts| lv(facts, "var").segtype = "linear,striped".into(), "vg0/var is not linear"),
    // LVM calls what it keeps the changes of a snapshot in linear
    Case("R1203", ALL, |facts| facts.old.lvs.push(volume("snap", "linear", "public,snapshot,thicksnapshot")), "vg0/snap is a snapshot"),
    Case("R1204", None, |facts| facts.old.vgs[0].missing_pv_count = 1, "are missing"),
    Case("R1205", None, |facts| facts.old.vgs[0].system_id = "other".into(), "system id `other`"),
    Case("R1206", Some(("name: var,", "name: vra,")), SAME, "no volume `vg0/vra`"),
    Case("R1207", Some(("      - { name: root }\n", "")), SAME, "`vg0/root`"),
    Case("R1208", Some(("name: root }", "name: root, copy: recreate }")), SAME, "vg0/root is to be recreated"),
    Case("R1209", Some(("name: var, grow: rest }", "name: var, copy: skip }")), SAME, "stays behind, but is mounted on /var"),
    Case("R1210", Some(("name: root }", "name: root, copy: raid1 }")), SAME, "where vg0/root is (/dev/md1), and there is none"),
    Case("R1211", None, |facts| block(&mut facts.old.blocks, "/dev/md1").tran = Some("iscsi".into()), "already has an iSCSI disk"),
    Case("R1212", None, |facts| block(&mut facts.new.blocks, "/dev/sda").log_sec = 4096, "blocks of 4096 bytes, /dev/md1 of old has 512"),
    Case("R1212", None, |facts| block(&mut facts.old.blocks, "/dev/md0").log_sec = 4096, "/dev/md0 of old has 4096"),
    Case("R1213", None, |facts| drop(facts.old.lvm_config.insert("activation/monitoring".into(), "0".into())), "does not monitor"),
    Case("R1214", None, |facts| { facts.old.lvm_config.insert("devices/use_devicesfile".into(), "1".into()); facts.old.present.insert("/etc/lvm/devices/system.devices".into()); }, "LVM on old uses a devices file"),
    Case("R1215", None, |facts| { (facts.old.vgs[0].free_count, facts.old.pvs[0].pe_alloc_count) = (2, 700); facts.old.kernel = "6.8.0-31-generic".into(); facts.old.initrds = vec![facts.old.kernel.clone()]; }, "6.8.0-31-generic"),
    // four times 3.7 GiB as raid10 hold 1916 extents of 4 MiB: one more does not fit
    Case("R1216", None, |facts| lv(facts, "var").size = (1916 - 410 - 32 + 1) * (4 << 20), "`vg0` needs 1917 extents (7668 MiB), array md1 has room for 1916 (7664 MiB)"),
    Case("R1217", None, |facts| block(&mut facts.old.blocks, "/dev/md0").size = 300 << 20, "/boot of old has 300 MiB"),
    Case("R1218", Some(("grow: rest", "grow: 8GiB")), SAME, "are to grow to"),
    Case("R1219", None, |facts| lv(facts, "root").role = vec!["public".into(), "origin".into(), "thickorigin".into()], "vg0/root has snapshots"),
    Case("R1220", ALL, |facts| facts.old.lvs.push(volume("root_new", "linear", "public")), "`vg0/root_new` exists"),
    Case("R1221", None, |facts| lv(facts, "var").active = false, "vg0/var is not active"),
    Case("R1222", ALL, |facts| { let mut guest = volume("guest", "linear", "public"); guest.attr = "-wi-ao----".into(); facts.old.lvs.push(guest); }, "vg0/guest is in use"),
    Case("R1223", None, |facts| lv(facts, "var").fstype = Some("btrfs".into()), "holds btrfs"),
    Case("R1224", None, |facts| { facts.old.swaps[0].used = 2 << 30; facts.old.memory_available = 1 << 30; }, "2048 MiB are in old's swap"),
    Case("R1225", None, |facts| { data_disk(facts); facts.old.swaps.push(Swap { path: "/dev/sdc1".into(), kind: "partition".into(), size: 1 << 30, used: 0 }); }, "the swap /dev/sdc1 (1024 MiB)"),
    Case("R1225", None, |facts| { data_disk(facts); facts.old.swaps.push(Swap { path: "/data/swap.img".into(), kind: "file".into(), size: 1 << 30, used: 0 }); }, "the swap /data/swap.img (1024 MiB)"),
    Case("R1226", Some(("grow: rest", "grow: 1GiB")), SAME, "is to grow to 1024 MiB, and has 1040 MiB"),
    Case("R1226", None, |facts| lv(facts, "var").fstype = Some("btrfs".into()), "(btrfs) cannot be grown"),
    Case("R1227", None, |facts| facts.old.vgs[0].attr = "w---n-".into(), "not resizable"),
    Case("R1203", BELOW, |facts| lv(facts, "var").segtype = "thin".into(), "vg0/var belongs to a thin pool (thin): it cannot be copied"),
    Case("R1005", BELOW, |facts| { facts.old.tools.remove("mdadm"); }, "old lacks mdadm"),
    Case("R1005", Some(("transfer:", "copy: { method: below, verify: sampled }\n\ntransfer:")), |facts| lack(&mut facts.new.tools, "dd"), "new lacks dd"),
    Case("R1228", BELOW, |facts| drop(facts.old.lvm_config.insert("devices/filter".into(), r#"["r|^/dev/md.*|", "r|/dev/disk/.*|"]"#.into())), "what new has `vg0` on"),
    Case("R1232", BELOW, |facts| { facts.old.modules.remove("brd"); }, "no module `brd`"),
    Case("R1232", BELOW, |facts| { facts.old.modules.remove("raid1"); }, "no module `raid1`"),
    Case("R1233", BELOW, |facts| facts.old.kernel = "5.4.0-150-generic".into(), "kernel 5.4.0-150-generic of old"),
    Case("R1233", BELOW, |facts| facts.old.kernel = "5.10.36-generic".into(), "kernel 5.10.36"),
    Case("R1233", BELOW, |facts| facts.old.kernel = "5.12.9-generic".into(), "kernel 5.12.9"),
    Case("R1234", BELOW, |facts| lv(facts, "var").fstype = Some("LVM2_member".into()), "vg0/var holds LVM2_member"),
    Case("R1234", BELOW, |facts| lv(facts, "var").fstype = Some("linux_raid_member".into()), "vg0/var holds linux_raid_member"),
    Case("R1246", OPEN, |facts| { facts.old.modules.remove("brd"); }, "LVM mirrors the volumes: the kernel of old has no module `brd`"),
    Case("R1246", OPEN, |facts| facts.old.kernel = "5.4.0-150-generic".into(), "LVM mirrors the volumes: kernel 5.4.0-150-generic"),
    Case("R1346", OPEN, |facts| { facts.old.tools.remove("sshd"); }, "new boots after the cutover: old has no sshd"),
    Case("R1346", OPEN, |facts| { for mount in facts.old.mounts.iter_mut().filter(|mount| mount.target == "/boot") { mount.avail = 30 << 20; } }, "new boots after the cutover: /boot has 30 MiB free"),
    Case("R1332", Some(("  hostname: srv1\n", "  hostname: srv1\n  boot: held\n")), SAME, "LVM on old to mirror"),
    Case("R1241", Some(("transfer:", "# left open\ncopy: { only: used }\n\ntransfer:")), |facts| { perl(facts); facts.old.modules.remove("brd"); }, "all of each volume is copied: LVM mirrors whole volumes"),
    Case("R1242", Some(("transfer:", "# left open\ncopy: { rate: 40MiB }\n\ntransfer:")), |facts| { facts.old.modules.remove("brd"); }, "LVM mirrors the volumes, and more than 40MiB a second may be copied"),
    Case("R1241", USED, |facts| { facts.old.tools.remove("perl"); }, "all of vg0/root is copied: old has no perl to ask"),
    Case("R1241", USED, |facts| { perl(facts); mount(facts, "/var").fstype = "ext3".into(); }, "all of vg0/var is copied: ext3 has no map"),
    Case("R1241", USED, |facts| { perl(facts); mount(facts, "/var").fstype = "btrfs".into(); }, "all of vg0/var is copied: btrfs has no map"),
    Case("R1241", USED, |facts| { perl(facts); facts.old.mounts.retain(|mount| mount.target != "/var"); }, "all of vg0/var is copied: no file system is mounted"),
    Case("R1241", USED, |facts| { perl(facts); mount(facts, "/var").source = "/dev/mapper/vg0-root".into(); mount(facts, "/var").uuid = None; }, "all of vg0/var is copied: no file system is mounted"),
    Case("R1241", USED, |facts| { perl(facts); facts.old.fs_features.entry("/dev/mapper/vg0-root".into()).or_default().insert("bigalloc".into()); }, "all of vg0/root is copied: it gives out room in clusters"),
    Case("R1332", Some((HELD_HEAD, "  hostname: srv1\n  boot: held\n  power: { command: { status: [a], on: [b], off: [c] } }\ncopy: { method: below }\n")), SAME, "no power control is given"),
    Case("R1332", Some((HELD_HEAD, "  hostname: srv1\n  boot: held\n  ssh: { user: admin, sudo: true }\ncopy: { method: below }\n")), SAME, "logged in to as `admin`"),
    Case("R1332", HELD, |facts| facts.new.interfaces.retain(|card| !card.physical), "is not on a card itself"),
    Case("R1332", HELD, |facts| { facts.old.services.push("cloud-init.service".into()); facts.old.services.push("cloud-init-local.service".into()); }, "cloud-init runs on old"),
    Case("R1332", HELD, |facts| { facts.old.modules.remove("iscsi_target_mod"); }, "no module iscsi_target_mod"),
    Case("R1332", HELD, |facts| { facts.old.tools.remove("sshd"); }, "old has no sshd"),
    Case("R1332", HELD, |facts| add(facts, "/proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/mapper/vg0-root ip=dhcp ro"), "is told `ip=`"),
    Case("R1332", HELD, |facts| add(facts, "/etc/default/grub", "GRUB_CMDLINE_LINUX=\"quiet ip=10.0.0.1::10.0.0.2\""), "is told `ip=`"),
    Case("R1332", HELD, |facts| { facts.old.present.insert("/etc/dropbear/initramfs".into()); }, "dropbear-initramfs"),
    Case("R1333", HELD, |facts| { for mount in facts.old.mounts.iter_mut().filter(|mount| mount.target == "/boot") { mount.avail = 30 << 20; } }, "/boot has 30 MiB free"),
    Case("R1351", Some(("boot: { from: /boot, to: md0 }\n", "hold: { to: md0 }\n")), SAME, "of no use with `boot: rescue`"),
    Case("R1235", Some(("name: root }\n      - { name: swap_1, copy: recreate }\n      - { name: var, grow: rest }\n", "name: root, copy: raid1 }\n      - { name: swap_1, copy: recreate }\n      - { name: var, grow: rest }\ncopy: { method: below }\n")), SAME, "vg0/root is to be mirrored by LVM"),
    Case("R1235", Some(("name: root }\n      - { name: swap_1, copy: recreate }\n      - { name: var, grow: rest }\n", "name: root, copy: mirror }\n      - { name: swap_1, copy: recreate }\n      - { name: var, grow: rest }\ncopy: { method: below }\n")), SAME, "vg0/root is to be mirrored by LVM"),
    Case("R1227", None, |facts| facts.old.vgs[0].attr = "wz--ns".into(), "shared"),
    Case("R1228", None, |facts| drop(facts.old.lvm_config.insert("devices/global_filter".into(), r#"["a|^/dev/md.*|", "r|.*|"]"#.into())), "new's disk for `vg0`, like /dev/sdc"),
    Case("R1228", None, |facts| drop(facts.old.lvm_config.insert("devices/filter".into(), r#"["a|/dev/sda2|", "r/.*/"]"#.into())), "what new has `vg0` on, like /dev/md1"),
    Case("R1228", None, |facts| drop(facts.new.lvm_config.insert("devices/filter".into(), r#"["r|.*|"]"#.into())), "LVM on new"),
    Case("R1227", None, |facts| facts.old.vgs[0].attr = "rz--n-".into(), "read-only"),
    Case("R1229", None, |facts| { let mut moved = volume("pvmove0", "mirror", "private,pvmove"); moved.hidden = true; facts.old.lvs.push(moved); }, "pvmove"),
    Case("R1231", None, |facts| { facts.old.memory = 9 << 30; facts.old.memory_available = 1 << 30; facts.new.memory = 4 << 30; }, "8192 MiB of memory and swap are in use on old; new will have 4096 MiB of memory and 127 MiB of swap"),
    Case("R1230", None, |facts| guests(facts, 3), "volume group `guests` does not move, with volume `disk0` and 2 more"),
    Case("R1240", None, |facts| mount(facts, "/var").source = "/dev/mapper/vg0-var[/@var]".into(), "vg0/var moves and is mounted on /var in a way"),

    Case("R1301", None, |facts| facts.new.uefi = true, "new boots with UEFI"),
    Case("R1301", None, |facts| facts.old.uefi = true, "old boots with UEFI"),
    Case("R1302", None, |facts| mount(facts, "/").source = "/dev/sda2".into(), "on /dev/sda2"),
    Case("R1303", Some(("boot: { from: /boot, to: md0 }\n", "")), SAME, "/boot of old is on /dev/md0"),
    Case("R1304", None, |facts| facts.old.mounts.retain(|mount| mount.target != "/boot"), "not a file system of its own"),
    Case("R1305", None, |facts| mount(facts, "/boot").avail = 12 << 20, "/boot of old has 12 MiB free; a new initramfs needs about 15 MiB"),
    Case("R1306", None, |facts| { facts.old.tools.insert("dracut".into()); facts.old.tools.remove("mkinitramfs"); }, "dracut"),
    Case("R1307", None, |facts| facts.old.initrds.clear(), "no /boot/initrd.img"),
    Case("R1308", None, |facts| add(facts, "/etc/fstab", "/dev/sdq1 /backup ext4 nofail 0 2"), "mounts /dev/sdq1 on /backup"),
    Case("R1308", None, |facts| { data_disk(facts); add(facts, "/etc/initramfs-tools/conf.d/resume", "RESUME=UUID=dddddddd-0000-4000-8000-000000000009"); }, "which is /dev/sdc1 and does not move"),
    Case("R1308", None, |facts| { data_disk(facts); add(facts, "/etc/initramfs-tools/initramfs.conf", "RESUME=/dev/sdc1"); }, "initramfs.conf of old names /dev/sdc1"),
    Case("R1309", None, |facts| add(facts, "/etc/crypttab", "data UUID=x none luks"), "encrypted"),
    Case("R1310", None, data_disk, "/data is mounted from /dev/sdc1"),
    Case("R1310", None, |facts| facts.old.mounts.push(Mount { target: "/tank".into(), source: "tank/data".into(), fstype: "zfs".into(), avail: 1 << 40, ..Mount::default() }), "/tank is mounted from tank/data"),
    Case("R1311", None, |facts| { data_disk(facts); add(facts, "/etc/fstab", "UUID=dddddddd-0000-4000-8000-000000000009 /data ext4 defaults 0 2"); }, "/dev/sdc1 and does not move"),
    Case("R1311", None, |facts| add(facts, "/etc/fstab", "/dev/sdb3 /data ext4 defaults 0 2"), "a name that means nothing on new"),
    Case("R1311", Some(("name: var, grow: rest }", "name: var, copy: skip }")), SAME, "mounts /dev/mapper/vg0-var on /var, which does not move"),
    Case("R1311", None, |facts| add(facts, "/boot/grub/grub.cfg", "  linux /vmlinuz root=/dev/sda2 ro"), "names /dev/sda2"),
    Case("R1311", None, |facts| labelled(facts, "PARTLABEL=ESP /efi vfat defaults 0 2"), "which is /dev/sda2 and does not move"),
    Case("R1311", None, |facts| { data_disk(facts); block(&mut facts.old.blocks, "/dev/sdc1").label = Some("backup".into()); add(facts, "/etc/fstab", "LABEL=backup /data ext4 defaults 0 2"); }, "LABEL=backup on /data, which is /dev/sdc1"),
    Case("R1311", None, |facts| add(facts, "/etc/fstab", "/dev/dm-2 /srv xfs defaults 0 2"), "a name that means nothing on new"),
    Case("R1312", None, |facts| lack(&mut facts.old.tools, "mdadm"), "old has no mdadm"),
    Case("R1312", None, |facts| drop(facts.old.files.remove("/etc/mdadm/mdadm.conf")), "no /etc/mdadm/mdadm.conf"),
    Case("R1313", None, |facts| mount(facts, "/var").avail = 50 << 20, "/var of old has 50 MiB free"),
    Case("R1314", None, |facts| { let menu = facts.old.files.get_mut("/boot/grub/grub.cfg").unwrap(); *menu = menu.replace("\tsearch ", "\t#search "); }, "by its array only"),
    Case("R1315", None, |facts| facts.old.blocks.push(Block { path: "/dev/loop3".into(), kind: "loop".into(), size: 1 << 30, ..Block::default() }), "/dev/loop3"),
    // more of these is in tests/field/firstboot.rs
    Case("R1325", None, |facts| card(&mut facts.new.interfaces, "eth0").drivers.push("bnx2x".into()), "`bnx2x`, the driver of new's network card eth0"),
    Case("R1326", None, |facts| drop(facts.old.firmware.insert("virtio_net".into(), replant::facts::Firmware { there: vec![], lacks: vec!["x.bin".into()] })), "old has none: x.bin"),
    Case("R1327", None, |facts| add(facts, "/boot/grub/grub.cfg", "recordfail"), "GRUB pauses for 10 s"),
    Case("R1328", None, |facts| facts.old.services.push("cloud-init.service".into()), "cloud-init runs on old at each boot"),
    Case("R1330", None, |facts| facts.old.services.push("walinuxagent.service".into()), "walinuxagent.service runs on old"),
    Case("R1331", None, |facts| add(facts, "/etc/modprobe.d/local.conf", "blacklist virtio-net"), "keeps `virtio_net` from loading"),
    Case("R1329", None, |facts| add(facts, "/etc/initramfs-tools/update-initramfs.conf", "update_initramfs=no"), "update_initramfs=no"),
    Case("R1316", None, |facts| esp_array(&mut facts.old, "1.0", ESP), "of old is on the array /dev/md127 (metadata 1.0): the firmware may write to one"),
    Case("R1316", None, |facts| { facts.old.uefi = true; esp_array(&mut facts.old, "1.2", "0xef"); }, "(metadata 1.2): the firmware finds no file system"),
    Case("R1316", None, |facts| { esp_array(&mut facts.old, "1.0", "0xfd"); block(&mut facts.old.blocks, "/dev/md127").mountpoints.push("/boot/efi".into()); }, "of old is on the array /dev/md127"),
    Case("R1316", None, |facts| esp_array(&mut facts.new, "0.90", ESP), "of new is on the array /dev/md127"),
    // the whole disks are in the array, and it is partitioned
    Case("R1316", None, |facts| facts.old.blocks.push(Block { path: "/dev/md0p1".into(), kind: "part".into(), parttype: Some(ESP.into()), ancestors: vec!["/dev/md0".into()], ..Block::default() }), "of old is on the array /dev/md0"),    Case("R1317", None, |facts| labelled(facts, "LABEL=backup /data ext4 defaults 0 2"), "LABEL=backup on /data, and there is no such device on old"),
    Case("R1317", None, |facts| labelled(facts, "PARTLABEL=backup /data ext4 defaults 0 2"), "PARTLABEL=backup on /data"),
    Case("R1317", None, |facts| labelled(facts, "/dev/disk/by-label/backup /data ext4 defaults 0 2"), "by-label/backup on /data"),
    Case("R1317", None, |facts| labelled(facts, "/dev/disk/by-partlabel/backup /data ext4 defaults 0 2"), "by-partlabel/backup on /data"),
    Case("R1317", None, |facts| add(facts, "/etc/fstab", "UUID=dddddddd-0000-4000-8000-000000000009 /data ext4 defaults 0 2"), "UUID=dddddddd"),
    Case("R1317", None, |facts| add(facts, "/etc/fstab", "/dev/vg9/data /data ext4 defaults 0 2"), "/dev/vg9/data"),
    Case("R1317", None, |facts| add(facts, "/etc/fstab", "/dev/mapper/mpatha /data ext4 defaults 0 2"), "/dev/mapper/mpatha"),
    Case("R1317", None, |facts| add(facts, "/etc/fstab", "/dev/nbd0 /data ext4 defaults 0 2"), "/dev/nbd0"),
    Case("R1317", None, |facts| add(facts, "/etc/fstab", "/dev/drbd0 /data ext4 defaults 0 2"), "/dev/drbd0"),
    Case("R1317", None, |facts| add(facts, "/etc/fstab", "/dev/bcache0 /data ext4 defaults 0 2"), "/dev/bcache0"),
    Case("R1318", None, |facts| { data_disk(facts); add(facts, "/etc/fstab", "/data/www /var/www none bind 0 0"); }, "mounts /data/www on /var/www, and /data/www is below /data, which does not move"),
    Case("R1319", None, |facts| { data_disk(facts); add(facts, "/etc/fstab", "/data/www /var/www none bind,nofail 0 0"); }, "mounts /data/www on /var/www"),

    Case("R1320", None, |facts| add(facts, "/etc/mdadm/mdadm.conf.d/a.conf", "DEV /dev/sda*"), "a DEVICE line without"),

    Case("R1401", None, |facts| bridge(facts, &["ens4"]), "10.77.0.21 of old is not on one network card"),
    Case("R1402", None, |facts| { let mut card = spare_card("ens4", "52:54:00:77:00:31"); card.addresses = vec!["192.0.2.1/24".into()]; facts.old.interfaces.push(card); }, "network cards ens4;"),
    Case("R1403", None, |facts| facts.old.macs.push(mac_line("/etc/netplan/50-cloud-init.yaml", "macaddress", OLD_MAC)), "50-cloud-init.yaml binds the network"),
    Case("R1404", None, |facts| facts.old.link_files.push("/etc/systemd/network/00-all.link".into()), "00-all.link"),
    Case("R1409", None, |facts| add(facts, "/etc/udev/rules.d/60-net.rules", "SUBSYSTEM==\"net\", KERNELS==\"0000:03:00.0\", NAME=\"lan0\""), "60-net.rules names a card by something else"),
    Case("R1410", None, |facts| card(&mut facts.old.interfaces, "ens3").dynamic.push("10.77.0.21/24".into()), "10.77.0.21 by DHCP"),
    Case("R1411", None, |facts| { let card = card(&mut facts.old.interfaces, "ens3"); card.addresses.push("2001:db8::1/64".into()); card.dynamic.push("2001:db8::1/64".into()); }, "made by old of what a router announces"),
    Case("R1412", None, |facts| card(&mut facts.old.interfaces, "ens3").addresses.push("10.77.0.99/32".into()), "10.77.0.99/32 on ens3 stands in no configuration"),
    Case("R1413", None, |facts| drop(facts.old.files.insert("/etc/udev/rules.d/80-net-setup-link.rules".into(), String::new())), "keeps udev on old from reading"),
    Case("R1414", None, |facts| card(&mut facts.new.interfaces, "eth0").random_mac = true, "made up by the kernel"),
    Case("R1415", None, |facts| facts.old.macs.push(mac_line("/etc/NetworkManager/system-connections/a.nmconnection", "cloned-mac-address", OLD_MAC)), "sets the MAC address"),
    Case("R1405", None, |facts| facts.new.interfaces.push(spare_card("ens3", "52:54:00:77:00:32")), "may hold the name ens3"),
    Case("R1407", Some(("address: 10.77.0.22", "address: 2001:db8::22")), SAME, "2001:db8::22: IPv6 has not"),
    Case("R1408", Some(("address: 10.77.0.22", "address: 10.77.9.22")), SAME, "new does not have the address 10.77.9.22"),
    Case("R1405", None, |facts| { card(&mut facts.old.interfaces, "ens3").name = "eth0".into(); facts.new.interfaces.push(spare_card("eth1", "52:54:00:77:00:32")); }, "may hold the name eth0"),


    Case("R1901", Some(("cutover:", "waive: [{ code: R1999, reason: why not }]\ncutover:")), SAME, "no such finding"),
    Case("R1902", Some(("cutover:", "waive: [{ code: R1107, reason: why not }]\ncutover:")), SAME, "was not found"),
    Case("R1903", Some(("cutover:", "waive: [{ code: R1301, reason: why not }]\ncutover:")), SAME, "cannot be waived"),
    // tests/under_way.rs has the rest of it
    Case(
        "R1904",
        None,
        |facts| {
            let seen = "run\n{\"migration\":\"m\",\"id\":\"a\",\"made\":\"2026-11-22T11:00:00Z\",\"line\":0,\"sum\":\"\",\
                        \"by\":\"anna@desk\",\"dir\":\"/srv/m\",\"at\":\"2026-11-22T11:00:00Z\"}\n";
            facts.old.under_way = replant::facts::under_way::of([seen]);
        },
        "migration `m` is under way on old",
    ),
];

/// What looks like one of them and is none.
#[rustfmt::skip]
const SILENT: &[Case] = &[
    // nobody reads new's disks there
    Case("R1005", BELOW, |facts| lack(&mut facts.new.tools, "dd"), ""),
    Case("R1005", Some(("transfer:", "copy: { method: mirror, verify: whole }\n\ntransfer:")), |facts| lack(&mut facts.new.tools, "dd"), ""),
    Case("R1011", None, |facts| facts.new.clock += 60, ""),
    Case("R1012", None, |facts| facts.old.arch = "i686".into(), ""),
    // held by replant itself
    Case("R1014", None, |facts| facts.old.services.extend(["unattended-upgrades.service", "apt-daily-upgrade.timer"].map(String::from)), ""),
    // an older one is there to fall back on
    Case("R1017", None, |facts| facts.old.initrds.insert(0, "6.1.0-49-amd64".into()), ""),
    Case("R1017", None, |facts| { facts.old.kernel = "6.1.0-49-amd64".into(); facts.old.initrds.push(facts.old.kernel.clone()); add(facts, "/etc/default/grub", "GRUB_DEFAULT=saved"); }, ""),
    Case("R1018", Some(("stop: [rec.service]", "stop: [rec, web.socket]")), SAME, ""),
    Case("R1019", Some(("stop: [rec.service]", "stop: [rec, systemd-nspawn@web]")), SAME, ""),
    // it ends with what is stopped, or holds what stays behind
    Case("R1025", None, |facts| hold(facts, "rec.service", "/var", "/usr/bin/rec"), ""),
    Case("R1025", None, |facts| hold(facts, "nginx.service", "/mnt", "/mnt/gone"), ""),
    Case("R1026", None, |facts| hold(facts, "systemd-journald.service", "/var", ""), ""),
    Case("R1026", Some(("stop: [rec.service]", "stop: [rec, docker.socket, docker]")), |facts| hold(facts, "docker-f00.scope", "/var", ""), ""),
    // a bay
    Case("R1114", None, |facts| { let disk = block(&mut facts.new.blocks, "/dev/sda"); disk.removable = true; disk.tran = Some("sata".into()); }, ""),
    Case("R1112", None, |facts| block(&mut facts.old.blocks, "/dev/sdb").health = Some(Health { passed: true, unreadable: 0 }), ""),
    Case("R1115", None, |facts| { let disk = block(&mut facts.new.blocks, "/dev/sda"); disk.drivers = vec!["ahci".into()]; disk.health = Some(Health { passed: true, unreadable: 0 }); }, ""),
    // a failing disk of new that the plan leaves alone
    Case("R1111", None, |facts| block(&mut facts.new.blocks, "/dev/vda").health = Some(Health { passed: false, unreadable: 9 }), ""),
    Case("R1110", Some(("partitions:", "table: dos\npartitions:")), |facts| block(&mut facts.new.blocks, "/dev/sda").size = 1 << 40, ""),
    Case("R1203", Some(("name: var, grow: rest }", "name: var, copy: mirror }")), |facts| lv(facts, "var").segtype = "striped".into(), ""),
    Case("R1203", Some(("name: var, grow: rest }", "name: var, copy: skip }")), |facts| lv(facts, "var").segtype = "thin".into(), ""),
    Case("R1241", USED, perl, ""),
    Case("R1241", OPEN, SAME, ""),
    Case("R1241", BELOW, |facts| { facts.old.tools.remove("perl"); }, ""),
    // what LVM does on old is of no matter to a copy from below
    Case("R1203", BELOW, |facts| lv(facts, "var").segtype = "striped".into(), ""),
    Case("R1202", BELOW, |facts| { let mut vg = facts.old.vgs[0].clone(); vg.name = "vg0_new".into(); facts.old.vgs.push(vg); }, ""),
    Case("R1205", BELOW, |facts| facts.old.vgs[0].system_id = "other".into(), ""),
    Case("R1213", BELOW, |facts| drop(facts.old.lvm_config.insert("activation/monitoring".into(), "0".into())), ""),
    Case("R1227", BELOW, |facts| facts.old.vgs[0].attr = "w---n-".into(), ""),
    Case("R1232", BELOW, SAME, ""),
    Case("R1332", HELD, SAME, ""),
    Case("R1332", HELD, |facts| add(facts, "/proc/cmdline", "root=/dev/mapper/vg0-root ip=off ro skip=1"), ""),
    Case("R1333", HELD, SAME, ""),
    Case("R1232", None, |facts| { facts.old.modules.remove("brd"); }, ""),
    Case("R1233", BELOW, |facts| facts.old.kernel = "5.10.0-42-amd64".into(), ""),
    Case("R1233", BELOW, |facts| facts.old.kernel = "5.10.37-generic".into(), ""),
    Case("R1233", BELOW, |facts| facts.old.kernel = "5.13.0-19-generic".into(), ""),
    Case("R1234", None, |facts| lv(facts, "var").fstype = Some("LVM2_member".into()), ""),
    Case("R1228", BELOW, |facts| drop(facts.old.lvm_config.insert("devices/filter".into(), r#"["r|^/dev/sd.*|"]"#.into())), ""),
    Case("R1235", Some(("name: root }", "name: root, copy: mirror }")), SAME, ""),
    Case("R1214", None, |facts| drop(facts.old.lvm_config.insert("devices/use_devicesfile".into(), "1".into())), ""),
    // no room for raid1
    Case("R1215", None, |facts| facts.old.kernel = "6.8.0-31-generic".into(), ""),
    // its volumes are mounted: R1310
    Case("R1230", None, |facts| { guests(facts, 1); facts.old.mounts.push(Mount { target: "/srv".into(), source: "/dev/mapper/guests-disk0".into(), avail: 1 << 40, ..Mount::default() }); }, ""),
    Case("R1216", None, |facts| lv(facts, "var").size = (1916 - 410 - 32) * (4 << 20), ""),
    Case("R1218", Some(("grow: rest", "grow: 5GiB")), SAME, ""),
    Case("R1231", None, |facts| { facts.old.memory = 9 << 30; facts.old.memory_available = 1 << 30; facts.new.memory = 8 << 30; }, ""),
    Case("R1225", None, |facts| facts.old.swaps.push(Swap { path: "/var/swap.img".into(), kind: "file".into(), size: 1 << 30, used: 0 }), ""),
    // guests' disks are hidden from LVM on old: no harm
    Case("R1228", None, |facts| drop(facts.old.lvm_config.insert("devices/global_filter".into(), r#"["r|/dev/zd.*|", "r|/dev/rbd.*|"]"#.into())), ""),
    Case("R1228", None, |facts| drop(facts.old.lvm_config.insert("devices/filter".into(), r#"["a|^/dev/(sd|md).*|", "r|.*|"]"#.into())), ""),
    Case("R1228", None, |facts| drop(facts.old.lvm_config.insert("devices/filter".into(), r#"["a|/dev/disk/by-id/.*|", "r|.*|"]"#.into())), ""),
    Case("R1308", None, |facts| add(facts, "/etc/initramfs-tools/conf.d/resume", "RESUME=UUID=aaaaaaaa-0000-4000-8000-000000000004"), ""),
    Case("R1308", None, |facts| add(facts, "/etc/fstab", "# /dev/sda1 /old ext4 nofail 0 0\n/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0"), ""),
    Case("R1311", None, |facts| add(facts, "/etc/fstab", "UUID=AAAAAAAA-0000-4000-8000-000000000003 /srv xfs defaults 0 2\n/dev/vg0/var /mnt xfs defaults 0 2"), ""),
    // the array of new that takes /boot has the same name
    Case("R1311", None, |facts| add(facts, "/etc/fstab", "/dev/md0 /boot2 ext4 defaults 0 2"), ""),
    Case("R1311", None, |facts| { data_disk(facts); add(facts, "/etc/fstab", "/dev/sdc1 /data ext4 noauto 0 2"); }, ""),
    // R1302 and R1303 say it, and what to do
    Case("R1311", Some(("name: root }", "name: root, copy: skip }")), SAME, ""),
    Case("R1311", Some(("boot: { from: /boot, to: md0 }\n", "")), SAME, ""),
    Case("R1311", None, |facts| labelled(facts, "LABEL=boot /boot2 ext4 defaults 0 2\n/dev/disk/by-label/srv\\x20data /srv xfs defaults 0 2"), ""),
    Case("R1317", None, |facts| labelled(facts, "LABEL=boot /boot2 ext4 defaults 0 2\nLABEL=srv\\040data /srv xfs defaults 0 2"), ""),
    Case("R1317", None, |facts| labelled(facts, "PARTLABEL=ESP /efi vfat defaults 0 2\nLABEL=stick /stick vfat noauto 0 0"), ""),
    Case("R1315", None, |facts| facts.old.blocks.push(Block { path: "/dev/loop3".into(), kind: "loop".into(), size: 1 << 30, read_only: true, ..Block::default() }), ""),
    // one on each disk, without md
    Case("R1316", None, |facts| facts.old.blocks.push(Block { path: "/dev/sda15".into(), kind: "part".into(), fstype: Some("vfat".into()), parttype: Some(ESP.into()), mountpoints: vec!["/boot/efi".into()], ancestors: vec!["/dev/sda".into()], ..Block::default() }), ""),
    Case("R1316", None, |facts| esp_array(&mut facts.old, "1.2", "0fc63daf-8483-4772-8e79-3d69d8477de4"), ""),
    // the firmware's own RAID, which it knows
    Case("R1316", None, |facts| esp_array(&mut facts.old, "", ESP), ""),
    // a bridge with one card is followed down to it
    Case("R1401", None, |facts| bridge(facts, &[]), ""),
    Case("R1401", None, |facts| { bridge(facts, &["ens4"]); facts.old.macs.push(mac_line("/etc/systemd/network/10-lan.link", "MACAddress", NEW_MAC)); }, ""),
    Case("R1403", None, |facts| facts.old.macs.push(mac_line("/etc/NetworkManager/system-connections/a.nmconnection", "cloned-mac-address", OLD_MAC)), ""),
    Case("R1403", None, |facts| facts.old.macs.push(mac_line("/etc/systemd/network/10-lan.link", "MACAddress", OLD_MAC)), ""),
    Case("R1404", None, |facts| facts.old.link_files.push("/etc/systemd/network/99-default.link".into()), ""),
    Case("R1405", None, |facts| facts.new.interfaces.push(spare_card("ens8", "52:54:00:77:00:32")), ""),
];

fn found(case: &Case) -> Vec<Finding> {
    let mut facts = lab_facts();
    case.2(&mut facts);
    findings::find(&lab_plan(case.1).plan, &facts)
}

#[test]
fn every_rule_fires_where_it_should() {
    for case in FIRES {
        let all = found(case);
        let hit = all.iter().find(|finding| finding.code == case.0 && finding.message.contains(case.3));
        let hit = hit.unwrap_or_else(|| panic!("{} does not say {:?}: {all:#?}", case.0, case.3));
        assert!(!hit.help.is_empty() && !hit.message.ends_with('.'), "{hit:?}");
        assert!(hit.fact.is_some() != hit.span.is_some(), "one place, in the plan or on a server: {hit:?}");
    }
    let tried: BTreeSet<&str> = FIRES.iter().map(|case| case.0).collect();
    // R1501 is the forecast's: tests/course.rs; the others are below
    // of the link, and of power: tests/findings_power.rs; of the hold's place: tests/placed.rs
    let later = ["R1406", "R1501", "R1502", "R1503", "R1504", "R1505", "R1350"];
    let all = findings::rules().into_iter().map(|rule| rule.code).filter(|code| !later.contains(code));
    let all: BTreeSet<&str> = all.collect();
    assert_eq!(tried, all, "every rule has a case, and every case a rule");
}

/// A name that was probably meant is said, but not just any that is as short.
#[test]
fn a_mistyped_unit_is_named() {
    let help = |unit: &'static str| {
        let mut facts = lab_facts();
        facts.old.services.push("nginx.service".into());
        let plan = lab_plan(Some(("rec.service", unit))).plan;
        let all = findings::find(&plan, &facts);
        all.into_iter().find(|finding| finding.code == "R1018").map(|finding| finding.help).unwrap_or_default()
    };
    assert_eq!(help("ngnix"), "did you mean `nginx.service`?");
    assert!(help("samba").starts_with("`systemctl list-units`"), "{}", help("samba"));
    assert_eq!(help("nginx"), "");
}

/// Each remedy for several cards is a file of its own.
#[test]
fn no_remedy_destroys_another() {
    let mut facts = lab_facts();
    facts.new.interfaces.extend([spare_card("ens3", "52:54:00:77:00:32"), spare_card("eth1", "52:54:00:77:00:33")]);
    facts.new.interfaces.last_mut().unwrap().altnames.push("ens3".into());
    facts.old.link_files.push("/etc/systemd/network/10-lan1.link".into());
    let all = findings::find(&lab_plan(None).plan, &facts);
    let helps: Vec<&str> = all.iter().filter(|it| it.code == "R1405").map(|it| it.help.as_str()).collect();
    assert!(helps.len() == 2 && helps[0].contains("10-lan2.link") && helps[1].contains("10-lan3.link"), "{helps:?}");
}

/// `nofail` is no advice for what the system cannot do without.
#[test]
fn what_the_system_needs_is_to_move() {
    let case = Case("R1311", Some(("name: var, grow: rest }", "name: var, copy: skip }")), SAME, "");
    let all = found(&case);
    let hit = all.iter().find(|finding| finding.code == case.0).unwrap();
    assert!(hit.help.starts_with("let the plan move it"), "{hit:?}");
}

#[test]
fn no_rule_fires_where_nothing_is_wrong() {
    for case in SILENT {
        let all = found(case);
        assert!(all.iter().all(|finding| finding.code != case.0), "{} fires: {all:#?}", case.0);
    }
}

/// What is found of the link, each with a part of what is said then; `writes`: bytes per second to /var.
fn of_link(writes: u64, link: Link) -> Vec<(&'static str, String)> {
    let mut facts = lab_facts();
    lv(&mut facts, "var").write_rate = writes;
    // it is not copied
    lv(&mut facts, "swap_1").write_rate = 1 << 40;
    let found = findings::find_with_link(&lab_plan(None).plan, &facts, &link);
    found.into_iter().map(|finding| (finding.code, finding.message)).collect()
}

#[test]
fn what_old_writes_is_held_against_what_the_link_carries() {
    let says = |writes, link: Link, what: &str| {
        let found = of_link(writes, link.clone());
        let is = matches!(found.as_slice(), [("R1406", message)] if message.ends_with(what));
        assert!(is, "{writes} over {link}: {found:?}");
    };
    let of_var = "old writes 90 MB/s to the volumes that move, on average; the link carries";
    says(90_000_000, Link::measured(113_400_000), &format!("{of_var} 113 MB/s, measured"));
    says(90_000_000, Link::measured(60_000_000), &format!("{of_var} 60 MB/s, measured: the copy would never end"));
    says(90_000_000, Link::of_card(1000), "118 MB/s, assumed from the network card: 1 Gbit/s");
    says(
        900_000,
        Link::measured(1_230_000),
        "old writes 0.9 MB/s to the volumes that move, on average; the link carries 1.2 MB/s, measured",
    );
    // half as fast as what was measured, whatever the card says of itself
    assert_eq!(of_link(50_000_000, Link::measured(113_400_000)), []);
    assert_eq!(of_link(9_000_000, Link::of_card(1000)), []);
    // nothing is known of the link
    assert_eq!(of_link(1 << 40, Link::default()), []);
}

/// Where the way between the servers was not asked for (`init`), the slower of the two cards speaks.
#[test]
fn the_cards_speak_where_nothing_else_does() {
    let (plan, mut facts) = (lab_plan(None).plan, lab_facts());
    assert_eq!(replant::layout::link_of_cards(&plan, &facts), Link::default());
    card(&mut facts.old.interfaces, "ens3").speed = Some(10_000);
    card(&mut facts.new.interfaces, "eth0").speed = Some(1000);
    assert_eq!(replant::layout::link_of_cards(&plan, &facts), Link::of_card(1000));
}

#[test]
fn a_link_that_is_not_open_is_said() {
    let blocked = Link { blocked: Some("Connection timed out".into()), ..Link::default() };
    let found = of_link(0, blocked);
    assert!(matches!(found.as_slice(), [("R1502", message)] if message.contains("port 3260")), "{found:?}");
}

/// Without arrays nothing wants mdadm, unless one that runs must be stopped before its disk is wiped.
#[test]
fn mdadm_is_asked_for_where_there_are_arrays() {
    let loaded = plan::load(&Path::new(ROOT).join("plans/one-disk.yaml")).unwrap_or_else(|bad| panic!("{bad}"));
    let mut facts = made::facts(&loaded.plan);
    lack(&mut facts.old.tools, "mdadm");
    lack(&mut facts.new.tools, "mdadm");
    facts.old.files.remove("/etc/mdadm/mdadm.conf");
    let stops = |facts: &Facts| -> Vec<String> {
        let found = findings::find(&loaded.plan, facts).into_iter().filter(Finding::stops);
        found.map(|finding| finding.message).collect()
    };
    assert_eq!(stops(&facts), [""; 0]);
    let disk = replant::layout::Disks::of(&facts.new).find(&loaded.plan.disks[0]).unwrap().path.clone();
    facts.new.arrays.push(Array { path: "/dev/md127".into(), members: vec![disk], ..Array::default() });
    assert_eq!(stops(&facts), ["new lacks mdadm"]);
}

#[test]
fn a_waiver_is_kept_with_its_reason() {
    let waived = Case(
        "R1107",
        Some(("cutover:", "waive: [{ code: R1107, reason: from the spare shelf }]\ncutover:")),
        |facts| block(&mut facts.new.blocks, "/dev/sda").pttype = Some("dos".into()),
        "",
    );
    let all = found(&waived);
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!(all[0].waived.as_deref(), Some("from the spare shelf"));
    assert!(!all[0].stops());
}

/// The course would destroy something, or fail: no reason is good enough.
#[test]
fn what_is_impossible_cannot_be_waived() {
    let uefi = |facts: &mut Facts| facts.new.uefi = true;
    let waived =
        Case("R1301", Some(("cutover:", "waive: [{ code: R1301, reason: no fear }]\ncutover:")), uefi, "new boots");
    let all = found(&waived);
    assert!(all.iter().any(|finding| finding.code == "R1301" && finding.stops()), "{all:#?}");
    assert!(all.iter().any(|finding| finding.code == "R1903"), "{all:#?}");
    assert!(!all.iter().any(|finding| finding.code == "R1902"), "{all:#?}");
    for rule in findings::rules() {
        assert!(!rule.absolute || rule.severity == findings::Severity::Inhibitor, "{}", rule.code);
    }
}

#[test]
fn what_was_not_found_before_is_told() {
    let (loaded, before) = (lab_plan(None), lab_facts());
    let mut now = before.clone();
    now.old.services.push("multipathd.service".into());
    assert_eq!(findings::find_more(&loaded.plan, &before, &before), []);
    let more = findings::find_more(&loaded.plan, &before, &now);
    assert_eq!(more.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["R1013"]);
}

/// With a runbook only the waivers that were needed are shown.
#[test]
fn a_waiver_of_nothing_is_no_news() {
    let waive = "waive: [{ code: R1107, reason: spare shelf }, { code: R1502, reason: night }]\ncutover:";
    let loaded = lab_plan(Some(("cutover:", waive)));
    let mut facts = lab_facts();
    block(&mut facts.new.blocks, "/dev/sda").pttype = Some("dos".into());
    let runbook = course::make(&loaded.plan, &loaded.digest, &facts).unwrap_or_else(|found| panic!("{found:#?}"));
    let text = report::runbook(&runbook, &Outlook::of(&runbook));
    assert!(text.contains("R1107: spare shelf") && !text.contains("R1502"), "{text}");
}

/// Each command that steps run has its package in the family's table, and a server without the package manager of its family
/// is told whose names these are.
#[test]
fn whatever_is_missing_its_package_is_named() {
    let told = |tools: &[&str]| {
        let mut facts = lab_facts();
        for server in [&mut facts.old, &mut facts.new] {
            server.tools = tools.iter().map(|tool| tool.to_string()).collect();
        }
        let found = findings::find(&lab_plan(None).plan, &facts);
        found.into_iter().filter(|finding| finding.code == "R1005").map(|finding| finding.help).collect::<Vec<_>>()
    };
    let old = "coreutils dmeventd dmsetup grub-pc initramfs-tools lvm2 systemd udev util-linux xfsprogs";
    let new = "coreutils dmsetup e2fsprogs fdisk lvm2 mdadm udev util-linux xfsprogs";
    assert_eq!(
        told(&["apt-get"]),
        [format!("on old: `apt-get install {old}`"), format!("on new: `apt-get install {new}`")]
    );
    let without = told(&[]);
    assert_eq!(without[1], format!("install on new the packages that have them (on Debian and Ubuntu: {new})"));
}
