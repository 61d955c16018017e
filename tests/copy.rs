//! What may go wrong with a copy while nobody looks: each world in which one check alone stands between a person and a
//! loss, over the simulated pair.

mod sweep;

use std::sync::Mutex;

use replant::facts;
use replant::host::{Act, HostError, Hosts, Look, Output, Query, Server, Side};
use replant::journal::Kind;
use replant::plan::{IscsiServer, Method, NewBoot, Only};
use replant::runbook::{Node, Stage};
use replant::sim::{Sim, System};
use sweep::pair::{case_on, plan, with_target};
use sweep::{Case, Fault, Ran, Scene, World, faithful};

/// What somebody does, or what happens by itself.
type Happens = fn(&Sim);

/// A pair on which something happens right after one of our acts, in the middle of a run.
struct Meanwhile {
    sim: Sim,
    /// the act's job begins so
    after: &'static str,
    what: Mutex<Option<Happens>>,
}

impl Look for Meanwhile {
    fn look(&self, on: Side, queries: &[Query]) -> Result<Vec<Output>, HostError> {
        self.sim.look(on, queries)
    }
}

impl Hosts for Meanwhile {
    fn act(&self, on: Side, job: &str, act: &Act) -> Result<(), HostError> {
        let done = self.sim.act(on, job, act);
        if job.starts_with(self.after)
            && let Some(what) = self.what.lock().unwrap().take()
        {
            what(&self.sim);
        }
        done
    }
}

impl World for Meanwhile {
    fn fork(&self) -> Meanwhile {
        let what = *self.what.lock().unwrap();
        Meanwhile { sim: Sim::new(self.sim.world()), after: self.after, what: Mutex::new(what) }
    }

    fn text(&self, of: Option<Server>) -> String {
        World::text(&self.sim, of)
    }

    fn spoil(&self, _: &Node) -> bool {
        false
    }
}

fn pair(name: &'static str, server: IscsiServer, free_extents: u64) -> Case<Meanwhile> {
    let mut plan = plan(name);
    let sim = with_target(&mut plan, server, free_extents);
    case_on(name, &plan, sim, |sim| Meanwhile { sim, after: "nothing", what: Mutex::new(None) })
}

/// Mirrors with a core log, over tgt.
fn core_log() -> Case<Meanwhile> {
    pair("lab", IscsiServer::Tgt, 0)
}

/// raid1, over the kernel's target.
fn raid1() -> Case<Meanwhile> {
    pair("lab", IscsiServer::Lio, 16)
}

fn ends_within(mut node: Node, nodes: &[Node]) -> Node {
    node.until = node.until.filter(|until| nodes.iter().any(|other| other.id == *until));
    node
}

/// The first steps, up to this one.
fn up_to(case: &Case<Meanwhile>, last: &str) -> Case<Meanwhile> {
    let at = case.nodes.iter().position(|node| node.id.0 == last).unwrap_or_else(|| panic!("no step {last}"));
    let nodes = case.nodes[..=at].iter().cloned().map(|node| ends_within(node, &case.nodes[..=at])).collect();
    Case { name: case.name, nodes, world: case.world.fork(), parallelism: 1, by_hand: 0, lines: faithful }
}

/// Done up to this step.
fn done_to(case: &Case<Meanwhile>, last: &str) -> Scene<Meanwhile> {
    let mut scene = Scene::new(&case.world);
    up_to(case, last).clean(&mut scene, Kind::Apply, last);
    scene
}

/// One run from where the scene is, in the middle of which something happens after this act.
fn meanwhile(scene: &mut Scene<Meanwhile>, case: &Case<Meanwhile>, after: &'static str, what: Happens) -> Ran {
    scene.world.after = after;
    scene.world.what = Mutex::new(Some(what));
    let ran = scene.run(case, Kind::Apply, Fault::None);
    assert!(scene.world.what.lock().unwrap().is_none(), "nothing happened: no act {after}");
    ran
}

/// The servers do not reach each other for a moment.
fn link_blinks(sim: &Sim) {
    sim.change(|world| world.link_up = false);
    sim.change(|world| world.link_up = true);
}

fn goes_back(scene: &mut Scene<Meanwhile>, case: &Case<Meanwhile>, when: &str) {
    case.clean(scene, Kind::Rollback, when);
    case.as_found(scene, &case.world, when);
}

