//! The servers over SSH: the system's own `ssh`, one connection for each system, one exchange for many questions.
//!
//! What is measured decides the shape: a new connection costs 0.3–2 s, an exchange over one that stands 15–100 ms, a
//! process on a slow server up to 60 ms. Questions go in batches without helper processes; acts are worth a few more.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use crate::host::hardware::Machines;
use crate::host::local::{Confirm, Controls, pause};
use crate::host::power::{Memory, PowerSwitch};
use crate::host::{Act, HostError, Hosts, Look, Output, Query, Said, Side, Text, Trail};
use crate::secret::{SecretError, Secrets};

mod config;
mod doors;
mod errors;
mod keys;
mod link;
mod meet;
mod names;
mod probe;
mod script;
mod trace;

use link::{Connection, Lost};
use script::{Answer, Before, Mode, Script};

pub use config::{Patience, Remote, SshConfig, Trace, Traced};
pub use keys::KeyPair;
pub(crate) use names::{Configured, configured};
pub use probe::{Probe, Probed};
pub(crate) use script::{brief, quote};

/// The servers over SSH.
pub struct SshHosts {
    migration: String,
    links: BTreeMap<Side, Connection>,
    machines: Option<Machines>,
    controls: Controls,
    confirm: Option<Confirm>,
    memory: Memory,
    secrets: Secrets,
    patience: Patience,
    trace: Option<Trace>,
    stop: Option<Arc<AtomicBool>>,
    /// the journal whose acts these are
    trail: Mutex<Option<Trail>>,
    // after the links, whose sockets are in it
    _sockets: tempfile::TempDir,
}

impl From<SecretError> for HostError {
    fn from(error: SecretError) -> HostError {
        HostError::Secret { name: error.name, cause: error.cause }
    }
}

impl SshHosts {
    /// Writes the file of host keys. Connects to nothing yet.
    ///
    /// # Errors
    /// A name that is no name of a migration, a host key that is none, or a file on this machine that cannot be written.
    pub fn new(config: SshConfig) -> Result<SshHosts, HostError> {
        let SshConfig {
            migration,
            known_hosts,
            remotes,
            machines,
            power,
            consoles,
            secrets,
            confirm,
            patience,
            trace,
            stop,
        } = config;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        if migration.is_empty() || migration.starts_with('.') || !migration.chars().all(plain) {
            return Err(HostError::Local(format!("`{migration}` is no name of a migration: [a-z0-9._-]")));
        }
        write_known_hosts(&known_hosts, &remotes)?;
        let sockets = socket_dir().map_err(|e| HostError::Local(format!("failed to make a directory: {e}")))?;
        let links: BTreeMap<Side, Connection> = remotes
            .into_iter()
            .map(|(side, remote)| {
                let (known_hosts, machines) = (known_hosts.clone(), machines.clone());
                let link = Connection::new(
                    side,
                    remote,
                    known_hosts,
                    machines,
                    sockets.path(),
                    patience.clone(),
                    stop.clone(),
                );
                (side, link)
            })
            .collect();
        let controls = Controls { all: power, consoles, secrets: secrets.clone(), stop: stop.clone() };
        let memory = Memory::default();
        Ok(SshHosts {
            migration,
            links,
            machines,
            controls,
            confirm,
            memory,
            secrets,
            patience,
            trace,
            stop,
            trail: Mutex::default(),
            _sockets: sockets,
        })
    }

    /// Lets a connection go, as after a reboot; the next question makes a new one.
    pub fn forget(&self, side: Side) {
        if let Some(link) = self.links.get(&side) {
            link.forget();
        }
    }

    fn link(&self, side: Side) -> Result<&Connection, HostError> {
        self.links
            .get(&side)
            .ok_or_else(|| HostError::Local(format!("there is nothing to log in to {side} ({side:?}) with")))
    }

