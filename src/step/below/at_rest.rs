use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::beneath::{self, Beneath};
use super::state::Lies;
use crate::host::{Act, HostError, Look, Side};
use crate::step::copy::ages::{Ages, ages_query};
use crate::step::{Seen, Step, Undo, answered};

/// The legs on new are let go for a while, all at one moment: old serves on alone, and md notes what changes. What was sent
/// until then is on new's disks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AtRest {
    /// the copies as their own steps make them
    pub copies: Vec<Beneath>,
}

pub(crate) const REST: &str = include_str!("../scripts/below-rest.sh");

/// Whether a leg rests: `None` where it neither does nor is in use.
fn rests(copy: &Beneath, lies: &Lies, marks: &Ages) -> Option<bool> {
    let leg = lies.leg(copy.number, "new").is_some() || lies.held.iter().any(|held| held == "new");
    let marked = marks.began(&copy.rest()).is_some() || marks.began(&copy.clean()).is_some();
    match (lies.tables == [copy.table().as_str()] && lies.array.is_some(), leg, marked) {
        (true, true, _) => Some(false),
        (true, false, true) => Some(true),
        _ => None,
    }
}

impl Step for AtRest {
    fn title(&self) -> String {
        match self.copies.len() {
            1 => "let the copy on new rest; old serves on".into(),
            count => format!("let all copies ({count}) on new rest; old serves on"),
        }
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let all: Vec<&Beneath> = self.copies.iter().collect();
        let state = beneath::read(on, side, &all)?;
        let marks: Vec<String> = all.iter().flat_map(|copy| [copy.rest(), copy.clean()]).collect();
        let marks = ages_query(&marks.iter().map(String::as_str).collect::<Vec<_>>());
        let marks = Ages::parse(&answered(on, side, marks)?.stdout);
        let mut resting = 0;
        for (copy, lies) in all.iter().zip(&state.volumes) {
            match rests(copy, lies, &marks) {
                Some(rests) => resting += usize::from(rests),
                None => return Ok(Seen::Foreign(format!("{}/{} is not copied: it cannot rest", copy.vg, copy.lv))),
            }
        }
        Ok(match resting {
            0 => Seen::Absent,
            count if count == all.len() => Seen::Present,
            count => Seen::Partial(format!("{count} of {} copies rest", all.len())),
        })
    }

    fn apply(&self) -> Vec<Act> {
        let Some(first) = self.copies.first() else { return Vec::new() };
        let script = format!("{}/below-rest.sh", first.dir);
        let mut argv = vec!["sh".to_string(), script.clone()];
        for copy in &self.copies {
            argv.extend([copy.number.to_string(), copy.leg.clone(), copy.since.clone()]);
        }
        vec![Act::put(&script, REST, 0o700), Act::run(argv)]
    }

    fn undo(&self) -> Undo {
        Undo::Nothing("the steps of the copies take the legs in again")
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }
}
