use std::path::Path;

use super::{End, Failure, Talk};
use crate::plan;
use crate::report::out;

pub fn run(talk: &Talk, path: &Path) -> Result<End, Failure> {
    match plan::load(path) {
        Ok(loaded) => {
            if !loaded.warnings.is_empty() {
                out::tell_drawn(loaded.warnings.render(talk.color()).trim_end());
            }
            if talk.json {
                talk.data(&serde_json::json!({ "valid": true, "findings": loaded.warnings.to_json() }));
            } else {
                let shown = path.display().to_string();
                talk.say(format!("{shown} is a valid plan. Next: {}", talk.command(&["plan", &shown])));
            }
            Ok(End::Good)
        }
        Err(found) => {
            out::tell_drawn(found.render(talk.color()).trim_end());
            if talk.json {
                talk.data(&invalid(&found));
            }
            Ok(End::Failed)
        }
    }
}

fn invalid(found: &plan::Diagnostics) -> serde_json::Value {
    serde_json::json!({ "valid": false, "findings": found.to_json() })
}

/// A plan that is good, or everything that is wrong with it on the screen.
pub fn load(talk: &Talk, path: &Path) -> Result<plan::Loaded, Failure> {
    plan::load(path).map_err(|found| {
        out::tell_drawn(found.render(talk.color()).trim_end());
        let words = Failure::new(format!("`{}` is not a valid plan", path.display()), "correct what is said above");
        Failure { data: Some(Box::new(invalid(&found))), ..words }
    })
}
