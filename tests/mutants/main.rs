//! Breaks one safety check after the other, and sees whether a test fails.
//!
//! All edits are built into one copy of the sources at once, each asleep until the environment names it: so there is one
//! build for all of them, and trying one is a run of the tests that should notice.

mod table;
mod tree;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use table::Edit;

const HELP: &str = "\
tests/mutants/run                  try all edits
tests/mutants/run --short          try a share of them, another one each day
tests/mutants/run WORD...          try those whose table, file or reason contains a WORD
";

/// The share of a short run: one in so many. All are tried within as many days.
const SHARE: usize = 8;

/// A test that takes longer than this has noticed: what was broken waits for ever.
const PATIENCE: Duration = Duration::from_secs(180);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let start = Instant::now();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let edits = table::all(root);
    let chosen = chosen(&edits, &words);
    println!("{} of {} edits", chosen.len(), edits.len());
    let copy = match tree::plant(root, &edits) {
        Ok(copy) => copy,
        Err(error) => return failed(&error),
    };
    let tests = match build(&copy, root) {
        Ok(tests) => tests,
        Err(error) => return failed(&error),
    };
    println!("built in {} s", start.elapsed().as_secs());
    let once: std::collections::BTreeSet<_> = chosen.iter().flat_map(|edit| suite(edit)).collect();
    for (name, args) in once {
        // a second time: some of them measure time, and a busy machine has little of it
        let notices = || notices(&tests, &copy, (name, args), None);
        if notices().is_some()
            && let Some(noticed) = notices()
        {
            return failed(&format!("nothing is broken, and all the same {noticed}"));
        }
    }
    println!("all is well with nothing broken, {} s", start.elapsed().as_secs());
    let survivors = run(&chosen, &tests, &copy);
    let (spared, lost): (Vec<_>, Vec<_>) = survivors.into_iter().partition(|edit| edit.spared.is_some());
    for edit in &spared {
        println!("survived, and may: {edit}: {}", edit.spared.as_deref().unwrap_or_default());
    }
    for edit in &lost {
        println!("SURVIVED: {edit}\n    - {}\n    + {}", edit.from, edit.to);
    }
    let caught = chosen.len() - spared.len() - lost.len();
    let seconds = start.elapsed().as_secs();
    println!(
        "{} edits: {caught} caught, {} may survive, {} survived; {seconds} s",
        chosen.len(),
        spared.len(),
        lost.len()
    );
    if lost.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn failed(what: &str) -> ExitCode {
    eprintln!("mutants: {what}");
    ExitCode::FAILURE
}

fn chosen<'e>(edits: &'e [Edit], words: &[String]) -> Vec<&'e Edit> {
    let day = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400);
    let short = words.iter().any(|word| word == "--short");
    let named: Vec<&String> = words.iter().filter(|word| !word.starts_with("--")).collect();
    let wanted = |edit: &&Edit| {
        let text = edit.to_string();
        (!short || edit.id % SHARE == day as usize % SHARE)
            && (named.is_empty() || named.iter().any(|word| text.contains(word.as_str())))
    };
    edits.iter().filter(wanted).collect()
}

