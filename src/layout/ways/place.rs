//! A small place from which new boots into its hold, where old's `/boot` travels with a volume: what stands in its way.

use super::obstacle::Obstacle;
use crate::facts::Facts;
use crate::layout::text;
use crate::plan::{Plan, Size};

/// The place that the hold is to have; `None`: new boots from the copy of `/boot`, or the plan gives none.
pub(in crate::layout) fn wanted(plan: &Plan) -> Option<&crate::plan::HoldPlace> {
    plan.hold.as_ref().filter(|_| plan.boot.is_none())
}

/// Words by which a person changes one boot, and no more: kernel-command-line(7), initramfs-tools(7).
const BY_HAND: [&str; 9] = ["single", "s", "S", "1", "emergency", "rescue", "recovery", "break", "-b"];

/// And those that do so with a value.
const BY_HAND_WITH: [&str; 4] = ["break=", "init=", "rdinit=", "systemd.unit="];

/// What GRUB hands on as it is.
const PLAIN: &str = "._-/:,=@%+!";

/// What the kernel of old was told when it booted, without what the boot loader added.
pub(in crate::layout) fn line(facts: &Facts) -> impl Iterator<Item = &str> {
    let added = |word: &&str| !word.starts_with("BOOT_IMAGE=") && !word.starts_with("initrd=");
    text(facts, "/proc/cmdline").split_whitespace().filter(added)
}

/// What is in the way of such a place, whatever its size.
pub(super) fn reasons(plan: &Plan, facts: &Facts) -> Vec<(String, Option<String>)> {
    if wanted(plan).is_none() {
        return Vec::new();
    }
    let old = &facts.old;
    let mut reasons = Vec::new();
    if !old.initrds.contains(&old.kernel) {
        reasons.push((
            format!(
                "new is to boot with the kernel that old runs, {}, and old has no initramfs of it any more",
                old.kernel
            ),
            Some("boot old's own kernel first, with its initramfs".into()),
        ));
    }
    if !line(facts).any(|word| word.starts_with("root=")) {
        reasons.push((
            "old's kernel was not told its root by its boot loader (`root=`), and new's could not be".into(),
            None,
        ));
    }
    let menu: Vec<&str> = old
        .files
        .iter()
        .filter(|(path, _)| path.starts_with("/etc/default/grub"))
        .map(|(_, text)| text.as_str())
        .collect();
    let said = |word: &str| {
        menu.iter()
            .any(|text| text.split(|c: char| c.is_whitespace() || c == '"' || c == '\'').any(|one| one == word))
    };
    let by_hand = |word: &&str| BY_HAND.contains(word) || BY_HAND_WITH.iter().any(|start| word.starts_with(start));
    if let Some(word) = line(facts).filter(by_hand).find(|word| !said(word)) {
        reasons.push((
            format!("old was booted with `{word}` by hand, and new would be as well"),
            Some("boot old as it always boots".into()),
        ));
    }
    let plain = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || PLAIN.contains(c));
    if let Some(word) = line(facts).find(|word| !plain(word)) {
        reasons.push((format!("old's kernel was told `{word}`, which GRUB would hand on in another form"), None));
    }
    for (name, server) in [("old", old), ("new", &facts.new)] {
        if !server.modules.contains("ext4") {
            let message = format!("the kernel of {name} has no module `ext4`, by which the hold's place is written");
            reasons.push((message, Some("install the full kernel package of its distribution".into())));
        }
    }
    if !old.tools.contains("mkfs.ext4") {
        reasons.push((
            "old has no mkfs.ext4".into(),
            Some(format!("`{} e2fsprogs` on old", old.family().installer.install)),
        ));
    }
    reasons
}

/// How a plan gives one.
pub(super) fn how(plan: &Plan) -> String {
    let to = "before the others in the plan: a partition of 256MiB";
    match plan.arrays.is_empty() {
        false => format!("{to}, a raid1 array of it, and `hold: {{ to: ARRAY }}`"),
        true => format!("{to} on one disk, and `hold: {{ to: PARTITION }}`"),
    }
}

/// What the hold's initramfs takes beside what old's own does.
pub(super) const MORE: u64 = 16 << 20;

/// The kernel; GRUB's files with what packs them; what a file system and md keep for themselves; and a second initramfs is
/// never there.
const BESIDE: u64 = 72 << 20;

/// The place is too small: an estimate.
pub(crate) fn place_room(plan: &Plan, facts: &Facts) -> Option<Obstacle> {
    let to = &wanted(plan)?.to;
    let Size::Bytes(has) = *plan.partition_under(to)?.size else { return None };
    // beside what old's own takes
    let image = facts.old.initrd_sizes.get(&facts.old.kernel).or(facts.old.initrd_sizes.values().max());
    let needs = image.copied().unwrap_or(64 << 20) + MORE + BESIDE;
    if has >= needs {
        return None;
    }
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let message =
        format!("`{}` has {}, and what new boots into its hold with needs about {}", **to, mib(has), mib(needs));
    let help = Some(format!("make its partition {} or larger", mib(needs.next_multiple_of(64 << 20))));
    Some(Obstacle { message, help, at: to.span() })
}
