//! The two machines: who they are, and whether they can stand in for each other.

use super::{Check, Hit, Rule, Severity};
use crate::facts::queries::MODULES;
use crate::facts::{Facts, ServerFacts};
use crate::layout::{Disks, disturbing, found, new_card};
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1001",
        title: "commands do not run as root",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "only root can read partitions, arrays and volumes completely, and change them.",
        remedy: "log in as root, or set `sudo: true` under `ssh:` with a user that may `sudo -n`.",
        check: Check::Facts(not_root),
    },
    Rule {
        code: "R1002",
        title: "old and new are the same machine",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "the disks that would be wiped are those of the server in service.",
        remedy: "correct the addresses in the plan.",
        check: Check::Facts(same_machine),
    },
    Rule {
        code: "R1003",
        title: "old and new look swapped",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "disks that the plan wants to wipe are on old, or the volume group that moves is on new already.",
        remedy: "exchange the addresses of `old` and `new`; the disks to be wiped must be on new.",
        check: Check::Facts(swapped),
    },
    Rule {
        code: "R1011",
        title: "the clocks are far apart",
        severity: Severity::Warning,
        absolute: false,
        why: "new keeps its own hardware clock: logs, certificates and databases would see time jump.",
        remedy: "see which of them is wrong (`date -u`), and set that one by NTP (`timedatectl set-ntp true`, `chronyd -q`); on new then \
                 `hwclock --systohc --utc`.",
        check: Check::Facts(clocks),
    },
    Rule {
        code: "R1012",
        title: "the processors are of different kinds",
        severity: Severity::Inhibitor,
        absolute: true,
        why: "new would run old's programs, which work on the same architecture only.",
        remedy: "choose a new server of the same architecture (`uname -m`).",
        check: Check::Facts(architecture),
    },
    Rule {
        code: "R1013",
        title: "multipathd runs on old",
        severity: Severity::Warning,
        absolute: false,
        why: "it may take new's iSCSI disks for itself; queued I/O of a multipath device would block old when the link breaks.",
        remedy: "exclude them in /etc/multipath.conf: `blacklist { device { vendor \"(LIO-ORG|REPLANT|IET)\" } }`, then \
                 `multipathd reconfigure`.",
        check: Check::Facts(multipath),
    },
    Rule {
        code: "R1014",
        title: "old installs updates by itself",
        severity: Severity::Warning,
        absolute: false,
        why: "from the copy to the cutover /boot is read-only and the initramfs must stay: a new kernel would fail half-way.",
        remedy: "replant holds {{installer}}'s timers itself. Stop whatever else installs packages before the copy \
              (`systemctl stop`): it starts again when new boots. Look at cron's jobs, too.",
        check: Check::Facts(updates),
    },
    Rule {
        code: "R1015",
        title: "old's kernel lacks a driver that new needs",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "new boots old's kernel: without the driver of its disks it finds no `/`, without that of its card no network.",
        remedy: "install a kernel that has it (`linux-image-amd64`, `linux-image-generic`, `linux-modules-extra-…`, a backport), \
                 and boot old with it.",
        check: Check::Facts(driver_missing),
    },
    Rule {
        code: "R1016",
        title: "a driver of new's network card that replant does not know",
        severity: Severity::Note,
        absolute: false,
        why: "new boots old's kernel. replant proves that the drivers of disks are in the initramfs; for a card it \
              can only look the driver up in a list.",
        remedy: "`modprobe --dry-run DRIVER` on old says whether its kernel has it.",
        check: Check::Facts(driver_unknown),
    },
    Rule {
        code: "R1017",
        title: "the kernel that runs on old is not the one that new would boot",
        severity: Severity::Warning,
        absolute: false,
        why: "another kernel was installed since old was booted, or GRUB's menu begins with another one. It has \
              never booted this system; its first boot would be on the new server.",
        remedy: "reboot old before the migration, and check that everything works.",
        check: Check::Facts(other_kernel),
    },
];

