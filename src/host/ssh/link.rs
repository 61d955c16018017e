//! One system's connection: a master that all commands share, and the ssh processes that run them.

use std::io::{PipeReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::script::{Answer, Before, CUT_SHORT, Script};
use super::{Patience, Remote, errors};
use crate::host::hardware::{self, Machines, Whose};
use crate::host::local::{apart, stopped};
use crate::host::{HostError, Query, Side};

/// sshd allows 10 sessions over one connection by default (`MaxSessions`); commands that were left behind by a client
/// that is gone count too.
const SESSIONS: usize = 6;

/// After us, the master goes by itself.
const PERSIST: Duration = Duration::from_secs(120);

pub(super) struct Connection {
    pub side: Side,
    pub remote: Remote,
    known_hosts: PathBuf,
    machines: Option<Machines>,
    socket: PathBuf,
    patience: Patience,
    stop: Option<Arc<AtomicBool>>,
    state: Mutex<State>,
    slots: Mutex<usize>,
    freed: Condvar,
    door: OnceLock<Option<(String, u16)>>,
    /// keys that ssh(1) tries by itself
    tried: OnceLock<Vec<String>>,
}

#[derive(Default)]
struct State {
    /// a master was started, and perhaps still lives
    started: bool,
    /// this connection was seen to run commands as root
    root: bool,
    /// the system that was seen to be on the right machine, by its boot id
    boot: Option<String>,
}

/// An exchange that brought no answer.
pub(super) struct Lost {
    pub error: HostError,
    /// The script had begun to run, as far as we heard, and so many of its commands had ended.
    pub progress: Option<usize>,
    /// It went over a connection made before: a new one may do better.
    pub old_connection: bool,
}

impl Lost {
    fn before(error: HostError) -> Lost {
        Lost { error, progress: None, old_connection: false }
    }
}

/// What the threads that read ssh's output and the one that waits tell each other.
enum Heard {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    Closed,
}

struct Slot<'a>(&'a Connection);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *lock(&self.0.slots) -= 1;
        self.0.freed.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// By all of its configuration: ssh(1), -G
fn tried_by_itself(remote: &Remote) -> Vec<String> {
    let ssh =
        apart(duct::cmd("ssh", ["-G", "-l", &remote.user, "--", &remote.address])).env("LC_ALL", "C").unchecked();
    let said = ssh.stdin_null().stderr_null().read().unwrap_or_default();
    said.lines().filter_map(|line| line.strip_prefix("identityfile ")).map(str::to_string).collect()
}

impl Connection {
    pub(super) fn new(
        side: Side,
        remote: Remote,
        known_hosts: PathBuf,
        machines: Option<Machines>,
        sockets: &Path,
        patience: Patience,
        stop: Option<Arc<AtomicBool>>,
    ) -> Connection {
        let socket = sockets.join(match side {
            Side::Old => "o",
            Side::New => "n",
            Side::Migrated => "m",
        });
        Connection {
            side,
            remote,
            known_hosts,
            machines,
            socket,
            patience,
            stop,
            state: Mutex::default(),
            slots: Mutex::new(0),
            freed: Condvar::new(),
            door: OnceLock::new(),
            tried: OnceLock::new(),
        }
    }

    /// The options of every ssh process. `~/.ssh/config` counts, except where it would change what we rely on.
    fn options(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let alive = self.patience.alive.as_secs().max(1);
        all.extend(["-S".into(), self.socket.to_string_lossy().replace('%', "%%"), "-T".into()]);
        let mut option = |name: &str, value: &str| all.extend(["-o".into(), format!("{name}={value}")]);
        option("BatchMode", "yes");
        option("ConnectTimeout", &self.patience.connect.as_secs().max(1).to_string());
        option("ServerAliveInterval", &alive.to_string());
        option("ServerAliveCountMax", "4");
        option("StrictHostKeyChecking", "yes");
        option("UpdateHostKeys", "no");
        option("ClearAllForwardings", "yes");
        option("ForwardAgent", "no");
        option("ForwardX11", "no");
        option("PermitLocalCommand", "no");
        option("RemoteCommand", "none");
        option("EscapeChar", "none");
        option("LogLevel", "ERROR");
        if !self.remote.host_keys.is_empty() {
            let file = self.known_hosts.to_string_lossy().replace('%', "%%");
            option("UserKnownHostsFile", &format!("\"{file}\""));
            option("GlobalKnownHostsFile", "/dev/null");
            option("HostKeyAlias", &self.remote.host_key_alias);
            option("CheckHostIP", "no");
            option("VerifyHostKeyDNS", "no");
        }
        if self.remote.identity.is_some() {
            option("IdentitiesOnly", "yes");
        }
        for identity in self.identities() {
            all.extend(["-i".into(), identity]);
        }
        if let Some(port) = self.remote.port {
            all.extend(["-p".into(), port.to_string()]);
        }
        all.extend(["-l".into(), self.remote.user.clone()]);
        all
    }

