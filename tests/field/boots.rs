//! Rows in the simulated pair: what is written for the first boot of new boots it.

use replant::course;
use replant::facts;
use replant::host::{Hosts, Server};
use replant::plan;
use replant::runbook::Node;
use replant::sim::{Shape, Sim};
use replant::step::Seen;

/// The lab's pair, with another mdadm.conf on old, migrated step by step; or where that ends, and why.
fn migrated(mdadm_conf: impl Fn(&str) -> String) -> Result<(), String> {
    let path = format!("{}/plans/lab.yaml", env!("CARGO_MANIFEST_DIR"));
    let plan = plan::load(path.as_ref()).unwrap_or_else(|error| panic!("{error:?}")).plan;
    let sim = Sim::shaped(&plan, None, Shape::default());
    const CONF: &str = "/etc/mdadm/mdadm.conf";
    sim.change(|world| {
        let text = world.read_file(Server::Old, CONF).unwrap();
        world.write_file(Server::Old, CONF, &mdadm_conf(&text), 0o644).is_ok()
    });
    let facts = facts::both(&sim).unwrap();
    let nodes = course::make(&plan, "digest", &facts).unwrap_or_else(|found| panic!("{found:#?}")).nodes;
    nodes.iter().try_for_each(|node| done(&sim, node))
}

fn done(sim: &Sim, node: &Node) -> Result<(), String> {
    let step = node.step.as_step();
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", node.id.0);
    if step.observe(sim, node.on).map_err(|error| failed(&error))? == Seen::Absent {
        for act in step.apply() {
            sim.act(node.on, "field", &act).map_err(|error| failed(&error))?;
        }
    }
    let mut seen = Seen::Absent;
    for _ in 0..500 {
        seen = step.observe(sim, node.on).map_err(|error| failed(&error))?;
        if seen == Seen::Present {
            return Ok(());
        }
    }
    Err(format!("{}: {seen:?}", node.id.0))
}

#[test]
fn new_boots_whatever_old_says_of_its_arrays() {
    let listed = |text: &str| format!("DEVICE /dev/sda1 /dev/sda2 /dev/sdb1 /dev/sdb2\n{text}");
    assert_eq!(migrated(listed), Ok(()));
    assert_eq!(migrated(|text| listed(text).to_lowercase().replace("device", "dev")), Ok(()));
    // by the name that new's array has too
    let by_name = |text: &str| {
        let words = |line: &str| -> String {
            line.split(' ').filter(|word| !word.starts_with("UUID=")).collect::<Vec<_>>().join("\n  ") + "\n"
        };
        text.lines().map(words).collect()
    };
    assert_eq!(migrated(by_name), Ok(()));
    // by members that are called so on new as well
    assert_eq!(migrated(|_| "array /dev/md0 devices=/dev/sd*\nauto -all\n".into()), Ok(()));
}
