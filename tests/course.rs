//! The course over recorded facts: plan + facts -> runbook.

use replant::{course, facts::Facts, findings, plan, runbook};

fn lab_facts() -> Facts {
    let text = std::fs::read_to_string("tests/facts/lab-full.json").unwrap();
    serde_json::from_str(&text).unwrap()
}

fn lab_plan() -> plan::Loaded {
    plan::load(std::path::Path::new("tests/runbooks/lab.yaml")).unwrap_or_else(|bad| panic!("{}", bad.render(false)))
}

#[test]
fn the_lab_pair_has_nothing_in_the_way() {
    let loaded = lab_plan();
    let found = findings::find(&loaded.plan, &lab_facts());
    let stops: Vec<_> = found.iter().filter(|finding| finding.stops()).collect();
    assert!(stops.is_empty(), "{stops:#?}");
}

#[test]
fn the_runbook_holds_and_survives_a_file() {
    let loaded = lab_plan();
    let book = course::make(&loaded.plan, &loaded.digest, &lab_facts()).unwrap();
    assert_eq!(runbook::lint(&book.nodes), []);
    let json = serde_json::to_string(&book).unwrap();
    let back: course::Runbook = serde_json::from_str(&json).unwrap();
    assert_eq!(back.nodes, book.nodes);
    for node in &book.nodes {
        println!(
            "{:8} {:9} {:24} {}  [until {:?}]",
            node.stage.to_string(),
            format!("{:?}", node.on),
            node.id.0,
            node.step.as_step().title(),
            node.until.as_ref().map(|u| &u.0)
        );
    }
}

#[test]
fn every_script_of_a_runbook_is_a_script() {
    use replant::host::Act;
    use replant::step::Undo;
    let loaded = lab_plan();
    let book = course::make(&loaded.plan, &loaded.digest, &lab_facts()).unwrap();
    let mut seen = 0;
    for node in &book.nodes {
        let step = node.step.as_step();
        let mut acts = step.apply();
        if let Undo::Acts(undo) = step.undo() {
            acts.extend(undo);
        }
        for act in acts {
            let script = match act {
                Act::Put { text, .. } if text.0.starts_with("#!/bin/sh") => text.0,
                Act::Run { argv, .. } if argv.len() > 2 && argv[0] == "sh" && argv[1] == "-c" => argv[2].clone(),
                _ => continue,
            };
            let path = std::env::temp_dir().join(format!("replant-script-{}-{seen}.sh", std::process::id()));
            std::fs::write(&path, &script).unwrap();
            let checked = std::process::Command::new("sh").arg("-n").arg(&path).output().unwrap();
            std::fs::remove_file(&path).unwrap();
            assert!(checked.status.success(), "{}: {}\n{script}", node.id, String::from_utf8_lossy(&checked.stderr));
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

/// A file system with a swap file in use does not become read-only.
#[test]
fn a_swap_file_is_switched_off_before_its_file_system_falls_silent() {
    let loaded = lab_plan();
    let mut facts = lab_facts();
    let swap = |path: &str| replant::facts::Swap { path: path.into(), kind: "file".into(), size: 1 << 30, used: 0 };
    facts.old.swaps.extend([swap("/swap.img"), swap("/elsewhere/swap.img")]);
    facts.old.mounts.push(replant::facts::Mount {
        target: "/elsewhere".into(),
        source: "/dev/sdc1".into(),
        ..Default::default()
    });
    let book = course::make(&loaded.plan, &loaded.digest, &facts).unwrap();
    let at = |id: &str| book.nodes.iter().position(|node| node.id.0 == id);
    assert!(at("swap-off-swap.img").unwrap() < at("read-only-root").unwrap());
    assert_eq!(book.nodes.iter().filter(|node| node.id.0.starts_with("swap-off")).count(), 2);
}

/// An address on a bridge: its one card is the one whose name new's card gets.
#[test]
fn a_card_is_found_below_a_bridge() {
    let (loaded, mut facts) = (lab_plan(), lab_facts());
    let card = facts.old.interfaces.iter_mut().find(|card| card.name == "ens3").unwrap();
    let addresses = std::mem::take(&mut card.addresses);
    card.master = Some("br0".into());
    let bridge = replant::facts::Interface { name: "br0".into(), addresses, ..Default::default() };
    // a guest's, which is no card, and the two ends of a pair that name each other
    let tap = replant::facts::Interface { name: "tap0".into(), master: Some("br0".into()), ..Default::default() };
    let end = |name: &str, link: &str| replant::facts::Interface {
        name: name.into(),
        link: Some(link.into()),
        master: Some("br0".into()),
        ..Default::default()
    };
    facts.old.interfaces.extend([bridge, tap, end("veth0", "veth1"), end("veth1", "veth0")]);
    assert_eq!(course::service_card(&loaded.plan, &facts).unwrap().name, "ens3");
    let book = course::make(&loaded.plan, &loaded.digest, &facts).unwrap();
    assert!(book.nodes.iter().any(|node| node.id.0 == "keep-card-name"));
}

/// What LVM lists in an initramfs in which one disk is missing, and what the boot hook makes of it.
#[test]
fn the_boot_hook_gives_up_what_is_missing_and_nothing_else() {
    let loaded = lab_plan();
    let facts = lab_facts();
    let book = course::make(&loaded.plan, &loaded.digest, &facts).unwrap();
    let json = serde_json::to_value(&book.nodes).unwrap();
    let nodes = json.as_array().unwrap();
    let hook = nodes.iter().find(|node| node["id"] == "boot-hook").unwrap()["step"]["file"]["text"].as_str().unwrap();
    let ours = &facts.old.pvs.iter().find(|pv| pv.vg == "vg0").unwrap().uuid;

    let run = |listed: &str| -> String {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let lvm = format!("#!/bin/sh\necho \"$*\" >>{}\n[ \"$1\" != pvs ] || printf '{listed}'\n", log.display());
        std::fs::write(dir.path().join("lvm"), lvm).unwrap();
        std::process::Command::new("chmod").arg("755").arg(dir.path().join("lvm")).status().unwrap();
        let since = dir.path().join("since");
        std::fs::write(&since, "-15\n").unwrap();
        let script = dir.path().join("hook");
        std::fs::write(&script, hook.replace("/run/replant-since", &since.display().to_string())).unwrap();
        let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
        let status = std::process::Command::new("sh").arg(&script).env("PATH", path).status().unwrap();
        assert!(status.success());
        std::fs::read_to_string(&log).unwrap()
    };
    let whole = run(&format!("  /dev/md1 {ours}\\n  [unknown] aaaaaa-bbbb\\n"));
    assert!(whole.contains("vgreduce --removemissing --mirrorsonly --force vg0"), "{whole}");
    assert!(whole.contains("vgchange --sysinit --activate y --activationmode degraded vg0"), "{whole}");
    // one of old's own disks is missing too: nothing may be given up
    let broken = run(&format!("  [unknown] {ours}\\n  /dev/sdx aaaaaa-bbbb\\n"));
    assert!(!broken.contains("vgreduce") && !broken.contains("vgchange"), "{broken}");
}
