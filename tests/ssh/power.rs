//! Power control: by commands, and by hand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use replant::host::hardware::{self, Hardware, Machines};
use replant::host::local::PowerControl;
use replant::host::power::Request;
use replant::host::ssh::{SshConfig, SshHosts};
use replant::host::{Act, HostError, Hosts, Look, PowerTo, Query, Said, Server, Side};

use crate::server::{Looks, Sshd};

fn script(text: String) -> Vec<String> {
    ["sh", "-c", &text].map(String::from).to_vec()
}

fn switch(hosts: &SshHosts, server: Server, to: PowerTo) -> Result<(), HostError> {
    hosts.act(Side::Old, "power", &Act::Power { server, to, alone: false })
}

fn power(hosts: &SshHosts, server: Server) -> String {
    hosts.ask(Side::Old, Query::Power(server)).unwrap().stdout
}

#[test]
fn by_commands() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().to_str().unwrap();
    std::fs::write(dir.path().join("state"), "Chassis Power is on\n").unwrap();
    let by = |on: &str| {
        let control = PowerControl::Command {
            status: script(format!("cat {at}/state")),
            on: script(format!("echo on >>{at}/log; {on}")),
            off: script(format!("echo off >>{at}/log; (sleep 0.3; echo Chassis Power is off >{at}/state) &")),
            boot_disk: Some(script(format!("echo disk >>{at}/log"))),
            timeout: Duration::from_secs(2),
        };
        SshHosts::new(SshConfig {
            migration: "m".into(),
            power: BTreeMap::from([(Server::New, control)]),
            ..SshConfig::default()
        })
        .unwrap()
    };
    let log = || std::fs::read_to_string(dir.path().join("log")).unwrap_or_default().replace('\n', " ");
    // leaves something running that holds all that it was given, as a virtual machine would
    let hosts = by(&format!("echo Chassis Power is on >{at}/state; sleep 20 &"));
    assert_eq!(power(&hosts, Server::New), "on\n");
    switch(&hosts, Server::New, PowerTo::On).unwrap();
    assert_eq!(log(), "", "it is on already");
    switch(&hosts, Server::New, PowerTo::Off).unwrap();
    assert_eq!(power(&hosts, Server::New), "off\n");
    switch(&hosts, Server::New, PowerTo::Off).unwrap();
    assert_eq!(log(), "off ");
    switch(&hosts, Server::New, PowerTo::OwnDisks).unwrap();
    assert_eq!(log(), "off disk on ", "it was off already");
    switch(&hosts, Server::New, PowerTo::OwnDisks).unwrap();
    assert_eq!(log(), "off disk on off disk on ");
    assert_eq!(power(&hosts, Server::New), "on\n");

    switch(&hosts, Server::New, PowerTo::Off).unwrap();
    let error = switch(&by("true"), Server::New, PowerTo::On).unwrap_err().to_string();
    assert!(error.contains("does not say `on` after 2 s"), "{error}");
    let error = switch(&by("echo why >&2; exit 3"), Server::New, PowerTo::On).unwrap_err().to_string();
    assert!(error.contains("failed (exit status: 3): why"), "{error}");
    std::fs::write(dir.path().join("state"), "nothing of the kind\n").unwrap();
    assert_eq!(power(&hosts, Server::New), "unknown\n");
}

/// What a console has shown is read by a command, and whatever becomes of that is no obstacle.
#[test]
fn a_console_is_read_by_a_command() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("console.log");
    std::fs::write(
        &log,
        format!("{}\x1b[1mGRUB\x1b[0m\r\n[  3.1] replant: eth0 has no link\r\n", "old\n".repeat(50_000)),
    )
    .unwrap();
    let by = |argv: Option<Vec<String>>| {
        let consoles = argv.map(|argv| (Server::New, argv)).into_iter().collect();
        let hosts = SshHosts::new(SshConfig { migration: "m".into(), consoles, ..SshConfig::default() }).unwrap();
        hosts.ask(Side::New, Query::Console(Server::New)).unwrap()
    };
    let said = by(Some(vec!["cat".into(), log.display().to_string()]));
    assert!(said.success() && said.stdout.ends_with("old\nGRUB\n[  3.1] replant: eth0 has no link\n"), "{said:?}");
    assert_eq!(said.stdout.lines().count(), 16);
    assert_eq!(by(None).stdout, "");
    let said = by(Some(script("echo half; echo no such log >&2; exit 3".into())));
    assert_eq!((said.code, said.stdout.as_str()), (3, ""));
    assert!(said.stderr.contains("failed (exit status: 3): no such log"), "{said:?}");
    let said = by(Some(vec!["/nowhere/console".into()]));
    assert!(!said.success() && said.stderr.contains("failed to run `/nowhere/console`"), "{said:?}");
    // one that shows what comes does not end by itself
    let began = std::time::Instant::now();
    let said = by(Some(script("echo panic; exec sleep 300".into())));
    assert!(said.success() && began.elapsed() < Duration::from_secs(60));
    assert_eq!(said.stdout, "panic\n");
}

