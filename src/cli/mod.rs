//! The command line: what can be typed, and where it goes. One file for each subcommand.

mod apply;
mod changed;
mod confirm;
mod explain;
mod facts;
mod graph;
mod init;
mod input;
mod interrupt;
mod man;
mod plan;
mod rollback;
mod save;
mod servers;
mod show;
mod simulate;
mod status;
mod talk;
mod under_way;
mod validate;
mod watch;
mod work;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::host::HostError;
use crate::journal;
use crate::runbook::Stage;
pub use talk::Talk;

/// Move a running Linux server to a new one over LVM mirrors, with a way back
#[derive(Parser)]
#[command(name = "replant", version, propagate_version = true, max_term_width = 100, help_expected = true)]
#[command(after_help = "The usual order: init, validate, plan, show, apply. At any time: status, rollback.\n\
                  Exit codes: 0 success; 1 an error, or a finding that blocks; 2 wrong usage, or\n\
                  (plan --detailed-exitcode) there is something to do; 130 interrupted.")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Print one JSON object, or a line of JSON for each event, on standard output
    #[arg(long, global = true)]
    json: bool,

    /// When to use colour; NO_COLOR is honoured
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    color: When,

    /// Show every command on a server, with its exit code and duration
    #[arg(short, long, global = true)]
    verbose: bool,

    /// Append every command on a server, with its output, to this file; no secrets
    #[arg(long, global = true, value_name = "FILE")]
    log: Option<PathBuf>,

    /// Show errors and results only
    #[arg(short, long, global = true)]
    quiet: bool,

    /// Where migrations are kept: the runbook, journal and secrets of each
    #[arg(long, global = true, default_value = DIR, value_name = "DIR", env = "REPLANT_DIR")]
    dir: PathBuf,
}

/// Where migrations are kept, if nothing else is said.
const DIR: &str = ".replant";

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum SchemaOf {
    Plan,
    Runbook,
    Refused,
}

