//! `lakehouse man`: manual pages, made from the command line's own definition.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::CommandOutcome;
use super::context::Context;
use crate::cli::{Cli, ManFlags};
use crate::terminal::console;

/// Prints a page, or writes all pages.
pub(super) fn run(flags: &ManFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    match &flags.output {
        Some(folder) => write_all(folder, context)?,
        None => print(&flags.command)?,
    }
    Ok(CommandOutcome::Done)
}

fn print(path: &[String]) -> anyhow::Result<()> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let mut command = &program;
    for name in path {
        let Some(found) = command.find_subcommand(name) else {
            let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            let expected =
                if names.is_empty() { "no further word".to_owned() } else { names.join(", ") };
            bail!("`{}` has no command `{name}`; expected {expected}", command.get_name());
        };
        command = found;
    }
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    console::print(&String::from_utf8_lossy(&page))?;
    Ok(())
}

fn write_all(folder: &Path, context: &Context) -> anyhow::Result<()> {
    let unwritable = || format!("cannot write manual pages to {}", folder.display());
    fs::create_dir_all(folder).with_context(unwritable)?;
    clap_mangen::generate_to(Cli::command(), folder).with_context(unwritable)?;
    context.console.info(&format!("the manual pages are in {}", folder.display()));
    Ok(())
}
