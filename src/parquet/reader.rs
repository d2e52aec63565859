//! Reading data files back: in place on a local lake, through a temporary copy on others, always in
//! batches.

use std::fs::File;

use futures::StreamExt;
use object_store::ObjectStoreExt;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use tokio::io::AsyncWriteExt;

use super::writer::ARCHIVES_KEY;
use crate::delta::file::ActiveFile;
use crate::delta::table::WritableTable;
use crate::delta::{TableError, Verb};
use crate::storage::lake::TableName;
use crate::storage::regular::open_regular;

/// Opens a data file of a table and reads its footer.
pub(crate) async fn read_file(
    table: &WritableTable,
    file: &ActiveFile,
) -> Result<ParquetRecordBatchReaderBuilder<File>, TableError> {
    open_file(table, file).await?.rows()
}

/// A data file of a table that is open here, and can be read more than once.
#[derive(Debug)]
pub(crate) struct FileReader {
    table: TableName,
    path: String,
    bytes: File,
}

/// Opens a data file of a table.
pub(crate) async fn open_file(
    table: &WritableTable,
    file: &ActiveFile,
) -> Result<FileReader, TableError> {
    let bytes = match table.storage.local_folder() {
        Some(folder) => {
            let failed = TableError::cannot(Verb::Read, &table.spec.name, &file.path);
            open_regular(&folder.join(&file.path)).map_err(failed)?
        }
        None => copy(table, file).await?,
    };
    Ok(FileReader { table: table.spec.name.clone(), path: file.path.clone(), bytes })
}

impl FileReader {
    /// Begins to read the file; its footer is read at once.
    pub(crate) fn rows(&self) -> Result<ParquetRecordBatchReaderBuilder<File>, TableError> {
        let failed = TableError::cannot(Verb::Read, &self.table, &self.path);
        // Clones share one position, which is harmless: the reader seeks before each of its reads,
        // and files are read one after the other.
        let bytes = self.bytes.try_clone().map_err(failed)?;
        ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|source| self.parquet_error(source))
    }

    /// Reads the file's footer, with the index of its pages where there is one, to be used whenever
    /// the file is read.
    pub(crate) fn footer(&self) -> Result<ArrowReaderMetadata, TableError> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        ArrowReaderMetadata::load(&self.bytes, options).map_err(|source| self.parquet_error(source))
    }

    /// Begins to read the file, whose footer is known.
    pub(crate) fn rows_with(
        &self,
        footer: ArrowReaderMetadata,
    ) -> Result<ParquetRecordBatchReaderBuilder<File>, TableError> {
        let failed = TableError::cannot(Verb::Read, &self.table, &self.path);
        let bytes = self.bytes.try_clone().map_err(failed)?;
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, footer))
    }

    /// Names the file in an error.
    pub(crate) fn parquet_error(&self, source: ParquetError) -> TableError {
        TableError::cannot(Verb::Read, &self.table, &self.path)(source)
    }
}

/// Returns a data file's own list of its archives, one `archive sha256` a line; other writers leave
/// none.
pub(crate) fn listed_archives(footer: &ParquetMetaData) -> Option<&str> {
    let pairs = footer.file_metadata().key_value_metadata()?;
    pairs.iter().find(|pair| pair.key == ARCHIVES_KEY)?.value.as_deref()
}

/// Copies a remote file to one without a name, which is gone when it is closed.
async fn copy(table: &WritableTable, file: &ActiveFile) -> Result<File, TableError> {
    let name = &table.spec.name;
    let store_failed = TableError::cannot(Verb::Read, name, &file.path);
    let disk_failed = TableError::cannot(Verb::Write, name, "a temporary copy of a data file");
    let copy = tempfile::tempfile().map_err(disk_failed)?;
    let mut writer = tokio::fs::File::from_std(copy.try_clone().map_err(disk_failed)?);
    let found = table.store().get(&file.location()).await.map_err(store_failed)?;
    let mut pieces = found.into_stream();
    while let Some(piece) = pieces.next().await {
        writer.write_all(&piece.map_err(store_failed)?).await.map_err(disk_failed)?;
    }
    // Tokio's file writes in the background, and reports the last failure only here.
    writer.flush().await.map_err(disk_failed)?;
    Ok(copy)
}
