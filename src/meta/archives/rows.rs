//! Rows of `meta.archives` as Arrow batches, and back.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, Date32Array, RecordBatch};
use arrow::compute::{
    SortColumn, SortOptions, concat_batches, filter_record_batch, lexsort_to_indices,
    take_record_batch,
};
use arrow::datatypes::Date32Type;
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lakehouse_core::ledger::{ArchiveStatus, ChecksumState, LedgerEntry};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::names::days::DaySet;

use super::wanted::KeySet;
use crate::meta::columns::{Columns, numbers, texts, times};
use crate::meta::schema::{MetaSchema, date, integer, text, time};

/// What the table is.
pub(in crate::meta) const SCHEMA: MetaSchema = MetaSchema {
    name: "archives",
    description: "The ledger: one row for every archive, and every version of it, that the lake \
                  knows. Rows of archives in silver follow from silver's log; `maintain \
                  --rebuild-ledger` makes them again from there.",
    columns: &[
        text("archive", "key of the archive, as the source spells it"),
        text("market", "`spot`, `futures_um`, `futures_cm` or `options`"),
        text("data_type", "data type under the archive's own name, such as `aggTrades`"),
        text("symbol", "symbol, as the archive spells it"),
        text("bar_interval", "length of the bars, where there are bars").nullable(),
        text("frequency", "`daily` or `monthly`"),
        date("period_start", "first day of the archive's period"),
        date("period_end", "last day of the archive's period"),
        integer("size", "bytes of the zip").nullable(),
        text("etag", "entity tag at the source").nullable(),
        time("last_modified", "when it was last changed, according to the source").nullable(),
        text("sha256", "SHA-256 of the zip: the version of the archive").nullable(),
        text("checksum", "`match`, `mismatch`, `absent` (none is published) or `unchecked`"),
        text(
            "status",
            "`ingested`: in silver; `superseded`: was in silver, until another version replaced \
             it; `yielded`: another copy is more complete on all its days; `not_published`; \
             `quarantined`: bytes never matched the checksum; `rejected`: bytes cannot be read; \
             `failed`: could not be fetched",
        ),
        integer("rows", "rows in silver"),
        integer("rejected_rows", "rows that could not be kept"),
        time("min_time", "event time of its first row").nullable(),
        time("max_time", "event time of its last row").nullable(),
        integer("silver_version", "version of the silver table that holds the rows").nullable(),
        text("run", "run that recorded the row"),
        time("recorded_at", "when it was recorded"),
        text(
            "reason",
            "why it has this status, and the result for days that another copy holds too",
        )
        .nullable(),
        text(
            "owned_days",
            "days of the month whose rows in silver are the archive's, such as `1-9,13`, or \
             `none`; NULL if it owns all days of its period",
        )
        .nullable(),
        text("rival", "SHA-256 of the monthly archive with which a daily archive was compared")
            .nullable(),
        text(
            "checksum_tag",
            "entity tag, or time, of the checksum file that a quarantined archive does not match",
        )
        .nullable(),
    ],
    sort_columns: &["archive"],
    unique_columns: &["archive", "sha256", "etag"],
};

/// Makes a batch of ledger rows.
fn to_batch(entries: &[LedgerEntry]) -> Result<RecordBatch, ArrowError> {
    let columns: Vec<ArrayRef> = vec![
        texts(entries, |entry| Some(entry.key.path().to_owned())),
        texts(entries, |entry| Some(entry.key.market().to_string())),
        texts(entries, |entry| Some(entry.key.data_type().to_string())),
        texts(entries, |entry| Some(entry.key.symbol().to_string())),
        texts(entries, |entry| entry.key.interval().map(|interval| interval.to_string())),
        texts(entries, |entry| Some(entry.key.period().frequency().to_string())),
        dates(entries, |entry| entry.key.period().start()),
        dates(entries, |entry| entry.key.period().end()),
        numbers(entries, |entry| entry.size.and_then(|size| i64::try_from(size).ok())),
        texts(entries, |entry| entry.etag.clone()),
        times(entries, |entry| entry.last_modified),
        texts(entries, |entry| entry.sha256.as_deref().map(str::to_owned)),
        texts(entries, |entry| Some(entry.checksum.as_str().to_owned())),
        texts(entries, |entry| Some(entry.status.to_string())),
        numbers(entries, |entry| i64::try_from(entry.rows).ok()),
        numbers(entries, |entry| i64::try_from(entry.rejected_rows).ok()),
        times(entries, |entry| entry.min_time),
        times(entries, |entry| entry.max_time),
        numbers(entries, |entry| entry.silver_version),
        texts(entries, |entry| Some(entry.run.to_string())),
        times(entries, |entry| Some(entry.recorded_at)),
        texts(entries, |entry| entry.reason.clone()),
        texts(entries, |entry| entry.days.map(|days| days.to_string())),
        texts(entries, |entry| entry.competing_version.as_deref().map(str::to_owned)),
        texts(entries, |entry| entry.checksum_tag.clone()),
    ];
    RecordBatch::try_new(SCHEMA.arrow(), columns)
}

