//! The silence of old at the cutover: what must stop, what must not be written, and what keeps it from being had.

mod sweep;

use replant::host::{Server, Side};
use replant::runbook::Node;
use replant::sim::Sim;
use sweep::{Case, World, faithful, pair};

/// The lab's pair, otherwise than it is usually.
fn case(name: &'static str, change: impl FnOnce(&mut replant::sim::World)) -> Case<Sim> {
    let plan = pair::plan("lab");
    let world = Sim::from_plan(&plan, None);
    world.change(change);
    pair::case(name, &plan, world)
}

/// Debian 13 keeps the initiator's records elsewhere; where it is installed already, the program itself says where.
#[test]
fn records_of_targets_are_where_the_initiator_looks() {
    let newer = |world: &mut replant::sim::World| {
        for (name, version) in &mut world.old.apt {
            if name.contains("iscsi") {
                *version = "2.1.11-1".into();
            }
        }
    };
    let installed = |world: &mut replant::sim::World| {
        newer(world);
        for (name, version) in world.old.apt.clone() {
            let status = world.read_file(Server::Old, "/var/lib/dpkg/status").unwrap_or_default();
            world
                .write_file(Server::Old, "/var/lib/dpkg/status", &format!("{status}{name} {version}\n"), 0o644)
                .unwrap();
        }
        for (unit, on) in [("iscsid.service", false), ("iscsid.socket", true), ("open-iscsi.service", false)] {
            world.old.run.units.insert(unit.into(), on);
        }
    };
    for case in [case("to be installed", newer), case("installed", installed)] {
        let record = case.nodes.iter().find_map(|node| match &node.step {
            replant::step::StepKind::IscsiNode(record) => Some(record.path.clone()),
            _ => None,
        });
        assert!(record.unwrap().starts_with("/var/lib/iscsi/nodes/iqn."), "{}", case.name);
        case.twice();
    }
}

// ---- units ------------------------------------------------------------------------------------------------------------

const AUDIT: &str = "systemd-journald-audit.socket";

/// Debian 13: the journal's socket for audit is there, and no boot starts it; or it is not there at all. Both are as
/// stopped as they can be, and going back starts what ran and nothing else.
#[test]
fn a_unit_that_does_not_run_is_stopped_already() {
    case("inactive", |world| {
        world.old.units.iter_mut().filter(|unit| unit.name == AUDIT).for_each(|unit| unit.disabled = true);
        world.old.run.units.insert(AUDIT.into(), false);
    })
    .twice();
    case("not there", |world| {
        world.old.units.retain(|unit| unit.name != AUDIT);
        world.old.run.units.remove(AUDIT);
    })
    .twice();
}

/// systemctl as it answers for units that are listed in a file, each with its state; `start` and `stop` write there.
const SYSTEMCTL: &str = r#"#!/bin/sh
units=${0%/*}/units verb=$1; shift
code=0
for unit do
  case $unit in -*) continue ;; esac
  was=$(sed -n "s/^$unit //p" "$units")
  case $verb in
    is-active) echo "${was:-inactive}"; [ "$was" = active ] || code=3 ;;
    start|stop)
      [ -n "$was" ] || { echo "Failed to $verb $unit: Unit $unit not loaded." >&2; code=5; continue; }
      [ $verb = start ] && new=active || new=inactive
      [ "$was $verb" = "broken start" ] && { code=1; continue; }
      sed -i "s/^$unit .*/$unit $new/" "$units" ;;
  esac
done
exit $code
"#;

/// The very scripts that are sent to a server.
#[test]
fn the_scripts_stop_what_runs_and_start_what_ran() {
    use replant::host::Act;
    use replant::step::{Service, Step, Undo};
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;
    for in_order in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("systemctl"), SYSTEMCTL).unwrap();
        std::fs::set_permissions(at("systemctl"), PermissionsExt::from_mode(0o755)).unwrap();
        let units = "web.service active\nidle.socket inactive\nbad.service failed\nslow.service activating\n";
        std::fs::write(at("units"), units).unwrap();
        let names = ["web.service", "absent.socket", "idle.socket", "bad.service", "slow.service"];
        let step = Service {
            units: names.map(str::to_string).to_vec(),
            run: false,
            in_order,
            record: at("run/ran").to_str().unwrap().into(),
        };
        let run = |acts: &[Act]| {
            let [Act::Run { argv, .. }] = acts else { panic!("{acts:?}") };
            let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
            let ran = Command::new(&argv[0]).args(&argv[1..]).env("PATH", path).output().unwrap();
            (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
        };
        let now = || std::fs::read_to_string(at("units")).unwrap();
        let Undo::Acts(undo) = step.undo() else { panic!() };

        // twice, as after an interruption: what was written down first counts
        for _ in 0..2 {
            assert_eq!(run(&step.apply()), (Some(0), String::new()));
            assert_eq!(
                now(),
                "web.service inactive\nidle.socket inactive\nbad.service failed\nslow.service inactive\n"
            );
        }
        assert_eq!(std::fs::read_to_string(at("run/ran")).unwrap(), "web.service\n?slow.service\n");
        // what does not start is said, and is known the next time
        std::fs::write(at("units"), now().replace("web.service inactive", "web.service broken")).unwrap();
        assert_eq!(run(&undo).0, Some(1));
        std::fs::write(at("units"), now().replace("broken", "inactive")).unwrap();
        assert_eq!(run(&undo).0, Some(0));
        assert_eq!(now(), "web.service active\nidle.socket inactive\nbad.service failed\nslow.service active\n");
        assert!(!at("run/ran").exists());
        assert_eq!(run(&undo).0, Some(0), "there is nothing left to start");
    }
}

