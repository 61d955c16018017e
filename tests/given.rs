//! A pair made from facts is the pair that was read: what the simulated servers answer is held against the facts, and the
//! migration goes to its end on it.

use std::path::Path;
use std::sync::atomic::AtomicU8;

use replant::course;
use replant::engine::{self, Options};
use replant::facts::record::{self, Recorder, Recording};
use replant::facts::{self, Facts, ServerFacts};
use replant::host::Side;
use replant::journal::{Header, Journal};
use replant::plan::{self, Plan};
use replant::sim::{Patient, Sim, System};

mod desk;

use desk::{ROOT, recording};

fn lab() -> (Plan, Facts) {
    let text = std::fs::read_to_string(Path::new(ROOT).join("tests/facts/lab-full.json")).unwrap();
    let plan = plan::load(&Path::new(ROOT).join("tests/runbooks/lab.yaml")).unwrap().plan;
    (plan, serde_json::from_str(&text).unwrap())
}

fn read(sim: &Sim) -> Facts {
    facts::both(sim).unwrap()
}

/// What a rehearsal must have in common with the server.
fn shape(server: &ServerFacts) -> Vec<String> {
    let mut shape = vec![format!("{} {:?}", server.hostname, server.machine)];
    for block in &server.blocks {
        // partitions of a disk are known by their number, whatever the kernel calls the disk at this boot
        let name = match block.kind.as_str() {
            "disk" => format!("disk {:?}", block.serial),
            "part" => format!("part {:?}", block.partuuid),
            kind => format!("{kind} {}", block.path),
        };
        if block.kind != "rom" && block.kind != "loop" && !block.removable {
            shape.push(format!("{name} {} {:?} {:?}", block.size, block.fstype, block.mountpoints));
        }
    }
    shape.extend(server.arrays.iter().map(|array| format!("array {} {} {}", array.path, array.level, array.uuid)));
    shape.extend(
        server.pvs.iter().map(|pv| format!("pv {} {} {} {}", pv.uuid, pv.vg, pv.pe_count, pv.pe_alloc_count)),
    );
    shape.extend(server.vgs.iter().map(|vg| format!("vg {} {} {}", vg.name, vg.extent_count, vg.free_count)));
    shape.extend(
        server.lvs.iter().map(|lv| format!("lv {}/{} {} {:?} {:?}", lv.vg, lv.name, lv.size, lv.fstype, lv.fs_uuid)),
    );
    shape.extend(
        server.mounts.iter().map(|mount| format!("mount {} {} {}", mount.target, mount.fstype, mount.source)),
    );
    shape.extend(
        server.interfaces.iter().filter(|card| card.physical).map(|card| format!("card {} {}", card.name, card.mac)),
    );
    shape.sort();
    shape
}

fn is_that_pair(sim: &Sim, facts: &Facts) {
    let mut made = read(sim);
    // a machine whose maker gave it no number gets one
    for (made, read) in [(&mut made.old, &facts.old), (&mut made.new, &facts.new)] {
        made.machine = made.machine.take().filter(|_| read.machine.is_some());
    }
    assert_eq!(shape(&made.old), shape(&facts.old));
    // the simulated rescue system is in memory, whatever the real one is mounted from
    let unmounted = |server: &ServerFacts| {
        let mut server = server.clone();
        server.mounts.clear();
        server.blocks.iter_mut().for_each(|block| block.mountpoints.clear());
        server
    };
    assert_eq!(shape(&unmounted(&made.new)), shape(&unmounted(&facts.new)));
    for unit in &facts.old.services {
        assert!(made.old.services.contains(unit), "{unit} does not run");
    }
    for (path, text) in
        facts.old.files.iter().filter(|(path, _)| !path.starts_with("/proc/") && !path.ends_with("grub.cfg"))
    {
        assert_eq!(made.old.files.get(path), Some(text), "{path}");
    }
}

fn goes_to_the_end(plan: &Plan, sim: &Sim) {
    let nodes = course::make(plan, "digest", &read(sim)).unwrap_or_else(|found| panic!("{found:#?}")).nodes;
    let stop = AtomicU8::new(0);
    let clock = Patient::default();
    let options = Options { parallelism: 1, clock: &clock, ..Options::new(&stop) };
    let mut journal = Journal::nowhere(Header::new("given", ""));
    if let Err(stopped) = engine::apply(&nodes, &mut journal, sim, &options, &|_| {}) {
        panic!("{:?}: {stopped}; new: {:?}", stopped.step, sim.world().new.system);
    }
    assert_eq!(sim.world().new.system, System::Own);
}

#[test]
fn the_recorded_lab_can_be_rehearsed() {
    let (plan, facts) = lab();
    let sim = Sim::from_facts(&plan, &facts).unwrap_or_else(|error| panic!("{error}"));
    is_that_pair(&sim, &facts);
    goes_to_the_end(&plan, &sim);
}