    /// Files of private keys. One that is named keeps ssh(1) from those that it would try by itself: they are named then, too.
    fn identities(&self) -> Vec<String> {
        let Remote { identity, own_identity, .. } = &self.remote;
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
        let mut all: Vec<String> = identity.iter().map(path).collect();
        let Some(own) = own_identity.as_ref().filter(|own| own.exists()) else { return all };
        if identity.is_none() {
            all.clone_from(self.tried.get_or_init(|| tried_by_itself(&self.remote)));
        }
        all.push(path(own));
        all
    }

    fn ssh(&self, more: &[&str], command: Option<&str>) -> duct::Expression {
        let mut args = self.options();
        args.extend(more.iter().map(|word| word.to_string()));
        args.extend(["--".into(), self.remote.address.clone()]);
        args.extend(command.map(String::from));
        apart(duct::cmd("ssh", args)).env("LC_ALL", "C").unchecked()
    }

    /// The address and the port that ssh would go to, by all of its configuration; `None` where it goes by another host
    /// or program, so that nothing is to be learnt by connecting from here.
    pub(super) fn door(&self) -> Option<(String, u16)> {
        self.door.get_or_init(|| self.find_door()).clone()
    }

    fn find_door(&self) -> Option<(String, u16)> {
        let (address, port) = (self.remote.address.clone(), self.remote.port.unwrap_or(22));
        let Ok(said) = self.ssh(&["-G"], None).stdin_null().stderr_null().read() else {
            return Some((address, port));
        };
        let value = |name: &str| {
            said.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(' ')?.trim().to_string()))
        };
        let by_another = ["proxyjump", "proxycommand"].iter().any(|name| value(name).is_some_and(|by| by != "none"));
        let port = value("port").and_then(|port| port.parse().ok()).unwrap_or(port);
        (!by_another).then(|| (value("hostname").unwrap_or(address), port))
    }

    fn unreachable(&self, cause: impl Into<String>) -> HostError {
        HostError::Unreachable { side: self.side, cause: cause.into() }
    }

    /// Whether a master listens. One that was killed leaves its socket, which nobody answers.
    fn listens(&self) -> bool {
        UnixStream::connect(&self.socket).is_ok()
    }

    /// Makes sure of a master; true if it had to be started.
    fn connect(&self) -> Result<bool, HostError> {
        let mut state = lock(&self.state);
        if state.started && self.listens() {
            return Ok(false);
        }
        *state = State::default();
        let _ = fs_err::remove_file(&self.socket);
        let local = |error| errors::no_openssh("ssh", error);
        // A file, because the master keeps it open for as long as it lives.
        let mut said = tempfile::tempfile().map_err(local)?;
        let persist = format!("ControlPersist={}", PERSIST.as_secs());
        let master = self
            .ssh(&["-M", "-N", "-f", "-o", &persist], None)
            .stdin_null()
            .stdout_null()
            .stderr_file(said.try_clone().map_err(local)?)
            .start()
            .map_err(local)?;
        // ConnectTimeout bounds each attempt to connect; a jump host, or a slow login, may take as long again.
        let deadline = Instant::now() + self.patience.connect * 4 + Duration::from_secs(20);
        let status = loop {
            match master.wait_timeout(Duration::from_millis(100)).map_err(local)? {
                Some(output) => break output.status,
                None if stopped(&self.stop) => {
                    let _ = master.kill();
                    return Err(HostError::Interrupted);
                }
                None if Instant::now() > deadline => {
                    let _ = master.kill();
                    return Err(self.unreachable("it lets us connect, but never in: ssh was given up"));
                }
                None => {}
            }
        };
        if status.success() {
            state.started = true;
            return Ok(true);
        }
        use std::io::Seek;
        let mut text = String::new();
        let _ = said.rewind().and_then(|()| said.read_to_string(&mut text));
        Err(errors::login(self.side, &self.remote, &text))
    }

    /// Lets the connection go.
    pub(super) fn forget(&self) {
        let mut state = lock(&self.state);
        if !state.started {
            return;
        }
        *state = State::default();
        if self.listens()
            && let Ok(exit) = self.ssh(&["-O", "exit"], None).stdin_null().stdout_null().stderr_null().start()
            && !matches!(exit.wait_timeout(Duration::from_secs(5)), Ok(Some(_)))
        {
            let _ = exit.kill();
        }
        let _ = std::fs::remove_file(&self.socket);
    }

    fn slot(&self) -> Result<Slot<'_>, HostError> {
        let mut taken = lock(&self.slots);
        while *taken >= SESSIONS {
            if stopped(&self.stop) {
                return Err(HostError::Interrupted);
            }
            taken =
                self.freed.wait_timeout(taken, Duration::from_millis(200)).unwrap_or_else(PoisonError::into_inner).0;
        }
        *taken += 1;
        Ok(Slot(self))
    }

    /// One exchange: sends the script that `make` makes (told what it must make sure of first), and waits for its whole
    /// answer, for at most `limit`. Where the machines are known, a new connection is first seen to lead to the right one.
    pub(super) fn exchange(
        &self,
        make: impl Fn(&Before) -> Script,
        limit: Option<Duration>,
    ) -> Result<(Script, Answer), Lost> {
        let _slot = self.slot().map_err(Lost::before)?;
        let fresh = self.connect().map_err(Lost::before)?;
        let known = lock(&self.state).boot.clone();
        let boot = match &self.machines {
            Some(machines) if known.is_none() => Some(self.recognise(machines, fresh)?),
            _ => known,
        };
        self.send(make, boot, fresh, limit)
    }

    /// Which machine it is that answers; the connection is made if need be.
    pub(super) fn whose(&self, machines: &Machines) -> Result<Whose, HostError> {
        let _slot = self.slot()?;
        let ask = || self.connect().map_err(Lost::before).and_then(|fresh| self.hardware(fresh));
        let seen = ask().or_else(|lost| match lost.old_connection {
            // it may lead to a machine that is off, while another one answers at its address
            true => {
                self.forget();
                ask()
            }
            false => Err(lost),
        });
        let whose = machines.whose(&seen.map_err(|lost| lost.error)?.hardware);
        if whose != Whose::Of(self.side.server()) {
            self.forget();
        }
        Ok(whose)
    }

    /// Sees that it is the right machine; its boot id tells it from then on.
    fn recognise(&self, machines: &Machines, fresh: bool) -> Result<String, Lost> {
        let seen = self.hardware(fresh)?;
        if let Err(cause) = machines.expect(self.side.server(), &seen.hardware) {
            self.forget();
            let cause = format!("{}: {cause}", self.remote.address);
            return Err(Lost::before(HostError::Another { side: self.side, cause }));
        }
        lock(&self.state).boot = Some(seen.boot_id.clone());
        Ok(seen.boot_id)
    }

    fn hardware(&self, fresh: bool) -> Result<hardware::Machine, Lost> {
        let Query::Run(argv) = hardware::query() else { unreachable!("it is a command") };
        let make = |before: &Before| Script::look(None, [argv.as_slice()], before);
        let limit = self.patience.connect * 2;
        match self.send(make, None, fresh, Some(limit))?.1 {
            Answer::Outputs(all) => {
                let text = all.first().map(|raw| String::from_utf8_lossy(&raw.stdout).into_owned());
                Ok(hardware::Machine::parse(&text.unwrap_or_default()))
            }
            answer => {
                Err(Lost::before(self.unreachable(format!("it gave an answer that makes no sense: {answer:?}"))))
            }
        }
    }

    fn send(
        &self,
        make: impl Fn(&Before) -> Script,
        boot: Option<String>,
        fresh: bool,
        limit: Option<Duration>,
    ) -> Result<(Script, Answer), Lost> {
        let script = make(&Before { root: !lock(&self.state).root, boot });
        match self.run(&script, limit) {
            Ok(Answer::NotRoot) => Err(Lost::before(errors::not_root(self.side, &self.remote))),
            Ok(Answer::Another) => {
                // the connection was made again behind our back: the next one is checked again
                self.forget();
                let error =
                    self.unreachable("another system answers than before: it was restarted, or is another machine");
                Err(Lost { error, progress: None, old_connection: true })
            }
            Ok(answer) => {
                lock(&self.state).root = true;
                Ok((script, answer))
            }
            Err((error, progress)) => Err(Lost { error, progress, old_connection: !fresh }),
        }
    }

    fn run(&self, script: &Script, limit: Option<Duration>) -> Result<Answer, (HostError, Option<usize>)> {
        let local = |e: std::io::Error| (errors::no_openssh("ssh", e), None);
        let (stdin, to_stdin) = std::io::pipe().map_err(local)?;
        let (from_stdout, stdout) = std::io::pipe().map_err(local)?;
        let (from_stderr, stderr) = std::io::pipe().map_err(local)?;
        let command = script.command(self.remote.sudo && self.remote.user != "root");
        let ssh = self
            .ssh(&["-o", "ControlMaster=no"], Some(&command))
            .stdin_file(stdin)
            .stdout_file(stdout)
            .stderr_file(stderr);
        let handle = ssh.start().map_err(local)?;
        // it holds the other ends of the pipes
        drop(ssh);

        let (send, to_send) = channel::<Vec<u8>>();
        std::thread::spawn(move || write(to_stdin, to_send));
        let _ = send.send(script.bytes().to_vec());
        // The end of the input tells a script that is cut short from one that is on its way; only a confirmation keeps
        // it open.
        let mut send = script.confirm.then_some(send);
        let began = Instant::now();
        let (hear, heard) = channel();
        let other = hear.clone();
        std::thread::spawn(move || read(from_stdout, &hear, Heard::Stdout));
        std::thread::spawn(move || read(from_stderr, &other, Heard::Stderr));

        let (mut out, mut err, mut open) = (Vec::new(), Vec::new(), 2);
        while open > 0 {
            match heard.recv_timeout(Duration::from_millis(200)) {
                Ok(Heard::Stdout(bytes)) => out.extend(bytes),
                Ok(Heard::Stderr(bytes)) => err.extend(bytes),
                Ok(Heard::Closed) => open -= 1,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    // work without a limit must at least begin
                    let limit = limit.or((script.progress(&out).is_none()).then_some(self.patience.act));
                    let late = limit.is_some_and(|limit| began.elapsed() > limit);
                    if late || stopped(&self.stop) {
                        end(&handle);
                        let cause = format!("no answer within {:.0} s", limit.unwrap_or_default().as_secs_f64());
                        let error = if late { self.unreachable(cause) } else { HostError::Interrupted };
                        return Err((error, script.progress(&out)));
                    }
                    continue;
                }
            }
            if script.ended(&out) && script.ended(&err) {
                break;
            }
        }
        if let Some(answer) = script.answer(&out, &err) {
            if let Some(send) = send.take() {
                let _ = send.send(format!("{}\n", script.nonce).into_bytes());
            }
            // A moment for the other end to hear us; that something there keeps the session open is not our concern.
            if !matches!(handle.wait_timeout(Duration::from_secs(3)), Ok(Some(_))) {
                end(&handle);
            }
            return Ok(answer);
        }
        drop(send);
        let status = match handle.wait_timeout(Duration::from_secs(5)) {
            Ok(Some(output)) => output.status.code(),
            _ => {
                end(&handle);
                None
            }
        };
        let progress = script.progress(&out);
        let said = String::from_utf8_lossy(&err).replace(&script.nonce, "");
        let error = match status {
            Some(code) if code != 255 && code != CUT_SHORT && progress.is_none() => {
                // A login that only talks (a forced command, a shell that says why not) does so on either stream.
                let talk = String::from_utf8_lossy(&out).replace(&script.nonce, "");
                errors::no_shell(self.side, &self.remote, code, &format!("{talk}\n{said}"))
            }
            Some(255) if progress.is_none() => errors::login(self.side, &self.remote, &said),
            Some(CUT_SHORT) if progress.is_none() => {
                let cause = errors::cause(&said, "a script arrived in part");
                self.unreachable(format!("{cause} (the link broke, or a login file there reads standard input)"))
            }
            _ => self.unreachable(errors::cause(&said, "the connection broke")),
        };
        Err((error, progress))
    }
}

fn end(handle: &duct::Handle) {
    let _ = handle.kill();
    let _ = handle.wait();
}

fn write(mut pipe: impl Write, from: Receiver<Vec<u8>>) {
    while let Ok(bytes) = from.recv() {
        if pipe.write_all(&bytes).is_err() {
            return;
        }
    }
}

fn read(mut pipe: PipeReader, to: &Sender<Heard>, wrap: impl Fn(Vec<u8>) -> Heard) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                if to.send(wrap(buffer[..length].to_vec())).is_err() {
                    return;
                }
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    let _ = to.send(Heard::Closed);
}
