//! A pair made from facts is the pair that was read: what the simulated servers answer is held against the facts, and the
//! migration goes to its end on it.

use std::path::Path;
use std::sync::atomic::AtomicU8;

use replant::course;
use replant::engine::{self, Options};
use replant::facts::{self, Facts, ServerFacts};
use replant::host::Side;
use replant::journal::{Header, Journal};
use replant::plan::{self, Plan};
use replant::sim::{Patient, Sim, System};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn lab() -> (Plan, Facts) {
    let text = std::fs::read_to_string(Path::new(ROOT).join("tests/facts/lab-full.json")).unwrap();
    let plan = plan::load(&Path::new(ROOT).join("tests/runbooks/lab.yaml")).unwrap().plan;
    (plan, serde_json::from_str(&text).unwrap())
}

fn read(sim: &Sim) -> Facts {
    Facts { format: 1, old: facts::read(sim, Side::Old).unwrap(), new: facts::read(sim, Side::New).unwrap() }
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
    let made = read(sim);
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
