//! Commands: on this machine, and over SSH on a guest.

use crate::{Fallible, fail};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What a command left behind.
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command here and hands back whatever came of it.
pub fn attempt<S: AsRef<str>>(argv: &[S]) -> Fallible<Outcome> {
    let argv: Vec<&str> = argv.iter().map(AsRef::as_ref).collect();
    let output = duct::cmd(argv[0], &argv[1..])
        .stdin_null()
        .stdout_capture()
        .stderr_capture()
        .unchecked()
        .run()
        .map_err(|error| format!("`{}` could not be run: {error}", argv[0]))?;
    Ok(Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs a command here; its standard output. An exit code other than zero is an error.
pub fn run<S: AsRef<str>>(argv: &[S]) -> Fallible<String> {
    let outcome = attempt(argv)?;
    if outcome.code == 0 {
        return Ok(outcome.stdout);
    }
    let argv: Vec<&str> = argv.iter().map(AsRef::as_ref).collect();
    fail!("`{}` exited with {}: {}", argv.join(" "), outcome.code, tail(&outcome.stderr, 12))
}

/// The last lines of a text.
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.trim_end().lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// One address inside a namespace, reached over SSH as root. Who answers there may change: the lab's own connections
/// do not check host keys, the scenarios do.
#[derive(Clone)]
pub struct Guest {
    pub namespace: String,
    pub address: &'static str,
    pub key: PathBuf,
    pub control: PathBuf,
}

impl Guest {
    fn ssh(&self, limit: Duration, more: &[&str]) -> Vec<String> {
        let mut argv: Vec<String> = ["timeout", &limit.as_secs().to_string(), "ip", "netns", "exec", &self.namespace]
            .map(String::from)
            .to_vec();
        argv.extend(["ssh", "-F", "none", "-q", "-i"].map(String::from));
        argv.push(self.key.display().to_string());
        let control = format!("ControlPath={}", self.control.display());
        for option in [
            "BatchMode=yes",
            "IdentitiesOnly=yes",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "ConnectTimeout=5",
            "ServerAliveInterval=15",
            "ServerAliveCountMax=8",
            &control,
        ] {
            argv.extend(["-o".into(), option.to_string()]);
        }
        argv.extend(more.iter().map(ToString::to_string));
        argv
    }

    /// Opens the connection that later commands share. False if nobody answers yet.
    pub fn connect(&self) -> bool {
        self.forget();
        let argv = self.ssh(
            Duration::from_secs(20),
            &["-f", "-N", "-M", "-o", "ControlPersist=yes", self.address, "-l", "root"],
        );
        duct::cmd(&argv[0], &argv[1..])
            .stdin_null()
            .stdout_null()
            .stderr_null()
            .unchecked()
            .run()
            .is_ok_and(|output| output.status.success())
    }

    /// Closes the shared connection, if there is one.
    pub fn forget(&self) {
        if self.control.exists() {
            let argv = self.ssh(Duration::from_secs(5), &["-O", "exit", self.address]);
            let _ = attempt(&argv);
            let _ = fs_err::remove_file(&self.control);
        }
    }

    /// Waits until SSH answers.
    pub fn wait(&self, limit: Duration) -> Fallible<()> {
        let began = Instant::now();
        while began.elapsed() < limit {
            if self.connect() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        fail!("no SSH at {} after {} s", self.address, limit.as_secs())
    }

    /// Runs a script there and hands back whatever came of it.
    pub fn attempt(&self, script: &str, limit: Duration) -> Fallible<Outcome> {
        attempt(&self.ssh(limit, &["-l", "root", self.address, script]))
    }

    /// Runs a script there; its standard output. An exit code other than zero is an error.
    pub fn script_within(&self, script: &str, limit: Duration) -> Fallible<String> {
        let outcome = self.attempt(script, limit)?;
        if outcome.code == 0 {
            return Ok(outcome.stdout);
        }
        fail!(
            "on {}, `{}` exited with {}: {}",
            self.address,
            script.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or(""),
            outcome.code,
            tail(&format!("{}\n{}", outcome.stdout, outcome.stderr), 12)
        )
    }

    /// As `script_within`, with a minute of patience.
    pub fn script(&self, script: &str) -> Fallible<String> {
        self.script_within(script, Duration::from_secs(60))
    }

    /// For a person: the same connection with the terminal's own input and output. The exit code.
    pub fn interactive(&self, command: &[String]) -> Fallible<i32> {
        let mut argv = self.ssh(Duration::from_secs(36_000), &["-l", "root"]);
        argv.insert(1, "--foreground".into());
        if command.is_empty() {
            argv.push("-t".into());
        }
        argv.push(self.address.into());
        argv.extend(command.iter().cloned());
        let output = duct::cmd(&argv[0], &argv[1..]).unchecked().run()?;
        Ok(output.status.code().unwrap_or(-1))
    }
}
