//! One server, read in one round trip.

use std::collections::BTreeMap;

use super::holder::Holder;
use super::parse::ParseError;
use super::queries;
use super::{
    Array, Block, Facts, Interface, Lv, Mount, ServerFacts, apt, filesystems, health, lsblk, lvm, md, mounts, net,
    os, under_way, writers,
};
use crate::family;
use crate::host::{HostError, IN_MEMORY, KEPT, Look, Output, Query, Side};

/// Why a server could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FactsError {
    #[error(transparent)]
    Host(#[from] HostError),
    /// A command that nothing can be known without is not there or failed.
    #[error("on {side}: `{command}` exited with {code}{}", shown(.said))]
    Failed { side: Side, command: String, code: i32, said: String },
    /// Commands are there that cannot do what is asked of them.
    #[error("on {side}{}: the system's tools are too old: {}{}", of(.system), .commands.join(", "), shown(.said))]
    TooOld { side: Side, system: String, commands: Vec<String>, said: String },
    /// A command printed something else than it should.
    #[error("on {side}: could not understand what `{command}` printed: {cause}{}", shown(.said))]
    Misread { side: Side, command: String, cause: ParseError, said: String },
}

impl FactsError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            FactsError::Host(error) => error.help(),
            FactsError::Failed { side, command, code, .. } => {
                let tool =
                    command.split_whitespace().find(|word| !word.contains('=') && *word != "env").unwrap_or(command);
                Some(match (code, family::install(tool)) {
                    (126 | 127, Some(install)) => format!("{install} on {side}, then type the same again"),
                    (126 | 127, None) => format!("install `{tool}` on {side}, then type the same again"),
                    _ => format!("see what it says there: `{command}` on {side}"),
                })
            }
            FactsError::TooOld { side, .. } => {
                let help = match side {
                    Side::New => "boot new with a newer rescue system",
                    _ => "upgrade it first",
                };
                let oldest = "Debian 10 and Ubuntu 20.04 are the oldest whose tools can do it (util-linux 2.33)";
                Some(format!("{help}: {oldest}"))
            }
            FactsError::Misread { side, command, .. } => Some(format!(
                "see what it prints there: `{command}` on {side}; its version may be one that is not known here"
            )),
        }
    }
}

/// What a tool of util-linux, LVM or iproute2 says that does not know an option or a column.
const NOT_KNOWN: &[&str] = &[
    "unknown column",
    "unrecognized option",
    "unrecognised option",
    "invalid option",
    "unknown option",
    "unrecognised field",
    "is unknown, try",
];

/// ` (Ubuntu 18.04.6 LTS)`
fn of(system: &str) -> String {
    if system.is_empty() { String::new() } else { format!(" ({system})") }
}

/// The first lines, indented below the message.
fn shown(said: &str) -> String {
    let lines = said.lines().filter(|line| !line.trim().is_empty()).take(4);
    lines.map(|line| format!("\n    {}", line.chars().take(160).collect::<String>())).collect()
}

/// Exit codes of a shell and of env(1): there is no such command, or it cannot be run.
fn not_there(output: &Output) -> bool {
    matches!(output.code, 126 | 127)
}

struct Answers {
    side: Side,
    all: BTreeMap<&'static str, (Query, Output)>,
}

impl Answers {
    fn ask(look: &dyn Look, side: Side) -> Result<Answers, FactsError> {
        let asked = queries::asked(side);
        let questions: Vec<Query> = asked.iter().map(|asked| asked.query.clone()).collect();
        let outputs = look.look(side, &questions)?;
        if outputs.len() != asked.len() {
            let cause = format!("{} answers to {} questions", outputs.len(), asked.len());
            return Err(HostError::Unreachable { side, cause }.into());
        }
        let all = asked.into_iter().zip(outputs).map(|(asked, output)| (asked.name, (asked.query, output)));
        Ok(Answers { side, all: all.collect() })
    }

    fn output(&self, name: &str) -> &Output {
        &self.all[name].1
    }

