//! Tools, packages and kernel modules that must be there, and how they get there.

use std::collections::BTreeSet;

use super::{Check, Hit, Rule, Severity};
use crate::facts::{Facts, ServerFacts};
use crate::layout::{arrays_to_stop, below, method, volumes};
use crate::plan::{CopyHow, IscsiServer, Method, Plan, Verify};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1005",
        title: "tools are missing",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "the steps consist of these commands; a missing one would stop the migration half-way.",
        remedy: "install the packages that contain them. On old, replant itself installs {{package iscsiadm}}, and removes it \
              at the end.",
        check: Check::Facts(tools),
    },
    Rule {
        code: "R1119",
        title: "a tool is too old",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "replant reads what these commands print as JSON, and a util-linux before 2.33 cannot print it.",
        remedy: "use a release with a newer util-linux: Debian 10 or Ubuntu 20.04 at least, and a rescue system of their age or newer.",
        check: Check::Facts(abilities),
    },
    Rule {
        code: "R1006",
        title: "a kernel has no module for an array's level",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "new's rescue system makes the array, and old's kernel boots from it on new: both need the module of \
              its RAID level.",
        remedy: "choose another level, or install and boot a kernel that has the module.",
        check: Check::Facts(array_modules),
    },
    Rule {
        code: "R1007",
        title: "old has no iSCSI initiator, and cannot install it",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "old reaches new's disks through {{package iscsiadm}}; replant installs it for the migration and removes it at \
              the end.",
        remedy: "{{update}} on old, or install {{package iscsiadm}} by hand.",
        check: Check::Facts(initiator),
    },
    Rule {
        code: "R1008",
        title: "the kernel of old has no module `iscsi_tcp`",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "old could not log in to new's disks. The kernels of cloud images often lack it.",
        remedy: "{{kernel}}, and boot it.",
        check: Check::Facts(initiator_module),
    },
    Rule {
        code: "R1009",
        title: "old is logged in to iSCSI targets already",
        severity: Severity::Warning,
        absolute: false,
        why: "old uses iSCSI for something of its own. These sessions are left alone, but what is on them does not move.",
        remedy: "check that nothing on them belongs to the volumes that move.",
        check: Check::Facts(sessions),
    },
    Rule {
        code: "R1010",
        title: "new cannot serve iSCSI",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "new must offer its arrays to old: by the kernel's own target (LIO) or by tgt.",
        remedy: "{{install tgtd}} in the rescue system, or choose `transfer.iscsi.server: auto`.",
        check: Check::Facts(iscsi_server),
    },
];

/// Commands that steps run on old, besides those of its builder and its boot loader.
const OLD: &[&str] = &["lvm", "dmsetup", "dd", "sha256sum", "wipefs", "blockdev", "findmnt", "udevadm", "systemctl"];

/// Besides those, to mirror groups, and to copy them from below.
const fn of_method(method: Method) -> &'static [&'static str] {
    match method {
        Method::Mirror => &["lvconvert", "vgextend", "vgsplit", "dmeventd"],
        Method::Below => &below::TOOLS,
    }
}

/// On new, in its rescue system.
const NEW: &[&str] = &["sfdisk", "wipefs", "lvm", "dmsetup", "blockdev", "udevadm", "chroot", "mkswap", "sha256sum"];

fn tools(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let mut old = OLD.to_vec();
    old.extend(of_method(method(plan, facts)));
    old.extend(facts.old.builder().tools.iter().chain(facts.old.family().menu.needs));
    let mut new = NEW.to_vec();
    // to make arrays, or to stop one before its disk is wiped
    if !plan.arrays.is_empty() || arrays_to_stop(plan, facts).next().is_some() {
        new.push("mdadm");
    }
    let copied = || volumes(plan, facts).filter(|(_, how, _)| !matches!(how, CopyHow::Skip | CopyHow::Recreate));
    let is = |fstype: &Option<String>, start: &str| fstype.as_deref().is_some_and(|name| name.starts_with(start));
    if copied().any(|(lv, ..)| is(&lv.fstype, "ext")) {
        new.push("e2fsck");
    }
    if copied().any(|(lv, ..)| is(&lv.fstype, "xfs")) {
        new.push("xfs_repair");
    }
    // the migrated system grows its file systems with its own tools
    for (lv, ..) in copied().filter(|(_, _, said)| said.is_some_and(|said| said.grow.is_some())) {
        if is(&lv.fstype, "ext") {
            old.push("resize2fs");
        }
        if is(&lv.fstype, "xfs") {
            old.push("xfs_growfs");
        }
    }
    // each server reads its own disks, to compare what was copied
    if *plan.copy.verify != Verify::Off && method(plan, facts) == Method::Below {
        new.push("dd");
    }
    if !facts.old.tools.contains("iscsiadm") {
        old.push("unshare");
    }
    [lacks("old", &facts.old, &old), lacks("new", &facts.new, &new)].into_iter().flatten().collect()
}

