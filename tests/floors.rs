//! The house stands on its floors: each room uses only what is below it. Read from the sources, so that no compiler
//! setting and nobody's good intentions are needed.

#[path = "floors/arrows.rs"]
mod arrows;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Every room and whom it may use, from the top floor down. ARCHITECTURE.md says what each is for.
const ROOMS: &[(&str, &[&str])] = &[
    (
        "cli",
        &[
            "sim",
            "report",
            "draft",
            "rehearsal",
            "engine",
            "forecast",
            "course",
            "findings",
            "layout",
            "journal",
            "runbook",
            "step",
            "facts",
            "plan",
            "host",
            "secret",
        ],
    ),
    // a world to try plans on: it knows what real servers would answer
    (
        "sim",
        &[
            "report",
            "rehearsal",
            "engine",
            "course",
            "findings",
            "layout",
            "journal",
            "runbook",
            "step",
            "facts",
            "plan",
            "host",
            "secret",
            "family",
        ],
    ),
    (
        "report",
        &[
            "rehearsal",
            "engine",
            "forecast",
            "course",
            "findings",
            "layout",
            "journal",
            "runbook",
            "step",
            "facts",
            "plan",
            "host",
        ],
    ),
    // new boots what was copied, is looked at, and holds again
    ("rehearsal", &["engine", "course", "journal", "runbook", "step", "plan", "host"]),
    // from facts to a plan, before there is one
    ("draft", &["findings", "layout", "facts", "plan"]),
    ("forecast", &["course", "findings", "layout", "runbook", "step", "facts", "plan", "host"]),
    // knows no plan and no facts
    ("engine", &["journal", "runbook", "step", "host"]),
    // the only room that knows both what is wanted and how it is done
    ("course", &["findings", "layout", "runbook", "step", "facts", "plan", "host", "units", "family"]),
    ("findings", &["layout", "facts", "plan", "units", "family"]),
    // plan and facts, joined: what is meant, and nothing of what is wrong with it
    ("layout", &["step", "facts", "plan", "units", "family"]),
    ("journal", &["runbook", "host"]),
    ("runbook", &["step", "host"]),
    // knows no plan
    ("step", &["facts", "host", "units", "family"]),
    ("facts", &["host", "family"]),
    ("plan", &[]),
    ("host", &["secret", "family"]),
    ("secret", &[]),
    ("units", &[]),
    // what systems call things; it knows no other room
    ("family", &[]),
];

type Kept = (&'static [&'static str], &'static [&'static str], &'static str);

/// Words that belong to some files only: the words, whose they are, and why.
const KEPT: &[Kept] = &[
    (
        &["Command::new", "duct::", "std::process::Command"],
        &["src/host/ssh", "src/host/local.rs"],
        "only the ssh host and the power control start processes",
    ),
    (&["Quoter", "try_quote", "shlex::quote", "try_join"], &["src/host/ssh"], "quoting exists in one function"),
    (
        &["println!", "eprintln!", "print!", "eprint!"],
        &[],
        "they panic where nobody reads any more: a closed pipe must not end a cutover (report/out.rs)",
    ),
    (
        &["io::stdout()", "io::stderr()", "anstream::stdout()", "anstream::stderr()"],
        &["src/cli/", "src/report/"],
        "only cli and report print",
    ),
    (&["todo!", "unimplemented!", "dbg!"], &[], "nothing is left open in a program that people trust with servers"),
    (&["unsafe "], &[], "there is no need for it"),
    FAMILY,
];

const FAMILY: Kept = (
    &["apt-get", "dpkg", "dnf", "dracut", "update-initramfs", "mdadm.conf", "update-grub", "initramfs-tools"],
    &["src/family/", "src/sim/"],
    "what a family of systems calls things stands in its room; texts have holes for it (family::said)",
);

/// Names that several public types have: the same thing of the field each time, as a plan wants it, as it was found, as it
/// is laid out, or as a step makes it. Whatever else would take such a name takes a longer one.
const SHARED: &[(&str, &str)] = &[
    ("Array", "an md array"),
    ("Boot", "the file system of /boot"),
    ("Disk", "a disk of new"),
    ("Entry", "an entry of a list: of fstab, of mdadm.conf, of the journal"),
    ("Mirror", "a mirrored volume"),
    ("Mount", "a mounted file system"),
    ("Partition", "a partition of new's disks"),
    ("Severity", "how much a remark weighs, on a plan or on servers"),
    ("Volume", "a logical volume"),
];

struct Source {
    /// `src/engine/turn.rs`
    name: String,
    /// without comments and without its tests
    code: String,
}

impl Source {
    fn room(&self) -> &str {
        let inside = self.name.strip_prefix("src/").unwrap();
        inside.split_once('/').map_or_else(|| inside.strip_suffix(".rs").unwrap(), |(room, _)| room)
    }

