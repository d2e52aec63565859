//! Verification: is what the lake holds what was published, and has silver all of it?
//!
//! Bronze is compared with its checksums and the ledger, and silver's row counts with the ledger.
//! On request, silver's rows are compared with a new decoding of every archive. What the ledger
//! does not have yet is read from silver's own log, so a lake is clean at every moment at which
//! nothing is lost. Nothing is written.

mod bronze;
mod damage;
mod fingerprint;
mod owners;
mod rejects;
mod report;
mod silver;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::NaiveDate;
use futures::{StreamExt, stream};
use lakehouse_core::ledger::{ArchiveStatus, ChecksumState, LedgerEntry};
use lakehouse_core::listing::checksum::Sha256Hex;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::days::DaySet;
use lakehouse_core::names::partition::Partition;
use lakehouse_core::schema::{Schemas, TableSchema};
use thiserror::Error;

pub(crate) use self::bronze::ArchiveVersion;
use self::bronze::check_archive;
use self::damage::damage_of;
pub(crate) use self::damage::{Inspection, TableDamage};
use self::fingerprint::{Counter, Fingerprint, Tally};
use self::owners::check_owners;
use self::rejects::RecordedRejects;
pub use self::report::{Check, Finding, VerifyReport};
use self::silver::{difference, tally_table};
use crate::delta::TableError;
use crate::delta::log::{ArchiveRecord, LogEntry};
use crate::delta::table::WritableTable;
use crate::error_chain::one_line;
use crate::meta::archives::reader::LedgerReader;
use crate::meta::scope::Scope;
use crate::meta::silver_index::SilverIndex;
use crate::silver::{reread, table_spec};
use crate::storage::lake::Lake;
use crate::storage::{Storage, StorageError};

/// Why a lake could not be verified.
#[derive(Debug, Error)]
pub enum VerifyError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A table could not be opened or listed.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// What is wrong with a single archive or file, which becomes a finding.
type Problem = Box<dyn std::error::Error + Send + Sync>;

/// Which lake is to be verified, and how.
#[derive(Clone, Debug)]
pub struct Verify {
    pub lake: Lake,
    pub matrix: Arc<Matrix>,
    pub schemas: Arc<Schemas>,
    pub scope: Scope,
    /// Decode every archive again and compare all its rows.
    pub deep: bool,
    /// Archives and files that are read at a time.
    pub threads: usize,
}

/// What is known of an archive whose rows are in silver.
#[derive(Clone, Debug)]
struct KnownArchive {
    version: ArchiveVersion,
    rows: u64,
    rejected_rows: u64,
    /// The days of its period that it owns, where these are not all: the others are another copy's.
    days: Option<DaySet>,
}

impl KnownArchive {
    /// Returns whether rows of this day, which is in the archive's period, belong in silver.
    fn owns(&self, date: NaiveDate) -> bool {
        self.days.is_none_or(|days| days.contains(date))
    }

    /// Returns whether rows of this day are to be as they are in the archive, given those in
    /// silver.
    ///
    /// Rows outside the period may have been left to another archive, all of them of a day.
    fn is_compared(&self, date: NaiveDate, held: &BTreeMap<NaiveDate, Fingerprint>) -> bool {
        let in_period = self.version.key.period().days().contains(date);
        if in_period { self.owns(date) } else { held.contains_key(&date) }
    }
}

/// The archives of one silver table, by their keys.
type KnownArchives = BTreeMap<Arc<str>, KnownArchive>;

/// Where below bronze the bytes of each version of an archive lie that are as they should be.
type Places = HashMap<(Arc<str>, Sha256Hex), String>;

impl Verify {
    /// Verifies the lake.
    ///
    /// # Errors
    /// When a table cannot be opened; what is wrong with single archives and files is in the
    /// report.
    pub async fn run(&self) -> Result<VerifyReport, VerifyError> {
        Ok(self.inspect(&BTreeSet::new(), false).await?.report)
    }

