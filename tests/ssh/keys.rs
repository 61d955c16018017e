//! Whole commands against a server that answers: new's rescue system was booted again, and shows another host key; or another
//! migration works on the servers.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use replant::course::{self, Runbook};
use replant::facts::Facts;
use replant::host::{Hosts, Side};
use replant::journal::{Depot, Entry, Migration, Run};
use replant::plan::{self, Loaded};

use crate::made;
use crate::server::*;
use crate::way::{OWN, following, trail};

/// A place to type commands in, with a plan of which both servers are this one, at two addresses.
struct Pair {
    sshd: Sshd,
    loaded: Loaded,
    runbook: Runbook,
}

impl Pair {
    /// New was seen with the key in `shown` when the facts were read.
    fn with_new(shown: &str) -> Pair {
        let sshd = Sshd::looking(OWN);
        // a plan takes no address of loopback
        let config = "Host 192.0.2.10 192.0.2.20\n  HostName 127.0.0.1\n";
        std::fs::write(sshd.file("config-of-ssh"), config).unwrap();
        let ssh = format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", sshd.path("config-of-ssh"));
        std::fs::create_dir(sshd.file("bin")).unwrap();
        std::fs::write(sshd.file("bin/ssh"), ssh).unwrap();
        std::fs::set_permissions(sshd.file("bin/ssh"), PermissionsExt::from_mode(0o755)).unwrap();
        keygen(&sshd.file("other"));
        let ssh = |key: &str| {
            let (port, identity, key) = (sshd.port, sshd.path("user"), public(&sshd.file(key)));
            format!("ssh: {{ port: {port}, identity: {identity}, host_key: \"{key}\" }}")
        };
        let text = made::text(2, 3)
            .replace("192.0.2.10", &format!("192.0.2.10, {}", ssh("host")))
            .replace("192.0.2.20", &format!("192.0.2.20, {}", ssh(shown)));
        std::fs::write(sshd.file("plan.yaml"), &text).unwrap();
        let loaded = plan::load(&sshd.file("plan.yaml")).unwrap_or_else(|bad| panic!("{bad}"));
        let facts = made::facts(&loaded.plan);
        let runbook = course::make(&loaded.plan, &loaded.digest, &facts).unwrap_or_else(|no| panic!("{no:#?}"));
        // it is one machine: by its hardware nobody can tell
        let mut facts = runbook.facts.clone();
        let Facts { old, new, .. } = &mut facts;
        for (server, key) in [(old, "host"), (new, shown)] {
            server.machine = None;
            server.host_keys = vec![public(&sshd.file(key))];
            server.blocks.iter_mut().for_each(|block| (block.serial, block.wwn) = (None, None));
        }
        Pair { loaded, runbook: Runbook { facts, ..runbook }, sshd }
    }

    fn migration(&self) -> Migration {
        let text = serde_json::to_string_pretty(&self.runbook).unwrap();
        Depot::at(self.sshd.file(".replant")).create(&self.runbook.name, &text, &[]).unwrap()
    }

    fn says(&self, args: &[&str]) -> (i32, String) {
        let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_replant"))
            .args(args)
            .current_dir(self.sshd.dir.path())
            .env("PATH", format!("{}:{}", self.sshd.path("bin"), std::env::var("PATH").unwrap()))
            .env_remove("REPLANT_DIR")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        (status.code().unwrap(), String::from_utf8([stdout, stderr].concat()).unwrap())
    }
}

/// The keys that the operator has named, as the journal has them.
fn named(migration: &Migration) -> Vec<String> {
    let lines = migration.read().unwrap().lines.into_iter();
    let keys = lines.filter_map(|line| match line.entry {
        Entry::Run(Run::HostKey { key, .. }) => Some(key),
        _ => None,
    });
    keys.collect()
}

