//! Old's `/boot` lies inside `/`: new boots into its hold from a small place of its own, until the system's own boot loader is on
//! all disks. Whoever takes new's power meanwhile finds it up again.

mod sweep;

use std::collections::BTreeSet;
use std::path::Path;

use replant::engine::{self, Options, Reason};
use replant::facts::{self, Facts};
use replant::findings;
use replant::host::{Act, Server, Side};
use replant::journal::Kind;
use replant::plan::{self, HoldPlace, Method, NewBoot, Plan};
use replant::runbook::{Node, Stage};
use replant::sim::{Sim, System};
use replant::step::{Seen, StepKind};
use sweep::{Case, Fault, Scene, pair};

const KERNEL: &str = "6.1.0-50-amd64";

fn node<'n>(nodes: &'n [Node], id: &str) -> &'n Node {
    nodes.iter().find(|node| node.id.0 == id).unwrap_or_else(|| panic!("no step {id}"))
}

/// The arguments of the job of this name.
fn args<'n>(nodes: &'n [Node], id: &str) -> Vec<&'n str> {
    match &node(nodes, id).step {
        StepKind::Job(job) => job.args.iter().map(String::as_str).collect(),
        step => panic!("{id}: {step:?}"),
    }
}

/// Whether the first of these steps waits for the second.
fn waits(nodes: &[Node], later: &str, earlier: &str) -> bool {
    let mut open = vec![node(nodes, later)];
    let mut seen = BTreeSet::new();
    while let Some(at) = open.pop() {
        if at.id.0 == earlier {
            return at.id.0 != later;
        }
        open.extend(at.after.iter().filter(|id| seen.insert(*id)).map(|id| node(nodes, &id.0)));
    }
    false
}

#[test]
fn new_boots_from_the_place_with_what_old_was_told() {
    let case = pair::placed();
    let nodes = &case.nodes;
    let [device, uuid] = args(nodes, "hold-place")[..] else { panic!("a device and a UUID") };
    let StepKind::File(menu) = &node(nodes, "hold-menu").step else { panic!("a file") };
    for line in [
        format!("search --no-floppy --fs-uuid --set=root {uuid}"),
        format!("linux /vmlinuz-{KERNEL} root=/dev/mapper/vg0-root ro quiet"),
        format!("initrd /initrd.img-{KERNEL}"),
    ] {
        assert!(menu.text.0.lines().any(|one| one.trim() == line), "{line}: {}", menu.text.0);
    }
    let image = format!("initrd.img-{KERNEL}");
    for (id, name, file) in [
        (format!("boot-kernel-{KERNEL}"), format!("vmlinuz-{KERNEL}"), format!("/boot/vmlinuz-{KERNEL}")),
        (format!("boot-image-{KERNEL}"), image, format!("/run/replant/srv1/steps/hold-{KERNEL}.img")),
        ("boot-menu".into(), "grub/grub.cfg".into(), menu.path.clone()),
    ] {
        let put = args(nodes, &id);
        assert_eq!((put[0], put[2], put[3]), (device, name.as_str(), file.as_str()), "{id}");
        assert!(waits(nodes, &id, "hold-place") && waits(nodes, "logout-md0", &id), "{id}");
    }
    assert!(waits(nodes, "hold-place", "login-md0"), "the disk is proven to be new's");
    assert!(args(nodes, "boot-loader")[0].contains("/md-uuid-"));
    assert!(!nodes.iter().any(|node| node.id.0 == "copy-boot"), "there is none to copy");
}

/// The menu and the initramfs of the system first, then each disk's boot loader, then the place goes.
#[test]
fn the_systems_own_boot_loader_takes_over_when_its_files_are_made() {
    let case = pair::placed();
    let nodes = &case.nodes;
    let loaders: Vec<&Node> = nodes.iter().filter(|node| matches!(node.step, StepKind::BootLoader(_))).collect();
    let mut disks = BTreeSet::new();
    for loader in &loaders {
        assert_eq!((loader.on, loader.stage), (Side::Migrated, Stage::Grow));
        let StepKind::BootLoader(of) = &loader.step else { unreachable!() };
        assert_eq!(of.root, "/");
        disks.insert(&of.disk);
        assert!(waits(nodes, &loader.id.0, "finish-boot") && waits(nodes, "hold-empty", &loader.id.0));
    }
    assert_eq!((disks.len(), loaders.len()), (4, 4), "each disk once");
    assert!(waits(nodes, "serves", "hold-empty"));
    for arranged in ["mdadm-conf", "drivers"] {
        assert!(waits(nodes, "finish-boot", arranged), "{arranged}");
    }
    let [device, uuid, _] = args(nodes, "hold-empty")[..] else { panic!("a device, a UUID and a directory") };
    assert_eq!(device, args(nodes, "boot-loader")[0]);
    assert_eq!(uuid, args(nodes, "hold-place")[1]);
}

