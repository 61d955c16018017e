//! How far the journal of a migration has come, as the servers know it. Old and the migrated new share address and key, and
//! a directory can be copied or restored: a journal that is older than what a server has seen must never act on it.
//!
//! A server keeps, in memory and where it survives a boot, who works on it and at which line: `seen`, in /run/replant and
//! /var/lib/replant. Each line has a sum over all lines up to it, so a copy that went another way is told too.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a server keeps it until the next boot.
pub const IN_MEMORY: &str = "/run/replant/seen";
/// Where it outlives a boot; on old it travels to new with the volumes.
pub const KEPT: &str = "/var/lib/replant/seen";

/// What a server is told of the run that works on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunMark {
    /// its name, out of its plan
    pub migration: String,
    /// made at random with the migration; a copy of its directory has the same
    pub id: String,
    /// when the migration was made
    #[schemars(with = "String")]
    pub made: Timestamp,
    /// of the journal, without its header
    pub line: usize,
    /// over all lines up to that one
    pub sum: String,
    /// person, machine and process
    pub by: String,
    /// the migration's directory
    pub dir: String,
    /// when the server was told
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// it has ended: complete, or taken back
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
}

/// The lines of a journal as they come to be, shared with those who act.
#[derive(Debug, Clone)]
pub struct Trail(Arc<Mutex<Lines>>);

#[derive(Debug)]
struct Lines {
    migration: String,
    id: String,
    made: Timestamp,
    by: String,
    dir: String,
    /// of this process
    run: String,
    /// of line 0, the header, and each line after it
    sums: Vec<u64>,
}

