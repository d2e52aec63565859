//! The ledger for those who only read it: row by row or series by series, in the order of keys, and
//! never as a whole.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use lakehouse_core::ledger::{ArchiveStatus, LedgerEntry};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::schema::TableSchema;

use super::files::LedgerFiles;
use super::identity::{is_described, lost, silver_index};
use super::replace::follows_from_silver;
use super::scan::LedgerScan;
pub(crate) use super::series_rows::{FolderRows, SeriesRows, series_folder};
use super::wanted::{KeyRange, Wanted};
use super::{SCHEMA, silver_table};
use crate::delta::TableError;
use crate::delta::table::WritableTable;
use crate::meta::recorded_archives::RecordedArchive;
use crate::meta::silver_history::SilverHistory;
use crate::meta::silver_index::SilverIndex;
use crate::meta::table::MetaTable;
use crate::storage::lake::{Lake, Layer, TableName};

/// The ledger at one version, with its files open.
#[derive(Debug)]
pub(crate) struct LedgerReader {
    table: WritableTable,
    files: LedgerFiles,
    /// What silver really holds, of tables that the ledger does not describe.
    undescribed: HashMap<String, SilverIndex>,
}

impl LedgerReader {
    /// Opens the ledger of a lake, as it is; nothing if it has none yet.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn open(lake: &Lake, matrix: Arc<Matrix>) -> Result<Option<Self>, TableError> {
        let Some(table) = MetaTable::open(lake, &SCHEMA).await? else { return Ok(None) };
        let table = table.delta().clone();
        let files = LedgerFiles::open(&table, matrix).await?;
        Ok(Some(Self { table, files, undescribed: HashMap::new() }))
    }

    /// Opens the ledger so that archives which silver has lost count as failed, and are planned
    /// again: what it says of silver tables that were lost or replaced counts for nothing.
    ///
    /// # Errors
    /// When it cannot be read, or the log of a silver table cannot be.
    pub(crate) async fn open_checked(
        lake: &Lake,
        matrix: Arc<Matrix>,
    ) -> Result<Option<Self>, TableError> {
        let Some(mut reader) = Self::open(lake, matrix).await? else { return Ok(None) };
        reader.find_undescribed(lake).await?;
        Ok(Some(reader))
    }

    async fn find_undescribed(&mut self, lake: &Lake) -> Result<(), TableError> {
        let combinations = self.files.matrix.combinations().iter();
        let tables: BTreeSet<String> = combinations.map(|row| row.schema.clone()).collect();
        for table in tables {
            let Some(newest) = self.files.newest_version(&table)? else { continue };
            let name = TableName::new(Layer::Silver, &table);
            if is_described(&self.table, lake, &name, newest).await? {
                continue;
            }
            let index = match WritableTable::open_as_is(lake, &name).await? {
                Some(table) => {
                    let mut history = SilverHistory::new(table, "");
                    history.catch_up().await?;
                    history.into_index()?
                }
                None => SilverIndex::default(),
            };
            self.undescribed.insert(table, index);
        }
        Ok(())
    }

    /// Reads the rows of a range in the order of keys, as they are.
    pub(super) fn scan(&self, range: KeyRange) -> Result<LedgerScan, TableError> {
        self.files.scan(&Wanted::Range(range))
    }

    pub(super) const fn matrix(&self) -> &Arc<Matrix> {
        &self.files.matrix
    }

    /// Reads every row, in the order of keys.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn for_each(&self, mut take: impl FnMut(LedgerEntry)) -> Result<(), TableError> {
        let mut scan = self.files.scan(&Wanted::All)?;
        while let Some(entry) = scan.next()? {
            take(self.checked(entry));
        }
        Ok(())
    }

    /// Reads the key of the newest archive in each folder of a series, once for each file of the
    /// ledger that has one: keys in a folder differ in their dates alone, and sort by them.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn for_each_newest_key(
        &self,
        mut take: impl FnMut(&ArchiveKey),
    ) -> Result<(), TableError> {
        let mut newest = String::new();
        for file in self.files.iter() {
            for keys in file.read(&Wanted::All, None, Some(&["archive"]))?.into_iter().flatten() {
                let keys = keys.map_err(TableError::arrow(&self.files.table))?;
                let keys = cast(keys.column(0), &DataType::Utf8);
                let keys = keys.map_err(TableError::arrow(&self.files.table))?;
                for key in keys.as_string::<i32>().iter().flatten() {
                    if folder_of(key) != folder_of(&newest) {
                        self.take_newest(&newest, &mut take)?;
                    }
                    newest.clear();
                    newest.push_str(key);
                }
            }
            // The next file may begin in the same folder, with older archives.
            self.take_newest(&newest, &mut take)?;
            newest.clear();
        }
        Ok(())
    }

    fn take_newest(
        &self,
        newest: &str,
        take: &mut impl FnMut(&ArchiveKey),
    ) -> Result<(), TableError> {
        if let Ok(key) = self.matrix().identify(newest) {
            take(&key);
            return Ok(());
        }
        // A key that this program does not know may be the newest one where it knows others.
        let folder = folder_of(newest);
        if folder.is_empty() {
            return Ok(());
        }
        let mut scan = self.scan(KeyRange::of_prefix(folder))?;
        while let Some(entry) = scan.next()? {
            take(&entry.key);
        }
        Ok(())
    }

    /// Returns the rows of archives that silver should hold in a version which its log never had:
    /// what the ledger says is in silver, and what failed after its bytes were in bronze.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) async fn not_in_log(
        &self,
        lake: &Lake,
        schema: &TableSchema,
    ) -> Result<Vec<LedgerEntry>, TableError> {
        let name = TableName::new(Layer::Silver, schema.table());
        let mut history = None;
        if let Some(table) = WritableTable::open_as_is(lake, &name).await? {
            let mut read = SilverHistory::new(table, schema.event_time());
            read.catch_up().await?;
            history = Some(read);
        }
        let mut archives = history.as_ref().map(SilverHistory::archives).transpose()?;
        let mut recorded = RecordedArchive::default();
        let mut last = String::new();
        let mut missing = Vec::new();
        let mut scan = self.files.scan(&Wanted::All)?;
        // Both are in the order of keys.
        while let Some(entry) = scan.next()? {
            let path = entry.key.path();
            if *path != *last {
                path.clone_into(&mut last);
                recorded = match &mut archives {
                    Some(archives) => archives.find(path)?,
                    None => RecordedArchive::default(),
                };
            }
            let wanted = follows_from_silver(&entry) || entry.status == ArchiveStatus::Failed;
            let here = silver_table(self.matrix(), &entry.key) == Some(schema.table());
            let Some(sha256) = entry.sha256.as_deref().filter(|_| wanted && here) else { continue };
            if !recorded.has_landed(sha256) {
                missing.push(entry);
            }
        }
        Ok(missing)
    }

    /// Returns what is known of a silver table's archives.
    ///
    /// # Errors
    /// When the ledger or the table's log cannot be read.
    pub(crate) async fn silver_index(
        &self,
        table: &WritableTable,
        event_time: &str,
    ) -> Result<SilverIndex, TableError> {
        silver_index(&self.table, &self.files, table, event_time).await
    }

    /// Begins to read series; `most` says whether most of a combination's series will be read, in
    /// the order of keys.
    pub(crate) const fn series(&self, most: bool) -> SeriesRows<'_> {
        SeriesRows::new(self, most)
    }

    /// Lets an archive that silver has lost count as failed.
    pub(super) fn checked(&self, entry: LedgerEntry) -> LedgerEntry {
        if self.undescribed.is_empty() || !follows_from_silver(&entry) {
            return entry;
        }
        let index = silver_table(self.matrix(), &entry.key).and_then(|it| self.undescribed.get(it));
        let is_lost = index.is_some_and(|index| index.held_archive(entry.key.path()).is_none());
        if is_lost { lost(&entry, None) } else { entry }
    }
}

/// Returns the folder of an archive, with its slash.
fn folder_of(key: &str) -> &str {
    key.rfind('/').and_then(|slash| key.get(..=slash)).unwrap_or_default()
}
