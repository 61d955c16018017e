//! Names of devices in old's files, which travel along: will they mean the same on new?

use std::collections::{HashMap, HashSet};

use super::{Hit, Rule, Severity, boot, volumes};
use crate::facts::{Block, Facts, Mount, lvm};
use crate::plan::{CopyHow, Plan};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1308",
        title: "a name that may not exist on new",
        severity: Severity::Warning,
        absolute: false,
        why: "names like /dev/sda1, links by hardware and UUIDs of what stays behind belong to old's disks. For swap, `resume=` \
              and mounts with `nofail` new only waits for them in vain, up to 90 seconds at each boot.",
        remedy: "use `UUID=…` of something that moves, or remove the line; for resume: `RESUME=none` in the file that names it, \
                 below /etc/initramfs-tools. Old arrays in mdadm.conf are taken care of: they are replaced by new's.",
        check: idle_names,
    },
    Rule {
        code: "R1310",
        title: "a file system does not move",
        severity: Severity::Warning,
        absolute: false,
        why: "only the volumes of the plan and /boot travel; what is mounted from elsewhere stays on old.",
        remedy: "copy it by hand if it is needed, and see to its line in /etc/fstab.",
        check: mount_stays,
    },
    Rule {
        code: "R1311",
        title: "new would not boot by itself: a name in its files does not exist there",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "a mount of /etc/fstab without `nofail` whose device is missing ends the boot in emergency mode, and a missing \
              root device in the initramfs: new would not come up, with services stopped.",
        remedy: "write `UUID=…` for what moves (file systems keep theirs); let the plan move what the system cannot do without; \
                 for what else stays, add `nofail` or remove the line; for `root=` correct /etc/default/grub and run `update-grub`.",
        check: fatal_names,
    },
    Rule {
        code: "R1314",
        title: "GRUB's menu finds /boot only by old's array",
        severity: Severity::Warning,
        absolute: false,
        why: "the menu that new boots with is old's: it must find /boot by the UUID of its file system, which is the same on \
              new. The array has another one there.",
        remedy: "`update-grub` on old writes it so (`search --fs-uuid`); if it does not, see /etc/default/grub.",
        check: grub_by_array,
    },
    Rule {
        code: "R1317",
        title: "a name that new needs to boot, and that nothing on old has",
        severity: Severity::Warning,
        absolute: false,
        why: "nothing that is there on old now goes by it, so it cannot be told what new would find. A mount of /etc/fstab without \
              `nofail` whose device is missing ends the boot in emergency mode.",
        remedy: "write `UUID=…` of something that moves, add `nofail`, or remove the line; for `root=` correct /etc/default/grub and \
                 run `update-grub`.",
        check: lost_names,
    },
];

/// A name of a device in a file.
struct Use<'a> {
    file: &'static str,
    line: usize,
    name: &'a str,
    /// where fstab mounts it
    target: Option<&'a str>,
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
    ["/dev/", "UUID=", "PARTUUID=", "LABEL=", "PARTLABEL="].iter().any(|start| word.starts_with(start))
}

/// Every name of a device in fstab(5), in the configuration of the boot loader and of resume.
fn uses(facts: &Facts) -> Vec<Use<'_>> {
    let mut all = Vec::new();
    for (line, words) in lines(text(facts, "/etc/fstab")).map(|(at, line)| (at, line.split_whitespace())) {
        let words: Vec<&str> = words.collect();
        let [name, target, fstype, rest @ ..] = words.as_slice() else { continue };
        let options: Vec<&str> = rest.first().unwrap_or(&"").split(',').collect();
        let harmless = ["noauto", "nofail", "x-systemd.automount"].iter().any(|option| options.contains(option));
        if names_device(name) {
            let target = Some(*target).filter(|_| *fstype != "swap");
            all.push(Use { file: "/etc/fstab", line, name, target, fatal: target.is_some() && !harmless });
        }
    }
    // (file, what a line of interest begins with)
    let command_lines = [
        ("/etc/default/grub", "GRUB_CMDLINE_LINUX"),
        ("/boot/grub/grub.cfg", "linux"),
        ("/etc/initramfs-tools/initramfs.conf", "RESUME="),
        ("/etc/initramfs-tools/conf.d/resume", "RESUME="),
    ];
    for (file, begin) in command_lines {
        for (line, words) in lines(text(facts, file)).filter(|(_, line)| line.starts_with(begin)) {
            for word in words.split(|c: char| c.is_whitespace() || "\"'".contains(c)) {
                let Some((key, name)) = word.split_once('=').filter(|(_, name)| names_device(name)) else { continue };
                all.push(Use { file, line, name, target: None, fatal: key == "root" });
            }
        }
    }
    // each name once for a file: a menu has it in every entry
    let mut seen = HashSet::with_capacity(all.len());
    all.retain(|one| seen.insert((one.file, one.name, one.target)));
    all
}

