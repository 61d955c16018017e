//! Power control, from this machine: a person, commands of the plan, or IPMI. A machine is off only when its power
//! control says so.

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::process::CommandExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use crate::host::ssh::quote;
use crate::host::{HostError, Output, PowerTo, Server};
use crate::secret::Secrets;

/// How a server is switched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PowerControl {
    /// by a person, who is asked
    Manual,
    /// by commands run here. `status` prints a line with the word `on` (or `running`) or `off`.
    Command {
        status: Vec<String>,
        on: Vec<String>,
        off: Vec<String>,
        /// makes the server's own disks what it boots from
        boot_disk: Option<Vec<String>>,
        /// how long switching may take until `status` agrees
        timeout: Duration,
    },
    /// by `ipmitool`; `password` is the name of a secret
    Ipmi { host: String, user: String, password: String },
}

/// Asks a person for something to be done by hand; true when they say that it was.
pub type Confirm = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// Where a server's ssh answers, and whether no other server can be answering there.
pub(super) struct Door {
    pub address: String,
    pub port: u16,
    pub only_its: bool,
}

pub(super) struct Power {
    pub controls: BTreeMap<Server, PowerControl>,
    pub doors: BTreeMap<Server, Vec<Door>>,
    pub confirm: Option<Confirm>,
    pub secrets: Secrets,
    pub stop: Option<Arc<AtomicBool>>,
    /// what a person last said of a server that they switch by hand
    pub said_off: Mutex<BTreeMap<Server, bool>>,
}

/// One command of the power control should never take longer.
const ONE_COMMAND: Duration = Duration::from_secs(60);
const IPMI_TIMEOUT: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    On,
    Off,
    Unknown,
}

/// The commands of a power control that has some.
struct Commands {
    status: Vec<String>,
    on: Vec<String>,
    off: Vec<String>,
    boot_disk: Option<Vec<String>>,
    timeout: Duration,
    /// goes into the environment as `IPMI_PASSWORD`, which ipmitool(1) reads with `-E`
    password: Option<String>,
}

impl PowerControl {
    /// The commands that switch, in their order; none where a person does it. A password is in none of them.
    pub fn switching(&self, to: PowerTo) -> Vec<Vec<String>> {
        let Some(commands) = self.commands() else { return Vec::new() };
        match to {
            PowerTo::Off => vec![commands.off],
            PowerTo::On => vec![commands.on],
            PowerTo::OwnDisks => {
                [Some(commands.off), commands.boot_disk, Some(commands.on)].into_iter().flatten().collect()
            }
        }
    }

    fn commands(&self) -> Option<Commands> {
        match self {
            PowerControl::Manual => None,
            PowerControl::Command { status, on, off, boot_disk, timeout } => Some(Commands {
                status: status.clone(),
                on: on.clone(),
                off: off.clone(),
                boot_disk: boot_disk.clone(),
                timeout: *timeout,
                password: None,
            }),
            PowerControl::Ipmi { host, user, .. } => {
                let tool = |words: &[&str]| {
                    let fixed = ["ipmitool", "-I", "lanplus", "-H", host, "-U", user, "-E", "chassis"];
                    fixed.iter().chain(words).map(|word| word.to_string()).collect::<Vec<String>>()
                };
                Some(Commands {
                    status: tool(&["power", "status"]),
                    on: tool(&["power", "on"]),
                    off: tool(&["power", "off"]),
                    boot_disk: Some(tool(&["bootdev", "disk", "options=persistent"])),
                    timeout: IPMI_TIMEOUT,
                    password: None,
                })
            }
        }
    }
}

impl Power {
    /// `on`, `off` or `unknown` on standard output.
    pub fn ask(&self, server: Server) -> Result<Output, HostError> {
        let (state, code, stderr) = match self.commands(server)? {
            Some(commands) => self.status(server, &commands)?,
            None => (self.by_hand(server), 0, String::new()),
        };
        let stdout = match state {
            State::On => "on\n",
            State::Off => "off\n",
            State::Unknown => "unknown\n",
        };
        Ok(Output { code, stdout: stdout.into(), stderr })
    }

