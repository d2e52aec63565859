//! The ledger, `meta.archives`: one row for every archive and version of it that the lake has met.
//!
//! It is an index. What silver holds is told by silver's own log, and whatever the log tells and
//! the ledger lacks is added when the two meet (see [`LedgerTable::reconcile`]); so a run that dies
//! between silver's commit and the ledger's loses nothing.

pub(super) mod replay;
pub(super) mod rows;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use lakehouse_core::ledger::{ArchiveStatus, Ledger, LedgerEntry, files_to_merge};
use lakehouse_core::matrix::Matrix;

use self::replay::{held_archive_of, is_in_silver_log, replay};
use super::silver_index::SilverIndex;
use crate::bronze::BronzeArchive;
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext, commit};
use crate::delta::file::{ActiveFile, NewFile};
use crate::delta::table::WritableTable;
use crate::parquet::reader::read_file;
use crate::parquet::writer::{DataFileWriter, FileTarget};
use crate::storage::lake::Lake;

/// Files that the ledger may have before the next commit makes fewer of them.
const FILES: usize = 24;

/// The ledger as a table, with all its rows in memory.
#[derive(Debug)]
pub(crate) struct LedgerTable {
    table: WritableTable,
    target: Arc<FileTarget>,
    matrix: Arc<Matrix>,
    files: BTreeMap<String, (ActiveFile, Vec<LedgerEntry>)>,
}

impl LedgerTable {
    /// Opens the ledger of a lake and reads it; makes it when it is missing.
    pub(crate) async fn open(lake: &Lake, matrix: Arc<Matrix>) -> Result<Self, TableError> {
        let table = WritableTable::open_or_create(lake, rows::table_spec()).await?;
        Self::read(table, matrix).await
    }

    /// Returns the table's columns.
    pub(crate) fn schema() -> SchemaRef {
        rows::table_spec().schema
    }

    /// Reads the ledger of a lake that may have none yet; writes nothing.
    pub(crate) async fn peek(lake: &Lake, matrix: Arc<Matrix>) -> Result<Option<Self>, TableError> {
        match WritableTable::open(lake, rows::table_spec()).await? {
            Some(table) => Self::read(table, matrix).await.map(Some),
            None => Ok(None),
        }
    }

    async fn read(table: WritableTable, matrix: Arc<Matrix>) -> Result<Self, TableError> {
        let target = Arc::new(FileTarget::new(&table));
        let mut ledger = Self { target, table, matrix, files: BTreeMap::new() };
        let files = read_files(&ledger.table, &ledger.matrix, BTreeMap::new()).await?;
        ledger.files = files;
        Ok(ledger)
    }

    /// Returns the newest row of every archive; the table's own rows become these.
    pub(crate) fn into_ledger(self) -> Ledger {
        self.files.into_values().flat_map(|(_, entries)| entries).collect::<Vec<_>>().into()
    }

    /// Returns every row, in no order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &LedgerEntry> {
        self.files.values().flat_map(|(_, entries)| entries)
    }

    /// Returns what the ledger knows of one silver table, as the start of that table's own index.
    pub(crate) fn silver_index(&self, table: &str) -> SilverIndex {
        let known = self.entries().filter(|entry| is_in_silver_log(entry));
        let known: Vec<&LedgerEntry> =
            known.filter(|entry| schema_of(&self.matrix, entry) == Some(table)).collect();
        let seen = known.iter().filter_map(|entry| entry.silver_version).max().unwrap_or(-1);
        SilverIndex::new(
            known
                .iter()
                .filter_map(|entry| Some((entry.key.path().to_owned(), held_archive_of(entry)?))),
            seen,
        )
    }

    /// Adds what a silver table's log told and the ledger lacks.
    pub(crate) async fn reconcile(
        &mut self,
        index: &mut SilverIndex,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        let told = index.take_unrecorded();
        if told.is_empty() {
            return Ok(());
        }
        let known = self
            .entries()
            .filter(|entry| is_in_silver_log(entry))
            .map(|entry| (entry.key.path(), entry));
        let entries = replay(&self.matrix, &known.collect(), told, context);
        self.record(entries, context).await
    }

    /// Returns the row of an archive whose bytes turned out to be those that silver holds already,
    /// with what the source says of them now, so that the same doubt does not come up again.
    pub(crate) fn confirm(
        &self,
        archive: &BronzeArchive,
        context: &CommitContext,
    ) -> Option<LedgerEntry> {
        let sha256 = archive.sha256.to_string();
        let same = |entry: &&LedgerEntry| {
            is_in_silver_log(entry)
                && entry.key == archive.key
                && entry.sha256.as_deref() == Some(sha256.as_str())
        };
        let held = self.entries().find(same)?;
        Some(LedgerEntry {
            checksum: archive.checksum,
            size: Some(archive.size),
            etag: archive.etag.clone(),
            last_modified: archive.last_modified,
            run: Arc::clone(&context.run),
            recorded_at: context.clock.now(),
            ..held.clone()
        })
    }

    /// Records what became of archives: a row takes the place of what was known of the same version
    /// of its archive, and an older version that was in silver becomes `superseded`.
    pub(crate) async fn record(
        &mut self,
        entries: Vec<LedgerEntry>,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        if entries.is_empty() {
            return Ok(());
        }
        let new: HashMap<&str, &LedgerEntry> =
            entries.iter().map(|entry| (entry.key.path(), entry)).collect();
        let (target, matrix) = (Arc::clone(&self.target), Arc::clone(&self.matrix));
        let files = &mut self.files;
        commit(&mut self.table, context, async |table: &WritableTable| {
            *files = read_files(table, &matrix, std::mem::take(files)).await?;
            let held = files.values().flat_map(|(_, held)| held);
            let mut rows =
                still_held(&entries, held.filter(|entry| new.contains_key(entry.key.path())));
            let mut change = Change::default();
            let merged = small_files(files, rows.len());
            for (file, held) in files.values() {
                if merged.contains(&file.path)
                    || held.iter().any(|entry| new.contains_key(entry.key.path()))
                {
                    change.removes.push(file.clone());
                    rows.extend(
                        held.iter()
                            .filter_map(|entry| kept(entry, new.get(entry.key.path()).copied())),
                    );
                }
            }
            rows.sort_by(|a, b| (a.key.path(), a.recorded_at).cmp(&(b.key.path(), b.recorded_at)));
            change.adds.push(write_file(&target, &rows).await?);
            Ok::<_, TableError>(Some(change))
        })
        .await?;
        self.files = read_files(&self.table, &self.matrix, std::mem::take(&mut self.files)).await?;
        Ok(())
    }
}

