//! The first boot on other hardware: firmware of drivers, cloud-init, what GRUB cannot write, who builds the initramfs.

use std::collections::BTreeSet;

use super::{Check, Hit, Rule, Severity};
use crate::facts::{Facts, Firmware};
use crate::layout::{CLOUD_INIT_DISABLED, Disks, new_card, runs_cloud_init, transfer_cards};
use crate::plan::Plan;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "R1325",
        title: "old lacks the firmware that a driver of new loads",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "new boots old's system. Its driver loads a file from /lib/firmware, without which the card or the controller does not \
              work: new would come up without a network, or find no disks.",
        remedy: "install on old the package that has it; on Debian from the component non-free-firmware, on Ubuntu linux-firmware.",
        check: Check::Facts(firmware_missing),
    },
    Rule {
        code: "R1326",
        title: "old has none of the firmware files that a driver of new may load",
        severity: Severity::Warning,
        absolute: false,
        why: "most cards of these drivers work without it, or with fewer functions; some do not work. What the \
              driver asks for stands in the kernel's log of new's rescue system (`dmesg | grep -i firmware`).",
        remedy: "install on old the package that has them; on Debian from the component non-free-firmware, on Ubuntu linux-firmware.",
        check: Check::Facts(firmware_optional),
    },
    Rule {
        code: "R1327",
        title: "the first boot of new pauses: GRUB cannot write to arrays and volumes",
        severity: Severity::Note,
        absolute: false,
        why: "old's menu records that a boot was begun (`recordfail`, `savedefault`). With /boot on an md array or \
              a volume GRUB says `diskfilter writes are not supported. Press any key to continue...`, and continues by \
              itself after 10 seconds. The menu that step `finish-boot` makes on new does not record it.",
        remedy: "nothing: press a key, or wait.",
        check: Check::Facts(grub_writes),
    },
    Rule {
        code: "R1328",
        title: "cloud-init is switched off on new",
        severity: Severity::Warning,
        absolute: false,
        why: "on another machine cloud-init sees another instance, or no data at all: it replaces the SSH host \
              keys, and writes the network's configuration, users and the host name as for a new server. What it \
              configured on old stays as it is, and travels; new gets /etc/cloud/cloud-init.disabled, old does not.",
        remedy: "nothing. If cloud-init must run on new, remove /etc/cloud/cloud-init.disabled there after the \
              migration.",
        check: Check::Facts(cloud_init),
    },
    Rule {
        code: "R1329",
        title: "the initramfs is not rebuilt by itself",
        severity: Severity::Warning,
        absolute: false,
        why: "`{{held-no}}` in {{held-file}}: the last stage could not build \
              new's initramfs without the boot hook and old's arrays, and after an update of the kernel new would not \
              find its disks.",
        remedy: "`{{held-yes}}` in that file on old.",
        check: Check::Facts(not_rebuilt),
    },
    Rule {
        code: "R1330",
        title: "an agent of a cloud that may take new for another instance",
        severity: Severity::Warning,
        absolute: false,
        why: "the agents of Azure and Google compare the instance that they run on with the one they know. On \
              another one they replace the SSH host keys and users; new would then not show old's host key, by which \
              replant recognises it.",
        remedy: "`systemctl disable` it on old, if new is in no cloud or in another one; or let it keep its hands off: \
                 `Provisioning.Agent=disabled` in /etc/waagent.conf, `instance_setup = false` in /etc/default/instance_configs.cfg.",
        check: Check::Facts(agents),
    },
    Rule {
        code: "R1331",
        title: "a driver of new is kept from loading on old",
        severity: Severity::Inhibitor,
        absolute: false,
        why: "new boots old's system, whose configuration of modprobe(8) or kernel command line keeps the driver of new's card or disks \
              from being loaded for the device: new would come up without a network, or find no disks.",
        remedy: "remove the line (`blacklist`, `install … /bin/false`, `module_blacklist=`) on old, then {{rebuild}}.",
        check: Check::Facts(blacklisted),
    },
];