    /// Verifies the lake but for some silver tables, and says of the others what would make them
    /// right; with `suspects`, rows that other programs wrote are compared by their values.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(crate) async fn inspect(
        &self,
        skipped: &BTreeSet<String>,
        suspects: bool,
    ) -> Result<Inspection, VerifyError> {
        let ledger = LedgerReader::open(&self.lake, Arc::clone(&self.matrix)).await?;
        let mut tables = Vec::new();
        let mut lost = Vec::new();
        let chosen = self.schemas.iter().filter(|schema| !skipped.contains(schema.table()));
        for schema in chosen {
            let Some(table) = WritableTable::open(&self.lake, table_spec(schema)).await? else {
                lost.push((schema, self.recorded_archives(schema, ledger.as_ref())?));
                continue;
            };
            let known = self.known_archives(schema, &table, ledger.as_ref()).await?;
            tables.push((schema, table, known));
        }
        let mut report = VerifyReport::default();
        let mut damages = Vec::new();
        let known =
            || tables.iter().map(|(_, _, known)| known).chain(lost.iter().map(|lost| &lost.1));
        let current = known().flat_map(|known| known.values().map(|known| known.version.clone()));
        let mut others = Vec::new();
        if let Some(ledger) = &ledger {
            ledger.for_each(|entry| others.extend(self.not_in_silver(&entry)))?;
        }
        let decodes = self.deep || suspects;
        let places = self.check_bronze(current.chain(others), decodes, &mut report).await?;
        let rejects = RecordedRejects::read(&self.lake, known()).await?;
        for (schema, table, known) in &tables {
            let before = report.findings.len();
            let unreadable =
                self.check_silver(schema, table, known, &places, suspects, &mut report).await?;
            report.findings.extend(rejects.lost(known));
            damages.push(damage_of(schema, known, report.findings.get(before..), unreadable));
        }
        for (schema, known) in &lost {
            let before = report.findings.len();
            self.check_rows(known, &Tally::default(), &mut report);
            damages.push(damage_of(schema, known, report.findings.get(before..), Vec::new()));
        }
        report.findings.sort();
        report.findings.dedup();
        Ok(Inspection { report, damages })
    }

    /// Collects what the ledger says of a table's archives.
    fn recorded_archives(
        &self,
        schema: &TableSchema,
        ledger: Option<&LedgerReader>,
    ) -> Result<KnownArchives, TableError> {
        let mut known = KnownArchives::new();
        let Some(ledger) = ledger else { return Ok(known) };
        ledger.for_each_of(schema, |entry| {
            if entry.status != ArchiveStatus::Ingested || !self.scope.has(&entry.key) {
                return;
            }
            if let Some(version) = version_of(&entry) {
                let LedgerEntry { rows, rejected_rows, days, .. } = entry;
                let key = version.key.shared_path();
                known.insert(key, KnownArchive { version, rows, rejected_rows, days });
            }
        })?;
        Ok(known)
    }

    /// Collects what ledger and log say of a table's archives; the log is newer.
    async fn known_archives(
        &self,
        schema: &TableSchema,
        table: &WritableTable,
        ledger: Option<&LedgerReader>,
    ) -> Result<KnownArchives, TableError> {
        let mut known = self.recorded_archives(schema, ledger)?;
        let mut index = match ledger {
            Some(ledger) => ledger.silver_index(table, schema.event_time()).await?,
            None => SilverIndex::default(),
        };
        index.catch_up(table).await?;
        // What the log has and the ledger not yet: a run may have died between the two.
        for (_, entry) in index.take_unrecorded() {
            let record = match entry {
                LogEntry::Landed(record) => *record,
                LogEntry::Compared(record) if record.removed => {
                    known.remove(record.archive.as_str());
                    continue;
                }
                LogEntry::Compared(record) => {
                    if let Some(known) = known.get_mut(record.archive.as_str()) {
                        known.rows = record.rows;
                        known.days = record.days;
                    }
                    continue;
                }
            };
            let (Ok(key), Ok(sha256)) =
                (self.matrix.identify(&record.archive), record.sha256.parse())
            else {
                continue;
            };
            let checksum = record.checksum.parse().unwrap_or(ChecksumState::Unchecked);
            let version = ArchiveVersion { key, sha256, checksum, superseded: false };
            let ArchiveRecord { rows, rejected_rows, days, .. } = record;
            known.insert(
                version.key.shared_path(),
                KnownArchive { version, rows, rejected_rows, days },
            );
        }
        known.retain(|_, known| self.scope.has(&known.version.key));
        Ok(known)
    }

    /// Bytes that bronze keeps although silver has no rows of them any more, or never had.
    fn not_in_silver(&self, entry: &LedgerEntry) -> Option<ArchiveVersion> {
        let kept = matches!(
            entry.status,
            ArchiveStatus::Superseded | ArchiveStatus::Rejected | ArchiveStatus::Yielded
        );
        version_of(entry).filter(|version| kept && self.scope.has(&version.key))
    }

    /// Checks the sums of archives; returns where in bronze each of them is as it should be, if
    /// they are to be decoded.
    async fn check_bronze(
        &self,
        archives: impl Iterator<Item = ArchiveVersion>,
        decodes: bool,
        report: &mut VerifyReport,
    ) -> Result<Places, StorageError> {
        let bronze = self.lake.bronze()?;
        let mut places = HashMap::new();
        let checks = stream::iter(archives).map(|version| async {
            let found = check_archive(&bronze, &version).await;
            (version, found)
        });
        let mut checks = checks.buffer_unordered(self.threads.max(1));
        while let Some((version, found)) = checks.next().await {
            report.archives += 1;
            report.bytes += found.bytes;
            report.findings.extend(found.findings);
            if let Some(place) = found.path.filter(|_| decodes) {
                places.insert((version.key.shared_path(), version.sha256), place);
            }
        }
        Ok(places)
    }

    /// Compares a silver table with what is known; returns its files that cannot be read.
    async fn check_silver(
        &self,
        schema: &TableSchema,
        table: &WritableTable,
        known: &KnownArchives,
        places: &Places,
        suspects: bool,
        report: &mut VerifyReport,
    ) -> Result<Vec<String>, VerifyError> {
        let threads = self.threads.max(1);
        let tallied = tally_table(table, schema, self.deep, threads).await?;
        report.findings.extend(tallied.findings);
        self.check_rows(known, &tallied.tally, report);
        report.findings.extend(check_owners(known, &tallied.tally));
        if self.deep {
            self.check_values(schema, known, &tallied.tally, places, report).await?;
        } else if suspects && !tallied.tally.foreign.is_empty() {
            let mut suspects = known.clone();
            suspects.retain(|archive, _| tallied.tally.foreign.contains(archive));
            let values = tally_table(table, schema, true, threads).await?;
            self.check_values(schema, &suspects, &values.tally, places, report).await?;
        }
        Ok(tallied.unreadable)
    }

    fn check_rows(&self, known: &KnownArchives, tally: &Tally, report: &mut VerifyReport) {
        for (archive, known) in known {
            let found = tally.rows_of(archive);
            report.rows += found;
            if found != known.rows {
                let finding = known.version.finding(
                    Check::Rows,
                    format!("{} rows", known.rows),
                    format!("{found} rows"),
                );
                report.findings.push(finding);
            }
        }
        for archive in tally.archives.keys().filter(|archive| !known.contains_key(*archive)) {
            // Files hold rows of archives outside the scope, too.
            if self.matrix.identify(archive).is_ok_and(|key| !self.scope.has(&key)) {
                continue;
            }
            report.findings.push(Finding {
                archive: archive.to_string(),
                check: Check::Rows,
                expected: "0 rows of an archive that never landed".to_owned(),
                found: format!("{} rows", tally.rows_of(archive)),
            });
        }
    }

    /// Decodes archives again; one whose bytes are not in bronze any more has been reported
    /// already.
    async fn check_values(
        &self,
        schema: &TableSchema,
        known: &KnownArchives,
        tally: &Tally,
        places: &Places,
        report: &mut VerifyReport,
    ) -> Result<(), StorageError> {
        let bronze = self.lake.bronze()?;
        let place = |known: &KnownArchive| {
            places.get(&(known.version.key.shared_path(), known.version.sha256)).cloned()
        };
        let readable = known.values().filter_map(|known| Some((known.clone(), place(known)?)));
        let schema = Arc::new(schema.clone());
        let decodings = stream::iter(readable).map(|(known, place)| {
            let bronze = &bronze;
            let schema = Arc::clone(&schema);
            async move {
                let decoded = decode_again(bronze, &known.version, &place, schema).await;
                (known, decoded)
            }
        });
        // As many archives at a time as there are threads: each holds one batch in memory.
        let mut decodings = decodings.buffer_unordered(self.threads.max(1));
        while let Some((known, decoded)) = decodings.next().await {
            let version = &known.version;
            let archive = version.key.shared_path();
            let difference = match decoded {
                Ok(decoded) => {
                    let mut days = decoded.archives.get(&archive).cloned().unwrap_or_default();
                    let nothing = BTreeMap::new();
                    let held = tally.archives.get(&archive).unwrap_or(&nothing);
                    // Days that another copy owns have no rows of this archive in silver.
                    days.retain(|date, _| known.is_compared(*date, held));
                    difference(&days, Some(held))
                }
                Err(error) => {
                    Some(("an archive that can be read".to_owned(), one_line(error.as_ref())))
                }
            };
            report.findings.extend(
                difference.map(|(expected, found)| version.finding(Check::Values, expected, found)),
            );
        }
        Ok(())
    }
}

