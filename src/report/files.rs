//! What a runbook does to files, as unified diffs against what stands there at that moment: as found, or as an earlier
//! step left it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use similar::TextDiff;

use crate::course::Runbook;
use crate::host::{Act, Side};
use crate::runbook::Node;
use crate::step::Undo;

/// One file that a step writes or removes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileChange {
    pub path: String,
    /// unified; secrets stand in it as `@@secret:name@@`
    pub diff: String,
    pub added: usize,
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
    pub apply: Vec<Option<FileChange>>,
    pub undo: Vec<Option<FileChange>>,
}

/// The changes of each step, in the order of the runbook.
pub fn changes(runbook: &Runbook) -> Vec<Changes> {
    let mut files = Files::new(runbook);
    let mut all = Vec::new();
    for node in &runbook.nodes {
        let step = node.step.as_step();
        let apply = files.all(node, &step.apply());
        let undo = match step.undo() {
            Undo::Acts(acts) => files.tried(node, &acts),
            Undo::Nothing(_) => Vec::new(),
        };
        all.push(Changes { apply, undo });
    }
    all
}

/// The texts that are known, as the runbook goes on.
struct Files {
    texts: BTreeMap<(Side, String), String>,
    /// where the system that moves is mounted in the rescue system
    root: String,
}

impl Files {
    fn new(runbook: &Runbook) -> Files {
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
    fn set(&mut self, side: Side, path: &str, text: Option<String>) -> Option<String> {
        let place = self.place(side, path);
        match text {
            Some(text) => self.texts.insert(place, text),
            None => self.texts.remove(&place),
        }
    }

    fn all(&mut self, node: &Node, acts: &[Act]) -> Vec<Option<FileChange>> {
        acts.iter().map(|act| self.one(node.on, act)).collect()
    }

    /// What acts would do; nothing of it is kept.
    fn tried(&mut self, node: &Node, acts: &[Act]) -> Vec<Option<FileChange>> {
        let paths = acts.iter().filter_map(|act| match act {
            Act::Put { path, .. } | Act::Remove { path } => Some(self.place(node.on, path)),
            Act::Run { .. } | Act::Power { .. } => None,
        });
        let before: Vec<_> = paths.map(|place| (self.texts.get(&place).cloned(), place)).collect();
        let changes = self.all(node, acts);
        for (text, place) in before {
            match text {
                Some(text) => _ = self.texts.insert(place, text),
                None => _ = self.texts.remove(&place),
            }
        }
        changes
    }

    fn one(&mut self, on: Side, act: &Act) -> Option<FileChange> {
        let (path, after) = match act {
            Act::Put { path, text, .. } => (path, Some(text.0.clone())),
            Act::Remove { path } => (path, None),
            Act::Run { .. } | Act::Power { .. } => return None,
        };
        let before = self.set(on, path, after.clone());
        before.as_ref().or(after.as_ref())?;
        let fleeting = self.place(on, path).1.starts_with("/run/");
        Some(FileChange { fleeting, ..FileChange::new(path, before.as_deref(), after.as_deref()) })
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
