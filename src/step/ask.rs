//! Questions that several steps ask, with their answers understood.

use super::contract::Seen;
use crate::facts::{Lv, Pv, Vg, lvm};
use crate::host::{HostError, Look, Output, Query, Server, Side};

/// For LVM on a file system that is read-only: no copy of the metadata is written under /etc/lvm. lvm.conf(5)
pub(crate) const NO_ARCHIVE: &str = "backup{backup=0 archive=0}";

/// Prints `gone` where there is no such device.
pub(crate) const GONE: &str = r#"[ -e "$1" ] || echo gone"#;

/// Whether there is no such device.
pub(super) fn gone(on: &dyn Look, side: Side, path: &str) -> Result<bool, HostError> {
    Ok(!on.ask(side, Query::run(["sh", "-c", GONE, "sh", path]))?.stdout.is_empty())
}

/// The answer to a query that does not fail on a working system.
pub(super) fn answered(on: &dyn Look, side: Side, query: Query) -> Result<Output, HostError> {
    let command = match &query {
        Query::Run(argv) => argv.join(" "),
        Query::Power(_) | Query::Control(_) | Query::Console(_) => "power".into(),
    };
    let answer = on.ask(side, query)?;
    if answer.success() {
        Ok(answer)
    } else {
        Err(HostError::Unclear {
            side,
            command,
            cause: format!("exit code {}: {}", answer.code, answer.stderr.trim()),
        })
    }
}

pub(super) fn parsed<T, E: std::fmt::Display>(
    side: Side,
    command: &str,
    result: Result<T, E>,
) -> Result<T, HostError> {
    result.map_err(|error| HostError::Unclear { side, command: command.into(), cause: error.to_string() })
}

pub(super) fn lvs(on: &dyn Look, side: Side) -> Result<Vec<Lv>, HostError> {
    parsed(side, "lvs", lvm::parse_lvs(&answered(on, side, lvm::lvs_query())?.stdout))
}

pub(super) fn vgs(on: &dyn Look, side: Side) -> Result<Vec<Vg>, HostError> {
    parsed(side, "vgs", lvm::parse_vgs(&answered(on, side, lvm::vgs_query())?.stdout))
}

pub(super) fn pvs(on: &dyn Look, side: Side) -> Result<Vec<Pv>, HostError> {
    parsed(side, "pvs", lvm::parse_pvs(&answered(on, side, lvm::pvs_query())?.stdout))
}

/// `on`, `off` or `unknown`, and why.
pub(super) fn power(on: &dyn Look, server: Server) -> Result<(String, String), HostError> {
    let answer = on.ask(switched_on(server), Query::Power(server))?;
    Ok((answer.stdout.trim().to_string(), answer.stderr.trim().to_string()))
}

/// Power is asked of no system; the side is for the errors.
pub(super) fn switched_on(server: Server) -> Side {
    match server {
        Server::Old => Side::Old,
        Server::New => Side::New,
    }
}

/// Said where old has run since the cut.
pub(super) const LOST: &str =
    "what old has written since is not on new. Go back with `replant rollback`, and begin again";

/// What cannot be made good: see [`Step::for_good`].
pub(super) fn lost(seen: &Seen) -> bool {
    matches!(seen, Seen::Foreign(what) if what.contains(LOST))
}

/// Why new must not come up with old's name and addresses. Where old answers it serves, and what it writes is not on new.
pub(super) fn old_may_run(on: &dyn Look) -> Result<Option<String>, HostError> {
    let Some(why) = old_is_on(on)? else { return Ok(None) };
    Ok(Some(match on.ask(Side::Old, Query::run(["cat", "/proc/sys/kernel/random/boot_id"])) {
        Ok(_) => format!("old has been booted since it was switched off: {LOST}"),
        Err(_) => {
            format!("{why}. If it has booted by then, go back with `replant rollback`: what it wrote is not on new")
        }
    }))
}

/// Why new must not stay up with old's name and addresses.
pub(super) fn old_is_on(on: &dyn Look) -> Result<Option<String>, HostError> {
    let (state, why) = power(on, Server::Old)?;
    Ok(match state.as_str() {
        "off" => None,
        "on" => Some(format!(
            "old is on ({why}), and must not be while new has its name and addresses. Switch old off, then go on"
        )),
        _ => Some(format!("old is not known to be off. {why} See that it is off, then go on")),
    })
}

/// A line of /proc/self/mounts.
pub(super) struct Mounted {
    pub(super) target: String,
    pub(super) fstype: String,
}

pub(super) fn mounts_query() -> Query {
    Query::file("/proc/self/mounts")
}

pub(super) fn mounts(on: &dyn Look, side: Side) -> Result<Vec<Mounted>, HostError> {
    Ok(parse_mounts(answered(on, side, mounts_query())?.file().unwrap_or_default()))
}

/// proc(5)
pub(super) fn parse_mounts(table: &str) -> Vec<Mounted> {
    let line = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        Some(Mounted {
            // blanks in a mount point are written as octal
            target: words.next()?.replace("\\040", " "),
            fstype: words.next()?.to_string(),
        })
    };
    table.lines().filter_map(line).collect()
}

/// What stands on a device, by what is written there and not by what udev remembers: wipefs(8).
pub(super) fn signatures(on: &dyn Look, side: Side, device: &str) -> Result<Vec<String>, HostError> {
    Ok(signature_list(&answered(on, side, Query::run(["wipefs", "--json", device]))?.stdout))
}

/// The types in wipefs' JSON; it prints nothing at all for an empty device.
pub(super) fn signature_list(json: &str) -> Vec<String> {
    let value: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    let all = value["signatures"].as_array().cloned().unwrap_or_default();
    all.iter().filter_map(|signature| signature["type"].as_str().map(str::to_string)).collect()
}

/// `MD_UUID` out of what mdadm(8) `--export` prints.
pub(super) fn md_uuid(export: &str) -> Option<&str> {
    export.lines().find_map(|line| line.strip_prefix("MD_UUID="))
}
