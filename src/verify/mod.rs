//! Verification: is what the lake holds what was published, and has silver all of it?
//!
//! Bronze is compared with its checksums and the ledger, silver's row counts with the ledger, and
//! if asked, silver's rows with a new decoding of every archive. What the ledger has not taken up
//! yet is read from silver's own log, so a lake is clean at every moment at which nothing is lost.
//! Nothing is written.

mod bronze;
mod fingerprint;
mod report;
mod silver;

use std::collections::{BTreeMap, HashMap, HashSet};
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

use self::bronze::{Wanted, check_archive, local_file};
use self::fingerprint::{Counter, Tally};
pub use self::report::{Check, Finding, VerifyReport};
use self::silver::{difference, tally_table};
use crate::bronze::BronzeArchive;
use crate::delta::TableError;
use crate::delta::log::LogEntry;
use crate::delta::table::WritableTable;
use crate::meta::archives::LedgerTable;
use crate::meta::scope::Scope;
use crate::silver::{reread, table_spec};
use crate::storage::lake::Lake;
use crate::storage::{Storage, StorageError};

/// Why a lake could not be verified.
#[derive(Debug, Error)]
pub enum VerifyError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A table could not be opened or listed.
    #[error("{0}")]
    Table(String),
}

impl From<TableError> for VerifyError {
    fn from(error: TableError) -> Self {
        Self::Table(error.to_string())
    }
}

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
struct Known {
    wanted: Wanted,
    rows: u64,
    /// The days of its period that it owns, where these are not all: the others are another copy's.
    days: Option<DaySet>,
}

impl Known {
    /// Returns whether rows of this day belong in silver; those beyond the archive's period always
    /// do.
    fn owns(&self, date: NaiveDate) -> bool {
        let in_period = self.wanted.key.period().days().contains(date);
        self.days.is_none_or(|days| !in_period || days.contains(date))
    }
}

/// The archives of one silver table, by their keys.
type KnownArchives = BTreeMap<Arc<str>, Known>;

impl Verify {
    /// Verifies the lake.
    ///
    /// # Errors
    /// When a table cannot be opened; what is wrong with single archives and files is in the
    /// report.
    pub async fn run(&self) -> Result<VerifyReport, VerifyError> {
        let ledger = LedgerTable::peek(&self.lake, Arc::clone(&self.matrix)).await?;
        let mut tables = Vec::new();
        for schema in self.schemas.iter() {
            let Some(table) = WritableTable::open(&self.lake, table_spec(schema)).await? else {
                continue;
            };
            let known = self.known_archives(schema, &table, ledger.as_ref()).await?;
            tables.push((schema, table, known));
        }
        let mut report = VerifyReport::default();
        let current = tables
            .iter()
            .flat_map(|(_, _, known)| known.values().map(|known| known.wanted.clone()));
        let others = ledger
            .iter()
            .flat_map(LedgerTable::entries)
            .filter_map(|entry| self.not_in_silver(entry));
        let places = self.check_bronze(current.chain(others).collect(), &mut report).await?;
        for (schema, table, known) in &tables {
            self.check_silver(schema, table, known, &places, &mut report).await?;
        }
        report.findings.sort();
        report.findings.dedup();
        Ok(report)
    }

