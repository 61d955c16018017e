//! Links that break.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use replant::host::ssh::{Probe, Probed, SshHosts};
use replant::host::{Act, HostError, Hosts, Look, Query, Side, Text};

use crate::server::*;

fn is_unreachable(error: &HostError) -> bool {
    matches!(error, HostError::Unreachable { side: Side::Old, .. })
}

fn gated_act(sshd: &Sshd, code: i32, long: bool) -> Act {
    Act::Run { argv: gated(sshd, code), stdin: None, long }
}

fn failed_with_all(error: &HostError, wanted: i32) {
    let HostError::Failed { code, output, .. } = error else { panic!("{error:?}") };
    assert_eq!(*code, wanted);
    assert_eq!(*output, all_of_it());
}

/// What was sent in part has been looked at, and thrown away, when no shell waits for the rest any more.
fn until_thrown_away(hosts: &SshHosts) {
    let waiting = "pgrep -fc '[-]c LC_ALL=C PATH=.* replant [0-9][0-9][0-9][0-9][0-9]' || true";
    until("the old session ends", || ask(hosts, waiting) == "0\n");
}

/// Danger 2.
#[test]
fn half_an_upload_runs_nothing() {
    let sshd = Sshd::start();
    let proxy = Proxy::to(sshd.port);
    let hosts = SshHosts::new(sshd.config_by(&proxy)).unwrap();
    ask(&hosts, "true");
    let ran = sshd.path("ran");
    // a shell would run each of these as soon as it has its line
    let queries = vec![Query::run(["touch", &ran]); 4_000];
    for after in [2_000, 40_000, 90_000] {
        proxy.cut_after(after);
        let error = hosts.look(Side::Old, &queries).unwrap_err();
        assert!(is_unreachable(&error), "{error:?}");
        proxy.mend();
        until_thrown_away(&hosts);
        assert!(!sshd.file("ran").exists(), "ran after {after} bytes");
    }
    let text = Text::new("some text, and more of it\n".repeat(20_000));
    let act = Act::feed(["sh", "-c", &format!("touch {ran}; cat >/dev/null")], text);
    for after in [2_000, 300_000] {
        proxy.cut_after(after);
        let error = hosts.act(Side::Old, "cut", &act).unwrap_err();
        assert!(is_unreachable(&error), "{error:?}");
        proxy.mend();
        until_thrown_away(&hosts);
        assert!(!sshd.file("ran").exists(), "ran after {after} bytes");
    }
    hosts.act(Side::Old, "cut", &act).unwrap();
    assert!(sshd.file("ran").exists());
}

/// Danger 4, for a short act: what was left running is not started a second time beside itself, and its result is the
/// result of whoever asks for it again. Nor does the lost link disturb it when it prints.
#[test]
fn a_short_act_outlives_its_link_and_does_not_run_twice_at_once() {
    let sshd = Sshd::start();
    let proxy = Proxy::to(sshd.port);
    let hosts = SshHosts::new(sshd.config_by(&proxy)).unwrap();
    let act = gated_act(&sshd, 9, false);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| hosts.act(Side::Old, "job", &act).unwrap_err());
        until("it begins", || lines(&sshd, "began") == 1);
        proxy.cut();
        let error = first.join().unwrap();
        assert!(is_unreachable(&error), "{error:?}");
        proxy.mend();
        let second = scope.spawn(|| hosts.act(Side::Old, "job", &act).unwrap_err());
        until("it is asked for again, and waits", || waits_for_lock(&sshd));
        open_gate(&sshd);
        failed_with_all(&second.join().unwrap(), 9);
    });
    assert_eq!(lines(&sshd, "began"), 1);
    assert_eq!(lines(&sshd, "ended"), 1);
    // now that it has ended, it is done anew
    failed_with_all(&hosts.act(Side::Old, "job", &act).unwrap_err(), 9);
    assert_eq!(lines(&sshd, "began"), 2);
}

#[test]
fn the_master_killed_in_the_middle_of_an_act() {
    let sshd = Sshd::start();
    let hosts = sshd.hosts();
    let act = gated_act(&sshd, 0, false);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| hosts.act(Side::Old, "job", &act).unwrap_err());
        until("it begins", || lines(&sshd, "began") == 1);
        sigkill(master(&sshd));
        let error = first.join().unwrap();
        assert!(is_unreachable(&error), "{error:?}");
    });
    // the next question finds the socket dead, and makes a connection
    assert_eq!(ask(&hosts, "echo here"), "here\n");
    open_gate(&sshd);
    until("it ends by itself", || lines(&sshd, "ended") == 1);
    assert_eq!(sshd.log().matches("Accepted publickey").count(), 2);
}

