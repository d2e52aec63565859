//! `/api/sql`: one statement, answered in the format that the client names.
//!
//! The first rows are waited for before the answer begins, so that a statement that fails has a
//! status that says so. One that fails later ends JSON with the reason, and cuts other formats off.

use std::io;
use std::net::SocketAddr;

use arrow::record_batch::RecordBatch;
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::{Deserialize, Serialize};

use super::Shared;
use super::login::User;
use crate::output::{Encoder, Format, OutputError};
use crate::query::QueryError;
use crate::serve::Door;
use crate::serve::rows_json::JsonRows;
use crate::serve::statement::{Answer, Request, StatementError};
use crate::shutdown::Shutdown;

/// Rows of an answer in JSON where the client names no number.
const JSON_ROWS: usize = 1_000;

/// What a client asks for besides the statement.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    sql: Option<String>,
    #[serde(default)]
    format: WantedFormat,
    /// Rows at most; 0 is all.
    max_rows: Option<usize>,
}

/// The formats of files in which answers come besides the JSON of this interface.
pub(super) const FILE_FORMATS: [Format; 4] =
    [Format::Csv, Format::Ndjson, Format::Parquet, Format::Arrow];

impl Wanted {
    /// Asks for all rows, in a format of files or in JSON.
    pub(super) const fn all(format: Option<Format>) -> Self {
        let format = match format {
            Some(Format::Csv) => WantedFormat::Csv,
            Some(Format::Ndjson) => WantedFormat::Ndjson,
            Some(Format::Parquet) => WantedFormat::Parquet,
            Some(Format::Arrow) => WantedFormat::Arrow,
            _ => WantedFormat::Json,
        };
        Self { sql: None, format, max_rows: Some(0) }
    }
}

/// The formats of answers.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WantedFormat {
    #[default]
    Json,
    Csv,
    Ndjson,
    Parquet,
    Arrow,
}

impl WantedFormat {
    /// Returns the format of files; nothing for the JSON of this interface.
    const fn file(self) -> Option<Format> {
        match self {
            Self::Json => None,
            Self::Csv => Some(Format::Csv),
            Self::Ndjson => Some(Format::Ndjson),
            Self::Parquet => Some(Format::Parquet),
            Self::Arrow => Some(Format::Arrow),
        }
    }
}

/// Answers with the bytes of a file that browsers keep under this name.
pub(super) fn file_response(format: Format, name: &str, body: Body) -> Response {
    let kind = match format {
        Format::Csv => "text/csv; charset=utf-8",
        Format::Ndjson => "application/x-ndjson",
        Format::Parquet => "application/vnd.apache.parquet",
        Format::Arrow => "application/vnd.apache.arrow.file",
        _ => "application/octet-stream",
    };
    let name = format!("attachment; filename=\"{name}.{}\"", format.extension());
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)], body)
        .into_response()
}

/// Answers a statement in the URL.
pub(super) async fn get(
    State(shared): State<Shared>,
    Extension(ConnectInfo(peer)): Extension<ConnectInfo<SocketAddr>>,
    user: Option<Extension<User>>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let text = wanted.sql.clone().unwrap_or_default();
    Box::pin(answer(shared, who(user, peer), text, wanted)).await
}

/// Answers a statement in the body, which has no limit of length that browsers impose.
pub(super) async fn post(
    State(shared): State<Shared>,
    Extension(ConnectInfo(peer)): Extension<ConnectInfo<SocketAddr>>,
    user: Option<Extension<User>>,
    Query(wanted): Query<Wanted>,
    text: String,
) -> Response {
    Box::pin(answer(shared, who(user, peer), text, wanted)).await
}

/// Returns the user, or the address where there are no users.
pub(super) fn who(user: Option<Extension<User>>, peer: SocketAddr) -> String {
    user.map_or_else(|| peer.ip().to_string(), |Extension(User(name))| name)
}

/// Answers a statement.
pub(super) async fn answer(shared: Shared, who: String, text: String, wanted: Wanted) -> Response {
    let cancel = Shutdown::default();
    let request = Request { door: Door::Http, who, text, cancel };
    let mut answer = match Box::pin(shared.engine.start(&shared.session, request)).await {
        Ok(answer) => answer,
        Err(error) => return refusal(&error),
    };
    let first = match answer.next().await {
        Ok(first) => first,
        Err(error) => return refusal(&error),
    };
    let max_rows = match wanted.max_rows {
        Some(0) => None,
        Some(rows) => Some(rows),
        None => wanted.format.file().is_none().then_some(JSON_ROWS),
    };
    let writer = match Writer::new(wanted.format, &answer, max_rows) {
        Ok(writer) => writer,
        Err(error) => return fault(StatusCode::BAD_REQUEST, &error.to_string(), None),
    };
    let sending = Sending { answer, first, writer: Some(writer) };
    let body = Body::from_stream(stream::unfold(sending, Sending::next));
    match wanted.format.file() {
        Some(format) => file_response(format, "answer", body),
        None => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
    }
}

