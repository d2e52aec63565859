//! Rows of `meta.changes` as Arrow batches, and back.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::error::ArrowError;

use super::Correction;
use crate::meta::columns::{Columns, numbers, texts, times};
use crate::meta::schema::{MetaSchema, integer, text, time};

/// What the table is.
pub(in crate::meta) const SCHEMA: MetaSchema = MetaSchema {
    name: "changes",
    description: "One row for every correction: an archive whose rows in silver were replaced by \
                  those of another version. Counts are of rows in the table, so of the days that \
                  the archive owns. `lakehouse changes` prints it.",
    columns: &[
        text("archive", "key of the archive"),
        text("market", "`spot`, `futures_um`, `futures_cm` or `options`"),
        text("data_type", "data type under the archive's own name, such as `aggTrades`"),
        text("symbol", "symbol, as the archive spells it"),
        text("bar_interval", "length of the bars, where there are bars").nullable(),
        text("old_sha256", "version whose rows were removed; its zip stays in bronze"),
        text("new_sha256", "version whose rows replaced them"),
        integer(
            "rows_added",
            "rows with a key (id, or time) that the old version did not have on that day",
        ),
        integer("rows_removed", "rows with a key that the new version does not have on that day"),
        integer("rows_changed", "rows with the same key and other values"),
        time("committed_at", "when the commit was made"),
        text("silver_table", "table, such as `silver.klines`"),
        integer(
            "silver_version",
            "version of that table with the new rows; the version before it has the old ones",
        ),
        text("run", "run that made the commit"),
    ],
    sort_columns: &[],
    unique_columns: &[],
};

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
    RecordBatch::try_new(SCHEMA.arrow(), columns)
}

/// Reads corrections.
pub(super) fn from_batch(batch: &RecordBatch) -> Result<Vec<Correction>, ArrowError> {
    let columns = Columns::new(batch, SCHEMA.arrow())?;
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
