//! A row of the field as facts and a plan, and what is asked of it.

// not every room of tests asks everything
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use replant::course::{self, Runbook};
use replant::facts::{self, Facts, FactsError, queries};
use replant::findings::{self, Finding};
use replant::host::{HostError, Look, Output, Query, Side};
use replant::plan::{self, Loaded};
use replant::runbook::Node;
use serde_json::Value;

pub fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field")
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lab's recorded answers, with the row's changes.
struct Recorded<'a>(&'a Value);

impl Look for Recorded<'_> {
    fn look(&self, on: Side, asked: &[Query]) -> Result<Vec<Output>, HostError> {
        let all = queries::asked(on);
        assert_eq!(all.iter().map(|asked| asked.query.clone()).collect::<Vec<_>>(), asked);
        let changes = &self.0[on.to_string()];
        for name in changes.as_object().into_iter().flat_map(|changes| changes.keys()) {
            assert!(all.iter().any(|asked| asked.name == name), "nobody asks `{name}`");
        }
        Ok(all.iter().map(|asked| answer(on, asked.name, &changes[asked.name])).collect())
    }
}

fn answer(on: Side, name: &str, change: &Value) -> Output {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/facts/lab/{on}/{name}.out"));
    let string = |key: &str| change[key].as_str().unwrap_or_default().to_string();
    if change["out"].is_string() {
        let code = change["code"].as_i64().unwrap_or(0) as i32;
        return Output { code, stdout: string("out"), stderr: string("err") };
    }
    let mut said = text(&recorded);
    for pair in change["sub"].as_array().into_iter().flatten() {
        let (from, to) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
        assert!(said.contains(from), "`{name}` of {on} has no {from:?}");
        said = said.replace(from, to);
    }
    Output::ok(said)
}

/// One change to the facts as JSON.
fn operate(facts: &mut Value, op: &Value) {
    let at = |key: &str| op[key].as_str().map(str::to_string);
    let to = op["to"].clone();
    if let Some(pointer) = at("set") {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/").replace("~0", "~");
        let parent = facts.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
        match parent {
            Value::Array(all) => all[key.parse::<usize>().unwrap()] = to,
            _ => drop(parent.as_object_mut().unwrap().insert(key, to)),
        }
    } else if let Some(pointer) = at("push") {
        facts.pointer_mut(&pointer).unwrap().as_array_mut().unwrap().push(to);
    } else if let Some(pointer) = at("add") {
        let was = facts.pointer_mut(&pointer).unwrap();
        *was = Value::from(was.as_str().unwrap().to_string() + to.as_str().unwrap());
    } else if let Some(pointer) = at("sub") {
        let was = facts.pointer_mut(&pointer).unwrap();
        let (text, from) = (was.as_str().unwrap().to_string(), op["from"].as_str().unwrap());
        assert!(text.contains(from), "{pointer} has no {from:?}");
        *was = Value::from(text.replace(from, to.as_str().unwrap()));
    } else {
        panic!("no such operation: {op}");
    }
}

pub struct World {
    pub facts: Facts,
    pub plan: Loaded,
}

impl World {
    /// The row of this name.
    pub fn of(name: &str) -> World {
        World::try_of(name).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The row of this name, or why its servers cannot be read.
    pub fn try_of(name: &str) -> Result<World, FactsError> {
        World::told(&serde_json::from_str(&text(&place().join(format!("{name}.json")))).unwrap())
    }

    /// A row that is written beside its test.
    pub fn told(row: &Value) -> Result<World, FactsError> {
        let facts = facts::both(&Recorded(row))?;
        let mut json = serde_json::to_value(facts).unwrap();
        for op in row["ops"].as_array().into_iter().flatten() {
            operate(&mut json, op);
        }
        let mut said = text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/runbooks/lab.yaml"));
        for pair in row["plan_sub"].as_array().into_iter().flatten() {
            let (from, to) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
            assert!(said.contains(from), "the plan has no {from:?}");
            said = said.replace(from, to);
        }
        let plan = plan::parse("lab.yaml", &said).unwrap_or_else(|bad| panic!("{}", bad.render(false)));
        Ok(World { facts: serde_json::from_value(json).unwrap(), plan })
    }

    pub fn findings(&self) -> Vec<Finding> {
        findings::find(&self.plan.plan, &self.facts)
    }

    /// The findings of a code.
    pub fn of_code(&self, code: &str) -> Vec<Finding> {
        self.findings().into_iter().filter(|finding| finding.code == code).collect()
    }

    /// The one finding of a code that says this.
    #[track_caller]
    pub fn finds(&self, code: &str, what: &str) -> Finding {
        let all = self.findings();
        let mut hits = all.iter().filter(|finding| finding.code == code && finding.message.contains(what));
        match (hits.next(), hits.next()) {
            (Some(hit), None) => hit.clone(),
            _ => panic!("not once: {code}, {what:?}: {all:#?}"),
        }
    }

    /// Nothing stops the migration.
    #[track_caller]
    pub fn may_go(&self) {
        let stops: Vec<Finding> = self.findings().into_iter().filter(Finding::stops).collect();
        assert!(stops.is_empty(), "{stops:#?}");
    }

    #[track_caller]
    pub fn finds_nothing(&self) {
        assert_eq!(self.findings(), []);
    }

    #[track_caller]
    pub fn runbook(&self) -> Runbook {
        course::make(&self.plan.plan, &self.plan.digest, &self.facts).unwrap_or_else(|found| panic!("{found:#?}"))
    }

    /// A step of the runbook.
    #[track_caller]
    pub fn step(&self, id: &str) -> Node {
        let book = self.runbook();
        let there: Vec<String> = book.nodes.iter().map(|node| node.id.0.clone()).collect();
        let node = book.nodes.into_iter().find(|node| node.id.0 == id);
        node.unwrap_or_else(|| panic!("there is no step {id}: {there:?}"))
    }

    /// A step of the runbook as JSON text.
    #[track_caller]
    pub fn shown(&self, id: &str) -> String {
        serde_json::to_string(&self.step(id)).unwrap()
    }
}