#[test]
fn the_client_killed_in_the_middle_of_a_question() {
    let sshd = Sshd::start();
    let hosts = sshd.hosts();
    let began = sshd.path("began");
    std::thread::scope(|scope| {
        // asked once more over a new connection, because a question may be; then it is lost again
        let first = scope.spawn(|| hosts.ask(Side::Old, sh(&format!("echo >>{began}; sleep 1; echo well"))));
        until("it begins", || lines(&sshd, "began") == 1);
        clients(&sshd).into_iter().for_each(sigkill);
        match first.join().unwrap() {
            Err(error) => assert!(is_unreachable(&error), "{error:?}"),
            Ok(output) => assert_eq!(output.stdout, "well\n"),
        }
    });
}

/// Danger 5.
#[test]
fn a_silent_link_is_noticed() {
    let sshd = Sshd::start();
    let proxy = Proxy::to(sshd.port);
    let mut config = sshd.config_by(&proxy);
    config.patience.connect = Duration::from_secs(1);
    let hosts = SshHosts::new(config).unwrap();
    ask(&hosts, "true");
    proxy.silence();
    let error = hosts.ask(Side::Old, sh("echo x")).unwrap_err();
    assert!(is_unreachable(&error), "{error:?}");
    proxy.cut();
    proxy.mend();
    assert_eq!(ask(&hosts, "echo back"), "back\n");
}

#[test]
fn long_work_is_followed_through_a_lost_link() {
    let sshd = Sshd::start();
    let proxy = Proxy::to(sshd.port);
    let hosts = SshHosts::new(sshd.config_by(&proxy)).unwrap();
    let act = gated_act(&sshd, 5, true);
    std::thread::scope(|scope| {
        let work = scope.spawn(|| hosts.act(Side::Old, "long", &act).unwrap_err());
        for _ in 0..2 {
            until("it begins", || lines(&sshd, "began") == 1);
            proxy.cut();
            std::thread::sleep(Duration::from_millis(300));
            proxy.mend();
            // looking beside it works, over the connection that comes back
            until("the link is back", || hosts.ask(Side::Old, sh("echo")).is_ok());
        }
        sigkill(master(&sshd));
        open_gate(&sshd);
        failed_with_all(&work.join().unwrap(), 5);
    });
    assert_eq!(lines(&sshd, "began"), 1);
    // had by us, so asked for again it is done again
    failed_with_all(&hosts.act(Side::Old, "long", &act).unwrap_err(), 5);
    assert_eq!(lines(&sshd, "began"), 2);
}

/// As after a SIGKILL of replant: another process finds the work again, running or ended.
#[test]
fn long_work_is_found_again_by_another_process() {
    let sshd = Sshd::start();
    let act = gated_act(&sshd, 5, true);
    let stop = Arc::new(AtomicBool::new(false));
    let leave = |job: &str, began: usize| {
        let mut config = sshd.config();
        stop.store(false, Ordering::SeqCst);
        config.stop = Some(stop.clone());
        let hosts = SshHosts::new(config).unwrap();
        std::thread::scope(|scope| {
            let work = scope.spawn(|| hosts.act(Side::Old, job, &act).unwrap_err());
            until("it begins", || lines(&sshd, "began") == began);
            stop.store(true, Ordering::SeqCst);
            assert!(matches!(work.join().unwrap(), HostError::Interrupted));
        });
    };
    // left while it runs, found while it runs
    leave("one", 1);
    let hosts = sshd.hosts();
    std::thread::scope(|scope| {
        let work = scope.spawn(|| hosts.act(Side::Old, "one", &act).unwrap_err());
        until("it is asked for again", || !clients(&sshd).is_empty());
        open_gate(&sshd);
        failed_with_all(&work.join().unwrap(), 5);
    });
    assert_eq!(lines(&sshd, "began"), 1);

    // left while it runs, found when it has ended: the result was kept, and counts once
    std::fs::remove_file(sshd.file("gate")).unwrap();
    leave("two", 2);
    open_gate(&sshd);
    until("it ends", || lines(&sshd, "ended") == 2 && has_result(&sshd, "two"));
    failed_with_all(&hosts.act(Side::Old, "two", &act).unwrap_err(), 5);
    assert_eq!(lines(&sshd, "began"), 2);
    failed_with_all(&hosts.act(Side::Old, "two", &act).unwrap_err(), 5);
    assert_eq!(lines(&sshd, "began"), 3);

    // but when something else was done there since, it may have been undone: it is done anew
    std::fs::remove_file(sshd.file("gate")).unwrap();
    leave("three", 4);
    open_gate(&sshd);
    until("it ends", || lines(&sshd, "ended") == 4 && has_result(&sshd, "three"));
    hosts.act(Side::Old, "undo", &Act::run(["true"])).unwrap();
    failed_with_all(&hosts.act(Side::Old, "three", &act).unwrap_err(), 5);
    assert_eq!(lines(&sshd, "began"), 5);
}

