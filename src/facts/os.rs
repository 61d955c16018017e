//! Small files of the system, and what is in reach on it: tools, kernel modules, drivers.

use std::collections::{BTreeMap, BTreeSet};

use super::parse::{ParseError, number};
use super::queries::{ABILITIES, FILES, MODULES, PARTS_OF, PRESENCE, SMALL, TOOLS};
use super::{MacLine, Os};
use crate::host::Query;

/// Many files with two processes: sizes, then every line behind its file's name. Missing ones are not in the output.
const TEXTS: &str = r#"set -- "$@" /etc/initramfs-tools/conf.d/* /etc/default/grub.d/*.cfg /etc/mdadm/mdadm.conf.d/*.conf
echo @sizes
wc -c "$@" 2>/dev/null
echo @lines
grep -asH '' "$@" /sys/class/iscsi_session/*/targetname /etc/ssh/ssh_host_*_key.pub
exit 0"#;

/// The texts of [`FILES`], [`PARTS_OF`] and [`SMALL`]: answers [`parse_texts`].
pub fn texts_query() -> Query {
    Query::run(["sh", "-c", TEXTS, "sh"].into_iter().chain(SMALL.iter().copied()).chain(FILES.iter().copied()))
}

/// Path and text of every file that is there, byte for byte.
pub fn parse_texts(text: &str) -> Result<BTreeMap<String, String>, ParseError> {
    let (sizes, lines) = match text.strip_prefix("@sizes\n").and_then(|text| text.split_once("@lines\n")) {
        Some(parts) => parts,
        None => return Err(ParseError::new("there are no marks `@sizes` and `@lines`")),
    };
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for line in lines.split_terminator('\n') {
        let (path, line) = split_path(line).ok_or_else(|| ParseError(format!("no file name before `{line}`")))?;
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
    FILES.contains(&path) || PARTS_OF.iter().any(|(dir, end)| path.starts_with(dir) && path.ends_with(end))
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
  i=/boot/initrd.img-${k##*/}
  [ -e "$i" ] && echo "initrd ${k##*/}" && echo "image $(stat -L -c %s "$i") ${k##*/}"
done
for c in /sys/class/net/*/device; do
  c=${c%/device}
  s=$(cat "$c/speed" 2>/dev/null) && echo "speed $s ${c##*/}"
done
for l in /etc/systemd/network/*.link; do [ -e "$l" ] && echo "link $l"; done
grep -rsioHnE "[a-z-]*mac-?address[\"']* *[:=] *[\"']?([0-9a-f]{2}:){5}[0-9a-f]{2}" /etc/netplan /etc/systemd/network \
  /etc/NetworkManager/system-connections | while read -r m; do echo "mac $m"; done
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
exit 0"#;

/// Answers [`parse_parts`].
pub fn parts_query() -> Query {
    Query::run([
        "sh",
        "-c",
        PARTS,
        "sh",
        &PRESENCE.join(" "),
        &TOOLS.join(" "),
        &MODULES.join(" "),
        &ABILITIES.join("\n"),
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
    pub link_files: Vec<String>,
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
            "mac" => parts.macs.extend(mac_line(rest)),
            "driver" => {
                let (path, modules) = rest.split_once(' ').unwrap_or((rest, ""));
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

/// `/etc/netplan/50-cloud-init.yaml:9:macaddress: "52:54:00:77:00:21`
fn mac_line(text: &str) -> Option<MacLine> {
    let mut parts = text.splitn(3, ':');
    let (path, line, rest) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
    let (key, _) = rest.split_once([':', '='])?;
    let mac = rest.get(rest.len().checked_sub(17)?..)?.to_lowercase();
    let key = key.trim_matches(|c: char| c.is_whitespace() || "\"'".contains(c)).to_string();
    Some(MacLine { path: path.into(), line, key, mac })
}

/// os-release(5).
pub fn parse_release(text: &str) -> Os {
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
pub fn parse_memory_available(text: &str) -> u64 {
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
pub fn links_query() -> Query {
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
pub fn services_query() -> Query {
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

/// Key type and base64 of a line `ssh-ed25519 AAAA… root@srv1`.
pub fn parse_host_key(line: &str) -> Option<String> {
    match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        [kind, key, ..] => Some(format!("{kind} {key}")),
        _ => None,
    }
}

/// `InitiatorName=` of /etc/iscsi/initiatorname.iscsi.
pub fn parse_initiator(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix("InitiatorName="))?;
    Some(value.trim().to_string()).filter(|name| !name.is_empty())
}
