//! What a runbook does to files, as unified diffs against what stands there at that moment: as found, or as an earlier
//! step left it.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::Serialize;
use similar::TextDiff;

use crate::course::Runbook;
use crate::host::{Act, Side};
use crate::step::Undo;

/// One file that a step writes or removes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileChange {
    /// on the server that the step acts on
    pub path: String,
    /// unified; secrets stand in it as `@@secret:name@@`
    pub diff: String,
    /// lines
    pub added: usize,
    /// lines
    pub removed: usize,
    /// forgotten when the server boots: scripts, stamps, what is kept for the migration
    pub fleeting: bool,
}

impl FileChange {
    fn new(path: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
        let diff = TextDiff::from_lines(before.unwrap_or_default(), after.unwrap_or_default());
        let name = |side: char, text: Option<&str>| text.map_or("/dev/null".into(), |_| format!("{side}{path}"));
        let diff = diff.unified_diff().header(&name('a', before), &name('b', after)).to_string();
        // behind the two lines of the header
        let count = |sign: char| diff.lines().skip(2).filter(|line| line.starts_with(sign)).count();
        FileChange { path: path.into(), added: count('+'), removed: count('-'), diff, fleeting: false }
    }
}

/// What a step's acts do to files. One entry for each act; `None` where it touches none, or removes one whose text is
/// not known: a job's result.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// by the acts that do it
    pub apply: Vec<Option<FileChange>>,
    /// by the acts that take it back; empty for a step of which nothing is to be taken back
    pub undo: Vec<Option<FileChange>>,
}

/// The changes of each step, in the order of the runbook.
pub fn changes(runbook: &Runbook) -> impl Iterator<Item = Changes> {
    let mut files = Files::of(runbook);
    runbook.nodes.iter().map(move |node| {
        let step = node.step.as_step();
        let apply = files.changes(node.on, &step.apply());
        let undo = match step.undo() {
            Undo::Acts(acts) => files.tried(node.on, &acts),
            Undo::Nothing(_) => Vec::new(),
        };
        Changes { apply, undo }
    })
}

/// A file that an act writes or removes: its texts before and after, not compared yet.
pub(super) struct Written<'a> {
    path: &'a str,
    before: Option<String>,
    after: Option<&'a str>,
    /// as in [`FileChange`]
    pub fleeting: bool,
}

impl Written<'_> {
    pub(super) fn change(&self) -> FileChange {
        FileChange { fleeting: self.fleeting, ..FileChange::new(self.path, self.before.as_deref(), self.after) }
    }
}

/// The texts that are known, as the runbook goes on.
pub(super) struct Files {
    texts: HashMap<(Side, String), String>,
    /// where the system that moves is mounted in the rescue system
    root: String,
}

impl Files {
    /// As they are found.
    pub(super) fn of(runbook: &Runbook) -> Files {
        let of = |side: Side, files: &BTreeMap<String, String>| -> Vec<_> {
            files.iter().map(|(path, text)| ((side, path.clone()), text.clone())).collect()
        };
        let mut texts = of(Side::Old, &runbook.facts.old.files);
        texts.extend(of(Side::New, &runbook.facts.new.files));
        Files { texts: texts.into_iter().collect(), root: format!("/run/replant/{}/root", runbook.name) }
    }

    /// Old's files travel: what is below `root` in the rescue system, and on the migrated system, is what old had.
    fn place(&self, side: Side, path: &str) -> (Side, String) {
        match path.strip_prefix(&self.root) {
            Some(inside) if side == Side::New => (Side::Old, inside.into()),
            _ if side == Side::Migrated && !path.starts_with("/run/") => (Side::Old, path.into()),
            _ => (side, path.into()),
        }
    }

    /// What was there before.
    fn set(&mut self, place: (Side, String), text: Option<String>) -> Option<String> {
        match text {
            Some(text) => self.texts.insert(place, text),
            None => self.texts.remove(&place),
        }
    }

    /// What an act does; `None` where it touches no file, or removes one whose text is not known.
    pub(super) fn write<'a>(&mut self, on: Side, act: &'a Act) -> Option<Written<'a>> {
        let (path, after) = match act {
            Act::Put { path, text, .. } => (path, Some(text.0.as_str())),
            Act::Remove { path } => (path, None),
            Act::Run { .. } | Act::Power { .. } => return None,
        };
        let place = self.place(on, path);
        let fleeting = place.1.starts_with("/run/");
        let before = self.set(place, after.map(str::to_string));
        (before.is_some() || after.is_some()).then_some(Written { path, before, after, fleeting })
    }

    fn changes(&mut self, on: Side, acts: &[Act]) -> Vec<Option<FileChange>> {
        acts.iter().map(|act| Some(self.write(on, act)?.change())).collect()
    }

    /// What acts would do; nothing of it is kept.
    fn tried(&mut self, on: Side, acts: &[Act]) -> Vec<Option<FileChange>> {
        let paths = acts.iter().filter_map(|act| match act {
            Act::Put { path, .. } | Act::Remove { path } => Some(self.place(on, path)),
            Act::Run { .. } | Act::Power { .. } => None,
        });
        let before: Vec<_> = paths.map(|place| (self.texts.get(&place).cloned(), place)).collect();
        let changes = self.changes(on, acts);
        for (text, place) in before {
            self.set(place, text);
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_a_new_file_and_one_that_goes() {
        let change = FileChange::new("/etc/x", Some("a\nb\n"), Some("a\nc\nd\n"));
        assert_eq!(change.diff, "--- a/etc/x\n+++ b/etc/x\n@@ -1,2 +1,3 @@\n a\n-b\n+c\n+d\n");
        assert_eq!((change.added, change.removed), (2, 1));
        let made = FileChange::new("/etc/x", None, Some("-- a\n"));
        assert_eq!(made.diff, "--- /dev/null\n+++ b/etc/x\n@@ -0,0 +1 @@\n+-- a\n");
        let gone = FileChange::new("/etc/x", Some("-- a\n"), None);
        assert_eq!((gone.diff.as_str(), gone.removed), ("--- a/etc/x\n+++ /dev/null\n@@ -1 +0,0 @@\n--- a\n", 1));
        // as it is: no difference
        assert_eq!(FileChange::new("/etc/x", Some("a\n"), Some("a\n")).diff, "");
    }
}
