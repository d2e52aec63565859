//! What one silver table tells of its archives: by its log, or by its data files where commits are gone.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use lakehouse_core::ledger::{ArchiveStatus, ChecksumState, LedgerEntry};
use lakehouse_core::matrix::Matrix;
use parquet::arrow::ProjectionMask;

use super::entry_of;
use crate::delta::TableError;
use crate::delta::log::{ArchiveRecord, has_commit, read_record};
use crate::delta::reader::{listed_archives, read_file};
use crate::delta::table::{ActiveFile, LakeTable};
use crate::silver::Writer;

/// The archives of one silver table, in all versions that it can still tell of.
#[derive(Debug)]
pub(super) struct SilverTold {
    table: LakeTable,
    event_time: String,
    /// By archive: its versions in the order in which they landed.
    by_log: BTreeMap<String, Vec<Landed>>,
    by_files: BTreeMap<String, Landed>,
    seen: i64,
    /// Whether commits are missing, so that data files must be asked.
    has_gaps: bool,
}

#[derive(Clone, Debug)]
struct Landed {
    version: i64,
    run: Option<Arc<str>>,
    record: ArchiveRecord,
}

impl SilverTold {
    pub(super) fn new(table: LakeTable, event_time: &str) -> Self {
        let event_time = event_time.to_owned();
        Self { table, event_time, by_log: BTreeMap::new(), by_files: BTreeMap::new(), seen: -1, has_gaps: false }
    }

    /// Reads what the table has become since the last call.
    pub(super) async fn catch_up(&mut self) -> Result<(), TableError> {
        self.table.refresh().await?;
        for version in self.seen + 1..=self.table.version() {
            match read_record(&self.table, version).await? {
                Some(record) => {
                    let run: Arc<str> = record.run.into();
                    for record in record.archives {
                        let landed = Landed { version, run: Some(Arc::clone(&run)), record };
                        self.by_log.entry(landed.record.archive.clone()).or_default().push(landed);
                    }
                }
                None => self.has_gaps |= !has_commit(&self.table, version).await?,
            }
            self.seen = version;
        }
        if self.has_gaps {
            self.by_files = self.read_files().await?;
        }
        Ok(())
    }

    /// Returns how many archives only the data files told of.
    pub(super) fn told_by_data_files(&self) -> usize {
        self.by_files.len()
    }

    /// Returns a ledger row for every version of every archive.
    pub(super) fn entries(&self, matrix: &Matrix, writer: &Writer) -> Vec<LedgerEntry> {
        let mut entries = Vec::new();
        for versions in self.by_log.values() {
            let Some(newest) = versions.last() else { continue };
            for landed in versions {
                let Some(mut entry) = landed.entry(matrix, writer) else { continue };
                if landed.record.sha256 != newest.record.sha256 {
                    entry.status = ArchiveStatus::Superseded;
                    entry.reason = Some(format!("replaced by {}", newest.record.sha256));
                } else if landed.version != newest.version {
                    continue;
                }
                entries.push(entry);
            }
        }
        entries.extend(self.by_files.values().filter_map(|landed| landed.entry(matrix, writer)));
        entries
    }

    /// Asks the data files for the archives that no commit tells of.
    async fn read_files(&self) -> Result<BTreeMap<String, Landed>, TableError> {
        let mut sums: HashMap<String, String> = HashMap::new();
        let mut files = Vec::new();
        for file in self.table.active_files()? {
            let builder = read_file(&self.table, &file).await?;
            let listed = listed_archives(builder.metadata()).unwrap_or_default();
            let listed = listed.lines().filter_map(|line| line.rsplit_once(' '));
            let unknown: Vec<_> = listed.filter(|(archive, _)| !self.by_log.contains_key(*archive)).collect();
            if !unknown.is_empty() {
                sums.extend(unknown.into_iter().map(|(archive, sum)| (archive.to_owned(), sum.to_owned())));
                files.push(file);
            }
        }
        let mut measured: BTreeMap<String, Measure> =
            sums.keys().map(|key| (key.clone(), Measure::default())).collect();
        for file in files {
            self.measure(&file, &mut measured).await?;
        }
        let landed = measured.into_iter().filter_map(|(archive, measure)| {
            let sha256 = sums.get(&archive)?.clone();
            let record = measure.record(archive.clone(), sha256);
            Some((archive, Landed { version: self.table.version(), run: None, record }))
        });
        Ok(landed.collect())
    }

    async fn measure(&self, file: &ActiveFile, measured: &mut BTreeMap<String, Measure>) -> Result<(), TableError> {
        let name = &self.table.spec.name;
        let failed = |source| TableError::Parquet { table: name.clone(), path: file.path.clone(), source };
        let arrow_failed = TableError::arrow(name);
        let builder = read_file(&self.table, file).await?;
        let columns = ["archive", self.event_time.as_str()];
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns);
        for batch in builder.with_projection(mask).build().map_err(failed)? {
            let batch = batch.map_err(&arrow_failed)?;
            let (Some(archives), Some(times)) = (batch.column_by_name(columns[0]), batch.column_by_name(columns[1]))
            else {
                continue;
            };
            let archives = cast(archives, &DataType::Utf8).map_err(&arrow_failed)?;
            let times = times.as_primitive_opt::<TimestampMicrosecondType>();
            for (row, archive) in archives.as_string::<i32>().iter().enumerate() {
                let Some(measure) = archive.and_then(|archive| measured.get_mut(archive)) else { continue };
                measure.count(times.filter(|times| times.is_valid(row)).map(|times| times.value(row)));
            }
        }
        Ok(())
    }
}

impl Landed {
    fn entry(&self, matrix: &Matrix, writer: &Writer) -> Option<LedgerEntry> {
        let entry = entry_of(matrix, self.version, self.record.clone(), writer)?;
        let size = entry.size.filter(|_| self.run.is_some());
        Some(LedgerEntry { size, run: self.run.clone().unwrap_or(entry.run), ..entry })
    }
}

/// What the rows of an archive say of it.
#[derive(Debug, Default)]
struct Measure {
    rows: u64,
    min: Option<i64>,
    max: Option<i64>,
}

impl Measure {
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
        }
    }
}
