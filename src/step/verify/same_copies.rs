use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::State;
use crate::host::{Act, HostError, Look, Server, Side};
use crate::step::{Mark, Seen, Step, Undo};

/// Each copy has the hash of its original. Where one has another, all are given up, and old's services are started again: what
/// made one wrong may have made others wrong where nobody has looked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SameCopies {
    /// the volumes: `vg0/root`
    pub of: Vec<String>,
    /// where old has noted what it found
    pub on_old: String,
    /// where new has; `None`: old has read the copies, too
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_new: Option<String>,
    /// files in old's memory that say that copies are worth nothing: they are begun again before anything else is done
    pub marks: Vec<String>,
    /// what the runner that starts services again knows
    pub dead_man: String,
}

/// Seconds after which services are being started again.
const SOON: u64 = 10;

/// What is noted where a device could not be read.
const UNREAD: &str = "unread";

/// The mark first: whatever comes next, the copies are not believed again. `DIR MARK...`
pub(crate) const GIVE_UP: &str = r#"dir=$1
shift
for mark; do
  mkdir -p "${mark%/*}" && echo differs >"$mark" || exit
done
exec sh "$dir/dead-man.sh" "$dir" now
"#;

impl SameCopies {
    /// What is wrong, volume by volume; `None`: somebody has to hash first.
    fn wrong(&self, old: &State, new: &State) -> Option<Vec<String>> {
        let mut wrong = Vec::new();
        for of in &self.of {
            let original = old.hash(&format!("{of}:{}", Server::Old))?;
            let copy = format!("{of}:{}", Server::New);
            let copy = old.hash(&copy).or_else(|| new.hash(&copy))?;
            match (original, copy) {
                (UNREAD, _) => wrong.push(format!("{of} cannot be read on old's disks")),
                (_, UNREAD) => wrong.push(format!("the copy of {of} cannot be read on new's disks")),
                _ if original != copy => wrong.push(format!("the copy of {of} differs from the original")),
                _ => {}
            }
        }
        Some(wrong)
    }
}

impl Step for SameCopies {
    fn title(&self) -> String {
        let which = match self.of.len() {
            1 => "the copy is the same as the original".into(),
            count => format!("all copies ({count}) are the same as the originals"),
        };
        format!("{which}; if not, old serves again within {SOON} s")
    }

    fn mark(&self) -> Mark {
        Mark::Check
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let old = State::read(on, side, &self.on_old, self.marks.iter())?;
        let new = match &self.on_new {
            Some(dir) => State::read(on, Side::New, dir, [].iter())?,
            None => State::default(),
        };
        let Some(wrong) = self.wrong(&old, &new) else {
            return Ok(Seen::Foreign("the copies have not been hashed, or what was found is gone".into()));
        };
        let marked = self.marks.iter().any(|mark| old.word(mark).is_some());
        Ok(match (wrong.is_empty(), marked) {
            (true, false) => Seen::Present,
            (false, false) => Seen::Absent,
            (_, true) => Seen::Foreign(format!(
                "{}. Nothing was cut, and within {SOON} s old's services were being started again. `replant apply` copies all \
                 volumes again, from their beginning, and compares again; `replant rollback` goes back",
                if wrong.is_empty() {
                    "copies were found to differ from the originals".into()
                } else {
                    wrong.join("; ")
                }
            )),
        })
    }

    /// Only where they differ: what is the same is seen at once.
    fn apply(&self) -> Vec<Act> {
        let argv = ["sh", "-c", GIVE_UP, "sh", &self.dead_man].into_iter();
        vec![Act::long(argv.chain(self.marks.iter().map(String::as_str)))]
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("it only looked")
    }
}
