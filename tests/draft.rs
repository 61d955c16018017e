//! A plan drafted from facts: it is valid, it says what is in its way and nothing else is, and it migrates.
//!
//! `tests/draft/*.yaml` are drafts for the lab's recorded pair and for pairs made of it; `SNAPSHOTS=overwrite` writes them
//! anew. Read the difference as somebody who is to trust a server to it.

use std::path::Path;
use std::sync::atomic::AtomicU8;

use replant::draft::{self, Draft, Ends, NoDraft, TypedServer};
use replant::engine::{self, Options};
use replant::facts::activity::{self, Activity, Unit};
use replant::facts::{self, Block, Facts, Lv};
use replant::host::Side;
use replant::journal::{Header, Journal};
use replant::plan::{self, CopyHow, Ssh};
use replant::sim::{Shape, Sim, System};
use replant::{course, findings};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

fn lab() -> Facts {
    serde_json::from_str(&read("tests/facts/lab-full.json")).unwrap()
}

fn ends(old: &str, new: &str) -> Ends {
    let end = |host: &str| TypedServer { host: host.into(), address: host.parse().unwrap(), ssh: Ssh::default() };
    Ends { name: None, old: end(old), new: end(new) }
}

/// The lab's service: it acknowledges what it has written to /var.
fn recorder() -> Activity {
    let unit = Unit {
        name: "rec.service".into(),
        listens: ["tcp 0.0.0.0:7000".to_string()].into(),
        writes: ["/dev/mapper/vg0-var".to_string()].into(),
        processes: ["rec".to_string()].into(),
    };
    Activity { units: vec![unit], ..Activity::default() }
}

fn drafted(facts: &Facts, activity: &Activity) -> Draft {
    draft::write(&ends("10.77.0.21", "10.77.0.22"), facts, activity).unwrap_or_else(|error| panic!("{error}"))
}

/// The draft is valid, and each thing that stops it is said at its top.
fn holds(draft: &Draft, facts: &Facts) -> Vec<&'static str> {
    let loaded = plan::parse("draft.yaml", &draft.text).unwrap_or_else(|bad| panic!("{bad}\n{}", draft.text));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let found = findings::find(&loaded.plan, facts);
    let stops: Vec<_> = found.iter().filter(|finding| finding.stops()).collect();
    let head = draft.text.split("\nversion: 1").next().unwrap().replace("\n#  ", "");
    for finding in &stops {
        assert!(head.contains(&finding.message), "{} {}\n{}", finding.code, finding.message, draft.text);
    }
    if stops.is_empty() {
        course::make(&loaded.plan, &loaded.digest, facts).unwrap_or_else(|found| panic!("{found:#?}"));
    }
    assert!(draft.text.lines().all(|line| !line.ends_with(' ')), "{}", draft.text);
    stops.iter().map(|finding| finding.code).collect()
}

fn snapshot(name: &str, draft: &Draft) {
    let path = Path::new(ROOT).join("tests/draft").join(format!("{name}.yaml"));
    snapbox::Assert::new()
        .action_env("SNAPSHOTS")
        .normalize_paths(false)
        .eq(snapbox::Data::text(&draft.text), snapbox::Data::read_from(&path, Some(snapbox::data::DataFormat::Text)));
}

fn disk<'a>(facts: &'a mut Facts, serial: &str) -> &'a mut Block {
    facts.new.blocks.iter_mut().find(|block| block.serial.as_deref() == Some(serial)).unwrap()
}

fn without(facts: &mut Facts, serials: &[&str]) {
    facts.new.blocks.retain(|block| !serials.contains(&block.serial.as_deref().unwrap_or_default()));
}

/// A disk has a partition with a file system on it.
fn used(facts: &mut Facts, serial: &str) {
    let disk = disk(facts, serial);
    disk.pttype = Some("gpt".into());
    let part = Block {
        path: format!("{}1", disk.path),
        kname: format!("{}1", disk.kname),
        kind: "part".into(),
        size: 512 << 20,
        fstype: Some("ext4".into()),
        ancestors: vec![disk.path.clone()],
        ..disk.clone()
    };
    facts.new.blocks.push(Block { serial: None, wwn: None, pttype: None, ..part });
}

fn serials(draft: &Draft) -> Vec<&str> {
    draft.loaded.plan.disks.iter().filter_map(|disk| Some(disk.serial.as_ref()?.as_str())).collect()
}

fn levels(draft: &Draft) -> Vec<&str> {
    draft.loaded.plan.arrays.iter().map(|array| array.level.name()).collect()
}

