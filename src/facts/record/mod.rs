//! Every question and its raw answer, kept in a file: to attach to a report, to rehearse a migration without the servers,
//! to check a plan where no server can be reached.
//!
//! A file holds what was printed and not what was made of it, so a later replant reads more out of it, and a fault of a
//! parser can be shown by it. Answers are kept as lines, so that two files can be compared by diff(1).

mod scrub;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Facts, FactsError, Link, activity, both, queries};
use crate::host::{HostError, Look, Output, Query, Side};

pub use scrub::scrub;

/// The format that is written. Older ones are read for as long as there are files.
pub const FORMAT: u32 = 1;

/// What `replant facts` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// version of this format
    pub facts: u32,
    /// version of the replant that asked
    pub replant: String,
    /// when, RFC 3339
    pub read_at: String,
    /// what old answered
    pub old: RecordedServer,
    /// what new answered
    pub new: RecordedServer,
    /// the way from old to new, as it was then
    #[serde(default)]
    pub link: Link,
}

/// One server's answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedServer {
    /// how it was logged in to: `root@192.0.2.10:22`
    pub login: String,
    /// in the order in which they were asked
    pub answers: Vec<Answer>,
}

/// A question and its raw answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// what replant calls the question; empty for one that has no name
    pub name: String,
    /// the argument vector
    pub asked: Vec<String>,
    /// exit code
    pub code: i32,
    /// standard output, by its lines; it ends with a line break where the last of them is empty
    pub out: Vec<String>,
    /// standard error, by its lines
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub err: Vec<String>,
}

/// Why a file of facts could not be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each says what its fields are")]
pub enum RecordError {
    #[error("cannot read the facts in `{}`", path.display())]
    Io {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("`{}` does not hold facts as `replant facts` writes them: {cause}", path.display())]
    NotFacts { path: PathBuf, cause: String },
    #[error("`{}` has format {format}; this replant knows formats up to {FORMAT}", path.display())]
    Newer { path: PathBuf, format: u32 },
}

/// The names of all questions whose answers make facts.
fn name(side: Side, asked: &[String]) -> &'static str {
    let is = |query: &Query| matches!(query, Query::Run(argv) if argv == asked);
    let of_facts = queries::asked(side).into_iter().find(|known| is(&known.query)).map(|known| known.name);
    of_facts.or_else(|| is(&activity::query()).then_some("activity")).unwrap_or_default()
}

fn lines(text: &str) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { text.split('\n').map(str::to_string).collect() }
}

impl Answer {
    /// Takes an answer into a recording, without what looks like a secret.
    pub fn new(side: Side, asked: &[String], output: &Output) -> Answer {
        Answer {
            name: name(side, asked).to_string(),
            asked: asked.to_vec(),
            code: output.code,
            out: lines(&scrub(&output.stdout)),
            err: lines(&scrub(&output.stderr)),
        }
    }

    fn output(&self) -> Output {
        Output { code: self.code, stdout: self.out.join("\n"), stderr: self.err.join("\n") }
    }
}

/// Hands questions on and keeps the answers.
pub struct Recorder<'a> {
    inner: &'a dyn Look,
    kept: Mutex<Vec<(Side, Answer)>>,
}

impl<'a> Recorder<'a> {
    /// Asks `inner`, and keeps what it answers.
    pub fn new(inner: &'a dyn Look) -> Recorder<'a> {
        Recorder { inner, kept: Mutex::default() }
    }

    /// What one system was asked, in order.
    pub fn answers(&self, of: Side) -> Vec<Answer> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().filter(|(side, _)| *side == of).map(|(_, answer)| answer.clone()).collect()
    }
}

impl Look for Recorder<'_> {
    fn look(&self, on: Side, queries: &[Query]) -> Result<Vec<Output>, HostError> {
        let outputs = self.inner.look(on, queries)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for (query, output) in queries.iter().zip(&outputs) {
            if let Query::Run(argv) = query {
                kept.push((on, Answer::new(on, argv, output)));
            }
        }
        Ok(outputs)
    }
}

impl Recording {
    /// # Errors
    /// Where the file cannot be read, holds something else, or comes from a later replant.
    pub fn read(path: &std::path::Path) -> Result<Recording, RecordError> {
        let text =
            std::fs::read_to_string(path).map_err(|cause| RecordError::Io { path: path.to_path_buf(), cause })?;
        let not_facts =
            |cause: serde_json::Error| RecordError::NotFacts { path: path.to_path_buf(), cause: cause.to_string() };
        // The number first: a later format may have fields that are not known here.
        #[derive(Deserialize)]
        struct Format {
            facts: u32,
        }
        let Format { facts: format } = serde_json::from_str(&text).map_err(not_facts)?;
        if format > FORMAT {
            return Err(RecordError::Newer { path: path.to_path_buf(), format });
        }
        serde_json::from_str(&text).map_err(not_facts)
    }

    /// The facts of both servers, as the parsers of today read them.
    ///
    /// # Errors
    /// As for a server: an answer without which nothing can be known is missing or not understood.
    pub fn facts(&self) -> Result<Facts, FactsError> {
        both(self)
    }

    /// Questions of today that were not asked then, or in other words: what depends on them may be wrong.
    pub fn not_asked(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for side in [Side::Old, Side::New] {
            for asked in queries::asked(side) {
                let Query::Run(argv) = &asked.query else { continue };
                let exact = self.server(side).answers.iter().any(|answer| answer.asked == *argv);
                let named = self.server(side).answers.iter().any(|answer| answer.name == asked.name);
                match (exact, named) {
                    (true, _) => {}
                    (false, true) => missing.push(format!("`{}` of {side} in other words", asked.name)),
                    (false, false) => missing.push(format!("`{}` of {side}", asked.name)),
                }
            }
        }
        missing
    }

    /// Whether a question of that name was asked.
    pub fn asked(&self, side: Side, name: &str) -> bool {
        self.server(side).answers.iter().any(|answer| answer.name == name)
    }

    fn server(&self, side: Side) -> &RecordedServer {
        match side {
            Side::Old => &self.old,
            Side::New | Side::Migrated => &self.new,
        }
    }
}

/// A recording answers as the servers did. What they were not asked then has the answer of a command that is not there.
impl Look for Recording {
    fn look(&self, on: Side, queries: &[Query]) -> Result<Vec<Output>, HostError> {
        let answers = &self.server(on).answers;
        let answer = |query: &Query| {
            let Query::Run(argv) = query else { return Output::ok("unknown\n") };
            let exact = answers.iter().find(|answer| answer.asked == *argv);
            let named = || answers.iter().find(|answer| !answer.name.is_empty() && answer.name == name(on, argv));
            match exact.or_else(named) {
                Some(answer) => answer.output(),
                None => Output {
                    code: 127,
                    stdout: String::new(),
                    stderr: "not asked when these facts were read\n".into(),
                },
            }
        };
        Ok(queries.iter().map(answer).collect())
    }
}
