//! `meta.runs`: one row for every run that had something to do.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};

use super::{Ingest, IngestError};
use crate::delta::TableError;
use crate::delta::commit::{Change, commit};
use crate::delta::file::{DataFileWriter, FileTarget};
use crate::delta::table::{LakeTable, TableSpec};
use crate::lake::{Lake, Layer, TableName};
use crate::silver::Writer;
use crate::summary::Summary;

/// The table of runs.
#[derive(Debug)]
pub(super) struct RunsTable {
    table: LakeTable,
    target: Arc<FileTarget>,
}

impl RunsTable {
    pub(super) async fn open(lake: &Lake) -> Result<Self, TableError> {
        let table = LakeTable::open_or_create(lake, table_spec()).await?;
        let target = Arc::new(FileTarget::new(&table));
        Ok(Self { table, target })
    }

    /// Adds a row for a run that has ended.
    pub(super) async fn record(
        &mut self,
        ingest: &Ingest,
        summary: &Summary,
        error: Option<&IngestError>,
        started: DateTime<Utc>,
        writer: &Writer,
    ) -> Result<(), TableError> {
        let row = row(ingest, summary, error, started, writer).map_err(TableError::arrow(self.target.table()))?;
        let mut file = DataFileWriter::create(&self.target, Vec::new())?;
        file.write(&[row])?;
        let file = self.target.publish(file.finish(None)?).await?;
        commit(&mut self.table, &writer.run, &writer.clock, async |_: &LakeTable| {
            Ok::<_, TableError>(Some(Change { adds: vec![file.clone()], ..Change::default() }))
        })
        .await
        .map(|_| ())
    }
}

fn row(
    ingest: &Ingest,
    summary: &Summary,
    error: Option<&IngestError>,
    started: DateTime<Utc>,
    writer: &Writer,
) -> Result<RecordBatch, ArrowError> {
    let text = |value: String| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let number = |value: u64| -> ArrayRef { Arc::new(Int64Array::from(vec![i64::try_from(value).ok()])) };
    let time = |value: DateTime<Utc>| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(vec![value.timestamp_micros()]).with_timezone("UTC"))
    };
    let outcome = match error {
        Some(error) => format!("stopped: {error}"),
        None if ingest.stop.is_asked() => "interrupted".to_owned(),
        None if summary.is_incomplete() => "incomplete".to_owned(),
        None => "done".to_owned(),
    };
    let archives = &summary.archives;
    let columns = vec![
        text(writer.run.to_string()),
        text(ingest.command.clone()),
        time(started),
        time(writer.clock.now()),
        Arc::new(Float64Array::from(vec![summary.seconds])),
        text(outcome),
        number(archives.new),
        number(archives.skipped),
        number(archives.corrected),
        number(archives.not_published),
        number(archives.failed),
        number(summary.rows),
        number(summary.rejected_rows),
        number(summary.bytes),
        number(summary.retries),
    ];
    RecordBatch::try_new(schema(), columns)
}

fn table_spec() -> TableSpec {
    TableSpec {
        name: TableName::new(Layer::Meta, "runs"),
        schema: schema(),
        partition_columns: Vec::new(),
        sort_columns: Vec::new(),
    }
}

fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let number = |name: &str| Field::new(name, DataType::Int64, true);
    let time = |name: &str| Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false);
    Arc::new(Schema::new(vec![
        text("run"),
        text("command"),
        time("started_at"),
        time("ended_at"),
        Field::new("seconds", DataType::Float64, false),
        text("outcome"),
        number("archives_new"),
        number("archives_skipped"),
        number("archives_corrected"),
        number("archives_not_published"),
        number("archives_failed"),
        number("rows"),
        number("rejected_rows"),
        number("bytes"),
        number("retries"),
    ]))
}
