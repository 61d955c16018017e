//! Every fault at every place of the whole migration, over the simulated pair.

mod sweep;
#[path = "sweep/way.rs"]
mod way;

use std::time::Instant;

use replant::engine::Notice;
use replant::facts;
use replant::host::{Server, Side};
use replant::journal::Kind;
use replant::plan;
use replant::runbook::{Node, Stage};
use replant::sim::{FaultPlan, Shape, Sim, System};
use replant::step::StepKind;
use sweep::pair::{self, below, held, lio, placed, tgt, used};
use sweep::share::{caught, stride};
use sweep::{Case, Fault, Scene, World, faithful};

fn reaches_the_goal(case: &Case<Sim>) {
    let mut scene = Scene::new(&case.world);
    let before = Instant::now();
    let ran = case.clean(&mut scene, Kind::Apply, "undisturbed");
    eprintln!("{}: {} acts, {} looks, {} lines in {:?}", case.name, ran.acts, ran.looks, ran.lines, before.elapsed());
    let world = scene.world.world();
    assert!(!world.old.on);
    assert_eq!(world.new.system, System::Own);
    assert_eq!(world.new.run.hostname, "srv1");
}

#[test]
fn a_migration_reaches_its_goal() {
    reaches_the_goal(&tgt());
    reaches_the_goal(&lio());
    reaches_the_goal(&below());
    reaches_the_goal(&used());
    reaches_the_goal(&held());
    reaches_the_goal(&placed());
}

/// Each ends in: going on reaches the goal, or going back leaves both servers as they were found.
fn back_and_forth(case: &Case<Sim>) {
    case.twice();
}

/// A rescue system that runs what arrays it finds, an initiator that is there already, another server, another method.
#[test]
fn other_pairs_reach_the_goal_too() {
    let other = |name, server: plan::IscsiServer, shape: Shape| {
        let mut plan = pair::plan("lab");
        plan.transfer.iscsi.server = server.into();
        let world = Sim::shaped(&plan, None, shape);
        Case { parallelism: 2, ..pair::case(name, &plan, world) }
    };
    let shape = Shape { rescue_assembles: true, initiator_installed: true, ..Shape::default() };
    back_and_forth(&other("lio, core log", plan::IscsiServer::Lio, shape));
    back_and_forth(&other("tgt, raid1", plan::IscsiServer::Tgt, Shape { free_extents: 16, ..Shape::default() }));
    for name in ["cs940", "minimal", "nvme", "one-disk", "two-groups"] {
        let case = example(name);
        let mut scene = Scene::new(&case.world);
        case.clean(&mut scene, Kind::Apply, "undisturbed");
        assert_eq!(case.clean(&mut scene, Kind::Apply, "again").acts, 0);
        case.clean(&mut scene, Kind::Rollback, "back");
        // a disk that was wiped by the plan's leave stays empty, but that is beyond the change of servers
        case.as_found(&scene, &case.world, "back");
    }
}

#[test]
fn applied_twice_tgt() {
    back_and_forth(&tgt());
}

#[test]
fn applied_twice_lio() {
    back_and_forth(&lio());
}

#[test]
fn applied_twice_below() {
    back_and_forth(&below());
}

#[test]
fn applied_twice_used() {
    back_and_forth(&used());
}

#[test]
fn applied_twice_held() {
    back_and_forth(&held());
}

#[test]
fn applied_twice_placed() {
    back_and_forth(&placed());
}

/// From after every step back to the beginning.
#[test]
fn back_from_after_every_step() {
    for mut case in [tgt(), lio(), below(), held(), placed()] {
        let all = std::mem::take(&mut case.nodes);
        for count in 1..=all.len() {
            case.nodes = all[..count].iter().cloned().map(|node| ends_within(node, &all[..count])).collect();
            let mut scene = Scene::new(&case.world);
            let when = format!("up to {}", case.nodes[count - 1].id);
            case.clean(&mut scene, Kind::Apply, &when);
            case.clean(&mut scene, Kind::Rollback, &when);
            case.as_found(&scene, &case.world, &when);
        }
    }
}

