//! Lines of /etc/fstab that hang on something else than their device: directories that are bound, images, overlays, swap
//! files, mount points below other mounts. Where that stays behind, they go with it.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::names::moving;
use super::{Check, Hit, Rule, Severity};
use crate::facts::Facts;
use crate::facts::fstab::{Entry, entries};
use crate::facts::resolve::Names;
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1318",
        title: "a mount of /etc/fstab needs what stays behind",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "a bound directory, an image mounted through a loop device, a layer of an overlay or a mount point \
              below a file system that does not move is missing on new. Without `nofail` its line ends the boot in \
              emergency mode.",
        remedy: "let the plan move what it needs; or copy it by hand to what moves and correct the line; or add `nofail`, or \
                 remove the line, on old.",
        check: Check::Facts(fatal),
    },
    Rule {
        code: "R1319",
        title: "a line of /etc/fstab needs what stays behind, and new boots without it",
        severity: Severity::Warning,
        absolute: false,
        why: "what the line mounts, or the swap that it names, will be missing on new.",
        remedy: "copy by hand what it needs, or remove the line.",
        check: Check::Facts(missed),
    },
];

/// A line that will not work on new, and why.
struct Lost {
    entry: Entry,
    /// what it needs: `/data/www`
    needs: String,
    /// the mount point that is not there: `/data`
    below: String,
}

fn lost(plan: &Plan, facts: &Facts) -> Vec<Lost> {
    let old = &facts.old;
    let (names, moving) = (Names::of(old), moving(plan, facts));
    let moves = |name: &str| {
        let meaning = names.meaning(name)?;
        (!meaning.blocks.is_empty()).then(|| meaning.blocks.iter().any(|block| moving.contains(&block.path)))
    };
    let mut open = entries(old.files.get("/etc/fstab").map(String::as_str).unwrap_or_default());
    // by mount point, whether it will be there: what is mounted now, and what fstab mounts from a device
    let mut there: BTreeMap<String, bool> = BTreeMap::new();
    for mount in &old.mounts {
        let on = names.mount(mount);
        let stays = mount.fstype == "zfs" || (!on.is_empty() && !on.iter().any(|block| moving.contains(&block.path)));
        there.insert(mount.target.clone(), !stays);
    }
    let mut listed = HashSet::new();
    for entry in &open {
        listed.insert(entry.target.clone());
        if let Some(moves) = moves(&entry.source) {
            there.entry(entry.target.clone()).or_insert(moves);
        }
    }
    let mut lost: Vec<Lost> = Vec::new();
    // one that is lost may carry others
    loop {
        let before = lost.len();
        open.retain(|entry| {
            let broken = entry.paths().into_iter().find_map(|path| {
                let below = carrier(&there, &path, None)?;
                Some((path, below))
            });
            // systemd mounts nothing on a place whose own mount has failed: RequiresMountsFor= in systemd.unit(5)
            let nested = || {
                let below =
                    carrier(&there, &entry.target, Some(&entry.target)).filter(|below| listed.contains(below))?;
                Some((entry.target.clone(), below))
            };
            let Some((needs, below)) = broken.or_else(nested) else { return true };
            if !entry.is_swap() {
                there.insert(entry.target.clone(), false);
            }
            lost.push(Lost { entry: entry.clone(), needs, below });
            false
        });
        if lost.len() == before {
            break;
        }
    }
    lost.sort_by_key(|lost| lost.entry.line);
    lost
}

/// The mount point that a path is on, where that will not be there; `but`: not this one.
fn carrier(there: &BTreeMap<String, bool>, path: &str, but: Option<&str>) -> Option<String> {
    let mut above = Path::new(path).ancestors().filter_map(Path::to_str).filter(|above| Some(*above) != but);
    let (target, stays) = above.find_map(|above| there.get_key_value(above))?;
    (!stays).then(|| target.clone())
}

fn hits(plan: &Plan, facts: &Facts, fatal: bool) -> Vec<Hit> {
    let hit = |lost: Lost| {
        let Lost { entry, needs, below } = lost;
        let what = match entry.is_swap() {
            true => format!("swaps on {}", entry.source),
            false => format!("mounts {} on {}", entry.source, entry.target),
        };
        let how = if needs == below { "which".to_string() } else { format!("and {needs} is below {below}, which") };
        let help = match fatal {
            true => format!(
                "let the plan move {below}, or copy {needs} by hand; or add `nofail` to, or remove, line {} of /etc/fstab on old",
                entry.line
            ),
            false => {
                format!("copy {needs} by hand when new runs, or remove line {} of /etc/fstab on old", entry.line)
            }
        };
        Hit::new(format!("/etc/fstab of old {what}, {how} does not move"), help)
            .of(format!("old: /etc/fstab, line {}", entry.line))
    };
    lost(plan, facts).into_iter().filter(|lost| lost.entry.fatal() == fatal).map(hit).collect()
}

fn fatal(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    hits(plan, facts, true)
}

fn missed(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    hits(plan, facts, false)
}
