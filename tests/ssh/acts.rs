//! Acts.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use replant::host::ssh::SshHosts;
use replant::host::{Act, HostError, Hosts, Look, Query, Side, Text};
use replant::secret::{SecretSource, Secrets};
use secrecy::ExposeSecret;

use crate::server::*;

#[test]
fn run_put_and_remove() {
    let sshd = Sshd::start();
    let hosts = sshd.hosts();
    let path = sshd.path("deep/down/a file's \"name\"");
    hosts.act(Side::Old, "s/apply/0", &Act::put(&path, "one\n", 0o640)).unwrap();
    assert_eq!(hosts.ask(Side::Old, Query::file(&path)).unwrap().file(), Some("one\n"));
    hosts
        .act(Side::Old, "s/apply/1", &Act::feed(["tee", "-a", &path], Text::new("it's\ttwo, without an end")))
        .unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\nit's\ttwo, without an end");
    let failing = Act::run(["sh", "-c", "echo some; echo words >&2; exit 255"]);
    let error = hosts.act(Side::Old, "s/apply/2", &failing).unwrap_err();
    let HostError::Failed { side: Side::Old, command, code: 255, output } = error else { panic!("{error:?}") };
    assert_eq!(command, "sh -c 'echo some; echo words >&2; exit 255'");
    assert_eq!(output, "some\nwords\n");
    let error = hosts.act(Side::Old, "s/apply/3", &Act::run(["no-such-tool", "x"])).unwrap_err();
    assert!(
        matches!(&error, HostError::Failed { code: 127, output, .. } if output.contains("no-such-tool: not found")),
        "{error:?}"
    );
    for _ in 0..2 {
        hosts.act(Side::Old, "s/undo/0", &Act::Remove { path: path.clone() }).unwrap();
        assert!(!Path::new(&path).exists());
    }
    let nul = hosts.act(Side::Old, "s/undo/1", &Act::run(["echo", "a\0b"])).unwrap_err();
    assert!(nul.to_string().contains("NUL"), "{nul}");
}

#[test]
fn a_file_that_is_changed_keeps_its_owner_its_mode_and_its_link() {
    let sshd = Sshd::start();
    let hosts = sshd.hosts();
    let write = |job: &str, name: &str, text: &str| {
        let act = Act::Put { path: sshd.path(name), text: Text::new(text), mode: None };
        hosts.act(Side::Old, job, &act).unwrap();
    };
    let mode = |name: &str| std::fs::metadata(sshd.file(name)).unwrap().permissions().mode() & 0o7777;
    write("k/apply/0", "fresh", "new\n");
    assert_eq!(mode("fresh"), 0o644);
    hosts.act(Side::Old, "k/apply/1", &Act::put(sshd.path("real"), "was\n", 0o604)).unwrap();
    std::os::unix::fs::symlink("real", sshd.file("link")).unwrap();
    write("k/apply/2", "link", "is\n");
    assert_eq!((std::fs::read_to_string(sshd.file("real")).unwrap().as_str(), mode("real")), ("is\n", 0o604));
    assert!(std::fs::symlink_metadata(sshd.file("link")).unwrap().is_symlink());
}

