//! Rows in several files, one for each combination of values in some of their columns:
//! `DIR/symbol=BTCUSDT/part-0.parquet`.
//!
//! The rows come sorted by these columns, so that one file is open at a time. Everything is written
//! next to its place, and moved there when it is complete.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::ArrayRef;
use arrow::compute::partition;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{Format, OutputError, Sink, folder_of};

/// The name of the folder of rows that have no value, as in Hive.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// What cannot be part of the name of a folder, or would be read as something else.
const ESCAPED: &AsciiSet =
    &CONTROLS.add(b'/').add(b'\\').add(b'=').add(b'%').add(b':').add(b'*').add(b'?').add(b'"');

/// A folder of files that is written as a whole.
#[derive(Debug)]
pub(crate) struct OutputFolder {
    place: PathBuf,
    temporary: tempfile::TempDir,
}

impl OutputFolder {
    /// Makes a folder for the files of an answer.
    ///
    /// # Errors
    /// When there is something at its place already, or nothing can be written there.
    pub(crate) fn create(place: &Path) -> io::Result<Self> {
        let is_empty = |folder: &Path| Ok::<_, io::Error>(fs::read_dir(folder)?.next().is_none());
        if place.is_file() || (place.is_dir() && !is_empty(place)?) {
            let message = "it exists and is not empty: name another folder, or remove it";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        let parent = folder_of(place);
        fs::create_dir_all(parent)?;
        let mut builder = tempfile::Builder::new();
        let temporary = builder.prefix(".lakehouse-").suffix(".tmp").tempdir_in(parent)?;
        Ok(Self { place: place.to_owned(), temporary })
    }

    /// Writes rows, which are sorted by `columns`.
    ///
    /// # Errors
    /// When the query fails, the format cannot hold a column, or a file cannot be written.
    pub(crate) async fn write(
        &self,
        stream: SendableRecordBatchStream,
        format: Format,
        columns: &[String],
    ) -> Result<(), OutputError> {
        let layout = Layout::new(&stream.schema(), columns)?;
        let mut rows = Rows { stream, layout, waiting: VecDeque::new() };
        while let Some((key, first)) = rows.next().await? {
            let mut file = BufWriter::new(self.create_file(&rows.layout, &key, format)?);
            let mut sink = Sink::open(format, &mut file, &rows.layout.schema, None)?;
            sink.write(&first)?;
            while let Some(more) = rows.next_of(&key).await? {
                sink.write(&more)?;
            }
            sink.finish()?;
            file.flush()?;
        }
        Ok(())
    }

    /// Puts the folder into its place.
    ///
    /// # Errors
    /// When it cannot be moved there.
    pub(crate) fn finish(self) -> io::Result<()> {
        if self.place.is_dir() {
            fs::remove_dir(&self.place)?;
        }
        fs::rename(self.temporary.path(), &self.place)?;
        // Nothing is left of it to be removed.
        let _ = self.temporary.keep();
        Ok(())
    }

    fn create_file(&self, layout: &Layout, key: &[String], format: Format) -> io::Result<File> {
        let mut folder = self.temporary.path().to_owned();
        for (column, value) in layout.names.iter().zip(key) {
            folder.push(format!("{}={value}", folder_name(column)));
        }
        fs::create_dir_all(&folder)?;
        File::create_new(folder.join(format!("part-0.{}", format.extension())))
    }
}

/// Which columns are written, and which name the folders.
#[derive(Debug)]
struct Layout {
    /// Names of the columns in the names of folders.
    names: Vec<String>,
    folders: Vec<usize>,
    written: Vec<usize>,
    /// The schema of the files.
    schema: SchemaRef,
}

impl Layout {
    fn new(schema: &SchemaRef, columns: &[String]) -> Result<Self, OutputError> {
        let folders: Vec<usize> =
            columns.iter().map(|column| schema.index_of(column)).collect::<Result<_, _>>()?;
        let written: Vec<usize> =
            (0..schema.fields().len()).filter(|index| !folders.contains(index)).collect();
        if written.is_empty() {
            let message = "no column is left for the files: select more than --partition-by names";
            return Err(OutputError::Format(message.to_owned()));
        }
        let schema = schema.project(&written)?.into();
        Ok(Self { names: columns.to_vec(), folders, written, schema })
    }

    /// Returns the values of a batch that name folders.
    fn keys(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>, OutputError> {
        let mut keys = Vec::new();
        for &index in &self.folders {
            let column = batch.column(index);
            keys.push(match column.data_type() {
                DataType::Dictionary(_, value) => arrow::compute::cast(column, value)?,
                _ => ArrayRef::clone(column),
            });
        }
        Ok(keys)
    }
}

/// A row's values in the columns that name folders, as they are written there.
type Key = Vec<String>;

/// The rows of an answer, in pieces that go to one file each.
struct Rows {
    stream: SendableRecordBatchStream,
    layout: Layout,
    waiting: VecDeque<(Key, RecordBatch)>,
}

impl Rows {
    async fn next(&mut self) -> Result<Option<(Key, RecordBatch)>, OutputError> {
        self.fill().await?;
        Ok(self.waiting.pop_front())
    }

    /// Returns the next rows, if they go to the same file.
    async fn next_of(&mut self, key: &Key) -> Result<Option<RecordBatch>, OutputError> {
        self.fill().await?;
        let next = self.waiting.pop_front_if(|(next, _)| next == key);
        Ok(next.map(|(_, batch)| batch))
    }

    async fn fill(&mut self) -> Result<(), OutputError> {
        while self.waiting.is_empty() {
            let Some(batch) = self.stream.next().await else { return Ok(()) };
            let batch = batch.map_err(OutputError::Query)?;
            if batch.num_rows() > 0 {
                self.divide(&batch)?;
            }
        }
        Ok(())
    }

    fn divide(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        let keys = self.layout.keys(batch)?;
        let options = FormatOptions::new();
        let mut texts = Vec::new();
        for key in &keys {
            texts.push(ArrayFormatter::try_new(key.as_ref(), &options)?);
        }
        let written = batch.project(&self.layout.written)?;
        for range in partition(&keys)?.ranges() {
            let mut key = Key::new();
            for (column, text) in keys.iter().zip(&texts) {
                key.push(match column.is_null(range.start) {
                    true => NO_VALUE.to_owned(),
                    false => folder_name(&text.value(range.start).try_to_string()?),
                });
            }
            self.waiting.push_back((key, written.slice(range.start, range.len())));
        }
        Ok(())
    }
}

fn folder_name(value: &str) -> String {
    utf8_percent_encode(value, ESCAPED).to_string()
}
