//! What a rehearsal has shown, for people.

use std::fmt::Write;

use super::about;
use crate::rehearsal::Report;

/// `downtime`, `before`: seconds, as they are estimated with it and without it.
pub(crate) fn rehearsal(seen: &Report, downtime: f64, before: f64, apply: &str) -> String {
    let mut text = String::from(match seen.good() {
        true => "Rehearsed: on new the copied system came up, with all that old has.\n",
        false => "Rehearsed, and not all was well:\n",
    });
    let mut line = |what: &str, how: &str| _ = writeln!(text, "  {what:24} {how}");
    if let Some(trouble) = &seen.trouble {
        line("trouble", trouble);
    }
    if !seen.system.is_empty() {
        let took = seen
            .seconds
            .map_or("not all was started".into(), |seconds| format!("all was started after {seconds:.0} s"));
        line("system", &format!("{}; {took}", seen.system));
    }
    for unit in &seen.units {
        line(&unit.name, &unit.seconds.map_or("does not run".into(), |seconds| format!("runs after {seconds:.0} s")));
    }
    let list = |all: &[String], none: &str| if all.is_empty() { none.to_string() } else { all.join(", ") };
    if seen.seconds.is_some() {
        line("failed units", &list(&seen.failed, "none"));
        line("mounts that are missing", &list(&seen.mounts, "none"));
        line("ports that are missing", &list(&seen.ports, "none"));
    }
    text += match seen.untouched {
        true => {
            "It was thrown away. Nothing was written to new's volumes, and what old wrote meanwhile was sent: all is in sync.\n"
        }
        false => {
            "It was thrown away. That nothing was written to new's volumes was not seen: they were copied again, whole.\n"
        }
    };
    if seen.boot().is_some() {
        let _ = writeln!(
            text,
            "Services will be down for about {} (before the rehearsal: {}).",
            about(downtime),
            about(before)
        );
    }
    text += "Not shown: the network itself, and what depends on other hosts.\n";
    let _ = write!(text, "Next: {apply}");
    text
}
