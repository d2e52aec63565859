//! Rows of `meta.archives` as Arrow batches, and back.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lakehouse_core::ledger::{ArchiveStatus, ChecksumState, LedgerEntry};
use lakehouse_core::matrix::Matrix;

use crate::delta::table::TableSpec;
use crate::meta::columns::{Columns, numbers, texts, times, timestamp_type};
use crate::storage::lake::{Layer, TableName};

/// Describes the table.
pub(in crate::meta) fn table_spec() -> TableSpec {
    TableSpec {
        name: TableName::new(Layer::Meta, "archives"),
        schema: schema(),
        partition_columns: Vec::new(),
        sort_columns: vec!["archive".to_owned()],
    }
}

fn schema() -> SchemaRef {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let time = |name: &str, nullable| Field::new(name, timestamp_type(), nullable);
    let number = |name: &str, nullable| Field::new(name, DataType::Int64, nullable);
    Arc::new(Schema::new(vec![
        text("archive", false),
        text("market", false),
        text("data_type", false),
        text("symbol", false),
        text("bar_interval", true),
        text("frequency", false),
        Field::new("period_start", DataType::Date32, false),
        Field::new("period_end", DataType::Date32, false),
        number("size", true),
        text("etag", true),
        time("last_modified", true),
        text("sha256", true),
        text("checksum", false),
        text("status", false),
        number("rows", false),
        number("rejected_rows", false),
        time("min_time", true),
        time("max_time", true),
        number("silver_version", true),
        text("run", false),
        time("recorded_at", false),
        text("reason", true),
        text("owned_days", true),
        text("rival", true),
    ]))
}

/// Makes a batch of ledger rows.
pub(super) fn to_batch(entries: &[LedgerEntry]) -> Result<RecordBatch, ArrowError> {
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
    ];
    RecordBatch::try_new(schema(), columns)
}

fn dates(entries: &[LedgerEntry], value: impl Fn(&LedgerEntry) -> NaiveDate) -> ArrayRef {
    Arc::new(
        entries
            .iter()
            .map(|entry| Some(Date32Type::from_naive_date(value(entry))))
            .collect::<Date32Array>(),
    )
}

/// Reads ledger rows; a row whose archive the matrix does not know is passed over, because nothing
/// can be planned about it.
pub(super) fn from_batch(
    batch: &RecordBatch,
    matrix: &Matrix,
) -> Result<Vec<LedgerEntry>, ArrowError> {
    let columns = Columns::new(batch, schema())?;
    let mut entries = Vec::with_capacity(batch.num_rows());
    // A run records many archives, and its name is kept once.
    let mut run: Arc<str> = Arc::default();
    for row in 0..batch.num_rows() {
        let Some(path) = columns.text("archive", row) else { continue };
        let Ok(key) = matrix.identify(&path) else { continue };
        let number = |name| columns.number(name, row).and_then(|number| u64::try_from(number).ok());
        let parsed = |name| columns.text(name, row).unwrap_or_default();
        if *run != *parsed("run") {
            run = parsed("run").into();
        }
        entries.push(LedgerEntry {
            key,
            status: parsed("status").parse().unwrap_or(ArchiveStatus::Failed),
            checksum: parsed("checksum").parse().unwrap_or(ChecksumState::Unchecked),
            size: number("size"),
            etag: columns.text("etag", row),
            last_modified: columns.time("last_modified", row),
            sha256: columns.text("sha256", row).map(Into::into),
            rows: number("rows").unwrap_or_default(),
            rejected_rows: number("rejected_rows").unwrap_or_default(),
            min_time: columns.time("min_time", row),
            max_time: columns.time("max_time", row),
            silver_version: columns.number("silver_version", row),
            run: Arc::clone(&run),
            recorded_at: columns.time("recorded_at", row).unwrap_or_default(),
            reason: columns.text("reason", row),
            days: columns.text("owned_days", row).and_then(|days| days.parse().ok()),
            competing_version: columns.text("rival", row).map(Into::into),
        });
    }
    Ok(entries)
}
