//! One server, read in one round trip.

use super::fact::{Fact, Failed};
use super::parse::ParseError;
use super::{Facts, ServerFacts, os, queries, texts};
use crate::family;
use crate::host::{HostError, Look, Output, Query, Side};

/// Why a server could not be read.
#[derive(Debug, Clone, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what its fields are")]
pub enum FactsError {
    #[error(transparent)]
    Host(#[from] HostError),
    /// A command that nothing can be known without is not there or failed.
    #[error("on {side}: `{command}` exited with {code}{}", shown(.said))]
    Failed { side: Side, command: String, code: i32, said: String },
    /// Commands are there that cannot do what is asked of them.
    #[error("on {side}{}: the system's tools are too old: {}{}", of(.system), .commands.join(", "), shown(.said))]
    TooOld { side: Side, system: String, commands: Vec<String>, said: String },
    /// A command printed something else than it should.
    #[error("on {side}: could not understand what `{command}` printed: {cause}{}", shown(.said))]
    Misread { side: Side, command: String, cause: ParseError, said: String },
}

impl FactsError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            FactsError::Host(error) => error.help(),
            FactsError::Failed { side, command, code, .. } => {
                let tool =
                    command.split_whitespace().find(|word| !word.contains('=') && *word != "env").unwrap_or(command);
                Some(match (code, family::install(tool)) {
                    (126 | 127, Some(install)) => format!("{install} on {side}, then type the same again"),
                    (126 | 127, None) => format!("install `{tool}` on {side}, then type the same again"),
                    _ => format!("see what it says there: `{command}` on {side}"),
                })
            }
            FactsError::TooOld { side, .. } => {
                let help = match side {
                    Side::New => "boot new with a newer rescue system",
                    _ => "upgrade it first",
                };
                let oldest = "Debian 10 and Ubuntu 20.04 are the oldest whose tools can do it (util-linux 2.33)";
                Some(format!("{help}: {oldest}"))
            }
            FactsError::Misread { side, command, .. } => Some(format!(
                "see what it prints there: `{command}` on {side}; its version may be one that is not known here"
            )),
        }
    }
}

/// What a tool of util-linux, LVM or iproute2 says that does not know an option or a column.
const NOT_KNOWN: &[&str] = &[
    "unknown column",
    "unrecognized option",
    "unrecognised option",
    "invalid option",
    "unknown option",
    "unrecognised field",
    "is unknown, try",
];

/// ` (Ubuntu 18.04.6 LTS)`
fn of(system: &str) -> String {
    if system.is_empty() { String::new() } else { format!(" ({system})") }
}

/// The first lines, indented below the message.
fn shown(said: &str) -> String {
    let lines = said.lines().filter(|line| !line.trim().is_empty()).take(4);
    lines.map(|line| format!("\n    {}", line.chars().take(160).collect::<String>())).collect()
}

/// Exit codes of a shell and of env(1): there is no such command, or it cannot be run.
fn not_there(output: &Output) -> bool {
    matches!(output.code, 126 | 127)
}

/// The answer to one question.
struct Answer {
    fact: &'static Fact,
    query: Query,
    output: Output,
}

impl Answer {
    /// The command's own words; of a script, what we call it.
    fn command(&self) -> String {
        match &self.query {
            Query::Run(argv) if argv[0] != "sh" => argv.join(" "),
            _ => self.fact.name.to_string(),
        }
    }

    /// The program, without its arguments; of a script, what we call it.
    fn program(&self) -> String {
        self.command().split(' ').next().unwrap_or_default().to_string()
    }

