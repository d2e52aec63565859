//! `meta.runs`: one row for every run that had something to do.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};

use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext, commit};
use crate::delta::table::{TableSpec, WritableTable};
use crate::events::summary::Summary;
use crate::parquet::writer::{DataFileWriter, FileTarget};
use crate::storage::lake::{Lake, Layer, TableName};

/// A run that has ended, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndedRun<'a> {
    pub(crate) command: &'a str,
    pub(crate) started: DateTime<Utc>,
    pub(crate) summary: &'a Summary,
    /// What stopped it, if anything did.
    pub(crate) error: Option<&'a dyn std::error::Error>,
    /// Whether the user asked it to stop.
    pub(crate) interrupted: bool,
}

impl EndedRun<'_> {
    fn outcome(&self) -> String {
        match self.error {
            Some(error) => format!("stopped: {error}"),
            None if self.interrupted => "interrupted".to_owned(),
            None if self.summary.is_incomplete() => "incomplete".to_owned(),
            None => "done".to_owned(),
        }
    }
}

/// The table of runs.
#[derive(Debug)]
pub(crate) struct RunsTable {
    table: WritableTable,
    target: Arc<FileTarget>,
}

impl RunsTable {
    pub(crate) async fn open(lake: &Lake) -> Result<Self, TableError> {
        let table = WritableTable::open_or_create(lake, table_spec()).await?;
        let target = Arc::new(FileTarget::new(&table));
        Ok(Self { table, target })
    }

    /// Adds a row for a run that has ended.
    pub(crate) async fn record(
        &mut self,
        run: &EndedRun<'_>,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        let row = to_batch(run, context).map_err(TableError::arrow(self.target.table()))?;
        let mut file = DataFileWriter::create(&self.target, Vec::new())?;
        file.write(&[row])?;
        let file = self.target.publish(file.finish(None)?).await?;
        commit(&mut self.table, context, async |_: &WritableTable| {
            Ok::<_, TableError>(Some(Change { adds: vec![file.clone()], ..Change::default() }))
        })
        .await
        .map(|_| ())
    }
}

fn to_batch(run: &EndedRun<'_>, context: &CommitContext) -> Result<RecordBatch, ArrowError> {
    let text = |value: String| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let number =
        |value: u64| -> ArrayRef { Arc::new(Int64Array::from(vec![i64::try_from(value).ok()])) };
    let time = |value: DateTime<Utc>| -> ArrayRef {
        Arc::new(
            TimestampMicrosecondArray::from(vec![value.timestamp_micros()]).with_timezone("UTC"),
        )
    };
    let EndedRun { command, started, summary, .. } = *run;
    let archives = &summary.archives;
    let columns = vec![
        text(context.run.to_string()),
        text(command.to_owned()),
        time(started),
        time(context.clock.now()),
        Arc::new(Float64Array::from(vec![summary.seconds])),
        text(run.outcome()),
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
    let time = |name: &str| {
        Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false)
    };
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