/// dmeventd ends while volumes are mirrored. With a core log the next lost link would hold up old's writes for good.
#[test]
fn a_mirror_that_nobody_watches_is_not_whole() {
    for (case, mirror) in [(core_log(), "mirror-vg0-root"), (raid1(), "mirror-vg0-var")] {
        let mut scene = done_to(&case, mirror);
        scene.world.sim.change(|world| world.forget_mirrors(Server::Old));
        up_to(&case, "all-in-sync").clean(&mut scene, Kind::Apply, "dmeventd ended");
        let cut = scene.fork();
        cut.world.sim.change(|world| world.link_up = false);
        assert_eq!(cut.world.sim.world().old.system, System::Own, "old waits for dmeventd");
        let goal = case.goal(&case.world);
        case.clean(&mut scene, Kind::Apply, "dmeventd ended");
        sweep::same(&scene.text(), &goal, "after dmeventd has ended");
    }
}

/// Asked until the cut: dmeventd ends when services have been stopped.
#[test]
fn watching_is_asked_for_until_the_cut() {
    for (case, after) in [(core_log(), "stop-services"), (core_log(), "mark-quiet"), (raid1(), "split-vg0-var")] {
        let mut scene = done_to(&case, "all-in-sync");
        let ran = meanwhile(&mut scene, &case, after, |sim| sim.change(|world| world.forget_mirrors(Server::Old)));
        let stopped = ran.result.expect_err("nobody watches the mirrors");
        assert!(stopped.to_string().contains("dmeventd does not watch"), "{after}: {stopped}");
        goes_back(&mut scene, &case, after);
    }
}

/// Where dmeventd cannot be started no mirror is ever whole, and going back is possible.
#[test]
fn without_a_dmeventd_nothing_is_cut_over() {
    for case in [core_log(), raid1()] {
        let mut scene = Scene::new(&case.world);
        scene.world.sim.change(|world| world.old.lacks.push("dmeventd".into()));
        let stopped = scene.run(&case, Kind::Apply, Fault::None).result.expect_err("there is no dmeventd");
        assert!(stopped.step.is_some_and(|step| step.0.starts_with("mirror-")));
        case.clean(&mut scene, Kind::Rollback, "no dmeventd");
        scene.world.sim.change(|world| world.old.lacks.clear());
        case.as_found(&scene, &case.world, "no dmeventd");
    }
}

/// lvconvert(8) splits a raid1 whose second leg is dead: it says 100 %. The leg dies between the last look at all mirrors
/// and the cut, and between two cuts.
#[test]
fn a_leg_that_dies_right_before_the_cut_is_not_split() {
    for after in ["mark-quiet", "split-vg0-var"] {
        let case = raid1();
        let mut scene = done_to(&case, "all-in-sync");
        let ran = meanwhile(&mut scene, &case, after, link_blinks);
        let stopped = ran.result.expect_err("a leg is dead");
        assert!(stopped.to_string().contains("must not be split"), "{after}: {stopped}");
        goes_back(&mut scene, &case, after);
    }
}

/// The simulated lvconvert is as careless as the real one: it is our look alone that forbids it.
#[test]
fn lvconvert_itself_splits_a_dead_leg() {
    let case = raid1();
    let scene = done_to(&case, "still-in-sync");
    let sim = &scene.world.sim;
    link_blinks(sim);
    let status = sim.ask(Side::Old, Query::run(["dmsetup", "status", "vg0-root"])).unwrap().stdout;
    assert!(status.contains("raid1 2 AD"), "{status}");
    let split = case.nodes.iter().find(|node| node.id.0 == "split-vg0-root").unwrap();
    for act in split.step.as_step().apply() {
        sim.act(Side::Old, "by hand", &act).unwrap();
    }
}

/// New loses its power and is back with its targets before old's session gives up. What stood in its caches is lost, and
/// both mirrors say that they are whole.
#[test]
fn a_copy_that_is_older_than_new_is_made_again() {
    let stale: Happens = |sim| sim.change(|world| world.crash_unnoticed());
    for (case, last) in [(core_log(), "mirror-vg0-root"), (raid1(), "mirror-vg0-var"), (raid1(), "mirror-vg0-root")] {
        let goal = case.goal(&case.world);
        let mut scene = done_to(&case, last);
        stale(&scene.world.sim);
        case.clean(&mut scene, Kind::Apply, "new was restarted");
        sweep::same(&scene.text(), &goal, "after a restart of new that old has not noticed");
    }
    // when all is quiet it is too late to copy again
    for (case, after) in [(core_log(), "stop-services"), (raid1(), "stop-services"), (raid1(), "mark-quiet")] {
        let mut scene = done_to(&case, "all-in-sync");
        let stopped = meanwhile(&mut scene, &case, after, stale).result.expect_err("new was restarted");
        assert!(stopped.to_string().contains("new was started again"), "{after}: {stopped}");
        goes_back(&mut scene, &case, after);
    }
}

