//! Reading data files back: in place on a local lake, through a temporary copy on others, always in
//! batches.

use std::fs::File;

use futures::StreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use tokio::io::AsyncWriteExt;

use super::writer::ARCHIVES_KEY;
use crate::delta::TableError;
use crate::delta::file::ActiveFile;
use crate::delta::table::WritableTable;
use crate::storage::lake::TableName;

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
        Some(folder) => File::open(folder.join(&file.path)).map_err(io_error(table, file))?,
        None => copy(table, file).await?,
    };
    Ok(FileReader { table: table.spec.name.clone(), path: file.path.clone(), bytes })
}

impl FileReader {
    /// Begins to read the file; its footer is read at once.
    pub(crate) fn rows(&self) -> Result<ParquetRecordBatchReaderBuilder<File>, TableError> {
        let io_failed = |source| TableError::File {
            table: self.table.clone(),
            path: self.path.clone(),
            source,
        };
        let bytes = self.bytes.try_clone().map_err(io_failed)?;
        ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|source| self.parquet_error(source))
    }

    /// Names the file in an error.
    pub(crate) fn parquet_error(&self, source: ParquetError) -> TableError {
        TableError::Parquet { table: self.table.clone(), path: self.path.clone(), source }
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
    let failed = |error| TableError::Store {
        table: table.spec.name.clone(),
        path: file.path.clone(),
        source: Box::new(error),
    };
    let io_failed = io_error(table, file);
    let copy = tempfile::tempfile().map_err(&io_failed)?;
    let mut writer = tokio::fs::File::from_std(copy.try_clone().map_err(&io_failed)?);
    let found = table.store().get(&Path::from(file.path.as_str())).await.map_err(failed)?;
    let mut pieces = found.into_stream();
    while let Some(piece) = pieces.next().await {
        writer.write_all(&piece.map_err(failed)?).await.map_err(&io_failed)?;
    }
    writer.flush().await.map_err(&io_failed)?;
    Ok(copy)
}

fn io_error(
    table: &WritableTable,
    file: &ActiveFile,
) -> impl Fn(std::io::Error) -> TableError + use<> {
    let (table, path) = (table.spec.name.clone(), file.path.clone());
    move |source| TableError::File { table: table.clone(), path: path.clone(), source }
}
