//! What a rule is, what it finds of one thing, and what is said of that.

use schemars::JsonSchema;
use serde::Serialize;

use crate::facts::{Facts, Link};
use crate::family::said;
use crate::layout::Obstacle;
use crate::plan::{Loaded, Method, Place, Plan, Span, Waiver};

/// How much a finding matters, the worst first: they are sorted by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// the migration cannot be carried out; only a waiver in the plan lets it go on, and not past those that are absolute
    Inhibitor,
    /// the migration can be carried out, but something may go wrong or be lost: to be read before `apply`
    Warning,
    /// nothing is wrong: something that is good to know
    Note,
}

impl Severity {
    /// As it is printed, and as it stands in JSON.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Severity::Inhibitor => "inhibitor",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// One rule, and all that can be said of it without servers. Its texts may have holes for what a family of systems calls
/// things, `{{install tgtd}}`: see `family::said`.
pub struct Rule {
    /// stable: `R1203`. A code is never used for anything else again
    pub code: &'static str,
    /// what is so when it fires
    pub(super) title: &'static str,
    /// of every finding that it makes
    pub severity: Severity,
    /// of inhibitors: no waiver helps. The course would certainly destroy something, or fail; where the rule may be
    /// mistaken, or the risk is one that a person can take, it is not
    pub absolute: bool,
    /// what would happen otherwise
    pub(super) why: &'static str,
    /// what to do in general; each [`Hit`] says it of the thing at hand
    pub(super) remedy: &'static str,
    pub(super) check: Check,
}

/// What a rule looks at, and so when something is found by it.
#[derive(Clone, Copy)]
pub(crate) enum Check {
    /// Plan and facts.
    Facts(fn(&Plan, &Facts) -> Vec<Hit>),
    /// Plan and facts, where groups are copied in this way.
    Copied(Method, fn(&Plan, &Facts) -> Vec<Hit>),
    /// The way from old to new, when it was measured.
    Link(fn(&Plan, &Facts, &Link) -> Option<Hit>),
    /// The plan's waivers, compared with all rules.
    Waivers(fn(&Plan, &Facts, &[&Rule]) -> Vec<Hit>),
    /// What the power controls say while a plan is made: [`super::of_power`].
    Power,
    /// How long services will be down, when there is a runbook: `forecast`.
    Forecast,
}

/// What a rule found, of one thing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hit {
    message: String,
    help: String,
    span: Option<Span>,
    fact: Option<String>,
}

impl Hit {
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> Hit {
        Hit { message: message.into(), help: help.into(), span: None, fact: None }
    }

    /// Where the plan speaks of it.
    pub(crate) fn at(self, span: Option<Span>) -> Hit {
        Hit { span, ..self }
    }

    /// The fact that it is about, where the plan does not speak of it: `old: /etc/fstab, line 5`.
    pub(crate) fn of(self, fact: impl Into<String>) -> Hit {
        Hit { fact: Some(fact.into()), ..self }
    }
}

/// What keeps a migration from the way that the plan asks for.
/// `other`: the way that is open.
pub(super) fn hits(obstacles: impl IntoIterator<Item = Obstacle>, other: &str) -> Vec<Hit> {
    let hit = |one: Obstacle| {
        let help = match one.help {
            Some(help) => format!("{help}, or choose `{other}`"),
            None => format!("choose `{other}`"),
        };
        Hit::new(one.message, help).at(one.at)
    };
    obstacles.into_iter().map(hit).collect()
}

/// What keeps a migration from the way that is better, where the plan asks for none.
pub(super) fn notes(obstacles: impl IntoIterator<Item = Obstacle>, instead: &str) -> Vec<Hit> {
    let note = |one: Obstacle| {
        let help = one.help.unwrap_or_else(|| "nothing has to be done".into());
        Hit::new(format!("{instead}: {}", one.message), help).at(one.at)
    };
    obstacles.into_iter().map(note).collect()
}

