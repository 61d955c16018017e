//! What runs on a server and would be missed, or would be in the way: which units listen, and which have files open for
//! writing on a disk. Asked only where a plan is drafted: it changes from minute to minute, and no runbook depends on it.

use std::collections::{BTreeMap, BTreeSet};

use super::parse::{ParseError, number};
use super::read::FactsError;
use crate::host::{Look, Query, Side};

/// What the units of a server do at this moment.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Activity {
    /// what listens or writes
    pub units: Vec<Unit>,
    /// sockets and paths that are watched, each with the units that it starts
    pub wakers: Vec<Waker>,
    /// what could not be found out, in words; empty where all was
    pub unknown: Vec<String>,
}

/// A unit that listens or writes; or processes that belong to none.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Unit {
    /// `nginx.service`, `session-3.scope`; empty for processes that no unit has started
    pub name: String,
    /// `tcp 0.0.0.0:80`
    pub listens: BTreeSet<String>,
    /// sources of mounts (`/dev/mapper/vg0-var`) on which it has files open for writing
    pub writes: BTreeSet<String>,
    /// names of its processes
    pub processes: BTreeSet<String>,
}

/// What starts units when something comes: a socket, a path, a timer.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Waker {
    /// with its suffix: `cups.socket`
    pub name: String,
    /// the units, with their suffixes
    pub starts: Vec<String>,
    /// what systemd listens on for it: `0.0.0.0:631`, `/run/cups/cups.sock`
    pub listens: Vec<String>,
}

