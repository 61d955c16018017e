//! The copy of the sources with all edits asleep in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::table::{Edit, Place};

/// What goes into the library of the copy.
const AWAKE: &str = r#"
/// Whether this edit is awake.
pub fn mutant(id: u32) -> bool {
    static AWAKE: std::sync::LazyLock<u32> =
        std::sync::LazyLock::new(|| std::env::var("REPLANT_MUTANT").ok().and_then(|id| id.parse().ok()).unwrap_or(0));
    *AWAKE == id
}

/// The script, or what an edit has made of it.
pub fn swapped(script: &'static str) -> &'static str {
    static SWAP: std::sync::LazyLock<Option<(String, String)>> = std::sync::LazyLock::new(|| {
        let path = std::env::var("REPLANT_SWAP").ok()?;
        let read = |end: &str| std::fs::read_to_string(format!("{path}.{end}")).expect("the edit is there");
        Some((read("from"), read("to")))
    });
    match &*SWAP {
        Some((from, to)) if from == script => Box::leak(to.clone().into_boxed_str()),
        _ => script,
    }
}
"#;

/// Makes the copy, or makes the one of before like the sources are now. Files that are as they should be are left alone, so
/// that cargo builds again what differs only.
pub fn plant(root: &Path, edits: &[Edit]) -> Result<PathBuf, String> {
    let copy = root.join("target/mutants/tree");
    let mut files = BTreeMap::new();
    for name in [".ci", "src", "tests", "plans", "schemas", "docs", "benches"] {
        gather(root, &root.join(name), &mut files);
    }
    for name in
        ["Cargo.toml", "Cargo.lock", "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md"]
    {
        files.insert(PathBuf::from(name), fs::read(root.join(name)).map_err(|error| format!("{name}: {error}"))?);
    }
    let mut rust: BTreeMap<&str, Vec<&Edit>> = BTreeMap::new();
    let mut constants = BTreeSet::new();
    for edit in edits {
        let text = text(&files, &edit.file)?;
        edit.find(&text).map_err(|why| format!("{edit}: {why}"))?;
        if !edit.is_script() {
            rust.entry(&edit.file).or_default().push(edit);
        } else {
            constants.insert(match &edit.constant {
                Some(name) => name.clone(),
                None => included(&files, &edit.file).ok_or_else(|| format!("{} is in no constant", edit.file))?,
            });
        }
    }
    for (file, edits) in rust {
        let text = text(&files, file)?;
        let places: Result<Vec<(&Edit, Place)>, String> =
            edits.iter().map(|edit| Ok((*edit, edit.find(&text)?))).collect();
        files.insert(file.into(), asleep(&text, 0..text.len(), &places?)?.into_bytes());
    }
    for (path, bytes) in &mut files {
        let scripted = ["src/step/", "src/course/", "src/family/", "src/host/ssh/script.rs"]
            .iter()
            .any(|room| path.starts_with(room));
        if scripted && path.extension().is_some_and(|end| end == "rs") {
            let text = String::from_utf8_lossy(bytes).into_owned();
            *bytes = swappable(&text, &constants).into_bytes();
        }
    }
    // what is asleep is never used
    let library = format!("#![allow(warnings)]\n{}{AWAKE}", text(&files, "src/lib.rs")?);
    files.insert("src/lib.rs".into(), library.into_bytes());
    for (path, bytes) in &files {
        let path = copy.join(path);
        if fs::read(&path).ok().as_ref() != Some(bytes) {
            fs::create_dir_all(path.parent().expect("below the copy")).map_err(|error| error.to_string())?;
            fs::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    let mut there = BTreeMap::new();
    gather(&copy, &copy, &mut there);
    for path in there.keys().filter(|path| !files.contains_key(*path)) {
        let _ = fs::remove_file(copy.join(path));
    }
    Ok(copy)
}

fn gather(root: &Path, dir: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(root, &path, files);
        } else if let Ok(bytes) = fs::read(&path) {
            files.insert(path.strip_prefix(root).expect("below").to_path_buf(), bytes);
        }
    }
}

fn text(files: &BTreeMap<PathBuf, Vec<u8>>, name: &str) -> Result<String, String> {
    let bytes = files.get(Path::new(name)).ok_or_else(|| format!("there is no {name}"))?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

/// The constant that holds a script.
fn included(files: &BTreeMap<PathBuf, Vec<u8>>, script: &str) -> Option<String> {
    let name = Path::new(script).file_name()?.to_str()?;
    files.iter().filter(|(path, _)| path.starts_with("src")).find_map(|(_, bytes)| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let line = text
            .lines()
            .find(|line| line.contains(&format!("/{name}\"")) || line.contains(&format!(" \"{name}\"")))?;
        match line.split_once("const ") {
            Some((_, rest)) => Some(rest.split_once(':')?.0.to_string()),
            // in the list of templates
            None => Some(line.split_once(" = ")?.0.trim().to_string()),
        }
    })
}

/// The text of a range with every edit in it asleep: where it stands, all edits of the same place take turns, and what
/// stood there is the last of them.
fn asleep(text: &str, range: std::ops::Range<usize>, edits: &[(&Edit, Place)]) -> Result<String, String> {
    let mut made = String::new();
    let mut at = range.start;
    let mut inside: Vec<&(&Edit, Place)> =
        edits.iter().filter(|(_, place)| range.start <= place.range.start && place.range.end <= range.end).collect();
    // outer ones first
    inside.sort_by_key(|(_, place)| (place.range.start, std::cmp::Reverse(place.range.end)));
    while let Some((first, place)) = inside.first() {
        let outer = place.range.clone();
        let (same, rest): (Vec<_>, Vec<_>) = inside.into_iter().partition(|(_, place)| place.range == outer);
        let (below, after): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(_, place)| place.range.start < outer.end);
        if let Some((edit, _)) = below.iter().find(|(_, place)| place.range.end > outer.end) {
            return Err(format!("{first} and {edit} overlap"));
        }
        let below: Vec<(&Edit, Place)> = below
            .into_iter()
            .map(|(edit, place)| (*edit, Place { range: place.range.clone(), was: place.was.clone() }))
            .collect();
        let was = asleep(text, outer.clone(), &below)?;
        made += &text[at..outer.start];
        let statement =
            was.trim_end().ends_with([';', '}']) && !first.to.is_empty() && first.to.ends_with([';', '}'])
                || was.trim_end().ends_with(';');
        let turns: String =
            same.iter().map(|(edit, _)| format!("if crate::mutant({}) {{ {} }} else ", edit.id, edit.to)).collect();
        made += &if statement { format!("{turns}{{ {was} }}") } else { format!("({turns}{{ {was} }})") };
        at = outer.end;
        inside = after;
    }
    Ok(made + &text[at..range.end])
}

