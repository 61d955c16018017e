//! How long it will take, how long services will be down, and where it will stop and ask: told before anything is done.

mod work;

use std::collections::{HashMap, HashSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::course::Runbook;
use crate::facts::Link;
use crate::findings::{self, Finding, Hit};
use crate::host::Side;
use crate::plan::{Plan, Power};
use crate::runbook::{Node, Stage, StepId};
use crate::step::{Mark, StepKind};

/// An estimate of a whole migration. It is made from plan, facts and link alone: the same runbook gives the same estimate.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Forecast {
    /// what it was estimated from, measured or by the cards' speed
    pub link: Link,
    /// every step that sends data over the link, in the order of the runbook
    pub copies: Vec<Copy>,
    /// of all copies, over one link
    pub bytes: u64,
    /// of all copies, one after the other: those that run at once share the link
    pub seconds: f64,
    /// how long services will be down
    pub downtime: Downtime,
    /// where `apply` will ask, in the order of the runbook
    pub stops: Vec<Stop>,
}

/// One copy over the link.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Copy {
    /// the step that copies
    pub step: StepId,
    /// that go over the link
    pub bytes: u64,
    /// with the link for itself
    pub seconds: f64,
}

/// From the first service that stops to the migrated system found serving.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Downtime {
    /// the sum of its parts
    pub seconds: f64,
    /// seconds that the plan allows: `cutover.downtime_budget`
    pub budget: Option<u64>,
    /// what takes the time, in the order in which it comes
    pub parts: Vec<Part>,
}

/// Steps of the downtime that do one thing, in a person's eyes: stop services, boot new.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Part {
    /// the one thing, as a person reads it
    pub what: String,
    /// of its steps, one after the other, with the round trips that they take. What runs beside longer steps is not counted
    pub seconds: f64,
    /// the steps that it is made of, those that the end waits for
    pub steps: Vec<StepId>,
    /// what was taken for granted, where it weighs
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assumed: Option<String>,
}

/// A point where `apply` stops and asks a person.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Stop {
    /// before this step is begun
    pub step: StepId,
    /// what the person is asked for, and what has happened by then
    pub why: String,
}

/// The steps during which services are down.
pub fn down(nodes: &[Node]) -> &[Node] {
    // the runner that would bring them back is armed while they still run
    let stops = |node: &Node| node.step.as_step().mark() != Mark::Check && !matches!(node.step, StepKind::DeadMan(_));
    let first = nodes.iter().position(|node| node.stage == Stage::Cutover && stops(node));
    let last = nodes.iter().position(|node| node.on == Side::Migrated);
    match (first, last) {
        (Some(first), Some(last)) => nodes.get(first..=last).unwrap_or_default(),
        _ => &[],
    }
}

/// Estimates the migration that a runbook describes.
pub fn forecast(runbook: &Runbook) -> Forecast {
    let seconds = |bytes: u64| bytes as f64 / runbook.link.rate.max(1) as f64;
    let copies: Vec<Copy> = runbook
        .nodes
        .iter()
        .map(|node| (node, node.step.as_step().bytes()))
        .filter(|(_, bytes)| *bytes > 0)
        .map(|(node, bytes)| Copy { step: node.id.clone(), bytes, seconds: seconds(bytes) })
        .collect();
    let bytes = copies.iter().map(|copy| copy.bytes).sum();
    Forecast {
        link: runbook.link.clone(),
        copies,
        bytes,
        seconds: seconds(bytes),
        downtime: downtime(runbook, None),
        stops: stops(runbook),
    }
}

/// How long each step takes, in seconds, in the order of the nodes; for a run that tells how far it is.
pub(crate) fn estimates(runbook: &Runbook) -> Vec<f64> {
    let checks = work::Checks::of(&runbook.facts);
    let rate = runbook.link.rate.max(1) as f64;
    let of = |node: &Node| match node.step.as_step().bytes() {
        0 => work::of(runbook, node, &checks).seconds + round_trips(node) * round_trip(&runbook.link, node.on),
        bytes => bytes as f64 / rate,
    };
    runbook.nodes.iter().map(of).collect()
}

/// Estimates the downtime alone. `rehearsed`: the seconds that new's services took when it was rehearsed, where it was.
pub(crate) fn downtime(runbook: &Runbook, rehearsed: Option<f64>) -> Downtime {
    let mut checks = work::Checks::of(&runbook.facts);
    checks.rehearsed = rehearsed;
    let down = down(&runbook.nodes);
    let takes = |node: &Node| {
        let work = work::of(runbook, node, &checks);
        (work.seconds + round_trips(node) * round_trip(&runbook.link, node.on), work)
    };
    let all: Vec<_> = down.iter().map(takes).collect();
    let longest = longest_way(down, &all.iter().map(|(seconds, _)| *seconds).collect::<Vec<_>>());
    let mut parts: Vec<Part> = Vec::new();
    for (node, (seconds, work)) in down.iter().zip(all).filter(|(node, _)| longest.contains(&node.id)) {
        match parts.iter_mut().find(|part| part.what == work.part) {
            Some(part) => {
                part.seconds += seconds;
                part.steps.push(node.id.clone());
                part.assumed = part.assumed.take().or(work.assumed);
            }
            None => parts.push(Part {
                what: work.part.into(),
                seconds,
                steps: vec![node.id.clone()],
                assumed: work.assumed,
            }),
        }
    }
    Downtime {
        seconds: parts.iter().map(|part| part.seconds).sum(),
        budget: runbook.plan.cutover.downtime_budget.as_ref().map(|budget| budget.as_secs()),
        parts,
    }
}

