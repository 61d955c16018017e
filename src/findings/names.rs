//! Names of devices in old's files, which travel along: will they mean the same on new?

use std::collections::HashSet;

use super::{Check, Hit, Rule, Severity, boot};
use crate::facts::resolve::{Meaning, NameKind, Names, plain};
use crate::facts::{Block, Facts, Mount, fstab, lvm};
use crate::layout::volumes;
use crate::plan::{CopyHow, Plan};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1308",
        title: "a name that may not exist on new",
        severity: Severity::Warning,
        absolute: false,
        why: "names like /dev/sda1, links by hardware and UUIDs of what stays behind belong to old's disks. For \
              swap, `resume=` and mounts with `nofail`, new waits for them in vain, up to 90 seconds at each boot.",
        remedy: "use `UUID=…` of something that moves, or remove the line; for resume: `{{no-resume}}` in the file \
              that names it, below {{builder-dir}}. replant itself replaces old's arrays in {{md}} by new's.",
        check: Check::Facts(idle_names),
    },
    Rule {
        code: "R1310",
        title: "a file system does not move",
        severity: Severity::Warning,
        absolute: false,
        why: "only the volumes of the plan and /boot travel; what is mounted from elsewhere stays on old.",
        remedy: "copy it by hand if you need it, and correct its line in /etc/fstab.",
        check: Check::Facts(mount_stays),
    },
    Rule {
        code: "R1311",
        title: "new would not boot: a name in its files does not exist there",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "a mount of /etc/fstab without `nofail` whose device is missing ends the boot in emergency mode, and a missing \
              root device in the initramfs: new would not come up, with services stopped.",
        remedy: "write `UUID=…` for what moves (file systems keep their UUIDs); let the plan move what the system \
              cannot do without; for what stays behind, add `nofail` or remove the line; for `root=`, correct \
              {{menu-settings}} and run {{menu}}.",
        check: Check::Facts(fatal_names),
    },
    Rule {
        code: "R1314",
        title: "GRUB's menu finds /boot only by old's array",
        severity: Severity::Warning,
        absolute: false,
        why: "new boots with old's menu: it must find /boot by the UUID of its file system, which is the same on \
              new. The array has another UUID there.",
        remedy: "{{menu}} on old writes it that way (`search --fs-uuid`); if not, see {{menu-settings}}.",
        check: Check::Facts(grub_by_array),
    },
    Rule {
        code: "R1317",
        title: "a name that new needs to boot, and that nothing on old has",
        severity: Severity::Warning,
        absolute: false,
        why: "nothing on old has this name now, so replant cannot tell what new would find. A mount of /etc/fstab \
              without `nofail` whose device is missing ends the boot in emergency mode.",
        remedy: "write `UUID=…` of something that moves, add `nofail`, or remove the line; for `root=` correct {{menu-settings}} and \
                 run {{menu}}.",
        check: Check::Facts(lost_names),
    },
];

const FSTAB: &str = "/etc/fstab";
const CRYPTTAB: &str = "/etc/crypttab";

/// A name of a device in a file.
struct Use<'a> {
    file: &'a str,
    line: usize,
    name: String,
    /// where fstab mounts it
    target: Option<String>,
    /// without it new does not boot
    fatal: bool,
}

/// What becomes of a named device.
enum Fate<'a> {
    Moves,
    /// it is something that stays on old
    Stays(String),
    /// something that moves, but not under this name; what it holds
    Renamed(Option<&'a Block>),
    /// nobody knows what it names
    Unknown,
}

fn text<'a>(facts: &'a Facts, path: &str) -> &'a str {
    facts.old.files.get(path).map(String::as_str).unwrap_or_default()
}

/// Lines with their numbers, without comments.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())).filter(|(_, line)| !line.starts_with('#'))
}

fn names_device(word: &str) -> bool {
    ["/dev/", "UUID=", "PARTUUID=", "LABEL=", "PARTLABEL=", "ID="].iter().any(|start| word.starts_with(start))
}

/// Files in the language of the shell, in which any word may set a variable to a device.
fn settings(facts: &Facts) -> impl Iterator<Item = (&str, &str)> {
    let (menu, resume) = (&facts.old.family().terms().menu, facts.old.builder().resume);
    let place = |path: &str| path == menu.settings || path.starts_with(menu.more.0);
    let files = facts.old.files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    files.filter(move |(path, _)| place(path) || resume.iter().any(|start| path.starts_with(start)))
}