/// Test programs and what of each is run, quickest first, for the edits of files that begin so.
type Suite = (&'static str, &'static [(&'static str, &'static [&'static str])]);

const SUITES: &[Suite] = &[
    // a script's own room first: each of its tests starts many processes
    ("script src/course/templates/boot-put", &[("scripts", &["carried::"])]),
    ("script src/course/templates/hold-", &[("scripts", &["placed::"])]),
    ("script src/course/templates", &[("scripts", &["boot::"])]),
    ("script src/family/scripts/debian/packages", &[("scripts", &["initramfs::"])]),
    ("script src/family/scripts/debian/loader", &[("scripts", &["carried::"])]),
    ("script src/family/scripts/debian", &[("scripts", &["boot::"])]),
    ("script src/family/scripts/initramfs-tools/hook", &[("scripts", &["boot::"])]),
    ("script src/family/scripts/initramfs-tools/hold-local-top", &[("scripts", &["waits::"])]),
    (
        "script src/family/scripts/initramfs-tools/hold",
        &[("scripts", &["hold::", "--skip", "lacks"]), ("scripts", &["lacks"])],
    ),
    ("script src/family", &[("scripts", &["initramfs::"])]),
    ("script src/step/scripts/rehearse", &[("scripts", &["rehearsal::"])]),
    ("script src/step/scripts/below-rest", &[("scripts", &["rehearsal::"])]),
    ("script src/step/scripts/hold-go", &[("scripts", &["hold::"]), ("scripts", &["rehearsal::"])]),
    ("script src/step/quiet/same_boot.rs", &[("scripts", &["boot::"])]),
    ("script src/step/copy/mirror", &[("scripts", &["lvm::"])]),
    ("script src/step/copy/group_member", &[("scripts", &["lvm::"])]),
    (
        "script src/step/scripts/below",
        &[("scripts", &["below::", "--skip", "interrupted"]), ("scripts", INTERRUPTED), ("scripts", &["used::"])],
    ),
    ("script src/step/scripts/hash", &[("scripts", &["verify::"])]),
    ("script src/step/verify", &[("scripts", &["verify::"])]),
    ("script src/step/scripts/hold", &[("scripts", &["hold::"])]),
    ("script src/step/scripts/dead-man", &[("scripts", &["dead_man::"])]),
    ("script src/step/quiet/dead_man", &[("scripts", &["dead_man::"])]),
    ("script src/host", SSH),
    ("script", &[("scripts", &["small::"])]),
    ("src/rehearsal", &[("rehearsal", QUICK_REHEARSALS)]),
    ("src/step/verify", &[("steps", &[]), ("verify", &[]), ("sweeps", QUICK)]),
    (
        "src/step/below/fresh_legs",
        &[("steps", &[]), ("verify", &[]), ("rehearsal", QUICK_REHEARSALS), ("sweeps", QUICK)],
    ),
    ("src/step/copy/fresh_copies", &[("steps", &[]), ("verify", &[]), ("replant", &[]), ("sweeps", QUICK)]),
    ("src/step/hold/kernel_there", &[("steps", &[]), ("placed", &[])]),
    ("src/step/hold", &[("steps", &[]), ("hold", &[]), ("rehearsal", QUICK_REHEARSALS), ("sweeps", QUICK)]),
    (
        "src/step/quiet/dead_man",
        &[("steps", &[]), ("scripts", &["dead_man::"]), ("dead_man", &[]), ("sweeps", QUICK)],
    ),
    (
        "src/step/below",
        &[("steps", &[]), ("rehearsal", QUICK_REHEARSALS), ("replant", &[]), ("course", &[]), ("sweeps", QUICK)],
    ),
    ("src/engine/mod.rs", &[("rehearsal", QUICK_REHEARSALS)]),
    ("src/engine/run.rs", &[("turns", &[]), ("engine", &[]), ("hold", &[]), ("replant", &[]), ("sweeps", QUICK)]),
    ("src/step", &[("steps", &[]), ("replant", &[]), ("course", &[]), ("sweeps", QUICK)]),
    ("src/engine", &[("turns", &[]), ("replant", &[]), ("engine", &[]), ("sweeps", QUICK)]),
    ("src/journal", &[("turns", &[]), ("replant", &[]), ("engine", &[]), ("sweeps", QUICK)]),
    ("src/host/trail", &[("replant", &["trail::"]), ("sweeps", &["way::"])]),
    ("src/host/ssh", SSH),
    ("src/host/power", &[("power", &[]), ("replant", &[]), ("hold", &[]), ("sweep_power", &[])]),
    ("src/host", &[("power", &[]), ("replant", &[]), ("sweep_power", &[])]),
    ("src/course/guard", &[("order", &[]), ("course", &[]), ("dead_man", &[]), ("sweeps", QUICK)]),
    ("src/course/start", &[("placed", &[]), ("order", &[]), ("course", &[]), ("sweeps", QUICK)]),
    ("src/course/verify", &[("order", &[]), ("verify", &[]), ("course", &[])]),
    ("src/course", &[("order", &[]), ("course", &[]), ("sweeps", QUICK)]),
    ("src/layout/ways/place", &[("placed", &[])]),
    ("src/layout/ways/held", &[("findings", &[]), ("placed", &[]), ("hold", &[]), ("course", &[]), ("replant", &[])]),
    ("src/layout/ways", &[("findings", &[]), ("course", &[]), ("replant", &[])]),
    ("src/layout/start", &[("scripts", &["waits::"]), ("course", &[]), ("start", &[])]),
    ("src", &[("course", &[]), ("replant", &[]), ("steps", &[]), ("sweeps", QUICK)]),
];

const SSH: &[(&str, &[&str])] = &[("ssh", &["way::", "acts::", "dead_man::"])];

/// Runs that were killed, after each of their commands.
const INTERRUPTED: &[&str] = &["below::what_an_interrupted", "below::a_way_back"];

/// Of the sweeps, those that take seconds.
const QUICK: &[&str] = &["what_", "a_dead", "an_array", "other", "applied", "a_migration", "way::"];

const QUICK_REHEARSALS: &[&str] = &["a_", "it_", "nothing_", "nobody_", "new_that", "what_"];

fn suite(edit: &Edit) -> &'static [(&'static str, &'static [&'static str])] {
    let about = if edit.is_script() { format!("script {}", edit.file) } else { edit.file.clone() };
    SUITES.iter().find(|(begins, _)| about.starts_with(begins)).map_or(&[], |(_, tests)| *tests)
}

/// The test programs of the copy, by name.
fn build(copy: &Path, root: &Path) -> Result<BTreeMap<String, PathBuf>, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let mut names: Vec<&str> = SUITES.iter().flat_map(|suite| suite.1.iter().map(|(name, _)| *name)).collect();
    names.sort_unstable();
    names.dedup();
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--no-run", "--locked", "--message-format=json-render-diagnostics", "--lib"]);
    for name in names.iter().filter(|name| **name != "replant") {
        command.args(["--test", name]);
    }
    command.current_dir(copy).env("CARGO_TARGET_DIR", target).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| format!("cargo does not run: {error}"))?;
    if !output.status.success() {
        return Err(format!("the copy in {} does not build", copy.display()));
    }
    let mut tests = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(said) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        if let (Some(name), Some(path), Some(true)) =
            (said["target"]["name"].as_str(), said["executable"].as_str(), said["profile"]["test"].as_bool())
        {
            tests.insert(name.to_string(), PathBuf::from(path));
        }
    }
    match names.iter().find(|name| !tests.contains_key(**name)) {
        Some(name) => Err(format!("cargo built no test `{name}`")),
        None => Ok(tests),
    }
}

