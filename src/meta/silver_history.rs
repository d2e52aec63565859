//! The archives of one silver table, read from all of its log, and from its data files where
//! commits are gone.
//!
//! This is slow and complete, for rebuilding the ledger; [`super::silver_index`] reads only what is
//! new.

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::{Array, AsArray, PrimitiveArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use lakehouse_core::ledger::ChecksumState;
use parquet::arrow::ProjectionMask;

use super::log_spool::{LogSpool, SpooledEntry};
use super::recorded_archives::RecordedArchives;
use super::silver_index::SilverIndex;
use crate::delta::TableError;
use crate::delta::file::ActiveFile;
use crate::delta::log::{ArchiveRecord, CommitRecord, LoggedCorrection, has_commit, read_record};
use crate::delta::table::WritableTable;
use crate::parquet::reader::{listed_archives, open_file, read_file};
use crate::storage::lake::TableName;

/// The archives of one silver table, in all versions that are recorded anywhere.
#[derive(Debug)]
pub(super) struct SilverHistory {
    table: WritableTable,
    event_time: String,
    /// The entries of all commits.
    by_log: LogSpool,
    /// Archives with rows in the table that no commit names any more.
    by_files: BTreeMap<String, ArchiveRecord>,
    corrections: Vec<LoggedCorrection>,
    /// Commits up to this version have been read; -1 when none has.
    seen: i64,
    /// Versions whose commits are gone, so that data files have to be read.
    gone: HashSet<i64>,
}

impl SilverHistory {
    pub(super) fn new(table: WritableTable, event_time: &str) -> Self {
        Self {
            by_log: LogSpool::new(table.spec.name.clone()),
            table,
            event_time: event_time.to_owned(),
            by_files: BTreeMap::new(),
            corrections: Vec::new(),
            seen: -1,
            gone: HashSet::new(),
        }
    }

    /// Reads the commits after the last version that was read.
    pub(super) async fn catch_up(&mut self) -> Result<(), TableError> {
        self.table.refresh().await?;
        for version in self.seen + 1..=self.table.version() {
            match read_record(&self.table, version).await? {
                Some(record) => self.add_record(version, record)?,
                // A commit of another writer, such as the library's own that created the table.
                None if has_commit(&self.table, version).await? => {}
                None => drop(self.gone.insert(version)),
            }
            self.seen = version;
        }
        if !self.gone.is_empty() {
            self.by_files = self.read_files().await?;
        }
        Ok(())
    }

    fn add_record(&mut self, version: i64, record: CommitRecord) -> Result<(), TableError> {
        self.corrections.extend(record.logged_corrections(version));
        let run = record.run.clone();
        for entry in record.into_log_entries() {
            self.by_log.push(SpooledEntry { version, run: run.clone(), entry })?;
        }
        Ok(())
    }

    /// Returns the table's name.
    pub(super) const fn name(&self) -> &TableName {
        &self.table.spec.name
    }

    /// Returns the id of the table, which another table in its place does not have.
    pub(super) fn id(&self) -> Result<String, TableError> {
        self.table.id()
    }

    /// Returns the version up to which commits have been read.
    pub(super) const fn seen(&self) -> i64 {
        self.seen
    }

    /// Returns the corrections in all commits.
    pub(super) fn corrections(&self) -> &[LoggedCorrection] {
        &self.corrections
    }

    /// Returns whether the commit of a version has been read.
    pub(super) fn has_commit(&self, version: i64) -> bool {
        version <= self.seen && !self.gone.contains(&version)
    }

    /// Returns how many archives only the data files name.
    pub(super) fn count_from_files(&self) -> usize {
        self.by_files.len()
    }

    /// Begins to read what is recorded of archives, in the order of their keys. Only one reader
    /// may be in use at a time.
    pub(super) fn archives(&self) -> Result<RecordedArchives<'_>, TableError> {
        let by_log = self.by_log.by_archive()?;
        Ok(RecordedArchives::new(by_log, &self.by_files, self.table.version()))
    }

    /// Returns all archives as the index that writers of the table begin with; none of its entries
    /// counts as recorded in the ledger.
    pub(super) fn into_index(self) -> Result<SilverIndex, TableError> {
        let mut entries = Vec::new();
        let mut archives = self.archives()?;
        while archives.archive().is_some() {
            let recorded = archives.next_archive()?.entries;
            entries.extend(recorded.into_iter().map(|spooled| (spooled.version, spooled.entry)));
        }
        // Those of one commit take effect in the order of their archives as in any other.
        entries.sort_by_key(|(version, _)| *version);
        Ok(SilverIndex::of_log(entries, self.corrections, self.seen))
    }

    /// Finds the archives that no commit names in the footers of data files, and counts their rows.
    async fn read_files(&self) -> Result<BTreeMap<String, ArchiveRecord>, TableError> {
        let (versions, files) = self.unknown_archives().await?;
        let mut tallies: BTreeMap<String, ArchiveTally> =
            versions.keys().map(|archive| (archive.clone(), ArchiveTally::default())).collect();
        for file in files {
            self.count_rows(&file, &mut tallies).await?;
        }
        let mut records = BTreeMap::new();
        for (archive, tally) in tallies {
            if let Some(sha256) = versions.get(&archive) {
                records.insert(archive.clone(), tally.record(archive, sha256.clone()));
            }
        }
        Ok(records)
    }

    /// Returns the archives that only footers name, with their versions, and the files with such
    /// footers.
    async fn unknown_archives(
        &self,
    ) -> Result<(HashMap<String, String>, Vec<ActiveFile>), TableError> {
        let known = self.logged_archives()?;
        let mut versions = HashMap::new();
        let mut files = Vec::new();
        for file in self.table.active_files()? {
            let builder = read_file(&self.table, &file).await?;
            let listed = listed_archives(builder.metadata()).unwrap_or_default();
            let listed = listed.lines().filter_map(|line| line.rsplit_once(' '));
            let unknown: Vec<_> = listed.filter(|(archive, _)| !known.contains(*archive)).collect();
            if unknown.is_empty() {
                continue;
            }
            let owned = |(archive, sha256): (&str, &str)| (archive.to_owned(), sha256.to_owned());
            versions.extend(unknown.into_iter().map(owned));
            files.push(file);
        }
        Ok((versions, files))
    }

    fn logged_archives(&self) -> Result<HashSet<String>, TableError> {
        let mut known = HashSet::new();
        let mut entries = self.by_log.by_archive()?;
        while let Some(archive) = entries.archive() {
            known.insert(archive.to_owned());
            entries.next_archive()?;
        }
        Ok(known)
    }

    /// Counts the rows of a file that belong to the archives in `tallies`.
    async fn count_rows(
        &self,
        file: &ActiveFile,
        tallies: &mut BTreeMap<String, ArchiveTally>,
    ) -> Result<(), TableError> {
        let failed = TableError::arrow(&self.table.spec.name);
        let file = open_file(&self.table, file).await?;
        let builder = file.rows()?;
        let columns = ["archive", self.event_time.as_str()];
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns);
        let batches = builder.with_projection(mask).build();
        for batch in batches.map_err(|error| file.parquet_error(error))? {
            let batch = batch.map_err(&failed)?;
            count_batch(&batch, &self.event_time, tallies).map_err(&failed)?;
        }
        Ok(())
    }
}

