//! `replant` as a person would run it, in the pair's directory and inside its namespace; what it prints is shown and kept.

use crate::pair::Pair;
use crate::shell::{run, tail};
use crate::{Fallible, fail, say};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The longest that any command of the lab's migrations may take.
const LIMIT: Duration = Duration::from_secs(1800);

/// A `replant` that runs.
pub struct Running {
    child: Child,
    words: String,
    log: PathBuf,
    shown: u64,
    began: Instant,
}

/// A `replant` that has ended.
pub struct Ended {
    pub code: i32,
    pub output: String,
    pub took: Duration,
}

/// Starts `replant` with these arguments.
pub fn start(pair: &Pair, words: &[&str]) -> Fallible<Running> {
    start_with(pair, words, Stdio::null())
}

fn start_with(pair: &Pair, words: &[&str], input: Stdio) -> Fallible<Running> {
    let binary = std::env::var("REPLANT").unwrap_or_else(|_| env!("CARGO_BIN_EXE_replant").into());
    let number = fs_err::read_dir(pair.dir.join("logs")).map_or(1, |entries| entries.count() + 1);
    fs_err::create_dir_all(pair.dir.join("logs"))?;
    let log = pair.dir.join("logs").join(format!("{number:02}-{}.log", words[0]));
    let file = fs_err::File::create(&log)?;
    say::line(format_args!("$ replant {}", words.join(" ")));
    let child = Command::new("ip")
        .args(["netns", "exec", &pair.namespace, &binary])
        .args(words)
        .current_dir(&pair.dir)
        .stdin(input)
        .stdout(file.file().try_clone()?)
        .stderr(file.file().try_clone()?)
        .spawn()?;
    Ok(Running { child, words: words.join(" "), log, shown: 0, began: Instant::now() })
}

/// Runs `replant` to its end, whatever that is.
pub fn attempt(pair: &Pair, words: &[&str]) -> Fallible<Ended> {
    start(pair, words)?.wait()
}

/// Runs `replant`, which must succeed.
pub fn succeed(pair: &Pair, words: &[&str]) -> Fallible<Ended> {
    attempt(pair, words)?.successful(&words.join(" "))
}

/// Runs `replant` to its end, which must be a good one, with nobody there.
pub fn unattended(pair: &Pair, words: &[&str]) -> Fallible<Ended> {
    succeed(pair, &[words, &["--yes", "--no-input"]].concat())
}

/// The same on a terminal, with a person at it who switches what they are asked to switch, and says how it is.
pub fn attended(pair: &Pair, words: &[&str]) -> Fallible<Ended> {
    let (mut keys, terminal) = terminal()?;
    let words = [words, &["--yes"]].concat();
    let mut running = start_with(pair, &words, terminal.into())?;
    let mut answered = 0;
    while running.poll()?.is_none() {
        std::thread::sleep(Duration::from_millis(200));
        let told = fs_err::read_to_string(&running.log)?;
        let asked: Vec<&str> = told.split_inclusive(QUESTION).filter(|part| part.ends_with(QUESTION)).collect();
        let Some(question) = asked.get(answered) else { continue };
        answered += 1;
        let word = question.rsplit_once("Type `").and_then(|(_, rest)| rest.split('`').next()).unwrap_or_default();
        let word = if does(pair, question)? { word } else { "no" };
        say::line(format_args!("  a person types `{word}`"));
        writeln!(keys, "{word}")?;
    }
    running.wait()?.successful(&words.join(" "))
}

/// How a question ends that a person is asked about a server's power.
const QUESTION: &str = "anything else if not: ";

/// What a person does who is asked so; whether it is as they are asked.
fn does(pair: &Pair, question: &str) -> Fallible<bool> {
    for (name, machine) in [("old", &pair.old), ("new", &pair.new)] {
        if question.contains(&format!("switch the {name} server off")) {
            machine.off()?;
            return Ok(true);
        }
        if question.contains(&format!("switch the {name} server on")) {
            machine.on()?;
            return Ok(true);
        }
        if question.contains(&format!("look at the {name} server")) {
            return Ok(!machine.is_on());
        }
    }
    fail!("nobody in the lab knows what to do about:\n{}", tail(question, 5))
}

