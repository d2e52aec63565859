//! `lakehouse query`: one SQL statement on the lake's tables.

use std::fs::{self, File};
use std::io::{BufWriter, IsTerminal, Read};
use std::path::Path;

use anyhow::{Context, bail};
use lakehouse_core::schema::Schemas;

use crate::cli::QueryFlags;
use crate::commands::Outcome;
use crate::console;
use crate::gold::{known_tables, load_models};
use crate::lake::Lake;
use crate::output::{Format, OutputError, OutputOptions, write_stream};
use crate::query::{At, Session, SessionOptions};
use crate::settings::Settings;

/// Rows of a table that are shown when nothing else is asked for.
const TABLE_ROWS: usize = 100;

/// Runs the statement and writes its rows.
pub(super) async fn run(flags: &QueryFlags, settings: &Settings) -> anyhow::Result<Outcome> {
    let statement = statement(flags)?;
    let format = format(flags);
    if format.is_binary() && flags.output.is_none() && std::io::stdout().is_terminal() {
        bail!("a binary format does not belong on a terminal; name a file with -o");
    }
    let session = open_session(settings, flags.at.unwrap_or_default())?;
    let rows = Box::pin(session.sql(&statement)).await?;
    let options = OutputOptions { max_rows: shown_rows(flags, format) };
    let written = match &flags.output {
        None => Box::pin(write_stream(rows, format, &mut console::results(), options)).await,
        Some(path) => {
            let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            Box::pin(write_stream(rows, format, &mut BufWriter::new(file), options)).await
        }
    };
    match written {
        Ok(_) | Err(OutputError::Closed) => Ok(Outcome::Done),
        Err(OutputError::Query(error)) => Err(session.meaning(error).into()),
        Err(error) => Err(error.into()),
    }
}

/// Opens the lake that the settings name for reading.
pub(super) fn open_session(settings: &Settings, at: At) -> anyhow::Result<Session> {
    let lake = Lake::open(&settings.lake).with_context(|| format!("cannot use the lake {}", settings.lake))?;
    let schemas = Schemas::builtin()?;
    let models = load_models(&schemas, settings.gold_models.as_deref())?;
    let known_tables = known_tables(&schemas, &models);
    Ok(Session::open(&lake, SessionOptions { known_tables, at, ..SessionOptions::default() })?)
}

/// Returns how many rows are written at most: a table that nobody saves is for reading, and says what it leaves out.
fn shown_rows(flags: &QueryFlags, format: Format) -> Option<usize> {
    let default = (format == Format::Table && flags.output.is_none()).then_some(TABLE_ROWS);
    flags.max_rows.or(default).filter(|rows| *rows > 0)
}

/// Returns the statement: typed, in a file, or on standard input.
fn statement(flags: &QueryFlags) -> anyhow::Result<String> {
    let text = match (flags.sql.as_deref(), flags.file.as_deref()) {
        (Some("-"), _) => from_standard_input()?,
        (Some(sql), _) => sql.to_owned(),
        (None, Some(file)) if file == Path::new("-") => from_standard_input()?,
        (None, Some(file)) => {
            fs::read_to_string(file).with_context(|| format!("the statement {} cannot be read", file.display()))?
        }
        (None, None) => String::new(),
    };
    if text.trim().is_empty() {
        bail!("the statement is empty");
    }
    Ok(text)
}

fn from_standard_input() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text).context("the statement on standard input cannot be read")?;
    Ok(text)
}

/// Returns the format asked for, or that of the output file's extension, or a table.
fn format(flags: &QueryFlags) -> Format {
    let by_extension = flags.output.as_deref().and_then(Format::for_path);
    flags.format.or(by_extension).unwrap_or(Format::Table)
}
