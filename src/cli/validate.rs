use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{End, Failure, Talk, input, kept, made};
use crate::plan;
use crate::report::out;

/// Each file, a plan or a runbook; all of them are read, whatever is wrong with the first.
pub(super) fn run(talk: &Talk, files: &[PathBuf]) -> Result<End, Failure> {
    if let [only] = files {
        let (good, data) = one(talk, only)?;
        if talk.json {
            talk.data(&data);
        }
        return Ok(if good { End::Good } else { End::Failed });
    }
    let mut all = Vec::new();
    for file in files {
        let (good, mut data) = one(talk, file).unwrap_or_else(|failure| {
            talk.tell_error(&failure);
            (false, json!({ "valid": false, "error": failure.message, "help": failure.help }))
        });
        data["file"] = file.display().to_string().into();
        all.push((good, data));
    }
    let good = all.iter().all(|(good, _)| *good);
    if talk.json {
        let files: Vec<Value> = all.into_iter().map(|(_, data)| data).collect();
        talk.data(&json!({ "valid": good, "files": files }));
    }
    Ok(if good { End::Good } else { End::Failed })
}

/// Whether it is good, and what `--json` says of it.
fn one(talk: &Talk, path: &Path) -> Result<(bool, Value), Failure> {
    let stdin = path == Path::new("-");
    let shown = if stdin { "standard input".to_string() } else { path.display().to_string() };
    let next = |command: &str| match stdin {
        true => String::new(),
        false => format!(" Next: {}", talk.command(&[command, &shown])),
    };
    let bytes = match input::read(path) {
        // what is wrong with it is said as of a plan, for people and for programs
        Err(_) if !stdin => return Ok(of_plan(talk, plan::load(path), &shown, &next("plan"))),
        read => read?,
    };
    if input::is_runbook(&bytes) {
        let runbook = kept::of_bytes(&bytes, &shown)?;
        made::as_made(&runbook, &shown)?;
        let steps = runbook.nodes.len();
        if !talk.json {
            talk.say(format!("{shown} is a valid runbook of {steps} steps, as it was made.{}", next("apply")));
        }
        return Ok((true, json!({ "valid": true, "runbook": runbook.name, "steps": steps })));
    }
    Ok(of_plan(talk, plan::of_bytes(&shown, &bytes), &shown, &next("plan")))
}

fn of_plan(talk: &Talk, loaded: Result<plan::Loaded, plan::Diagnostics>, shown: &str, next: &str) -> (bool, Value) {
    match loaded {
        Ok(loaded) => {
            if !loaded.warnings.is_empty() {
                out::tell_drawn(loaded.warnings.render(talk.color()).trim_end());
            }
            if !talk.json {
                talk.say(format!("{shown} is a valid plan.{next}"));
            }
            (true, json!({ "valid": true, "findings": loaded.warnings.to_json() }))
        }
        Err(found) => {
            out::tell_drawn(found.render(talk.color()).trim_end());
            (false, invalid(&found))
        }
    }
}

fn invalid(found: &plan::Diagnostics) -> Value {
    json!({ "valid": false, "findings": found.to_json() })
}

/// A plan that is good, or everything that is wrong with it on the screen.
pub(super) fn load(talk: &Talk, path: &Path) -> Result<plan::Loaded, Failure> {
    plan::load(path).map_err(|found| {
        out::tell_drawn(found.render(talk.color()).trim_end());
        let words = Failure::new(format!("`{}` is not a valid plan", path.display()), "correct what is said above");
        Failure { data: Some(Box::new(invalid(&found))), ..words }
    })
}
