//! The real transport, against a real sshd on loopback. Each danger that was once met in practice is held by a test.

#[path = "ssh/server.rs"]
mod server;

use replant::host::{Act, HostError, Hosts, Look, Query, Side, Text};
use server::*;

#[test]
fn questions_come_back_byte_for_byte() {
    let sshd = Sshd::start();
    let hosts = sshd.hosts();
    let outputs = hosts
        .look(
            Side::Old,
            &[
                sh("printf 'no newline'"),
                sh("printf '\\n\\n two \\n\\n'"),
                sh("echo out; echo err >&2; exit 3"),
                Query::run(["echo", "a b", "", "it's", "$HOME", "`id`", "ł€\n\t\\n"]),
                Query::run(["no-such-command"]),
                sh("echo $LC_ALL; pwd; case :$PATH: in *:/usr/sbin:*) echo sbin;; esac"),
                Query::file("/nowhere"),
            ],
        )
        .unwrap();
    let all: Vec<(i32, &str, &str)> =
        outputs.iter().map(|o| (o.code, o.stdout.as_str(), o.stderr.as_str())).collect();
    assert_eq!(all[0], (0, "no newline", ""));
    assert_eq!(all[1], (0, "\n\n two \n\n", ""));
    assert_eq!(all[2], (3, "out\n", "err\n"));
    assert_eq!(all[3], (0, "a b  it's $HOME `id` ł€\n\t\\n\n", ""));
    assert_eq!(all[4].0, 127);
    assert!(all[4].2.contains("no-such-command"), "{all:?}");
    assert_eq!(all[5], (0, "C\n/\nsbin\n", ""));
    assert_eq!(all[6], (0, "absent\n", ""));
    assert_eq!(outputs[6].file(), None);
}

#[test]
fn acts_run_put_and_remove() {
    let sshd = Sshd::start();
    let hosts = sshd.hosts();
    let path = sshd.path("deep/down/a file's \"name\"");
    hosts.act(Side::Old, "s/apply/0", &Act::put(&path, "one\n", 0o640)).unwrap();
    assert_eq!(hosts.ask(Side::Old, Query::file(&path)).unwrap().file(), Some("one\n"));
    hosts
        .act(Side::Old, "s/apply/1", &Act::feed(["tee", "-a", &path], Text::new("it's\ttwo, without an end")))
        .unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\nit's\ttwo, without an end");
    let error = hosts
        .act(Side::Old, "s/apply/2", &Act::run(["sh", "-c", "echo some; echo words >&2; exit 255"]))
        .unwrap_err();
    let HostError::Failed { side: Side::Old, command, code: 255, output } = error else { panic!("{error:?}") };
    assert_eq!(command, "sh -c 'echo some; echo words >&2; exit 255'");
    assert_eq!(output, "some\nwords\n");
    let long = Act::long(["sh", "-c", "sleep 0.2; echo done; exit 4"]);
    let error = hosts.act(Side::Old, "s/apply/3", &long).unwrap_err();
    assert!(matches!(&error, HostError::Failed { code: 4, output, .. } if output == "done\n"), "{error:?}");
    for _ in 0..2 {
        hosts.act(Side::Old, "s/undo/0", &Act::Remove { path: path.clone() }).unwrap();
        assert!(!std::path::Path::new(&path).exists());
    }
}
