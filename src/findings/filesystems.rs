//! What the rescue system must know of old's file systems: it checks and mounts them when old is off already.

use super::{Check, Hit, Rule, Severity};
use crate::facts::{Facts, Mount, lvm};
use crate::layout::volumes;
use crate::plan::{CopyHow, Plan};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1033",
        title: "the rescue system's tools or kernel are too old for a file system of old",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "new checks the copies (e2fsck, xfs_repair) and mounts them before it boots, with old switched off. A \
              tool that does not know a feature of a file system refuses: the migration would stop there, with \
              services down.",
        remedy: "boot a newer rescue system on new, at least as new as old's own system.",
        check: Check::Facts(too_old),
    },
    Rule {
        code: "R1034",
        title: "the rescue system's kernel cannot mount a file system of old",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "new mounts the copies before it boots, to install the boot loader, with old switched off.",
        remedy: "boot a rescue system on new whose kernel has the module, or install it there.",
        check: Check::Facts(no_module),
    },
];

/// Since which version the tools, and the kernel, know a feature.
struct Since {
    feature: &'static str,
    tools: (u32, u32),
    kernel: (u32, u32),
}

const fn since(feature: &'static str, tools: (u32, u32), kernel: (u32, u32)) -> Since {
    Since { feature, tools, kernel }
}

/// ext4(5), and the release notes of e2fsprogs. Whatever is older than ten years is known to all.
const EXT: &[Since] = &[
    since("metadata_csum", (1, 43), (3, 18)),
    since("metadata_csum_seed", (1, 43), (4, 4)),
    since("inline_data", (1, 43), (3, 8)),
    since("encrypt", (1, 43), (4, 1)),
    since("project", (1, 43), (4, 5)),
    since("large_dir", (1, 44), (4, 13)),
    since("ea_inode", (1, 44), (4, 13)),
    since("verity", (1, 45), (5, 4)),
    since("casefold", (1, 45), (5, 2)),
    since("stable_inodes", (1, 46), (5, 5)),
    since("fast_commit", (1, 46), (5, 10)),
    since("orphan_file", (1, 47), (5, 15)),
    since("orphan_present", (1, 47), (5, 15)),
];

/// xfs(5), and the release notes of xfsprogs.
const XFS: &[Since] = &[
    since("finobt", (3, 2), (3, 16)),
    since("sparse", (4, 2), (4, 2)),
    since("rmapbt", (4, 8), (4, 8)),
    since("reflink", (4, 9), (4, 9)),
    since("bigtime", (5, 10), (5, 10)),
    since("inobtcount", (5, 10), (5, 10)),
    since("nrext64", (5, 19), (5, 19)),
    since("exchange", (6, 10), (6, 10)),
    since("parent", (6, 10), (6, 10)),
    since("metadir", (6, 13), (6, 13)),
    since("zoned", (6, 15), (6, 15)),
];

/// The first two numbers of a version: of `6.1.0-50-amd64` 6 and 1.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    Some((numbers.next()?.ok()?, numbers.next().and_then(Result::ok).unwrap_or(0)))
}

/// Device, mount point or name, and type of each file system that new will check or mount.
fn travelling(plan: &Plan, facts: &Facts) -> Vec<(String, String, String)> {
    let moves = |how: CopyHow| !matches!(how, CopyHow::Skip | CopyHow::Recreate);
    let copied = volumes(plan, facts).filter(|(_, how, _)| moves(*how));
    let volumes = copied.filter_map(|(lv, ..)| {
        Some((lvm::mapper_path(&lv.vg, &lv.name), format!("{}/{}", lv.vg, lv.name), lv.fstype.clone()?))
    });
    let boot = |mount: &&Mount| plan.boot.as_ref().is_some_and(|boot| *boot.from == mount.target);
    let boot = facts.old.mounts.iter().filter(boot);
    volumes.chain(boot.map(|mount| (mount.source.clone(), mount.target.clone(), mount.fstype.clone()))).collect()
}

fn too_old(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let kernel = version(&facts.new.kernel);
    let mut hits = Vec::new();
    for (device, name, fstype) in travelling(plan, facts) {
        let (tool, table) = match fstype.as_str() {
            "xfs" => ("xfs_repair", XFS),
            ext if ext.starts_with("ext") => ("e2fsck", EXT),
            _ => continue,
        };
        let Some(features) = facts.old.fs_features.get(&device) else { continue };
        let (has, own) = (facts.new.fs_tools.get(tool), facts.old.fs_tools.get(tool));
        let (has_version, own_version) = (has.and_then(|text| version(text)), own.and_then(|text| version(text)));
        let mut unknown: Vec<String> = Vec::new();
        for feature in features {
            let known = table.iter().find(|since| since.feature == *feature);
            // a number in place of a name is a feature that not even old's own tools know
            let nameless = feature.starts_with("FEATURE_");
            let tool_lacks = match (known, has_version) {
                (_, None) => false,
                (Some(since), Some(has)) => has < since.tools,
                (None, Some(has)) => nameless && own_version.is_none_or(|own| has <= own),
            };
            if tool_lacks {
                unknown.push(format!("`{feature}` ({tool} {})", has.map_or("", String::as_str)));
            } else if known.is_some_and(|since| kernel.is_some_and(|kernel| kernel < since.kernel)) {
                unknown.push(format!("`{feature}` (kernel {})", facts.new.kernel));
            }
        }
        if !unknown.is_empty() {
            let hit = Hit::new(
                format!("the rescue system on new does not know, of the {fstype} {name}: {}", unknown.join(", ")),
                "boot a newer rescue system on new, one as new as old's own system at least",
            );
            hits.push(hit.of(format!("old: {device}")));
        }
    }
    hits
}

fn no_module(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let mut missing: Vec<(&str, String)> = Vec::new();
    for (_, name, fstype) in travelling(plan, facts) {
        let module = match fstype.as_str() {
            "xfs" => "xfs",
            "btrfs" => "btrfs",
            "ext2" | "ext3" | "ext4" => "ext4",
            // of others nobody asked
            _ => continue,
        };
        if !facts.new.modules.contains(module) && !missing.iter().any(|(known, _)| *known == module) {
            missing.push((module, name));
        }
    }
    missing
        .into_iter()
        .map(|(module, name)| {
            Hit::new(
                format!("the kernel of the rescue system on new has no module `{module}`, to mount {name}"),
                format!(
                    "boot another rescue system, or install one of its kernels that has it; `modprobe {module}` tells"
                ),
            )
            .of(format!("new: kernel {}", facts.new.kernel))
        })
        .collect()
}
