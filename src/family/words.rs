//! Texts in which a family's words stand: `{{install tgtd}} in the rescue system`.

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

fn everywhere(hole: &str) -> String {
    let word = |family: Family| word(family, hole).unwrap_or_else(|| panic!("no family has a word for `{hole}`"));
    either(Family::ALL.map(|family| (family.called, word(family))))
}

/// Words, each with who says so; alone, where all say the same.
fn either(said: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let mut words: Vec<(Vec<&str>, String)> = Vec::new();
    for (who, word) in said {
        match words.iter_mut().find(|(_, known)| *known == word) {
            Some((all, _)) => all.push(who),
            None => words.push((vec![who], word)),
        }
    }
    match words.as_slice() {
        [(_, word)] => word.clone(),
        words => {
            let each = words.iter().map(|(who, word)| format!("{word} ({})", who.join(", ")));
            each.collect::<Vec<_>>().join(" or ")
        }
    }
}

fn word(family: Family, hole: &str) -> Option<String> {
    let builder = family.builder();
    let (name, of) = hole.split_once(' ').unwrap_or((hole, ""));
    let typed = |command: &str| Some(format!("`{command}`"));
    let plain = |word: &str| Some(word.to_string());
    match name {
        // what a person types
        "install" => typed(&family.installer.install(of)),
        "update" => typed(family.installer.update),
        "clean" => typed(family.installer.clean),
        "autoremove" => typed(family.installer.autoremove),
        "package" => plain(family.installer.package(of)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_and_the_rest_stays() {
        let install = Family::Debian.installer.install;
        assert_eq!(said("{{install tgtd}} on new, { as it is }"), format!("`{install} tgt` on new, {{ as it is }}"));
        assert_eq!(said("{{md}} and {{md}}").matches(Family::Debian.md.called).count(), 2);
        assert_eq!(said("no hole"), "no hole");
    }

    #[test]
    #[should_panic(expected = "no family has a word for `nonsense`")]
    fn a_hole_that_nobody_fills_is_a_mistake_of_ours() {
        said("a {{nonsense}}");
    }

    #[test]
    fn where_families_differ_each_says_its_own() {
        let said = |words: &[(&'static str, &str)]| either(words.iter().map(|(who, word)| (*who, word.to_string())));
        assert_eq!(said(&[("one", "a"), ("two", "a")]), "a");
        assert_eq!(said(&[("one", "a"), ("two", "b"), ("three", "a")]), "a (one, three) or b (two)");
    }
}
