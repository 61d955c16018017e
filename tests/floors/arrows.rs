//! Who uses whom, file by file: each path in the sources is followed to the file that has what it names. A name that a
//! module only hands on (`pub use`) belongs to the file that it comes from, and whoever hands on uses nothing by that.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// `findings`, `volumes`: a module by its path from the root.
type Path = Vec<String>;

/// From a file to another, with one name that it takes from there.
pub type Arrows = BTreeMap<String, BTreeMap<String, String>>;

struct Module {
    /// `src/findings/volumes.rs`
    file: String,
    /// names that it brings in, and what they mean, from the root
    brings: HashMap<String, Path>,
    /// all paths of its code, as they are written, and those of `use` that are not handed on
    speaks: Vec<Path>,
}

/// All arrows between files. `sources`: names (`src/step/mod.rs`) with their code, without tests.
pub fn arrows(sources: &[(String, String)]) -> Arrows {
    let mut modules: HashMap<Path, Module> = HashMap::new();
    let paths: BTreeSet<Path> = sources.iter().map(|(file, _)| module_of(file)).collect();
    for (file, code) in sources {
        let at = module_of(file);
        let tokens = tokens(code);
        let (uses, rest) = split(&tokens);
        let words: BTreeSet<&str> = rest.iter().map(String::as_str).collect();
        let mut brings = HashMap::new();
        let mut speaks = spoken(&rest);
        for (path, name, handed_on) in uses {
            let Some(path) = absolute(&path, &at, &HashMap::new(), &paths) else { continue };
            if !handed_on || words.contains(name.as_str()) {
                speaks.push([vec!["crate".to_string()], path.clone()].concat());
            }
            brings.insert(name, path);
        }
        modules.insert(at, Module { file: file.clone(), brings, speaks });
    }
    let mut arrows = Arrows::new();
    for (at, module) in &modules {
        for path in &module.speaks {
            let Some(path) = absolute(path, at, &module.brings, &paths) else { continue };
            let Some(home) = home(&path, &modules) else { continue };
            if home != module.file {
                arrows.entry(module.file.clone()).or_default().entry(home).or_insert(path.join("::"));
            }
        }
    }
    arrows
}

/// Files that use each other, directly or through others: each such knot, with its shortest circle in words.
pub fn circles(arrows: &Arrows) -> Vec<String> {
    let none = BTreeMap::new();
    let to = |file: &String| arrows.get(file).unwrap_or(&none);
    // the shortest way back to where it began
    let circle = |start: &String| {
        let mut from: HashMap<&String, &String> = HashMap::new();
        let mut next = VecDeque::from([start]);
        while let Some(file) = next.pop_front() {
            for other in to(file).keys() {
                if from.contains_key(other) {
                    continue;
                }
                from.insert(other, file);
                if other == start {
                    let mut way = vec![start];
                    while let Some(before) = from.get(way[way.len() - 1]).filter(|before| **before != start) {
                        way.push(before);
                    }
                    way.push(start);
                    way.reverse();
                    return Some(way.into_iter().cloned().collect::<Vec<_>>());
                }
                next.push_back(other);
            }
        }
        None
    };
    let mut said = BTreeSet::new();
    let mut all: Vec<Vec<String>> = arrows.keys().filter_map(circle).collect();
    all.sort_by_key(Vec::len);
    let mut knots = Vec::new();
    for way in all {
        let files: BTreeSet<String> = way.iter().cloned().collect();
        if !said.insert(files) {
            continue;
        }
        let step = |pair: &[String]| format!("{} takes `{}` from {}", pair[0], to(&pair[0])[&pair[1]], pair[1]);
        knots.push(way.windows(2).map(step).collect::<Vec<_>>().join(",\n    "));
    }
    knots
}

fn module_of(file: &str) -> Path {
    let inside = file.trim_start_matches("src/").trim_end_matches(".rs");
    let inside = inside.strip_suffix("/mod").unwrap_or(inside);
    if inside == "lib" { Path::new() } else { inside.split('/').map(str::to_string).collect() }
}

/// From the root; `None`: a name of another crate, of the file itself, or of a type.
fn absolute(path: &[String], at: &Path, brings: &HashMap<String, Path>, modules: &BTreeSet<Path>) -> Option<Path> {
    let (first, rest) = path.split_first()?;
    let child = || [at.as_slice(), std::slice::from_ref(first)].concat();
    Some(match first.as_str() {
        "crate" => rest.to_vec(),
        "self" => [at, rest].concat(),
        "super" => {
            let ups = path.iter().take_while(|word| *word == "super").count();
            [&at[..at.len().checked_sub(ups)?], &path[ups..]].concat()
        }
        name if brings.contains_key(name) => [&brings[name], rest].concat(),
        _ if modules.contains(&child()) => [child().as_slice(), rest].concat(),
        _ => return None,
    })
}

