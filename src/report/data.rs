//! A runbook for programs: what is saved, and beside it what a person is shown. Its form is `schemas/runbook.schema.json`.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use serde_json::Value;

use super::files::{Changes, FileChange, Files};
use crate::course::Runbook;
use crate::findings::Finding;
use crate::forecast::{Forecast, Outlook};
use crate::host::{Act, Side};
use crate::plan::Loaded;
use crate::runbook::{Node, Stage, StepId};
use crate::step::{Mark, StepKind, Undo};

/// What `plan` and `show` print of a runbook, as data.
#[derive(Serialize, JsonSchema)]
struct Preview<'a> {
    findings: Vec<Found<'a>>,
    #[schemars(with = "Vec<Shown>")]
    steps: Steps<'a>,
    forecast: &'a Forecast,
}

/// A finding, and where the plan speaks of it.
#[derive(Serialize, JsonSchema)]
struct Found<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    /// of a plan that was just read: a saved runbook does not know it
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<InPlan<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct InPlan<'a> {
    file: &'a str,
    /// from 1
    line: usize,
    /// in characters, from 1
    column: usize,
}

fn found<'a>(all: &'a [Finding], plan: Option<&'a Loaded>) -> Vec<Found<'a>> {
    let place = |finding: &Finding| {
        let (loaded, place) = plan.and_then(|loaded| Some((loaded, finding.place(loaded)?)))?;
        Some(InPlan { file: &loaded.source.name, line: place.line, column: place.column })
    };
    all.iter().map(|finding| Found { place: place(finding), finding }).collect()
}

/// What `plan` prints where there is no runbook: what inhibits it, and what else was found.
#[derive(Serialize, JsonSchema)]
pub struct Refused<'a> {
    findings: Vec<Found<'a>>,
}

/// The findings of a plan that has no runbook, each with its place in the plan.
pub fn refused_json<'a>(all: &'a [Finding], plan: &'a Loaded) -> Refused<'a> {
    Refused { findings: found(all, Some(plan)) }
}

/// The JSON Schema (2020-12) of what `plan` prints where a finding inhibits.
pub fn refused_schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Refused>().to_value();
    without_formats(&mut schema);
    crate::plan::named(schema, "urn:replant:schema:refused:1", "replant plan, refused")
}

/// One step with all that it does.
#[derive(Serialize, JsonSchema)]
struct Shown<'a> {
    id: &'a StepId,
    stage: Stage,
    on: Side,
    after: &'a [StepId],
    until: Option<&'a StepId>,
    why: &'a str,
    title: String,
    mark: Mark,
    /// that are copied over the link
    bytes: u64,
    /// the exact commands, in order
    apply: &'a [Act],
    undo: TakenBack,
    /// what `apply` does to files
    files: Vec<FileChange>,
}

/// A step by itself: as in `preview`, and as it is saved.
#[derive(Serialize)]
struct Alone<'a> {
    #[serde(flatten)]
    shown: Shown<'a>,
    step: &'a StepKind,
}

/// How a step is taken back.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum TakenBack {
    /// the exact commands, in order
    Acts(Vec<Act>),
    /// there is nothing to take back, and why
    Nothing(&'static str),
}

fn shown<'a>(node: &'a Node, apply: &'a [Act], files: Vec<FileChange>) -> Shown<'a> {
    let step = node.step.as_step();
    Shown {
        id: &node.id,
        stage: node.stage,
        on: node.on,
        after: &node.after,
        until: node.until.as_ref(),
        why: &node.why,
        title: step.title(),
        mark: step.mark(),
        bytes: step.bytes(),
        apply,
        undo: match step.undo() {
            Undo::Acts(acts) => TakenBack::Acts(acts),
            Undo::Nothing(why) => TakenBack::Nothing(why),
        },
        files,
    }
}

pub(crate) fn node_json(node: &Node, changes: &Changes) -> Value {
    let (acts, files) = (node.step.as_step().apply(), changes.apply.iter().flatten().cloned().collect());
    let alone = Alone { shown: shown(node, &acts, files), step: &node.step };
    serde_json::to_value(alone).expect("a step is plain data")
}

/// The steps of a runbook, each made when it is its turn to be printed: in all they are many times the runbook.
struct Steps<'a>(&'a Runbook);

impl Serialize for Steps<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut files = Files::of(self.0);
        let mut steps = serializer.serialize_seq(Some(self.0.nodes.len()))?;
        for node in &self.0.nodes {
            let acts = node.step.as_step().apply();
            let changes = acts.iter().filter_map(|act| Some(files.write(node.on, act)?.change())).collect();
            steps.serialize_element(&shown(node, &acts, changes))?;
        }
        steps.end()
    }
}

#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    runbook: &'a Runbook,
    preview: Preview<'a>,
}

/// The runbook as it is saved, and `preview`; with the plan that it was made of, if that is at hand.
pub fn runbook_json<'a>(runbook: &'a Runbook, outlook: &'a Outlook, plan: Option<&'a Loaded>) -> impl Serialize {
    let Outlook { forecast, findings } = outlook;
    Printed { runbook, preview: Preview { findings: found(findings, plan), steps: Steps(runbook), forecast } }
}

/// The JSON Schema (2020-12) of a runbook: as it is saved, and with `preview` as it is printed.
pub fn runbook_schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let preview = generator.subschema_for::<Preview>();
    let mut schema = generator.into_root_schema_for::<Runbook>().to_value();
    schema["properties"]["preview"] = preview.to_value();
    without_formats(&mut schema);
    crate::plan::named(schema, "urn:replant:schema:runbook:1", "replant runbook")
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
