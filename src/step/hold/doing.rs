//! What new does while it does not serve yet: it holds, or it rehearses. All of it is in memory, and a reset forgets it.

use crate::host::{HostError, Look, Query, Side};
use crate::step::answered;

/// How far a rehearsal is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Phase {
    /// there is none
    None,
    /// volumes are snapshots, the system is not started yet
    Begun,
    /// it could not begin, and why
    Failed(String),
    /// the system was started
    Went,
}

/// What new says of itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Doing {
    /// it waits for the word to go on
    pub holds: bool,
    pub phase: Phase,
    /// systemctl(1), `is-system-running`, of the system that is rehearsed
    pub system: String,
    /// for each thing that must not be written to: sectors that were
    pub written: Vec<(String, i64)>,
}

/// Prints `holds`, `rehearsal PHASE …`, `system STATE` and `written NAME SECTORS`, as far as they are so.
pub(crate) const DOING: &str = r#"[ ! -p /run/replant/go ] || echo holds
[ -e /run/replant/rehearsal ] || exit 0
read -r phase rest </run/replant/rehearsal; echo "rehearsal $phase $rest"
[ ! -e /run/replant/rehearsal-written ] || while read -r name before; do
  echo "written $name $(awk -v b="$before" '{ print $7 + $14 - b }' "/sys/class/block/$name/stat")"
done </run/replant/rehearsal-written
[ "$phase" != went ] || echo "system $(timeout 20 nsenter --target 1 --mount --root -- systemctl is-system-running 2>/dev/null)""#;

impl Doing {
    /// `None`: new does not answer.
    pub(crate) fn of(on: &dyn Look) -> Result<Option<Doing>, HostError> {
        match answered(on, Side::New, Query::run(["sh", "-c", DOING])) {
            Ok(answer) => Doing::parse(&answer.stdout).map(Some).ok_or_else(|| HostError::Unclear {
                side: Side::New,
                command: "/run/replant/rehearsal".into(),
                cause: format!("`{}` does not say how far it is", answer.stdout.trim()),
            }),
            Err(HostError::Unreachable { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> Option<Doing> {
        let mut stage = Doing { holds: false, phase: Phase::None, system: String::new(), written: Vec::new() };
        for line in text.lines() {
            let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
            match what {
                "holds" => stage.holds = true,
                "rehearsal" => stage.phase = phase(rest)?,
                "system" => stage.system = rest.trim().to_string(),
                "written" => {
                    let (name, sectors) = rest.split_once(' ')?;
                    stage.written.push((name.to_string(), sectors.trim().parse().ok()?));
                }
                _ => {}
            }
        }
        Some(stage)
    }
}

fn phase(words: &str) -> Option<Phase> {
    let (word, rest) = words.trim().split_once(' ').unwrap_or((words.trim(), ""));
    match word {
        "begun" => Some(Phase::Begun),
        "went" => Some(Phase::Went),
        "failed" => Some(Phase::Failed(rest.to_string())),
        _ => None,
    }
}