// ---- what is mounted or written meanwhile -------------------------------------------------------------------------------

use replant::host::Hosts;
use replant::journal::Kind;
use replant::runbook::Stage;
use replant::sim::{Backing, Mounted, Process, World as Pair};
use sweep::{Fault, Scene};

/// A volume that travels is not mounted when the migration is planned, and nothing uses it.
fn unmounted() -> Case<Sim> {
    let plan = pair::plan("one-disk");
    let world = Sim::from_plan(&plan, None);
    world.change(|world| {
        world.old.run.mounts.retain(|mount| !mount.source.ends_with("vg0-srv"));
        let fstab = world.read_file(Server::Old, "/etc/fstab").unwrap();
        let fstab: String =
            fstab.lines().filter(|line| !line.contains("vg0-srv")).map(|line| format!("{line}\n")).collect();
        world.write_file(Server::Old, "/etc/fstab", &fstab, 0o644).unwrap();
    });
    pair::case("unmounted", &plan, world)
}

const DEVICE: &str = "/dev/mapper/vg0-srv";

fn mounted(world: &Pair, target: &str, namespace: u32) -> Mounted {
    let dev = world.dev(Server::Old, DEVICE).expect("the volume");
    let root = world.old.run.mounts.iter().find(|mount| mount.target == "/").expect("a root");
    Mounted {
        source: DEVICE.into(),
        target: target.into(),
        fstype: "xfs".into(),
        backing: Backing::Disk(dev.loc),
        namespace,
        read_only: false,
        ..root.clone()
    }
}

fn writes(path: &str, namespace: u32) -> Process {
    let writes = vec![path.to_string()];
    Process { pid: 4000, name: "backup".into(), writes, namespace, acknowledges: true, ..Process::default() }
}

type Change = fn(&mut Pair);

/// What somebody does on old, and its end.
const MEANWHILE: &[(&str, Change)] = &[
    ("mounted and written to", |world| {
        world.old.run.mounts.push(mounted(world, "/mnt", 0));
        world.old.run.processes.push(writes("/mnt", 0));
    }),
    ("mounted in a namespace that nobody sees", |world| {
        world.old.run.mounts.push(mounted(world, "/mnt", 7));
        world.old.run.processes.push(writes("/mnt", 7));
    }),
    ("read-only in one place, and written to by another", |world| {
        world.old.run.mounts.push(Mounted { point_ro: true, ..mounted(world, "/mnt", 0) });
        world.old.run.mounts.push(mounted(world, "/inner", 9));
        world.old.run.processes.push(writes("/inner", 9));
    }),
    ("a virtual machine's disk", |world| {
        let raw = vec![DEVICE.to_string()];
        let vm = Process { pid: 4001, name: "qemu".into(), raw, acknowledges: true, ..Process::default() };
        world.old.run.processes.push(vm);
    }),
    ("unmounted lazily, and in use", |world| {
        let loc = world.dev(Server::Old, DEVICE).unwrap().loc;
        world.old.run.lazy.push(loc);
    }),
];

fn calm(world: &mut Pair) {
    world.old.run.mounts.retain(|mount| mount.source != DEVICE);
    world.old.run.processes.clear();
    world.old.run.lazy.clear();
}

