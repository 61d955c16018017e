//! Small files of the system, and what is in reach on it: tools, kernel modules, drivers.

use std::collections::{BTreeMap, BTreeSet};

use super::parse::{ParseError, number};
use super::wanted::{ABILITIES, MODULES, PRESENCE, SMALL, files, parts_of, tools};
use super::{CardLine, Firmware, MacLine, Os, net};
use crate::family::{Builder, Family};
use crate::host::Query;

/// Many files with two processes: sizes, then every line behind its file's name. Missing ones are not in the output.
const TEXTS: &str = r#"echo @sizes
wc -c "$@" 2>/dev/null
echo @lines
grep -asH '' "$@" /sys/class/iscsi_session/*/targetname /etc/ssh/ssh_host_*_key.pub
exit 0"#;

/// The texts of `files`, `parts_of` and `SMALL`: answers [`parse_texts`].
pub fn texts_query() -> Query {
    let parts: Vec<String> = parts_of().iter().map(|(dir, end)| format!("{dir}*{end}")).collect();
    let script = format!("set -- \"$@\" {}\n{TEXTS}", parts.join(" "));
    Query::run(["sh", "-c", &script, "sh"].into_iter().chain(SMALL.iter().copied()).chain(files()))
}

/// Path and text of every file that is there, byte for byte.
pub fn parse_texts(text: &str) -> Result<BTreeMap<String, String>, ParseError> {
    let (sizes, lines) = match text.strip_prefix("@sizes\n").and_then(|text| text.split_once("@lines\n")) {
        Some(parts) => parts,
        None => return Err(ParseError::new("there are no marks `@sizes` and `@lines`")),
    };
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    // a file that was asked for by its name and by a pattern comes twice
    let (mut now, mut again) = (String::new(), false);
    for line in lines.split_terminator('\n') {
        let (path, line) = split_path(line).ok_or_else(|| ParseError(format!("no file name before `{line}`")))?;
        if path != now {
            again = texts.contains_key(path);
            now = path.to_string();
        }
        if again {
            continue;
        }
        let text = texts.entry(path.to_string()).or_default();
        text.push_str(line);
        text.push('\n');
    }
    for line in sizes.lines() {
        let Some((size, path)) = line.trim().split_once(' ') else { continue };
        let size: usize = number("a size", size)?;
        match texts.get_mut(path) {
            // grep ends the last line, even where the file does not
            Some(text) if text.len() == size + 1 && size > 0 => drop(text.pop()),
            Some(_) => {}
            None if size == 0 && is_file(path) => drop(texts.insert(path.to_string(), String::new())),
            None => {}
        }
    }
    Ok(texts)
}

/// Whether the text of a file is one of [`super::ServerFacts::files`].
pub(super) fn is_file(path: &str) -> bool {
    files().contains(&path) || parts_of().iter().any(|(dir, end)| path.starts_with(dir) && path.ends_with(end))
}

/// The names of iSCSI sessions' directories have no colon, and neither have the other files we ask for.
fn split_path(line: &str) -> Option<(&str, &str)> {
    line.split_once(':').filter(|(path, _)| path.starts_with('/'))
}

/// Who we are, what is there, what drives what: one line for each, the word before it says what it is. Of the network's
/// configuration only keys and addresses are read: the files may hold passwords.
const PARTS: &str = r#"echo "arch $(uname -m)"
echo "uid $(id -u)"
echo "clock $(date +%s)"
[ -d /sys/firmware/efi ] && echo uefi
for f in $1; do [ -e "$f" ] && echo "present $f"; done
for t in $2; do command -v "$t" >/dev/null 2>&1 && echo "tool $t"; done
if i=$(command -v iscsiadm); then
  for d in /var/lib/iscsi /etc/iscsi; do grep -qaF "$d/nodes" "$i" && echo "iscsi $d" && break; done
fi
printf '%s\n' "$4" | while read -r t o; do
  command -v "$t" >/dev/null 2>&1 && ! "$t" --help 2>&1 | grep -q -e "$o" && echo "unable $t $o"
done
for m in $3; do [ -d "/sys/module/$m" ] && echo "module $m"; done
for k in /lib/modules/*; do
  for i in $5; do
    i=$i${k##*/}
    [ -e "$i" ] && echo "initrd ${k##*/}" && echo "image $(stat -L -c %s "$i") ${k##*/}" && break
  done
