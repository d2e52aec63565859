//! Answers of the API: JSON in, rows of the silver table's columns out.
//!
//! Values pass from JSON to the decoder of archives as the text that they are, so that decimals
//! stay exact and one place decides what a value may be. A row is kept only if it belongs to the
//! request and its bar is over: the exchange also sends the bar that is not.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, BooleanArray, RecordBatch, TimestampMicrosecondArray};
use arrow_schema::ArrowError;
use arrow_select::filter::filter_record_batch;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::value::RawValue;
use thiserror::Error;

use super::endpoint::Endpoint;
use super::plan::ApiRequest;
use crate::decode::{DecodeError, DecodeOptions, Decoder, Reject};
use crate::foreign::shown;

/// The column with the last instant of a bar.
const CLOSE_TIME: &str = "close_time";

/// What of an answer is kept, and what is not.
#[derive(Debug, Default)]
pub struct Answer {
    /// Rows with the columns of [`TableSchema::data_schema`](crate::schema::TableSchema).
    pub batches: Vec<RecordBatch>,
    /// Rows that cannot be read, and those off the grid; a line is a row of the answer, from 1.
    pub rejects: Vec<Reject>,
    /// Bars that are not over.
    pub partial: u64,
    /// Rows outside the range of the request.
    pub outside: u64,
    /// Rows that begin where none of their length begins.
    pub off_grid: u64,
}

/// Why nothing of an answer can be used.
#[derive(Debug, Error)]
pub enum AnswerError {
    #[error("the answer is not what {path} is documented to answer: {found}")]
    Json { path: String, found: String, source: serde_json::Error },
    #[error("the answer of {path} has a value that is neither a number nor a text: {found}")]
    Value { path: String, found: String },
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

impl Answer {
    /// Returns how many rows are kept.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// Reads the answer to a request that was received at `now`.
///
/// # Errors
///
/// An answer that is no JSON of the documented form, or has rows of other fields.
pub fn read_answer(
    endpoint: &Endpoint,
    request: &ApiRequest,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<Answer, AnswerError> {
    let lines = if endpoint.fields.is_empty() {
        lines_of_arrays(endpoint, body)?
    } else {
        lines_of_objects(endpoint, body)?
    };
    let symbol = &request.series.symbol;
    let options = DecodeOptions::default();
    let mut decoder = Decoder::new(&endpoint.schema, endpoint.market, symbol, options)?;
    decoder.push(lines.as_bytes())?;
    decoder.finish()?;
    let mut answer = Answer { rejects: decoder.take_rejects(), ..Answer::default() };
    let rejected: BTreeSet<u64> = answer.rejects.iter().map(|reject| reject.line).collect();
    let mut readable = (1..).zip(lines.lines()).filter(|(line, _)| !rejected.contains(line));
    while let Some(batch) = decoder.next_batch() {
        let rows = readable.by_ref().take(batch.num_rows()).collect();
        let kept = keep(endpoint, request, &Rows { batch, lines: rows }, now, &mut answer)?;
        let kept = later(kept, endpoint)?;
        if kept.num_rows() > 0 {
            answer.batches.push(kept);
        }
    }
    Ok(answer)
}

/// Rows of an answer with the lines that they were read from.
struct Rows<'a> {
    batch: RecordBatch,
    lines: Vec<(u64, &'a str)>,
}

fn lines_of_arrays(endpoint: &Endpoint, body: &[u8]) -> Result<String, AnswerError> {
    let rows: Vec<Vec<&RawValue>> = parse(endpoint, body)?;
    let mut lines = String::new();
    for row in rows {
        push_line(&mut lines, endpoint, row.into_iter().map(Some))?;
    }
    Ok(lines)
}

fn lines_of_objects(endpoint: &Endpoint, body: &[u8]) -> Result<String, AnswerError> {
    let rows: Vec<BTreeMap<String, &RawValue>> = parse(endpoint, body)?;
    let mut lines = String::new();
    for row in rows {
        let values = endpoint.fields.iter().map(|name| row.get(name).copied());
        push_line(&mut lines, endpoint, values)?;
    }
    Ok(lines)
}

fn parse<'a, T: serde::Deserialize<'a>>(
    endpoint: &Endpoint,
    body: &'a [u8],
) -> Result<T, AnswerError> {
    serde_json::from_slice(body).map_err(|source| {
        let beginning = String::from_utf8_lossy(&body[..body.len().min(200)]);
        AnswerError::Json { path: endpoint.path.clone(), found: shown(&beginning), source }
    })
}

/// Adds a row as a line of CSV; a value that is absent is empty.
fn push_line<'a>(
    lines: &mut String,
    endpoint: &Endpoint,
    values: impl Iterator<Item = Option<&'a RawValue>>,
) -> Result<(), AnswerError> {
    for (at, value) in values.enumerate() {
        if at > 0 {
            lines.push(',');
        }
        let json = value.map_or("null", RawValue::get);
        let Some(text) = plain(json) else {
            return Err(AnswerError::Value { path: endpoint.path.clone(), found: shown(json) });
        };
        lines.push_str(text.trim());
    }
    lines.push('\n');
    Ok(())
}

/// Returns a number or a text as it is written, unless it could be taken for several fields.
fn plain(json: &str) -> Option<Cow<'_, str>> {
    let first = json.bytes().next()?;
    let text: Cow<'_, str> = match first {
        b'"' => Cow::Owned(serde_json::from_str(json).ok()?),
        b'-' | b'0'..=b'9' => Cow::Borrowed(json),
        b'n' => Cow::Borrowed(""),
        _ => return None,
    };
    (!text.contains([',', '"', '\n', '\r'])).then_some(text)
}

