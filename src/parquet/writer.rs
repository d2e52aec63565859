//! Data files: sorted rows in, one durable Parquet file with its statistics out.
//!
//! A file gets a name that nothing else uses and belongs to no table until a commit names it, so a
//! run that dies leaves at most a file that maintenance deletes later. Writing is blocking work;
//! what is written is durable, and may be named, once it is published.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectStoreExt, WriteMultipart};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Encoding;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use tempfile::{NamedTempFile, TempPath};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use super::encode::{FileSink, RowGroupEncoder};
use super::encodings::writer_properties;
use super::statistics::delta_stats;
use crate::delta::file::NewFile;
use crate::delta::table::{TableSpec, WritableTable};
use crate::delta::{TableError, Verb};
use crate::storage::Storage;
use crate::storage::lake::TableName;

/// The key of a data file's own metadata that lists the archives (and their versions) whose rows it
/// holds.
pub(crate) const ARCHIVES_KEY: &str = "lakehouse.archives";

/// Files that are made durable at a time.
const SETTLED_AT_ONCE: usize = 16;
/// Bytes that are collected before they are written. Most come by the column, and are larger.
const WRITE_BUFFER: usize = 128 << 10;
/// Rows of a page in a file whose rows are looked up one by one.
const LOOK_UP_PAGE_ROWS: usize = 1 << 10;
/// Bytes of a staged file that are read at a time.
const UPLOAD_STEP: usize = 8 << 20;
/// Parts of one file that are on their way to the store at a time.
const UPLOADS_AT_ONCE: usize = 4;

/// Where a table's data files go, and how they are written.
#[derive(Clone, Debug)]
pub(crate) struct FileTarget {
    table: TableName,
    storage: Storage,
    schema: SchemaRef,
    properties: WriterProperties,
}

impl FileTarget {
    pub(crate) fn new(table: &WritableTable) -> Self {
        Self::of(&table.spec, table.storage.clone())
    }

    /// Makes the target of a table that need not exist yet; `storage` is the table's folder.
    pub(crate) fn of(spec: &TableSpec, storage: Storage) -> Self {
        let schema = spec.file_schema();
        let properties = writer_properties(&schema, &spec.sort_columns);
        Self { table: spec.name.clone(), storage, schema, properties }
    }