/// What turns batches into bytes.
enum Writer {
    Json(JsonRows),
    File {
        encoder: Box<Encoder>,
        /// Rows that are still wanted; nothing for all.
        left: Option<usize>,
    },
}

impl Writer {
    fn new(
        format: WantedFormat,
        answer: &Answer,
        max_rows: Option<usize>,
    ) -> Result<Self, OutputError> {
        let Some(format) = format.file() else {
            return Ok(Self::Json(JsonRows::new(answer, max_rows)));
        };
        let encoder = Box::new(Encoder::new(format, answer.schema())?);
        Ok(Self::File { encoder, left: max_rows })
    }

    /// Returns whether no further rows are wanted.
    const fn is_full(&self) -> bool {
        match self {
            Self::Json(json) => json.is_full(),
            Self::File { left, .. } => matches!(left, Some(0)),
        }
    }

    /// Takes rows in, and returns the bytes that are ready, which may be none.
    fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, String> {
        match self {
            Self::Json(json) => json.write(batch),
            Self::File { encoder, left } => {
                let rows = left.map_or(batch.num_rows(), |left| left.min(batch.num_rows()));
                *left = left.map(|left| left - rows);
                encoder.encode(&batch.slice(0, rows)).map_err(|error| error.to_string())
            }
        }
    }

    fn finish(self) -> io::Result<Bytes> {
        match self {
            Self::Json(json) => Ok(json.finish(None).into()),
            Self::File { encoder, .. } => {
                encoder.finish().map(Bytes::from).map_err(io::Error::other)
            }
        }
    }

    /// Ends an answer that lacks rows: JSON with the reason, a file without its end.
    fn fail(self, error: String) -> io::Result<Bytes> {
        match self {
            Self::Json(json) => Ok(json.finish(Some(&error)).into()),
            Self::File { .. } => Err(io::Error::other(error)),
        }
    }
}

/// An answer of which a part is sent.
struct Sending {
    answer: Answer,
    first: Option<RecordBatch>,
    /// Nothing once the last bytes are sent.
    writer: Option<Writer>,
}

impl Sending {
    /// Returns the next bytes; nothing after the last ones.
    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        let mut writer = self.writer.take()?;
        loop {
            let batch = match self.first.take() {
                Some(batch) => Ok(Some(batch)),
                None if writer.is_full() => Ok(None),
                None => self.answer.next().await,
            };
            let batch = match batch {
                Ok(Some(batch)) => batch,
                Ok(None) => return Some((writer.finish(), self)),
                Err(error) => return Some((writer.fail(error.to_string()), self)),
            };
            match writer.write(&batch) {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => {
                    self.writer = Some(writer);
                    return Some((Ok(bytes.into()), self));
                }
                Err(error) => return Some((writer.fail(error), self)),
            }
        }
    }
}

/// Why a statement was not answered.
#[derive(Debug, Serialize)]
struct Fault<'a> {
    error: &'a str,
    /// Where in the statement, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
}

fn refusal(error: &StatementError) -> Response {
    let status = match error {
        StatementError::Query(QueryError::ReadOnly { .. }) => StatusCode::FORBIDDEN,
        StatementError::Query(QueryError::Memory { .. }) => StatusCode::INSUFFICIENT_STORAGE,
        StatementError::Query(
            QueryError::Lake(_)
            | QueryError::List { .. }
            | QueryError::Table { .. }
            | QueryError::Fault { .. },
        )
        | StatementError::Threads(_) => StatusCode::INTERNAL_SERVER_ERROR,
        StatementError::Query(_) => StatusCode::BAD_REQUEST,
        StatementError::TimedOut(_) | StatementError::Idle(_) => StatusCode::GATEWAY_TIMEOUT,
        StatementError::Cancelled | StatementError::Unread | StatementError::Stopping => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    let text = error.to_string();
    fault(status, &text, place(&text))
}

pub(super) fn fault(status: StatusCode, error: &str, place: Option<(u64, u64)>) -> Response {
    let fault =
        Fault { error, line: place.map(|(line, _)| line), column: place.map(|(_, column)| column) };
    let json = serde_json::to_vec(&fault).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], json).into_response()
}

/// Reads the place in the statement from the end of a message about its syntax.
fn place(message: &str) -> Option<(u64, u64)> {
    let (_, place) = message.rsplit_once(" at line ")?;
    let (line, column) = place.split_once(", column ")?;
    let end = column.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(column.len());
    Some((line.parse().ok()?, column[..end].parse().ok()?))
}
