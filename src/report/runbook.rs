//! A runbook before it is carried out: as a diff by stage, and one step in all detail.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::{act, bytes, duration};
use crate::course::Runbook;
use crate::findings::{Finding, Severity};
use crate::host::Act;
use crate::plan::Loaded;
use crate::runbook::{Node, Stage};
use crate::step::{Mark, Undo};

const BOLD: Style = Style::new().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const DIM: Style = Style::new().dimmed();

fn symbol(mark: Mark) -> (&'static str, Style) {
    match mark {
        Mark::Create => ("+", GREEN),
        Mark::Change => ("~", YELLOW),
        Mark::Destroy => ("!", RED),
        Mark::Check => ("?", DIM),
    }
}

/// Findings, the worst first, each with its place in the plan or the fact that it is about, and its remedy.
pub fn findings(all: &[Finding], loaded: &Loaded) -> String {
    let mut text = format!("{BOLD}Findings{BOLD:#}\n");
    for finding in all {
        let (word, style) = match (finding.severity, &finding.waived) {
            (_, Some(_)) => ("waived", YELLOW),
            (severity @ Severity::Inhibitor, None) => (severity.word(), RED),
            (severity @ Severity::Warning, None) => (severity.word(), YELLOW),
            (severity @ Severity::Note, None) => (severity.word(), DIM),
        };
        let _ = writeln!(text, "  {style}{word:9}{style:#} {}  {}", finding.code, finding.message);
        let place = finding.place(loaded);
        let place = place.map(|place| format!("{}:{}:{}", loaded.source.name, place.line, place.column));
        let place = place.or(finding.fact.clone()).map_or(String::new(), |place| format!("{place}  "));
        let _ = writeln!(text, "                   {place}→ {}", finding.help);
        if let Some(reason) = &finding.waived {
            let _ = writeln!(text, "                   waived in the plan: {reason}");
        }
    }
    text += "What a code means, and why it matters: replant explain CODE\n";
    text
}

/// For programs: each with its place in the plan.
pub fn findings_json(all: &[Finding], loaded: &Loaded) -> Value {
    let one = |finding: &Finding| {
        let mut value = json!(finding);
        if let Some(place) = finding.place(loaded) {
            value["place"] = json!({ "file": &*loaded.source.name, "line": place.line, "column": place.column });
        }
        value
    };
    json!({ "findings": all.iter().map(one).collect::<Vec<_>>() })
}

/// One line: how much there is to do.
pub fn outline(runbook: &Runbook) -> String {
    let to_copy: u64 = runbook.nodes.iter().map(|node| node.step.as_step().bytes()).sum();
    let stages = Stage::ALL.iter().filter(|stage| runbook.nodes.iter().any(|node| node.stage == **stage)).count();
    format!("Runbook: {} steps, {stages} stages, {} to copy", runbook.nodes.len(), bytes(to_copy))
}

/// The whole runbook by stage.
pub fn runbook(runbook: &Runbook) -> String {
    let mut text = format!("{BOLD}{}{BOLD:#}\n", outline(runbook));
    for waiver in &runbook.plan.waive {
        let _ = writeln!(text, "  {YELLOW}waived{YELLOW:#} {}: {}", *waiver.code, *waiver.reason);
    }
    let mut stage = None;
    for node in &runbook.nodes {
        let first = stage != Some(node.stage);
        if first && node.stage == Stage::Cutover {
            let budget = runbook.plan.cutover.downtime_budget.as_ref();
            let budget = budget.map_or(String::new(), |budget| {
                format!("; your budget is {}", duration(std::time::Duration::from_secs(budget.as_secs())))
            });
            let _ = writeln!(text, "{BOLD}  — services stop here{budget} —{BOLD:#}");
        }
        let label = if first { node.stage.to_string() } else { String::new() };
        stage = Some(node.stage);
        let step = node.step.as_step();
        let (sign, style) = symbol(step.mark());
        let _ = writeln!(
            text,
            "  {BOLD}{label:8}{BOLD:#} {:3} {style}{sign}{style:#} {}  {DIM}{}{DIM:#}",
            node.on.to_string(),
            step.title(),
            node.id
        );
    }
    text += "\nSymbols: + create, ~ change, ! destroys data, ? makes sure of something.\n";
    text += "Undo: every step up to the end of `copy` is taken back one by one. Once old has been switched off, going back\n\
             means switching new off and old on, and loses what new has written since.\n";
    text
}

/// One step: why, after what, the exact commands, the texts, and how it is taken back.
pub fn node(node: &Node) -> String {
    let step = node.step.as_step();
    let (sign, style) = symbol(step.mark());
    let mut text = format!("{style}{sign}{style:#} {BOLD}{}{BOLD:#}\n", step.title());
    let _ = writeln!(text, "  step   {}, stage {}, on {}", node.id, node.stage, node.on);
    let _ = writeln!(text, "  why    {}", node.why);
    let after: Vec<&str> = node.after.iter().map(|id| id.0.as_str()).collect();
    let _ = writeln!(text, "  after  {}", if after.is_empty() { "nothing".into() } else { after.join(", ") });
    if let Some(until) = &node.until {
        let _ = writeln!(text, "  holds  until {until} begins");
    }
    text += "\nCommands\n";
    acts(&mut text, &step.apply());
    match step.undo() {
        Undo::Nothing(why) => {
            let _ = writeln!(text, "\nUndo: nothing; {why}");
        }
        Undo::Acts(all) => {
            text += "\nUndo\n";
            acts(&mut text, &all);
        }
    }
    text
}

fn acts(text: &mut String, all: &[Act]) {
    if all.is_empty() {
        text.push_str("  none: it only looks\n");
    }
    for one in all {
        let _ = writeln!(text, "  {}", act(one));
        let body = match one {
            Act::Put { text, .. } => Some(&text.0),
            Act::Run { stdin: Some(stdin), .. } => Some(&stdin.0),
            _ => None,
        };
        for line in body.iter().flat_map(|body| body.lines()) {
            let _ = writeln!(text, "  {DIM}|{DIM:#} {line}");
        }
    }
}

pub fn node_json(node: &Node) -> Value {
    let step = node.step.as_step();
    let undo = match step.undo() {
        Undo::Nothing(why) => json!({ "nothing": why }),
        Undo::Acts(acts) => json!({ "acts": acts }),
    };
    json!({
        "id": node.id, "stage": node.stage, "on": node.on, "after": node.after, "until": node.until, "why": node.why,
        "title": step.title(), "mark": step.mark(), "bytes": step.bytes(), "apply": step.apply(), "undo": undo,
        "step": node.step,
    })
}
