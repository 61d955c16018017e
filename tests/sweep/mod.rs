//! Every fault at every place, over any runbook and any world: written once, for ever.
//!
//! A sweep breaks a run in one place, looks at what that leaves, and demands two things of it: going on reaches the goal,
//! and going back leaves the world as it was found. Then it breaks it in the next place.

#![allow(dead_code)]

mod fault;
pub mod pair;
pub mod share;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fault::{Disk, Faulty};
pub use fault::{Fault, faults};
use replant::engine::{self, Notice, Observer, Options, Reason, Stopped, Summary};
use replant::host::{Hosts, Server};
use replant::journal::{Header, Journal, Kind, Story};
use replant::runbook::Node;
use replant::step::Seen;

/// Work on servers by a journal.
pub type Works<'a> =
    &'a dyn Fn(&mut Journal, &dyn Hosts, &Options<'_>, Observer<'_>) -> Result<Summary, Box<Stopped>>;

/// Two servers that can be copied and compared.
pub trait World: Hosts + Sized {
    fn fork(&self) -> Self;
    /// All of it, or of one server, as text: two worlds are the same when their texts are.
    fn text(&self, of: Option<Server>) -> String;
    /// Time goes by.
    fn pass(&self, _time: Duration) {}
    /// Puts something else in the place of what this step describes; `false` where there is no way to.
    fn spoil(&self, node: &Node) -> bool;
}

pub struct Case<W> {
    pub name: &'static str,
    pub nodes: Vec<Node>,
    pub world: W,
    pub parallelism: usize,
    /// so many steps, from the first, could have been done by hand before
    pub by_hand: usize,
    /// what becomes of a line on its way to the disk: a seeded fault, to see that the sweeps notice
    pub lines: fn(&[u8]) -> Option<Vec<u8>>,
}

pub fn faithful(line: &[u8]) -> Option<Vec<u8>> {
    Some(line.to_vec())
}

/// A world and the journal of what was done to it.
pub struct Scene<W> {
    pub world: W,
    journal: Vec<u8>,
    lingering: Option<fault::Lingering>,
}

pub struct Ran {
    pub result: Result<Summary, Box<Stopped>>,
    pub acts: usize,
    pub looks: usize,
    pub lines: usize,
    pub events: Vec<Notice>,
}

impl<W: World> Scene<W> {
    pub fn new(world: &W) -> Scene<W> {
        let header = serde_json::to_string(&Header::new("sweep", "0")).unwrap();
        Scene { world: world.fork(), journal: format!("{header}\n").into_bytes(), lingering: None }
    }

    /// In this very world, and not in a copy of it.
    pub fn within(world: W) -> Scene<W> {
        let header = serde_json::to_string(&Header::new("sweep", "0")).unwrap();
        Scene { world, journal: format!("{header}\n").into_bytes(), lingering: None }
    }

    pub fn fork(&self) -> Scene<W> {
        Scene { world: self.world.fork(), journal: self.journal.clone(), lingering: self.lingering.clone() }
    }

    /// The world as it is, and the journal as it was when it had so many lines.
    pub fn with_lines(&self, lines: usize) -> Scene<W> {
        let journal: Vec<u8> =
            self.journal.split_inclusive(|byte| *byte == b'\n').take(lines + 1).flatten().copied().collect();
        Scene { world: self.world.fork(), journal, lingering: None }
    }

    /// The same journal, with another world.
    pub fn with(&self, world: W) -> Scene<W> {
        Scene { world, journal: self.journal.clone(), lingering: None }
    }

    pub fn text(&self) -> String {
        self.world.text(None)
    }

    pub fn story(&self) -> Story {
        Story::parse(&self.journal, "the sweep's journal".as_ref()).unwrap()
    }

    /// The operator says that new is lost for good.
    pub fn give_up_new(&mut self, case: &Case<W>) {
        let story = self.story();
        self.journal.truncate(self.journal.len() - story.torn.unwrap_or(0));
        let bytes = Arc::new(Mutex::new(std::mem::take(&mut self.journal)));
        let mut journal = Journal::resumed(story, Box::new(fault::Kept(bytes.clone())));
        engine::give_up_new(&case.nodes, &mut journal).unwrap();
        drop(journal);
        self.journal = std::mem::take(&mut *bytes.lock().unwrap());
    }

    pub fn run(&mut self, case: &Case<W>, kind: Kind, fault: Fault) -> Ran {
        self.run_by(case, fault, &|journal, hosts, options, observer| match kind {
            Kind::Apply => engine::apply(&case.nodes, journal, hosts, options, observer),
            Kind::Rollback => engine::rollback(&case.nodes, journal, hosts, options, observer),
        })
    }