    pub fn switch(&self, server: Server, to: PowerTo) -> Result<(), HostError> {
        let Some(commands) = self.commands(server)? else { return self.switch_by_hand(server, to) };
        let state = self.status(server, &commands)?.0;
        match to {
            PowerTo::Off if state == State::Off => Ok(()),
            PowerTo::Off => self.until(server, &commands, &commands.off, State::Off),
            PowerTo::On if state == State::On => Ok(()),
            PowerTo::On => self.until(server, &commands, &commands.on, State::On),
            PowerTo::OwnDisks => {
                if state != State::Off {
                    self.until(server, &commands, &commands.off, State::Off)?;
                }
                if let Some(boot_disk) = &commands.boot_disk {
                    self.must(server, &commands, boot_disk)?;
                }
                self.until(server, &commands, &commands.on, State::On)
            }
        }
    }

    fn commands(&self, server: Server) -> Result<Option<Commands>, HostError> {
        let control = self.controls.get(&server).unwrap_or(&PowerControl::Manual);
        let password = match control {
            PowerControl::Ipmi { password, .. } => Some(self.secrets.get(password)?.expose_secret().to_string()),
            PowerControl::Manual | PowerControl::Command { .. } => None,
        };
        Ok(control.commands().map(|commands| Commands { password, ..commands }))
    }

    fn status(&self, server: Server, commands: &Commands) -> Result<(State, i32, String), HostError> {
        let output = self.run(server, commands, &commands.status)?;
        let said = String::from_utf8_lossy(&output.stdout).to_lowercase();
        let said = |words: &[&str]| said.split(|c: char| !c.is_alphanumeric()).any(|word| words.contains(&word));
        let state = match (output.status.success(), said(&["on", "running"]), said(&["off"])) {
            (true, true, false) => State::On,
            (true, false, true) => State::Off,
            _ => State::Unknown,
        };
        let stderr = self.secrets.scrub(&String::from_utf8_lossy(&output.stderr));
        Ok((state, output.status.code().unwrap_or(-1), stderr))
    }

    /// Runs a switching command, then asks until the status agrees.
    fn until(&self, server: Server, commands: &Commands, argv: &[String], wanted: State) -> Result<(), HostError> {
        let began = Instant::now();
        self.must(server, commands, argv)?;
        loop {
            let (state, _, stderr) = self.status(server, commands)?;
            if state == wanted {
                return Ok(());
            }
            if began.elapsed() >= commands.timeout {
                let cause = format!(
                    "`{}` succeeded, but `{}` does not say `{}` after {} s{}{}",
                    quote(argv),
                    quote(&commands.status),
                    if wanted == State::On { "on" } else { "off" },
                    commands.timeout.as_secs(),
                    if stderr.trim().is_empty() { "" } else { ": " },
                    stderr.trim()
                );
                return Err(HostError::Power { server, cause });
            }
            pause(POLL, &self.stop)?;
        }
    }