/// What steps use on each server.
fn abilities(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let used =
        [("old", &facts.old, &["wipefs --json"][..]), ("new", &facts.new, &["wipefs --json", "sfdisk --json"])];
    let mut hits = Vec::new();
    for (name, server, commands) in used {
        let unable: Vec<&str> = commands.iter().copied().filter(|command| server.unable.contains(*command)).collect();
        if !unable.is_empty() {
            let help = match name {
                "old" => "upgrade old to Debian 10, Ubuntu 20.04 or newer first",
                _ => "boot a rescue system of Debian 10, Ubuntu 20.04 or newer on new",
            };
            hits.push(
                Hit::new(format!("{name} cannot `{}`", unable.join("`, `")), help).of(format!("{name}: commands")),
            );
        }
    }
    hits
}

fn lacks(name: &str, server: &ServerFacts, wanted: &[&str]) -> Option<Hit> {
    let family = server.family();
    let tools: BTreeSet<&str> = wanted.iter().copied().filter(|tool| !server.tools.contains(*tool)).collect();
    let packages: BTreeSet<&str> = tools.iter().map(|tool| family.installer.package(tool)).collect();
    let list = |words: BTreeSet<&str>, between: &str| words.into_iter().collect::<Vec<_>>().join(between);
    let packages = list(packages, " ");
    if tools.is_empty() {
        return None;
    }
    let help = match server.tools.contains(family.installer.command) {
        true => format!("on {name}: `{} {packages}`", family.installer.install),
        false => format!("install on {name} the packages that have them (on {}: {packages})", family.called),
    };
    Some(Hit::new(format!("{name} lacks {}", list(tools, ", ")), help).of(format!("{name}: commands")))
}

fn array_modules(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let mut hits = Vec::new();
    for array in &plan.arrays {
        let module = match array.level.name() {
            "raid5" | "raid6" => "raid456",
            other => other,
        };
        for (name, server) in [("old", &facts.old), ("new", &facts.new)] {
            if !server.modules.contains(module) {
                let hit = Hit::new(
                    format!("the kernel of {name} has no module `{module}`, for array {}", *array.name),
                    "choose another level, or install a kernel that has it",
                );
                hits.push(hit.at(array.level.span()));
            }
        }
    }
    hits
}

fn initiator(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let installable = facts.old.iscsi_packages.as_ref().is_some_and(|packages| !packages.is_empty());
    if facts.old.tools.contains("iscsiadm") || installable {
        return Vec::new();
    }
    let family = facts.old.family();
    let (installer, package) = (&family.installer, family.installer.package("iscsiadm"));
    vec![
        Hit::new(
            format!("old has no {package}, and {} cannot install it", installer.command),
            format!("run `{}` on old and try again, or install {package} by hand", installer.update),
        )
        .of(format!("old: {package}")),
    ]
}

fn initiator_module(_: &Plan, facts: &Facts) -> Vec<Hit> {
    if facts.old.modules.contains("iscsi_tcp") {
        return Vec::new();
    }
    vec![
        Hit::new(
            "the kernel of old has no module `iscsi_tcp`",
            "install the full kernel package of its distribution (not a cloud kernel) and boot it",
        )
        .of(format!("old: kernel {}", facts.old.kernel)),
    ]
}

fn sessions(_: &Plan, facts: &Facts) -> Vec<Hit> {
    if facts.old.iscsi_sessions.is_empty() {
        return Vec::new();
    }
    vec![
        Hit::new(
            format!("old is already logged in to {}", facts.old.iscsi_sessions.join(", ")),
            "these sessions are left alone; make sure that nothing of them belongs to the volumes that move",
        )
        .of("old: iSCSI sessions"),
    ]
}

fn iscsi_server(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let tgt = ["tgtd", "tgtadm", "tgt-admin"].iter().all(|tool| facts.new.tools.contains(*tool));
    let lio = ["iscsi_target_mod", "target_core_mod", "target_core_iblock"]
        .iter()
        .all(|module| facts.new.modules.contains(*module));
    let server = &plan.transfer.iscsi.server;
    let install = facts.new.family().installer.install("tgtd");
    let (good, what, help) = match **server {
        IscsiServer::Tgt => {
            (tgt, "new has no tgt", format!("`{install}` in the rescue system, or use `server: auto`"))
        }
        IscsiServer::Lio => {
            (lio, "the kernel of new has no iscsi_target_mod", format!("use `server: tgt` and `{install}` on new"))
        }
        IscsiServer::Auto => (
            tgt || lio,
            "new can serve iSCSI neither by its kernel nor by tgt",
            format!("`{install}` in the rescue system"),
        ),
    };
    if good { Vec::new() } else { vec![Hit::new(what, help).at(server.span().or(plan.new.address.span()))] }
}
