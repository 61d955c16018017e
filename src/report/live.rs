//! While the engine works: on a terminal a bar for each step that takes long, under lines that scroll; otherwise a line
//! for each event.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::{brief_act, bytes, duration, out};
use crate::engine::Event;
use crate::host::Side;
use crate::journal::Kind;
use crate::runbook::{Node, Stage, StepId};
use crate::step::{Mark, Progress, Seen};

/// Where its lines go. A simulation has nothing else to tell, so they are its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    Out,
    Err,
}

pub struct Live {
    to: To,
    /// stage, side, title, and whether it only makes sure of something
    titles: BTreeMap<StepId, (Stage, Side, String, bool)>,
    json: bool,
    verbose: bool,
    quiet: bool,
    began: Instant,
    inner: Mutex<Inner>,
}

struct Inner {
    multi: Option<MultiProgress>,
    running: BTreeMap<StepId, Running>,
    stage: Option<Stage>,
}

struct Running {
    bar: Option<ProgressBar>,
    /// the first progress seen, for the rate
    first: Option<(Instant, u64)>,
    /// when a line was last written about it
    said: Option<Instant>,
}

/// Without a terminal a long step says how far it is this often.
const EVERY: Duration = Duration::from_secs(15);

impl Live {
    pub fn new(nodes: &[Node], to: To, json: bool, verbose: bool, quiet: bool) -> Live {
        let titles = nodes
            .iter()
            .map(|node| {
                let step = node.step.as_step();
                (node.id.clone(), (node.stage, node.on, step.title(), step.mark() == Mark::Check))
            })
            .collect();
        let (terminal, target) = match to {
            To::Out => (std::io::stdout().is_terminal(), ProgressDrawTarget::stdout()),
            To::Err => (std::io::stderr().is_terminal(), ProgressDrawTarget::stderr()),
        };
        let multi = (!json && !quiet && terminal).then(|| MultiProgress::with_draw_target(target));
        let inner = Mutex::new(Inner { multi, running: BTreeMap::new(), stage: None });
        Live { to, titles, json, verbose, quiet, began: Instant::now(), inner }
    }

    /// Told from several threads. Nobody needs to listen: what counts is the journal.
    pub fn tell(&self, event: Event) {
        if self.json {
            if let Some(value) = as_json(&event) {
                let _ = out::line(&value.to_string());
            }
            return;
        }
        let mut inner = match self.inner.lock() {
            Ok(inner) => inner,
            Err(poisoned) => poisoned.into_inner(),
        };
        match event {
            Event::RunStarted { kind, steps } => {
                if kind == Kind::Rollback {
                    self.line(&inner, &format!("taking back up to {steps} steps"));
                }
            }
            Event::StepStarted { step, .. } => {
                inner.running.insert(step, Running { bar: None, first: None, said: None });
            }
            Event::Acting { step, side, act: what, .. } => {
                if self.verbose {
                    self.line(&inner, &format!("          {side:3}   $ {}", brief_act(&what)));
                }
                self.bar(&mut inner, &step, None);
            }
            Event::Waiting { seen, .. } => {
                let what = match seen {
                    Seen::Partial(what) | Seen::Remains(what) | Seen::Foreign(what) => what,
                    Seen::Underway(progress) => progress.what,
                    Seen::Absent | Seen::Present => "not so yet".into(),
                };
                if self.verbose {
                    self.line(&inner, &format!("                waiting: {what}"));
                }
            }
            Event::Progress { step, progress } => self.progress(&mut inner, &step, &progress),
            Event::Adopted { step } => {
                let check = self.titles.get(&step).is_some_and(|(.., check)| *check);
                self.ended(&mut inner, &step, "=", if check { "holds" } else { "was so before" });
            }
            Event::AlreadySo { step } => {
                inner.running.remove(&step);
                if self.verbose {
                    self.ended(&mut inner, &step, "=", "is so");
                }
            }
            Event::Done { step, took } => self.ended(&mut inner, &step, "✓", &duration(took)),
            Event::Undone { step, took } => self.ended(&mut inner, &step, "↶", &duration(took)),
            Event::NothingToUndo { step, why } => {
                inner.running.remove(&step);
                if self.verbose {
                    self.ended(&mut inner, &step, "·", &why);
                }
            }
            Event::Failed { step, what, .. } => self.ended(&mut inner, &step, "✗", &what),
            Event::Left { step } => {
                self.ended(&mut inner, &step, "…", "left as it is; it goes on by itself where it can")
            }
            Event::LinkLost { side, cause, .. } => {
                self.line(&inner, &format!("          {side:3}   link lost: {cause}"))
            }
            Event::LinkBack { side, away, .. } => {
                self.line(&inner, &format!("          {side:3}   link back after {}", duration(away)));
            }
            Event::Over { .. } | Event::Observed { .. } | Event::RunEnded { .. } => {}
        }
    }

