use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::beneath::Beneath;
use crate::host::{Act, HostError, Look, Side};
use crate::step::copy::ages::{Ages, ages_query, served};
use crate::step::hold::doing::{Doing, Phase};
use crate::step::{Seen, Step, Undo, answered};

/// Nothing was written to new's disks while the copies rested: so only what has changed on old is sent again. Without this
/// they are copied whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unwritten {
    /// the copies as their own steps make them
    pub copies: Vec<Beneath>,
}

/// Says of each copy that rests that it is as it was.
pub(crate) const CLEAN: &str = r#"for since; do [ ! -e "$since.rest" ] || mv "$since.rest" "$since.clean"; done"#;

impl Unwritten {
    fn marks(&self, on: &dyn Look, side: Side) -> Result<Ages, HostError> {
        let rest: Vec<String> = self.copies.iter().map(Beneath::rest).collect();
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        Ok(Ages::parse(&answered(on, side, ages_query(&rest))?.stdout))
    }
}

impl Step for Unwritten {
    fn title(&self) -> String {
        "nothing was written to new's volumes".into()
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let marks = self.marks(on, side)?;
        let rests = self.copies.iter().any(|copy| marks.began(&copy.rest()).is_some());
        Ok(if rests { Seen::Absent } else { Seen::Present })
    }

    /// New's own kernel has counted what was written, or new has not been started again since the copies began: then nothing
    /// was rehearsed. Whatever else is so, nobody knows.
    fn forbids(&self, on: &dyn Look, side: Side) -> Result<Option<String>, HostError> {
        let silent = || HostError::Unreachable { side: Side::New, cause: "it does not answer".into() };
        let stage = Doing::of(on)?.ok_or_else(silent)?;
        match stage.phase {
            Phase::None if stage.holds => {
                let (marks, served) = (self.marks(on, side)?, served(on)?);
                let again = self.copies.iter().any(|copy| marks.outlives(&copy.rest(), served));
                Ok(again
                    .then(|| "new was started again: nobody has seen that nothing was written to its volumes".into()))
            }
            Phase::None => Ok(Some("new is not in its hold: nobody has seen what was written to its volumes".into())),
            _ if stage.written.is_empty() => Ok(Some("nobody has counted what was written to new's volumes".into())),
            _ => Ok(stage
                .written
                .iter()
                .find(|(_, sectors)| *sectors != 0)
                .map(|(name, sectors)| format!("the rehearsal has written {sectors} sectors to {name} of new"))),
        }
    }

    fn apply(&self) -> Vec<Act> {
        let argv = ["sh", "-c", CLEAN, "sh"].into_iter();
        vec![Act::run(argv.chain(self.copies.iter().map(|copy| copy.since.as_str())))]
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("it only says what is so")
    }
}
