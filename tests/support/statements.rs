//! Statements on a lake in a folder, and what they answer.

use std::path::Path;

use lakehouse::output::{Format, OutputError, OutputOptions, write_stream};
use lakehouse::query::{QueryError, Session, SessionOptions};
use lakehouse::storage::lake::Lake;

/// Opens a session on the lake in a folder, which may be empty.
pub(crate) fn open(lake: &Path) -> Session {
    open_with(lake, SessionOptions::default())
}

pub(crate) fn open_with(lake: &Path, options: SessionOptions) -> Session {
    Session::open(&Lake::open(lake.to_str().unwrap()).unwrap(), options).unwrap()
}

/// Returns the rows of an answer as CSV, or why there are none.
pub(crate) async fn answer(session: &Session, sql: &str) -> Result<String, QueryError> {
    let rows = Box::pin(session.sql(sql)).await?;
    let mut out = Vec::new();
    match write_stream(rows, Format::Csv, &mut out, OutputOptions::default()).await {
        Ok(_) => Ok(String::from_utf8(out).unwrap()),
        Err(OutputError::Query(error)) => Err(session.meaning(error)),
        Err(error) => panic!("{sql}: {error}"),
    }
}

/// Returns the rows without their header, one line each, with `|` between values.
pub(crate) async fn lines(session: &Session, sql: &str) -> Vec<String> {
    let csv = answer(session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let value = |line: &str| line.replace(',', "|").replace("\"\"", "");
    csv.lines().skip(1).map(value).collect()
}

/// Returns the only value of an answer.
pub(crate) async fn value(session: &Session, sql: &str) -> String {
    let lines = lines(session, sql).await;
    assert_eq!(lines.len(), 1, "{sql}: {lines:?}");
    lines[0].clone()
}

/// Returns why a statement is refused.
pub(crate) async fn refusal(session: &Session, sql: &str) -> String {
    match answer(session, sql).await {
        Ok(rows) => panic!("{sql} was answered: {rows}"),
        Err(error) => error.to_string(),
    }
}