    fn ended(&self, inner: &mut Inner, step: &StepId, sign: &str, note: &str) {
        if let Some(bar) = inner.running.remove(step).and_then(|running| running.bar) {
            bar.finish_and_clear();
        }
        let Some((stage, side, title, _)) = self.titles.get(step) else { return };
        let label = if inner.stage == Some(*stage) { String::new() } else { stage.to_string() };
        inner.stage = Some(*stage);
        let at = self.began.elapsed().as_secs();
        self.line(inner, &format!("{:>3}:{:02} {label:8} {side:3} {sign} {title}  ({note})", at / 60, at % 60));
    }

    fn progress(&self, inner: &mut Inner, step: &StepId, progress: &Progress) {
        let Some((done, total)) = progress.bytes else {
            self.bar(inner, step, None);
            return;
        };
        let now = Instant::now();
        let Some(running) = inner.running.get_mut(step) else { return };
        let (since, from) = *running.first.get_or_insert((now, done));
        let seconds = now.duration_since(since).as_secs_f64();
        let rate = if seconds > 1.0 { (done.saturating_sub(from)) as f64 / seconds } else { 0.0 };
        let left = if rate > 0.0 {
            format!(
                "{}/s, about {} left",
                bytes(rate as u64),
                duration(Duration::from_secs_f64((total - done.min(total)) as f64 / rate))
            )
        } else {
            "measuring the rate".into()
        };
        let percent = done as f64 * 100.0 / total.max(1) as f64;
        let text = format!("{} of {} ({percent:.1} %), {left}", bytes(done), bytes(total));
        let due = running.said.is_none_or(|said| now.duration_since(said) >= EVERY);
        if inner.multi.is_none() && due {
            running.said = Some(now);
            let title = self.titles.get(step).map(|(_, _, title, _)| title.as_str()).unwrap_or_default();
            let at = self.began.elapsed().as_secs();
            self.line(inner, &format!("{:>3}:{:02}          … {title}: {text}", at / 60, at % 60));
        } else {
            self.bar(inner, step, Some((done, total, text)));
        }
    }

    fn bar(&self, inner: &mut Inner, step: &StepId, at: Option<(u64, u64, String)>) {
        let Some(multi) = &inner.multi else { return };
        let Some(running) = inner.running.get_mut(step) else { return };
        let title = self.titles.get(step).map(|(_, _, title, _)| title.clone()).unwrap_or_default();
        let bar = running.bar.get_or_insert_with(|| {
            let bar = multi.add(ProgressBar::new_spinner());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar.set_prefix(title);
            if let Ok(style) = ProgressStyle::with_template("       {spinner} {prefix}  {elapsed} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        if let Some((done, total, text)) = at {
            if bar.length() != Some(total) {
                bar.set_length(total);
                if let Ok(style) = ProgressStyle::with_template("       {prefix}  [{bar:30}] {wide_msg}") {
                    bar.set_style(style.progress_chars("=> "));
                }
            }
            bar.set_position(done);
            bar.set_message(text);
        }
    }

    fn line(&self, inner: &Inner, line: &str) {
        if self.quiet {
            return;
        }
        match &inner.multi {
            Some(multi) => drop(multi.println(line)),
            None if self.to == To::Out => drop(out::line(line)),
            None => out::tell(line),
        }
    }
}

/// An event as an object; those that say nothing to a program are left out.
fn as_json(event: &Event) -> Option<serde_json::Value> {
    let seconds = |took: &Duration| took.as_secs_f64();
    Some(match event {
        Event::RunStarted { kind, steps } => json!({ "event": "run_started", "kind": kind, "steps": steps }),
        Event::StepStarted { step, .. } => json!({ "event": "step_started", "step": step }),
        Event::Acting { step, side, act, .. } => json!({ "event": "acting", "step": step, "side": side, "act": act }),
        Event::Progress { step, progress } => {
            json!({ "event": "progress", "step": step, "what": progress.what, "bytes": progress.bytes })
        }
        Event::Adopted { step } => json!({ "event": "adopted", "step": step }),
        Event::AlreadySo { step } => json!({ "event": "already_so", "step": step }),
        Event::Done { step, took } => json!({ "event": "done", "step": step, "seconds": seconds(took) }),
        Event::Undone { step, took } => json!({ "event": "undone", "step": step, "seconds": seconds(took) }),
        Event::NothingToUndo { step, why } => json!({ "event": "nothing_to_undo", "step": step, "why": why }),
        Event::Failed { step, side, what } => json!({ "event": "failed", "step": step, "side": side, "what": what }),
        Event::Left { step } => json!({ "event": "left", "step": step }),
        Event::LinkLost { step, side, cause } => {
            json!({ "event": "link_lost", "step": step, "side": side, "cause": cause })
        }
        Event::LinkBack { step, side, away } => {
            json!({ "event": "link_back", "step": step, "side": side, "seconds": seconds(away) })
        }
        Event::RunEnded { kind } => json!({ "event": "run_ended", "kind": kind }),
        Event::Over { .. } | Event::Observed { .. } | Event::Waiting { .. } => return None,
    })
}