#[derive(Subcommand)]
enum Command {
    /// Read both servers and draft a commented plan; changes nothing
    Init(init::Init),
    /// Check plans or runbooks without servers; each fault has its line and a remedy
    Validate {
        /// Plans (YAML), or runbooks saved by `plan --out`; `-` is standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Read both servers and show exactly what would be done; changes nothing
    Plan {
        /// The plan (YAML)
        plan: PathBuf,
        /// Save the runbook, to review it and apply it later
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Replace the file, whatever it holds; a runbook is replaced without this
        #[arg(long, requires = "out")]
        force: bool,
        /// Exit with 2 if there is something to do
        #[arg(long)]
        detailed_exitcode: bool,
        /// Do not send data from old to new for a few seconds to measure the link
        #[arg(long)]
        no_probe: bool,
        /// Use the facts in this file, written by `replant facts`, and reach no server
        #[arg(long, value_name = "FILE", conflicts_with = "no_probe")]
        facts: Option<PathBuf>,
    },
    /// Read both servers and keep the raw answers in a file; changes nothing
    Facts(facts::Facts),
    /// Show a saved runbook; for one step its commands, its files and its undo
    Show {
        /// A runbook saved by `plan --out`, or the name of a migration
        runbook: PathBuf,
        /// A step's name: the last word of its line
        step: Option<String>,
    },
    /// Draw the steps, and which waits for which
    Graph {
        /// The plan (YAML), a runbook saved by `plan --out`, or the name of a migration
        plan: PathBuf,
        /// Format of the drawing
        #[arg(long, value_name = "FORMAT", default_value = "svg")]
        format: graph::Format,
        /// With a plan: use the facts in this file of `replant facts`, reach no server
        #[arg(long, value_name = "FILE")]
        facts: Option<PathBuf>,
    },
    /// Carry out a plan or a runbook on both servers; run it again to resume
    Apply {
        /// The plan (YAML), or a runbook saved by `plan --out`
        plan: PathBuf,
        /// Stop after this stage
        #[arg(long, value_name = "STAGE")]
        until: Option<Stage>,
        #[command(flatten)]
        prompts: Prompts,
        /// How many steps run at a time; with 1, exactly in the runbook's order
        #[arg(long, default_value_t = work::PARALLELISM, value_name = "N")]
        parallelism: usize,
    },
    /// Show where a migration stands, and what to type next
    Status {
        /// The migration's name, if there is more than one
        name: Option<String>,
        /// Read the journal only, not the servers
        #[arg(long)]
        offline: bool,
    },
    /// Go back to the old server: shows what it will do and what is lost, then asks
    Rollback {
        /// The migration's name, if there is more than one
        name: Option<String>,
        #[command(flatten)]
        prompts: Prompts,
        /// Go back without a server that is lost for good; only the other is cleaned up
        #[arg(long, value_name = "SERVER")]
        abandon: Option<rollback::Lost>,
    },
    /// Carry out a plan against two simulated servers, with the same engine and steps
    Simulate {
        /// The plan (YAML)
        plan: PathBuf,
        /// Simulate the servers that this file, written by `replant facts`, describes
        #[arg(long, value_name = "FILE")]
        facts: Option<PathBuf>,
        /// Save the runbook of the simulated servers, for `show` and `graph`
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Replace the file, whatever it holds; a runbook is replaced without this
        #[arg(long, requires = "out")]
        force: bool,
    },
    /// Explain a finding: what it means, why it matters, what to do
    Explain {
        /// The code, as `plan` prints it: R1203
        code: String,
    },
    /// Print the JSON Schema of plans, of runbooks, or of a refused `plan --json`
    Schema {
        /// What the schema describes
        #[arg(default_value = "plan")]
        of: SchemaOf,
    },
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print a manual page, or write all of them to a directory
    Man {
        /// The command whose page to print [default: replant itself]
        command: Option<String>,
        /// Write the pages of all commands to this directory
        #[arg(long, value_name = "DIR", conflicts_with = "command")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, clap::Args)]
struct Prompts {
    /// Answer yes to every question. Does not override inhibitors, nor accept changes that nobody has reviewed
    #[arg(long)]
    yes: bool,
    /// Never ask: fail where an answer would be needed
    #[arg(long)]
    no_input: bool,
    /// Host key of new's rescue system after it was booted again: `ssh-ed25519 AAAA...`
    #[arg(long, value_name = "KEY")]
    new_host_key: Option<servers::HostKey>,
}

/// How a command ended.
pub enum End {
    Good,
    /// `plan --detailed-exitcode`: there is something to do
    Changes,
    Failed,
    Interrupted,
}

impl End {
    fn code(&self) -> u8 {
        match self {
            End::Good => 0,
            End::Failed => 1,
            End::Changes => 2,
            End::Interrupted => 130,
        }
    }
}

/// What a command could not go on from, already in words: what was attempted, the cause, and what to do.
#[derive(Debug)]
pub struct Failure {
    pub message: String,
    pub help: Option<String>,
    /// what `--json` prints of it, where that is more than these words
    pub data: Option<Box<serde_json::Value>>,
    /// by the person
    pub interrupted: bool,
}

impl Failure {
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Failure {
        Failure { message: message.into(), help: Some(help.into()), data: None, interrupted: false }
    }

    /// The person pressed Ctrl-C where nothing had been begun.
    pub fn interrupted() -> Failure {
        let message = "interrupted: nothing was changed".into();
        Failure { message, help: None, data: None, interrupted: true }
    }
}

impl<E: std::error::Error + 'static> From<E> for Failure {
    fn from(error: E) -> Failure {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        let mut help = None;
        while let Some(cause) = next {
            if let Some(HostError::Interrupted) = cause.downcast_ref() {
                return Failure::interrupted();
            }
            help = help.or_else(|| cause.downcast_ref::<journal::Error>()?.help());
            help = help.or_else(|| cause.downcast_ref::<HostError>()?.help());
            next = cause.source();
        }
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !message.contains(&cause_text) {
                message = format!("{message}: {cause_text}");
            }
            source = cause.source();
        }
        Failure { message, help, data: None, interrupted: false }
    }
}

/// What was typed. Of a word that is none of ours one is proposed only if it may well have been meant.
fn parse() -> Cli {
    use clap::error::{ContextKind, ContextValue};
    Cli::try_parse().unwrap_or_else(|mut error| {
        let text = |value: Option<&ContextValue>| match value {
            Some(ContextValue::String(text)) => vec![text.clone()],
            Some(ContextValue::Strings(texts)) => texts.clone(),
            _ => Vec::new(),
        };
        for (typed, proposed) in [
            (ContextKind::InvalidSubcommand, ContextKind::SuggestedSubcommand),
            (ContextKind::InvalidArg, ContextKind::SuggestedArg),
            (ContextKind::InvalidValue, ContextKind::SuggestedValue),
        ] {
            let typed = text(error.get(typed));
            let far = |word: &String| {
                let near = |typed: &String| word.starts_with(typed) || crate::plan::suggest(typed, &[word]).is_some();
                !typed.iter().any(near)
            };
            let words = text(error.get(proposed));
            if !words.is_empty() && words.iter().all(far) {
                error.remove(proposed);
                if let Some(ContextValue::StyledStrs(_)) = error.get(ContextKind::Suggested) {
                    error.remove(ContextKind::Suggested);
                }
            }
        }
        error.exit()
    })
}

pub fn main() -> ExitCode {
    let cli = parse();
    match cli.color {
        When::Auto => {}
        When::Always => anstream::ColorChoice::Always.write_global(),
        When::Never => anstream::ColorChoice::Never.write_global(),
    }
    let mut talk = Talk::new(cli.json, cli.verbose, cli.quiet);
    if cli.dir != Path::new(DIR) {
        talk.also.extend(["--dir".into(), cli.dir.display().to_string()]);
    }
    if cli.verbose {
        talk.also.push("-v".into());
    }
    if let Some(log) = &cli.log {
        talk.also.extend(["--log".into(), log.display().to_string()]);
    }
    if let Err(failure) = watch::begin(cli.verbose && !cli.json && !cli.quiet, cli.log.as_deref()) {
        talk.error(&failure);
        return ExitCode::FAILURE;
    }
    // What apply and rollback have done stands in the journal; of the others the result is all there is.
    let told_elsewhere = matches!(cli.command, Command::Apply { .. } | Command::Rollback { .. });
    let end = match cli.command {
        Command::Init(init) => init::run(&talk, init),
        Command::Validate { files } => validate::run(&talk, &files),
        Command::Plan { plan, out, force, detailed_exitcode, no_probe, facts } => {
            let how = plan::How { force, detailed: detailed_exitcode, probe: !no_probe, facts };
            plan::run(&talk, &cli.dir, &plan, out.as_deref(), how)
        }
        Command::Show { runbook, step } => show::run(&talk, &cli.dir, &runbook, step.as_deref()),
        Command::Graph { plan, format, facts } => graph::run(&talk, &cli.dir, &plan, format, facts.as_deref()),
        Command::Apply { plan, until, prompts, parallelism } => {
            apply::run(&talk, &cli.dir, &plan, until, &prompts, parallelism)
        }
        Command::Status { name, offline } => status::run(&talk, &cli.dir, name.as_deref(), offline),
        Command::Rollback { name, prompts, abandon } => {
            rollback::run(&talk, &cli.dir, name.as_deref(), &prompts, abandon)
        }
        Command::Facts(how) => facts::run(&talk, how),
        Command::Simulate { plan, facts, out, force } => {
            simulate::run(&talk, &cli.dir, &plan, &simulate::How { facts, out, force })
        }
        Command::Explain { code } => explain::run(&talk, &code),
        Command::Schema { of } => {
            talk.data(&match of {
                SchemaOf::Plan => crate::plan::schema(),
                SchemaOf::Runbook => crate::report::runbook_schema(),
                SchemaOf::Refused => crate::report::refused_schema(),
            });
            Ok(End::Good)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "replant", &mut script);
            talk.raw(&script);
            Ok(End::Good)
        }
        Command::Man { command, out } => man::run(&talk, command.as_deref(), out.as_deref()),
    };
    let end = end.and_then(|end| match talk.lost() {
        Some(error) if !told_elsewhere => {
            Err(Failure::new(format!("the result could not be written: {error}"), "is the disk behind it full?"))
        }
        _ => Ok(end),
    });
    match end {
        Ok(end) => ExitCode::from(end.code()),
        Err(failure) => {
            talk.error(&failure);
            ExitCode::from(if failure.interrupted { 130 } else { 1 })
        }
    }
}
