//! The course over recorded facts: plan + facts -> runbook.

use replant::forecast::Outlook;
use replant::units::SectorSize;
use replant::{course, facts::Facts, findings, plan, runbook};

mod made;

fn lab_facts() -> Facts {
    let text = std::fs::read_to_string("tests/facts/lab-full.json").unwrap();
    serde_json::from_str(&text).unwrap()
}

fn lab_plan() -> plan::Loaded {
    plan::load(std::path::Path::new("tests/runbooks/lab.yaml")).unwrap_or_else(|bad| panic!("{}", bad.render(false)))
}

/// The lab's plan and its runbook, with less time for the cutover than it takes: one finding, and the plan has a place for it.
fn short_of_time() -> (plan::Loaded, course::Runbook) {
    let text = std::fs::read_to_string("tests/runbooks/lab.yaml").unwrap();
    let text = text.replace("downtime_budget: 15min", "downtime_budget: 30s");
    let loaded = plan::parse("short.yaml", &text).unwrap_or_else(|bad| panic!("{}", bad.render(false)));
    let book = course::make(&loaded.plan, &loaded.digest, &lab_facts()).unwrap();
    (loaded, book)
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
fn times_are_foretold() {
    use replant::{facts::Link, forecast};
    let loaded = lab_plan();
    let book = course::make(&loaded.plan, &loaded.digest, &lab_facts()).unwrap();
    let book = course::Runbook { link: Link::measured(100_000_000), ..book };
    let told = forecast::forecast(&book);
    let copied: Vec<&str> = told.copies.iter().map(|copy| copy.step.0.as_str()).collect();
    assert_eq!(copied, ["copy-boot", "mirror-vg0-var", "mirror-vg0-root"]);
    assert_eq!(told.seconds, told.bytes as f64 / 1e8);
    // of the steps between the first service that stops and the system that serves, each that the end waits for is in one part
    let steps: Vec<&str> = told.downtime.parts.iter().flat_map(|part| &part.steps).map(|id| id.0.as_str()).collect();
    let down = forecast::down(&book.nodes);
    assert_eq!(down[0].id.0, "stop-services");
    for waited_for in
        ["stop-services", "let-go", "read-only-root", "split-vg0-var", "old-off", "grub-b", "own-boot", "same-system"]
    {
        assert_eq!(steps.iter().filter(|id| **id == waited_for).count(), 1, "{waited_for}: {steps:?}");
    }
    for beside in ["swap-off-vg0-swap_1", "check-vg0-var"] {
        assert!(!steps.contains(&beside) && down.iter().any(|node| node.id.0 == beside), "{beside}: {steps:?}");
    }
    assert_eq!(down.last().unwrap().id.0, "same-system");
    assert!((60.0..900.0).contains(&told.downtime.seconds), "{}", told.downtime.seconds);
    let parts: f64 = told.downtime.parts.iter().map(|part| part.seconds).sum();
    assert!((parts - told.downtime.seconds).abs() < 0.001);
    assert!(told.downtime.parts.iter().all(|part| part.what != "other steps"), "{:?}", told.downtime.parts);
    assert_eq!(told.finding(&book.plan), None, "the lab's budget is 15 min");
    assert_eq!(told.stops.len(), 2, "{:?}", told.stops);

    // a slow answer costs at every step
    let far = Link { new_round_trip: 1.1, ..Link::default() };
    let slow = forecast::forecast(&course::Runbook { link: far, ..book.clone() });
    assert!(slow.downtime.seconds > told.downtime.seconds + 60.0);

    // what is to be said before anything is begun
    let (short, book) = short_of_time();
    let blocked = Link { blocked: Some("Connection timed out".into()), ..Link::default() };
    let book = course::Runbook { link: blocked, ..book };
    let found = Outlook::of(&book).findings;
    assert_eq!(found.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["R1501", "R1502"]);
    assert!(found[0].message.contains("the plan allows 30 s; longest: new boots"), "{}", found[0].message);
    assert!(!found.iter().any(findings::Finding::stops) && found[0].place(&short).is_some());
}

/// Each byte that is read while services are down costs, by whoever reads it and over whatever it comes.
#[test]
fn the_comparison_of_the_copies_is_a_part_of_the_downtime() {
    use replant::plan::{Method, Only, Verify};
    use replant::{facts::Link, forecast};
    let part = |method: Method, only: Only, verify: Verify, rate| {
        let mut loaded = lab_plan();
        (loaded.plan.copy.method, loaded.plan.copy.only) = (Some(method.into()), only.into());
        loaded.plan.copy.verify = verify.into();
        let facts = replant::facts::both(&replant::sim::Sim::from_plan(&loaded.plan, None)).unwrap();
        let book = course::make(&loaded.plan, &loaded.digest, &facts).unwrap();
        let told = forecast::forecast(&course::Runbook { link: Link::measured(rate), ..book });
        let part = told.downtime.parts.into_iter().find(|part| part.what == "the copies are compared");
        part.map(|part| (part.seconds, part.assumed, told.bytes as f64))
    };
    assert_eq!(part(Method::Below, Only::All, Verify::Off, 1_000_000), None);
    let (quick, assumed, _) = part(Method::Below, Only::All, Verify::Sampled, 100_000_000).unwrap();
    assert!((1.0..10.0).contains(&quick), "{quick}");
    assert!(assumed.unwrap().contains("200 MB/s of its own disks"));
    // new reads its own disks, whatever the link is
    let (own, _, _) = part(Method::Below, Only::All, Verify::Whole, 1_000_000).unwrap();
    assert_eq!(own, part(Method::Below, Only::All, Verify::Whole, 100_000_000).unwrap().0);
    assert!(own > quick);
    // and where old reads the copies they come over the link
    for (method, only) in [(Method::Mirror, Only::All), (Method::Below, Only::Used)] {
        let (wire, _, bytes) = part(method, only, Verify::Whole, 1_000_000).unwrap();
        // /boot is copied, too, and compared by itself
        assert!(wire > (bytes - 600e6) / 1e6 && wire < bytes / 1e6 + 5.0, "{wire} {bytes}");
    }
}

#[test]
fn the_published_schemas_are_current() {
    use replant::report::{refused_schema, runbook_schema};
    use snapbox::{Assert, Data};
    for (schema, path) in
        [(runbook_schema(), "schemas/runbook.schema.json"), (refused_schema(), "schemas/refused.schema.json")]
    {
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        let published = Data::read_from(path.as_ref(), Some(snapbox::data::DataFormat::Text)).raw();
        if let Err(error) = Assert::new().action_env("SNAPSHOTS").try_eq(Some(&path), text.into(), published) {
            panic!("{error}\nrun `SNAPSHOTS=overwrite cargo test --test course` to update {path}");
        }
    }
}

/// As it is saved and as it is printed; and a schema that holds lets nothing else pass.
#[test]
fn runbooks_are_as_the_published_schema_says() {
    let validator = jsonschema::validator_for(&replant::report::runbook_schema()).unwrap();
    let (loaded, book) = short_of_time();
    let saved = serde_json::to_value(&book).unwrap();
    let printed =
        serde_json::to_value(replant::report::runbook_json(&book, &Outlook::of(&book), Some(&loaded))).unwrap();
    for value in [&saved, &printed] {
        let errors: Vec<_> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    for (place, wrong) in
        [("/nodes/0/on", "third"), ("/nodes/0/step/hostname/name", "null"), ("/facts/old/memory", "\"x\"")]
    {
        let mut damaged = printed.clone();
        *damaged.pointer_mut(place).unwrap() = serde_json::from_str(wrong).unwrap_or_else(|_| wrong.into());
        assert!(!validator.is_valid(&damaged), "{place}");
    }
    let mut more = saved.clone();
    more["nodes"][0]["hurry"] = true.into();
    assert!(!validator.is_valid(&more));
}

/// A finding has its place in the plan, whether it inhibits the runbook or not; a saved runbook does not know the places.
#[test]
fn findings_as_data_have_their_places() {
    use replant::report;
    let (loaded, book) = short_of_time();
    let outlook = Outlook::of(&book);
    let inhibited = serde_json::to_value(report::refused_json(&outlook.findings, &loaded)).unwrap();
    let planned = serde_json::to_value(report::runbook_json(&book, &outlook, Some(&loaded))).unwrap();
    assert_eq!(planned["preview"]["findings"], inhibited["findings"]);
    assert!(jsonschema::validator_for(&report::refused_schema()).unwrap().is_valid(&inhibited));
    let budget = loaded.source.text.lines().position(|line| line.contains("30s")).unwrap() + 1;
    let place = &inhibited["findings"][0]["place"];
    assert_eq!((&place["file"], &place["line"]), (&"short.yaml".into(), &budget.into()));
    assert!(place["column"].as_u64() > Some(1), "{place}");

    let saved: course::Runbook = serde_json::from_str(&serde_json::to_string(&book).unwrap()).unwrap();
    let shown = serde_json::to_value(report::runbook_json(&saved, &Outlook::of(&saved), None)).unwrap();
    let finding = &shown["preview"]["findings"][0];
    assert_eq!((&finding["code"], finding.get("place")), (&"R1501".into(), None));
}

/// What a step insists on finding is what the steps before it leave there: its undo is its diff the other way round.
#[test]
fn diffs_of_files_follow_from_step_to_step() {
    use replant::{report, step::StepKind};
    let loaded = lab_plan();
    let book = course::make(&loaded.plan, &loaded.digest, &lab_facts()).unwrap();
    let mut seen = Vec::new();
    for (node, changes) in book.nodes.iter().zip(report::changes(&book)) {
        match &node.step {
            StepKind::File(_) => {
                let (Some(done), Some(undone)) = (&changes.apply[0], &changes.undo[0]) else { panic!("{}", node.id) };
                let lines = |diff: &str, sign| diff.lines().skip(2).filter(|line| line.starts_with(sign)).count();
                assert_eq!((done.added, done.removed), (undone.removed, undone.added), "{}", node.id);
                assert_eq!(lines(&done.diff, '+'), done.added);
                seen.push(node.id.0.as_str());
            }
            // each file that is removed is one whose text is known
            StepKind::NoFile(_) => assert!(changes.apply[0].as_ref().is_some_and(|gone| gone.added == 0)),
            _ => {}
        }
    }
    assert!(seen.contains(&"mdadm-conf") && seen.contains(&"open-lvm") && seen.contains(&"boot-hook"), "{seen:?}");
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
    assert_eq!(replant::layout::service_card(&loaded.plan, &facts).unwrap().name, "ens3");
    let book = course::make(&loaded.plan, &loaded.digest, &facts).unwrap();
    assert!(book.nodes.iter().any(|node| node.id.0 == "keep-card-name"));
}

/// tgt lets in only whom it knows by address.
#[test]
fn old_comes_to_new_by_the_address_beside_it() {
    use replant::facts::Interface;
    use replant::step::StepKind;
    let text = std::fs::read_to_string("tests/runbooks/lab.yaml").unwrap();
    // of old's addresses, and where new offers its disks: who is let in
    let cases = [
        (&["10.77.0.21/24"][..], "10.77.0.22", "10.77.0.21"),
        // a network for the copy
        (&["10.77.0.21/24", "10.78.1.1/16"], "10.78.0.22", "10.78.1.1"),
        (&["10.0.0.1/8", "10.77.0.21/24"], "10.77.0.22", "10.77.0.21"),
        // a second address of the same network: the first is the one that the kernel takes
        (&["10.77.0.7/24", "10.77.0.21/24"], "10.77.0.22", "10.77.0.7"),
        (&["fd00:77::21/64", "10.77.0.21/24"], "fd00:77::22", "fd00:77::21"),
        // by a router
        (&["10.77.0.21/24"], "10.99.0.22", "10.77.0.21"),
    ];
    for (addresses, portal, let_in) in cases {
        let text = text.replace("server: tgt,", &format!("server: tgt, address: \"{portal}\","));
        let loaded = plan::parse("near.yaml", &text).unwrap_or_else(|bad| panic!("{}", bad.render(false)));
        let mut facts = lab_facts();
        let service = facts.old.interfaces.iter().position(|card| card.physical).unwrap();
        facts.old.interfaces[service].addresses = addresses.iter().map(|address| address.to_string()).collect();
        // of two cards the one of the service, and never one without a cable
        let other = |name: &str, up: bool, address: &str| Interface {
            name: name.into(),
            up,
            addresses: vec![address.to_string()],
            ..Interface::default()
        };
        facts.old.interfaces.insert(0, other("ens8", true, "10.77.0.99/24"));
        facts.old.interfaces.insert(0, other("ens9", false, "10.78.0.99/24"));
        facts.new.interfaces.push(Interface { addresses: vec![format!("{portal}/24")], ..Interface::default() });
        let book = course::make(&loaded.plan, &loaded.digest, &facts).unwrap();
        let exports = book.nodes.iter().filter_map(|node| match &node.step {
            StepKind::TgtExport(export) => Some(export.initiator_address.as_str()),
            _ => None,
        });
        assert_eq!(exports.collect::<Vec<_>>(), [let_in; 2], "{addresses:?} to {portal}");
    }
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

/// Each of the examples, on recorded facts: nothing stands in its way, and a runbook comes out that can be read.
#[test]
fn every_example_gives_a_runbook() {
    for entry in std::fs::read_dir("plans").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let loaded = plan::load(&path).unwrap_or_else(|bad| panic!("{bad}"));
        let facts = made::facts(&loaded.plan);
        let found = findings::find(&loaded.plan, &facts);
        let stops: Vec<_> = found.iter().filter(|finding| finding.stops()).collect();
        assert!(stops.is_empty(), "{}: {stops:#?}", path.display());
        let book = course::make(&loaded.plan, &loaded.digest, &facts).unwrap_or_else(|found| panic!("{found:#?}"));
        assert_eq!(runbook::lint(&book.nodes), []);
        let text = replant::report::runbook(&book, &Outlook::of(&book));
        for group in &loaded.plan.volume_groups {
            let moves = [format!("split group {}", *group.name), format!("copy {}/", *group.name)];
            assert!(moves.iter().any(|title| text.contains(title)), "{text}");
        }
        let boots = ["boot new from its own disks", "let new go on: it boots"];
        assert!(boots.iter().any(|title| text.contains(title)), "{text}");
    }
}

/// Without arrays, and where old has none, no step runs mdadm: neither server need have it.
#[test]
fn one_disk_needs_no_mdadm() {
    use replant::host::Act;
    let loaded = plan::load("plans/one-disk.yaml".as_ref()).unwrap_or_else(|bad| panic!("{bad}"));
    let mut facts = made::facts(&loaded.plan);
    facts.old.tools.remove("mdadm");
    let book = course::make(&loaded.plan, &loaded.digest, &facts).unwrap();
    for node in &book.nodes {
        for act in node.step.as_step().apply() {
            let runs = match &act {
                Act::Run { argv, .. } => argv.iter().any(|word| word.contains("mdadm ") || word == "mdadm"),
                Act::Put { text, .. } => text.0.starts_with("#!") && text.0.contains("mdadm"),
                _ => false,
            };
            assert!(!runs, "{}: {act:?}", node.id);
        }
    }
}

/// As the plan has them, in one exchange; the journal with its sockets at once.
#[test]
fn services_stop_in_the_order_of_the_plan() {
    use replant::host::Act;
    use replant::step::Undo;
    let loaded = plan::load("plans/cs940.yaml".as_ref()).unwrap_or_else(|bad| panic!("{bad}"));
    let book = course::make(&loaded.plan, &loaded.digest, &made::facts(&loaded.plan)).unwrap();
    let of = |id: &str| book.nodes.iter().find(|node| node.id.0 == id).unwrap().step.as_step();
    let argv = |acts: &[Act]| match acts {
        [Act::Run { argv, .. }] => argv.clone(),
        other => panic!("{other:?}"),
    };
    let stop = argv(&of("stop-services").apply());
    assert!(
        stop[2]
            .contains("for unit do\n  [ \"$(state \"$unit\")\" = dead ] || systemctl stop \"$unit\" || exit\ndone")
    );
    assert_eq!(stop[5..], ["in-order", "nginx.service", "postgresql.service"]);
    let Undo::Acts(start) = of("stop-services").undo() else { panic!("it can be undone") };
    assert_eq!(argv(&start)[5..], ["postgresql.service", "nginx.service"]);
    assert_eq!(argv(&of("stop-journal").apply())[5], "together");
}

/// A long plan gives the same course as a short one, step by step; `benches/scale.rs` measures how long that takes.
#[test]
fn a_long_plan_gives_a_right_runbook() {
    let volumes = 2_000;
    let mut loaded = made::plan(100, volumes);
    loaded.plan.copy.method = Some(plan::Method::Mirror.into());
    let facts = made::facts(&loaded.plan);
    assert!(!findings::find(&loaded.plan, &facts).iter().any(findings::Finding::stops));
    let book = course::make(&loaded.plan, &loaded.digest, &facts).unwrap_or_else(|found| panic!("{found:#?}"));
    let with = |start: &str| book.nodes.iter().filter(|node| node.id.0.starts_with(start)).count();
    for step in ["mirror-vg0-", "split-vg0-", "check-vg0-"] {
        assert_eq!(with(step), volumes - 1, "{step}: all but the swap");
    }
    assert_eq!(with("table-"), 100);
    // the drawing leaves nothing out, and waits for nothing twice
    let dot = replant::report::graph::dot(&book);
    assert_eq!(dot.matches("tooltip=").count(), book.nodes.len());
    let last = format!("-> \"mirror-vg0-data{:05}\";", volumes - 1);
    assert_eq!(dot.matches(&last).count(), 1, "after the one before it only");
    assert_eq!(dot.matches("-> \"all-in-sync\";").count(), 3, "the last mirror, two arrays");
}

/// Where disks differ in size, `rest` is what the smallest of those that have the partition has left.
#[test]
fn the_rest_is_that_of_the_disks_that_have_the_partition() {
    let loaded = plan::load("plans/two-groups.yaml".as_ref()).unwrap_or_else(|bad| panic!("{bad}"));
    let mut facts = made::facts(&loaded.plan);
    let small = [("BTYF000000000001", 480), ("BTYF000000000002", 400), ("ZL2A0003", 4000)];
    for (serial, gib) in small {
        let block = facts.new.blocks.iter_mut().find(|block| block.serial.as_deref() == Some(serial)).unwrap();
        block.size = gib << 30;
    }
    let book = course::make(&loaded.plan, &loaded.digest, &facts).unwrap_or_else(|found| panic!("{found:#?}"));
    let gib = |disk: &str, name: &str| {
        let node = book.nodes.iter().find(|node| node.id.0 == format!("table-{disk}")).unwrap();
        let replant::step::StepKind::PartitionTable(table) = &node.step else { panic!("a table") };
        let part = table.partitions.iter().find(|part| part.name == name).unwrap();
        part.size.bytes(SectorSize::LEAST).mib() >> 10
    };
    assert_eq!([gib("ssd1", "system"), gib("ssd2", "system")], [398, 398]);
    assert_eq!([gib("hdd1", "data"), gib("hdd3", "data")], [3999, 3999]);
}

/// Names with dashes, and mounts below each other: `/srv/a-b` and `/srv/a/b`.
#[test]
fn steps_have_names_of_their_own() {
    let text = made::text(2, 4).replace("data00002", "a-b").replace("data00003", "c");
    let loaded = plan::parse("made.yaml", &text).unwrap_or_else(|bad| panic!("{bad}"));
    let mut facts = made::facts(&loaded.plan);
    facts.old.mounts.iter_mut().find(|mount| mount.target == "/srv/vg0/c").unwrap().target = "/srv/vg0-a/b".into();
    facts.old.mounts.iter_mut().find(|mount| mount.target == "/srv/vg0/a-b").unwrap().target = "/srv/vg0/a/b".into();
    let book = course::make(&loaded.plan, &loaded.digest, &facts).unwrap_or_else(|found| panic!("{found:#?}"));
    let ids: Vec<&str> = book.nodes.iter().map(|node| node.id.0.as_str()).collect();
    assert!(ids.contains(&"mount-srv-vg0-a-b") && ids.contains(&"mount-srv-vg0-a-b-2"), "{ids:?}");
}
