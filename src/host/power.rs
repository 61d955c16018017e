//! Whether a machine is on, and how it is switched: by a power control, or by a person. Neither is believed against what
//! answers at the machine's addresses.
//!
//! The same decisions for real servers ([`super::ssh`]) and for the simulated pair: [`Means`] is all that differs.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{HostError, Output, PowerTo, Said, Server, Side};

/// What a power control says, and what is known in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerState {
    /// it has power, whatever runs there
    On,
    /// it has none
    Off,
    /// nobody can say: never taken for off
    Unknown,
}

/// One thing that a power control does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerAction {
    /// until its status says `off`
    Off,
    /// until its status says `on`
    On,
    /// makes the machine's own disks what it boots from
    BootDisk,
}

/// Who answers at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// nobody
    Silent,
    /// by its hardware, this one
    Machine(Server),
    /// something does, and it cannot be told what: why
    Unknown(String),
}

/// To find that nobody answers takes seconds, in which services are down. What is this young is not asked again of a server
/// whose power control says that it is off: nothing boots in so short a time.
const YOUNG: Duration = Duration::from_secs(5);

/// What a person is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "what is said of a variant is said of its fields")]
pub enum Request {
    /// switch it by hand; `because`: why no power control does it, where there is one
    Switch { server: Server, to: PowerTo, because: Option<String> },
    /// look whether it is off; `because`: why replant cannot tell
    IsOff { server: Server, because: String },
    /// look once more, before the other one is switched on
    StillOff { server: Server },
    /// whether they will do it when the time comes; `because`: why no power control will
    ByHand { server: Server, because: String },
}

impl Request {
    /// What is typed for yes.
    pub fn word(&self) -> &'static str {
        match self {
            Request::Switch { .. } => "done",
            Request::IsOff { .. } | Request::StillOff { .. } => "off",
            Request::ByHand { .. } => "yes",
        }
    }
}

/// `switch the old server off`
fn task(server: Server, to: PowerTo) -> String {
    match to {
        PowerTo::Off => format!("switch the {server} server off"),
        PowerTo::On => format!("switch the {server} server on"),
        PowerTo::OwnDisks => {
            format!("switch the {server} server off, make it boot from its own disks, and switch it on again")
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Request::Switch { server, to, because } => {
                because.iter().try_for_each(|why| writeln!(f, "{why}"))?;
                write!(f, "Please {}.", task(*server, *to))
            }
            Request::IsOff { server, because } => {
                write!(f, "{because}\nPlease look at the {server} server itself, or at its console: is it off?")
            }
            Request::StillOff { server } => write!(
                f,
                "The other server is about to boot with the same name and addresses. Please look at the {server} server \
                 once more: is it still off?"
            ),
            Request::ByHand { server, because } => write!(
                f,
                "{because}\nSo a person would have to switch {server}, while services are down. Can you do that when you are \
                 asked to?"
            ),
        }
    }
}

/// What it takes to know and to switch.
pub trait Means {
    /// There is a power control; otherwise a person switches this server.
    fn controlled(&self, server: Server) -> bool;
    /// What the power control says.
    ///
    /// # Errors
    /// It does not work.
    fn status(&self, server: Server) -> Result<PowerState, HostError>;
    /// Has the power control do this, until its status agrees.
    ///
    /// # Errors
    /// It does not work, or its status does not agree in time.
    fn turn(&self, server: Server, turn: PowerAction) -> Result<(), HostError>;
    /// Who answers where this side's system would.
    fn door(&self, at: Side) -> Door;
    /// The address of this side, for people.
    fn address(&self, of: Side) -> String;
    /// There is somebody to ask.
    fn attended(&self) -> bool;
    /// Asks; whether they said yes.
    fn person(&self, request: &Request) -> bool;
    /// The time: since when, does not matter.
    fn now(&self) -> Duration;
    /// Waits a moment; `false`: that was often enough.
    ///
    /// # Errors
    /// [`HostError::Interrupted`]
    fn wait(&self, so_often: usize) -> Result<bool, HostError>;
}

