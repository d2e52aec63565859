//! Data files: sorted rows in, one synced Parquet file with its statistics out.
//!
//! A file gets a name that nothing else uses and belongs to no table until a commit names it, so a run
//! that dies leaves at most a file that maintenance sweeps away. Writing is blocking work.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use bytes::Bytes;
use object_store::{ObjectStoreExt, WriteMultipart};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use tempfile::NamedTempFile;
use uuid::Uuid;

use super::TableError;
use super::stats::delta_stats;
use super::table::{LakeTable, TableSpec};
use crate::lake::TableName;
use crate::storage::Storage;

/// The key of a data file's own metadata that lists the archives (and their versions) whose rows it holds.
pub(crate) const ARCHIVES_KEY: &str = "lakehouse.archives";

/// A finished data file that no commit names yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DataFile {
    /// Relative to the table's folder.
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) rows: u64,
    pub(crate) partition_values: Vec<(String, String)>,
    pub(crate) stats: String,
}

/// Where a table's data files go, and how they are written.
#[derive(Clone, Debug)]
pub(crate) struct FileTarget {
    table: TableName,
    storage: Storage,
    schema: SchemaRef,
    properties: WriterProperties,
}

impl FileTarget {
    pub(crate) fn new(table: &LakeTable) -> Self {
        Self::of(&table.spec, table.storage.clone())
    }

    /// Makes the target of a table that need not exist yet; `storage` is the table's folder.
    pub(crate) fn of(spec: &TableSpec, storage: Storage) -> Self {
        let schema = spec.file_schema();
        let properties = writer_properties(spec, &schema);
        Self { table: spec.name.clone(), storage, schema, properties }
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    pub(crate) const fn table(&self) -> &TableName {
        &self.table
    }

    fn parquet_error(&self, path: &str) -> impl Fn(ParquetError) -> TableError + use<> {
        let (table, path) = (self.table.clone(), path.to_owned());
        move |source| TableError::Parquet { table: table.clone(), path: path.clone(), source }
    }

    fn io_error(&self, path: &str) -> impl Fn(std::io::Error) -> TableError + use<> {
        let (table, path) = (self.table.clone(), path.to_owned());
        move |source| TableError::File { table: table.clone(), path: path.clone(), source }
    }

    /// Sends a file that was written beside the lake to where it belongs; local files are there already.
    pub(crate) async fn publish(&self, written: WrittenFile) -> Result<DataFile, TableError> {
        let WrittenFile { file, staged } = written;
        let Some(staged) = staged else { return Ok(file) };
        let path = object_store::path::Path::from(file.path.as_str());
        let failed =
            |error| TableError::Store { table: self.table.clone(), path: file.path.clone(), source: Box::new(error) };
        let upload = self.storage.store().put_multipart_opts(&path, Default::default()).await.map_err(failed)?;
        let mut upload = WriteMultipart::new(upload);
        let mut reader = tokio::fs::File::open(staged.path()).await.map_err(self.io_error(&file.path))?;
        let mut buffer = vec![0; 8 << 20];
        loop {
            let read = tokio::io::AsyncReadExt::read(&mut reader, &mut buffer).await;
            let read = read.map_err(self.io_error(&file.path))?;
            if read == 0 {
                break;
            }
            upload.wait_for_capacity(4).await.map_err(failed)?;
            upload.put(Bytes::copy_from_slice(&buffer[..read]));
        }
        upload.finish().await.map_err(failed)?;
        Ok(file)
    }

    /// Deletes files that no commit names; what cannot be deleted is swept away when it is old.
    pub(crate) async fn discard(&self, files: &[DataFile]) {
        let store = self.storage.store();
        for file in files {
            if let Err(error) = store.delete(&object_store::path::Path::from(file.path.as_str())).await {
                tracing::debug!(table = %self.table, %error, "a file that did not land stays for now");
            }
        }
    }
}

/// A data file that is complete, here or in a local file that is still to be sent.
#[derive(Debug)]
pub(crate) struct WrittenFile {
    pub(crate) file: DataFile,
    staged: Option<NamedTempFile>,
}

impl WrittenFile {
    /// Removes a file that will not be committed; what cannot be removed is swept away by maintenance.
    pub(crate) fn discard(self, target: &FileTarget) {
        if let Some(folder) = target.storage.local_folder() {
            let _ = std::fs::remove_file(folder.join(self.file.path));
        }
    }
}

/// A data file that is being written.
#[derive(Debug)]
pub(crate) struct DataFileWriter {
    target: Arc<FileTarget>,
    path: String,
    partition_values: Vec<(String, String)>,
    destination: Destination,
    writer: ArrowWriter<BufWriter<File>>,
    rows: u64,
}

#[derive(Debug)]
enum Destination {
    Final(PathBuf),
    Staged(NamedTempFile),
}

impl DataFileWriter {
    /// Begins a file in a partition; the values are those of the table's partition columns, in order.
    pub(crate) fn create(
        target: &Arc<FileTarget>,
        partition_values: Vec<(String, String)>,
    ) -> Result<Self, TableError> {
        let folders: String = partition_values.iter().map(|(column, value)| format!("{column}={value}/")).collect();
        let path = format!("{folders}part-{}.parquet", Uuid::now_v7().simple());
        let (destination, file) = open_destination(&target.storage, &path).map_err(target.io_error(&path))?;
        // Readers get the types from the Parquet schema; the in-memory encoding is not the table's business.
        let options =
            ArrowWriterOptions::new().with_properties(target.properties.clone()).with_skip_arrow_metadata(true);
        let buffered = BufWriter::with_capacity(1 << 20, file);
        let writer = ArrowWriter::try_new_with_options(buffered, Arc::clone(&target.schema), options);
        let writer = writer.map_err(target.parquet_error(&path))?;
        Ok(Self { target: Arc::clone(target), path, partition_values, destination, writer, rows: 0 })
    }

