//! The commands, one file each, and the way from a command line to an exit code.

mod audit;
mod changes;
mod completions;
mod config;
mod context;
mod demo;
mod fill;
mod gold;
mod ingest;
mod maintain;
mod man;
mod matrix;
mod mcp;
mod names;
pub mod plan;
mod query;
mod records;
mod refresh;
mod remove;
mod report;
mod run;
mod scope;
mod serve;
mod shell;
mod status;
mod verify;

use std::process::ExitCode;

use self::context::Context;
use crate::cli::{Cli, Command, ConfigFlags, GlobalFlags};
use crate::clock::Clock;
use crate::settings::Environment;
use crate::terminal::console::{self, Console, MessageKind};
use crate::terminal::failure;
use crate::terminal::logs::{self, Verbosity};

/// How a command ended that was not stopped by an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandOutcome {
    /// Everything is done, or there was nothing to do.
    Done,
    /// Done, but some archives failed, rows were rejected, or some names were not found.
    Incomplete,
}

impl CommandOutcome {
    /// Returns how two parts of a command ended together.
    fn and(self, other: Self) -> Self {
        if self == Self::Done { other } else { self }
    }
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

/// Runs a command and shows the error that stopped it, if there is one.
pub async fn run(cli: Cli, clock: Clock) -> ExitCode {
    let Cli { global, command } = cli;
    let context = match start(global, clock) {
        Ok(context) => context,
        Err(error) => {
            show_error(Console::default(), &error);
            return NOTHING_DONE.into();
        }
    };
    let outcome = execute(command, &context).await;
    match &outcome {
        Err(error) if console::is_closed_pipe(error) => return ExitCode::SUCCESS,
        Err(error) => show_error(context.console, error),
        Ok(_) => {}
    }
    exit_code(&outcome).into()
}

/// Reads the environment, and begins to log.
fn start(global: GlobalFlags, clock: Clock) -> anyhow::Result<Context> {
    let environment = Environment::read()?;
    let verbosity = Verbosity::new(global.quiet, global.verbose);
    let filter = environment.log_filter.as_deref();
    let console = logs::start(verbosity, global.log_format, filter)?;
    Ok(Context { global, environment, verbosity, console, clock })
}

async fn execute(command: Command, context: &Context) -> anyhow::Result<CommandOutcome> {
    match command {
        Command::Demo => Box::pin(demo::run(context)).await,
        Command::Plan(flags) => plan::run(&flags, context).await,
        Command::Ingest(flags) => ingest::run(&flags, context).await,
        Command::Refresh(flags) => refresh::run(&flags, context).await,
        Command::Fill(flags) => Box::pin(fill::run(&flags, context)).await,
        Command::Gold(flags) => gold::run(flags, context).await,
        Command::Audit(flags) => Box::pin(audit::run(flags, context)).await,
        Command::Query(flags) => query::run(&flags, context).await,
        Command::Shell(flags) => shell::run(&flags, context).await,
        Command::Mcp(flags) => Box::pin(mcp::run(&flags, context)).await,
        Command::Serve(flags) => Box::pin(serve::run(&flags, context)).await,
        Command::Status(flags) => status::run(&flags, context).await,
        Command::Report(flags) => report::run(&flags, context).await,
        Command::Changes(flags) => changes::run(flags, context).await,
        Command::Verify(flags) => verify::run(&flags, context).await,
        Command::Remove(flags) => Box::pin(remove::run(&flags, context)).await,
        Command::Maintain(flags) => maintain::run(flags, context).await,
        Command::Matrix(flags) => matrix::run(flags, context),
        Command::Config(ConfigFlags { command }) => config::run(&command, context),
        Command::Man(flags) => man::run(&flags, context),
        Command::Completions(flags) => completions::run(flags),
    }
}

fn show_error(console: Console, error: &anyhow::Error) {
    console.show(MessageKind::Error, &failure::describe(error));
}
