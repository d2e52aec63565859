//! The answer to one statement, from SQL to bytes: the part that `query` and `shell` share.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use lakehouse_core::schema::Schemas;

use crate::cli::StatementFlags;
use crate::gold::{known_tables, load_models};
use crate::output::{Format, OutputError, OutputOptions, write_stream};
use crate::query::{Session, SessionOptions, Views};
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
pub(crate) fn open_session(settings: &Settings, flags: &StatementFlags) -> anyhow::Result<Session> {
    let lake = Lake::open(&settings.lake)
        .with_context(|| format!("cannot use the lake {}", settings.lake))?;
    let mut session = Session::open(&lake, session_options(settings, flags)?)?;
    for (name, value) in &flags.parameters {
        session.set_parameter(name, value);
    }
    Ok(session)
}

/// Returns what the settings and flags say of every session.
pub(crate) fn session_options(
    settings: &Settings,
    flags: &StatementFlags,
) -> anyhow::Result<SessionOptions> {
    let schemas = Schemas::builtin()?;
    let models = load_models(&schemas, settings.gold_models.as_deref())?;
    let known_tables = known_tables(&schemas, &models);
    let views = settings.views.as_deref().map(Views::load).transpose()?.unwrap_or_default();
    let at = flags.at.unwrap_or_default();
    Ok(SessionOptions { known_tables, at, views, ..SessionOptions::default() })
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

/// Says that a statement was ended because it took too long.
pub(crate) fn too_long(limit: Duration) -> anyhow::Error {
    let limit = humantime::format_duration(limit);
    anyhow::anyhow!(
        "the statement was ended after its limit of {limit}: read fewer rows, or raise --timeout"
    )
}