#[test]
fn the_labs_pair() {
    let facts = lab();
    let draft = drafted(&facts, &recorder());
    assert_eq!(holds(&draft, &facts), [""; 0]);
    assert!(draft.decide.is_empty(), "{:?}", draft.decide);
    snapshot("lab", &draft);
    assert_eq!(serials(&draft), ["NEW0", "NEW1", "NEW2", "NEW3"]);
    assert_eq!(levels(&draft), ["raid1", "raid10"]);
    assert_eq!(draft.loaded.plan.cutover.units(), ["rec.service"]);
    let volumes = draft.loaded.plan.volume_groups[0].volumes.as_ref().unwrap();
    let how: Vec<_> = volumes.iter().map(|volume| (volume.name.as_str(), *volume.copy)).collect();
    assert_eq!(how, [("root", CopyHow::Auto), ("swap_1", CopyHow::Recreate), ("var", CopyHow::Auto)]);
}

#[test]
fn fewer_disks() {
    let mut facts = lab();
    without(&mut facts, &["NEW3"]);
    let draft = drafted(&facts, &recorder());
    assert_eq!((levels(&draft), holds(&draft, &facts)), (vec!["raid1", "raid1"], vec![]));
    // where one disk cannot take it, two of three can
    let mut small = facts.clone();
    for serial in ["NEW0", "NEW1", "NEW2"] {
        disk(&mut small, serial).size = 3 << 30;
    }
    let draft = drafted(&small, &recorder());
    assert_eq!((levels(&draft), holds(&draft, &small)), (vec!["raid1", "raid5"], vec![]));
    assert!(draft.text.contains("needs"), "it says why: {}", draft.text);

    without(&mut facts, &["NEW2"]);
    let draft = drafted(&facts, &recorder());
    assert_eq!((levels(&draft), holds(&draft, &facts)), (vec!["raid1", "raid1"], vec![]));
    snapshot("two-disks", &draft);

    // one makes no array
    without(&mut facts, &["NEW1"]);
    let draft = drafted(&facts, &recorder());
    assert_eq!((levels(&draft), holds(&draft, &facts)), (vec![], vec![]));
    assert!(draft.text.contains("NO REDUNDANCY") && draft.text.contains("in use by the rescue system: /dev/vda"));
    snapshot("one-disk", &draft);
    used(&mut facts, "NEW0");
    assert_eq!(holds(&drafted(&facts, &recorder()), &facts), ["R1107"]);

    without(&mut facts, &["NEW0"]);
    let error = draft::write(&ends("10.77.0.21", "10.77.0.22"), &facts, &recorder()).unwrap_err();
    let NoDraft::Servers { message, .. } = &error else { panic!("{error}") };
    assert!(message.contains("no disk that can be used"), "{message}");
    assert!(message.contains("in use by the rescue system: /dev/vda is mounted on /"), "{message}");
}

/// The link is not measured for a draft: the cards are asked.
#[test]
fn a_server_that_writes_much() {
    let mut facts = lab();
    facts.old.lvs.iter_mut().for_each(|lv| lv.write_rate = 50_000_000);
    facts.old.interfaces.iter_mut().for_each(|card| card.speed = Some(1000));
    let draft = drafted(&facts, &recorder());
    assert!(draft.text.contains("- R1406 old writes 100 MB/s to the volumes that move"), "{}", draft.text);
}

#[test]
fn what_a_disk_holds_is_never_given_away() {
    let mut facts = lab();
    used(&mut facts, "NEW1");
    let draft = drafted(&facts, &recorder());
    assert_eq!(holds(&draft, &facts), ["R1107"]);
    assert!(draft.loaded.plan.disks.iter().all(|disk| !*disk.wipe));
    snapshot("used-disk", &draft);
    // the line that it names is the line that it takes
    let decided = draft.text.replace("    # wipe: true", "    wipe: true");
    let loaded = plan::parse("decided", &decided).unwrap();
    assert!(findings::find(&loaded.plan, &facts).iter().all(|finding| !finding.stops()));
}

#[test]
fn disks_that_are_not_alike() {
    let mut facts = lab();
    disk(&mut facts, "NEW3").size = 2 << 30;
    let draft = drafted(&facts, &recorder());
    assert_eq!((serials(&draft), holds(&draft, &facts)), (vec!["NEW0", "NEW1", "NEW2"], vec![]));
    assert!(draft.text.contains("NEW3, 2.0 GiB: of another size"), "{}", draft.text);

    disk(&mut facts, "NEW2").tran = Some("sata".into());
    disk(&mut facts, "NEW2").removable = true;
    disk(&mut facts, "NEW0").tran = Some("usb".into());
    disk(&mut facts, "NEW1").size = 8 << 30;
    let draft = drafted(&facts, &recorder());
    assert_eq!((serials(&draft), holds(&draft, &facts)), (vec!["NEW1", "NEW2"], vec![]));

    // two disks that claim to be one another are told apart by their WWN
    let mut facts = lab();
    disk(&mut facts, "NEW1").serial = Some("NEW0".into());
    let draft = drafted(&facts, &recorder());
    assert_eq!((draft.loaded.plan.disks.len(), holds(&draft, &facts)), (4, vec![]));
    assert!(draft.text.contains("wwn: \"0x5000c50000000001\""), "{}", draft.text);
}

