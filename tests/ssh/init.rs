//! `replant init`, by its own login to a real server: which is the same at two addresses.

use std::process::Command;

use replant::facts::record::Recording;

use crate::server::*;

#[test]
fn both_servers_are_read_before_there_is_a_plan() {
    let sshd = Sshd::looking(Looks { sshd: "ListenAddress 127.0.0.2", ..Looks::default() });
    let [old, new] = ["127.0.0.1", "127.0.0.2"].map(|host| format!("root@{host}:{}", sshd.port));
    let key = public(&sshd.file("host"));
    let init = |more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_replant"))
            .args([
                "init",
                &old,
                &new,
                "--identity",
                &sshd.path("user"),
                "--old-host-key",
                &key,
                "--out",
                "plan.yaml",
            ])
            .args(more)
            .current_dir(sshd.dir.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(!sshd.file("plan.yaml").exists() && !sshd.file(".replant").exists(), "nothing is written");
        String::from_utf8(output.stderr).unwrap()
    };
    let said = init(&["--new-host-key", &key]);
    assert!(said.contains("OLD and NEW are the same machine"), "{said}");
    // without a key: the user's own file, which does not know this port of loopback
    let said = init(&[]);
    assert!(said.contains("cannot log in to new") && said.contains("--new-host-key"), "{said}");
}

/// Raw answers are kept, whatever replant makes of them; this machine has no LVM, perhaps.
#[test]
fn raw_answers_of_both_servers_are_kept() {
    let sshd = Sshd::looking(Looks { sshd: "ListenAddress 127.0.0.2", ..Looks::default() });
    let [old, new] = ["127.0.0.1", "127.0.0.2"].map(|host| format!("root@{host}:{}", sshd.port));
    let key = public(&sshd.file("host"));
    let facts = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_replant"));
        command.args(["facts", &old, &new, "--identity", &sshd.path("user")]);
        command.args(["--old-host-key", &key, "--new-host-key", &key, "--out", "facts.json"]);
        command.args(more).current_dir(sshd.dir.path()).output().unwrap()
    };
    let ran = facts(&[]);
    let said = String::from_utf8_lossy(&ran.stderr).to_string();
    assert!(ran.status.success() && said.contains("Look through it before you give it to others"), "{said}");
    let kept = Recording::read(&sshd.file("facts.json")).unwrap();
    assert_eq!((kept.old.login, kept.new.login), (old.clone(), new.clone()));
    assert!(
        kept.old.answers.iter().any(|answer| answer.name == "parts" && answer.out.iter().any(|line| line == "uid 0"))
    );
    assert!(kept.old.answers.iter().any(|answer| answer.name == "activity"));
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(sshd.file("facts.json")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    // facts are replaced, and nothing else is
    assert!(facts(&[]).status.success());
    std::fs::write(sshd.file("facts.json"), "somebody's").unwrap();
    assert_eq!(facts(&[]).status.code(), Some(1));
    assert!(facts(&["--force"]).status.success());
}