/// The steps by their places, in the order of all acts.
fn acts(case: &Case<Sim>) -> Vec<usize> {
    let clean = Scene::new(&case.world).run(case, Kind::Apply, Fault::None);
    let acting = |event: &engine::Notice| match event {
        engine::Notice::Acting { step, .. } => case.nodes.iter().position(|node| node.id == *step),
        _ => None,
    };
    clean.events.iter().filter_map(acting).collect()
}

/// At each moment after new was let go on.
#[test]
fn whenever_new_loses_its_power_it_comes_up_by_itself() {
    let case = pair::placed();
    let up = case.nodes.iter().position(|node| node.id.0 == "own-boot").unwrap();
    let mut tried = 0;
    for (act, at) in acts(&case).into_iter().enumerate().filter(|(_, at)| *at >= up) {
        let mut scene = Scene::new(&case.world);
        scene.run(&case, Kind::Apply, Fault::Kill { act, effect: true });
        scene.world.change(|world| world.reboot(Server::New));
        let new = scene.world.world().new;
        assert_eq!(new.system, System::Own, "after {}", case.nodes[at].id);
        assert_eq!(new.run.hostname, "srv1", "after {}", case.nodes[at].id);
        tried += 1;
    }
    assert!(tried > 20, "{tried} moments");
}

/// In the end GRUB on each disk means the system's own files, and nothing of the hold is left.
#[test]
fn nothing_of_the_hold_is_left_on_its_place() {
    let case = pair::placed();
    let mut scene = Scene::new(&case.world);
    case.clean(&mut scene, Kind::Apply, "undisturbed");
    let world = scene.world.world();
    let uuid = args(&case.nodes, "hold-place")[1];
    for disk in &world.new.disks {
        assert_ne!(world.grub[&disk.serial], uuid, "{} boots from the place of the hold", disk.serial);
    }
    assert!(!world.text(None).contains("grub/grub.cfg replant"), "the menu of the hold is left");
    let left = world.places.values().find_map(|place| match place {
        replant::sim::Written::Fs(fs) if fs.uuid == *uuid => Some(fs.files.clone()),
        _ => None,
    });
    assert_eq!(left.map(|files| files.into_keys().collect::<Vec<_>>()), Some(Vec::new()));
}

fn upto_copy(case: &Case<Sim>, scene: &mut Scene<Sim>) {
    let ran = scene.run_by(case, Fault::None, &|journal, hosts, options, observer| {
        let by = options.by.clone();
        let options = Options { until: Some(Stage::Copy), by, ..*options };
        engine::apply(&case.nodes, journal, hosts, &options, observer)
    });
    ran.result.unwrap_or_else(|stopped| panic!("{:?}: {stopped}", stopped.step));
}

/// `/boot` is not read-only while `/` is copied: a person may remove the kernel that new waits with, and the modules with it.
#[test]
fn the_kernel_that_new_waits_with_may_not_go_from_old() {
    let case = pair::placed();
    let modules = format!("/lib/modules/{KERNEL}/modules.dep");
    let mut scene = Scene::new(&case.world);
    upto_copy(&case, &mut scene);
    let had = scene.world.world().read_file(Server::Old, &modules).expect("old has its kernel's modules");
    scene.world.change(|world| world.remove_file(Server::Old, &modules)).unwrap();
    let units = scene.world.world().old.run.units;
    let stopped = scene.run(&case, Kind::Apply, Fault::None).result.unwrap_err();
    assert_eq!(stopped.step.as_ref().map(|step| step.0.as_str()), Some("kernel-there"), "{stopped}");
    assert!(
        matches!(&stopped.reason, Reason::Refused(what) if what.contains("no modules of it any more")),
        "{stopped}"
    );
    assert!(matches!(stopped.seen, Some(Seen::Foreign(_))));
    let old = scene.world.world().old;
    assert!(old.on && old.run.units == units, "services are stopped");
    // installed again
    scene.world.change(|world| world.write_file(Server::Old, &modules, &had, 0o644)).unwrap();
    case.clean(&mut scene, Kind::Apply, "with its kernel");
    assert_eq!(scene.world.world().new.system, System::Own);
}

