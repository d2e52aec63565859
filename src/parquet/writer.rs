//! Data files: sorted rows in, one durable Parquet file with its statistics out.
//!
//! A file gets a name that nothing else uses and belongs to no table until a commit names it, so a
//! run that dies leaves at most a file that maintenance sweeps away. Writing is blocking work; what
//! is written is durable, and may be named, once it is published.

use std::collections::BTreeSet;
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
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use tempfile::NamedTempFile;
use uuid::Uuid;

use super::encode::{FileSink, RowGroupEncoder};
use super::encodings::writer_properties;
use super::statistics::delta_stats;
use crate::delta::TableError;
use crate::delta::file::NewFile;
use crate::delta::table::{TableSpec, WritableTable};
use crate::storage::Storage;
use crate::storage::lake::TableName;

/// The key of a data file's own metadata that lists the archives (and their versions) whose rows it
/// holds.
pub(crate) const ARCHIVES_KEY: &str = "lakehouse.archives";

/// Files that are made durable at a time.
const SETTLED_AT_ONCE: usize = 16;

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

    fn io_error(&self, path: &str) -> impl Fn(io::Error) -> TableError + use<> {
        let (table, path) = (self.table.clone(), path.to_owned());
        move |source| TableError::File { table: table.clone(), path: path.clone(), source }
    }

    /// Makes a file durable where it belongs.
    pub(crate) async fn publish(&self, written: WrittenFile) -> Result<NewFile, TableError> {
        let file = self.settle(written).await?;
        self.sync_folders([file.path.as_str()]).await?;
        Ok(file)
    }

    /// Makes files durable side by side, as [`FileTarget::publish`] does one.
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

    /// Sends what was written beside the lake to where it belongs, and syncs what is there already.
    async fn settle(&self, written: WrittenFile) -> Result<NewFile, TableError> {
        let WrittenFile { file, destination } = written;
        match destination {
            Destination::Final(path) => {
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
        done.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(self.io_error(path))
    }

    async fn send(&self, path: &str, staged: NamedTempFile) -> Result<(), TableError> {
        let failed = |error| TableError::Store {
            table: self.table.clone(),
            path: path.to_owned(),
            source: Box::new(error),
        };
        let location = object_store::path::Path::from(path);
        let upload = self
            .storage
            .store()
            .put_multipart_opts(&location, Default::default())
            .await
            .map_err(failed)?;
        let mut upload = WriteMultipart::new(upload);
        let mut reader = tokio::fs::File::open(staged.path()).await.map_err(self.io_error(path))?;
        let mut buffer = vec![0; 8 << 20];
        loop {
            let read = tokio::io::AsyncReadExt::read(&mut reader, &mut buffer).await;
            let read = read.map_err(self.io_error(path))?;
            if read == 0 {
                break;
            }
            upload.wait_for_capacity(4).await.map_err(failed)?;
            upload.put(Bytes::copy_from_slice(&buffer[..read]));
        }
        upload.finish().await.map(|_| ()).map_err(failed)
    }

    /// Deletes files that no commit names; what cannot be deleted is swept away when it is old.
    pub(crate) async fn discard(&self, files: &[NewFile]) {
        let store = self.storage.store();
        for file in files {
            if let Err(error) =
                store.delete(&object_store::path::Path::from(file.path.as_str())).await
            {
                tracing::debug!(table = %self.table, %error, "a file that did not land stays for now");
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
    /// Removes a file that will not be committed; what cannot be removed is swept away by
    /// maintenance.
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
    /// Beside the lake.
    Staged(NamedTempFile),
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
            open_destination(&target.storage, &path).map_err(target.io_error(&path))?;
        // Readers get the types from the Parquet schema; the in-memory encoding is not the table's
        // business.
        let options = ArrowWriterOptions::new()
            .with_properties(target.properties.clone())
            .with_skip_arrow_metadata(true);
        let buffered = BufWriter::with_capacity(1 << 20, file);
        let writer =
            ArrowWriter::try_new_with_options(buffered, Arc::clone(&target.schema), options);
        let (file, columns) = writer
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(target.parquet_error(&path))?;
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
        written.map_err(self.target.parquet_error(&self.path))?;
        self.rows += batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
        Ok(())
    }

    /// Ends the row group, so that nothing stays in memory.
    pub(crate) fn end_row_group(&mut self) -> Result<(), TableError> {
        self.encoder.finish(&mut self.file).map_err(self.target.parquet_error(&self.path))
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
        let failed = self.target.parquet_error(&self.path);
        let io_failed = self.target.io_error(&self.path);
        if let Some(archives) = archives {
            self.file.append_key_value_metadata(KeyValue::new(ARCHIVES_KEY.to_owned(), archives));
        }
        let footer = self.file.finish().map_err(&failed)?;
        self.file.inner_mut().flush().map_err(&io_failed)?;
        let size = self.file.inner().get_ref().metadata().map_err(&io_failed)?.len();
        let stats = delta_stats(&footer);
        let (path, rows, partition_values) = (self.path, self.rows, self.partition_values);
        let file = NewFile { path, size, rows, partition_values, stats };
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