/// Returns the files that are to become one with so many new rows, if there are too many.
fn small_files(
    files: &BTreeMap<String, (ActiveFile, Vec<LedgerEntry>)>,
    rows: usize,
) -> BTreeSet<String> {
    if files.len() < FILES {
        return BTreeSet::new();
    }
    let mut sizes: Vec<(usize, &String)> =
        files.iter().map(|(path, (_, held))| (held.len(), path)).collect();
    sizes.sort_unstable();
    let merged = files_to_merge(sizes.iter().map(|(size, _)| *size), rows);
    sizes.into_iter().take(merged).map(|(_, path)| path.clone()).collect()
}

/// Returns what stays of a row when `new` is recorded of the same archive.
fn kept(held: &LedgerEntry, new: Option<&LedgerEntry>) -> Option<LedgerEntry> {
    let Some(new) = new else { return Some(held.clone()) };
    match held.status {
        ArchiveStatus::Superseded => Some(held.clone()),
        ArchiveStatus::Ingested | ArchiveStatus::Yielded if is_in_silver_log(new) => {
            (new.sha256 != held.sha256).then(|| superseded(held, new))
        }
        // Rows that are in silver stay known, also when a newer version could not be had.
        ArchiveStatus::Ingested | ArchiveStatus::Yielded => Some(held.clone()),
        _ => None,
    }
}

fn superseded(held: &LedgerEntry, new: &LedgerEntry) -> LedgerEntry {
    let reason =
        Some(format!("replaced by {}", new.sha256.as_deref().unwrap_or("another version")));
    LedgerEntry {
        status: ArchiveStatus::Superseded,
        reason,
        days: None,
        competing_version: None,
        ..held.clone()
    }
}

/// Lets rows of archives that could not be had anew say what silver still holds of the old one.
fn still_held<'a>(
    entries: &[LedgerEntry],
    held: impl Iterator<Item = &'a LedgerEntry>,
) -> Vec<LedgerEntry> {
    let held = held.filter(|entry| entry.status == ArchiveStatus::Ingested);
    let held: HashMap<&str, &LedgerEntry> = held.map(|entry| (entry.key.path(), entry)).collect();
    let completed = |entry: &LedgerEntry| match held.get(entry.key.path()) {
        Some(held) if !is_in_silver_log(entry) && entry.status != ArchiveStatus::Superseded => {
            LedgerEntry { silver_version: held.silver_version, days: held.days, ..entry.clone() }
        }
        _ => entry.clone(),
    };
    entries.iter().map(completed).collect()
}

fn schema_of<'a>(matrix: &'a Matrix, entry: &LedgerEntry) -> Option<&'a str> {
    matrix
        .get(entry.key.market(), entry.key.data_type())
        .map(|combination| combination.schema.as_str())
}

pub(super) async fn write_file(
    target: &Arc<FileTarget>,
    entries: &[LedgerEntry],
) -> Result<NewFile, TableError> {
    let rows = rows::to_batch(entries).map_err(TableError::arrow(target.table()))?;
    let mut file = DataFileWriter::create(target, Vec::new())?;
    file.write(&[rows])?;
    target.publish(file.finish(None)?).await
}

/// Reads the files that are not known yet, and forgets those that are gone.
async fn read_files(
    table: &WritableTable,
    matrix: &Matrix,
    mut known: BTreeMap<String, (ActiveFile, Vec<LedgerEntry>)>,
) -> Result<BTreeMap<String, (ActiveFile, Vec<LedgerEntry>)>, TableError> {
    let mut files = BTreeMap::new();
    for file in table.active_files()? {
        let entries = match known.remove(&file.path) {
            Some((_, entries)) => entries,
            None => read_entries(table, matrix, &file).await?,
        };
        files.insert(file.path.clone(), (file, entries));
    }
    Ok(files)
}

pub(super) async fn read_entries(
    table: &WritableTable,
    matrix: &Matrix,
    file: &ActiveFile,
) -> Result<Vec<LedgerEntry>, TableError> {
    let name = &table.spec.name;
    let failed =
        |source| TableError::Parquet { table: name.clone(), path: file.path.clone(), source };
    let arrow_failed = TableError::arrow(name);
    let mut entries = Vec::new();
    for batch in read_file(table, file).await?.build().map_err(failed)? {
        entries.extend(
            rows::from_batch(&batch.map_err(&arrow_failed)?, matrix).map_err(&arrow_failed)?,
        );
    }
    Ok(entries)
}