    /// What it takes from other rooms: `("journal", "crate::journal::{Run")`, with the number of the line.
    fn uses(&self) -> Vec<(String, String, usize)> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("crate::") {
            let boundary =
                self.code[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '$');
            if !boundary {
                continue;
            }
            let line = self.code[..at].matches('\n').count() + 1;
            let rest = &self.code[at + "crate::".len()..];
            let paths = match rest.strip_prefix('{') {
                Some(group) => split_group(group),
                None => vec![path(rest)],
            };
            for path in paths {
                let room = path.split("::").next().unwrap_or_default().to_string();
                found.push((room, format!("crate::{path}"), line));
            }
        }
        found
    }
}

fn path(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':')
        .collect::<String>()
        .trim_end_matches(':')
        .into()
}

/// `a::b, c::{d, e}}…` at its own commas only.
fn split_group(text: &str) -> Vec<String> {
    let mut depth = 1;
    let mut parts = vec![String::new()];
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        parts.last_mut().unwrap().push(c);
    }
    parts.iter().map(|part| path(part.trim())).filter(|part| !part.is_empty()).collect()
}

/// All files below a directory, sorted.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = files(&root.join("src"));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_string();
        let text = fs::read_to_string(&path).unwrap();
        let own = text.split_once("#[cfg(test)]\nmod tests {").map_or(text.as_str(), |(own, _)| own);
        let code = own.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
        Source { name, code: code.collect::<Vec<_>>().join("\n") }
    };
    paths.into_iter().map(read).filter(|source| !source.name.ends_with("/tests.rs")).collect()
}

fn none(what: &str, violations: Vec<String>) {
    assert!(violations.is_empty(), "{what}:\n  {}\n", violations.join("\n  "));
}

#[test]
fn every_room_uses_only_what_is_below_it() {
    let mut violations = Vec::new();
    for source in sources() {
        let room = source.room();
        if room == "lib" || room == "main" {
            continue;
        }
        let Some((_, may)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            violations.push(format!("{}: the room `{room}` has no floor yet: give it one in ROOMS", source.name));
            continue;
        };
        for (other, what, line) in source.uses() {
            if other != room && !may.contains(&other.as_str()) {
                violations.push(format!("{}:{line}: `{room}` may not use `{what}`", source.name));
            }
        }
    }
    none("rooms that use what is not below them", violations);
}

#[test]
fn the_floors_themselves_lead_downwards() {
    let floor = |room: &str| ROOMS.iter().position(|(name, _)| *name == room).unwrap();
    let mut violations = Vec::new();
    for (room, may) in ROOMS {
        for other in may.iter().filter(|other| floor(other) <= floor(room)) {
            violations.push(format!("`{room}` uses `{other}`, which is above it"));
        }
    }
    none("floors", violations);
}

#[test]
fn what_belongs_to_some_is_used_by_them_alone() {
    let mut violations = Vec::new();
    for source in sources() {
        for (words, owners, why) in KEPT {
            if owners.iter().any(|owner| source.name.starts_with(owner)) {
                continue;
            }
            for (number, line) in source.code.lines().enumerate() {
                for word in words.iter().filter(|word| contains_word(line, word)) {
                    violations.push(format!("{}:{}: `{word}`: {why}", source.name, number + 1));
                }
            }
        }
        // the dispatch is `as_step()`, and that is all the engine needs
        if source.room() == "engine" && source.code.contains("StepKind") {
            violations.push(format!("{}: the engine knows no kind of step", source.name));
        }
    }
    none("words in the wrong place", violations);
}

/// What is no Rust: scripts and templates, comments and all.
#[test]
fn scripts_and_templates_do_not_speak_for_a_family() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (words, rooms, why) = FAMILY;
    let mut violations = Vec::new();
    for path in files(&root.join("src")).into_iter().filter(|path| path.extension().is_none_or(|end| end != "rs")) {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        if rooms.iter().any(|room| name.starts_with(room)) {
            continue;
        }
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let spoken = words.iter().filter(|word| contains_word(line, word));
            violations.extend(spoken.map(|word| format!("{name}:{}: `{word}`: {why}", number + 1)));
        }
    }
    none("words of a family", violations);
}

/// `print!` is not in `eprint!`.
fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(at, _)| line[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric() && before != '_'))
}

/// In one room as little as in two: what two files both need stands in a third. Methods of one type may stand in several
/// files; what counts is who names whom.
#[test]
fn no_two_files_use_each_other() {
    let sources: Vec<(String, String)> = sources()
        .into_iter()
        .filter(|source| source.room() != "main")
        .map(|source| (source.name, source.code))
        .collect();
    none("files that use each other", arrows::circles(&arrows::arrows(&sources)));
}