fn upto(case: &Case<Sim>, until: &str) -> Case<Sim> {
    let at = case.nodes.iter().position(|node| node.id.0 == until).unwrap_or_else(|| panic!("no step {until}"));
    let known = &case.nodes[..=at];
    let within = |mut node: Node| {
        node.until = node.until.filter(|until| known.iter().any(|other| other.id == *until));
        node
    };
    let nodes = known.iter().cloned().map(within).collect();
    Case { name: case.name, nodes, world: case.world.fork(), parallelism: 1, by_hand: 0, lines: faithful }
}

/// The steps after which somebody may do something.
fn moments(case: &Case<Sim>) -> Vec<String> {
    let all = case.nodes.iter().filter(|node| matches!(node.stage, Stage::Copy | Stage::Cutover));
    all.map(|node| node.id.0.clone()).take_while(|id| id != "old-off").collect()
}

/// After each step of the copy and of the cutover somebody writes to a volume that was unmounted when the migration was
/// planned, and never stops. He must be noticed, before services stop where he began before that; going back is possible
/// as soon as he stops.
#[test]
fn whoever_writes_meanwhile_is_noticed() {
    let case = unmounted();
    let mut silent = Vec::new();
    for until in moments(&case) {
        let mut before = Scene::new(&case.world);
        upto(&case, &until).clean(&mut before, Kind::Apply, &until);
        for (what, change) in MEANWHILE {
            let mut scene = before.fork();
            scene.world.change(change);
            // one act more lets everybody write
            scene.world.act(Side::Old, "x", &replant::host::Act::run(["sync"])).unwrap();
            let ran = scene.run(&case, Kind::Apply, Fault::None);
            let Err(stopped) = ran.result else {
                silent.push(format!("{what} after {until}"));
                continue;
            };
            let world = scene.world.world();
            assert_eq!(world.new.system, replant::sim::System::Rescue, "{what} after {until}: {stopped}");
            let early = case.nodes.iter().position(|node| node.id.0 == until)
                < case.nodes.iter().position(|node| node.id.0 == "nothing-new-writes");
            if early {
                assert!(world.old.run.units["apache2.service"], "{what} after {until}: services are down: {stopped}");
            }
            scene.world.change(calm);
            case.clean(&mut scene, Kind::Rollback, &format!("{what} after {until}"));
            case.as_found(&scene, &case.world, &format!("{what} after {until}"));
        }
    }
    assert!(silent.is_empty(), "nobody noticed:\n{}", silent.join("\n"));
}

/// As above, but it is over at once: then it arrives, or is noticed. Lost it is never: new would say so when it boots.
#[test]
fn what_was_written_for_a_moment_is_never_lost() {
    let case = unmounted();
    for until in moments(&case) {
        let mut before = Scene::new(&case.world);
        upto(&case, &until).clean(&mut before, Kind::Apply, &until);
        for (what, change) in MEANWHILE {
            let mut scene = before.fork();
            scene.world.change(change);
            scene.world.act(Side::Old, "x", &replant::host::Act::run(["sync"])).unwrap();
            scene.world.change(calm);
            let ran = scene.run(&case, Kind::Apply, Fault::None);
            let when = format!("{what} for a moment after {until}");
            if let Err(stopped) = ran.result {
                let late = case.nodes.iter().position(|node| node.id.0 == until)
                    >= case.nodes.iter().position(|node| node.id.0 == "count-writes");
                assert!(late, "{when}: it would have arrived: {stopped}");
                case.clean(&mut scene, Kind::Rollback, &when);
                case.as_found(&scene, &case.world, &when);
            }
        }
    }
}

// ---- what keeps a file system writable ----------------------------------------------------------------------------------

fn stale(world: &mut Pair, unit: &str, path: &str) {
    world.old.run.stale.entry(unit.into()).or_default().push(path.into());
}

/// Programs whose files an upgrade has replaced, a unit that writes and that nobody thought of, somebody's editor, a program
/// that does not let go: with these a file system stays writable, and services would stay down.
fn held(world: &mut Pair) {
    for unit in ["init.scope", "dbus.service", "cron.service", "ssh.service", "networking.service"] {
        stale(world, unit, "/usr/lib");
    }
    stale(world, "systemd-journald.service", "/var/log");
    world.old.units.push(replant::sim::Unit {
        name: "forgotten.service".into(),
        writes: vec!["/var/lib/forgotten".into()],
        ..Default::default()
    });
    world.old.run.units.insert("forgotten.service".into(), true);
    let editor = Process { acknowledges: false, unit: "session-4.scope".into(), ..writes("/var/tmp", 0) };
    let stuck = Process { pid: 4002, name: "dhclient".into(), stubborn: true, ..editor.clone() };
    world.old.run.processes.extend([editor, stuck]);
}

