//! Verification: is what the lake holds what was published, and has silver all of it?
//!
//! Bronze is compared with its checksums and the ledger, and silver's row counts with the ledger.
//! On request, silver's rows are compared with a new decoding of every archive. What the ledger
//! does not have yet is read from silver's own log, so a lake is clean at every moment at which
//! nothing is lost. Nothing is written.
//!
//! First a table's data files are read and what is found is sorted by archive, on disk where it is
//! much. Then ledger, log and findings are read together, one series after the other (`walk`), so
//! that memory does not grow with the number of archives. Archives are checked next to each other.

mod archive;
mod bronze;
mod damage;
mod fingerprint;
mod owners;
mod rejects;
mod report;
mod silver;
mod tally_spool;
mod walk;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lakehouse_core::ledger::{ArchiveStatus, LedgerEntry};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::sample::Sample;
use lakehouse_core::schema::{Schemas, TableSchema};
use thiserror::Error;

use self::archive::Checks;
pub(crate) use self::bronze::{ArchiveBytes, ArchiveVersion};
use self::damage::DamageCollector;
pub(crate) use self::damage::{Inspection, TableDamage};
use self::owners::check_owners;
use self::rejects::RecordedRejects;
pub use self::report::{Check, Finding, VerifyReport};
use self::silver::{Days, tally_table};
use self::walk::{Chosen, KnownArchive, SeriesFacts, TableTallies, Walk};
use crate::bronze::{FetchOptions, RedownloadError};
use crate::delta::TableError;
use crate::delta::table::WritableTable;
use crate::events::Reporter;
use crate::meta::archives::reader::LedgerReader;
use crate::meta::scope::Scope;
use crate::meta::silver_index::SilverIndex;
use crate::silver::table_spec;
use crate::source::Source;
use crate::storage::StorageError;
use crate::storage::lake::Lake;

/// Why a lake could not be verified.
#[derive(Debug, Error)]
pub enum VerifyError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A table could not be opened or listed.
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("cannot prepare downloads")]
    Redownload(#[from] RedownloadError),
    #[error("cannot write or read a temporary file; TMPDIR names another folder for them")]
    Temporary(#[from] std::io::Error),
}

/// Where archives can be downloaded again that the lake has dropped.
#[derive(Clone, Debug)]
pub struct ArchiveSource {
    pub source: Arc<dyn Source>,
    pub options: FetchOptions,
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
    /// Verify a part of the archives.
    pub sample: Option<Sample>,
    /// Verify archives that were recorded at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Decode every archive again and compare all its rows.
    pub deep: bool,
    /// Where `deep` has archives from that bronze has dropped.
    pub source: Option<ArchiveSource>,
    /// Archives and files that are read at a time.
    pub threads: usize,
}

impl Verify {
    /// Verifies the lake.
    ///
    /// # Errors
    /// When a table cannot be opened; what is wrong with single archives and files is in the
    /// report.
    pub async fn run(&self, reporter: &Arc<dyn Reporter>) -> Result<VerifyReport, VerifyError> {
        Ok(self.inspect(&BTreeSet::new(), false, reporter).await?.report)
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
        reporter: &Arc<dyn Reporter>,
    ) -> Result<Inspection, VerifyError> {
        let ledger = LedgerReader::open(&self.lake, Arc::clone(&self.matrix)).await?;
        let (sample, since) = (self.sample, self.since);
        let report = VerifyReport {
            sample: sample.map(|sample| sample.to_string()),
            since,
            ..VerifyReport::default()
        };
        let mut inspection = Inspection { report, damages: Vec::new() };
        let chosen = Chosen { scope: &self.scope, sample, since };
        let bytes = Arc::new(ArchiveBytes::open(&self.lake, self.source.as_ref()).await?);
        for schema in self.schemas.iter() {
            let table = TableWork {
                verify: self,
                schema,
                chosen: &chosen,
                ledger: ledger.as_ref(),
                bytes: &bytes,
                suspects,
                reporter,
            };
            // What bronze keeps beside silver is verified in any case.
            let is_skipped = skipped.contains(schema.table());
            Box::pin(table.inspect(is_skipped, &mut inspection)).await?;
        }
        let report = &mut inspection.report;
        report.findings.sort();
        report.findings.dedup();
        Ok(inspection)
    }
}

/// The verification of one silver table.
struct TableWork<'a> {
    verify: &'a Verify,
    schema: &'a TableSchema,
    chosen: &'a Chosen<'a>,
    ledger: Option<&'a LedgerReader>,
    bytes: &'a Arc<ArchiveBytes>,
    suspects: bool,
    reporter: &'a Arc<dyn Reporter>,
}

