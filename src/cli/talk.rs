//! What goes to a person (standard error) and what goes to a program (standard output).

use std::cell::OnceCell;
use std::io;

use serde::Serialize;

use super::Failure;
use crate::host::ssh::quote;
use crate::report::ink::RED;
use crate::report::{Manner, To, out};

pub(crate) struct Talk {
    pub json: bool,
    pub verbose: bool,
    pub quiet: bool,
    /// what every command that is named to be typed next must have too, to do there what it says
    pub also: Vec<String>,
    /// why a result could not be written
    lost: OnceCell<io::Error>,
}

impl Talk {
    pub(crate) fn new(json: bool, verbose: bool, quiet: bool) -> Talk {
        Talk { json, verbose, quiet, also: Vec::new(), lost: OnceCell::new() }
    }

    /// A line for the person.
    pub(crate) fn say(&self, line: impl AsRef<str>) {
        if !self.quiet {
            out::tell(line.as_ref());
        }
    }

    /// A result, for the person or for whatever reads standard output.
    pub(crate) fn result(&self, text: impl AsRef<str>) {
        if !self.json {
            self.keep(out::line(text.as_ref()));
        }
    }

    /// A result as data.
    pub(crate) fn data(&self, value: &impl Serialize) {
        self.keep(out::data(value));
    }

    /// One line of a stream of data, where data is asked for.
    pub(crate) fn line(&self, value: &impl Serialize) {
        if self.json {
            self.keep(out::raw(&(serde_json::to_string(value).unwrap_or_default() + "\n")));
        }
    }

    pub(crate) fn error(&self, failure: &Failure) {
        self.tell_error(failure);
        if self.json {
            let words = serde_json::json!({ "error": failure.message, "help": failure.help });
            self.line(failure.data.as_deref().unwrap_or(&words));
        }
    }

    /// An error, for the person only.
    pub(crate) fn tell_error(&self, failure: &Failure) {
        match failure.interrupted {
            true => out::tell(&failure.message),
            false => out::tell(&format!("{RED}error{RED:#}: {}", failure.message)),
        }
        if let Some(help) = &failure.help {
            out::tell(&format!("  help: {help}"));
        }
    }

    /// A text that has its own form: completions, a manual page.
    pub(crate) fn raw(&self, text: &[u8]) {
        self.keep(out::raw(&String::from_utf8_lossy(text)));
    }

    fn keep(&self, written: io::Result<()>) {
        if let Err(error) = written {
            let _ = self.lost.set(error);
        }
    }

    /// Why a result could not be written. That its reader wanted no more of it (`| head`) is no failure.
    pub(crate) fn lost(&self) -> Option<&io::Error> {
        self.lost.get().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }

    /// A command of ours, to be pasted where this one was typed.
    pub(crate) fn command<S: AsRef<str>>(&self, words: &[S]) -> String {
        let words = ["replant"].into_iter().chain(words.iter().map(S::as_ref)).map(String::from);
        quote(&words.chain(self.also.iter().cloned()).collect::<Vec<_>>())
    }

    /// How a run is told.
    pub(crate) fn manner(&self) -> Manner {
        Manner { json: self.json, verbose: self.verbose, quiet: self.quiet }
    }

    pub(crate) fn color(&self) -> bool {
        out::colour(To::Err)
    }
}