fn count_batch(
    batch: &RecordBatch,
    event_time: &str,
    tallies: &mut BTreeMap<String, ArchiveTally>,
) -> Result<(), ArrowError> {
    let Some(archives) = batch.column_by_name("archive") else { return Ok(()) };
    let archives = cast(archives, &DataType::Utf8)?;
    let times = batch.column_by_name(event_time);
    let times: Option<&PrimitiveArray<TimestampMicrosecondType>> =
        times.and_then(|times| times.as_primitive_opt());
    for (row, archive) in archives.as_string::<i32>().iter().enumerate() {
        if let Some(tally) = archive.and_then(|archive| tallies.get_mut(archive)) {
            let times = times.filter(|times| times.is_valid(row));
            tally.count(times.map(|times| times.value(row)));
        }
    }
    Ok(())
}

/// The rows of an archive, counted, with the first and last event time in microseconds.
#[derive(Debug, Default)]
struct ArchiveTally {
    rows: u64,
    min: Option<i64>,
    max: Option<i64>,
}

impl ArchiveTally {
    fn count(&mut self, time: Option<i64>) {
        self.rows += 1;
        self.min = self.min.into_iter().chain(time).min();
        self.max = self.max.max(time);
    }

    fn record(&self, archive: String, sha256: String) -> ArchiveRecord {
        let time = |micros: Option<i64>| micros.and_then(DateTime::<Utc>::from_timestamp_micros);
        ArchiveRecord {
            archive,
            sha256,
            size: 0,
            etag: None,
            last_modified: None,
            checksum: ChecksumState::Unchecked.as_str().to_owned(),
            rows: self.rows,
            rejected_rows: 0,
            min_time: time(self.min),
            max_time: time(self.max),
            days: None,
            competing_version: None,
            yielded: false,
            outside: None,
            reason: None,
        }
    }
}