    /// The command's own words; of a script, what we call it.
    fn command(&self, name: &str) -> String {
        match &self.all[name].0 {
            Query::Run(argv) if argv[0] != "sh" => argv.join(" "),
            _ => name.to_string(),
        }
    }

    /// The answer of a command that must succeed.
    fn must<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, ParseError>) -> Result<T, FactsError> {
        let output = self.output(name);
        if !output.success() {
            let said = if output.stderr.trim().is_empty() { &output.stdout } else { &output.stderr }.clone();
            return Err(FactsError::Failed { side: self.side, command: self.command(name), code: output.code, said });
        }
        parse(&output.stdout).map_err(|cause| self.misread(name, cause))
    }

    /// As [`Answers::must`], but a command that is not installed has nothing to tell: no LVM, no volumes.
    fn may<T: Default>(&self, name: &str, parse: impl Fn(&str) -> Result<T, ParseError>) -> Result<T, FactsError> {
        if not_there(self.output(name)) { Ok(T::default()) } else { self.must(name, parse) }
    }

    /// The answer of a command that may not have been asked, or may have failed.
    fn if_good<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, ParseError>) -> Result<Option<T>, FactsError> {
        match self.all.get(name) {
            Some((_, output)) if output.success() => self.must(name, parse).map(Some),
            _ => Ok(None),
        }
    }

    /// Every command that is there and does not know what it is asked, in one error.
    fn able(&self) -> Result<(), FactsError> {
        let asked = ["lsblk", "mounts", "interfaces", "pvs", "vgs", "lvs", "lvm-version"];
        let failed = asked.iter().filter(|name| !self.output(name).success());
        let unable = |output: &Output| {
            let said = output.stderr.to_ascii_lowercase();
            NOT_KNOWN.iter().any(|words| said.contains(words))
        };
        let old: Vec<&str> = failed.copied().filter(|name| unable(self.output(name))).collect();
        if old.is_empty() {
            return Ok(());
        }
        let texts = os::parse_texts(&self.output("texts").stdout).unwrap_or_default();
        let release = texts.get("/etc/os-release").map(|text| os::parse_release(text).pretty_name);
        // the program, without its arguments; of a script, what we call it
        let program = |name: &str| self.command(name).split(' ').next().unwrap_or_default().to_string();
        Err(FactsError::TooOld {
            side: self.side,
            system: release.unwrap_or_default(),
            commands: old.iter().map(|name| format!("`{}`", program(name))).collect(),
            said: old.iter().map(|name| self.output(name).stderr.as_str()).collect(),
        })
    }

    fn misread(&self, name: &str, cause: ParseError) -> FactsError {
        let said = self.output(name).stdout.clone();
        FactsError::Misread { side: self.side, command: self.command(name), cause, said }
    }
}

/// Reads both servers, one after the other.
///
/// # Errors
/// As for [`read`].
pub fn both(look: &dyn Look) -> Result<Facts, FactsError> {
    Ok(Facts { format: 1, old: read(look, Side::Old)?, new: read(look, Side::New)? })
}

