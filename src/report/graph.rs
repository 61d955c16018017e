//! The steps of a runbook as a picture: for Graphviz, for Mermaid, and drawn.

mod draw;

use std::fmt::Write;

use petgraph::algo::tred::{dag_to_toposorted_adjacency_list, dag_transitive_reduction_closure};
use petgraph::graph::{DiGraph, NodeIndex};

use crate::course::Runbook;
use crate::host::Side;
use crate::runbook::{Node, Stage, StepId};
use crate::step::Mark;

pub use draw::svg;

/// What waits for what, as indices into the list; without what goes without saying: who waits for the second waits for
/// the first. The list is in topological order.
fn edges(nodes: &[Node]) -> Vec<(usize, usize)> {
    let place = |id: &StepId| nodes.iter().position(|node| node.id == *id);
    let pairs = nodes
        .iter()
        .enumerate()
        .flat_map(|(at, node)| node.after.iter().filter_map(move |before| Some((place(before)? as u32, at as u32))));
    let mut graph: DiGraph<(), ()> = DiGraph::from_edges(pairs);
    // steps that nothing waits for and that wait for nothing
    while graph.node_count() < nodes.len() {
        graph.add_node(());
    }
    let order: Vec<NodeIndex> = graph.node_indices().collect();
    let (list, _) = dag_to_toposorted_adjacency_list::<_, u32>(&graph, &order);
    let (reduced, _) = dag_transitive_reduction_closure(&list);
    let mut edges: Vec<(usize, usize)> = reduced
        .edge_indices()
        .filter_map(|edge| reduced.edge_endpoints(edge))
        .map(|(a, b)| (a as usize, b as usize))
        .collect();
    edges.sort_unstable();
    edges
}

/// The stages that have steps, each with the indices of its own.
fn stages(nodes: &[Node]) -> Vec<(Stage, Vec<usize>)> {
    let of = |stage| (0..nodes.len()).filter(|at| nodes[*at].stage == stage).collect::<Vec<_>>();
    Stage::ALL.into_iter().map(|stage| (stage, of(stage))).filter(|(_, steps)| !steps.is_empty()).collect()
}

fn sign(mark: Mark) -> &'static str {
    match mark {
        Mark::Create => "+",
        Mark::Change => "~",
        Mark::Destroy => "!",
        Mark::Check => "?",
    }
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
    let mut told: Vec<&str> = Vec::new();
    for node in nodes.iter().filter(|node| {
        let first = !told.contains(&class(node));
        told.push(class(node));
        first
    }) {
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