    fn must(&self, server: Server, commands: &Commands, argv: &[String]) -> Result<(), HostError> {
        let output = self.run(server, commands, argv)?;
        if output.status.success() {
            return Ok(());
        }
        let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).trim().to_string());
        let cause = format!("`{}` failed ({}): {}", quote(argv), output.status, said.join("\n").trim());
        Err(HostError::Power { server, cause: self.secrets.scrub(&cause) })
    }

    fn run(&self, server: Server, commands: &Commands, argv: &[String]) -> Result<std::process::Output, HostError> {
        let fail = |cause: String| HostError::Power { server, cause };
        let (program, args) = argv.split_first().ok_or_else(|| fail("an empty command".into()))?;
        // Files, not pipes: an `on` that leaves a machine running behind it would hold a pipe open for ever.
        let file = || tempfile::tempfile().map_err(|e| fail(format!("failed to make a temporary file: {e}")));
        let both = [file()?, file()?];
        let [stdout, stderr] = both.each_ref().map(|file| file.try_clone());
        let same = |e: std::io::Error| fail(e.to_string());
        let mut expression = duct::cmd(program, args).stdin_null().unchecked();
        expression = expression.stdout_file(stdout.map_err(same)?).stderr_file(stderr.map_err(same)?);
        if let Some(password) = &commands.password {
            expression = expression.env("IPMI_PASSWORD", password);
        }
        let handle = apart(expression).start().map_err(|e| fail(format!("failed to run `{program}`: {e}")))?;
        let deadline = Instant::now() + ONE_COMMAND;
        loop {
            let tick = Instant::now() + Duration::from_millis(100);
            match handle.wait_deadline(tick) {
                Ok(Some(output)) => {
                    let [stdout, stderr] = both.map(|mut file| {
                        let mut bytes = Vec::new();
                        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).map(|_| bytes)
                    });
                    let status = output.status;
                    return Ok(std::process::Output {
                        status,
                        stdout: stdout.map_err(same)?,
                        stderr: stderr.map_err(same)?,
                    });
                }
                Ok(None) if stopped(&self.stop) => {
                    let _ = handle.kill();
                    return Err(HostError::Interrupted);
                }
                Ok(None) if Instant::now() < deadline => {}
                Ok(None) => {
                    let _ = handle.kill();
                    return Err(fail(format!("`{}` has not ended after {} s", quote(argv), ONE_COMMAND.as_secs())));
                }
                Err(e) => return Err(fail(format!("failed to wait for `{program}`: {e}"))),
            }
        }
    }

    /// What can be known of a machine without power control: it is on when it answers. Where the other server may be
    /// answering at the same address (after the cutover), the word of the person who switched it off counts for more.
    fn by_hand(&self, server: Server) -> State {
        let said_off = self.said_off.lock().unwrap_or_else(PoisonError::into_inner).get(&server).copied();
        let doors = self.doors.get(&server).map(Vec::as_slice).unwrap_or_default();
        let answers = |door: &&Door| answers(&door.address, door.port);
        if doors.iter().filter(|door| door.only_its).any(|door| answers(&door)) {
            return State::On;
        }
        if said_off == Some(true) {
            return State::Off;
        }
        if doors.iter().filter(|door| !door.only_its).any(|door| answers(&door)) {
            return State::On;
        }
        State::Unknown
    }

    fn switch_by_hand(&self, server: Server, to: PowerTo) -> Result<(), HostError> {
        let what = match to {
            PowerTo::Off => format!("switch the {server} server off"),
            PowerTo::On => format!("switch the {server} server on"),
            PowerTo::OwnDisks => {
                format!("switch the {server} server off, make it boot from its own disks, and switch it on again")
            }
        };
        let say = |off: bool| self.said_off.lock().unwrap_or_else(PoisonError::into_inner).insert(server, off);
        let Some(confirm) = &self.confirm else {
            let cause = format!("it is switched by hand, and there is nobody to ask: {what}, then go on");
            return Err(HostError::Power { server, cause });
        };
        if !confirm(&format!("please {what}")) {
            return Err(HostError::Power { server, cause: format!("not confirmed: {what}, then go on") });
        }
        say(to == PowerTo::Off);
        if to == PowerTo::Off && self.by_hand(server) == State::On {
            say(false);
            return Err(HostError::Power { server, cause: "it was said to be off, but it still answers".into() });
        }
        Ok(())
    }
}

/// Out of our process group: the terminal's Ctrl-C is for us alone.
pub(super) fn apart(expression: duct::Expression) -> duct::Expression {
    expression.before_spawn(|command| {
        command.process_group(0);
        Ok(())
    })
}

pub(super) fn stopped(stop: &Option<Arc<AtomicBool>>) -> bool {
    stop.as_ref().is_some_and(|stop| stop.load(Ordering::SeqCst))
}

/// Sleeps, unless stopped.
pub(super) fn pause(time: Duration, stop: &Option<Arc<AtomicBool>>) -> Result<(), HostError> {
    let until = Instant::now() + time;
    while !stopped(stop) {
        match until.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => std::thread::sleep(left.min(Duration::from_millis(100))),
            _ => return Ok(()),
        }
    }
    Err(HostError::Interrupted)
}

fn answers(address: &str, port: u16) -> bool {
    let Ok(all) = (address, port).to_socket_addrs() else { return false };
    all.into_iter().any(|one| TcpStream::connect_timeout(&one, Duration::from_secs(5)).is_ok())
}