/// A server loses its power for a moment before an act. Whatever that leaves: going back leaves both as they were found,
/// and going on reaches the goal, or is refused where what was lost cannot be made good. It is never refused outside of
/// the stages that are given.
fn rebooted(case: &Case<Sim>, server: Server, refusable: &[Stage], (first, stride): (usize, usize)) {
    let goal = case.goal(&case.world);
    let clean = Scene::new(&case.world).run(case, Kind::Apply, Fault::None);
    let acting = |event: &Notice| match event {
        Notice::Acting { step, .. } => case.nodes.iter().find(|node| node.id == *step),
        _ => None,
    };
    let steps: Vec<&Node> = clean.events.iter().filter_map(acting).collect();
    let mut wrong = Vec::new();
    let mut refused = Vec::new();
    for at in (first..clean.acts).step_by(stride) {
        let faults = FaultPlan { reboot: Some((at, server)), ..FaultPlan::default() };
        let tried = caught(|| {
            let mut scene = Scene::within(Sim::with_faults(case.world.world(), faults));
            let ran = scene.run(case, Kind::Apply, Fault::None);
            let stopped = ran.result.map_err(|stopped| format!("at {:?}: {stopped}", stopped.step)).err();
            let when = format!("{server} rebooted before act {at} ({}), stopped {stopped:?}", steps[at].id);
            let mut on = scene.fork();
            let again = on.run(case, Kind::Apply, Fault::None);
            let no = match &again.result {
                Ok(_) => {
                    sweep::same(&on.text(), &goal, &format!("{when}: going on does not reach the goal"));
                    None
                }
                Err(stopped) => Some(format!("{when}\n    {:?}: {stopped}", stopped.step)),
            };
            // from where it stopped first, and from where it stopped again
            for mut scene in [scene, on] {
                case.clean(&mut scene, Kind::Rollback, &when);
                case.as_found(&scene, &case.world, &when);
            }
            no
        });
        match tried {
            Ok(no) => refused.extend(no.map(|no| (steps[at].stage, no))),
            Err(text) => wrong.push(format!("act {at} ({}): {text}", steps[at].id)),
        }
    }
    let (may, may_not): (Vec<_>, Vec<_>) = refused.into_iter().partition(|(stage, _)| refusable.contains(stage));
    wrong.extend(may_not.into_iter().map(|(_, text)| format!("refused: {text}")));
    for (_, text) in &may {
        eprintln!("refused, as it may be: {text}\n");
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), clean.acts, wrong.join("\n\n"));
}

#[test]
fn old_reboots_tgt() {
    rebooted(&tgt(), Server::Old, &[Stage::Cutover], stride(9));
}

#[test]
fn old_reboots_lio() {
    rebooted(&lio(), Server::Old, &[Stage::Cutover], stride(9));
}

#[test]
fn old_reboots_below() {
    rebooted(&below(), Server::Old, &[Stage::Cutover], stride(9));
}

#[test]
fn old_reboots_used() {
    rebooted(&used(), Server::Old, &[Stage::Cutover], stride(17));
}

#[test]
fn new_reboots_used() {
    rebooted(&used(), Server::New, &[Stage::Cutover], stride(17));
}

#[test]
fn old_reboots_held() {
    rebooted(&held(), Server::Old, &[Stage::Cutover], stride(9));
}

#[test]
fn old_reboots_placed() {
    rebooted(&placed(), Server::Old, &[Stage::Cutover], stride(9));
}

#[test]
fn new_reboots_placed() {
    rebooted(&placed(), Server::New, &[Stage::Cutover], stride(9));
}

#[test]
fn new_reboots_held() {
    rebooted(&held(), Server::New, &[Stage::Cutover], stride(9));
}

#[test]
fn new_reboots_below() {
    rebooted(&below(), Server::New, &[Stage::Cutover], stride(9));
}

#[test]
fn new_reboots_tgt() {
    rebooted(&tgt(), Server::New, &[Stage::Cutover], stride(9));
}

#[test]
fn new_reboots_lio() {
    rebooted(&lio(), Server::New, &[Stage::Cutover], stride(9));
}

/// One of the examples.
fn example(name: &'static str) -> Case<Sim> {
    let plan = pair::plan(name);
    let world = Sim::from_plan(&plan, None);
    pair::case(name, &plan, world)
}

