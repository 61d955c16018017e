//! What people type: names of ssh_config, flags, files that are no plan; and what they are told.

mod desk;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use desk::{Desk, runbook};

fn says(desk: &Desk, args: &[&str]) -> (i32, String) {
    let output = desk.run(args);
    let both = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(both).unwrap())
}

fn script(desk: &Desk, name: &str, text: &str) {
    let path = desk.path("bin").join(name);
    std::fs::create_dir_all(desk.path("bin")).unwrap();
    std::fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
}

/// An `ssh` whose configuration knows two names, and that notes how it is called.
const SSH: &str = r#"echo "$*" >>calls
case " $* " in
    *" -F /dev/null "*) printf 'user me\nhostname %s\nport 22\nidentityfile ~/.ssh/id_rsa\n' "$5" ;;
    *" -G -- old.example "*) printf 'user admin\nhostname 192.0.2.10\nport 2222\nidentityfile ~/.ssh/id_rsa\n' ;;
    *" -G -- new.example "*) printf 'user me\nhostname 192.0.2.20\nport 22\nproxyjump gate\nidentityfile ~/.ssh/id_rsa\n' ;;
    *" -G "*) printf 'hostname x\nport 22\n' ;;
    *) echo 'ssh: connect to host: Connection refused' >&2; exit 255 ;;
esac
"#;

#[test]
fn init_takes_names_of_ssh_config() {
    let desk = Desk::new();
    script(&desk, "ssh", SSH);
    script(
        &desk,
        "ssh-keygen",
        "[ \"$2\" = '[old.example]:2222' ] && echo '[old.example]:2222 ssh-ed25519 AAAAC3old'\n",
    );
    let (code, told) = says(&desk, &["init", "old.example", "new.example"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("Reading old (192.0.2.10) and new (192.0.2.20)"), "{told}");
    assert!(told.contains("reaches `new.example` by way of `gate`") && told.contains("`Host 192.0.2.20`"), "{told}");
    let calls = std::fs::read_to_string(desk.path("calls")).unwrap();
    let login = |of: &str| {
        calls.lines().find(|call| call.contains("-M") && call.ends_with(of)).unwrap_or_else(|| panic!("{calls}"))
    };
    let old = login("-- 192.0.2.10");
    // the key that is known under the name, and the port and the user that are configured for it
    assert!(old.contains("-p 2222 ") && old.contains("-l admin ") && old.contains("UserKnownHostsFile="), "{old}");
    let new = login("-- 192.0.2.20");
    assert!(!new.contains("-p ") && new.contains("-l root ") && !new.contains("UserKnownHostsFile="), "{new}");
}

#[test]
fn there_is_no_ssh_here() {
    let desk = Desk::new();
    for args in [
        &["plan", "plans/minimal.yaml"][..],
        &["init", "192.0.2.10", "192.0.2.20"],
        &["init", "a.example", "b.example"],
    ] {
        let output = desk.command(args).env("PATH", desk.path("bin")).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        let ssh = told.contains("`ssh` is not installed on this machine");
        assert!(ssh || told.contains("`ssh-keygen` is not installed on this machine"), "{args:?}: {told}");
        assert!(told.contains("help: ") && told.contains("apt-get install openssh-client"), "{args:?}: {told}");
    }
}

#[test]
fn a_login_that_only_talks_is_quoted() {
    let desk = Desk::new();
    script(
        &desk,
        "ssh",
        "case \" $* \" in *' -M '*) exit 0 ;; *' -G '*) exit 0 ;; esac\n\
         echo 'Please login as the user \"ubuntu\" rather than the user \"root\".'\nexit 142\n",
    );
    let (code, told) = says(&desk, &["plan", "plans/minimal.yaml"]);
    assert_eq!(code, 1);
    assert!(told.contains("Please login as the user \"ubuntu\" rather than the user \"root\"."), "{told}");
    assert!(told.contains("user: ubuntu, sudo: true"), "{told}");
}

#[test]
fn every_command_is_logged() {
    let desk = Desk::with_migration("mirror-vg0-var").with_ssh("ssh: connect to host: Connection refused");
    let (_, told) = says(&desk, &["status", "-v", "--log", "commands.log"]);
    assert!(told.contains(" ? ") && told.contains("does not answer"), "{told}");
    let log = std::fs::read_to_string(desk.path("commands.log")).unwrap();
    assert!(log.lines().count() > 10 && log.contains(" old ? ") && log.contains(" new ? "), "{log}");
    assert_eq!(std::fs::metadata(desk.path("commands.log")).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, told) = says(&desk, &["status", "--offline", "--log", "nowhere/log"]);
    assert!(code == 1 && told.contains("cannot write the log `nowhere/log`") && told.contains("help: "), "{told}");
}

#[test]
fn validate_takes_whatever_there_is() {
    let desk = Desk::with_runbook();
    let (code, told) = says(&desk, &["validate", "lab.runbook.json"]);
    assert!(code == 0 && told.contains("lab.runbook.json is a valid runbook of "), "{told}");
    std::fs::write(desk.path("edited.json"), runbook().replacen("\"why\": \"", "\"why\": \"I think ", 1)).unwrap();
    std::fs::write(desk.path("cut.json"), &runbook()[..3000]).unwrap();
    for (file, says_) in [
        ("edited.json", "was edited"),
        ("cut.json", "is not a runbook"),
        ("/dev/zero", "the file is larger than 1 MiB"),
        ("/dev/urandom", "the file is larger than 1 MiB"),
        ("plans", "cannot read the plan"),
        ("nofile.yaml", "cannot read the plan"),
        ("/dev/null", "the file is empty"),
    ] {
        let (code, told) = says(&desk, &["validate", file]);
        assert_eq!(code, 1, "{file}: {told}");
        assert!(told.contains(says_) && told.contains("help: "), "{file}: {told}");
        let json: serde_json::Value =
            serde_json::from_slice(&desk.run(&["validate", file, "--json"]).stdout).unwrap();
        assert!(json["valid"] == false || json["error"].is_string(), "{file}: {json}");
    }
    // all of them, whatever is wrong with one
    let three = ["validate", "plans/cs940.yaml", "invalid/array-twice.yaml", "lab.runbook.json"];
    let (code, told) = says(&desk, &three);
    assert!(
        code == 1 && told.contains("plans/cs940.yaml is a valid plan") && told.contains("a valid runbook"),
        "{told}"
    );
    let json: serde_json::Value =
        serde_json::from_slice(&desk.run(&[&three[..], &["--json"]].concat()).stdout).unwrap();
    let valid: Vec<_> =
        json["files"].as_array().unwrap().iter().map(|file| file["valid"].as_bool().unwrap()).collect();
    assert_eq!((json["valid"].as_bool(), valid), (Some(false), vec![true, false, true]));

    for (text, code) in [(std::fs::read(desk.path("plans/cs940.yaml")).unwrap(), 0), (b"version: 2\n".to_vec(), 1)] {
        let mut child = desk.command(&["validate", "-"]);
        let mut child = child.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&text).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        assert!(String::from_utf8_lossy(&output.stderr).contains("standard input"));
    }
}

