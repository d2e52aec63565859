//! Silver: the rows of archives in Delta tables, each archive once.
//!
//! A batch of archives becomes one commit. A [`Runner`] decodes the archives and writes data files,
//! at least once and without committing anything; this module alone decides, on the newest
//! snapshot, what of that lands, and decides again if another process commits first. Which archives
//! a table holds is read from its own log ([`SilverIndex`]).

mod archive_collector;
mod batch_files;
mod corrections;
mod decode_archive;
mod decode_batch;
mod decode_request;
mod evidence;
mod held_days;
mod order;
mod outside;
mod overlap;
mod partition;
mod redo;
mod related;
mod remove;
mod reread;
mod rows;
mod runner;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::schema::TableSchema;
use thiserror::Error;

use self::corrections::Corrections;
pub(crate) use self::decode_request::Fault;
use self::decode_request::{ArchiveResult, DecodeRequest};
pub(crate) use self::order::sorted;
use self::outside::NotOwned;
use self::overlap::{Overlaps, find_overlaps, outcome, overlap_claim, record};
pub(crate) use self::partition::partition_values;
use self::redo::Redo;
use self::related::related_keys;
pub(crate) use self::reread::reread;
pub(crate) use self::rows::{ArchiveColumns, by_day};
use self::runner::{LocalRunner, Runner};
use crate::bronze::BronzeArchive;
use crate::delta::TableError;
use crate::delta::commit::{CommitContext, Committed, commit};
use crate::delta::descriptions::Descriptions;
use crate::delta::file::NewFile;
use crate::delta::log::ArchiveRecord;
use crate::delta::table::{TableSpec, WritableTable};
use crate::failpoint::step;
use crate::memory::MemoryBudget;
use crate::meta::archives::LedgerTable;
use crate::meta::archives::wanted::KeySet;
use crate::meta::rejects::RejectsTable;
use crate::meta::silver_index::SilverIndex;
use crate::parquet::rewrite::without;
use crate::parquet::writer::FileTarget;
use crate::storage::lake::{Lake, Layer, TableName};

/// One silver table that this process writes to.
#[derive(Debug)]
pub(crate) struct SilverTable {
    schema: Arc<TableSchema>,
    table: WritableTable,
    target: Arc<FileTarget>,
    matrix: Arc<Matrix>,
    index: SilverIndex,
    repair: Redo,
    /// Whether archives land that were removed from the lake.
    restore: bool,
    runner: Arc<dyn Runner>,
}

/// An archive of a batch, and what was found in it.
#[derive(Debug)]
pub(crate) struct DecodedArchive {
    pub(crate) bronze: BronzeArchive,
    pub(crate) found: ArchiveResult,
}

/// Archives that were decoded, and their files, which are durable and belong to no table yet.
#[derive(Debug)]
struct DecodedBatch {
    archives: Vec<DecodedArchive>,
    files: Vec<NewFile>,
    /// Files of rejected rows.
    rejects: Vec<NewFile>,
}

/// The result of a batch of archives.
#[derive(Debug)]
pub(crate) struct BatchResult {
    pub(crate) archives: Vec<DecodedArchive>,
    /// What the commit says of the archives that landed or yielded.
    pub(crate) records: BTreeMap<String, ArchiveRecord>,
    /// The version that holds the rows; nothing when no archive of the batch had to land.
    pub(crate) version: Option<i64>,
    /// Archives that another process had landed in the meantime, in the same version of their
    /// bytes, or removed.
    pub(crate) overtaken: BTreeSet<String>,
}