/// The steps that the end waits for: what runs beside a longer one takes no time of its own.
fn longest_way<'n>(nodes: &'n [Node], seconds: &[f64]) -> HashSet<&'n StepId> {
    let mut ends: HashMap<&StepId, (f64, Option<&StepId>)> = HashMap::new();
    for (node, takes) in nodes.iter().zip(seconds) {
        let before = node.after.iter().filter_map(|id| ends.get_key_value(id).map(|(id, (end, _))| (*id, *end)));
        let last = before.max_by(|one, other| one.1.total_cmp(&other.1));
        let begins = last.map_or(0.0, |(_, end)| end);
        ends.insert(&node.id, (begins + takes, last.map(|(id, _)| id)));
    }
    let mut way = HashSet::new();
    let mut at = nodes.last().map(|node| &node.id);
    while let Some(id) = at {
        way.insert(id);
        at = ends.get(id).and_then(|(_, before)| *before);
    }
    way
}

/// A look before, each act, and as many looks after as the step wants.
fn round_trips(node: &Node) -> f64 {
    let step = node.step.as_step();
    (1 + step.apply().len() as u32 + step.confirmations()) as f64
}

fn round_trip(link: &Link, side: Side) -> f64 {
    match side {
        Side::Old => link.old_round_trip,
        Side::New | Side::Migrated => link.new_round_trip,
    }
}

fn stops(runbook: &Runbook) -> Vec<Stop> {
    let mut all = Vec::new();
    let mut stop = |node: Option<&Node>, why: &str| {
        all.extend(node.map(|node| Stop { step: node.id.clone(), why: why.into() }));
    };
    let nodes = &runbook.nodes;
    stop(
        nodes.first(),
        "nothing has been changed yet; new's disks are named, and the migration's name is to be typed",
    );
    let cutover = nodes.iter().find(|node| node.stage == Stage::Cutover);
    stop(cutover, "everything is copied, services are to stop; the migration's name is to be typed");
    let Plan { old, new, .. } = &runbook.plan;
    if matches!(old.power, Power::Manual { .. }) {
        stop(
            nodes.iter().find(|node| matches!(node.step, StepKind::OldOff(_))),
            "a person is to switch old off, and to say so",
        );
    }
    if matches!(new.power, Power::Manual { .. }) {
        stop(
            nodes.iter().find(|node| matches!(&node.step, StepKind::IntoHold(_) | StepKind::OwnBoot(_))),
            "a person is to make new boot from its own disks, and to say so",
        );
    }
    all
}

impl Forecast {
    /// What is to be said about it before anything is begun.
    pub fn finding(&self, plan: &Plan) -> Option<Finding> {
        let budget = plan.cutover.downtime_budget.as_ref()?;
        let (seconds, allowed) = (self.downtime.seconds, budget.as_secs());
        if seconds <= allowed as f64 {
            return None;
        }
        let longest = self.downtime.parts.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds))?;
        let message = format!(
            "services will be down for about {seconds:.0} s, the plan allows {allowed} s; longest: {} ({:.0} s)",
            longest.what, longest.seconds
        );
        let help = "raise `cutover.downtime_budget`, or shorten what takes longest";
        Some(findings::finding("R1501", Hit::new(message, help).at(budget.span())).waived_by(plan))
    }
}

/// What is to be said of a runbook before anything is begun.
pub struct Outlook {
    /// how long it will take, and where it will ask
    pub forecast: Forecast,
    /// by the rules, of the link, and of the estimate
    pub findings: Vec<Finding>,
}

impl Outlook {
    /// Estimates, and looks for findings in the runbook's own plan and facts.
    pub fn of(runbook: &Runbook) -> Outlook {
        let Runbook { plan, facts, link, .. } = runbook;
        Outlook::with(runbook, findings::find_with_link(plan, facts, link))
    }

    /// As [`Outlook::of`], where the findings are known already.
    pub fn with(runbook: &Runbook, mut findings: Vec<Finding>) -> Outlook {
        let forecast = forecast(runbook);
        findings.extend(forecast.finding(&runbook.plan));
        findings::sort(&mut findings);
        Outlook { forecast, findings }
    }
}