/// Returns the rows that belong to a request and are over, and counts the others.
fn keep(
    endpoint: &Endpoint,
    request: &ApiRequest,
    rows: &Rows<'_>,
    now: DateTime<Utc>,
    answer: &mut Answer,
) -> Result<RecordBatch, ArrowError> {
    let batch = &rows.batch;
    let begins = times(batch, endpoint.schema.event_time())?;
    let step = endpoint.step_of(&request.series);
    let ends = if batch.schema().column_with_name(CLOSE_TIME).is_some() {
        times(batch, CLOSE_TIME)?
    } else {
        // Rows without a length are over when they are there.
        let length = step.map(|step| step - TimeDelta::milliseconds(1)).unwrap_or_default();
        begins.iter().map(|begin| *begin + length).collect()
    };
    let length = step.and_then(|step| step.num_microseconds());
    let mut kept = Vec::with_capacity(begins.len());
    for (at, (begin, end)) in begins.into_iter().zip(ends).enumerate() {
        let is_off = length.is_some_and(|length| begin.timestamp_micros() % length != 0);
        let is_partial = end >= now;
        let is_outside = !request.range.contains(end) || begin < request.first;
        if is_off {
            answer.off_grid += 1;
            let off_grid = |line| off_grid(endpoint, line, begin, step.unwrap_or_default());
            answer.rejects.extend(rows.lines.get(at).copied().map(off_grid));
        }
        answer.partial += u64::from(!is_off && is_partial);
        answer.outside += u64::from(!is_off && !is_partial && is_outside);
        kept.push(!is_off && !is_partial && !is_outside);
    }
    filter_record_batch(batch, &BooleanArray::from(kept))
}

fn off_grid(
    endpoint: &Endpoint,
    (line, raw): (u64, &str),
    begin: DateTime<Utc>,
    step: TimeDelta,
) -> Reject {
    Reject {
        line,
        column: endpoint.schema.event_time().to_owned(),
        value: begin.to_rfc3339_opts(SecondsFormat::Millis, true),
        reason: format!("rows begin every {} s, and none begins then", step.num_seconds()),
        raw: raw.to_owned(),
    }
}

/// Returns rows with the times that the archive gives them.
fn later(rows: RecordBatch, endpoint: &Endpoint) -> Result<RecordBatch, ArrowError> {
    let Some(by) = endpoint.later.num_microseconds().filter(|by| *by != 0) else {
        return Ok(rows);
    };
    let schema = rows.schema();
    let at = schema.index_of(endpoint.schema.event_time())?;
    let mut columns = rows.columns().to_vec();
    let times = columns[at].as_primitive::<TimestampMicrosecondType>();
    let moved: TimestampMicrosecondArray = times.unary(|time| time + by);
    columns[at] = Arc::new(moved.with_data_type(times.data_type().clone()));
    RecordBatch::try_new(schema, columns)
}

/// Returns the times of a column; one that is NULL is in 1970, and in no request.
fn times(batch: &RecordBatch, column: &str) -> Result<Vec<DateTime<Utc>>, ArrowError> {
    let values = batch
        .column_by_name(column)
        .and_then(|array| array.as_primitive_opt::<TimestampMicrosecondType>())
        .ok_or_else(|| ArrowError::SchemaError(format!("no time in a column `{column}`")))?;
    let time = |value: Option<i64>| DateTime::from_timestamp_micros(value.unwrap_or_default());
    Ok(values.iter().map(|value| time(value).unwrap_or_default()).collect())
}
