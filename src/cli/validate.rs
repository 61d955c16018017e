use std::path::Path;

use super::{End, Failure, Talk};
use crate::plan;

pub fn run(talk: &Talk, path: &Path) -> Result<End, Failure> {
    match plan::load(path) {
        Ok(loaded) => {
            if !loaded.warnings.is_empty() {
                anstream::eprint!("{}", loaded.warnings.render(talk.color()));
            }
            if talk.json {
                talk.data(&serde_json::json!({ "valid": true, "findings": loaded.warnings.to_json() }));
            } else {
                talk.say(format!("{} is a valid plan. Next: replant plan {}", path.display(), path.display()));
            }
            Ok(End::Good)
        }
        Err(found) => {
            anstream::eprint!("{}", found.render(talk.color()));
            if talk.json {
                talk.data(&serde_json::json!({ "valid": false, "findings": found.to_json() }));
            }
            Ok(End::Failed)
        }
    }
}

/// A plan that is good, or everything that is wrong with it on the screen.
pub fn load(talk: &Talk, path: &Path) -> Result<plan::Loaded, Failure> {
    plan::load(path).map_err(|found| {
        anstream::eprint!("{}", found.render(talk.color()));
        Failure::new(format!("`{}` is not a valid plan", path.display()), "correct what is said above")
    })
}