/// Few of the faults: the steps are the lab's, only what they stand on is another.
fn example_with_faults(name: &'static str, faults: usize, reboots: usize) {
    let case = example(name);
    let (first, every) = stride(faults);
    case.forward_some(first, every);
    case.backward_some(first, every);
    rebooted(&case, Server::Old, &[Stage::Cutover], stride(reboots));
    rebooted(&case, Server::New, &[Stage::Cutover], stride(reboots));
}

#[test]
fn faults_with_one_disk_and_no_array() {
    example_with_faults("one-disk", 127, 29);
}

#[test]
fn faults_with_two_groups() {
    example_with_faults("two-groups", 503, 61);
}

// ---- what others do -------------------------------------------------------------------------------------------------

/// The first steps were done by hand before: they are adopted, and survive. What is not as described is refused.
#[test]
fn what_was_there_survives_and_what_is_foreign_is_refused() {
    let mut case = before_the_change_of_servers(tgt());
    case.by_hand = 3;
    assert_eq!(case.found_before(), 3);
    assert!(case.drift() > 10);
}

/// Only the steps that going back takes back on both servers.
fn before_the_change_of_servers(mut case: Case<Sim>) -> Case<Sim> {
    let nodes: Vec<Node> = case.nodes.iter().take_while(|node| node.id.0 != "old-off").cloned().collect();
    case.nodes = nodes.iter().cloned().map(|node| ends_within(node, &nodes)).collect();
    case
}

/// Does the migration up to this step, lets somebody do something, and goes on.
fn disturbed(case: &Case<Sim>, until: &str, disturb: impl FnOnce(&Sim)) -> (Scene<Sim>, sweep::Ran) {
    let upto = case.nodes.iter().position(|node| node.id.0 == until).unwrap_or_else(|| panic!("no step {until}"));
    // the rest is known all the same: it is only not come to
    let first = Case {
        name: case.name,
        nodes: case.nodes[..=upto].iter().cloned().map(|node| ends_within(node, &case.nodes[..=upto])).collect(),
        world: case.world.fork(),
        parallelism: 1,
        by_hand: 0,
        lines: faithful,
    };
    let mut scene = Scene::new(&case.world);
    first.clean(&mut scene, Kind::Apply, until);
    disturb(&scene.world);
    let ran = scene.run(case, Kind::Apply, Fault::None);
    (scene, ran)
}

fn ends_within(mut node: Node, nodes: &[Node]) -> Node {
    node.until = node.until.filter(|until| nodes.iter().any(|other| other.id == *until));
    node
}

/// After the cut nothing that old writes gets to new: whoever lets it write must be noticed before old is off for good.
#[test]
fn what_old_writes_after_the_cut_is_noticed() {
    let case = tgt();
    let start = |sim: &Sim| {
        sim.change(|world| {
            world.machine_mut(Server::Old).run.mounts.iter_mut().for_each(|mount| mount.read_only = false);
            world.machine_mut(Server::Old).run.units.insert("rec.service".into(), true);
        });
    };
    let reboot = |sim: &Sim| sim.change(|world| world.reboot(Server::Old));
    let on_again = |sim: &Sim| sim.change(|world| world.power(Server::Old, replant::host::PowerTo::On));
    type Disturb<'d> = &'d dyn Fn(&Sim);
    for (until, what, disturb) in [
        ("split-vg0", "a service is started", &start as Disturb),
        ("split-vg0-root", "old reboots between two cuts", &reboot),
        ("split-vg0", "old reboots", &reboot),
        ("logout-md0", "old reboots", &reboot),
        ("old-off", "old is switched on again", &on_again),
        ("unmount", "old is switched on again", &on_again),
    ] {
        let (mut scene, ran) = disturbed(&case, until, disturb);
        let stopped = ran.result.expect_err(what);
        let when = format!("{what} after {until}: {stopped}");
        assert!(scene.world.world().new.system == System::Rescue, "{when}");
        case.clean(&mut scene, Kind::Rollback, &when);
        case.as_found(&scene, &case.world, &when);
    }
}