    /// Appends rows and ends the row group behind them, so that nothing stays in memory.
    pub(crate) fn write_row_group(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        let failed = self.target.parquet_error(&self.path);
        self.writer.write(batch).map_err(&failed)?;
        self.writer.flush().map_err(&failed)?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Appends rows; the writer ends row groups by itself and keeps no more than one in memory, encoded.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        self.writer.write(batch).map_err(self.target.parquet_error(&self.path))?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Returns how many rows the file has so far.
    pub(crate) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns about how many bytes the file has so far.
    pub(crate) fn size(&self) -> u64 {
        (self.writer.bytes_written() + self.writer.in_progress_size()) as u64
    }

    /// Ends the file: its footer is written and its bytes have reached the disk.
    pub(crate) fn finish(mut self, archives: Option<String>) -> Result<WrittenFile, TableError> {
        let failed = self.target.parquet_error(&self.path);
        let io_failed = self.target.io_error(&self.path);
        if let Some(archives) = archives {
            self.writer.append_key_value_metadata(KeyValue::new(ARCHIVES_KEY.to_owned(), archives));
        }
        let footer = self.writer.finish().map_err(&failed)?;
        self.writer.inner_mut().flush().map_err(&io_failed)?;
        let file = self.writer.inner().get_ref();
        file.sync_all().map_err(&io_failed)?;
        let size = file.metadata().map_err(&io_failed)?.len();
        let staged = match self.destination {
            Destination::Final(path) => sync_folder(&path).map(|()| None).map_err(&io_failed)?,
            Destination::Staged(file) => Some(file),
        };
        let stats = delta_stats(&footer);
        let (path, rows, partition_values) = (self.path, self.rows, self.partition_values);
        Ok(WrittenFile { file: DataFile { path, size, rows, partition_values, stats }, staged })
    }

    /// Gives the file up.
    pub(crate) fn discard(self) {
        if let Destination::Final(path) = &self.destination {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn open_destination(storage: &Storage, path: &str) -> std::io::Result<(Destination, File)> {
    let Some(folder) = storage.local_folder() else {
        let staged = NamedTempFile::new()?;
        let file = staged.reopen()?;
        return Ok((Destination::Staged(staged), file));
    };
    let path = folder.join(path);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let file = File::create_new(&path)?;
    Ok((Destination::Final(path), file))
}

fn sync_folder(file: &Path) -> std::io::Result<()> {
    file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Chooses encodings by type: counters and times are deltas, everything else is a dictionary while
/// that pays.
fn writer_properties(spec: &TableSpec, schema: &SchemaRef) -> WriterProperties {
    let sorting = spec.sort_columns.iter().filter_map(|column| schema.index_of(column).ok());
    let sorting = sorting.filter_map(|index| i32::try_from(index).ok());
    let sorting = sorting.map(|column_idx| SortingColumn { column_idx, descending: false, nulls_first: false });
    let sorting: Vec<SortingColumn> = sorting.collect();
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(1 << 20))
        .set_sorting_columns((!sorting.is_empty()).then_some(sorting));
    for field in schema.fields() {
        if matches!(field.data_type(), DataType::Int64 | DataType::Timestamp(..)) {
            let column = ColumnPath::from(field.name().as_str());
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
        }
    }
    properties.build()
}