    /// Collects what ledger and log say of a table's archives; the log is newer.
    async fn known_archives(
        &self,
        schema: &TableSchema,
        table: &WritableTable,
        ledger: Option<&LedgerTable>,
    ) -> Result<KnownArchives, TableError> {
        let mut known = KnownArchives::new();
        let ingested = ledger.into_iter().flat_map(LedgerTable::entries);
        for entry in ingested.filter(|entry| entry.status == ArchiveStatus::Ingested) {
            let combination = self.matrix.get(entry.key.market(), entry.key.data_type());
            let here = combination.is_some_and(|combination| combination.schema == schema.table());
            if let Some(wanted) = wanted(entry).filter(|_| here) {
                known.insert(
                    entry.key.shared_path(),
                    Known { wanted, rows: entry.rows, days: entry.days },
                );
            }
        }
        let mut index =
            ledger.map(|ledger| ledger.silver_index(schema.table())).unwrap_or_default();
        index.catch_up(table).await?;
        for (_, told) in index.take_unrecorded() {
            let record = match told {
                LogEntry::Landed(record) => *record,
                LogEntry::Compared(record) => {
                    if let Some(known) = known.get_mut(record.archive.as_str()) {
                        (known.rows, known.days) = (record.rows, record.days);
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
            let wanted = Wanted { key, sha256, checksum, superseded: false };
            known.insert(
                wanted.key.shared_path(),
                Known { wanted, rows: record.rows, days: record.days },
            );
        }
        known.retain(|_, known| self.scope.has(&known.wanted.key));
        Ok(known)
    }

    /// Bytes that bronze keeps although silver has no rows of them any more, or never had.
    fn not_in_silver(&self, entry: &LedgerEntry) -> Option<Wanted> {
        let kept = matches!(
            entry.status,
            ArchiveStatus::Superseded | ArchiveStatus::Rejected | ArchiveStatus::Yielded
        );
        wanted(entry).filter(|wanted| kept && self.scope.has(&wanted.key))
    }

    /// Sums archives up; returns where in bronze each of them is as it should be.
    async fn check_bronze(
        &self,
        archives: Vec<Wanted>,
        report: &mut VerifyReport,
    ) -> Result<HashMap<(Arc<str>, Sha256Hex), String>, StorageError> {
        let bronze = self.lake.bronze()?;
        let mut places = HashMap::new();
        let checks = stream::iter(archives).map(|wanted| async {
            let found = check_archive(&bronze, &wanted).await;
            (wanted, found)
        });
        let mut checks = checks.buffer_unordered(self.threads.max(1));
        while let Some((wanted, found)) = checks.next().await {
            report.archives += 1;
            report.bytes += found.bytes;
            report.findings.extend(found.findings);
            if let Some(place) = found.path {
                places.insert((wanted.key.shared_path(), wanted.sha256), place);
            }
        }
        Ok(places)
    }

    async fn check_silver(
        &self,
        schema: &TableSchema,
        table: &WritableTable,
        known: &KnownArchives,
        places: &HashMap<(Arc<str>, Sha256Hex), String>,
        report: &mut VerifyReport,
    ) -> Result<(), VerifyError> {
        let (tally, findings) = tally_table(table, schema, self.deep, self.threads.max(1)).await?;
        report.findings.extend(findings);
        self.check_rows(known, &tally, report);
        if self.deep {
            self.check_values(schema, known, &tally, places, report).await?;
        }
        Ok(())
    }

    fn check_rows(&self, known: &KnownArchives, tally: &Tally, report: &mut VerifyReport) {
        let rows = |archive: &str| {
            tally.0.get(archive).map_or(0, |days| days.values().map(|day| day.rows).sum::<u64>())
        };
        for (archive, known) in known {
            let found = rows(archive);
            report.rows += found;
            if found != known.rows {
                let finding = known.wanted.finding(
                    Check::Rows,
                    format!("{} rows", known.rows),
                    format!("{found} rows"),
                );
                report.findings.push(finding);
            }
        }
        let strangers: HashSet<&Arc<str>> =
            tally.0.keys().filter(|archive| !known.contains_key(*archive)).collect();
        for archive in strangers {
            if self.matrix.identify(archive).is_ok_and(|key| !self.scope.has(&key)) {
                continue;
            }
            let (expected, found) = (
                "0 rows of an archive that never landed".to_owned(),
                format!("{} rows", rows(archive)),
            );
            report.findings.push(Finding {
                archive: archive.to_string(),
                check: Check::Rows,
                expected,
                found,
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
        places: &HashMap<(Arc<str>, Sha256Hex), String>,
        report: &mut VerifyReport,
    ) -> Result<(), StorageError> {
        let bronze = self.lake.bronze()?;
        let place = |known: &Known| {
            places.get(&(known.wanted.key.shared_path(), known.wanted.sha256)).cloned()
        };
        let readable = known.values().filter_map(|known| Some((known.clone(), place(known)?)));
        let schema = Arc::new(schema.clone());
        let decodings = stream::iter(readable).map(|(known, place)| {
            let (bronze, schema) = (&bronze, Arc::clone(&schema));
            async move {
                let decoded = decode_again(bronze, &known.wanted, &place, schema).await;
                (known, decoded)
            }
        });
        let mut decodings = decodings.buffer_unordered(self.threads.max(1));
        while let Some((known, decoded)) = decodings.next().await {
            let wanted = &known.wanted;
            let archive = wanted.key.shared_path();
            let difference = match decoded {
                Ok(decoded) => {
                    let mut days = decoded.0.get(&archive).cloned().unwrap_or_default();
                    days.retain(|date, _| known.owns(*date));
                    difference(&days, tally.0.get(&archive))
                }
                Err(error) => Some(("an archive that can be read".to_owned(), error)),
            };
            report.findings.extend(
                difference.map(|(expected, found)| wanted.finding(Check::Values, expected, found)),
            );
        }
        Ok(())
    }
}

fn wanted(entry: &LedgerEntry) -> Option<Wanted> {
    let sha256 = entry.sha256.as_deref()?.parse().ok()?;
    let superseded = entry.status == ArchiveStatus::Superseded;
    Some(Wanted { key: entry.key.clone(), sha256, checksum: entry.checksum, superseded })
}

async fn decode_again(
    bronze: &Storage,
    wanted: &Wanted,
    place: &str,
    schema: Arc<TableSchema>,
) -> Result<Tally, String> {
    let (file, copy) = local_file(bronze, place).await.map_err(|error| error.to_string())?;
    let archive =
        BronzeArchive::at_rest(wanted.key.clone(), file, copy, wanted.sha256, wanted.checksum);
    let work = tokio::task::spawn_blocking(move || {
        let counter =
            Counter::new(&schema.file_schema(), true).map_err(|error| error.to_string())?;
        let (market, mut tally) = (archive.key.market(), Tally::default());
        let counted = reread(&archive, &schema, |date, rows| {
            counter.count(&mut tally, &Partition { market, date }, rows)
        });
        counted.map(|()| tally).map_err(|error| error.to_string())
    });
    work.await.unwrap_or_else(|error| Err(error.to_string()))
}