done
for c in /sys/class/net/*/device; do
  c=${c%/device}
  s=$(cat "$c/speed" 2>/dev/null) && echo "speed $s ${c##*/}"
  read -r s 2>/dev/null <"$c/addr_assign_type" && echo "assigned $s ${c##*/}"
done
for l in /etc/systemd/network/*.link /run/systemd/network/*.link; do [ -e "$l" ] && echo "link $l"; done
b='[[:blank:]]'
grep -rsioHnE "^$b*\[[a-z0-9 _-]+\]|[][a-z0-9_{}.-]*[]\"'}]*($b|[:=/])*((ether|mac)($b|[:=/])*)?[\"']?(([0-9a-f]{2}[:-]){5}[0-9a-f]{2}|([0-9a-f]{4}\.){2}[0-9a-f]{4})|(^|$b|[,{])(path|driver)[\"']?$b*[:=]$b*[^],}# ]+" \
  /etc/netplan /etc/systemd/network /etc/NetworkManager/system-connections /etc/NetworkManager/conf.d /etc/network \
  $6 | while read -r m; do echo "mac $m"; done
grep -rshvE "^$b*[#;]" /etc/network/interfaces /etc/network/interfaces.d /etc/netplan /etc/systemd/network \
  /etc/NetworkManager/system-connections /etc/rc.local |
  grep -oiE "[0-9a-f]*[.:][0-9a-f.:]*/[0-9]{1,3}|address[0-9]*([]\"':=[-]|$b)+[0-9a-f]*[.:][0-9a-f.:]+" | while read -r a; do echo "own $a"; done
climb() {
  p=$1
  while [ -n "$p" ] && [ "$p" != /sys/devices ]; do
    cd -P "$p/driver/module" 2>/dev/null && printf ' %s' "${PWD##*/}"
    p=${p%/*}
  done
}
for d in /sys/block/*/device /sys/class/net/*/device; do
  cd -P "$d" 2>/dev/null || continue
  printf 'driver %s' "${d%/device}"
  case $PWD in
    */nvme-subsystem/*)
      for c in "$PWD"/nvme*; do
        cd -P "$c" 2>/dev/null || continue
        case $PWD in /sys/devices/virtual/*) ;; *) climb "$PWD" ;; esac
      done ;;
    *) climb "$PWD" ;;
  esac
  echo
done
cd /
modprobe -a -D $3 2>/dev/null
l=/lib/firmware r=$(uname -r)
modinfo $3 2>/dev/null | grep -E '^(name|filename|firmware):' | while read -r k v; do
  case $k in
  name:) m=$v ;;
  filename:) case $v in */*) m=${v##*/} m=${m%%.ko*} ;; esac ;;
  firmware:)
    w=lacks
    for f in "$l/$v" "$l/$v.xz" "$l/$v.zst" "$l/updates/$v" "$l/$r/$v"; do [ -e "$f" ] && w=there && break; done
    echo "firmware $w $m $v" ;;
  esac
done
"#;

/// Answers [`parse_parts`].
pub fn parts_query() -> Query {
    let packages = Family::ALL
        .map(|family| format!("(\nset -- {}\n{})\n", family.boot_packages.join(" "), family.scripts().boot_packages));
    let images: Vec<&str> = Builder::ALL.iter().map(|builder| builder.image).collect();
    let cards = Family::ALL.map(|family| family.cards.join(" "));
    Query::run([
        "sh",
        "-c",
        &format!("{PARTS}{}exit 0", packages.concat()),
        "sh",
        &PRESENCE.join(" "),
        &tools().join(" "),
        &MODULES.join(" "),
        &ABILITIES.join("\n"),
        &images.join(" "),
        &cards.join(" "),
    ])
}

#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Parts {
    pub arch: String,
    pub uid: u32,
    pub clock: i64,
    pub uefi: bool,
    pub present: BTreeSet<String>,
    pub tools: BTreeSet<String>,
    pub unable: BTreeSet<String>,
    pub modules: BTreeSet<String>,
    pub initrds: Vec<String>,
    pub initrd_sizes: BTreeMap<String, u64>,
    pub macs: Vec<MacLine>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub card_lines: Vec<CardLine>,
    pub link_files: Vec<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub configured: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub firmware: BTreeMap<String, Firmware>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub boot_packages: BTreeSet<String>,
    /// network cards whose MAC address the kernel made up
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub random_macs: BTreeSet<String>,
    pub iscsi: Option<String>,
    /// Mbit/s by name, of network cards
    pub speeds: BTreeMap<String, u32>,
    /// modules by kernel name, of disks
    pub disks: BTreeMap<String, Vec<String>>,
    /// modules by name, of network cards
    pub cards: BTreeMap<String, Vec<String>>,
}

pub fn parse_parts(text: &str) -> Result<Parts, ParseError> {
    let mut parts = Parts::default();
    // path and name of the section of a file that is being read
    let mut section = (String::new(), String::new());
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "arch" => parts.arch = rest.to_string(),
            "uid" => parts.uid = number("the user", rest)?,
            "clock" => parts.clock = number("the clock", rest)?,
            "uefi" => parts.uefi = true,
            "present" => drop(parts.present.insert(rest.to_string())),
            "unable" => drop(parts.unable.insert(rest.to_string())),
            "tool" => drop(parts.tools.insert(rest.to_string())),
            "initrd" => parts.initrds.push(rest.to_string()),
            "image" => {
                if let Some((bytes, kernel)) = rest.split_once(' ')
                    && let Ok(bytes) = bytes.parse()
                {
                    parts.initrd_sizes.insert(kernel.to_string(), bytes);
                }
            }
            // -1: the driver does not know
            "speed" => {
                if let Some((speed, card)) = rest.split_once(' ')
                    && let Ok(speed) = speed.parse::<u32>()
                {
                    parts.speeds.insert(card.to_string(), speed);
                }
            }
            "iscsi" => parts.iscsi = Some(rest.to_string()),
            "link" => parts.link_files.push(rest.to_string()),
            // /sys/class/net/X/addr_assign_type: 1 is NET_ADDR_RANDOM
            "assigned" => {
                if let Some(("1", card)) = rest.split_once(' ') {
                    parts.random_macs.insert(card.to_string());
                }
            }
            "firmware" => {
                let mut words = rest.splitn(3, ' ');
                if let (Some(state), Some(module), Some(file)) = (words.next(), words.next(), words.next()) {
                    let firmware = parts.firmware.entry(module.replace('-', "_")).or_default();
                    let list = if state == "there" { &mut firmware.there } else { &mut firmware.lacks };
                    list.push(file.to_string());
                }
            }
            "package" => {
                if let Some(name) = rest.strip_prefix("ii").map(str::trim) {
                    parts.boot_packages.insert(name.to_string());
                }
            }
            "own" => parts.configured.extend(net::configured(rest)),
            "mac" => match network_line(rest, &mut section) {
                Some(Named::Mac(line)) => parts.macs.push(line),
                Some(Named::Card(line)) => parts.card_lines.push(line),
                None => {}
            },
            "driver" => drivers(rest, &mut parts),
            // `module` is ours: loaded or built in; the other two are modprobe's: `insmod /lib/…/raid1.ko.xz`, `builtin xfs`
            "module" | "builtin" | "insmod" => {
                let file = rest.split(' ').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
                let module = file.split(".ko").next().unwrap_or_default().replace('-', "_");
                if MODULES.contains(&module.as_str()) {
                    parts.modules.insert(module);
                }
            }
            _ => {}
        }
    }
    if parts.arch.is_empty() || parts.clock == 0 {
        return Err(ParseError::new("there is no `arch` or no `clock`"));
    }
    Ok(parts)
}