    /// Lets few rows be found by the first of `unique`, which sorts them: pages are short, and
    /// those of that column have bounds. Values of `unique` hardly repeat, so they have no
    /// dictionary.
    pub(crate) fn with_look_ups(mut self, unique: &[&str]) -> Self {
        let mut properties = self
            .properties
            .into_builder()
            .set_data_page_row_count_limit(LOOK_UP_PAGE_ROWS)
            .set_statistics_enabled(EnabledStatistics::Chunk);
        for column in unique {
            let column = ColumnPath::from(*column);
            properties = properties.set_column_dictionary_enabled(column, false);
        }
        if let Some(column) = unique.first() {
            let column = ColumnPath::from(*column);
            properties = properties
                .set_column_statistics_enabled(column.clone(), EnabledStatistics::Page)
                .set_column_encoding(column, Encoding::DELTA_BYTE_ARRAY);
        }
        self.properties = properties.build();
        self
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    pub(crate) const fn table(&self) -> &TableName {
        &self.table
    }

    /// Returns what makes an error of a file that cannot be written.
    fn cannot_write<'a, E: Into<Box<dyn Error + Send + Sync>>>(
        &'a self,
        path: &'a str,
    ) -> impl Fn(E) -> TableError + Copy + use<'a, E> {
        TableError::cannot(Verb::Write, &self.table, path)
    }

    /// Makes a file durable where it belongs.
    pub(crate) async fn publish(&self, written: WrittenFile) -> Result<NewFile, TableError> {
        let file = self.settle(written).await?;
        self.sync_folders([file.path.as_str()]).await?;
        Ok(file)
    }

    /// Makes files durable, several at a time, as [`FileTarget::publish`] does one.
    pub(crate) async fn publish_all(
        &self,
        written: Vec<WrittenFile>,
    ) -> Result<Vec<NewFile>, TableError> {
        let settled =
            stream::iter(written).map(|written| self.settle(written)).buffered(SETTLED_AT_ONCE);
        let files: Vec<NewFile> = settled.try_collect().await?;
        self.sync_folders(files.iter().map(|file| file.path.as_str())).await?;
        Ok(files)
    }

    /// Uploads a file that was staged outside the lake, or syncs one that is in its place already.
    async fn settle(&self, written: WrittenFile) -> Result<NewFile, TableError> {
        let WrittenFile { file, destination } = written;
        match destination {
            Destination::Final(path) => {
                // By name, because the file was closed: many files wait here to be synced at once,
                // and there are fewer file descriptors than a batch may have files.
                let sync = move || OpenOptions::new().write(true).open(path)?.sync_all();
                self.on_disk(&file.path, sync).await?;
            }
            Destination::Staged(staged) => self.send(&file.path, staged).await?,
        }
        Ok(file)
    }

    /// Makes the names of local files durable, and those of the folders that were made for them.
    async fn sync_folders(&self, paths: impl IntoIterator<Item = &str>) -> Result<(), TableError> {
        let Some(top) = self.storage.local_folder() else { return Ok(()) };
        // A name is an entry of its folder, and that folder one of the folder above. Files share
        // most of them, and a sync is what takes time.
        let folders = paths.into_iter().flat_map(|path| Path::new(path).ancestors().skip(1));
        let folders: BTreeSet<PathBuf> = folders.map(|folder| top.join(folder)).collect();
        let sync = move || folders.iter().try_for_each(|folder| File::open(folder)?.sync_all());
        self.on_disk("its folders", sync).await
    }

    async fn on_disk(
        &self,
        path: &str,
        work: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) -> Result<(), TableError> {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| Err(error.into())).map_err(self.cannot_write(path))
    }

    async fn send(&self, path: &str, staged: TempPath) -> Result<(), TableError> {
        let failed = self.cannot_write(path);
        let read_failed =
            TableError::cannot(Verb::Read, &self.table, "a staged file that is to be uploaded");
        let location = object_store::path::Path::from(path);
        let store = self.storage.store();
        let upload = store.put_multipart(&location).await.map_err(failed)?;
        let mut upload = WriteMultipart::new(upload);
        let mut reader = tokio::fs::File::open(&staged).await.map_err(read_failed)?;
        let mut buffer = vec![0; UPLOAD_STEP];
        loop {
            let read = reader.read(&mut buffer).await.map_err(read_failed)?;
            if read == 0 {
                break;
            }
            // Without this, parts of a large file would all wait in memory for a slow store.
            upload.wait_for_capacity(UPLOADS_AT_ONCE).await.map_err(failed)?;
            upload.put(Bytes::copy_from_slice(&buffer[..read]));
        }
        upload.finish().await.map(|_| ()).map_err(failed)
    }

    /// Deletes files that no commit names; maintenance deletes later what cannot be deleted here.
    pub(crate) async fn discard(&self, files: &[NewFile]) {
        let store = self.storage.store();
        for file in files {
            let location = object_store::path::Path::from(file.path.as_str());
            if let Err(error) = store.delete(&location).await {
                let table = &self.table;
                tracing::debug!(%table, %error, "a file that was not committed stays for now");
            }
        }
    }
}

/// A data file that is complete, and is still to be made durable.
#[derive(Debug)]
pub(crate) struct WrittenFile {
    pub(crate) file: NewFile,
    destination: Destination,
}

impl WrittenFile {
    /// Removes a file that will not be committed; maintenance deletes later what cannot be removed
    /// here.
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
    file: FileSink,
    encoder: RowGroupEncoder,
    rows: u64,
}

#[derive(Debug)]
enum Destination {
    /// In its place.
    Final(PathBuf),
    /// In a temporary file outside the lake, until it is uploaded; closed once it is written,
    /// because there are fewer file descriptors than a batch may have files.
    Staged(TempPath),
}