/// The migration is not stopped by them with services down; going back leaves everything writable and running again.
#[test]
fn what_keeps_a_file_system_writable_is_ended_or_overruled() {
    let case = case("held", held);
    case.twice();
    for until in moments(&case) {
        let mut scene = Scene::new(&case.world);
        upto(&case, &until).clean(&mut scene, Kind::Apply, &until);
        case.clean(&mut scene, Kind::Rollback, &until);
        case.as_found(&scene, &case.world, &until);
    }
}

/// Only those that are gone by themselves or are left to the kernel are not ended; the rest is, and is started again.
#[test]
fn units_are_ended_before_the_kernel_is_asked() {
    let case = case("held", held);
    let mut scene = Scene::new(&case.world);
    upto(&case, "let-go").clean(&mut scene, Kind::Apply, "let-go");
    let run = scene.world.world().old.run;
    assert_eq!(run.stale.keys().collect::<Vec<_>>(), ["networking.service"], "the network is left alone");
    assert!(!run.units["forgotten.service"] && run.units["dbus.service"] && run.units["ssh.service"]);
    assert_eq!(run.processes.iter().map(|process| process.pid).collect::<Vec<_>>(), [4002]);
}

/// What came after the plan was made is not ended without a word: it is refused before services stop, and named.
#[test]
fn what_holds_since_the_plan_is_refused_before_services_stop() {
    let case = case("as planned", |_| {});
    type Row = (&'static str, &'static str, Change);
    let rows: &[Row] = &[
        (
            "cron.service uses /usr/lib on /, which has been deleted or replaced",
            "systemctl restart cron.service",
            |world| {
                stale(world, "cron.service", "/usr/lib");
            },
        ),
        ("of session-4.scope has files open for writing on /var", "end it", |world| {
            world.old.run.processes.push(Process { unit: "session-4.scope".into(), ..writes("/var/tmp", 0) });
        }),
        ("/dev/loop0 writes to /var/image on /var", "losetup --detach /dev/loop0", |world| {
            let lo =
                replant::sim::LoopDevice { path: "/dev/loop0".into(), file: "/var/image".into(), read_only: false };
            world.old.run.loops.push(lo);
        }),
    ];
    for (what, help, change) in rows {
        for until in ["mirror-vg0-root", "all-in-sync"] {
            let mut scene = Scene::new(&case.world);
            upto(&case, until).clean(&mut scene, Kind::Apply, until);
            scene.world.change(change);
            let stopped = scene.run(&case, Kind::Apply, Fault::None).result.expect_err(what).to_string();
            assert!(stopped.contains(what) && stopped.contains(help), "{stopped}");
            assert!(scene.world.world().old.run.units["rec.service"], "services are down");
            scene.world.change(|world| {
                calm(world);
                world.old.run.stale.clear();
                world.old.run.loops.clear();
            });
            case.clean(&mut scene, Kind::Apply, "the operator did as he was told");
        }
    }
}

// ---- the scripts that end what holds ------------------------------------------------------------------------------------

fn script_of(step: &dyn replant::step::Step) -> String {
    let acts = step.apply();
    acts.iter()
        .find_map(|act| match act {
            replant::host::Act::Put { text, .. } => Some(text.0.clone()),
            replant::host::Act::Run { argv, .. } => Some(argv[2].clone()),
            _ => None,
        })
        .expect("a script")
}

