use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::FILE;
use crate::facts::lvm::LVMLOCAL;
use crate::host::{Act, HostError, Look, Query, Side, Text};
use crate::step::{Compared, Mark, Seen, Step, Touched, Undo};

/// A whole text file with exactly this content. What stood there before is known from the facts, so that it can be put
/// back, and so that anything else there is noticed as foreign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// absolute, on the side of the step
    pub path: String,
    /// what it is to hold
    pub text: Text,
    /// permission bits; `None`: as they are
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// what it held when the facts were read; `None`: there was no such file
    pub was: Option<String>,
    /// a command to run after writing or removing it, for what reads it only when told
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<String>,
}

impl File {
    /// A file that was not there.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> File {
        File { path: path.into(), text: Text(text.into()), mode: Some(0o644), was: None, then: Vec::new() }
    }

    /// A file that was there with the text `was`, or not at all.
    pub fn instead(path: impl Into<String>, was: Option<&String>, text: impl Into<String>) -> File {
        File { was: was.cloned(), mode: was.is_none().then_some(0o644), ..File::new(path, text) }
    }

    /// The same with these permission bits.
    pub(crate) fn mode(self, mode: u32) -> File {
        File { mode: Some(mode), ..self }
    }

    fn with_then(&self, act: Act) -> Vec<Act> {
        let mut acts = vec![act];
        if !self.then.is_empty() {
            acts.push(Act::run(self.then.clone()));
        }
        acts
    }
}

/// What LVM tells of the disks.
const ON_DISKS: [&str; 3] = ["physical volume", "volume group", "logical volume"];

/// A file, and what is read out of it.
pub(crate) fn written(path: &str) -> Vec<Touched> {
    let mut touched = vec![Touched::one(FILE, path).or_gone()];
    if path == LVMLOCAL {
        touched.push(Touched::any("LVM setting"));
    }
    if path.ends_with(".link") {
        // two lines of it may have the address
        let address = Touched::beginning("MAC address in", path).or_gone();
        touched.extend([Touched::one("network link file", path).or_gone(), address]);
    }
    touched
}

impl Step for File {
    fn title(&self) -> String {
        match &self.was {
            Some(_) => format!("change {}", self.path),
            None => format!("write {}", self.path),
        }
    }

    fn mark(&self) -> Mark {
        if self.was.is_some() { Mark::Change } else { Mark::Create }
    }

    fn observe(&self, on: &dyn Look, side: Side) -> Result<Seen, HostError> {
        let there = on.ask(side, Query::file(&self.path))?;
        let there = there.file();
        Ok(match there {
            // A text with a secret in it cannot be compared without telling the secret: all but the secret must agree.
            Some(found) if agrees(&self.text, found) => Seen::Present,
            found if found == self.was.as_deref() => Seen::Absent,
            None => Seen::Absent,
            Some(_) => Seen::Foreign(format!("{} is neither what it was nor what it should become", self.path)),
        })
    }

    fn apply(&self) -> Vec<Act> {
        self.with_then(Act::Put { path: self.path.clone(), text: self.text.clone(), mode: self.mode })
    }

    fn undo(&self) -> Undo {
        Undo::Acts(self.with_then(match &self.was {
            Some(was) => Act::Put { path: self.path.clone(), text: Text::new(was), mode: None },
            None => Act::Remove { path: self.path.clone() },
        }))
    }

    fn touches(&self, of: &Compared) -> Vec<Touched> {
        let mut touched = written(&self.path);
        if self.path == LVMLOCAL && of.on == Side::New {
            touched.extend(ON_DISKS.map(Touched::any)); // LVM in the rescue system is told to see nothing
        }
        touched
    }
}

/// Whether `found` is `text`, with any text of one line in the place of each secret.
pub(crate) fn agrees(text: &Text, found: &str) -> bool {
    let mut rest = found;
    let mut first = true;
    for piece in pieces(&text.0) {
        if first {
            let Some(after) = rest.strip_prefix(piece) else { return false };
            rest = after;
            first = false;
        } else {
            // between two pieces stood a secret: it has no line break
            let line = rest.find('\n').unwrap_or(rest.len());
            if piece.is_empty() {
                // the text ends with the secret
                return !rest.is_empty() && line == rest.len();
            }
            let Some(at) =
                (0..=line).filter(|at| rest.is_char_boundary(*at)).find(|at| rest[*at..].starts_with(piece))
            else {
                return false;
            };
            if at == 0 {
                return false;
            }
            rest = &rest[at + piece.len()..];
        }
    }
    rest.is_empty()
}

/// Whether each line of `text` stands in `found`, whatever else does.
pub(crate) fn agrees_in_lines(text: &Text, found: &str) -> bool {
    text.0.lines().filter(|line| line.contains('=')).all(|line| {
        let line = Text::new(line);
        found.lines().any(|other| agrees(&line, other))
    })
}

/// The texts before, between and after the places of secrets.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@@secret:") {
        pieces.push(before);
        rest = after.split_once("@@").map_or("", |(_, tail)| tail);
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_may_be_anything_on_its_line() {
        let text = Text::new("user x\npassword @@secret:chap@@\nend\n");
        assert!(agrees(&text, "user x\npassword abc123\nend\n"));
        assert!(!agrees(&text, "user x\npassword \nend\n"));
        assert!(!agrees(&text, "user y\npassword abc123\nend\n"));
        assert!(!agrees(&text, "user x\npassword abc\n123\nend\n"));
        let last = Text::new("password = @@secret:chap@@");
        assert!(agrees(&last, "password = abc123"));
        assert!(!agrees(&last, "password = "));
        assert!(!agrees(&last, "password = abc\nmore"));
        assert!(agrees(&Text::new("plain"), "plain"));
        assert!(!agrees(&Text::new("plain"), "plainer"));
    }
}
