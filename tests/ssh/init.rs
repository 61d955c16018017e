//! `replant init`, by its own login to a real server: which is the same at two addresses.

use std::process::Command;

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