/// Modules that drive new's disks of the plan, and its cards.
fn drivers(plan: &Plan, facts: &Facts) -> Vec<(String, String)> {
    let disks = Disks::of(&facts.new);
    let mut all: Vec<(String, String)> = Vec::new();
    for (said, block) in plan.disks.iter().filter_map(|disk| Some((disk, disks.find(disk)?))) {
        all.extend(block.drivers.iter().map(|driver| (driver.clone(), format!("disk `{}`", *said.name))));
    }
    let [_, transfer] = transfer_cards(plan, facts);
    for card in [new_card(plan, facts), transfer].into_iter().flatten() {
        all.extend(card.drivers.iter().map(|driver| (driver.clone(), format!("network card {}", card.name))));
    }
    let mut seen = BTreeSet::new();
    all.retain(|(driver, _)| seen.insert(driver.clone()));
    all
}

fn files(firmware: &[String]) -> String {
    let some = firmware.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if firmware.len() > 3 { format!("{some}, …") } else { some }
}

fn firmware_missing(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let family = facts.old.family();
    let mut hits = Vec::new();
    for (driver, of) in drivers(plan, facts) {
        let Some((_, package)) = family.firmware.iter().find(|(name, _)| *name == driver) else { continue };
        // the library below this driver loads it
        let known = |name: &str| facts.old.firmware.get(name);
        let known = if driver == "qede" { known("qed").or(known("qede")) } else { known(&driver) };
        let what = match known {
            Some(Firmware { there, .. }) if !there.is_empty() => continue,
            Some(Firmware { lacks, .. }) => format!("which old does not have: {}", files(lacks)),
            None => "of which it is not known whether old has them".to_string(),
        };
        let hit = Hit::new(
            format!("`{driver}`, the driver of new's {of}, loads files from /lib/firmware, {what}"),
            format!("on old: {}", family.installer.firmware(package)),
        );
        hits.push(hit.of(format!("old: firmware of {driver}")));
    }
    hits
}

fn firmware_optional(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let family = facts.old.family();
    let essential = |driver: &str| family.firmware.iter().any(|(name, _)| *name == driver);
    let mut hits = Vec::new();
    for (driver, of) in drivers(plan, facts).into_iter().filter(|(driver, _)| !essential(driver)) {
        let Some(Firmware { there, lacks }) = facts.old.firmware.get(&driver) else { continue };
        if there.is_empty() && !lacks.is_empty() {
            let hit = Hit::new(
                format!(
                    "`{driver}`, the driver of new's {of}, may load firmware of which old has none: {}",
                    files(lacks)
                ),
                "`dmesg | grep -i firmware` on new tells whether it does; the packages are firmware-* (Debian), linux-firmware (Ubuntu)",
            );
            hits.push(hit.of(format!("old: firmware of {driver}")));
        }
    }
    hits
}

fn grub_writes(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let file = facts.old.family().menu.file;
    let menu = facts.old.files.get(file).map(String::as_str).unwrap_or_default();
    let writes = |line: &str| {
        let line = line.trim();
        // what merely defines it begins with `function`
        line.contains("save_env recordfail") || line == "recordfail" || line == "savedefault"
    };
    // without `boot:` it is on a volume
    let plain = plan.boot.as_ref().is_some_and(|boot| !plan.arrays.iter().any(|array| array.name == boot.to));
    if plain || !menu.lines().any(writes) {
        return Vec::new();
    }
    let message = "GRUB pauses for 10 s at the first boot of new: old's menu writes to /boot, and GRUB cannot write to arrays and volumes";
    vec![
        Hit::new(message, "nothing: press a key, or wait; `finish-boot` makes the menu again")
            .of(format!("old: {file}")),
    ]
}

