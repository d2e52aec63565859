//! Provisional rows: tables like silver's, for what no archive has yet.
//!
//! Rows come from the exchange's API ([`crate::fill`]) and leave when silver has rows of the same
//! keys (`settle`). A commit lands only on the version of the table that its rows were planned on,
//! so that no row is there twice, whoever else fills the same lake.

mod rejects;
mod remove;
mod settle;
mod source;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{partition, take_record_batch};
use arrow::error::ArrowError;
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::partition::Partition;
use lakehouse_core::schema::{Schemas, TableSchema};

pub(crate) use self::rejects::{AnswerRejects, RejectedAnswers};
pub(crate) use self::remove::remove;
pub(crate) use self::settle::{CHECK, settle};
pub(crate) use self::settle::{SettleError, Settled};
pub(crate) use self::source::{SCHEME, series_of, stamp};
use crate::delta::commit::{Change, CommitContext, Committed, commit};
use crate::delta::descriptions::Descriptions;
use crate::delta::log::ArchiveRecord;
use crate::delta::table::{TableSpec, WritableTable};
use crate::delta::{TableError, Verb};
use crate::failpoint::step;
use crate::parquet::writer::{DataFileWriter, FileTarget, WrittenFile};
use crate::query::{At, LakeCatalog, QueryError};
use crate::silver::{self, ArchiveColumns, by_day, partition_values, sorted};
use crate::storage::lake::{Lake, Layer, TableName};

/// Names the table of provisional rows of a silver table.
pub(crate) fn table_name(schema: &TableSchema) -> TableName {
    TableName::new(Layer::Recent, schema.table())
}

/// Returns the schemas that a lake has a table of provisional rows of: most lakes have none, which
/// one look at the layer says.
async fn existing<'a>(
    lake: &Lake,
    schemas: &'a Schemas,
) -> Result<Vec<&'a TableSchema>, QueryError> {
    let names = LakeCatalog::new(lake, At::Newest).list_layer(Layer::Recent).await?;
    Ok(schemas.iter().filter(|schema| names.iter().any(|name| name == schema.table())).collect())
}

/// Describes the table of provisional rows of a schema.
pub(crate) fn table_spec(schema: &TableSchema) -> TableSpec {
    let descriptions = descriptions(schema);
    TableSpec { name: table_name(schema), descriptions, ..silver::table_spec(schema) }
}

/// Describes such a table and its columns in words.
pub(crate) fn descriptions(schema: &TableSchema) -> Descriptions {
    let columns = schema.column_docs().map(|(name, doc)| match name {
        "archive" => (name, "`api:` and the answer in bronze/ that the row came from".to_owned()),
        _ => (name, doc.to_owned()),
    });
    Descriptions::new(&format!("Provisional, until an archive has it: {}", schema.doc()), columns)
}

/// Rows of one answer.
#[derive(Debug)]
pub(crate) struct AnswerRows {
    pub(crate) series: Series,
    /// What the column `archive` says.
    pub(crate) source: String,
    /// Of the answer as it was received, like its size.
    pub(crate) sha256: String,
    pub(crate) size: u64,
    pub(crate) rejected: u64,
    pub(crate) batches: Vec<RecordBatch>,
}

/// How a commit of rows ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Landing {
    At {
        version: i64,
        rows: u64,
    },
    /// Another process changed the table since the rows were planned.
    Overtaken,
}

/// Why rows were not committed.
enum LandError {
    Overtaken,
    Table(TableError),
}

impl From<TableError> for LandError {
    fn from(error: TableError) -> Self {
        Self::Table(error)
    }
}

/// A table of provisional rows, at the version that this process knows.
#[derive(Debug)]
pub(crate) struct RecentTable {
    schema: Arc<TableSchema>,
    table: WritableTable,
    target: Arc<FileTarget>,
    known: i64,
}

impl RecentTable {
    /// Opens a table to add rows to the version `known`, or creates it.
    pub(crate) async fn open(
        lake: &Lake,
        schema: Arc<TableSchema>,
        known: i64,
    ) -> Result<Self, TableError> {
        let table = WritableTable::open_or_create(lake, table_spec(&schema)).await?;
        let target = Arc::new(FileTarget::new(&table));
        Ok(Self { schema, table, target, known })
    }

