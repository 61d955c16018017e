//! What is asked of new while it holds, and of both servers while it rehearses.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::report::{Ran, Report};
use crate::course::{Room, Runbook};
use crate::engine::Options;
use crate::host::{HostError, Hosts, Query, Side};
use crate::step::{Identity, StepKind};

/// Prints `memory KIB` and `volumes COUNT`, and `lacks MODULE` for each module that cannot be had.
pub(crate) const ROOM: &str = r#"awk '/^MemAvailable:/ { print "memory " $2 }' /proc/meminfo
echo "volumes $(lvm lvs --noheadings --options lv_name --select 'lv_active=active' "$@" | wc -l)"
for m in dm_snapshot brd veth; do
  modprobe --dry-run --quiet "$m" || [ -e "/sys/module/$m" ] || echo "lacks $m"
done"#;

/// Of which a snapshot has at most so much, and at least.
const MOST: u64 = 4096;
const LEAST: u64 = 64;

/// Prints what the system that is rehearsed says of itself; of these units, too, whether and since when they run.
pub(crate) const REPORT: &str = r#"read -r phase went _ </run/replant/rehearsal; [ "$phase" = went ] || exit 0
echo "went $went"
s() { timeout 30 nsenter --target 1 --mount --root --net -- "$@" 2>/dev/null; }
read -r now _ </proc/uptime; echo "now $now"
echo "system $(s systemctl is-system-running)"
echo "finished $(s systemctl show --property FinishTimestampMonotonic --value)"
s systemctl list-units --state=failed --no-legend --plain --full | awk '{ print "failed " $1 }'
for u; do
  echo "unit $u $(s systemctl show --property ActiveState --value "$u") $(s systemctl show --property ActiveEnterTimestampMonotonic --value "$u")"
done
s findmnt --raw --noheadings --output TARGET | sed 's/^/mount /'
s ss -Hlntu | awk '{ print "listen " $1 " " $5 }'"#;

/// Prints at what a server listens. ss(8)
pub(crate) const LISTENS: &str = r#"ss -Hlntu | awk '{ print "listen " $1 " " $5 }'"#;

/// For how long what old has and the rehearsed system has not is waited for, once it is up.
const LATE: Duration = Duration::from_secs(60);

/// What new has for a rehearsal. Half of the memory that is free, for all volumes; the other half is the system's.
pub(super) fn room(hosts: &dyn Hosts, book: &Runbook) -> Result<Room, HostError> {
    let groups = groups(book);
    let argv = ["sh", "-c", ROOM, "sh"].into_iter().map(str::to_string).chain(groups);
    let answer = hosts.ask(Side::New, Query::run(argv))?;
    let unclear =
        |cause: String| HostError::Unclear { side: Side::New, command: "room for a rehearsal".into(), cause };
    let number = |what: &str| {
        let mut lines = answer.stdout.lines().filter_map(|line| line.strip_prefix(what)?.trim().parse::<u64>().ok());
        lines.next().ok_or_else(|| unclear(format!("it does not say its {what}: `{}`", answer.stdout.trim())))
    };
    let lacks: Vec<&str> = answer.stdout.lines().filter_map(|line| line.strip_prefix("lacks ")).collect();
    if !lacks.is_empty() {
        return Err(unclear(format!("its kernel has no {}", lacks.join(", "))));
    }
    let mib = (number("memory ")? >> 10) / 2 / number("volumes ")?.max(1);
    match mib.min(MOST) {
        mib if mib < LEAST => Err(unclear(format!("{mib} MiB of memory for a volume's snapshot are too few"))),
        mib => Ok(Room { mib }),
    }
}

fn groups(book: &Runbook) -> Vec<String> {
    let of = |step: &StepKind| match step {
        StepKind::OwnBoot(boot) => boot.held.as_ref().map(|release| release.groups.clone()),
        _ => None,
    };
    book.nodes.iter().find_map(|node| of(&node.step)).unwrap_or_default()
}

/// What the system is to be when it has taken over.
fn wanted(book: &Runbook) -> Identity {
    let of = |step: &StepKind| match step {
        StepKind::Identity(identity) => Some(identity.clone()),
        _ => None,
    };
    let found = book.nodes.iter().find_map(|node| of(&node.step));
    found.unwrap_or(Identity {
        hostname: String::new(),
        addresses: vec![],
        mounts: vec![],
        units: vec![],
        alone: true,
    })
}

/// What was seen. Whatever cannot be asked is missing in it: the rehearsal is thrown away all the same.
pub(super) fn report(hosts: &dyn Hosts, book: &Runbook, options: &Options<'_>) -> Report {
    let clock = options.clock;
    let began = clock.now();
    loop {
        let report = once(hosts, book).unwrap_or_else(|error| Report {
            at: Some(Timestamp::now()),
            trouble: Some(error.to_string()),
            ..Report::default()
        });
        let stop = options.stop.load(std::sync::atomic::Ordering::SeqCst) > 0;
        if report.good() || stop || clock.now().saturating_sub(began) >= LATE {
            return report;
        }
        clock.sleep(options.poll.max(Duration::from_millis(1)));
    }
}

