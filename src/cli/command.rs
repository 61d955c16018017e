//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::prompts::Prompts;
use super::{facts, graph, init, rollback, work};
use crate::runbook::Stage;

/// Move a whole running Linux server to a new one over an LVM mirror, with the old one always there to go back to.
#[derive(Parser)]
#[command(name = "replant", version, propagate_version = true, max_term_width = 100, help_expected = true)]
#[command(
    after_help = "The usual order: init, validate, plan, apply; status at any time; rollback to go back to the old server.\n\
                  Exit codes: 0 good; 1 an error, or a finding that inhibits; 2 wrong usage, or \
                  (plan --detailed-exitcode) there is something to do; 130 interrupted."
)]
pub struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,

    /// Machine-readable output on standard output: one JSON object, or a line of JSON for each event
    #[arg(long, global = true)]
    pub(super) json: bool,

    /// When to use colour (NO_COLOR is honoured)
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub(super) color: When,

    /// Say more: every command on a server, with its exit code and its time
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,

    /// Add every command on a server to this file, with its output; secrets are left out
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) log: Option<PathBuf>,

    /// Say less: errors and results only
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,

    /// Where migrations are kept: for each its runbook, its journal, its secrets
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
    /// Read both servers, changing nothing, and write a commented plan for them to begin with
    Init(init::Init),
    /// Check plans or runbooks, offline: every fault of a file with its line and what to do
    Validate {
        /// Plans (YAML), or runbooks saved by `plan --out`; `-`: standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Read both servers, changing nothing, and show exactly what would be done
    Plan {
        /// The plan (YAML)
        plan: PathBuf,
        /// Save the runbook, to be reviewed and applied later
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Replace the file, whatever it holds; a runbook is replaced without this
        #[arg(long, requires = "out")]
        force: bool,
        /// Exit with 2 when there is something to do
        #[arg(long)]
        detailed_exitcode: bool,
        /// Do not measure the link by sending from old to new for some seconds
        #[arg(long)]
        no_probe: bool,
        /// Take the facts from this file, written by `replant facts`, and ask no server
        #[arg(long, value_name = "FILE", conflicts_with = "no_probe")]
        facts: Option<PathBuf>,
    },
    /// Ask both servers everything that replant would, changing nothing, and keep the raw answers in a file
    Facts(facts::Facts),
    /// Show a saved runbook; for one step its exact commands, its files and how it is taken back
    Show {
        /// A runbook saved by `plan --out`, or the name of a migration
        runbook: PathBuf,
        /// The id of a step
        step: Option<String>,
    },
    /// Draw the steps and what waits for what
    Graph {
        /// The plan (YAML), a runbook saved by `plan --out`, or the name of a migration
        plan: PathBuf,
        /// What to draw for
        #[arg(long, value_name = "FORMAT", default_value = "svg")]
        format: graph::Format,
        /// Of a plan: take the facts from this file, written by `replant facts`, and ask no server
        #[arg(long, value_name = "FILE")]
        facts: Option<PathBuf>,
    },
    /// Carry it out, step by step, on both servers; run again to go on after any interruption
    Apply {
        /// The plan (YAML), or a runbook saved by `plan --out`
        plan: PathBuf,
        /// Stop after this stage
        #[arg(long, value_name = "STAGE")]
        until: Option<Stage>,
        #[command(flatten)]
        prompts: Prompts,
        /// Steps at a time; 1: exactly in the order of the runbook
        #[arg(long, default_value_t = work::PARALLELISM, value_name = "N")]
        parallelism: usize,
    },
    /// Where a migration stands, by its journal and by the servers, and what to type next
    Status {
        /// The migration's name, where there is more than one
        name: Option<String>,
        /// Look at the journal only, not at the servers
        #[arg(long)]
        offline: bool,
    },
    /// Go back to the old server: shows what it will do and what would be lost, and asks
    Rollback {
        /// The migration's name, where there is more than one
        name: Option<String>,
        #[command(flatten)]
        prompts: Prompts,
        /// Give up a server that is lost for good: only the other is cleaned
        #[arg(long, value_name = "SERVER")]
        abandon: Option<rollback::Lost>,
    },
    /// Carry out a plan against a simulated pair of servers, with the same engine and the same steps
    Simulate {
        /// The plan (YAML)
        plan: PathBuf,
        /// Make the pair of the facts in this file, written by `replant facts`: a rehearsal of your own migration
        #[arg(long, value_name = "FILE")]
        facts: Option<PathBuf>,
        /// Save the runbook of the simulated pair, for `show` and `graph`
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Replace the file, whatever it holds; a runbook is replaced without this
        #[arg(long, requires = "out")]
        force: bool,
    },
    /// Explain a finding: what it means, why it matters, what to do
    Explain {
        /// Its code, as `plan` prints it: R1203
        code: String,
    },
    /// Print the JSON Schema of plans, of runbooks as they are saved and printed, or of what `plan --json` prints where a
    /// finding refuses one
    Schema {
        /// Of what
        #[arg(default_value = "plan")]
        of: SchemaOf,
    },
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print a manual page, or write all of them to a directory
    Man {
        /// The command whose page is wanted; without it the program's own
        command: Option<String>,
        /// Write the pages of all commands to this directory
        #[arg(long, value_name = "DIR", conflicts_with = "command")]
        out: Option<PathBuf>,
    },
}