    /// Whatever is done by a journal on servers, with this fault in it.
    pub fn run_by(&mut self, case: &Case<W>, fault: Fault, work: Works<'_>) -> Ran {
        let dead = Arc::new(AtomicBool::new(false));
        let written = Arc::new(AtomicUsize::new(0));
        let story = self.story();
        let whole = self.journal.len() - story.torn.unwrap_or(0);
        let bytes = Arc::new(Mutex::new(self.journal[..whole].to_vec()));
        let disk = Disk {
            bytes: bytes.clone(),
            fault,
            line: 0,
            written: written.clone(),
            dead: dead.clone(),
            lines: case.lines,
        };
        let told = Mutex::new((whole, story.state.clone()));
        let mut journal = Journal::resumed(story, Box::new(disk));
        let hosts = Faulty {
            world: &self.world,
            fault,
            acts: AtomicUsize::new(0),
            looks: AtomicUsize::new(0),
            blind: AtomicUsize::new(0),
            dead,
            lingering: Mutex::new(self.lingering.take()),
            now: AtomicU64::new(0),
            alone: case.parallelism == 1,
            journal: bytes.clone(),
            told,
        };
        let stop = AtomicU8::new(0);
        let options = Options { parallelism: case.parallelism, clock: &hosts, ..Options::new(&stop) };
        let events = Mutex::new(Vec::new());
        let observer = |event| events.lock().unwrap().push(event);
        let result = work(&mut journal, &hosts, &options, &observer);
        let (acts, looks) = (hosts.acts.into_inner(), hosts.looks.into_inner());
        let lingering = hosts.lingering.into_inner().unwrap();
        if let (Some((on, job, act)), false) = (&lingering, matches!(fault, Fault::Linger { .. })) {
            // nobody has waited for it
            let _ = self.world.act(*on, job, act);
        } else {
            self.lingering = lingering;
        }
        drop(journal);
        self.journal = std::mem::take(&mut *bytes.lock().unwrap());
        let lines = written.load(Ordering::SeqCst);
        Ran { result, acts, looks, lines, events: events.into_inner().unwrap() }
    }
}

impl<W: World> Case<W> {
    pub fn clean(&self, scene: &mut Scene<W>, kind: Kind, when: &str) -> Ran {
        let ran = scene.run(self, kind, Fault::None);
        if let Err(stopped) = &ran.result {
            panic!(
                "{}: {when}: {kind:?} stopped at {:?}: {stopped}, seen {:?}",
                self.name, stopped.step, stopped.seen
            );
        }
        ran
    }

    /// The world when all is done, from `world`.
    pub fn goal(&self, world: &W) -> String {
        let mut scene = Scene::new(world);
        self.clean(&mut scene, Kind::Apply, "undisturbed");
        scene.world.text(None)
    }

    /// What every sweep ends in.
    pub fn both_ways(&self, scene: &Scene<W>, from: &W, goal: &str, when: &str) {
        let name = self.name;
        let mut on = scene.fork();
        if scene.story().state.abandoned().is_some() {
            let refused = on.run(self, Kind::Apply, Fault::None).result.unwrap_err();
            assert!(matches!(refused.reason, Reason::Abandoned(_)), "{name}: {when}: {refused}");
        } else {
            self.clean(&mut on, Kind::Apply, when);
            same(&on.world.text(None), goal, &format!("{name}: {when}: going on does not reach the goal"));
            let again = self.clean(&mut on, Kind::Apply, when);
            assert_eq!(again.acts, 0, "{name}: {when}: applied again, it acts");
        }
        let mut back = scene.fork();
        self.clean(&mut back, Kind::Rollback, when);
        self.as_found(&back, from, when);
        let again = self.clean(&mut back, Kind::Rollback, when);
        assert_eq!(again.acts, 0, "{name}: {when}: taken back again, it acts");
    }

    pub fn as_found(&self, scene: &Scene<W>, from: &W, when: &str) {
        // Over the change of servers old is as it was found; what is on new's disks stays.
        let of = scene.story().state.abandoned().map(|_| Server::Old);
        let what = format!("{}: {when}: going back leaves it otherwise", self.name);
        same(&scene.world.text(of), &from.text(of), &what);
    }

    /// All of them.
    pub fn sweep(&self) -> usize {
        self.twice() + self.forward() + self.backward() + self.found_before() + self.drift()
    }

