//! Rows of `meta.changes` as Arrow batches, and back.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::Correction;
use crate::delta::table::TableSpec;
use crate::meta::columns::{Columns, numbers, texts, times, timestamp_type};
use crate::storage::lake::{Layer, TableName};

/// Describes the table.
pub(super) fn table_spec() -> TableSpec {
    TableSpec {
        name: TableName::new(Layer::Meta, "changes"),
        schema: schema(),
        partition_columns: Vec::new(),
        sort_columns: Vec::new(),
    }
}

fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let number = |name: &str| Field::new(name, DataType::Int64, false);
    Arc::new(Schema::new(vec![
        text("archive"),
        text("market"),
        text("data_type"),
        text("symbol"),
        Field::new("bar_interval", DataType::Utf8, true),
        text("old_sha256"),
        text("new_sha256"),
        number("rows_added"),
        number("rows_removed"),
        number("rows_changed"),
        Field::new("committed_at", timestamp_type(), false),
        text("silver_table"),
        number("silver_version"),
        text("run"),
    ]))
}

/// Makes a batch of corrections.
pub(super) fn to_batch(corrections: &[Correction]) -> Result<RecordBatch, ArrowError> {
    let count = |rows: u64| i64::try_from(rows).ok();
    let columns: Vec<ArrayRef> = vec![
        texts(corrections, |correction| Some(correction.archive.clone())),
        texts(corrections, |correction| Some(correction.market.clone())),
        texts(corrections, |correction| Some(correction.data_type.clone())),
        texts(corrections, |correction| Some(correction.symbol.clone())),
        texts(corrections, |correction| correction.bar_interval.clone()),
        texts(corrections, |correction| Some(correction.old_sha256.clone())),
        texts(corrections, |correction| Some(correction.new_sha256.clone())),
        numbers(corrections, |correction| count(correction.rows_added)),
        numbers(corrections, |correction| count(correction.rows_removed)),
        numbers(corrections, |correction| count(correction.rows_changed)),
        times(corrections, |correction| Some(correction.committed_at)),
        texts(corrections, |correction| Some(correction.silver_table.clone())),
        numbers(corrections, |correction| Some(correction.silver_version)),
        texts(corrections, |correction| Some(correction.run.clone())),
    ];
    RecordBatch::try_new(schema(), columns)
}

/// Reads corrections.
pub(super) fn from_batch(batch: &RecordBatch) -> Result<Vec<Correction>, ArrowError> {
    let columns = Columns::new(batch, schema())?;
    let read = |row| {
        let text = |name| columns.text(name, row).unwrap_or_default();
        let count = |name| {
            columns.number(name, row).and_then(|rows| u64::try_from(rows).ok()).unwrap_or_default()
        };
        Correction {
            silver_table: text("silver_table"),
            silver_version: columns.number("silver_version", row).unwrap_or_default(),
            committed_at: columns.time("committed_at", row).unwrap_or_default(),
            run: text("run"),
            archive: text("archive"),
            market: text("market"),
            data_type: text("data_type"),
            symbol: text("symbol"),
            bar_interval: columns.text("bar_interval", row),
            old_sha256: text("old_sha256"),
            new_sha256: text("new_sha256"),
            rows_added: count("rows_added"),
            rows_removed: count("rows_removed"),
            rows_changed: count("rows_changed"),
        }
    };
    Ok((0..batch.num_rows()).map(read).collect())
}
