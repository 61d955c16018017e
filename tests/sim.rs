//! The simulated pair answers as real servers do: its answers have the form of recorded ones, the facts' own parsers read
//! them, every kind of step does there what it promises, and what real tools refuse is refused.

#[path = "sim/frozen.rs"]
mod frozen;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use replant::course;
use replant::facts::{self, Facts, lsblk, lvm, md, mounts, net};
use replant::host::{Act, HostError, Hosts, Look, PowerTo, Query, Server, Side, Text};
use replant::plan::{self, IscsiServer, Plan};
use replant::runbook::{Node, Stage};
use replant::sim::{Effect, FaultPlan, Shape, Sim, System, Written};
use replant::step::{Mark, Seen, StepKind, Undo};
use serde_json::Value;

fn plan(name: &str) -> plan::Loaded {
    let path = format!("{}/plans/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    plan::load(path.as_ref()).unwrap_or_else(|error| panic!("{name}: {error:?}"))
}

fn facts_of(sim: &Sim) -> Facts {
    facts::both(sim).unwrap()
}

fn pair(plan: &Plan, free_extents: u64) -> (Sim, Vec<Node>) {
    let sim = Sim::shaped(plan, None, Shape { free_extents, ..Shape::default() });
    let nodes = course::make(plan, "digest", &facts_of(&sim)).unwrap_or_else(|found| panic!("{found:#?}")).nodes;
    (sim, nodes)
}

fn lab(server: IscsiServer) -> Plan {
    let mut plan = plan("lab").plan;
    plan.transfer.iscsi.server = server.into();
    plan
}

// ---- answers ------------------------------------------------------------------------------------------------------

#[test]
fn the_pair_of_every_plan_can_be_read_and_has_no_findings() {
    for name in ["lab", "cs940", "minimal"] {
        let loaded = plan(name);
        let sim = Sim::from_plan(&loaded.plan, None);
        let facts = facts_of(&sim);
        assert!(facts::drift(&facts.old, &facts::read(&sim, Side::Old).unwrap()).is_empty());
        assert!(facts.old.iscsi_packages.as_ref().is_some_and(|packages| packages.len() == 3));
        let mut found = replant::findings::find(&loaded.plan, &facts);
        // new's power is not in replant's hand there, or `/boot` lies inside `/`
        found.retain(|finding| finding.code != "R1346");
        assert!(found.is_empty(), "{name}: {found:#?}");
        // and made again from those facts it is a pair for the same plan
        let again = Sim::from_plan(&loaded.plan, Some(&facts));
        let again = facts_of(&again);
        assert_eq!(again.old.lvs.len(), facts.old.lvs.len());
        assert!(course::make(&loaded.plan, "digest", &again).is_ok());
    }
}

/// All keys in a JSON text, each with the keys above it; indices of lists are left out.
fn keys(text: &str) -> BTreeSet<String> {
    fn walk(value: &Value, above: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    // where one is below another is not of interest
                    let here = if key == "children" { above.to_string() } else { format!("{above}/{key}") };
                    found.insert(here.clone());
                    walk(value, &here, found);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, above, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    walk(&serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")), "", &mut found);
    found
}

#[test]
fn answers_have_the_form_of_recorded_ones() {
    let (sim, _) = pair(&lab(IscsiServer::Tgt), 0);
    let recorded = |name: &str| {
        let path = format!("{}/tests/facts/lab/old/{name}.out", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    };
    let said = |query: Query| sim.ask(Side::Old, query).unwrap().stdout;
    for (name, query) in [
        ("lsblk", lsblk::query()),
        ("lvs", lvm::lvs_query()),
        ("pvs", lvm::pvs_query()),
        ("vgs", lvm::vgs_query()),
        ("mounts", mounts::query()),
    ] {
        let (mut is, was) = (keys(&said(query)), keys(&recorded(name)));
        if matches!(name, "lvs" | "pvs" | "vgs") {
            // recorded with other columns than we ask for
            let later = ["/report/lv/raid_sync_action", "/report/lv/seg_monitor", "/report/vg/vg_systemid"];
            assert!(is.iter().all(|key| was.contains(key) || later.contains(&key.as_str())), "{is:?}");
            continue;
        }
        if name == "lsblk" {
            for later in ["label", "partlabel", "parttype"] {
                assert!(is.remove(&format!("/blockdevices/{later}")), "it is asked for since");
            }
        }
        assert_eq!(is, was, "{name}");
    }
    // of the network only what somebody reads
    let network = keys(&said(net::query()));
    assert!(network.is_subset(&keys(&recorded("interfaces"))), "{network:?}");
    let export = |text: &str| -> BTreeSet<String> {
        let left = text.lines().map(|line| line.split('=').next().unwrap_or_default());
        left.filter(|key| !key.contains("_DEVICE_") && !key.is_empty()).map(str::to_owned).collect()
    };
    assert_eq!(export(&said(md::exports_query())), export(&recorded("arrays")));
}

#[test]
fn arrays_are_as_large_as_in_the_lab() {
    // of four disks of 4 GiB
    assert_eq!(replant::sim::array_size("raid1", 4, 268_435_456, "1.2"), 267_386_880);
    assert_eq!(replant::sim::array_size("raid10", 4, 4_025_483_264, "1.2"), 8_044_675_072);
    assert_eq!(replant::sim::array_size("raid1", 2, 2_951_741_440, "1.2"), 2_948_595_712);
}

// ---- the contract of a step ---------------------------------------------------------------------------------------

/// Looks until it is so, as the engine does.
fn settle(sim: &Sim, node: &Node, goal: &Seen) -> Result<(), String> {
    let mut last = None;
    for _ in 0..20 {
        let seen = node.step.as_step().observe(sim, node.on).map_err(|error| error.to_string())?;
        if seen == *goal {
            return Ok(());
        }
        last = Some(seen);
    }
    Err(format!("{last:?} instead of {goal:?}"))
}

fn kind(step: &StepKind) -> String {
    let value = serde_json::to_value(step).unwrap();
    value.as_object().unwrap().keys().next().unwrap().clone()
}

/// Every kind that is in the closed set, as it is written in a runbook.
fn all_kinds() -> BTreeSet<String> {
    let source = include_str!("../src/step/mod.rs");
    let list = source.split("\nsteps! {").nth(1).unwrap().split("\n}").next().unwrap();
    let kinds = list.lines().filter_map(|line| line.trim().strip_suffix(',')?.split("::").nth(2));
    let dashed = |name: &str| {
        let mut text = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !text.is_empty() {
                text.push('-');
            }
            text.extend(letter.to_lowercase());
        }
        text
    };
    kinds.map(dashed).collect()
}

/// What undoing puts back exactly: not what a later step back does (a cut mirror, a copied /boot), not power.
fn puts_back(step: &StepKind) -> bool {
    !matches!(
        step,
        StepKind::Split(_)
            | StepKind::GroupSplit(_)
            | StepKind::Job(_)
            | StepKind::FsCheck(_)
            | StepKind::BootProof(_)
            | StepKind::BootLoader(_)
            | StepKind::OldOff(_)
            | StepKind::Service(_)
            // what was copied stays in new's volume, and goes with it
            | StepKind::Beneath(_)
            // new is out of rescue
            | StepKind::IntoHold(_)
            // a volume that was just made is active already
            | StepKind::Active(_)
    )
}

/// Each step in its place in a whole migration.
fn contract(name: &str, plan: &Plan, free_extents: u64) -> BTreeSet<String> {
    let (sim, nodes) = pair(plan, free_extents);
    let kinds = one_by_one(name, &sim, &nodes);
    let world = sim.world();
    assert!(!world.old.on && world.new.system == System::Own, "{name}: new is up and old is off");
    assert!(!world.text(None).contains("unlike: true"), "{name}: the halves of new's arrays differ");
    kinds
}

/// And in a rehearsal, once all is copied.
fn rehearsed(name: &str, plan: &Plan) -> BTreeSet<String> {
    let sim = Sim::from_plan(plan, None);
    let book = course::make(plan, "digest", &facts_of(&sim)).unwrap_or_else(|found| panic!("{found:#?}"));
    let copied: Vec<Node> = book.nodes.iter().filter(|node| node.stage <= Stage::Copy).cloned().collect();
    one_by_one(name, &sim, &copied);
    let course = course::rehearsal(&book, course::Room { mib: 64 }).unwrap();
    let steps = [course.begin, course.prove, course.end].concat();
    let kinds = one_by_one(name, &sim, &steps);
    let world = sim.world();
    assert!(world.old.on && world.new.system == System::Hold, "{name}: old serves and new holds");
    kinds
}

/// Absent, applied, present, undone, absent again, applied again.
fn one_by_one(name: &str, sim: &Sim, nodes: &[Node]) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    for node in nodes {
        let step = node.step.as_step();
        let what = format!("{name}: {} ({})", node.id, kind(&node.step));
        let act = |sim: &Sim, acts: &[Act], how: &str| {
            for act in acts {
                sim.act(node.on, "contract", act).unwrap_or_else(|error| panic!("{what}: {how}: {error}"));
            }
        };
        let before = step.observe(sim, node.on).unwrap_or_else(|error| panic!("{what}: {error}"));
        let acts = step.apply();
        assert_eq!(acts.is_empty(), step.mark() == Mark::Check && acts.is_empty(), "{what}");
        match before {
            Seen::Absent => {}
            // some things are so by themselves: an array that was just made runs
            Seen::Present | Seen::Underway(_) => {}
            other => panic!("{what}: at first there is {other:?}"),
        }
        let found = sim.world();
        if before == Seen::Absent {
            act(sim, &acts, "apply");
        }
        settle(sim, node, &Seen::Present).unwrap_or_else(|error| panic!("{what}: applied: {error}"));
        kinds.insert(kind(&node.step));
        let Undo::Acts(undo) = step.undo() else { continue };
        if before != Seen::Absent {
            continue;
        }
        let back = Sim::new(sim.world());
        // once, and once more as after a lost reply
        act(&back, &undo, "undo");
        settle(&back, node, &Seen::Absent).unwrap_or_else(|error| panic!("{what}: undone: {error}"));
        if puts_back(&node.step) {
            let (is, was) = (back.world().text(None), found.text(None));
            let more: Vec<&str> = is.lines().filter(|line| !was.contains(line)).collect();
            let less: Vec<&str> = was.lines().filter(|line| !is.contains(line)).collect();
            assert!(is == was, "{what}: undone, there is\n{more:#?}\nwhere there was\n{less:#?}");
            act(&back, &acts, "apply again");
            settle(&back, node, &Seen::Present).unwrap_or_else(|error| panic!("{what}: applied again: {error}"));
        }
    }
    kinds
}

#[test]
fn every_kind_of_step_keeps_its_contract() {
    let mut kinds = contract("tgt, core log", &lab(IscsiServer::Tgt), 0);
    kinds.extend(contract("lio, raid1", &lab(IscsiServer::Lio), 16));
    // one disk of it has been used before
    kinds.extend(contract("cs940", &plan("cs940").plan, 0));
    kinds.extend(contract("minimal", &plan("minimal").plan, 0));
    let mut below = lab(IscsiServer::Lio);
    below.copy.method = Some(plan::Method::Below.into());
    below.copy.verify = plan::Verify::Whole.into();
    kinds.extend(contract("below", &below, 0));
    let mut by_hand = plan("minimal").plan;
    by_hand.copy.method = Some(plan::Method::Below.into());
    kinds.extend(contract("below, old switched by hand", &by_hand, 0));
    below.new.boot = Some(plan::NewBoot::Held.into());
    kinds.extend(contract("held", &below, 0));
    kinds.extend(rehearsed("rehearsed", &below));
    let mut inside = below.clone();
    inside.hold = inside.boot.take().map(|boot| plan::HoldPlace { to: boot.to });
    kinds.extend(contract("held, /boot inside /", &inside, 0));
    let missing: Vec<_> = all_kinds().difference(&kinds).cloned().collect();
    assert!(missing.is_empty(), "no migration of these tests has {missing:?}");
}

// ---- refusals -----------------------------------------------------------------------------------------------------

/// The lab's pair, after every step up to and with the one of this name.
fn after(server: IscsiServer, free_extents: u64, until: &str) -> Sim {
    let (sim, nodes) = pair(&lab(server), free_extents);
    for node in &nodes {
        let step = node.step.as_step();
        if step.observe(&sim, node.on).unwrap() == Seen::Absent {
            for act in step.apply() {
                sim.act(node.on, "before", &act).unwrap();
            }
        }
        settle(&sim, node, &Seen::Present).unwrap();
        if node.id.0 == until {
            return sim;
        }
    }
    panic!("there is no step {until}")
}

fn refusal(sim: &Sim, on: Side, command: &str) -> (i32, String) {
    match sim.act(on, "refused", &Act::run(command.split(' '))) {
        Err(HostError::Failed { code, output, .. }) => (code, output),
        other => panic!("`{command}`: {other:?}"),
    }
}

#[track_caller]
fn refuses(sim: &Sim, on: Side, command: &str, code: i32, words: &str) {
    let (is, said) = refusal(sim, on, command);
    assert!(is == code && said.contains(words), "`{command}`: {is}: {said}");
}

const LUN: &str = "/dev/disk/by-path/ip-10.77.0.22:3260-iscsi-iqn.2026-11.net.replant:srv1.md1-lun-1";

fn pv_link(sim: &Sim) -> String {
    let all = lvm::parse_pvs(&sim.ask(Side::Old, lvm::pvs_query()).unwrap().stdout).unwrap();
    let ours = all.iter().find(|pv| pv.path != "/dev/md1").unwrap();
    format!("/dev/disk/by-id/lvm-pv-uuid-{}", ours.uuid)
}

#[test]
fn disks_in_use_are_not_touched() {
    let sim = after(IscsiServer::Tgt, 0, "assemble-md1");
    refuses(
        &sim,
        Side::Old,
        "wipefs --all --quiet /dev/md1",
        1,
        "probing initialization failed: Device or resource busy",
    );
    refuses(&sim, Side::Old, "mkswap --uuid x /dev/mapper/vg0-root", 1, "is mounted");
    refuses(&sim, Side::Old, "blockdev --rereadpt /dev/sda", 1, "busy");
    let table = Act::feed(["sfdisk", "--quiet", "/dev/sda"], Text::new("label: dos\n"));
    assert!(matches!(sim.act(Side::Old, "x", &table), Err(HostError::Failed { code: 1, .. })));
    refuses(&sim, Side::New, "wipefs --all --quiet /dev/sda1", 1, "Device or resource busy");
    let create = "mdadm --create /dev/md9 --run --level=raid1 --raid-devices=2 --metadata=1.2 --uuid=u --name=9 \
                  --homehost=h /dev/sda1 /dev/sdb1";
    refuses(&sim, Side::New, create, 1, "Device or resource busy");
    refuses(&sim, Side::New, &create.replace("md9", "md1"), 1, "already in use");
    refuses(&sim, Side::New, "mdadm --assemble --run /dev/md0 --uuid=u /dev/sda1", 1, "already in use");
    let stop = [step_script("wiped::STOP_ARRAY"), "/dev/md1".into()];
    let act = Act::run(["sh", "-c", &stop[0], "sh", &stop[1]]);
    assert!(matches!(sim.act(Side::Old, "x", &act), Err(HostError::Failed { code: 1, .. })), "it holds a group");
    let sim = after(IscsiServer::Tgt, 0, "export-md1");
    assert!(matches!(sim.act(Side::New, "x", &act), Err(HostError::Failed { code: 1, .. })), "tgtd has it open");
    refuses(&sim, Side::New, "tgtadm --mode system --op delete", 22, "still active");
}

/// A script of a step as it is sent, out of the acts of that step.
fn step_script(of: &str) -> String {
    match of {
        "wiped::STOP_ARRAY" => r#"[ ! -e "$1" ] || mdadm --stop "$1""#.into(),
        other => panic!("{other}"),
    }
}

#[test]
fn logins_need_a_record_a_secret_and_no_session() {
    let login = String::from("iscsiadm -m node -T iqn.2026-11.net.replant:srv1.md1 -p 10.77.0.22:3260 --login");
    let sim = after(IscsiServer::Tgt, 0, "export-md1");
    refuses(&sim, Side::Old, &login, 21, "No records found");
    let sim = after(IscsiServer::Tgt, 0, "login-md1");
    refuses(&sim, Side::Old, &login, 15, "session exists");
    let sim = after(IscsiServer::Tgt, 0, "node-md1");
    let record = "/etc/iscsi/nodes/iqn.2026-11.net.replant:srv1.md1/10.77.0.22,3260,1/default";
    sim.change(|world| {
        let text = world.read_file(Server::Old, record).unwrap().replace("simulated-chap", "another");
        world.write_file(Server::Old, record, &text, 0o600).unwrap();
    });
    refuses(&sim, Side::Old, &login, 24, "authorization failure");
}

#[test]
fn lvm_refuses_what_it_does() {
    let sim = after(IscsiServer::Tgt, 0, "extend-vg0");
    let pv = pv_link(&sim);
    let raid1 = replant_script(&sim, "raid1");
    let act = Act::run(["sh", "-c", &raid1, "sh", "vg0/root", &pv, "2m", "/run/since"]);
    let Err(HostError::Failed { code, output, .. }) = sim.act(Side::Old, "x", &act) else { panic!() };
    assert!(
        code == 5 && output.contains("Insufficient free space: 1 extents needed, but only 0 available"),
        "{output}"
    );
    refuses(&sim, Side::Old, &format!("pvremove --yes {pv}"), 5, "is used by VG vg0");
    refuses(&sim, Side::Old, &format!("vgextend vg0 {pv}"), 5, "already in volume group");
    refuses(&sim, Side::Old, &format!("lvconvert --yes --splitmirrors 1 --name x vg0/root {pv}"), 5, "linear");
    refuses(&sim, Side::Old, "vgrename vg1 vg0", 5, "not found");
    refuses(&sim, Side::Old, "lvrename vg0 root var", 5, "already exists");
    refuses(&sim, Side::Old, "lvremove --yes vg0/root", 5, "in use");
    refuses(&sim, Side::Old, "lvchange --activate n vg0/root", 5, "in use");
    refuses(&sim, Side::Old, "lvextend --size 999999999999b vg0/var", 5, "Insufficient free space");

    let sim = after(IscsiServer::Tgt, 0, "mirror-vg0-root");
    let old = lvm::parse_pvs(&sim.ask(Side::Old, lvm::pvs_query()).unwrap().stdout).unwrap();
    let old = old.iter().find(|pv| pv.path == "/dev/md1").unwrap();
    let wrong = format!("lvconvert --yes --mirrors 0 vg0/root /dev/disk/by-id/lvm-pv-uuid-{}", old.uuid);
    refuses(&sim, Side::Old, &wrong, 5, "Unable to remove primary");
    refuses(&sim, Side::Old, &format!("lvconvert --yes --mirrors 0 vg0/root {LUN}"), 5, "extents");
    refuses(&sim, Side::Old, &format!("vgsplit vg0 vg9 {pv}"), 5, "between two Volume Groups");

    let sim = after(IscsiServer::Tgt, 16, "split-vg0-root");
    // without what replant tells LVM its records go to /etc/lvm
    sim.change(|world| {
        for place in world.places.values_mut() {
            if let Written::Fs(fs) = place {
                fs.files.remove("/etc/lvm/lvmlocal.conf");
            }
        }
    });
    // / is read-only by now
    refuses(&sim, Side::Old, "lvremove --yes vg0/root_new", 5, "Cannot archive volume group metadata");
    let config = "--config backup{backup=0 archive=0}";
    let act = Act::run(["vgsplit", "--config", config.trim_start_matches("--config "), "vg0", "vg9", &pv]);
    let Err(HostError::Failed { output, .. }) = sim.act(Side::Old, "x", &act) else { panic!() };
    assert!(output.contains("must be inactive"), "{output}");
}

/// The script by which a mirror of this kind is made.
fn replant_script(sim: &Sim, kind: &str) -> String {
    let (_, nodes) = pair(&lab(IscsiServer::Lio), 16);
    let _ = sim;
    let mirror = nodes.iter().find(|node| node.id.0 == "mirror-vg0-root").unwrap();
    let acts = mirror.step.as_step().apply();
    let script = acts.iter().find_map(|act| match act {
        Act::Run { argv, .. } if argv[0] == "sh" => Some(argv[2].clone()),
        _ => None,
    });
    let script = script.unwrap();
    assert!(script.contains(kind));
    script
}

#[test]
fn mounts_with_writers_stay_as_they_are() {
    let sim = Sim::from_plan(&lab(IscsiServer::Tgt), None);
    refuses(&sim, Side::Old, "mount -o remount,ro /var", 32, "mount point is busy");
    refuses(&sim, Side::Old, "umount --recursive /var", 32, "target is busy");
    refuses(&sim, Side::Old, "swapoff /dev/mapper/vg0-root", 4, "Invalid argument");
    refuses(&sim, Side::New, "umount --recursive /mnt", 1, "not mounted");
    refuses(&sim, Side::New, "xfs_growfs /mnt", 1, "not a mounted XFS");
    refuses(&sim, Side::Old, "systemctl stop nobody.service", 5, "not loaded");
    // what its sockets wake does not stay stopped
    sim.act(Side::Old, "x", &Act::run(["systemctl", "stop", "systemd-journald.service"])).unwrap();
    let state = sim.ask(Side::Old, Query::run(["systemctl", "is-active", "systemd-journald.service"])).unwrap();
    assert_eq!(state.stdout, "active\n");
}

#[test]
#[should_panic(expected = "do not know the command")]
fn an_unknown_command_is_a_panic() {
    let sim = Sim::from_plan(&lab(IscsiServer::Tgt), None);
    let _ = sim.act(Side::Old, "x", &Act::run(["shred", "/dev/sda"]));
}

#[test]
#[should_panic(expected = "cannot be asked")]
fn an_act_is_not_a_question() {
    let sim = Sim::from_plan(&lab(IscsiServer::Tgt), None);
    let _ = sim.ask(Side::Old, Query::run(["vgremove", "vg0"]));
}

// ---- power --------------------------------------------------------------------------------------------------------

#[test]
fn two_servers_are_never_up_with_the_same_name() {
    let sim = after(IscsiServer::Tgt, 0, "same-system");
    let twice = catch_unwind(AssertUnwindSafe(|| {
        sim.act(Side::New, "x", &Act::Power { server: Server::Old, to: PowerTo::On, alone: false })
    }));
    assert!(twice.is_err());
}

#[test]
fn new_does_not_boot_before_it_is_ready() {
    let boots = |sim: &Sim| {
        sim.act(Side::New, "x", &Act::Power { server: Server::Old, to: PowerTo::Off, alone: false }).unwrap();
        sim.act(Side::New, "x", &Act::Power { server: Server::New, to: PowerTo::OwnDisks, alone: false }).unwrap();
        sim.world().new.system
    };
    for (until, why) in [
        ("table-a", "boot loader"),
        ("copy-boot", "boot loader"),
        // the volumes are still called what they were called while they travelled
        ("old-off", "boot loader"),
    ] {
        match boots(&after(IscsiServer::Tgt, 0, until)) {
            System::None(said) => assert!(said.contains(why), "{until}: {said}"),
            other => panic!("{until}: {other:?}"),
        }
    }
    assert_eq!(boots(&after(IscsiServer::Tgt, 0, "grub-a")), System::Own);
}

#[test]
fn without_the_hook_old_does_not_come_back_while_it_is_mirrored() {
    let sim = after(IscsiServer::Tgt, 0, "mirror-vg0-var");
    let with = Sim::new(sim.world());
    with.change(|world| world.reboot(Server::Old));
    assert_eq!(with.world().old.system, System::Own);
    let lvs = lvm::parse_lvs(&with.ask(Side::Old, lvm::lvs_query()).unwrap().stdout).unwrap();
    assert!(lvs.iter().all(|lv| lv.segtype == "linear" && lv.active), "{lvs:#?}");

    sim.change(|world| {
        let image = "/boot/initrd.img-6.1.0-50-amd64";
        let text = world.read_file(Server::Old, image).unwrap().replace("scripts/local-block/replant\n", "");
        world.machine_mut(Server::Old).run.mounts.iter_mut().for_each(|mount| mount.read_only = false);
        world.write_file(Server::Old, image, &text, 0o644).unwrap();
        world.reboot(Server::Old);
    });
    assert!(matches!(sim.world().old.system, System::None(_)));
}

#[test]
fn faults_are_met_once_and_where_they_were_ordered() {
    let world = Sim::from_plan(&lab(IscsiServer::Tgt), None).world();
    let put = Act::put("/etc/x", "x", 0o644);
    for (effect, there) in [(Effect::None, false), (Effect::Done, true)] {
        let sim = Sim::with_faults(world.clone(), FaultPlan { cut: Some((1, effect)), ..FaultPlan::default() });
        sim.act(Side::Old, "x", &Act::run(["sync"])).unwrap();
        assert!(matches!(sim.act(Side::Old, "x", &put), Err(HostError::Unreachable { .. })));
        assert_eq!(sim.ask(Side::Old, Query::file("/etc/x")).unwrap().file().is_some(), there);
        sim.act(Side::Old, "x", &put).unwrap();
    }
    let sim = Sim::with_faults(world, FaultPlan { down: Some((0, 2)), ..FaultPlan::default() });
    assert!(sim.ask(Side::Old, Query::file("/etc/x")).is_err());
    assert!(sim.ask(Side::New, Query::file("/etc/x")).is_err());
    assert!(sim.ask(Side::Old, Query::file("/etc/x")).is_ok());
}

#[test]
fn servers_that_know_each_other_by_ipv6_migrate() {
    use std::sync::atomic::AtomicU8;

    use replant::engine::{self, Options};
    use replant::journal::{Header, Journal};

    let text = std::fs::read_to_string(format!("{}/plans/lab.yaml", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let text = text.replace("10.77.0.21", "2001:db8::21").replace("10.77.0.22", "2001:db8::22");
    for server in [IscsiServer::Tgt, IscsiServer::Lio] {
        let mut plan = plan::parse("lab.yaml", &text).unwrap_or_else(|bad| panic!("{}", bad.render(false))).plan;
        plan.transfer.iscsi.server = server.into();
        let (sim, nodes) = pair(&plan, 0);
        let flag = AtomicU8::new(0);
        let options = Options { parallelism: 1, poll: std::time::Duration::ZERO, ..Options::new(&flag) };
        engine::apply(&nodes, &mut Journal::nowhere(Header::new("srv1", "")), &sim, &options, &|_| {}).unwrap();
        assert_eq!(sim.world().new.system, System::Own);
    }
}

// ---- what has changed, and by whom ------------------------------------------------------------------------------------

/// After each step, either server differs from what was found by nothing but what the steps so far have done.
#[test]
fn what_the_steps_change_is_not_taken_for_what_others_did() {
    use std::collections::BTreeSet;
    use std::sync::Mutex;
    use std::sync::atomic::AtomicU8;

    use replant::engine::{self, Notice, Options};
    use replant::journal::{Header, Journal};

    let (tgt, lio) = (IscsiServer::Tgt, IscsiServer::Lio);
    let (mirror, below) = (plan::Method::Mirror, plan::Method::Below);
    let (rescue, held) = (plan::NewBoot::Rescue, plan::NewBoot::Held);
    for (plan, server, method, boot) in [
        ("lab", tgt, mirror, rescue),
        ("lab", lio, mirror, rescue),
        ("cs940", tgt, mirror, rescue),
        ("lab", lio, below, rescue),
        ("cs940", tgt, below, rescue),
        ("lab", tgt, below, held),
    ] {
        let mut loaded = self::plan(plan);
        loaded.plan.transfer.iscsi.server = server.into();
        (loaded.plan.copy.method, loaded.plan.new.boot) = (Some(method.into()), Some(boot.into()));
        let sim = Sim::from_plan(&loaded.plan, None);
        let facts = facts_of(&sim);
        let book = course::make(&loaded.plan, "digest", &facts).unwrap();
        let begun: Mutex<BTreeSet<replant::runbook::StepId>> = Mutex::default();
        let looks = Mutex::new(0);
        let observe = |event: Notice| {
            let (Notice::Done { step, .. } | Notice::Adopted { step }) = event else { return };
            let mut begun = begun.lock().unwrap();
            begun.insert(step.clone());
            let over = |id: &str| begun.iter().any(|step| step.0 == id);
            // new's rescue system is there no more once new boots from its own disks
            let left = [(Side::Old, over("old-off")), (Side::New, over("own-boot") || over("into-hold"))];
            for (side, gone) in left {
                if !gone {
                    let now = facts::read(&sim, side).unwrap();
                    let others = course::changed_by_others(&book, |step| begun.contains(step), side, &now);
                    assert!(others.is_empty(), "{plan} after {step} on {side}: {others:#?}");
                    *looks.lock().unwrap() += 1;
                }
            }
            // nor is what a lost power has done: whoever goes on by a script must not be held up by that
            let tried = !over("stop-services") && begun.len().is_multiple_of(8);
            for server in [Server::Old, Server::New].into_iter().filter(|_| tried) {
                let after = Sim::new(sim.world());
                after.change(|world| world.reboot(server));
                for (side, _) in left.into_iter().filter(|(_, gone)| !gone) {
                    let now = facts::read(&after, side).unwrap();
                    let others = course::changed_by_others(&book, |step| begun.contains(step), side, &now);
                    assert!(others.is_empty(), "{plan} after {step}, {server} rebooted, on {side}: {others:#?}");
                }
            }
        };
        let flag = AtomicU8::new(0);
        let options = Options { parallelism: 1, poll: std::time::Duration::ZERO, ..Options::new(&flag) };
        let mut journal = Journal::nowhere(Header::new("srv1", ""));
        engine::apply(&book.nodes, &mut journal, &sim, &options, &observe).unwrap();
        assert!(*looks.lock().unwrap() > 100);

        // and what others do is told: with nothing begun, and with all of it
        for begun in [false, true] {
            let mut now = facts.old.clone();
            now.blocks.retain(|block| block.kind != "disk" || !block.path.ends_with('a'));
            now.files.insert("/etc/fstab".into(), "".into());
            now.lvs.retain(|lv| lv.name != "root");
            let others = course::changed_by_others(&book, |_| begun, Side::Old, &now);
            let kinds: BTreeSet<_> = others.iter().map(|change| change.kind).collect();
            assert!(kinds.is_superset(&BTreeSet::from(["disk", "file", "logical volume"])), "{others:#?}");
        }
    }
}