fn has_result(sshd: &Sshd, job: &str) -> bool {
    std::fs::read_dir(sshd.state()).unwrap().map(Result::unwrap).any(|entry| {
        let name = entry.file_name().into_string().unwrap();
        name.starts_with(job) && name.ends_with(".rc") && entry.metadata().unwrap().len() > 0
    })
}

#[test]
fn long_work_whose_link_stays_lost() {
    let sshd = Sshd::start();
    let proxy = Proxy::to(sshd.port);
    let mut config = sshd.config_by(&proxy);
    config.patience.reconnect = Duration::from_secs(1);
    let hosts = SshHosts::new(config).unwrap();
    let act = gated_act(&sshd, 0, true);
    std::thread::scope(|scope| {
        let work = scope.spawn(|| hosts.act(Side::Old, "long", &act).unwrap_err());
        until("it begins", || lines(&sshd, "began") == 1);
        proxy.cut();
        let error = work.join().unwrap();
        assert!(is_unreachable(&error), "{error:?}");
    });
    proxy.mend();
    open_gate(&sshd);
    hosts.act(Side::Old, "long", &act).unwrap();
    assert_eq!(lines(&sshd, "began"), 1);
}

/// The terminal's Ctrl-C goes to a process group: ours, and not ssh's.
#[test]
fn ssh_is_not_in_our_process_group() {
    let sshd = Sshd::start();
    let hosts = sshd.hosts();
    let act = gated_act(&sshd, 0, false);
    std::thread::scope(|scope| {
        let work = scope.spawn(|| hosts.act(Side::Old, "job", &act));
        until("it begins", || lines(&sshd, "began") == 1);
        let ours = group(std::process::id() as i32);
        assert_ne!(group(master(&sshd)), ours);
        assert_ne!(group(clients(&sshd)[0]), ours);
        open_gate(&sshd);
        work.join().unwrap().unwrap();
    });
    let master = master(&sshd);
    drop(hosts);
    until("the master goes with us", || !alive(master));
}

#[test]
fn a_connection_that_was_let_go_is_made_again() {
    let sshd = Sshd::start();
    let hosts = sshd.hosts();
    ask(&hosts, "true");
    hosts.forget(Side::Old);
    hosts.forget(Side::New);
    assert_eq!(ask(&hosts, "echo again"), "again\n");
    assert_eq!(sshd.log().matches("Accepted publickey").count(), 2);
}

/// Both ends on one machine: new listens, old sends, and nothing is left of it.
#[test]
fn the_link_is_measured_and_a_port_in_use_is_told() {
    let sshd = Sshd::start();
    let mut config = sshd.config();
    config.remotes.insert(Side::New, sshd.remote());
    let hosts = SshHosts::new(config).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let probe = Probe { address: "127.0.0.1".parse().unwrap(), port: free.local_addr().unwrap().port() };
    // what listens there already gets not a byte
    let Probed::Unknown(why) = hosts.probe(&probe).unwrap() else { panic!("somebody else was listening") };
    assert!(why.contains("in use"), "{why}");
    free.set_nonblocking(true).unwrap();
    while let Ok((mut peer, _)) = free.accept() {
        let mut got = Vec::new();
        let _ = std::io::Read::read_to_end(&mut peer, &mut got);
        assert!(got.is_empty());
    }
    drop(free);
    let Probed::Rate(rate) = hosts.probe(&probe).unwrap() else { panic!("nothing was measured") };
    assert!(rate > 10_000_000, "{rate}");
    assert!(std::net::TcpListener::bind(("127.0.0.1", probe.port)).is_ok());
}
