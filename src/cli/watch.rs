//! `-v` and `--log FILE`: every command on a server, with how it ended.

use std::fs::{File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::Timestamp;

use super::Failure;
use crate::host::ssh::{Trace, Traced};
use crate::report::{duration, ink, out};

static TRACE: OnceLock<Trace> = OnceLock::new();

/// Who is told of each command; nobody, unless it was asked for.
pub(crate) fn trace() -> Option<Trace> {
    TRACE.get().cloned()
}

/// From here on commands are told on the screen (`shown`), and with their output to the file.
pub(super) fn begin(shown: bool, log: Option<&Path>) -> Result<(), Failure> {
    let log = log.map(open).transpose()?;
    if !shown && log.is_none() {
        return Ok(());
    }
    let log = log.map(Mutex::new);
    let trace: Trace = Arc::new(move |traced: &Traced<'_>| {
        // the engine's own acts are told when they begin (report/live.rs)
        if shown && !traced.job.is_some_and(|job| job.contains('.')) {
            out::tell(&format!("          {:3}   {}", traced.side.to_string(), line(traced, traced.brief)));
        }
        if let Some(log) = &log {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            // a full disk is no reason to stop what is under way
            let _ = log.write_all(entry(traced).as_bytes());
        }
    });
    drop(TRACE.set(trace));
    Ok(())
}

/// `? lvs …  (exit 0, 0.2 s)`: `?` asks, `$` changes
fn line(traced: &Traced<'_>, command: &str) -> String {
    let sign = if traced.job.is_some() { '$' } else { '?' };
    let end = match traced.ended {
        Ok(code) => format!("exit {code}"),
        Err(error) => error.to_string(),
    };
    format!("{sign} {command}  ({end}, {})", duration(traced.took))
}

fn entry(traced: &Traced<'_>) -> String {
    let mut text = format!("{} {:3} {}\n", Timestamp::now(), traced.side.to_string(), line(traced, traced.command));
    for line in traced.output.lines() {
        text += &format!("    {line}\n");
    }
    ink::plain(&text)
}

/// What servers say is for nobody else to read.
fn open(path: &Path) -> Result<File, Failure> {
    let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(path).and_then(|file| {
        // a device, such as /dev/stderr, stays as it is
        if file.metadata()?.is_file() {
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
        Ok(file)
    });
    opened.map_err(|error| {
        Failure::new(
            format!("cannot write the log `{}`: {error}", path.display()),
            "give --log a file in a directory that is there and that you may write to",
        )
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::host::Side;

    #[test]
    fn an_entry_says_what_was_run_where_and_how_it_ended() {
        let traced = Traced {
            side: Side::Old,
            job: None,
            brief: "lvs",
            command: "lvs --noheadings",
            ended: Ok(5),
            took: Duration::from_millis(1234),
            output: "a\n\x1b[2Jb\n",
        };
        let text = entry(&traced);
        assert!(text.ends_with("Z old ? lvs --noheadings  (exit 5, 1.2 s)\n    a\n    \\u{1b}[2Jb\n"), "{text}");
    }

    #[test]
    fn nobody_else_reads_the_log() {
        let desk = tempfile::tempdir().unwrap();
        let path = desk.path().join("log");
        std::fs::write(&path, "before\n").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        open(&path).unwrap().write_all(b"after\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before\nafter\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(open(desk.path()).is_err());
    }
}
