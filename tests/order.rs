//! What must come before what, in every runbook that is made: over kinds of steps, not over their names.
//!
//! A runbook is a graph, and its steps run beside each other wherever it allows. An edge that is missing shows only when
//! two steps happen to run in the wrong order, on two real servers, once. So the edges on which data or servers hang stand
//! here.

macro_rules! kind {
    ($pattern:pat $(if $guard:expr)?) => { |node: &Node| matches!(&node.step, $pattern $(if $guard)?) };
}

#[path = "order/verify.rs"]
mod verify;

use std::collections::BTreeSet;

use replant::course;
use replant::facts;
use replant::host::Side;
use replant::plan::{self, IscsiServer, Method, NewBoot};
use replant::runbook::{Node, Stage, StepId};
use replant::sim::{Shape, Sim};
use replant::step::{How, StepKind};

struct Book {
    name: String,
    nodes: Vec<Node>,
    /// that run on old
    services: Vec<String>,
}

impl Book {
    fn made(name: &str, server: Option<IscsiServer>, free_extents: Option<u64>) -> Book {
        let path = format!("{}/plans/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        let mut plan = plan::load(path.as_ref()).unwrap_or_else(|error| panic!("{name}: {error:?}")).plan;
        (plan.copy.method, plan.new.boot) = (Some(Method::Mirror.into()), Some(NewBoot::Rescue.into()));
        if let Some(server) = server {
            plan.transfer.iscsi.server = server.into();
        }
        let sim = match free_extents {
            Some(free_extents) => Sim::shaped(&plan, None, Shape { free_extents, ..Shape::default() }),
            None => Sim::from_plan(&plan, None),
        };
        Book::on(&format!("{name} {server:?}"), &plan, &sim)
    }

    fn of_plan(name: &str, plan: &plan::Plan, facts: Option<&facts::Facts>) -> Book {
        Book::on(name, plan, &Sim::from_plan(plan, facts))
    }

    fn on(name: &str, plan: &plan::Plan, sim: &Sim) -> Book {
        let facts = facts::both(sim).unwrap();
        let nodes = course::make(plan, "digest", &facts).unwrap_or_else(|found| panic!("{name}: {found:#?}")).nodes;
        Book { name: name.to_string(), nodes, services: facts.old.services }
    }

    fn of(&self, wanted: impl Fn(&Node) -> bool) -> Vec<&Node> {
        self.nodes.iter().filter(|node| wanted(node)).collect()
    }

    /// All that must be done before this step may begin.
    fn before<'b>(&'b self, node: &'b Node) -> BTreeSet<&'b StepId> {
        let mut all = BTreeSet::new();
        let mut open: Vec<&'b StepId> = node.after.iter().collect();
        while let Some(id) = open.pop() {
            if all.insert(id) {
                open.extend(self.nodes.iter().filter(|node| node.id == *id).flat_map(|node| &node.after));
            }
        }
        all
    }

    /// Each of the first is done before any of the second begins; there are some of both.
    fn order(&self, why: &str, first: &[&Node], second: &[&Node]) {
        assert!(
            !first.is_empty() && !second.is_empty(),
            "{}: {why}: {} and {}",
            self.name,
            first.len(),
            second.len()
        );
        for later in second {
            let before = self.before(later);
            for earlier in first.iter().filter(|earlier| earlier.id != later.id) {
                assert!(
                    before.contains(&earlier.id),
                    "{}: {why}: {} does not wait for {}",
                    self.name,
                    later.id,
                    earlier.id
                );
            }
        }
    }

    /// What cuts the copies off; none where the loss of old's power does.
    fn cuts(&self) -> Vec<&Node> {
        self.of(kind!(StepKind::Split(_) | StepKind::TableBack(_)))
    }

    /// From when on there is no way but forward: the first cut, or old's power.
    fn the_cut(&self) -> StepId {
        let first = self.cuts().first().copied();
        first.unwrap_or_else(|| self.of(kind!(StepKind::OldOff(_)))[0]).id.clone()
    }

    /// As [`Book::order`], where there are some of both.
    fn order_if_any(&self, why: &str, first: &[&Node], second: &[&Node]) {
        if !first.is_empty() && !second.is_empty() {
            self.order(why, first, second);
        }
    }

    /// The mount points that are made read-only on old.
    fn silent(&self) -> BTreeSet<String> {
        let remounted = |node: &Node| match &node.step {
            StepKind::Remount(remount) if node.on == Side::Old => Some(remount.target.clone()),
            _ => None,
        };
        self.nodes.iter().filter_map(remounted).collect()
    }

    fn until(&self, node: &Node) -> &Node {
        let id = node.until.as_ref().unwrap_or_else(|| panic!("{}: {} holds for ever", self.name, node.id));
        self.nodes.iter().find(|node| node.id == *id).unwrap()
    }
}

fn books() -> Vec<Book> {
    let mut books = vec![
        Book::made("lab", Some(IscsiServer::Tgt), Some(0)),
        Book::made("lab", Some(IscsiServer::Lio), Some(16)),
        Book::made("lab", Some(IscsiServer::Tgt), Some(16)),
        Book::made("minimal", Some(IscsiServer::Tgt), Some(16)),
    ];
    books.extend(["cs940", "minimal", "nvme", "one-disk", "two-groups"].map(|name| Book::made(name, None, None)));
    books
}

fn in_stage(stage: Stage) -> impl Fn(&Node) -> bool {
    move |node| node.stage == stage
}

/// Everything is in sync, then silent, then in sync again, then cut.
#[test]
fn nothing_is_cut_before_it_is_silent_and_in_sync() {
    for book in books() {
        let mirrors = book.of(kind!(StepKind::Mirror(_)));
        let syncs = book.of(kind!(StepKind::InSync(_)));
        let (first, last) = (syncs.first().unwrap(), syncs.last().unwrap());
        assert_ne!(first.id, last.id, "{}: it is looked at twice", book.name);
        for sync in &syncs {
            let StepKind::InSync(all) = &sync.step else { continue };
            let steps: Vec<_> = mirrors.iter().map(|node| &node.step).collect();
            assert_eq!(all.mirrors.len(), mirrors.len(), "{}: {} is about all mirrors", book.name, sync.id);
            assert!(all.mirrors.iter().all(|mirror| steps.contains(&&StepKind::Mirror(mirror.clone()))));
        }
        book.order("a copy ends before the first look", &mirrors, &[first]);
        let boot = book.of(|node| node.stage == Stage::Copy && matches!(&node.step, StepKind::Job(_)));
        book.order_if_any("/boot is copied before the first look", &boot, &[first]);
        let whole = book.of(kind!(StepKind::ArrayWhole(_)));
        book.order_if_any("new has all its disks", &whole, &[first]);
        let silence = book.of(|node| {
            node.stage == Stage::Cutover
                && matches!(&node.step, StepKind::Service(_) | StepKind::Remount(_) | StepKind::SwapOff(_))
        });
        book.order("nothing is stopped before the first look", &[first], &silence);
        book.order("the last look is at a silent server", &silence, &[last]);
        let mark = book.of(|node| node.stage == Stage::Cutover && matches!(&node.step, StepKind::File(_)));
        book.order("the mark says that it was silent", &silence, &mark);
        let splits = book.of(kind!(StepKind::Split(_)));
        assert_eq!(splits.len(), mirrors.len(), "{}: each mirror is cut", book.name);
        let counted = book.of(kind!(StepKind::WritesCounted(_)));
        book.order("what is counted is looked for on new after that", &counted, &[last]);
        book.order("nothing is cut before the last look", &[last], &splits);
        book.order("nothing is cut before the mark", &mark, &splits);
    }
}

/// What old writes goes to new as long as a step holds that says so, and no such step outlives the cut.
#[test]
fn a_copied_volume_is_coupled_once_and_until_it_is_cut() {
    for book in books() {
        let coupled = book.of(|node| node.step.as_step().couples());
        let cut = book.of(kind!(StepKind::Split(_)));
        assert_eq!(coupled.len(), cut.len(), "{}: each volume that is cut was coupled", book.name);
        for node in &coupled {
            assert_eq!((node.on, node.stage), (Side::Old, Stage::Copy), "{}: {}", book.name, node.id);
            let end = node.until.as_ref().unwrap_or_else(|| panic!("{}: {} never ends", book.name, node.id));
            assert!(cut.iter().any(|cut| cut.id == *end), "{}: {} ends with {end}", book.name, node.id);
        }
    }
}

/// What travels is read-only, and swapped to no more.
#[test]
fn all_that_travels_falls_silent() {
    for book in books() {
        let mounted: BTreeSet<_> = book
            .of(|node| node.stage == Stage::Boot && matches!(&node.step, StepKind::Mount(_)))
            .iter()
            .filter_map(|node| match &node.step {
                StepKind::Mount(mount) if !mount.bind => mount.target.split_once("/root").map(|(_, target)| target),
                _ => None,
            })
            .map(|target| if target.is_empty() { "/" } else { target }.to_string())
            .collect();
        let silent = book.silent();
        assert!(mounted.is_subset(&silent), "{}: {mounted:?} of which only {silent:?} fall silent", book.name);
        let quiet = book.of(kind!(StepKind::StillQuiet(_)));
        let [node] = quiet.as_slice() else { panic!("{}: {} looks", book.name, quiet.len()) };
        let StepKind::StillQuiet(quiet) = &node.step else { unreachable!() };
        for target in &mounted {
            assert!(quiet.read_only.contains(target), "{}: {target} may be written to after the cut", book.name);
        }
        for stopped in book.of(|node| node.stage == Stage::Cutover && matches!(&node.step, StepKind::Service(_))) {
            let StepKind::Service(service) = &stopped.step else { continue };
            for unit in &service.units {
                assert!(quiet.units.contains(unit), "{}: {unit} may start after the cut", book.name);
            }
        }
    }
}

/// Whatever looks for writers, before or after the cut, looks at every volume and every mount that travels.
#[test]
fn nothing_that_travels_is_left_out_of_a_look() {
    for book in books() {
        let cut: BTreeSet<String> = book
            .nodes
            .iter()
            .filter_map(|node| match &node.step {
                StepKind::Split(leg) => Some(format!("{}/{}", leg.vg, leg.lv)),
                _ => None,
            })
            .collect();
        let looked = |node: &Node, volumes: &[String]| {
            let looked: BTreeSet<String> = volumes.iter().cloned().collect();
            assert!(cut.is_subset(&looked), "{}: {} looks at {looked:?} of {cut:?}", book.name, node.id);
        };
        let silent = book.silent();
        let (mut looks, mut counts, mut ends) = (0, Vec::new(), Vec::new());
        for node in &book.nodes {
            match &node.step {
                StepKind::NothingWrites(step) => {
                    looked(node, &step.volumes);
                    let seen: BTreeSet<String> = step.targets.iter().cloned().collect();
                    let apart: Vec<_> = silent.difference(&seen).filter(|target| *target != "/boot").collect();
                    assert!(apart.is_empty(), "{}: {} does not look at {apart:?}", book.name, node.id);
                    looks += 1;
                }
                StepKind::WritesCounted(step) => {
                    looked(node, &step.volumes);
                    counts.push(step.record.clone());
                }
                StepKind::StillQuiet(step) => {
                    looked(node, &step.volumes);
                    ends.push(step.counted.clone());
                }
                _ => {}
            }
        }
        assert_eq!(looks, 2, "{}: with services up, and with all quiet", book.name);
        assert_eq!((counts.len(), &ends), (1, &counts), "{}: what was counted is what is compared", book.name);
    }
}

/// From the cut to the end of old's power.
#[test]
fn old_lets_go_before_it_is_switched_off_and_new_takes_over_after() {
    for book in books() {
        let cuts = book.of(kind!(StepKind::GroupSplit(_)));
        let logouts = book.of(kind!(StepKind::Logout(_)));
        let quiet = book.of(kind!(StepKind::StillQuiet(_)));
        let off = book.of(kind!(StepKind::OldOff(_)));
        let is_off = book.of(kind!(StepKind::OldIsOff(_)));
        book.order("legs are volumes before they leave", &book.of(kind!(StepKind::Split(_))), &quiet);
        for cut in &cuts {
            let StepKind::GroupSplit(split) = &cut.step else { continue };
            let legs: BTreeSet<&String> = book
                .nodes
                .iter()
                .filter_map(|node| match &node.step {
                    StepKind::Split(leg) if leg.vg == split.vg => Some(&leg.leg),
                    _ => None,
                })
                .collect();
            let closed = book.of(|node| {
                node.stage == Stage::Cutover && matches!(&node.step, StepKind::Inactive(all) if all.vg == split.vg)
            });
            let [closed] = closed.as_slice() else { panic!("{}: {}", book.name, cut.id) };
            let StepKind::Inactive(all) = &closed.step else { unreachable!() };
            assert_eq!(all.lvs.iter().collect::<BTreeSet<_>>(), legs, "{}: {}", book.name, cut.id);
            book.order("what leaves is closed", &[closed], &[cut]);
            assert_eq!(book.until(closed).id, cut.id);
        }
        book.order("old lets go when its groups are whole without new", &cuts, &quiet);
        book.order("old has let go", &logouts, &quiet);
        assert_eq!(logouts.len(), book.of(kind!(StepKind::Login(_))).len(), "{}", book.name);
        book.order("it was silent to the end", &quiet, &off);
        let flushed = book.of(kind!(StepKind::Flushed(_)));
        book.order("what old has in memory goes to its disks when all is cut", &cuts, &flushed);
        book.order("its power goes after that", &flushed, &off);
        book.order("the power of old is asked for", &off, &is_off);
        let boot = book.of(|node| node.stage == Stage::Boot && node.id != is_off[0].id);
        book.order("nothing is done on new before old is off", &is_off, &boot);
        let fences: Vec<_> = book.of(|node| node.fence).iter().map(|node| node.id.clone()).collect();
        assert_eq!(fences, [off[0].id.clone()], "{}: the change of servers", book.name);
    }
}

/// What holds until something else takes its place: neither too short, so that it is not asked for, nor too long, so that
/// it is made again.
#[test]
fn what_is_over_is_not_made_again_and_what_is_not_is_asked_for() {
    for book in books() {
        let cut = book.of(kind!(StepKind::Split(_)))[0].id.clone();
        for node in &book.nodes {
            let until = node.until.as_ref();
            match &node.step {
                StepKind::Login(login) => {
                    let StepKind::Logout(logout) = &book.until(node).step else {
                        panic!("{}: {}", book.name, node.id)
                    };
                    assert_eq!(logout.iqn, login.iqn);
                }
                StepKind::Mirror(mirror) => {
                    let StepKind::Split(split) = &book.until(node).step else { panic!("{}: {}", book.name, node.id) };
                    assert_eq!((&split.vg, &split.lv, &split.device), (&mirror.vg, &mirror.lv, &mirror.device));
                }
                StepKind::StillQuiet(_) => {
                    let up = matches!(book.until(node).step, StepKind::OwnBoot(_) | StepKind::Identity(_));
                    assert!(up, "{}: asked until new is up", book.name);
                }
                // a server that has been booted is not made silent again: what it wrote would be lost
                StepKind::Service(_) | StepKind::Remount(_) | StepKind::SwapOff(_) | StepKind::File(_)
                    if node.stage == Stage::Cutover =>
                {
                    assert_eq!(until, Some(&cut), "{}: {} ends with the first cut", book.name, node.id);
                }
                StepKind::OldIsOff(_) => {
                    let long = until.is_none() || matches!(book.until(node).step, StepKind::OwnBoot(_));
                    assert!(long, "{}: {} is asked for until new boots", book.name, node.id);
                }
                StepKind::OldOff(_) | StepKind::OwnBoot(_) => {
                    assert_eq!(until, None, "{}: {} is asked for to the end", book.name, node.id);
                }
                _ => {}
            }
        }
    }
}

/// What begins by itself, and writes to /boot or gets in the way of the copy.
#[test]
fn timers_are_held_before_anything_is_copied() {
    let mut held = 0;
    for book in books() {
        let timers = ["apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "fstrim.timer"];
        for timer in book.services.iter().filter(|unit| timers.contains(&unit.as_str())) {
            let holds = book.of(|node| {
                let all = if let StepKind::Service(service) = &node.step { service.units.as_slice() } else { &[] };
                node.stage == Stage::Copy && all.contains(timer)
            });
            let copies = book
                .of(|node| node.stage == Stage::Copy && matches!(&node.step, StepKind::Job(_) | StepKind::Mirror(_)));
            book.order(timer, &holds, &copies);
            held += 1;
        }
    }
    assert!(held > 0, "no book has such a timer");
}

/// Old must come back from a reboot in mid-copy, and a dead link must not hold it up.
#[test]
fn old_can_boot_without_new_before_anything_is_mirrored() {
    for book in books() {
        let ready = book.of(|node| node.on == Side::Old && matches!(&node.step, StepKind::Initramfs(_)));
        let hook = book.of(|node| matches!(&node.step, StepKind::File(file) if file.path.contains("local-block")));
        let joined = book.of(kind!(StepKind::PhysicalVolume(_) | StepKind::GroupMember(_)));
        book.order("the hook is in the initramfs", &hook, &ready);
        book.order("the initramfs is in place", &ready, &joined);
        let mirrors = book.of(kind!(StepKind::Mirror(_)));
        for mirror in &mirrors {
            let StepKind::Mirror(of) = &mirror.step else { continue };
            let member = book.of(|node| matches!(&node.step, StepKind::GroupMember(member) if member.vg == of.vg));
            book.order("the group has the disk", &member, &[mirror]);
        }
        let core: Vec<_> = mirrors
            .iter()
            .copied()
            .filter(|node| matches!(&node.step, StepKind::Mirror(mirror) if mirror.how == How::CoreLog))
            .collect();
        let backups = book.of(|node| {
            node.stage == Stage::Copy && matches!(&node.step, StepKind::File(file) if file.path.contains("lvmlocal"))
        });
        if !core.is_empty() {
            book.order("its repair does not wait for itself", &backups, &core);
        }
    }
}

/// Everything on new, in its order.
#[test]
fn new_boots_only_what_is_proven_and_let_go_of() {
    for book in books() {
        let booted = book.of(kind!(StepKind::OwnBoot(_)));
        let boot = |wanted: &dyn Fn(&Node) -> bool| book.of(|node| in_stage(Stage::Boot)(node) && wanted(node));
        let gone = boot(&kind!(StepKind::TgtGone(_) | StepKind::LioGone(_)));
        let open = boot(&kind!(StepKind::File(file) if file.path.contains("lvmlocal")));
        book.order_if_any("nobody else may write to the disks", &gone, &open);
        let named = boot(&kind!(StepKind::GroupName(_) | StepKind::VolumeName(_)));
        book.order_if_any("LVM may look", &open, &named);
        let active = boot(&kind!(StepKind::Active(_)));
        let checks = boot(&kind!(StepKind::FsCheck(_)));
        let mounts = boot(&kind!(StepKind::Mount(_)));
        book.order("there is something to check", &active, &checks);
        book.order("what is mounted was checked", &checks, &mounts);
        let copied = book.of(kind!(StepKind::Mirror(_)));
        assert!(checks.len() <= copied.len());
        for mount in &mounts {
            let StepKind::Mount(mounted) = &mount.step else { continue };
            if mounted.bind || !mounted.source.starts_with("/dev/mapper/") {
                continue;
            }
            let checked = checks
                .iter()
                .any(|check| matches!(&check.step, StepKind::FsCheck(check) if check.device == mounted.source));
            assert!(checked, "{}: {} is mounted unchecked", book.name, mounted.source);
        }
        let loaders = boot(&kind!(StepKind::BootLoader(_)));
        let StepKind::OwnBoot(own) = &booted[0].step else { unreachable!() };
        let mut disks: BTreeSet<&String> = BTreeSet::new();
        for node in &book.nodes {
            match &node.step {
                StepKind::PartitionTable(table) => drop(disks.insert(&table.disk)),
                StepKind::Wiped(wiped) => drop(disks.insert(&wiped.disk)),
                _ => {}
            }
        }
        let loaded: BTreeSet<&String> = loaders
            .iter()
            .filter_map(|node| match &node.step {
                StepKind::BootLoader(loader) => Some(&loader.disk),
                _ => None,
            })
            .collect();
        assert!(
            disks.is_subset(&loaded),
            "{}: a boot loader on each of {disks:?}, not only on {loaded:?}",
            book.name
        );
        assert!(own.serials.len() >= disks.len(), "{}: new is known by any of its disks", book.name);
        let closed = boot(&kind!(StepKind::Unmounted(_)));
        book.order("the boot loader's tools run in the mounted system", &mounts, &loaders);
        book.order("the boot loader is there", &loaders, &closed);
        let inactive = boot(&kind!(StepKind::Inactive(_)));
        book.order("nothing is mounted", &closed, &inactive);
        let stopped = boot(&kind!(StepKind::ArrayStopped(_)));
        book.order_if_any("nothing holds the arrays", &inactive, &stopped);
        book.order("it is let go of before it boots", &inactive, &booted);
        book.order_if_any("arrays are stopped before it boots", &stopped, &booted);
        let grown = book.of(in_stage(Stage::Grow));
        let same = book.of(|node| node.stage == Stage::Boot && matches!(&node.step, StepKind::Identity(_)));
        book.order("it is the same system", &booted, &same);
        book.order("nothing grows before it serves", &same, &grown);
    }
}

/// /boot travels by itself, and is proven.
#[test]
fn boot_is_copied_read_only_and_proven_before_it_is_mounted() {
    let mut copied = 0;
    for book in books() {
        let copies = book.of(|node| {
            node.stage == Stage::Copy && matches!(&node.step, StepKind::Job(job) if job.script.contains("boot-copy"))
        });
        for copy in &copies {
            copied += 1;
            let silent = book.of(|node| node.stage == Stage::Copy && matches!(&node.step, StepKind::Remount(_)));
            book.order("it is not written to while it is copied", &silent, &[copy]);
            let held = book.of(|node| node.stage == Stage::Copy && matches!(&node.step, StepKind::Service(_)));
            book.order_if_any("no upgrade needs it meanwhile", &held, &silent);
            let proofs = book.of(|node| node.stage == Stage::Boot && matches!(&node.step, StepKind::BootProof(_)));
            let [proof] = proofs.as_slice() else { panic!("{}: {} proofs", book.name, proofs.len()) };
            let StepKind::BootProof(proven) = &proof.step else { unreachable!() };
            let mount = book.of(|node| {
                node.stage == Stage::Boot
                    && matches!(&node.step, StepKind::Mount(mount) if mount.source == proven.device)
            });
            book.order("it is proven before mounting writes to it", &[proof], &mount);
        }
    }
    assert!(copied > 2, "{copied} of the plans have a /boot of their own");
}

// ---- from below, and with new in its own initramfs -------------------------------------------------------------------

fn below_books() -> Vec<Book> {
    let mut books = Vec::new();
    for name in ["lab", "two-groups", "minimal"] {
        for boot in [NewBoot::Rescue, NewBoot::Held] {
            let path = format!("{}/plans/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
            let mut plan = plan::load(path.as_ref()).unwrap_or_else(|error| panic!("{name}: {error:?}")).plan;
            if boot == NewBoot::Held && plan.boot.is_none() {
                continue;
            }
            (plan.copy.method, plan.new.boot) = (Some(Method::Below.into()), Some(boot.into()));
            books.push(Book::of_plan(&format!("{name} {boot:?}"), &plan, None));
        }
    }
    // `/boot` lies inside `/`
    let path = format!("{}/plans/lab.yaml", env!("CARGO_MANIFEST_DIR"));
    let mut plan = plan::load(path.as_ref()).unwrap_or_else(|error| panic!("lab: {error:?}")).plan;
    (plan.copy.method, plan.new.boot) = (Some(Method::Below.into()), Some(NewBoot::Held.into()));
    plan.hold = plan.boot.take().map(|boot| plan::HoldPlace { to: boot.to });
    books.push(Book::of_plan("lab, with a place of the hold's own", &plan, None));
    books
}

/// Old's power is in replant's hand.
fn cut_by_power(book: &Book) -> bool {
    book.name.starts_with("lab")
}

fn is_held(book: &Book) -> bool {
    !book.of(kind!(StepKind::IntoHold(_))).is_empty()
}

#[test]
fn from_below_nothing_is_cut_before_it_is_silent_and_in_sync() {
    for book in below_books() {
        let copies = book.of(kind!(StepKind::Beneath(_)));
        let looks = book.of(kind!(StepKind::InStep(_)));
        let [first, last] = looks.as_slice() else { panic!("{}: {} looks", book.name, looks.len()) };
        for look in &looks {
            let StepKind::InStep(all) = &look.step else { continue };
            let steps: Vec<_> = copies.iter().map(|node| &node.step).collect();
            assert_eq!(all.copies.len(), copies.len(), "{}: {} is about all copies", book.name, look.id);
            assert!(all.copies.iter().all(|copy| steps.contains(&&StepKind::Beneath(copy.clone()))));
        }
        book.order("a copy ends before the first look", &copies, &[first]);
        let whole = book.of(kind!(StepKind::ArrayWhole(_)));
        book.order_if_any("new has all its disks", &whole, &[first]);
        let silence = book.of(|node| {
            node.stage == Stage::Cutover
                && matches!(&node.step, StepKind::Service(_) | StepKind::Remount(_) | StepKind::SwapOff(_))
        });
        book.order("nothing is stopped before the first look", &[first], &silence);
        book.order("the last look is at a silent server", &silence, &[last]);
        let mark = book.of(|node| node.stage == Stage::Cutover && matches!(&node.step, StepKind::File(_)));
        book.order("the mark says that it was silent", &silence, &mark);
        let counted = book.of(kind!(StepKind::WritesCounted(_)));
        book.order("what is counted is looked for on new after that", &counted, &[last]);
        let quiet = book.of(kind!(StepKind::StillQuiet(_)));
        let off = book.of(kind!(StepKind::OldOff(_)));
        book.order("it was silent to the end", &quiet, &off);
        let proof = book.of(|node| node.stage == Stage::Cutover && matches!(&node.step, StepKind::NothingWrites(_)));
        let flushed = book.of(kind!(StepKind::Flushed(_)));
        book.order("what old has in memory goes to its disks", &silence, &flushed);
        let backs = book.of(kind!(StepKind::TableBack(_)));
        let logouts = book.of(|node| node.stage == Stage::Cutover && matches!(&node.step, StepKind::Logout(_)));
        let ends = if cut_by_power(&book) {
            assert!(backs.is_empty() && logouts.is_empty(), "{}: old's power is the cut", book.name);
            quiet
        } else {
            assert_eq!(backs.len(), copies.len(), "{}: each copy is cut off", book.name);
            book.order("old lets go of what it has cut off", &backs, &logouts);
            book.order("old has let go", &logouts, &quiet);
            book.order("and then goes to its disks", &logouts, &flushed);
            backs
        };
        for (what, before) in [("last look", &[*last] as &[_]), ("mark", &mark), ("proof", &proof)] {
            book.order(&format!("nothing is cut before the {what}"), before, &ends);
        }
        book.order("what old has in memory is on its disks before its power goes", &flushed, &off);
    }
}

#[test]
fn from_below_a_copy_begins_when_all_stands_that_it_needs_and_ends_with_the_cut() {
    for book in below_books() {
        let copies = book.of(|node| node.step.as_step().couples());
        let fresh = book.of(kind!(StepKind::FreshLegs(_)));
        let ram = book.of(kind!(StepKind::RamDisk(_)));
        let rules = book.of(|node| {
            node.stage == Stage::Copy && matches!(&node.step, StepKind::File(file) if file.path.contains("/udev/"))
        });
        assert_eq!(rules.len(), 2, "{}", book.name);
        book.order("udev knows before there is anything to see", &rules, &ram);
        book.order("what md keeps has its place", &ram, &copies);
        let logins = book.of(kind!(StepKind::Login(_)));
        book.order("legs that are too old are given up when new has come back", &logins, &fresh);
        book.order("legs that are too old are given up first", &fresh, &copies);
        let by_power = cut_by_power(&book);
        let cuts =
            if by_power { book.of(kind!(StepKind::OldOff(_))) } else { book.of(kind!(StepKind::TableBack(_))) };
        for copy in &copies {
            if by_power {
                assert_eq!(book.until(copy).id, cuts[0].id, "{}: {} ends with the power of old", book.name, copy.id);
                continue;
            }
            let StepKind::TableBack(back) = &book.until(copy).step else { panic!("{}: {}", book.name, copy.id) };
            assert_eq!(StepKind::Beneath(back.copy.clone()), copy.step);
        }
        assert_eq!(book.until(fresh[0]).id, cuts[0].id, "{}: behind the cut nobody looks for old legs", book.name);
        for node in book.of(|node| node.stage == Stage::Cutover) {
            let silent = matches!(
                &node.step,
                StepKind::Service(_) | StepKind::Remount(_) | StepKind::SwapOff(_) | StepKind::File(_)
            );
            assert!(
                !silent || book.until(node).id == cuts[0].id,
                "{}: {} ends with the first cut",
                book.name,
                node.id
            );
        }
        // each volume has a disk, a place in the RAM disk and a number of its own
        let steps: Vec<_> = copies
            .iter()
            .filter_map(|node| if let StepKind::Beneath(copy) = &node.step { Some(copy) } else { None })
            .collect();
        let distinct = |of: &dyn Fn(&replant::step::Beneath) -> String| {
            steps.iter().map(|copy| of(copy)).collect::<BTreeSet<_>>().len() == steps.len()
        };
        assert!(distinct(&|copy| copy.leg.clone()) && distinct(&|copy| copy.number.to_string()), "{}", book.name);
        assert!(distinct(&|copy| copy.uuid.clone()) && distinct(&|copy| (copy.at / 8).to_string()), "{}", book.name);
        let StepKind::RamDisk(disk) = &ram[0].step else { unreachable!() };
        assert!(steps.iter().all(|copy| (copy.at + 8) << 10 < disk.size), "{}: it has room for all", book.name);
    }
}

#[test]
fn new_is_offered_and_let_go_on_in_order() {
    for book in below_books() {
        let off = book.of(kind!(StepKind::OldIsOff(_)));
        let boot = book.of(kind!(StepKind::OwnBoot(_)));
        let gone = book.of(|node| {
            node.stage == Stage::Boot && matches!(&node.step, StepKind::LioGone(_) | StepKind::TgtGone(_))
        });
        book.order("nobody writes to new's disks when it goes on", &gone, &boot);
        let switched = book.of(kind!(StepKind::OldOff(_)));
        book.order("nothing is done on new before old is off", &switched, &gone);
        book.order("new goes on when it was looked once more that old is off", &off, &boot);
        let StepKind::OwnBoot(own) = &boot[0].step else { unreachable!() };
        assert_eq!(own.held.is_some(), is_held(&book), "{}", book.name);
        if !is_held(&book) {
            continue;
        }
        let into = book.of(kind!(StepKind::IntoHold(_)));
        let early = |node: &Node| node.stage == Stage::Prepare && node.on == Side::New;
        let closed =
            book.of(|node| early(node) && matches!(&node.step, StepKind::Inactive(_) | StepKind::ArrayStopped(_)));
        book.order("its disks are closed as for a shutdown", &closed, &into);
        let given_back =
            book.of(|node| early(node) && matches!(&node.step, StepKind::LioGone(_) | StepKind::TgtGone(_)));
        let loader = book.of(|node| early(node) && matches!(&node.step, StepKind::Job(_)));
        book.order("old has let go of /boot before it is written to by new", &given_back, &loader);
        book.order("there is something to boot", &loader, &into);
        let offers = book.of(|node| node.stage == Stage::Connect && matches!(&node.step, StepKind::LioExport(_)));
        book.order("what is offered has come up by itself", &into, &offers);
        for offer in &offers {
            let StepKind::LioExport(export) = &offer.step else { unreachable!() };
            let active = book.of(|node| match &node.step {
                StepKind::Active(all) => {
                    let volumes = all.lvs.iter().map(|lv| replant::facts::lvm::mapper_path(&all.vg, lv));
                    book.before(node).contains(&into[0].id) && volumes.into_iter().any(|path| path == export.device)
                }
                _ => false,
            });
            book.order("volumes are offered when they are there", &active, &[offer]);
        }
        let timers = book.of(|node| {
            node.stage == Stage::Prepare
                && node.on == Side::Old
                && matches!(&node.step, StepKind::Service(service) if !service.run)
        });
        let boot_copied = book.of(|node| node.id.0 == "copy-boot");
        book.order_if_any("no upgrade writes to /boot while it is copied", &timers, &boot_copied);
        // what was so in rescue is not made so again while new waits
        for node in book.of(|node| early(node) && node.id != into[0].id) {
            let lasts = matches!(
                &node.step,
                StepKind::PartitionTable(_) | StepKind::Array(_) | StepKind::Wiped(_) | StepKind::Tunable(_)
            ) || book.before(node).contains(&into[0].id);
            let end = node.until.as_ref().map(|until| book.nodes.iter().position(|node| node.id == *until).unwrap());
            let at = book.nodes.iter().position(|node| node.id == into[0].id).unwrap();
            assert!(
                lasts || end.is_some_and(|end| end <= at),
                "{}: {} is over when new has booted",
                book.name,
                node.id
            );
        }
    }
}

// ---- services that come back by themselves ---------------------------------------------------------------------------

/// The runner is armed before anything is stopped, takes back each thing that makes old silent, the last first, and is held
/// before the cut: when all is proven, and by a rename that it loses or wins.
#[test]
fn services_come_back_by_themselves_before_the_cut_and_not_after() {
    for book in books().into_iter().chain(below_books()) {
        let runner = book.of(kind!(StepKind::DeadMan(_)));
        let held = book.of(kind!(StepKind::DeadManOff(_)));
        let ([armed], [off]) = (runner.as_slice(), held.as_slice()) else { panic!("{}: one runner", book.name) };
        let silence = book.of(|node| {
            node.stage == Stage::Cutover
                && match &node.step {
                    StepKind::Service(_) | StepKind::LetGo(_) | StepKind::SwapOff(_) => true,
                    // of /boot, before anything is stopped
                    StepKind::Remount(_) => !book.before(armed).contains(&node.id),
                    StepKind::WritesCounted(_) | StepKind::File(_) => true,
                    _ => false,
                }
        });
        book.order("the runner is armed while services run", &runner, &silence);
        let proofs = book.of(|node| {
            node.stage == Stage::Cutover
                && book.before(node).contains(&armed.id)
                && matches!(
                    &node.step,
                    StepKind::InSync(_)
                        | StepKind::InStep(_)
                        | StepKind::NothingWrites(_)
                        | StepKind::WritesCounted(_)
                        | StepKind::SameBoot(_)
                        | StepKind::File(_)
                )
        });
        book.order("what is proven is so when services cannot come back any more", &proofs, &held);
        let cuts = book.cuts();
        book.order_if_any("nothing is cut while services could come back", &held, &cuts);
        book.order("it was silent to the end", &held, &book.of(kind!(StepKind::StillQuiet(_))));
        book.order("old is not off before", &held, &book.of(kind!(StepKind::OldOff(_))));
        let end = book.the_cut();
        assert_eq!((&book.until(armed).id, &book.until(off).id), (&end, &end), "{}: over with the cut", book.name);
        // as a rollback of these very steps would
        let StepKind::DeadMan(runner) = &armed.step else { unreachable!() };
        let back: Vec<&Vec<String>> = runner.back.iter().map(|back| &back.argv).collect();
        let mut should = Vec::new();
        let silenced = |node: &&Node| silence.iter().any(|one| one.id == node.id);
        for node in book.nodes.iter().rev().filter(silenced) {
            let replant::step::Undo::Acts(acts) = node.step.as_step().undo() else { continue };
            should.extend(acts.into_iter().map(|act| match act {
                replant::host::Act::Run { argv, .. } => argv,
                replant::host::Act::Remove { path } => ["rm", "-f", "--", &path].map(str::to_string).to_vec(),
                act => panic!("{}: {act:?}", node.id),
            }));
        }
        let back: Vec<&Vec<String>> =
            back.into_iter().filter(|argv| should.contains(argv) || !argv.contains(&"/boot".to_string())).collect();
        assert_eq!(back, should.iter().collect::<Vec<_>>(), "{}", book.name);
        let mark = back.first().map(|argv| argv.join(" ")).unwrap_or_default();
        assert!(mark.starts_with("rm") && mark.ends_with("/quiet"), "{}: the mark goes first: {mark}", book.name);
        for back in &runner.back {
            let only = match &back.only {
                Some(replant::step::WasSo::Writable(target)) => back.argv.contains(target),
                Some(replant::step::WasSo::Swapped(device)) => back.argv.contains(device),
                None => !back.argv.iter().any(|word| word.contains("remount") || word == "swapon"),
            };
            assert!(only, "{}: {back:?}", book.name);
        }
    }
}
