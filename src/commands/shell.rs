//! `lakehouse shell`: statements one after another, typed or piped.

use std::io::{self, IsTerminal};

use super::CommandOutcome;
use crate::cli::ShellFlags;
use crate::output::Format;
use crate::settings::Settings;
use crate::shell::answer::open_session;
use crate::shell::{Shell, standard_input};
use crate::terminal::console;

/// Runs the shell until its input ends or the user leaves.
pub(super) async fn run(flags: &ShellFlags, settings: &Settings) -> anyhow::Result<CommandOutcome> {
    let session = open_session(settings, flags.at.unwrap_or_default())?;
    let shell = Shell::new(session, flags.format.unwrap_or(Format::Table));
    if !io::stdin().is_terminal() {
        Box::pin(shell.run_script(standard_input())).await?;
        return Ok(CommandOutcome::Done);
    }
    let version = env!("CARGO_PKG_VERSION");
    console::tell(&format!("lakehouse {version} on {}: \\? for help, \\q to leave", settings.lake));
    Box::pin(shell.converse(settings.history_file())).await?;
    Ok(CommandOutcome::Done)
}
