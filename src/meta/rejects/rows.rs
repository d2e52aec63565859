//! Rows of `meta.rejects` as Arrow batches, and which archives they are about.

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use lakehouse_core::decode::Reject;
use parquet::arrow::ProjectionMask;

use crate::delta::TableError;
use crate::delta::file::ActiveFile;
use crate::delta::table::WritableTable;
use crate::meta::columns::{numbers, texts};
use crate::meta::schema::{MetaSchema, integer, text};
use crate::parquet::reader::open_file;

/// What the table is.
pub(in crate::meta) const SCHEMA: MetaSchema = MetaSchema {
    name: "rejects",
    description: "One row for every row of an archive or of an API answer that could not be kept.",
    columns: &[
        text("archive", "key of the archive, or `api:` and the answer"),
        integer("line", "line of its CSV, or position in the answer, from 1"),
        text("column", "column that cannot be read; empty if it is the line as a whole"),
        text("value", "text in that column"),
        text("reason", "why it cannot be kept"),
        text("raw", "the line, as far as it is kept"),
        text("run", "run that read it"),
    ],
    sort_columns: &[],
    unique_columns: &[],
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

/// Reads which archives have rejects in a file, once for neighbouring rows.
pub(super) async fn for_each_archive_in(
    table: &WritableTable,
    file: &ActiveFile,
    mut take: impl FnMut(&str),
) -> Result<(), TableError> {
    let reader = open_file(table, file).await?;
    let builder = reader.rows()?;
    let only = ProjectionMask::columns(builder.parquet_schema(), ["archive"]);
    let batches = builder.with_projection(only).build();
    for batch in batches.map_err(|error| reader.parquet_error(error))? {
        let batch = batch.map_err(TableError::arrow(&table.spec.name))?;
        let texts = cast(batch.column(0), &DataType::Utf8);
        let texts = texts.map_err(TableError::arrow(&table.spec.name))?;
        let mut last = None;
        for archive in texts.as_string::<i32>().iter().flatten() {
            if last != Some(archive) {
                take(archive);
            }
            last = Some(archive);
        }
    }
    Ok(())
}
