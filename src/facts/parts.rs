//! What is in reach on a server: tools, kernel modules, drivers, firmware, and what names its network cards.

use std::collections::{BTreeMap, BTreeSet};

use super::fact::{Fact, Failed};
use super::parse::{ParseError, number};
use super::wanted::{ABILITIES, MODULES, PRESENCE, tools};
use super::{CardLine, Firmware, MacLine, ServerFacts, net};
use crate::family::{Builder, Family};
use crate::host::Query;

pub(super) const FACTS: &[Fact] = &[Fact {
    name: "parts",
    query: |_| Some(query()),
    failed: Failed::Error,
    put: |text, server| parse(text).map(|parts| put(parts, server)),
}];

/// Drivers and speeds go to lsblk's disks and to ip's interfaces, which have been put there before.
fn put(parts: Parts, server: &mut ServerFacts) {
    for block in &mut server.blocks {
        block.drivers = parts.disks.get(&block.kname).cloned().unwrap_or_default();
    }
    for interface in &mut server.interfaces {
        interface.speed = parts.speeds.get(&interface.name).copied();
        interface.physical = parts.cards.contains_key(&interface.name);
        interface.drivers = parts.cards.get(&interface.name).cloned().unwrap_or_default();
        interface.random_mac = parts.random_macs.contains(&interface.name);
    }
    server.arch = parts.arch;
    server.uid = parts.uid;
    server.clock = parts.clock;
    server.uefi = parts.uefi;
    server.present = parts.present;
    server.tools = parts.tools;
    server.unable = parts.unable;
    server.modules = parts.modules;
    server.initrds = parts.initrds;
    server.initrd_sizes = parts.initrd_sizes;
    server.macs = parts.macs;
    server.card_lines = parts.card_lines;
    server.link_files = parts.link_files;
    server.configured = parts.configured;
    server.gateways = parts.gateways;
    server.firmware = parts.firmware;
    server.boot_packages = parts.boot_packages;
    server.iscsi_database = parts.iscsi;
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
for i in -4 -6; do ip $i route show default 2>/dev/null | while read -r r; do echo "route $r"; done; done
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

/// Answers [`parse`].
pub fn query() -> Query {
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

/// What one script finds out of many small things.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
#[allow(missing_docs, reason = "each is what ServerFacts says of the field of that name")]
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<String>,
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

/// Reads what the script prints.
///
/// # Errors
/// A line that is not understood.
pub fn parse(text: &str) -> Result<Parts, ParseError> {
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
            // `default via 10.77.0.1 dev ens3 proto static`
            "route" => {
                let mut words = rest.split_whitespace().skip_while(|word| *word != "via").skip(1);
                parts.gateways.extend(words.next().map(str::to_string));
            }
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