/// A keyboard, and the terminal that it belongs to.
fn terminal() -> Fallible<(File, std::os::fd::OwnedFd)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let slave = rustix::fs::open(ptsname(&master, Vec::new())?.as_c_str(), flags, Mode::empty())?;
    Ok((File::from(master), slave))
}

impl Ended {
    pub fn successful(self, words: &str) -> Fallible<Ended> {
        if self.code != 0 {
            fail!("`replant {words}` exited with {}:\n{}", self.code, tail(&self.output, 25));
        }
        Ok(self)
    }
}

impl Running {
    /// Shows what was printed since the last time. The output goes to a file: an SSH master that outlives replant
    /// could keep a pipe open.
    fn show(&mut self) -> Fallible<()> {
        let mut file = fs_err::File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.shown))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for line in String::from_utf8_lossy(&bytes[..whole]).lines() {
            println!("            | {line}");
        }
        self.shown += whole as u64;
        Ok(())
    }

    /// The exit code, once it has ended.
    pub fn poll(&mut self) -> Fallible<Option<i32>> {
        self.show()?;
        Ok(self.child.try_wait()?.map(|status| status.code().unwrap_or(-1)))
    }

    /// Waits for the end, and calls `meanwhile` every few seconds.
    pub fn wait_and(mut self, mut meanwhile: impl FnMut() -> Fallible<()>) -> Fallible<Ended> {
        let mut next = Instant::now() + Duration::from_secs(5);
        loop {
            if let Some(code) = self.poll()? {
                return Ok(Ended { code, output: fs_err::read_to_string(&self.log)?, took: self.began.elapsed() });
            }
            if self.began.elapsed() > LIMIT {
                self.signal("KILL")?;
                fail!("`replant {}` did not end within {} s", self.words, LIMIT.as_secs());
            }
            if Instant::now() >= next {
                meanwhile()?;
                next = Instant::now() + Duration::from_secs(5);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    pub fn wait(self) -> Fallible<Ended> {
        self.wait_and(|| Ok(()))
    }

    /// Waits until `moment` hands something back; an error if replant ends before that.
    pub fn until<T>(&mut self, what: &str, mut moment: impl FnMut() -> Fallible<Option<T>>) -> Fallible<T> {
        loop {
            let ended = self.poll()?;
            if let Some(value) = moment()? {
                return Ok(value);
            }
            if let Some(code) = ended {
                fail!(
                    "`replant {}` ended with {code} before {what}:\n{}",
                    self.words,
                    tail(&fs_err::read_to_string(&self.log)?, 25)
                );
            }
            if self.began.elapsed() > LIMIT {
                self.signal("KILL")?;
                fail!("`replant {}` did not come to {what} within {} s", self.words, LIMIT.as_secs());
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    /// Sends a signal to replant alone.
    pub fn signal(&mut self, name: &str) -> Fallible<()> {
        say::line(format_args!("SIG{name} to replant"));
        run(&["sh", "-c", &format!("kill -{name} {}", self.child.id())]).map(drop)
    }
}

/// Empty where there is none yet.
fn journal(pair: &Pair) -> String {
    std::fs::read_to_string(pair.dir.join(".replant/srv1/journal.jsonl")).unwrap_or_default()
}

/// How often the journal says that a step was begun: unchanged means that nothing was done.
pub fn begun(pair: &Pair) -> usize {
    journal(pair).lines().filter(|line| line.contains("began")).count()
}

/// Whether the journal says this of a step.
pub fn recorded(pair: &Pair, step: &str, event: &str) -> bool {
    journal(pair).contains(&format!(r#""step":"{step}","event":"{event}""#))
}

/// When the journal says that a step was first begun and last done, in seconds since 1970.
pub fn times(pair: &Pair, step: &str) -> Option<(f64, f64)> {
    let lines: Vec<Value> = journal(pair).lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let at = |line: &Value| Some(line["at"].as_str()?.parse::<jiff::Timestamp>().ok()?.as_millisecond() as f64 / 1e3);
    let is = |line: &&Value, event: &str| line["step"] == step && line["event"] == event;
    let began = lines.iter().find(|line| is(line, "began")).and_then(at)?;
    let done = lines.iter().rfind(|line| is(line, "done")).and_then(at)?;
    Some((began, done))
}