impl Trail {
    /// Of a journal that has its header only.
    pub fn new(migration: &str, id: &str, made: Timestamp, header: &[u8]) -> Trail {
        let first = sum(0xcbf2_9ce4_8422_2325, header);
        // journals of earlier days have none
        let id = if id.is_empty() { format!("{first:016x}") } else { id.into() };
        let run = uuid::Uuid::new_v4().simple().to_string();
        let sums = vec![first];
        let [by, dir] = [String::new(), String::new()];
        Trail(Arc::new(Mutex::new(Lines { migration: migration.into(), id, made, by, dir, run, sums })))
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One line further. `line`: its bytes, with the line break.
    pub fn push(&self, line: &[u8]) {
        let mut lines = self.lines();
        let before = lines.sums.last().copied().unwrap_or_default();
        lines.sums.push(sum(before, line));
    }

    /// Who works, for the words of whoever is refused.
    pub fn is_of(&self, by: &str) {
        self.lines().by = by.into();
    }

    /// In which directory.
    pub fn is_in(&self, dir: &std::path::Path) {
        let dir = dir.canonicalize().unwrap_or(dir.to_path_buf());
        self.lines().dir = dir.display().to_string();
    }

    /// By this the servers' marks are known as this migration's: a copy of it has the same.
    pub fn id(&self) -> String {
        self.lines().id.clone()
    }

    /// Names this process: of a server that knows it, nothing more has to be asked.
    pub(crate) fn run(&self) -> String {
        self.lines().run.clone()
    }

    /// The line and its sum, as an act leaves them on a server.
    pub fn here(&self) -> String {
        let lines = self.lines();
        format!("{} {:016x}", lines.sums.len() - 1, lines.sums.last().copied().unwrap_or_default())
    }

    /// What a server is to keep.
    pub fn text(&self, over: bool) -> String {
        let lines = self.lines();
        let mark = RunMark {
            migration: lines.migration.clone(),
            id: lines.id.clone(),
            made: lines.made,
            line: lines.sums.len() - 1,
            sum: format!("{:016x}", lines.sums.last().copied().unwrap_or_default()),
            by: lines.by.clone(),
            dir: lines.dir.clone(),
            at: Timestamp::now(),
            over,
        };
        format!("{}\n{}\n", lines.run, serde_json::to_string(&mark).unwrap_or_default())
    }

    /// Whether what a server keeps is of this very process.
    pub(crate) fn knows(&self, seen: &str) -> bool {
        seen.lines().next() == Some(self.lines().run.as_str())
    }

    /// Whether this journal may act on a server that keeps this.
    ///
    /// # Errors
    /// The server has seen a later line than the journal holds, another one in its place, or another migration.
    pub(crate) fn may_act(&self, seen: &str) -> Result<(), String> {
        let Some(mark) = RunMark::parse(seen) else { return Ok(()) };
        let lines = self.lines();
        let last = lines.sums.len() - 1;
        let who = format!("by {} in `{}` at {}", mark.by, mark.dir, mark.at);
        let cause = if mark.id != lines.id {
            if mark.made > lines.made {
                format!("a later migration, `{}`, has worked there {who}", mark.migration)
            } else if mark.over {
                return Ok(());
            } else {
                format!("another migration, `{}`, is under way there, worked on {who}", mark.migration)
            }
        } else if mark.line > last {
            format!(
                "this journal is older: it ends at line {}, and line {} was done there {who}",
                last + 1,
                mark.line + 1
            )
        } else if format!("{:016x}", lines.sums[mark.line]) != mark.sum {
            format!(
                "this journal is an older copy, or went another way: its line {} is not the one that was done there {who}",
                mark.line + 1
            )
        } else {
            return Ok(());
        };
        Err(format!(
            "{cause}. Nothing was done. Go on in that directory; only if it is lost for good, and you have compared both \
             servers with `replant status`, remove {IN_MEMORY} and {KEPT} there"
        ))
    }
}

impl RunMark {
    /// What a server keeps, at the last line that its run has left there.
    pub fn parse(seen: &str) -> Option<RunMark> {
        let mut all = seen.lines();
        let run = all.next()?;
        let mut mark: RunMark = serde_json::from_str(all.next()?).ok()?;
        for line in all {
            let words: Vec<&str> = line.split(' ').collect();
            if let [of, line, sum] = words[..]
                && of == run
                && let Ok(line) = line.parse()
                && line > mark.line
            {
                (mark.line, mark.sum) = (line, sum.to_string());
            }
        }
        Some(mark)
    }
}

/// FNV-1a, 64 bits: against accidents, not against malice.
fn sum(before: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(before, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail(id: &str, made: i64, lines: &[&str]) -> Trail {
        let trail = Trail::new("m", id, Timestamp::from_second(made).unwrap(), b"header\n");
        trail.is_of("anna@desk");
        trail.is_in("/nowhere/.replant/m".as_ref());
        lines.iter().for_each(|line| trail.push(line.as_bytes()));
        trail
    }

    #[test]
    fn older_journals_and_other_ones_are_told() {
        let seen = trail("a", 10, &["1", "2", "3"]).text(false);
        let cause = |trail: &Trail, seen: &str| trail.may_act(seen);
        for lines in [&["1", "2", "3"] as &[&str], &["1", "2", "3", "4"]] {
            assert_eq!(cause(&trail("a", 10, lines), &seen), Ok(()));
        }
        let older = cause(&trail("a", 10, &["1", "2"]), &seen).unwrap_err();
        assert!(
            older.contains("ends at line 3, and line 4 was done there by anna@desk in `/nowhere/.replant/m`"),
            "{older}"
        );
        let other = cause(&trail("a", 10, &["1", "x", "3", "4"]), &seen).unwrap_err();
        assert!(other.contains("went another way: its line 4"), "{other}");
        // what acts have left since
        let run = seen.lines().next().unwrap().to_string();
        let acted = |line: &str| format!("{seen}{run} {line}\n");
        let full = trail("a", 10, &["1", "2", "3", "4", "5"]);
        assert_eq!(cause(&full, &acted(&full.here())), Ok(()));
        assert!(cause(&trail("a", 10, &["1", "2", "3", "4"]), &acted(&full.here())).is_err());
        assert!(cause(&trail("a", 10, &["1", "2", "3", "4", "x"]), &acted(&full.here())).is_err());
        // of another run: it says nothing of what this one did
        assert_eq!(cause(&trail("a", 10, &["1", "2", "3"]), &format!("{seen}other 5 00\n")), Ok(()));
        assert_eq!(cause(&trail("a", 10, &[]), ""), Ok(()));
    }

    #[test]
    fn a_migration_waits_for_the_end_of_the_one_before_it() {
        let before = trail("a", 10, &["1"]);
        let (later, earlier) = (trail("b", 20, &[]), trail("c", 5, &["1", "2"]));
        assert!(later.may_act(&before.text(false)).unwrap_err().contains("is under way"));
        assert_eq!(later.may_act(&before.text(true)), Ok(()));
        assert!(earlier.may_act(&before.text(true)).unwrap_err().contains("a later migration"));
    }
}