#[test]
fn too_large_and_too_strange() {
    let mut facts = lab();
    for serial in ["NEW0", "NEW1", "NEW2", "NEW3"] {
        disk(&mut facts, serial).size = 1 << 30;
    }
    let draft = drafted(&facts, &recorder());
    assert_eq!(holds(&draft, &facts), ["R1216"]);
    assert_eq!(levels(&draft), ["raid1", "raid10"], "no level has room: the best stays");

    let mut facts = lab();
    facts.old.uefi = true;
    let lv = |name: &str, segtype: &str, hidden| Lv {
        name: name.into(),
        segtype: segtype.into(),
        hidden,
        vg: "vg0".into(),
        uuid: name.into(),
        size: 64 << 20,
        ..Lv::default()
    };
    facts.old.lvs.extend([lv("pool", "thin-pool", false), lv("pool_tdata", "linear", true), lv("vm", "thin", false)]);
    let draft = drafted(&facts, &recorder());
    assert_eq!(holds(&draft, &facts), ["R1203", "R1203", "R1301"]);
    snapshot("thin-pool", &draft);
    // as the comment says
    let skipped = draft.text.replace("        # copy: skip", "        copy: skip");
    let loaded = plan::parse("skipped", &skipped).unwrap();
    assert!(findings::find(&loaded.plan, &facts).iter().all(|finding| finding.code != "R1203"));

    let mut facts = lab();
    facts.new.boot_id = facts.old.boot_id.clone();
    let error = draft::write(&ends("10.77.0.21", "10.77.0.22"), &facts, &recorder()).unwrap_err();
    assert_eq!(error.to_string(), "OLD and NEW are the same machine, srv1");

    let mut facts = lab();
    (facts.old.vgs, facts.old.lvs) = (Vec::new(), Vec::new());
    let error = draft::write(&ends("10.77.0.21", "10.77.0.22"), &facts, &recorder()).unwrap_err();
    assert!(error.to_string().contains("no volume group in use: its `/` is on /dev/mapper/vg0-root"), "{error}");
}

#[test]
fn more_than_one_group_and_no_boot() {
    let mut facts = lab();
    // /boot is a directory of `/`, and /srv is on a group of its own
    facts.old.mounts.retain(|mount| mount.target != "/boot");
    let fstab = "/dev/mapper/vg0-root / ext4 defaults 0 1\n/dev/mapper/vg0-var /var xfs defaults 0 2\n";
    facts.old.mount_units.insert("srv.mount".into());
    facts.old.files.insert("/etc/fstab".into(), fstab.into());
    let (mut vg, mut lv) = (facts.old.vgs[0].clone(), facts.old.lvs[0].clone());
    let mut mount = facts.old.mounts[0].clone();
    (vg.name, vg.uuid, vg.size) = ("data-1".into(), "other".into(), 512 << 20);
    (lv.vg, lv.name, lv.uuid, lv.size) = ("data-1".into(), "srv".into(), "srv".into(), 512 << 20);
    (mount.target, mount.source) = ("/srv".into(), "/dev/mapper/data--1-srv".into());
    let spare = replant::facts::Vg { name: "spare".into(), ..vg.clone() };
    facts.old.vgs.extend([vg, spare]);
    facts.old.lvs.push(lv);
    facts.old.mounts.push(mount);
    let draft = drafted(&facts, &recorder());
    assert_eq!(holds(&draft, &facts), [""; 0]);
    snapshot("two-groups", &draft);
    assert_eq!(levels(&draft), ["raid1", "raid10", "raid10"]);
    let hold = |draft: &Draft| draft.loaded.plan.hold.as_ref().map(|hold| hold.to.to_string());
    assert_eq!(hold(&draft).as_deref(), Some("md0"), "what new boots into its hold from");
    assert!(draft.text.contains("spare"), "what is left behind is said");
    // each group has a partition of the one disk to itself
    without(&mut facts, &["NEW1", "NEW2", "NEW3"]);
    let draft = drafted(&facts, &recorder());
    assert_eq!((levels(&draft), holds(&draft, &facts)), (vec![], vec![]));
    let to: Vec<&str> = draft.loaded.plan.volume_groups.iter().map(|group| group.to.as_str()).collect();
    assert_eq!(to, ["data1", "data2"]);
    assert_eq!(hold(&draft).as_deref(), Some("hold"));
    // with an initramfs that is larger than usual it has more room
    facts.old.initrd_sizes = [("6.1".to_string(), 200 << 20)].into();
    let size = |draft: &Draft| draft.loaded.plan.partitions[0].size.to_string();
    assert_eq!((size(&draft), size(&drafted(&facts, &recorder()))), ("256MiB".into(), "512MiB".into()));
}

