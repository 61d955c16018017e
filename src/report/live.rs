//! While the engine works: on a terminal a live block (how far the run is, a line for each step under way) under lines
//! that scroll; otherwise a line for each event, and from time to time one for what takes long.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

use super::block::{self, Copying, Head, Row};
use super::screen::{To, is_terminal, screen};
use super::{brief_act, duration, out};
use crate::course::Runbook;
use crate::engine::Notice;
use crate::forecast;
use crate::host::Side;
use crate::journal::Kind;
use crate::runbook::{Stage, StepId};
use crate::step::{Mark, Progress, Seen};

/// How much is told, and in which form.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manner {
    pub json: bool,
    pub verbose: bool,
    pub quiet: bool,
}

pub(crate) struct LiveView {
    told: Arc<Told>,
    /// draws the block; none where there is no terminal
    ticker: Option<JoinHandle<()>>,
    ended: Arc<AtomicBool>,
}

struct Told {
    to: To,
    steps: BTreeMap<StepId, About>,
    manner: Manner,
    terminal: bool,
    began: Instant,
    inner: Mutex<Inner>,
}

/// What is known of a step before it begins.
struct About {
    stage: Stage,
    side: Side,
    title: String,
    /// it changes nothing
    check: bool,
    /// of its work, in seconds
    estimate: f64,
    /// that it copies over the link
    bytes: u64,
}

#[derive(Default)]
struct Inner {
    kind: Option<Kind>,
    steps: usize,
    done: usize,
    /// not ended yet, for the estimate
    ahead: BTreeSet<StepId>,
    running: BTreeMap<StepId, Running>,
    /// of the last line
    stage: Option<Stage>,
}

struct Running {
    began: Instant,
    copying: Option<Copying>,
    /// the first progress seen, for the rate
    first: Option<(Instant, u64)>,
    /// when a line was last written about it
    said: Option<Instant>,
}

/// Without a terminal a long step says how far it is this often.
const EVERY: Duration = Duration::from_secs(15);
const TICK: Duration = Duration::from_millis(250);
/// Lines of the block: one that is higher than the terminal could not be taken off again.
const HIGHEST: usize = 12;
/// Bytes in a second, where nothing is known of the link.
const SOME_RATE: f64 = 100e6;

impl LiveView {
    /// `until`: the last stage that is gone through.
    pub(crate) fn new(runbook: &Runbook, until: Stage, to: To, manner: Manner) -> LiveView {
        let estimates = forecast::estimates(runbook);
        let steps: BTreeMap<StepId, About> = runbook
            .nodes
            .iter()
            .zip(estimates)
            .map(|(node, estimate)| {
                let step = node.step.as_step();
                let (check, bytes) = (step.mark() == Mark::Check, step.bytes());
                let about = About { stage: node.stage, side: node.on, title: step.title(), check, estimate, bytes };
                (node.id.clone(), about)
            })
            .collect();
        let ahead = steps.iter().filter(|(_, about)| about.stage <= until).map(|(id, _)| id.clone()).collect();
        let told = Arc::new(Told {
            to,
            steps,
            manner,
            terminal: !manner.json && !manner.quiet && is_terminal(to),
            began: Instant::now(),
            inner: Mutex::new(Inner { ahead, ..Inner::default() }),
        });
        let ended = Arc::new(AtomicBool::new(false));
        let ticker = told.terminal.then(|| {
            let (told, ended) = (told.clone(), ended.clone());
            std::thread::spawn(move || {
                while !ended.load(Ordering::SeqCst) {
                    told.draw();
                    std::thread::park_timeout(TICK);
                }
            })
        });
        LiveView { told, ticker, ended }
    }

    /// Told from several threads. Nobody needs to listen: what counts is the journal.
    pub(crate) fn tell(&self, event: Notice) {
        self.told.tell(event);
    }
}

impl Drop for LiveView {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        if let Some(ticker) = self.ticker.take() {
            ticker.thread().unpark();
            let _ = ticker.join();
            screen().block(self.told.to, Vec::new());
        }
    }
}