/// Why a decision could not become a commit.
#[derive(Debug, Error)]
enum DecideError {
    #[error(transparent)]
    Table(#[from] TableError),
    /// What is held of so many archives, or of other copies of their days, is not what the files
    /// were made for.
    #[error("another process has landed or removed the same days as {0} of these archives")]
    Overtaken(usize),
}

impl SilverTable {
    /// Opens the table of a schema and makes it when it is missing; it has to be indexed before it
    /// is written to.
    pub(crate) async fn open(
        lake: &Lake,
        schema: Arc<TableSchema>,
        matrix: Arc<Matrix>,
        threads: usize,
        memory: MemoryBudget,
    ) -> Result<Self, TableError> {
        let table = WritableTable::open_or_create(lake, table_spec(&schema)).await?;
        let target = Arc::new(FileTarget::new(&table));
        let index = SilverIndex::default();
        let repair = Redo::default();
        let runner = Arc::new(LocalRunner::new(lake, Arc::clone(&schema), threads, memory)?);
        Ok(Self { schema, table, target, matrix, index, repair, restore: false, runner })
    }

    /// Lets archives land also where they were removed from the lake.
    pub(crate) fn restoring(self, restore: bool) -> Self {
        Self { restore, ..self }
    }

    /// Takes from the ledger, or from the table's log, what the table holds; the ledger describes
    /// this table from now on.
    ///
    /// # Errors
    /// When the log cannot be read, or the ledger not be written.
    pub(crate) async fn indexed_by(
        mut self,
        ledger: &mut LedgerTable,
        context: &CommitContext,
    ) -> Result<Self, TableError> {
        self.index = ledger.silver_index(&self.table, self.schema.event_time()).await?;
        ledger.adopt(&self.table, &self.index, context).await?;
        Ok(self)
    }

    /// Looks up in the ledger what the table holds of archives that are to land, and of those
    /// related to them.
    ///
    /// # Errors
    /// When the ledger or the table's log cannot be read.
    pub(crate) async fn look_up<'a>(
        &mut self,
        archives: impl IntoIterator<Item = &'a ArchiveKey>,
        ledger: &mut LedgerTable,
    ) -> Result<(), TableError> {
        let keys = related_keys(&self.matrix, archives);
        self.look_up_only(&keys, ledger).await
    }

    /// Looks up in the ledger what the table holds of archives.
    ///
    /// # Errors
    /// When the ledger or the table's log cannot be read.
    pub(crate) async fn look_up_only(
        &mut self,
        keys: &KeySet,
        ledger: &mut LedgerTable,
    ) -> Result<(), TableError> {
        ledger.load(keys, &mut self.index).await?;
        // The ledger may know of commits that were made after this table was read. What they did
        // has to be seen in the table too.
        self.table.refresh().await?;
        self.index.catch_up(&self.table).await
    }

    /// Returns the Delta table.
    pub(crate) const fn table(&self) -> &WritableTable {
        &self.table
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
        context: &CommitContext,
    ) -> Result<BatchResult, TableError> {
        let mut overtaken = BTreeSet::new();
        let mut not_owned = NotOwned::new();
        // Archives whose rejects were written before a commit that did not happen.
        let mut with_rejects = BTreeSet::new();
        loop {
            self.catch_up(context).await?;
            overtaken.extend(self.take_settled(&mut archives));
            with_rejects.retain(|archive: &String| self.index.is_removed(archive));
            if !with_rejects.is_empty() {
                rejects.replace(&with_rejects, Vec::new(), context).await?;
            }
            let overlaps = self.find_overlaps(&archives, &not_owned).await?;
            let mut result = self.decode(archives.clone(), &overlaps, context).await?;
            let rejected = std::mem::take(&mut result.rejects);
            let more = overlaps.not_owned(&result.archives);
            let is_settled = self.has_settled(&result.archives, context).await?;
            if is_settled || !more.is_empty() {
                // Rows were left to an archive that turned out to have none of their day, or an
                // archive has no place in the batch any more. Each round knows more of the ones, or
                // has fewer of the others, so there is a last one.
                not_owned.extend(more);
                self.target.discard(&result.files).await;
                rejects.discard(&rejected).await;
                continue;
            }
            // Before the commit: a process that dies in between leaves rejects without rows, which
            // the next run replaces. The other order could leave rows whose rejects are lost.
            with_rejects = keys_with_rejects(&result.archives);
            rejects.replace(&with_rejects, rejected, context).await?;
            let mut records = BTreeMap::new();
            for record in result.archives.iter().filter_map(|archive| record(archive, &overlaps)) {
                records.insert(record.archive.clone(), record);
            }
            overlaps.take_off_records(&result.archives, &mut records);
            match self.land(result, &records, &overlaps, context).await {
                Ok((archives, version)) => {
                    // After the commit: until then silver has an earlier version of the archives,
                    // and its rejects belong to the rows that are there.
                    let corrected = keys_without_rejects(&archives);
                    rejects.replace(&corrected, Vec::new(), context).await?;
                    return Ok(BatchResult { archives, records, version, overtaken });
                }
                Err(DecideError::Table(error)) => return Err(error),
                // Which days land was decided against other copies than silver holds now. The
                // batch is decoded again, because the rows of days that no longer land are in the
                // same files as all others.
                Err(DecideError::Overtaken(_)) => {}
            }
        }
    }