/// What is on new's disk, and given back, is not asked of old again. Before that it is written again: a boot of old forgets that it
/// has written it, and what.
#[test]
fn old_reboots_when_what_new_boots_from_is_written() {
    for case in [pair::placed(), pair::held()] {
        let goal = case.goal(&case.world);
        let at = |id: &str| case.nodes.iter().position(|node| node.id.0 == id).unwrap();
        let (first, into) = (at("login-md0"), at("into-hold"));
        let mut tried = 0;
        let every = if case.name.contains("no /boot") { 1 } else { 4 };
        let moments = acts(&case).into_iter().enumerate().filter(|(_, at)| (first..=into).contains(at));
        for (act, at) in moments.step_by(every) {
            let mut scene = Scene::new(&case.world);
            scene.run(&case, Kind::Apply, Fault::Kill { act, effect: true });
            scene.world.change(|world| world.reboot(Server::Old));
            let when = format!("old reboots after {}", case.nodes[at].id);
            let mut back = scene.fork();
            case.clean(&mut scene, Kind::Apply, &when);
            sweep::same(&scene.text(), &goal, &format!("{}: {when}", case.name));
            case.clean(&mut back, Kind::Rollback, &when);
            case.as_found(&back, &case.world, &when);
            tried += 1;
        }
        assert!(tried > 3, "{}: {tried} moments", case.name);
    }
}

#[test]
fn it_is_rolled_back_with_all_else() {
    let case = pair::placed();
    let mut scene = Scene::new(&case.world);
    upto_copy(&case, &mut scene);
    assert_eq!(scene.world.world().new.system, System::Hold);
    case.clean(&mut scene, Kind::Rollback, "from the copy");
    case.as_found(&scene, &case.world, "from the copy");
    // nothing that old boots with was touched at any time
    let touched = case.nodes.iter().filter(|node| node.on == Side::Old).flat_map(|node| node.step.as_step().apply());
    let boot = |act: &Act| matches!(act, Act::Put { path, .. } | Act::Remove { path } if path.starts_with("/boot/"));
    assert!(!touched.into_iter().any(|act| boot(&act)));
}

// ---- what is in the way -------------------------------------------------------------------------------------------------

/// The migration of these servers, whose new one holds if it can.
fn left_open() -> (Plan, Facts) {
    let mut plan = pair::plan_placed();
    (plan.copy.method, plan.new.boot) = (None, None);
    let facts = facts::both(&Sim::from_plan(&plan, None)).unwrap();
    (plan, facts)
}

/// What is said by this rule.
fn said(code: &str, plan: &Plan, facts: &Facts) -> Vec<String> {
    let found = findings::find(plan, facts).into_iter().filter(|finding| finding.code == code);
    found.map(|finding| format!("{}: {}", finding.message, finding.help)).collect()
}

fn holds(plan: &Plan, facts: &Facts) -> bool {
    let nodes = replant::course::make(plan, "digest", facts).unwrap_or_else(|found| panic!("{found:#?}")).nodes;
    nodes.iter().any(|node| matches!(node.step, StepKind::IntoHold(_)))
}

#[test]
fn new_holds_by_default_where_the_plan_gives_the_hold_a_place() {
    let (mut plan, facts) = left_open();
    let stops: Vec<_> = findings::find(&plan, &facts).into_iter().filter(|finding| finding.stops()).collect();
    assert!(stops.is_empty(), "{stops:#?}");
    assert!(said("R1346", &plan, &facts).is_empty() && said("R1351", &plan, &facts).is_empty());
    assert!(holds(&plan, &facts));
    plan.hold = None;
    let [note] = &said("R1346", &plan, &facts)[..] else { panic!("one note") };
    assert!(note.contains("`hold: { to: ARRAY }`") && note.contains("256MiB"), "{note}");
    assert!(!holds(&plan, &facts));
    // and where it is asked for, it is an error
    plan.new.boot = Some(NewBoot::Held.into());
    plan.copy.method = Some(Method::Below.into());
    assert!(said("R1332", &plan, &facts)[0].contains("no boot file system of its own"));
}

