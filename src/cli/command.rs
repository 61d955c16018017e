//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::prompts::Prompts;
use super::{facts, graph, init, rollback, work};
use crate::runbook::Stage;

/// Move a running Linux server to a new one while it serves, with a way back
#[derive(Parser)]
#[command(name = "replant", version, propagate_version = true, max_term_width = 100, help_expected = true)]
#[command(after_help = "The usual order: init, validate, plan, show, apply. Before the cutover: rehearse.\n\
                  At any time: status, rollback.\n\
                  Exit codes: 0 success; 1 an error, or a finding that blocks; 2 wrong usage, or\n\
                  (plan --detailed-exitcode) there is something to do; 130 interrupted.")]
pub struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,

    /// Print one JSON object, or a line of JSON for each event, on standard output
    #[arg(long, global = true)]
    pub(super) json: bool,

    /// When to use colour; NO_COLOR is honoured
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub(super) color: When,

    /// Show every command on a server, with its exit code and duration
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,

    /// Append every command on a server, with its output, to this file; no secrets
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) log: Option<PathBuf>,

    /// Show errors and results only
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,

    /// Where migrations are kept: the runbook, journal and secrets of each
    #[arg(long, global = true, default_value = DIR, value_name = "DIR", env = "REPLANT_DIR")]
    pub(super) dir: PathBuf,
}

/// Where migrations are kept, if nothing else is said.
pub(super) const DIR: &str = ".replant";

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum SchemaOf {
    Plan,
    Runbook,
    Refused,
}

#[derive(Subcommand)]
pub(super) enum Command {
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
    /// Boot what was copied on new, cut off from the network, look, and throw it away
    Rehearse {
        /// The plan (YAML), a runbook saved by `plan --out`, or the name of a migration
        plan: PathBuf,
        #[command(flatten)]
        prompts: Prompts,
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
