//! What one silver table tells of its archives: by its log, or by its data files where commits are
//! gone.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use lakehouse_core::ledger::{ChecksumState, LedgerEntry};
use lakehouse_core::matrix::Matrix;
use parquet::arrow::ProjectionMask;

use super::archives::replay::replay;
use crate::delta::TableError;
use crate::delta::commit::CommitContext;
use crate::delta::file::ActiveFile;
use crate::delta::log::{
    ArchiveRecord, CommitRecord, LogEntry, LoggedCorrection, has_commit, read_record,
};
use crate::delta::table::WritableTable;
use crate::parquet::reader::{listed_archives, read_file};
use crate::storage::lake::TableName;

/// What one silver table can still tell of its archives.
#[derive(Debug)]
pub(super) struct SilverHistory {
    table: WritableTable,
    event_time: String,
    /// What commits tell, in their order.
    by_log: Vec<(i64, LogEntry)>,
    /// The run that landed a version of an archive.
    runs: HashMap<(String, String), Arc<str>>,
    /// Archives that no commit tells of any more.
    by_files: BTreeMap<String, ArchiveRecord>,
    corrections: Vec<LoggedCorrection>,
    seen: i64,
    /// Versions whose commits are gone, so that data files must be asked.
    gone: HashSet<i64>,
}

impl SilverHistory {
    pub(super) fn new(table: WritableTable, event_time: &str) -> Self {
        Self {
            table,
            event_time: event_time.to_owned(),
            by_log: Vec::new(),
            runs: HashMap::new(),
            by_files: BTreeMap::new(),
            corrections: Vec::new(),
            seen: -1,
            gone: HashSet::new(),
        }
    }

    /// Reads what the table has become since the last call.
    pub(super) async fn catch_up(&mut self) -> Result<(), TableError> {
        self.table.refresh().await?;
        for version in self.seen + 1..=self.table.version() {
            match read_record(&self.table, version).await? {
                Some(record) => self.take_in(version, record),
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

    fn take_in(&mut self, version: i64, record: CommitRecord) {
        self.corrections.extend(record.logged_corrections(version));
        let run: Arc<str> = record.run.into();
        for record in record.archives {
            self.runs.insert((record.archive.clone(), record.sha256.clone()), Arc::clone(&run));
            self.by_log.push((version, LogEntry::Landed(Box::new(record))));
        }
        self.by_log
            .extend(record.holders.into_iter().map(|record| (version, LogEntry::Compared(record))));
    }

    /// Returns the table's name.
    pub(super) const fn name(&self) -> &TableName {
        &self.table.spec.name
    }

    /// Returns the corrections that commits tell of.
    pub(super) fn corrections(&self) -> &[LoggedCorrection] {
        &self.corrections
    }

    /// Returns whether the commit of a version was there to be read.
    pub(super) fn has_commit(&self, version: i64) -> bool {
        version <= self.seen && !self.gone.contains(&version)
    }

    /// Returns how many archives only the data files told of.
    pub(super) fn archives_from_data_files(&self) -> usize {
        self.by_files.len()
    }

    /// Returns a ledger row for every version of every archive.
    pub(super) fn entries(&self, matrix: &Matrix, context: &CommitContext) -> Vec<LedgerEntry> {
        let found = self
            .by_files
            .values()
            .map(|record| (self.table.version(), LogEntry::Landed(Box::new(record.clone()))));
        let mut entries = replay(matrix, &HashMap::new(), found.collect(), context);
        entries.iter_mut().for_each(|entry| entry.size = None);
        entries.extend(replay(matrix, &HashMap::new(), self.by_log.clone(), context));
        for entry in &mut entries {
            let version = (
                entry.key.path().to_owned(),
                entry.sha256.as_deref().unwrap_or_default().to_owned(),
            );
            if let Some(run) = self.runs.get(&version) {
                entry.run = Arc::clone(run);
            }
        }
        entries
    }

    /// Asks the data files for the archives that no commit tells of.
    async fn read_files(&self) -> Result<BTreeMap<String, ArchiveRecord>, TableError> {
        let known: HashSet<&str> = self.runs.keys().map(|(archive, _)| archive.as_str()).collect();
        let mut sums: HashMap<String, String> = HashMap::new();
        let mut files = Vec::new();
        for file in self.table.active_files()? {
            let builder = read_file(&self.table, &file).await?;
            let listed = listed_archives(builder.metadata()).unwrap_or_default();
            let listed = listed.lines().filter_map(|line| line.rsplit_once(' '));
            let unknown: Vec<_> = listed.filter(|(archive, _)| !known.contains(archive)).collect();
            if !unknown.is_empty() {
                sums.extend(
                    unknown.into_iter().map(|(archive, sum)| (archive.to_owned(), sum.to_owned())),
                );
                files.push(file);
            }
        }
        let mut measured: BTreeMap<String, ArchiveTally> =
            sums.keys().map(|key| (key.clone(), ArchiveTally::default())).collect();
        for file in files {
            self.measure(&file, &mut measured).await?;
        }
        let found = measured.into_iter().filter_map(|(archive, measure)| {
            let sha256 = sums.get(&archive)?.clone();
            Some((archive.clone(), measure.record(archive, sha256)))
        });
        Ok(found.collect())
    }

    async fn measure(
        &self,
        file: &ActiveFile,
        measured: &mut BTreeMap<String, ArchiveTally>,
    ) -> Result<(), TableError> {
        let name = &self.table.spec.name;
        let failed =
            |source| TableError::Parquet { table: name.clone(), path: file.path.clone(), source };
        let arrow_failed = TableError::arrow(name);
        let builder = read_file(&self.table, file).await?;
        let columns = ["archive", self.event_time.as_str()];
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns);
        for batch in builder.with_projection(mask).build().map_err(failed)? {
            let batch = batch.map_err(&arrow_failed)?;
            let (Some(archives), Some(times)) =
                (batch.column_by_name(columns[0]), batch.column_by_name(columns[1]))
            else {
                continue;
            };
            let archives = cast(archives, &DataType::Utf8).map_err(&arrow_failed)?;
            let times = times.as_primitive_opt::<TimestampMicrosecondType>();
            for (row, archive) in archives.as_string::<i32>().iter().enumerate() {
                let Some(measure) = archive.and_then(|archive| measured.get_mut(archive)) else {
                    continue;
                };
                measure
                    .count(times.filter(|times| times.is_valid(row)).map(|times| times.value(row)));
            }
        }
        Ok(())
    }
}

/// What the rows of an archive say of it.
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
            reason: None,
        }
    }
}
