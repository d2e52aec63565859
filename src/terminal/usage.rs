//! Command lines that cannot be parsed: reported as briefly as every other error.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use super::console::Console;
use crate::cli::Cli;

/// Lines that an error has at most.
const LINES: usize = 3;

/// Reads the command line of this process, or reports what is wrong with it and returns the exit
/// code.
///
/// # Errors
/// The exit code, when there is nothing to run: after help, too.
pub fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse_from(std::env::args_os().map(as_value)).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // A reader that is gone is no failure.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
        _ => {
            Console::default().info(&brief(&error.render().to_string()));
            ExitCode::from(2)
        }
    })
}

/// Keeps a statement that begins with a comment, `-- like this`, from being taken for a flag.
fn as_value(argument: OsString) -> OsString {
    let is_comment = argument.to_str().and_then(|text| text.strip_prefix("--"));
    if is_comment.is_some_and(|rest| rest.starts_with(char::is_whitespace)) {
        let mut value = OsString::from(" ");
        value.push(argument);
        return value;
    }
    argument
}

/// Returns the program and its arguments as they were typed, with what is not UTF-8 replaced.
pub(crate) fn arguments() -> impl Iterator<Item = String> {
    std::env::args_os().map(|argument| argument.to_string_lossy().into_owned())
}

/// Leaves out empty lines and where to find help, unless there is room for the usage.
fn brief(text: &str) -> String {
    let said = text
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("For more information"));
    let (usage, mut lines): (Vec<&str>, Vec<&str>) =
        said.partition(|line| line.starts_with("Usage: "));
    lines.extend(usage);
    lines.truncate(LINES);
    lines.join("\n")
}
