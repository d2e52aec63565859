//! The backslash commands and their parser.

use std::path::PathBuf;

use clap::ValueEnum;
use thiserror::Error;

use crate::cli::is_parameter;
use crate::output::Format;

/// A command to the shell itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Lists tables, or one table's columns.
    Describe(Option<String>),
    Timing,
    /// Chooses a format, or shows which one is in use.
    Format(Option<Format>),
    /// Writes answers to a file, or to the screen again.
    Output(Option<PathBuf>),
    /// Gives a parameter a value.
    Set {
        name: String,
        value: String,
    },
    Help,
    Quit,
}

/// The commands as they are typed, with what they do.
pub(super) const COMMANDS: [(&str, &str); 8] = [
    ("\\d", "list the lake's tables"),
    ("\\d TABLE", "list a table's columns"),
    (
        "\\format FORMAT",
        "write answers as table, csv, tsv, json, ndjson, markdown, parquet, arrow or arrow-stream",
    ),
    ("\\o FILE", "write answers to a file, in the format of its extension; \\o alone ends it"),
    ("\\set NAME VALUE", "let `$NAME` in statements stand for a value"),
    ("\\timing", "show the time of each statement, on or off"),
    ("\\h or \\?", "show this help"),
    ("\\q", "leave, as Ctrl-D does"),
];

/// The words that begin a command.
pub(super) const WORDS: [&str; 8] =
    ["\\?", "\\d", "\\format", "\\h", "\\o", "\\q", "\\set", "\\timing"];

/// A line that is not a command.
#[derive(Debug, Error)]
pub(super) enum CommandError {
    #[error("unknown command `{0}`; \\? lists the commands")]
    Unknown(String),
    #[error("unknown format `{found}`; expected {}", formats().join(", "))]
    Format { found: String },
    #[error("\\set expects a name and a value: \\set day 2026-05-08 lets `$day` stand for it")]
    Parameter,
    #[error("`{command}` takes no more than one word after it; found `{found}`")]
    TooMuch { command: String, found: String },
}

impl Command {
    /// Reads a line that begins with a backslash; a semicolon at its end is fine.
    pub(super) fn parse(line: &str) -> Result<Self, CommandError> {
        let line = line.trim_end_matches(|letter: char| letter == ';' || letter.is_whitespace());
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let argument = Some(rest.trim()).filter(|rest| !rest.is_empty());
        if !["\\o", "\\set"].contains(&word)
            && argument.is_some_and(|argument| argument.contains(char::is_whitespace))
        {
            return Err(CommandError::TooMuch {
                command: word.to_owned(),
                found: rest.trim().to_owned(),
            });
        }
        match (word, argument) {
            ("\\d", table) => Ok(Self::Describe(table.map(str::to_owned))),
            ("\\timing", None) => Ok(Self::Timing),
            ("\\format", None) => Ok(Self::Format(None)),
            ("\\format", Some(name)) => match Format::from_str(name, true) {
                Ok(format) => Ok(Self::Format(Some(format))),
                Err(_) => Err(CommandError::Format { found: name.to_owned() }),
            },
            ("\\o", file) => Ok(Self::Output(file.map(PathBuf::from))),
            ("\\set", argument) => set(argument.unwrap_or_default()),
            ("\\h" | "\\?", None) => Ok(Self::Help),
            ("\\q", None) => Ok(Self::Quit),
            _ => Err(CommandError::Unknown(line.to_owned())),
        }
    }
}

/// Reads `NAME VALUE`; a value with spaces needs no quotes.
fn set(argument: &str) -> Result<Command, CommandError> {
    let (name, value) = argument.split_once(char::is_whitespace).unwrap_or((argument, ""));
    if !is_parameter(name) {
        return Err(CommandError::Parameter);
    }
    Ok(Command::Set { name: name.to_owned(), value: value.trim().to_owned() })
}

/// Returns the names of all formats.
pub(super) fn formats() -> Vec<String> {
    let names = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    names.map(|name| name.get_name().to_owned()).collect()
}
