//! What can go wrong, and the servers, the clock and the disk with which it does.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use replant::engine::Clock;
use replant::host::{Act, HostError, Hosts, Look, Output, Query, Said, Side, Trail};
use replant::journal::{Ledger, State, Status};
use replant::runbook::StepId;

use super::{Ran, World};

/// What goes wrong in a run; acts and lines are counted from 0.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    None,
    /// the link breaks before or after the effect of that act, and for so many looks after it
    Cut {
        act: usize,
        effect: bool,
        looks: usize,
    },
    /// the link breaks at that look, for good
    Blind {
        look: usize,
    },
    /// we are killed before or after the effect of that act
    Kill {
        act: usize,
        effect: bool,
    },
    /// we are killed when that act has begun on the server, where it goes on without us
    Linger {
        act: usize,
    },
    /// we die before or after writing that line of the journal
    Crash {
        line: usize,
        written: bool,
    },
}

pub(super) type Lingering = (Side, String, Act);

pub(super) struct Faulty<'a, W> {
    pub world: &'a W,
    pub fault: Fault,
    pub acts: AtomicUsize,
    pub looks: AtomicUsize,
    /// looks that will fail
    pub blind: AtomicUsize,
    pub dead: Arc<AtomicBool>,
    /// an act that goes on without whoever began it
    pub lingering: Mutex<Option<Lingering>>,
    pub now: AtomicU64,
    /// one step at a time
    pub alone: bool,
    /// the journal, as it is on the disk
    pub journal: Arc<Mutex<Vec<u8>>>,
    /// how many bytes of it were read, and what they say
    pub told: Mutex<(usize, State)>,
}

fn no_link(side: Side) -> HostError {
    HostError::Unreachable { side, cause: "the link was cut".into() }
}

impl<W: World> Look for Faulty<'_, W> {
    fn look(&self, on: Side, queries: &[Query]) -> Result<Vec<Output>, HostError> {
        let look = self.looks.fetch_add(1, Ordering::SeqCst);
        let cut = matches!(self.fault, Fault::Blind { look: from } if look >= from);
        let blind = self.blind.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if cut || blind {
            return Err(no_link(on));
        }
        self.world.look(on, queries)
    }
}

impl<W: World> Hosts for Faulty<'_, W> {
    fn act(&self, on: Side, job: &str, act: &Act) -> Result<(), HostError> {
        if self.dead.load(Ordering::SeqCst) {
            // Another thread was on its way here when we were killed, which ends all of them at once.
            assert!(!self.alone, "{job}: the dead do not act");
            return Err(HostError::Local("killed".into()));
        }
        self.is_written(job);
        let index = self.acts.fetch_add(1, Ordering::SeqCst);
        match self.fault {
            Fault::Cut { act: at, effect, looks } if index == at || (looks == usize::MAX && index > at) => {
                self.blind.store(looks, Ordering::SeqCst);
                if effect && index == at {
                    self.world.act(on, job, act)?;
                }
                Err(no_link(on))
            }
            Fault::Blind { look } if self.looks.load(Ordering::SeqCst) >= look => Err(no_link(on)),
            Fault::Kill { act: at, effect } if index == at => {
                self.dead.store(true, Ordering::SeqCst);
                if effect {
                    self.world.act(on, job, act)?;
                }
                Err(HostError::Local("killed".into()))
            }
            Fault::Linger { act: at } if index == at => {
                self.dead.store(true, Ordering::SeqCst);
                if !matches!(act, Act::Power { .. }) {
                    *self.lingering.lock().unwrap() = Some((on, job.to_owned(), act.clone()));
                }
                Err(HostError::Local("killed".into()))
            }
            _ => {
                let step = |job: &str| job.rsplitn(3, '.').nth(2).map(str::to_owned);
                let same = self.lingering.lock().unwrap().take_if(|(_, other, _)| step(other) == step(job));
                match same {
                    // it is found again, and waited for
                    Some((on, other, that)) if other == job && that == *act => self.world.act(on, &other, &that),
                    Some((on, other, that)) => {
                        let _ = self.world.act(on, &other, &that);
                        self.world.act(on, job, act)
                    }
                    None => self.world.act(on, job, act),
                }
            }
        }
    }

    fn follow(&self, trail: &Trail) {
        self.world.follow(trail);
    }

    fn compare(&self, on: Side) -> Result<(), HostError> {
        self.world.compare(on)
    }

    fn introduce(&self, on: Side) -> Result<(), HostError> {
        self.world.introduce(on)
    }

    fn part(&self, on: Side, forget: bool) -> Result<(), HostError> {
        self.world.part(on, forget)
    }

    fn await_end(&self, _: Side, step: &str, direction: &str) -> Result<(), HostError> {
        let of = format!("{step}.{direction}.");
        if let Some((on, job, act)) = self.lingering.lock().unwrap().take_if(|(_, job, _)| job.starts_with(&of)) {
            let _ = self.world.act(on, &job, &act);
        }
        Ok(())
    }

    fn heard(&self) -> Vec<Said> {
        self.world.heard()
    }

    fn recall(&self, said: &[Said]) {
        self.world.recall(said);
    }
}