/// The servers do not reach each other for a while: what was lost of the copy is copied again.
#[test]
fn a_dead_link_between_the_servers_is_mended() {
    for (case, until) in [(tgt(), "mirror-vg0-root"), (lio(), "mirror-vg0-var"), (lio(), "extend-vg0")] {
        let goal = case.goal(&case.world);
        let (mut scene, ran) = disturbed(&case, until, |sim| {
            sim.change(|world| world.link_up = false);
            let _ = facts::read(sim, Side::Old);
            sim.change(|world| world.link_up = true);
        });
        if let Err(stopped) = ran.result {
            panic!("{}: dead link after {until}: {:?} {stopped}", case.name, stopped.step);
        }
        sweep::same(&scene.text(), &goal, "after a dead link");
        case.clean(&mut scene, Kind::Rollback, until);
    }
}

/// New must not take over on disks that are failing already; going back is possible all the same.
#[test]
fn an_array_of_new_that_loses_a_disk_is_noticed() {
    let case = tgt();
    let (mut scene, ran) = disturbed(&case, "mirror-vg0-root", |sim| {
        sim.change(|world| {
            let array = &mut world.new.run.arrays[1];
            array.failed.push(array.members[2].clone());
        });
    });
    let stopped = ran.result.expect_err("an array is degraded");
    assert!(stopped.to_string().contains("3 of 4 disks"), "{stopped}");
    case.clean(&mut scene, Kind::Rollback, "degraded");
    case.as_found(&scene, &case.world, "degraded");
}

// ---- the sweeps can fail ----------------------------------------------------------------------------------------------

/// Seeds a mistake in the runbook, and sees whether a sweep notices.
fn noticed(what: &str, by: &str, mutate: impl FnOnce(&mut Vec<Node>), sweep: impl FnOnce(&Case<Sim>)) {
    let mut case = tgt();
    mutate(&mut case.nodes);
    // what nobody waits for any more
    let ids: Vec<_> = case.nodes.iter().map(|node| node.id.clone()).collect();
    for node in &mut case.nodes {
        node.after.retain(|after| ids.contains(after));
        node.until = node.until.take().filter(|until| ids.contains(until));
    }
    fails(what, by, || sweep(&case));
}

/// It must, and in these words: a sweep that fails for another reason shows nothing.
fn fails(what: &str, by: &str, sweep: impl FnOnce()) {
    let text = caught(sweep).expect_err(&format!("{what}: no sweep notices"));
    assert!(text.contains(by), "{what}: it is noticed by\n{text}");
}

fn drop_steps(names: &'static [&'static str]) -> impl FnOnce(&mut Vec<Node>) {
    move |nodes| nodes.retain(|node| !names.iter().any(|name| node.id.0 == *name))
}

fn twice(case: &Case<Sim>) {
    case.twice();
}

#[test]
fn services_that_are_not_stopped_are_noticed() {
    // nothing refuses: it is the records that are missing on new
    let steps = &[
        "stop-services",
        "stop-journal",
        "let-go",
        "read-only-var",
        "read-only-root",
        "count-writes",
        "nothing-writes",
        "still-quiet",
    ];
    noticed("records are lost", "records are lost", drop_steps(steps), twice);
    // and with the steps that look they refuse
    let silenced = &["stop-services", "stop-journal", "let-go", "read-only-var", "read-only-root"];
    noticed("looked for", "what is written after the cut would be lost", drop_steps(silenced), twice);
}

#[test]
fn a_mirror_that_is_cut_too_early_is_noticed() {
    let early = |nodes: &mut Vec<Node>| {
        let at = |nodes: &[Node], id: &str| nodes.iter().position(|node| node.id.0 == id).unwrap();
        let (stop, ro) = (at(nodes, "stop-services"), at(nodes, "split-vg0"));
        // services go on until after the cut
        let mut step = nodes.remove(stop);
        step.until = None;
        nodes.iter_mut().for_each(|node| node.after.retain(|after| *after != step.id));
        nodes.insert(ro - 1, step);
        nodes.retain(|node| !matches!(node.id.0.as_str(), "read-only-var" | "read-only-root" | "still-quiet"));
    };
    noticed("the cut before the silence", "what is written after the cut would be lost", early, twice);
}

