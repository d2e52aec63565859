//! The checks of single archives, some next to each other: their bytes in bronze, and on request
//! their rows.

use std::pin::Pin;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use lakehouse_core::names::partition::Partition;
use lakehouse_core::schema::TableSchema;

use super::bronze::{ArchiveBytes, ArchiveVersion, Found, check_archive};
use super::damage::DamageCollector;
use super::fingerprint::{Counter, Tally};
use super::report::{Check, Finding, VerifyReport};
use super::silver::difference;
use super::{KnownArchive, Problem, SeriesFacts, TableWork};
use crate::bronze::BronzeArchive;
use crate::error_chain::one_line;
use crate::events::{Event, Reporter};
use crate::silver::reread;

/// Archives that are being checked.
pub(super) struct Checks<'a> {
    bytes: Arc<ArchiveBytes>,
    schema: Arc<TableSchema>,
    reporter: &'a Arc<dyn Reporter>,
    /// Whether the rows of all archives are compared, or of those alone that another program wrote.
    decodes_all: bool,
    suspects: bool,
    running: FuturesUnordered<Pin<Box<dyn Future<Output = Checked> + Send>>>,
    most: usize,
}

/// What was found of one version of an archive.
struct Checked {
    version: ArchiveVersion,
    found: Found,
    difference: Option<Finding>,
}

impl<'a> Checks<'a> {
    pub(super) fn new(work: &TableWork<'a>) -> Self {
        Self {
            bytes: Arc::clone(work.bytes),
            schema: Arc::new(work.schema.clone()),
            reporter: work.reporter,
            decodes_all: work.verify.deep,
            suspects: work.suspects,
            running: FuturesUnordered::new(),
            most: work.verify.threads.max(1),
        }
    }

    /// Begins to check the archives of a series, and takes the results of others meanwhile.
    pub(super) async fn add(
        &mut self,
        facts: SeriesFacts,
        report: &mut VerifyReport,
        damage: &mut DamageCollector,
    ) {
        let known = facts.known.into_values().filter(|known| known.is_chosen);
        for known in known {
            let decodes = self.decodes_all || self.suspects && known.tally.is_foreign;
            let version = known.version.clone();
            self.begin(version, decodes.then_some(known));
            self.wait(self.most - 1, report, damage).await;
        }
        for version in facts.others {
            self.begin(version, None);
            self.wait(self.most - 1, report, damage).await;
        }
    }

    /// Waits for the last results.
    pub(super) async fn finish(mut self, report: &mut VerifyReport, damage: &mut DamageCollector) {
        self.wait(0, report, damage).await;
    }

    fn begin(&self, version: ArchiveVersion, decoded: Option<KnownArchive>) {
        let bytes = Arc::clone(&self.bytes);
        let schema = Arc::clone(&self.schema);
        let checking = version.clone();
        // A task, so that sums are made on all cores wherever the bytes come from.
        let task = tokio::spawn(async move { check(&bytes, checking, decoded, schema).await });
        self.running.push(Box::pin(async move {
            task.await.unwrap_or_else(|error| {
                let expected = "an archive that can be read".to_owned();
                let finding = version.finding(Check::Bronze, expected, one_line(&error));
                Checked { version, found: Found::default(), difference: Some(finding) }
            })
        }));
    }

    /// Takes results until no more than so many archives are being checked.
    async fn wait(&mut self, most: usize, report: &mut VerifyReport, damage: &mut DamageCollector) {
        while self.running.len() > most {
            let Some(Checked { version, found, difference }) = self.running.next().await else {
                return;
            };
            self.reporter.report(Event::Verified { bytes: found.bytes });
            report.archives += 1;
            report.dropped += u64::from(found.is_dropped);
            report.bytes += found.bytes;
            report.findings.extend(found.findings);
            if let Some(finding) = difference {
                if finding.check == Check::Values {
                    damage.redo(&version);
                }
                report.findings.push(finding);
            }
        }
    }
}

async fn check(
    bytes: &ArchiveBytes,
    version: ArchiveVersion,
    decoded: Option<KnownArchive>,
    schema: Arc<TableSchema>,
) -> Checked {
    let found = check_archive(bytes, &version).await;
    let mut difference = None;
    // One whose bytes bronze has lost is a finding already.
    if let Some(known) = decoded.filter(|_| found.path.is_some() || found.is_dropped) {
        difference = compare(bytes, &known, &found, schema).await;
    }
    Checked { version, found, difference }
}

/// Decodes an archive again, and compares its rows with those in silver.
async fn compare(
    bytes: &ArchiveBytes,
    known: &KnownArchive,
    found: &Found,
    schema: Arc<TableSchema>,
) -> Option<Finding> {
    let version = &known.version;
    let archive = match bytes.get_found(version, found).await {
        Ok(archive) => archive,
        Err(error) => {
            let check = if found.is_dropped { Check::Source } else { Check::Bronze };
            let expected = format!("SHA-256 {}", version.sha256);
            return Some(version.finding(check, expected, one_line(error.as_ref())));
        }
    };
    let difference = match decode_again(archive, schema).await {
        Ok(mut decoded) => {
            let mut days = decoded.archives.remove(&version.key.shared_path()).unwrap_or_default();
            // Days that another copy owns have no rows of this archive in silver.
            days.retain(|date, _| known.is_compared(*date));
            difference(&days, &known.tally.days)
        }
        Err(error) => Some(("an archive that can be read".to_owned(), one_line(error.as_ref()))),
    };
    difference.map(|(expected, found)| version.finding(Check::Values, expected, found))
}

async fn decode_again(archive: BronzeArchive, schema: Arc<TableSchema>) -> Result<Tally, Problem> {
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