/// The devices of old by what they can be called. Made once: fstab can have many lines.
struct Names<'a> {
    plan: &'a Plan,
    /// by UUID, in small letters
    uuids: HashMap<String, Vec<&'a Block>>,
    partuuids: HashMap<String, &'a Block>,
    labels: HashMap<&'a str, Vec<&'a Block>>,
    partlabels: HashMap<&'a str, &'a Block>,
    links: HashMap<&'a str, &'a Block>,
    /// `/dev/mapper/vg0-root`, and `/dev/dm-0`
    paths: HashMap<String, &'a Block>,
    /// `/dev/mapper/vg0-root` and `/dev/vg0/root`
    volumes: HashMap<String, &'a Block>,
    /// paths of the devices whose content moves
    moving: HashSet<String>,
}

impl<'a> Names<'a> {
    fn new(plan: &'a Plan, facts: &'a Facts) -> Names<'a> {
        let (blocks, lvs) = (facts.old.blocks.len(), facts.old.lvs.len());
        let mut names = Names {
            plan,
            uuids: HashMap::with_capacity(blocks),
            partuuids: HashMap::new(),
            labels: HashMap::new(),
            partlabels: HashMap::new(),
            links: HashMap::with_capacity(blocks),
            paths: HashMap::with_capacity(2 * blocks),
            volumes: HashMap::with_capacity(2 * lvs),
            moving: moving(plan, facts),
        };
        for block in &facts.old.blocks {
            if let Some(uuid) = &block.uuid {
                names.uuids.entry(uuid.to_ascii_lowercase()).or_default().push(block);
            }
            if let Some(uuid) = &block.partuuid {
                names.partuuids.entry(uuid.to_ascii_lowercase()).or_insert(block);
            }
            if let Some(label) = &block.label {
                names.labels.entry(label).or_default().push(block);
            }
            if let Some(label) = &block.partlabel {
                names.partlabels.entry(label).or_insert(block);
            }
            for link in block.by_id.iter().chain(&block.by_path) {
                names.links.entry(link).or_insert(block);
            }
            for path in [block.path.clone(), format!("/dev/{}", block.kname)] {
                names.paths.entry(path).or_insert(block);
            }
        }
        for lv in &facts.old.lvs {
            let path = lvm::mapper_path(&lv.vg, &lv.name);
            if let Some(block) = names.paths.get(path.as_str()) {
                names.volumes.insert(format!("/dev/{}/{}", lv.vg, lv.name), block);
                names.volumes.insert(path, block);
            }
        }
        names
    }

    fn moves(&self, block: &Block) -> bool {
        self.moving.contains(&block.path)
    }

    fn fate(&self, used: &Use) -> Fate<'a> {
        // a blank is written `\040` in fstab(5), and `\x20` in a link that udev(7) makes
        let name = used.name.replace('"', "").replace("\\040", " ").replace("\\x20", " ");
        let name = name.as_str();
        let by = |tag: &str, links: &str| {
            let link = || name.strip_prefix("/dev/disk/")?.strip_prefix(links);
            name.strip_prefix(tag).or_else(link)
        };
        let of_content = match (by("UUID=", "by-uuid/"), by("LABEL=", "by-label/")) {
            (Some(uuid), _) => Some(self.uuids.get(&uuid.to_ascii_lowercase())),
            (_, Some(label)) => Some(self.labels.get(label)),
            _ => None,
        };
        if let Some(all) = of_content.map(|all| all.map_or(&[][..], Vec::as_slice)) {
            return match all.first() {
                None => Fate::Unknown,
                Some(_) if all.iter().any(|block| self.moves(block)) => Fate::Moves,
                Some(block) => Fate::Stays(block.path.clone()),
            };
        }
        let block = if let Some(uuid) = by("PARTUUID=", "by-partuuid/") {
            self.partuuids.get(&uuid.to_ascii_lowercase())
        } else if let Some(label) = by("PARTLABEL=", "by-partlabel/") {
            self.partlabels.get(label)
        } else if name.starts_with("/dev/disk/by-id/") || name.starts_with("/dev/disk/by-path/") {
            self.links.get(name)
        } else if let Some(block) = self.volumes.get(name) {
            // volumes keep their names
            return if self.moves(block) { Fate::Moves } else { Fate::Stays(block.path.clone()) };
        } else {
            let array = name.strip_prefix("/dev/md/").map(|rest| format!("/dev/md{rest}"));
            self.paths.get(name).or_else(|| self.paths.get(&array?))
        };
        let Some(block) = block.copied() else {
            // not there now either; but kernel names mean something else on new
            let kernels = ["/dev/sd", "/dev/vd", "/dev/xvd", "/dev/hd", "/dev/nvme", "/dev/md", "/dev/dm-"];
            return match kernels.iter().any(|start| name.starts_with(start)) {
                true => Fate::Renamed(None),
                false => Fate::Unknown,
            };
        };
        let by_number = name.starts_with("/dev/dm-");
        if self.volumes.contains_key(&block.path) && self.moves(block) && !by_number {
            return Fate::Moves; // by-id/dm-name-…: made of the volume's name, or its UUID
        }
        // an array of new with the name that old's boot array has
        let array = block.path.strip_prefix("/dev/").unwrap_or_default();
        let boot = self.plan.boot.as_ref();
        let same_name = boot.is_some_and(|boot| *boot.to == *array) && !name.starts_with("/dev/disk/");
        match self.moves(block) {
            true if same_name => Fate::Moves,
            true => Fate::Renamed(Some(block)),
            false if matches!(block.kind.as_str(), "rom" | "loop") => Fate::Unknown,
            false => Fate::Stays(block.path.clone()),
        }
    }
}