/// Every use of these constants asks for what an edit has made of it.
fn swappable(text: &str, constants: &BTreeSet<String>) -> String {
    let mut made = String::new();
    for line in text.split_inclusive('\n') {
        let defines = line.contains("const ") || line.trim_start().starts_with("use ") || line.contains(" = \"");
        if defines {
            made += line;
            continue;
        }
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let mut rest = line;
        while !rest.is_empty() {
            let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
            if length == 0 {
                let next = rest.chars().next().map_or(1, char::len_utf8);
                made += &rest[..next];
                rest = &rest[next..];
                continue;
            }
            let path = &rest[..length];
            let known = path.rsplit("::").next().is_some_and(|name| constants.contains(name));
            made += &if known { format!("crate::swapped({path})") } else { path.to_string() };
            rest = &rest[length..];
        }
    }
    made
}

/// Writes the script before and after this edit, and says where.
pub fn swap(copy: &Path, edit: &Edit) -> PathBuf {
    let path = copy.join(format!("../swap-{}", edit.id));
    let text = fs::read_to_string(copy.join(&edit.file)).expect("a script is text");
    let place = edit.find(&text).expect("found before");
    let whole = match &edit.constant {
        None => 0..text.len(),
        Some(name) => crate::table::constant(&text, name).expect("found before"),
    };
    let to = format!("{}{}{}", &text[whole.start..place.range.start], edit.to, &text[place.range.end..whole.end]);
    fs::write(path.with_extension("from"), &text[whole]).expect("the copy can be written to");
    fs::write(path.with_extension("to"), to).expect("the copy can be written to");
    path
}
