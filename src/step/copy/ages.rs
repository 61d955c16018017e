//! How long copies have been going on, and for how long new has run. What new had taken and not yet written to its disks
//! is lost with its power, and no mirror on old learns of it: where the iSCSI session outlasts that, the kernel goes on
//! with what it believes to be in sync. A copy that is older than new's uptime is therefore worth nothing.
//!
//! Both are spans of time, each by one clock: the clocks of two servers are never compared.

use crate::host::{HostError, Look, Query, Side};
use crate::step::answered;

/// Prints `now SECONDS`, and for each of the files that is there its name and its first word: seconds since the boot.
pub(crate) const AGES: &str = r#"read -r now _ </proc/uptime; echo "now ${now%.*}"
for f; do [ ! -e "$f" ] || { read -r at _ <"$f"; echo "$f ${at%.*}"; }; done"#;

/// Prints for how many seconds new has run, and each tgtd on it: proc(5), starttime.
pub(crate) const SERVED: &str = r#"read -r up _ </proc/uptime; up=${up%.*}; echo "up $up"; hz=$(getconf CLK_TCK || echo 100)
for p in $(pidof tgtd); do set -- $(sed 's/.*) //' "/proc/$p/stat"); echo "tgtd $((up - ${20} / hz))"; done"#;

pub(crate) const OUTLIVED: &str =
    "new was started again after this copy began: what it had not written to its disks by then is lost";

/// Asks old for the ages of copies, by the files that say since when each goes on.
pub(in crate::step) fn ages_query(since: &[&str]) -> Query {
    let mut argv = vec!["sh", "-c", AGES, "sh"];
    argv.extend(since);
    Query::run(argv)
}

/// Asks new for how many seconds it has offered its disks without an interruption: itself, and tgtd where it runs.
pub(in crate::step) fn served(on: &dyn Look) -> Result<u64, HostError> {
    let answer = answered(on, Side::New, Query::run(["sh", "-c", SERVED]))?;
    let seconds = answer.stdout.lines().map(|line| line.split_whitespace().nth(1)?.parse().ok());
    // a line without a number is no answer
    let all: Option<Vec<u64>> = seconds.collect();
    all.and_then(|all| all.into_iter().min()).ok_or_else(|| HostError::Unclear {
        side: Side::New,
        command: "/proc/uptime".into(),
        cause: format!("`{}` does not say since when it runs", answer.stdout.trim()),
    })
}

/// Since when copies go on, as old's clock since its boot has it.
#[derive(Debug, Clone, Default)]
pub(in crate::step) struct Ages {
    now: u64,
    began: Vec<(String, u64)>,
}

impl Ages {
    pub(in crate::step) fn parse(text: &str) -> Ages {
        let mut ages = Ages::default();
        for line in text.lines() {
            let Some((name, at)) = line.rsplit_once(' ') else { continue };
            match (name, at.parse()) {
                ("now", Ok(now)) => ages.now = now,
                (path, Ok(at)) => ages.began.push((path.to_string(), at)),
                _ => {}
            }
        }
        ages
    }

    pub(in crate::step) fn began(&self, since: &str) -> Option<u64> {
        self.began.iter().find(|(path, _)| path == since).map(|(_, at)| *at)
    }

    /// Whether the copy began before new has run for `served` seconds. Two seconds for rounding and for the way, and a
    /// five-thousandth of the age for clocks of which one is a little fast; between new's boot and the first copy there
    /// are always minutes.
    pub(in crate::step) fn outlives(&self, since: &str, served: u64) -> bool {
        self.began(since).is_some_and(|began| {
            let age = self.now.saturating_sub(began);
            served + 2 + age / 5000 < age
        })
    }
}
