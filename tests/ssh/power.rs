//! Power control: by commands, and by hand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use replant::host::local::PowerControl;
use replant::host::ssh::{SshConfig, SshHosts};
use replant::host::{Act, HostError, Hosts, Look, PowerTo, Query, Server, Side};

use crate::server::Sshd;

fn script(text: String) -> Vec<String> {
    ["sh", "-c", &text].map(String::from).to_vec()
}

fn switch(hosts: &SshHosts, server: Server, to: PowerTo) -> Result<(), HostError> {
    hosts.act(Side::Old, "power", &Act::Power { server, to })
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

#[test]
fn by_hand() {
    let sshd = Sshd::start();
    let hosts = sshd.hosts();
    // told without logging in
    assert_eq!(power(&hosts, Server::Old), "on\n");
    assert!(!sshd.log().contains("Accepted publickey"));
    assert_eq!(power(&hosts, Server::New), "unknown\n");
    let error = switch(&hosts, Server::Old, PowerTo::Off).unwrap_err().to_string();
    assert!(error.contains("switch the old server off"), "{error}");

    let asked = Arc::new(Mutex::new(Vec::new()));
    let (heard, answer) = (asked.clone(), Arc::new(Mutex::new(false)));
    let says = answer.clone();
    let mut config = sshd.config();
    config.confirm = Some(Box::new(move |what: &str| {
        heard.lock().unwrap().push(what.to_string());
        *says.lock().unwrap()
    }));
    let hosts = SshHosts::new(config).unwrap();
    assert!(switch(&hosts, Server::Old, PowerTo::Off).is_err());
    *answer.lock().unwrap() = true;
    let error = switch(&hosts, Server::Old, PowerTo::Off).unwrap_err().to_string();
    assert!(error.contains("still answers"), "{error}");
    drop(sshd);
    switch(&hosts, Server::Old, PowerTo::Off).unwrap();
    assert_eq!(power(&hosts, Server::Old), "off\n");
    switch(&hosts, Server::Old, PowerTo::On).unwrap();
    assert_eq!(power(&hosts, Server::Old), "unknown\n");
    assert_eq!(asked.lock().unwrap().len(), 4);
}
