//! Questions.

use std::time::Duration;

use replant::host::{HostError, Look, Query, Side};

use crate::server::*;

#[test]
fn answers_come_back_byte_for_byte() {
    let sshd = Sshd::start();
    let hosts = sshd.hosts();
    let outputs = hosts
        .look(
            Side::Old,
            &[
                sh("printf 'no newline'"),
                sh("printf '\\n\\n two \\n\\n'"),
                sh("echo out; echo err >&2; exit 3"),
                Query::run(["echo", "a b", "", "it's", "$HOME", "`id`", "ł€\n\t\\n", "!x", "-n"]),
                Query::run(["no-such-command"]),
                sh("echo $LC_ALL; pwd; case :$PATH: in *:/usr/sbin:*) echo sbin;; esac"),
                Query::file("/nowhere"),
                Query::run(["exit", "7"]),
                sh("kill -9 $$"),
                sh("exit 255"),
            ],
        )
        .unwrap();
    let all: Vec<(i32, &str, &str)> =
        outputs.iter().map(|o| (o.code, o.stdout.as_str(), o.stderr.as_str())).collect();
    assert_eq!(all[0], (0, "no newline", ""));
    assert_eq!(all[1], (0, "\n\n two \n\n", ""));
    assert_eq!(all[2], (3, "out\n", "err\n"));
    assert_eq!(all[3], (0, "a b  it's $HOME `id` ł€\n\t\\n !x -n\n", ""));
    assert_eq!(all[4].0, 127);
    assert!(all[4].2.contains("no-such-command"), "{all:?}");
    assert_eq!(all[5], (0, "C\n/\nsbin\n", ""));
    assert_eq!(all[6], (0, "absent\n", ""));
    assert_eq!(outputs[6].file(), None);
    assert_eq!(all[7].0, 127, "a builtin of the shell must not end the batch");
    assert_eq!(all[8].0, 137);
    // danger 3: a command's own 255 is an answer, not a broken link
    assert_eq!(all[9], (255, "", ""));
}

#[test]
fn any_bytes_and_many_of_them() {
    let sshd = Sshd::start();
    let hosts = sshd.hosts();
    let outputs = hosts
        .look(
            Side::Old,
            &[
                sh("i=0; while [ $i -lt 256 ]; do printf \"\\\\$(printf %03o $i)\"; i=$((i+1)); done"),
                sh("seq 100000; seq 50000 >&2"),
                sh("echo after"),
            ],
        )
        .unwrap();
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(outputs[0].stdout, String::from_utf8_lossy(&bytes));
    assert_eq!(outputs[1].stdout.lines().count(), 100_000);
    assert_eq!(outputs[1].stderr.lines().last(), Some("50000"));
    assert_eq!(outputs[2].stdout, "after\n");
}

/// Danger 1.
#[test]
fn a_question_that_reads_its_input_does_not_eat_the_others() {
    let sshd = Sshd::start();
    let outputs =
        sshd.hosts().look(Side::Old, &[Query::run(["cat"]), sh("read line; wc -c"), sh("echo here")]).unwrap();
    assert_eq!(outputs[0].stdout, "");
    assert_eq!(outputs[1].stdout, "0\n");
    assert_eq!(outputs[2].stdout, "here\n");
}

#[test]
fn two_hundred_questions_are_one_exchange() {
    let sshd = Sshd::start();
    let hosts = sshd.hosts();
    ask(&hosts, "true");
    let sessions = || sshd.log().matches("Starting session").count();
    let before = sessions();
    let queries: Vec<Query> = (0..200).map(|n| Query::run(["echo", &n.to_string()])).collect();
    let outputs = hosts.look(Side::Old, &queries).unwrap();
    for (n, output) in outputs.iter().enumerate() {
        assert_eq!(output.stdout, format!("{n}\n"));
    }
    assert_eq!(sessions() - before, 1);
    assert_eq!(sshd.log().matches("Accepted publickey").count(), 1);
    assert_eq!(hosts.look(Side::Old, &[]).unwrap().len(), 0);
}

/// Danger 7.
#[test]
fn many_at_once_stay_below_what_sshd_allows() {
    let sshd = Sshd::looking(Looks { sshd: "MaxSessions 7", ..Looks::default() });
    let hosts = sshd.hosts();
    std::thread::scope(|scope| {
        for n in 0..24 {
            let hosts = &hosts;
            scope.spawn(move || assert_eq!(ask(hosts, &format!("sleep 0.1; echo {n}")), format!("{n}\n")));
        }
    });
    assert_eq!(sshd.log().matches("Accepted publickey").count(), 1, "{}", sshd.log());
    assert!(!sshd.log().contains("no more sessions"), "{}", sshd.log());
}

#[test]
fn where_sshd_allows_only_one_session_it_still_works() {
    let sshd = Sshd::looking(Looks { sshd: "MaxSessions 1", ..Looks::default() });
    let hosts = sshd.hosts();
    std::thread::scope(|scope| {
        for n in 0..4 {
            let hosts = &hosts;
            scope.spawn(move || assert_eq!(ask(hosts, &format!("sleep 0.1; echo {n}")), format!("{n}\n")));
        }
    });
}

#[test]
fn a_question_that_hangs_is_named() {
    let sshd = Sshd::start();
    let mut config = sshd.config();
    config.patience.look = Duration::from_secs(3);
    let hosts = replant::host::ssh::SshHosts::new(config).unwrap();
    ask(&hosts, "true");
    let error = hosts.look(Side::Old, &[sh("true"), Query::run(["sleep", "40"])]).unwrap_err();
    let HostError::Unreachable { side: Side::Old, cause } = &error else { panic!("{error:?}") };
    assert_eq!(cause, "no answer within 3 s, at `sleep 40`");
    assert_eq!(ask(&hosts, "echo well"), "well\n");
}