fn executable(path: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

/// The very script, with what holds told by a file, and systemctl by one that writes down what it is told.
#[test]
fn the_script_ends_what_holds_and_spares_what_is_needed() {
    use replant::step::Step;
    use std::process::{Command, Stdio};
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let number = table.lines().rfind(|line| line.split(' ').nth(4) == Some("/")).unwrap().split(' ').nth(2).unwrap();
    let step = replant::step::LetGo {
        targets: vec!["/".into()],
        spare: vec!["networking.".into(), "dbus".into()],
        restart: vec!["dbus".into()],
        record: at("run/let-go.ran").to_str().unwrap().into(),
        dir: dir.path().to_str().unwrap().into(),
    };
    let script = script_of(&step);
    let marker = "# Ends what keeps file systems";
    assert!(script.contains(marker) && script.contains("holders | awk"));
    let held = at("held");
    let told = format!("holders() {{ cat '{}'; }}\n{marker}", held.display());
    std::fs::write(at("let-go.sh"), script.replacen(marker, &told, 1)).unwrap();
    executable(&at("systemctl"), "#!/bin/sh\necho \"$*\" >>\"${0%/*}/asked\"\n");
    let sleep = |ignores: bool| {
        let text = if ignores { "trap '' TERM; while :; do sleep 1; done" } else { "exec sleep 300" };
        Command::new("sh").args(["-c", text]).stdout(Stdio::null()).spawn().unwrap()
    };
    let (mut editor, mut stubborn, mut elsewhere) = (sleep(false), sleep(true), sleep(false));
    let line = |kind: &str, pid: u32, on: &str, group: &str| format!("{kind}\t{pid}\t{on}\tx\t{group}\t-\n");
    let user = "/user.slice/user-0.slice/session-4.scope";
    std::fs::write(
        &held,
        [
            line("deleted", 1, number, "/init.scope"),
            line("deleted", 71, number, "/system.slice/dbus.service"),
            line("deleted", 72, number, "/system.slice/ssh.service"),
            line("writes", 73, number, "/system.slice/networking.service"),
            line("writes", 74, number, "/system.slice/system-pg.slice/pg@15.service"),
            line("writes", 75, "0:999", "/system.slice/elsewhere.service"),
            line("writes", 76, number, "/user.slice/user-0.slice/user@0.service/app.slice/x.service"),
            line("writes", editor.id(), number, user),
            line("writes", stubborn.id(), number, "-"),
            line("writes", elsewhere.id(), "0:999", user),
        ]
        .concat(),
    )
    .unwrap();
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
    let acts = step.apply();
    let Some(replant::host::Act::Run { argv, .. }) = acts.last() else { panic!() };
    let child = Command::new(&argv[0]).args(&argv[1..]).env("PATH", path).stderr(Stdio::piped()).spawn().unwrap();
    // whoever is gone is no longer told of
    for ended in [&mut editor, &mut stubborn] {
        let gone = (0..600).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            ended.try_wait().unwrap().is_some()
        });
        let _ = ended.kill();
        assert!(gone, "it was not ended");
    }
    std::fs::write(&held, line("writes", 73, number, "/system.slice/networking.service")).unwrap();
    let ran = child.wait_with_output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(elsewhere.try_wait().unwrap().is_none(), "it holds something else");
    elsewhere.kill().unwrap();
    elsewhere.wait().unwrap();
    let asked = std::fs::read_to_string(at("asked")).unwrap();
    let asked: Vec<&str> = asked.lines().collect();
    assert_eq!(
        asked,
        ["daemon-reexec", "restart dbus.service", "reload ssh.service", "stop pg@15.service", "stop user@0.service"],
        "each once, and of the network nothing"
    );
    assert_eq!(std::fs::read_to_string(at("run/let-go.ran")).unwrap(), "pg@15.service\nuser@0.service\n");
}

