//! The command line: what can be typed, and where it goes. One file for each subcommand.

mod apply;
mod changed;
mod command;
mod confirm;
mod end;
mod ends;
mod explain;
mod facts;
mod graph;
mod init;
mod input;
mod interrupt;
mod kept;
mod made;
mod man;
mod plan;
mod prompts;
mod rehearse;
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

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

pub use command::Cli;
use command::{Command, DIR, SchemaOf, When};
use end::{End, Failure};
use prompts::Prompts;
use talk::Talk;

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

/// The whole program: reads what was typed, carries out one command, and says how it ended. `docs/reference.md` lists the
/// exit codes.
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
    let told_elsewhere =
        matches!(cli.command, Command::Apply { .. } | Command::Rollback { .. } | Command::Rehearse { .. });
    let end = match cli.command {
        Command::Init(init) => init::run(&talk, init),
        Command::Validate { files } => validate::run(&talk, &files),
        Command::Plan { plan, out, force, detailed_exitcode, no_probe, facts } => {
            let how = plan::PlanOptions { force, detailed: detailed_exitcode, probe: !no_probe, facts };
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
        Command::Rehearse { plan, prompts } => rehearse::run(&talk, &cli.dir, &plan, &prompts),
        Command::Facts(how) => facts::run(&talk, how),
        Command::Simulate { plan, facts, out, force } => {
            simulate::run(&talk, &cli.dir, &plan, &simulate::SimulateOptions { facts, out, force })
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