#[test]
fn nothing_far_fetched_is_proposed() {
    let desk = Desk::with_runbook();
    for args in [
        &["migrate"][..],
        &["explain", "hello"],
        &["show", "lab.runbook.json", "wobble"],
        &["apply", "plans/cs940.yaml", "--until", "xyz"],
    ] {
        let (_, told) = says(&desk, args);
        assert!(!told.contains("did you mean") && !told.contains("tip: a similar"), "{args:?}: {told}");
    }
    for (args, meant) in [
        (&["aply"][..], "'apply'"),
        (&["explain", "R1293"], "`R1203`"),
        (&["show", "lab.runbook.json", "isolate-lmv"], "`isolate-lvm`"),
        (&["apply", "plans/cs940.yaml", "--until", "cut"], "'cutover'"),
        (&["plan", "plans/cs940.yaml", "--forse"], "'--force'"),
    ] {
        let (_, told) = says(&desk, args);
        assert!(told.contains(meant), "{args:?}: {told}");
    }
}

#[test]
fn manual_pages() {
    let desk = Desk::new();
    assert_eq!(says(&desk, &["man", "--out", "man/man1"]).0, 0);
    let apply = std::fs::read_to_string(desk.path("man/man1/replant-apply.1")).unwrap();
    assert!(apply.contains("\\-\\-until") && apply.contains("ENVIRONMENT"), "{apply}");
    assert_eq!(says(&desk, &["man", "apply"]).1, apply);
    let (code, told) = says(&desk, &["man", "nothing"]);
    assert!(code == 1 && told.contains("there is no page `replant-nothing`"), "{told}");
}
