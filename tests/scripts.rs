//! Every script of replant, run for real by sh(1) in worlds in which its check fails.
//!
//! Each runs as it is sent to a server, in a root directory of its own: the tools that could change anything are stubs that
//! write down how they were called, everything else is this machine's, read-only.

#[path = "scripts/place.rs"]
mod place;

#[path = "scripts/boot.rs"]
mod boot;
#[path = "scripts/initramfs.rs"]
mod initramfs;
#[path = "scripts/lvm.rs"]
mod lvm;
#[path = "scripts/small.rs"]
mod small;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use replant::host::Act;
use replant::step::{StepKind, Undo};

/// Every shell script: those in files, those of the lab's runbook, the one-line scripts of its acts.
fn scripts() -> BTreeSet<(String, String)> {
    let mut all = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut dirs = vec![root.join("src")];
    let mut at = 0;
    while let Some(dir) = dirs.get(at) {
        let inside: Vec<_> =
            std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        dirs.extend(inside.into_iter().filter(|path| path.is_dir()));
        at += 1;
    }
    dirs.extend(["tests", "tests/lab", "tests/mutants", ".ci"].map(|dir| root.join(dir)));
    for dir in dirs {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            // a template is no script before it is rendered
            if text.starts_with("#!/bin/") && !text.contains("{{") {
                all.insert((path.display().to_string(), text));
            }
        }
    }
    for node in place::nodes() {
        let undo = match node.step.as_step().undo() {
            Undo::Acts(acts) => acts,
            Undo::Nothing(_) => Vec::new(),
        };
        if let StepKind::Job(job) = &node.step {
            all.insert((format!("{}: job", node.id), job.script.clone()));
        }
        for act in node.step.as_step().apply().into_iter().chain(undo) {
            match act {
                Act::Run { argv, .. } if argv.len() > 2 && argv[..2] == ["sh", "-c"] => {
                    all.insert((format!("{}: sh -c", node.id), format!("#!/bin/sh\n{}", argv[2])));
                }
                Act::Put { path, text, .. } if text.0.starts_with("#!/bin/sh") => {
                    all.insert((format!("{}: {path}", node.id), text.0));
                }
                _ => {}
            }
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
    let scripts = scripts();
    assert!(scripts.len() > 20, "{} scripts are few", scripts.len());
    let mut texts = BTreeSet::new();
    let mut wrong = Vec::new();
    for (name, text) in &scripts {
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