impl<W: World> Faulty<'_, W> {
    /// Nothing is done on a server that is not on the disk as begun.
    fn is_written(&self, job: &str) {
        let mut parts = job.rsplitn(3, '.').skip(1);
        let status = match parts.next() {
            Some("apply") => Status::Began,
            Some("undo") => Status::UndoBegan,
            other => panic!("{job}: {other:?} is no direction"),
        };
        let id = StepId(parts.next().expect("a step's name").to_owned());
        let journal = self.journal.lock().unwrap();
        let mut told = self.told.lock().unwrap();
        let (read, state) = &mut *told;
        // what came since the last act: to read all of it at each takes most of the time of a sweep
        let fresh = journal[*read..].split_inclusive(|byte| *byte == b'\n');
        for line in fresh.filter(|line| line.ends_with(b"\n")) {
            state.tell(&serde_json::from_slice(line).unwrap()).unwrap();
            *read += line.len();
        }
        // of a rehearsal only that one is on
        let written = state.status(&id) == status || id.0.starts_with("rehearse-") && state.rehearsing();
        assert!(written, "{job} is done, and the journal does not hold it");
    }
}

/// Time goes by only where somebody sleeps.
impl<W: World> Clock for Faulty<'_, W> {
    fn now(&self) -> Duration {
        Duration::from_millis(self.now.load(Ordering::SeqCst))
    }

    fn sleep(&self, time: Duration) {
        self.now.fetch_add((time.as_millis() as u64).max(1), Ordering::SeqCst);
        self.world.pass(time);
    }
}

/// The disk under a journal.
pub(super) struct Disk {
    pub bytes: Arc<Mutex<Vec<u8>>>,
    pub fault: Fault,
    pub line: usize,
    pub written: Arc<AtomicUsize>,
    pub dead: Arc<AtomicBool>,
    pub lines: fn(&[u8]) -> Option<Vec<u8>>,
}

impl Ledger for Disk {
    fn append(&mut self, line: &[u8]) -> std::io::Result<()> {
        if self.dead.load(Ordering::SeqCst) {
            return Err(std::io::Error::other("the dead do not write"));
        }
        let keep = || self.bytes.lock().unwrap().extend((self.lines)(line).unwrap_or_default());
        if let Fault::Crash { line: at, written } = self.fault
            && at == self.line
        {
            self.dead.store(true, Ordering::SeqCst);
            if written {
                keep();
            } else {
                // half of it came to the disk
                self.bytes.lock().unwrap().extend(&line[..line.len() / 2]);
            }
            return Err(std::io::Error::other("died"));
        }
        keep();
        self.line += 1;
        self.written.store(self.line, Ordering::SeqCst);
        Ok(())
    }
}

/// A disk that never fails.
pub(super) struct Kept(pub Arc<Mutex<Vec<u8>>>);

impl Ledger for Kept {
    fn append(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.0.lock().unwrap().extend(line);
        Ok(())
    }
}

/// Every fault that can be in a run that went so when nothing went wrong.
pub fn faults(clean: &Ran) -> Vec<Fault> {
    let mut faults = Vec::new();
    for effect in [false, true] {
        for act in 0..clean.acts {
            faults.extend([0, 1, usize::MAX].map(|looks| Fault::Cut { act, effect, looks }));
            faults.push(Fault::Kill { act, effect });
        }
        faults.extend((0..clean.lines).map(|line| Fault::Crash { line, written: effect }));
    }
    faults.extend((0..clean.looks).map(|look| Fault::Blind { look }));
    faults
}
