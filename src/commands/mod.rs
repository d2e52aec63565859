//! The commands, one file each, and the way from a command line to an exit code.

mod changes;
mod completions;
mod config;
mod demo;
mod gold;
mod ingest;
mod maintain;
mod man;
mod matrix;
pub mod plan;
mod query;
mod refresh;
mod report;
mod scope;
mod shell;
mod status;
mod verify;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;

use crate::cli::{Cli, Command, ConfigCommand, ConfigFlags};
use crate::clock::Clock;
use crate::events::metrics::MetricsFile;
use crate::settings::{Environment, Settings};
use crate::terminal::logs::{self, Verbosity};
use crate::terminal::{TerminalReporter, console, failure};

/// How a command ended that did what it could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandOutcome {
    /// Everything is done, or there was nothing to do.
    Done,
    /// Done, but some archives failed or rows were rejected.
    Incomplete,
}

/// Wrong usage, or nothing could be done.
const NOTHING_DONE: u8 = 2;

/// Returns the exit code of a command that ended like this.
const fn exit_code(outcome: &anyhow::Result<CommandOutcome>) -> u8 {
    match outcome {
        Ok(CommandOutcome::Done) => 0,
        Ok(CommandOutcome::Incomplete) => 1,
        Err(_) => NOTHING_DONE,
    }
}

/// Runs a command and tells what stopped it, if anything did.
pub async fn run(cli: Cli, clock: Clock) -> ExitCode {
    let outcome = execute(cli, &clock).await;
    match &outcome {
        Err(error) if console::is_closed_pipe(error) => return ExitCode::SUCCESS,
        Err(error) => failure::tell(error),
        Ok(_) => {}
    }
    exit_code(&outcome).into()
}

async fn execute(cli: Cli, clock: &Clock) -> anyhow::Result<CommandOutcome> {
    let Cli { global, command } = cli;
    let environment = Environment::read();
    let verbosity = Verbosity::new(global.quiet, global.verbose);
    logs::start(verbosity, global.log_format, environment.log_filter.as_deref())?;
    match command {
        Command::Completions(flags) => return completions::run(flags),
        Command::Man(flags) => return man::run(&flags),
        Command::Config(ConfigFlags { command: ConfigCommand::Init(flags) }) => {
            return config::init(&flags);
        }
        _ => {}
    }
    let verbosity = verbosity.with_filter(environment.log_filter.as_deref());
    let reporter = Arc::new(TerminalReporter::new(global.progress, verbosity));
    if let Command::Demo = command {
        return Box::pin(demo::run(global.lake.as_deref(), clock, &reporter)).await;
    }
    let settings = Settings::resolve(&global, environment)?;
    let metrics = MetricsFile::open(global.metrics_file)?;
    let today = clock.now().date_naive();
    match command {
        Command::Matrix(flags) => matrix::run(flags, &settings),
        Command::Plan(flags) => plan::run(settings.plan(&flags, today)?, clock, reporter).await,
        Command::Ingest(flags) if flags.dry_run => {
            plan::run(settings.ingest(&flags, today)?, clock, reporter).await
        }
        Command::Ingest(flags) => {
            ingest::run(settings.ingest(&flags, today)?, clock, &reporter, &metrics).await
        }
        Command::Refresh(flags) => refresh::run(&flags, settings, clock, reporter, &metrics).await,
        Command::Gold(flags) => gold::run(flags, &settings, clock).await,
        Command::Query(flags) => query::run(&flags, &settings).await,
        Command::Shell(flags) => shell::run(&flags, &settings).await,
        Command::Status(flags) => status::run(&flags, &settings, clock).await,
        Command::Report(flags) => report::run(&flags, settings, clock).await,
        Command::Changes(flags) => changes::run(flags, &settings).await,
        Command::Verify(flags) => verify::run(&flags, settings).await,
        Command::Maintain(flags) => maintain::run(flags, settings, clock).await,
        Command::Config(ConfigFlags { command: ConfigCommand::Show(flags) }) => {
            config::show(settings, &flags, today)
        }
        Command::Config(_) | Command::Demo | Command::Man(_) | Command::Completions(_) => {
            bail!("this command is not built yet")
        }
    }
}
