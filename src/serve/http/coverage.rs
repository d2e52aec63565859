//! `/api/coverage`: the days of every series. As JSON a page of the series that the filters leave,
//! with their days; in other formats all of these series, a row each, without single days.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, StringArray, UInt64Array};
use arrow::datatypes::Date32Type;
use arrow::record_batch::RecordBatch;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::NaiveDate;
use lakehouse_core::coverage::SeriesCoverage;
use serde::{Deserialize, Serialize};

use super::sql::{FILE_FORMATS, file_response};
use super::{Shared, failure};
use crate::error_chain::messages;
use crate::output::{Encoder, Format, OutputError};
use crate::report_html::document::Series;
use crate::status::LakeStatus;

/// Series of a page at most.
const PAGE: usize = 500;

/// Which series are wanted; an empty text is as good as none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Filter {
    market: String,
    data_type: String,
    interval: String,
    /// A part of the symbol, in any case.
    symbol: String,
    /// Only series with gaps, failures or rejected rows.
    gaps: bool,
    offset: usize,
    limit: Option<usize>,
}

#[derive(Serialize)]
struct Page<'a> {
    today: NaiveDate,
    /// Series that the filter leaves.
    total: usize,
    offset: usize,
    /// The first and the last day of these series.
    first: Option<NaiveDate>,
    last: Option<NaiveDate>,
    series: Vec<Series<'a>>,
    /// What the filters can be, of all series.
    markets: BTreeSet<&'a str>,
    data_types: BTreeSet<&'a str>,
    intervals: Vec<String>,
}

pub(super) fn router() -> Router<Shared> {
    let mut router = Router::new().route("/api/coverage.json", get(page));
    for format in FILE_FORMATS {
        let path = format!("/api/coverage.{}", format.extension());
        let answer = async move |shared, filter| file(shared, filter, format).await;
        router = router.route(&path, get(answer));
    }
    router
}

async fn page(State(shared): State<Shared>, Query(filter): Query<Filter>) -> Response {
    match Box::pin(shared.engine.status()).await {
        Ok(status) => Json(Page::new(&status, &filter)).into_response(),
        Err(error) => failure(&messages(&error).join(": ")),
    }
}

async fn file(
    State(shared): State<Shared>,
    Query(filter): Query<Filter>,
    format: Format,
) -> Response {
    let status = match Box::pin(shared.engine.status()).await {
        Ok(status) => status,
        Err(error) => return failure(&messages(&error).join(": ")),
    };
    let series: Vec<_> = status.series.iter().filter(|series| filter.has(series)).collect();
    match encode(&series, format) {
        Ok(bytes) => file_response(format, "coverage", bytes.into()),
        Err(error) => failure(&messages(&error).join(": ")),
    }
}

impl Filter {
    fn has(&self, coverage: &SeriesCoverage) -> bool {
        let series = &coverage.series;
        let is = |wanted: &str, value: &str| wanted.is_empty() || wanted == value;
        let interval = series.interval.map(|interval| interval.to_string()).unwrap_or_default();
        is(&self.market, series.market.as_str())
            && is(&self.data_type, series.data_type.as_str())
            && is(&self.interval, &interval)
            && series.symbol.as_str().to_lowercase().contains(&self.symbol.trim().to_lowercase())
            && (!self.gaps || has_faults(coverage))
    }
}

fn has_faults(coverage: &SeriesCoverage) -> bool {
    coverage.missing_days() > 0 || coverage.failed > 0 || coverage.rejected_rows > 0
}

impl<'a> Page<'a> {
    fn new(status: &'a LakeStatus, filter: &Filter) -> Self {
        let left: Vec<_> = status.series.iter().filter(|series| filter.has(series)).collect();
        let days = left.iter().flat_map(|series| &series.runs);
        let last = days.clone().map(|run| run.end).max();
        let of_series = |one: &&SeriesCoverage| status.provisional_days.of(&one.series);
        let provisional = left.iter().filter_map(of_series);
        let last_provisional = provisional.filter_map(|found| found.days.keys().next_back()).max();
        let limit = filter.limit.unwrap_or(PAGE).min(PAGE);
        let of_page = left.iter().skip(filter.offset).take(limit);
        let all = &status.series;
        let intervals: BTreeSet<_> = all.iter().filter_map(|one| one.series.interval).collect();
        Self {
            today: status.today,
            total: left.len(),
            offset: filter.offset,
            first: days.map(|run| run.start).min(),
            last: last.max(last_provisional.copied()),
            series: of_page.map(|series| Series::new(series, status)).collect(),
            markets: all.iter().map(|one| one.series.market.as_str()).collect(),
            data_types: all.iter().map(|one| one.series.data_type.as_str()).collect(),
            intervals: intervals.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Why the series cannot be written as a file.
#[derive(Debug, thiserror::Error)]
enum EncodeError {
    #[error(transparent)]
    Rows(#[from] arrow::error::ArrowError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    End(#[from] std::io::Error),
}

fn encode(series: &[&SeriesCoverage], format: Format) -> Result<Vec<u8>, EncodeError> {
    let rows = rows(series)?;
    let mut encoder = Encoder::new(format, &rows.schema())?;
    let mut bytes = encoder.encode(&rows)?;
    bytes.extend(encoder.finish()?);
    Ok(bytes)
}

fn rows(series: &[&SeriesCoverage]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let text = |value: fn(&SeriesCoverage) -> Option<String>| -> ArrayRef {
        Arc::new(series.iter().map(|one| value(one)).collect::<StringArray>())
    };
    let day = |value: fn(&SeriesCoverage) -> Option<NaiveDate>| -> ArrayRef {
        let days = series.iter().map(|one| value(one).map(Date32Type::from_naive_date));
        Arc::new(days.collect::<Date32Array>())
    };
    let count = |value: fn(&SeriesCoverage) -> u64| -> ArrayRef {
        Arc::new(series.iter().map(|one| Some(value(one))).collect::<UInt64Array>())
    };
    RecordBatch::try_from_iter_with_nullable([
        ("market", text(|one| Some(one.series.market.to_string())), false),
        ("data_type", text(|one| Some(one.series.data_type.to_string())), false),
        ("symbol", text(|one| Some(one.series.symbol.to_string())), false),
        ("bar_interval", text(|one| Some(one.series.interval?.to_string())), true),
        ("first_day", day(SeriesCoverage::first), true),
        ("last_day", day(SeriesCoverage::last), true),
        ("days_held", count(SeriesCoverage::held_days), false),
        ("days_missing", count(SeriesCoverage::missing_days), false),
        ("days_behind", count(|one| one.behind), false),
        ("archives", count(|one| one.archives), false),
        ("archives_failed", count(|one| one.failed), false),
        ("rows", count(|one| one.rows), false),
        ("rows_rejected", count(|one| one.rejected_rows), false),
        ("bytes", count(|one| one.bytes), false),
    ])
}
