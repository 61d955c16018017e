//! Who may act on a server, and what must have ended there before: over the real transport.

use std::path::Path;
use std::time::Duration;

use replant::facts::{texts, under_way};
use replant::host::ssh::SshHosts;
use replant::host::{Act, HostError, Hosts, IN_MEMORY, KEPT, Look, Query, Side, Trail};

use crate::server::*;

/// What survives a boot and what does not, for this server alone.
pub const OWN: Looks = Looks {
    shell: None,
    bashrc: "",
    sudoers: "",
    sshd: "",
    mounts: "mount -t tmpfs none /run && mkdir -m 755 /run/sshd && mount -t tmpfs none /var/lib && ",
};

pub fn trail(id: &str, lines: &[&str]) -> Trail {
    let trail = Trail::new("m", id, "2026-11-22T11:00:00Z".parse().unwrap(), b"header\n");
    lines.iter().for_each(|line| trail.push(line.as_bytes()));
    trail
}

fn touch(sshd: &Sshd, hosts: &SshHosts, name: &str) -> Result<(), HostError> {
    hosts.act(Side::Old, &format!("{name}.apply.0"), &Act::run(["touch", &sshd.path(name)]))
}

pub fn following(sshd: &Sshd, trail: &Trail) -> SshHosts {
    let hosts = sshd.hosts();
    hosts.follow(trail);
    hosts
}

#[test]
fn a_server_that_has_seen_a_later_line_is_not_acted_on() {
    let sshd = Sshd::looking(OWN);
    let now = trail("a", &["1", "2"]);
    let hosts = following(&sshd, &now);
    hosts.compare(Side::Old).unwrap();
    hosts.introduce(Side::Old).unwrap();
    touch(&sshd, &hosts, "one").unwrap();
    now.push(b"3");
    touch(&sshd, &hosts, "two").unwrap();

    let older = |hosts: &SshHosts, file: &str| {
        let error = hosts.compare(Side::Old).unwrap_err();
        assert!(matches!(&error, HostError::Older { side: Side::Old, cause } if cause.contains("older")), "{error}");
        let error = touch(&sshd, hosts, file).unwrap_err();
        assert!(matches!(error, HostError::Older { .. }), "{error}");
        assert!(!Path::new(&sshd.path(file)).exists());
    };
    older(&following(&sshd, &trail("a", &["1", "2"])), "three");
    // by its own journal it goes on, and whoever was there before is a stranger, who is compared again
    let again = following(&sshd, &trail("a", &["1", "2", "3", "4"]));
    touch(&sshd, &again, "four").unwrap();
    older(&hosts, "five");
    let other = following(&sshd, &trail("b", &[])).compare(Side::Old).unwrap_err();
    assert!(other.to_string().contains("under way there"), "{other}");

    // a boot: what is in memory is gone, what is on the disk is not
    again.act(Side::Old, "boot", &Act::run(["rm", "-r", "/run/replant/seen"])).unwrap();
    older(&following(&sshd, &trail("a", &["1", "2", "3"])), "six");
    touch(&sshd, &again, "seven").unwrap();

    // who reads the server is told of it, at the last line that an act has left
    let under_way = || {
        let texts = texts::parse(&again.ask(Side::Old, texts::query()).unwrap().stdout).unwrap();
        let kept = [IN_MEMORY, KEPT].map(|path| texts.get(path).map(String::as_str).unwrap_or_default());
        under_way::of(kept).into_iter().map(|mark| (mark.migration, mark.id, mark.line)).collect::<Vec<_>>()
    };
    assert_eq!(under_way(), [("m".into(), "a".into(), 4)]);

    // it ends, and leaves nothing on the disk
    again.part(Side::Old, true).unwrap();
    assert_eq!(under_way(), []);
    let kept = again.ask(Side::Old, Query::file("/var/lib/replant/seen")).unwrap();
    assert_eq!(kept.file(), None);
    older(&following(&sshd, &trail("a", &["1"])), "eight");
}

#[test]
fn a_disk_that_cannot_be_written_holds_nobody_up() {
    let mounts = "mount -t tmpfs none /run && mkdir -m 755 /run/sshd && mount -t tmpfs -o ro none /var/lib && ";
    let sshd = Sshd::looking(Looks { mounts, ..OWN });
    let hosts = following(&sshd, &trail("a", &["1"]));
    let began = std::time::Instant::now();
    hosts.compare(Side::Old).unwrap();
    hosts.introduce(Side::Old).unwrap();
    assert!(began.elapsed() < Duration::from_secs(3));
    touch(&sshd, &hosts, "one").unwrap();
    assert!(following(&sshd, &trail("a", &[])).compare(Side::Old).is_err());
}

/// What an earlier run left running ends before the other direction begins, whatever the name of the step.
#[test]
fn either_direction_waits_for_the_other() {
    let sshd = Sshd::looking(OWN);
    for (n, (runs, comes)) in [("apply", "undo"), ("undo", "apply")].into_iter().enumerate() {
        for step in ["a.b".to_string(), format!("mirror-vg0-{}", "x".repeat(100))] {
            for waits in [false, true] {
                let file = sshd.path(&format!("{n}-{}-{waits}", step.len()));
                // longer than a busy machine takes to find that there is nothing to wait for
                let seconds = if waits { 2 } else { 6 };
                let slow = Act::long(["sh", "-c", &format!("touch {file}.runs; sleep {seconds}; touch {file}")]);
                let (one, two) = (sshd.hosts(), sshd.hosts());
                std::thread::scope(|scope| {
                    scope.spawn(|| one.act(Side::Old, &format!("{step}.{runs}.0"), &slow).unwrap());
                    while !Path::new(&format!("{file}.runs")).exists() {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    if waits {
                        two.await_end(Side::Old, &step, runs).unwrap();
                        assert!(Path::new(&file).exists(), "{step}: {runs} is not waited for");
                    } else {
                        two.await_end(Side::Old, &step, comes).unwrap();
                        assert!(!Path::new(&file).exists(), "it waits for nothing");
                        let act = Act::run(["test", "-e", &file]);
                        two.act(Side::Old, &format!("{step}.{comes}.0"), &act).unwrap();
                    }
                });
            }
        }
    }
}