/// What persons have said, in this run and before.
#[derive(Default)]
pub struct Memory {
    words: Mutex<BTreeMap<Server, Word>>,
    heard: Mutex<Vec<Said>>,
    /// servers of which a person could not say that they are off, in this run: they are not asked again and again
    doubted: Mutex<BTreeSet<Server>>,
    /// when the addresses of a server whose power control says that it is off were last found silent
    silent: Mutex<BTreeMap<Server, Duration>>,
    /// servers that a person will switch, since their power control does not work
    taken_over: Mutex<BTreeSet<Server>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Word {
    on: bool,
    /// said in this run
    fresh: bool,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// What is new since this was last asked.
    pub fn heard(&self) -> Vec<Said> {
        std::mem::take(&mut held(&self.heard))
    }

    /// A run begins: all that counts is what the journal has of earlier ones. That a machine was said to be on is of no use
    /// later.
    pub fn recall(&self, said: &[Said]) {
        let off = said.iter().filter(|said| !said.on);
        *held(&self.words) = off.map(|said| (said.server, Word { on: false, fresh: false })).collect();
        held(&self.doubted).clear();
    }

    fn word(&self, server: Server) -> Option<Word> {
        held(&self.words).get(&server).copied()
    }

    fn say(&self, server: Server, on: bool) {
        held(&self.words).insert(server, Word { on, fresh: true });
        held(&self.heard).push(Said { server, on });
        held(&self.doubted).remove(&server);
    }

    /// What was said of it counts no longer, in this run and in those to come.
    fn forget(&self, server: Server) {
        if let Some(word) = held(&self.words).remove(&server)
            && !word.on
        {
            held(&self.heard).push(Said { server, on: true });
        }
    }
}

/// What is known of a machine's power.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    state: PowerState,
    /// for people
    why: String,
    /// it is a person's word that it is off, and whether that was given in this run
    word: Option<Word>,
}

/// What the addresses say.
enum Evidence {
    None,
    /// it answers
    On(String),
    /// it may be it that answers
    Doubt(String),
}

/// Knows and switches.
pub struct PowerSwitch<'a> {
    /// what it asks and has done
    pub means: &'a dyn Means,
    /// what persons have said, which it reads and adds to
    pub memory: &'a Memory,
}

