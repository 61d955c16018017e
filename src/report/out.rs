//! The only way to standard output and standard error. Whoever calls decides whether it matters that nobody reads it.

use std::io::{self, BufWriter, Result, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use super::ink::printed;
use super::pretty;
use super::screen::{To, screen};

/// A line to standard output.
pub(crate) fn line(text: &str) -> Result<()> {
    to(To::Out, &format!("{text}\n"))
}

/// A text to standard output as it is: data, and what has a form of its own.
pub(crate) fn raw(text: &str) -> Result<()> {
    screen().text(To::Out, text)
}

/// Data to standard output, flushed. It can be long, and is printed as it is made.
pub(crate) fn data(value: &impl Serialize) -> Result<()> {
    let mut stdout = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    pretty::write(&mut stdout, value)?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

/// A line for the person, if anybody is there to read it.
pub(crate) fn tell(text: &str) {
    let _ = to(To::Err, &format!("{text}\n"));
}

/// As [`tell`], of a text that has colours of its own and holds nothing of a server.
pub(crate) fn tell_drawn(text: &str) {
    let _ = screen().text(To::Err, &format!("{text}\n"));
}

fn to(to: To, text: &str) -> Result<()> {
    screen().text(to, &printed(text, colour(to)))
}

/// Whether colours are wanted there.
pub(crate) fn colour(to: To) -> bool {
    let choice = match to {
        To::Out => AutoStream::choice(&io::stdout()),
        To::Err => AutoStream::choice(&io::stderr()),
    };
    choice != ColorChoice::Never
}

/// An open question. While it is, nothing else is written, by whatever thread.
pub(crate) struct Question {
    _one: MutexGuard<'static, ()>,
    /// the person has ended the line
    pub answered: bool,
}

/// Asks; one at a time. An error where it could not be shown.
pub(crate) fn ask(text: &str) -> Result<Question> {
    static ONE: Mutex<()> = Mutex::new(());
    let question = Question { _one: ONE.lock().unwrap_or_else(PoisonError::into_inner), answered: false };
    screen().ask(&printed(text, colour(To::Err)))?;
    Ok(question)
}

impl Drop for Question {
    fn drop(&mut self) {
        screen().answered(self.answered);
    }
}

/// Somebody is being asked.
pub(crate) fn asking() -> bool {
    screen().asking()
}