/// tgtd acknowledges what is in memory only, unless it is told otherwise; somebody has put the target up without it.
#[test]
fn a_target_that_acknowledges_too_early_is_made_again() {
    let case = core_log();
    let mut scene = done_to(&case, "export-md0");
    scene.world.sim.change(|world| {
        let tgt = world.new.run.tgt.as_mut().unwrap();
        assert!(tgt.targets.iter().all(|target| target.sync), "tgt.conf asks for it");
        tgt.targets.iter_mut().for_each(|target| target.sync = false);
    });
    case.clean(&mut scene, Kind::Apply, "a target without sync");
    let again = up_to(&case, "export-md1");
    let mut scene = Scene::new(&case.world);
    again.clean(&mut scene, Kind::Apply, "exports");
    let synced = scene.world.sim.world().new.run.tgt.unwrap().targets.iter().all(|target| target.sync);
    assert!(synced);
}

/// Somebody makes /boot writable, and a kernel is installed.
fn kernel_update(sim: &Sim, read_only_after: bool) {
    let remount = |how: &str| Act::run(["mount", "-o", &format!("remount,{how}"), "/boot"]);
    sim.act(Side::Old, "by hand", &remount("rw")).unwrap();
    sim.change(|world| world.write_file(Server::Old, "/boot/vmlinuz-6.1.0-99-amd64", "kernel", 0o644).unwrap());
    if read_only_after {
        sim.act(Side::Old, "by hand", &remount("ro")).unwrap();
    }
}

/// /boot is copied once, at the beginning. What is written to it later must not be missing on new.
#[test]
fn a_kernel_that_is_installed_in_mid_copy_arrives() {
    let new_has_it = |scene: &Scene<Meanwhile>| {
        let world = scene.world.sim.world();
        world.read_file(Server::New, "/boot/vmlinuz-6.1.0-99-amd64").is_some()
    };
    for case in [core_log(), raid1()] {
        for last in ["copy-boot", "mirror-vg0-root", "all-in-sync"] {
            let mut scene = done_to(&case, last);
            kernel_update(&scene.world.sim, last == "mirror-vg0-root");
            case.clean(&mut scene, Kind::Apply, "a kernel update");
            assert!(new_has_it(&scene), "installed after {last}");
        }
        // in the middle of a run, where no step before is looked at again
        let both: [(&str, Happens); 2] =
            [("mirror-vg0-root", |sim| kernel_update(sim, false)), ("stop-services", |sim| kernel_update(sim, true))];
        for (after, what) in both {
            let mut scene = Scene::new(&case.world);
            let ran = meanwhile(&mut scene, &case, after, what);
            assert!(ran.result.is_ok() && new_has_it(&scene), "installed after {after}");
        }
        // between the comparison and the cut it is too late
        let mut scene = Scene::new(&case.world);
        let late = meanwhile(&mut scene, &case, "read-only-root", |sim| {
            // the hash cannot be written any more
            kernel_update(sim, true);
        });
        let stopped = late.result.expect_err("it is too late");
        assert!(stopped.to_string().contains("/boot has been written to"), "{stopped}");
        case.clean(&mut scene, Kind::Rollback, "too late");
    }
}

/// What an earlier attempt left on new may say more, and later, than old's own disks: LVM believes the highest number.
#[test]
fn a_stale_disk_cannot_bring_back_another_state_of_the_group() {
    use replant::sim::Written;
    let case = core_log();
    let scene = done_to(&case, "extend-vg0");
    let volumes = |sim: &Sim| sim.ask(Side::Old, facts::lvm::lvs_query()).unwrap().stdout;
    let before = volumes(&scene.world.sim);
    scene.world.sim.change(|world| {
        let lun = world.old.run.sessions.iter().find(|session| session.iqn.ends_with("md1")).unwrap().loc.clone();
        let Some(Written::Pv(label)) = world.places.get_mut(&lun) else { panic!("no label") };
        let group = label.group.as_mut().unwrap();
        group.seqno += 1000;
        group.lvs.clear();
    });
    assert_eq!(volumes(&scene.world.sim), before);
}