/// What a rule says of one thing, in words for the person: what is so, why it matters, and what to do.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Finding {
    /// of the rule: `replant explain CODE` says more, and `waive` of the plan refers to it
    pub code: &'static str,
    /// of the rule, whether or not the plan waives the finding
    pub severity: Severity,
    /// it cannot be waived
    pub absolute: bool,
    /// what is so, in one sentence that names the thing
    pub message: String,
    /// the fact that it is about
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fact: Option<String>,
    /// what would happen otherwise
    pub why: String,
    /// what to do about it, as a command where there is one
    pub help: String,
    /// where the plan speaks of it, in bytes of the file; none for what only the servers say
    #[serde(skip)]
    pub span: Option<Span>,
    /// why it was accepted, where the plan waives it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waived: Option<String>,
}

impl Finding {
    /// What one of these rules says of `hit`.
    ///
    /// # Panics
    /// Where none of them has this code: codes are written in the program, not read.
    pub(crate) fn of(rules: &[Rule], code: &str, hit: Hit) -> Finding {
        let rule = rules.iter().find(|rule| rule.code == code).expect("a rule for every code that is used");
        rule.finding(hit)
    }

    /// The place in the plan that it is about.
    pub fn place(&self, loaded: &Loaded) -> Option<Place> {
        self.span.map(|span| loaded.source.place(span))
    }

    /// With the plan's waiver of it, if there is one and it can be waived.
    pub(crate) fn waived_by(self, plan: &Plan) -> Finding {
        let waiver = plan.waive.iter().find(|waiver| !self.absolute && self.is_waived_by(waiver, plan));
        Finding { waived: waiver.map(|waiver| waiver.reason.to_string()), ..self }
    }

    /// Whether a waiver is meant for it: by its code, and where it names a thing, of that.
    pub(crate) fn is_waived_by(&self, waiver: &Waiver, plan: &Plan) -> bool {
        let about = |on: &str| {
            let fact = self.fact.as_deref().unwrap_or_default();
            speaks_of(&self.message, on, plan) || speaks_of(fact, on, plan)
        };
        *waiver.code == self.code && waiver.on.as_ref().is_none_or(|on| about(on))
    }

    /// It stops the migration.
    pub fn stops(&self) -> bool {
        self.severity == Severity::Inhibitor && self.waived.is_none()
    }
}

impl Rule {
    /// What is so when it fires.
    pub fn title(&self) -> String {
        said(self.title)
    }

    /// What would happen otherwise.
    pub fn why(&self) -> String {
        said(self.why)
    }

    /// What to do in general.
    pub fn remedy(&self) -> String {
        said(self.remedy)
    }

    pub(super) fn finding(&self, hit: Hit) -> Finding {
        Finding {
            code: self.code,
            severity: self.severity,
            absolute: self.absolute,
            message: hit.message,
            fact: hit.fact,
            why: self.why(),
            help: hit.help,
            span: hit.span,
            waived: None,
        }
    }
}

/// Whether a text names a thing, and not one whose name only begins with it. A disk of the plan may be named by its name
/// alone, and a device without `/dev/`.
fn speaks_of(text: &str, thing: &str, plan: &Plan) -> bool {
    let plain = |text: &str| text.replace('`', "").replace("/dev/", "");
    let thing = match plan.disks.iter().any(|disk| disk.name == *thing) {
        true => format!("disk {thing}"),
        false => plain(thing),
    };
    let text = plain(text);
    let in_a_name = |c: char| c.is_alphanumeric() || "_-+/.".contains(c);
    let mut at = text.match_indices(&thing);
    !thing.is_empty()
        && at.any(|(start, found)| {
            let before = text[..start].chars().next_back();
            let mut after = text[start + found.len()..].chars();
            // a full stop ends a sentence
            let (next, second) = (after.next(), after.next());
            let ends = next.is_none_or(|c| !in_a_name(c) || c == '.' && second.is_none_or(char::is_whitespace));
            ends && before.is_none_or(|c| !in_a_name(c) || thing.starts_with('/'))
        })
}
