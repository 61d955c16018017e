//! The tables of `tests/mutants` say what the sources say: an edit whose text is gone tries nothing.

use std::collections::BTreeSet;
use std::path::Path;

#[allow(dead_code)]
#[path = "mutants/table.rs"]
mod table;

/// Whether `if … { to } else { was }` can be what the compiler takes, as far as that is seen without it. One edit that is not
/// taken keeps all of them from being tried.
fn takes_turns(was: &str, to: &str) -> bool {
    let rest_of_one = |text: &str| text.starts_with(['.', '?', '=']);
    let statement = was.trim_end().ends_with([';', '}']);
    !rest_of_one(was) && !rest_of_one(to) && (statement || !to.trim().is_empty())
}

#[test]
fn every_edit_has_its_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let edits = table::all(root);
    let mut wrong = Vec::new();
    let mut known = BTreeSet::new();
    for edit in &edits {
        match std::fs::read_to_string(root.join(&edit.file)) {
            Err(error) => wrong.push(format!("{edit}: {error}")),
            Ok(text) => match edit.find(&text) {
                Err(why) => wrong.push(format!("{edit}: {why}: {}", edit.from)),
                Ok(place) if !edit.is_script() && !takes_turns(&place.was, &edit.to) => {
                    wrong.push(format!("{edit}: it is neither an expression nor a statement: {}", place.was))
                }
                Ok(place) if place.was == edit.to => wrong.push(format!("{edit}: it changes nothing")),
                Ok(place) => {
                    if !known.insert((edit.file.clone(), place.range.start, place.range.end, edit.to.clone())) {
                        wrong.push(format!("{edit}: it is there twice"));
                    }
                }
            },
        }
    }
    let listed = std::fs::read_to_string(root.join("docs/mutants.md")).expect("the page is there");
    for reason in edits.iter().filter_map(|edit| edit.spared.as_ref()) {
        if !listed.contains(reason) {
            wrong.push(format!("docs/mutants.md does not say: {reason}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), edits.len(), wrong.join("\n"));
    assert!(edits.len() > 80, "{} are few", edits.len());
}