    /// What was printed, where it counts; an error where nothing can be known without it.
    fn counts(&self, side: Side) -> Result<Option<&str>, FactsError> {
        let Output { code, stdout, stderr } = &self.output;
        let counts = match self.fact.failed {
            _ if self.output.success() => true,
            Failed::Counts => true,
            Failed::CountsIfThere if !not_there(&self.output) => true,
            Failed::Nothing => false,
            Failed::ErrorIfInstalled if not_there(&self.output) => false,
            Failed::ErrorIfSaid if *code == 1 && stdout.is_empty() && stderr.is_empty() => false,
            Failed::Error | Failed::ErrorIfInstalled | Failed::ErrorIfSaid | Failed::CountsIfThere => {
                let said = if stderr.trim().is_empty() { stdout } else { stderr }.clone();
                return Err(FactsError::Failed { side, command: self.command(), code: *code, said });
            }
        };
        Ok(counts.then_some(stdout.as_str()))
    }

    /// Puts it where it belongs.
    fn put(&self, side: Side, server: &mut ServerFacts) -> Result<(), FactsError> {
        let Some(text) = self.counts(side)? else { return Ok(()) };
        (self.fact.put)(text, server).map_err(|cause| FactsError::Misread {
            side,
            command: self.command(),
            cause,
            said: text.to_string(),
        })
    }

    /// The command is there and does not know what it is asked; its answer is needed.
    fn too_old(&self) -> bool {
        let needed = matches!(self.fact.failed, Failed::Error | Failed::ErrorIfInstalled | Failed::ErrorIfSaid);
        let said = self.output.stderr.to_ascii_lowercase();
        needed && !self.output.success() && NOT_KNOWN.iter().any(|words| said.contains(words))
    }
}

fn ask(look: &dyn Look, side: Side) -> Result<Vec<Answer>, FactsError> {
    let (facts, queries): (Vec<_>, Vec<_>) = queries::rows(side).unzip();
    let outputs = look.look(side, &queries)?;
    if outputs.len() != queries.len() {
        let cause = format!("{} answers to {} questions", outputs.len(), queries.len());
        return Err(HostError::Unreachable { side, cause }.into());
    }
    let all = facts.into_iter().zip(queries).zip(outputs);
    Ok(all.map(|((fact, query), output)| Answer { fact, query, output }).collect())
}

/// Every command that is there and does not know what it is asked, in one error.
fn able(side: Side, answers: &[Answer]) -> Result<(), FactsError> {
    let old: Vec<&Answer> = answers.iter().filter(|answer| answer.too_old()).collect();
    if old.is_empty() {
        return Ok(());
    }
    Err(FactsError::TooOld {
        side,
        system: system(answers),
        commands: old.iter().map(|answer| format!("`{}`", answer.program())).collect(),
        said: old.iter().map(|answer| answer.output.stderr.as_str()).collect(),
    })
}

/// What the system calls itself; empty where it does not say.
fn system(answers: &[Answer]) -> String {
    let answer = answers.iter().find(|answer| answer.fact.name == "texts");
    let texts = answer.and_then(|answer| texts::parse(&answer.output.stdout).ok()).unwrap_or_default();
    texts.get("/etc/os-release").map(|text| os::parse_release(text).pretty_name).unwrap_or_default()
}

/// Reads both servers, one after the other.
///
/// # Errors
/// As for [`read`].
pub fn both(look: &dyn Look) -> Result<Facts, FactsError> {
    Ok(Facts { format: 1, old: read(look, Side::Old)?, new: read(look, Side::New)? })
}

/// Reads one server, in one round trip.
///
/// A command that is not installed is an answer where it manages something that may be missing (mdadm, LVM, apt,
/// systemd); without lsblk, findmnt or ip nothing can be known and it is an error. So is every failure of LVM and mdadm
/// that are installed: half an answer would look like a server with less on it. Which is which is in each row
/// (`Failed`).
pub fn read(look: &dyn Look, side: Side) -> Result<ServerFacts, FactsError> {
    let answers = ask(look, side)?;
    able(side, &answers)?;
    let mut server = ServerFacts::default();
    answers.iter().try_for_each(|answer| answer.put(side, &mut server))?;
    Ok(server)
}