#[test]
fn a_busy_server() {
    let mut facts = lab();
    facts.old.services.push("cron.service".into());
    let activity = activity::parse(&read("tests/facts/activity/composed-busy.out")).unwrap();
    facts.old.services.extend(activity.units.iter().map(|unit| unit.name.clone()));
    let draft = drafted(&facts, &activity);
    assert_eq!(holds(&draft, &facts), [""; 0]);
    snapshot("busy", &draft);
    let stop = draft.loaded.plan.cutover.units();
    for unit in ["nginx.service", "postgresql@15-main.service", "rsyslog.service", "syslog.socket", "cron.service"] {
        assert!(stop.iter().any(|stop| stop == unit), "{unit}: {stop:?}");
    }
    assert!(stop.iter().all(|unit| !unit.contains("ssh") && !unit.starts_with("systemd-")), "{stop:?}");
    // dhclient's leases, a login's editor: nobody else will see to them
    assert_eq!(draft.decide.len(), 3, "{:#?}", draft.decide);
}

#[test]
fn where_and_how_to_log_in_is_kept() {
    let mut ends = ends("10.77.0.21", "10.77.0.22");
    ends.old.host = "srv1.example.org".into();
    ends.old.ssh.port = Some(2222.into());
    ends.new.ssh.user = "mover".to_string().into();
    ends.new.ssh.sudo = true.into();
    ends.new.ssh.host_key = Some("ssh-ed25519 AAAA".to_string().into());
    ends.name = Some("move-1".into());
    let draft = draft::write(&ends, &lab(), &recorder()).unwrap();
    let plan = &draft.loaded.plan;
    assert_eq!((plan.name.as_str(), plan.old.ssh.port.as_ref().map(|port| **port)), ("move-1", Some(2222)));
    assert_eq!((plan.new.ssh.user.as_str(), *plan.new.ssh.sudo), ("mover", true));
    assert!(plan.new.ssh.host_key.is_some() && draft.text.contains("srv1.example.org"));
    // a second network between them is offered, one inside each of them is not
    let mut facts = lab();
    for (card, address) in
        [(&mut facts.old.interfaces[1], "10.9.0.1/24"), (&mut facts.new.interfaces[1], "10.9.0.2/24")]
    {
        card.addresses.extend(["172.17.0.1/16".to_string(), address.to_string()]);
    }
    let draft = draft::write(&ends, &facts, &recorder()).unwrap();
    assert!(draft.text.contains("# transfer: { iscsi: { address: 10.9.0.2 } }"), "{}", draft.text);
    ends.name = Some("No Name".into());
    assert!(matches!(draft::write(&ends, &lab(), &recorder()), Err(NoDraft::Unsound(_))));
}

/// Whatever pair the plans make: read, drafted, and carried to the end by the draft alone.
#[test]
fn a_draft_migrates() {
    for (name, free_extents) in [("lab", 0), ("lab", 16), ("minimal", 0), ("one-disk", 0)] {
        let wanted = plan::load(&Path::new(ROOT).join(format!("plans/{name}.yaml"))).unwrap().plan;
        let sim = Sim::shaped(&wanted, None, Shape { free_extents, ..Shape::default() });
        let facts = facts::both(&sim).unwrap();
        let activity = activity::read(&sim, Side::Old).unwrap();
        let ends = ends(&wanted.old.address.to_string(), &wanted.new.address.to_string());
        let draft = draft::write(&ends, &facts, &activity).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(holds(&draft, &facts), [""; 0], "{name}");
        let units = draft.loaded.plan.cutover.units();
        assert!(wanted.cutover.units().iter().all(|unit| units.contains(unit)), "{name}: {units:?}");

        let book = course::make(&draft.loaded.plan, &draft.loaded.digest, &facts).unwrap();
        let mut journal = Journal::nowhere(Header::new(&book.name, ""));
        let level = AtomicU8::new(0);
        let options = Options { parallelism: 1, poll: std::time::Duration::ZERO, ..Options::new(&level) };
        engine::apply(&book.nodes, &mut journal, &sim, &options, &|_| {})
            .unwrap_or_else(|stopped| panic!("{name}: {stopped} in {:?}", stopped.step));
        let world = sim.world();
        assert!(!world.old.on && world.new.system == System::Own, "{name}: new is up and old is off");
    }
}