    /// Applied twice, the second does nothing; and nothing at all happens without its beginning in the journal.
    pub fn twice(&self) -> usize {
        let goal = self.goal(&self.world);
        let mut scene = Scene::new(&self.world);
        let first = self.clean(&mut scene, Kind::Apply, "first");
        assert!(first.acts > 0, "{}: a case that does nothing shows nothing", self.name);
        let before = scene.journal.len();
        let second = self.clean(&mut scene, Kind::Apply, "second");
        assert_eq!((second.acts, second.result.unwrap().changed), (0, 0), "{}: the second apply acts", self.name);
        assert_eq!(second.lines, 2, "{}: more than the run itself was recorded", self.name);
        assert!(scene.journal.len() > before);
        self.both_ways(&scene, &self.world, &goal, "applied twice");
        1
    }

    /// Each fault in each place of an apply.
    pub fn forward(&self) -> usize {
        self.forward_some(0, 1)
    }

    /// Of all faults those that come `first`, and then each `stride`-th.
    pub fn forward_some(&self, first: usize, stride: usize) -> usize {
        let goal = self.goal(&self.world);
        let clean = Scene::new(&self.world).run(self, Kind::Apply, Fault::None);
        let faults: Vec<Fault> = faults(&clean).into_iter().skip(first).step_by(stride).collect();
        for fault in &faults {
            let mut scene = Scene::new(&self.world);
            let ran = scene.run(self, Kind::Apply, *fault);
            self.check_end(&ran, *fault);
            self.both_ways(&scene, &self.world, &goal, &format!("apply, {fault:?}"));
        }
        faults.len()
    }

    /// Each fault in each place of a rollback of the whole.
    pub fn backward(&self) -> usize {
        self.backward_some(0, 1)
    }

    /// As [`Case::forward_some`].
    pub fn backward_some(&self, first: usize, stride: usize) -> usize {
        let goal = self.goal(&self.world);
        let mut applied = Scene::new(&self.world);
        self.clean(&mut applied, Kind::Apply, "before rollback");
        let clean = applied.fork().run(self, Kind::Rollback, Fault::None);
        let faults: Vec<Fault> = faults(&clean).into_iter().skip(first).step_by(stride).collect();
        for fault in &faults {
            let mut scene = applied.fork();
            let ran = scene.run(self, Kind::Rollback, *fault);
            self.check_end(&ran, *fault);
            self.both_ways(&scene, &self.world, &goal, &format!("rollback, {fault:?}"));
        }
        faults.len()
    }

    /// Two faults, one after the other: what the first leaves is gone on with, forward or backward, until the second. Then
    /// it must end well all the same.
    pub fn pairs_some(&self, first: usize, stride: usize) -> usize {
        let goal = self.goal(&self.world);
        let clean = Scene::new(&self.world).run(self, Kind::Apply, Fault::None);
        let faults: Vec<Fault> = faults(&clean).into_iter().skip(first).step_by(stride).collect();
        let mut count = 0;
        for (at, fault) in faults.iter().enumerate() {
            let mut scene = Scene::new(&self.world);
            scene.run(self, Kind::Apply, *fault);
            for kind in [Kind::Apply, Kind::Rollback] {
                let rest = scene.fork().run(self, kind, Fault::None);
                let seconds = fault::faults(&rest);
                // early, in the middle, late, and every kind of fault in its turn
                for part in 0..3 {
                    let Some(second) = seconds.get((at * 7 + part * seconds.len() / 3) % seconds.len().max(1)) else {
                        continue;
                    };
                    let mut twice = scene.fork();
                    twice.run(self, kind, *second);
                    self.both_ways(&twice, &self.world, &goal, &format!("apply, {fault:?}; {kind:?}, {second:?}"));
                    count += 1;
                }
            }
        }
        count
    }

    /// It fails at an act, is taken back, and is done again from the beginning: as if nothing had been.
    pub fn again_some(&self, first: usize, stride: usize) -> usize {
        let goal = self.goal(&self.world);
        let clean = Scene::new(&self.world).run(self, Kind::Apply, Fault::None);
        let mut count = 0;
        for act in (first..clean.acts).step_by(stride) {
            for effect in [false, true] {
                let mut scene = Scene::new(&self.world);
                let fault = Fault::Kill { act, effect };
                scene.run(self, Kind::Apply, fault);
                self.clean(&mut scene, Kind::Rollback, &format!("{fault:?}"));
                self.as_found(&scene, &self.world, &format!("{fault:?}"));
                count += 1;
                if scene.story().state.abandoned().is_some() {
                    continue;
                }
                self.clean(&mut scene, Kind::Apply, &format!("{fault:?}, taken back"));
                same(&scene.text(), &goal, &format!("{}: {fault:?}, taken back, done again", self.name));
            }
        }
        count
    }