/// A target that does not know the second secret is not new.
#[test]
fn a_target_that_cannot_prove_itself_is_not_logged_in_to() {
    for case in [core_log(), raid1()] {
        let mut scene = done_to(&case, "node-md1");
        scene.world.sim.change(|world| {
            world.old.run.sessions.clear();
            let tgt = world.new.run.tgt.iter_mut().flat_map(|tgt| &mut tgt.targets);
            tgt.chain(&mut world.new.run.lio).for_each(|target| target.back.1 = "guessed".into());
        });
        let stopped = scene.run(&case, Kind::Apply, Fault::None).result.expect_err("it is not new");
        assert!(stopped.to_string().contains("authorization failure"), "{stopped}");
        goes_back(&mut scene, &case, "not new");
    }
}

/// raid1 reads from both legs by itself: old must not take what comes over the network for what it wrote.
#[test]
fn old_reads_from_its_own_disks_only() {
    let case = raid1();
    let scene = done_to(&case, "all-in-sync");
    let groups = scene.world.sim.world().groups(Server::Old);
    let mirrored = groups.iter().flat_map(|view| &view.group.lvs).filter(|lv| lv.legs.len() == 2);
    assert!(mirrored.clone().count() == 2 && mirrored.clone().all(|lv| lv.legs[1].write_mostly));
    // the mark does not travel
    let scene = done_to(&case, "old-off");
    let world = scene.world.sim.world();
    for written in world.places.values() {
        if let replant::sim::Written::Pv(label) = written {
            let legs = label.group.iter().flat_map(|group| &group.lvs).flat_map(|lv| &lv.legs);
            assert!(legs.into_iter().all(|leg| !leg.write_mostly));
        }
    }
}

/// Without the hash of /boot, whose superblock counts how often it was written to.
fn hashless(text: &str) -> String {
    let cut = |line: &str| line.split_once("boot.sha256").map_or(line, |(path, _)| path).to_string();
    text.lines().map(cut).collect::<Vec<_>>().join("\n")
}

/// A cutover that failed and was taken back can be made again: from after each of its steps, and from after each step
/// before it. Nothing of the first attempt is left, inside new's arrays either.
#[test]
fn what_was_taken_back_can_be_made_again() {
    for case in [core_log(), raid1(), pair("one-disk", IscsiServer::Tgt, 0)] {
        let goal = case.goal(&case.world);
        let off = case.nodes.iter().position(|node| node.id.0 == "old-off").unwrap();
        let copy = case.nodes.iter().position(|node| node.stage == Stage::Copy).unwrap();
        for node in &case.nodes[copy..off] {
            let mut scene = done_to(&case, &node.id.0);
            let when = format!("taken back from after {}", node.id);
            goes_back(&mut scene, &case, &when);
            case.clean(&mut scene, Kind::Apply, &format!("{when}, and made again"));
            sweep::same(&hashless(&scene.text()), &hashless(&goal), &format!("{when}, and made again"));
        }
    }
}

/// The same where the rescue system was started again before going back: no array of new runs then.
#[test]
fn what_was_taken_back_after_a_reboot_of_new_can_be_made_again() {
    for case in [core_log(), raid1()] {
        let goal = case.goal(&case.world);
        for last in ["array-md1", "copy-boot", "mirror-vg0-root", "split-vg0", "logout-md0"] {
            let mut scene = done_to(&case, last);
            scene.world.sim.change(|world| world.reboot(Server::New));
            let when = format!("new rebooted after {last}");
            goes_back(&mut scene, &case, &when);
            case.clean(&mut scene, Kind::Apply, &format!("{when}, and made again"));
            sweep::same(&hashless(&scene.text()), &hashless(&goal), &when);
        }
    }
}

/// Old loses its power in mid-copy, after each step of it. With two groups `/` may be there while the other group is not
/// complete, and nothing in the initramfs is asked for what is missing then.
#[test]
fn old_comes_back_with_either_of_two_groups_mirrored() {
    let case = pair("two-groups", IscsiServer::Lio, 0);
    let steps: Vec<&Node> = case.nodes.iter().filter(|node| node.stage == Stage::Copy).collect();
    let first = steps.iter().position(|node| node.id.0.starts_with("pv-")).unwrap();
    assert!(steps[first..].iter().any(|node| node.id.0 == "extend-data"));
    let goal = case.goal(&case.world);
    for (at, node) in steps.iter().enumerate().skip(first) {
        let mut scene = done_to(&case, &node.id.0);
        scene.world.sim.change(|world| world.reboot(Server::Old));
        let old = scene.world.sim.world().old.system;
        assert_eq!(old, System::Own, "old rebooted after {}", node.id);
        // and the migration goes on, or back
        if at % 4 == 0 {
            goes_back(&mut scene.fork(), &case, &node.id.0);
            case.clean(&mut scene, Kind::Apply, "old rebooted");
            sweep::same(&hashless(&scene.text()), &hashless(&goal), "old rebooted");
        }
    }
}

