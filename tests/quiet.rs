//! The silence of old at the cutover: what must stop, what must not be written, and what keeps it from being had.

mod sweep;

use replant::course;
use replant::facts::{self, Facts};
use replant::host::{Server, Side};
use replant::plan;
use replant::runbook::Node;
use replant::sim::Sim;
use sweep::{Case, World, faithful};

impl World for Sim {
    fn fork(&self) -> Sim {
        Sim::new(self.world())
    }

    fn text(&self, of: Option<Server>) -> String {
        self.world().text(of)
    }

    fn spoil(&self, _: &Node) -> bool {
        false
    }
}

/// The lab's pair, otherwise than it is usually.
fn case(name: &'static str, change: impl FnOnce(&mut replant::sim::World)) -> Case<Sim> {
    let path = format!("{}/plans/lab.yaml", env!("CARGO_MANIFEST_DIR"));
    let plan = plan::load(path.as_ref()).unwrap_or_else(|error| panic!("{error:?}")).plan;
    let world = Sim::from_plan(&plan, None);
    world.change(change);
    let old = facts::read(&world, Side::Old).unwrap();
    let new = facts::read(&world, Side::New).unwrap();
    let facts = Facts { format: 1, old, new };
    let nodes = course::make(&plan, "digest", &facts).unwrap_or_else(|found| panic!("{found:#?}")).nodes;
    Case { name, nodes, world, parallelism: 1, by_hand: 0, lines: faithful }
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
