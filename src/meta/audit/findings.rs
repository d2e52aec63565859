//! Rows of `meta.findings` as Arrow batches and back.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::error::ArrowError;

use super::columns::{number, of_places, of_versions, recorded_rows, text};
use super::{Finding, Found, RecordedRow};
use crate::meta::columns::{Columns, numbers, texts};
use crate::meta::schema::{MetaSchema, date, integer, text as text_column, time};

/// What the table is.
pub(in crate::meta) const SCHEMA: MetaSchema = MetaSchema {
    name: "findings",
    description: "One row for everything that an audit found wrong, or unlikely to be right: a \
                  check's cases of one kind in one symbol's day together.",
    columns: &[
        text_column("check_name", "check that found it; `lakehouse audit show` explains it"),
        text_column("market", "spot, futures_um, futures_cm or options"),
        text_column("data_type", "data type of the rows, as the archive names it"),
        text_column("symbol", "symbol as published"),
        text_column("bar_interval", "length of bars; NULL for data types without bars").nullable(),
        date("date", "UTC day"),
        time("from_time", "time of the first case"),
        time("to_time", "time of the last case"),
        text_column("kind", "what is wrong, in a word; the check's name unless it finds several"),
        text_column("severity", "info, warning or error"),
        integer("cases", "how many rows, or pairs of rows, are like that"),
        text_column("expected", "what would be right"),
        text_column("found", "what the first case has instead"),
        text_column("evidence", "where the first case is, and what else speaks for it"),
        text_column("archive", "key of the archive of the first case; NULL if it is of several")
            .nullable(),
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
    let text_of = |value: fn(&Finding) -> String| texts(rows, |row| row.row.finding().map(value));
    let of_finding: [ArrayRef; 7] = [
        text_of(|finding| finding.kind.clone()),
        text_of(|finding| finding.severity.clone()),
        numbers(rows, |row| row.row.finding().map(|finding| finding.cases)),
        text_of(|finding| finding.expected.clone()),
        text_of(|finding| finding.found.clone()),
        text_of(|finding| finding.evidence.clone()),
        texts(rows, |row| row.row.finding()?.archive.clone()),
    ];
    columns.extend(of_finding);
    columns.extend(of_versions(rows));
    RecordBatch::try_new(SCHEMA.arrow(), columns)
}

pub(super) fn from_batch(batch: &RecordBatch) -> Result<Vec<RecordedRow>, ArrowError> {
    recorded_rows(&Columns::new(batch, SCHEMA.arrow())?, batch.num_rows(), |columns, row| {
        Ok(Found::Finding(Finding {
            kind: text(columns, "kind", row)?,
            severity: text(columns, "severity", row)?,
            cases: number(columns, "cases", row)?,
            expected: text(columns, "expected", row)?,
            found: text(columns, "found", row)?,
            evidence: text(columns, "evidence", row)?,
            archive: columns.text("archive", row),
        }))
    })
}