/// Of a disk or a card, the modules that drive it: `/sys/block/sda sd_mod ahci`
fn drivers(line: &str, parts: &mut Parts) {
    let (path, modules) = line.split_once(' ').unwrap_or((line, ""));
    let mut drivers: Vec<String> = Vec::new();
    for module in modules.split_whitespace() {
        if !drivers.iter().any(|known| known == module) {
            drivers.push(module.to_string());
        }
    }
    if let Some(disk) = path.strip_prefix("/sys/block/") {
        // the kernel writes `!` for a `/` in a device's name
        parts.disks.insert(disk.replace('!', "/"), drivers);
    } else if let Some(card) = path.strip_prefix("/sys/class/net/") {
        parts.cards.insert(card.to_string(), drivers);
    }
}

enum Named {
    Mac(MacLine),
    Card(CardLine),
}

/// `/etc/netplan/50-cloud-init.yaml:9:macaddress: "52:54:00:77:00:21`, or the head of a section.
fn network_line(text: &str, section: &mut (String, String)) -> Option<Named> {
    let mut parts = text.splitn(3, ':');
    let (path, line, rest) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
    if let Some(name) = rest.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        *section = (path.into(), name.into());
        return None;
    }
    let path = path.to_string();
    let Some((before, mac)) = [17, 14].iter().find_map(|length| mac_at_end(rest, *length)) else {
        let (key, value) = rest.split_once([':', '='])?;
        let bare = |word: &str| word.trim_matches(|c: char| c.is_whitespace() || "\"'{,".contains(c)).to_string();
        return Some(Named::Card(CardLine { path, line, key: bare(key).to_lowercase(), value: bare(value) }));
    };
    let key = before.trim_start_matches(|c: char| c.is_whitespace() || "\"'{,".contains(c));
    let key = key.split(|c: char| c.is_whitespace() || "\"'=:/".contains(c)).next().unwrap_or_default().to_string();
    let section = if section.0 == path { section.1.clone() } else { String::new() };
    Some(Named::Mac(MacLine { path, line, key, mac, section }))
}

