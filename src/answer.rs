//! One statement's answer, from SQL to bytes: what `query` and `shell` share.

use std::io::Write;

use anyhow::Context;
use lakehouse_core::schema::Schemas;

use crate::lake::{Lake, Layer, TableName};
use crate::output::{Format, OutputError, OutputOptions, write_stream};
use crate::query::{At, Session, SessionOptions};

/// Rows of a table that are shown on a screen when nothing else is asked for.
pub(crate) const TABLE_ROWS: usize = 100;

/// Whether somebody read an answer to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    Whole,
    /// The reader has gone, as `| head -1` does.
    Unread,
}

/// Opens a lake for reading.
pub(crate) fn open_session(location: &str, at: At) -> anyhow::Result<Session> {
    let lake = Lake::open(location).with_context(|| format!("cannot use the lake {location}"))?;
    let schemas = Schemas::builtin()?;
    let known_tables = schemas.iter().map(|schema| TableName::new(Layer::Silver, schema.table())).collect();
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
