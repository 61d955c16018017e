//! The simulated pair: two servers as one value, which answer the same commands in the same forms, refuse what real ones
//! refuse, and panic on a command that they do not know. A target exported on new appears as a disk on old.
//!
//! Time does not exist: a copy advances whenever somebody looks at it, a boot is over at once.

mod arrays;
mod below;
mod blocks;
mod commands;
mod control;
mod dead_man;
mod devices;
mod files;
mod furnish;
mod given;
mod hold;
mod iscsi;
mod jobs;
mod lvm;
mod lvm_change;
mod lvm_disks;
mod make;
mod mdadm;
mod mirrors;
mod power;
mod quiet;
mod stock;
mod switch;
mod system;
mod text;
mod trail;
mod verify;
mod world;
mod written;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::engine::Clock;
use crate::host::hardware::Machines;
use crate::host::power::{Memory, Request};
use crate::host::{Act, HostError, Hosts, Look, Output, Query, Said as Word, Server, Side, Trail};

pub use crate::facts::md::array_size;
pub use given::NoPair;
pub use make::Shape;
pub use switch::{Control, Person};

pub use world::{Backing, LoopDevice, Mounted, NewLeg, Process, Rehearsing, System, Under, Unit, Watch, World};
pub use written::{File, Fs, Written};

/// Why a simulated command failed.
#[derive(Debug, Clone)]
pub struct Fail {
    /// exit status
    pub code: i32,
    /// standard error
    pub err: String,
    /// standard output, written before it failed
    pub out: String,
}

impl Fail {
    fn new(code: i32, err: impl Into<String>) -> Fail {
        Fail { code, err: err.into(), out: String::new() }
    }
}

/// What a simulated command said.
type Said = Result<String, Fail>;

fn fail<T>(code: i32, err: impl Into<String>) -> Result<T, Fail> {
    Err(Fail::new(code, err))
}

/// The arguments of a command, sorted into options and words.
#[derive(Debug, Clone, Default)]
struct Args {
    values: Vec<(String, String)>,
    flags: Vec<String>,
    words: Vec<String>,
}

/// Options that are followed by a value; all others are flags, or carry it behind a `=`.
const VALUED: &[&str] = &[
    "--config",
    "--uuid",
    "--metadataignore",
    "--writemostly",
    "--size",
    "--extents",
    "--name",
    "--activate",
    "--wipesignatures",
    "--splitmirrors",
    "--mirrors",
    "--conf",
    "--op",
    "--mode",
    "--lld",
    "--delete",
    "--update",
    "--iscsi",
    "-T",
    "-p",
    "-m",
    "--label",
    "--wipe",
    "--wipe-partitions",
    "--type",
    "--typeconfig",
    "--bitmap",
    "--level",
    "--metadata",
    "--homehost",
    "--raid-devices",
    "--physicalextentsize",
];

impl Args {
    fn of(argv: &[&str]) -> Args {
        let mut args = Args::default();
        let mut rest = argv.iter();
        while let Some(arg) = rest.next() {
            if let Some((name, value)) = arg.split_once('=').filter(|_| arg.starts_with("--")) {
                args.values.push((name.to_string(), value.to_string()));
            } else if VALUED.contains(arg) {
                let value = rest.next().copied().unwrap_or_default();
                args.values.push((arg.to_string(), value.to_string()));
            } else if arg.starts_with('-') && arg.len() > 1 {
                args.flags.push(arg.to_string());
            } else {
                args.words.push(arg.to_string());
            }
        }
        args
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|one| one == flag)
    }

    fn value(&self, name: &str) -> Option<String> {
        self.values.iter().find(|(one, _)| one == name).map(|(_, value)| value.clone())
    }

    fn words(&self) -> &[String] {
        &self.words
    }

    fn last(&self) -> &str {
        self.words.last().map_or("", String::as_str)
    }
}

/// What goes wrong, counted from the first act or look.
#[derive(Debug, Clone, Default)]
pub struct FaultPlan {
    /// the answer to the n-th act is lost, after or before its effect
    pub cut: Option<(usize, Effect)>,
    /// a server loses its power for good before the n-th act
    pub dead: Option<(usize, crate::host::Server)>,
    /// a server loses its power for a moment before the n-th act
    pub reboot: Option<(usize, Server)>,
    /// nothing answers from the n-th look on, for so many looks
    pub down: Option<(usize, usize)>,
    /// a server that is off is switched on by somebody else
    pub back: Option<Back>,
    /// before the n-th act the machine that replant runs on sleeps for so many seconds
    pub asleep: Option<(usize, u64)>,
    /// we are killed at the n-th thing that a power control is told, before or after its effect
    pub turn: Option<(usize, Effect)>,
}