/// What is before a MAC address at the end of a text, and the address as the kernel writes it. `5254.0077.0021` and
/// `52-54-00-77-00-21` are others of its forms: systemd.link(5)
fn mac_at_end(text: &str, length: usize) -> Option<(&str, String)> {
    let (before, mac) = text.split_at_checked(text.len().checked_sub(length)?)?;
    let digits: String = mac.chars().filter(char::is_ascii_hexdigit).collect();
    if digits.len() != 12 || mac.chars().any(|c| !c.is_ascii_hexdigit() && !":-.".contains(c)) {
        return None;
    }
    let pairs: Vec<String> = (0..6).map(|at| digits[2 * at..2 * at + 2].to_lowercase()).collect();
    Some((before, pairs.join(":")))
}

/// os-release(5).
pub(crate) fn parse_release(text: &str) -> Os {
    let get = |key: &str| {
        let value = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
        let words = value.and_then(shlex::split);
        words.and_then(|words| words.into_iter().next()).unwrap_or_default()
    };
    Os {
        id: get("ID"),
        id_like: get("ID_LIKE").split_whitespace().map(str::to_string).collect(),
        version_id: get("VERSION_ID"),
        pretty_name: get("PRETTY_NAME"),
    }
}

/// `MemTotal` of /proc/meminfo, in bytes.
pub fn parse_memory(text: &str) -> Result<u64, ParseError> {
    memory(text, "MemTotal").ok_or_else(|| ParseError::new("there is no `MemTotal:` with a number"))
}

