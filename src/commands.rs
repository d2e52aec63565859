//! The commands, one file each, and the way from a command line to an exit code.

mod changes;
mod completions;
mod demo;
mod gold;
mod ingest;
mod maintain;
mod matrix;
pub mod plan;
mod query;
mod refresh;
mod report;
mod scope;
mod status;
mod verify;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;

use crate::cli::{Cli, Command};
use crate::clock::Clock;
use crate::settings::{Environment, Settings};
use crate::telemetry::{self, Verbosity};
use crate::terminal::TerminalReporter;
use crate::{console, failure};

/// How a command ended that did what it could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is done, or there was nothing to do.
    Done,
    /// Done, but some archives failed or rows were rejected.
    Incomplete,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Incomplete => Self::from(1),
        }
    }
}

/// Wrong usage, or nothing could be done.
const NOTHING_DONE: u8 = 2;

/// Runs a command and tells what stopped it, if anything did.
pub async fn run(cli: Cli, clock: Clock) -> ExitCode {
    match execute(cli, &clock).await {
        Ok(outcome) => outcome.into(),
        Err(error) if console::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            failure::tell(&error);
            ExitCode::from(NOTHING_DONE)
        }
    }
}

async fn execute(cli: Cli, clock: &Clock) -> anyhow::Result<Outcome> {
    let Cli { global, command } = cli;
    let environment = Environment::read();
    let verbosity = Verbosity::new(global.quiet, global.verbose);
    telemetry::start(verbosity, global.log_format, environment.log_filter.as_deref())?;
    if let Command::Completions(flags) = command {
        return completions::run(flags);
    }
    let verbosity = verbosity.with_filter(environment.log_filter.as_deref());
    let reporter = Arc::new(TerminalReporter::new(global.progress, verbosity));
    if let Command::Demo = command {
        return Box::pin(demo::run(global.lake.as_deref(), clock, &reporter)).await;
    }
    let settings = Settings::resolve(&global, environment)?;
    let today = clock.now().date_naive();
    match command {
        Command::Matrix(flags) => matrix::run(flags, &settings),
        Command::Plan(flags) => plan::run(settings.plan(&flags, today)?, clock, reporter).await,
        Command::Ingest(flags) if flags.dry_run => plan::run(settings.ingest(&flags, today)?, clock, reporter).await,
        Command::Ingest(flags) => ingest::run(settings.ingest(&flags, today)?, clock, &reporter).await,
        Command::Refresh(flags) => refresh::run(&flags, settings, clock, reporter).await,
        Command::Gold(flags) => gold::run(flags, settings, clock).await,
        Command::Query(flags) => query::run(&flags, &settings).await,
        Command::Status(flags) => status::run(&flags, &settings, clock).await,
        Command::Report(flags) => report::run(&flags, settings, clock).await,
        Command::Changes(flags) => changes::run(flags, &settings).await,
        Command::Verify(flags) => verify::run(&flags, settings).await,
        Command::Maintain(flags) => maintain::run(flags, settings, clock).await,
        Command::Demo | Command::Completions(_) => bail!("this command is not built yet"),
    }
}