    fn ask_all(&self, side: Side, commands: &[&[String]]) -> Result<Vec<Output>, HostError> {
        let link = self.link(side)?;
        for argv in commands {
            sound(argv)?;
        }
        let until = Instant::now() + self.patience.look;
        let mut again = true;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let make = |before: &Before| Script::look(Some(&self.migration), commands.iter().copied(), before);
            let lost = match link.exchange(make, Some(left)) {
                Ok((_, Answer::Outputs(all))) if all.len() == commands.len() => {
                    let text = |bytes: &[u8]| self.secrets.mask(&String::from_utf8_lossy(bytes));
                    return Ok(all
                        .iter()
                        .map(|raw| Output { code: raw.code, stdout: text(&raw.stdout), stderr: text(&raw.stderr) })
                        .collect());
                }
                Ok((_, answer)) => {
                    return Err(HostError::Local(format!("{side} gave an answer that makes no sense: {answer:?}")));
                }
                Err(lost) => lost,
            };
            // A question can be asked again. That an old connection does not answer says little: a new one may, if there
            // is time left for it.
            let time = until.saturating_duration_since(Instant::now()) > self.patience.connect;
            if matches!(lost.error, HostError::Unreachable { .. }) && lost.old_connection && again && time {
                again = false;
                link.forget();
                continue;
            }
            return Err(match lost {
                Lost { error: HostError::Unreachable { side, cause }, progress: Some(done), .. } => {
                    let at = commands.get(done).map(|argv| format!(", at `{}`", brief(argv))).unwrap_or_default();
                    HostError::Unreachable { side, cause: format!("{cause}{at}") }
                }
                lost => lost.error,
            });
        }
    }

    fn power(&self) -> PowerSwitch<'_> {
        PowerSwitch { means: self, memory: &self.memory }
    }

    fn fill(&self, act: &Act) -> Result<Option<secrecy::SecretString>, HostError> {
        let text: &Text = match act {
            Act::Run { stdin: Some(text), .. } | Act::Put { text, .. } => text,
            _ => return Ok(None),
        };
        Ok(Some(self.secrets.fill(&text.0)?))
    }

    /// Follows long work through lost links, until it ends or the link stays lost.
    fn through(
        &self,
        link: &Connection,
        make: impl Fn(Mode, &Before) -> Script,
    ) -> Result<(Script, Answer), HostError> {
        let mut mode = Mode::Long;
        let mut lost_at = None;
        loop {
            let lost = match link.exchange(|before| make(mode, before), None) {
                Ok(answered) => return Ok(answered),
                Err(lost) => lost,
            };
            if !matches!(lost.error, HostError::Unreachable { .. }) {
                return Err(lost.error);
            }
            if lost.progress.is_some() {
                // it was heard to run: from here on it is only to be found again
                mode = Mode::Attach;
                lost_at = None;
            } else if mode == Mode::Long {
                return Err(lost.error);
            }
            let since = *lost_at.get_or_insert_with(Instant::now);
            if since.elapsed() > self.patience.reconnect {
                return Err(lost.error);
            }
            link.forget();
            pause(Duration::from_secs(1), &self.stop)?;
        }
    }
}

impl Look for SshHosts {
    fn look(&self, on: Side, queries: &[Query]) -> Result<Vec<Output>, HostError> {
        let commands: Vec<&[String]> = queries
            .iter()
            .filter_map(|query| match query {
                Query::Run(argv) => Some(argv.as_slice()),
                Query::Power(_) | Query::Control(_) | Query::Console(_) => None,
            })
            .collect();
        let began = Instant::now();
        let asked = if commands.is_empty() { Ok(Vec::new()) } else { self.ask_all(on, &commands) };
        self.trace_looks(on, &commands, &asked, began.elapsed());
        let answered = asked?;
        let mut answered = answered.into_iter();
        queries
            .iter()
            .map(|query| match query {
                Query::Run(_) => Ok(answered.next().expect("one output for each command")),
                Query::Power(server) => self.power().ask(*server),
                Query::Control(server) => self.power().control(*server),
                Query::Console(server) => self.controls.console(*server),
            })
            .collect()
    }
}

impl Hosts for SshHosts {
    fn act(&self, on: Side, job: &str, act: &Act) -> Result<(), HostError> {
        let began = Instant::now();
        let acted = self.act_and_hear(on, job, act);
        self.trace_act(on, job, act, &acted, began.elapsed());
        acted.map(drop)
    }

    fn follow(&self, trail: &Trail) {
        *self.trail.lock().unwrap_or_else(PoisonError::into_inner) = Some(trail.clone());
    }

    fn compare(&self, on: Side) -> Result<(), HostError> {
        self.judge(on)
    }

    fn introduce(&self, on: Side) -> Result<(), HostError> {
        self.tell(on)
    }

    fn part(&self, on: Side, forget: bool) -> Result<(), HostError> {
        self.leave(on, forget)
    }

    fn await_end(&self, on: Side, step: &str, direction: &str) -> Result<(), HostError> {
        self.wait(on, step, direction)
    }

    fn heard(&self) -> Vec<Said> {
        self.memory.heard()
    }

    fn recall(&self, said: &[Said]) {
        self.memory.recall(said);
    }
}