/// Every name of a device in fstab(5), crypttab(5), in the configuration of the boot loader and of resume.
fn uses(facts: &Facts) -> Vec<Use<'_>> {
    let mut all = Vec::new();
    let mut add = |file, line, name: &str, target: Option<String>, fatal| {
        all.push(Use { file, line, name: plain(name), target, fatal });
    };
    for entry in fstab::entries(text(facts, FSTAB)) {
        let target = Some(entry.target.clone()).filter(|_| !entry.is_swap());
        let named = Some(plain(&entry.source)).filter(|name| names_device(name));
        for name in named.into_iter().chain(entry.devices()) {
            add(FSTAB, entry.line, &name, target.clone(), entry.fatal());
        }
    }
    for (line, words) in lines(text(facts, CRYPTTAB)).map(|(at, line)| (at, line.split_whitespace())) {
        let words: Vec<&str> = words.collect();
        let [_, name, rest @ ..] = words.as_slice() else { continue };
        let options: Vec<&str> = rest.get(1).unwrap_or(&"").split(',').collect();
        if names_device(name) {
            add(CRYPTTAB, line, name, None, !options.contains(&"nofail") && !options.contains(&"noauto"));
        }
    }
    let file = facts.old.family().menu.file;
    let menu =
        lines(text(facts, file)).filter(|(_, line)| line.starts_with("linux")).map(|(at, line)| (file, at, line));
    let set = settings(facts).flat_map(|(file, text)| lines(text).map(move |(at, line)| (file, at, line)));
    for (file, line, words) in menu.chain(set) {
        // `RESUME=UUID=…`, `RESUME="UUID=…"`, `root=/dev/…`
        let mut opened = None;
        for word in words.split(|c: char| c.is_whitespace() || "\"'\\".contains(c)).filter(|word| !word.is_empty()) {
            let (key, name) = match opened.take() {
                Some(key) if names_device(word) => (key, word),
                _ => word.split_once('=').unwrap_or_default(),
            };
            if names_device(name) {
                add(file, line, name, None, key == "root");
            }
            opened = word.strip_suffix('=');
        }
    }
    // each name once for a file: a menu has it in every entry
    let mut seen = HashSet::with_capacity(all.len());
    all.retain(|one| seen.insert((one.file, one.name.clone(), one.target.clone())));
    all
}

/// The devices of old, and which of them move.
struct Fates<'a> {
    plan: &'a Plan,
    names: Names<'a>,
    moving: HashSet<String>,
    /// paths of swaps that are made again on new: with their UUID, without their label
    recreated: HashSet<String>,
}

impl<'a> Fates<'a> {
    fn new(plan: &'a Plan, facts: &'a Facts) -> Fates<'a> {
        let recreated = volumes(plan, facts).filter(|(_, how, _)| *how == CopyHow::Recreate);
        let recreated = recreated.map(|(lv, ..)| lvm::mapper_path(&lv.vg, &lv.name)).collect();
        Fates { plan, names: Names::of(&facts.old), moving: moving(plan, facts), recreated }
    }

    fn of(&self, name: &str) -> Fate<'_> {
        let Some(Meaning { kind, blocks }) = self.names.meaning(name) else { return Fate::Unknown };
        let moves = blocks.iter().find(|block| self.moving.contains(&block.path));
        match (moves, blocks.first()) {
            (Some(block), _) => match kind {
                NameKind::Label if self.recreated.contains(&block.path) => Fate::Renamed(Some(block)),
                NameKind::Uuid | NameKind::Label | NameKind::Volume => Fate::Moves,
                NameKind::Array if self.same_array(name) => Fate::Moves,
                NameKind::Array | NameKind::Passing => Fate::Renamed(Some(block)),
            },
            (None, Some(block)) if matches!(block.kind.as_str(), "rom" | "loop") => Fate::Unknown,
            (None, Some(block)) => Fate::Stays(block.path.clone()),
            // not there now either; but kernel names mean something else on new
            (None, None) => {
                let kernels = [
                    "/dev/sd",
                    "/dev/vd",
                    "/dev/xvd",
                    "/dev/hd",
                    "/dev/nvme",
                    "/dev/mmcblk",
                    "/dev/md",
                    "/dev/dm-",
                    "/dev/block/",
                    "/dev/disk/by-diskseq/",
                ];
                match kernels.iter().any(|start| name.starts_with(start)) {
                    true => Fate::Renamed(None),
                    false => Fate::Unknown,
                }
            }
        }
    }

    /// The array of new that takes /boot goes by this name too.
    fn same_array(&self, name: &str) -> bool {
        let Some(boot) = &self.plan.boot else { return false };
        let called = name.strip_prefix("/dev/md/").or_else(|| name.strip_prefix("/dev/")).unwrap_or(name);
        *boot.to == *called || (name.starts_with("/dev/md/") && *boot.to == *format!("md{called}"))
    }
}

/// The paths of old's devices whose content moves.
pub(super) fn moving(plan: &Plan, facts: &Facts) -> HashSet<String> {
    let volumes = volumes(plan, facts).filter(|(_, how, _)| *how != CopyHow::Skip);
    let volumes = volumes.map(|(lv, ..)| lvm::mapper_path(&lv.vg, &lv.name));
    let names = Names::of(&facts.old);
    let boot = boot_mount(plan, facts).map(|mount| names.mount(mount)).unwrap_or_default();
    volumes.chain(boot.into_iter().map(|block| block.path.clone())).collect()
}