/// What a person is asked, and what they answer.
struct Asked {
    all: Arc<Mutex<Vec<Request>>>,
    answer: Arc<Mutex<bool>>,
}

fn person(config: &mut SshConfig) -> Asked {
    let asked = Asked { all: Arc::default(), answer: Arc::default() };
    let (all, answer) = (asked.all.clone(), asked.answer.clone());
    config.confirm = Some(Box::new(move |request: &Request| {
        all.lock().unwrap().push(request.clone());
        *answer.lock().unwrap()
    }));
    asked
}

impl Asked {
    fn answers(&self, yes: bool) {
        *self.answer.lock().unwrap() = yes;
    }

    fn take(&self) -> Vec<String> {
        self.all.lock().unwrap().drain(..).map(|request| request.to_string()).collect()
    }
}

#[test]
fn by_hand() {
    let sshd = Sshd::start();
    let hosts = sshd.hosts();
    assert_eq!(power(&hosts, Server::Old), "on\n");
    assert_eq!(power(&hosts, Server::New), "unknown\n");
    let error = switch(&hosts, Server::Old, PowerTo::Off).unwrap_err().to_string();
    assert!(error.contains("nobody to ask: switch the old server off"), "{error}");
    assert_eq!(hosts.ask(Side::Old, Query::Control(Server::Old)).unwrap().stdout, "nobody\n");

    let mut config = sshd.config();
    let asked = person(&mut config);
    let hosts = SshHosts::new(config).unwrap();
    assert_eq!(hosts.ask(Side::Old, Query::Control(Server::Old)).unwrap().stdout, "by-hand\n");
    assert!(switch(&hosts, Server::Old, PowerTo::Off).is_err());
    asked.answers(true);
    let error = switch(&hosts, Server::Old, PowerTo::Off).unwrap_err().to_string();
    assert!(error.contains("said to be off, but it still answers at 127.0.0.1"), "{error}");
    assert!(hosts.heard().is_empty(), "what is not so is not kept");
    drop(sshd);
    asked.answers(false);
    // nobody has said so yet, and who does not know is not asked again and again
    assert_eq!((power(&hosts, Server::Old), power(&hosts, Server::Old)), ("unknown\n".into(), "unknown\n".into()));
    let all = asked.take();
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(all[2].contains("is it off?"), "{all:?}");
    asked.answers(true);
    switch(&hosts, Server::Old, PowerTo::Off).unwrap();
    assert_eq!(power(&hosts, Server::Old), "off\n");
    assert_eq!(hosts.heard(), [Said { server: Server::Old, on: false }]);
    switch(&hosts, Server::Old, PowerTo::On).unwrap();
    assert_eq!(power(&hosts, Server::Old), "on\n", "somebody says so");
    assert_eq!(hosts.heard(), [Said { server: Server::Old, on: true }]);
    // in a later run a word is kept that it is off, and none that it is on
    hosts.recall(&[Said { server: Server::Old, on: false }, Said { server: Server::New, on: true }]);
    asked.answers(false);
    assert_eq!(power(&hosts, Server::Old), "off\n");
    assert_eq!(power(&hosts, Server::New), "unknown\n");
}

/// What a machine is known by, as `sshd` shows it.
fn this_machine(sshd: &Sshd) -> Hardware {
    let Query::Run(argv) = hardware::query() else { panic!() };
    let said = sshd.hosts().ask(Side::Old, Query::Run(argv)).unwrap();
    let seen = hardware::Machine::parse(&said.stdout);
    assert!(!seen.boot_id.is_empty());
    seen.hardware
}