impl<'a> TableWork<'a> {
    async fn inspect(
        &self,
        is_skipped: bool,
        inspection: &mut Inspection,
    ) -> Result<(), VerifyError> {
        let Inspection { report, damages } = inspection;
        let mut damage = DamageCollector::new(self.schema);
        let mut table = None;
        if !is_skipped {
            let spec = table_spec(self.schema);
            table = WritableTable::open(&self.verify.lake, spec).await?;
        }
        let mut walk = self.walk(table.as_ref(), report, &mut damage).await?;
        let mut checks = Checks::new(self);
        let mut rejects = RecordedRejects::default();
        while let Some(mut facts) = walk.next()? {
            if is_skipped {
                facts.known.clear();
                facts.strays.clear();
            }
            if table.is_some() {
                rejects.read(&self.verify.lake, &facts, |archive| self.is_chosen(archive)).await?;
                report.findings.extend(rejects.lost(&facts, &mut damage));
            }
            check_rows(&facts, report, &mut damage);
            checks.add(facts, report, &mut damage).await;
        }
        checks.finish(report, &mut damage).await;
        if !is_skipped {
            let verified = table.as_ref().map_or(-1, WritableTable::version);
            damages.push(damage.finish(verified));
        }
        Ok(())
    }

    /// Reads the data files of a table, and begins to read what is known of its archives; where
    /// there is no table, nothing is found of any.
    async fn walk(
        &self,
        table: Option<&WritableTable>,
        report: &mut VerifyReport,
        damage: &mut DamageCollector,
    ) -> Result<Walk<'a>, VerifyError> {
        let Self { verify, schema, chosen, ledger, suspects, .. } = *self;
        let Some(table) = table else {
            let tallies = TableTallies::new(&verify.matrix, schema.table());
            return Walk::new(chosen, ledger, Vec::new(), tallies);
        };
        let mut index = match ledger {
            Some(ledger) => ledger.silver_index(table, schema.event_time()).await?,
            None => SilverIndex::default(),
        };
        index.catch_up(table).await?;
        let days = self.days()?;
        let mut tallied = tally_table(self, table, &days, verify.deep).await?;
        if suspects && !verify.deep && tallied.tallies.has_foreign {
            // Counts say little about what other programs wrote.
            tallied = tally_table(self, table, &days, true).await?;
        }
        damage.unreadable = tallied.unreadable;
        report.findings.extend(tallied.findings);
        Walk::new(chosen, ledger, index.take_unrecorded(), tallied.tallies)
    }

    fn is_chosen(&self, archive: &str) -> bool {
        let key = self.verify.matrix.identify(archive);
        key.is_ok_and(|key| self.chosen.has(&key))
    }

    /// Returns the days whose files have rows of archives that are verified.
    fn days(&self) -> Result<Days, TableError> {
        let mut days = Days::of(self.chosen.scope);
        if let (Some(_), Some(ledger)) = (self.chosen.since, self.ledger) {
            days.limit();
            ledger.for_each_in_scope(self.schema.table(), self.chosen.scope, |entry| {
                if self.chosen.has_of(&entry.key, entry.recorded_at) {
                    days.add(&entry);
                }
            })?;
        }
        Ok(days)
    }
}

/// Compares how many rows silver has of the archives of a series, and on which days, with what is
/// known.
fn check_rows(facts: &SeriesFacts, report: &mut VerifyReport, damage: &mut DamageCollector) {
    for known in facts.known.values().filter(|known| known.is_chosen) {
        let found = known.tally.rows();
        report.rows += found;
        if found != known.rows {
            let expected = format!("{} rows", known.rows);
            let finding = known.version.finding(Check::Rows, expected, format!("{found} rows"));
            damage.redo(&known.version);
            report.findings.push(finding);
        }
    }
    for stray in &facts.strays {
        let archive = stray.archive.to_string();
        damage.take_out.insert(archive.clone());
        report.findings.push(Finding {
            archive,
            check: Check::Rows,
            expected: "0 rows of an archive that never landed".to_owned(),
            found: format!("{} rows", stray.rows()),
        });
    }
    report.findings.extend(check_owners(&facts.known, damage));
}

/// Returns the version of an archive that an entry is about; nothing for one that was never
/// fetched.
pub(crate) fn version_of(entry: &LedgerEntry) -> Option<ArchiveVersion> {
    let sha256 = entry.sha256.as_deref()?.parse().ok()?;
    let superseded = entry.status == ArchiveStatus::Superseded;
    Some(ArchiveVersion { key: entry.key.clone(), sha256, checksum: entry.checksum, superseded })
}
