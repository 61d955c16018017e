//! From a file to a sound plan, or to everything that is wrong with it.

use std::io::Read;
use std::path::Path;
use std::str;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::diagnostics::{Diagnostic, Diagnostics, Severity};
use super::source::{At, Place, Source, Span};
use super::tree::Kind;
use super::{Plan, codes, rules, secrets, shape, yaml};

/// A plan that is sound in itself.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What is wanted.
    pub plan: Plan,
    /// The text it was read from; what looks like a secret is overwritten with `*`.
    pub source: Source,
    /// The SHA-256 of what the plan says, in hexadecimal: comments, order of keys and written-out defaults do not change it.
    pub digest: String,
    /// What a person should know though the plan can be used.
    pub warnings: Diagnostics,
}

impl Loaded {
    /// Where a value stands in the file, or nothing if it is a default.
    pub fn place<T>(&self, value: &At<T>) -> Option<Place> {
        value.place(&self.source)
    }
}

/// The largest file that is read, in bytes. A plan has some thousands.
const LARGEST: usize = 1 << 20;

/// Reads and checks a plan.
///
/// # Errors
/// Everything that is wrong with the file, at once.
pub fn load(path: &Path) -> Result<Loaded, Diagnostics> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    // no more than can be a plan: a device may have no end
    let read = fs_err::File::open(path).and_then(|file| file.take(LARGEST as u64 + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        let help = "is the path right, and may you read it?";
        return Err(unreadable(&name, format!("cannot read the plan: {cause}"), help));
    }
    of_bytes(&name, &bytes)
}

fn unreadable(name: &str, message: String, help: &str) -> Diagnostics {
    let diagnostic = Diagnostic::error(codes::UNREADABLE, message).help(help);
    Diagnostics::new(Source::new(name, ""), vec![diagnostic])
}

/// Checks the bytes of a file; `name` is what messages call it.
///
/// # Errors
/// Everything that is wrong with them, at once.
pub(crate) fn of_bytes(name: &str, bytes: &[u8]) -> Result<Loaded, Diagnostics> {
    if bytes.len() > LARGEST {
        let help = "a plan has some dozens of lines; is this the right file?";
        return Err(unreadable(name, "the file is larger than 1 MiB".to_owned(), help));
    }
    match str::from_utf8(bytes) {
        Ok(text) => parse(name, text),
        Err(error) => {
            let start = error.valid_up_to() as u32;
            let text = String::from_utf8_lossy(bytes);
            let end = start + text[start as usize..].chars().next().map_or(0, char::len_utf8) as u32;
            let diagnostic = Diagnostic::error(codes::UNREADABLE, "the file is not UTF-8 text")
                .at(Span { start, end }, format!("byte 0x{:02x}", bytes[start as usize]))
                .help("save the file as UTF-8");
            Err(Diagnostics::new(Source::new(name, &text), vec![diagnostic]))
        }
    }
}

/// Checks a plan that has been read; `name` is what messages call it.
///
/// # Errors
/// Everything that is wrong with the text, at once.
pub fn parse(name: &str, text: &str) -> Result<Loaded, Diagnostics> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source::new(name, text);
    if text.len() > LARGEST {
        let diagnostic = Diagnostic::error(codes::UNREADABLE, "the plan is larger than 1 MiB");
        return Err(Diagnostics::new(Source::new(name, ""), vec![diagnostic]));
    }
    let only = |diagnostic: Diagnostic, source: Source| Diagnostics::new(source, vec![diagnostic]);
    let unreadable = |message, help: &str| Diagnostic::error(codes::UNREADABLE, message).help(help);
    if text.contains('\0') {
        return Err(only(
            unreadable("the file is not UTF-8 text: it has zero bytes", "save the file as UTF-8"),
            source,
        ));
    }
    if text.contains('\r') && !text.contains('\n') {
        let help = "save the file with the line ends of Unix (LF) or Windows (CR LF)";
        return Err(only(unreadable("the lines of the file end with CR alone", help), source));
    }
    let help = "`replant init OLD NEW` writes a plan to begin with";
    if text.trim().is_empty() {
        return Err(only(unreadable("the file is empty", help), source));
    }
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Err(only(unreadable("there are only comments in the file", help), source));
    }
    let mut tree = match yaml::read(text) {
        Ok(tree) => tree,
        Err(syntax) => return Err(only(*syntax, secrets::hide_in_broken(source))),
    };
    if matches!(tree.value, Kind::Null) {
        return Err(only(unreadable("the file says nothing", help), source));
    }
    let source = secrets::hide(&tree, source);

    let shape = shape::check(&mut tree, text);
    // What has been mended is not worth a second remark that may only follow from the first.
    let well_shaped = shape.found.is_empty();
    let sound = |diagnostic: &Diagnostic| {
        (well_shaped || diagnostic.severity == Severity::Error)
            && !diagnostic.spans().any(|span| shape.doubtful.contains(&span))
    };
    let mut found = shape.found;
    let plan = match Plan::deserialize(&tree) {
        Ok(plan) => {
            found.extend(rules::check(&plan).into_iter().filter(sound));
            plan
        }
        Err(error) => {
            // The schema has said what is wrong. If it has not, the schema is laxer than the types, and this speaks for it.
            if found.is_empty() {
                found.push(
                    Diagnostic::error(codes::MALFORMED, format!("this is not a plan: {error}")).at(tree.used, "here"),
                );
            }
            return Err(Diagnostics::new(source, found));
        }
    };
    let found = Diagnostics::new(source.clone(), found);
    if found.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(found);
    }
    let digest = plan.digest();
    Ok(Loaded { plan, source, digest, warnings: found })
}

impl Plan {
    /// Of the types in their order, with every default: the same for every way to write the same plan.
    pub fn digest(&self) -> String {
        let canonical = serde_json::to_vec(self).expect("a plan consists of strings, numbers, lists and structs");
        Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
