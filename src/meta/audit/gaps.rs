//! Rows of `meta.gaps` as Arrow batches and back.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::error::ArrowError;

use super::columns::{number, of_places, of_versions, recorded_rows, text};
use super::{Found, Gap, RecordedRow};
use crate::meta::columns::{Columns, numbers, texts};
use crate::meta::schema::{MetaSchema, date, integer, text as text_column, time};

/// What the table is.
pub(in crate::meta) const SCHEMA: MetaSchema = MetaSchema {
    name: "gaps",
    description: "One row for every stretch of time that a series lacks between its first and its \
                  last day, with the reason as far as it can be known.",
    columns: &[
        text_column("check_name", "check that found it; `lakehouse audit show` explains it"),
        text_column("market", "spot, futures_um, futures_cm or options"),
        text_column("data_type", "data type of the series, as the archive names it"),
        text_column("symbol", "symbol as published"),
        text_column("bar_interval", "length of bars; NULL for data types without bars").nullable(),
        date("date", "UTC day on which it begins"),
        time("from_time", "start of the first bar, or day, that is missing"),
        time("to_time", "start of the last bar, or day, that is missing"),
        integer("missing", "how many bars, or days, are missing"),
        text_column(
            "class",
            "why: not_published, archive_failed, rejected_rows, outage, \
                              maintenance, halt, … or unknown",
        ),
        text_column("evidence", "what speaks for that reason"),
        integer("opened_at", "version of this table that was the first to have it"),
        integer(
            "closed_at",
            "version of this table from which on it no longer holds; NULL if it does",
        )
        .nullable(),
    ],
    sort_columns: &["check_name", "market", "symbol", "date"],
    unique_columns: &[],
};

pub(super) fn to_batch(rows: &[RecordedRow]) -> Result<RecordBatch, ArrowError> {
    let mut columns = of_places(rows);
    let of_gap: [ArrayRef; 3] = [
        numbers(rows, |row| row.row.gap().map(|gap| gap.missing)),
        texts(rows, |row| row.row.gap().map(|gap| gap.class.clone())),
        texts(rows, |row| row.row.gap().map(|gap| gap.evidence.clone())),
    ];
    columns.extend(of_gap);
    columns.extend(of_versions(rows));
    RecordBatch::try_new(SCHEMA.arrow(), columns)
}

pub(super) fn from_batch(batch: &RecordBatch) -> Result<Vec<RecordedRow>, ArrowError> {
    recorded_rows(&Columns::new(batch, SCHEMA.arrow())?, batch.num_rows(), |columns, row| {
        Ok(Found::Gap(Gap {
            missing: number(columns, "missing", row)?,
            class: text(columns, "class", row)?,
            evidence: text(columns, "evidence", row)?,
        }))
    })
}