fn both(facts: &Facts) -> [(&'static str, &ServerFacts); 2] {
    [("old", &facts.old), ("new", &facts.new)]
}

fn not_root(_: &Plan, facts: &Facts) -> Vec<Hit> {
    both(facts)
        .into_iter()
        .filter(|(_, server)| server.uid != 0)
        .map(|(name, server)| {
            Hit::new(
                format!("commands on {name} run as uid {}, not as root", server.uid),
                format!("log in as root, or set `sudo: true` under `{name}.ssh` with a user that may `sudo -n`"),
            )
            .of(format!("{name}: user"))
        })
        .collect()
}

fn same_machine(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let same_machine = facts.old.machine.is_some() && facts.old.machine == facts.new.machine;
    let same_boot = !facts.old.boot_id.is_empty() && facts.old.boot_id == facts.new.boot_id;
    let same_keys = facts.old.host_keys == facts.new.host_keys && !facts.old.host_keys.is_empty();
    if same_boot || (same_machine && same_keys) {
        let hit = Hit::new("old and new are the same machine", "correct the addresses in the plan");
        return vec![hit.at(plan.new.address.span())];
    }
    Vec::new()
}

fn swapped(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let known = Disks::of(&facts.old);
    let disks_on_old = plan.disks.iter().any(|disk| known.find(disk).is_some());
    let group_on = |server: &ServerFacts| {
        plan.volume_groups.iter().any(|group| server.vgs.iter().any(|vg| vg.name == **group.name))
    };
    if disks_on_old || (group_on(&facts.new) && !group_on(&facts.old)) {
        let hit = Hit::new(
            "old and new look swapped: what the plan says of one is on the other",
            "exchange the addresses of `old` and `new`; the disks to be wiped must be on new",
        );
        return vec![hit.at(plan.old.address.span())];
    }
    Vec::new()
}

fn clocks(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let skew = facts.old.clock.abs_diff(facts.new.clock);
    if skew <= 120 {
        return Vec::new();
    }
    let is = if facts.new.clock > facts.old.clock { "ahead of" } else { "behind" };
    let hit = Hit::new(
        format!("new's clock is {skew} s {is} old's"),
        "see which is wrong (`date -u`), and set it (`chronyd -q`, `timedatectl set-ntp true`); on new then `hwclock --systohc --utc`",
    );
    vec![hit.of("old and new: clock")]
}

fn architecture(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let (old, new) = (facts.old.arch.as_str(), facts.new.arch.as_str());
    let x86_32 = |arch: &str| matches!(arch, "i386" | "i486" | "i586" | "i686");
    if old == new || (x86_32(old) && (new == "x86_64" || x86_32(new))) {
        return Vec::new();
    }
    let hit = Hit::new(
        format!("old is {old}, new is {new}: old's programs do not run there"),
        "choose a new server, or a rescue system, of the same architecture",
    );
    vec![hit.of("old and new: architecture")]
}

fn runs(server: &ServerFacts, unit: &str) -> bool {
    server.services.iter().any(|service| service == unit)
}

fn multipath(_: &Plan, facts: &Facts) -> Vec<Hit> {
    if !runs(&facts.old, "multipathd.service") {
        return Vec::new();
    }
    let hit = Hit::new(
        "multipathd runs on old, and may take new's disks",
        "`systemctl stop multipathd.socket multipathd.service` on old if it is not needed; otherwise `replant explain R1013`",
    );
    vec![hit.of("old: multipathd.service")]
}

/// What installs packages by itself on whatever system.
const UPDATERS: [&str; 5] =
    ["cfengine3.service", "chef-client.service", "landscape-client.service", "puppet.service", "salt-minion.service"];

fn updates(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let held = |timer: &str| disturbing(facts, timer) && runs(&facts.old, timer);
    let family = facts.old.family();
    let of_family = family.updaters.iter().filter(|one| !one.timer.is_some_and(held)).map(|one| one.unit);
    of_family
        .chain(UPDATERS)
        .filter(|unit| runs(&facts.old, unit))
        .map(|unit| {
            Hit::new(
                format!("{unit} installs packages on old; a new kernel between the copy and the cutover would fail half-way"),
                format!("on old, before the copy: `systemctl stop {unit}`; and see that no job of cron installs any"),
            )
            .of(format!("old: {unit}"))
        })
        .collect()
}

/// Drivers that new needs, and what for: those of the disks in the plan, and of the card that takes old's address.
fn drivers<'a>(plan: &'a Plan, facts: &'a Facts) -> Vec<(&'a str, String, bool)> {
    let mut all: Vec<(&str, String, bool)> = Vec::new();
    for (disk, block) in found(plan, facts) {
        all.extend(block.drivers.iter().map(|driver| (driver.as_str(), format!("disk `{}`", *disk.name), false)));
    }
    if let Some(card) = new_card(plan, facts) {
        all.extend(card.drivers.iter().map(|driver| (driver.as_str(), format!("network card {}", card.name), true)));
    }
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|(driver, ..)| seen.insert(*driver));
    all
}

fn driver_missing(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let missing = drivers(plan, facts)
        .into_iter()
        .filter(|(driver, ..)| MODULES.contains(driver) && !facts.old.modules.contains(*driver));
    missing
        .map(|(driver, of, _)| {
            Hit::new(
                format!("kernel {} of old has no `{driver}`, the driver of new's {of}", facts.old.kernel),
                format!("install a kernel that has it: {}; and boot it", facts.old.family().installer.kernel()),
            )
            .of(format!("new: {of}"))
        })
        .collect()
}

fn driver_unknown(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let unknown = drivers(plan, facts).into_iter().filter(|(driver, _, card)| *card && !MODULES.contains(driver));
    unknown
        .map(|(driver, of, _)| {
            Hit::new(
                format!("new's {of} needs `{driver}`; whether old's kernel has it was not looked up"),
                format!("`modprobe --dry-run {driver}` on old says nothing if it has"),
            )
            .of(format!("new: {of}"))
        })
        .collect()
}

/// The kernel that GRUB boots: that of its menu's first entry, unless it was told to take another.
fn first_of_menu(facts: &Facts) -> Option<&str> {
    let family = facts.old.family();
    let menu = &family.menu;
    let lines = |path: &str| facts.old.files.get(path).map(String::as_str).unwrap_or_default().lines();
    let default = lines(menu.settings).filter_map(|line| line.trim().strip_prefix("GRUB_DEFAULT=")).next_back();
    if default.is_some_and(|entry| entry.trim_matches(['"', '\'']) != "0") {
        return None;
    }
    lines(menu.file).map(str::trim).filter(|line| line.starts_with("linux")).find_map(|line| {
        let (_, version) = line.split_whitespace().nth(1)?.rsplit_once("vmlinuz-")?;
        Some(version)
    })
}

fn other_kernel(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let old = &facts.old;
    let message = match first_of_menu(facts) {
        _ if old.initrds.is_empty() => return Vec::new(),
        _ if !old.initrds.contains(&old.kernel) => {
            format!("old runs kernel {}, and has boot files of {} only", old.kernel, old.initrds.join(", "))
        }
        Some(first) if first != old.kernel => format!("old runs kernel {}, and would boot {first} now", old.kernel),
        _ => return Vec::new(),
    };
    let hit = Hit::new(message, "reboot old before the migration, and see that all is well");
    vec![hit.of(format!("old: kernel {}", old.kernel))]
}