/// Somebody else switches a server on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Back {
    /// the one that is switched on
    pub server: Server,
    /// when
    pub at: Moment,
    /// for how many looks it is in its firmware
    pub firmware: usize,
}

/// Before the n-th of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// acts count from 0
    Act(usize),
    /// looks at power count too
    Look(usize),
}

/// What had come about when the link was cut, or replant was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// it was lost on its way there: nothing was done
    None,
    /// its answer was lost on the way back: it was done
    Done,
}

/// The simulated pair, as something to ask and to act on.
pub struct Sim {
    state: Mutex<State>,
    /// what the person has said: forgotten with the process, as for real servers
    memory: Memory,
}

#[derive(Clone)]
struct State {
    world: World,
    /// as the facts would know them
    machines: Machines,
    faults: FaultPlan,
    acts: usize,
    /// at servers
    looks: usize,
    /// whose acts these are
    trail: Option<Trail>,
    /// at servers and at their power
    all_looks: usize,
    turns: usize,
    /// what the person was asked
    asked: Vec<Request>,
}

impl Sim {
    /// A pair on which nothing goes wrong.
    pub fn new(world: World) -> Sim {
        Sim::with_faults(world, FaultPlan::default())
    }

    /// A pair on which these things go wrong, at these moments.
    pub fn with_faults(world: World, faults: FaultPlan) -> Sim {
        let machines = world.machines();
        let state = State {
            world,
            machines,
            faults,
            acts: 0,
            looks: 0,
            all_looks: 0,
            turns: 0,
            asked: Vec::new(),
            trail: None,
        };
        Sim { state: Mutex::new(state), memory: Memory::default() }
    }

    /// What the person was asked, from the beginning.
    pub fn asked(&self) -> Vec<Request> {
        self.lock().asked.clone()
    }

    /// How many looks there were, those at power among them.
    pub fn looks_and_power(&self) -> usize {
        self.lock().all_looks
    }

    /// The world as it is now.
    pub fn world(&self) -> World {
        self.lock().world.clone()
    }

