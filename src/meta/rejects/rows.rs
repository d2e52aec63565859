//! Rows of `meta.rejects` as Arrow batches.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::error::ArrowError;
use lakehouse_core::decode::Reject;

use crate::meta::columns::{numbers, texts};
use crate::meta::schema::{MetaSchema, integer, text};

/// What the table is.
pub(in crate::meta) const SCHEMA: MetaSchema = MetaSchema {
    name: "rejects",
    description: "One row for every row of an archive that could not be kept.",
    columns: &[
        text("archive", "key of the archive"),
        integer("line", "line of its CSV, from 1"),
        text("column", "column that cannot be read; empty if it is the line as a whole"),
        text("value", "text in that column"),
        text("reason", "why it cannot be kept"),
        text("raw", "the line, as far as it is kept"),
        text("run", "run that read the archive"),
    ],
    sort_columns: &[],
};

/// Makes a batch of rejects of one archive.
pub(super) fn to_batch(
    archive: &str,
    rejects: &[Reject],
    run: &str,
) -> Result<RecordBatch, ArrowError> {
    let columns: Vec<ArrayRef> = vec![
        texts(rejects, |_| Some(archive.to_owned())),
        numbers(rejects, |reject| Some(i64::try_from(reject.line).unwrap_or(i64::MAX))),
        texts(rejects, |reject| Some(reject.column.clone())),
        texts(rejects, |reject| Some(reject.value.clone())),
        texts(rejects, |reject| Some(reject.reason.clone())),
        texts(rejects, |reject| Some(reject.raw.clone())),
        texts(rejects, |_| Some(run.to_owned())),
    ];
    RecordBatch::try_new(SCHEMA.arrow(), columns)
}