impl PowerSwitch<'_> {
    /// `on`, `off` or `unknown` on standard output, and why on standard error.
    ///
    /// # Errors
    /// [`HostError::Interrupted`], and what keeps it from being asked.
    pub fn ask(&self, server: Server) -> Result<Output, HostError> {
        let known = self.known(server)?;
        let stdout = match known.state {
            PowerState::On => "on\n",
            PowerState::Off => "off\n",
            PowerState::Unknown => "unknown\n",
        };
        Ok(Output { code: 0, stdout: stdout.into(), stderr: known.why })
    }

    /// How it will be switched when the time comes, on standard output: `on`, `off` or `unknown` is what its power control
    /// says; `by-hand` is a person who is there, `nobody` one who is not; `failed` is a power control that does not work
    /// and that nobody stands in for. On standard error: why.
    ///
    /// # Errors
    /// As those of [`PowerSwitch::ask`].
    pub fn control(&self, server: Server) -> Result<Output, HostError> {
        let say = |stdout: &str, why: String| Ok(Output { code: 0, stdout: format!("{stdout}\n"), stderr: why });
        if !self.means.controlled(server) {
            return say(if self.means.attended() { "by-hand" } else { "nobody" }, String::new());
        }
        let (word, because) = match self.means.status(server) {
            Err(HostError::Interrupted) => return Err(HostError::Interrupted),
            Err(error) => ("failed", error.to_string()),
            Ok(PowerState::On) => return say("on", String::new()),
            Ok(state) => match (self.evidence(server), state) {
                (Evidence::On(at), PowerState::Off) => {
                    ("off", format!("the power control of {server} says `off`, and {server} answers at {at}"))
                }
                (_, PowerState::Off) => return say("off", String::new()),
                _ => ("failed", format!("the power control of {server} says neither `on` nor `off`")),
            },
        };
        if held(&self.memory.taken_over).contains(&server) {
            return say("by-hand", because);
        }
        if self.means.attended() && self.means.person(&Request::ByHand { server, because: because.clone() }) {
            held(&self.memory.taken_over).insert(server);
            return say("by-hand", because);
        }
        say(word, because)
    }

    fn known(&self, server: Server) -> Result<Known, HostError> {
        let is = |state, why: String| Ok(Known { state, why, word: None });
        let control = match self.means.controlled(server).then(|| self.means.status(server)) {
            Some(Err(HostError::Interrupted)) => return Err(HostError::Interrupted),
            Some(Ok(PowerState::On)) => return is(PowerState::On, "its power control says so".into()),
            other => other,
        };
        let silent = held(&self.memory.silent).get(&server).copied();
        let young = silent.is_some_and(|since| self.means.now().saturating_sub(since) < YOUNG);
        if young && matches!(control, Some(Ok(PowerState::Off))) {
            return is(PowerState::Off, "its power control says so".into());
        }
        match self.evidence(server) {
            Evidence::On(at) => {
                if self.memory.word(server).is_some_and(|word| !word.on) {
                    self.memory.forget(server);
                }
                return is(PowerState::On, format!("it answers at {at}"));
            }
            Evidence::Doubt(why) => return is(PowerState::Unknown, why),
            Evidence::None => {}
        }
        let why = match control {
            Some(Ok(PowerState::Off)) => {
                held(&self.memory.silent).insert(server, self.means.now());
                return is(PowerState::Off, "its power control says so".into());
            }
            Some(Err(error)) => format!("{error}."),
            Some(Ok(_)) => format!("The power control of {server} does not say whether it is on or off."),
            None => format!("The {server} server is switched by hand, and does not answer."),
        };
        match self.memory.word(server) {
            Some(Word { on: true, .. }) => {
                return is(PowerState::On, "a person says that they switched it on".into());
            }
            Some(word) => {
                return Ok(Known { state: PowerState::Off, why: "a person says so".into(), word: Some(word) });
            }
            None => {}
        }
        if self.means.attended() && !held(&self.memory.doubted).contains(&server) {
            if self.means.person(&Request::IsOff { server, because: why.clone() }) {
                self.memory.say(server, false);
                return is(PowerState::Off, "a person has just said so".into());
            }
            held(&self.memory.doubted).insert(server);
        }
        is(PowerState::Unknown, why)
    }

    /// What the addresses say at which this machine may answer. Where new's rescue system was, somebody else may be by now;
    /// what answers at old's address in place of it is always of interest.
    fn evidence(&self, server: Server) -> Evidence {
        let (rescue, own) = match server {
            Server::Old => (None, Side::Old),
            Server::New => (Some(Side::New), Side::Migrated),
        };
        let mut doubt = Evidence::None;
        for side in rescue.into_iter().chain([own]) {
            match self.means.door(side) {
                Door::Machine(who) if who == server => return Evidence::On(self.means.address(side)),
                Door::Unknown(why) if side == own => {
                    let address = self.means.address(side);
                    doubt =
                        Evidence::Doubt(format!("something answers at {address}, and it cannot be told what: {why}"));
                }
                Door::Unknown(_) | Door::Machine(_) | Door::Silent => {}
            }
        }
        doubt
    }

    /// Switches it; with `alone` only while the other machine is off.
    ///
    /// # Errors
    /// It could not be done, nobody confirmed it, or what answers says otherwise.
    pub fn switch(&self, server: Server, to: PowerTo, alone: bool) -> Result<(), HostError> {
        held(&self.memory.silent).remove(&server);
        let other = alone.then_some(server.other());
        other.map_or(Ok(()), |other| self.must_be_off(other, None))?;
        if to == PowerTo::Off && self.known(server)?.state == PowerState::Off {
            return Ok(());
        }
        if !self.means.controlled(server) {
            return self.by_hand(server, to, other, None);
        }
        match self.by_control(server, to, other) {
            Ok(()) => {
                self.memory.forget(server);
                Ok(())
            }
            Err(HostError::Interrupted) => Err(HostError::Interrupted),
            // it is about the other one, or there is nobody who could do it instead
            Err(HostError::Power { server: of, cause }) if of != server => {
                Err(HostError::Power { server: of, cause })
            }
            Err(error) if !self.means.attended() => Err(error),
            Err(error) => self.by_hand(server, to, other, Some(format!("{error}."))),
        }
    }

    fn by_control(&self, server: Server, to: PowerTo, other: Option<Server>) -> Result<(), HostError> {
        let off = || {
            self.means.turn(server, PowerAction::Off)?;
            let since = self.silent(server, "its power control says that it is off")?;
            held(&self.memory.silent).insert(server, since);
            Ok(())
        };
        match to {
            PowerTo::Off => off(),
            PowerTo::On => match self.means.status(server)? {
                PowerState::On => Ok(()),
                _ => {
                    other.map_or(Ok(()), |other| self.must_be_off(other, Some(to)))?;
                    self.means.turn(server, PowerAction::On)
                }
            },
            PowerTo::OwnDisks => {
                let is_off = self.means.status(server)? == PowerState::Off;
                if !is_off || !matches!(self.evidence(server), Evidence::None) {
                    off()?;
                }
                self.means.turn(server, PowerAction::BootDisk)?;
                // in the very moment, for switching off and waiting may have taken minutes
                other.map_or(Ok(()), |other| self.must_be_off(other, Some(to)))?;
                self.means.turn(server, PowerAction::On)
            }
        }
    }

    fn by_hand(
        &self,
        server: Server,
        to: PowerTo,
        other: Option<Server>,
        because: Option<String>,
    ) -> Result<(), HostError> {
        let fail = |cause: String| Err(HostError::Power { server, cause });
        let what = task(server, to);
        if !self.means.attended() {
            return fail(format!("it is switched by hand, and there is nobody to ask: {what}, then go on"));
        }
        if matches!(to, PowerTo::On | PowerTo::OwnDisks) {
            other.map_or(Ok(()), |other| self.must_be_off(other, Some(to)))?;
        }
        if !self.means.person(&Request::Switch { server, to, because }) {
            return fail(format!("not confirmed: {what}, then go on"));
        }
        match to {
            PowerTo::Off => drop(self.silent(server, "it was said to be off")?),
            PowerTo::On => {}
            PowerTo::OwnDisks => {
                let rescue = || self.means.door(Side::New) == Door::Machine(Server::New);
                let left = self.until_not(server, "it was said to have been switched", || {
                    rescue().then(|| format!("its rescue system still answers at {}", self.means.address(Side::New)))
                });
                match left {
                    // its own initramfs answers there, too: whoever looks at it can tell
                    Err(HostError::Power { .. }) if other.is_none() => {}
                    left => left?,
                }
            }
        }
        self.memory.say(server, to != PowerTo::Off);
        Ok(())
    }

    /// Waits until nothing answers that could be this machine, and its power control does not say that it is on. When that was
    /// asked last.
    fn silent(&self, server: Server, but: &str) -> Result<Duration, HostError> {
        let controlled = self.means.controlled(server);
        let asked = Cell::new(Duration::ZERO);
        let contradicts = || match self.evidence(server) {
            Evidence::None if controlled && matches!(self.means.status(server), Ok(PowerState::On)) => {
                Some("its power control says that it is on".into())
            }
            Evidence::None => None,
            Evidence::On(at) => Some(format!("it still answers at {at}")),
            Evidence::Doubt(why) => Some(why),
        };
        self.until_not(server, but, || {
            let what = contradicts();
            asked.set(self.means.now());
            what
        })?;
        Ok(asked.get())
    }

    fn until_not(
        &self,
        server: Server,
        but: &str,
        contradicts: impl Fn() -> Option<String>,
    ) -> Result<(), HostError> {
        let mut so_often = 0;
        while let Some(what) = contradicts() {
            if !self.means.wait(so_often)? {
                return Err(HostError::Power { server, cause: format!("{but}, but {what}") });
            }
            so_often += 1;
        }
        Ok(())
    }

    /// The other machine, before this one gets its name and addresses: `to` is what is done to this one next. A word is no
    /// control: whoever is there looks once more, unless they have only just said so.
    fn must_be_off(&self, server: Server, to: Option<PowerTo>) -> Result<(), HostError> {
        let fail = |cause: String| Err(HostError::Power { server, cause });
        let known = self.known(server)?;
        match known.state {
            PowerState::Off => {}
            PowerState::On => {
                return fail(format!(
                    "it is on ({}): the other server must not boot. Switch it off, then go on",
                    known.why
                ));
            }
            PowerState::Unknown => {
                return fail(format!(
                    "it is not known to be off, and the other server must not boot before that. {} See that it is off, then \
                     go on",
                    known.why
                ));
            }
        }
        let stale = match (known.word, to) {
            (None, _) | (_, None) => false,
            (Some(word), Some(to)) => !word.fresh || to == PowerTo::OwnDisks,
        };
        if stale && self.means.attended() && !self.means.person(&Request::StillOff { server }) {
            self.memory.forget(server);
            return fail("it was not said to be off still: switch it off, then go on".into());
        }
        Ok(())
    }
}