#[test]
fn circles_are_seen() {
    let circles = |sources: &[(&str, &str)]| {
        let owned = |(name, code): &(&str, &str)| (name.to_string(), code.to_string());
        arrows::circles(&arrows::arrows(&sources.iter().map(owned).collect::<Vec<_>>()))
    };
    let table = ("src/a/mod.rs", "mod b; mod kind; pub use kind::{Kind, Other}; const ALL: &[Kind] = &[b::KIND];");
    let kind = ("src/a/kind.rs", "pub struct Kind; pub struct Other;");
    let user = ("src/a/b.rs", "use super::Kind; pub const KIND: Kind = Kind;");
    assert_eq!(circles(&[table, kind, user]), [""; 0], "what is handed on belongs to where it comes from");
    for back in [
        "use super::ALL;",
        "use crate::a::{Kind, ALL};",
        "fn f() { super::ALL.len(); }",
        "fn f() { let quote = '\"'; crate::a::ALL.len(); }",
        "use super::{self as table}; fn f() { table::ALL.len(); }",
    ] {
        let found = circles(&[table, kind, ("src/a/b.rs", &format!("{} {back}", user.1))]);
        assert_eq!(found.len(), 1, "{back}");
        assert!(found[0].contains("src/a/b.rs takes `a::ALL` from src/a/mod.rs"), "{found:?}");
    }
    // over three files, and where a parent only passes it on
    let far = [
        ("src/a/mod.rs", "mod x; mod y; mod z; pub use x::X;"),
        ("src/a/x.rs", "use super::y::Y; pub struct X;"),
        ("src/a/y.rs", "use super::z::Z; pub struct Y;"),
        ("src/a/z.rs", "use super::X; pub struct Z;"),
    ];
    assert_eq!(circles(&far).len(), 1);
    let told = (
        "src/a/b.rs",
        "use super::Kind; pub const KIND: Kind = Kind; const WORDS: &str = \"super::ALL\"; // super::ALL",
    );
    assert_eq!(circles(&[table, kind, told]), [""; 0], "words are no code");
}

/// Whoever reads a name knows what it means without looking where it was brought in from; what only the files of one
/// folder see (`pub(super)`) may be short. The simulated pair is a world of its own, with arrays, disks and volumes of its
/// own; `cli` has one type for each command.
#[test]
fn no_name_means_two_things() {
    let mut homes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources().into_iter().filter(|source| !["sim", "cli"].contains(&source.room())) {
        for line in source.code.lines() {
            let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            let named = match words[..] {
                ["pub", "struct" | "enum" | "trait" | "type", name, ..] => name,
                ["pub", "crate", _, "struct" | "enum" | "trait" | "type", name, ..] => name,
                _ => continue,
            };
            homes.entry(named.to_string()).or_default().insert(source.name.clone());
        }
    }
    assert!(homes.len() > 200, "where are the types?");
    let shared = |name: &str| SHARED.iter().any(|(shared, _)| *shared == name);
    let several = homes.iter().filter(|(_, homes)| homes.len() > 1);
    let wrong = several.clone().filter(|(name, _)| !shared(name)).map(|(name, homes)| format!("{name}: {homes:?}"));
    none("names of several types", wrong.collect());
    let gone = SHARED.iter().filter(|(shared, _)| !several.clone().any(|(name, _)| name == shared));
    none("names that are shared no longer", gone.map(|(name, _)| name.to_string()).collect());
}

/// A room with several files begins in its `mod.rs`: nobody has to look beside the folder for its first page.
#[test]
fn a_room_begins_in_its_own_folder() {
    let names: Vec<String> = sources().into_iter().map(|source| source.name).collect();
    let beside = |name: &&String| {
        let folder = format!("{}/", name.strip_suffix(".rs").unwrap());
        names.iter().any(|other| other.starts_with(&folder))
    };
    let moved = |name: &String| format!("{name}: move it to {}/mod.rs", name.strip_suffix(".rs").unwrap());
    none("files beside the folder of their room", names.iter().filter(beside).map(moved).collect());
}

/// A test that reads sources can be blind without anybody noticing.
#[test]
fn the_test_sees() {
    let source = Source {
        name: "src/engine/x.rs".into(),
        code: "use crate::{\n    plan::Plan,\n    host::{Act, Side},\n};\nfn f() { crate::facts::read() }\npub(crate) use x;".into(),
    };
    let rooms: Vec<String> = source.uses().into_iter().map(|(room, ..)| room).collect();
    assert_eq!(rooms, ["plan", "host", "facts"]);
    assert_eq!(source.room(), "engine");
    assert!(sources().len() > 100, "where are the sources?");
    assert!(contains_word("    eprintln!(\"x\")", "eprintln!") && !contains_word("eprint!(", "print!"));
}
