//! Silver: the rows of archives in Delta tables, each archive once.
//!
//! A batch of archives becomes one commit. [`unit`] decodes the archives and writes data files, at
//! least once and without committing anything; this module alone decides, on the newest snapshot, what
//! of that lands. Which archives a table holds is read from its own log ([`index`]).

mod decode;
mod index;
mod partition;
mod rejects;
mod reread;
mod rows;
mod unit;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use lakehouse_core::ledger::ChecksumState;
use lakehouse_core::schema::TableSchema;
use thiserror::Error;

use crate::clock::Clock;
use crate::delta::TableError;
use crate::delta::commit::{Change, Committed, commit};
use crate::delta::file::{DataFile, FileTarget};
use crate::delta::log::ArchiveRecord;
use crate::delta::rewrite::without_archives;
use crate::delta::table::{LakeTable, TableSpec};
use crate::fetch::BronzeArchive;
use crate::lake::{Lake, Layer, TableName};
use crate::pause::step;

pub(crate) use self::index::SilverIndex;
pub(crate) use self::rejects::RejectsTable;
pub(crate) use self::reread::reread;
pub(crate) use self::unit::{DecodedArchive, Fault};

use self::unit::{UnitContext, UnitResult, run_unit};

/// One silver table that this process writes to.
#[derive(Debug)]
pub(crate) struct SilverTable {
    schema: Arc<TableSchema>,
    table: LakeTable,
    target: Arc<FileTarget>,
    index: SilverIndex,
}

/// What a batch of archives came to.
#[derive(Debug)]
pub(crate) struct BatchResult {
    pub(crate) archives: Vec<DecodedArchive>,
    /// The version that holds the rows; nothing when no archive of the batch had to land.
    pub(crate) version: Option<i64>,
    /// Archives that another process had landed in the meantime, in the same version of their bytes.
    pub(crate) overtaken: BTreeSet<String>,
}

/// Who commits, when, and how wide it may work.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pub(crate) run: Arc<str>,
    pub(crate) clock: Clock,
    /// Archives that are decoded at a time.
    pub(crate) threads: usize,
}

/// Why a decision could not become a commit.
#[derive(Debug, Error)]
enum DecideError {
    #[error(transparent)]
    Table(#[from] TableError),
    /// The files hold rows of archives that have landed since; they must be made without them.
    #[error("another process has landed {} of these archives", .0.len())]
    Overtaken(BTreeSet<String>),
}

impl SilverTable {
    /// Opens the table of a schema and makes it when it is missing; `index` says what it is known to hold.
    pub(crate) async fn open(lake: &Lake, schema: Arc<TableSchema>, index: SilverIndex) -> Result<Self, TableError> {
        let table = LakeTable::open_or_create(lake, table_spec(&schema)).await?;
        let target = Arc::new(FileTarget::new(&table));
        Ok(Self { schema, table, target, index })
    }

    /// Returns what the table is known to hold.
    pub(crate) const fn index(&mut self) -> &mut SilverIndex {
        &mut self.index
    }

    /// Decodes a batch of archives and lands their rows in one commit.
    ///
    /// # Errors
    /// When the table cannot be written; what is wrong with a single archive is in its result.
    pub(crate) async fn ingest(
        &mut self,
        mut archives: Vec<BronzeArchive>,
        rejects: &mut RejectsTable,
        writer: &Writer,
    ) -> Result<BatchResult, TableError> {
        let mut overtaken = BTreeSet::new();
        loop {
            self.index.catch_up(&self.table).await?;
            archives.retain(|archive| {
                let held = self.index.sha256(archive.key.path()) == Some(archive.sha256.to_string().as_str());
                if held {
                    overtaken.insert(archive.key.path().to_owned());
                }
                !held
            });
            let result = self.decode(archives.clone(), writer).await?;
            rejects.replace(&result, writer).await?;
            match self.land(result, writer).await {
                Ok((archives, version)) => return Ok(BatchResult { archives, version, overtaken }),
                Err(DecideError::Table(error)) => return Err(error),
                Err(DecideError::Overtaken(_)) => {}
            }
        }
    }