    /// Takes archives out of a batch that another process has landed or removed in the meantime;
    /// returns their keys.
    fn take_settled(&self, archives: &mut Vec<BronzeArchive>) -> BTreeSet<String> {
        let Self { index, matrix, repair, restore, .. } = self;
        let mut settled = BTreeSet::new();
        archives.retain(|archive| {
            let sha256 = archive.sha256.to_string();
            let is_settled = is_withdrawn(index, repair, *restore, archive.key.path())
                || overlap_claim(index, matrix, &archive.key, &sha256).is_resolved();
            if is_settled {
                settled.insert(archive.key.path().to_owned());
            }
            !is_settled
        });
        settled
    }

    /// Returns whether another process has landed or removed an archive meanwhile of which more is
    /// written than rows: one that could not be read, of which it may have dropped the bytes from
    /// bronze, or one with rejects.
    async fn has_settled(
        &mut self,
        archives: &[DecodedArchive],
        context: &CommitContext,
    ) -> Result<bool, TableError> {
        let mut suspects = Vec::new();
        for DecodedArchive { bronze, found } in archives {
            if found.fault.is_some() || found.rejected_rows > 0 {
                suspects.push(bronze.clone());
            }
        }
        if suspects.is_empty() {
            return Ok(false);
        }
        self.table.refresh().await?;
        self.catch_up(context).await?;
        Ok(!self.take_settled(&mut suspects).is_empty())
    }

    /// Reads the commits after the last version that was read.
    async fn catch_up(&mut self, context: &CommitContext) -> Result<(), TableError> {
        self.index.catch_up(&self.table).await?;
        self.repair.catch_up(&self.table, context).await
    }

    async fn find_overlaps(
        &self,
        archives: &[BronzeArchive],
        not_owned: &NotOwned,
    ) -> Result<Overlaps, TableError> {
        let Self { table, schema, index, matrix, .. } = self;
        find_overlaps(table, schema, index, matrix, archives, not_owned).await
    }

    async fn decode(
        &self,
        archives: Vec<BronzeArchive>,
        overlaps: &Overlaps,
        context: &CommitContext,
    ) -> Result<DecodedBatch, TableError> {
        let mut request = DecodeRequest {
            table: self.schema.table().to_owned(),
            run: context.run.to_string(),
            archives: Vec::with_capacity(archives.len()),
        };
        let mut at_hand = Vec::with_capacity(archives.len());
        for archive in archives {
            if let Some(wanted) = overlaps.request(&archive) {
                request.archives.push(wanted);
                at_hand.push(archive);
            }
        }
        let result = self.runner.decode(request, at_hand.clone()).await?;
        let archives = at_hand.into_iter().zip(result.archives);
        let archives = archives.map(|(bronze, found)| DecodedArchive { bronze, found }).collect();
        Ok(DecodedBatch { archives, files: result.files, rejects: result.rejects })
    }

