//! shellcheck(1) reads every shell script: those in files, and those that are made for a migration or for a question.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use replant::course;
use replant::facts;
use replant::host::{Act, HostError, Look, Output, Query, Side};
use replant::plan;
use replant::runbook::Node;
use replant::sim::Sim;
use replant::step::{StepKind, Undo};

use crate::place;

/// The simulated pair, and what it is asked.
struct Heard<'a> {
    sim: &'a Sim,
    asked: Mutex<BTreeSet<Vec<String>>>,
}

impl Look for Heard<'_> {
    fn look(&self, on: Side, queries: &[Query]) -> Result<Vec<Output>, HostError> {
        let argv = |query: &Query| match query {
            Query::Run(argv) => Some(argv.clone()),
            _ => None,
        };
        self.asked.lock().unwrap().extend(queries.iter().filter_map(argv));
        self.sim.look(on, queries)
    }
}

/// Scripts by where they are from.
type Scripts = BTreeMap<String, String>;

/// `sh -c SCRIPT …`, as a script.
fn of_command(argv: &[String]) -> Option<String> {
    match argv {
        [sh, c, script, ..] if sh == "sh" && c == "-c" => Some(format!("#!/bin/sh\n{script}")),
        _ => None,
    }
}

fn of_nodes(name: &str, nodes: &[Node], all: &mut Scripts) {
    for node in nodes {
        let undo = match node.step.as_step().undo() {
            Undo::Acts(acts) => acts,
            Undo::Nothing(_) => Vec::new(),
        };
        if let StepKind::Job(job) = &node.step {
            all.insert(format!("{name}, {}: job", node.id), job.script.clone());
        }
        for (number, act) in node.step.as_step().apply().into_iter().chain(undo).enumerate() {
            let (what, script) = match act {
                Act::Run { argv, .. } => ("sh -c".into(), of_command(&argv)),
                Act::Put { path, text, .. } => (path, text.0.starts_with("#!/bin/sh").then_some(text.0)),
                _ => continue,
            };
            if let Some(script) = script {
                all.insert(format!("{name}, {}, act {number}: {what}", node.id), script);
            }
        }
    }
}

/// Those of every example, of the lab's runbook, and all that is asked on the way to them.
fn made() -> Scripts {
    let mut all = Scripts::new();
    of_nodes("lab", place::nodes(), &mut all);
    for path in files(&["plans"]) {
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let mut plan = plan::load(&path).unwrap_or_else(|error| panic!("{error}")).plan;
        plan.copy.verify = plan::Verify::Whole.into();
        let sim = Sim::from_plan(&plan, None);
        let heard = Heard { sim: &sim, asked: Mutex::default() };
        let facts = facts::both(&heard).unwrap();
        let nodes = course::make(&plan, "digest", &facts).unwrap_or_else(|found| panic!("{found:#?}")).nodes;
        of_nodes(&path.display().to_string(), &nodes, &mut all);
        for node in &nodes {
            // what it sees does not matter: it is asked for its questions
            let _ = node.step.as_step().observe(&heard, node.on);
        }
        for argv in heard.asked.into_inner().unwrap() {
            if let Some(script) = of_command(&argv) {
                all.insert(format!("asked: {}", script.chars().take(60).collect::<String>()), script);
            }
        }
    }
    all
}

/// All files below these directories of the project.
fn files(dirs: &[&str]) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut dirs: Vec<PathBuf> = dirs.iter().map(|dir| root.join(dir)).collect();
    let mut files = Vec::new();
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { dirs.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// A script has its ending, or a first line that says so.
fn of_files() -> Scripts {
    let mut all = Scripts::new();
    for path in files(&["src", "tests", ".ci"]) {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let ending = path.extension().and_then(|extension| extension.to_str());
        let first = text.lines().next().unwrap_or_default();
        let shell = first == "#!/bin/sh" || first == "#!/bin/bash";
        if ending == Some("sh") || (shell && ending != Some("j2")) {
            // some are put after others when they are sent, and have no first line of their own
            let text = if shell { text } else { format!("#!/bin/sh\n{text}") };
            all.insert(path.display().to_string(), text);
        }
    }
    all
}

/// shellcheck(1), where it is installed: `tests/run` installs it.
#[test]
fn shellcheck_has_nothing_to_say() {
    if Command::new("shellcheck").arg("--version").stdout(Stdio::null()).status().is_err() {
        return eprintln!("shellcheck is not installed: not checked");
    }
    let (files, made) = (of_files(), made());
    let asked = made.keys().filter(|name| name.starts_with("asked: ")).count();
    assert!(files.len() > 15 && made.len() - asked > 40 && asked > 10, "{:#?}{:#?}", files.keys(), made.keys());
    let mut texts = BTreeSet::new();
    let mut wrong = Vec::new();
    for (name, text) in files.iter().chain(&made) {
        if !texts.insert(text) {
            continue;
        }
        let mut child = Command::new("shellcheck")
            // a list of one volume is a list, and a number of LVM is one word or none
            .args(["--severity=warning", "--format=gcc", "--exclude=SC2043,SC2046", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        if !output.status.success() {
            wrong.push(format!("{name}:\n{}", String::from_utf8_lossy(&output.stdout)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whoever opens a file sees by its name whether it goes to a server as it stands: what is rendered before ends in `.j2`.
#[test]
fn templates_are_told_by_their_names() {
    let mut seen = 0;
    for path in files(&["src"]) {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let ending = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        // the sources have braces of their own
        if ending == "rs" {
            continue;
        }
        let rendered = ["{{", "{%"].iter().any(|mark| text.contains(mark));
        assert_eq!(rendered, ending == "j2", "{}", path.display());
        seen += usize::from(rendered);
    }
    assert!(seen > 5, "{seen} templates are few");
}