impl Told {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: Notice) {
        if self.manner.json {
            if let Some(value) = as_json(&event) {
                let _ = out::raw(&format!("{value}\n"));
            }
            return;
        }
        let verbose = self.manner.verbose;
        let mut inner = self.inner();
        match event {
            Notice::RunStarted { kind, steps } => {
                (inner.kind, inner.steps) = (Some(kind), steps);
                self.line(&match kind {
                    Kind::Apply => {
                        format!("{steps} steps: each is checked on the server, then carried out if need be")
                    }
                    Kind::Rollback => format!("taking back up to {steps} steps"),
                });
            }
            Notice::StepStarted { step, .. } => {
                let running = Running { began: Instant::now(), copying: None, first: None, said: None };
                inner.running.insert(step, running);
            }
            Notice::Acting { side, act: what, .. } => {
                if verbose {
                    self.line(&format!("          {side:3}   $ {}", brief_act(&what)));
                }
            }
            Notice::Waiting { seen, .. } => {
                let what = match seen {
                    Seen::Partial(what) | Seen::Remains(what) | Seen::Foreign(what) => what,
                    Seen::Underway(progress) => progress.what,
                    Seen::Absent | Seen::Present => "not so yet".into(),
                };
                if verbose {
                    self.line(&format!("                waiting: {what}"));
                }
            }
            Notice::Progress { step, progress } => self.progress(&mut inner, &step, &progress),
            Notice::Adopted { step } => {
                let check = self.steps.get(&step).is_some_and(|about| about.check);
                self.ended(&mut inner, &step, Some(("=", if check { "holds" } else { "was so before" })));
            }
            Notice::AlreadySo { step } => self.ended(&mut inner, &step, verbose.then_some(("=", "is so"))),
            Notice::Over { step } => self.ended(&mut inner, &step, None),
            Notice::Done { step, took } => self.ended(&mut inner, &step, Some(("✓", &duration(took)))),
            Notice::Undone { step, took } => self.ended(&mut inner, &step, Some(("↶", &duration(took)))),
            Notice::NothingToUndo { step, why } => self.ended(&mut inner, &step, verbose.then_some(("·", &*why))),
            Notice::Failed { step, what, .. } => self.ended(&mut inner, &step, Some(("✗", &what))),
            Notice::Left { step } => {
                self.ended(&mut inner, &step, Some(("…", "left as it is; it goes on by itself where it can")));
            }
            Notice::LinkLost { side, cause, .. } => self.line(&format!("          {side:3}   link lost: {cause}")),
            Notice::LinkBack { side, away, .. } => {
                self.line(&format!("          {side:3}   link back after {}", duration(away)));
            }
            Notice::Observed { .. } | Notice::RunEnded { .. } => {}
        }
    }

    fn ended(&self, inner: &mut Inner, step: &StepId, note: Option<(&str, &str)>) {
        inner.running.remove(step);
        inner.ahead.remove(step);
        inner.done += 1;
        let (Some((sign, note)), Some(About { stage, side, title, .. })) = (note, self.steps.get(step)) else {
            return;
        };
        let label = if inner.stage == Some(*stage) { String::new() } else { stage.to_string() };
        inner.stage = Some(*stage);
        let at = self.began.elapsed().as_secs();
        self.line(&format!("{:>3}:{:02} {label:8} {side:3} {sign} {title}  ({note})", at / 60, at % 60));
    }

    fn progress(&self, inner: &mut Inner, step: &StepId, progress: &Progress) {
        let Some((done, total)) = progress.bytes else { return };
        let now = Instant::now();
        let Some(running) = inner.running.get_mut(step) else { return };
        let (since, from) = *running.first.get_or_insert((now, done));
        let seconds = now.duration_since(since).as_secs_f64();
        let rate = (seconds > 1.0).then(|| done.saturating_sub(from) as f64 / seconds);
        let copying = Copying { done, total, rate };
        running.copying = Some(copying);
        let due = running.said.is_none_or(|said| now.duration_since(said) >= EVERY);
        if !self.terminal && due {
            running.said = Some(now);
            let title = self.steps.get(step).map(|about| about.title.as_str()).unwrap_or_default();
            let at = self.began.elapsed().as_secs();
            let speed = copying.speed().join(", ");
            let far = format!("{} ({}), {}", copying.amounts(), copying.percent(), speed.trim_end_matches(", "));
            self.line(&format!("{:>3}:{:02}          … {title}: {far}", at / 60, at % 60));
        }
    }

    fn line(&self, line: &str) {
        if self.manner.quiet {
            return;
        }
        match self.to {
            To::Out => drop(out::line(line)),
            To::Err => out::tell(line),
        }
    }

    fn draw(&self) {
        let inner = self.inner();
        let now = Instant::now();
        let mut screen = screen();
        let width = screen.width(self.to);
        let under_way = |(id, running): (&StepId, &Running)| {
            let about = self.steps.get(id)?;
            let elapsed = now.duration_since(running.began);
            Some((about.stage, Row { title: about.title.clone(), elapsed, copying: running.copying }))
        };
        let rows: Vec<(Stage, Row)> = inner.running.iter().filter_map(under_way).collect();
        if inner.kind.is_none() {
            return;
        }
        let head = Head {
            stage: rows.iter().map(|(stage, _)| *stage).max().or(inner.stage),
            done: inner.done,
            steps: inner.steps,
            elapsed: self.began.elapsed(),
            left: (inner.kind == Some(Kind::Apply)).then(|| self.left(&inner, now)),
        };
        let mut lines = vec![block::head(&head, width)];
        lines.extend(rows.iter().take(HIGHEST).map(|(_, row)| block::row(row, width)));
        if let Some(more) = rows.len().checked_sub(HIGHEST).filter(|more| *more > 0) {
            lines.push(format!("  and {more} more"));
        }
        screen.block(self.to, lines);
    }

    /// Seconds until the end of this run: copies share the link, everything else is one after the other.
    fn left(&self, inner: &Inner, now: Instant) -> f64 {
        let mut bytes = 0;
        let mut rate = 0.0;
        let mut seconds = 0.0;
        for (id, about) in inner.ahead.iter().filter_map(|id| Some((id, self.steps.get(id)?))) {
            let running = inner.running.get(id);
            if about.bytes == 0 {
                let spent = running.map_or(0.0, |running| now.duration_since(running.began).as_secs_f64());
                seconds += (about.estimate - spent).max(0.0);
                continue;
            }
            let copying = running.and_then(|running| running.copying);
            bytes += copying.map_or(about.bytes, |copying| copying.left());
            rate += copying.and_then(|copying| copying.rate).unwrap_or(0.0);
        }
        let estimated = |about: &&About| about.bytes as f64 / about.estimate;
        let before = self.steps.values().find(|about| about.bytes > 0 && about.estimate > 0.0);
        let rate = if rate >= 1.0 { rate } else { before.as_ref().map_or(SOME_RATE, estimated) };
        seconds + bytes as f64 / rate
    }
}

