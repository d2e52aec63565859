//! Rows as a file or on a screen: a stream of batches in, bytes of one format out.
//!
//! Values are written exactly: decimals with all their digits, times in ISO 8601 with their zone.
//! Every format is written while rows arrive, except tables for people, whose columns cannot be
//! aligned before the last row.

mod encoder;
mod file;
mod markdown;
mod parts;
mod table;

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow::json::writer::{JsonArray, LineDelimited};
use arrow::record_batch::RecordBatch;
use arrow::{csv, json};
use clap::ValueEnum;
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use markdown::MarkdownWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use table::TableWriter;
use thiserror::Error;

pub(crate) use encoder::Encoder;
pub(crate) use file::{OutputFile, check_folder, folder_of};
pub(crate) use parts::OutputFolder;
pub(crate) use table::type_name;

/// Rows of a table that are written to the screen by default.
pub const SCREEN_ROWS: usize = 100;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns with their types, for people.
    Table,
    /// Comma-separated, with a header.
    Csv,
    /// Tab-separated, with a header.
    Tsv,
    /// One JSON array of objects.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// A table for documents.
    Markdown,
    /// A Parquet file.
    Parquet,
    /// An Arrow IPC file.
    Arrow,
    /// An Arrow IPC stream, for a program that reads while rows arrive.
    ArrowStream,
}

impl Format {
    /// Returns the format of a file's extension, if it is a known one.
    #[must_use]
    pub fn for_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "txt" => Some(Self::Table),
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            "json" => Some(Self::Json),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "md" | "markdown" => Some(Self::Markdown),
            "parquet" => Some(Self::Parquet),
            "arrow" | "feather" | "ipc" => Some(Self::Arrow),
            "arrows" => Some(Self::ArrowStream),
            _ => None,
        }
    }

    /// Returns the extension of its files.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Table => "txt",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Markdown => "md",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::ArrowStream => "arrows",
        }
    }

    /// Returns whether the bytes are not text and do not belong on a terminal.
    #[must_use]
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow | Self::ArrowStream)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_possible_value().map_or(Ok(()), |value| f.pad(value.get_name()))
    }
}

/// How much is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutputOptions {
    /// The most rows that are written. A table shows the number of the others; other formats end
    /// there.
    pub max_rows: Option<usize>,
}

/// Rows that could not be written.
#[derive(Debug, Error)]
pub enum OutputError {
    /// The reader closed the output (`… | head`), which is no failure.
    #[error("the reader closed the output")]
    Closed,
    /// Writing failed, for example on a full disk.
    #[error("cannot write the output")]
    Write(#[source] io::Error),
    /// A value cannot be written in this format.
    #[error("cannot write these columns in this format: {0}")]
    Format(String),
    /// The query failed before its last row.
    #[error("{0}")]
    Query(DataFusionError),
}

/// Writes a stream of rows and returns how many rows the stream had, as far as it was read.
///
/// # Errors
/// When the query fails, the format cannot hold a column, or the writer refuses;
/// [`OutputError::Closed`] when the reader has gone.
pub async fn write_stream<W: Write + Send>(
    mut stream: SendableRecordBatchStream,
    format: Format,
    out: &mut W,
    options: OutputOptions,
) -> Result<usize, OutputError> {
    let mut sink = Sink::open(format, &mut *out, &stream.schema(), options.max_rows)?;
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        let mut batch = batch.map_err(OutputError::Query)?;
        if !matches!(sink, Sink::Table(_)) {
            let left = options.max_rows.map_or(batch.num_rows(), |most| most - rows);
            batch = batch.slice(0, left.min(batch.num_rows()));
        }
        rows += batch.num_rows();
        sink.write(&batch)?;
        if options.max_rows.is_some_and(|most| rows >= most) && !matches!(sink, Sink::Table(_)) {
            break;
        }
    }
    sink.finish()?;
    out.flush().map_err(OutputError::from)?;
    Ok(rows)
}

/// An open writer of one format.
enum Sink<W: Write + Send> {
    Table(TableWriter<W>),
    Csv(csv::Writer<W>),
    Json(json::Writer<W, JsonArray>),
    Ndjson(json::Writer<W, LineDelimited>),
    Markdown(MarkdownWriter<W>),
    Parquet(Box<ArrowWriter<W>>),
    Arrow(FileWriter<W>),
    ArrowStream(StreamWriter<W>),
}