    /// Commits what a batch was decoded to; nothing is committed if none of its archives could be
    /// read.
    async fn land(
        &mut self,
        result: DecodedBatch,
        records: &BTreeMap<String, ArchiveRecord>,
        overlaps: &Overlaps,
        context: &CommitContext,
    ) -> Result<(Vec<DecodedArchive>, Option<i64>), DecideError> {
        if records.is_empty() {
            return Ok((result.archives, None));
        }
        let files = result.files;
        step("files written", self.target.table());
        let mut corrections = Corrections::new(&self.schema);
        let Self { table, index, target, matrix, repair, restore, .. } = self;
        let archives = &result.archives;
        let landed = commit(table, context, async |table: &WritableTable| {
            // Everything from here on is decided on the snapshot that the commit will follow. What
            // is held may have changed since the overlaps were found, and since the last attempt.
            index.catch_up(table).await?;
            repair.catch_up(table, context).await?;
            let is_stale = |archive: &&DecodedArchive| {
                is_withdrawn(index, repair, *restore, archive.bronze.key.path())
                    || overlaps.is_stale(index, matrix, archive)
            };
            let stale = archives.iter().filter(is_stale).count();
            if stale > 0 {
                return Err(DecideError::Overtaken(stale));
            }
            let outcome = outcome(index, overlaps, archives);
            // Counted while the old rows can still be read from the table.
            let corrected = corrections.count(table, &outcome.replacements, &files).await?;
            // Old rows, and the new ones in their place, go and come in one commit, so no reader
            // sees both or neither. Files are rewritten again on each attempt, because another
            // process may have replaced them in the meantime.
            let removal = repair.removal(outcome.removal, archives);
            let mut change = without(table, target, &removal).await?;
            change.corrections = corrected;
            change.adds.extend_from_slice(&files);
            change.archives = records.values().cloned().collect();
            change.compared = outcome.compared;
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

/// Returns whether an archive is not to land any more, because of what another run did to it after
/// the plan was made: it was removed or, where it is repaired, landed.
fn is_withdrawn(index: &SilverIndex, repair: &Redo, restore: bool, archive: &str) -> bool {
    if repair.has(archive) {
        return repair.is_changed(archive);
    }
    !restore && index.is_removed(archive)
}

/// Returns the keys of archives whose rejects take the place of those that are recorded.
fn keys_with_rejects(archives: &[DecodedArchive]) -> BTreeSet<String> {
    let with_rejects = archives.iter().filter(|archive| archive.found.rejected_rows > 0);
    with_rejects.map(|archive| archive.bronze.key.path().to_owned()).collect()
}

/// Returns the keys of archives that landed without rejects: an earlier version may have had some.
/// One that did not land leaves those of the version that silver holds.
fn keys_without_rejects(archives: &[DecodedArchive]) -> BTreeSet<String> {
    let is_clean = |archive: &&DecodedArchive| {
        archive.found.fault.is_none() && archive.found.rejected_rows == 0
    };
    let without_rejects = archives.iter().filter(is_clean);
    without_rejects.map(|archive| archive.bronze.key.path().to_owned()).collect()
}

/// Describes the Delta table of a schema.
pub(crate) fn table_spec(schema: &TableSchema) -> TableSpec {
    TableSpec {
        name: TableName::new(Layer::Silver, schema.table()),
        schema: with_dictionaries(&schema.table_schema()),
        partition_columns: vec!["market".to_owned(), "date".to_owned()],
        sort_columns: schema.sort_columns(),
        descriptions: descriptions(schema),
    }
}

/// Describes the table and its columns in words.
pub(crate) fn descriptions(schema: &TableSchema) -> Descriptions {
    let columns = schema.column_docs().map(|(name, doc)| (name, doc.to_owned()));
    Descriptions::new(schema.doc(), columns)
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