/// As `replant facts` kept it: every question to the two virtual machines of the lab, and what they answered.
#[test]
fn so_can_the_lab_as_its_file_of_facts_has_it() {
    let (plan, _) = lab();
    let kept = Recording::read(&Path::new(ROOT).join("tests/facts/lab.json")).unwrap();
    let facts = kept.facts().unwrap();
    assert_eq!(facts.old.lvs.iter().map(|lv| lv.name.as_str()).collect::<Vec<_>>(), ["root", "swap_1", "var"]);
    assert_eq!(facts.new.blocks.iter().filter(|block| block.kind == "disk" && block.serial.is_some()).count(), 5);
    let sim = Sim::from_facts(&plan, &facts).unwrap_or_else(|error| panic!("{error}"));
    is_that_pair(&sim, &facts);
    goes_to_the_end(&plan, &sim);
}

/// Also where the network is configured by something that the simulation does not read, fstab speaks of more than disks,
/// and old's initramfs has what old needs and no more.
#[test]
fn so_can_a_server_that_is_set_up_otherwise() {
    let (plan, mut facts) = lab();
    facts.old.files.remove("/etc/network/interfaces");
    let fstab = facts.old.files.get_mut("/etc/fstab").unwrap();
    *fstab += "tmpfs /tmp tmpfs size=10% 0 0\n/srv/a /srv/b none bind 0 0\nnas:/x /mnt/x nfs4 _netdev 0 0\n/dev/sr0 /media/cd iso9660 noauto 0 0\n";
    facts.old.files.insert("/etc/initramfs-tools/initramfs.conf".into(), "MODULES=dep\n".into());
    facts.old.services.push("somebodys-own.service".into());
    let sim = Sim::from_facts(&plan, &facts).unwrap_or_else(|error| panic!("{error}"));
    is_that_pair(&sim, &facts);
    goes_to_the_end(&plan, &sim);
}

/// Every example's pair, read and made again.
#[test]
fn facts_of_a_simulated_pair_make_the_same_pair() {
    for name in ["lab", "cs940", "minimal", "nvme", "one-disk", "two-groups"] {
        let plan = plan::load(&Path::new(ROOT).join(format!("plans/{name}.yaml"))).unwrap().plan;
        let facts = read(&Sim::from_plan(&plan, None));
        let sim = Sim::from_facts(&plan, &facts).unwrap_or_else(|error| panic!("{name}: {error}"));
        is_that_pair(&sim, &facts);
        goes_to_the_end(&plan, &sim);
    }
}

#[test]
fn what_cannot_be_simulated_is_said() {
    let (plan, facts) = lab();
    let mut no_root = facts.clone();
    no_root.old.mounts.retain(|mount| mount.target != "/");
    assert_eq!(
        Sim::from_facts(&plan, &no_root).err().unwrap().to_string(),
        "these facts tell nothing of old's root file system: it cannot be simulated"
    );
    let mut no_boot = facts;
    *no_boot.old.files.get_mut("/etc/fstab").unwrap() += "/dev/mapper/vg0-gone /gone ext4 defaults 0 2\n";
    let why = Sim::from_facts(&plan, &no_boot).err().unwrap().to_string();
    assert!(why.contains("does not boot in the simulation: emergency mode"), "{why}");
}

// ---- a file of facts --------------------------------------------------------------------------------------------------

fn replant(desk: &Path, args: &[&str]) -> (i32, String, String) {
    let ran =
        std::process::Command::new(env!("CARGO_BIN_EXE_replant")).args(args).current_dir(desk).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (ran.status.code().unwrap_or(-1), text(ran.stdout), text(ran.stderr))
}

/// A directory with the lab's plan and facts in it.
fn desk(recording: &Recording) -> tempfile::TempDir {
    let desk = tempfile::tempdir().unwrap();
    std::fs::copy(Path::new(ROOT).join("tests/runbooks/lab.yaml"), desk.path().join("lab.yaml")).unwrap();
    std::fs::write(desk.path().join("lab.json"), serde_json::to_string_pretty(recording).unwrap()).unwrap();
    desk
}

#[test]
fn kept_answers_are_read_as_the_servers_were() {
    let kept = recording();
    assert_eq!(kept.not_asked(), Vec::<String>::new());
    let (_, facts) = lab();
    let again = kept.facts().unwrap();
    assert_eq!((again.old.lvs, again.new.blocks), (facts.old.lvs, facts.new.blocks));
    let desk = desk(&kept);
    assert_eq!(Recording::read(&desk.path().join("lab.json")).unwrap(), kept, "written and read again");
}