fn named(disk: &str) -> Hardware {
    Hardware::new(None, [disk])
}

/// A machine whose only disk and whose boot id are what these files say.
struct Machine {
    sshd: Sshd,
    files: tempfile::TempDir,
}

impl Machine {
    fn with_disk(disk: &str) -> Machine {
        let files = tempfile::tempdir().unwrap();
        let at = files.path().to_str().unwrap();
        std::fs::write(files.path().join("lsblk"), format!("#!/bin/sh\ncat {at}/disks\n")).unwrap();
        std::fs::write(files.path().join("boot"), "first\n").unwrap();
        let mounts = format!(
            "mount -t tmpfs tmpfs /usr/local/sbin && cp {at}/lsblk /usr/local/sbin/ && chmod 755 /usr/local/sbin/lsblk && \
             mount --bind {at}/boot /proc/sys/kernel/random/boot_id && "
        );
        let machine = Machine { sshd: Sshd::looking(Looks { mounts: mounts.leak(), ..Looks::default() }), files };
        machine.becomes(disk, "first");
        machine
    }

    /// Another machine answers, over the same connection.
    fn becomes(&self, disk: &str, boot: &str) {
        std::fs::write(self.files.path().join("disks"), format!("SERIAL=\"{disk}\" WWN=\"\"\n")).unwrap();
        std::fs::write(self.files.path().join("boot"), format!("{boot}\n")).unwrap();
    }
}

#[test]
fn nothing_is_done_on_another_machine() {
    let machine = Machine::with_disk("NEW0");
    let sshd = &machine.sshd;
    let here = this_machine(sshd);
    assert!(here.disks.contains("NEW0"), "{here:?}");
    let mut config = sshd.config();
    config.remotes.insert(Side::Migrated, config.remotes[&Side::Old].clone());
    config.machines = Some(Machines { old: named("OLD0"), new: named("NEW0") });
    let hosts = SshHosts::new(config).unwrap();
    let mark = sshd.path("mark");
    let touch = Act::run(["touch", &mark]);
    // as old it is refused, whatever is asked or done; as the migrated new it is right
    for _ in 0..2 {
        let error = hosts.ask(Side::Old, Query::run(["true"])).unwrap_err();
        assert!(matches!(&error, HostError::Another { side: Side::Old, .. }), "{error:?}");
        assert!(error.to_string().contains("by its hardware it is new"), "{error}");
        let error = hosts.act(Side::Old, "step.apply.0", &touch).unwrap_err();
        assert!(matches!(&error, HostError::Another { side: Side::Old, .. }), "{error:?}");
        assert!(!std::path::Path::new(&mark).exists());
    }
    hosts.act(Side::Migrated, "step.apply.0", &touch).unwrap();
    assert!(std::path::Path::new(&mark).exists());
    // new is on, for it answers at old's address; of old that says nothing
    assert_eq!(power(&hosts, Server::New), "on\n");
    assert_eq!(power(&hosts, Server::Old), "unknown\n");
}

/// Neither a control that always says `off` nor a word counts against a machine that answers.
#[test]
fn what_answers_beats_a_control_that_says_off() {
    let machine = Machine::with_disk("OLD0");
    let sshd = &machine.sshd;
    let off = PowerControl::Command {
        status: script("echo off".into()),
        on: script("true".into()),
        off: script("true".into()),
        boot_disk: None,
        timeout: Duration::from_secs(1),
    };
    let mut config = sshd.config();
    config.machines = Some(Machines { old: named("OLD0"), new: named("NEW0") });
    config.power = BTreeMap::from([(Server::Old, off.clone()), (Server::New, off)]);
    let hosts = SshHosts::new(config).unwrap();
    assert_eq!(power(&hosts, Server::Old), "on\n");
    let control = hosts.ask(Side::Old, Query::Control(Server::Old)).unwrap();
    assert_eq!(control.stdout, "off\n");
    assert!(control.stderr.contains("says `off`, and old answers at 127.0.0.1"), "{}", control.stderr);
    // new would not boot
    let own_disks = Act::Power { server: Server::New, to: PowerTo::OwnDisks, alone: true };
    let error = hosts.act(Side::New, "own-boot.apply.0", &own_disks).unwrap_err().to_string();
    assert!(error.contains("power control of old: it is on (it answers at 127.0.0.1)"), "{error}");
    drop(machine);
    assert_eq!(power(&hosts, Server::Old), "off\n");
}

