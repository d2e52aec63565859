//! Rows of `meta.series` as Arrow batches and back.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, RecordBatch};
use arrow::datatypes::Date32Type;
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate, Utc};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::market::Frequency;
use lakehouse_core::names::period::Period;
use lakehouse_core::plan::schedule::is_dormant;
use lakehouse_core::series::{ArchiveState, Stretches};

use crate::meta::columns::{Columns, numbers, texts, times};
use crate::meta::schema::{MetaSchema, date, integer, text, time};

/// What the table is.
pub(in crate::meta) const SCHEMA: MetaSchema = MetaSchema {
    name: "series",
    description: "One row for every series at every frequency that the lake has met: what is \
                  published of it as far as it was listed, what the lake holds, and how many \
                  archives it leaves alone for which reason.",
    columns: &[
        text("market", "`spot`, `futures_um`, `futures_cm` or `options`"),
        text("data_type", "data type under the archive's own name, such as `aggTrades`"),
        text("symbol", "symbol, as the archive spells it"),
        text("bar_interval", "length of the bars, where there are bars").nullable(),
        text("frequency", "`daily` or `monthly`"),
        date("first_published", "first day of the oldest archive that is known").nullable(),
        date("last_published", "last day of the newest archive that is known").nullable(),
        date(
            "covered_until",
            "last of the days without a gap, from the first that the lake holds, that archives of \
             either frequency cover",
        )
        .nullable(),
        date(
            "dormant_since",
            "day after the newest archive, where the next one has been missing for more than 30 \
             days",
        )
        .nullable(),
        time(
            "last_listed",
            "when a refresh listed it last, as far as that was recorded: where a lake has few \
             series, a refresh that finds nothing new records nothing",
        )
        .nullable(),
        integer("published", "archives that are known"),
        integer("held", "archives with rows in silver"),
        integer("yielded", "left alone: another copy is more complete on all their days"),
        integer("covered_by_monthly", "left alone: the month's archive has their day"),
        integer("covered_by_dailies", "left alone: the days of their month are held one by one"),
        integer("outside_dates", "left alone: outside the dates of the selection"),
        integer("month_not_closed", "left alone: their month was not over"),
        integer("other_frequency", "left alone: the selection requests the other frequency"),
        integer("removed", "left alone: taken out with `lakehouse remove`"),
        integer("quarantined", "left alone: their bytes do not match their checksum"),
        integer("rejected", "left alone: they cannot be read"),
        integer("failed", "could not be fetched; the next run tries again"),
        integer("not_published", "listed, and the source has no such archive"),
        integer("pending", "found, and not fetched yet"),
        text(
            "archives",
            "all of them by stretches of neighbouring periods, such as `held \
             2024-01-01..2024-01-31, covered_by_monthly 2024-02-01`",
        ),
        text("run", "run that recorded the row"),
        time("recorded_at", "when it was recorded"),
    ],
    sort_columns: &["market", "data_type", "symbol"],
    unique_columns: &[],
};

/// The states that have a column, in the order of columns.
const COUNTED: [ArchiveState; 13] = [
    ArchiveState::Held,
    ArchiveState::Yielded,
    ArchiveState::CoveredByMonthly,
    ArchiveState::CoveredByDailies,
    ArchiveState::OutsideDates,
    ArchiveState::MonthNotClosed,
    ArchiveState::OtherFrequency,
    ArchiveState::Removed,
    ArchiveState::Quarantined,
    ArchiveState::Rejected,
    ArchiveState::Failed,
    ArchiveState::NotPublished,
    ArchiveState::Pending,
];

/// What one row says; the other columns follow from it and from the row of the other frequency.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SeriesRow {
    pub(super) series: Series,
    pub(super) frequency: Frequency,
    pub(super) last_listed: Option<DateTime<Utc>>,
    pub(super) archives: Stretches,
    pub(super) run: Arc<str>,
    pub(super) recorded_at: DateTime<Utc>,
}

/// A row of a file.
#[derive(Debug)]
pub(super) enum Row {
    Known(Box<SeriesRow>),
    /// One that this program does not understand, as it is.
    Unknown(RecordBatch),
}

