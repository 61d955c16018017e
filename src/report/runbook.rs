//! A runbook before it is carried out: as a diff by stage, and one step in all detail.

use std::collections::HashMap;
use std::fmt::Write;

use super::files::{Changes, FileChange, Files, changes};
use super::ink::{BOLD, DIM, GREEN, Ink, NONE, RED, YELLOW};
use super::{about, act, bytes, sign, switching};
use crate::course::Runbook;
use crate::findings::{Finding, Severity};
use crate::forecast::{Forecast, Outlook};
use crate::host::Act;
use crate::plan::{Loaded, Plan};
use crate::runbook::{Node, Stage};
use crate::step::{Mark, Undo};

fn style(mark: Mark) -> Ink {
    match mark {
        Mark::Create => GREEN,
        Mark::Change => YELLOW,
        Mark::Destroy => RED,
        Mark::Check => DIM,
    }
}

/// Findings, the worst first, each with its place in the plan (where its file is at hand) or the fact that it is about,
/// and its remedy.
pub(crate) fn findings(all: &[Finding], loaded: Option<&Loaded>) -> String {
    let mut text = format!("{BOLD}Findings{BOLD:#}\n");
    for finding in all {
        let (word, style) = match (finding.severity, &finding.waived) {
            (_, Some(_)) => ("waived", YELLOW),
            (severity @ Severity::Inhibitor, None) => (severity.word(), RED),
            (severity @ Severity::Warning, None) => (severity.word(), YELLOW),
            (severity @ Severity::Note, None) => (severity.word(), DIM),
        };
        let _ = writeln!(text, "  {style}{word:9}{style:#} {}  {}", finding.code, finding.message);
        let place = loaded.and_then(|loaded| Some((loaded, finding.place(loaded)?)));
        let place = place.map(|(loaded, at)| format!("{}:{}:{}", loaded.source.name, at.line, at.column));
        let place = place.or(finding.fact.clone()).map_or(String::new(), |place| format!("{place}  "));
        let _ = writeln!(text, "                   {place}→ {}", finding.help);
        if let Some(reason) = &finding.waived {
            let _ = writeln!(text, "                   waived in the plan: {reason}");
        }
    }
    text += "What a code means, and why it matters: replant explain CODE\n";
    text
}

/// One line: how much there is to do.
pub(crate) fn outline(runbook: &Runbook, forecast: &Forecast) -> String {
    let stages = Stage::ALL.iter().filter(|stage| runbook.nodes.iter().any(|node| node.stage == **stage)).count();
    format!(
        "Runbook: {} steps, {stages} stages, {} to copy in about {}, about {} of downtime",
        runbook.nodes.len(),
        bytes(forecast.bytes),
        about(forecast.seconds),
        about(forecast.downtime.seconds)
    )
}

/// The whole runbook by stage.
pub fn runbook(runbook: &Runbook, outlook: &Outlook) -> String {
    let forecast = &outlook.forecast;
    let mut text = format!("{BOLD}{}{BOLD:#}\n", outline(runbook, forecast));
    let needed = |code: &str| outlook.findings.iter().any(|finding| finding.code == code);
    for waiver in runbook.plan.waive.iter().filter(|waiver| needed(&waiver.code)) {
        let on = waiver.on.as_ref().map_or(String::new(), |on| format!(" of {}", **on));
        let _ = writeln!(text, "  {YELLOW}waived{YELLOW:#} {}{on}: {}", *waiver.code, *waiver.reason);
    }
    let copies: HashMap<_, _> = forecast.copies.iter().map(|copy| (&copy.step, copy)).collect();
    let mut stage = None;
    for node in &runbook.nodes {
        let first = stage != Some(node.stage);
        if first && node.stage == Stage::Cutover {
            let down = about(forecast.downtime.seconds);
            let _ = writeln!(
                text,
                "{BOLD}  — services stop here: about {down} of downtime expected{} —{BOLD:#}",
                budget(forecast)
            );
        }
        let label = if first { node.stage.to_string() } else { String::new() };
        stage = Some(node.stage);
        let step = node.step.as_step();
        let (sign, style) = (sign(step.mark()), style(step.mark()));
        let _ = writeln!(
            text,
            "  {BOLD}{label:8}{BOLD:#} {:3} {style}{sign}{style:#} {}{}  {DIM}{}{DIM:#}",
            node.on.to_string(),
            step.title(),
            copies.get(&node.id).map_or(String::new(), |copy| {
                format!("  about {} at {:.0} MB/s", about(copy.seconds), forecast.link.rate as f64 / 1e6)
            }),
            node.id
        );
    }
    text += &files(runbook);
    text += &times(forecast);
    text += "\nSymbols: + create, ~ change, ! destroys data, ? checks, changes nothing.\n";
    text += "Undo: every step up to the end of `copy` is taken back one by one. Once old has been switched off, going back\n\
             means switching new off and old on, and loses what new has written since.\n";
    text
}