    /// Somebody else does something.
    pub fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let mut state = self.lock();
        let done = change(&mut state.world);
        state.world.settle(false);
        done
    }

    /// So much time goes by in which nobody asks anything of the servers, or does anything.
    pub fn pass(&self, time: Duration) {
        self.lock().world.pass(time.as_millis().try_into().unwrap_or(u64::MAX));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // a panic in here is a mistake of ours or of the runbook's, and it is out already
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn silent(side: Side, cause: impl Into<String>) -> HostError {
    HostError::Unreachable { side, cause: cause.into() }
}

impl World {
    /// What happens by itself after each command.
    fn settle(&mut self, advance: bool) {
        self.moment += 10;
        self.links_live();
        self.mirrors(Server::Old, advance);
        self.below(Server::Old, advance);
    }

    fn server(&self, side: Side) -> Result<Server, HostError> {
        self.answers(side).ok_or_else(|| {
            let machine = self.machine(side.server());
            let why = match &machine.system {
                System::None(why) => why.clone(),
                _ => "another system runs on it".into(),
            };
            silent(side, why)
        })
    }
}

impl State {
    /// Whoever answers there, if it is the right machine.
    fn server(&self, side: Side) -> Result<Server, HostError> {
        let server = self.world.server(side)?;
        self.world.recognise(&self.machines, side, server)?;
        Ok(server)
    }

    fn come_back(&mut self, now: Moment) {
        if let Some(back) = self.faults.back.filter(|back| back.at == now) {
            self.world.on_slowly(back.server, back.firmware);
        }
    }
}

impl Look for Sim {
    fn look(&self, on: Side, queries: &[Query]) -> Result<Vec<Output>, HostError> {
        let local =
            queries.iter().all(|query| matches!(query, Query::Power(_) | Query::Control(_) | Query::Console(_)));
        let mut state = self.lock();
        let now = Moment::Look(state.all_looks);
        state.all_looks += 1;
        state.world.firmware();
        state.come_back(now);
        if !local {
            state.looks += 1;
            if let Some((from, count)) = state.faults.down
                && (from..from + count).contains(&(state.looks - 1))
            {
                return Err(silent(on, "the link is down"));
            }
        }
        drop(state);
        let mut outputs = Vec::new();
        for query in queries {
            outputs.push(match query {
                Query::Power(server) => self.power().ask(*server)?,
                Query::Control(server) => self.power().control(*server)?,
                Query::Console(server) => self.lock().world.console(*server),
                Query::Run(argv) => {
                    let mut state = self.lock();
                    let server = state.server(on)?;
                    state.world.heard(server);
                    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
                    match state.world.ask(server, &argv) {
                        Ok(out) => Output::ok(out),
                        Err(fail) => Output { code: fail.code, stdout: fail.out, stderr: fail.err },
                    }
                }
            });
        }
        if !local {
            self.lock().world.settle(true);
        }
        Ok(outputs)
    }
}

impl Hosts for Sim {
    fn act(&self, on: Side, job: &str, act: &Act) -> Result<(), HostError> {
        let mut state = self.lock();
        let index = state.acts;
        state.acts += 1;
        if let Some((_, server)) = state.faults.reboot.filter(|(at, _)| *at == index) {
            state.world.reboot(server);
            // between two acts of one step there is no time for a boot that nobody notices
            if server == on.server() && !job.ends_with(".0") && !matches!(act, Act::Power { .. }) {
                return Err(silent(on, "it boots"));
            }
        }
        if let Some((_, server)) = state.faults.dead.filter(|(at, _)| *at == index) {
            state.world.power(server, crate::host::PowerTo::Off);
        }
        if let Some((_, seconds)) = state.faults.asleep.filter(|(at, _)| *at == index) {
            state.world.pass(seconds * 1000);
        }
        state.come_back(Moment::Act(index));
        let cut = state.faults.cut.filter(|(at, _)| *at == index).map(|(_, effect)| effect);
        if cut == Some(Effect::None) {
            return Err(silent(on, "the link was cut"));
        }
        if let (Some(trail), false) = (state.trail.clone(), matches!(act, Act::Power { .. })) {
            let server = state.server(on)?;
            state.world.introduced(on, server, &trail)?;
            state.world.heard(server);
            state.world.came_back(on, server, &trail, act)?;
        }
        let done = match act {
            Act::Power { server, to, alone } => {
                state.world.settle(false);
                drop(state);
                let done = self.power().switch(*server, *to, *alone);
                self.lock().world.settle(false);
                done
            }
            _ => {
                // nobody serves in the moment between the last look at a server and the end of its power
                state.world.serve();
                state.world.settle(false);
                let done = state.server(on).and_then(|server| state.world.act(on, server, act));
                state.world.settle(false);
                done
            }
        };
        match cut {
            Some(_) => Err(silent(on, "the link was cut")),
            None => done,
        }
    }

    fn follow(&self, trail: &Trail) {
        self.lock().trail = Some(trail.clone());
    }

    fn compare(&self, on: Side) -> Result<(), HostError> {
        let state = self.lock();
        let Some(trail) = &state.trail else { return Ok(()) };
        state.world.compare(on, state.server(on)?, trail)
    }

    fn introduce(&self, on: Side) -> Result<(), HostError> {
        let mut state = self.lock();
        let Some(trail) = state.trail.clone() else { return Ok(()) };
        let server = state.server(on)?;
        state.world.tell(on, server, &trail);
        Ok(())
    }

    fn part(&self, on: Side, forget: bool) -> Result<(), HostError> {
        let mut state = self.lock();
        let Some(trail) = state.trail.clone() else { return Ok(()) };
        let server = state.server(on)?;
        state.world.part(on, server, &trail, forget);
        Ok(())
    }

    fn heard(&self) -> Vec<Word> {
        self.memory.heard()
    }

    fn recall(&self, said: &[Word]) {
        self.memory.recall(said);
    }
}

/// Waiting takes no time, and is counted all the same: what never comes about is given up at once.
#[derive(Debug, Default)]
pub struct Patient(AtomicU64);

impl Clock for Patient {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn sleep(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1), Ordering::SeqCst);
    }
}

/// Secrets of the simulated pair: never a real one.
fn secret(name: &str) -> String {
    format!("simulated-{name}-0123456789")
}
