//! A server that answers from a script, and tables over it: a world in which a step is as described, and rows that each
//! change one thing in it.

use std::cmp::Reverse;

use replant::host::{Act, HostError, Look, Output, Query, Server, Side};
use replant::step::{Seen, StepKind, Undo};

/// What `observe` is to say; a text must stand in what it says.
#[derive(Debug, Clone, Copy)]
pub enum Sees {
    Present,
    Absent,
    Partial(&'static str),
    Remains(&'static str),
    Underway(&'static str),
    Foreign(&'static str),
    /// no verdict: it cannot be known
    Error(&'static str),
}

/// What is changed, and what `observe` says then. Changes are parted by ` & `; each is one of
///
/// * `NAME: FROM => TO` in the answer called NAME, wherever FROM stands
/// * `NAME[LINE]: FROM => TO` in its lines that contain LINE; `FROM` may be empty: TO is put at the end of the line
/// * `NAME[LINE] is gone` takes these lines away
/// * `NAME says TEXT` is another answer
/// * `NAME fails: TEXT` exits with 5, and says this on standard error
/// * `SIDE is silent`, `SIDE refuses`, `SIDE is another` machine (`old`, `new`, `migrated`)
///
/// A text that is not there to be changed fails the test: a row must never be the world as it was.
pub type Row = (&'static str, &'static str, Sees);

pub struct Table {
    pub kind: &'static str,
    pub world: World,
    pub rows: Vec<Row>,
}

#[derive(Clone)]
pub struct World {
    step: StepKind,
    side: Side,
    answers: Vec<Answer>,
    silent: Vec<Side>,
    refusing: Vec<Side>,
    another: Vec<Side>,
}

#[derive(Clone)]
struct Answer {
    name: &'static str,
    output: Output,
}

impl World {
    /// Where a step is looked at: the step as it stands in a runbook.
    pub fn of(side: Side, step: &str) -> World {
        let step = serde_json::from_str(step).unwrap_or_else(|error| panic!("no step: {error}\n{step}"));
        World { step, side, answers: Vec::new(), silent: Vec::new(), refusing: Vec::new(), another: Vec::new() }
    }

    /// Answers every query that begins with `name`, and every one-line script that contains it; where several do, what
    /// stands first in the script. `power old` answers for the power control.
    pub fn says(self, name: &'static str, stdout: &str) -> World {
        self.with(Answer { name, output: Output::ok(stdout) })
    }

    /// A file: see [`Query::file`].
    pub fn holds(self, path: &'static str, text: &str) -> World {
        self.says(path, &format!("present\n{text}"))
    }

    /// Changed as a row changes it.
    pub fn but(mut self, changes: &str) -> World {
        for change in changes.split(" & ").filter(|change| !change.is_empty()) {
            self.change(change);
        }
        self
    }

    fn with(mut self, answer: Answer) -> World {
        self.answers.push(answer);
        self
    }

    fn change(&mut self, change: &str) {
        let side = |name: &str| {
            [Side::Old, Side::New, Side::Migrated]
                [["old", "new", "migrated"].iter().position(|side| *side == name).expect("a side")]
        };
        if let Some(name) = change.strip_suffix(" is silent") {
            self.silent.push(side(name));
        } else if let Some(name) = change.strip_suffix(" refuses") {
            self.refusing.push(side(name));
        } else if let Some(name) = change.strip_suffix(" is another") {
            self.another.push(side(name));
        } else if let Some((name, text)) = change.split_once(" fails: ") {
            self.answer(name).output = Output { code: 5, stdout: String::new(), stderr: text.into() };
        } else if let Some((name, from, to)) = change
            .split_once(": ")
            .and_then(|(name, what)| what.split_once(" => ").map(|(from, to)| (name, from, to)))
        {
            let (name, line) = picked(name);
            self.lines(name, line, from, Some(to));
        } else if let Some(name) = change.strip_suffix(" is gone") {
            let (name, line) = picked(name);
            self.lines(name, line, "", None);
        } else if let Some((name, text)) = change.split_once(" says ") {
            let answer = self.answer(name);
            assert_ne!(answer.output.stdout, text, "`{change}` changes nothing");
            answer.output = Output::ok(text);
        } else {
            panic!("this is no change: {change}");
        }
    }

    fn answer(&mut self, name: &str) -> &mut Answer {
        self.answers
            .iter_mut()
            .find(|answer| answer.name == name)
            .unwrap_or_else(|| panic!("no answer is called `{name}`"))
    }

    /// `to`: nothing takes the line away.
    fn lines(&mut self, name: &str, line: &str, from: &str, to: Option<&str>) {
        let answer = self.answer(name);
        let before = answer.output.stdout.clone();
        let whole = |text: &str| match (from, to) {
            (_, None) => String::new(),
            ("", Some(to)) => format!("{}{to}\n", text.trim_end_matches('\n')),
            (from, Some(to)) => text.replace(from, to),
        };
        answer.output.stdout = if line.is_empty() {
            whole(&before)
        } else {
            before
                .split_inclusive('\n')
                .map(|text| if text.contains(line) { whole(text) } else { text.into() })
                .collect()
        };
        assert_ne!(answer.output.stdout, before, "nothing of `{name}` is changed by `{line}`: `{from}` => {to:?}");
    }

    /// What this step does and takes back, and how it is waited for, in lines.
    pub fn acts(&self) -> String {
        let step = self.step.as_step();
        let mut text = format!("{:?} {}\n", step.mark(), step.title());
        let (patience, looks) = (step.patience().as_secs(), step.confirmations());
        text += &format!("  patience {patience} s, seen {looks} times, {} bytes", step.bytes());
        text += if step.begun_by_its_acts() { ", begun by its acts\n" } else { "\n" };
        let mut acts = |way: char, acts: Vec<Act>| {
            for act in acts {
                // a script is run for real by tests/scripts.rs; here it is enough to see that there is one
                let short = |word: &String| {
                    if word.contains('\n') || word.len() > 90 { "SCRIPT".into() } else { word.clone() }
                };
                text += &match act {
                    Act::Run { argv, stdin, long } => {
                        let words: Vec<String> = argv.iter().map(short).collect();
                        let feed = stdin.map(|text| format!("  <{:?}", text.0)).unwrap_or_default();
                        format!("  {way} {}{}{feed}\n", words.join(" "), if long { "  (long)" } else { "" })
                    }
                    Act::Put { path, text, mode } => {
                        format!(
                            "  {way} put {path} {mode:?} {:?}\n",
                            if text.0.len() > 90 { "TEXT" } else { &text.0 }
                        )
                    }
                    other => format!("  {way} {other:?}\n"),
                };
            }
        };
        acts('>', step.apply());
        match step.undo() {
            Undo::Acts(undo) => acts('<', undo),
            Undo::Nothing(why) => text += &format!("  < nothing: {why}\n"),
        }
        text
    }

    /// What `observe` says, as text.
    fn verdict(&self) -> String {
        match self.step.as_step().observe(self, self.side) {
            Ok(Seen::Present) => "present".into(),
            Ok(Seen::Absent) => "absent".into(),
            Ok(Seen::Partial(what)) => format!("partial: {what}"),
            Ok(Seen::Remains(what)) => format!("remains: {what}"),
            Ok(Seen::Underway(progress)) => format!("underway: {}{}", progress.what, bytes(progress.bytes)),
            Ok(Seen::Foreign(what)) => format!("foreign: {what}"),
            Err(error) => format!("error: {error}"),
        }
    }
}

fn bytes(bytes: Option<(u64, u64)>) -> String {
    bytes.map(|(done, all)| format!(" {done} of {all}")).unwrap_or_default()
}

/// `NAME[LINE]`
fn picked(name: &str) -> (&str, &str) {
    name.split_once('[').map_or((name, ""), |(name, line)| (name, line.strip_suffix(']').expect("NAME[LINE]")))
}

impl Look for World {
    fn look(&self, on: Side, queries: &[Query]) -> Result<Vec<Output>, HostError> {
        let answer = |query: &Query| {
            let text = match query {
                Query::Power(Server::Old) => "power old".to_string(),
                Query::Power(Server::New) => "power new".to_string(),
                Query::Control(Server::Old) => "control old".to_string(),
                Query::Control(Server::New) => "control new".to_string(),
                Query::Console(_) => panic!("no step looks at a console"),
                Query::Run(argv) => argv.join(" "),
            };
            let local = matches!(query, Query::Power(_) | Query::Control(_));
            if !local && self.silent.contains(&on) {
                return Err(HostError::Unreachable { side: on, cause: "silence".into() });
            }
            if !local && self.refusing.contains(&on) {
                return Err(HostError::Refused { side: on, cause: "another key".into(), help: String::new() });
            }
            if !local && self.another.contains(&on) {
                return Err(HostError::Another { side: on, cause: "by its hardware it is the other".into() });
            }
            let script = matches!(query, Query::Run(argv) if argv[0] == "sh");
            let fits = |answer: &&Answer| text.starts_with(answer.name) || script && text.contains(answer.name);
            // what a script does first is what it is about
            let place = |answer: &&Answer| (text.find(answer.name), Reverse(answer.name.len()));
            let found = self.answers.iter().filter(fits).min_by_key(place);
            let known = || self.answers.iter().map(|answer| answer.name).collect::<Vec<_>>().join(", ");
            let found = found
                .unwrap_or_else(|| panic!("this world has no answer to `{text}` of {on:?}, only to: {}", known()));
            Ok(found.output.clone())
        };
        queries.iter().map(answer).collect()
    }
}

impl Table {
    /// Tries every row, and says of all that are wrong what was seen.
    pub fn check(&self) -> usize {
        let mut wrong = Vec::new();
        for (what, changes, sees) in &self.rows {
            let verdict = self.world.clone().but(changes).verdict();
            let (kind, word) = match sees {
                Sees::Present => ("present", ""),
                Sees::Absent => ("absent", ""),
                Sees::Partial(word) => ("partial: ", *word),
                Sees::Remains(word) => ("remains: ", *word),
                Sees::Underway(word) => ("underway: ", *word),
                Sees::Foreign(word) => ("foreign: ", *word),
                Sees::Error(word) => ("error: ", *word),
            };
            if !verdict.strip_prefix(kind).is_some_and(|rest| rest.contains(word)) {
                wrong.push(format!("{}, {what}: should be {sees:?}, is {verdict}", self.kind));
            }
        }
        assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), self.rows.len(), wrong.join("\n"));
        assert!(
            self.rows.iter().any(|(_, changes, _)| changes.is_empty()),
            "{}: the world itself is no row",
            self.kind
        );
        assert!(self.rows.len() > 1, "{}: a table of one row shows nothing", self.kind);
        self.rows.len()
    }
}