/// What a Recorder keeps of two servers is enough to answer for them.
#[test]
fn whatever_is_asked_is_kept() {
    let (plan, _) = lab();
    let sim = Sim::from_plan(&plan, None);
    let recorder = Recorder::new(&sim);
    let facts = facts::both(&recorder).unwrap();
    let server = |side| record::RecordedServer { login: "root@10.77.0.21".into(), answers: recorder.answers(side) };
    let kept = Recording { old: server(Side::Old), new: server(Side::New), ..recording() };
    assert_eq!(kept.facts().unwrap(), facts);
    assert!(kept.old.answers.iter().all(|answer| !answer.name.is_empty()), "a question without a name");
}

#[test]
fn plan_simulate_graph_and_init_take_a_file_of_facts() {
    let desk = desk(&recording());
    let (code, out, err) = replant(desk.path(), &["plan", "lab.yaml", "--facts", "lab.json", "--out", "real.json"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("Facts of lab.json in place of the servers, read 2026-11-22T11:00:00Z"), "{err}");
    assert!(out.contains("34 MB/s, measured"), "the link is the recorded one: {out}");

    let args = ["simulate", "lab.yaml", "--facts", "lab.json", "--out", "sim.json"];
    let (code, out, err) = replant(desk.path(), &args);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("Simulated to the end"), "{out}");
    for saved in ["real.json", "sim.json"] {
        assert_eq!(replant(desk.path(), &["show", saved]).0, 0, "{saved}");
        assert_eq!(replant(desk.path(), &["graph", saved, "--format", "dot"]).0, 0, "{saved}");
    }
    // it is the pair of the facts: same volumes, same disks, and not the one that a plan alone would make
    let ids = |file: &str| {
        let text = std::fs::read_to_string(desk.path().join(file)).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let nodes = value["nodes"].as_array().unwrap().clone();
        let all = nodes.iter().map(|node| node["id"].as_str().unwrap().to_string());
        all.filter(|id| !id.starts_with("initramfs-")).collect::<Vec<_>>()
    };
    assert_eq!(ids("real.json"), ids("sim.json"));

    let (code, out, _) = replant(desk.path(), &["graph", "lab.yaml", "--facts", "lab.json", "--format", "mermaid"]);
    assert!(code == 0 && out.contains("mirror vg0/root"), "{out}");
    let (code, _, err) = replant(desk.path(), &["init", "--facts", "lab.json", "--out", "drafted.yaml"]);
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = replant(desk.path(), &["plan", "drafted.yaml", "--facts", "lab.json"]);
    assert_eq!(code, 0, "{err}");
    // a runbook stays what it is: --out replaces no plan
    assert_eq!(replant(desk.path(), &["simulate", "lab.yaml", "--out", "drafted.yaml"]).0, 1);
}

/// What inhibits on the servers inhibits in the rehearsal, too.
#[test]
fn a_rehearsal_is_refused_for_the_reasons_of_the_servers() {
    let mut kept = recording();
    let lvs = kept.old.answers.iter_mut().find(|answer| answer.name == "lvs").unwrap();
    lvs.out.iter_mut().for_each(|line| *line = line.replace("\"segtype\":\"linear\"", "\"segtype\":\"thin\""));
    let desk = desk(&kept);
    for command in ["plan", "simulate", "graph"] {
        let (code, _, err) = replant(desk.path(), &[command, "lab.yaml", "--facts", "lab.json"]);
        assert!(code == 1 && err.contains("inhibitor"), "{command}: {err}");
    }
}

#[test]
fn a_file_that_is_older_or_no_facts_is_told() {
    let mut kept = recording();
    kept.old.answers.retain(|answer| answer.name != "health");
    kept.new.answers.iter_mut().find(|answer| answer.name == "services").unwrap().asked.push("--more".into());
    kept.new.login = "root@192.0.2.1:2222".into();
    let (code, _, err) = replant(desk(&kept).path(), &["plan", "lab.yaml", "--facts", "lab.json"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("did not ask `health` of old, `services` of new in other words"), "{err}");
    assert!(
        err.contains("these facts are those of root@192.0.2.1:2222, and the plan has new at 10.77.0.22"),
        "{err}"
    );

    kept.old.answers.retain(|answer| answer.name != "lsblk");
    let (code, _, err) = replant(desk(&kept).path(), &["plan", "lab.yaml", "--facts", "lab.json"]);
    assert!(code == 1 && err.contains("lsblk") && err.contains("help: facts are written by"), "{err}");

    let desk = desk(&recording());
    for (text, by) in [
        ("{}", "does not hold facts"),
        ("{\"facts\": 2, \"more\": 1}", "has format 2"),
        ("version: 1", "does not hold facts"),
    ] {
        std::fs::write(desk.path().join("lab.json"), text).unwrap();
        let (code, _, err) = replant(desk.path(), &["plan", "lab.yaml", "--facts", "lab.json"]);
        assert!(code == 1 && err.contains(by), "{text}: {err}");
    }
    let (code, _, err) = replant(desk.path(), &["init"]);
    assert!(code == 2, "{err}");
}