    /// Commits the rows of some answers, unless the table was changed by others.
    pub(crate) async fn land(
        &mut self,
        answers: Vec<AnswerRows>,
        context: &CommitContext,
    ) -> Result<Landing, TableError> {
        let records: Vec<ArchiveRecord> = answers.iter().map(record).collect();
        let target = Arc::clone(&self.target);
        let schema = Arc::clone(&self.schema);
        let work = tokio::task::spawn_blocking(move || write(&target, &schema, &answers));
        let name = table_name(&self.schema);
        let died = TableError::cannot(Verb::Write, &name, "provisional rows");
        let files = self.target.publish_all(work.await.map_err(died)??).await?;
        step("files written", &name);
        let known = self.known;
        let landed = commit(&mut self.table, context, async |table: &WritableTable| {
            if table.version() != known {
                return Err(LandError::Overtaken);
            }
            let adds = files.clone();
            Ok(Some(Change { adds, archives: records.clone(), ..Change::default() }))
        });
        match landed.await {
            Ok(Committed::At(version)) => {
                self.known = version;
                Ok(Landing::At { version, rows: files.iter().map(|file| file.rows).sum() })
            }
            Ok(Committed::Unneeded) | Err(LandError::Overtaken) => {
                self.target.discard(&files).await;
                Ok(Landing::Overtaken)
            }
            Err(LandError::Table(error)) => Err(error),
        }
    }
}

fn record(answer: &AnswerRows) -> ArchiveRecord {
    ArchiveRecord {
        archive: answer.source.clone(),
        sha256: answer.sha256.clone(),
        size: answer.size,
        etag: None,
        last_modified: None,
        checksum: "absent".to_owned(),
        rows: answer.batches.iter().map(|batch| batch.num_rows() as u64).sum(),
        rejected_rows: answer.rejected,
        min_time: None,
        max_time: None,
        days: None,
        competing_version: None,
        yielded: false,
        outside: None,
        reason: None,
    }
}

/// Writes rows into one sorted file for each partition.
fn write(
    target: &Arc<FileTarget>,
    schema: &TableSchema,
    answers: &[AnswerRows],
) -> Result<Vec<WrittenFile>, TableError> {
    let failed = TableError::arrow(target.table());
    let mut partitions: BTreeMap<Partition, (Vec<RecordBatch>, Vec<String>)> = BTreeMap::new();
    for answer in answers {
        let market = answer.series.market;
        let columns = ArchiveColumns::of_series(target.schema(), &answer.series, &answer.source);
        for batch in &answer.batches {
            let rows = columns.complete(batch).map_err(failed)?;
            for (date, rows) in by_day(&rows, schema.event_time()).map_err(failed)? {
                let (batches, sources) = partitions.entry(Partition { market, date }).or_default();
                batches.push(rows);
                sources.push(format!("{} {}", answer.source, answer.sha256));
            }
        }
    }
    let sort_columns = schema.sort_columns();
    let mut files = Vec::with_capacity(partitions.len());
    for (partition, (batches, mut sources)) in partitions {
        let rows = sorted(batches, &sort_columns).map_err(failed)?;
        let rows = without_repeats(&rows, &sort_columns).map_err(failed)?;
        let mut writer = DataFileWriter::create(target, partition_values(partition))?;
        writer.write(&[rows])?;
        sources.dedup();
        files.push(writer.finish(Some(sources.join("\n")))?);
    }
    Ok(files)
}

/// Returns the first of all rows with the same key, which stand next to each other.
fn without_repeats(rows: &RecordBatch, key: &[String]) -> Result<RecordBatch, ArrowError> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(key.len());
    for name in key {
        let column = rows.column_by_name(name).cloned();
        columns.push(column.ok_or_else(|| ArrowError::SchemaError(format!("no `{name}`")))?);
    }
    let ranges = partition(&columns)?.ranges();
    let first = ranges.iter().filter_map(|range| u32::try_from(range.start).ok());
    take_record_batch(rows, &UInt32Array::from_iter_values(first))
}