impl SshHosts {
    /// Does it; what it printed.
    fn act_and_hear(&self, on: Side, job: &str, act: &Act) -> Result<String, HostError> {
        let (command, long) = match act {
            Act::Power { server, to, alone } => {
                return self.power().switch(*server, *to, *alone).map(|()| String::new());
            }
            Act::Run { argv, long, .. } => {
                sound(argv)?;
                (brief(argv), *long)
            }
            Act::Put { path, .. } => {
                sound(std::slice::from_ref(path))?;
                (format!("write {}", quote(std::slice::from_ref(path))), false)
            }
            Act::Remove { path } => {
                sound(std::slice::from_ref(path))?;
                (quote(&["rm".into(), "-f".into(), "--".into(), path.clone()]), false)
            }
        };
        let link = self.link(on)?;
        let filled = self.fill(act)?;
        let text = filled.as_ref().map(|text| text.expose_secret());
        let trail = self.trail();
        let make =
            |mode, before: &Before| Script::act((&self.migration, trail.as_ref()), job, act, text, mode, before);
        let attempt = || {
            let answered = if long {
                self.through(link, make)
            } else {
                let limit = Some(self.patience.act);
                link.exchange(|before| make(Mode::Short, before), limit).map_err(|lost| lost.error)
            };
            answered.map(|(_, answer)| answer).map_err(|error| self.scrubbed(error))
        };
        let mut answer = attempt()?;
        // It has forgotten us with a boot, or another run has been there since.
        if matches!(&answer, Answer::Fault(fault) if fault == "stranger") {
            self.judge(on)?;
            self.tell(on)?;
            answer = attempt()?;
        }
        match answer {
            Answer::Outputs(all) => match all.as_slice() {
                [raw] if raw.code == 0 => Ok(self.secrets.scrub(&String::from_utf8_lossy(&raw.stdout))),
                [raw] => Err(HostError::Failed {
                    side: on,
                    command: self.secrets.scrub(&command),
                    code: raw.code,
                    output: self.secrets.scrub(&String::from_utf8_lossy(&raw.stdout)),
                }),
                _ => Err(HostError::Local(format!("{on} gave an answer that makes no sense to `{command}`"))),
            },
            Answer::Fault(fault) if fault == "gone" => {
                let cause =
                    format!("the link was lost, and `{command}` is not to be found any more: was it restarted?");
                Err(HostError::Unreachable { side: on, cause })
            }
            Answer::Fault(fault) if fault == "fired" => Err(HostError::came_back(on)),
            Answer::Fault(fault) => Err(HostError::Refused {
                side: on,
                cause: fault,
                help: "mend that there, then go on with the same command".into(),
            }),
            Answer::NotRoot | Answer::Another => unreachable!("the link makes an error of it"),
        }
    }

    /// What ssh said may hold what a script printed.
    fn scrubbed(&self, error: HostError) -> HostError {
        match error {
            HostError::Unreachable { side, cause } => {
                HostError::Unreachable { side, cause: self.secrets.scrub(&cause) }
            }
            HostError::Refused { side, cause, help } => {
                HostError::Refused { side, cause: self.secrets.scrub(&cause), help }
            }
            other => other,
        }
    }
}

impl Drop for SshHosts {
    fn drop(&mut self) {
        self.links.values().for_each(Connection::forget);
    }
}

fn sound(argv: &[String]) -> Result<(), HostError> {
    match argv.iter().any(|word| word.contains('\0')) {
        _ if argv.is_empty() => Err(HostError::Local("an empty command".into())),
        true => Err(HostError::Local(format!("a NUL byte in `{}`", quote(argv)))),
        false => Ok(()),
    }
}

/// A short path, because a socket's may have no more than 107 bytes, of which ssh wants 17 for itself.
fn socket_dir() -> std::io::Result<tempfile::TempDir> {
    let parent = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let parent = parent.filter(|dir| dir.is_dir() && dir.as_os_str().len() < 60).unwrap_or_else(|| "/tmp".into());
    let private = std::fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().prefix("replant-").permissions(private).tempdir_in(parent)
}

fn write_known_hosts(path: &Path, remotes: &BTreeMap<Side, Remote>) -> Result<(), HostError> {
    let local =
        |e: std::io::Error| HostError::Local(format!("failed to write the host keys to `{}`: {e}", path.display()));
    let mut text = String::new();
    for remote in remotes.values() {
        for key in &remote.host_keys {
            let words: Vec<&str> = key.split_whitespace().collect();
            let [kind, value, ..] = words.as_slice() else {
                let cause = format!("`{key}` is no host key: it looks like `ssh-ed25519 AAAA…`");
                return Err(HostError::Local(cause));
            };
            if remote.host_key_alias.is_empty() || remote.host_key_alias.contains(char::is_whitespace) {
                return Err(HostError::Local(format!("`{}` has host keys and no alias for them", remote.address)));
            }
            text.push_str(&format!("{} {kind} {value}\n", remote.host_key_alias));
        }
    }
    if text.is_empty() || std::fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs_err::create_dir_all(dir).map_err(local)?;
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(local)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(local)?;
    file.persist(path).map_err(|e| local(e.error))?;
    Ok(())
}