/// `MemAvailable` of /proc/meminfo, in bytes; 0 where it is not told.
pub(crate) fn parse_memory_available(text: &str) -> u64 {
    memory(text, "MemAvailable").unwrap_or(0)
}

fn memory(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib.saturating_mul(1024))
}

/// Bytes written to each block device since the boot, by kernel name: the tenth field of /proc/diskstats counts sectors of
/// 512 bytes (Documentation/admin-guide/iostats.rst).
pub fn parse_written(text: &str) -> BTreeMap<String, u64> {
    let of = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        Some((words.get(2)?.to_string(), words.get(9)?.parse::<u64>().ok()?.saturating_mul(512)))
    };
    text.lines().filter_map(of).collect()
}

/// Whole seconds since the boot: /proc/uptime.
pub fn parse_uptime(text: &str) -> Option<u64> {
    text.split(['.', ' ']).next()?.parse().ok()
}

/// Links that udev(7) makes: answers [`parse_links`]. Those by the kernel's numbers are left out: there are hundreds.
pub(crate) fn links_query() -> Query {
    let numbers = ["-path", "/dev/char", "-o", "-path", "/dev/block"];
    let links = ["-prune", "-o", "-type", "l", "-printf", "%p %l\\n"];
    Query::run(["find", "/dev", "("].into_iter().chain(numbers).chain([")"]).chain(links))
}

/// Link and kernel name of the device: `/dev/disk/by-id/ata-X ../../sda` is (`/dev/disk/by-id/ata-X`, `sda`); sorted.
pub fn parse_links(text: &str) -> Result<Vec<(String, String)>, ParseError> {
    let mut links = Vec::new();
    for line in text.lines() {
        let (link, to) = line.split_once(' ').ok_or_else(|| ParseError(format!("not a link: `{line}`")))?;
        let name = to.strip_prefix("/dev/").unwrap_or(to.trim_start_matches("../"));
        links.push((link.to_string(), name.to_string()));
    }
    links.sort();
    Ok(links)
}

/// Active services and timers: answers [`parse_services`].
pub(crate) fn services_query() -> Query {
    Query::run(
        "systemctl list-units --type=service,timer --state=active --plain --full --no-legend --no-pager".split(' '),
    )
}

/// The first word of each line; sorted.
pub fn parse_services(text: &str) -> Vec<String> {
    let unit = |word: &&str| word.ends_with(".service") || word.ends_with(".timer");
    let words = text.lines().filter_map(|line| line.split_whitespace().find(unit));
    let sorted: BTreeSet<String> = words.map(str::to_string).collect();
    sorted.into_iter().collect()
}

/// What starts at boot, as far as each unit's own file says it: answers [`parse_unit_files`].
pub(crate) fn unit_files_query() -> Query {
    Query::run("systemctl list-unit-files --type=service,timer,socket,mount --full --no-legend --no-pager".split(' '))
}

/// Units that are disabled or masked, and mounts that are neither. A template stands for its instances. Those that systemd
/// generates stand in fstab, and may have been taken from there since.
pub fn parse_unit_files(text: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut found = (BTreeSet::new(), BTreeSet::new());
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(unit), Some(state)) = (words.next(), words.next()) else { continue };
        if matches!(state, "disabled" | "masked" | "masked-runtime" | "bad") {
            found.0.insert(unit.to_string());
        } else if unit.ends_with(".mount") && state != "generated" {
            found.1.insert(unit.to_string());
        }
    }
    found
}

/// Key type and base64 of a line `ssh-ed25519 AAAA… root@srv1`.
pub(crate) fn parse_host_key(line: &str) -> Option<String> {
    match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        [kind, key, ..] => Some(format!("{kind} {key}")),
        _ => None,
    }
}

/// `InitiatorName=` of /etc/iscsi/initiatorname.iscsi.
pub(crate) fn parse_initiator(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix("InitiatorName="))?;
    Some(value.trim().to_string()).filter(|name| !name.is_empty())
}
