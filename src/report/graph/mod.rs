//! The steps of a runbook as a picture: for Graphviz, for Mermaid, and drawn.

mod draw;

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use super::sign;
use crate::course::Runbook;
use crate::host::Side;
use crate::runbook::{Node, Stage, StepId};
use crate::step::Mark;

pub use draw::svg;

/// What waits for what, as indices into the list; without what goes without saying: who waits for the second waits for
/// the first. The list is in topological order.
///
/// Not petgraph's transitive reduction: that makes the closure too, which for a long course is the square of its length.
fn edges(nodes: &[Node]) -> Vec<(usize, usize)> {
    let places: HashMap<&StepId, usize> = nodes.iter().enumerate().map(|(at, node)| (&node.id, at)).collect();
    let mut reached = vec![usize::MAX; nodes.len()];
    // of each step, without what goes without saying
    let mut direct: Vec<Vec<usize>> = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        let mut before: Vec<usize> =
            node.after.iter().filter_map(|id| places.get(id).copied()).filter(|before| *before < at).collect();
        before.sort_unstable();
        before.dedup();
        // back from each of them, as far as the first of them
        let first = before.first().copied().unwrap_or(0);
        let mut open: Vec<usize> = if before.len() > 1 { before.clone() } else { Vec::new() };
        while let Some(step) = open.pop() {
            for earlier in direct[step].iter().filter(|earlier| **earlier >= first) {
                if reached[*earlier] != at {
                    reached[*earlier] = at;
                    open.push(*earlier);
                }
            }
        }
        before.retain(|step| reached[*step] != at);
        direct.push(before);
    }
    let mut edges: Vec<(usize, usize)> =
        direct.iter().enumerate().flat_map(|(to, before)| before.iter().map(move |from| (*from, to))).collect();
    edges.sort_unstable();
    edges
}

/// The stages that have steps, each with the indices of its own.
fn stages(nodes: &[Node]) -> Vec<(Stage, Vec<usize>)> {
    let of = |stage| (0..nodes.len()).filter(|at| nodes[*at].stage == stage).collect::<Vec<_>>();
    Stage::ALL.into_iter().map(|stage| (stage, of(stage))).filter(|(_, steps)| !steps.is_empty()).collect()
}

/// Fill and border.
fn colours(node: &Node) -> (&'static str, &'static str) {
    match (node.step.as_step().mark(), node.on) {
        (Mark::Destroy, _) => ("#fbe0de", "#c0392b"),
        (_, Side::Old) => ("#e4eefb", "#3b6fb0"),
        (_, Side::New) => ("#e6f4e6", "#3f8f4f"),
        (_, Side::Migrated) => ("#fdf3d8", "#b58a1b"),
    }
}

/// For Graphviz.
pub fn dot(runbook: &Runbook) -> String {
    let nodes = &runbook.nodes;
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = format!("digraph {} {{\n", quote(&runbook.name));
    text += "  rankdir=TB; node [shape=box, style=filled, fontname=\"sans-serif\", fontsize=10];\n";
    for (stage, steps) in stages(nodes) {
        let _ = writeln!(text, "  subgraph cluster_{stage} {{\n    label=\"{stage}\";");
        for at in steps {
            let node = &nodes[at];
            let step = node.step.as_step();
            let (fill, border) = colours(node);
            let label = format!("{} {}: {}", sign(step.mark()), node.on, step.title());
            let _ = writeln!(
                text,
                "    {} [label={}, tooltip={}, fillcolor=\"{fill}\", color=\"{border}\"];",
                quote(&node.id.0),
                quote(&label),
                quote(&node.why)
            );
        }
        text += "  }\n";
    }
    for (from, to) in edges(nodes) {
        let _ = writeln!(text, "  {} -> {};", quote(&nodes[from].id.0), quote(&nodes[to].id.0));
    }
    text + "}\n"
}

/// For Mermaid.
pub fn mermaid(runbook: &Runbook) -> String {
    let nodes = &runbook.nodes;
    // Mermaid knows entities by `#…;`
    let quote = |text: &str| format!("\"{}\"", text.replace('#', "#35;").replace('"', "#quot;"));
    let mut text = String::from("flowchart TB\n");
    for (stage, steps) in stages(nodes) {
        let _ = writeln!(text, "  subgraph {stage}");
        for at in steps {
            let node = &nodes[at];
            let step = node.step.as_step();
            let label = format!("{} {}: {}", sign(step.mark()), node.on, step.title());
            let _ = writeln!(text, "    s{at}[{}]:::{}", quote(&label), class(node));
        }
        text += "  end\n";
    }
    for (from, to) in edges(nodes) {
        let _ = writeln!(text, "  s{from} --> s{to}");
    }
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for node in nodes.iter().filter(|node| told.insert(class(node))) {
        let (fill, border) = colours(node);
        let _ = writeln!(text, "  classDef {} fill:{fill},stroke:{border},color:#111", class(node));
    }
    text
}

fn class(node: &Node) -> &'static str {
    match (node.step.as_step().mark(), node.on) {
        (Mark::Destroy, _) => "destroys",
        (_, Side::Old) => "old",
        (_, Side::New) => "new",
        (_, Side::Migrated) => "migrated",
    }
}