/// Reads one server, in one round trip.
///
/// A command that is not installed is an answer where it manages something that may be missing (mdadm, LVM, apt,
/// systemd); without lsblk, findmnt or ip nothing can be known and it is an error. So is every failure of LVM and mdadm
/// that are installed: half an answer would look like a server with less on it.
pub fn read(look: &dyn Look, side: Side) -> Result<ServerFacts, FactsError> {
    let answers = Answers::ask(look, side)?;
    answers.able()?;
    let parts = answers.must("parts", os::parse_parts)?;
    let texts = Texts(answers.must("texts", os::parse_texts)?);
    let misread = |cause| answers.misread("texts", cause);
    let blocks = blocks(&answers, &parts)?;
    let lvs = volumes(&answers, &texts, &blocks)?;
    let mdstat = md::parse_mdstat(texts.of("/proc/mdstat")).map_err(misread)?;
    let arrays = arrays(answers.may("arrays", md::parse_exports)?, &mdstat);
    let interfaces = interfaces(&answers, &parts)?;
    let mounts = mounts(&answers)?;
    let iscsi_packages = answers.if_good("iscsi-packages", apt::parse)?;
    let holders = holders(&answers, &mounts)?;
    let (disabled, mount_units) = os::parse_unit_files(&answers.output("unit-files").stdout);
    let file_systems = answers.must("file-systems", filesystems::parse)?;
    Ok(ServerFacts {
        hostname: texts.line("/proc/sys/kernel/hostname"),
        boot_id: texts.line("/proc/sys/kernel/random/boot_id"),
        machine: Some(texts.line("/sys/class/dmi/id/product_uuid")).filter(|uuid| !uuid.is_empty()),
        os: os::parse_release(texts.of("/etc/os-release")),
        kernel: texts.line("/proc/sys/kernel/osrelease"),
        memory: os::parse_memory(texts.of("/proc/meminfo")).map_err(misread)?,
        memory_available: os::parse_memory_available(texts.of("/proc/meminfo")),
        arrays,
        pvs: answers.may("pvs", lvm::parse_pvs)?,
        vgs: answers.may("vgs", lvm::parse_vgs)?,
        lvs,
        swaps: mounts::parse_swaps(texts.of("/proc/swaps")).map_err(misread)?,
        interfaces,
        host_keys: texts.under("/etc/ssh/", ".pub").into_iter().filter_map(os::parse_host_key).collect(),
        files: texts.files(),
        fs_tools: file_systems.tools,
        fs_features: file_systems.features,
        disabled,
        mount_units,
        services: os::parse_services(&answers.output("services").stdout),
        holders,
        iscsi_packages,
        iscsi_database: parts.iscsi,
        iscsi_sessions: texts
            .under("/sys/class/iscsi_session/", "/targetname")
            .into_iter()
            .map(str::to_string)
            .collect(),
        initiator: os::parse_initiator(texts.of("/etc/iscsi/initiatorname.iscsi")),
        lvm_version: answers.may("lvm-version", |text| lvm::parse_version(text).map(Some))?,
        // exits with a failure where one of the settings is not known to it, and tells of the others all the same
        lvm_config: lvm::parse_config(&answers.output("lvm-config").stdout),
        under_way: under_way::of([texts.of(IN_MEMORY), texts.of(KEPT)]),
        blocks,
        mounts,
        arch: parts.arch,
        uid: parts.uid,
        uefi: parts.uefi,
        clock: parts.clock,
        present: parts.present,
        tools: parts.tools,
        unable: parts.unable,
        modules: parts.modules,
        initrds: parts.initrds,
        initrd_sizes: parts.initrd_sizes,
        macs: parts.macs,
        card_lines: parts.card_lines,
        link_files: parts.link_files,
        configured: parts.configured,
        firmware: parts.firmware,
        boot_packages: parts.boot_packages,
    })
}

/// Files, by their paths.
struct Texts(BTreeMap<String, String>);

impl Texts {
    /// Empty where there is no such file.
    fn of(&self, path: &str) -> &str {
        self.0.get(path).map(String::as_str).unwrap_or_default()
    }

    fn line(&self, path: &str) -> String {
        self.of(path).trim().to_string()
    }

    /// Those whose paths begin and end so.
    fn under(&self, place: &str, name: &str) -> Vec<&str> {
        let found = self.0.iter().filter(|(path, _)| path.starts_with(place) && path.ends_with(name));
        found.map(|(_, text)| text.trim()).collect()
    }

    fn files(&self) -> BTreeMap<String, String> {
        let files = self.0.iter().filter(|(path, _)| os::is_file(path));
        files.map(|(path, text)| (path.clone(), text.clone())).collect()
    }
}

