//! `lakehouse shell`: statements one after another, typed or piped.

use std::io::{self, IsTerminal};

use super::CommandOutcome;
use super::context::Context;
use crate::cli::ShellFlags;
use crate::output::Format;
use crate::shell::answer::open_session;
use crate::shell::{Shell, standard_input};

/// Runs the shell until its input ends or the user leaves.
pub(super) async fn run(flags: &ShellFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let settings = context.settings()?;
    let session = open_session(&settings, &flags.statement)?;
    let format = flags.format.unwrap_or(Format::Table);
    let shell = Shell::new(session, format, context.console, flags.statement.timeout);
    if !io::stdin().is_terminal() {
        Box::pin(shell.run_script(standard_input())).await?;
        return Ok(CommandOutcome::Done);
    }
    let version = env!("CARGO_PKG_VERSION");
    let lake = &settings.lake;
    context.console.info(&format!("lakehouse {version} on {lake}: \\? for help, \\q to leave"));
    Box::pin(shell.converse(settings.history_file())).await?;
    Ok(CommandOutcome::Done)
}