/// Returns the version of an archive that an entry is about; nothing for one that was never
/// fetched.
pub(crate) fn version_of(entry: &LedgerEntry) -> Option<ArchiveVersion> {
    let sha256 = entry.sha256.as_deref()?.parse().ok()?;
    let superseded = entry.status == ArchiveStatus::Superseded;
    Some(ArchiveVersion { key: entry.key.clone(), sha256, checksum: entry.checksum, superseded })
}

/// Returns where below bronze the bytes of a version lie, if they are as they should be.
pub(crate) async fn find_in_bronze(bronze: &Storage, version: &ArchiveVersion) -> Option<String> {
    check_archive(bronze, version).await.path
}

async fn decode_again(
    bronze: &Storage,
    version: &ArchiveVersion,
    place: &str,
    schema: Arc<TableSchema>,
) -> Result<Tally, Problem> {
    let archive = version.open(bronze, place).await?;
    let work = tokio::task::spawn_blocking(move || {
        let counter = Counter::new(&schema.file_schema(), true)?;
        let market = archive.key.market();
        let mut tally = Tally::default();
        reread(&archive, &schema, |date, rows| {
            counter.count(&mut tally, &Partition { market, date }, rows)
        })?;
        Ok(tally)
    });
    work.await.unwrap_or_else(|error| Err(error.into()))
}
