//! `lakehouse completions`: a script for a shell, made from the command line's own definition.

use clap::CommandFactory;

use crate::cli::{Cli, CompletionsFlags};
use crate::commands::Outcome;
use crate::console;

/// Prints the script.
pub(super) fn run(flags: CompletionsFlags) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(flags.shell, &mut Cli::command(), "lakehouse", &mut script);
    console::print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Done)
}
