//! The two servers, as something to look at and to act on.
//!
//! Looking and acting are different types: a [`Query`] cannot change anything, an [`Act`] is the only thing that can.
//! Both are data, so a runbook can show them and a test can compare them.

pub mod console;
pub mod hardware;
pub mod local;
pub mod power;
pub mod ssh;
mod trail;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use trail::{IN_MEMORY, KEPT, RunMark, Trail};

/// A machine that can be switched on and off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Server {
    /// the one in service, which is migrated from
    Old,
    /// the one that is migrated to
    New,
}

impl Server {
    /// The one of the two that this is not.
    pub fn other(self) -> Server {
        match self {
            Server::Old => Server::New,
            Server::New => Server::Old,
        }
    }
}

/// A running system that can be asked and told things over SSH.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// the old server's own system
    Old,
    /// the new server's rescue system
    New,
    /// the new server, booted from its own disks with the old one's system, name, addresses and host keys
    Migrated,
}

impl Side {
    /// The machine this system runs on.
    pub fn server(self) -> Server {
        match self {
            Side::Old => Server::Old,
            Side::New | Side::Migrated => Server::New,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Side::Old => "old",
            Side::New | Side::Migrated => "new",
        })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Server::Old => "old",
            Server::New => "new",
        })
    }
}

/// Something to ask: it reads, and never changes anything. A non-zero exit code is part of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Query {
    /// A command that only reads, run on the side that is asked, with `LC_ALL=C`.
    Run(Vec<String>),
    /// Whether a machine is powered: by who answers at its addresses, its power control, and what a person has said.
    /// Answers `on`, `off` or `unknown` on standard output, and why on standard error.
    Power(Server),
    /// How a machine will be switched when the time comes: see [`power::PowerSwitch::control`].
    Control(Server),
    /// What a machine's console has shown so far, its end, where the plan says how that is read: see [`console::Consoles`].
    /// Nothing on standard output: there is none to read, or it is empty. A failing exit code and why on standard error: it
    /// cannot be read.
    Console(Server),
}

/// Prints `present` and the file's content, or `absent`: a missing file is an answer, not a failure.
pub(crate) const READ_FILE: &str =
    r#"if [ -e "$1" ] || [ -L "$1" ]; then echo present; cat -- "$1"; else echo absent; fi"#;

impl Query {
    /// A command that only reads.
    pub fn run<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Query {
        Query::Run(argv.into_iter().map(Into::into).collect())
    }

    /// The content of a file: see [`Output::file`].
    pub fn file(path: &str) -> Query {
        Query::run(["sh", "-c", READ_FILE, "sh", path])
    }
}

/// What a query answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// exit code, as sh(1) has it: 128 and more where a signal ended it
    pub code: i32,
    /// UTF-8; other bytes are replaced
    pub stdout: String,
    /// the same of standard error
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr: String,
}

impl Output {
    /// The answer of a command that succeeded and printed this.
    pub fn ok(stdout: impl Into<String>) -> Output {
        Output { code: 0, stdout: stdout.into(), stderr: String::new() }
    }

    /// Whether the command ended well: exit code 0.
    pub fn success(&self) -> bool {
        self.code == 0
    }

    /// The answer to [`Query::file`]: the content, or `None` where there is no such file.
    pub fn file(&self) -> Option<&str> {
        self.stdout.strip_prefix("present\n")
    }
}

/// A text that may hold the places of secrets. The secrets themselves are put in by the host at the moment of sending,
/// and never stand in a runbook, an argument vector, a journal or a log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Text(pub String);

/// What stands in a [`Text`] where the secret of that name goes.
pub(crate) fn secret_place(name: &str) -> String {
    format!("@@secret:{name}@@")
}

impl Text {
    /// As it is: places of secrets in it are filled in when it is sent.
    pub fn new(text: impl Into<String>) -> Text {
        Text(text.into())
    }

    /// The names of the secrets that go into this text.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        let mut names = Vec::new();
        let mut rest = self.0.as_str();
        while let Some((_, after)) = rest.split_once("@@secret:") {
            let Some((name, tail)) = after.split_once("@@") else { break };
            names.push(name);
            rest = tail;
        }
        names
    }
}

