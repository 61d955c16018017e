//! Texts in which a family's words stand: `{{install tgtd}} in the rescue system`.

use super::builder::Builder;
use super::kind::Family;

/// A text for systems of any family, with their words in place of the holes; where families differ, each with its own.
///
/// # Panics
/// Where a hole asks for a word that no family has: texts are written in the program, not read, and a test reads them all.
pub fn said(text: &str) -> String {
    let mut said = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (hole, after) = after.split_once("}}").expect("a hole has its end");
        said += before;
        said += &everywhere(hole);
        rest = after;
    }
    said + rest
}

/// What a person types to have a command, on whatever system; `None` where no table of packages knows it.
pub fn install(command: &str) -> Option<String> {
    let known = Family::ALL.iter().all(|family| family.installer.may(command).is_some());
    known.then(|| everywhere(&format!("install {command}")))
}

/// `X`, or `X (Debian and Ubuntu) or Y (…)`
fn everywhere(hole: &str) -> String {
    let word = |family: Family| word(family, hole).unwrap_or_else(|| panic!("no family has a word for `{hole}`"));
    let mut words: Vec<(Family, String)> = Vec::new();
    for family in Family::ALL {
        let word = word(family);
        if !words.iter().any(|(_, known)| *known == word) {
            words.push((family, word));
        }
    }
    match words.as_slice() {
        [(_, word)] => word.clone(),
        words => {
            let each = words.iter().map(|(family, word)| format!("{word} ({})", family.called));
            each.collect::<Vec<_>>().join(" or ")
        }
    }
}

fn word(family: Family, hole: &str) -> Option<String> {
    let builder = Builder::default();
    let (name, of) = hole.split_once(' ').unwrap_or((hole, ""));
    let typed = |command: &str| Some(format!("`{command}`"));
    let plain = |word: &str| Some(word.to_string());
    match name {
        // what a person types
        "install" => typed(&family.installer.install(of)),
        "update" => typed(family.installer.update),
        "clean" => typed(family.installer.clean),
        "autoremove" => typed(family.installer.autoremove),
        "kernel" => plain(&family.installer.kernel()),
        "menu" => typed(family.menu.make),
        "md-make" => typed(family.md.make),
        "rebuild" => typed(builder.rebuild),
        "build" => typed(builder.build),
        // what things are called
        "family" => plain(family.called),
        "installer" => plain(family.installer.called),
        "menu-settings" => plain(family.menu.settings),
        "md" => plain(family.md.called),
        "md-file" => plain(family.md.file),
        "install-builder" => typed(&format!("{} {}", family.installer.install, builder.called)),
        "strange-builder" => plain(&family.strange_builders.join(" or ")),
        "builder" => plain(builder.called),
        "builder-dir" => plain(builder.dir.trim_end_matches('/')),
        "held-file" => plain(builder.held.file),
        "held-no" => plain(&builder.held.line(builder.held.no)),
        "held-yes" => plain(&builder.held.line(builder.held.yes)),
        "no-resume" => plain(builder.no_resume),
        _ => None,
    }
}