impl<W: Write + Send> Sink<W> {
    fn open(
        format: Format,
        out: W,
        schema: &SchemaRef,
        max_rows: Option<usize>,
    ) -> Result<Self, OutputError> {
        let json = json::WriterBuilder::new().with_explicit_nulls(true);
        Ok(match format {
            Format::Table => Self::Table(TableWriter::new(out, schema, max_rows)),
            Format::Csv => Self::Csv(separated(out, schema, b',')?),
            Format::Tsv => Self::Csv(separated(out, schema, b'\t')?),
            Format::Json => Self::Json(json.build(out)),
            Format::Ndjson => Self::Ndjson(json.build(out)),
            Format::Markdown => Self::Markdown(MarkdownWriter::new(out, schema)?),
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()));
                Self::Parquet(Box::new(ArrowWriter::try_new(
                    out,
                    SchemaRef::clone(schema),
                    Some(properties.build()),
                )?))
            }
            Format::Arrow => {
                let options =
                    IpcWriteOptions::default().try_with_compression(Some(CompressionType::ZSTD))?;
                Self::Arrow(FileWriter::try_new_with_options(out, schema, options)?)
            }
            Format::ArrowStream => Self::ArrowStream(StreamWriter::try_new(out, schema)?),
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        match self {
            Self::Table(table) => table.write(batch),
            Self::Csv(csv) => csv.write(batch)?,
            Self::Json(json) => json.write(batch)?,
            Self::Ndjson(json) => json.write(batch)?,
            Self::Markdown(markdown) => markdown.write(batch)?,
            Self::Parquet(parquet) => parquet.write(batch)?,
            Self::Arrow(arrow) => arrow.write(batch)?,
            Self::ArrowStream(arrow) => arrow.write(batch)?,
        }
        Ok(())
    }

    fn finish(self) -> Result<(), OutputError> {
        match self {
            Self::Table(table) => table.finish()?,
            Self::Json(mut json) => {
                json.finish()?;
                writeln!(json.into_inner())?;
            }
            Self::Ndjson(mut json) => json.finish()?,
            Self::Parquet(parquet) => {
                parquet.close()?;
            }
            Self::Arrow(mut arrow) => arrow.finish()?,
            Self::ArrowStream(mut arrow) => arrow.finish()?,
            Self::Csv(_) | Self::Markdown(_) => {}
        }
        Ok(())
    }
}

/// The header is written at once, so that an answer without rows still has its columns.
fn separated<W: Write>(
    out: W,
    schema: &SchemaRef,
    delimiter: u8,
) -> Result<csv::Writer<W>, OutputError> {
    if let Some(field) = schema.fields().iter().find(|field| field.data_type().is_nested()) {
        let name = field.name();
        return Err(OutputError::Format(format!(
            "`{name}` has nested values; choose json, ndjson, parquet or arrow"
        )));
    }
    let mut writer =
        csv::WriterBuilder::new().with_header(true).with_delimiter(delimiter).build(out);
    writer.write(&RecordBatch::new_empty(SchemaRef::clone(schema)))?;
    Ok(writer)
}

impl From<io::Error> for OutputError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Write(error),
        }
    }
}

impl From<ArrowError> for OutputError {
    fn from(error: ArrowError) -> Self {
        match error {
            ArrowError::IoError(_, error) => error.into(),
            ArrowError::ExternalError(source) => match source.downcast::<io::Error>() {
                Ok(error) => (*error).into(),
                Err(source) => Self::Format(source.to_string()),
            },
            // The writer of CSV keeps only the text of what the system said.
            ArrowError::CsvError(text) if text.contains("Broken pipe") => Self::Closed,
            other => Self::Format(other.to_string()),
        }
    }
}

impl From<ParquetError> for OutputError {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(source) => match source.downcast::<io::Error>() {
                Ok(error) => (*error).into(),
                Err(source) => Self::Format(source.to_string()),
            },
            other => Self::Format(other.to_string()),
        }
    }
}
