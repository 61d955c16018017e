//! The only place that writes to standard output and standard error. Whoever reads them may be gone (a closed pipe, a
//! full disk behind a redirect). The macros of the standard library panic then, which in the middle of a cutover nobody
//! wants: so it is an error, and who calls decides whether it matters.

use std::io::{self, BufWriter, Result, Write};

use serde::Serialize;

use super::pretty;

/// A line to standard output, flushed.
pub fn line(text: &str) -> Result<()> {
    raw(&format!("{text}\n"))
}

/// A text to standard output as it is, flushed.
pub fn raw(text: &str) -> Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Data to standard output, flushed. It can be long, and is printed as it is made; colours are none in it to be taken out.
pub fn data(value: &impl Serialize) -> Result<()> {
    let mut stdout = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    pretty::write(&mut stdout, value)?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

/// A line for the person, if anybody is there to read it.
pub fn tell(text: &str) {
    let _ = ask(&format!("{text}\n"));
}

/// A text for the person who is to answer: an error where it could not be shown.
pub fn ask(text: &str) -> Result<()> {
    let mut stderr = anstream::stderr().lock();
    stderr.write_all(text.as_bytes())?;
    stderr.flush()
}