fn run<'e>(chosen: &[&'e Edit], tests: &BTreeMap<String, PathBuf>, copy: &Path) -> Vec<&'e Edit> {
    let next = AtomicUsize::new(0);
    let survivors = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, |count| count.get());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(edit) = chosen.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let start = Instant::now();
                    let noticed =
                        suite(edit).iter().find_map(|(name, args)| notices(tests, copy, (name, args), Some(edit)));
                    let seconds = start.elapsed().as_secs_f64();
                    println!("{seconds:6.1} s  {}  {edit}", noticed.as_deref().unwrap_or("SURVIVES"));
                    if noticed.is_none() {
                        survivors.lock().unwrap().push(*edit);
                    }
                }
            });
        }
    });
    let mut survivors = survivors.into_inner().unwrap();
    survivors.sort_by_key(|edit| edit.id);
    survivors
}

/// Which test fails, if one does.
fn notices(
    tests: &BTreeMap<String, PathBuf>,
    copy: &Path,
    (name, args): (&str, &[&str]),
    edit: Option<&Edit>,
) -> Option<String> {
    let mut command = Command::new(&tests[name]);
    command.args(args).current_dir(copy).stdin(Stdio::null()).stderr(Stdio::null()).env("RUST_BACKTRACE", "0");
    let seen = copy.join(format!("seen-{name}-{}", edit.map_or(0, |edit| edit.id)));
    let output = std::fs::File::create(&seen).expect("the copy can be written to");
    command.stdout(output);
    if let Some(edit) = edit {
        if edit.is_script() {
            command.env("REPLANT_SWAP", tree::swap(copy, edit));
        } else {
            command.env("REPLANT_MUTANT", edit.id.to_string());
        }
    }
    let start = Instant::now();
    let mut child = command.spawn().expect("what was built runs");
    let good = loop {
        match child.try_wait().expect("a child of ours") {
            Some(status) => break Some(status.success()),
            None if start.elapsed() > PATIENCE => {
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let said = std::fs::read_to_string(&seen).unwrap_or_default();
    if good != Some(false) {
        let _ = std::fs::remove_file(&seen);
    }
    let _ = std::io::stdout().flush();
    match good {
        Some(true) => None,
        None => Some(format!("{name} waits for ever")),
        Some(false) => {
            let test = said.lines().find_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
            Some(format!("{name}::{}", test.unwrap_or("fails")))
        }
    }
}
