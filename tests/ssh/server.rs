//! A real sshd on loopback, with keys of its own, in a mount namespace of its own: what it sees of `/etc` is made here.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use replant::host::ssh::{Patience, Remote, SshConfig, SshHosts};
use replant::host::{Look, Query, Side};

const SSHD: &str = "/usr/sbin/sshd";

/// How the server's machine looks to whoever logs in.
#[derive(Default, Clone)]
pub struct Looks {
    /// the login shell of root; `/bin/sh` if none is given
    pub shell: Option<&'static str>,
    /// root's `.bashrc`
    pub bashrc: &'static str,
    /// what `/etc/sudoers` says of the user `mover`, who is not root
    pub sudoers: &'static str,
    /// more lines for sshd's configuration
    pub sshd: &'static str,
    /// commands that change its mounts, each with ` && ` behind it
    pub mounts: &'static str,
}

pub struct Sshd {
    pub dir: tempfile::TempDir,
    pub port: u16,
    child: Child,
}

fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().unwrap_or_else(|e| panic!("failed to run {program}: {e}"));
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
}

pub fn keygen(path: &Path) {
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", path.to_str().unwrap()]);
}

pub fn public(path: &Path) -> String {
    std::fs::read_to_string(path.with_extension("pub")).unwrap().trim().to_string()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Sshd {
    pub fn start() -> Sshd {
        Sshd::looking(Looks::default())
    }

    pub fn looking(looks: Looks) -> Sshd {
        assert!(Path::new(SSHD).exists(), "{SSHD} is missing: apt-get install openssh-server");
        let id = Command::new("id").arg("-u").output().unwrap().stdout;
        assert_eq!(id, b"0\n", "these tests log in to this machine as root: run them as root");
        let dir = tempfile::Builder::new().prefix("sshd").tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let text = |name: &str| at(name).to_str().unwrap().to_string();
        let write = |name: &str, text: &str| std::fs::write(at(name), text).unwrap();
        keygen(&at("host"));
        keygen(&at("user"));
        write("authorized", &public(&at("user")));
        std::fs::create_dir_all("/run/sshd").unwrap();
        for home in ["root", "mover"] {
            std::fs::create_dir(at(home)).unwrap();
            write(&format!("{home}/.bashrc"), looks.bashrc);
        }
        let own = |line: &&str| !line.starts_with("root:") && !line.starts_with("mover:");
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
        let passwd: Vec<&str> = passwd.lines().filter(own).collect();
        write(
            "passwd",
            &format!(
                "root:x:0:0:root:{}:{}\nmover:x:4242:4242::{}:/bin/sh\n{}\n",
                text("root"),
                looks.shell.unwrap_or("/bin/sh"),
                text("mover"),
                passwd.join("\n")
            ),
        );
        write("shadow", "root:*:19000:0:99999:7:::\nmover:*:19000:0:99999:7:::\nsshd:!:19000::::::\n");
        write("sudoers", &format!("root ALL=(ALL:ALL) ALL\n{}\n", looks.sudoers));
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o440);
        std::fs::set_permissions(at("sudoers"), private).unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(dir.path(), open).unwrap();
        let mut tries = 0;
        loop {
            let port = free_port();
            write(
                "config",
                &format!(
                    "{}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\n\
                     UsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nPidFile none\n\
                     LogLevel VERBOSE\nMaxStartups 100\nUseDNS no\n",
                    looks.sshd,
                    text("host"),
                    text("authorized")
                ),
            );
            let log = std::fs::File::create(at("log")).unwrap();
            let mut binds = vec![("passwd", "/etc/passwd"), ("shadow", "/etc/shadow")];
            if Path::new("/etc/sudoers").exists() {
                binds.push(("sudoers", "/etc/sudoers"));
            }
            let mut binds: String =
                binds.iter().map(|(from, to)| format!("mount --bind {} {to} && ", text(from))).collect();
            binds.push_str(looks.mounts);
            let mut child = Command::new("unshare")
                .args(["-m", "sh", "-c", &format!("{binds} exec {SSHD} -D -e -f {}", text("config"))])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .unwrap();
            let log = || std::fs::read_to_string(at("log")).unwrap();
            let began = Instant::now();
            loop {
                if child.try_wait().unwrap().is_some() {
                    tries += 1;
                    assert!(tries < 5, "sshd did not start: {}", log());
                    break;
                }
                if log().contains("Server listening") {
                    return Sshd { dir, port, child };
                }
                assert!(began.elapsed() < Duration::from_secs(60), "sshd did not listen: {}", log());
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn path(&self, name: &str) -> String {
        self.file(name).to_str().unwrap().to_string()
    }

    pub fn remote(&self) -> Remote {
        Remote {
            address: "127.0.0.1".into(),
            port: Some(self.port),
            user: "root".into(),
            identity: Some(self.file("user")),
            own_identity: None,
            sudo: false,
            host_key_alias: "test-old".into(),
            host_keys: vec![public(&self.file("host"))],
        }
    }

    pub fn config(&self) -> SshConfig {
        SshConfig {
            migration: format!("test-{}", self.dir.path().file_name().unwrap().to_str().unwrap().to_lowercase()),
            known_hosts: self.file("known_hosts"),
            remotes: BTreeMap::from([(Side::Old, self.remote())]),
            patience: Patience { alive: Duration::from_secs(1), ..Patience::default() },
            ..SshConfig::default()
        }
    }

    /// As [`Sshd::config`], through `proxy`.
    pub fn config_by(&self, proxy: &Proxy) -> SshConfig {
        let mut config = self.config();
        config.remotes.get_mut(&Side::Old).unwrap().port = Some(proxy.port);
        config
    }

    pub fn hosts(&self) -> SshHosts {
        SshHosts::new(self.config()).unwrap()
    }

    pub fn state(&self) -> PathBuf {
        Path::new("/run/replant").join(self.config().migration)
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.state());
        let _ = std::fs::remove_dir("/run/replant");
        // sessions are processes of their own, which end with their clients
        let _ = self.child.kill();
        let _ = self.child.wait();
        // one that was just born still holds the door open
        let began = std::time::Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_ok() && began.elapsed().as_secs() < 10 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

/// Our own ssh processes that run a command: they name a file of this server in their arguments.
pub fn clients(sshd: &Sshd) -> Vec<i32> {
    ours(sshd, false)
}

/// The master that those share.
pub fn master(sshd: &Sshd) -> i32 {
    ours(sshd, true).pop().expect("a master")
}

fn ours(sshd: &Sshd, master: bool) -> Vec<i32> {
    let known_hosts = sshd.path("known_hosts");
    let ours =
        |args: &str| args.starts_with("ssh ") && args.contains(&known_hosts) && args.contains(" -M ") == master;
    processes().into_iter().filter(|(_, args)| ours(args)).map(|(pid, _)| pid).collect()
}

fn processes() -> Vec<(i32, String)> {
    let all = std::fs::read_dir("/proc").unwrap();
    all.filter_map(|entry| {
        let entry = entry.ok()?;
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let args = std::fs::read(entry.path().join("cmdline")).ok()?;
        Some((pid, String::from_utf8_lossy(&args).replace('\0', " ")))
    })
    .collect()
}

/// Whether an act waits for another of the same name to end.
pub fn waits_for_lock(sshd: &Sshd) -> bool {
    let holds =
        |pid: i32| std::fs::read_link(format!("/proc/{pid}/fd/9")).is_ok_and(|path| path.starts_with(sshd.state()));
    processes().into_iter().any(|(pid, args)| args.trim_end() == "flock 9" && holds(pid))
}

pub fn alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

pub fn group(pid: i32) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(2).unwrap().parse().unwrap()
}

pub fn sigkill(pid: i32) {
    run("kill", &["-9", &pid.to_string()]);
}

/// A link that can be cut and mended, and that can go silent.
pub struct Proxy {
    pub port: u16,
    links: Arc<Mutex<Vec<TcpStream>>>,
    down: Arc<AtomicBool>,
    silent: Arc<AtomicBool>,
    /// so many more bytes may go to the server before the link is cut; negative: no limit
    budget: Arc<AtomicI64>,
}

impl Proxy {
    pub fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy {
            port: listener.local_addr().unwrap().port(),
            links: Arc::default(),
            down: Arc::default(),
            silent: Arc::default(),
            budget: Arc::new(AtomicI64::new(-1)),
        };
        let (links, down, silent, budget) =
            (proxy.links.clone(), proxy.down.clone(), proxy.silent.clone(), proxy.budget.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                if down.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                links.lock().unwrap().extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                for (from, to, counted) in [
                    (client.try_clone().unwrap(), server.try_clone().unwrap(), true),
                    (server.try_clone().unwrap(), client.try_clone().unwrap(), false),
                ] {
                    let (silent, budget) = (silent.clone(), budget.clone());
                    std::thread::spawn(move || carry(from, to, &silent, counted.then_some(&*budget)));
                }
            }
        });
        proxy
    }

    pub fn cut(&self) {
        self.down.store(true, Ordering::SeqCst);
        for link in self.links.lock().unwrap().drain(..) {
            let _ = link.shutdown(Shutdown::Both);
        }
    }

    pub fn mend(&self) {
        self.budget.store(-1, Ordering::SeqCst);
        self.silent.store(false, Ordering::SeqCst);
        self.down.store(false, Ordering::SeqCst);
    }

    pub fn silence(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }

    pub fn cut_after(&self, bytes: i64) {
        self.budget.store(bytes, Ordering::SeqCst);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, silent: &AtomicBool, budget: Option<&AtomicI64>) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if silent.load(Ordering::SeqCst) {
            continue;
        }
        if let Some(budget) = budget
            && budget.load(Ordering::SeqCst) >= 0
            && budget.fetch_sub(length as i64, Ordering::SeqCst) < length as i64
        {
            budget.store(0, Ordering::SeqCst);
            break;
        }
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// What a shell script prints, as a question.
pub fn sh(script: &str) -> Query {
    Query::run(["sh", "-c", script])
}

pub fn ask(hosts: &SshHosts, script: &str) -> String {
    hosts.ask(Side::Old, sh(script)).unwrap().stdout
}

/// Work that says that it began (a line in `began`), prints, waits for `gate`, prints, and exits with `code`.
pub fn gated(sshd: &Sshd, code: i32) -> Vec<String> {
    let dir = sshd.path("");
    let script = format!(
        "cd {dir}; echo $$ >>began; echo first; echo also >&2; n=0; \
         while ! [ -e gate ] && [ $n -lt 600 ]; do sleep 0.05; n=$((n+1)); done; \
         seq 1000; echo last; echo x >>ended; exit {code}"
    );
    ["sh", "-c", &script].map(String::from).to_vec()
}

pub fn lines(sshd: &Sshd, name: &str) -> usize {
    std::fs::read_to_string(sshd.file(name)).map(|text| text.lines().count()).unwrap_or(0)
}

pub fn open_gate(sshd: &Sshd) {
    std::fs::write(sshd.file("gate"), "").unwrap();
}

/// What [`gated`] work prints.
pub fn all_of_it() -> String {
    let numbers: String = (1..=1000).map(|n| format!("{n}\n")).collect();
    format!("first\nalso\n{numbers}last\n")
}

/// Waits until it is so; panics if it does not come to be.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