#[test]
fn a_place_that_is_of_no_use_is_said() {
    let (mut plan, facts) = left_open();
    plan.new.boot = Some(NewBoot::Rescue.into());
    assert!(said("R1351", &plan, &facts)[0].contains("with `boot: rescue`"));
    let path = format!("{}/plans/lab.yaml", env!("CARGO_MANIFEST_DIR"));
    let mut plan = plan::load(Path::new(&path)).unwrap_or_else(|error| panic!("{error:?}")).plan;
    let facts = facts::both(&Sim::from_plan(&plan, None)).unwrap();
    assert!(said("R1351", &plan, &facts).is_empty());
    plan.hold = Some(HoldPlace { to: "md1".to_string().into() });
    assert!(said("R1351", &plan, &facts)[0].contains("beside `boot:`"));
}

type Change = fn(&mut Facts);

fn told(facts: &mut Facts, words: &str) {
    facts.old.files.insert("/proc/cmdline".into(), format!("BOOT_IMAGE=/vmlinuz {words}\n"));
}

#[test]
fn what_new_could_not_be_told_keeps_it_from_holding() {
    let in_the_way: [(Change, &str); 10] = [
        (|facts| told(facts, "root=/dev/mapper/vg0-root ro single"), "`single` by hand"),
        (|facts| told(facts, "root=/dev/mapper/vg0-root ro break=mount"), "`break=mount` by hand"),
        (|facts| told(facts, "root=/dev/mapper/vg0-root init=/bin/sh"), "`init=/bin/sh` by hand"),
        (|facts| told(facts, "root=/dev/mapper/vg0-root dyndbg=\"file x +p\""), "`dyndbg=\"file`"),
        (|facts| told(facts, "root=/dev/mapper/vg0-root memmap=64K$0x18690000"), "memmap=64K$"),
        (|facts| told(facts, "ro quiet"), "(`root=`)"),
        (|facts| facts.old.kernel = "6.1.0-49-amd64".into(), "6.1.0-49-amd64, and old has no initramfs"),
        (|facts| assert!(facts.old.modules.remove("ext4")), "kernel of old has no module `ext4`"),
        (|facts| assert!(facts.new.modules.remove("ext4")), "kernel of new has no module `ext4`"),
        (|facts| assert!(facts.old.tools.remove("mkfs.ext4")), "old has no mkfs.ext4"),
    ];
    for (change, says) in in_the_way {
        let (mut plan, mut facts) = left_open();
        change(&mut facts);
        let notes = said("R1346", &plan, &facts);
        assert!(notes.iter().any(|note| note.contains(says)), "{says}: {notes:?}");
        assert!(!holds(&plan, &facts), "{says}");
        // the same is nothing to a hold that boots from a copy of /boot, or where nobody holds
        plan.new.boot = Some(NewBoot::Held.into());
        assert!(said("R1332", &plan, &facts).iter().any(|found| found.contains(says)), "{says}");
        plan.hold = None;
        assert!(!said("R1332", &plan, &facts).iter().any(|found| found.contains(says)), "{says}");
    }
    // it always boots so
    let (plan, mut facts) = left_open();
    told(&mut facts, "root=/dev/mapper/vg0-root ro systemd.unit=multi-user.target console=ttyS0,115200n8");
    let settings = "GRUB_CMDLINE_LINUX=\"systemd.unit=multi-user.target console=ttyS0,115200n8\"\n";
    facts.old.files.insert("/etc/default/grub".into(), settings.into());
    assert!(said("R1346", &plan, &facts).is_empty());
}

#[test]
fn a_place_that_is_too_small_is_said() {
    let (mut plan, mut facts) = left_open();
    facts.old.initrd_sizes = [(KERNEL.to_string(), 60 << 20)].into();
    assert!(said("R1346", &plan, &facts).is_empty());
    facts.old.initrd_sizes = [(KERNEL.to_string(), 200 << 20)].into();
    let notes = said("R1346", &plan, &facts);
    assert!(
        notes[0].contains("`md0` has 256 MiB, and what new boots into its hold with needs about 288 MiB"),
        "{notes:?}"
    );
    assert!(notes[0].contains("make its partition 320 MiB or larger"), "{notes:?}");
    assert!(!holds(&plan, &facts));
    (plan.new.boot, plan.copy.method) = (Some(NewBoot::Held.into()), Some(Method::Below.into()));
    assert_eq!(said("R1350", &plan, &facts).len(), 1);
    // of the kernel that new boots with
    facts.old.initrd_sizes = [(KERNEL.to_string(), 60 << 20), ("7.0".to_string(), 200 << 20)].into();
    assert!(said("R1350", &plan, &facts).is_empty());
}