#[test]
fn a_rescue_system_that_was_booted_again_is_known_by_the_operators_word() {
    let pair = Pair::with_new("other");
    let migration = pair.migration();
    let key = public(&pair.sshd.file("host"));
    let bare: String = key.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let no_input =
        |what: &'static [&'static str], more: &[&str]| pair.says(&[what, &["--no-input", "--yes"], more].concat());
    let (apply, rollback) = (&["apply", "plan.yaml"][..], &["rollback"][..]);
    for what in [apply, rollback] {
        let (code, told) = no_input(what, &[]);
        assert_eq!(code, 1, "{what:?}: {told}");
        assert!(told.contains("cannot log in to new: `192.0.2.20` shows another host key than the one"), "{told}");
        assert!(told.contains("add `--new-host-key KEY` to the command"), "{told}");
    }
    assert_eq!(named(&migration), [""; 0]);

    // with the key that it shows new is reached: what is said now is of the servers, which are not those of the facts
    let reached = |(code, told): (i32, String)| {
        assert_eq!(code, 1, "{told}");
        assert!(!told.contains("host key than the one"), "{told}");
        assert!(told.contains("\n  new: ") && told.contains("help: put it back as it was"), "{told}");
    };
    reached(no_input(apply, &["--new-host-key", &key]));
    assert_eq!(named(&migration), std::slice::from_ref(&bare));
    // it is remembered
    let (code, told) = no_input(rollback, &[]);
    assert_eq!(code, 0, "{told}");
    // and not written twice
    let (code, told) = no_input(rollback, &["--new-host-key", &bare]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(named(&migration), [bare]);
}

#[test]
fn rollback_takes_the_operators_word_too() {
    let pair = Pair::with_new("other");
    let migration = pair.migration();
    let key = public(&pair.sshd.file("host"));
    let (code, told) = pair.says(&["rollback", "--no-input", "--new-host-key", &key]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(named(&migration).len(), 1);
    // the last word counts
    let other = public(&pair.sshd.file("other"));
    let (code, told) = pair.says(&["rollback", "--no-input", "--new-host-key", &other]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("shows another host key"), "{told}");
    assert_eq!(named(&migration).len(), 2);
}

#[test]
fn what_is_no_host_key_is_refused_before_anything_is_done() {
    let pair = Pair::with_new("host");
    let migration = pair.migration();
    for (bad, says) in [
        ("SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8", "is a fingerprint, not a key"),
        ("192.0.2.20 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFoo", "which is not a type of key"),
        ("ssh-ed25519", "is not a public host key"),
        ("ssh-ed25519 /root/key.pub", "has no key after its type"),
        ("ssh-ed25519 AAAA\nevil ssh-ed25519 AAAA", "is not one line"),
        ("", "is not a public host key"),
    ] {
        for what in [&["apply", "plan.yaml"][..], &["rollback"]] {
            let (code, told) = pair.says(&[what, &["--no-input", "--new-host-key", bad]].concat());
            assert_eq!(code, 2, "{bad}: {told}");
            assert!(told.contains("--new-host-key") && told.contains(says), "{bad}: {told}");
        }
    }
    assert!(migration.read().unwrap().lines.is_empty());
}

/// Whoever has another directory, or has lost it: before anything else that half-done work looks like.
#[test]
fn another_migration_on_these_servers_is_told_first() {
    let pair = Pair::with_new("host");
    let facts = made::facts(&pair.loaded.plan);
    let saved = course::make(&pair.loaded.plan, &pair.loaded.digest, &facts).unwrap();
    std::fs::write(pair.sshd.file("saved.json"), serde_json::to_string_pretty(&saved).unwrap()).unwrap();
    let other = trail("a", &["1"]);
    other.is_of("anna@desk");
    other.is_in("/home/anna/.replant/m".as_ref());
    let hosts = following(&pair.sshd, &other);
    hosts.introduce(Side::Old).unwrap();
    let says = "migration `m` is under way on old and new: begun 2026-11-22T11:00:00Z, last worked on by anna@desk in \
                `/home/anna/.replant/m` at 20";
    let help = "go on there: `replant apply /home/anna/.replant/m/runbook.json --dir /home/anna/.replant`";
    for (what, before) in [
        (&["apply", "plan.yaml", "--no-input"][..], "inhibitor R1904  "),
        (&["apply", "saved.json", "--no-input"], "error: "),
    ] {
        let (code, told) = pair.says(what);
        assert_eq!(code, 1, "{what:?}: {told}");
        assert!(told.contains(&format!("{before}{says}")) && told.contains(help), "{what:?}: {told}");
        assert!(!told.contains("have changed since"), "{what:?}: {told}");
        let first = told.split("inhibitor").nth(1).unwrap_or("R1904").trim_start().to_string();
        assert!(first.starts_with("R1904"), "{what:?}: {told}");
    }
    assert!(!pair.sshd.file(".replant").exists());
}