fn budget(forecast: &Forecast) -> String {
    forecast.downtime.budget.map_or(String::new(), |budget| format!(", budget {}", about(budget as f64)))
}

/// How long it will take, and what that is made of.
fn times(forecast: &Forecast) -> String {
    let mut text = format!("\n{BOLD}Times{BOLD:#}\n");
    let link = &forecast.link;
    // The link is measured, the disks are not: the lab's take ten times as long.
    let (at_best, bytes) = (about(forecast.seconds), bytes(forecast.bytes));
    let _ = writeln!(text, "  copying   about {at_best:10}  {bytes} at {link}; longer where disks are slower");
    if let Some(note) = &link.note {
        let _ = writeln!(text, "                              {note}");
    }
    let down = &forecast.downtime;
    let _ = writeln!(text, "  downtime  about {}{}, made of", about(down.seconds), budget(forecast));
    for part in &down.parts {
        let assumed = part.assumed.as_ref().map_or(String::new(), |what| format!("  {DIM}(assumed: {what}){DIM:#}"));
        let _ = writeln!(text, "    {:>8}  {}{assumed}", about(part.seconds), part.what);
    }
    let _ = writeln!(text, "\n{BOLD}It will stop and ask{BOLD:#}");
    for stop in &forecast.stops {
        let _ = writeln!(text, "  before {}: {}", stop.step, stop.why);
    }
    text
}

/// The files that steps write or remove for good, in short.
fn files(runbook: &Runbook) -> String {
    let mut text = format!("\n{BOLD}Files{BOLD:#}\n");
    let mut all = Files::of(runbook);
    for node in &runbook.nodes {
        let acts = node.step.as_step().apply();
        for written in acts.iter().filter_map(|act| all.write(node.on, act)).filter(|written| !written.fleeting) {
            let change = written.change();
            let _ = writeln!(
                text,
                "  {:3} {}  {GREEN}+{}{GREEN:#} {RED}-{}{RED:#}  {DIM}{}{DIM:#}",
                node.on.to_string(),
                change.path,
                change.added,
                change.removed,
                node.id
            );
        }
    }
    text += "  Not listed: what a boot forgets (/run), and what the system's own tools write (initramfs, boot menu, packages).\n";
    text
}

/// Every step in all detail.
pub(crate) fn detail(runbook: &Runbook) -> String {
    let nodes = runbook.nodes.iter().zip(changes(runbook));
    nodes.map(|(node, changes)| format!("\n{}", self::node(&runbook.plan, node, &changes))).collect()
}

/// One step: why, after what, the exact commands, what they do to files, and how it is taken back.
pub(crate) fn node(plan: &Plan, node: &Node, changes: &Changes) -> String {
    let step = node.step.as_step();
    let (sign, style) = (sign(step.mark()), style(step.mark()));
    let mut text = format!("{style}{sign}{style:#} {BOLD}{}{BOLD:#}\n", step.title());
    let _ = writeln!(text, "  step   {}, stage {}, on {}", node.id, node.stage, node.on);
    let _ = writeln!(text, "  why    {}", node.why);
    let after: Vec<&str> = node.after.iter().map(|id| id.0.as_str()).collect();
    let _ = writeln!(text, "  after  {}", if after.is_empty() { "nothing".into() } else { after.join(", ") });
    if let Some(until) = &node.until {
        let _ = writeln!(text, "  holds  until {until} begins");
    }
    text += "\nCommands\n";
    acts(&mut text, plan, &step.apply(), &changes.apply);
    match step.undo() {
        Undo::Nothing(why) => {
            let _ = writeln!(text, "\nUndo: nothing; {why}");
        }
        Undo::Acts(all) => {
            text += "\nUndo\n";
            acts(&mut text, plan, &all, &changes.undo);
        }
    }
    text
}

fn acts(text: &mut String, plan: &Plan, all: &[Act], changes: &[Option<FileChange>]) {
    if all.is_empty() {
        text.push_str("  none: it only looks\n");
    }
    for (one, change) in all.iter().zip(changes) {
        let _ = writeln!(text, "  {}", act(one));
        for line in switching(plan, one) {
            let _ = writeln!(text, "    {line}");
        }
        if let Act::Run { stdin: Some(stdin), .. } = one {
            for line in stdin.0.lines() {
                let _ = writeln!(text, "  {DIM}|{DIM:#} {line}");
            }
        }
        for line in change.iter().flat_map(|change| change.diff.lines()) {
            let style = match line.as_bytes().first() {
                Some(b'+') => GREEN,
                Some(b'-') => RED,
                Some(b'@') => DIM,
                _ => NONE,
            };
            let _ = writeln!(text, "    {style}{line}{style:#}");
        }
    }
}
