//! A first plan for two servers: what was read from them goes in, a commented YAML text comes out, with a `why` for each
//! choice. It names everything, destroys nothing by itself, and says which lines a person must decide.
//!
//! It invents no rules. Whether something fits, and what is in the way, is asked of the same findings as for any plan:
//! layouts are tried in the order of preference, and the first that has room is taken.

mod disks;
mod fault;
mod servers;
mod services;
mod text;
mod volumes;

use serde_json::json;

use crate::facts::{Facts, activity::Activity};
use crate::findings::{self, Finding};
use crate::plan::{self, Loaded, RaidLevel};

pub use fault::NoDraft;
pub use servers::{Ends, TypedServer};

/// A plan that is valid, and what still stands in its way on these servers.
#[derive(Debug)]
pub struct Draft {
    /// YAML, with its comments
    pub text: String,
    /// the same, read again as `validate` reads it
    pub loaded: Loaded,
    /// what the rules say of it on these servers
    pub findings: Vec<Finding>,
    /// what a person must decide or do before it can be applied, in words
    pub decide: Vec<String>,
}

/// Writes the plan.
///
/// # Errors
/// There is nothing on old that could move, or too little on new to move it to.
pub fn write(ends: &Ends, facts: &Facts, activity: &Activity) -> Result<Draft, NoDraft> {
    if !facts.old.boot_id.is_empty() && facts.old.boot_id == facts.new.boot_id {
        return Err(NoDraft::Servers {
            message: format!("OLD and NEW are the same machine, {}", facts.old.hostname),
            help: "give the address of the new server, booted into its rescue system, as NEW".into(),
        });
    }
    let groups = volumes::groups(facts)?;
    let disks = disks::choose(facts)?;
    let mut first: Option<Draft> = None;
    for level in levels(disks.used.len()) {
        let refused =
            first.as_ref().and_then(|draft| no_room(&draft.findings)).map(|finding| finding.message.clone());
        let draft = with_level(ends, facts, activity, &groups, &disks, *level, refused)?;
        if no_room(&draft.findings).is_none() {
            return Ok(draft);
        }
        first.get_or_insert(draft);
    }
    Ok(first.expect("there is a layout for any number of disks"))
}

/// What speaks against the layout, and might not against another: no room (R1216), no module for the level (R1006).
fn no_room(found: &[Finding]) -> Option<&Finding> {
    found.iter().find(|finding| matches!(finding.code, "R1216" | "R1006"))
}

/// RAID levels for the data on so many disks, the best first. One disk makes no array: its partitions take the data.
fn levels(disks: usize) -> &'static [Option<RaidLevel>] {
    match disks {
        1 => &[None],
        2 => &[Some(RaidLevel::Raid1)],
        3 => &[Some(RaidLevel::Raid1), Some(RaidLevel::Raid5)],
        _ => &[Some(RaidLevel::Raid10), Some(RaidLevel::Raid6), Some(RaidLevel::Raid5)],
    }
}

fn why_level(level: RaidLevel, disks: usize, refused: Option<String>) -> String {
    let why = match level {
        RaidLevel::Raid1 if disks == 2 => "with two disks: each holds everything, and one may fail".to_string(),
        RaidLevel::Raid1 => format!(
            "of {disks} disks each holds everything: the simplest, and all but one may fail. `raid5` would give twice \
             the room, and one disk may fail"
        ),
        RaidLevel::Raid5 => "one disk may fail".to_string(),
        RaidLevel::Raid6 => "any two disks may fail".to_string(),
        _ => format!(
            "with {disks} disks: half of their room, fast to write and to rebuild; one disk may fail, and more if they \
             do not hold the same half. With `raid6` any two may, and it writes slower"
        ),
    };
    match refused {
        Some(refused) => format!("{why}. Chosen because of the level that would be better: {refused}"),
        None => why,
    }
}

fn with_level(
    ends: &Ends,
    facts: &Facts,
    activity: &Activity,
    groups: &volumes::Groups,
    disks: &disks::Choice,
    level: Option<RaidLevel>,
    refused: Option<String>,
) -> Result<Draft, NoDraft> {
    let services = services::find(facts, activity, groups);
    let boot = volumes::boot(facts, level);
    let values = json!({
        "name": text::quoted(&ends.name(facts)),
        "why_name": if ends.name.is_some() { "" } else { "why: old's host name. It " },
        "old": servers::old(ends, facts),
        "new": servers::new(ends, facts),
        "network": servers::network(ends, facts),
        "disks": disks,
        "groups": groups.with_room(level, disks.used.len()),
        "boot": boot,
        "both_bios": !facts.old.uefi && !facts.new.uefi,
        "level": level.map(RaidLevel::name),
        "why_level": level.map(|level| why_level(level, disks.used.len(), refused)),
        "left": groups.left,
        "stop": services.stop,
        "left_running": services.left_running,
        "unknown": activity.unknown,
    });
    let body = text::render(include_str!("templates/plan.yaml.j2"), values);
    // without the head, whose comments change nothing: it tells of what is found in the rest
    let plan = plan::parse("draft", &body).map_err(NoDraft::Unsound)?.plan;
    let findings = findings::find_with_link(&plan, facts, &crate::layout::link_of_cards(&plan, facts));
    let stops = findings.iter().filter(|finding| finding.stops());
    let mut decide: Vec<String> =
        stops.map(|finding| format!("{} {}: {}", finding.code, finding.message, finding.help)).collect();
    decide.extend(services.decide);
    let warnings = findings.iter().filter(|finding| !finding.stops());
    let head = json!({
        "old": servers::old(ends, facts),
        "new": servers::new(ends, facts),
        "at": text::time(facts.old.clock),
        "alone": level.is_none(),
        "decide": decide,
        "warnings": warnings.map(|finding| format!("{} {}", finding.code, finding.message)).collect::<Vec<_>>(),
    });
    let text = text::render(include_str!("templates/head.yaml.j2"), head) + &body;
    let loaded = plan::parse("draft", &text).map_err(NoDraft::Unsound)?;
    Ok(Draft { text, loaded, findings, decide })
}