    async fn decode(&self, archives: Vec<BronzeArchive>, writer: &Writer) -> Result<UnitResult, TableError> {
        let context =
            UnitContext { schema: Arc::clone(&self.schema), target: Arc::clone(&self.target), threads: writer.threads };
        let table = self.target.table().clone();
        let work = tokio::task::spawn_blocking(move || run_unit(&archives, &context));
        work.await.map_err(|error| TableError::File {
            table,
            path: "decoding".to_owned(),
            source: std::io::Error::other(error),
        })?
    }

    /// Commits what a unit made; nothing is committed for a unit none of whose archives could be read.
    async fn land(
        &mut self,
        result: UnitResult,
        writer: &Writer,
    ) -> Result<(Vec<DecodedArchive>, Option<i64>), DecideError> {
        let records: Vec<ArchiveRecord> = result.archives.iter().filter_map(record).collect();
        if records.is_empty() {
            return Ok((result.archives, None));
        }
        let mut files = Vec::with_capacity(result.files.len());
        for file in result.files {
            files.push(self.target.publish(file).await?);
        }
        step("files written", self.target.table());
        let (index, target) = (&mut self.index, &self.target);
        let landed = commit(&mut self.table, &writer.run, &writer.clock, async |table: &LakeTable| {
            index.catch_up(table).await?;
            decide(table, target, index, &records, &files).await
        });
        match landed.await? {
            Committed::At(version) => {
                self.index.catch_up(&self.table).await?;
                Ok((result.archives, Some(version)))
            }
            Committed::Unneeded => Ok((result.archives, None)),
        }
    }
}

/// Decides on a snapshot what the files of a unit change: rows of older versions of its archives go.
async fn decide(
    table: &LakeTable,
    target: &Arc<FileTarget>,
    index: &SilverIndex,
    records: &[ArchiveRecord],
    files: &[DataFile],
) -> Result<Option<Change>, DecideError> {
    let held = |record: &&ArchiveRecord| index.sha256(&record.archive) == Some(record.sha256.as_str());
    let overtaken: BTreeSet<String> = records.iter().filter(held).map(|record| record.archive.clone()).collect();
    if !overtaken.is_empty() {
        return Err(DecideError::Overtaken(overtaken));
    }
    let older = |record: &&ArchiveRecord| index.sha256(&record.archive).is_some();
    let older: BTreeSet<String> = records.iter().filter(older).map(|record| record.archive.clone()).collect();
    let mut change = if older.is_empty() { Change::default() } else { without_archives(table, target, &older).await? };
    change.adds.extend_from_slice(files);
    change.archives = records.to_vec();
    Ok(Some(change))
}

/// Returns what the commit says of an archive; nothing for one that could not be read.
fn record(archive: &DecodedArchive) -> Option<ArchiveRecord> {
    if archive.fault.is_some() {
        return None;
    }
    let bronze = &archive.bronze;
    Some(ArchiveRecord {
        archive: bronze.key.path().to_owned(),
        sha256: bronze.sha256.to_string(),
        size: bronze.size,
        etag: bronze.etag.clone(),
        last_modified: bronze.last_modified,
        checksum: ChecksumState::as_str(bronze.checksum).to_owned(),
        rows: archive.rows,
        rejected_rows: archive.rejected_rows,
        min_time: archive.min_time,
        max_time: archive.max_time,
    })
}

/// Describes the Delta table of a schema.
pub(crate) fn table_spec(schema: &TableSchema) -> TableSpec {
    TableSpec {
        name: TableName::new(Layer::Silver, schema.table()),
        schema: with_dictionaries(&schema.table_schema()),
        partition_columns: vec!["market".to_owned(), "date".to_owned()],
        sort_columns: schema.sort_columns(),
    }
}

/// Lets columns that repeat one value for a whole archive be dictionaries in memory; the table does
/// not know the difference.
fn with_dictionaries(schema: &Schema) -> SchemaRef {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let fields = schema.fields().iter().map(|field| match field.name().as_str() {
        "symbol" | "bar_interval" | "archive" => {
            Arc::new(Field::new(field.name(), dictionary.clone(), field.is_nullable()))
        }
        _ => Arc::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
