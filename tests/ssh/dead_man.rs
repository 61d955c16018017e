//! What a server with a runner that starts services again hears of replant, and what it refuses.

use std::time::{Duration, Instant};

use replant::host::ssh::SshHosts;
use replant::host::{Act, HostError, Hosts, IN_MEMORY, Look, Query, Side};

use crate::server::*;
use crate::way::{OWN, following, trail};

/// The server, where the runner's directory is, and somebody who keeps no journal.
fn armed() -> (Sshd, String, SshHosts) {
    let sshd = Sshd::looking(OWN);
    let dir = sshd.state().join("dead-man").to_str().unwrap().to_string();
    let other = sshd.hosts();
    other.act(Side::Old, "arm", &Act::put(format!("{dir}/armed"), "", 0o600)).unwrap();
    (sshd, dir, other)
}

#[test]
fn whatever_is_asked_or_done_is_heard_of() {
    let (_sshd, dir, hosts) = armed();
    // by its sum, for it is the very word by which answers are told apart; the question itself is heard before that
    let sum = |name: &str| hosts.ask(Side::Old, Query::run(["sha256sum", &format!("{dir}/{name}")])).unwrap();
    let (first, second) = (sum("heard"), sum("heard"));
    assert!(first.success() && second.success() && first != second);
    let act = Act::run(["cp", &format!("{dir}/heard"), &format!("{dir}/by-act")]);
    hosts.act(Side::Old, "one", &act).unwrap();
    let by_act = sum("by-act").stdout.split(' ').next().unwrap().to_string();
    assert!(![&first, &second].iter().any(|question| question.stdout.starts_with(&by_act)));
    // where there is none nothing is left behind
    hosts.act(Side::Old, "none", &Act::run(["rm", "-r", &dir])).unwrap();
    assert_eq!(hosts.ask(Side::Old, Query::run(["ls", "-d", &dir])).unwrap().stdout, "");
}

#[test]
fn a_run_that_services_have_come_back_from_does_nothing_more() {
    let (sshd, dir, other) = armed();
    let hosts = following(&sshd, &trail("a", &["1"]));
    let touch = |hosts: &SshHosts, name: &str| {
        hosts.act(Side::Old, &format!("{name}.apply.0"), &Act::run(["touch", &sshd.path(name)]))
    };
    touch(&hosts, "one").unwrap();
    let first = ["sh", "-c", &format!("head -n 1 {IN_MEMORY} >{dir}/fired")];
    other.act(Side::Old, "fire", &Act::run(first)).unwrap();
    let error = touch(&hosts, "two").unwrap_err();
    assert!(matches!(&error, HostError::Older { cause, .. } if cause.contains("come back by themselves")), "{error}");
    assert!(!std::path::Path::new(&sshd.path("two")).exists());
    // another run has looked at everything after that
    touch(&following(&sshd, &trail("a", &["1", "2"])), "three").unwrap();
}

#[test]
fn an_act_and_the_runner_are_never_at_it_at_once() {
    let (sshd, dir, hosts) = armed();
    let free = |name: &str| {
        let try_it = format!("flock -n {dir}/lock true && echo free >{}", sshd.path(name));
        Act::run(["sh", "-c", &(try_it + "; true")])
    };
    for (name, long) in [("short", false), ("long", true)] {
        let Act::Run { argv, stdin, .. } = free(name) else { unreachable!() };
        hosts.act(Side::Old, name, &Act::Run { argv, stdin, long }).unwrap();
        assert!(!std::path::Path::new(&sshd.path(name)).exists(), "{name}: the runner could have it alone");
    }
    // what an act leaves running holds nobody up
    let left = Act::run(["sh", "-c", "setsid sleep 5 >/dev/null 2>&1 &"]);
    hosts.act(Side::Old, "left", &left).unwrap();
    hosts
        .act(
            Side::Old,
            "alone",
            &Act::run([
                "sh",
                "-c",
                &format!("exec 8>>{dir}/lock; setsid sh -c 'flock -x 8; sleep 2' >/dev/null 2>&1 &"),
            ]),
        )
        .unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    hosts.act(Side::Old, "waits", &Act::run(["true"])).unwrap();
    assert!(begun.elapsed() > Duration::from_millis(800), "{:?}", begun.elapsed());
}