/// The hash of these bytes, as sha256sum(1) prints it.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    let digits = Sha256::digest(bytes).into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// What power control can be asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PowerTo {
    /// off, whatever runs there
    Off,
    /// on, from whatever it boots from
    On,
    /// off if it is on, then on, booting from its own disks
    OwnDisks,
}

/// One thing to do. Everything in it was decided when the runbook was made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// Run a command as root, with `LC_ALL=C`. A non-zero exit code is a failure.
    Run {
        /// the program, found in `PATH`, and its arguments
        argv: Vec<String>,
        /// `None`: standard input is empty
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stdin: Option<Text>,
        /// long work outlives the connection: it runs detached, and asking for the same again attaches to it
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        long: bool,
    },
    /// Write a whole file: beside, fsynced, renamed into place; missing directories are made. Without a mode, owner and
    /// permission bits stay those of the file that is there, and a symbolic link stays one.
    Put {
        /// absolute
        path: String,
        /// all that the file is to hold
        text: Text,
        /// permission bits
        mode: Option<u32>,
    },
    /// Remove a file; no failure where it is already gone.
    Remove {
        /// absolute
        path: String,
    },
    /// Switch a machine; done only when its power control confirms it.
    Power {
        /// which of the two
        server: Server,
        /// what it is to do
        to: PowerTo,
        /// only while the other machine is off, which is asked in the moment of switching
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        alone: bool,
    },
}

impl Act {
    /// A command that ends within a few seconds.
    pub fn run<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Act {
        Act::Run { argv: argv.into_iter().map(Into::into).collect(), stdin: None, long: false }
    }

    /// As [`Act::run`], for work that takes more than a few seconds.
    pub fn long<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Act {
        Act::Run { argv: argv.into_iter().map(Into::into).collect(), stdin: None, long: true }
    }

    /// A command with a text on its standard input.
    pub fn feed<S: Into<String>>(argv: impl IntoIterator<Item = S>, stdin: Text) -> Act {
        Act::Run { argv: argv.into_iter().map(Into::into).collect(), stdin: Some(stdin), long: false }
    }

    /// A whole file with these permission bits.
    pub fn put(path: impl Into<String>, text: impl Into<String>, mode: u32) -> Act {
        Act::Put { path: path.into(), text: Text(text.into()), mode: Some(mode) }
    }
}

/// Why something could not be asked or done.
#[derive(Debug, Clone, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what its fields are")]
pub enum HostError {
    /// The question never got an answer: no link, a link that broke, a timeout. Nothing is known of its effect.
    #[error("{side} does not answer: {cause}")]
    Unreachable { side: Side, cause: String },
    /// It answers, but it is not let in or is not who it should be. Trying again will not help.
    #[error("cannot log in to {side}: {cause}")]
    Refused { side: Side, cause: String, help: String },
    /// It has seen a later journal than this one, or another migration works on it: nothing is done.
    #[error("{side} must not be worked on from here: {cause}")]
    Older { side: Side, cause: String },
    /// It lets us in, and it is another machine: nothing is asked of it, and nothing done.
    #[error("what answers at the address of {side} is another machine: {cause}")]
    Another { side: Side, cause: String },
    /// A command of an act exited with a failure.
    #[error("on {side}: `{command}` exited with {code}{}", tail(.output))]
    Failed { side: Side, command: String, code: i32, output: String },
    /// It answered, but not in a form that we know.
    #[error("on {side}: cannot make sense of what `{command}` printed: {cause}")]
    Unclear { side: Side, command: String, cause: String },
    /// Power control did not do what it was asked.
    #[error("power control of {server}: {cause}")]
    Power { server: Server, cause: String },
    /// A secret of the plan cannot be had.
    #[error("secret `{name}`: {cause}")]
    Secret { name: String, cause: String },
    /// A program that must be on this machine is not.
    #[error("`{tool}` is not installed on this machine")]
    NoTool { tool: String, help: String },
    /// Something on this machine: a file, a process.
    #[error("{0}")]
    Local(String),
    /// The person stopped us while waiting.
    #[error("interrupted")]
    Interrupted,
}