// ---- from below -----------------------------------------------------------------------------------------------------

/// From below, with new in rescue or in its own initramfs.
fn below(boot: NewBoot) -> Case<Meanwhile> {
    from_below("below", boot, Only::All)
}

/// Only what is in use.
fn used() -> Case<Meanwhile> {
    from_below("used", NewBoot::Rescue, Only::Used)
}

fn from_below(name: &'static str, boot: NewBoot, only: Only) -> Case<Meanwhile> {
    let mut plan = plan("lab");
    (plan.copy.method, plan.new.boot, plan.copy.only) = (Some(Method::Below.into()), Some(boot.into()), only.into());
    let sim = with_target(&mut plan, IscsiServer::Lio, 0);
    case_on(name, &plan, sim, |sim| Meanwhile { sim, after: "nothing", what: Mutex::new(None) })
}

fn all_below() -> [Case<Meanwhile>; 3] {
    [below(NewBoot::Rescue), below(NewBoot::Held), used()]
}

/// The act that takes the leg in.
fn taken_in(case: &Case<Meanwhile>, volume: &str) -> &'static str {
    if case.name != "used" {
        return if volume == "vg0-var" { "copy-vg0-var.apply.1" } else { "copy-vg0-root.apply.1" };
    }
    if volume == "vg0-var" { "copy-vg0-var.apply.4" } else { "copy-vg0-root.apply.4" }
}

fn begun(scene: &Scene<Meanwhile>, volume: &str) -> usize {
    let log = scene.world.sim.world().old.run.kernel_log;
    log.iter().filter(|line| line.contains(&format!("copy of {volume} begins"))).count()
}

/// md gives the leg up. When the link is back the same run takes it in again, with what md knows of it.
#[test]
fn from_below_a_lost_link_costs_what_has_changed() {
    for case in all_below() {
        let mut scene = done_to(&case, "fresh-copies");
        let ran = meanwhile(&mut scene, &up_to(&case, "copy-vg0-var"), taken_in(&case, "vg0-var"), link_blinks);
        assert!(ran.result.is_ok(), "{:?}", ran.result.map(drop));
        assert_eq!(begun(&scene, "vg0-var"), 2, "taken in twice");
        let world = scene.world.sim.world();
        assert!(world.old.run.below[0].known, "what was known of it is not forgotten");
        let goal = case.goal(&case.world);
        case.clean(&mut scene, Kind::Apply, "after a lost link");
        sweep::same(&scene.text(), &goal, "after a lost link");
    }
}

/// `lvchange --refresh`, a new size, a snapshot: what is written from then on goes beside the array. Nothing of it may be
/// taken for copied.
#[test]
fn from_below_a_table_that_is_loaded_again_ends_the_copy() {
    let reload: Happens = |sim| sim.change(|world| world.reload_table(Server::Old, "vg0-root"));
    for case in all_below() {
        let goal = case.goal(&case.world);
        let mut copying = done_to(&case, "copy-vg0-var");
        let ran = meanwhile(&mut copying, &up_to(&case, "copy-vg0-root"), taken_in(&case, "vg0-root"), reload);
        assert!(ran.result.is_ok(), "{:?}", ran.result.map(drop));
        assert_eq!(begun(&copying, "vg0-root"), 2, "the copy starts over by itself");
        case.clean(&mut copying, Kind::Apply, "begun again");
        sweep::same(&copying.text(), &goal, "the copy was begun again");
        // with services stopped nothing is begun: a person must look
        for after in ["stop-services", "swap-off"] {
            let mut scene = done_to(&case, "all-in-sync");
            let stopped = meanwhile(&mut scene, &case, after, reload).result.expect_err("beside its array");
            assert!(stopped.to_string().contains("beside the array"), "{after}: {stopped}");
            let mut back = scene.fork();
            case.clean(&mut scene, Kind::Apply, after);
            sweep::same(&scene.text(), &goal, "the copy was begun again");
            goes_back(&mut back, &case, after);
        }
    }
}

/// New loses its power and comes back before old's session gives up: md knows nothing of what is gone.
#[test]
fn from_below_a_copy_does_not_outlive_new() {
    [below(NewBoot::Rescue), used()].into_iter().for_each(|case| does_not_outlive_new(&case));
}

