//! Who is let in, and who is not: each with what to do about it.

use std::path::Path;

use replant::host::ssh::{Remote, SshHosts};
use replant::host::{Act, HostError, Hosts, Look, Side, Text};

use crate::server::*;

fn with(sshd: &Sshd, change: impl FnOnce(&mut Remote)) -> SshHosts {
    let mut config = sshd.config();
    change(config.remotes.get_mut(&Side::Old).unwrap());
    SshHosts::new(config).unwrap()
}

fn refused(hosts: &SshHosts) -> (String, String) {
    let error = hosts.ask(Side::Old, sh("true")).unwrap_err();
    let HostError::Refused { side: Side::Old, cause, help } = error else { panic!("{error:?}") };
    (cause, help)
}

#[test]
fn host_keys() {
    let sshd = Sshd::start();
    keygen(&sshd.file("other"));
    let (cause, help) = refused(&with(&sshd, |remote| remote.host_keys = vec![public(&sshd.file("other"))]));
    assert!(cause.contains("another host key") && cause.contains("SHA256:"), "{cause}");
    assert!(help.contains("`host_key`") && help.contains("ssh-keyscan"), "{help}");

    // several may be given, and what follows the key does not matter
    let hosts = with(&sshd, |remote| remote.host_keys.push(public(&sshd.file("other")) + " two words"));
    assert_eq!(ask(&hosts, "echo in"), "in\n");

    // none in the plan: the user's own file, which does not know this port of loopback
    let (cause, help) = refused(&with(&sshd, |remote| remote.host_keys.clear()));
    assert!(cause.contains("not known"), "{cause}");
    assert!(help.contains(&format!("ssh-keyscan -p {} 127.0.0.1", sshd.port)), "{help}");

    let mut config = sshd.config();
    config.remotes.get_mut(&Side::Old).unwrap().host_keys = vec!["SHA256:abc".into()];
    assert!(matches!(SshHosts::new(config), Err(HostError::Local(cause)) if cause.contains("SHA256:abc")));
}

#[test]
fn two_systems_at_one_address_are_told_apart_by_their_keys() {
    let sshd = Sshd::start();
    keygen(&sshd.file("other"));
    let mut config = sshd.config();
    let mut migrated = sshd.remote();
    migrated.host_key_alias = "test-new-installed".into();
    migrated.host_keys = vec![public(&sshd.file("other"))];
    config.remotes.insert(Side::Migrated, migrated);
    let hosts = SshHosts::new(config).unwrap();
    assert_eq!(ask(&hosts, "echo old"), "old\n");
    let error = hosts.ask(Side::Migrated, sh("true")).unwrap_err();
    assert!(matches!(error, HostError::Refused { side: Side::Migrated, .. }), "{error:?}");
}

#[test]
fn user_keys_and_users() {
    let sshd = Sshd::start();
    keygen(&sshd.file("other"));
    let (cause, help) = refused(&with(&sshd, |remote| remote.identity = Some(sshd.file("other"))));
    assert!(cause.contains("Permission denied"), "{cause}");
    assert!(help.contains("authorized_keys"), "{help}");
    let (cause, _) = refused(&with(&sshd, |remote| remote.identity = Some("/no/such/key".into())));
    assert!(cause.contains("Permission denied"), "{cause}");
}

#[test]
fn nobody_there() {
    let sshd = Sshd::start();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let hosts = with(&sshd, |remote| remote.port = Some(port));
    let error = hosts.ask(Side::Old, sh("true")).unwrap_err();
    assert!(
        matches!(&error, HostError::Unreachable { cause, .. } if cause.contains("Connection refused")),
        "{error:?}"
    );
    let error = hosts.act(Side::Old, "a", &Act::long(["true"])).unwrap_err();
    assert!(matches!(&error, HostError::Unreachable { .. }), "{error:?}");
    let hosts = with(&sshd, |remote| remote.address = "no-such-name.invalid".into());
    let error = hosts.ask(Side::Old, sh("true")).unwrap_err();
    assert!(matches!(&error, HostError::Unreachable { cause, .. } if cause.contains("resolve")), "{error:?}");
    // an address cannot be an option
    let hosts = with(&sshd, |remote| remote.address = "-oProxyCommand=touch /tmp/never".into());
    assert!(hosts.ask(Side::Old, sh("true")).is_err());
    assert!(!Path::new("/tmp/never").exists());
    assert!(matches!(hosts.ask(Side::New, sh("true")), Err(HostError::Local(_))));
}

