//! Silver: the rows of archives in Delta tables, each archive once.
//!
//! A batch of archives becomes one commit. [`unit`] decodes the archives and writes data files, at
//! least once and without committing anything; this module alone decides, on the newest snapshot, what
//! of that lands. Which archives a table holds is read from its own log ([`index`]).

mod contest;
mod correction;
mod decode;
mod index;
mod measure;
mod order;
mod partition;
mod rejects;
mod reread;
mod rows;
mod unit;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::schema::TableSchema;
use thiserror::Error;

use crate::clock::Clock;
use crate::delta::TableError;
use crate::delta::commit::{Committed, commit};
use crate::delta::file::FileTarget;
use crate::delta::log::ArchiveRecord;
use crate::delta::rewrite::without;
use crate::delta::table::{LakeTable, TableSpec};
use crate::fetch::BronzeArchive;
use crate::lake::{Lake, Layer, TableName};
use crate::pause::step;

pub(crate) use self::index::{SilverIndex, Told};
pub(crate) use self::rejects::RejectsTable;
pub(crate) use self::reread::reread;
pub(crate) use self::unit::{DecodedArchive, Fault};

use self::contest::{Contests, claim_of, find_contests, outcome, record};
use self::correction::Corrections;
use self::unit::{UnitContext, UnitResult, run_unit};

/// One silver table that this process writes to.
#[derive(Debug)]
pub(crate) struct SilverTable {
    schema: Arc<TableSchema>,
    table: LakeTable,
    target: Arc<FileTarget>,
    matrix: Arc<Matrix>,
    index: SilverIndex,
}

/// What a batch of archives came to.
#[derive(Debug)]
pub(crate) struct BatchResult {
    pub(crate) archives: Vec<DecodedArchive>,
    /// What the commit says of the archives that landed or yielded.
    pub(crate) records: BTreeMap<String, ArchiveRecord>,
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
    /// What is held of these archives, or of other copies of their days, is not what the files were made for.
    #[error("another process has landed the same days as {} of these archives", .0.len())]
    Overtaken(BTreeSet<String>),
}

impl SilverTable {
    /// Opens the table of a schema and makes it when it is missing; `index` says what it is known to hold.
    pub(crate) async fn open(
        lake: &Lake,
        schema: Arc<TableSchema>,
        matrix: Arc<Matrix>,
        index: SilverIndex,
    ) -> Result<Self, TableError> {
        let table = LakeTable::open_or_create(lake, table_spec(&schema)).await?;
        let target = Arc::new(FileTarget::new(&table));
        Ok(Self { schema, table, target, matrix, index })
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
                let settled =
                    claim_of(&self.index, &self.matrix, &archive.key, &archive.sha256.to_string()).is_settled();
                if settled {
                    overtaken.insert(archive.key.path().to_owned());
                }
                !settled
            });
            let contests = find_contests(&self.table, &self.schema, &self.index, &self.matrix, &archives).await?;
            let contests = Arc::new(contests);
            let result = self.decode(archives.clone(), &contests, writer).await?;
            rejects.replace(&result, writer).await?;
            let records = result.archives.iter().filter_map(|archive| record(archive, &contests));
            let records: BTreeMap<_, _> = records.map(|record| (record.archive.clone(), record)).collect();
            match self.land(result, &records, &contests, writer).await {
                Ok((archives, version)) => return Ok(BatchResult { archives, records, version, overtaken }),
                Err(DecideError::Table(error)) => return Err(error),
                Err(DecideError::Overtaken(_)) => {}
            }
        }
    }

    async fn decode(
        &self,
        archives: Vec<BronzeArchive>,
        contests: &Arc<Contests>,
        writer: &Writer,
    ) -> Result<UnitResult, TableError> {
        let context = UnitContext {
            schema: Arc::clone(&self.schema),
            target: Arc::clone(&self.target),
            contests: Arc::clone(contests),
            threads: writer.threads,
        };
        let table = self.target.table().clone();
        let run = tracing::Span::current();
        let work = tokio::task::spawn_blocking(move || run.in_scope(|| run_unit(&archives, &context)));
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
        records: &BTreeMap<String, ArchiveRecord>,
        contests: &Contests,
        writer: &Writer,
    ) -> Result<(Vec<DecodedArchive>, Option<i64>), DecideError> {
        if records.is_empty() {
            return Ok((result.archives, None));
        }
        let files = self.target.publish_all(result.files).await?;
        step("files written", self.target.table());
        let (index, target, matrix) = (&mut self.index, &self.target, &self.matrix);
        let archives = &result.archives;
        let mut corrections = Corrections::new(&self.schema);
        let landed = commit(&mut self.table, &writer.run, &writer.clock, async |table: &LakeTable| {
            index.catch_up(table).await?;
            let stale = archives.iter().filter(|archive| contests.is_stale(index, matrix, archive));
            let stale: BTreeSet<String> = stale.map(|archive| archive.bronze.key.path().to_owned()).collect();
            if !stale.is_empty() {
                return Err(DecideError::Overtaken(stale));
            }
            let outcome = outcome(index, contests, archives);
            let corrected = corrections.count(table, &outcome.replacements, &files).await?;
            let mut change = without(table, target, &outcome.removal).await?;
            change.corrections = corrected;
            change.adds.extend_from_slice(&files);
            change.archives = records.values().cloned().collect();
            change.holders = outcome.holders;
            Ok(Some(change))
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
