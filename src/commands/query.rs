//! `lakehouse query`: one SQL statement on the lake's tables.

use std::fs;
use std::io::{BufWriter, IntoInnerError, IsTerminal, Read};
use std::path::Path;

use anyhow::{Context as _, bail};

use super::CommandOutcome;
use super::context::Context;
use crate::cli::QueryFlags;
use crate::output::{Format, OutputError, OutputFile, OutputFolder, SCREEN_ROWS};
use crate::query::Session;
use crate::shell::answer::{answer, open_session, too_long};
use crate::terminal::console;

/// Runs the statement and writes its rows.
pub(super) async fn run(flags: &QueryFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let statement = statement(flags)?;
    let format = format(flags);
    if format.is_binary() && flags.output.is_none() && std::io::stdout().is_terminal() {
        bail!("a binary format does not belong on a terminal; name a file with -o");
    }
    if !flags.partition_by.is_empty() && flags.max_rows.is_some() {
        bail!("--max-rows does not go with --partition-by: write LIMIT into the statement");
    }
    let session = open_session(&context.settings()?, &flags.statement)?;
    let work = Work { session, statement, format, flags: flags.clone() };
    // A task of its own ends where its limit is, whatever it computes.
    let mut work = tokio::spawn(async move { Box::pin(work.run()).await });
    let Some(limit) = flags.statement.timeout else {
        work.await.context("the statement was aborted")??;
        return Ok(CommandOutcome::Done);
    };
    match tokio::time::timeout(limit, &mut work).await {
        Ok(done) => done.context("the statement was aborted")??,
        Err(_) => {
            work.abort();
            return Err(too_long(limit));
        }
    }
    Ok(CommandOutcome::Done)
}

/// A statement with where its rows go.
struct Work {
    session: Session,
    statement: String,
    format: Format,
    flags: QueryFlags,
}

impl Work {
    async fn run(&self) -> anyhow::Result<()> {
        let Self { session, statement, format, flags } = self;
        let max_rows = shown_rows(flags, *format);
        let Some(path) = &flags.output else {
            answer(session, statement, *format, &mut console::results(), max_rows).await?;
            return Ok(());
        };
        let unwritable = || format!("cannot write {}", path.display());
        if !flags.partition_by.is_empty() {
            return self.write_folder(path).await;
        }
        let mut file = BufWriter::new(OutputFile::create(path).with_context(unwritable)?);
        answer(session, statement, *format, &mut file, max_rows).await?;
        let file = file.into_inner().map_err(IntoInnerError::into_error);
        file.and_then(OutputFile::finish).with_context(unwritable)
    }

    /// Writes one file for each value of the columns that the flags name.
    async fn write_folder(&self, path: &Path) -> anyhow::Result<()> {
        let columns = &self.flags.partition_by;
        let unwritable = || format!("cannot write {}", path.display());
        let rows = Box::pin(self.session.sql_sorted(&self.statement, columns)).await?;
        let folder = OutputFolder::create(path).with_context(unwritable)?;
        match Box::pin(folder.write(rows, self.format, columns)).await {
            Ok(()) => folder.finish().with_context(unwritable),
            Err(OutputError::Query(error)) => Err(self.session.meaning(error).into()),
            Err(error) => Err(error).with_context(unwritable),
        }
    }
}

/// Returns how many rows are written at most: a table on the screen is limited, and says how many
/// rows it leaves out.
fn shown_rows(flags: &QueryFlags, format: Format) -> Option<usize> {
    let default = (format == Format::Table && flags.output.is_none()).then_some(SCREEN_ROWS);
    flags.max_rows.or(default).filter(|rows| *rows > 0)
}

/// Returns the statement: typed, in a file, or on standard input.
fn statement(flags: &QueryFlags) -> anyhow::Result<String> {
    let text = match (flags.sql.as_deref(), flags.file.as_deref()) {
        (Some("-"), _) => from_standard_input()?,
        (Some(sql), _) => sql.to_owned(),
        (None, Some(file)) if file == Path::new("-") => from_standard_input()?,
        (None, Some(file)) => fs::read_to_string(file)
            .with_context(|| format!("cannot read the statement in {}", file.display()))?,
        (None, None) => String::new(),
    };
    if text.trim().is_empty() {
        bail!("the statement is empty");
    }
    Ok(text)
}

fn from_standard_input() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .read_to_string(&mut text)
        .context("cannot read the statement on standard input")?;
    Ok(text)
}

/// Returns the format of the flag, or of the output file's extension, or a table.
fn format(flags: &QueryFlags) -> Format {
    let by_extension = flags.output.as_deref().and_then(Format::for_path);
    let default = if flags.partition_by.is_empty() { Format::Table } else { Format::Parquet };
    flags.format.or(by_extension).unwrap_or(default)
}