/// The file that has what a path names: down the modules, and through those that only hand it on. A module alone is
/// nobody's: what is taken from it is told where it is used.
fn home(path: &[String], modules: &HashMap<Path, Module>) -> Option<String> {
    let mut path = path.to_vec();
    for _ in 0..10 {
        let deepest = (0..=path.len()).rev().find(|length| modules.contains_key(&path[..*length]))?;
        let name = path.get(deepest)?;
        let module = &modules[&path[..deepest]];
        match module.brings.get(name) {
            Some(means) => path = [means.as_slice(), &path[deepest + 1..]].concat(),
            None => return Some(module.file.clone()),
        }
    }
    None
}

/// Words, `::`, and single signs; no comments, nothing inside strings.
fn tokens(code: &str) -> Vec<String> {
    let chars: Vec<char> = code.chars().collect();
    let (mut all, mut at) = (Vec::new(), 0);
    let word = |c: char| c.is_alphanumeric() || c == '_';
    while at < chars.len() {
        let next = chars.get(at + 1).copied();
        match chars[at] {
            '/' if next == Some('/') => at += chars[at..].iter().take_while(|c| **c != '\n').count(),
            '"' => {
                at += 1;
                while at < chars.len() && chars[at] != '"' {
                    at += if chars[at] == '\\' { 2 } else { 1 };
                }
                at += 1;
            }
            'r' if matches!(next, Some('"' | '#')) => {
                let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
                if chars.get(at + 1 + hashes) != Some(&'"') {
                    at += 1;
                    continue;
                }
                let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
                at += hashes + 2;
                while at < chars.len() && !chars[at..].starts_with(&end) {
                    at += 1;
                }
                at += end.len();
            }
            // a letter, not a lifetime
            '\'' if next == Some('\\') => {
                at += 3;
                while at < chars.len() && chars[at] != '\'' {
                    at += 1;
                }
                at += 1;
            }
            '\'' if chars.get(at + 2) == Some(&'\'') => at += 3,
            ':' if next == Some(':') => {
                all.push("::".into());
                at += 2;
            }
            c if word(c) => {
                let length = chars[at..].iter().take_while(|c| word(**c)).count();
                all.push(chars[at..at + length].iter().collect());
                at += length;
            }
            c => {
                if !c.is_whitespace() {
                    all.push(c.to_string());
                }
                at += 1;
            }
        }
    }
    all
}

/// What is brought in, by path and name, and whether it is handed on; then all other tokens.
fn split(tokens: &[String]) -> (Vec<(Path, String, bool)>, Vec<String>) {
    let (mut uses, mut rest, mut at) = (Vec::new(), Vec::new(), 0);
    while at < tokens.len() {
        // `mod text;` says where something is, and uses nothing
        if tokens[at] == "mod" && tokens.get(at + 2).is_some_and(|end| end == ";") {
            at += 3;
            continue;
        }
        if tokens[at] != "use" {
            rest.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let handed_on = matches!(rest.last().map(String::as_str), Some("pub" | ")"));
        let length = tokens[at..].iter().take_while(|token| *token != ";").count();
        let mut tree = &tokens[at + 1..at + length];
        let mut found = Vec::new();
        branch(&mut tree, &Path::new(), &mut found);
        uses.extend(found.into_iter().map(|(path, name)| (path, name, handed_on)));
        at += length;
    }
    (uses, rest)
}

fn branch(tree: &mut &[String], before: &Path, found: &mut Vec<(Path, String)>) {
    let mut path = before.clone();
    // what ends it is left for whoever began the list; a list may end with a comma
    let ends = |tree: &[String]| matches!(tree.first().map(String::as_str), None | Some("," | "}"));
    if ends(tree) {
        return;
    }
    while let Some((token, rest)) = tree.split_first() {
        *tree = rest;
        match token.as_str() {
            "{" => loop {
                branch(tree, &path, found);
                match tree.split_first() {
                    Some((sign, rest)) if sign == "," => *tree = rest,
                    Some((_, rest)) => {
                        *tree = rest;
                        return;
                    }
                    None => return,
                }
            },
            "::" => {}
            "as" => {
                let (name, rest) = tree.split_first().expect("a name follows");
                *tree = rest;
                found.push((path, name.clone()));
                return;
            }
            "self" if !path.is_empty() => {}
            word => path.push(word.to_string()),
        }
        if ends(tree) {
            break;
        }
    }
    if let Some(name) = path.last().cloned().filter(|_| path.len() > before.len() || !path.is_empty()) {
        found.push((path, name));
    }
}

/// Paths of more than one word.
fn spoken(tokens: &[String]) -> Vec<Path> {
    let mut all = Vec::new();
    let mut at = 0;
    let is_word = |token: &String| token.chars().all(|c| c.is_alphanumeric() || c == '_');
    while at < tokens.len() {
        let mut path = vec![tokens[at].clone()];
        let mut end = at + 1;
        if is_word(&tokens[at]) && (at == 0 || tokens[at - 1] != "::") {
            while end + 1 < tokens.len() && tokens[end] == "::" && is_word(&tokens[end + 1]) {
                path.push(tokens[end + 1].clone());
                end += 2;
            }
        }
        if path.len() > 1 {
            all.push(path);
        }
        at = end;
    }
    all
}
