//! The answer to one statement, from SQL to bytes: the part that `query` and `shell` share.

use std::io::Write;

use anyhow::Context;
use lakehouse_core::schema::Schemas;

use crate::gold::{known_tables, load_models};
use crate::output::{Format, OutputError, OutputOptions, write_stream};
use crate::query::{At, Session, SessionOptions};
use crate::settings::Settings;
use crate::storage::lake::Lake;

/// Whether an answer was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    Whole,
    /// The reader closed the output, as `| head -1` does.
    Unread,
}

/// Opens the lake that the settings name for reading.
pub(crate) fn open_session(settings: &Settings, at: At) -> anyhow::Result<Session> {
    let lake = Lake::open(&settings.lake)
        .with_context(|| format!("cannot use the lake {}", settings.lake))?;
    let schemas = Schemas::builtin()?;
    let models = load_models(&schemas, settings.gold_models.as_deref())?;
    let known_tables = known_tables(&schemas, &models);
    Ok(Session::open(&lake, SessionOptions { known_tables, at, ..SessionOptions::default() })?)
}

/// Runs one statement and writes its rows, `max_rows` at most.
pub(crate) async fn answer(
    session: &Session,
    statement: &str,
    format: Format,
    out: &mut (impl Write + Send),
    max_rows: Option<usize>,
) -> anyhow::Result<Answered> {
    let rows = Box::pin(session.sql(statement)).await?;
    match Box::pin(write_stream(rows, format, out, OutputOptions { max_rows })).await {
        Ok(_) => Ok(Answered::Whole),
        Err(OutputError::Closed) => Ok(Answered::Unread),
        Err(OutputError::Query(error)) => Err(session.meaning(error).into()),
        Err(error) => Err(error.into()),
    }
}
