//! Power control, from this machine: commands of the plan, or IPMI. What is made of its answers is in [`super::power`].

use std::collections::BTreeMap;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::process::CommandExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use crate::host::console::{self, Consoles};
use crate::host::power::{PowerAction, PowerState, Request};
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
        /// asks, and changes nothing
        status: Vec<String>,
        /// switches it on
        on: Vec<String>,
        /// switches it off, whatever runs there
        off: Vec<String>,
        /// makes the server's own disks what it boots from
        boot_disk: Option<Vec<String>>,
        /// how long switching may take until `status` agrees
        timeout: Duration,
    },
    /// by ipmitool(1) over the network
    Ipmi {
        /// address of the server's management controller
        host: String,
        /// its account there
        user: String,
        /// the name of a secret
        password: String,
    },
}

/// Asks a person; whether they said yes.
pub type Confirm = Box<dyn Fn(&Request) -> bool + Send + Sync>;

pub(super) struct Controls {
    /// a server that is not here is switched by hand
    pub all: BTreeMap<Server, PowerControl>,
    pub consoles: Consoles,
    pub secrets: Secrets,
    pub stop: Option<Arc<AtomicBool>>,
}

/// One command of the power control should never take longer.
const ONE_COMMAND: Duration = Duration::from_secs(60);
const IPMI_TIMEOUT: Duration = Duration::from_secs(180);
/// For a connection: long enough for a lost packet to be sent again.
const DOOR: Duration = Duration::from_millis(3500);
const POLL: Duration = Duration::from_secs(1);

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
    pub(crate) fn switching(&self, to: PowerTo) -> Vec<Vec<String>> {
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

impl Controls {
    pub(super) fn controlled(&self, server: Server) -> bool {
        !matches!(self.all.get(&server), None | Some(PowerControl::Manual))
    }

    /// What the power control says.
    ///
    /// # Errors
    /// It cannot be asked, or its command fails.
    pub(super) fn status(&self, server: Server) -> Result<PowerState, HostError> {
        let Some(commands) = self.commands(server)? else { return Ok(PowerState::Unknown) };
        let (state, code, said) = self.said(server, &commands)?;
        if code == 0 {
            return Ok(state);
        }
        let cause = format!("`{}` exited with {code}: {}", quote(&commands.status), said.trim());
        Err(HostError::Power { server, cause })
    }

    /// One command, and asking until the status agrees.
    pub(super) fn turn(&self, server: Server, turn: PowerAction) -> Result<(), HostError> {
        let Some(commands) = self.commands(server)? else { return Ok(()) };
        match turn {
            PowerAction::Off => self.until(server, &commands, &commands.off, PowerState::Off),
            PowerAction::On => self.until(server, &commands, &commands.on, PowerState::On),
            PowerAction::BootDisk => match &commands.boot_disk {
                Some(boot_disk) => self.must(server, &commands, boot_disk),
                None => Ok(()),
            },
        }
    }

    /// What a machine's console has shown: see [`crate::host::Query::Console`].
    ///
    /// # Errors
    /// [`HostError::Interrupted`]
    pub(super) fn console(&self, server: Server) -> Result<Output, HostError> {
        let Some(argv) = self.consoles.get(&server) else { return Ok(Output::ok("")) };
        let unread =
            |code: i32, why: String| Output { code, stdout: String::new(), stderr: self.secrets.scrub(&why) };
        let ran = match self.start(server, argv, None, console::LIMIT) {
            Ok(ran) => ran,
            Err(HostError::Interrupted) => return Err(HostError::Interrupted),
            Err(error) => return Ok(unread(1, error.to_string())),
        };
        let text = |bytes: &[u8]| self.secrets.scrub(&String::from_utf8_lossy(bytes));
        // one that goes on showing it (`tail -f`) has no exit code, and was ended
        match ran.status {
            Some(status) if !status.success() => {
                let said = console::last_lines(&text(&ran.stderr));
                Ok(unread(status.code().unwrap_or(1), format!("`{}` failed ({status}): {said}", quote(argv))))
            }
            _ => Ok(Output::ok(console::last_lines(&text(&ran.stdout)))),
        }
    }

    fn commands(&self, server: Server) -> Result<Option<Commands>, HostError> {
        let control = self.all.get(&server).unwrap_or(&PowerControl::Manual);
        let password = match control {
            PowerControl::Ipmi { password, .. } => Some(self.secrets.get(password)?.expose_secret().to_string()),
            PowerControl::Manual | PowerControl::Command { .. } => None,
        };
        Ok(control.commands().map(|commands| Commands { password, ..commands }))
    }

    fn said(&self, server: Server, commands: &Commands) -> Result<(PowerState, i32, String), HostError> {
        let output = self.run(server, commands, &commands.status)?;
        let text = String::from_utf8_lossy(&output.stdout).to_lowercase();
        let said = |words: &[&str]| text.split(|c: char| !c.is_alphanumeric()).any(|word| words.contains(&word));
        let state = match (output.status.success(), said(&["on", "running"]), said(&["off"])) {
            (true, true, false) => PowerState::On,
            (true, false, true) => PowerState::Off,
            _ => PowerState::Unknown,
        };
        let stderr = self.secrets.scrub(&String::from_utf8_lossy(&output.stderr));
        Ok((state, output.status.code().unwrap_or(-1), stderr))
    }

    /// Runs a switching command, then asks until the status agrees.
    fn until(
        &self,
        server: Server,
        commands: &Commands,
        argv: &[String],
        wanted: PowerState,
    ) -> Result<(), HostError> {
        let began = Instant::now();
        self.must(server, commands, argv)?;
        loop {
            let (state, _, stderr) = self.said(server, commands)?;
            if state == wanted {
                return Ok(());
            }
            if began.elapsed() >= commands.timeout {
                let cause = format!(
                    "`{}` succeeded, but `{}` does not say `{}` after {} s{}{}",
                    quote(argv),
                    quote(&commands.status),
                    if wanted == PowerState::On { "on" } else { "off" },
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
        let Ran { status, stdout, stderr } = self.start(server, argv, commands.password.as_deref(), ONE_COMMAND)?;
        let Some(status) = status else {
            let cause = format!("`{}` has not ended after {} s", quote(argv), ONE_COMMAND.as_secs());
            return Err(HostError::Power { server, cause });
        };
        Ok(std::process::Output { status, stdout, stderr })
    }

    /// Runs it to its end, or ends it after so long.
    fn start(
        &self,
        server: Server,
        argv: &[String],
        password: Option<&str>,
        limit: Duration,
    ) -> Result<Ran, HostError> {
        let fail = |cause: String| HostError::Power { server, cause };
        let (program, args) = argv.split_first().ok_or_else(|| fail("an empty command".into()))?;
        // Files, not pipes: an `on` that leaves a machine running behind it would hold a pipe open for ever.
        let file = || tempfile::tempfile().map_err(|e| fail(format!("failed to make a temporary file: {e}")));
        let both = [file()?, file()?];
        let [stdout, stderr] = both.each_ref().map(|file| file.try_clone());
        let same = |e: std::io::Error| fail(e.to_string());
        let mut expression = duct::cmd(program, args).stdin_null().unchecked();
        expression = expression.stdout_file(stdout.map_err(same)?).stderr_file(stderr.map_err(same)?);
        if let Some(password) = password {
            expression = expression.env("IPMI_PASSWORD", password);
        }
        let handle = apart(expression).start().map_err(|e| fail(format!("failed to run `{program}`: {e}")))?;
        let deadline = Instant::now() + limit;
        let status = loop {
            let tick = Instant::now() + Duration::from_millis(100);
            match handle.wait_deadline(tick) {
                Ok(Some(output)) => break Some(output.status),
                Ok(None) if stopped(&self.stop) => {
                    let _ = handle.kill();
                    return Err(HostError::Interrupted);
                }
                Ok(None) if Instant::now() < deadline => {}
                Ok(None) => {
                    let _ = handle.kill();
                    break None;
                }
                Err(e) => return Err(fail(format!("failed to wait for `{program}`: {e}"))),
            }
        };
        let [stdout, stderr] = both.map(|mut file| console::last_bytes(&mut file));
        Ok(Ran { status, stdout: stdout.map_err(same)?, stderr: stderr.map_err(same)? })
    }
}

/// A command that was run.
struct Ran {
    /// `None`: it did not end, and was ended
    status: Option<std::process::ExitStatus>,
    /// the last of what it printed
    stdout: Vec<u8>,
    stderr: Vec<u8>,
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

/// Whether anything accepts connections there.
pub(super) fn accepts(address: &str, port: u16) -> bool {
    let Ok(all) = (address, port).to_socket_addrs() else { return false };
    all.into_iter().any(|one| TcpStream::connect_timeout(&one, DOOR).is_ok())
}