/// An event as an object; those that say nothing to a program are left out.
fn as_json(event: &Notice) -> Option<serde_json::Value> {
    let seconds = |took: &Duration| took.as_secs_f64();
    Some(match event {
        Notice::RunStarted { kind, steps } => json!({ "event": "run_started", "kind": kind, "steps": steps }),
        Notice::StepStarted { step, .. } => json!({ "event": "step_started", "step": step }),
        Notice::Acting { step, side, act, .. } => {
            json!({ "event": "acting", "step": step, "side": side, "act": act })
        }
        Notice::Progress { step, progress } => {
            json!({ "event": "progress", "step": step, "what": progress.what, "bytes": progress.bytes })
        }
        Notice::Adopted { step } => json!({ "event": "adopted", "step": step }),
        Notice::AlreadySo { step } => json!({ "event": "already_so", "step": step }),
        Notice::Done { step, took } => json!({ "event": "done", "step": step, "seconds": seconds(took) }),
        Notice::Undone { step, took } => json!({ "event": "undone", "step": step, "seconds": seconds(took) }),
        Notice::NothingToUndo { step, why } => json!({ "event": "nothing_to_undo", "step": step, "why": why }),
        Notice::Failed { step, side, what } => json!({ "event": "failed", "step": step, "side": side, "what": what }),
        Notice::Left { step } => json!({ "event": "left", "step": step }),
        Notice::LinkLost { step, side, cause } => {
            json!({ "event": "link_lost", "step": step, "side": side, "cause": cause })
        }
        Notice::LinkBack { step, side, away } => {
            json!({ "event": "link_back", "step": step, "side": side, "seconds": seconds(away) })
        }
        Notice::RunEnded { kind } => json!({ "event": "run_ended", "kind": kind }),
        Notice::Over { .. } | Notice::Observed { .. } | Notice::Waiting { .. } => return None,
    })
}