    /// Taken back from the middle, where that is broken too.
    pub fn backward_midway_some(&self, upto: usize, first: usize, stride: usize) -> usize {
        let goal = self.goal(&self.world);
        let mut midway = Scene::new(&self.world);
        midway.run(self, Kind::Apply, Fault::Kill { act: upto, effect: true });
        let clean = midway.fork().run(self, Kind::Rollback, Fault::None);
        let faults: Vec<Fault> = faults(&clean).into_iter().skip(first).step_by(stride).collect();
        for fault in &faults {
            let mut scene = midway.fork();
            scene.run(self, Kind::Rollback, *fault);
            self.both_ways(&scene, &self.world, &goal, &format!("killed at act {upto}, rollback, {fault:?}"));
        }
        faults.len()
    }

    /// What was done by hand before is adopted, and survives.
    pub fn found_before(&self) -> usize {
        for count in 1..=self.by_hand {
            let world = self.world.fork();
            for node in &self.nodes[..count] {
                for act in node.step.as_step().apply() {
                    world.act(node.on, "by hand", &act).unwrap();
                }
            }
            let goal = self.goal(&world);
            let mut scene = Scene::new(&world);
            let ran = self.clean(&mut scene, Kind::Apply, "done by hand");
            assert!(ran.result.unwrap().adopted.len() >= count);
            self.both_ways(&scene, &world, &goal, &format!("{count} steps were done by hand before"));
        }
        self.by_hand
    }

    /// What is not as described is not touched: neither at first sight nor later, neither forward nor backward.
    pub fn drift(&self) -> usize {
        let mut count = 0;
        let mut applied = Scene::new(&self.world);
        self.clean(&mut applied, Kind::Apply, "before drift");
        for node in &self.nodes {
            for (scene, kind) in [
                (Scene::new(&self.world), Kind::Apply),
                (applied.fork(), Kind::Apply),
                (applied.fork(), Kind::Rollback),
            ] {
                let mut scene = scene;
                let state = scene.story().state;
                let back = engine::rollback_preview(&self.nodes, &state);
                let way = back.steps.iter().find(|back| back.node.id == node.id).map(|back| &back.way);
                let looked_at = match kind {
                    Kind::Apply => !state.over(node),
                    Kind::Rollback => matches!(way, Some(engine::Way::Undo(_))),
                };
                if !looked_at || !scene.world.spoil(node) {
                    continue;
                }
                let ran = scene.run(self, kind, Fault::None);
                let stopped = ran.result.unwrap_err();
                let ours =
                    ran.events.iter().any(|event| matches!(event, Notice::Acting { step, .. } if *step == node.id));
                let when = format!("{}: {kind:?}, {} is something else: {stopped}", self.name, node.id);
                assert!(matches!(stopped.reason, Reason::Refused(_)), "{when}");
                assert!(matches!(stopped.seen, Some(Seen::Foreign(_))), "{when}");
                assert!(!ours, "{}: {kind:?}: {} was acted on", self.name, node.id);
                count += 1;
            }
        }
        count
    }

    fn check_end(&self, ran: &Ran, fault: Fault) {
        let fine = match fault {
            Fault::None | Fault::Cut { looks: 0 | 1, .. } => ran.result.is_ok(),
            // By the link, where the step itself does not make something of it: a server that boots or was switched
            // off does not answer either, and the one is not told from the other.
            Fault::Cut { .. } | Fault::Blind { .. } => matches!(&ran.result, Err(stopped)
                if matches!(stopped.reason, Reason::Link(_))
                    || matches!(stopped.step.as_ref().map(|step| step.0.as_str()), Some("own-boot" | "old-off" | "into-hold"))),
            Fault::Kill { .. } | Fault::Linger { .. } | Fault::Crash { .. } => ran.result.is_err(),
        };
        assert!(fine, "{}: {fault:?} ended in {:?}", self.name, ran.result);
    }
}

/// Two texts of worlds; where they differ, only that is shown.
pub fn same(is: &str, should: &str, what: &str) {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
    let (is, should) = (lines(is), lines(should));
    let more: Vec<_> = is.difference(&should).map(|line| format!("+ {line}")).collect();
    let less: Vec<_> = should.difference(&is).map(|line| format!("- {line}")).collect();
    assert!(is == should, "{what}\n{}\n{}", more.join("\n"), less.join("\n"));
}
