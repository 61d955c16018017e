//! What is known of a machine's power, and whether it is switched, over everything that can speak of it: its power
//! control, what answers at its addresses, a person. In each row one of them is all that keeps both servers from being up.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use replant::host::power::{Door, Means, Memory, PowerAction, PowerState, PowerSwitch, Request};
use replant::host::{HostError, PowerTo, Server, Side};

/// Old's and new's power control; `None`: a person switches it.
struct Pair {
    control: [Option<Result<PowerState, ()>>; 2],
    /// at old's address, and at new's rescue system's
    own: Door,
    rescue: Door,
    /// what a person answers; `None`: nobody is there
    person: Option<bool>,
    done: Mutex<Vec<String>>,
    /// seconds
    time: AtomicU64,
    /// its control does switch old off
    obeys: bool,
    /// it has, and nothing answers at old's address since
    off: AtomicBool,
    silent: AtomicBool,
}

fn pair() -> Pair {
    Pair {
        control: [Some(Ok(PowerState::Off)), Some(Ok(PowerState::Off))],
        own: Door::Silent,
        rescue: Door::Silent,
        person: None,
        done: Mutex::default(),
        time: AtomicU64::new(0),
        obeys: false,
        off: AtomicBool::new(false),
        silent: AtomicBool::new(false),
    }
}

impl Means for Pair {
    fn controlled(&self, server: Server) -> bool {
        self.control[server as usize].is_some()
    }

    fn status(&self, server: Server) -> Result<PowerState, HostError> {
        if server == Server::Old && self.off.load(Ordering::SeqCst) {
            return Ok(PowerState::Off);
        }
        let says = self.control[server as usize].expect("only asked where there is one");
        says.map_err(|()| HostError::Power { server, cause: "it does not work".into() })
    }

    fn turn(&self, server: Server, turn: PowerAction) -> Result<(), HostError> {
        self.done.lock().unwrap().push(format!("{server} {turn:?}"));
        if self.obeys && turn == PowerAction::Off {
            self.off.store(true, Ordering::SeqCst);
            self.silent.store(true, Ordering::SeqCst);
        }
        Ok(())
    }

    fn door(&self, at: Side) -> Door {
        match at {
            Side::Old | Side::Migrated if self.silent.load(Ordering::SeqCst) => Door::Silent,
            Side::New => self.rescue.clone(),
            Side::Old | Side::Migrated => self.own.clone(),
        }
    }

    fn address(&self, of: Side) -> String {
        format!("the address of {of:?}")
    }

    fn attended(&self) -> bool {
        self.person.is_some()
    }

    fn person(&self, request: &Request) -> bool {
        self.done.lock().unwrap().push(format!("asked: {}", request.word()));
        self.person.expect("only asked where somebody is there")
    }

    fn now(&self) -> Duration {
        Duration::from_secs(self.time.load(Ordering::SeqCst))
    }

    fn wait(&self, so_often: usize) -> Result<bool, HostError> {
        Ok(so_often < 3)
    }
}

fn odd() -> Door {
    Door::Unknown("it has disks of both".into())
}

/// That nobody answers is found out when it is switched off, and not again as long as nothing can have booted; what its power
/// control says is asked each time, and without an `off` its address is.
#[test]
fn silence_is_young_for_a_moment_only() {
    let on = || [Some(Ok(PowerState::On)), Some(Ok(PowerState::On))];
    let state = |pair: &Pair, memory: &Memory| {
        let asked = PowerSwitch { means: pair, memory }.ask(Server::Old).unwrap();
        asked.stdout.trim().to_string()
    };
    let switched = || {
        let pair = Pair { control: on(), own: Door::Machine(Server::Old), obeys: true, ..pair() };
        let memory = Memory::default();
        PowerSwitch { means: &pair, memory: &memory }.switch(Server::Old, PowerTo::Off, false).unwrap();
        // from here on something takes connections at its address
        pair.silent.store(false, Ordering::SeqCst);
        (pair, memory)
    };
    let (pair, memory) = switched();
    assert_eq!(state(&pair, &memory), "off", "it was silent a moment ago");
    pair.time.store(4, Ordering::SeqCst);
    assert_eq!(state(&pair, &memory), "off");
    pair.time.store(5, Ordering::SeqCst);
    assert_eq!(state(&pair, &memory), "on", "that is too long ago");

    let (pair, memory) = switched();
    pair.off.store(false, Ordering::SeqCst);
    assert_eq!(state(&pair, &memory), "on", "its power control is asked each time");

    let (pair, memory) = switched();
    let mut mute = pair;
    mute.control[0] = Some(Err(()));
    mute.off.store(false, Ordering::SeqCst);
    assert_eq!(state(&mute, &memory), "on", "a power control that says nothing is no proof");

    let (pair, memory) = switched();
    let _ = PowerSwitch { means: &pair, memory: &memory }.switch(Server::Old, PowerTo::On, false);
    pair.off.store(true, Ordering::SeqCst);
    assert_eq!(state(&pair, &memory), "on", "it was switched on since");
}