impl DataFileWriter {
    /// Begins a file in a partition; the values are those of the table's partition columns, in
    /// order.
    pub(crate) fn create(
        target: &Arc<FileTarget>,
        partition_values: Vec<(String, String)>,
    ) -> Result<Self, TableError> {
        let folders: String =
            partition_values.iter().map(|(column, value)| format!("{column}={value}/")).collect();
        let path = format!("{folders}part-{}.parquet", Uuid::now_v7().simple());
        let (destination, file) =
            open_destination(&target.storage, &path).map_err(target.cannot_write(&path))?;
        // Readers take the types from the Parquet schema. The Arrow schema would also say
        // which columns are dictionaries in memory, which is no property of the table.
        let options = ArrowWriterOptions::new()
            .with_properties(target.properties.clone())
            .with_skip_arrow_metadata(true);
        let buffered = BufWriter::with_capacity(WRITE_BUFFER, file);
        let writer =
            ArrowWriter::try_new_with_options(buffered, Arc::clone(&target.schema), options);
        let (file, columns) = writer
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(target.cannot_write(&path))?;
        let encoder = RowGroupEncoder::new(Arc::clone(&target.schema), columns);
        Ok(Self {
            target: Arc::clone(target),
            path,
            partition_values,
            destination,
            file,
            encoder,
            rows: 0,
        })
    }

    /// Appends rows, many at a time to keep all threads busy; row groups end by themselves, and no
    /// more than one is in memory, encoded.
    pub(crate) fn write(&mut self, batches: &[RecordBatch]) -> Result<(), TableError> {
        let written = self.encoder.write(batches, &mut self.file);
        written.map_err(self.target.cannot_write(&self.path))?;
        self.rows += batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
        Ok(())
    }

    /// Ends the row group, so that nothing stays in memory.
    pub(crate) fn end_row_group(&mut self) -> Result<(), TableError> {
        self.encoder.finish(&mut self.file).map_err(self.target.cannot_write(&self.path))
    }

    /// Returns how many rows the file has so far.
    pub(crate) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns about how many bytes the file has so far.
    pub(crate) fn size(&self) -> u64 {
        (self.file.bytes_written() + self.encoder.encoded_size()) as u64
    }

    /// Returns how many bytes of the file are in memory.
    pub(crate) fn memory_size(&self) -> usize {
        self.encoder.memory_size()
    }

    /// Ends the file with its footer.
    pub(crate) fn finish(mut self, archives: Option<String>) -> Result<WrittenFile, TableError> {
        self.end_row_group()?;
        let target = Arc::clone(&self.target);
        if let Some(archives) = archives {
            self.file.append_key_value_metadata(KeyValue::new(ARCHIVES_KEY.to_owned(), archives));
        }
        let footer = self.file.finish().map_err(target.cannot_write(&self.path))?;
        // Dropping the buffer would flush it too, but lose the error of a full disk.
        self.file.inner_mut().flush().map_err(target.cannot_write(&self.path))?;
        let metadata = self.file.inner().get_ref().metadata();
        let size = metadata.map_err(target.cannot_write(&self.path))?.len();
        let file = NewFile {
            stats: delta_stats(&footer),
            path: self.path,
            size,
            rows: self.rows,
            partition_values: self.partition_values,
        };
        Ok(WrittenFile { file, destination: self.destination })
    }

    /// Gives the file up.
    pub(crate) fn discard(self) {
        if let Destination::Final(path) = &self.destination {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn open_destination(storage: &Storage, path: &str) -> io::Result<(Destination, File)> {
    let Some(folder) = storage.local_folder() else {
        let (file, staged) = NamedTempFile::new()?.into_parts();
        return Ok((Destination::Staged(staged), file));
    };
    let path = folder.join(path);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    // A file that exists already would belong to another process.
    let file = File::create_new(&path)?;
    Ok((Destination::Final(path), file))
}
