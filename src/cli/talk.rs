//! What goes to a person (standard error) and what goes to a program (standard output).

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::Failure;

pub struct Talk {
    pub json: bool,
    pub verbose: bool,
    pub quiet: bool,
}

const RED: Style = AnsiColor::Red.on_default().bold();

impl Talk {
    pub fn new(json: bool, verbose: bool, quiet: bool) -> Talk {
        Talk { json, verbose, quiet }
    }

    /// A line for the person.
    pub fn say(&self, line: impl AsRef<str>) {
        if !self.quiet {
            anstream::eprintln!("{}", line.as_ref());
        }
    }

    /// A result, for the person or for whatever reads standard output.
    pub fn result(&self, text: impl AsRef<str>) {
        if !self.json {
            anstream::println!("{}", text.as_ref());
        }
    }

    /// A result as data.
    pub fn data(&self, value: &impl Serialize) {
        println!("{}", serde_json::to_string_pretty(value).unwrap_or_default());
    }

    /// One line of a stream of data, where data is asked for.
    pub fn line(&self, value: &impl Serialize) {
        if self.json {
            println!("{}", serde_json::to_string(value).unwrap_or_default());
        }
    }

    pub fn error(&self, failure: &Failure) {
        anstream::eprintln!("{RED}error{RED:#}: {}", failure.message);
        if let Some(help) = &failure.help {
            anstream::eprintln!("  help: {help}");
        }
        if self.json {
            let value = serde_json::json!({ "error": failure.message, "help": failure.help });
            println!("{value}");
        }
    }

    pub fn color(&self) -> bool {
        use anstream::AutoStream;
        !matches!(AutoStream::choice(&std::io::stderr()), anstream::ColorChoice::Never)
    }
}