/// The kernel is asked only where the file system does not become read-only otherwise; what could be written to is kept,
/// and is made so again.
#[test]
fn the_last_resort_is_the_last_and_is_taken_back() {
    use std::process::Command;
    for busy in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let file = |name: &str| at(name).to_str().unwrap().to_string();
        let step = replant::step::Remount { target: "/var".into(), last_resort: file("run/was") };
        let table = "30 1 254:0 / / rw,relatime shared:1 - ext4 /dev/mapper/vg0-root rw,errors=remount-ro\n\
                     40 30 254:2 / /var rw,relatime - xfs /dev/mapper/vg0-var rw,attr2\n\
                     41 30 0:24 / /run rw - tmpfs tmpfs rw\n\
                     42 30 9:0 / /boot ro,relatime - ext4 /dev/md0 ro\n\
                     43 30 254:4 / /srv/with\\040blank rw - ext4 /dev/mapper/vg0-stay rw\n";
        std::fs::write(at("mountinfo"), table).unwrap();
        executable(
            &at("mount"),
            if busy {
                "#!/bin/sh\necho \"$*\" >>\"${0%/*}/asked\"\n[ $2 = remount,rw ] || { echo 'mount: /var: mount point is busy.' >&2; exit 32; }\n"
            } else {
                "#!/bin/sh\necho \"$*\" >>\"${0%/*}/asked\"\n"
            },
        );
        executable(&at("sleep"), "#!/bin/sh\n");
        // what the kernel does when it is told
        executable(&at("sync"), "#!/bin/sh\nsed -i 's/ rw\\(,[a-z2=-]*\\)*$/ ro/' \"${0%/*}/mountinfo\"\n");
        let run = |argv: &[String]| {
            for (what, place) in [("/proc/self/mountinfo", "mountinfo"), ("/proc/sysrq-trigger", "trigger")] {
                assert!(argv[2].contains("remount,rw") || argv[2].contains(what), "{what}");
                let _ = place;
            }
            let script = argv[2]
                .replace("/proc/self/mountinfo", &file("mountinfo"))
                .replace("/proc/sysrq-trigger", &file("trigger"));
            assert!(!script.contains("/proc/"), "nothing of this machine is touched");
            let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
            let ran = Command::new("sh").arg("-c").arg(script).args(&argv[3..]).env("PATH", path).output().unwrap();
            assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        };
        use replant::step::{Step, Undo};
        let acts = step.apply();
        let [replant::host::Act::Run { argv, .. }] = &acts[..] else { panic!() };
        run(argv);
        assert_eq!(at("trigger").exists(), busy);
        assert_eq!(at("run/was").exists(), busy);
        let asked = std::fs::read_to_string(at("asked")).unwrap();
        assert_eq!(asked.lines().count(), if busy { 5 } else { 1 }, "{asked}");
        if busy {
            assert_eq!(std::fs::read_to_string(at("trigger")).unwrap(), "u\n");
            assert_eq!(std::fs::read_to_string(at("run/was")).unwrap(), "/\n/var\n/srv/with\\040blank\n");
        }
        std::fs::remove_file(at("asked")).unwrap();
        let Undo::Acts(acts) = step.undo() else { panic!() };
        let [replant::host::Act::Run { argv, .. }] = &acts[..] else { panic!() };
        run(argv);
        let asked = std::fs::read_to_string(at("asked")).unwrap();
        let all = ["-o remount,rw /", "-o remount,rw /var", "-o remount,rw /srv/with blank", "-o remount,rw /var"];
        assert_eq!(asked.lines().collect::<Vec<_>>(), if busy { &all[..] } else { &all[3..] });
        assert!(!at("run/was").exists());
    }
}

/// What is asked of a server, asked of this machine: a program of ours that writes and uses a deleted file.
#[test]
fn what_a_program_holds_is_seen() {
    use replant::host::Query;
    use std::process::Command;
    let dir = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR").to_string() + "/target").unwrap();
    let text = "exec 7>\"$1/open\" 8<\"$1/open\" 9>\"$1/gone\"; rm \"$1/gone\"; echo ready; exec sleep 60";
    let mut child = Command::new("sh")
        .args(["-c", text, "sh"])
        .arg(dir.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut ready).unwrap();
    let Query::Run(argv) = replant::facts::writers::query() else { panic!() };
    let ran = Command::new(&argv[0]).args(&argv[1..]).output().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    let live = replant::facts::writers::parse(&said).unwrap();
    let its: Vec<_> = live.users.iter().filter(|user| user.pid == child.id()).collect();
    let here = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    if !here
        .lines()
        .any(|line| line.contains(" - ") && its.iter().any(|user| line.contains(&format!(" {} ", user.on))))
    {
        // the project lies in memory here, or on a file server: nothing of that is told
        assert!(its.is_empty(), "{its:?}");
        return;
    }
    use replant::facts::writers::Does;
    let does: Vec<Does> = its.iter().map(|user| user.does).collect();
    assert!(does.contains(&Does::Writes) && does.contains(&Does::Deleted), "{its:?}");
    let gone = its.iter().find(|user| user.does == Does::Deleted).unwrap();
    assert!(gone.path.ends_with("/gone") && gone.process == "sleep", "{gone:?}");
    assert!(live.mounts.iter().any(|(_, mount)| mount.number == gone.on), "{said}");
}

// ---- power ----------------------------------------------------------------------------------------------------------------

/// A file system that stays behind is not made read-only: what it has in memory must be on disk before the power goes.
#[test]
fn what_stays_behind_is_on_disk_before_the_power_goes() {
    let case = case("with something in memory", |world| world.old.run.unsynced.push("elsewhere".into()));
    let mut scene = Scene::new(&case.world);
    case.clean(&mut scene, Kind::Apply, "undisturbed");
    assert_eq!(scene.world.world().lost, Vec::<String>::new());
}