fn dates(entries: &[LedgerEntry], value: impl Fn(&LedgerEntry) -> NaiveDate) -> ArrayRef {
    Arc::new(
        entries
            .iter()
            .map(|entry| Some(Date32Type::from_naive_date(value(entry))))
            .collect::<Date32Array>(),
    )
}

/// Rows of the ledger, as far as this program understands them.
#[derive(Debug)]
pub(in crate::meta) enum Row {
    Known(Box<LedgerEntry>),
    /// Rows whose archive the matrix does not know, or with a value of a newer program: they are
    /// written again as they are.
    Unknown(RecordBatch),
}

/// Makes the batches of a file of known and unknown rows, in the table's order.
pub(in crate::meta) fn to_batches(
    entries: &[LedgerEntry],
    unknown: &[RecordBatch],
) -> Result<Vec<RecordBatch>, ArrowError> {
    let known = to_batch(entries)?;
    if unknown.is_empty() {
        return Ok(vec![known]);
    }
    let rows = concat_batches(&SCHEMA.arrow(), std::iter::once(&known).chain(unknown))?;
    let column = |name| rows.column_by_name(name).cloned().map(sort_column);
    let order: Vec<SortColumn> =
        ["archive", "recorded_at"].into_iter().filter_map(column).collect();
    let order = lexsort_to_indices(&order, None)?;
    Ok(vec![take_record_batch(&rows, &order)?])
}

fn sort_column(values: ArrayRef) -> SortColumn {
    SortColumn { values, options: Some(SortOptions { descending: false, nulls_first: false }) }
}

/// Reads ledger rows.
pub(in crate::meta) fn from_batch(
    batch: &RecordBatch,
    matrix: &Matrix,
) -> Result<Vec<Row>, ArrowError> {
    let columns = Columns::new(batch, SCHEMA.arrow())?;
    let mut rows = Vec::with_capacity(batch.num_rows());
    let mut unknown = BooleanBuilder::with_capacity(batch.num_rows());
    // A run records many archives; neighbouring rows share one copy of its name.
    let mut run: Arc<str> = Arc::default();
    for row in 0..batch.num_rows() {
        let Some(Parsed { key, status, checksum, days }) = Parsed::of(&columns, row, matrix) else {
            unknown.append_value(true);
            continue;
        };
        unknown.append_value(false);
        let number = |name| columns.number(name, row).and_then(|number| u64::try_from(number).ok());
        let text = |name| columns.text(name, row).unwrap_or_default();
        if *run != *text("run") {
            run = text("run").into();
        }
        rows.push(Row::Known(Box::new(LedgerEntry {
            key,
            status,
            checksum,
            size: number("size"),
            etag: columns.text("etag", row),
            last_modified: columns.time("last_modified", row),
            checksum_tag: columns.text("checksum_tag", row),
            sha256: columns.text("sha256", row).map(Into::into),
            rows: number("rows").unwrap_or_default(),
            rejected_rows: number("rejected_rows").unwrap_or_default(),
            min_time: columns.time("min_time", row),
            max_time: columns.time("max_time", row),
            silver_version: columns.number("silver_version", row),
            run: Arc::clone(&run),
            recorded_at: columns.time("recorded_at", row).unwrap_or_default(),
            reason: columns.text("reason", row),
            days,
            competing_version: columns.text("rival", row).map(Into::into),
        })));
    }
    let unknown = filter_record_batch(columns.batch(), &unknown.finish())?;
    if unknown.num_rows() > 0 {
        rows.push(Row::Unknown(unknown));
    }
    Ok(rows)
}

/// Returns the rows of a batch but for those of some archives that this program understands.
pub(super) fn without(
    batch: &RecordBatch,
    keys: &KeySet,
    matrix: &Matrix,
) -> Result<RecordBatch, ArrowError> {
    let columns = Columns::new(batch, SCHEMA.arrow())?;
    let mut stays = BooleanBuilder::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let goes = columns.text("archive", row).is_some_and(|archive| keys.has(&archive))
            && Parsed::of(&columns, row, matrix).is_some();
        stays.append_value(!goes);
    }
    filter_record_batch(columns.batch(), &stays.finish())
}

/// The values of a row that a newer program may have written in words that this one does not know.
struct Parsed {
    key: ArchiveKey,
    status: ArchiveStatus,
    checksum: ChecksumState,
    days: Option<DaySet>,
}

impl Parsed {
    /// Returns nothing if one of them is not understood: another value in its place would change
    /// what the lake holds.
    fn of(columns: &Columns, row: usize, matrix: &Matrix) -> Option<Self> {
        let days = match columns.text("owned_days", row) {
            Some(days) => Some(days.parse().ok()?),
            None => None,
        };
        Some(Self {
            key: matrix.identify(&columns.text("archive", row)?).ok()?,
            status: columns.text("status", row)?.parse().ok()?,
            checksum: columns.text("checksum", row)?.parse().ok()?,
            days,
        })
    }
}
