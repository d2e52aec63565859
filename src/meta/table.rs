//! What the lake's own tables have in common: opened or created, written to one file at a time,
//! read file by file.
//!
//! What a row is, and which rows a commit replaces, is the business of each table.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;

use super::schema::MetaSchema;
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext, commit};
use crate::delta::file::{ActiveFile, NewFile};
use crate::delta::table::WritableTable;
use crate::parquet::reader::open_file;
use crate::parquet::writer::{DataFileWriter, FileTarget};
use crate::storage::Storage;
use crate::storage::lake::Lake;

/// Rows of a row group: few enough that those of one archive are found without reading many others.
pub(super) const ROW_GROUP_ROWS: usize = 16 << 10;

/// Returns how files of a table are written, which need not exist yet; `storage` is its folder.
pub(super) fn file_target(schema: &MetaSchema, storage: Storage) -> FileTarget {
    let target = FileTarget::of(&schema.table_spec(), storage);
    match schema.unique_columns {
        [] => target,
        columns => target.with_look_ups(columns),
    }
}

/// One of the lake's own tables, at its newest version when it was last read or written.
#[derive(Debug)]
pub(super) struct MetaTable {
    table: WritableTable,
    target: Arc<FileTarget>,
}

impl MetaTable {
    /// Opens the table, and creates it first when it is missing.
    pub(super) async fn open_or_create(
        lake: &Lake,
        schema: &MetaSchema,
    ) -> Result<Self, TableError> {
        let table = WritableTable::open_or_create(lake, schema.table_spec()).await?;
        Ok(Self::new(table, schema))
    }

    /// Opens the table, or returns nothing when there is none; writes nothing.
    pub(super) async fn open(lake: &Lake, schema: &MetaSchema) -> Result<Option<Self>, TableError> {
        let table = WritableTable::open(lake, schema.table_spec()).await?;
        Ok(table.map(|table| Self::new(table, schema)))
    }

    fn new(table: WritableTable, schema: &MetaSchema) -> Self {
        let target = Arc::new(file_target(schema, table.storage.clone()));
        Self { table, target }
    }

    /// Returns the Delta table.
    pub(super) const fn delta(&self) -> &WritableTable {
        &self.table
    }

    /// Returns where files of the table are written.
    pub(super) const fn target(&self) -> &Arc<FileTarget> {
        &self.target
    }

    /// Moves on to the newest version.
    pub(super) async fn refresh(&mut self) -> Result<(), TableError> {
        self.table.refresh().await
    }

    /// Writes rows to a file that no commit names yet.
    pub(super) async fn write(&self, rows: &[RecordBatch]) -> Result<NewFile, TableError> {
        write_file(&self.target, rows).await
    }

    /// Commits what `decide` returns for the newest version, as [`commit`] does.
    pub(super) async fn commit(
        &mut self,
        context: &CommitContext,
        mut decide: impl AsyncFnMut(
            &WritableTable,
            &Arc<FileTarget>,
        ) -> Result<Option<Change>, TableError>,
    ) -> Result<(), TableError> {
        let Self { table, target } = self;
        let decide = async |table: &WritableTable| decide(table, target).await;
        commit(table, context, decide).await.map(|_| ())
    }
}

/// Writes batches of rows to one new file of a table; it belongs to the table once a commit names
/// it.
pub(super) async fn write_file(
    target: &Arc<FileTarget>,
    rows: &[RecordBatch],
) -> Result<NewFile, TableError> {
    let mut file = DataFileWriter::create(target, Vec::new())?;
    for batch in rows {
        let mut start = 0;
        while start < batch.num_rows() {
            let rows = batch.slice(start, ROW_GROUP_ROWS.min(batch.num_rows() - start));
            start += rows.num_rows();
            file.write(&[rows])?;
            file.end_row_group()?;
        }
    }
    target.publish(file.finish(None)?).await
}

/// Reads all rows of a file, which `from_batch` takes out of each batch.
pub(super) async fn read_rows<T>(
    table: &WritableTable,
    file: &ActiveFile,
    from_batch: impl Fn(&RecordBatch) -> Result<Vec<T>, ArrowError>,
) -> Result<Vec<T>, TableError> {
    let failed = TableError::arrow(&table.spec.name);
    let file = open_file(table, file).await?;
    let mut rows = Vec::new();
    for batch in file.rows()?.build().map_err(|error| file.parquet_error(error))? {
        let batch = batch.map_err(&failed)?;
        rows.extend(from_batch(&batch).map_err(&failed)?);
    }
    Ok(rows)
}