fn once(hosts: &dyn Hosts, book: &Runbook) -> Result<Report, HostError> {
    let wanted = wanted(book);
    let mut units = wanted.units.clone();
    units.extend(book.plan.cutover.units().into_iter().filter(|unit| !wanted.units.contains(unit)));
    let argv = ["sh", "-c", REPORT, "sh"].into_iter().map(str::to_string).chain(units.iter().cloned());
    let there = hosts.ask(Side::New, Query::run(argv))?.stdout;
    let on_old = listens(&hosts.ask(Side::Old, Query::run(["sh", "-c", LISTENS]))?.stdout);
    let mounts: Vec<String> = wanted.mounts.into_iter().map(|(target, _)| target).collect();
    Ok(compare(&there, &on_old, &mounts, &units))
}

/// `tcp 5432`, of each line `listen tcp 0.0.0.0:5432`. Not those that the kernel gives to whoever asks for any: they are others
/// after each boot. Linux, Documentation/networking/ip-sysctl.rst, ip_local_port_range
fn listens(text: &str) -> BTreeSet<String> {
    let port = |line: &str| {
        let (kind, at) = line.strip_prefix("listen ")?.split_once(' ')?;
        let port: u16 = at.rsplit_once(':')?.1.trim().parse().ok()?;
        (port < 32768).then(|| format!("{kind} {port}"))
    };
    text.lines().filter_map(port).collect()
}

fn compare(there: &str, on_old: &BTreeSet<String>, mounts: &[String], units: &[String]) -> Report {
    let all = |what: &str| -> Vec<&str> {
        there.lines().filter_map(|line| line.strip_prefix(what)?.strip_prefix(' ')).map(str::trim).collect()
    };
    let number = |what: &str| all(what).first().and_then(|value| value.parse::<f64>().ok());
    let went = number("went");
    // microseconds since the kernel began; 0: not yet
    let since = |micro: f64| went.filter(|_| micro > 0.0).map(|went| ((micro / 1e6 - went) * 10.0).round() / 10.0);
    let unit = |name: &String| {
        let line = all("unit").into_iter().find_map(|line| line.strip_prefix(name.as_str())?.strip_prefix(' '));
        let mut words = line.unwrap_or_default().split_whitespace();
        let active = words.next() == Some("active");
        let seconds = words.next().and_then(|micro| micro.parse().ok()).and_then(since).filter(|_| active);
        Ran { name: name.clone(), seconds }
    };
    let has = all("mount");
    let listens = listens(there);
    let ports: Vec<String> = on_old.difference(&listens).cloned().collect();
    let now = number("now").map(|now| now * 1e6);
    Report {
        at: Some(Timestamp::now()),
        trouble: went.is_none().then(|| "it was not started".into()),
        system: all("system").first().map(|word| word.to_string()).unwrap_or_default(),
        seconds: number("finished").and_then(since),
        listens_after: now.and_then(since).filter(|_| ports.is_empty()),
        units: units.iter().map(unit).collect(),
        failed: all("failed").into_iter().map(str::to_string).collect(),
        mounts: mounts.iter().filter(|mount| !has.contains(&mount.as_str())).cloned().collect(),
        ports,
        untouched: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: &str = "went 302.10\nnow 340.00\nsystem degraded\nfinished 332000000\nfailed ntp.service\n\
        unit rec.service active 330100000\nunit db.service failed 0\nmount /\nmount /var\nmount /run/ctl\n\
        listen tcp 0.0.0.0:22\nlisten tcp [::]:22\nlisten udp 127.0.0.1:323\n";

    #[test]
    fn what_old_has_and_the_rehearsed_system_has_not_is_told() {
        let words = |all: &[&str]| all.iter().map(|word| word.to_string()).collect::<Vec<_>>();
        let old =
            listens("listen tcp 0.0.0.0:22\nlisten tcp *:5432\nlisten udp 0.0.0.0:40123\nlisten udp [::1]:323\n");
        let report = compare(THERE, &old, &words(&["/", "/var", "/srv"]), &words(&["rec.service", "db.service"]));
        assert_eq!(report.seconds, Some(29.9));
        assert_eq!(
            (report.failed.as_slice(), report.mounts.as_slice()),
            (&words(&["ntp.service"])[..], &words(&["/srv"])[..])
        );
        assert_eq!(report.ports, words(&["tcp 5432"]), "a port that the kernel chose is no port of old's");
        let units: Vec<_> = report.units.iter().map(|unit| unit.seconds).collect();
        assert_eq!(units, [Some(28.0), None]);
        assert!(!report.good() && report.listens_after.is_none());
    }

    #[test]
    fn a_system_that_was_not_started_is_in_trouble() {
        let report = compare("", &BTreeSet::new(), &[], &[]);
        assert!(report.trouble.is_some() && report.boot().is_none());
    }

    #[test]
    fn new_s_part_of_the_downtime_ends_when_the_last_unit_runs() {
        let old = listens("listen tcp 0.0.0.0:22\n");
        let report = compare(THERE, &old, &["/".into()], &["rec.service".into()]);
        assert_eq!((report.boot(), report.listens_after), (Some(28.0), Some(37.9)));
        assert_eq!(compare(THERE, &old, &[], &[]).boot(), Some(29.9), "no unit is named");
        assert_eq!(compare(THERE, &old, &[], &["db.service".into()]).boot(), None, "it never ran");
    }
}