#[test]
fn files_are_written_as_they_are_given() {
    let sshd = Sshd::start();
    let hosts = sshd.hosts();
    let all: String = (0..0x900).chain([0x20ac, 0x1f600, 0xfffd]).filter_map(char::from_u32).collect();
    let texts = [
        ("empty", String::new()),
        ("newlines", "\n\n\n".into()),
        ("no-end", "a 'quoted' \"text\" with $HOME `id` \\ and %s %% #!".into()),
        ("without-nul", all.replace('\0', "")),
        ("all", all.clone() + "\\0101 \\n"),
        ("large", "0123456789abcdef it's\n".repeat(40_000)),
    ];
    for (n, (name, text)) in texts.iter().enumerate() {
        let mode = [0o600, 0o644, 0o755, 0o4711, 0o400, 0o640][n];
        hosts.act(Side::Old, &format!("put/apply/{n}"), &Act::put(sshd.path(name), text, mode)).unwrap();
        assert_eq!(&std::fs::read(sshd.file(name)).unwrap(), text.as_bytes(), "{name}");
        assert_eq!(std::fs::metadata(sshd.file(name)).unwrap().permissions().mode() & 0o7777, mode, "{name}");
    }
    // again, over what is there, with another mode
    hosts.act(Side::Old, "put/apply/9", &Act::put(sshd.path("all"), "other", 0o444)).unwrap();
    assert_eq!(std::fs::read_to_string(sshd.file("all")).unwrap(), "other");
    assert_eq!(std::fs::metadata(sshd.file("all")).unwrap().permissions().mode() & 0o7777, 0o444);
    let left: Vec<_> = std::fs::read_dir(sshd.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".replant")), "{left:?}");
    // a directory in the way, and a place where nothing can be written
    std::fs::create_dir(sshd.file("taken")).unwrap();
    for path in [&sshd.path("taken"), "/proc/replant/x", "/sys/x"] {
        let error = hosts.act(Side::Old, "put/apply/10", &Act::put(path, "x", 0o600)).unwrap_err();
        let HostError::Failed { command, output, .. } = &error else { panic!("{error:?}") };
        assert!(command.starts_with("write /") && !output.is_empty(), "{error}");
    }
    assert!(std::fs::read_dir(sshd.file("taken")).unwrap().next().is_none());
}

/// Steps that are done at once bring the same script: each finds it whole.
#[test]
fn one_file_is_written_by_many_at_once() {
    let sshd = Sshd::start();
    let hosts = sshd.hosts();
    let (path, text) = (sshd.path("steps/one.sh"), "# a line of it\n".repeat(20_000));
    std::thread::scope(|scope| {
        for one in 0..6 {
            let (hosts, path, text) = (&hosts, &path, &text);
            scope.spawn(move || {
                for n in 0..5 {
                    let put = Act::put(path, text, 0o700);
                    hosts.act(Side::Old, &format!("step-{one}-{n}.apply.0"), &put).unwrap();
                    assert_eq!(hosts.ask(Side::Old, Query::file(path)).unwrap().file(), Some(text.as_str()));
                }
            });
        }
    });
}

/// A daemon keeps what it was started with open: that must not keep us.
#[test]
fn an_act_that_leaves_a_daemon_ends() {
    let sshd = Sshd::start();
    let hosts = sshd.hosts();
    let pid = sshd.path("pid");
    for (n, long) in [false, true].into_iter().enumerate() {
        let argv = ["sh", "-c", &format!("sleep 60 & echo $! >{pid}")].map(String::from).to_vec();
        let act = Act::Run { argv, stdin: None, long };
        hosts.act(Side::Old, "daemon", &act).unwrap();
        let daemon: i32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        assert!(alive(daemon), "{n}");
        // and the same again does not wait for it
        hosts.act(Side::Old, "daemon", &act).unwrap();
        let other: i32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        assert_ne!(daemon, other);
        sigkill(daemon);
        sigkill(other);
    }
}

#[test]
fn acts_side_by_side() {
    let sshd = Sshd::start();
    let hosts = sshd.hosts();
    // each waits for the other
    let pair = |mine: &str, theirs: &str| {
        let (mine, theirs) = (sshd.path(mine), sshd.path(theirs));
        Act::run(["sh", "-c", &format!("touch {mine}; while ! [ -e {theirs} ]; do sleep 0.02; done")])
    };
    std::thread::scope(|scope| {
        scope.spawn(|| hosts.act(Side::Old, "a", &pair("a", "b")).unwrap());
        scope.spawn(|| hosts.act(Side::Old, "b", &pair("b", "a")).unwrap());
    });
}

