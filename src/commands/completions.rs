//! `lakehouse completions`: a script for a shell, made from the command line's own definition.

use clap::CommandFactory;

use super::CommandOutcome;
use crate::cli::{Cli, CompletionsFlags};
use crate::terminal::console;

/// Prints the script.
pub(super) fn run(flags: CompletionsFlags) -> anyhow::Result<CommandOutcome> {
    let mut script = Vec::new();
    clap_complete::generate(flags.shell, &mut Cli::command(), "lakehouse", &mut script);
    console::print(&String::from_utf8_lossy(&script))?;
    Ok(CommandOutcome::Done)
}