/// A control that fails, with a person and without one.
#[test]
fn a_control_that_fails() {
    let dir = tempfile::tempdir().unwrap();
    let fails = PowerControl::Ipmi { host: "192.0.2.1".into(), user: "ADMIN".into(), password: "power-old".into() };
    let by = |confirm: bool, control: &PowerControl| {
        let mut config = SshConfig {
            migration: "m".into(),
            known_hosts: dir.path().join("known_hosts"),
            power: BTreeMap::from([(Server::Old, control.clone())]),
            ..SshConfig::default()
        };
        let asked = confirm.then(|| person(&mut config));
        (SshHosts::new(config).unwrap(), asked)
    };
    let exits = |code: i32, says: &str| PowerControl::Command {
        status: script(format!("echo {says}; echo wrong password >&2; exit {code}")),
        on: script("exit 1".into()),
        off: script("exit 1".into()),
        boot_disk: None,
        timeout: Duration::from_secs(1),
    };
    for (control, why) in [
        // no such secret
        (fails, "power-old"),
        (exits(1, "off"), "exited with 1: wrong password"),
        (exits(0, "nothing of the kind"), "neither `on` nor `off`"),
        (exits(0, "on or off"), "neither `on` nor `off`"),
    ] {
        let (hosts, _) = by(false, &control);
        let said = hosts.ask(Side::Old, Query::Control(Server::Old)).unwrap();
        assert_eq!(said.stdout, "failed\n");
        assert!(said.stderr.contains(why), "{why}: {}", said.stderr);
        assert_eq!(power(&hosts, Server::Old), "unknown\n");
        assert!(switch(&hosts, Server::Old, PowerTo::Off).is_err());

        let (hosts, asked) = by(true, &control);
        let asked = asked.unwrap();
        assert_eq!(hosts.ask(Side::Old, Query::Control(Server::Old)).unwrap().stdout, "failed\n");
        asked.answers(true);
        assert_eq!(hosts.ask(Side::Old, Query::Control(Server::Old)).unwrap().stdout, "by-hand\n");
        switch(&hosts, Server::Old, PowerTo::On).unwrap();
        let all = asked.take();
        assert!(all.iter().all(|text| text.contains(why) || text.contains("exit status: 1")), "{all:?}");
        assert!(all.last().unwrap().contains("Please switch the old server on"), "{all:?}");
    }
}

/// ssh connects anew by itself where its master is gone: then a machine may answer that nobody has looked at.
#[test]
fn another_machine_behind_the_same_connection_is_noticed() {
    let machine = Machine::with_disk("OLD0");
    let mut config = machine.sshd.config();
    config.machines = Some(Machines { old: named("OLD0"), new: named("NEW0") });
    let hosts = SshHosts::new(config).unwrap();
    let mark = machine.sshd.path("mark");
    let touch = |job: &str| hosts.act(Side::Old, job, &Act::run(["touch", &mark]));
    touch("one.apply.0").unwrap();
    std::fs::remove_file(&mark).unwrap();

    machine.becomes("NEW0", "second");
    let error = touch("two.apply.0").unwrap_err();
    assert!(
        matches!(error, HostError::Unreachable { side: Side::Old, .. }),
        "it is not known what was done: {error:?}"
    );
    assert!(!std::path::Path::new(&mark).exists(), "it was done on another machine");
    let error = touch("two.apply.0").unwrap_err();
    assert!(matches!(error, HostError::Another { side: Side::Old, .. }), "{error:?}");
    assert!(!std::path::Path::new(&mark).exists());

    // rebooted, it is the same machine: a question is asked again by itself
    machine.becomes("OLD0", "third");
    assert!(hosts.ask(Side::Old, Query::run(["true"])).unwrap().success());
    machine.becomes("OLD0", "fourth");
    assert!(hosts.ask(Side::Old, Query::run(["true"])).unwrap().success());
    touch("three.apply.0").unwrap();
}
