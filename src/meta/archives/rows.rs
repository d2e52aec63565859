//! Rows of `meta.archives` as Arrow batches; `parse` reads them back.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, RecordBatch};
use arrow::compute::{
    SortColumn, SortOptions, concat_batches, lexsort_to_indices, take_record_batch,
};
use arrow::datatypes::Date32Type;
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lakehouse_core::ledger::LedgerEntry;

use crate::meta::columns::{numbers, texts, times};
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
             `failed`: could not be fetched; `removed`: taken out with `lakehouse remove`, and \
             left out of plans",
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