#[test]
fn what_is_known_of_old() {
    let old = Door::Machine(Server::Old);
    let new = Door::Machine(Server::New);
    let control = |says| [Some(says), Some(Ok(PowerState::On))];
    for (what, pair, wanted) in [
        ("its control says off", pair(), "off"),
        ("its control says on", Pair { control: control(Ok(PowerState::On)), ..pair() }, "on"),
        ("and a person says off", Pair { control: control(Ok(PowerState::On)), person: Some(true), ..pair() }, "on"),
        ("its control says off, and it answers", Pair { own: old.clone(), ..pair() }, "on"),
        ("its control says off, and something answers", Pair { own: odd(), ..pair() }, "unknown"),
        ("and a person says off", Pair { own: odd(), person: Some(true), ..pair() }, "unknown"),
        ("its control says off, and new answers", Pair { own: new, ..pair() }, "off"),
        ("its control says nothing", Pair { control: control(Ok(PowerState::Unknown)), ..pair() }, "unknown"),
        ("its control does not work", Pair { control: control(Err(())), ..pair() }, "unknown"),
        ("and a person says off", Pair { control: control(Err(())), person: Some(true), ..pair() }, "off"),
        ("and a person cannot say", Pair { control: control(Err(())), person: Some(false), ..pair() }, "unknown"),
        ("by hand, and nobody is there", Pair { control: [None, None], ..pair() }, "unknown"),
        ("by hand, and a person says off", Pair { control: [None, None], person: Some(true), ..pair() }, "off"),
        ("and it answers", Pair { control: [None, None], person: Some(true), own: old, ..pair() }, "on"),
    ] {
        let memory = Memory::default();
        let known = PowerSwitch { means: &pair, memory: &memory }.ask(Server::Old).unwrap();
        assert_eq!(known.stdout.trim(), wanted, "{what}: {}", known.stderr);
    }
}

/// New answers in its rescue system, and as the migrated system at old's address.
#[test]
fn what_is_known_of_new() {
    let new = || Door::Machine(Server::New);
    for (what, pair, wanted) in [
        ("it is off", pair(), "off"),
        ("its rescue system answers", Pair { rescue: new(), ..pair() }, "on"),
        ("it answers at old's address", Pair { own: new(), ..pair() }, "on"),
        ("old answers at old's address", Pair { own: Door::Machine(Server::Old), ..pair() }, "off"),
        ("something answers at old's address", Pair { own: odd(), ..pair() }, "unknown"),
        // the rescue system's address may be somebody else's by now
        ("something answers at its rescue address", Pair { rescue: odd(), ..pair() }, "off"),
    ] {
        let memory = Memory::default();
        let known = PowerSwitch { means: &pair, memory: &memory }.ask(Server::New).unwrap();
        assert_eq!(known.stdout.trim(), wanted, "{what}: {}", known.stderr);
    }
}

/// One is switched on only while the other is known to be off.
#[test]
fn none_is_switched_on_beside_the_other() {
    let old = || Door::Machine(Server::Old);
    for (what, pair) in [
        ("old's control says on", Pair { control: [Some(Ok(PowerState::On)), Some(Ok(PowerState::Off))], ..pair() }),
        ("old answers", Pair { own: old(), ..pair() }),
        ("something answers", Pair { own: odd(), ..pair() }),
        (
            "old's control says nothing",
            Pair { control: [Some(Ok(PowerState::Unknown)), Some(Ok(PowerState::Off))], ..pair() },
        ),
        ("old's control does not work", Pair { control: [Some(Err(())), Some(Ok(PowerState::Off))], ..pair() }),
        ("nobody knows", Pair { control: [None, Some(Ok(PowerState::Off))], person: Some(false), ..pair() }),
    ] {
        for to in [PowerTo::On, PowerTo::OwnDisks] {
            let memory = Memory::default();
            let switched = PowerSwitch { means: &pair, memory: &memory }.switch(Server::New, to, true);
            assert!(switched.is_err(), "{what}: {to:?}");
            let done = pair.done.lock().unwrap();
            assert!(!done.iter().any(|done| done == "new On"), "{what}: {to:?}: {done:?}");
        }
    }
    let pair = pair();
    PowerSwitch { means: &pair, memory: &Memory::default() }.switch(Server::New, PowerTo::OwnDisks, true).unwrap();
    assert_eq!(*pair.done.lock().unwrap(), ["new BootDisk", "new On"]);
}

/// Off is only what answers no more.
#[test]
fn what_answers_is_not_off() {
    let here = || Pair { own: Door::Machine(Server::Old), ..pair() };
    let by_hand = Pair { control: [None, None], person: Some(true), ..here() };
    for (what, pair) in [("its control says off", here()), ("a person says done", by_hand)] {
        let memory = Memory::default();
        let switched = PowerSwitch { means: &pair, memory: &memory }.switch(Server::Old, PowerTo::Off, false);
        let error = switched.expect_err(what);
        assert!(error.to_string().contains("still answers"), "{what}: {error}");
    }
}

/// Who says no has not done it; and a word of before is asked for once more.
#[test]
fn a_person_is_believed_to_the_word() {
    let no = Pair { control: [None, Some(Ok(PowerState::Off))], person: Some(false), ..pair() };
    let off = PowerSwitch { means: &no, memory: &Memory::default() }.switch(Server::Old, PowerTo::Off, false);
    assert!(off.is_err(), "a no is no yes");
    let yes = Pair { control: [None, Some(Ok(PowerState::Off))], person: Some(true), ..pair() };
    let memory = Memory::default();
    let power = PowerSwitch { means: &yes, memory: &memory };
    assert_eq!(power.ask(Server::Old).unwrap().stdout, "off\n");
    let said = memory.heard();
    memory.recall(&said);
    yes.done.lock().unwrap().clear();
    power.switch(Server::New, PowerTo::OwnDisks, true).unwrap();
    let done = yes.done.lock().unwrap().clone();
    assert_eq!(done.last().map(String::as_str), Some("new On"), "{done:?}");
    assert!(done.contains(&"asked: off".to_string()), "old is looked at once more: {done:?}");
}