fn does_not_outlive_new(case: &Case<Meanwhile>) {
    let mut scene = done_to(case, "copy-vg0-root");
    scene.world.sim.change(|world| world.crash_unnoticed());
    let mut at_once = scene.fork();
    let goal = case.goal(&case.world);
    case.clean(&mut scene, Kind::Apply, "new has lost its power");
    sweep::same(&scene.text(), &goal, "the copies were begun again");
    assert_eq!(begun(&scene, "vg0-root"), 0, "old is off");
    // found by the last look as well, where it happens behind the first
    case.clean(&mut at_once, Kind::Apply, "again");
    for after in ["power-ready", "stop-services", "swap-off"] {
        let mut scene = done_to(case, "all-in-sync");
        let at = if after == "power-ready" { "stop-services" } else { after };
        let ran = meanwhile(&mut scene, case, at, |sim| sim.change(|world| world.crash_unnoticed()));
        let stopped = ran.result.expect_err("the copies miss what new has lost");
        assert!(stopped.to_string().contains("new was started again"), "{at}: {stopped}");
        goes_back(&mut scene, case, at);
    }
}

/// What another finds on old: its own RAM disk, or something that stands on the volume now.
#[test]
fn from_below_what_is_not_ours_is_left_alone() {
    let case = below(NewBoot::Rescue);
    let mut scene = done_to(&case, "quiet-arrays");
    scene.world.sim.change(|world| world.old.run.ram_disk = Some(4096));
    let stopped = scene.run(&case, Kind::Apply, Fault::None).result.expect_err("the RAM disk is somebody else's");
    assert!(stopped.to_string().contains("RAM disks of its own"), "{stopped}");
    case.clean(&mut scene, Kind::Rollback, "somebody has a RAM disk");
    assert_eq!(scene.world.sim.world().old.run.ram_disk, Some(4096), "it is left alone");
}

/// The simulated md is as careless as the real one: what was there before the array and got no bit is not sent, and the leg
/// says that it is in sync. It is the order of our acts alone that makes the copy whole.
#[test]
fn md_itself_takes_a_leg_for_whole_that_lacks_what_has_no_bit() {
    for skipped in [false, true] {
        let case = used();
        let goal = case.goal(&case.world);
        let mut scene = done_to(&case, "copy-vg0-var");
        let node = case.nodes.iter().find(|node| node.id.0 == "copy-vg0-root").unwrap();
        let replant::step::StepKind::Beneath(copy) = &node.step else { panic!("{}", node.id) };
        assert!(copy.used.is_some_and(|used| used < copy.size), "{copy:?}");
        let sim = &scene.world.sim;
        for act in node.step.as_step().apply() {
            match &act {
                Act::Run { argv, .. } if skipped && argv[1].ends_with("below-used.sh") => {
                    sim.change(|world| world.write_file(Server::Old, &copy.since, "9999.07 1.00\n", 0o644)).unwrap();
                }
                act => sim.act(Side::Old, "by hand", act).unwrap(),
            }
        }
        up_to(&case, "all-in-sync").clean(&mut scene, Kind::Apply, "in sync, it says");
        let ran = scene.run(&case, Kind::Apply, Fault::None);
        let lost = ran.result.is_err() || scene.text() != goal;
        assert_eq!(lost, skipped, "{:?}", ran.result.map(drop));
    }
}

/// Bits are set where the array counts what is written, and has no leg that would not get what they stand for.
#[test]
fn from_below_no_bit_is_set_too_early_or_too_late() {
    let case = used();
    let node = case.nodes.iter().find(|node| node.id.0 == "copy-vg0-root").unwrap();
    let acts = node.step.as_step().apply();
    let [put, put_too, track, bits, join] = acts.as_slice() else { panic!("{} acts", acts.len()) };
    let scene = done_to(&case, "copy-vg0-var");
    let sim = &scene.world.sim;
    let act = |act: &Act| sim.act(Side::Old, "by hand", act).map_err(|error| error.to_string());
    act(put).unwrap();
    act(put_too).unwrap();
    assert!(act(bits).unwrap_err().contains("does not lie beneath"));
    act(track).unwrap();
    act(join).unwrap();
    let replant::step::StepKind::Beneath(copy) = &node.step else { panic!("{}", node.id) };
    sim.change(|world| world.remove_file(Server::Old, &copy.since)).unwrap();
    assert!(act(bits).unwrap_err().contains("has a leg on new"));
}