#[test]
fn a_missing_boot_hook_is_noticed() {
    let no_hook = |nodes: &mut Vec<Node>| {
        nodes.retain(|node| node.id.0 != "boot-hook");
        for node in nodes {
            if let StepKind::Initramfs(initramfs) = &mut node.step {
                initramfs.must_have.retain(|must| !must.contains("replant"));
            }
        }
    };
    noticed("no hook", "old does not answer: no root", no_hook, |case| {
        rebooted(case, Server::Old, &[Stage::Cutover], (3, 5))
    });
}

#[test]
fn a_repair_that_waits_for_itself_is_noticed() {
    let on_root = drop_steps(&["lvm-backups", "lvm-backups-as-before"]);
    noticed("dmeventd writes to /", "its / waits for dmeventd", on_root, |case| {
        rebooted(case, Server::New, &[], (3, 5))
    });
}

#[test]
fn an_end_that_is_forgotten_is_noticed() {
    let no_end = |nodes: &mut Vec<Node>| {
        nodes.iter_mut().filter(|node| node.id.0.starts_with("mirror-")).for_each(|node| node.until = None);
    };
    noticed("a mirror for ever", "second: Apply stopped", no_end, twice);
}

#[test]
fn a_change_of_servers_that_is_not_marked_is_noticed() {
    let no_fence = |nodes: &mut Vec<Node>| nodes.iter_mut().for_each(|node| node.fence = false);
    noticed("no fence", "another system runs on it", no_fence, twice);
}

#[test]
fn a_file_that_is_not_put_back_is_noticed() {
    let forgets = |nodes: &mut Vec<Node>| {
        for node in nodes {
            if let StepKind::File(file) = &mut node.step
                && file.path == "/etc/mdadm/mdadm.conf"
            {
                file.mode = Some(0o600);
            }
        }
    };
    noticed("another mode", "mdadm.conf 600", forgets, twice);
}

#[test]
fn calling_ours_what_was_there_is_noticed() {
    let lines = |line: &[u8]| {
        let line = String::from_utf8_lossy(line);
        let ours =
            line.contains("adopted").then(|| line.replace("adopted", "began") + &line.replace("adopted", "done"));
        Some(ours.unwrap_or(line.into_owned()).into_bytes())
    };
    // over servers that know no journal: others would notice at once that it is not what it was
    let case = before_the_change_of_servers(tgt());
    let world = Lazy { sim: case.world, skips: |_| false };
    let broken = Case { name: "lies", nodes: case.nodes, world, parallelism: 1, by_hand: 2, lines };
    fails("everything is ours", "going back leaves it otherwise", || _ = broken.found_before());
}

/// A pair on which some acts are not done, though it says so.
struct Lazy {
    sim: Sim,
    skips: fn(&str) -> bool,
}

impl replant::host::Look for Lazy {
    fn look(
        &self,
        on: Side,
        queries: &[replant::host::Query],
    ) -> Result<Vec<replant::host::Output>, replant::host::HostError> {
        self.sim.look(on, queries)
    }
}

impl replant::host::Hosts for Lazy {
    fn act(&self, on: Side, job: &str, act: &replant::host::Act) -> Result<(), replant::host::HostError> {
        if (self.skips)(job) { Ok(()) } else { self.sim.act(on, job, act) }
    }
}

impl World for Lazy {
    fn fork(&self) -> Lazy {
        Lazy { sim: self.sim.fork(), skips: self.skips }
    }

    fn text(&self, of: Option<Server>) -> String {
        self.sim.text(of)
    }

    fn spoil(&self, _: &Node) -> bool {
        false
    }
}

#[test]
fn an_undoing_that_is_not_done_is_noticed() {
    type Skips = fn(&str) -> bool;
    for (skips, by) in [
        ((|job| job.starts_with("know-arrays.undo")) as Skips, "Rollback stopped"),
        (|job| job.starts_with("node-md0.undo.0"), "Rollback stopped"),
        (|job| job.starts_with("table-a.undo"), "Rollback stopped"),
        // nothing that a step looks at: it is the comparison of the worlds that shows it
        (|job| job.starts_with("quiet-links.undo"), "Rollback stopped"),
    ] {
        let case = before_the_change_of_servers(tgt());
        let world = Lazy { sim: case.world, skips };
        let case = Case { name: "lazy", nodes: case.nodes, world, parallelism: 1, by_hand: 0, lines: faithful };
        fails("an undo that does nothing", by, || _ = case.twice());
    }
}