fn cloud_init(_: &Plan, facts: &Facts) -> Vec<Hit> {
    if !runs_cloud_init(facts) {
        return Vec::new();
    }
    let message = "cloud-init runs on old at each boot; on new, another machine, it would replace the host keys and the network's configuration: it is switched off there";
    vec![
        Hit::new(message, format!("`rm {CLOUD_INIT_DISABLED}` on new at the end, if it is to run again"))
            .of("old: cloud-init"),
    ]
}

fn not_rebuilt(_: &Plan, facts: &Facts) -> Vec<Hit> {
    let builder = facts.old.builder();
    let (held, file) = (&builder.held, builder.held.file);
    let text = facts.old.files.get(file).map(String::as_str).unwrap_or_default();
    let said = text.lines().filter_map(|line| line.trim().strip_prefix(held.key)).next_back();
    if said.is_none_or(|said| said.trim_matches(['"', '\'']) != held.no) {
        return Vec::new();
    }
    let (no, yes) = (held.line(held.no), held.line(held.yes));
    let hit = Hit::new(
        format!("{file} of old says `{no}`: new's initramfs would stay the one that was made for the migration"),
        format!("`sed -i s/{no}/{yes}/ {file}` on old"),
    );
    vec![hit.of(format!("old: {file}"))]
}

fn agents(_: &Plan, facts: &Facts) -> Vec<Hit> {
    const AGENTS: [&str; 4] = ["walinuxagent.", "waagent.", "google-guest-agent.", "google-guest-agent-manager."];
    let known = |unit: &&String| AGENTS.iter().any(|name| unit.starts_with(name));
    facts
        .old
        .services
        .iter()
        .filter(known)
        .map(|unit| {
            Hit::new(
                format!("{unit} runs on old, and may take new for another instance"),
                format!("`systemctl disable {unit}` on old, unless new is to have it"),
            )
            .of(format!("old: {unit}"))
        })
        .collect()
}

/// What a line of modprobe.d(5) keeps from loading.
fn kept_away(line: &str) -> Option<&str> {
    match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["blacklist", module, ..] => Some(module),
        ["install", module, command, ..] if ["/bin/false", "/bin/true"].iter().any(|end| command.ends_with(end)) => {
            Some(module)
        }
        ["alias", module, "off"] => Some(module),
        _ => None,
    }
}

fn blacklisted(plan: &Plan, facts: &Facts) -> Vec<Hit> {
    let family = facts.old.family();
    let same = |name: &str, driver: &str| name.replace('-', "_") == driver;
    let mut hits = Vec::new();
    for (driver, of) in drivers(plan, facts) {
        let mut said: Vec<(String, usize)> = Vec::new();
        for (path, text) in facts.old.files.iter().filter(|(path, _)| path.starts_with("/etc/modprobe.d/")) {
            let lines =
                text.lines().enumerate().filter(|(_, line)| kept_away(line).is_some_and(|name| same(name, &driver)));
            said.extend(lines.map(|(at, _)| (path.clone(), at + 1)));
        }
        for path in ["/proc/cmdline", family.menu.settings] {
            let text = facts.old.files.get(path).map(String::as_str).unwrap_or_default();
            for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#')) {
                let words = line.split(|c: char| c.is_whitespace() || "\"'".contains(c));
                let lists = words.filter_map(|word| {
                    word.strip_prefix("module_blacklist=").or(word.strip_prefix("modprobe.blacklist="))
                });
                if lists.flat_map(|list| list.split(',')).any(|name| same(name, &driver)) {
                    said.push((path.to_string(), at + 1));
                }
            }
        }
        for (path, line) in said {
            let hit = Hit::new(
                format!("{path} of old keeps `{driver}` from loading, the driver of new's {of}"),
                format!("remove it from line {line} of {path} on old, then `{}`", facts.old.builder().rebuild),
            );
            hits.push(hit.of(format!("old: {path}, line {line}")));
        }
    }
    hits
}