/// With their names from udev, their health and their drivers.
fn blocks(answers: &Answers, parts: &os::Parts) -> Result<Vec<Block>, FactsError> {
    let mut blocks = answers.must("lsblk", lsblk::parse)?;
    // find(1) fails where a place vanishes meanwhile, and tells of the others all the same
    let links = match answers.output("links") {
        output if not_there(output) => answers.must("links", os::parse_links)?,
        output => os::parse_links(&output.stdout).map_err(|cause| answers.misread("links", cause))?,
    };
    let mut health = health::parse(&answers.output("health").stdout);
    for block in &mut blocks {
        block.health = health.remove(&block.kname);
        for (link, _) in links.iter().filter(|(_, device)| *device == block.kname) {
            let list = match link {
                _ if link.starts_with("/dev/disk/by-id/") => &mut block.by_id,
                _ if link.starts_with("/dev/disk/by-path/") => &mut block.by_path,
                _ if *link == block.path => continue,
                _ => &mut block.links,
            };
            list.push(link.clone());
        }
        block.drivers = parts.disks.get(&block.kname).cloned().unwrap_or_default();
    }
    Ok(blocks)
}

/// With what is on them, and how much is written to them on average since the boot.
fn volumes(answers: &Answers, texts: &Texts, blocks: &[Block]) -> Result<Vec<Lv>, FactsError> {
    let written = os::parse_written(texts.of("/proc/diskstats"));
    let uptime = os::parse_uptime(texts.of("/proc/uptime")).unwrap_or(0);
    let mut lvs = answers.may("lvs", lvm::parse_lvs)?;
    for lv in &mut lvs {
        let path = lvm::mapper_path(&lv.vg, &lv.name);
        if let Some(block) = blocks.iter().find(|block| block.path == path) {
            lv.fstype = block.fstype.clone();
            lv.fs_uuid = block.uuid.clone();
            lv.write_rate = written.get(&block.kname).and_then(|bytes| bytes.checked_div(uptime)).unwrap_or(0);
        }
    }
    Ok(lvs)
}

fn interfaces(answers: &Answers, parts: &os::Parts) -> Result<Vec<Interface>, FactsError> {
    let mut interfaces = answers.must("interfaces", net::parse)?;
    for interface in &mut interfaces {
        interface.speed = parts.speeds.get(&interface.name).copied();
        interface.physical = parts.cards.contains_key(&interface.name);
        interface.drivers = parts.cards.get(&interface.name).cloned().unwrap_or_default();
        interface.random_mac = parts.random_macs.contains(&interface.name);
    }
    Ok(interfaces)
}

fn mounts(answers: &Answers) -> Result<Vec<Mount>, FactsError> {
    match answers.output("mounts") {
        // exit code 1 and silence: no real file system is mounted
        output if output.code == 1 && output.stdout.is_empty() && output.stderr.is_empty() => Ok(Vec::new()),
        _ => answers.must("mounts", mounts::parse),
    }
}

/// Of the new server, which is in rescue, nobody asks.
fn holders(answers: &Answers, mounts: &[Mount]) -> Result<Vec<Holder>, FactsError> {
    let targets: Vec<String> = mounts.iter().map(|mount| mount.target.clone()).collect();
    let live = answers.if_good("writers", writers::parse)?;
    Ok(live.map_or(Vec::new(), |live| live.holders(&targets)))
}

/// mdadm's answer and the kernel's; what mdadm did not tell of (it is not installed) is known by the kernel's alone.
fn arrays(exported: Vec<Array>, running: &[md::Running]) -> Vec<Array> {
    let mut arrays = exported;
    for kernel in running {
        let path = format!("/dev/{}", kernel.name);
        let array = match arrays.iter().position(|array| array.path == path) {
            Some(at) => &mut arrays[at],
            None => {
                let members = kernel.members.iter().map(|name| format!("/dev/{name}")).collect();
                let level = kernel.level.clone().unwrap_or_default();
                arrays.push(Array { path, level, devices: kernel.devices, members, ..Array::default() });
                let last = arrays.len() - 1;
                &mut arrays[last]
            }
        };
        array.degraded = kernel.degraded();
        array.action = kernel.action.as_ref().map(|action| action.kind.clone());
    }
    arrays.sort_by(|a, b| a.path.cmp(&b.path));
    arrays
}