/// Danger 6.
#[test]
fn a_noisy_login_shell_changes_nothing() {
    let sshd = Sshd::looking(Looks {
        shell: Some("/bin/bash"),
        bashrc: "echo welcome; printf 'no newline'; echo oh >&2\nalias printf=false; exec() { :; }; export PATH=/nowhere \
                 LC_ALL=C.UTF-8; unset -f exec; set -u\n",
        ..Looks::default()
    });
    let hosts = sshd.hosts();
    let output = hosts.ask(Side::Old, sh("ls -d /etc; echo err >&2")).unwrap();
    assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (0, "/etc\n", "err\n"));
    hosts.act(Side::Old, "a", &Act::put(sshd.path("ł file"), "ł", 0o600)).unwrap();
    assert_eq!(std::fs::read_to_string(sshd.file("ł file")).unwrap(), "ł");
}

#[test]
fn sh_may_be_another_shell() {
    let sshd = Sshd::looking(Looks { mounts: "mount --bind /bin/bash /bin/dash && ", ..Looks::default() });
    let hosts = sshd.hosts();
    assert!(ask(&hosts, "echo $BASH_VERSION; printf 'ł€'").ends_with("ł€"));
    assert_ne!(ask(&hosts, "echo $BASH_VERSION"), "\n");
    let text: String = (0..0x900).filter_map(char::from_u32).collect();
    hosts.act(Side::Old, "a", &Act::put(sshd.path("file"), &text, 0o600)).unwrap();
    assert_eq!(std::fs::read_to_string(sshd.file("file")).unwrap(), text);
    for long in [false, true] {
        let argv = ["sh", "-c", "cat; exit 3"].map(String::from).to_vec();
        let act = Act::Run { argv, stdin: Some(Text::new(&text)), long };
        let error = hosts.act(Side::Old, "b", &act).unwrap_err();
        assert!(matches!(&error, HostError::Failed { code: 3, output, .. } if *output == text), "{error:?}");
    }
}

#[test]
fn an_rc_file_that_reads_the_input_runs_nothing() {
    let sshd = Sshd::looking(Looks { shell: Some("/bin/bash"), bashrc: "read -n 20 some\n", ..Looks::default() });
    let act = Act::run(["touch", &sshd.path("ran")]);
    let error = sshd.hosts().act(Side::Old, "a", &act).unwrap_err().to_string();
    assert!(error.contains("bytes of a script arrived") && error.contains("standard input"), "{error}");
    assert!(!sshd.file("ran").exists());
}

#[test]
fn a_login_that_runs_nothing_is_refused() {
    let sshd = Sshd::looking(Looks { shell: Some("/usr/sbin/nologin"), ..Looks::default() });
    let (cause, help) = refused(&sshd.hosts());
    assert!(cause.contains("does not run `/bin/sh`"), "{cause}");
    assert!(help.contains("login shell"), "{help}");
    let sshd = Sshd::looking(Looks { sshd: "ForceCommand echo only this", ..Looks::default() });
    refused(&sshd.hosts());
}

#[test]
fn who_is_not_root() {
    let sshd = Sshd::looking(Looks { sudoers: "mover ALL=(ALL) NOPASSWD: ALL", ..Looks::default() });
    let (cause, help) = refused(&with(&sshd, |remote| remote.user = "mover".into()));
    assert_eq!(cause, "`mover` is not root");
    assert!(help.contains("sudo -n"), "{help}");
    let act = Act::run(["touch", &sshd.path("root/ran")]);
    let hosts = with(&sshd, |remote| remote.user = "mover".into());
    assert!(matches!(hosts.act(Side::Old, "a", &act), Err(HostError::Refused { .. })));
    assert!(!sshd.file("root/ran").exists());

    if !Path::new("/usr/bin/sudo").exists() {
        eprintln!("not tried: there is no sudo here (apt-get install sudo)");
        return;
    }
    let sudo = |remote: &mut Remote| {
        remote.user = "mover".into();
        remote.sudo = true;
    };
    let hosts = with(&sshd, sudo);
    assert_eq!(ask(&hosts, "id -u; cat"), "0\n");
    hosts.act(Side::Old, "a", &act).unwrap();
    assert!(sshd.file("root/ran").exists());
    hosts.act(Side::Old, "b", &Act::put(sshd.path("by-sudo"), "text\r\n\x03\x04\x11 as it is", 0o600)).unwrap();
    assert_eq!(std::fs::read_to_string(sshd.file("by-sudo")).unwrap(), "text\r\n\x03\x04\x11 as it is");
    let error = hosts.act(Side::Old, "c", &Act::long(["sh", "-c", "echo x; exit 255"])).unwrap_err();
    assert!(matches!(&error, HostError::Failed { code: 255, output, .. } if output == "x\n"), "{error:?}");
    // root needs none
    assert_eq!(ask(&with(&sshd, |remote| remote.sudo = true), "id -u"), "0\n");

    let sshd = Sshd::start();
    let (cause, help) = refused(&with(&sshd, sudo));
    assert!(cause.starts_with("`mover` is not root (sudo:"), "{cause}");
    assert!(help.contains("NOPASSWD"), "{help}");
}