impl HostError {
    /// A run was not heard of for so long that services came back without it.
    pub(crate) fn came_back(side: Side) -> HostError {
        let cause = "it was not heard of for too long, and services have come back by themselves. Nothing was done. See how \
                     they are, then go on with `replant apply`, or back with `replant rollback`";
        HostError::Older { side, cause: cause.into() }
    }

    /// What to do about it, where that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            HostError::Refused { help, .. } | HostError::NoTool { help, .. } => Some(help.clone()),
            HostError::Another { side, .. } => Some(format!(
                "replant does nothing on it. See which machine has the address of {side}, and switch off the one that \
                 should not; if the hardware of {side} was changed, go back with `replant rollback`"
            )),
            HostError::Unreachable { side, .. } => {
                Some(format!("is {side} up, and its address in the plan right? Try `ssh` to it by hand"))
            }
            HostError::Unclear { side, command, .. } => {
                Some(format!("see what it prints there: `{command}` on {side}"))
            }
            _ => None,
        }
    }
}

fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(12);
    lines[from..].iter().map(|line| format!("\n    {line}")).collect()
}

/// What a person has said of a machine's power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// of which they said it
    pub server: Server,
    /// that it is on; otherwise that it is off
    pub on: bool,
}

/// The ability to ask.
pub trait Look: Sync {
    /// Asks all of `queries` in one round trip; one output for each, in order.
    ///
    /// # Errors
    /// Any question went without an answer: then none of the answers counts.
    fn look(&self, on: Side, queries: &[Query]) -> Result<Vec<Output>, HostError>;

    /// Asks one thing.
    ///
    /// # Errors
    /// As those of [`Look::look`].
    fn ask(&self, on: Side, query: Query) -> Result<Output, HostError> {
        let mut all = self.look(on, &[query])?;
        all.pop().ok_or(HostError::Unreachable { side: on, cause: "it gave no answer".into() })
    }
}

/// The ability to change something.
pub trait Hosts: Look {
    /// Does one thing. `job` names it within the migration (step, direction, position): long work is found again by it.
    ///
    /// # Errors
    /// It failed, or nothing is known of it ([`HostError::Unreachable`]): it may have been done all the same.
    fn act(&self, on: Side, job: &str, act: &Act) -> Result<(), HostError>;

    /// A run begins: its acts are this journal's. What a server knows of it is compared before anything is done there.
    fn follow(&self, _trail: &Trail) {}

    /// Compares what this system knows of the migration with the journal.
    ///
    /// # Errors
    /// [`HostError::Older`]: it must not be worked on; and whatever keeps it from being asked.
    fn compare(&self, _on: Side) -> Result<(), HostError> {
        Ok(())
    }

    /// Tells this system of this run, which was compared: whoever comes later is compared with it.
    ///
    /// # Errors
    /// It could not be told, so nothing may be done there.
    fn introduce(&self, _on: Side) -> Result<(), HostError> {
        Ok(())
    }

    /// The migration has ended there: it is complete, or was taken back, and `forget` leaves nothing of it on a disk.
    ///
    /// # Errors
    /// It could not be told: whoever comes later finds the migration under way.
    fn part(&self, _on: Side, _forget: bool) -> Result<(), HostError> {
        Ok(())
    }

    /// Waits until no act of that step runs there any more in that direction (`apply` or `undo`): one that an earlier run
    /// left behind would finish behind our back.
    ///
    /// # Errors
    /// It cannot be asked, or the person stopped the wait.
    fn await_end(&self, _on: Side, _step: &str, _direction: &str) -> Result<(), HostError> {
        Ok(())
    }

    /// What persons have said since this was last asked: it goes into the journal, for the runs to come.
    fn heard(&self) -> Vec<Said> {
        Vec::new()
    }

    /// A run begins; this is what persons said in earlier ones.
    fn recall(&self, _said: &[Said]) {}
}
