//! What the lab tells the person who watches it: what it does, how far it is, how long each part took.

use crate::Fallible;
use std::fmt::Display;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// One line, with the seconds since the lab began.
pub fn line(text: impl Display) {
    println!("[{:7.1}] {text}", START.elapsed().as_secs_f64());
}

/// A heading: the scenario that begins here.
pub fn heading(text: impl Display) {
    println!();
    line(format_args!("=== {text}"));
}

/// Runs one part of the work, and says that it begins, and that it ended and after how long.
pub fn step<T>(what: &str, work: impl FnOnce() -> Fallible<T>) -> Fallible<T> {
    timed(what, work).map(|(value, _)| value)
}

/// As `step`, and hands back how long it took.
pub fn timed<T>(what: &str, work: impl FnOnce() -> Fallible<T>) -> Fallible<(T, Duration)> {
    line(format_args!("{what} ..."));
    let began = Instant::now();
    let outcome = work();
    let took = began.elapsed();
    match &outcome {
        Ok(_) => line(format_args!("{what}: {:.1} s", took.as_secs_f64())),
        Err(_) => line(format_args!("{what}: FAILED after {:.1} s", took.as_secs_f64())),
    }
    outcome.map(|value| (value, took))
}