/// Listening sockets (ss(8)), files that are open for writing (proc(5): fdinfo has the mode and the mount, and asking for
/// it touches no file), the unit of each process (its control group), and what starts units by itself. A mount that this
/// shell does not see is one of the process's own namespace. What takes longer than a server should be asked is cut off.
const ACTIVITY: &str = r#"echo @listening
if command -v ss >/dev/null; then timeout 20 ss -Hltunp || echo "unknown ss"; else echo "unknown ss"; fi
echo @writing
{ timeout 20 grep -rsaE '^(flags|mnt_id):' /proc/[0-9]*/fdinfo; [ $? -lt 124 ] || echo cut; } | awk '
function load(file,   line, word, n, i, read) {
  while ((getline line < file) > 0) {
    n = split(line, word, " ")
    for (i = 7; i < n && word[i] != "-"; i++);
    source[word[1]] = word[i + 2]
    read = 1
  }
  close(file)
  return read
}
BEGIN { FS = "[:/\t ]+"; load("/proc/self/mountinfo") }
$0 == "cut" { print "unknown writing" }
$6 == "flags" { mode = substr($7, length($7)) % 4 }
$6 == "mnt_id" && (mode == 1 || mode == 2) {
  if (!($7 in source) && load("/proc/" $3 "/mountinfo") && !($7 in source)) source[$7] = ""
  if (source[$7] !~ /^\/dev\// || seen[$3 " " source[$7]]++) next
  name = "?"
  getline name < ("/proc/" $3 "/comm")
  close("/proc/" $3 "/comm")
  print $3, source[$7], name
}' || echo "unknown writing"
echo @groups
grep -asHE '^(0::|1:name=systemd:)/.' /proc/[0-9]*/cgroup
echo @wakers
systemctl show --no-pager --property=Id,ActiveState,Triggers,Listen '*.socket' '*.path' 2>/dev/null || echo "unknown systemctl"
echo @end"#;

/// Answers [`parse`].
pub fn query() -> Query {
    Query::run(["sh", "-c", ACTIVITY])
}

/// Asks a server.
///
/// # Errors
/// It does not answer, or not in a form that we know.
pub fn read(look: &dyn Look, side: Side) -> Result<Activity, FactsError> {
    let said = look.ask(side, query())?.stdout;
    parse(&said).map_err(|cause| FactsError::Misread { side, command: "activity".into(), cause, said })
}

/// Reads what the question prints.
///
/// # Errors
/// A line that is not understood.
pub fn parse(text: &str) -> Result<Activity, ParseError> {
    let mut parts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut part = "";
    for line in text.lines() {
        match line.strip_prefix('@') {
            Some(name) => part = name,
            None => parts.entry(part).or_default().push(line),
        }
    }
    if part != "end" {
        return Err(ParseError::new("it does not end in `@end`"));
    }
    let lines = |part: &str| parts.get(part).cloned().unwrap_or_default();
    let groups: BTreeMap<u32, String> = lines("groups").into_iter().filter_map(unit_of).collect();
    let wakers = wakers(&lines("wakers"));

    let mut units: BTreeMap<String, Unit> = BTreeMap::new();
    let mut add = |name: &str, process: &str, listens: Option<String>, writes: Option<String>| {
        let unit = units.entry(name.to_string()).or_insert_with(|| Unit { name: name.into(), ..Unit::default() });
        unit.listens.extend(listens);
        unit.writes.extend(writes);
        unit.processes.insert(process.to_string());
    };
    let mut unknown = Vec::new();
    for line in ["listening", "writing", "wakers"].into_iter().flat_map(lines) {
        unknown.extend(match line.strip_prefix("unknown ") {
            Some("ss") => Some("which services listen (ss(8), of the package iproute2, did not answer)"),
            Some("writing") => Some("every service that writes (there are too many open files, or no awk)"),
            Some(_) => Some("what starts services by itself (systemctl did not answer)"),
            None => None,
        });
    }
    for line in lines("listening").into_iter().filter(|line| !line.starts_with("unknown ")) {
        let Some((place, processes)) = listener(line) else { continue };
        for (process, pid) in processes {
            let name = match groups.get(&pid) {
                // systemd itself listens, for a socket unit
                _ if pid == 1 => wakers.iter().find(|waker| waker.holds(&place)).map_or("", |waker| &waker.name),
                Some(unit) => unit,
                None => "",
            };
            add(name, &process, Some(place.clone()), None);
        }
    }
    for line in lines("writing").into_iter().filter(|line| !line.starts_with("unknown ")) {
        let mut words = line.splitn(3, ' ');
        let (Some(pid), Some(source), Some(process)) = (words.next(), words.next(), words.next()) else {
            return Err(ParseError(format!("not a process and what it writes to: `{line}`")));
        };
        let pid = number("a process", pid)?;
        add(groups.get(&pid).map_or("", String::as_str), process, None, Some(source.replace("\\040", " ")));
    }
    Ok(Activity {
        units: units.into_values().collect(),
        wakers,
        unknown: unknown.iter().map(|it| it.to_string()).collect(),
    })
}

/// `/proc/815/cgroup:0::/system.slice/nginx.service` is `(815, nginx.service)`: the outermost unit, for a service can
/// have groups of its own below it (a user's manager has, and a container's runtime).
fn unit_of(line: &str) -> Option<(u32, String)> {
    let (pid, rest) = line.strip_prefix("/proc/")?.split_once('/')?;
    let path = rest.splitn(4, ':').nth(3)?;
    let unit = path.split('/').find(|part| part.ends_with(".service") || part.ends_with(".scope"))?;
    Some((pid.parse().ok()?, unit.to_string()))
}

/// `tcp LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=815,fd=5),("nginx",pid=814,fd=5))`
fn listener(line: &str) -> Option<(String, Vec<(String, u32)>)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (kind, place) = (words.first()?, words.get(4)?);
    let (_, users) = line.split_once("users:((")?;
    let one = |user: &str| {
        let (name, rest) = user.split_once("\",pid=")?;
        let pid = rest.split(',').next()?.parse().ok()?;
        Some((name.trim_start_matches(['(', '"']).to_string(), pid))
    };
    Some((format!("{kind} {place}"), users.split("),(").filter_map(one).collect()))
}

/// Blocks of `Key=value` with an empty line between them: systemctl(1), `show`. Those that are active.
fn wakers(lines: &[&str]) -> Vec<Waker> {
    let mut found = Vec::new();
    for block in lines.split(|line| line.is_empty()) {
        let mut waker = Waker::default();
        let mut active = false;
        for (key, value) in block.iter().filter_map(|line| line.split_once('=')) {
            match key {
                "Id" => waker.name = value.to_string(),
                "ActiveState" => active = value == "active",
                "Triggers" => waker.starts.extend(value.split_whitespace().map(str::to_string)),
                // `[::]:22 (Stream)`
                "Listen" => waker.listens.push(value.split(" (").next().unwrap_or(value).to_string()),
                _ => {}
            }
        }
        if active && !waker.name.is_empty() {
            found.push(waker);
        }
    }
    found
}

impl Waker {
    /// Whether it is for this one that systemd listens on `tcp 0.0.0.0:631`: told by the port, since `*`, `[::]` and
    /// `0.0.0.0` are written in more than one way.
    fn holds(&self, place: &str) -> bool {
        let port = |place: &str| place.rsplit_once(':').map_or(place.to_string(), |(_, port)| port.to_string());
        self.listens.iter().any(|listens| port(listens) == port(place))
    }
}