impl SeriesRow {
    fn dormant_since(&self) -> Option<NaiveDate> {
        let newest = self.archives.last()?;
        is_dormant(newest, self.recorded_at).then(|| newest.next().start())
    }
}

/// Makes a batch of the rows of some series, each with the last of its days without a gap.
pub(super) fn to_batch(
    rows: &[(&SeriesRow, Option<NaiveDate>)],
) -> Result<RecordBatch, ArrowError> {
    let text = |value: fn(&SeriesRow) -> Option<String>| texts(rows, |(row, _)| value(row));
    let mut columns: Vec<ArrayRef> = vec![
        text(|row| Some(row.series.market.to_string())),
        text(|row| Some(row.series.data_type.to_string())),
        text(|row| Some(row.series.symbol.to_string())),
        text(|row| row.series.interval.map(|interval| interval.to_string())),
        text(|row| Some(row.frequency.to_string())),
        dates(rows, |(row, _)| row.archives.first().map(Period::start)),
        dates(rows, |(row, _)| row.archives.last().map(Period::end)),
        dates(rows, |(_, covered_until)| *covered_until),
        dates(rows, |(row, _)| row.dormant_since()),
        times(rows, |(row, _)| row.last_listed),
        numbers(rows, |(row, _)| i64::try_from(row.archives.archives()).ok()),
    ];
    for state in COUNTED {
        columns.push(numbers(rows, |(row, _)| i64::try_from(row.archives.count(state)).ok()));
    }
    columns.push(text(|row| Some(row.archives.to_string())));
    columns.push(text(|row| Some(row.run.to_string())));
    columns.push(times(rows, |(row, _)| Some(row.recorded_at)));
    RecordBatch::try_new(SCHEMA.arrow(), columns)
}

fn dates<T>(rows: &[T], value: impl Fn(&T) -> Option<NaiveDate>) -> ArrayRef {
    let days = rows.iter().map(|row| value(row).map(Date32Type::from_naive_date));
    Arc::new(days.collect::<Date32Array>())
}

/// Reads the rows of a batch.
pub(super) fn from_batch(batch: &RecordBatch, matrix: &Matrix) -> Result<Vec<Row>, ArrowError> {
    let columns = Columns::new(batch, SCHEMA.arrow())?;
    let mut rows = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        rows.push(match known(&columns, matrix, row) {
            Some(known) => Row::Known(Box::new(known)),
            None => Row::Unknown(columns.batch().slice(row, 1)),
        });
    }
    Ok(rows)
}

fn known(columns: &Columns, matrix: &Matrix, row: usize) -> Option<SeriesRow> {
    let interval = columns.text("bar_interval", row);
    let series = Series {
        market: columns.text("market", row)?.parse().ok()?,
        data_type: matrix.data_type(&columns.text("data_type", row)?).ok()?,
        symbol: columns.text("symbol", row)?.parse().ok()?,
        interval: interval.map(|interval| interval.parse()).transpose().ok()?,
    };
    let archives: Stretches = columns.text("archives", row)?.parse().ok()?;
    let frequency = columns.text("frequency", row)?.parse().ok()?;
    let is_alike = archives.first().is_none_or(|first| first.frequency() == frequency);
    is_alike.then_some(SeriesRow {
        series,
        frequency,
        last_listed: columns.time("last_listed", row),
        archives,
        run: columns.text("run", row)?.into(),
        recorded_at: columns.time("recorded_at", row)?,
    })
}

/// Returns the last of the days without a gap that archives with rows in silver cover, from the
/// first one on.
pub(super) fn covered_until<'a>(
    archives: impl IntoIterator<Item = &'a Stretches>,
) -> Option<NaiveDate> {
    let mut held = Vec::new();
    for stretches in archives {
        let of_state = stretches.iter().filter(|stretch| stretch.state == ArchiveState::Held);
        held.extend(of_state.map(|stretch| (stretch.first.start(), stretch.last.end())));
    }
    held.sort_unstable();
    let mut covered: Option<NaiveDate> = None;
    for (first, last) in held {
        let follows =
            covered.is_none_or(|covered| covered.succ_opt().is_none_or(|next| first <= next));
        if !follows {
            break;
        }
        covered = covered.max(Some(last));
    }
    covered
}