/// The paths of old's devices whose content moves.
pub(super) fn moving(plan: &Plan, facts: &Facts) -> HashSet<String> {
    let volumes = volumes(plan, facts).filter(|(_, how, _)| *how != CopyHow::Skip);
    let volumes = volumes.map(|(lv, ..)| lvm::mapper_path(&lv.vg, &lv.name));
    volumes.chain(boot_mount(plan, facts).map(|mount| mount.source.clone())).collect()
}

fn boot_mount<'a>(plan: &Plan, facts: &'a Facts) -> Option<&'a Mount> {
    let boot = plan.boot.as_ref()?;
    facts.old.mounts.iter().find(|mount| mount.target == **boot.from)
}

/// Without what is mounted there the system does not come up, whatever the options of the mount.
const SYSTEM: [&str; 5] = ["/", "/boot", "/etc", "/usr", "/var"];

/// Names that will mean nothing on new, each with what is known of it: those that are `lost` mean nothing on old either.
fn gone(plan: &Plan, facts: &Facts, fatal: bool, lost: bool) -> Vec<Hit> {
    let names = Names::new(plan, facts);
    // R1302 and R1303 say it of these, and what to do
    let no_root = !boot::root_stays(plan, facts).is_empty();
    let no_boot = !boot::boot_unsaid(plan, facts).is_empty();
    let said = |used: &Use| match used.target {
        Some("/boot") => no_boot,
        Some("/") => no_root,
        None => no_root && used.fatal,
        _ => false,
    };
    let mut hits = Vec::new();
    for used in uses(facts).into_iter().filter(|used| used.fatal == fatal) {
        let (file, name) = (used.file, used.name);
        let edit = |what: &str| match file {
            "/etc/fstab" => format!("{what} line {} of /etc/fstab on old", used.line),
            _ if file.starts_with("/etc/initramfs-tools/") => format!("`RESUME=none` in {file} on old"),
            _ => "correct it in /etc/default/grub on old, then `update-grub`".to_string(),
        };
        let leave = || match used.target.filter(|target| SYSTEM.contains(target)) {
            Some(target) => format!("let the plan move it: the system does not run without {target}"),
            None => edit("add `nofail` to, or remove,"),
        };
        let fate = names.fate(&used);
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
        let verb = match (used.target, file) {
            (Some(target), _) => format!("mounts {name} on {target}"),
            (None, "/etc/fstab") => format!("swaps on {name}"),
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
    let known: HashSet<String> = volumes(plan, facts).map(|(lv, ..)| lvm::mapper_path(&lv.vg, &lv.name)).collect();
    let volume = |mount: &Mount| known.contains(mount.source.split('[').next().unwrap_or_default());
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
    let menu = text(facts, "/boot/grub/grub.cfg");
    let searches = lines(menu).any(|(_, line)| line.starts_with("search "));
    let by_array = lines(menu).find(|(_, line)| line.starts_with("set root=") && line.contains("mduuid/"));
    match by_array {
        Some((number, _)) if !searches => vec![
            Hit::new(
                "/boot/grub/grub.cfg of old finds /boot by its array only, which has another UUID on new",
                "`update-grub` on old; the menu must then have a line `search --fs-uuid`",
            )
            .of(format!("old: /boot/grub/grub.cfg, line {number}")),
        ],
        _ => Vec::new(),
    }
}