fn boot_mount<'a>(plan: &Plan, facts: &'a Facts) -> Option<&'a Mount> {
    let boot = plan.boot.as_ref()?;
    facts.old.mounts.iter().find(|mount| mount.target == **boot.from)
}

/// Without what is mounted there the system does not come up, whatever the options of the mount.
const SYSTEM: [&str; 5] = ["/", "/boot", "/etc", "/usr", "/var"];

/// Names that will mean nothing on new, each with what is known of it: those that are `lost` mean nothing on old either.
fn gone(plan: &Plan, facts: &Facts, fatal: bool, lost: bool) -> Vec<Hit> {
    let fates = Fates::new(plan, facts);
    let (family, builder) = (facts.old.family(), facts.old.builder());
    // R1302 and R1303 say it of these, and what to do
    let no_root = !boot::root_stays(plan, facts).is_empty();
    let no_boot = !boot::boot_unsaid(plan, facts).is_empty();
    let said = |used: &Use| match used.target.as_deref() {
        Some("/boot") => no_boot,
        Some("/") => no_root,
        None => no_root && used.fatal,
        _ => false,
    };
    let mut hits = Vec::new();
    for used in uses(facts).into_iter().filter(|used| used.fatal == fatal) {
        let (file, name) = (used.file, used.name.as_str());
        let edit = |what: &str| match file {
            FSTAB | CRYPTTAB => format!("{what} line {} of {file} on old", used.line),
            _ if file.starts_with(builder.dir) => format!("`{}` in {file} on old", builder.no_resume),
            _ => format!("correct it in {} on old, then `{}`", family.menu.settings, family.menu.make),
        };
        let leave = || match used.target.as_deref().filter(|target| SYSTEM.contains(target)) {
            Some(target) => format!("let the plan move it: the system does not run without {target}"),
            None => edit("add `nofail` to, or remove,"),
        };
        let fate = fates.of(name);
        if matches!(fate, Fate::Unknown) != lost {
            continue;
        }
        let (what, help) = match fate {
            Fate::Moves => continue,
            Fate::Unknown => {
                ("and there is no such device on old".into(), edit("correct, add `nofail` to, or remove"))
            }
            Fate::Stays(_) if said(&used) => continue,
            Fate::Stays(path) if path == name => ("which does not move".into(), leave()),
            Fate::Stays(path) => (format!("which is {path} and does not move"), leave()),
            Fate::Renamed(block) => {
                let uuid = block.and_then(|block| block.uuid.as_ref());
                let help = match uuid {
                    Some(uuid) => format!("write `UUID={uuid}` instead in line {} of {file} on old", used.line),
                    None => edit("correct or remove"),
                };
                ("a name that means nothing on new, or something else".into(), help)
            }
        };
        let verb = match (&used.target, file) {
            (Some(target), _) => format!("mounts {name} on {target}"),
            (None, FSTAB) => format!("swaps on {name}"),
            _ => format!("names {name}"),
        };
        hits.push(
            Hit::new(format!("{file} of old {verb}, {what}"), help).of(format!("old: {file}, line {}", used.line)),
        );
    }
    hits
}

fn idle_names(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    gone(plan, facts, false, false)
}

fn fatal_names(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    gone(plan, facts, true, false)
}

fn lost_names(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    gone(plan, facts, true, true)
}

fn mount_stays(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let names = Names::of(&facts.old);
    let known: HashSet<String> = volumes(plan, facts).map(|(lv, ..)| lvm::mapper_path(&lv.vg, &lv.name)).collect();
    let volume = |mount: &Mount| names.mount(mount).iter().any(|block| known.contains(&block.path));
    // a file system of ZFS is mounted by its name: `tank/data`
    let real = |mount: &&Mount| {
        (mount.source.starts_with("/dev/") && !mount.source.starts_with("/dev/loop")) || mount.fstype == "zfs"
    };
    let boot = boot_mount(plan, facts);
    let is_boot = |mount: &Mount| boot.is_some_and(|boot| boot.target == mount.target);
    let left = facts.old.mounts.iter().filter(real).filter(|mount| !volume(mount) && !is_boot(mount));
    left.map(|mount| {
        Hit::new(
            format!("{} is mounted from {}, which does not move", mount.target, mount.source),
            "copy it by hand if it is needed, and see to its line in /etc/fstab",
        )
        .of(format!("old: mount of {}", mount.target))
    })
    .collect()
}

fn grub_by_array(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let family = facts.old.family();
    let file = family.menu.file;
    let menu = text(facts, file);
    let searches = lines(menu).any(|(_, line)| line.starts_with("search "));
    let by_array = lines(menu).find(|(_, line)| line.starts_with("set root=") && line.contains("mduuid/"));
    match by_array {
        Some((number, _)) if !searches => vec![
            Hit::new(
                format!("{file} of old finds /boot by its array only, which has another UUID on new"),
                format!("`{}` on old; the menu must then have a line `search --fs-uuid`", family.menu.make),
            )
            .of(format!("old: {file}, line {number}")),
        ],
        _ => Vec::new(),
    }
}