#[test]
fn secrets_are_put_in_and_do_not_come_out() {
    let sshd = Sshd::start();
    let given = "pa'ss $word";
    std::fs::write(sshd.file("given"), format!("{given}\n")).unwrap();
    let sources = [
        ("chap".to_string(), SecretSource::Generated),
        ("given".to_string(), SecretSource::File(sshd.file("given"))),
    ];
    let secrets = Secrets::new(sshd.file("secrets"), sources);
    let mut config = sshd.config();
    config.secrets = secrets.clone();
    let hosts = SshHosts::new(config).unwrap();
    let chap = secrets.get("chap").unwrap().expose_secret().to_string();

    let text = "user = x\npassword = @@secret:chap@@ and @@secret:given@@\n";
    let path = sshd.path("file");
    let put = Act::put(&path, text, 0o600);
    hosts.act(Side::Old, "s/apply/0", &put).unwrap();
    let filled = format!("user = x\npassword = {chap} and {given}\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), filled);
    // what is read on a server shows the places, so that it can be compared with what was to be written
    assert_eq!(hosts.ask(Side::Old, Query::file(&path)).unwrap().file(), Some(text));

    // everything that can be seen of running processes, while the command has the secret on its standard input
    let spy = "cat >/dev/null & for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done 2>/dev/null; \
               tr '\\0' '\\n' </proc/$$/environ; tr '\\0' '\\n' </proc/$PPID/environ; exit 1";
    for long in [false, true] {
        let argv = ["sh", "-c", spy].map(String::from).to_vec();
        let act = Act::Run { argv, stdin: Some(Text::new(text)), long };
        let error = hosts.act(Side::Old, "s/apply/1", &act).unwrap_err();
        let HostError::Failed { output, .. } = &error else { panic!("{error:?}") };
        assert!(output.contains("replant") && output.contains("PATH="), "the spy sees nothing: {output}");
        assert!(!output.contains("***"), "a secret was seen: {output}");

        let argv = ["sh", "-c", "cat; exit 1"].map(String::from).to_vec();
        let act = Act::Run { argv, stdin: Some(Text::new(text)), long };
        let error = hosts.act(Side::Old, "s/apply/2", &act).unwrap_err();
        let HostError::Failed { output, .. } = &error else { panic!("{error:?}") };
        assert_eq!(output, "user = x\npassword = *** and ***\n");
        assert!(!format!("{error} {error:?}").contains(&chap));
    }
    // what is kept on the server for a while is for root alone, and the input does not stay
    for entry in std::fs::read_dir(sshd.state()).unwrap().map(Result::unwrap) {
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{entry:?}");
        let name = entry.file_name().into_string().unwrap();
        assert!(!name.ends_with(".in"), "{name}");
    }
    assert_eq!(std::fs::metadata(sshd.state()).unwrap().permissions().mode() & 0o777, 0o700);

    let unknown = Act::put(&path, "@@secret:other@@", 0o600);
    let error = hosts.act(Side::Old, "s/apply/3", &unknown).unwrap_err();
    assert!(matches!(&error, HostError::Secret { name, .. } if name == "other"), "{error:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), filled);
}

/// A root file system that is read-only, `/run` too, is what the cutover works with.
#[test]
fn works_where_run_cannot_be_written() {
    let sshd = Sshd::looking(Looks {
        mounts: "mount -t tmpfs none /run && mkdir -m 755 /run/sshd && mount -o remount,ro /run && ",
        ..Looks::default()
    });
    let hosts = sshd.hosts();
    hosts.act(Side::Old, "a", &Act::run(["true"])).unwrap();
    let error = hosts.act(Side::Old, "b", &Act::long(["sh", "-c", "echo x; exit 2"])).unwrap_err();
    assert!(matches!(&error, HostError::Failed { code: 2, output, .. } if output == "x\n"), "{error:?}");
    let dir = format!("/dev/shm/replant.{}", sshd.config().migration);
    std::fs::remove_dir_all(dir).unwrap();
}
