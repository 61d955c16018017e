//! A runbook for programs: what is saved, and beside it what a person is shown. Its form is `schemas/runbook.schema.json`.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use super::files::{Changes, FileChange, changes};
use crate::course::Runbook;
use crate::findings::Finding;
use crate::forecast::{Forecast, findings, forecast};
use crate::host::{Act, Side};
use crate::plan::Loaded;
use crate::runbook::{Node, Stage, StepId};
use crate::step::{Mark, StepKind, Undo};

/// What `plan` and `show` print of a runbook, as data.
#[derive(Serialize, JsonSchema)]
struct Preview {
    findings: Vec<Found>,
    steps: Vec<Shown>,
    forecast: Forecast,
}

/// A finding, and where the plan speaks of it.
#[derive(Serialize, JsonSchema)]
struct Found {
    #[serde(flatten)]
    finding: Finding,
    /// of a plan that was just read: a saved runbook does not know it
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<InPlan>,
}

#[derive(Serialize, JsonSchema)]
struct InPlan {
    file: String,
    /// from 1
    line: usize,
    /// in characters, from 1
    column: usize,
}

fn found(finding: Finding, plan: Option<&Loaded>) -> Found {
    let place = plan.and_then(|loaded| {
        let place = finding.place(loaded)?;
        Some(InPlan { file: loaded.source.name.to_string(), line: place.line, column: place.column })
    });
    Found { finding, place }
}

/// What `plan` prints where there is no runbook: what inhibits it, and what else was found.
#[derive(Serialize, JsonSchema)]
pub struct Refused {
    findings: Vec<Found>,
}

pub fn refused_json(all: &[Finding], plan: &Loaded) -> Refused {
    Refused { findings: all.iter().map(|finding| found(finding.clone(), Some(plan))).collect() }
}

/// The JSON Schema (2020-12) of what `plan` prints where a finding inhibits.
pub fn refused_schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Refused>().to_value();
    schema["title"] = "replant plan, refused".into();
    without_formats(&mut schema);
    schema
}

/// One step with all that it does.
#[derive(Serialize, JsonSchema)]
struct Shown {
    id: StepId,
    stage: Stage,
    on: Side,
    after: Vec<StepId>,
    until: Option<StepId>,
    why: String,
    title: String,
    mark: Mark,
    /// that are copied over the link
    bytes: u64,
    /// the exact commands, in order
    apply: Vec<Act>,
    undo: TakenBack,
    /// what `apply` does to files
    files: Vec<FileChange>,
    step: StepKind,
}

/// How a step is taken back.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum TakenBack {
    /// the exact commands, in order
    Acts(Vec<Act>),
    /// there is nothing to take back, and why
    Nothing(String),
}

fn shown(node: &Node, changes: &Changes) -> Shown {
    let step = node.step.as_step();
    Shown {
        id: node.id.clone(),
        stage: node.stage,
        on: node.on,
        after: node.after.clone(),
        until: node.until.clone(),
        why: node.why.clone(),
        title: step.title(),
        mark: step.mark(),
        bytes: step.bytes(),
        apply: step.apply(),
        undo: match step.undo() {
            Undo::Acts(acts) => TakenBack::Acts(acts),
            Undo::Nothing(why) => TakenBack::Nothing(why.into()),
        },
        files: changes.apply.iter().flatten().cloned().collect(),
        step: node.step.clone(),
    }
}

pub fn node_json(node: &Node, changes: &Changes) -> Value {
    serde_json::to_value(shown(node, changes)).expect("a step is plain data")
}

#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    runbook: &'a Runbook,
    preview: Preview,
}

/// The runbook as it is saved, and `preview`; with the plan that it was made of, if that is at hand. Not as a tree of values: that takes three times as long as to print it.
pub fn runbook_json<'a>(runbook: &'a Runbook, plan: Option<&Loaded>) -> impl Serialize + use<'a> {
    let forecast = forecast(runbook);
    let findings = findings(runbook, &forecast).into_iter().map(|finding| found(finding, plan)).collect();
    let steps = runbook.nodes.iter().zip(changes(runbook)).map(|(node, changes)| shown(node, &changes)).collect();
    Printed { runbook, preview: Preview { findings, steps, forecast } }
}

/// The JSON Schema (2020-12) of a runbook: as it is saved, and with `preview` as it is printed.
pub fn runbook_schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let preview = generator.subschema_for::<Preview>();
    let mut schema = generator.into_root_schema_for::<Runbook>().to_value();
    schema["title"] = "replant runbook".into();
    schema["properties"]["preview"] = preview.to_value();
    without_formats(&mut schema);
    schema
}

/// `uint64` and the like say nothing to anyone but Rust.
fn without_formats(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(without_formats),
        Value::Object(object) => {
            if object.get("format").is_some_and(Value::is_string) {
                object.remove("format");
            }
            object.values_mut().for_each(without_formats);
        }
        _ => {}
    }
}
